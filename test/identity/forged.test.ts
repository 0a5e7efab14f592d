import { createHmac, createPublicKey } from "node:crypto";
import { request as httpRequest } from "node:http";
import type { Answer } from "../support/app.js";
import {
  type AuthApp,
  ada,
  createAuthApp,
  type ForeignKey,
  foreignKey,
  handMade,
  read,
  seconds,
  signWith,
} from "./support.js";

/** The server's own key, known here so that tokens with one thing wrong can be made. */
let own: ForeignKey;
let app: AuthApp;
let kid: string;

beforeAll(async () => {
  own = foreignKey("ES256", "");
  const { kid: _, ...jwk } = own.jwk;
  const d = own.private.export({ format: "jwk" }).d;
  app = await createAuthApp({ signingKeys: JSON.stringify({ keys: [{ ...jwk, d }] }) });
  kid = app.tokens.keys.current.id;
});
afterAll(() => app.stop());

const header = () => ({ alg: "ES256", typ: "at+jwt", kid });
const claims = () => ({
  iss: app.issuer,
  aud: "customer-graph",
  jti: "1",
  iat: seconds(),
  exp: seconds() + 600,
  application: { id: "app_integration", client_id: "demo-integration", kind: "integration", public: false },
  scope: "market:all",
  test: true,
});
const sample = (change: object, changeHeader: object = {}) =>
  handMade({ ...header(), ...changeHeader }, { ...claims(), ...change }, signWith(own));

const text = "{ customers { nodes { email } } }";

async function expectRefusal(authorization: string, code = "UNAUTHENTICATED") {
  const start = performance.now();
  const { status, headers, body } = await app.query(authorization, text);
  expect(headers.get("www-authenticate")).toMatch(
    /^Bearer realm="customer-graph", error="invalid_token", error_description="[ !#-[\]-~]+"$/,
  );
  expect(performance.now() - start).toBeLessThan(1_000);
  expect({ status, code: body.errors?.[0]?.extensions.code, data: body.data }).toEqual({
    status: 401,
    code,
    data: undefined,
  });
  expect(JSON.stringify(body)).not.toMatch(/example\.com|jose|JWS|JWT|node_modules/);
}

test("control: the hand-made token is accepted, so each refused one fails by its single change", async () => {
  const { status, body } = await app.query(`Bearer ${sample({})}`, text);
  expect(status).toBe(200);
  expect(body.data.customers.nodes.length).toBeGreaterThan(5);
  expect((await app.query(`bEaReR   ${sample({})}`, text)).status).toBe(200);
});

test("a request without a token is anonymous, not an error", async () => {
  const { headers, body } = await app.query(undefined);
  expect([body.data.viewer.kind, headers.get("www-authenticate")]).toEqual(["ANONYMOUS", null]);
});

