import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { createJsonApiTest, type JsonApiTest, type Reply } from "./support.js";

interface Description {
  paths: Record<string, Record<string, { operationId?: string }>>;
  components: { schemas: Record<string, object> };
}

let app: JsonApiTest;
let description: Description;
let ajv: Ajv2020;
beforeAll(async () => {
  app = await createJsonApiTest({ organization: { slug: "my-shop", attributes: { name: "My shop" } } });
  const response = await fetch(`${app.url}/api/schema`);
  expect([response.status, response.headers.get("content-type")]).toEqual([200, "application/json"]);
  description = (await response.json()) as Description;
  ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addSchema({ $id: "api", ...description });
});
afterAll(() => app.stop());

test("the description is valid OpenAPI 3.1, with an id of its own for each operation", async () => {
  const result = await new Validator().validate({ ...description });
  expect([result.valid, result.errors]).toEqual([true, undefined]);
  const ids = Object.values(description.paths).flatMap((path) =>
    Object.values(path).flatMap(({ operationId }) => operationId ?? []),
  );
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.length).toBeGreaterThan(200);
});

/** Whether an operation answers with a page of a type. */
const isList = (operation: { operationId?: string } | undefined) =>
  operation?.operationId?.startsWith("list_") ?? false;

test("GET at every path answers with the document that the description says", async () => {
  const ids = new Map<string, string[]>();
  const answered = new Set<string>();
  // Lists first: they tell the ids. Entries of the audit trail have no list, only relationships.
  const rank = (path: string) => (path === "/api/event_stores/{id}" ? Number.POSITIVE_INFINITY : path.length);
  const operations = Object.entries(description.paths).sort(([one], [other]) => rank(one) - rank(other));
  const remember = (body: Reply["body"]) => {
    for (const { type, id } of [body.data ?? [], body.included ?? []].flat()) {
      const known = ids.get(type) ?? ids.set(type, []).get(type)!;
      if (!known.includes(id)) known.push(id);
    }
  };
  for (const [template, { get }] of operations) {
    if (!get) continue;
    const [, , type] = template.split("/") as [string, string, string];
    const paths = template.includes("{id}")
      ? (ids.get(type) ?? []).slice(0, 8).map((id) => template.replace("{id}", id))
      : [isList(get) ? `${template}?page[size]=25` : template];
    for (const path of paths) {
      const { status, body } = await app.request(path);
      expect([path, status, body.errors]).toEqual([path, 200, undefined]);
      const pointer = `api#/paths/${template.replaceAll("/", "~1").replace("{id}", "%7Bid%7D")}/get/responses/200/content/application~1vnd.api+json/schema`;
      const valid = ajv.validate(pointer, body);
      expect([path, valid, ajv.errors]).toEqual([path, true, null]);
      remember(body);
      answered.add(template);
    }
  }
  expect(Object.keys(description.paths).filter((path) => description.paths[path]!.get && !answered.has(path))).toEqual(
    [],
  );
}, 300_000);

test("every list is filtered by ids, also of types without a filter in the graph", async () => {
  for (const [path, { get }] of Object.entries(description.paths)) {
    if (!isList(get)) continue;
    const { status, body } = await app.request(`${path}?filter[q][id_in]=nobody,nothing`);
    expect([path, status, body.data]).toEqual([path, 200, []]);
  }
});

test("the application of the token is as the description says", async () => {
  expect(description.paths["/api/application"]?.get?.operationId).toBe("retrieve_application");
  const { body } = await app.request("/api/application");
  expect([ajv.validate("api#/components/schemas/Singleton", body), ajv.errors]).toEqual([true, null]);
});

test("bodies that the description allows are taken, and what it refuses is refused", async () => {
  const body = (attributes: object) => ({ data: { type: "customers", attributes } });
  const isAllowed = (given: object) => ajv.validate("api#/components/schemas/customers_create", given);
  const good = body({ email: "described@example.com", password: "long enough 1", metadata: {}, _add_tags: "vip" });
  const as = { kind: "integration" } as const;
  expect(isAllowed(good)).toBe(true);
  expect((await app.request("/api/customers", { method: "POST", body: good, as })).status).toBe(201);
  for (const bad of [body({}), body({ email: 5 }), body({ email: "a@example.com", status: "repeat" })]) {
    expect(isAllowed(bad)).toBe(false);
    expect([400, 422]).toContain((await app.request("/api/customers", { method: "POST", body: bad, as })).status);
  }
});

test("errors are as the description says", async () => {
  for (const path of ["/api/customers?page[size]=26", "/api/customers/none", "/api/nothing"]) {
    const { body } = await app.request(path);
    expect([path, ajv.validate("api#/components/schemas/Errors", body)]).toEqual([path, true]);
  }
});

test.each([
  ["_delete", true],
  ["_update", true],
  ["_create", true],
  ["_subscription_cancel", true],
])("%s is no trigger of an order", async (name, value) => {
  const before = await app.request("/api/orders/ord_1029");
  const body = { data: { type: "orders", id: "ord_1029", attributes: { [name]: value } } };
  const reply = await app.request("/api/orders/ord_1029", { method: "PATCH", body });
  expect([reply.status, reply.body.errors[0].code]).toEqual([400, "PARAM_NOT_ALLOWED"]);
  expect((await app.request("/api/orders/ord_1029")).body).toEqual(before.body);
  const schema = description.components.schemas.orders_update as {
    properties: { data: { properties: { attributes: { properties: object } } } };
  };
  const attributes = Object.keys(schema.properties.data.properties.attributes.properties);
  expect(attributes).toEqual(
    expect.arrayContaining(["_place", "_cancel", "_approve", "_archive", "_unarchive", "_add_tags"]),
  );
  expect(attributes).not.toContain(name);
});
