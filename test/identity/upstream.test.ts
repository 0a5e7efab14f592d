import { mkdtemp, rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { seedDemo } from "../../prisma/seed.js";
import { type App, startApp } from "../../src/app.js";
import { loadConfig } from "../../src/config.js";
import { permissions } from "../../src/graph/access/permission.js";
import { models, typesOf } from "../../src/graph/model/datamodel.js";
import { TokenInfoEndpoint } from "../../src/identity/token-info.js";
import { createLogger } from "../../src/telemetry/logger.js";
import { createTestDatabase, type TestDatabase } from "../support/database.js";
import { until } from "../support/live.js";
import type { Untyped } from "../support/operation-data.js";
import { foreignKey, handMade, organization, outsideClaims, seconds, signWith } from "./support.js";

const key = foreignKey("RS512", "1");
const stranger = foreignKey("RS512", "1");
const vera = { id: "usr_vera", type: "User" };
const info = { first_name: "Vera", last_name: "Support", email: "vera@example.com", time_zone: "UTC" };
const integration = { id: "BdjkzABcde", client_id: "abc", kind: "integration", public: false, confidential: true };
const shopper = { id: "app_s", client_id: "shop", kind: "sales_channel", public: true, confidential: false };

const everyType = [...models.values()].flatMap((model) => [...typesOf(model)]);
const everyAction = ["create", "read", "update", "destroy"];
/** What Commerce Layer answers about a token of this role. */
const tokenInfo = (kind: string, actions: string[], types = everyType, rest: object = {}) => ({
  token: { test: true, market_ids: null, stock_location_ids: null, lifespan: 7200 },
  role: { id: "role", kind, name: kind },
  permissions: Object.fromEntries(types.map((type) => [type, { actions }])),
  accessible_apps: [],
  ...rest,
});
const admin = tokenInfo("admin", everyAction);
const readOnly = tokenInfo("read_only", ["read"]);

/** Commerce Layer, as far as its tokens go: keys and token info, each of which can fail. */
class Upstream {
  /** The tokens that were asked for. */
  asked: string[] = [];
  answer: (token: string, response: ServerResponse) => void = (_token, response) => this.send(response, admin);
  url = "";
  /** Answers what is not token info. */
  rest: (request: IncomingMessage, response: ServerResponse) => void = ({ url }, response) =>
    this.send(response, url === "/elsewhere" ? admin : { keys: [key.jwk] });
  private readonly server: Server = createServer((request, response) => {
    if (request.url !== "/oauth/tokeninfo") return this.rest(request, response);
    const token = request.headers.authorization!.replace("Bearer ", "");
    this.asked.push(token);
    this.answer(token, response);
  });

  send(response: ServerResponse, body: unknown, status = 200): void {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

interface Gateway extends App {
  logged: string[];
}

const undo: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const step of undo.reverse()) await step();
});

let ahead = 0;
let stands: number | undefined;
/** A whole server with the demo shop, as its environment says. */
async function start(env: Record<string, string>): Promise<Gateway> {
  const database: TestDatabase = await createTestDatabase();
  undo.push(() => database.drop());
  const dataDir = await mkdtemp(join(tmpdir(), "customer-graph-upstream-"));
  undo.push(() => rm(dataDir, { recursive: true }));
  const config = loadConfig({
    DATABASE_URL: database.connectionString,
    DATA_DIR: dataDir,
    PORT: "0",
    WORKER: "false",
    ...env,
  });
  const logged: string[] = [];
  const log = createLogger({ level: "debug", json: true, write: (line) => logged.push(line) });
  const app = await startApp({ config, log, seed: seedDemo, now: () => new Date((stands ?? Date.now()) + ahead) });
  undo.push(() => app.stop());
  return { ...app, logged };
}

let upstream: Upstream;
let gateway: Gateway;
const clients = { listed: ["customers:read", "orders:*"], "by-id": ["tags:read"] };
beforeAll(async () => {
  upstream = await new Upstream().start();
  undo.push(() => upstream.stop());
  gateway = await start({
    UPSTREAM_ORGANIZATION: organization.id,
    UPSTREAM_DOMAIN: upstream.url,
    UPSTREAM_CLIENTS: JSON.stringify(clients),
  });
  await knowsKeys(gateway, token({ application: shopper }));
});
beforeEach(() => {
  ahead = 0;
  stands = undefined;
  upstream.asked = [];
  upstream.answer = (_token, response) => upstream.send(response, admin);
});

