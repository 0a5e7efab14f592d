import { createHash } from "node:crypto";
import { Client, cacheExchange, fetchExchange } from "@urql/core";
import { persistedExchange } from "@urql/exchange-persisted";
import { type Answer, type Caller, createTestApp, type TestApp } from "./support/app.js";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app?.stop());

const integration: Caller = { kind: "integration" };
const authorization = async (as = integration) => ({ authorization: `Bearer ${await app.token(as!)}` });

interface GetOptions {
  method?: "GET" | "HEAD";
  headers?: Record<string, string>;
  signedIn?: boolean;
}

async function get(
  parameters: Record<string, string> | string,
  { method = "GET", headers = {}, signedIn = true }: GetOptions = {},
) {
  const response = await fetch(`${app.url}/graphql?${new URLSearchParams(parameters)}`, {
    method,
    headers: { ...(signedIn && (await authorization())), ...headers },
  });
  const text = await response.text();
  const length = response.headers.get("content-length");
  return { status: response.status, headers: response.headers, length, text, body: text && JSON.parse(text) };
}

const customer = "query Who($id: ID!) { customer(by: { id: $id }) { email } }";
const ada = { id: "cus_ada" };
const found = { customer: { email: "ada@example.com" } };

describe("urql without configuration", () => {
  /** With what it fetched: the method and the address of each request. */
  function client(persisted: boolean) {
    const fetched: string[] = [];
    const urql = new Client({
      url: `${app.url}/graphql`,
      exchanges: [cacheExchange, ...(persisted ? [persistedExchange({ enableForMutation: true })] : []), fetchExchange],
      fetchOptions: { headers: signed },
      fetch: (input, init) => {
        fetched.push(`${init?.method} ${String(input).includes("?") ? "with a query string" : "with a body"}`);
        return fetch(input, init);
      },
    });
    return { urql, fetched };
  }
  let signed: Record<string, string>;
  beforeAll(async () => {
    signed = await authorization();
  });

  test("sends its first query as GET with the caller's token", async () => {
    const { urql, fetched } = client(false);
    const { data, error } = await urql.query(customer, ada);
    expect([error, data]).toEqual([undefined, { customer: { ...found.customer, __typename: "Customer" } }]);
    expect(fetched).toEqual(["GET with a query string"]);
  });

  test("sends a query without name or variables", async () => {
    const { data, error } = await client(false).urql.query("{ viewer { kind } }", {});
    expect([error, data?.viewer.kind]).toEqual([undefined, "INTEGRATION"]);
  });

  test("sends a mutation as POST", async () => {
    const { urql, fetched } = client(false);
    const { data, error } = await urql.mutation(
      'mutation { tagCreate(input: { name: "urql" }) { tag { name } userErrors { code } } }',
      {},
    );
    expect([error, data?.tagCreate.tag.name]).toEqual([undefined, "urql"]);
    expect(fetched).toEqual(["POST with a body"]);
  });

  test("persisted queries: hash alone, then hash with text, then hash alone", async () => {
    const { urql, fetched } = client(true);
    for (const id of ["cus_ada", "cus_ada", "cus_kenji"]) {
      const { data, error } = await urql.query(`${customer} # persisted`, { id }, { requestPolicy: "network-only" });
      expect([error, typeof data?.customer.email]).toEqual([undefined, "string"]);
    }
    expect(fetched).toEqual(Array(4).fill("GET with a query string"));
    const { error } = await urql.mutation('mutation { tagCreate(input: { name: "kept" }) { tag { name } } }', {});
    expect(error).toBeUndefined();
  });
});

