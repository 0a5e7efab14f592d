import { Resolver } from "type-graphql";
import type { Context } from "../../graph/context.js";
import type { PageArgs } from "../../graph/schema/connection.js";
import { BelongsTo, HasMany } from "../../graph/schema/relation.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import { ResourceMutations } from "../../graph/write/resource-writes.js";
import { StateMachineMutations } from "../../graph/write/state-machine.js";
import { Address } from "../addresses/address.type.js";
import { Customer } from "../customers/customer.type.js";
import { Market } from "../markets/market.type.js";
import { PaymentMethod } from "../payment-methods/payment-method.type.js";
import { LineItemMutations, LineItemResolver, OrderLineItemsResolver } from "./line-item.resolver.js";
import { orderStateMachine } from "./order.moves.js";
import { Order } from "./order.type.js";
import { orderWrites } from "./order.writes.js";

@Resolver(() => Order)
export class OrderResolver extends ResourceResolver(Order, {
  one: "order",
  many: "orders",
  keys: { number: { description: "Its number." } },
}) {
  @BelongsTo(Customer, { description: "The buyer; null for carts of anonymous visitors.", filters: Order })
  customer(order: Order, { loaders }: Context) {
    return loaders.parent(order, "customer");
  }

  @BelongsTo(Market, { description: "The market of the order.", filters: Order })
  market(order: Order, { loaders }: Context) {
    return loaders.parent(order, "market");
  }

  @BelongsTo(Address, { description: "Shipping address: the order's own copy.", filters: Order })
  shippingAddress(order: Order, { loaders }: Context) {
    return loaders.parent(order, "shippingAddress");
  }

  @BelongsTo(Address, { description: "Billing address: the order's own copy.", filters: Order })
  billingAddress(order: Order, { loaders }: Context) {
    return loaders.parent(order, "billingAddress");
  }

  @BelongsTo(PaymentMethod, { description: "Payment method of the order." })
  paymentMethod(order: Order, { loaders }: Context) {
    return loaders.parent(order, "paymentMethod");
  }
}

export const OrderMutations = ResourceMutations(orderWrites);
export const OrderMoveMutations = StateMachineMutations(orderStateMachine);

/** Fields that orders add to a customer. */
@Resolver(() => Customer)
export class CustomerOrdersResolver {
  @HasMany(Order, { description: "Orders of the customer, carts included.", filters: Customer, numbered: true })
  orders(customer: Customer, page: PageArgs, { loaders }: Context) {
    return loaders.page(customer, "orders", page);
  }
}

export const resolvers = [
  LineItemResolver,
  LineItemMutations,
  OrderLineItemsResolver,
  OrderResolver,
  OrderMutations,
  OrderMoveMutations,
  CustomerOrdersResolver,
];
