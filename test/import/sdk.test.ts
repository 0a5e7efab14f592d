import { knownTypes } from "../../src/import/resource.js";
import { type Member, sdkDefinitions, sdkTypes } from "../support/sdk.js";
import { createImportTest, type ImportTest } from "./support.js";

/*
 * Documents made from the SDK's definitions: of every type, a resource with all its attributes and relationships, those that
 * are not stored here, too.
 */

const definitions = sdkDefinitions();
const typeOf = sdkTypes();

let db: ImportTest;
beforeAll(async () => {
  db = await createImportTest();
});
beforeEach(() => db.clear());
afterAll(() => db.end());

/** What these names hold; the types of the SDK say no more than `string`. */
const examples: [RegExp, unknown][] = [
  [/currency_code$/, "EUR"],
  [/^(country_code|shipping_country_code_lock)$/, "IT"],
  [/^language_code$/, "en"],
  [/email$/, "ada@example.com"],
  [/_at$/, "2026-01-31T12:00:00.000Z"],
  [/(^|_)ur[li]$/, "https://shop.example/x"],
  [/^frequency$/, "monthly"],
  [/^formatted_/, "€1,00"],
  [/_float$/, 1],
  [/_cents$/, 100],
  [/^sku_code_regex$/, "^MUG-\\d+$"],
  [/^(lat|lng|tax_rate)$/, 0.5],
  [/^label_format$/, "PDF"],
  [/^anonymization_info$/, { status: "requested", requested_at: "2026-01-31T12:00:00.000Z", requester: { id: "u" } }],
  [/^resource_type$/, "customers"],
  [/^resource_id$/, "the-customers"],
  [/^payment_source_type$/, "stripe_payments"],
];

function exampleOf(type: string, name: string, { type: definition }: Member): unknown {
  const [, example] = examples.find(([pattern]) => pattern.test(name)) ?? [];
  if (example !== undefined && !definition.endsWith("[]") && definition !== "boolean") return example;
  const [, literal] = /^'(\w+)'/.exec(definition) ?? [];
  if (literal !== undefined) return literal;
  if (definition === "number") return 1;
  if (definition === "boolean") return true;
  if (definition === "string") return `${type}-${name}`.slice(0, 25).replaceAll("_", "-");
  return definition.endsWith("[]") ? [] : {};
}

/** Whether a member is a relationship: it is of interfaces of the SDK. */
const targetsOf = ({ type }: Member): string[] =>
  type
    .replace(/\[\]$/, "")
    .split(" | ")
    .flatMap((name) => typeOf.get(name) ?? []);

/** A resource that is about one other, of any type, is about the customer. */
const ofOneAlone = ["attachments", "events", "event_stores"];

const idOf = (type: string) => `the-${type}`;

/** The one resource of a type. */
function resourceOf(type: string, data: "all" | "none") {
  const attributes: Record<string, unknown> = {};
  const relationships: Record<string, unknown> = {};
  for (const [name, member] of definitions.get(type)!) {
    if (name === "id") continue;
    const targets = targetsOf(member);
    if (targets.length === 0) {
      attributes[name] = exampleOf(type, name, member);
      continue;
    }
    const links = { self: `/api/${type}/${idOf(type)}/relationships/${name}`, related: `/api/${type}/${name}` };
    const [target] = (targets.includes("customers") ? ["customers"] : []).concat(
      targets.filter((one) => knownTypes.has(one)),
      targets,
    );
    const one = { type: target, id: idOf(target!) };
    const list = ofOneAlone.includes(target!) && type !== "customers" ? [] : [one];
    relationships[name] = data === "none" ? { links } : { links, data: member.type.endsWith("[]") ? list : one };
  }
  return { id: idOf(type), type, links: { self: `/api/${type}/${idOf(type)}` }, attributes, relationships };
}

const all = [...definitions.keys()];
const meta = { mode: "test", organization_id: "org" };

test("documents with every attribute and relationship of the SDK are applied whole", async () => {
  const included = all.map((type) => resourceOf(type, "all"));
  const { issues, counts, summary } = await db.apply({ data: [], included, meta });
  expect(issues).toEqual([]);
  const known = all.filter((type) => knownTypes.has(type));
  expect(known.length).toBeGreaterThan(30);
  for (const type of known) expect([type, counts[type]]).toEqual([type, [1, 0, 0, 0]]);
  expect(summary.unknown.map(({ name }) => name)).toEqual(expect.arrayContaining(["parcels", "promotions", "exports"]));

  // As a list or a webhook has them, without data in relationships.
  const again = await db.apply({ data: all.map((type) => resourceOf(type, "none")), meta });
  expect(again.issues).toEqual([]);
  for (const type of known) expect([type, again.counts[type]]).toEqual([type, [0, 0, 1, 0]]);
});
