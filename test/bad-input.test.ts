import { randomBytes } from "node:crypto";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import { createTestApp, type TestApp } from "./support/app.js";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.stop());

interface Raw {
  body?: string | Buffer;
  method?: string;
  headers?: Record<string, string>;
  path?: string;
}

async function raw({ body, method = "POST", headers = {}, path = "/graphql" }: Raw) {
  const response = await fetch(`${app.url}${path}`, {
    method,
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${await app.token({ kind: "integration" })}`,
      ...headers,
    },
    body: body as never,
  });
  const text = await response.text();
  return { status: response.status, text };
}

/** No answer may show how the server is made. */
function expectNoInsides(text: string) {
  expect(text).not.toMatch(/\b(SELECT|INSERT|UPDATE)\b|node_modules|\bat .*\.[jt]s|prisma|postgres|stacktrace/);
}

/** Operations at fault, the code they get, and what the message must say. */
const faulty: [what: string, query: string, variables: unknown, code: string, says: RegExp][] = [
  [
    "an unknown field",
    "{ customers { nodes { emial } } }",
    {},
    "GRAPHQL_VALIDATION_FAILED",
    /"emial".*Did you mean "email"/,
  ],
  [
    "an unknown argument",
    "{ customers(frist: 1) { totalCount } }",
    {},
    "GRAPHQL_VALIDATION_FAILED",
    /"frist".*"first"/,
  ],
  [
    "an unknown filter",
    '{ customers(filter: { emial: { eq: "a" } }) { totalCount } }',
    {},
    "GRAPHQL_VALIDATION_FAILED",
    /"emial".*"email"/,
  ],
  [
    "a wrong enum",
    "{ customers(filter: { status: { eq: GOLD } }) { totalCount } }",
    {},
    "GRAPHQL_VALIDATION_FAILED",
    /"GOLD"/,
  ],
  [
    "a wrong enum in a variable",
    "query ($s: CustomerStatus) { customers(filter: { status: { eq: $s } }) { totalCount } }",
    { s: "GOLD" },
    "BAD_USER_INPUT",
    /"GOLD"/,
  ],
  [
    "first below zero",
    "{ customers(first: -1) { totalCount } }",
    {},
    "BAD_USER_INPUT",
    /`first` must be 0 or more, not -1/,
  ],
  [
    "a huge first",
    "{ customers(first: 1000000000) { totalCount } }",
    {},
    "PAGE_TOO_LARGE",
    /`first` is 1000000000; the maximum is 250/,
  ],
  [
    "a huge first in a variable",
    "query ($n: Int) { customers(first: $n) { totalCount } }",
    { n: 251 },
    "PAGE_TOO_LARGE",
    /maximum is 250/,
  ],
  [
    "a huge nested first",
    "{ customers(first: 1) { nodes { orders(first: 251) { totalCount } } } }",
    {},
    "PAGE_TOO_LARGE",
    /maximum is 250/,
  ],
  [
    "first beyond 32 bits",
    "{ customers(first: 10000000000) { totalCount } }",
    {},
    "GRAPHQL_VALIDATION_FAILED",
    /32-bit/,
  ],
  ["a huge offset", "{ customers(offset: 10001) { totalCount } }", {}, "PAGE_TOO_LARGE", /endCursor/],
  ["an offset below zero", "{ customers(offset: -1) { totalCount } }", {}, "BAD_USER_INPUT", /`offset`/],
  [
    "first and last",
    "{ customers(first: 1, last: 1) { totalCount } }",
    {},
    "BAD_USER_INPUT",
    /`last` cannot go together with `first`/,
  ],
  ["before without last", '{ customers(before: "x") { totalCount } }', {}, "BAD_USER_INPUT", /`before` needs `last`/],
  ["a foreign cursor", '{ customers(after: "abc") { totalCount } }', {}, "CURSOR_MISMATCH", /`after`/],
  ["an empty order", "{ customers(orderBy: []) { totalCount } }", {}, "BAD_USER_INPUT", /`orderBy`/],
  [
    "a NUL in a filter",
    "query ($e: String) { customers(filter: { email: { eq: $e } }) { totalCount } }",
    { e: "a\0b" },
    "BAD_USER_INPUT",
    /`\$e` contains a NUL character/,
  ],
  [
    "a NUL in the document",
    '{ customers(filter: { email: { eq: "a\\u0000b" } }) { totalCount } }',
    {},
    "BAD_USER_INPUT",
    /`filter.email.eq` contains a NUL character/,
  ],
  [
    "a NUL in a key",
    "query ($f: CustomerFilter) { customers(filter: $f) { totalCount } }",
    { f: { metadata: { key: "a\0" } } },
    "BAD_USER_INPUT",
    /NUL/,
  ],
  [
    "half a surrogate pair",
    "query ($e: String) { customers(filter: { email: { eq: $e } }) { totalCount } }",
    { e: "\ud800" },
    "BAD_USER_INPUT",
    /half a character/,
  ],
  [
    "null where a value is needed",
    "{ customers(filter: { email: { eq: null } }) { totalCount } }",
    {},
    "BAD_USER_INPUT",
    /`filter.email.eq` must not be null.*isNull/,
  ],
  ["no key", "{ customer(by: {}) { id } }", {}, "GRAPHQL_VALIDATION_FAILED", /exactly one/i],
  ["two keys", '{ customer(by: { id: "a", email: "b" }) { id } }', {}, "GRAPHQL_VALIDATION_FAILED", /exactly one/i],
  [
    "two keys in a variable",
    "query ($by: CustomerIdentifier!) { customer(by: $by) { id } }",
    { by: { id: "a", email: "b" } },
    "BAD_USER_INPUT",
    /exactly one/i,
  ],
  [
    "no date",
    '{ customers(filter: { createdAt: { gt: "yesterday" } }) { totalCount } }',
    {},
    "GRAPHQL_VALIDATION_FAILED",
    /ISO 8601/,
  ],
  [
    "a date in no calendar",
    "query ($d: DateTime) { customers(filter: { createdAt: { gt: $d } }) { totalCount } }",
    { d: "2026-13-45T00:00:00Z" },
    "BAD_USER_INPUT",
    /ISO 8601/,
  ],
  [
    "too many ids",
    "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }",
    { ids: Array(101).fill("a") },
    "BAD_USER_INPUT",
    /`ids` has 101 ids; at most 100/,
  ],
  ["no document", "", {}, "BAD_REQUEST", /./],
  ["no GraphQL", "{ customers", {}, "GRAPHQL_PARSE_FAILED", /Syntax Error/],
  ["too many tokens", `{ ${"__typename ".repeat(6_000)} }`, {}, "TOKEN_LIMIT", /tokens/],
  [
    "too deep",
    `{ customers { nodes ${"{ orders { nodes { customer ".repeat(8)} { id } ${"} } }".repeat(8)} } }`,
    {},
    "DEPTH_LIMIT",
    /levels deep; at most 16/,
  ],
  [
    "too much",
    "{ customers(first: 100) { nodes { orders(first: 100) { nodes { lineItems(first: 100) { nodes { id } } } } } } }",
    {},
    "COST_LIMIT",
    /could return [\d]+ objects/,
  ],
  [
    "too much by a variable",
    "query ($n: Int) { customers(first: $n) { nodes { orders(first: $n) { nodes { lineItems(first: $n) { nodes { id } } } } } } }",
    { n: 100 },
    "COST_LIMIT",
    /smaller pages/,
  ],
  [
    "too much by aliases",
    `{ ${Array.from({ length: 40 }, (_, i) => `a${i}: customers(first: 100) { nodes { orders(first: 20) { nodes { id } } } }`).join(" ")} }`,
    {},
    "COST_LIMIT",
    /smaller pages/,
  ],
  ["a missing variable", "query ($id: ID!) { customer(by: { id: $id }) { id } }", {}, "BAD_USER_INPUT", /\$id/],
  ["a count below zero", "{ customers { totalCount(atMost: -1) } }", {}, "BAD_USER_INPUT", /`atMost`/],
];

test.each(faulty)("rejects %s with a clear error", async (_what, query, variables, code, says) => {
  const { status, text } = await raw({ body: JSON.stringify({ query, variables }) });
  const { errors } = JSON.parse(text);
  expect(errors[0].extensions.code).toBe(code);
  expect(errors[0].message).toMatch(says);
  expect(status).toBeLessThan(500);
  expectNoInsides(text);
});

test("page size limit of shoppers is lower than of integrations", async () => {
  const query = "{ orders(first: 101) { nodes { id } } }";
  expect((await app.query(query)).errors).toBeUndefined();
  const { errors } = await app.query(query, {}, { as: { kind: "customer", id: "cus_ada" } });
  expect(errors![0]!.extensions).toMatchObject({ code: "PAGE_TOO_LARGE", maximum: 100 });
});

test("rejects a cursor of another sort order", async () => {
  const { data } = await app.query("{ customers(first: 1) { pageInfo { endCursor } } }");
  const { errors } = await app.query(
    "query ($c: String) { customers(first: 1, after: $c, orderBy: [{ field: EMAIL }]) { totalCount } }",
    { c: data.customers.pageInfo.endCursor },
  );
  expect(errors![0]!.extensions.code).toBe("CURSOR_MISMATCH");
});

test("rejects forged cursors", async () => {
  for (const place of [
    ["cus:+nemail,+nid"],
    ["cus:-ncreatedAt,-nid", 5, "a"],
    ["cus:-ncreatedAt,-nid", "2026-01-01T00:00:00Z", 1],
    {},
    null,
  ]) {
    const cursor = Buffer.from(JSON.stringify(place)).toString("base64url");
    const { errors } = await app.query("query ($c: String) { customers(after: $c) { totalCount nodes { id } } }", {
      c: cursor,
    });
    expect(errors![0]!.extensions.code).toBe("CURSOR_MISMATCH");
  }
});

test("an id of another type is not found", async () => {
  const { data, errors } = await app.query(
    '{ customer(by: { id: "ord_1001" }) { id } order(by: { id: "cus_ada" }) { id } }',
  );
  expect(errors).toBeUndefined();
  expect(data).toEqual({ customer: null, order: null });
});

test("rejects variables that are too deep or too large", async () => {
  const query = "query ($f: CustomerFilter) { customers(filter: $f) { totalCount } }";
  const deep = `{"query":${JSON.stringify(query)},"variables":{"f":${'{"not":'.repeat(12_000)}{}${"}".repeat(12_000)}}}`;
  const wide = JSON.stringify({ query, variables: { f: { or: Array.from({ length: 5_000 }, () => ({})) } } });
  for (const body of [deep, wide]) {
    const { status, text } = await raw({ body });
    expect([status, JSON.parse(text).errors[0].extensions.code]).toEqual([400, "BAD_USER_INPUT"]);
    expectNoInsides(text);
  }
});

test("tag names are case-insensitive", async () => {
  const { data } = await app.query('{ customers(filter: { tags: { all: ["VIP", "Priority"] } }) { nodes { id } } }');
  expect(data.customers.nodes).toEqual([{ id: "cus_ada" }]);
});

const persisted = (persistedQuery: object) => ({
  body: JSON.stringify({ query: "{ __typename }", extensions: { persistedQuery } }),
});
const requests: [what: string, request: Raw, status: number, says?: RegExp][] = [
  ["malformed JSON", { body: '{"query": "{' }, 400, /not valid JSON; send one object such as {"query"/],
  ["an empty object", { body: "{}" }, 400, /one JSON object such as {"query"/],
  ["a JSON list", { body: "[]" }, 400],
  ["a JSON number", { body: "5" }, 400],
  ["no body", { body: "" }, 400],
  [
    "another content type",
    { body: "query={customers{totalCount}}", headers: { "content-type": "application/x-www-form-urlencoded" } },
    415,
  ],
  [
    "a body too long",
    { body: JSON.stringify({ query: `{ customers { totalCount } } # ${"x".repeat(200_000)}` }) },
    413,
  ],
  ["a packed body", { body: gzipSync('{"query":"{__typename}"}'), headers: { "content-encoding": "gzip" } }, 415],
  ["random bytes", { body: randomBytes(500) }, 400],
  ["a wrong method", { method: "DELETE" }, 405, /by POST, as JSON/],
  [
    "a wrong method without a content type",
    { method: "PUT", headers: { "content-type": "text/plain" } },
    405,
    /by POST, as JSON/,
  ],
  ["the address opened in a browser", { method: "GET", headers: { "content-type": "" } }, 400, /playground.* at \/\./],
  ["a wrong method for the health", { method: "POST", path: "/health/live", body: "{}" }, 405, /by GET/],
  [
    "a persisted query of another hash",
    persisted({ version: 1, sha256Hash: "0".repeat(64) }),
    400,
    /sha does not match/,
  ],
  [
    "a persisted query of another kind",
    persisted({ version: 2, sha256Hash: "0" }),
    400,
    /[Uu]nsupported persisted query/,
  ],
  ["a persisted query without a hash", persisted({ version: 1 }), 400],
  ["a persisted query whose hash is none", persisted({ version: 1, sha256Hash: { a: 1 } }), 400],
  ["a path that is none", { method: "GET", path: "//" }, 404],
  ["an unknown path", { method: "GET", path: "/nothing" }, 404],
  ["variables that are no object", { body: '{"query":"{__typename}","variables":"x"}' }, 400],
  ["a query that is no text", { body: '{"query":5}' }, 400],
  ["an unknown operation", { body: '{"query":"query A{__typename}","operationName":"B"}' }, 400],
];

test.each(requests)("%s is a 4xx", async (_what, request, status, says = /./) => {
  const answer = await raw(request);
  expect(answer.status).toBe(status);
  const [error] = JSON.parse(answer.text).errors;
  expect(error.message).toMatch(says);
  expect(error.extensions.code).not.toBe("INTERNAL_SERVER_ERROR");
  expectNoInsides(answer.text);
});

test("rejects mutations by GET", async () => {
  const query = encodeURIComponent('mutation { tagsAdd(id: "cus_ada", names: ["vip"]) { userErrors { code } } }');
  const { status } = await raw({
    method: "GET",
    path: `/graphql?query=${query}`,
    headers: { "apollo-require-preflight": "1" },
  });
  expect(status).toBe(405);
});

test("rejects cross-site form posts (CSRF)", async () => {
  const { status } = await raw({
    method: "GET",
    path: "/graphql?query=%7B__typename%7D",
    headers: { "content-type": "text/plain" },
  });
  expect(status).toBe(400);
});

test("rejects exponentially nested fragments quickly", async () => {
  const fragments = Array.from({ length: 28 }, (_, i) => `fragment f${i} on Customer { ...f${i + 1} ...f${i + 1} }`);
  const query = `{ customers { nodes { ...f0 } } } ${fragments.join(" ")} fragment f28 on Customer { id }`;
  const start = process.hrtime.bigint();
  const { status, text } = await raw({ body: JSON.stringify({ query }) });
  expect(status).toBeLessThan(500);
  expectNoInsides(text);
  expect(Number(process.hrtime.bigint() - start) / 1e9).toBeLessThan(10);
});

test("survives requests that are aborted midway", async () => {
  const { hostname, port } = new URL(app.url);
  await new Promise<void>((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(
        "POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{",
      );
      setTimeout(() => socket.destroy(), 50);
    });
    socket.on("close", () => resolve());
  });
  const { data } = await app.query("{ customers(first: 0) { totalCount } }");
  expect(data.customers.totalCount).toBeGreaterThan(0);
  expect(app.logged.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});

test("keep-alive timeout is longer than that of proxies", async () => {
  const { headers } = await fetch(`${app.url}/health/live`);
  const [, seconds] = /timeout=(\d+)/.exec(headers.get("keep-alive")!)!;
  expect(Number(seconds)).toBeGreaterThan(60);
});

test("bad requests are not logged as internal errors", () => {
  expect(app.logged.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});
