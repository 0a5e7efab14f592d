import { readFileSync } from "node:fs";

import { buildSchema, getIntrospectionQuery } from "graphql";
import { schemaFile } from "../src/print-schema.js";
import { createTestApp, type TestApp } from "./support/app.js";

const committed = readFileSync(schemaFile, "utf8");
const apps: TestApp[] = [];
afterAll(async () => {
  for (const app of apps) await app.stop();
});
async function start(options: Parameters<typeof createTestApp>[0]) {
  const app = await createTestApp(options);
  apps.push(app);
  return app;
}
const introspections = [
  getIntrospectionQuery().replaceAll(/\s+/g, " "),
  "{ __schema { queryType { name } } }",
  '{ __type(name: "Customer") { name } }',
  "{ ...F } fragment F on Query { a: __schema { description } }",
  '{ customers { totalCount } ... { x: __type(name: "Order") { name } } }',
];

describe("introspection is enabled by default", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await start({});
  });

  test("/schema.graphql is the committed schema, with @access", async () => {
    const response = await fetch(`${app.url}/schema.graphql`);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/plain; charset=utf-8");
    expect(response.headers.get("vary")).toBe("origin, accept-encoding");
    const text = await response.text();
    expect(text === committed).toBe(true);
    expect(text).toMatch(/^ {2}giftCardCode: String @access\(anyOf: \[ORDER_SECRETS_READ\]\)$/m);
    expect(buildSchema(text).getDirective("access")).toBeDefined();
  });

  test("/schema.graphql is cached by ETag, answers HEAD, and other methods with 405", async () => {
    const plain = await fetch(`${app.url}/schema.graphql`, { headers: { "accept-encoding": "identity" } });
    expect([plain.headers.get("content-encoding"), plain.headers.get("cache-control")]).toEqual([null, "no-cache"]);
    expect(plain.headers.get("content-length")).toBe(String(Buffer.byteLength(committed)));
    // Read to its end: an answer that is left unread keeps the process from exiting.
    expect((await plain.text()) === committed).toBe(true);
    const packed = await fetch(`${app.url}/schema.graphql`, { method: "HEAD", headers: { "accept-encoding": "gzip" } });
    expect([packed.status, packed.headers.get("content-encoding"), await packed.text()]).toEqual([200, "gzip", ""]);
    expect(Number(packed.headers.get("content-length"))).toBeLessThan(committed.length / 5);
    const etag = plain.headers.get("etag")!;
    const again = await fetch(`${app.url}/schema.graphql`, { headers: { "if-none-match": `"x", ${etag}` } });
    expect([again.status, await again.text(), again.headers.get("etag")]).toEqual([304, "", etag]);
    const post = await fetch(`${app.url}/schema.graphql`, { method: "POST", body: "x" });
    expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  test.each(introspections)("answers %s", async (query) => {
    expect((await app.query(query)).errors).toBeUndefined();
  });
});

describe("INTROSPECTION=false", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await start({ introspection: false });
  });

  test.each(introspections)("refuses %s with the reason", async (query) => {
    const { status, errors } = await app.query(query);
    expect([status, errors![0]!.extensions]).toEqual([400, { code: "GRAPHQL_VALIDATION_FAILED" }]);
    expect(errors![0]!.message).toMatch(/^`__(schema|type)` is not answered: introspection is switched off/);
  });

  test("refuses introspection by GET and at /graphql/stream, too", async () => {
    const authorization = `Bearer ${await app.token({ kind: "integration" })}`;
    const get = await fetch(`${app.url}/graphql?query=${encodeURIComponent(introspections[1]!)}`, {
      headers: { authorization },
    });
    expect(get.status).toBe(400);
    const stream = await fetch(`${app.url}/graphql/stream`, {
      method: "POST",
      headers: { authorization, "content-type": "application/json" },
      body: JSON.stringify({ query: introspections[1] }),
    });
    expect([stream.status, await stream.text()]).toEqual([400, expect.stringContaining("switched off")]);
  });

  test("answers __typename and other queries", async () => {
    const { data } = await app.query("{ __typename viewer { __typename kind } }");
    expect(data).toEqual({ __typename: "Query", viewer: { __typename: "Viewer", kind: "INTEGRATION" } });
  });

  test("errors do not suggest names of the schema", async () => {
    const { errors } = await app.query("{ customers { nodes { emial } } }");
    expect(errors![0]!.message).toBe('Cannot query field "emial" on type "Customer".');
  });

  test("/schema.graphql is 404 with the reason", async () => {
    for (const method of ["GET", "HEAD", "POST"]) {
      const response = await fetch(`${app.url}/schema.graphql`, { method });
      expect(response.status).toBe(404);
      if (method === "GET") expect(await response.text()).toContain("Introspection is switched off");
    }
  });
});
