import { type Caller, createTestApp, type TestApp } from "./support/app.js";

/**
 * Every field and relationship that the customer object has in the documents this gateway follows, one row each, and
 * what the graph answers for it. Nothing may go missing here, and nothing may be answered by null alone.
 */
type Row = [
  name: string,
  selection: string | { argument: [field: string, name: string] } | { mutation: string } | { token: string },
  expected: unknown,
];

const user = (of: string, field: string): Row => [
  `attributes.anonymization_info.${of === "requester" ? "requester" : "cancellation_requester"}.${field.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)}`,
  `anonymizationInfo { ${of} { ${field} } }`,
  expect.any(String),
];
const info = (field: string): Row => [
  `attributes.anonymization_info.${field.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)}`,
  `anonymizationInfo { ${field} }`,
  expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$|^[A-Z]+$/),
];
const list = (name: string, node: string): Row => [
  `relationships.${name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`)}`,
  `${name} { totalCount nodes { ${node} } }`,
  {
    totalCount: expect.any(Number),
    nodes: expect.arrayContaining([expect.objectContaining({ id: expect.any(String) })]),
  },
];

const rows: Row[] = [
  ["type", "type", "customers"],
  ["id", "id", expect.stringMatching(/^cus_/)],
  ["links.self", "links { self }", { self: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/api\/customers\/cus_/) }],
  ["attributes.email", "email", expect.stringContaining("@")],
  ["attributes.password", { argument: ["Customer", "password"] }, undefined],
  ["attributes.status", "status", expect.stringMatching(/^(PROSPECT|ACQUIRED|REPEAT)$/)],
  ["attributes.has_password", "hasPassword", expect.any(Boolean)],
  ["attributes.total_orders_count", "totalOrdersCount", expect.any(Number)],
  ["attributes.shopper_reference", "shopperReference", expect.stringMatching(/^.{3,128}$/)],
  ["attributes.profile_id", "profileId", expect.any(String)],
  ["attributes.tax_exemption_code", "taxExemptionCode", expect.any(String)],
  ["attributes._add_tags", { mutation: "tagsAdd" }, undefined],
  ["attributes._remove_tags", { mutation: "tagsRemove" }, undefined],
  ["attributes.created_at", "createdAt", expect.stringMatching(/Z$/)],
  ["attributes.updated_at", "updatedAt", expect.stringMatching(/Z$/)],
  ["attributes.reference", "reference", expect.any(String)],
  ["attributes.reference_origin", "referenceOrigin", expect.any(String)],
  ["attributes.jwt_custom_claim", { token: "jwtCustomClaim" }, { cart: "abc" }],
  ["attributes.metadata", "metadata", expect.any(Object)],
  ["attributes._request_anonymization", { mutation: "anonymizationRequest" }, undefined],
  ["attributes._cancel_anonymization", { mutation: "anonymizationCancel" }, undefined],
  ["attributes.anonymization_info", "anonymizationInfo { status }", expect.any(String)],
  info("status"),
  info("requestedAt"),
  info("startedAt"),
  info("completedAt"),
  info("failedAt"),
  info("cancelledAt"),
  ["attributes.anonymization_info.requester", "anonymizationInfo { requester { id } }", expect.any(String)],
  user("requester", "id"),
  user("requester", "firstName"),
  user("requester", "lastName"),
  user("requester", "email"),
  [
    "attributes.anonymization_info.cancellation_requester",
    "anonymizationInfo { cancellationRequester { id } }",
    expect.any(String),
  ],
  user("cancellationRequester", "id"),
  user("cancellationRequester", "firstName"),
  user("cancellationRequester", "lastName"),
  user("cancellationRequester", "email"),
  ["attributes.anonymization_status", "anonymizationStatus", expect.stringMatching(/^[A-Z]+$/)],
  ["relationships.customer_group", "customerGroup { id name }", { id: expect.any(String), name: expect.any(String) }],
  list("customerAddresses", "id address { fullName }"),
  list("customerPaymentSources", "id paymentSource { id }"),
  list("customerSubscriptions", "id reference"),
  list("orders", "id number"),
  list("orderSubscriptions", "id number"),
  list("returns", "id number"),
  list("skuLists", "id name"),
  list("attachments", "id name"),
  list("events", "id name"),
  ["relationships.tags", "tags { name }", expect.arrayContaining([{ name: expect.any(String) }])],
  ["relationships.jwt_customer", { token: "jwtCustomer { id }" }, { id: "cus_ada" }],
  ["relationships.jwt_markets", { token: "jwtMarkets { id }" }, [{ id: "mkt_europe" }]],
  ["relationships.jwt_stock_locations", { token: "jwtStockLocations { id }" }, [{ id: "slo_milan" }]],
  list("eventStores", "id event payload who"),
  ["meta.mode", "meta { mode }", { mode: "TEST" }],
];

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.stop());

test("the table has the 55 fields of the customer object", () => {
  expect(rows).toHaveLength(55);
  expect(new Set(rows.map(([name]) => name)).size).toBe(55);
});

test.each(rows)("%s", async (_name, where, expected) => {
  if (typeof where === "string") return expectAnswer(where, expected);
  if ("mutation" in where) return expectMutation(where.mutation);
  if ("token" in where) return expectFromToken(where.token, expected);
  // Written only: there must be no way to read it.
  const { data } = await app.query(`query ($name: String!) { __type(name: $name) { fields { name } } }`, {
    name: where.argument[0],
  });
  expect((data.__type as { fields: { name: string }[] }).fields.map(({ name }) => name)).not.toContain(
    where.argument[1],
  );
});

/** Some customer of the demo shop must have a real value there. */
async function expectAnswer(selection: string, expected: unknown) {
  const { data, errors } = await app.query(`{ customers(first: 100) { nodes { ${selection} } } }`);
  expect(errors).toBeUndefined();
  const values = (data.customers.nodes as object[]).map((node) => Object.values(node)[0] as unknown);
  expect(selection.startsWith("anonymizationInfo") ? values.map(innermost) : values).toContainEqual(expected);
}

/** The one value that a selection of single fields leads to. */
function innermost(value: unknown): unknown {
  return value && typeof value === "object" ? innermost(Object.values(value)[0]) : value;
}

/** What the token of the signed-in customer Ada says. */
async function expectFromToken(selection: string, expected: unknown) {
  const as: Caller = {
    kind: "customer",
    id: "cus_ada",
    markets: ["mkt_europe"],
    stockLocations: ["slo_milan"],
    customClaim: { cart: "abc" },
  };
  const { data, errors } = await app.query(`{ customer(by: { id: "cus_ada" }) { ${selection} } }`, {}, { as });
  expect(errors).toBeUndefined();
  expect(Object.values(data.customer as object)[0]).toEqual(expected);
}

async function expectMutation(name: string) {
  const argument = name.startsWith("tags") ? `id: "cus_none", names: ["vip"]` : `input: { customerId: "cus_none" }`;
  const { data, errors } = await app.query(`mutation { ${name}(${argument}) { userErrors { code path } } }`);
  expect(errors).toBeUndefined();
  expect(data[name].userErrors).toEqual([expect.objectContaining({ code: "NOT_FOUND" })]);
}
