import { Attribute, Model } from "../../graph/schema/model.js";
import { everything } from "../../graph/sql/condition.js";
import { Taggable } from "../tags/taggable.type.js";

@Model({
  description: "A product that can be bought.",
  implements: Taggable,
  visibleTo: { guest: everything, customer: everything },
  defaultOrder: [{ field: "code" }],
})
export class Sku extends Taggable<"Sku"> {
  @Attribute(() => String, { description: "The SKU's code, unique in the shop.", filter: true, sort: true })
  code!: string;

  @Attribute(() => String, { description: "The SKU's name." })
  name!: string;

  @Attribute(() => String, { nullable: true, description: "What it is." })
  description!: string | null;

  @Attribute(() => String, { nullable: true, description: "URL of its image." })
  imageUrl!: string | null;

  @Attribute(() => Boolean, { description: "Whether it needs no shipping, such as a download." })
  doNotShip!: boolean;

  @Attribute(() => Boolean, { description: "Whether its stock is not tracked." })
  doNotTrack!: boolean;
}
