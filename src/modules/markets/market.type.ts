import { Int } from "type-graphql";
import { type Shopper, through } from "../../graph/access/row-rules.js";
import { DateTime } from "../../graph/model/scalars.js";
import { Attribute, Model } from "../../graph/schema/model.js";
import { Resource } from "../../graph/schema/resource.type.js";
import { type Condition, everything } from "../../graph/sql/condition.js";

const isPublic: Condition = { op: "isNull", field: "customerGroupId", value: true };

/** A sales channel sees the markets of its token's scope. */
function scoped({ marketIds }: Shopper): Condition {
  return marketIds ? { op: "in", field: "id", values: marketIds } : everything;
}

@Model({
  description: "A part of the shop with its own prices, such as a country.",
  implements: Resource,
  visibleTo: {
    guest: (viewer) => ({ op: "and", of: [scoped(viewer), isPublic] }),
    // A private market is visible through the customer's current group: leaving the group revokes it immediately.
    customer: (viewer) => ({
      op: "and",
      of: [scoped(viewer), { op: "or", of: [isPublic, through("customerGroup")] }],
    }),
  },
  defaultOrder: [{ field: "name" }],
})
export class Market extends Resource<"Market"> {
  @Attribute(() => Int, { description: "The id as a whole number, for systems that need one." })
  number!: number;

  @Attribute(() => String, { description: "The name of the market.", filter: "text", sort: true })
  name!: string;

  @Attribute(() => String, {
    nullable: true,
    description: "A short code, unique in the shop when present.",
    filter: true,
  })
  code!: string | null;

  @Attribute(() => String, { nullable: true, description: "Currency of its prices, ISO 4217." })
  currencyCode!: string | null;

  @Attribute(() => Boolean, { description: "Derived: whether only the members of its customer group may buy here." })
  private!: boolean;

  @Attribute(() => String, { nullable: true, description: "The checkout of this market." })
  checkoutUrl!: string | null;

  @Attribute(() => DateTime, {
    nullable: true,
    description: "When the market was disabled; null while it is enabled.",
    filter: true,
  })
  disabledAt!: Date | null;

  customerGroupId!: string | null;
}
