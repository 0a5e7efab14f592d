import { Resolver } from "type-graphql";
import type { Context } from "../../graph/context.js";
import type { PageArgs } from "../../graph/schema/connection.js";
import { BelongsTo, HasMany } from "../../graph/schema/relation.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import { ResourceMutations } from "../../graph/write/resource-writes.js";
import { LineItem } from "../orders/line-item.type.js";
import { Return } from "./return.type.js";
import { ReturnLineItem } from "./return-line-item.type.js";
import { returnLineItemWrites } from "./return-line-item.writes.js";

@Resolver(() => ReturnLineItem)
export class ReturnLineItemResolver extends ResourceResolver(ReturnLineItem, { one: "returnLineItem" }) {
  @BelongsTo(Return, { description: "The return that the line belongs to." })
  return(returnLineItem: ReturnLineItem, { loaders }: Context) {
    return loaders.parent(returnLineItem, "return");
  }

  @BelongsTo(LineItem, { description: "The line of the order." })
  lineItem(returnLineItem: ReturnLineItem, { loaders }: Context) {
    return loaders.parent(returnLineItem, "lineItem");
  }
}

export const ReturnLineItemMutations = ResourceMutations(returnLineItemWrites);

/** Fields that returns add to a return. */
@Resolver(() => Return)
export class ReturnLinesResolver {
  @HasMany(ReturnLineItem, { description: "The lines of the return." })
  returnLineItems(ret: Return, page: PageArgs, { loaders }: Context) {
    return loaders.page(ret, "returnLineItems", page);
  }
}

/** Fields that returns add to a line item. */
@Resolver(() => LineItem)
export class LineItemReturnsResolver {
  @HasMany(ReturnLineItem, { description: "Return lines of this line item." })
  returnLineItems(lineItem: LineItem, page: PageArgs, { loaders }: Context) {
    return loaders.page(lineItem, "returnLineItems", page);
  }
}