/** What `createPersistedQueryLink({ useGETForHashedQueries: true })` sends. */
test("Apollo Client's persisted queries by GET", async () => {
  const query = `${customer} # as Apollo Client asks`;
  const sha256Hash = createHash("sha256").update(query).digest("hex");
  const hashed = {
    operationName: "Who",
    variables: JSON.stringify(ada),
    extensions: JSON.stringify({ clientLibrary: { name: "x" }, persistedQuery: { version: 1, sha256Hash } }),
  };
  const headers = { accept: "application/graphql-response+json,application/json;q=0.9" };
  const unknown = await get(hashed, { headers });
  expect(unknown.body.errors[0].extensions.code).toBe("PERSISTED_QUERY_NOT_FOUND");
  // Of an empty text it has no text.
  expect((await get({ ...hashed, query: "" }, { headers })).body.errors[0].extensions.code).toBe(
    "PERSISTED_QUERY_NOT_FOUND",
  );
  const registered = await fetch(`${app.url}/graphql`, {
    method: "POST",
    headers: { ...headers, ...(await authorization()), "content-type": "application/json" },
    body: JSON.stringify({ ...hashed, query, variables: ada, extensions: JSON.parse(hashed.extensions) }),
  });
  expect(await registered.json()).toMatchObject({ data: found });
  for (const sent of [headers, { ...headers, "content-type": "application/json" }]) {
    expect(await get(hashed, { headers: sent })).toMatchObject({ status: 200, body: { data: found } });
  }
  const signed = await authorization();
  const post = async (body: object) => {
    const response = await fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: { ...signed, "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    return response.json();
  };
  const extensions = JSON.parse(hashed.extensions);
  for (const query of [undefined, null, ""]) {
    expect(await post({ query, extensions, variables: ada })).toMatchObject({ data: found });
  }
});

describe("CSRF prevention of GET", () => {
  const parameters = { query: "{ viewer { kind } }" };

  test("refuses a simple GET, and says which header it lacks", async () => {
    const simple: Record<string, string>[] = [{}, { authorization: "" }, { "content-type": "text/plain" }];
    for (const headers of simple) {
      const { status, body } = await get(parameters, { signedIn: false, headers });
      expect([status, body.errors[0].message]).toEqual([400, expect.stringMatching(/Cross-Site.*authorization/s)]);
    }
  });

  test("answers a GET with a header that requires a preflight", async () => {
    const preflighted: Record<string, string>[] = [
      await authorization(),
      { "content-type": "application/json" },
      { "apollo-require-preflight": "1" },
      { "x-apollo-operation-name": "x" },
    ];
    for (const headers of preflighted) {
      expect((await get(parameters, { signedIn: false, headers })).status).toBe(200);
    }
  });

  test("refuses a content type that forms can send, even with a token", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded; charset=utf-8", "multipart/form-data"]) {
      expect((await get(parameters, { headers: { "content-type": type } })).status).toBe(400);
    }
  });

  test("an invalid token is UNAUTHENTICATED (401), not CSRF", async () => {
    const { status, body } = await get(parameters, { signedIn: false, headers: { authorization: "Bearer x" } });
    expect([status, body.errors[0].extensions.code]).toEqual([401, "UNAUTHENTICATED"]);
  });

  test("GET and HEAD never run a mutation", async () => {
    const query = 'mutation { tagCreate(input: { name: "by-get" }) { tag { name } } }';
    const sha256Hash = createHash("sha256").update(query).digest("hex");
    const extensions = JSON.stringify({ persistedQuery: { version: 1, sha256Hash } });
    await app.query(query.replace("by-get", "by-post"));
    for (const method of ["GET", "HEAD"] as const) {
      const { status, headers } = await get({ query }, { method });
      expect([status, headers.get("allow")]).toEqual([405, "POST"]);
      expect((await get({ query, extensions }, { method })).status).toBe(405);
    }
    expect((await get({ query: "subscription { customerChanged { id } }" })).status).toBe(405);
    expect(await app.database.query("SELECT 1 FROM tags WHERE name = 'by-get'", [])).toEqual([]);
  });
});

