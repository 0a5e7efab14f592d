import { request as httpRequest, type IncomingMessage } from "node:http";
import { brotliDecompressSync } from "node:zlib";
import { createJsonApiTest, type JsonApiTest, mediaType } from "./support.js";

const origin = "https://shop.example";
let app: JsonApiTest;
beforeAll(async () => {
  app = await createJsonApiTest({ corsOrigins: [origin] });
});
afterAll(() => app.stop());

/** A request whose response is not decoded. */
async function raw(path: string, headers: Record<string, string>, method = "GET") {
  const authorization = `Bearer ${await app.token({ kind: "integration" })}`;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    httpRequest(app.url + path, { method, headers: { authorization, ...headers } }, resolve)
      .once("error", reject)
      .end();
  });
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) };
}

test.each([
  "/api/customers/cus_ada",
  "/api/customers?include=orders",
  "/api/customers/cus_ada/relationships/tags",
  "/api/customers/cus_nobody",
])("HEAD %s is GET without the body", async (path) => {
  const get = await raw(path, {});
  const head = await raw(path, {}, "HEAD");
  const { date: _, ...headers } = get.headers;
  expect(get.headers["content-length"]).toBe(String(get.body.length));
  expect([head.status, head.body.length]).toEqual([get.status, 0]);
  expect(head.headers).toMatchObject(headers);
});

test.each([
  ["PUT", "/api/customers/cus_ada", "GET, HEAD, PATCH, DELETE"],
  ["POST", "/api/customers/cus_ada", "GET, HEAD, PATCH, DELETE"],
  ["PUT", "/api/customers", "GET, HEAD, POST"],
  ["DELETE", "/api/customers", "GET, HEAD, POST"],
  ["POST", "/api/order_subscription_items", "GET, HEAD"],
  ["POST", "/api/customers/cus_ada/orders", "GET, HEAD"],
  ["PATCH", "/api/customers/cus_ada/relationships/tags", "GET, HEAD"],
  ["OPTIONS", "/api/customers", "GET, HEAD, POST"],
])("%s %s is 405 and allows %s", async (method, path, allow) => {
  const { status, headers, body } = await app.request(path, { method, body: method === "OPTIONS" ? undefined : {} });
  expect([status, headers.get("allow"), body.errors[0].code]).toEqual([405, allow, "METHOD_NOT_ALLOWED"]);
});

test.each([
  [mediaType, 200],
  [`${mediaType}; charset=utf-8`, 200],
  [`${mediaType};profile="https://example.com/p"`, 200],
  ["application/json", 200],
  ["application/json;q=0.5, text/html", 200],
  ["application/*", 200],
  ["*/*", 200],
  ["text/html, */*;q=0.1", 200],
  ["text/html", 406],
  ["application/xml", 406],
  [`${mediaType};q=0`, 406],
  ["application/vnd.api+jsonx", 406],
])("accept: %s is answered by %i", async (accept, status) => {
  const reply = await app.request("/api/customers/cus_ada", { headers: { accept } });
  expect([reply.status, reply.headers.get("content-type")]).toEqual([status, mediaType]);
  expect(reply.body.errors?.[0]).toEqual(
    status === 200
      ? undefined
      : expect.objectContaining({ code: "NOT_ACCEPTABLE", status: "406", source: { header: "accept" } }),
  );
});

test("a long response is compressed, but not one that shows secrets", async () => {
  const headers = { "accept-encoding": "br" };
  const plain = await raw("/api/customers?include=orders&fields[orders]=number,status,customer_email", headers);
  expect([plain.headers["content-encoding"], plain.headers.vary]).toEqual(["br", "origin, accept-encoding"]);
  expect(JSON.parse(brotliDecompressSync(plain.body).toString()).data.length).toBeGreaterThan(5);
  for (const path of ["/api/orders", "/api/orders?fields[orders]=token", "/api/customers?include=orders"]) {
    const secret = await raw(path, headers);
    expect(secret.body.toString()).toContain('"token":');
    expect([path, secret.body.length > 1_400, secret.headers["content-encoding"]]).toEqual([path, true, undefined]);
  }
});

test("no response is stored by caches", async () => {
  for (const path of ["/api/customers", "/api/customers/cus_nobody", "/api/nothing"]) {
    expect((await app.request(path)).headers.get("cache-control")).toBe("no-store");
  }
});