describe("every 401 has a WWW-Authenticate challenge (RFC 6750)", () => {
  const stream = "subscription { customerChanged { id } }";
  const sendTo: Record<string, (headers: Record<string, string>) => Promise<Response>> = {
    "/graphql": (headers) => send("/graphql", headers, text),
    "a mutation": (headers) =>
      send("/graphql", headers, 'mutation { customerDelete(id: "cus_ada") { userErrors { code } } }'),
    "/graphql/stream": (headers) => send("/graphql/stream", headers, stream),
    "/exports": (headers) => fetch(`${app.url}/exports/customers/cus_ada`, { headers }),
  };
  const send = (path: string, headers: Record<string, string>, query: string) =>
    fetch(`${app.url}${path}`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body: JSON.stringify({ query }),
    });
  const challengeOf = async (name: string, headers: Record<string, string>) => {
    const response = await sendTo[name]!(headers);
    const { errors } = (await response.json()) as Answer<unknown>;
    return [
      response.status,
      errors![0]!.extensions.code,
      errors![0]!.extensions.http,
      response.headers.get("www-authenticate"),
    ];
  };
  const realm = 'Bearer realm="customer-graph"';

  test.each(Object.keys(sendTo))("challenges a missing and an invalid token: %s", async (name) => {
    expect(await challengeOf(name, {})).toEqual([401, "UNAUTHENTICATED", undefined, realm]);
    expect(await challengeOf(name, { authorization: "Bearer a.b.c" })).toEqual([
      401,
      "UNAUTHENTICATED",
      undefined,
      `${realm}, error="invalid_token", error_description="The access token is not valid."`,
    ]);
    expect(await challengeOf(name, { authorization: "Basic abc" })).toEqual([
      401,
      "UNAUTHENTICATED",
      undefined,
      `${realm}, error="invalid_token", error_description="The Authorization header must hold one access token: \`Authorization: Bearer ...\`."`,
    ]);
    const old = sample({ iat: seconds() - 700, exp: seconds() - 1 });
    expect(await challengeOf(name, { authorization: `Bearer ${old}` })).toEqual([
      401,
      "TOKEN_EXPIRED",
      undefined,
      `${realm}, error="invalid_token", error_description="The access token has expired; get a new one and try again."`,
    ]);
  });

  test("claim text in the challenge is escaped: no header injection", async () => {
    const kind = 'x", realm="y\\ é\r\nset-cookie: a';
    const token = sample({ application: { id: "a", kind, public: false } });
    const { status, headers } = await app.query(`Bearer ${token}`, text);
    expect(status).toBe(401);
    expect(headers.get("www-authenticate")).toMatch(/error_description="[^"\\]+"$/);
    expect(headers.get("set-cookie")).toBeNull();
  });
});

describe("signatures", () => {
  test("refuses alg none, in every spelling", async () => {
    for (const alg of ["none", "None", "NONE", ""]) {
      const unsigned = handMade({ ...header(), alg }, claims(), () => "");
      await expectRefusal(`Bearer ${unsigned}`);
      await expectRefusal(`Bearer ${unsigned}AAAA`);
    }
  });

  test("refuses HS256 with the public key as shared secret (algorithm confusion)", async () => {
    const jwk = JSON.stringify(app.tokens.keys.published.keys[0]);
    const pem = pemOf(own);
    for (const secret of [pem, pem.trim(), jwk, JSON.stringify(app.tokens.keys.published)]) {
      for (const [alg, hash] of [
        ["HS256", "sha256"],
        ["HS512", "sha512"],
      ] as const) {
        const token = handMade({ ...header(), alg }, claims(), (input) =>
          createHmac(hash, secret).update(input).digest(),
        );
        await expectRefusal(`Bearer ${token}`);
      }
    }
  });

  test("refuses a foreign key, whatever kid, jku, x5u or jwk the header has", async () => {
    const foreign = foreignKey("ES256", kid);
    const rsa = foreignKey("RS256", kid);
    const jku = "http://127.0.0.1:9/keys.json";
    const { d: _, ...jwk } = foreign.jwk;
    for (const extra of [{}, { kid: "other" }, { kid: undefined }, { kid: "" }, { jwk }, { jku }, { x5u: jku }]) {
      await expectRefusal(`Bearer ${handMade({ ...header(), ...extra }, claims(), signWith(foreign))}`);
    }
    await expectRefusal(`Bearer ${handMade({ ...header(), alg: "RS256" }, claims(), signWith(rsa))}`);
    await expectRefusal(`Bearer ${handMade({ ...header(), alg: "RS256" }, claims(), signWith(own))}`);
  });

  test("ignores jku, x5u and jwk in the header of a well-signed token", async () => {
    const jwk = foreignKey("ES256", kid).jwk;
    const extra = { jku: "http://127.0.0.1:9/", x5u: "http://127.0.0.1:9/", jwk };
    expect((await app.query(`Bearer ${sample({}, extra)}`, text)).status).toBe(200);
  });

  test("refuses a malformed or hostile kid", async () => {
    for (const odd of ["../../etc/passwd", "__proto__", "constructor", "' OR 1=1 --", "\u0000", 1, null, {}, [kid]]) {
      await expectRefusal(`Bearer ${sample({}, { kid: odd })}`);
    }
  });

  test("refuses a crit header and an unencoded payload (b64)", async () => {
    await expectRefusal(`Bearer ${sample({}, { crit: ["b64"], b64: false })}`);
    await expectRefusal(`Bearer ${sample({}, { crit: ["exp"] })}`);
  });

  test("refuses signatures that do not match the payload, or are truncated, extended or re-encoded", async () => {
    const [head, , mark] = sample({}).split(".") as [string, string, string];
    const altered = Buffer.from(JSON.stringify({ ...claims(), test: false })).toString("base64url");
    await expectRefusal(`Bearer ${head}.${altered}.${mark}`);
    await expectRefusal(`Bearer ${sample({}).split(".").slice(0, 2).join(".")}.${mark.slice(0, -4)}`);
    await expectRefusal(`Bearer ${sample({})}AAAA`);
    await expectRefusal(`Bearer ${sample({})}.x`);
    // ECDSA in its other encoding, and the signature of zeros that broken implementations accept.
    await expectRefusal(`Bearer ${handMade(header(), claims(), () => Buffer.alloc(64))}`);
  });
});

