import { Resolver } from "type-graphql";
import type { Context } from "../../graph/context.js";
import { BelongsTo } from "../../graph/schema/relation.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import { Address } from "../addresses/address.type.js";
import { StockLocation } from "./stock-location.type.js";

@Resolver(() => StockLocation)
export class StockLocationResolver extends ResourceResolver(StockLocation, {
  one: "stockLocation",
  many: "stockLocations",
  keys: { code: { description: "Its code." } },
}) {
  @BelongsTo(Address, { description: "Where it is." })
  address(stockLocation: StockLocation, { loaders }: Context) {
    return loaders.parent(stockLocation, "address");
  }
}

export const resolvers = [StockLocationResolver];
