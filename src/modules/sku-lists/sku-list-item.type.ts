import { Int } from "type-graphql";
import { own } from "../../graph/access/row-rules.js";
import { Attribute, Model } from "../../graph/schema/model.js";
import { Resource } from "../../graph/schema/resource.type.js";

@Model({
  description: "An SKU on a list.",
  implements: Resource,
  visibleTo: { customer: own },
  defaultOrder: [{ field: "position" }, { field: "createdAt" }],
})
export class SkuListItem extends Resource<"SkuListItem"> {
  @Attribute(() => Int, { nullable: true, description: "Position in the list." })
  position!: number | null;

  @Attribute(() => String, { description: "Code of the SKU." })
  skuCode!: string;

  @Attribute(() => Int, { description: "Quantity on the list." })
  quantity!: number;

  skuListId!: string;
  skuId!: string | null;
}
