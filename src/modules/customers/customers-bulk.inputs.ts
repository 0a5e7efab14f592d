import { Field, ID, InputType, Int, registerEnumType } from "type-graphql";
import { type InputOf, inputOf } from "../../graph/write/rules.js";
import { customerWrites } from "./customer.writes.js";

export enum CustomersBulkPolicy {
  REJECT_ALL = "REJECT_ALL",
  REJECT_ROW = "REJECT_ROW",
}
registerEnumType(CustomersBulkPolicy, {
  name: "CustomersBulkPolicy",
  description: "What becomes of the other rows when one is refused.",
  valuesConfig: {
    REJECT_ALL: { description: "Nothing is changed." },
    REJECT_ROW: { description: "All others are done." },
  },
});

// Hashing a password takes a quarter of a second of a core: a hundred of them would hold up everybody.
const { password: _, ...rules } = customerWrites.updateRules;
const Change = inputOf(
  "CustomersBulkChangeInput",
  "What changes of a customer. Absent fields stay. A password is set by `customerUpdate`.",
  rules,
  "update",
);

@InputType({ description: "A customer to change, and how." })
export class CustomersBulkRowInput {
  @Field(() => ID, { description: "The customer to change." })
  id!: string;

  @Field(() => Int, {
    nullable: true,
    description: "The `version` that the change was made for; at another the row is refused.",
  })
  ifVersion?: number | null;

  @Field(() => Change, { description: "What changes." })
  input!: InputOf<typeof customerWrites.options.rules>;
}

@InputType({ description: "Customers to change, and how." })
export class CustomersBulkUpdateInput {
  @Field(() => [CustomersBulkRowInput], { description: "1 to 100 customers, each once." })
  rows!: CustomersBulkRowInput[];

  @Field(() => CustomersBulkPolicy, {
    defaultValue: CustomersBulkPolicy.REJECT_ALL,
    description: "What becomes of the other rows when one is refused.",
  })
  policy!: CustomersBulkPolicy;
}