describe("empty GET and POST parameters count as omitted", () => {
  const parameters = { query: customer, variables: JSON.stringify(ada) };

  test.each([{ operationName: "" }, { extensions: "" }, { extensions: "null" }, { extensions: "{}" }])(
    "in the query string: %j",
    async (more) => {
      expect((await get({ ...parameters, ...more } as never)).body).toMatchObject({ data: found });
    },
  );

  test.each(["", " ", "null", " null ", "{}"])("variables=%j in the query string", async (variables) => {
    const { body } = await get({ query: "{ viewer { kind } }", variables, operationName: "" });
    expect(body.data).toEqual({ viewer: { kind: "INTEGRATION" } });
    const missing = await get({ query: customer, variables });
    expect([missing.status, missing.body.errors[0].message]).toEqual([400, expect.stringContaining("$id")]);
  });

  test.each([
    { operationName: "" },
    { operationName: null },
    { operationName: "Who" },
    { extensions: null },
    { operationName: "", extensions: {} },
  ])("in a body: %j", async (more) => {
    for (const path of ["/graphql", "/graphql/stream"]) {
      const response = await fetch(`${app.url}${path}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...(await authorization()) },
        body: JSON.stringify({ query: customer, variables: ada, ...more }),
      });
      const { data, errors } = (await response.json()) as Answer<unknown>;
      if (path === "/graphql") expect([errors, data]).toEqual([undefined, found]);
      // The operation was found: it is of the wrong kind.
      else expect(errors![0]!.message).toMatch(/Only subscriptions are served here; send a query/);
    }
  });

  test("with several operations operationName is required", async () => {
    const query = "query A { __typename } query B { __typename }";
    for (const operationName of ["", "C"]) expect((await get({ query, operationName })).status).toBe(400);
    expect((await get({ query, operationName: "B" })).status).toBe(200);
  });
});

const odd: [parameters: string, says: RegExp][] = [
  ["query={__typename}&query={__typename}", /'query' search parameter may only be specified once/],
  ["query={__typename}&variables=", /^$/],
  ["query={__typename}&variables=&variables={}", /only be specified once/],
  ["query={__typename}&variables={", /variables search parameter contains invalid JSON/],
  ["query={__typename}&variables=[]", /variables search parameter should contain a JSON-encoded object/],
  ["query={__typename}&variables=5", /JSON-encoded object/],
  ['query={__typename}&extensions="x"', /extensions search parameter should contain a JSON-encoded object/],
  ['query={__typename}&extensions={"persistedQuery":5}', /persisted query/],
  ['query={__typename}&extensions={"persistedQuery":null}', /^$/],
  ['extensions={"persistedQuery":{"version":1}}', /PersistedQueryNotFound/],
  ['extensions={"persistedQuery":{"version":1,"sha256Hash":{"a":[]}}}', /PersistedQueryNotFound/],
  ["query=", /non-empty `query`/],
  ["variables={}", /non-empty `query`/],
  ["x=y", /non-empty `query`/],
];
test.each(odd)("GET ?%s", async (search, says) => {
  const { status, body } = await get(search);
  expect(status).toBeLessThan(500);
  expect(body.errors?.[0].message ?? "").toMatch(says);
});

test("HEAD answers with the headers of GET and no body", async () => {
  const requests: Record<string, string>[] = [
    { query: customer, variables: JSON.stringify(ada) },
    { query: "{ nothing }" },
    { query: "{" },
  ];
  for (const parameters of requests) {
    const [full, head] = [await get(parameters), await get(parameters, { method: "HEAD" })];
    expect([head.status, head.text]).toEqual([full.status, ""]);
    expect(head.headers.get("content-type")).toBe(full.headers.get("content-type"));
    expect(head.length).toBe(full.length);
  }
  for (const path of ["/graphql", "/health/live", "/health/ready", "/", "/nothing"]) {
    const [full, head] = [await fetch(`${app.url}${path}`), await fetch(`${app.url}${path}`, { method: "HEAD" })];
    expect([path, head.status, await head.text()]).toEqual([path, full.status, ""]);
    await full.text();
  }
});
