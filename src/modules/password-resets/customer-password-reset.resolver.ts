import { Arg, Ctx, FieldResolver, Mutation, Resolver, Root } from "type-graphql";
import { Access } from "../../platform/access/guard.js";
import type { Context } from "../../platform/context.js";
import { BelongsTo } from "../../platform/graphql/relation.js";
import { ResourceResolver } from "../../platform/graphql/resource.resolver.js";
import { Customer } from "../customers/customer.type.js";
import { CustomerPasswordReset } from "./customer-password-reset.type.js";
import {
  CustomerPasswordChangeInput,
  CustomerPasswordPayload,
  CustomerPasswordResetConsumeInput,
  CustomerPasswordResetCreateInput,
  CustomerPasswordResetCreatePayload,
} from "./password.inputs.js";
import { changePassword, consumePasswordReset, createPasswordReset } from "./password.service.js";

@Resolver(() => CustomerPasswordReset)
export class CustomerPasswordResetResolver extends ResourceResolver(CustomerPasswordReset, {
  one: "customerPasswordReset",
}) {
  @BelongsTo(Customer, { description: "Whose password it is." })
  customer(reset: CustomerPasswordReset, { loaders }: Context) {
    return loaders.parent(reset, "customer");
  }

  @FieldResolver(() => String, { description: "Derived: the e-mail address of the customer." })
  async customerEmail(@Root() reset: CustomerPasswordReset, @Ctx() { loaders }: Context) {
    return ((await loaders.parent(reset, "customer")) as Customer | null)?.email ?? "";
  }

  @Access("customers:update")
  @Mutation(() => CustomerPasswordPayload, {
    description: "Sets a customer's first password, or changes it. All its sessions end.",
  })
  customerPasswordChange(
    @Arg("input", () => CustomerPasswordChangeInput, { description: "Whose, the old one and the new one." })
    input: CustomerPasswordChangeInput,
    @Ctx() context: Context,
  ): Promise<CustomerPasswordPayload> {
    return changePassword(context, input);
  }

  @Access("customer_password_resets:create")
  @Mutation(() => CustomerPasswordResetCreatePayload, {
    description:
      "Makes a token for a customer who forgot the password, to be sent to them by e-mail. It ends older ones.",
  })
  customerPasswordResetCreate(
    @Arg("input", () => CustomerPasswordResetCreateInput, { description: "Who forgot it." })
    input: CustomerPasswordResetCreateInput,
    @Ctx() context: Context,
  ): Promise<CustomerPasswordResetCreatePayload> {
    return createPasswordReset(context, input.customerEmail);
  }

  @Access("customer_password_resets:update")
  @Mutation(() => CustomerPasswordPayload, {
    description:
      "Sets a new password by the token that was sent to the customer. Works once. All the customer's sessions end.",
  })
  customerPasswordResetConsume(
    @Arg("input", () => CustomerPasswordResetConsumeInput, { description: "The token and the new password." })
    input: CustomerPasswordResetConsumeInput,
    @Ctx() context: Context,
  ): Promise<CustomerPasswordPayload> {
    return consumePasswordReset(context, input);
  }
}
