import { through } from "../../graph/access/row-rules.js";
import { Attribute, Model } from "../../graph/schema/model.js";
import { Resource } from "../../graph/schema/resource.type.js";

@Model({
  description: "A group of customers, such as `VIP`. Groups open private markets to their members.",
  implements: Resource,
  visibleTo: { customer: through("customers") },
  defaultOrder: [{ field: "name" }],
})
export class CustomerGroup extends Resource<"CustomerGroup"> {
  @Attribute(() => String, { description: "The internal name of the group.", filter: "text", sort: true })
  name!: string;

  @Attribute(() => String, {
    nullable: true,
    description: "A short code, unique in the shop when present.",
    filter: true,
  })
  code!: string | null;
}