/** Waits until a server has read the keys: on a loaded machine not at its first attempt. */
async function knowsKeys(server: App, bearer: string): Promise<void> {
  await until(async () => (await ask(bearer, "{ viewer { kind } }", server)).status === 200);
}

let made = 0;
/** A token as Commerce Layer makes it, and no other like it. */
function token(change: object = {}, signer = key, header: object = {}): string {
  const claims = { ...outsideClaims(upstream.url), rand: ++made, ...change };
  return handMade({ alg: "RS512", typ: "JWT", kid: "1", ...header }, claims, signWith(signer));
}

async function ask(bearer: string, query: string, on: Pick<App, "url"> = gateway) {
  const response = await fetch(`${on.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${bearer}` },
    body: JSON.stringify({ query }),
  });
  return { status: response.status, headers: response.headers, body: (await response.json()) as Untyped };
}

const viewer = async (bearer: string) => {
  const { status, body } = await ask(bearer, "{ viewer { kind permissions } }");
  return { status, ...body.data?.viewer, error: body.errors?.[0] };
};

/** One operation for each thing that a token may do, none of which changes anything. */
const deeds = {
  customers: "{ customers(first: 1) { nodes { id } } }",
  orders: "{ orders(first: 1) { nodes { id } } }",
  create: 'mutation { customerCreate(input: { email: "new@example.com" }) @dryRun { userErrors { code } } }',
  update: 'mutation { customerUpdate(id: "cus_ada", input: { reference: "a" }) @dryRun { userErrors { code } } }',
  destroy: 'mutation { tagDelete(id: "tag_vip") @dryRun { userErrors { code } } }',
  tag: 'mutation { tagsAdd(id: "cus_bruno", names: ["vip"]) @dryRun { userErrors { code } } }',
  erase: 'mutation { anonymizationRequest(input: { customerId: "cus_bruno" }) @dryRun { userErrors { code } } }',
  approve: 'mutation { orderApprove(id: "ord_1024") @dryRun { userErrors { code } } }',
  export: '{ subjectExport(customerId: "cus_ada") { url } }',
};
type Deed = keyof typeof deeds;
const every = Object.keys(deeds) as Deed[];

/** The deeds that a token may do; it must be refused the others by `FORBIDDEN`. */
async function allowed(bearer: string): Promise<Deed[]> {
  const done: Deed[] = [];
  for (const deed of every) {
    const { body } = await ask(bearer, deeds[deed]);
    const code = body.errors?.[0].extensions.code;
    if (code === undefined) done.push(deed);
    else expect([deed, code]).toEqual([deed, "FORBIDDEN"]);
  }
  return done;
}

const withOwner = { owner: { id: vera.id, type: "User", ...info } };
const custom = (stated: Record<string, string[]>, rest: object = {}) => ({
  ...tokenInfo("custom", []),
  permissions: Object.fromEntries(Object.entries(stated).map(([type, actions]) => [type, { actions }])),
  ...rest,
});
const staffApp = (kind: string) => ({ application: { ...integration, kind }, owner: vera });

