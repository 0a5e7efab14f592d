import { Ctx, FieldResolver, Resolver, Root } from "type-graphql";
import type { Context } from "../../platform/context.js";
import type { PageArgs } from "../../platform/graphql/connection.js";
import { BelongsTo, HasMany } from "../../platform/graphql/relation.js";
import { ResourceResolver } from "../../platform/graphql/resource.resolver.js";
import { Address } from "../addresses/address.type.js";
import { Customer } from "../customers/customer.type.js";
import { CustomerAddress } from "./customer-address.type.js";

@Resolver(() => CustomerAddress)
export class CustomerAddressResolver extends ResourceResolver(CustomerAddress, { one: "customerAddress" }) {
  @BelongsTo(Customer, { description: "Whose address book it is.", filters: CustomerAddress })
  customer(customerAddress: CustomerAddress, { loaders }: Context) {
    return loaders.parent(customerAddress, "customer");
  }

  @BelongsTo(Address, { description: "The address itself.", filters: CustomerAddress })
  address(customerAddress: CustomerAddress, { loaders }: Context) {
    return loaders.parent(customerAddress, "address");
  }

  @FieldResolver(() => String, { description: "Derived: the full name and full address in one line." })
  async name(@Root() customerAddress: CustomerAddress, @Ctx() { loaders }: Context) {
    return ((await loaders.parent(customerAddress, "address")) as Address | null)?.name ?? "";
  }

  @FieldResolver(() => String, { description: "Derived: the e-mail address of the customer." })
  async customerEmail(@Root() customerAddress: CustomerAddress, @Ctx() { loaders }: Context) {
    return ((await loaders.parent(customerAddress, "customer")) as Customer | null)?.email ?? "";
  }
}

/** What customer addresses add to a customer. */
@Resolver(() => Customer)
export class CustomerAddressBookResolver {
  @HasMany(CustomerAddress, { description: "The customer's address book.", filters: Customer })
  customerAddresses(customer: Customer, page: PageArgs, { loaders }: Context) {
    return loaders.page(customer, "customerAddresses", page);
  }
}
