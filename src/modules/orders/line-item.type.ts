import { Float, Int } from "type-graphql";
import { own } from "../../graph/access/row-rules.js";
import type { EnumValue } from "../../graph/model/datamodel.js";
import { Attribute, Model, Money, registerEnum } from "../../graph/schema/model.js";
import { Taggable } from "../tags/taggable.type.js";

export const LineItemType = registerEnum("LineItemType", "What a line of an order stands for.", {
  skus: "A product.",
  bundles: "A bundle of products.",
  gift_cards: "A gift card.",
  shipments: "The cost of a shipment.",
  payment_methods: "The cost of the payment method.",
  adjustments: "An adjustment by hand.",
  discount_engine_items: "A discount of an external discount engine.",
  percentage_discount_promotions: "A promotion: a percentage off.",
  free_shipping_promotions: "A promotion: free shipping.",
  buy_x_pay_y_promotions: "A promotion: buy some, pay fewer.",
  free_gift_promotions: "A promotion: a free gift.",
  fixed_price_promotions: "A promotion: a fixed price.",
  external_promotions: "A promotion of an external service.",
  fixed_amount_promotions: "A promotion: an amount off.",
  flex_promotions: "A promotion with free rules.",
});

@Model({
  description: "A line of an order: a product, or a cost or discount.",
  implements: Taggable,
  visibleTo: { customer: own },
  defaultOrder: [{ field: "createdAt" }],
})
export class LineItem extends Taggable<"LineItem"> {
  @Attribute(() => LineItemType, { nullable: true, description: "What the line stands for.", filter: true })
  itemType!: EnumValue<"LineItemType"> | null;

  @Attribute(() => String, { nullable: true, description: "Code of the SKU.", filter: true })
  skuCode!: string | null;

  @Attribute(() => String, { nullable: true, description: "Code of the bundle." })
  bundleCode!: string | null;

  @Attribute(() => String, { nullable: true, description: "Name of the item." })
  name!: string | null;

  @Attribute(() => String, { nullable: true, description: "ErasurePreview of the item." })
  imageUrl!: string | null;

  @Attribute(() => Int, { description: "How many, at least 1." })
  quantity!: number;

  @Attribute(() => String, { nullable: true, description: "Currency of all amounts, inherited from the order." })
  currencyCode!: string | null;

  @Money("Price of one", { nullable: true })
  unitAmountCents!: number | null;

  @Money("Strike-through price of one", { nullable: true })
  compareAtAmountCents!: number | null;

  @Money("Cost of the options", { nullable: true })
  optionsAmountCents!: number | null;

  @Money("Discount, zero or negative")
  discountCents!: number;

  @Money("Unit price times quantity, with options")
  totalAmountCents!: number;

  @Money("Taxes on the line")
  taxAmountCents!: number;

  @Attribute(() => Float, { nullable: true, description: "Tax rate as a fraction, 0.22 for 22 %." })
  taxRate!: number | null;

  @Attribute(() => String, {
    nullable: true,
    description: "When set, the line recurs: see `OrderSubscription.frequency`.",
  })
  frequency!: string | null;

  @Attribute(() => String, { nullable: true, description: "The coupon that brought this promotion line." })
  couponCode!: string | null;

  orderId!: string;
  skuId!: string | null;
}
