import type { ValuesOf } from "../../graph/model/datamodel.js";
import { ResourceWrites } from "../../graph/write/resource-writes.js";
import { type InputOf, integer, link, text } from "../../graph/write/rules.js";
import type { Path, Write } from "../../graph/write/transaction.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { SkuListItem } from "./sku-list-item.type.js";

/** Input rules of an item, besides its list. */
export const itemRules = {
  skuCode: text({ description: "The code of the SKU, which must exist.", required: true, on: "create" }),
  position: integer({ description: "Its place in the list; items without one come last." }),
  quantity: integer({ description: "How many: at least 1.", generated: "1" }),
};

const rules = {
  skuListId: link("SkuList", { description: "The id of the list, a manual one.", required: true, on: "create" }),
  ...itemRules,
};

/** Writes of SKU list items. */
export const skuListItemWrites = new ResourceWrites(SkuListItem, {
  rules,
  create: {
    description: "Puts an SKU on a list.",
    example: 'input: { skuListId: "skl_ada_wishes", skuCode: "HOODIE-GREY-M", quantity: 2 }',
    before: withSku,
  },
  update: {
    description: "Changes the place or the quantity of an SKU on a list. Absent fields stay, null clears.",
    example: 'id: "sli_ada_wishes_1", input: { quantity: 3, position: 9 }',
  },
  delete: { description: "Takes an SKU off a list.", example: 'id: "sli_ada_wishes_1"' },
});

async function withSku(
  write: Write,
  values: ValuesOf<"SkuListItem">,
  _input: InputOf<typeof rules>,
  path: Path,
): Promise<ValuesOf<"SkuListItem">> {
  const given = await findSku(write, values, path);
  if (typeof values.skuListId === "string") {
    const argumentPath = [...path, "skuListId"];
    const list = await write.row("SkuList", values.skuListId, { path: argumentPath });
    if (!list.manual) {
      const message = "The SKUs of this list are picked by its regular expression; put some on a manual list.";
      write.addError(UserErrorCode.WRONG_STATE, argumentPath, message);
    }
  }
  return given;
}

/** Values of an item, with its SKU resolved by code. */
export async function findSku(
  write: Write,
  values: ValuesOf<"SkuListItem">,
  path: Path,
): Promise<ValuesOf<"SkuListItem">> {
  if (typeof values.skuCode !== "string") return values;
  const [sku] = await write.findAll("Sku", "code", [values.skuCode]);
  if (!sku) write.addError(UserErrorCode.NOT_FOUND, [...path, "skuCode"], "There is no SKU with this code.");
  return { ...values, skuId: sku?.id };
}