describe("claims", () => {
  test.each<[string, () => object]>([
    ["another issuer", () => ({ iss: "https://elsewhere.example.com" })],
    ["no issuer", () => ({ iss: undefined })],
    ["a list of issuers", () => ({ iss: [app.issuer] })],
    ["another audience", () => ({ aud: "another-service" })],
    ["no audience", () => ({ aud: undefined })],
    ["not yet valid", () => ({ nbf: seconds() + 120 })],
    ["issued in the future", () => ({ iat: seconds() + 120 })],
    ["no time of issue", () => ({ iat: undefined })],
    ["no expiry", () => ({ exp: undefined })],
    ["an expiry in words", () => ({ exp: "tomorrow" })],
    ["an expiry beyond all time", () => ({ exp: 1e300 })],
    ["no application", () => ({ application: undefined })],
    ["an application that is a text", () => ({ application: "app_integration" })],
    ["an application without a kind", () => ({ application: { id: "a", public: false } })],
    ["a kind that is a list", () => ({ application: { id: "a", kind: ["integration"], public: false } })],
    ["an owner without an id", () => ({ owner: { type: "Customer" } })],
    ["an owner of an odd type", () => ({ owner: { id: "a", type: "customer" } })],
    ["an owner that is an object", () => ({ owner: { id: { not: "" }, type: "Customer" } })],
    ["an id with a NUL", () => ({ owner: { id: "a\0", type: "Customer" } })],
    ["half a character", () => ({ owner: { id: "a\ud800", type: "Customer" } })],
    ["a market that is no list", () => ({ market: { id: "mkt_europe" } })],
    ["a mode that is a text", () => ({ test: "false" })],
    ["no mode", () => ({ test: undefined })],
    ["permissions that are a text", () => ({ permissions: "all" })],
  ])("refuses a token with %s", async (_case, change) => {
    await expectRefusal(`Bearer ${sample(change())}`);
  });

  test("refuses a token whose typ is not that of an access token", async () => {
    for (const typ of ["JWT", undefined, "id+jwt", "at+jwt2"]) await expectRefusal(`Bearer ${sample({}, { typ })}`);
  });

  test("refuses a custom claim with a number that loses digits or a duplicate key", async () => {
    const token = (claim: string) => {
      const payload = JSON.stringify({ ...claims(), custom_claim: "CLAIM" }).replace('"CLAIM"', claim);
      return `Bearer ${handMade(header(), Buffer.from(payload), signWith(own))}`;
    };
    for (const claim of ['{"order":[9007199254740993]}', '{"x":1e400}', '{"x":1,"x":2}']) {
      await expectRefusal(token(claim));
      const { body } = await app.query(token(claim), text);
      expect(body.errors[0]!.message).toContain("`custom_claim`");
    }
    const { body } = await app.query(token('{"order":["9007199254740993",0.5]}'), "{ viewer { customClaim } }");
    expect(body.data.viewer.customClaim).toEqual({ order: ["9007199254740993", 0.5] });
  });

  test("refuses a payload that is not a JSON object", async () => {
    for (const payload of [null, [], "text", 1]) {
      await expectRefusal(`Bearer ${handMade(header(), payload, signWith(own))}`);
    }
  });

  test("TOKEN_EXPIRED is only for tokens with a valid signature", async () => {
    await expectRefusal(`Bearer ${sample({ iat: seconds() - 700, exp: seconds() - 1 })}`, "TOKEN_EXPIRED");
    await expectRefusal(`Bearer ${sample({ iat: seconds() - 700, exp: seconds() - 900 })}`, "TOKEN_EXPIRED");
    const forged = handMade(header(), { ...claims(), exp: seconds() - 1 }, signWith(foreignKey("ES256", kid)));
    await expectRefusal(`Bearer ${forged}`);
  });

  test("tolerates a clock skew of 30 seconds in iat and nbf", async () => {
    const { status } = await app.query(`Bearer ${sample({ iat: seconds() + 30, nbf: seconds() + 30 })}`, text);
    expect(status).toBe(200);
  });

  test("a token that was accepted before is refused once it expires", async () => {
    const token = sample({ exp: seconds() + 300 });
    expect((await app.query(`Bearer ${token}`)).status).toBe(200);
    app.advance(300_000);
    await expectRefusal(`Bearer ${token}`, "TOKEN_EXPIRED");
    app.advance(-300_000);
  });
});

