import { Resolver } from "type-graphql";
import type { Context } from "../../graph/context.js";
import type { PageArgs } from "../../graph/schema/connection.js";
import { BelongsTo, HasMany } from "../../graph/schema/relation.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import { ResourceMutations } from "../../graph/write/resource-writes.js";
import { Sku } from "../skus/sku.type.js";
import { LineItem } from "./line-item.type.js";
import { lineItemWrites } from "./line-item.writes.js";
import { Order } from "./order.type.js";

@Resolver(() => LineItem)
export class LineItemResolver extends ResourceResolver(LineItem, { one: "lineItem" }) {
  @BelongsTo(Order, { description: "The order that the line belongs to." })
  order(lineItem: LineItem, { loaders }: Context) {
    return loaders.parent(lineItem, "order");
  }

  @BelongsTo(Sku, { description: "The product, while it exists." })
  sku(lineItem: LineItem, { loaders }: Context) {
    return loaders.parent(lineItem, "sku");
  }
}

export const LineItemMutations = ResourceMutations(lineItemWrites);

/** Fields that orders add to an order. */
@Resolver(() => Order)
export class OrderLineItemsResolver {
  @HasMany(LineItem, { description: "The lines of the order." })
  lineItems(order: Order, page: PageArgs, { loaders }: Context) {
    return loaders.page(order, "lineItems", page);
  }
}
