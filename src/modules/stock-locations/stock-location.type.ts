import { Int } from "type-graphql";
import { type Shopper } from "../../graph/access/row-rules.js";
import type { EnumValue } from "../../graph/model/datamodel.js";
import { Attribute, Model, registerEnum } from "../../graph/schema/model.js";
import { Resource } from "../../graph/schema/resource.type.js";
import type { Condition } from "../../graph/sql/condition.js";

export const LabelFormat = registerEnum("LabelFormat", "The file format of shipping labels.", {
  PDF: "A document.",
  ZPL: "For Zebra label printers.",
  EPL2: "For older Zebra label printers.",
  PNG: "An image.",
});

/** A sales channel sees the stock locations of its token's scope. */
function scoped({ stockLocationIds }: Shopper): Condition {
  return { op: "in", field: "id", values: stockLocationIds };
}

@Model({
  description: "A place where goods are kept, sent from and returned to.",
  implements: Resource,
  visibleTo: { guest: scoped, customer: scoped },
  defaultOrder: [{ field: "name" }],
})
export class StockLocation extends Resource<"StockLocation"> {
  @Attribute(() => Int, { description: "The id as a whole number, for systems that need one." })
  number!: number;

  @Attribute(() => String, { description: "The name of the place.", filter: "text", sort: true })
  name!: string;

  @Attribute(() => String, {
    nullable: true,
    description: "A short code, unique in the shop when present.",
    filter: true,
  })
  code!: string | null;

  @Attribute(() => LabelFormat, { description: "The file format of shipping labels." })
  labelFormat!: EnumValue<"LabelFormat">;

  @Attribute(() => Boolean, { nullable: true, description: "Whether the electronic customs invoice is skipped." })
  suppressEtd!: boolean | null;

  addressId!: string;
}