describe("CORS", () => {
  const preflight = (path: string, from: string, method: string) =>
    fetch(app.url + path, {
      method: "OPTIONS",
      headers: {
        origin: from,
        "access-control-request-method": method,
        "access-control-request-headers": "authorization,content-type",
      },
    });

  test.each(["PATCH", "DELETE", "POST", "GET"])("an allowed origin may %s", async (method) => {
    const { status, headers } = await preflight("/api/customers/cus_ada", origin, method);
    expect(status).toBe(204);
    expect(headers.get("access-control-allow-origin")).toBe(origin);
    expect(headers.get("access-control-allow-methods")?.split(", ")).toContain(method);
    expect(headers.get("access-control-allow-headers")).toContain("authorization");
  });

  test("other origins may not, and other addresses take no PATCH", async () => {
    const other = await preflight("/api/customers/cus_ada", "https://evil.example", "PATCH");
    expect(other.headers.get("access-control-allow-origin")).toBeNull();
    const graphql = await preflight("/graphql", origin, "PATCH");
    expect(graphql.headers.get("access-control-allow-methods")).toBe("GET, HEAD, POST");
  });

  test("an allowed origin reads responses and errors", async () => {
    for (const path of ["/api/customers/cus_ada", "/api/customers/cus_nobody"]) {
      const { headers } = await app.request(path, { headers: { origin } });
      expect(headers.get("access-control-allow-origin")).toBe(origin);
    }
  });
});

describe("addresses", () => {
  const nothing: [path: string, code: string][] = [
    ["/api/", "ROUTE_NOT_FOUND"],
    ["/api//customers", "ROUTE_NOT_FOUND"],
    ["/api/Customers", "ROUTE_NOT_FOUND"],
    ["/api/__proto__", "ROUTE_NOT_FOUND"],
    ["/api/customers;a=1", "ROUTE_NOT_FOUND"],
    ["/api/customers/cus_ada/__proto__", "ROUTE_NOT_FOUND"],
    ["/api/customers/cus_ada/relationships", "ROUTE_NOT_FOUND"],
    ["/api/customers/cus_ada/orders/ord_1", "ROUTE_NOT_FOUND"],
    ["/api/customers/cus_ada//", "ROUTE_NOT_FOUND"],
    ["/api/customers//", "ROUTE_NOT_FOUND"],
    ["/api/customers//orders", "ROUTE_NOT_FOUND"],
    ["/api/customers/cus_ada//orders", "ROUTE_NOT_FOUND"],
    ["/api/customers/cus_ada/orders//", "ROUTE_NOT_FOUND"],
    ["/api/customers/cus_ada/relationships//", "ROUTE_NOT_FOUND"],
    ["/api/customers/cus_ada/relationships//tags", "ROUTE_NOT_FOUND"],
    ["/api/customers%2Fcus_ada", "ROUTE_NOT_FOUND"],
    ["/api/%63ustomer", "ROUTE_NOT_FOUND"],
    ["/api/%E0%A4%A", "ROUTE_NOT_FOUND"],
    ["/api/customers/a/b/c/d", "ROUTE_NOT_FOUND"],
    ["/api/customers/%", "RECORD_NOT_FOUND"],
    ["/api/customers/%E0%A4%A", "RECORD_NOT_FOUND"],
    ["/api/customers/%ED%A0%80", "RECORD_NOT_FOUND"],
    ["/api/customers/cus_ada%2Forders", "RECORD_NOT_FOUND"],
    ["/api/customers/CUS_ADA", "RECORD_NOT_FOUND"],
    ["/api/customers/%00", "RECORD_NOT_FOUND"],
    ["/api/customers/cus_ada%00/orders", "RECORD_NOT_FOUND"],
    ["/api/customers/cus_ada%00/customer_group", "RECORD_NOT_FOUND"],
    ["/api/customers/%00/relationships/tags", "RECORD_NOT_FOUND"],
    ["/api/customers/%00/jwt_markets", "RECORD_NOT_FOUND"],
    [`/api/customers/${"a".repeat(12_000)}`, "RECORD_NOT_FOUND"],
    [`/api/customers/${"%F0%9F%98%80".repeat(500)}/orders`, "RECORD_NOT_FOUND"],
  ];
  test.each(nothing.map(([path, code]) => [path.slice(0, 60), path, code]))("%s is nothing", async (_, path, code) => {
    const { status, headers, body } = await app.request(path);
    expect([status, headers.get("content-type"), body.errors[0].code]).toEqual([404, mediaType, code]);
    // A sentence, in which no name is empty.
    expect(body.errors[0].detail).toMatch(/^\w(?!.* \.).*\w[.?]$/s);
    expect(JSON.stringify(body).length).toBeLessThan(1_000);
  });

  test("outside of /api/ is nothing either", async () => {
    for (const path of ["/api", "/api?include=orders", "/apis/customers"]) {
      expect((await app.request(path)).status).toBe(404);
    }
  });

  test.each([
    "/api/customers/cus_ada/",
    "/api/customers/cus%5Fada",
    "/api/%63ustomers/cus_ada",
    "/api/customers/cus_ada?include=",
  ])("%s is cus_ada", async (path) => {
    const { status, body } = await app.request(path);
    expect([status, body.data.id]).toEqual([200, "cus_ada"]);
  });

  test.each(["/api/customers/cus_ada/relationships/tags/", "/api/%63ustomers/cus%5Fada/%72elationships/t%61gs"])(
    "%s has links to addresses without needless escapes",
    async (path) => {
      const { status, body } = await app.request(path);
      const own = `${app.url}/api/customers/cus_ada`;
      expect([status, body.links.self, body.links.related]).toEqual([200, `${own}/relationships/tags`, `${own}/tags`]);
    },
  );
});

