import { Arg, Ctx, Mutation, Resolver } from "type-graphql";
import { Access } from "../../platform/access/guard.js";
import type { Context } from "../../platform/context.js";
import { ResourceResolver } from "../../platform/graphql/resource.resolver.js";
import { CustomerCreateInput, CustomerCreatePayload } from "./customer.inputs.js";
import { createCustomer } from "./customer.service.js";
import { Customer } from "./customer.type.js";

@Resolver(() => Customer)
export class CustomerResolver extends ResourceResolver(Customer, {
  one: "customer",
  many: "customers",
  keys: {
    email: { description: "Its e-mail address; the case does not matter.", lowerCase: true },
    reference: { description: "How another system names it; refused when several share the name." },
  },
}) {
  @Access("customers:create")
  @Mutation(() => CustomerCreatePayload, {
    description: "Signs a customer up: with a password as a registered customer, without one as a guest.",
  })
  customerCreate(
    @Arg("input", () => CustomerCreateInput, { description: "Who signs up." }) input: CustomerCreateInput,
    @Ctx() context: Context,
  ): Promise<CustomerCreatePayload> {
    return createCustomer(context, input);
  }
}
