import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { createJsonApiTest, type JsonApiTest } from "./support.js";

interface Description {
  paths: Record<string, Record<string, { operationId?: string }>>;
  components: { schemas: Record<string, object> };
}

let app: JsonApiTest;
let description: Description;
let ajv: Ajv2020;
beforeAll(async () => {
  app = await createJsonApiTest();
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

test("every list and every resource of the demo shop is as the description says", async () => {
  let resources = 0;
  for (const path of Object.keys(description.paths).filter((one) => /^\/api\/\w+$/.test(one))) {
    const { status, body } = await app.request(`${path}?page[size]=25`);
    expect([path, status]).toEqual([path, 200]);
    for (const resource of body.data) {
      const valid = ajv.validate(`api#/components/schemas/${path.slice(5)}`, resource);
      expect([path, valid, ajv.errors]).toEqual([path, true, null]);
      resources++;
    }
  }
  expect(resources).toBeGreaterThan(100);
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
