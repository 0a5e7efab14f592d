import { Resolver } from "type-graphql";
import type { Context } from "../../graph/context.js";
import type { PageArgs } from "../../graph/schema/connection.js";
import { BelongsTo, HasMany } from "../../graph/schema/relation.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import { ResourceMutations } from "../../graph/write/resource-writes.js";
import { StateMachineMutations } from "../../graph/write/state-machine.js";
import { CustomerPaymentSource } from "../customer-payment-sources/customer-payment-source.type.js";
import { Customer } from "../customers/customer.type.js";
import { Market } from "../markets/market.type.js";
import { Order } from "../orders/order.type.js";
import { orderSubscriptionStateMachine } from "./order-subscription.moves.js";
import { OrderSubscription } from "./order-subscription.type.js";
import { orderSubscriptionWrites } from "./order-subscription.writes.js";
import { OrderSubscriptionItemResolver, OrderSubscriptionItemsResolver } from "./order-subscription-item.resolver.js";

@Resolver(() => OrderSubscription)
export class OrderSubscriptionResolver extends ResourceResolver(OrderSubscription, {
  one: "orderSubscription",
  many: "orderSubscriptions",
  keys: { number: { description: "Its number." } },
}) {
  @BelongsTo(Customer, { description: "The customer of the recurring order.", filters: OrderSubscription })
  customer(orderSubscription: OrderSubscription, { loaders }: Context) {
    return loaders.parent(orderSubscription, "customer");
  }

  @BelongsTo(Market, { description: "The market of the orders.", filters: OrderSubscription })
  market(orderSubscription: OrderSubscription, { loaders }: Context) {
    return loaders.parent(orderSubscription, "market");
  }

  @BelongsTo(Order, { description: "The source order, which is repeated.", filters: OrderSubscription })
  sourceOrder(orderSubscription: OrderSubscription, { loaders }: Context) {
    return loaders.parent(orderSubscription, "sourceOrder");
  }

  @HasMany(Order, { description: "The orders made so far." })
  orders(orderSubscription: OrderSubscription, page: PageArgs, { loaders }: Context) {
    return loaders.page(orderSubscription, "orders", page);
  }

  @BelongsTo(CustomerPaymentSource, { description: "The wallet entry that pays." })
  customerPaymentSource(orderSubscription: OrderSubscription, { loaders }: Context) {
    return loaders.parent(orderSubscription, "customerPaymentSource");
  }
}

export const OrderSubscriptionMutations = ResourceMutations(orderSubscriptionWrites);
export const OrderSubscriptionMoveMutations = StateMachineMutations(orderSubscriptionStateMachine);

/** Fields that order subscriptions add to a customer. */
@Resolver(() => Customer)
export class CustomerOrderSubscriptionsResolver {
  @HasMany(OrderSubscription, { description: "The customer's recurring orders.", filters: Customer, numbered: true })
  orderSubscriptions(customer: Customer, page: PageArgs, { loaders }: Context) {
    return loaders.page(customer, "orderSubscriptions", page);
  }
}

/** Fields that order subscriptions add to an order. */
@Resolver(() => Order)
export class OrderOrderSubscriptionsResolver {
  @BelongsTo(OrderSubscription, { description: "The recurring order that made this one, if any.", filters: Order })
  orderSubscription(order: Order, { loaders }: Context) {
    return loaders.parent(order, "orderSubscription");
  }

  @HasMany(OrderSubscription, { description: "The recurring orders that repeat this one." })
  orderSubscriptions(order: Order, page: PageArgs, { loaders }: Context) {
    return loaders.page(order, "orderSubscriptions", page);
  }
}

export const resolvers = [
  OrderSubscriptionItemResolver,
  OrderSubscriptionItemsResolver,
  OrderSubscriptionResolver,
  OrderSubscriptionMutations,
  OrderSubscriptionMoveMutations,
  CustomerOrderSubscriptionsResolver,
  OrderOrderSubscriptionsResolver,
];