describe("parameters", () => {
  test.each([
    "page[size]=1&page[size]=2",
    "page[number]=1&page[number]=1",
    "include=orders&include=tags",
    "sort=id&sort=email",
    "fields[customers]=id&fields[customers]=email",
    "filter[q][email_eq]=a&filter[q][email_eq]=b",
  ])("%s is refused", async (twice) => {
    const { status, body } = await app.request(`/api/customers?${twice}`);
    const [parameter] = twice.split("=");
    expect([status, body.errors[0].code, body.errors[0].source]).toEqual([400, "PARAM_NOT_ALLOWED", { parameter }]);
  });

  test.each(["include=", "sort=", "fields[customers]=", "page[number]=", "%00=", "filter[q][", "x[y]="])(
    "%s of NUL is no fault of the server",
    async (name) => {
      const { status, body } = await app.request(`/api/customers?${name}%00`);
      expect([status, body.errors[0].status]).toEqual([400, "400"]);
    },
  );

  test("bytes that are not UTF-8 are refused by an error object that names the parameter", async () => {
    const { status, headers, body } = await app.request("/api/customers?filter[q][email_eq]=%FF");
    expect([status, headers.get("content-type")]).toEqual([400, mediaType]);
    expect(body.errors[0]).toMatchObject({ code: "BAD_REQUEST", detail: expect.stringContaining("email_eq") });
  });
});

describe("pages", () => {
  test.each([
    "/api/customers?page[number]=1000",
    "/api/customers?page[number]=1000000&page[size]=25",
    "/api/customers/cus_ada/orders?page[number]=1000000",
    "/api/customers/cus_ada/relationships/orders?page[number]=1000000",
    "/api/customers?page[number]=2&filter[q][email_eq]=ada@example.com",
  ])("%s, beyond the last, is empty, and links lead back", async (path) => {
    const { status, body } = await app.request(path);
    expect([status, body.data]).toEqual([200, []]);
    expect(body.meta.record_count).toBeGreaterThan(0);
    expect(new URL(body.links.prev).searchParams.get("page[number]")).toBe(String(body.meta.page_count));
    expect(body.links).not.toHaveProperty("next");
    const last = new URL(body.links.last);
    expect((await app.request(last.pathname + last.search)).body.data.length).toBeGreaterThan(0);
  });

  test.each(["1000001", "9007199254740", "99999999999999999999", "0", "-1", "1.5", "1e3", "", "one"])(
    "page[number]=%s is told what would be right",
    async (number) => {
      const { status, body } = await app.request(`/api/customers?page[number]=${number}`);
      const { code, source, detail } = body.errors[0];
      expect([status, code, source]).toEqual([400, "INVALID_PAGE_VALUE", { parameter: "page[number]" }]);
      expect(detail).toContain("from 1 to 1000000");
    },
  );

  test("links of a page keep the other parameters, and walking by next sees each row once", async () => {
    const all: string[] = [];
    let next: string | undefined = "/api/customers?page[size]=5&sort=-email&fields[customers]=email";
    while (next) {
      const { body } = await app.request(next);
      all.push(...body.data.map(({ attributes }: { attributes: { email: string } }) => attributes.email));
      expect(Object.keys(body.data[0].attributes)).toEqual(["email"]);
      const url: URL | undefined = body.links.next && new URL(body.links.next);
      next = url && url.pathname + url.search;
    }
    expect(all).toEqual([...new Set(all)].sort().reverse());
    expect(all).toHaveLength((await app.request("/api/customers?page[size]=1")).body.meta.record_count);
  });
});

test("a page that takes longer to read than allowed is a timeout", async () => {
  const slow = await createJsonApiTest({ sharing: app, timeouts: { read: 300 } });
  const lock = await app.database.pool.connect();
  try {
    await lock.query("BEGIN; LOCK TABLE customers IN ACCESS EXCLUSIVE MODE");
    const { status, body } = await slow.request("/api/customers?page[number]=1000000");
    expect([status, body.errors[0].code]).toEqual([504, "TIMEOUT"]);
  } finally {
    await lock.query("ROLLBACK");
    lock.release();
    await slow.stop();
  }
});
