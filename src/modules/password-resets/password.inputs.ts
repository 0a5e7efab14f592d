import { Field, ID, InputType, ObjectType } from "type-graphql";
import { DateTime } from "../../platform/graphql/scalars.js";
import { UserError } from "../../platform/graphql/user-error.type.js";
import { Customer } from "../customers/customer.type.js";

@InputType({ description: "A new password." })
export class CustomerPasswordChangeInput {
  @Field(() => ID, { description: "The customer's id." })
  customerId!: string;

  @Field(() => String, {
    nullable: true,
    description: "The password so far. Customers who have one must give it; integrations need not.",
  })
  oldPassword?: string | null;

  @Field(() => String, { description: "The new password: 8 characters to 72 bytes." })
  newPassword!: string;
}

@InputType({ description: "Who forgot a password." })
export class CustomerPasswordResetCreateInput {
  @Field(() => String, { description: "The customer's e-mail address; the case does not matter." })
  customerEmail!: string;
}

@InputType({ description: "The token that was sent to the customer, and the new password." })
export class CustomerPasswordResetConsumeInput {
  @Field(() => ID, { description: "The id of the reset." })
  id!: string;

  @Field(() => String, { description: "The token that was sent." })
  resetPasswordToken!: string;

  @Field(() => String, { description: "The new password: 8 characters to 72 bytes." })
  customerPassword!: string;
}

@ObjectType({ description: "What setting a password came to." })
export class CustomerPasswordPayload {
  @Field(() => Customer, {
    nullable: true,
    description: "The customer, where the caller may see it. All its sessions have ended; sign in anew.",
  })
  customer!: unknown;

  @Field(() => [UserError], { description: "Why nothing was changed; empty when all went well." })
  userErrors!: UserError[];
}

@ObjectType({
  description:
    "A way to a new password. The answer is the same whether there is such a customer with a password or not.",
})
export class CustomerPasswordResetCreatePayload {
  @Field(() => ID, { nullable: true, description: "The id of the reset, for the link that is sent." })
  id!: string | null;

  @Field(() => String, {
    nullable: true,
    description: "The token, for the link that is sent. Shown this once; only its hash is kept.",
  })
  resetPasswordToken!: string | null;

  @Field(() => DateTime, { nullable: true, description: "When it stops working." })
  expiresAt!: Date | null;

  @Field(() => [UserError], { description: "Why nothing was made; empty when all went well." })
  userErrors!: UserError[];
}
