import { hashPassword } from "../../src/identity/password.js";
import fc from "../support/property.js";
import { type AuthApp, ada, createAuthApp, dashboard, guest, integration, read, storefront } from "./support.js";

let app: AuthApp;
beforeAll(async () => {
  app = await createAuthApp({ trustedProxies: 1 });
});
afterAll(() => app.stop());

const oauthError = (status: number, error: string, code: string) => ({
  status,
  body: {
    error,
    error_description: expect.any(String),
    errors: [{ code, title: error, detail: expect.any(String), status, meta: {} }],
  },
});

describe("grant_type=client_credentials", () => {
  test("an integration gets a token for everything in its mode", async () => {
    const { status, headers, body } = await app.token({ ...integration, grant_type: "client_credentials" });
    expect(status).toBe(200);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(body).toEqual({
      access_token: expect.any(String),
      token_type: "bearer",
      expires_in: 7200,
      scope: "market:all",
      created_at: expect.any(Number),
    });
    const { header, payload } = read(body.access_token);
    expect(header).toEqual({ alg: "ES256", typ: "at+jwt", kid: app.tokens.keys.current.id });
    expect(payload).toEqual({
      iss: app.issuer,
      aud: "customer-graph",
      jti: expect.any(String),
      iat: body.created_at,
      exp: body.created_at + 7200,
      application: {
        id: "app_integration",
        client_id: "demo-integration",
        kind: "integration",
        public: false,
        confidential: true,
      },
      scope: "market:all",
      test: true,
    });
    const answer = await app.query(
      `Bearer ${body.access_token}`,
      "{ viewer { kind } customers(first: 0) { totalCount } }",
    );
    expect(answer.body.data).toEqual({ viewer: { kind: "INTEGRATION" }, customers: { totalCount: 12 } });
  });

  test("a guest of a sales channel gets a token for its market without a secret", async () => {
    const { status, body } = await app.token(guest);
    expect(status).toBe(200);
    expect(body).toMatchObject({ expires_in: 14_400, scope: "market:code:europe" });
    expect(body).not.toHaveProperty("refresh_token");
    expect(read(body.access_token).payload).toMatchObject({
      application: { id: "app_storefront", kind: "sales_channel", public: true, confidential: false },
      market: { id: ["mkt_europe"] },
    });
    expect((await app.query(`Bearer ${body.access_token}`)).body.data.viewer).toMatchObject({
      kind: "GUEST",
      markets: [{ id: "mkt_europe" }],
    });
  });

  test("accepts JSON or a form, and client credentials in the body or a Basic header", async () => {
    const json = await fetch(`${app.url}/oauth/token`, {
      method: "POST",
      headers: { "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify(guest),
    });
    expect([json.status, await json.json()]).toEqual([200, expect.objectContaining({ token_type: "bearer" })]);
    const basic = Buffer.from(`${integration.client_id}:${integration.client_secret}`).toString("base64");
    const { status } = await app.token({ grant_type: "client_credentials" }, { authorization: `Basic ${basic}` });
    expect(status).toBe(200);
  });

  test("a sales channel that has a secret must send the right one", async () => {
    await app.database.prisma.application.create({
      data: {
        id: "app_confidential",
        mode: "test",
        name: "With a secret",
        kind: "sales_channel",
        clientId: "confidential",
        secretDigest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        accessTokenSeconds: 60,
      },
    });
    const request = { ...guest, client_id: "confidential" };
    const [with_, without, wrong] = await Promise.all([
      app.token({ ...request, client_secret: "test" }),
      app.token(request),
      app.token({ ...request, client_secret: "tset" }),
    ]);
    expect(read(with_.body.access_token).payload.application).toMatchObject({ public: true, confidential: true });
    expect(read(without.body.access_token).payload.application).toMatchObject({ public: true, confidential: false });
    expect(with_.body.expires_in).toBe(60);
    expect(wrong).toMatchObject(oauthError(401, "invalid_client", "UNAUTHORIZED"));
  });

  test("unknown client, wrong secret and missing secret get the same invalid_client answer", async () => {
    const answers = await Promise.all([
      app.token({ ...integration, grant_type: "client_credentials", client_id: "nobody" }),
      app.token({ ...integration, grant_type: "client_credentials", client_secret: "wrong" }),
      app.token({ grant_type: "client_credentials", client_id: integration.client_id }),
      app.token({ ...storefront, grant_type: "client_credentials", client_secret: "any" }),
    ]);
    for (const answer of answers) {
      expect(answer).toMatchObject(oauthError(401, "invalid_client", "UNAUTHORIZED"));
      expect(answer.headers.get("www-authenticate")).toBe('Basic realm="customer-graph", charset="UTF-8"');
    }
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  });

  test("invalid_client after Basic authentication has a WWW-Authenticate: Basic challenge", async () => {
    const authorization = `Basic ${Buffer.from(`${integration.client_id}:wrong`).toString("base64")}`;
    for (const path of ["/oauth/token", "/oauth/revoke"]) {
      const answer = await app.post(path, { grant_type: "client_credentials", token: "a" }, { authorization });
      expect(answer).toMatchObject(oauthError(401, "invalid_client", "UNAUTHORIZED"));
      expect(answer.headers.get("www-authenticate")).toBe('Basic realm="customer-graph", charset="UTF-8"');
    }
  });

  test("tokens carry the permissions of their application", async () => {
    await app.database.prisma.application.create({
      data: {
        id: "app_reader",
        mode: "live",
        name: "Reader",
        kind: "integration",
        clientId: "reader",
        secretDigest: "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        permissions: ["customers:read"],
        accessTokenSeconds: 600,
      },
    });
    const { body } = await app.token({
      grant_type: "client_credentials",
      client_id: "reader",
      client_secret: "test",
    });
    expect(read(body.access_token).payload).toMatchObject({ permissions: ["customers:read"], test: false });
    const { data } = (await app.query(`Bearer ${body.access_token}`, "{ customers { nodes { id } } }")).body;
    expect(data.customers.nodes.map(({ id }: { id: string }) => id).sort()).toEqual(["cus_live_ada", "cus_live_sam"]);
  });
});

describe("grant_type=password", () => {
  test("a customer signs in; the response has owner_id", async () => {
    const { status, body } = await app.token({ ...ada, username: " Ada@Example.COM " });
    expect(status).toBe(200);
    expect(body).toEqual({
      access_token: expect.any(String),
      token_type: "bearer",
      expires_in: 14_400,
      scope: "market:code:europe",
      created_at: expect.any(Number),
      refresh_token: expect.stringMatching(/^[\w-]{43}$/),
      owner_id: "cus_ada",
      owner_type: "customer",
    });
    const { payload } = read(body.access_token);
    expect(payload).toMatchObject({ owner: { id: "cus_ada", type: "Customer" }, market: { id: ["mkt_europe"] } });
    expect(JSON.stringify(payload)).not.toContain("ada@");
    expect((await app.query(`Bearer ${body.access_token}`)).body.data.viewer).toEqual({
      kind: "CUSTOMER",
      mode: "TEST",
      customer: { id: "cus_ada" },
      markets: [{ id: "mkt_europe" }],
      stockLocations: [],
    });
    const stored = JSON.stringify(await app.database.prisma.refreshToken.findMany());
    expect(stored).not.toContain(body.refresh_token);
  });

  test("unknown, wrong password, no password, erased and other mode get the same invalid_grant answer", async () => {
    const { prisma } = app.database;
    await prisma.customer.update({ where: { id: "cus_zoe" }, data: { anonymizationStatus: "completed" } });
    const noPassword = await prisma.customer.findFirstOrThrow({ where: { mode: "test", passwordDigest: null } });
    const answers = await Promise.all([
      app.token({ ...ada, username: "nobody@example.com" }),
      app.token({ ...ada, password: "correct-horse-8" }),
      app.token({ ...ada, username: noPassword.email }),
      app.token({ ...ada, username: "zoe@example.org" }),
      app.token({ ...ada, username: "sam@example.com" }),
      app.token({ ...ada, password: `${ada.password}${"x".repeat(80)}` }),
    ]);
    for (const answer of answers) expect(answer).toMatchObject(oauthError(400, "invalid_grant", "BAD_REQUEST"));
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
  });

  test("passwords may hold letters, emoji and CJK", async () => {
    const passwordDigest = await hashPassword("pässwort 🔑 日本", { cost: 4 });
    await app.database.prisma.customer.update({ where: { id: "cus_hana" }, data: { passwordDigest } });
    const { body } = await app.token({ ...ada, username: "hana.yamada@example.com", password: "pässwort 🔑 日本" });
    expect(body.owner_id).toBe("cus_hana");
  });

  test("a wrong password is reported before a wrong scope", async () => {
    const scope = "market:code:nowhere";
    expect((await app.token({ ...ada, scope, password: "wrong-horse-9" })).body.error).toBe("invalid_grant");
    expect((await app.token({ ...ada, scope })).body.error).toBe("invalid_scope");
  });
});

describe("scope", () => {
  const granted = async (request: Record<string, string | undefined>) => {
    const { body } = await app.token(request);
    return body.error ?? read(body.access_token).payload.market;
  };

  test.each([
    ["market:id:mkt_usa", { id: ["mkt_usa"] }],
    ["market:id:mkt_usa,market:code:europe", { id: ["mkt_usa", "mkt_europe"] }],
    [" market:code:europe  market:id:mkt_europe ", { id: ["mkt_europe"] }],
    [
      "market:code:usa stock_location:code:newark stock_location:id:slo_milan",
      { id: ["mkt_usa"], stock_location_ids: ["slo_newark", "slo_milan"] },
    ],
    ["market:all", { id: ["mkt_europe", "mkt_japan", "mkt_usa"] }],
  ])("a guest gets the markets of scope %j", async (scope, market) => {
    expect(await granted({ ...guest, scope })).toEqual(market);
  });

  test.each([
    undefined,
    "",
    "market:code:nowhere",
    "market:code:outlet-2025",
    "market:id:mkt_live_europe",
    "market:code:europe market:code:nowhere",
    "market:code:vip-club",
    "market:4242",
    "market:id:",
    "stock_location:code:milan",
    "market:code:europe stock_location:code:nowhere",
    "store:code:berlin",
    "market:code:日本",
    "everything",
    "market:code:europe market:code:%",
  ])("a guest's scope %j is invalid_scope", async (scope) => {
    const answer = await app.token({ ...guest, scope });
    expect(answer).toMatchObject(oauthError(400, "invalid_scope", "BAD_REQUEST"));
  });

  test("unknown, disabled and private markets get the same error_description", async () => {
    const codes = ["nowhere", "outlet-2025", "vip-club"];
    const words = await Promise.all(
      codes.map(async (code) => {
        const { body } = await app.token({ ...guest, scope: `market:code:${code}` });
        return body.error_description.replace(code, "…");
      }),
    );
    expect(new Set(words).size).toBe(1);
  });

  test("a private market is granted only to members of its customer group", async () => {
    const scope = "market:code:vip-club";
    expect(await granted({ ...ada, scope })).toEqual({ id: ["mkt_vip"] });
    expect(await granted({ ...ada, scope: "market:all" })).toEqual({
      id: ["mkt_europe", "mkt_japan", "mkt_usa", "mkt_vip"],
    });
    expect(await granted({ ...ada, scope, username: "bruno.rossi@example.com" })).toBe("invalid_scope");
  });

  test("scope limits an integration to markets", async () => {
    const request = { ...integration, grant_type: "client_credentials" };
    expect(await granted({ ...request, scope: "market:code:usa" })).toEqual({ id: ["mkt_usa"] });
    expect(await granted({ ...request, scope: "market:all" })).toBeUndefined();
    expect(await granted({ ...request, scope: "market:code:nowhere" })).toBe("invalid_scope");
  });
});

describe("invalid requests to /oauth/token and /oauth/revoke", () => {
  test.each([
    ["without a grant type", { ...guest, grant_type: undefined }, 400, "invalid_request"],
    ["with an unknown grant type", { ...guest, grant_type: "implicit" }, 400, "unsupported_grant_type"],
    [
      "with an assertion that nobody could check",
      { ...guest, grant_type: "urn:ietf:params:oauth:grant-type:jwt-bearer", assertion: "a.b.c" },
      400,
      "unsupported_grant_type",
    ],
    ["without a client", { ...guest, client_id: undefined }, 401, "invalid_client"],
    ["with an odd client id", { ...guest, client_id: "dé\tmo" }, 400, "invalid_request"],
    ["with a NUL", { ...ada, username: "ada\0@example.com" }, 400, "invalid_request"],
    ["without a username", { ...ada, username: "" }, 400, "invalid_request"],
    ["without a password", { ...ada, password: undefined }, 400, "invalid_request"],
    ["by password for an integration", { ...ada, ...integration }, 400, "unauthorized_client"],
    ["by a web application", { ...dashboard, grant_type: "client_credentials" }, 400, "unauthorized_client"],
    ["without a refresh token", { ...storefront, grant_type: "refresh_token" }, 400, "invalid_request"],
    [
      "with an invented refresh token",
      { ...storefront, grant_type: "refresh_token", refresh_token: "é" },
      400,
      "invalid_request",
    ],
  ])("a token request %s is refused", async (_case, request, status, error) => {
    const answer = await app.token(request);
    expect(answer).toMatchObject(oauthError(status, error, status === 401 ? "UNAUTHORIZED" : "BAD_REQUEST"));
    expect(answer.headers.get("cache-control")).toBe("no-store");
  });

  test.each<[string, RequestInit, number]>([
    ["GET", { method: "GET" }, 405],
    ["no content type", { method: "POST", body: new Uint8Array([1]) }, 415],
    ["text", { method: "POST", body: "grant_type=password" }, 415],
    ["broken JSON", json("{"), 400],
    ["a JSON list", json("[]"), 400],
    ["a JSON null", json("null"), 400],
    ["a nested parameter", json('{"grant_type": {"a": 1}}'), 400],
    ["a parameter twice", form("grant_type=password&grant_type=password"), 400],
    ["a parameter twice in JSON", json(JSON.stringify(guest).replace("{", '{"client_id":"other",')), 400],
    ["11 KB", form(`grant_type=${"x".repeat(11_000)}`), 413],
    ["60 KB", form(`grant_type=${"x".repeat(60_000)}`), 413],
    ["an odd Basic header", { ...form("grant_type=password"), headers: { authorization: "Basic !" } }, 415],
    [
      "credentials in two places",
      form(new URLSearchParams(guest).toString(), `Basic ${Buffer.from("other:secret").toString("base64")}`),
      400,
    ],
    ["a bearer token for credentials", form("grant_type=password", "Bearer abc"), 400],
  ])("a malformed request is refused: %s", async (_case, init, status) => {
    const response = await fetch(`${app.url}/oauth/token`, init);
    expect([response.status, await response.json()]).toEqual([
      status,
      expect.objectContaining({ error: "invalid_request" }),
    ]);
  });

  const typed = (type: string, body: string | Buffer, headers = {}): RequestInit => ({
    method: "POST",
    headers: { "content-type": type, ...headers },
    body,
  });
  const formType = "application/x-www-form-urlencoded";
  const good = new URLSearchParams(guest).toString();
  const goodJson = JSON.stringify(guest);
  const latin1 = (text: string) => Buffer.from(text, "latin1");

  test.each<[string, RequestInit, number, string]>([
    ["another charset", typed(`${formType}; charset=iso-8859-1`, good), 415, "Send the request in UTF-8"],
    [
      "another charset, quoted",
      typed('application/json; charset="UTF-16"', goodJson),
      415,
      "Send the request in UTF-8",
    ],
    ["gzip", typed(formType, good, { "content-encoding": "gzip" }), 415, "Send the request uncompressed"],
    [
      "br for JSON",
      typed("application/json", goodJson, { "content-encoding": "br" }),
      415,
      "Send the request uncompressed",
    ],
    ["Latin-1 in a form", typed(formType, latin1("username=jos\xe9")), 400, "UTF-8"],
    ["Latin-1 in JSON", typed("application/json", latin1('{"username": "jos\xe9"}')), 400, "UTF-8"],
    ["an encoded half of a character", typed(formType, "username=jos%C3"), 400, "`username`"],
    ["an encoded surrogate", typed("application/json", '{"username": "\\ud800"}'), 400, "`username`"],
    ["an overlong slash", typed(formType, "username=%C0%AF"), 400, "`username`"],
    [
      "Latin-1 in a Basic header",
      typed(formType, "grant_type=password", { authorization: `Basic ${latin1("jos\xe9:a").toString("base64")}` }),
      400,
      "The Authorization header must hold one pair",
    ],
  ])("a body that is compressed or not UTF-8 is refused: %s", async (_case, init, status, message) => {
    for (const path of ["/oauth/token", "/oauth/revoke"]) {
      const response = await fetch(`${app.url}${path}`, init);
      const { error, error_description } = (await response.json()) as { error: string; error_description: string };
      expect([response.status, error, error_description]).toEqual([
        status,
        "invalid_request",
        expect.stringContaining(message),
      ]);
    }
  });

  test.each<[string, RequestInit]>([
    ["UTF-8 by name", typed(`${formType};charset=UTF-8`, good)],
    ["UTF-8 by name, quoted", typed('application/json; charset="utf-8"', goodJson)],
    ["identity", typed(formType, good, { "content-encoding": "identity" })],
  ])("UTF-8 and identity are accepted when named: %s", async (_case, init) => {
    expect((await fetch(`${app.url}/oauth/token`, init)).status).toBe(200);
  });

  function json(body: string): RequestInit {
    return { method: "POST", headers: { "content-type": "application/json" }, body };
  }
  function form(body: string, authorization?: string): RequestInit {
    const headers = { "content-type": "application/x-www-form-urlencoded", ...(authorization && { authorization }) };
    return { method: "POST", headers, body };
  }

  test("parameters in the query string are ignored", async () => {
    const response = await fetch(`${app.url}/oauth/token?${new URLSearchParams(guest)}`, {
      method: "POST",
      headers: { "content-type": "application/x-www-form-urlencoded" },
      body: "",
    });
    expect(response.status).toBe(400);
  });

  test("random parameters never cause a 5xx or an error in the log", async () => {
    const odd = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("", " ", "%", "%zz", "+", ":", "'", "\\", "a".repeat(9_000), "__proto__", "\ud83d", "🔑", "\r\n"),
      fc.constantFrom(...Object.values(ada), ...Object.values(integration), "refresh_token", "market:code:%zz"),
    );
    const names = [
      "grant_type",
      "client_id",
      "client_secret",
      "scope",
      "username",
      "password",
      "refresh_token",
      "token",
    ];
    const parameters = fc.dictionary(fc.constantFrom(...names, "__proto__", "constructor"), odd);
    const base = fc.constantFrom(guest, ada, { ...integration, grant_type: "client_credentials" }, {});
    let address = 0;
    await fc.assert(
      fc.asyncProperty(base, parameters, fc.boolean(), fc.boolean(), async (good, bad, asJson, revoke) => {
        const request = { ...good, ...bad };
        const response = await fetch(`${app.url}/oauth/${revoke ? "revoke" : "token"}`, {
          method: "POST",
          headers: {
            "content-type": asJson ? "application/json" : "application/x-www-form-urlencoded",
            "x-forwarded-for": `10.9.${address >> 8}.${address++ & 255}`,
          },
          body: asJson ? JSON.stringify(request) : new URLSearchParams(request as Record<string, string>).toString(),
        });
        expect([response.status < 500, await response.json()]).toEqual([true, expect.any(Object)]);
      }),
      { numRuns: 300 },
    );
    expect(app.logged.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  });

  test("nothing of a request gets into the log", async () => {
    await app.token({ ...ada, username: "secret.person@example.com", password: "my-secret-word" });
    await app.token(ada);
    const log = app.logged.join("\n");
    for (const word of ["secret.person", "my-secret-word", "ada@example", ada.password, integration.client_secret]) {
      expect(log).not.toContain(word);
    }
  });
});
