import { Resolver } from "type-graphql";
import type { Context } from "../../graph/context.js";
import { BelongsTo } from "../../graph/schema/relation.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import { Order } from "../orders/order.type.js";
import { PaymentSource } from "./payment-source.type.js";

@Resolver(() => PaymentSource)
export class PaymentSourceResolver extends ResourceResolver(PaymentSource, { one: "paymentSource" }) {
  @BelongsTo(Order, { description: "The order that it pays." })
  order(paymentSource: PaymentSource, { loaders }: Context) {
    return loaders.parent(paymentSource, "order");
  }
}

/** Fields that payment sources add to an order. */
@Resolver(() => Order)
export class OrderPaymentSourcesResolver {
  @BelongsTo(PaymentSource, { description: "Payment source of the order." })
  paymentSource(order: Order, { loaders }: Context) {
    return loaders.parent(order, "paymentSource");
  }
}

export const resolvers = [PaymentSourceResolver, OrderPaymentSourcesResolver];
