import { Attribute, Model } from "../../graph/schema/model.js";
import { Resource } from "../../graph/schema/resource.type.js";
import { nothing } from "../../graph/sql/condition.js";

@Model({
  description: "A label on resources, such as `vip`.",
  implements: Resource,
  visibleTo: { customer: nothing },
  defaultOrder: [{ field: "name" }],
})
export class Tag extends Resource<"Tag"> {
  @Attribute(() => String, {
    description:
      "Lower case letters and digits, joined by single `-`, `_` or `:`; at most 25 characters; unique in the shop.",
    filter: "text",
    sort: true,
  })
  name!: string;
}
