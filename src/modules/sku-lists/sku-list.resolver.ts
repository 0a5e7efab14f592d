import { Resolver } from "type-graphql";
import type { Context } from "../../graph/context.js";
import type { PageArgs } from "../../graph/schema/connection.js";
import { BelongsTo, HasMany } from "../../graph/schema/relation.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import { ResourceMutations } from "../../graph/write/resource-writes.js";
import { Customer } from "../customers/customer.type.js";
import { SkuList } from "./sku-list.type.js";
import { skuListWrites } from "./sku-list.writes.js";
import { SkuListItemMutations, SkuListItemResolver, SkuListItemsResolver } from "./sku-list-item.resolver.js";

@Resolver(() => SkuList)
export class SkuListResolver extends ResourceResolver(SkuList, {
  one: "skuList",
  many: "skuLists",
  keys: { slug: { description: "Its slug; rejected when lists of several customers share it.", shared: true } },
}) {
  @BelongsTo(Customer, { description: "The customer who owns the list; null for lists of the shop.", filters: SkuList })
  customer(skuList: SkuList, { loaders }: Context) {
    return loaders.parent(skuList, "customer");
  }
}

export const SkuListMutations = ResourceMutations(skuListWrites);

/** Fields that sku lists add to a customer. */
@Resolver(() => Customer)
export class CustomerSkuListsResolver {
  @HasMany(SkuList, { description: "The customer's lists, such as wish lists.", filters: Customer })
  skuLists(customer: Customer, page: PageArgs, { loaders }: Context) {
    return loaders.page(customer, "skuLists", page);
  }
}

export const resolvers = [
  SkuListItemResolver,
  SkuListItemMutations,
  SkuListItemsResolver,
  SkuListResolver,
  SkuListMutations,
  CustomerSkuListsResolver,
];
