import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { permissions } from "../../src/graph/access/permission.js";
import { loadSigningKeys, newKeySet } from "../../src/identity/keys.js";
import { type OutsideIssuer, Tokens } from "../../src/identity/tokens.js";
import { createLogger } from "../../src/telemetry/logger.js";
import {
  type Algorithm,
  type AuthApp,
  createAuthApp,
  type ForeignKey,
  foreignKey,
  handMade,
  organization,
  outsideClaims,
  seconds,
  signWith,
} from "./support.js";

const issuer = "https://auth.example.com";
const token = (key: ForeignKey, change: object = {}, header: object = {}) =>
  handMade(
    { alg: key.algorithm, typ: "JWT", kid: key.jwk.kid, ...header },
    { ...outsideClaims(issuer), ...change },
    signWith(key),
  );

/** An issuer on this machine that can go away, hang and lie. */
class Issuer {
  keys: ForeignKey[] = [];
  requests = 0;
  answer: (response: ServerResponse) => void = (response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ keys: this.keys.map(({ jwk }) => jwk) }));
  };
  private server: Server | undefined;
  private port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.port}/keys.json`;
  }

  async start(): Promise<void> {
    this.server = createServer((_request, response) => {
      this.requests++;
      this.answer(response);
    }).listen(this.port, "127.0.0.1");
    await new Promise((resolve) => this.server!.once("listening", resolve));
    this.port = (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.server!.closeAllConnections();
    await new Promise((resolve) => this.server!.close(resolve));
  }
}

const keys = await loadSigningKeys({
  signingKeys: JSON.stringify(await newKeySet()),
  dataDir: "",
  environment: "test",
});
const ownIssuer = "urn:test:own";

let there: Issuer;
let tokens: Tokens;
let logged: string[];
beforeEach(async () => {
  there = new Issuer();
  await there.start();
});
afterEach(() => there.stop().catch(() => {}));

/** Accepts tokens signed with these keys, which the issuer publishes. */
function accept(published: ForeignKey[], outside: Partial<OutsideIssuer> = { organization: organization.id }): void {
  there.keys = published;
  logged = [];
  const log = createLogger({ level: "info", json: true, write: (line) => logged.push(line) });
  const settings = { issuer, jwksUrl: there.url, ...outside };
  tokens = new Tokens({ keys, issuer: ownIssuer, outside: settings, revocations: { isRevoked: () => false }, log });
}

/** What becomes of a token, and after how many milliseconds. */
async function ask(text: string) {
  const start = performance.now();
  const result = await tokens.verify(`Bearer ${text}`).then(
    () => "good",
    ({ extensions: { code, http } }) => `${http.status} ${code}`,
  );
  return { result, ms: performance.now() - start };
}
const good = { result: "good" };
const refused = { result: "401 UNAUTHENTICATED" };

test("accepts tokens of Commerce Layer's layout signed by RS256, RS512, ES256 or EdDSA", async () => {
  const four = (["RS256", "RS512", "ES256", "EdDSA"] as Algorithm[]).map((name) => foreignKey(name, name));
  there.keys = four;
  const app = await createAuthApp({ outside: { issuer, jwksUrl: there.url, organization: organization.id } });
  try {
    const viewer = async (text: string) => (await app.query(`Bearer ${text}`)).body.data.viewer;
    for (const key of four) expect(await viewer(token(key))).toMatchObject({ kind: "INTEGRATION" });
    const owner = { id: "cus_ada", type: "Customer" };
    const application = { id: "a", client_id: "b", kind: "sales_channel", public: true, confidential: false };
    const market = { id: ["mkt_europe"], stock_location_ids: [], geocoder_id: null, allows_external_prices: false };
    expect(await viewer(token(four[1]!, { application, owner, market, custom_claim: null }))).toMatchObject({
      kind: "CUSTOMER",
      customer: { id: "cus_ada" },
      markets: [{ id: "mkt_europe" }],
    });
    expect(await app.query(`Bearer ${token(foreignKey("ES256", "ES256"))}`)).toMatchObject({
      status: 401,
      body: { errors: [{ extensions: { code: "UNAUTHENTICATED" } }] },
    });
    expect(there.requests).toBe(1);
  } finally {
    await app.stop();
  }
});

test("refuses tokens that are not the issuer's, not for this organization or not valid", async () => {
  const [rsa, ec, stranger] = [foreignKey("RS256", "rsa"), foreignKey("ES256", "ec"), foreignKey("ES256", "ec")];
  accept([rsa, ec]);
  const cases: [string, ...Parameters<typeof token>][] = [
    ["401 UNAUTHENTICATED", stranger],
    ["401 UNAUTHENTICATED", rsa, {}, { kid: "ec" }],
    ["401 UNAUTHENTICATED", rsa, {}, { alg: "RS512" }],
    ["401 UNAUTHENTICATED", ec, {}, { alg: "none" }],
    ["401 UNAUTHENTICATED", ec, {}, { typ: "logout+jwt" }],
    ["401 UNAUTHENTICATED", ec, { application: undefined }],
    ["401 UNAUTHENTICATED", ec, { iat: seconds() + 120 }],
    ["401 UNAUTHENTICATED", ec, { nbf: seconds() + 120 }],
    ["401 UNAUTHENTICATED", ec, { exp: undefined }],
    ["401 TOKEN_EXPIRED", ec, { iat: seconds() - 100, exp: seconds() - 1 }],
    ["401 UNAUTHENTICATED", ec, { iss: "https://elsewhere.example.com" }],
    // Each issuer's keys are good for its own tokens alone.
    ["401 UNAUTHENTICATED", ec, { iss: ownIssuer, aud: "customer-graph" }, { typ: "at+jwt" }],
    ["401 UNAUTHENTICATED", ec, { iss: ownIssuer, aud: "customer-graph" }, { typ: "at+jwt", kid: keys.current.id }],
    ["good", ec, {}, { typ: undefined }],
    ["good", ec, {}, { typ: "at+jwt" }],
    ["good", ec],
  ];
  for (const [result, ...parts] of cases) expect(await ask(token(...parts))).toMatchObject({ result });
  // A log-in of this server's cannot be named from outside.
  const claims = await tokens.verify(`Bearer ${token(ec, { family: "theirs" })}`);
  expect(claims).not.toHaveProperty("family");
});

describe("tokens of an outside issuer with many organizations", () => {
  const key = foreignKey("RS512", "1");
  const integration = { id: "BdjkzABcde", client_id: "abc", kind: "integration", public: false, confidential: true };
  const shopper = { id: "a", client_id: "b", kind: "sales_channel", public: true, confidential: false };
  const customer = { id: "cus_ada", type: "Customer" };
  const staff = { id: "usr_vera", type: "User" };
  let app: AuthApp;
  beforeAll(async () => {
    const keys = new Issuer();
    keys.keys = [key];
    await keys.start();
    app = await createAuthApp({
      outside: {
        issuer,
        jwksUrl: keys.url,
        organization: organization.id,
        permissions: new Map([
          ["reader", ["customers:read", "orders:read"]],
          ["by-id", ["tags:read"]],
        ]),
      },
    });
    // The keys are kept from here on.
    await app.query(`Bearer ${token(key)}`);
    await keys.stop();
  });
  afterAll(() => app.stop());

  const ask = (change: object, text?: string) => app.query(`Bearer ${token(key, change)}`, text);
  const write =
    'mutation { customerUpdate(id: "cus_ada", input: { metadata: { merge: { a: 1 } } }) { userErrors { code } } }';

  test.each<[string, object, string]>([
    ["of another organization", { organization: { ...organization, id: "other" } }, "belongs to another organization"],
    [
      "with the slug alone",
      { organization: { slug: organization.slug, id: "other" } },
      "belongs to another organization",
    ],
    ["without an organization", { organization: undefined }, "names no organization"],
    ["of no organization", { organization: null }, "names no organization"],
    [
      "of another organization, for a shopper",
      { organization: { id: "other" }, application: shopper, owner: customer },
      "belongs to another organization",
    ],
  ])("refuses a token %s, and says why", async (_case, change, reason) => {
    for (const text of [undefined, write]) {
      const { status, body } = await ask(change, text);
      expect([status, body.data, body.errors[0]!.extensions.code]).toEqual([401, undefined, "UNAUTHENTICATED"]);
      expect(body.errors[0]!.message).toContain(reason);
    }
  });

  test.each<[string, object, string]>([
    ["user", { application: { ...integration, kind: "user" }, user: { id: "u" } }, "user:guest"],
    ["dashboard", { application: { ...integration, kind: "dashboard" }, owner: staff }, "dashboard:user"],
    ["zapier", { application: { ...integration, kind: "zapier" } }, "zapier:guest"],
    ["a web application without its user", { application: { ...integration, kind: "webapp" } }, "webapp:guest"],
    [
      "a web application of a customer",
      { application: { ...integration, kind: "webapp" }, owner: customer },
      "webapp:customer",
    ],
    ["an integration of a customer", { owner: customer }, "integration:customer"],
    ["a sales channel of the staff", { application: shopper, owner: staff }, "sales_channel:user"],
    ["an inherited name", { application: { ...integration, kind: "constructor" } }, "constructor:guest"],
  ])("names the kind of application and owner that has no access: %s", async (_case, change, kind) => {
    const { status, body } = await ask(change);
    expect([status, body.errors[0]!.extensions.code]).toEqual([401, "UNAUTHENTICATED"]);
    expect(body.errors[0]!.message).toContain(`Access tokens of the kind ${kind} have no access here`);
  });

  const permissionsOf = async (change: object) => {
    const { status, body } = await ask(change, "{ viewer { kind permissions } }");
    return [status, body.data.viewer.kind, body.data.viewer.permissions];
  };
  const webapp = { ...integration, kind: "webapp" };

  test("without permissions in the token or in AUTH_PERMISSIONS nothing is granted", async () => {
    for (const change of [{}, { owner: staff }, { permissions: null }, { permissions: [] }, { permissions: ["all"] }]) {
      expect(await permissionsOf(change)).toEqual([200, "INTEGRATION", []]);
    }
    expect(await permissionsOf({ application: webapp, owner: staff })).toEqual([200, "USER", []]);
    for (const text of [write, "{ customers { nodes { id } } }", "{ tags { nodes { id } } }"]) {
      const { body } = await ask({}, text);
      expect(body.errors[0]!.extensions.code).toBe("FORBIDDEN");
    }
    for (const name of ["__proto__", "constructor", "toString"]) {
      expect(await permissionsOf({ application: { ...integration, client_id: name } })).toEqual([
        200,
        "INTEGRATION",
        [],
      ]);
    }
  });

  test("AUTH_PERMISSIONS grants by client_id, or else by the application's id", async () => {
    const reads = ["CUSTOMERS_READ", "ORDERS_READ"];
    const reader = { client_id: "reader" };
    expect(await permissionsOf({ application: { ...integration, ...reader } })).toEqual([200, "INTEGRATION", reads]);
    expect(await permissionsOf({ application: { ...webapp, ...reader }, owner: staff })).toEqual([200, "USER", reads]);
    const { client_id: _, ...nameless } = integration;
    expect(await permissionsOf({ application: { ...nameless, id: "by-id" } })).toEqual([
      200,
      "INTEGRATION",
      ["TAGS_READ"],
    ]);
    // What the token states comes first.
    const stated = { application: { ...integration, ...reader }, permissions: ["skus:read"] };
    expect(await permissionsOf(stated)).toEqual([200, "INTEGRATION", ["SKUS_READ"]]);
    const { body } = await ask({ application: { ...integration, ...reader } }, write);
    expect(body.errors[0]!.extensions.code).toBe("FORBIDDEN");
  });

  test("shoppers have every shopper's permissions, whatever their token states", async () => {
    const own = [...permissions.keys()].filter((permission) => /^customers:(read|update)$/.test(permission));
    const names = own.map((permission) => permission.replace(":", "_").toUpperCase());
    for (const stated of [undefined, [], ["customers:create", "tags:assign"]]) {
      const [, kind, granted] = await permissionsOf({ application: shopper, owner: customer, permissions: stated });
      expect(kind).toBe("CUSTOMER");
      expect(granted).toEqual(expect.arrayContaining(names));
      expect(granted).not.toContain("TAGS_ASSIGN");
      const [, guestKind, guestGranted] = await permissionsOf({ application: shopper, permissions: stated });
      expect(guestKind).toBe("GUEST");
      expect(guestGranted).not.toContain("CUSTOMERS_READ");
    }
  });

  /** Values of every other JSON type, and odd ones of the right type. */
  const not = {
    text: [1, 0, true, [], ["a"], {}, { id: "a" }, "", "a\0", "\ud800"],
    object: ["a", "", 1, true, [], [{}]],
    boolean: ["true", "false", "", 0, 1, [], [true], {}],
    number: ["1", "", true, [1], {}, -1, 1e300],
    texts: ["a", 1, true, {}, [1], [null], [["a"]], [""], ["a\0"]],
  };
  const required = [undefined, null];
  const claims = outsideClaims(issuer);
  const within = (claim: string, field: string, values: unknown[], base = (claims[claim] ?? {}) as object) =>
    values.map((value) => [`${claim}.${field}`, value, { [claim]: { ...base, [field]: value } }] as const);
  const top = (claim: string, values: unknown[]) => values.map((value) => [claim, value, { [claim]: value }] as const);

  test.each([
    ...top("test", [...not.boolean, ...required]),
    ...top("iss", [...not.text, ...required]),
    ...top("jti", not.text),
    ...top("iat", [...not.number, ...required]),
    ...top("exp", [...not.number.filter((value) => value !== -1), ...required]),
    ...top("nbf", ["1", [], {}, true]),
    ...top("organization", [...not.object, ...required]),
    ...within("organization", "id", [...not.text, ...required, [organization.id]]),
    ...top("application", [...not.object, ...required]),
    ...within("application", "id", [...not.text, ...required]),
    ...within("application", "client_id", not.text),
    ...within("application", "kind", [...not.text, ...required, ["integration"], "Integration", "integration "]),
    ...within("application", "public", [...not.boolean, ...required]),
    ...within("application", "confidential", not.boolean),
    ...top("owner", not.object),
    ...within("owner", "id", [...not.text, ...required], staff),
    ...within("owner", "type", [...not.text, ...required, "user", "customer", "Users"], staff),
    ...within("owner", "first_name", [1, true, [], {}, "a\0"], staff),
    ...within("owner", "last_name", [1, true, [], {}, "a\0"], staff),
    ...within("owner", "email", [1, true, [], {}, "a\0"], staff),
    ...top("market", not.object),
    ...within("market", "id", [...not.texts, ...required]),
    ...within("market", "stock_location_ids", not.texts, { id: ["mkt_europe"] }),
    ...top("permissions", not.texts),
    ...top("custom_claim", not.object),
    ...top("scope", [1, true, [], {}, "a\0"]),
  ])("refuses a malformed claim: %s = %j", async (_claim, _value, change) => {
    const { status, body } = await ask(change);
    expect([status, body.data, body.errors[0]!.extensions.code]).toEqual([401, undefined, "UNAUTHENTICATED"]);
  });
});

test("an outside issuer requires an organization or an audience", () => {
  expect(() => accept([], {})).toThrow("needs an organization or an audience");
});

test("with an organization and an audience, a token must match both", async () => {
  const key = foreignKey("ES256", "1");
  accept([key], { organization: organization.id, audience: "graph" });
  expect(await ask(token(key, { aud: "graph" }))).toMatchObject(good);
  expect(await ask(token(key))).toMatchObject(refused);
  expect(await ask(token(key, { aud: "graph", organization: { id: "other" } }))).toMatchObject(refused);
});

test("with AUTH_AUDIENCE, tokens for other services are refused", async () => {
  const key = foreignKey("ES256", "1");
  accept([key], { audience: "graph" });
  await expect(tokens.verify(`Bearer ${token(key)}`)).rejects.toThrow("The access token is for another audience.");
  expect(await ask(token(key, { aud: "graph" }))).toMatchObject(good);
  expect(await ask(token(key, { aud: ["other", "graph"] }))).toMatchObject(good);
  expect(await ask(token(key, { aud: "other" }))).toMatchObject(refused);
  expect(await ask(token(key))).toMatchObject(refused);
});

test("a new kid fetches the JWKS again; a removed key is refused after the next fetch", async () => {
  const [old, next] = [foreignKey("RS256", "old"), foreignKey("RS256", "next")];
  accept([old]);
  const early = token(old);
  expect(await ask(early)).toMatchObject(good);
  there.keys = [old, next];
  expect(await ask(token(next))).toMatchObject(good);
  expect(await ask(early)).toMatchObject(good);
  there.keys = [next];
  expect(await ask(token(foreignKey("ES256", "unknown")))).toMatchObject(refused);
  expect(await ask(early)).toMatchObject(refused);
  expect(await ask(token(next))).toMatchObject(good);
});

test("while the issuer is down, known keys are accepted and unknown ones refused at once", async () => {
  const [known, next] = [foreignKey("ES256", "known"), foreignKey("ES256", "next")];
  accept([known]);
  expect(await ask(token(known))).toMatchObject(good);
  await there.stop();
  for (let i = 0; i < 20; i++) {
    expect(await ask(token(known, { rand: i }))).toMatchObject(good);
    const { result, ms } = await ask(token(next, { rand: i }));
    expect([result, ms < 500]).toEqual([refused.result, true]);
  }
  expect(logged.filter((line) => line.includes("issuer's keys cannot be read"))).toHaveLength(1);
  there.keys = [known, next];
  await there.start();
  const back = performance.now();
  while ((await ask(token(next))).result !== "good") {
    expect(performance.now() - back).toBeLessThan(5_000);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
});

test("a hanging issuer delays requests by two seconds at most, and one caller in ten seconds", async () => {
  const [known, unknown] = [foreignKey("ES256", "known"), foreignKey("ES256", "unknown")];
  accept([known]);
  expect(await ask(token(known))).toMatchObject(good);
  there.answer = () => {};
  const [first, meanwhile] = await Promise.all([ask(token(unknown)), ask(token(known, { rand: 1 }))]);
  expect([first.result, first.ms < 3_000]).toEqual([refused.result, true]);
  expect([meanwhile.result, meanwhile.ms < 500]).toEqual(["good", true]);
  for (let i = 0; i < 10; i++) {
    const { result, ms } = await ask(token(unknown, { rand: i }));
    expect([result, ms < 500]).toEqual([refused.result, true]);
  }
});

test("an issuer that is unreachable or sends an invalid JWKS: its tokens are refused, our own accepted", async () => {
  const key = foreignKey("ES256", "1");
  const expectRefusal = async (jwksUrl: string) => {
    accept([], { jwksUrl, organization: organization.id });
    expect(await ask(token(key))).toMatchObject(refused);
    expect(await ask(await tokens.sign({ ...outsideClaims(""), exp: seconds() + 60 }))).toMatchObject(good);
  };
  const broken = { ...key.jwk, x: "AAAA" };
  const sets = ["", "<html>", "null", '{"keys": 1}', '{"keys": [null]}', JSON.stringify({ keys: [broken] })];
  for (const nonsense of [...sets, JSON.stringify({ keys: [key.jwk], filler: "x".repeat(1_000_000) })]) {
    there.answer = (response) => response.end(nonsense);
    await expectRefusal(there.url);
  }
  await expectRefusal("http://127.0.0.1:9/");
  // The keys must come from where they are said to be.
  there.answer = (response) => response.writeHead(302, { location: there.url }).end();
  await expectRefusal(there.url);
});

test("300 unknown kids cause fewer than 10 JWKS requests", async () => {
  const known = foreignKey("ES256", "known");
  accept([known]);
  await ask(token(known));
  const unknown = foreignKey("ES256", "unknown");
  await Promise.all(Array.from({ length: 300 }, (_, i) => ask(token(unknown, { rand: i }, { kid: `k${i}` }))));
  expect(there.requests).toBeLessThan(10);
  expect(await ask(token(known, { rand: 2 }))).toMatchObject(good);
});
