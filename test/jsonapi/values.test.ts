import { getNamedType, isEnumType } from "graphql";
import { type Attribute, isOfToken, type ResourceType, resourceTypesOf } from "../../src/http/jsonapi/resources.js";
import { createSchema } from "../../src/schema.js";
import type { Caller } from "../support/app.js";
import { createJsonApiTest, type JsonApiTest } from "./support.js";

const types = resourceTypesOf(createSchema());
let app: JsonApiTest;
beforeAll(async () => {
  app = await createJsonApiTest();
  // Every part of the information has a value: asked for, and called off.
  await app.database.pool.query(
    `UPDATE customers SET anonymization_status = 'cancelled', anonymization_requested_at = '2026-03-01T10:00:00.001Z',
       anonymization_started_at = '2026-03-02T10:00Z', anonymization_completed_at = '2026-03-03T10:00Z',
       anonymization_failed_at = '2026-03-04T10:00Z', anonymization_cancelled_at = '2026-03-05T10:00Z',
       anonymization_requester = '{"id":"usr_1","first_name":"Vera","last_name":"Staff","email":"vera@example.com"}',
       anonymization_cancellation_requester = '{"id":"usr_2","first_name":"Otto","last_name":null,"email":null}',
       tax_exemption_code = 'TAX-1', reference_origin = 'crm'
     WHERE id = 'cus_ada'`,
  );
});
afterAll(() => app.stop());

type Values = Record<string, unknown>;

function selection({ field, members }: Attribute): string {
  return `${field.name}${members ? ` { ${members.map(selection).join(" ")} }` : ""}`;
}

/** A value of the graph as documents have it: enum values in lower case, but for formats of files. */
function asDocument({ field, members }: Attribute, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  const type = getNamedType(field.type);
  if (isEnumType(type)) return type.name === "LabelFormat" ? value : String(value).toLowerCase();
  if (!members) return value;
  return Object.fromEntries(
    members.map((member) => [member.name, asDocument(member, (value as Values)[member.field.name])]),
  );
}

/** What the caller may not read is null in the graph, and absent in documents. */
function withoutAbsent(expected: unknown, found: unknown): unknown {
  if (typeof expected !== "object" || expected === null || Array.isArray(expected)) return expected;
  const own = (found ?? {}) as Values;
  return Object.fromEntries(
    Object.entries(expected)
      .filter(([name, value]) => name in own || value !== null)
      .map(([name, value]) => [name, withoutAbsent(value, own[name])]),
  );
}

async function rowsOf(type: ResourceType, as?: Caller) {
  const rows: { id: string; type: string; links: Values; meta: Values; attributes: Values }[] = [];
  for (let page = 1, pages = 1; page <= pages; page++) {
    const { body } = await app.request(`/api/${type.name}?page[size]=25&sort=id&page[number]=${page}`, { as });
    rows.push(...body.data);
    pages = Math.min(body.meta.page_count, 8);
  }
  return rows;
}

const staff: Caller = { kind: "integration" };
const ada: Caller = { kind: "customer", id: "cus_ada", markets: ["mkt_europe"] };
const fewer: Caller = { kind: "integration", permissions: ["customers:read", "orders:read", "markets:read"] };
let compared = 0;

describe.each<[string, Caller, string[]]>([
  ["an integration", staff, [...types.keys()]],
  ["a customer", ada, ["customers", "orders", "addresses", "line_items", "customer_payment_sources", "returns"]],
  ["few permissions", fewer, ["customers", "orders", "markets"]],
])("for %s", (_, as, names) => {
  test.each(names.filter((name) => name !== "event_stores"))("values of %s are those of the graph", async (name) => {
    const type = types.get(name)!;
    const rows = await rowsOf(type, as);
    const attributes = [...type.attributes.values()].filter((one) => !isOfToken(one));
    const fields = `id type links { self } meta { mode } ${attributes.map(selection).join(" ")}`;
    for (let i = 0; i < rows.length; i += 10) {
      const some = rows.slice(i, i + 10);
      const { data, errors } = await app.query(
        `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on ${type.object.name} { ${fields} } } }`,
        { ids: some.map(({ id }) => id) },
        { as },
      );
      expect(errors).toBeUndefined();
      for (const [j, node] of (data.nodes as Values[]).entries()) {
        const { id, type: ofType, links, meta, attributes: found } = some[j]!;
        const expected = Object.fromEntries(attributes.map((one) => [one.name, asDocument(one, node[one.field.name])]));
        const { jwt_custom_claim: _, ...own } = found;
        expect({ id, ofType, links, meta, own }).toEqual({
          id: node.id,
          ofType: node.type,
          links: node.links,
          meta: { mode: String((node.meta as Values).mode).toLowerCase() },
          own: as === staff ? expected : withoutAbsent(expected, found),
        });
        compared += 1;
      }
    }
  });
});

