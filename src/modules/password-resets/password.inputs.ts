import { Field, ID, InputType } from "type-graphql";
import { commonRules } from "../../graph/write/rules.js";
import { passwordRule } from "../../identity/password.js";

@InputType({ description: "Input of `customerPasswordChange`." })
export class CustomerPasswordChangeInput {
  @Field(() => ID, { description: "The customer's id." })
  customerId!: string;

  @Field(() => String, {
    nullable: true,
    description: "The current password. Required from customers who have one; integrations may omit it.",
  })
  oldPassword?: string | null;

  @Field(() => String, { description: `The new password: ${passwordRule}.` })
  newPassword!: string;
}

@InputType({ description: "Input of `customerPasswordResetCreate`." })
export class CustomerPasswordResetCreateInput {
  @Field(() => String, { description: "The customer's e-mail address, case-insensitive." })
  customerEmail!: string;

  @Field(() => String, { nullable: true, description: commonRules.reference.description })
  reference?: string | null;

  @Field(() => String, { nullable: true, description: commonRules.referenceOrigin.description })
  referenceOrigin?: string | null;
}

@InputType({ description: "Input of `customerPasswordResetConsume`." })
export class CustomerPasswordResetConsumeInput {
  @Field(() => ID, { description: "The id of the reset." })
  id!: string;

  @Field(() => String, { description: "The token that was sent." })
  resetPasswordToken!: string;

  @Field(() => String, { description: `The new password: ${passwordRule}.` })
  customerPassword!: string;
}
