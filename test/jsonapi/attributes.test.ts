import {
  type GraphQLOutputType,
  getNamedType,
  getNullableType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
} from "graphql";
import { modelNamed } from "../../src/graph/model/datamodel.js";
import { resourceTypesOf } from "../../src/http/jsonapi/resources.js";
import { leftOutNames } from "../../src/import/documents.js";
import { createSchema } from "../../src/schema.js";
import { sdkDefinitions } from "../support/sdk.js";
import { createJsonApiTest, type JsonApiTest } from "./support.js";

const types = resourceTypesOf(createSchema());
const definitions = sdkDefinitions();

/** What the gateway does not have yet. Of reset tokens it keeps hashes alone. */
const missing: Record<string, string[]> = {
  customer_password_resets: ["events", "reset_password_token"],
  orders: ["discount_engine_item"],
  skus: ["events", "sku_list_items", "sku_lists"],
};

/** Of the names that imports leave out, those that requests tell: claims of the access token. */
const ofToken: Record<string, string[]> = {
  customers: ["jwt_custom_claim", "jwt_customer", "jwt_markets", "jwt_stock_locations"],
};

/** Attributes of another type: why. */
const otherTypes: Record<string, string> = {
  "event_stores.resource_type": "names of types are texts in the graph",
  "order_subscriptions.status": "pending too, which Commerce Layer's dashboard knows",
  "paypal_payments.status": "gateways have other states than the two of the SDK",
  "stock_locations.label_format": "three formats instead of any text",
};

/** Attributes that may be null here though they may not there: why. */
const nullable: Record<string, string> = {
  "addresses.phone": "organizations may allow that (addresses_phone_required)",
  "axerve_payments.return_url": "stored only if an imported document has it",
  "order_subscription_items.total_amount_float": "absent where the price of one is",
};

/** The types that both have; a shop may add others. */
const shared = [...types.keys()].filter((type) => definitions.has(type));

const scalars: Record<string, string> = {
  String: "string",
  ID: "string",
  DateTime: "string",
  Int: "number",
  Float: "number",
  Boolean: "boolean",
  JSON: "object",
};

/** The type that the SDK would write for a field of the graph. */
function sdkType(type: GraphQLOutputType): string {
  const bare = getNullableType(type);
  if (isListType(bare)) return `${sdkType(bare.ofType)}[]`;
  const named = getNamedType(bare);
  if (isEnumType(named)) return literals(named.getValues().map(({ value }) => `'${value}'`));
  return isObjectType(named) ? "object" : scalars[named.name]!;
}

const literals = (values: string[]) => values.sort().join(" | ");

/** A type of the SDK in the same terms. */
function normalized(type: string): string {
  if (/^(Record<string, any>|Metadata|ObjectType)$/.test(type)) return "object";
  return type.startsWith("'") ? literals(type.split(" | ")) : type;
}

test("the SDK's definitions are found", () => {
  expect([...definitions.get("customers")!.keys()]).toEqual(
    expect.arrayContaining(["created_at", "metadata", "email", "jwt_customer", "event_stores"]),
  );
  expect(definitions.get("customers")!.get("status")).toEqual({
    type: "'prospect' | 'acquired' | 'repeat'",
    nullable: false,
  });
  expect(shared.length).toBeGreaterThan(30);
});

test.each(shared)("%s have the attributes and relationships of Commerce Layer, but those left out", (name) => {
  const { attributes, relationships, model } = types.get(name)!;
  const leftOut = new Set([...leftOutNames(modelNamed(model.name), name), ...(missing[name] ?? [])]);
  for (const one of ofToken[name] ?? []) leftOut.delete(one);
  // A shop may relate its own types to these.
  const ofShared = [...relationships.values()].filter(
    ({ to }) => to === undefined || shared.some((type) => types.get(type)!.model.name === to),
  );
  const own = [...attributes.keys(), ...ofShared.map((relationship) => relationship.name)];
  const known = [...definitions.get(name)!.keys()].filter((one) => !leftOut.has(one));
  expect(own.sort()).toEqual(known.sort());
});

test.each(shared)("attributes and relationships of %s have the types of Commerce Layer's", (name) => {
  const { attributes, relationships } = types.get(name)!;
  const members = definitions.get(name)!;
  const found: Record<string, string> = {};
  const expected: Record<string, string> = {};
  for (const { name: attribute, field } of attributes.values()) {
    const key = `${name}.${attribute}`;
    const { type, nullable: isNullable } = members.get(attribute)!;
    if (!(key in otherTypes)) {
      found[attribute] = sdkType(field.type);
      expected[attribute] = normalized(type);
    }
    if (!isNullable && !isNonNullType(field.type)) expect(Object.keys(nullable)).toContain(key);
  }
  for (const { name: relationship, many, to } of relationships.values()) {
    const { type } = members.get(relationship) ?? {};
    // Of a shop's own.
    if (type === undefined) continue;
    const [first] = type.split(" | ");
    expect([relationship, first!.endsWith("[]")]).toEqual([relationship, many]);
    if (to && !type.includes("|")) expect([relationship, type.replace("[]", "")]).toEqual([relationship, to]);
  }
  expect(found).toEqual(expected);
});

describe("values of the demo shop", () => {
  let app: JsonApiTest;
  beforeAll(async () => {
    app = await createJsonApiTest();
  });
  afterAll(() => app.stop());

  const seen = new Set<string>();

  test.each(shared.filter((name) => name !== "event_stores"))("%s are of the types of Commerce Layer", async (name) => {
    const members = definitions.get(name)!;
    for (let page = 1, pages = 1; page <= pages; page++) {
      const { status, body } = await app.request(`/api/${name}?page[size]=25&page[number]=${page}`);
      expect([status, body.errors]).toEqual([200, undefined]);
      pages = Math.min(body.meta.page_count, 8);
      for (const { id, attributes } of body.data as { id: string; attributes: Record<string, unknown> }[]) {
        for (const [attribute, value] of Object.entries(attributes)) {
          const { type, nullable: isNullable } = members.get(attribute)!;
          const key = `${name}.${attribute}`;
          seen.add(key);
          const at = `${key} of ${id}`;
          if (value === null) {
            if (!isNullable) expect(Object.keys(nullable)).toContain(key);
          } else if (type.startsWith("'") && !(key in otherTypes)) {
            expect([at, type.split(" | ")]).toEqual([at, expect.arrayContaining([`'${value as string}'`])]);
          } else {
            const kind = Array.isArray(value) ? "array" : typeof value;
            const known = type.startsWith("'") ? "string" : type.endsWith("[]") ? "array" : normalized(type);
            expect([at, kind]).toEqual([at, known]);
          }
          if (/_at$/.test(attribute) && value !== null) {
            expect([at, value]).toEqual([at, expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)]);
          }
          if (/_cents$/.test(attribute) && value !== null) {
            const base = attribute.replace(/_cents$/, "");
            expect([at, Number.isInteger(value), base in attributes]).toEqual([at, true, false]);
            expect(Object.keys(attributes)).toEqual(expect.arrayContaining([`${base}_float`, `formatted_${base}`]));
          }
        }
      }
    }
  });

  test("were there for most types", () => {
    expect(new Set([...seen].map((key) => key.split(".")[0])).size).toBeGreaterThan(20);
  });
});
