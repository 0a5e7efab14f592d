import { Resolver } from "type-graphql";
import type { Context } from "../../graph/context.js";
import type { PageArgs } from "../../graph/schema/connection.js";
import { BelongsTo, HasMany } from "../../graph/schema/relation.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import { LineItem } from "../orders/line-item.type.js";
import { OrderSubscription } from "./order-subscription.type.js";
import { OrderSubscriptionItem } from "./order-subscription-item.type.js";

@Resolver(() => OrderSubscriptionItem)
export class OrderSubscriptionItemResolver extends ResourceResolver(OrderSubscriptionItem, {
  one: "orderSubscriptionItem",
}) {
  @BelongsTo(OrderSubscription, { description: "The recurring order that the item belongs to." })
  orderSubscription(orderSubscriptionItem: OrderSubscriptionItem, { loaders }: Context) {
    return loaders.parent(orderSubscriptionItem, "orderSubscription");
  }

  @BelongsTo(LineItem, { description: "The line of the source order." })
  sourceLineItem(orderSubscriptionItem: OrderSubscriptionItem, { loaders }: Context) {
    return loaders.parent(orderSubscriptionItem, "sourceLineItem");
  }
}

/** Fields that order subscriptions add to an order subscription. */
@Resolver(() => OrderSubscription)
export class OrderSubscriptionItemsResolver {
  @HasMany(OrderSubscriptionItem, { description: "Items of each order." })
  orderSubscriptionItems(orderSubscription: OrderSubscription, page: PageArgs, { loaders }: Context) {
    return loaders.page(orderSubscription, "orderSubscriptionItems", page);
  }
}
