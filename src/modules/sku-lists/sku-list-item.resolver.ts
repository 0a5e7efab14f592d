import { Resolver } from "type-graphql";
import type { Context } from "../../graph/context.js";
import type { PageArgs } from "../../graph/schema/connection.js";
import { BelongsTo, HasMany } from "../../graph/schema/relation.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import { ResourceMutations } from "../../graph/write/resource-writes.js";
import { Sku } from "../skus/sku.type.js";
import { SkuList } from "./sku-list.type.js";
import { SkuListItem } from "./sku-list-item.type.js";
import { skuListItemWrites } from "./sku-list-item.writes.js";

@Resolver(() => SkuListItem)
export class SkuListItemResolver extends ResourceResolver(SkuListItem, { one: "skuListItem" }) {
  @BelongsTo(SkuList, { description: "The list that the item is on." })
  skuList(skuListItem: SkuListItem, { loaders }: Context) {
    return loaders.parent(skuListItem, "skuList");
  }

  @BelongsTo(Sku, { description: "The product." })
  sku(skuListItem: SkuListItem, { loaders }: Context) {
    return loaders.parent(skuListItem, "sku");
  }
}

export const SkuListItemMutations = ResourceMutations(skuListItemWrites);

/** Fields that sku lists add to a sku list. */
@Resolver(() => SkuList)
export class SkuListItemsResolver {
  @HasMany(SkuListItem, { description: "The SKUs on the list." })
  skuListItems(skuList: SkuList, page: PageArgs, { loaders }: Context) {
    return loaders.page(skuList, "skuListItems", page);
  }
}
