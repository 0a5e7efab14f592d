import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { models } from "../src/graph/model/datamodel.js";
import { projectRoot } from "../src/paths.js";

/**
 * `src/graph` is the engine: it serves any shop, so no noun of this one stands in it, be it in a name, a text or a
 * comment. The nouns are those of the datamodel and of the modules. What is known of a resource stands beside its model
 * in `prisma/schema.prisma`, or in its module.
 */

/** Nouns of the engine itself: who asks, whose the rows are, and what each row is. */
const own = ["customer", "customers", "viewer", "nodes"];

/** Nouns with a second meaning: sort orders, `return`, network addresses, events of a stream. Only the first is looked for. */
const homonyms = ["Order", "Return", "Address", "Event"] as const;

/** What may stand in one file, with the reason. */
const allowed: Readonly<Record<string, RegExp>> = {
  // The claims of an access token that narrow what a caller sees.
  "access/viewer.ts": /\bmarketIds\b|\bstockLocationIds\b|The markets that the token is limited to/g,
  "access/row-rules.ts": /\bmarketIds\b|\bstockLocationIds\b/g,
  // An example for who has written a wrong permission.
  "access/permission.ts": /write orders:read, orders:\*, \*:read/g,
  // The events of a stream.
  "context.ts": /\blastEventId\b/g,
  // The tag that authenticates what is encrypted.
  "write/idempotency.ts": /\b[gs]etAuthTag\b/g,
};

/** The words of a text, those inside names included: `skuListItems` is `sku list items`. */
function wordsOf(text: string): string {
  const words = text.replace(/([a-z0-9])([A-Z])/g, "$1 $2").match(/[A-Za-z]+/g);
  return words?.join(" ").toLowerCase() ?? "";
}

const tables = new Map([...models.values()].map(({ name, table }) => [name, table]));
const modules = readdirSync(join(projectRoot, "src/modules"));
const nouns = [...new Set([...tables.keys(), ...tables.values(), ...modules].map(wordsOf))].filter(
  (noun) => !own.includes(noun) && !homonyms.some((name) => noun === wordsOf(name) || noun === tables.get(name)),
);
const noun = new RegExp(`\\b(${nouns.sort((a, b) => b.length - a.length).join("|")})\\b`, "g");
/** As the name of the model, of its table, or of what leads to its rows. */
const homonym = new RegExp(
  homonyms
    .map((name) => {
      const [one, many] = [name.toLowerCase(), tables.get(name)];
      return `(?<![\\w}])${name}(?!\\w)|["'\`]${many}["'\`:]|\\b${many}:(?=[a-z*])|\\b${many}_|(${one}|${name})(Ids?|_id|_type)\\b`;
    })
    .join("|"),
  "g",
);

function nounsIn(text: string): string[] {
  const found = [...wordsOf(text).matchAll(noun), ...text.matchAll(homonym)].map(([word]) => word);
  return [...new Set(found)].sort();
}

test("nounsIn finds nouns of the shop in names, strings and comments", () => {
  expect(nouns.length).toBeGreaterThan(40);
  expect(nounsIn("const skuListIds = 1; // an SKU")).toEqual(["sku", "sku list"]);
  expect(nounsIn('modelNamed("Order"); query(`SELECT FROM "orders"`); may("orders:read")')).toEqual([
    '"orders"',
    '"orders:',
    "Order",
  ]);
  expect(nounsIn("row.returnId ?? row.shipping_order_id; class CustomerGroupLoader {}")).toEqual([
    "customer group",
    "order_id",
    "returnId",
  ]);
  expect(nounsIn("return events in order; // Returns addresses of any sortOrder; the customer's viewer")).toEqual([]);
});

test("src/graph names no noun of the shop", () => {
  const graph = join(projectRoot, "src/graph");
  const files = readdirSync(graph, { recursive: true, encoding: "utf8" }).filter((path) => path.endsWith(".ts"));
  expect(files.length).toBeGreaterThan(50);
  const found = files.sort().flatMap((file) => {
    const text = readFileSync(join(graph, file), "utf8");
    const rest = allowed[file] ? text.replace(allowed[file], "") : text;
    const named = nounsIn(rest);
    return named.length ? [[file, named]] : [];
  });
  expect(Object.fromEntries(found)).toEqual({});
  // What is allowed is there.
  const unused = Object.entries(allowed).filter(
    ([file, words]) => !readFileSync(join(graph, file), "utf8").match(words),
  );
  expect(unused.map(([file]) => file)).toEqual([]);
});