describe("Authorization header", () => {
  test("refuses other schemes and malformed tokens", async () => {
    for (const scheme of ["Basic", "Token", "", "Bearer:"]) await expectRefusal(`${scheme} ${sample({})}`);
    for (const odd of ["Bearer", "Bearer ", "Bearer a.b", "Bearer a.b.c.d", "Bearer a b.c.d", "Bearer ..."]) {
      await expectRefusal(odd);
    }
  });

  test("refuses tokens of 9 KB, well signed or not", async () => {
    await expectRefusal(`Bearer ${sample({ custom_claim: { filler: "x".repeat(7_000) } })}`);
    await expectRefusal(`Bearer ${"a".repeat(3_000)}.${"b".repeat(3_000)}.${"c".repeat(3_000)}`);
  });

  test("refuses a token of 100 KB at once", async () => {
    const start = performance.now();
    const status = await raw([`Bearer ${"x".repeat(100_000)}`]);
    expect(status).toBe(401);
    expect(performance.now() - start).toBeLessThan(1_000);
  });

  test("refuses two tokens, even if both are valid", async () => {
    expect(await raw([`Bearer ${sample({})}`])).toBe(200);
    expect(await raw([`Bearer ${sample({})}`, `Bearer ${sample({})}`])).toBe(401);
    await expectRefusal(`Bearer ${sample({})}, Bearer ${sample({})}`);
  });

  function raw(authorization: string[]): Promise<number> {
    return new Promise((resolve, reject) => {
      const body = JSON.stringify({ query: text });
      const request = httpRequest(
        `${app.url}/graphql`,
        { method: "POST", headers: { "content-type": "application/json", authorization: authorization as never } },
        (response) => {
          response.resume();
          resolve(response.statusCode!);
        },
      );
      request.on("error", reject);
      request.end(body);
    });
  }
});

test("altering owner or mode in a customer's token is refused", async () => {
  const { access_token: token } = (await app.token(ada)).body;
  const [head, , mark] = token.split(".");
  const { payload } = read(token);
  for (const change of [{ owner: { id: "cus_bruno", type: "Customer" } }, { owner: undefined }, { test: false }]) {
    const altered = Buffer.from(JSON.stringify({ ...payload, ...change })).toString("base64url");
    await expectRefusal(`Bearer ${head}.${altered}.${mark}`);
  }
});

function pemOf({ jwk }: ForeignKey): string {
  return createPublicKey({ key: jwk as never, format: "jwk" })
    .export({ type: "spki", format: "pem" })
    .toString();
}
