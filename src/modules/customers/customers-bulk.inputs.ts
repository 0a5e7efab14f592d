import { Field, ID, InputType, Int, registerEnumType } from "type-graphql";
import { type InputOf, inputOf } from "../../graph/write/rules.js";
import { customerWrites } from "./customer.writes.js";

export enum CustomersBulkPolicy {
  REJECT_ALL = "REJECT_ALL",
  REJECT_ROW = "REJECT_ROW",
}
registerEnumType(CustomersBulkPolicy, {
  name: "CustomersBulkPolicy",
  description: "What happens to the other rows when one is rejected.",
  valuesConfig: {
    REJECT_ALL: { description: "All rows are rejected." },
    REJECT_ROW: { description: "Only the rows with errors are rejected." },
  },
});

// No password in bulk input: hashing takes 250 ms of a core each, and a hundred would block other requests.
const { password: _, ...rules } = customerWrites.updateRules;
const Change = inputOf(
  "CustomersBulkChangeInput",
  "Fields of a customer to update. Omitted fields keep their value. A password is set by `customerUpdate`.",
  rules,
  "update",
);

@InputType({ description: "A row of `customersBulkUpdate`: a customer and its new values." })
export class CustomersBulkRowInput {
  @Field(() => ID, { description: "The customer to update." })
  id!: string;

  @Field(() => Int, {
    nullable: true,
    description: "Expected `version` of the customer; the row is rejected if it is at another.",
  })
  ifVersion?: number | null;

  @Field(() => Change, { description: "Fields to update." })
  input!: InputOf<typeof customerWrites.options.rules>;
}

@InputType({ description: "Input of `customersBulkUpdate`." })
export class CustomersBulkUpdateInput {
  @Field(() => [CustomersBulkRowInput], { description: "1 to 100 customers, each once." })
  rows!: CustomersBulkRowInput[];

  @Field(() => CustomersBulkPolicy, {
    defaultValue: CustomersBulkPolicy.REJECT_ALL,
    description: "What happens to the other rows when one is rejected.",
  })
  policy!: CustomersBulkPolicy;
}
