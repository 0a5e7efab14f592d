import { createJsonApiTest, type JsonApiTest } from "./support.js";

const config = { apps: { customers: { enable_reset_password: true } } };
let app: JsonApiTest;
beforeAll(async () => {
  app = await createJsonApiTest({
    organization: { slug: "my-shop", attributes: { name: "My shop", support_email: "help@example.com", config } },
  });
});
afterAll(() => app.stop());

const callers = [
  { kind: "guest" },
  { kind: "customer", id: "cus_ada" },
  { kind: "integration" },
  { kind: "integration", permissions: [] },
  { kind: "user", permissions: [] },
] as const;

test.each(callers)("the SDK retrieves the organization for %j", async (caller) => {
  const sdk = await app.sdk(caller as (typeof callers)[0]);
  expect(await sdk.organization.retrieve()).toMatchObject({
    type: "organizations",
    id: "my-shop",
    slug: "my-shop",
    name: "My shop",
    support_email: "help@example.com",
    logo_url: null,
    config,
    tags_max_allowed_number: 10,
  });
  const some = await sdk.organization.retrieve({ fields: { organizations: ["id", "name", "config"] } });
  expect(some).toEqual({ type: "organizations", id: "my-shop", name: "My shop", config });
});

test("the SDK retrieves the application of its token", async () => {
  await app.database.pool.query("UPDATE applications SET id = 'app_test' WHERE id = 'app_integration'");
  const retrieve = async (caller: Parameters<typeof app.sdk>[0]) => (await app.sdk(caller)).application.retrieve();
  expect(await retrieve({ kind: "integration" })).toMatchObject({
    type: "applications",
    id: "app_test",
    name: "Demo integration",
    kind: "integration",
    public_access: false,
    created_at: "2026-01-02T08:00:00.000Z",
  });
  // Of another kind or mode than the one that is known by this id.
  expect(await retrieve({ kind: "guest" })).toMatchObject({ name: null, kind: "sales_channel", public_access: true });
  expect(await retrieve({ kind: "user" })).toMatchObject({ name: null, kind: "webapp", public_access: false });
  expect(await retrieve({ kind: "integration", mode: "live" })).toMatchObject({ name: null });
});

test.each([
  ["GET", "/api/organization", null, 401, "INVALID_TOKEN"],
  ["GET", "/api/application", null, 401, "INVALID_TOKEN"],
  ["PATCH", "/api/organization", { kind: "integration" }, 405, "METHOD_NOT_ALLOWED"],
  ["GET", "/api/organization/my-shop", { kind: "integration" }, 404, "ROUTE_NOT_FOUND"],
  ["GET", "/api/organizations", { kind: "integration" }, 404, "ROUTE_NOT_FOUND"],
  ["GET", "/api/organization?fields[organizations]=nmae", { kind: "integration" }, 400, "INVALID_FIELD"],
  ["GET", "/api/organization?include=event_stores", { kind: "integration" }, 400, "PARAM_NOT_ALLOWED"],
  ["GET", "/api/application?page[size]=1", { kind: "integration" }, 400, "PARAM_NOT_ALLOWED"],
] as const)("%s %s as %j is %i %s", async (method, path, as, status, code) => {
  const reply = await app.request(path, { method, as });
  expect([reply.status, reply.body.errors[0].code]).toEqual([status, code]);
});

test("a server that is not told its organization has none", async () => {
  const other = await createJsonApiTest({ sharing: app });
  try {
    const { status, body } = await other.request("/api/organization");
    expect([status, body.errors[0].code]).toEqual([404, "RECORD_NOT_FOUND"]);
    expect(body.errors[0].detail).toContain("ORGANIZATION");
  } finally {
    await other.stop();
  }
});
