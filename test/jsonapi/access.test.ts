import { resourceTypesOf } from "../../src/http/jsonapi/resources.js";
import { createSchema } from "../../src/schema.js";
import type { Caller } from "../support/app.js";
import { createJsonApiTest, type JsonApiTest } from "./support.js";

interface Resource {
  id: string;
  type: string;
  links: { self: string };
  attributes: Record<string, unknown>;
  relationships: Record<string, { links: { self: string; related: string }; data?: unknown }>;
}

let app: JsonApiTest;
const types = resourceTypesOf(createSchema());
const owner = { id: "usr_1", firstName: "Vera", lastName: "Staff", email: null };
const market = "mkt_europe";
const callers: Record<string, Caller> = {
  integration: { kind: "integration" },
  "integration with few permissions": { kind: "integration", permissions: ["customers:read", "orders:read"] },
  user: { kind: "user" },
  "user with few permissions": { kind: "user", permissions: ["customers:read", "event_stores:read"] },
  customer: { kind: "customer", id: "cus_ada", markets: [market], customClaim: { shop: 1 } },
  guest: { kind: "guest" },
};

beforeAll(async () => {
  app = await createJsonApiTest();
});
afterAll(() => app.stop());

const includes = (type: string) =>
  [...types.get(type)!.relationships.keys()].filter((name) => name !== "event_stores").join(",");

describe.each(Object.entries(callers))("as %s", (name, as) => {
  test.each([...types.keys()])("%s are listed with all that they include, or refused", async (type) => {
    app.statements();
    const list = await app.request(`/api/${type}?page[size]=25&include=${includes(type)}`, { as });
    if (list.status !== 200) {
      expect([401, 404]).toContain(list.status);
      expect(list.body.errors[0].code).toBe(list.status === 401 ? "UNAUTHORIZED" : "ROUTE_NOT_FOUND");
      return;
    }
    expect(app.statements()).toHaveLength(1);
    const { data, included = [], meta } = list.body as { data: Resource[]; included?: Resource[]; meta: object };
    expect(meta).toEqual({ record_count: expect.any(Number), page_count: expect.any(Number) });
    // Full linkage: what is included is referred to, and what is referred to is included.
    const keys = [...data, ...included].map(({ type, id }) => `${type} ${id}`);
    expect(new Set(keys).size).toBe(keys.length);
    for (const resource of data.slice(0, 2)) {
      const one = await app.request(new URL(resource.links.self).pathname, { as });
      expect([one.status, one.body.data.attributes]).toEqual([200, resource.attributes]);
      for (const [relationship, { links, data: linkage }] of Object.entries(resource.relationships)) {
        const related = await app.request(new URL(links.related).pathname, { as });
        const identifiers = await app.request(new URL(links.self).pathname, { as });
        const at = `${type}/${relationship}: ${related.status}, ${identifiers.status}`;
        const isAny = relationship === "attachable";
        const readable = linkage !== undefined || relationship === "event_stores";
        if (isAny) expect(at).toBe(`${type}/${relationship}: 404, 404`);
        else if (readable && related.status === 200) {
          expect(at).toBe(`${type}/${relationship}: 200, 200`);
          const pick = ({ type, id }: Resource) => ({ type, id });
          const found = related.body.data as Resource | Resource[] | null;
          expect(identifiers.body.data).toEqual(Array.isArray(found) ? found.map(pick) : found && pick(found));
        } else expect([at, related.body.errors[0].code]).toEqual([`${type}/${relationship}: 401, 401`, "UNAUTHORIZED"]);
      }
    }
    if (name === "customer") {
      const others = [...data, ...included].filter((one) => one.type === "customers" && one.id !== "cus_ada");
      expect(others).toEqual([]);
    }
  });
});

test("what a customer may not see is answered as what there is not", async () => {
  const as = callers.customer;
  for (const path of ["", "/orders", "/relationships/orders", "/customer_group", "/jwt_markets"]) {
    const hidden = await app.request(`/api/customers/cus_bruno${path}`, { as });
    const nothing = await app.request(`/api/customers/cus_nobody${path}`, { as });
    const text = JSON.stringify(hidden).replaceAll("cus_bruno", "cus_nobody");
    expect([hidden.status, text]).toEqual([404, JSON.stringify(nothing)]);
  }
  const { body } = await app.request("/api/customers?filter[q][id_in]=cus_bruno,cus_ada", { as });
  expect([body.meta.record_count, body.data.map(({ id }: Resource) => id)]).toEqual([1, ["cus_ada"]]);
});

test("a customer sees the facts of their own token", async () => {
  const { body } = await app.request("/api/customers/cus_ada?include=jwt_customer,jwt_markets,jwt_stock_locations", {
    as: callers.customer,
  });
  const { attributes, relationships } = body.data;
  expect(attributes.jwt_custom_claim).toEqual({ shop: 1 });
  expect(relationships.jwt_customer.data).toEqual({ type: "customers", id: "cus_ada" });
  expect(relationships.jwt_markets.data).toEqual([{ type: "markets", id: market }]);
});

test.each([
  ["no token", null, "INVALID_TOKEN"],
  ["a guest's token", callers.guest!, "UNAUTHORIZED"],
])("with %s customers are refused by 401", async (_, as, code) => {
  const reply = await app.request("/api/customers", { as });
  expect([reply.status, reply.body.errors[0].code]).toEqual([401, code]);
});

test("staff see who requested an anonymization, customers do not", async () => {
  const as = { kind: "integration", owner } as const;
  const body = { data: { type: "customers", id: "cus_kenji", attributes: { _request_anonymization: true } } };
  const asked = await app.request("/api/customers/cus_kenji", { method: "PATCH", as, body });
  expect(asked.body.data.attributes.anonymization_info).toEqual({
    status: "requested",
    requested_at: expect.stringMatching(/^\d{4}-.*Z$/),
    started_at: null,
    completed_at: null,
    failed_at: null,
    cancelled_at: null,
    requester: { id: "usr_1", first_name: "Vera", last_name: "Staff", email: null },
    cancellation_requester: null,
  });
  const own = await app.request("/api/customers/cus_kenji", { as: { kind: "customer", id: "cus_kenji" } });
  expect(own.body.data.attributes.anonymization_info).not.toHaveProperty("requester");
  expect(own.body.data.attributes.anonymization_status).toBe("requested");
});
