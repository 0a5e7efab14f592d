import { Resolver } from "type-graphql";
import type { Context } from "../../graph/context.js";
import type { PageArgs } from "../../graph/schema/connection.js";
import { BelongsTo, HasMany } from "../../graph/schema/relation.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import { CustomerGroup } from "../customer-groups/customer-group.type.js";
import { Market } from "./market.type.js";

@Resolver(() => Market)
export class MarketResolver extends ResourceResolver(Market, {
  one: "market",
  many: "markets",
  keys: { code: { description: "Its code." } },
}) {
  @BelongsTo(CustomerGroup, {
    description: "The only group whose members may buy here; null when everybody may.",
    filters: Market,
  })
  customerGroup(market: Market, { loaders }: Context) {
    return loaders.parent(market, "customerGroup");
  }
}

/** Fields that markets add to a customer group. */
@Resolver(() => CustomerGroup)
export class CustomerGroupMarketsResolver {
  @HasMany(Market, { description: "The private markets that the group opens to its members." })
  markets(customerGroup: CustomerGroup, page: PageArgs, { loaders }: Context) {
    return loaders.page(customerGroup, "markets", page);
  }
}

export const resolvers = [MarketResolver, CustomerGroupMarketsResolver];
