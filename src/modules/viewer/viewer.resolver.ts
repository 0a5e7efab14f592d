import { Ctx, FieldResolver, Query, Resolver } from "type-graphql";
import type { Context } from "../../graph/context.js";
import { Json } from "../../graph/model/scalars.js";
import { declareSource } from "../../graph/schema/source.js";
import { Customer } from "../customers/customer.type.js";
import { Market } from "../markets/market.type.js";
import { StockLocation } from "../stock-locations/stock-location.type.js";
import { Viewer } from "./viewer.type.js";

/**
 * Rows named by the token's claims, as far as the caller may see them; shared by `viewer` and every customer's `jwt…`.
 */
const fromToken = {
  customer: ({ viewer, loaders }: Context) =>
    viewer.kind === "customer" ? loaders.byId("Customer", viewer.customerId) : null,
  markets: ({ viewer, loaders }: Context) => byIds(loaders, "Market", viewer.marketIds ?? []),
  stockLocations: ({ viewer, loaders }: Context) => byIds(loaders, "StockLocation", viewer.stockLocationIds),
};

async function byIds(loaders: Context["loaders"], model: "Market" | "StockLocation", ids: readonly string[]) {
  const rows = await Promise.all(ids.map((id) => loaders.byId(model, id)));
  return rows.filter((row) => row !== null);
}

@Resolver(() => Viewer)
export class ViewerResolver {
  @Query(() => Viewer, { description: "The caller, as identified by the access token. Public." })
  viewer(@Ctx() { viewer }: Context) {
    return new Viewer(viewer);
  }

  @declareSource({ kind: "own" })
  @FieldResolver(() => Customer, { nullable: true, description: "The customer whom the token belongs to, if any." })
  customer(@Ctx() context: Context) {
    return fromToken.customer(context);
  }

  @FieldResolver(() => [Market], {
    description: "The markets that the token is limited to; empty when it is not limited.",
  })
  markets(@Ctx() context: Context) {
    return fromToken.markets(context);
  }

  @FieldResolver(() => [StockLocation], { description: "The stock locations that the token is limited to." })
  stockLocations(@Ctx() context: Context) {
    return fromToken.stockLocations(context);
  }
}

/** Fields from the caller's access token, on every customer. */
@Resolver(() => Customer)
export class CustomerTokenResolver {
  @FieldResolver(() => Customer, {
    nullable: true,
    description: "The customer whom the caller's access token belongs to, if any. The same on every customer.",
  })
  jwtCustomer(@Ctx() context: Context) {
    return fromToken.customer(context);
  }

  @FieldResolver(() => [Market], {
    description: "The markets that the caller's access token is limited to. The same on every customer.",
  })
  jwtMarkets(@Ctx() context: Context) {
    return fromToken.markets(context);
  }

  @FieldResolver(() => [StockLocation], {
    description: "The stock locations that the caller's access token is limited to. The same on every customer.",
  })
  jwtStockLocations(@Ctx() context: Context) {
    return fromToken.stockLocations(context);
  }

  @FieldResolver(() => Json, {
    nullable: true,
    description: "Custom claim of the caller's access token, if any. The same on every customer.",
  })
  jwtCustomClaim(@Ctx() { viewer }: Context) {
    return viewer.customClaim;
  }
}

export const resolvers = [CustomerTokenResolver, ViewerResolver];
