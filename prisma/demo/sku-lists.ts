import { type Product, products } from "./catalogue.js";
import { type Draft, opening, type Shop } from "./shop.js";

interface SkuListDraft extends Draft<"SkuList"> {
  /** Products and quantities, in order. */
  items: [Product, number][];
}

const skuLists: SkuListDraft[] = [
  {
    id: "skl_ada_wishes",
    customerId: "cus_ada",
    name: "Wish list",
    slug: "wish-list-ada",
    description: "For the next birthday.",
    createdAt: "2026-02-01T12:00:00.000Z",
    items: [
      ["cap", 1],
      ["poster", 2],
      ["mug", 6],
    ],
  },
  {
    id: "skl_ada_office",
    customerId: "cus_ada",
    name: "Office supplies",
    slug: "office-supplies-ada",
    createdAt: "2026-07-14T16:00:00.000Z",
    items: [
      ["notebook", 20],
      ["coffee", 4],
    ],
  },
  {
    id: "skl_mia_wishes",
    customerId: "cus_mia",
    name: "Wish list",
    slug: "wish-list-mia",
    createdAt: "2026-10-09T15:10:00.000Z",
    items: [["hoodie", 1]],
  },
  {
    id: "skl_coffee_corner",
    name: "Coffee corner",
    slug: "coffee-corner",
    manual: false,
    skuCodeRegex: "^(COFFEE|FILTERS|MUG)-",
    createdAt: opening,
    items: [],
  },
];

export function addSkuLists(shop: Shop): void {
  for (const { items, ...draft } of skuLists) {
    shop.add("SkuList", draft);
    items.forEach(([product, quantity], index) => {
      shop.add("SkuListItem", {
        id: `sli_${draft.id.slice("skl_".length)}_${index + 1}`,
        skuListId: draft.id,
        skuId: `sku_${product}`,
        skuCode: products[product].code,
        quantity,
        position: index + 1,
        createdAt: draft.createdAt,
      });
    });
  }
}
