import { Resolver } from "type-graphql";
import { ResourceResolver } from "../../platform/graphql/resource.resolver.js";
import { ResourceMutations } from "../../platform/write/resource-writes.js";
import { Customer } from "./customer.type.js";
import { customerWrites } from "./customer.writes.js";

@Resolver(() => Customer)
export class CustomerResolver extends ResourceResolver(Customer, {
  one: "customer",
  many: "customers",
  keys: {
    email: { description: "Its e-mail address; the case does not matter.", lowerCase: true },
    reference: { description: "How another system names it; refused when several share the name." },
  },
}) {}

export const CustomerMutations = ResourceMutations(customerWrites);
