import { Attribute, Model } from "../../graph/schema/model.js";
import { Resource } from "../../graph/schema/resource.type.js";

@Model({
  description: "A label on resources, such as `vip`.",
  implements: Resource,
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
