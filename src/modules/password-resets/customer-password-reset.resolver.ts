import { ID, Resolver } from "type-graphql";
import type { Context } from "../../graph/context.js";
import { DateTime } from "../../graph/model/scalars.js";
import { BelongsTo, Derived } from "../../graph/schema/relation.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import type { Outcome } from "../../graph/write/idempotency.js";
import { type Args, Mutates, payloadOf } from "../../graph/write/mutation.js";
import type { Write } from "../../graph/write/transaction.js";
import { Customer } from "../customers/customer.type.js";
import { CustomerPasswordReset } from "./customer-password-reset.type.js";
import {
  CustomerPasswordChangeInput,
  CustomerPasswordResetConsumeInput,
  CustomerPasswordResetCreateInput,
} from "./password.inputs.js";
import {
  changePassword,
  checkExternal,
  checkPassword,
  checkPasswordReset,
  consumePasswordReset,
  createPasswordReset,
} from "./password.service.js";

const selection = "{ customer { id } userErrors { code message path } }";
const payloadFields = {
  customer: {
    description: "The customer, if the caller may see it. All of its sessions have ended; sign in again.",
    row: () => Customer,
  },
};

@Resolver(() => CustomerPasswordReset)
export class CustomerPasswordResetResolver extends ResourceResolver(CustomerPasswordReset, {
  one: "customerPasswordReset",
}) {
  @BelongsTo(Customer, { description: "The customer whose password is reset." })
  customer(reset: CustomerPasswordReset, { loaders }: Context) {
    return loaders.parent(reset, "customer");
  }

  @Derived({
    type: () => String,
    description: "Derived: the e-mail address of the customer.",
    from: { relation: "customer", needs: ["email"] },
  })
  customerEmail(_: CustomerPasswordReset, customer: Customer | null) {
    return customer?.email ?? "";
  }

  @Mutates<Args<CustomerPasswordChangeInput>, Awaited<ReturnType<typeof checkPassword>>>({
    access: ["customers:update"],
    needs: [{ permission: "customers:read" }],
    description: "Sets a customer's first password, or changes it. All its sessions end.",
    errors: ["NOT_FOUND", "INVALID", "WRONG_STATE"],
    example: `mutation { customerPasswordChange(input: { customerId: "cus_ada", newPassword: "a new long one" }) ${selection} }`,
    payload: payloadOf("CustomerPasswordChange", "Result of `customerPasswordChange`.", payloadFields),
    input: [CustomerPasswordChangeInput, "The customer, the current and the new password."],
    prepare: (context, { input }) => checkPassword(context, input),
  })
  async customerPasswordChange(
    write: Write,
    { input }: Args<CustomerPasswordChangeInput>,
    digests: Awaited<ReturnType<typeof checkPassword>>,
  ): Promise<Outcome> {
    await changePassword(write, input, digests);
    return { customer: input.customerId };
  }

  @Mutates<Args<CustomerPasswordResetCreateInput>, ReturnType<typeof checkExternal>>({
    access: ["customer_password_resets:create"],
    description:
      "Makes a token for a customer who forgot the password or, being a guest, never had one, to be sent to them by e-mail and in no other way: whoever has it gets the whole account. It ends older ones. The answer is the same whether there is such a customer or not.",
    errors: ["INVALID"],
    example:
      'mutation { customerPasswordResetCreate(input: { customerEmail: "ada@example.com" }) { id resetPasswordToken expiresAt userErrors { code message path } } }',
    payload: payloadOf(
      "CustomerPasswordResetCreate",
      "Result of `customerPasswordResetCreate`: the token to send to the customer.",
      {
        id: { description: "The id of the reset, for the link in the e-mail.", type: () => ID },
        resetPasswordToken: {
          description: "The token, for the link in the e-mail. Shown only once; only its hash is stored.",
          type: () => String,
        },
        expiresAt: { description: "When the token expires.", type: () => DateTime },
      },
    ),
    input: [CustomerPasswordResetCreateInput, "The customer who forgot the password."],
    prepare: async (_, { input }) => checkExternal(input),
  })
  async customerPasswordResetCreate(
    write: Write,
    { input }: Args<CustomerPasswordResetCreateInput>,
    external: ReturnType<typeof checkExternal>,
  ): Promise<Outcome> {
    return createPasswordReset(write, input.customerEmail, external);
  }

  @Mutates<Args<CustomerPasswordResetConsumeInput>, Awaited<ReturnType<typeof checkPasswordReset>>>({
    access: ["customer_password_resets:update"],
    description:
      "Sets a new password by the token that was sent to the customer. Works once. All the customer's sessions end.",
    errors: ["INVALID"],
    example: `mutation { customerPasswordResetConsume(input: { id: "cpr_1", resetPasswordToken: "from-the-mail", customerPassword: "a new long one" }) ${selection} }`,
    payload: payloadOf("CustomerPasswordResetConsume", "Result of `customerPasswordResetConsume`.", payloadFields),
    input: [CustomerPasswordResetConsumeInput, "The token and the new password."],
    prepare: (context, { input }) => checkPasswordReset(context, input),
  })
  async customerPasswordResetConsume(
    write: Write,
    { input }: Args<CustomerPasswordResetConsumeInput>,
    reset: Awaited<ReturnType<typeof checkPasswordReset>>,
  ): Promise<Outcome> {
    await consumePasswordReset(write, input, reset);
    return { customer: reset.customerId };
  }
}

export const resolvers = [CustomerPasswordResetResolver];
