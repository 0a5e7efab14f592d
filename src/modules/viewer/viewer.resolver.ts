import { FieldResolver, Resolver } from "type-graphql";
import { Json } from "../../platform/graphql/scalars.js";
import { Customer } from "../customers/customer.type.js";
import { Market } from "../markets/market.type.js";
import { StockLocation } from "../stock-locations/stock-location.type.js";

/** What the caller's access token says, on every customer. Callers come without one so far, so it says nothing. */
@Resolver(() => Customer)
export class CustomerTokenResolver {
  @FieldResolver(() => Customer, {
    nullable: true,
    description: "The customer whom the caller's access token belongs to, if any. The same on every customer.",
  })
  jwtCustomer() {
    return null;
  }

  @FieldResolver(() => [Market], {
    description: "The markets that the caller's access token is limited to. The same on every customer.",
  })
  jwtMarkets() {
    return [];
  }

  @FieldResolver(() => [StockLocation], {
    description: "The stock locations that the caller's access token is limited to. The same on every customer.",
  })
  jwtStockLocations() {
    return [];
  }

  @FieldResolver(() => Json, {
    nullable: true,
    description: "The free claim of the caller's access token, if any. The same on every customer.",
  })
  jwtCustomClaim() {
    return null;
  }
}