test.each<[string, object, object, Deed[]]>([
  ["an integration with the role admin", {}, admin, every],
  ["an integration of a user with the role admin", { owner: vera }, admin, every],
  ["the role read_only", { owner: vera }, readOnly, ["customers", "orders"]],
  [
    "the role read_only, whatever else is stated",
    { owner: vera },
    tokenInfo("read_only", everyAction),
    ["customers", "orders"],
  ],
  ["a custom role that reads customers", {}, custom({ customers: ["read"] }), ["customers"]],
  ["a custom role that reads nothing but orders", {}, custom({ orders: ["read"] }), ["orders"]],
  [
    "a custom role for support",
    { owner: vera },
    custom({ customers: ["read", "update"], tags: ["read"] }),
    ["customers", "update", "tag", "erase"],
  ],
  ["a custom role for orders", { owner: vera }, custom({ orders: everyAction }), ["orders"]],
  [
    "a custom role for orders and recurring orders",
    { owner: vera },
    custom({ orders: everyAction, order_subscriptions: everyAction }),
    ["orders", "approve"],
  ],
  ["a custom role that creates customers", {}, custom({ customers: ["create"] }), ["create"]],
  ["a custom role that deletes tags", {}, custom({ tags: ["read", "destroy"] }), ["destroy"]],
  [
    "a custom role for some rows alone",
    {},
    custom({}, { permissions: { customers: { actions: ["read"], restrictions: { market: 1 } } } }),
    [],
  ],
  ["a role without permissions", {}, { ...admin, permissions: {} }, []],
  [
    "a role of which no kind is told",
    {},
    { ...tokenInfo("custom", everyAction), role: null },
    every.filter((deed) => deed !== "export"),
  ],
  ["a web application of a user", { ...staffApp("webapp") }, { ...readOnly, ...withOwner }, ["customers", "orders"]],
  ["the dashboard's application for customers", staffApp("customers"), { ...admin, ...withOwner }, every],
  [
    "the dashboard's application for orders, read_only",
    staffApp("orders"),
    { ...readOnly, ...withOwner },
    ["customers", "orders"],
  ],
  ["the dashboard in this organization", staffApp("dashboard"), { ...readOnly, ...withOwner }, ["customers", "orders"]],
])("%s: %j may do what Commerce Layer tells", async (_name, change, answer, deedsAllowed) => {
  upstream.answer = (_token, response) => upstream.send(response, answer);
  const bearer = token(change);
  expect(await allowed(bearer)).toEqual(deedsAllowed);
  expect(upstream.asked).toEqual([bearer]);
});

test("one permission for payment sources needs all their types", async () => {
  const types = typesOf(models.get("PaymentSource")!);
  const granted = async (stated: readonly string[]) => {
    upstream.answer = (_token, response) => upstream.send(response, tokenInfo("custom", ["read"], [...stated]));
    return (await viewer(token())).permissions;
  };
  expect(await granted(types)).toEqual(["PAYMENT_SOURCES_READ"]);
  expect(await granted(types.slice(1))).toEqual([]);
  upstream.answer = (_token, response) => upstream.send(response, admin);
  expect((await viewer(token())).permissions).toHaveLength(permissions.size);
});

test.each<[string, () => string, string]>([
  ["forged", () => token({}, stranger), "is not valid"],
  ["unsigned", () => token({}, key, { alg: "none" }), "is not valid"],
  ["of another issuer", () => token({ iss: "https://auth.commercelayer.io" }), "is not valid"],
  ["expired", () => token({ iat: seconds() - 100, exp: seconds() - 1 }), "has expired"],
  [
    "of another organization",
    () => token({ organization: { id: "other", slug: organization.slug } }),
    "another organization",
  ],
  [
    "of another organization, of a shopper",
    () => token({ organization: { id: "other" }, application: shopper }),
    "another organization",
  ],
  [
    "of the dashboard in another organization",
    () => token({ organization: { id: "other" }, ...staffApp("customers") }),
    "another organization",
  ],
  ["without an organization", () => token({ organization: undefined }), "names no organization"],
  [
    "of the dashboard without an organization",
    () => token({ organization: undefined, ...staffApp("customers") }),
    "names no organization",
  ],
  [
    "of the other mode",
    () => token({ test: false }),
    "belongs to the mode live; this server has data of the mode test",
  ],
  ["of the other mode, of a shopper", () => token({ test: false, application: shopper }), "belongs to the mode live"],
  [
    "of the kind user",
    () => token({ application: { ...integration, kind: "user" }, user: { id: "u" } }),
    "of the kind user:guest have no access here",
  ],
  [
    "of the kind dashboard",
    () => token({ application: { ...integration, kind: "dashboard" }, organization: undefined, user: { id: "u" } }),
    "of the kind dashboard:guest have no access here",
  ],
  [
    "of the kind zapier",
    () => token({ application: { ...integration, kind: "zapier" } }),
    "of the kind zapier:guest have no access here",
  ],
  [
    "of the kind customers, of a customer",
    () => token({ ...staffApp("customers"), owner: { id: "cus_ada", type: "Customer" } }),
    "of the kind customers:customer have no access here",
  ],
])("refuses a token %s, says why, and does not ask for what it may do", async (_name, make, reason) => {
  const bearer = make();
  const { status, headers, body } = await ask(bearer, deeds.update);
  expect([status, body.data]).toEqual([401, undefined]);
  expect(["UNAUTHENTICATED", "TOKEN_EXPIRED"]).toContain(body.errors[0].extensions.code);
  expect(body.errors[0].message).toContain(reason);
  expect(headers.get("www-authenticate")).toContain('error="invalid_token"');
  const rest = await fetch(`${gateway.url}/api/customers`, { headers: { authorization: `Bearer ${bearer}` } });
  const { errors } = (await rest.json()) as { errors: { code: string; detail: string }[] };
  expect([rest.status, errors[0]?.code]).toEqual([401, "INVALID_TOKEN"]);
  expect(errors[0]?.detail).toContain(reason);
  expect(upstream.asked).toEqual([]);
});

