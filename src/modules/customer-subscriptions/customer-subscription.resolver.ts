import { Resolver } from "type-graphql";
import type { Context } from "../../platform/context.js";
import type { PageArgs } from "../../platform/graphql/connection.js";
import { BelongsTo, Derived, HasMany } from "../../platform/graphql/relation.js";
import { ResourceResolver } from "../../platform/graphql/resource.resolver.js";
import { Customer } from "../customers/customer.type.js";
import { CustomerSubscription } from "./customer-subscription.type.js";

@Resolver(() => CustomerSubscription)
export class CustomerSubscriptionResolver extends ResourceResolver(CustomerSubscription, {
  one: "customerSubscription",
}) {
  @BelongsTo(Customer, { description: "Who subscribed.", filters: CustomerSubscription })
  customer(customerSubscription: CustomerSubscription, { loaders }: Context) {
    return loaders.parent(customerSubscription, "customer");
  }

  @Derived({
    type: () => String,
    description: "Derived: the e-mail address of the customer.",
    from: { relation: "customer", needs: ["email"] },
  })
  customerEmail(_: CustomerSubscription, customer: Customer | null) {
    return customer?.email ?? "";
  }
}

/** What customer subscriptions add to a customer. */
@Resolver(() => Customer)
export class CustomerOptInsResolver {
  @HasMany(CustomerSubscription, {
    description: "What the customer subscribed to, such as a newsletter.",
    filters: Customer,
  })
  customerSubscriptions(customer: Customer, page: PageArgs, { loaders }: Context) {
    return loaders.page(customer, "customerSubscriptions", page);
  }
}
