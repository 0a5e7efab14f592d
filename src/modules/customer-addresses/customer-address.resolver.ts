import { Resolver } from "type-graphql";
import type { Context } from "../../graph/context.js";
import type { PageArgs } from "../../graph/schema/connection.js";
import { BelongsTo, Derived, HasMany } from "../../graph/schema/relation.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import { ResourceMutations } from "../../graph/write/resource-writes.js";
import { Address } from "../addresses/address.type.js";
import { Customer } from "../customers/customer.type.js";
import { CustomerAddress } from "./customer-address.type.js";
import { customerAddressWrites } from "./customer-address.writes.js";

@Resolver(() => CustomerAddress)
export class CustomerAddressResolver extends ResourceResolver(CustomerAddress, { one: "customerAddress" }) {
  @BelongsTo(Customer, { description: "The customer whose address book it is in.", filters: CustomerAddress })
  customer(customerAddress: CustomerAddress, { loaders }: Context) {
    return loaders.parent(customerAddress, "customer");
  }

  @BelongsTo(Address, { description: "The address itself.", filters: CustomerAddress })
  address(customerAddress: CustomerAddress, { loaders }: Context) {
    return loaders.parent(customerAddress, "address");
  }

  @Derived({
    type: () => String,
    description: "Derived: the full name and full address in one line.",
    from: { relation: "address", needs: ["name"] },
  })
  name(_: CustomerAddress, address: Address | null) {
    return address?.name ?? "";
  }

  @Derived({
    type: () => String,
    description: "Derived: the e-mail address of the customer.",
    from: { relation: "customer", needs: ["email"] },
  })
  customerEmail(_: CustomerAddress, customer: Customer | null) {
    return customer?.email ?? "";
  }
}

export const CustomerAddressMutations = ResourceMutations(customerAddressWrites);

/** Fields that customer addresses add to a customer. */
@Resolver(() => Customer)
export class CustomerAddressBookResolver {
  @HasMany(CustomerAddress, { description: "The customer's address book.", filters: Customer })
  customerAddresses(customer: Customer, page: PageArgs, { loaders }: Context) {
    return loaders.page(customer, "customerAddresses", page);
  }
}

export const resolvers = [CustomerAddressResolver, CustomerAddressBookResolver, CustomerAddressMutations];
