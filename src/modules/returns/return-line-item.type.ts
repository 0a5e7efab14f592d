import { Int } from "type-graphql";
import { own } from "../../graph/access/row-rules.js";
import { DateTime, Json } from "../../graph/model/scalars.js";
import { Attribute, Model, Money } from "../../graph/schema/model.js";
import { Resource } from "../../graph/schema/resource.type.js";

@Model({
  description: "A line of a return.",
  implements: Resource,
  visibleTo: { customer: own },
  defaultOrder: [{ field: "createdAt" }],
})
export class ReturnLineItem extends Resource<"ReturnLineItem"> {
  @Attribute(() => String, { nullable: true, description: "Code of the SKU, from the order's line." })
  skuCode!: string | null;

  @Attribute(() => String, { nullable: true, description: "Code of the bundle, from the order's line." })
  bundleCode!: string | null;

  @Attribute(() => Int, { description: "How many are sent back, at least 1." })
  quantity!: number;

  @Attribute(() => String, { nullable: true, description: "Name of the item." })
  name!: string | null;

  @Attribute(() => String, { nullable: true, description: "ErasurePreview of the item." })
  imageUrl!: string | null;

  @Attribute(() => String, { nullable: true, description: "Currency of the amount, inherited from the return." })
  currencyCode!: string | null;

  @Money("Unit price times returned quantity, discounts applied")
  totalAmountCents!: number;

  @Attribute(() => Json, { nullable: true, description: "Why it is sent back, as free keys and values." })
  returnReason!: Record<string, unknown> | null;

  @Attribute(() => DateTime, { nullable: true, description: "When it went back to stock." })
  restockedAt!: Date | null;

  returnId!: string;
  lineItemId!: string;
}
