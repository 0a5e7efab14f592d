import { Resolver } from "type-graphql";
import type { Context } from "../../graph/context.js";
import { codeKey } from "../../graph/model/values.js";
import type { PageArgs } from "../../graph/schema/connection.js";
import { BelongsTo, HasMany } from "../../graph/schema/relation.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import { ResourceMutations } from "../../graph/write/resource-writes.js";
import { Customer } from "../customers/customer.type.js";
import { CustomerGroup } from "./customer-group.type.js";
import { customerGroupWrites } from "./customer-group.writes.js";

@Resolver(() => CustomerGroup)
export class CustomerGroupResolver extends ResourceResolver(CustomerGroup, {
  one: "customerGroup",
  many: "customerGroups",
  keys: { code: { description: "Its code, case-insensitive.", stored: codeKey } },
}) {
  @HasMany(Customer, { description: "The members of the group." })
  customers(customerGroup: CustomerGroup, page: PageArgs, { loaders }: Context) {
    return loaders.page(customerGroup, "customers", page);
  }
}

export const CustomerGroupMutations = ResourceMutations(customerGroupWrites);

/** Fields that customer groups add to a customer. */
@Resolver(() => Customer)
export class CustomerMembershipResolver {
  @BelongsTo(CustomerGroup, { description: "The group that the customer belongs to.", filters: Customer })
  customerGroup(customer: Customer, { loaders }: Context) {
    return loaders.parent(customer, "customerGroup");
  }
}

export const resolvers = [CustomerGroupResolver, CustomerGroupMutations, CustomerMembershipResolver];
