import { execFile } from "node:child_process";
import { mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { importJWK, jwtVerify } from "jose";
import { loadSigningKeys, newKeySet } from "../../src/identity/keys.js";
import { Tokens } from "../../src/identity/tokens.js";
import { projectRoot } from "../../src/paths.js";
import { createLogger } from "../../src/telemetry/logger.js";
import { type AuthApp, createAuthApp, foreignKey, guest, outsideClaims, read, seconds } from "./support.js";

let dataDir: string;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "customer-graph-keys-"));
});
afterEach(() => rm(dataDir, { recursive: true }));

const load = (signingKeys?: string, environment = "development") =>
  loadSigningKeys({ signingKeys, dataDir, environment });
const log = createLogger({ level: "silent", json: true });
const tokensWith = async (signingKeys: string) =>
  new Tokens({ keys: await load(signingKeys), issuer: "urn:test:own", revocations: { isRevoked: () => false }, log });

describe("SIGNING_KEYS", () => {
  test("by default a key is created in DATA_DIR, readable by its owner only, and reused", async () => {
    const first = await load();
    const file = join(dataDir, "signing-keys.json");
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    expect((await load()).current.id).toBe(first.current.id);
    expect(first.current.algorithm).toBe("ES256");
    expect(await readdir(dataDir)).toEqual(["signing-keys.json"]);
  });

  test("servers that start at once share one created key", async () => {
    const loaded = await Promise.all(Array.from({ length: 8 }, () => load()));
    expect(new Set(loaded.map(({ current }) => current.id)).size).toBe(1);
  });

  test("is required in production", async () => {
    await expect(load(undefined, "production")).rejects.toThrow("SIGNING_KEYS");
    expect(await readdir(dataDir)).toEqual([]);
    const text = JSON.stringify(await newKeySet());
    const file = join(dataDir, "keys.json");
    await writeFile(file, text);
    const [inline, named] = [await load(text, "production"), await load(file, "production")];
    expect(inline.current.id).toBe(named.current.id);
  });

  test("errors say what is wrong and never contain the key", async () => {
    const { keys } = await newKeySet();
    const key = keys[0]!;
    const { d, ...open } = key;
    const cases: [string, RegExp][] = [
      ["/nowhere/keys.json", /cannot be read \(ENOENT\)/],
      ["{", /not JSON/],
      ["{}", /JWK set/],
      ['{"keys": []}', /at least one/],
      [JSON.stringify({ keys: [open] }), /private half/],
      [JSON.stringify({ keys: [{ kty: "oct", k: "c2VjcmV0" }] }), /must be an EC key/],
      [JSON.stringify({ keys: [{ ...key, alg: "HS256" }] }), /must be an EC key/],
      [JSON.stringify({ keys: [{ ...key, x: "AAAA" }] }), /damaged/],
      [JSON.stringify({ keys: [key, key] }), /twice/],
    ];
    for (const [text, message] of cases) {
      const error: Error = await load(text).then(
        () => new Error("It was accepted."),
        (reason: Error) => reason,
      );
      expect(error.message).toMatch(message);
      expect(error.message).not.toContain(d);
    }
  });

  test.each(["ES256", "EdDSA", "RS256", "RS512"] as const)("takes %s keys", async (algorithm) => {
    const key = foreignKey(algorithm, "");
    const jwk = { ...key.jwk, ...key.private.export({ format: "jwk" }) };
    const tokens = await tokensWith(JSON.stringify({ keys: [jwk] }));
    const token = await tokens.sign({ ...outsideClaims(""), exp: seconds() + 60 });
    expect(read(token).header.alg).toBe(algorithm);
    expect(await tokens.verify(`Bearer ${token}`)).toMatchObject({ iss: "urn:test:own" });
  });

  test("rotation: tokens of the old and the new key are accepted while both are listed", async () => {
    const [old, next] = [(await newKeySet()).keys[0]!, (await newKeySet()).keys[0]!];
    const { d: _, ...oldPublic } = old;
    const before = await tokensWith(JSON.stringify({ keys: [old] }));
    const during = await tokensWith(JSON.stringify({ keys: [next, oldPublic] }));
    const after = await tokensWith(JSON.stringify({ keys: [next] }));
    const claims = { ...outsideClaims(""), exp: seconds() + 60 };
    const [early, late] = [await before.sign(claims), await during.sign(claims)];
    expect(read(early).header.kid).not.toBe(read(late).header.kid);
    await during.verify(`Bearer ${early}`);
    await during.verify(`Bearer ${late}`);
    await after.verify(`Bearer ${late}`);
    await expect(after.verify(`Bearer ${early}`)).rejects.toThrow("not valid");
  });
});

