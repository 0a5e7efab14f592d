import { Field, ID, InputType } from "type-graphql";
import { passwordRule } from "../../identity/password.js";

@InputType({ description: "A new password." })
export class CustomerPasswordChangeInput {
  @Field(() => ID, { description: "The customer's id." })
  customerId!: string;

  @Field(() => String, {
    nullable: true,
    description: "The password so far. Customers who have one must give it; integrations need not.",
  })
  oldPassword?: string | null;

  @Field(() => String, { description: `The new password: ${passwordRule}.` })
  newPassword!: string;
}

@InputType({ description: "Who forgot a password, or never had one." })
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

  @Field(() => String, { description: `The new password: ${passwordRule}.` })
  customerPassword!: string;
}
