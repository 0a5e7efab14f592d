import { own } from "../../graph/access/row-rules.js";
import { Attribute, Model } from "../../graph/schema/model.js";
import { Resource } from "../../graph/schema/resource.type.js";

@Model({
  description: "A list of SKUs, such as a wish list.",
  implements: Resource,
  visibleTo: { customer: own },
  defaultOrder: [{ field: "name" }],
})
export class SkuList extends Resource<"SkuList"> {
  @Attribute(() => String, { description: "The name of the list.", filter: "text", sort: true })
  name!: string;

  @Attribute(() => String, {
    description: "Derived from the name, unique among the lists of its customer, or among those of the shop.",
    filter: true,
    sort: true,
  })
  slug!: string;

  @Attribute(() => String, { nullable: true, description: "What the list is for." })
  description!: string | null;

  @Attribute(() => String, { nullable: true, description: "URL of the list's image." })
  imageUrl!: string | null;

  @Attribute(() => Boolean, {
    description: "Whether the list is manual; `false` when a regular expression selects the SKUs.",
  })
  manual!: boolean;

  @Attribute(() => String, {
    nullable: true,
    description: "Regular expression that selects the SKUs of an automatic list, by code.",
  })
  skuCodeRegex!: string | null;

  customerId!: string | null;
}