test("shoppers have every shopper's permissions, without asking", async () => {
  upstream.answer = (_token, response) => upstream.send(response, {}, 500);
  const customer = { id: "cus_ada", type: "Customer" };
  expect(await viewer(token({ application: shopper, owner: customer }))).toMatchObject({
    status: 200,
    kind: "CUSTOMER",
  });
  expect(await viewer(token({ application: shopper }))).toMatchObject({ status: 200, kind: "GUEST" });
  const { body } = await ask(token({ application: shopper, owner: customer, permissions: ["*"] }), deeds.tag);
  expect(body.errors[0].extensions.code).toBe("FORBIDDEN");
  expect(upstream.asked).toEqual([]);
});

test("what a token says of its permissions itself does not count", async () => {
  upstream.answer = (_token, response) => upstream.send(response, custom({ tags: ["read"] }));
  expect((await viewer(token({ permissions: ["customers:read"] }))).permissions).toEqual(["TAGS_READ"]);
});

describe("applications of which Commerce Layer does not tell", () => {
  beforeEach(() => {
    upstream.answer = (_token, response) => upstream.send(response, { errors: [] }, 404);
  });

  test("may do what UPSTREAM_CLIENTS says for their client id or id, without asking", async () => {
    const listed = token({ application: { ...integration, client_id: "listed" }, owner: vera });
    expect(await allowed(listed)).toEqual(["customers", "orders", "approve"]);
    expect((await viewer(token({ application: { ...integration, id: "by-id" } }))).permissions).toEqual(["TAGS_READ"]);
    expect(upstream.asked).toEqual([]);
  });

  test.each([403, 404])("may do nothing else, and the log names them: %i", async (status) => {
    upstream.answer = (_token, response) => upstream.send(response, { errors: [] }, status);
    gateway.logged.length = 0;
    for (const change of [{}, { owner: vera }, staffApp("customers")]) {
      const bearer = token(change);
      expect(await viewer(bearer)).toMatchObject({ status: 200, permissions: [] });
      expect(await allowed(bearer)).toEqual([]);
    }
    const lines = gateway.logged.filter((line) => line.includes("UPSTREAM_CLIENTS"));
    expect(lines).toHaveLength(3);
    expect(lines[0]).toContain('"clientId":"abc"');
  });
});