describe("JWKS", () => {
  let app: AuthApp;
  beforeAll(async () => {
    const [one, two] = [(await newKeySet()).keys[0]!, (await newKeySet()).keys[0]!];
    app = await createAuthApp({ signingKeys: JSON.stringify({ keys: [one, two] }) });
  });
  afterAll(() => app.stop());

  test("/.well-known/jwks.json has the public part of every key, and nothing else", async () => {
    const response = await fetch(`${app.url}/.well-known/jwks.json`);
    expect(response.headers.get("cache-control")).toContain("max-age");
    const { keys } = (await response.json()) as { keys: Record<string, string>[] };
    expect(keys).toHaveLength(2);
    for (const key of keys) {
      expect(Object.keys(key).sort()).toEqual(["alg", "crv", "kid", "kty", "use", "x", "y"]);
    }
    const { body } = await app.token(guest);
    const jwk = keys.find(({ kid }) => kid === read(body.access_token).header.kid)!;
    const { payload } = await jwtVerify(body.access_token, await importJWK(jwk, "ES256"), {
      issuer: app.issuer,
      audience: "customer-graph",
      typ: "at+jwt",
    });
    expect(payload.scope).toBe("market:code:europe");
    expect((await fetch(`${app.url}/.well-known/jwks.json`, { method: "HEAD" })).status).toBe(200);
    const refused = await fetch(`${app.url}/.well-known/jwks.json`, { method: "POST" });
    expect([refused.status, refused.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
    expect(await refused.json()).toMatchObject({ error_description: "Ask for the keys by GET." });
  });
});

describe("npm run token", () => {
  async function run(args: string[], env: Record<string, string> = {}) {
    const command = ["--import", "./test/support/typescript.mjs", "src/cli/token.ts", ...args];
    const options = { cwd: projectRoot, env: { PATH: process.env.PATH, DATA_DIR: dataDir, ...env } };
    return promisify(execFile)(process.execPath, command, options).then(
      ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
      ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
    );
  }

  test("prints a token that the server on the same data folder accepts", async () => {
    const app = await createAuthApp();
    try {
      const database = { DATABASE_URL: app.database.pool.options.connectionString! };
      const outputs = await Promise.all([
        run(["sales-channel"]),
        run(["customer", "Bruno.Rossi@example.com"], database),
        run(["user"]),
      ]);
      for (const { stdout, stderr } of outputs) {
        expect(stdout).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+\n$/);
        expect(stderr).toBe("");
      }
      const revocations = { isRevoked: () => false };
      const tokens = new Tokens({ keys: await load(), issuer: "urn:customer-graph", revocations, log });
      const claims = await Promise.all(outputs.map(({ stdout }) => tokens.verifyToken(stdout.trim())));
      expect(claims.map(({ application, owner }) => [application.kind, owner?.id])).toEqual([
        ["sales_channel", undefined],
        ["sales_channel", "cus_bruno"],
        ["webapp", "usr_vera"],
      ]);
      expect(claims[2]!.permissions).toContain("tags:assign");
      const nobody = await run(["customer", "nobody@example.com"], database);
      expect(nobody).toMatchObject({ code: 1, stdout: "", stderr: "There is no customer nobody@example.com.\n" });
    } finally {
      await app.stop();
    }
  });

  test("prints its usage for an unknown persona, and refuses to run in production", async () => {
    const keys = join(dataDir, "keys.json");
    await writeFile(keys, JSON.stringify(await newKeySet()));
    const [odd, production] = await Promise.all([
      run(["admin"]),
      run(["integration"], { NODE_ENV: "production", SIGNING_KEYS: keys }),
    ]);
    expect(odd).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("Usage: npm run -s token") });
    expect(production).toMatchObject({ code: 1, stdout: "", stderr: expect.stringContaining("In production") });
    expect(await readdir(dataDir)).toEqual(["keys.json"]);
  });
});
