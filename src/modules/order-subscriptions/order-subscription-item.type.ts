import { Int } from "type-graphql";
import { own } from "../../graph/access/row-rules.js";
import type { EnumValue } from "../../graph/model/datamodel.js";
import { Attribute, Model, Money, registerEnum } from "../../graph/schema/model.js";
import { Resource } from "../../graph/schema/resource.type.js";

export const OrderSubscriptionItemType = registerEnum(
  "OrderSubscriptionItemType",
  "What an item of a recurring order stands for.",
  {
    skus: "A product.",
    bundles: "A bundle of products.",
    adjustments: "An adjustment by hand.",
  },
);

@Model({
  description: "An item of a recurring order.",
  implements: Resource,
  visibleTo: { customer: own },
  defaultOrder: [{ field: "createdAt" }],
})
export class OrderSubscriptionItem extends Resource<"OrderSubscriptionItem"> {
  @Attribute(() => OrderSubscriptionItemType, { nullable: true, description: "What the item stands for." })
  itemType!: EnumValue<"OrderSubscriptionItemType"> | null;

  @Attribute(() => String, { nullable: true, description: "Code of the SKU." })
  skuCode!: string | null;

  @Attribute(() => String, { nullable: true, description: "Code of the bundle." })
  bundleCode!: string | null;

  @Attribute(() => Int, { description: "How many, at least 1." })
  quantity!: number;

  @Attribute(() => String, { nullable: true, description: "Currency of the amounts, inherited from the source order." })
  currencyCode!: string | null;

  @Money("Price of one", { nullable: true })
  unitAmountCents!: number | null;

  @Money("Derived: unit price times quantity", { nullable: true })
  totalAmountCents!: number | null;

  orderSubscriptionId!: string;
  sourceLineItemId!: string | null;
}