describe("an answer that cannot be had", () => {
  const unavailable = async (bearer: string) => {
    const { status, headers, body } = await ask(bearer, deeds.customers);
    expect([status, body.data, body.errors[0].extensions.code]).toEqual([503, undefined, "UNAVAILABLE"]);
    expect(body.errors[0].message).toContain("Commerce Layer cannot be asked at the moment");
    return Number(headers.get("retry-after"));
  };

  test.each<[string, (response: ServerResponse) => void]>([
    ["an error", (response) => upstream.send(response, {}, 500)],
    ["a closed connection", (response) => response.destroy()],
    ["no answer", () => {}],
    ["a redirection", (response) => response.writeHead(302, { location: `${upstream.url}/elsewhere` }).end()],
    ["no JSON", (response) => response.end("<html>")],
    ["a list", (response) => upstream.send(response, [])],
    ["no permissions", (response) => upstream.send(response, { ...admin, permissions: undefined })],
    [
      "permissions of another shape",
      (response) => upstream.send(response, { ...admin, permissions: { customers: "read" } }),
    ],
    [
      "actions of another shape",
      (response) => upstream.send(response, { ...admin, permissions: { customers: { actions: [1] } } }),
    ],
    ["the other mode", (response) => upstream.send(response, { ...admin, token: { test: false } })],
    [
      "another application",
      (response) => upstream.send(response, { ...admin, application: { id: "other", kind: "integration" } }),
    ],
    [
      "another kind",
      (response) => upstream.send(response, { ...admin, application: { id: integration.id, kind: "webapp" } }),
    ],
    ["another owner", (response) => upstream.send(response, { ...admin, owner: { id: "usr_other", type: "User" } })],
    ["far too much", (response) => upstream.send(response, { ...admin, filler: "x".repeat(1_000_000) })],
  ])("is UNAVAILABLE, and asked for again: %s", async (_name, fail) => {
    upstream.answer = (_token, response) => fail(response);
    gateway.logged.length = 0;
    const bearer = token();
    expect(await unavailable(bearer)).toBe(1);
    const rest = await fetch(`${gateway.url}/api/customers`, { headers: { authorization: `Bearer ${bearer}` } });
    expect([rest.status, rest.headers.get("retry-after")]).toEqual([503, "1"]);
    upstream.answer = (_token, response) => upstream.send(response, admin);
    ahead = 1_500;
    expect(await viewer(bearer)).toMatchObject({ status: 200, kind: "INTEGRATION" });
    const text = gateway.logged.join("\n");
    expect(text).toContain("Commerce Layer cannot be asked what access tokens may do");
    expect(text).toContain("Commerce Layer tells again");
    expect(text).not.toContain(bearer.split(".")[2]);
  });

  test("is not asked for again at once, and after 10 seconds if there were too many requests", async () => {
    const statuses = [500, 429];
    upstream.answer = (_token, response) => upstream.send(response, {}, statuses.shift() ?? 500);
    const bearer = token();
    // Or a slow machine would be a patient one.
    stands = Date.now();
    for (let i = 0; i < 2; i++) expect(await unavailable(bearer)).toBe(1);
    expect(upstream.asked).toHaveLength(1);
    ahead = 1_000;
    for (let i = 0; i < 2; i++) expect(await unavailable(bearer)).toBe(10);
    ahead = 10_999;
    await unavailable(bearer);
    expect(upstream.asked).toHaveLength(2);
    ahead = 11_000;
    await unavailable(bearer);
    expect(upstream.asked).toHaveLength(3);
  });

  test("does not touch tokens that were asked for before", async () => {
    const bearer = token();
    expect(await allowed(bearer)).toContain("customers");
    upstream.answer = (_token, response) => upstream.send(response, {}, 500);
    expect(await allowed(bearer)).toContain("customers");
    expect(upstream.asked).toEqual([bearer]);
  });
});

test("a token that Commerce Layer does not accept is refused", async () => {
  upstream.answer = (_token, response) => upstream.send(response, { errors: [] }, 401);
  const bearer = token();
  stands = Date.now();
  for (let i = 0; i < 2; i++) {
    const { status, error } = await viewer(bearer);
    expect([status, error.extensions.code]).toEqual([401, "UNAUTHENTICATED"]);
    expect(error.message).toContain("Commerce Layer does not accept the access token");
  }
  expect(upstream.asked).toHaveLength(1);
});

test("requests at once with one token ask once, and until it expires", async () => {
  const waiting: (() => void)[] = [];
  upstream.answer = (_token, response) => waiting.push(() => upstream.send(response, readOnly));
  const bearer = token();
  const answers = Array.from({ length: 30 }, () => viewer(bearer));
  while (waiting.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  await ask(token({ application: shopper }), "{ viewer { kind } }");
  for (const release of waiting) release();
  for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ status: 200, kind: "INTEGRATION" });
  expect(upstream.asked).toEqual([bearer]);
  ahead = 500_000;
  expect(await viewer(bearer)).toMatchObject({ status: 200 });
  ahead = 601_000;
  expect((await viewer(bearer)).error.extensions.code).toBe("TOKEN_EXPIRED");
  expect(upstream.asked).toEqual([bearer]);
});