test("there were many rows to compare", () => {
  expect(compared).toBeGreaterThan(200);
});

/** The rows of the documented customer object: what JSON:API says of each. */
const text = expect.any(String);
const time = expect.stringMatching(/^2026-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
const absent = undefined;
const linked = (name: string) => ({
  links: {
    self: expect.stringMatching(new RegExp(`^http://.*/api/customers/cus_ada/relationships/${name}$`)),
    related: expect.stringMatching(new RegExp(`^http://.*/api/customers/cus_ada/${name}$`)),
  },
});
const relationships = [
  ...["customer_group", "customer_addresses", "customer_payment_sources", "customer_subscriptions", "orders"],
  ...["order_subscriptions", "returns", "sku_lists", "attachments", "events", "tags", "jwt_customer", "jwt_markets"],
  ...["jwt_stock_locations", "event_stores"],
];
const documented: [row: string, expected: unknown][] = [
  ["type", "customers"],
  ["id", "cus_ada"],
  ["links.self", expect.stringMatching(/^http:\/\/.*\/api\/customers\/cus_ada$/)],
  ["attributes.email", "ada@example.com"],
  ["attributes.password", absent],
  ["attributes.status", "repeat"],
  ["attributes.has_password", true],
  ["attributes.total_orders_count", expect.any(Number)],
  ["attributes.shopper_reference", text],
  ["attributes.profile_id", text],
  ["attributes.tax_exemption_code", "TAX-1"],
  ["attributes._add_tags", absent],
  ["attributes._remove_tags", absent],
  ["attributes.created_at", time],
  ["attributes.updated_at", time],
  ["attributes.reference", text],
  ["attributes.reference_origin", "crm"],
  ["attributes.jwt_custom_claim", null],
  ["attributes.metadata", expect.objectContaining({ language: "en" })],
  ["attributes._request_anonymization", absent],
  ["attributes._cancel_anonymization", absent],
  ["attributes.anonymization_info", expect.any(Object)],
  ["attributes.anonymization_info.status", "cancelled"],
  ["attributes.anonymization_info.requested_at", "2026-03-01T10:00:00.001Z"],
  ["attributes.anonymization_info.started_at", time],
  ["attributes.anonymization_info.completed_at", time],
  ["attributes.anonymization_info.failed_at", time],
  ["attributes.anonymization_info.cancelled_at", time],
  ["attributes.anonymization_info.requester", expect.any(Object)],
  ["attributes.anonymization_info.requester.id", "usr_1"],
  ["attributes.anonymization_info.requester.first_name", "Vera"],
  ["attributes.anonymization_info.requester.last_name", "Staff"],
  ["attributes.anonymization_info.requester.email", "vera@example.com"],
  ["attributes.anonymization_info.cancellation_requester", expect.any(Object)],
  ["attributes.anonymization_info.cancellation_requester.id", "usr_2"],
  ["attributes.anonymization_info.cancellation_requester.first_name", "Otto"],
  ["attributes.anonymization_info.cancellation_requester.last_name", null],
  ["attributes.anonymization_info.cancellation_requester.email", null],
  ["attributes.anonymization_status", "cancelled"],
  ...relationships.map((name): [string, unknown] => [`relationships.${name}`, linked(name)]),
  ["meta.mode", "test"],
];

describe("the customer object", () => {
  let customer: Values;
  beforeAll(async () => {
    customer = (await app.request("/api/customers/cus_ada")).body.data;
  });

  test("has 55 documented rows", () => {
    expect(new Set(documented.map(([row]) => row)).size).toBe(55);
  });

  test.each(documented)("%s", (row, expected) => {
    let value: unknown = customer;
    for (const step of row.split(".")) value = (value as Values)[step];
    if (expected === absent) expect(JSON.stringify(customer)).not.toContain(`"${row.split(".").at(-1)}"`);
    else expect(value).toEqual(expected);
  });

  test("has no others", () => {
    const rows: string[] = [];
    const visit = (value: unknown, path: string) => {
      rows.push(path);
      const isOpen =
        /^(attributes(\.anonymization_info(\.\w+requester|\.requester)?)?|relationships|links|meta)?$/.test(path);
      if (isOpen && value)
        for (const [key, inner] of Object.entries(value)) visit(inner, path ? `${path}.${key}` : key);
    };
    visit(customer, "");
    const containers = ["", "links", "attributes", "relationships", "meta"];
    const readable = documented.filter(([, expected]) => expected !== absent).map(([row]) => row);
    expect(rows.filter((row) => !containers.includes(row)).sort()).toEqual(readable.sort());
  });
});