test("keeps a bounded number of answers, those used last", async () => {
  const log = createLogger({ level: "silent", json: true });
  const endpoint = new TokenInfoEndpoint({
    url: `${upstream.url}/oauth/tokeninfo`,
    log,
    now: () => new Date(),
    maximum: 2,
  });
  for (const name of ["a", "b", "a", "c", "a", "b"]) await endpoint.lookUp(name, outsideClaims(upstream.url));
  expect(upstream.asked).toEqual(["a", "b", "c", "b"]);
});

test("anonymizations name their requesters as Commerce Layer does", async () => {
  const fields =
    "status requester { id firstName lastName email } cancellationRequester { id firstName lastName email }";
  const change = (name: string) =>
    `mutation { ${name}(input: { customerId: "cus_kenji" }) { customer { anonymizationInfo { ${fields} } } userErrors { code message } } }`;
  upstream.answer = (_token, response) => upstream.send(response, { ...admin, ...withOwner });
  const requested = await ask(token(staffApp("customers")), change("anonymizationRequest"));
  const requester = { id: "usr_vera", firstName: "Vera", lastName: "Support", email: "vera@example.com" };
  expect(requested.body.data.anonymizationRequest).toEqual({
    customer: { anonymizationInfo: { status: "REQUESTED", requester, cancellationRequester: null } },
    userErrors: [],
  });
  const owner = { id: "usr_max", type: "User", first_name: null, last_name: "Müller", email: "max@example.com" };
  upstream.answer = (_token, response) => upstream.send(response, { ...admin, owner });
  const cancelled = await ask(token({ owner: { id: "usr_max", type: "User" } }), change("anonymizationCancel"));
  expect(cancelled.body.data.anonymizationCancel.customer.anonymizationInfo).toEqual({
    status: "CANCELLED",
    requester,
    cancellationRequester: { id: "usr_max", firstName: null, lastName: "Müller", email: "max@example.com" },
  });
  expect(gateway.logged.join("\n")).not.toMatch(/vera@example|max@example|Müller/);
});

test("another server of this kind is upstream: its keys and its tokens", async () => {
  const front = await new Upstream().start();
  undo.push(() => front.stop());
  const shop = await start({ TOKEN_ISSUER: front.url, ORGANIZATION: "the-shop" });
  front.rest = async (request, response) => {
    const answer = await fetch(shop.url + request.url);
    response.writeHead(answer.status, { "content-type": "application/json" }).end(await answer.text());
  };
  front.answer = (_token, response) => front.send(response, readOnly);
  const env = { UPSTREAM_DOMAIN: front.url, UPSTREAM_CLIENTS: JSON.stringify({ "demo-dashboard": ["tags:read"] }) };
  const here = await start({ ...env, UPSTREAM_ORGANIZATION: "the-shop" });
  const other = await start({ ...env, UPSTREAM_ORGANIZATION: "another-shop" });
  const logIn = async (form: Record<string, string>) => {
    const answer = await fetch(`${shop.url}/oauth/token`, { method: "POST", body: new URLSearchParams(form) });
    return ((await answer.json()) as { access_token: string }).access_token;
  };
  const ada = await logIn({
    grant_type: "password",
    client_id: "demo-storefront",
    scope: "market:code:europe",
    username: "ada@example.com",
    password: "correct-horse-9",
  });
  const office = await logIn({
    grant_type: "client_credentials",
    client_id: "demo-integration",
    client_secret: "demo-integration-secret-not-for-production",
  });
  await knowsKeys(here, ada);
  const seen = await ask(ada, "{ viewer { kind customer { id } } }", here);
  expect(seen.body.data.viewer).toEqual({ kind: "CUSTOMER", customer: { id: "cus_ada" } });
  expect((await ask(office, deeds.customers, here)).body.data.customers.nodes).toHaveLength(1);
  expect((await ask(office, deeds.update, here)).body.errors[0].extensions.code).toBe("FORBIDDEN");
  expect(front.asked).toEqual([office]);
  for (const bearer of [ada, office]) {
    // Without keys it is refused, too, but not for this reason.
    await until(async () => {
      const { status, body } = await ask(bearer, deeds.customers, other);
      expect(status).toBe(401);
      return body.errors[0].message === "The access token belongs to another organization.";
    });
  }
});
