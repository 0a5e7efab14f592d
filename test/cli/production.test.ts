import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jest } from "@jest/globals";
import type { JSONWebKeySet } from "jose";
import { createKeySet, describeKeySet } from "../../src/identity/key-rotation.js";
import type { Answer } from "../support/app.js";
import { startCommand } from "../support/command.js";
import { createTestDatabase, poolOf, type TestDatabase } from "../support/database.js";
import type { Untyped } from "../support/operation-data.js";

// From nothing to an answer in production, by the commands of docs/production.md and over HTTP alone. Each test starts many
// processes.
jest.setTimeout(300_000);

let database: TestDatabase;
let folder: string;
let keys: string;
let env: NodeJS.ProcessEnv;
let server: Awaited<ReturnType<typeof serve>>;

beforeAll(async () => {
  database = await createTestDatabase();
  folder = await mkdtemp(join(tmpdir(), "customer-graph-production-"));
  keys = join(folder, "signing-keys.json");
  env = {
    PATH: process.env.PATH,
    NODE_ENV: "production",
    DATABASE_URL: database.connectionString,
    DATA_DIR: folder,
    SIGNING_KEYS: keys,
    PUBLIC_URL: "https://graph.example.com",
    PORT: "0",
    LOG_LEVEL: "error",
  };
  expect(await run("keys", "create", keys)).toMatchObject({ code: 0, err: "" });
  server = await serve();
});
afterAll(async () => {
  await server.stop();
  await database.drop();
  await rm(folder, { recursive: true });
});

const run = (command: string, ...args: string[]) => startCommand(`src/cli/${command}.ts`, args, { env }).ended;

/** What a command printed as JSON; it must have succeeded. */
async function made(command: string, ...args: string[]) {
  const { code, out, err } = await run(command, ...args);
  expect([code, err.split("\n").filter((line) => line && !line.includes("shown this once"))]).toEqual([0, []]);
  return JSON.parse(out);
}

/** Starts the server as production does. */
async function serve() {
  const { child, ended } = startCommand("src/main.ts", [], { env });
  const url = await new Promise<string>((resolve, reject) => {
    let out = "";
    child.stdout!.on("data", (text) => {
      out += text;
      const found = /GraphQL +(\S+)\/graphql\n/.exec(out)?.[1];
      if (found) resolve(found);
    });
    void ended.then(({ err }) => reject(new Error(err)));
  });
  return {
    url,
    async stop() {
      child.kill("SIGTERM");
      await ended;
    },
  };
}

async function token(parameters: Record<string, string>) {
  const response = await fetch(`${server.url}/oauth/token`, { method: "POST", body: new URLSearchParams(parameters) });
  return {
    status: response.status,
    body: (await response.json()) as {
      access_token: string;
      refresh_token: string;
      expires_in: number;
      scope: string;
      error: string;
    },
  };
}

async function query(accessToken: string, text = "{ viewer { kind mode permissions owner { email } } }") {
  const response = await fetch(`${server.url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${accessToken}` },
    body: JSON.stringify({ query: text }),
  });
  return { status: response.status, body: (await response.json()) as Answer<Untyped> };
}

/** The status of an answer to a token that is refused soon: other processes learn of a revocation within a second. */
async function statusSoon(accessToken: string, expected: number) {
  let status = 0;
  for (let i = 0; i < 200 && status !== expected; i++) {
    ({ status } = await query(accessToken));
    if (status !== expected) await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return status;
}

/** Markets come with the import. */
async function importMarket({ id, ...attributes }: Record<"id" | "name" | "code", string>) {
  const file = join(folder, `${id}.json`);
  await writeFile(file, JSON.stringify({ data: { type: "markets", id, attributes } }));
  const { code, out } = await startCommand("src/import/main.ts", [file, "--mode", "live"], { env }).ended;
  expect([code, out]).toEqual([0, expect.stringContaining("markets")]);
}

const credentials = ({ clientId, clientSecret }: { clientId: string; clientSecret: string }) => ({
  client_id: clientId,
  client_secret: clientSecret,
});
const asItself = (application: { clientId: string; clientSecret: string }) => ({
  grant_type: "client_credentials",
  ...credentials(application),
});
const integration = (permissions: string, ...more: string[]) =>
  made(
    "application",
    ...["create", "--name", "Back office", "--kind", "integration", "--mode", "live", "--permissions", permissions],
    ...more,
  );

describe("application command", () => {
  test("create integration: its token allows what its permissions allow and no more", async () => {
    const application = await integration("customers:read,orders:*");
    expect(application).toMatchObject({
      kind: "integration",
      mode: "live",
      hasSecret: true,
      accessTokenSeconds: 7_200,
      permissions: expect.arrayContaining(["customers:read", "orders:manage", "orders:read"]),
    });
    const { status, body } = await token(asItself(application));
    expect([status, body.expires_in, body.scope]).toEqual([200, 7_200, "market:all"]);
    expect((await query(body.access_token, "{ customers { totalCount } }")).body.data).toEqual({
      customers: { totalCount: 0 },
    });
    expect((await query(body.access_token, "{ tags { totalCount } }")).body.errors![0]!.extensions.code).toBe(
      "FORBIDDEN",
    );
    expect((await token({ ...asItself(application), client_secret: "wrong" })).status).toBe(401);
  });

  test("create with permissions *: the token allows everything; --token-seconds sets expires_in", async () => {
    const application = await integration("*", "--token-seconds", "60");
    expect(application.permissions).toEqual(["*"]);
    const { body } = await token(asItself(application));
    expect(body.expires_in).toBe(60);
    expect((await query(body.access_token, "{ tags { totalCount } }")).body.data.tags).toEqual({ totalCount: 0 });
  });

  test("create sales_channel: guests get a token by client id and market, without a secret", async () => {
    await importMarket({ id: "mkt_europe", name: "Europe", code: "europe" });
    const channel = ["create", "--name", "Storefront", "--kind", "sales-channel", "--mode", "live"];
    const { clientId, clientSecret, hasSecret } = await made("application", ...channel);
    expect([clientSecret, hasSecret]).toEqual([undefined, false]);
    const guest = { grant_type: "client_credentials", client_id: clientId, scope: "market:code:europe" };
    const answer = await token(guest);
    expect([answer.status, answer.body.expires_in]).toEqual([200, 14_400]);
    expect((await query(answer.body.access_token)).body.data.viewer).toMatchObject({ kind: "GUEST", mode: "LIVE" });
    // With a secret too, if its server shall authenticate itself.
    const confidential = await made("application", ...channel, "--secret");
    const { status } = await token({ ...guest, ...credentials(confidential) });
    expect(status).toBe(200);
  });

  test("create prints the secret once and stores only its hash", async () => {
    const { clientId, clientSecret } = await integration("*");
    expect(clientSecret).toMatch(/^[\w-]{43}$/);
    const pool = poolOf(database);
    const { rows } = await pool.query("SELECT * FROM applications WHERE client_id = $1", [clientId]);
    await pool.end();
    expect(JSON.stringify(rows)).not.toContain(clientSecret);
    const { out } = await run("application", "list");
    const listed = out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(listed.find((application) => application.clientId === clientId)).toMatchObject({ hasSecret: true });
    expect(out).not.toContain(clientSecret);
    expect(out).not.toContain("igest");
  });

  test("rotate: the old secret is refused at once; issued tokens are revoked only with --end-tokens", async () => {
    const application = await integration("*");
    const { access_token } = (await token(asItself(application))).body;
    const rotated = await made("application", "rotate", application.clientId);
    expect(rotated).toMatchObject({ clientId: application.clientId, clientSecret: expect.any(String) });
    expect((await token(asItself(application))).body.error).toBe("invalid_client");
    expect((await token(asItself(rotated))).status).toBe(200);
    expect((await query(access_token)).status).toBe(200);
    const again = await made("application", "rotate", application.clientId, "--end-tokens");
    expect(await statusSoon(access_token, 401)).toBe(401);
    const { body } = await token(asItself(again));
    expect((await query(body.access_token)).status).toBe(200);
  });

  test("revoke: refuses new tokens and those already issued, of this application only", async () => {
    const [application, other] = [await integration("*"), await integration("*")];
    const { access_token } = (await token(asItself(application))).body;
    const others = (await token(asItself(other))).body.access_token;
    expect(await run("application", "revoke", application.clientId)).toMatchObject({ code: 0, err: "" });
    expect((await token(asItself(application))).body.error).toBe("invalid_client");
    expect(await statusSoon(access_token, 401)).toBe(401);
    expect((await query(others)).status).toBe(200);
    expect(await run("application", "revoke", application.clientId)).toMatchObject({
      code: 1,
      err: `There is no application with the client id ${application.clientId}.\n`,
    });
    expect(await run("application", "rotate", "nobody")).toMatchObject({ code: 1, out: "" });
  });
});

describe("staff command", () => {
  const webapp = () => made("application", "create", "--name", "Dashboard", "--kind", "webapp", "--mode", "live");
  const signIn = async (application: { clientId: string; clientSecret: string }, email: string, ...more: string[]) => {
    const { code, out, err } = await run("staff", "sign-in", email, application.clientId, ...more);
    expect([code, err]).toEqual([0, ""]);
    return renew(application, out.trim());
  };
  const renew = (application: { clientId: string; clientSecret: string }, refresh_token: string) =>
    token({ grant_type: "refresh_token", refresh_token, ...credentials(application) });

  test("a staff member signs in, refreshes, gets changed permissions and is removed", async () => {
    const application = await webapp();
    const vera = await made(
      "staff",
      "create",
      "Vera@Example.com",
      "--first-name",
      "Vera",
      "--permissions",
      "customers:read",
    );
    expect(vera).toMatchObject({ email: "vera@example.com", permissions: ["customers:read"] });
    const first = await signIn(application, "vera@example.com");
    expect([first.status, first.body]).toEqual([
      200,
      expect.objectContaining({ owner_id: vera.id, owner_type: "user", scope: "market:all", expires_in: 7_200 }),
    ]);
    const viewer = {
      kind: "USER",
      mode: "LIVE",
      permissions: ["CUSTOMERS_READ"],
      owner: { email: "vera@example.com" },
    };
    expect((await query(first.body.access_token)).body.data.viewer).toEqual(viewer);
    expect((await query(first.body.access_token, "{ customers { totalCount } }")).status).toBe(200);

    const second = await renew(application, first.body.refresh_token);
    expect(second.body).toMatchObject({ owner_id: vera.id, owner_type: "user" });

    await made("staff", "update", "vera@example.com", "--permissions", "tags:read");
    expect(await statusSoon(second.body.access_token, 401)).toBe(401);
    const third = await renew(application, second.body.refresh_token);
    expect((await query(third.body.access_token)).body.data.viewer.permissions).toEqual(["TAGS_READ"]);

    expect(await run("staff", "remove", "vera@example.com")).toMatchObject({ code: 0, err: "" });
    expect(await statusSoon(third.body.access_token, 401)).toBe(401);
    expect((await renew(application, third.body.refresh_token)).body.error).toBe("invalid_grant");
    expect(await run("staff", "sign-in", "vera@example.com", application.clientId)).toMatchObject({ code: 1, out: "" });
  });

  test("sign-in tokens work once, only for their web application and with its secret", async () => {
    const [application, other] = [await webapp(), await webapp()];
    await made("staff", "create", "tom@example.com");
    const { out } = await run("staff", "sign-in", "tom@example.com", application.clientId);
    const signInToken = out.trim();
    expect((await renew(other, signInToken)).body.error).toBe("invalid_grant");
    const { client_id } = credentials(application);
    const withoutSecret = { grant_type: "refresh_token", refresh_token: signInToken, client_id };
    expect((await token(withoutSecret)).body.error).toBe("invalid_client");
    const signedIn = await renew(application, signInToken);
    expect(signedIn.status).toBe(200);
    // Without permissions of their own they read.
    const { permissions } = (await query(signedIn.body.access_token)).body.data.viewer;
    expect(permissions).toContain("CUSTOMERS_READ");
    expect(permissions.filter((name: string) => !name.endsWith("_READ"))).toEqual([]);
    const pool = poolOf(database);
    await pool.query("UPDATE refresh_tokens SET used_at = used_at - interval '1 hour' WHERE used_at IS NOT NULL");
    expect((await renew(application, signInToken)).body.error).toBe("invalid_grant");
    expect((await renew(application, signedIn.body.refresh_token)).body.error).toBe("invalid_grant");
    expect(await statusSoon(signedIn.body.access_token, 401)).toBe(401);
    // One that nobody used in time.
    const late = (await run("staff", "sign-in", "tom@example.com", application.clientId)).out.trim();
    await pool.query("UPDATE refresh_tokens SET expires_at = expires_at - interval '10 minutes'");
    await pool.end();
    expect((await renew(application, late)).body.error).toBe("invalid_grant");
  });

  test("a staff token holds all permissions; scope limits it to a market", async () => {
    const application = await webapp();
    await made("staff", "create", "root@example.com", "--permissions", "*");
    await importMarket({ id: "mkt_usa", name: "USA", code: "usa" });
    const { body } = await signIn(application, "root@example.com", "--scope", "market:code:usa");
    const seen = async (accessToken: string) =>
      (await query(accessToken, "{ viewer { markets { id } permissions } tags { totalCount } }")).body.data;
    expect(await seen(body.access_token)).toMatchObject({ viewer: { markets: [{ id: "mkt_usa" }] } });
    const { access_token } = (await renew(application, body.refresh_token)).body;
    const { viewer } = await seen(access_token);
    expect(viewer.markets).toEqual([{ id: "mkt_usa" }]);
    expect(viewer.permissions).toEqual(expect.arrayContaining(["TAGS_ASSIGN", "ANONYMIZATIONS_CREATE", "FEES_READ"]));
  });

  test("revoking a web application ends its sessions", async () => {
    const application = await webapp();
    await made("staff", "create", "ida@example.com");
    const { body } = await signIn(application, "ida@example.com");
    expect(await run("application", "revoke", application.clientId)).toMatchObject({ code: 0 });
    expect(await statusSoon(body.access_token, 401)).toBe(401);
    expect((await renew(application, body.refresh_token)).body.error).toBe("invalid_client");
  });

  test("sign-in refuses an application that is no web application; create refuses an address already used", async () => {
    const { clientId } = await integration("*");
    await made("staff", "create", "eve@example.com");
    expect(await run("staff", "sign-in", "eve@example.com", clientId)).toMatchObject({
      code: 1,
      err: expect.stringContaining("is of the kind integration"),
    });
    expect(await run("staff", "create", " EVE@example.com")).toMatchObject({
      code: 1,
      err: "There is a member of the staff with the address eve@example.com already.\n",
    });
    expect(await run("staff", "update", "nobody@example.com", "--last-name", "N")).toMatchObject({ code: 1, out: "" });
    expect(await run("staff", "remove", "nobody@example.com")).toMatchObject({ code: 1, out: "" });
    const { out } = await run("staff", "list");
    expect(out.split("\n").filter((line) => line.includes("eve@example.com"))).toHaveLength(1);
  });
});

describe("keys command", () => {
  const listed = async () =>
    (await run("keys", "list", keys)).out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
  const roles = async () => (await listed()).map(({ role }) => role);
  const restart = async () => {
    await server.stop();
    server = await serve();
  };
  const published = async () =>
    ((await (await fetch(`${server.url}/.well-known/jwks.json`)).json()) as JSONWebKeySet).keys.map(({ kid }) => kid);
  const kidOf = (text: string) => JSON.parse(Buffer.from(text.split(".")[0]!, "base64url").toString()).kid;

  test("rotate --announce, rotate and retire: tokens of the old and the new key are accepted meanwhile", async () => {
    expect((await stat(keys)).mode & 0o777).toBe(0o600);
    const application = await integration("*");
    const before = (await token(asItself(application))).body.access_token;
    const [{ kid: old }] = await listed();
    expect(kidOf(before)).toBe(old);

    expect(await run("keys", "rotate", keys, "--announce")).toMatchObject({ code: 0, err: "" });
    expect(await roles()).toEqual(["signs", "announced"]);
    const next = (await listed())[1].kid;
    expect(await run("keys", "rotate", keys, "--announce")).toMatchObject({ code: 1 });
    await restart();
    expect(await published()).toEqual([old, next]);
    expect(kidOf((await token(asItself(application))).body.access_token)).toBe(old);

    expect(await run("keys", "rotate", keys)).toMatchObject({ code: 0, err: "" });
    expect((await listed()).map(({ kid, role }) => [kid, role])).toEqual([
      [next, "signs"],
      [old, "checks"],
    ]);
    await restart();
    const after = (await token(asItself(application))).body.access_token;
    expect(kidOf(after)).toBe(next);
    expect(await published()).toEqual([next, old]);
    for (const accessToken of [before, after]) expect((await query(accessToken)).status).toBe(200);
    // The old key only checks, and has nothing left to sign with.
    const { keys: stored } = JSON.parse(await readFile(keys, "utf8")) as JSONWebKeySet;
    expect(stored.map(({ d }) => d !== undefined)).toEqual([true, false]);
    expect((await stat(keys)).mode & 0o777).toBe(0o600);

    expect(await run("keys", "retire", keys)).toMatchObject({ code: 0, err: "No key can be retired yet.\n" });
    const tooEarly = await run("keys", "retire", keys, old);
    expect([tooEarly.code, tooEarly.err]).toEqual([
      1,
      expect.stringContaining("Tokens that the key signed may be good until"),
    ]);
    expect((await run("keys", "retire", keys, next, "--force")).err).toBe("The key signs new tokens; rotate first.\n");
    expect(await run("keys", "retire", keys, old, "--force")).toMatchObject({ code: 0, err: `Retired: ${old}.\n` });
    await restart();
    expect((await query(before)).status).toBe(401);
    expect((await query(after)).status).toBe(200);
  });

  test("application and key ids never begin with a hyphen, so that they can be command-line arguments", async () => {
    for (let i = 0; i < 300; i++) {
      const [key] = await describeKeySet(JSON.stringify(await createKeySet(new Date())));
      expect(key!.kid).toMatch(/^[A-Za-z\d_]/);
    }
    expect((await integration("*")).clientId).toMatch(/^[\da-f]{32}$/);
  });

  test("retire without a kid retires a key whose tokens have expired", async () => {
    const file = join(folder, "old.json");
    await run("keys", "create", file);
    await run("keys", "rotate", file);
    const set = JSON.parse(await readFile(file, "utf8"));
    set.keys[1].exp = Math.floor(Date.now() / 1_000);
    await writeFile(file, JSON.stringify(set));
    expect((await run("keys", "retire", file)).err).toMatch(/^Retired: [\w-]{43}\.\n$/);
    expect(JSON.parse(await readFile(file, "utf8")).keys).toEqual([set.keys[0]]);
  });

  test("no keys file is overwritten or half written; - reads standard input and writes standard output", async () => {
    const contents = await readFile(keys, "utf8");
    expect(await run("keys", "create", keys)).toMatchObject({ code: 1, err: `The file ${keys} is there already.\n` });
    expect(await readFile(keys, "utf8")).toBe(contents);
    const broken = join(folder, "broken.json");
    await writeFile(broken, "{");
    for (const verb of ["list", "rotate", "retire"]) {
      expect(await run("keys", verb, broken)).toMatchObject({ code: 1, out: "", err: "SIGNING_KEYS is not JSON.\n" });
      expect((await run("keys", verb, join(folder, "none"))).err).toContain("cannot be read (ENOENT)");
    }
    const { out } = await run("keys", "create", "-");
    const { child, ended } = startCommand("src/cli/keys.ts", ["rotate", "-"], { env });
    child.stdin!.end(out);
    const { keys: rotated } = JSON.parse((await ended).out) as JSONWebKeySet;
    expect(rotated.map(({ d }) => d !== undefined)).toEqual([true, false]);
  });
});

test.each([
  ["keys", [], "Say what to do: create, list, rotate, retire."],
  ["keys", ["rotat", "f"], 'Unknown command "rotat". Did you mean rotate?'],
  ["keys", ["list"], "list needs FILE."],
  ["keys", ["list", "f", "--announce"], "list takes no option --announce."],
  ["keys", ["retire", "f", "--force"], "--force needs KID."],
  ["application", ["delete", "x"], 'Unknown command "delete".'],
  ["application", ["list", "x"], 'Unknown argument "x".'],
  ["application", ["create", "--kind", "webapp", "--mode", "live"], "--name must be"],
  [
    "application",
    ["create", "--name", "a", "--kind", "sales", "--mode", "live"],
    "--kind must be one of sales_channel",
  ],
  ["application", ["create", "--name", "a", "--kind", "webapp"], "--mode must be one of test, live."],
  ["application", ["create", "--name", "a", "--kind", "integration", "--mode", "live"], "--permissions must say"],
  [
    "application",
    ["create", "--name", "a", "--kind", "webapp", "--mode", "live", "--permissions", "*"],
    "A webapp has no",
  ],
  [
    "application",
    ["create", "--name", "a", "--kind", "integration", "--mode", "live", "--permissions", "customers:raed"],
    "--permissions: “customers:raed” is no permission",
  ],
  [
    "application",
    ["create", "--name", "a", "--kind", "webapp", "--mode", "live", "--token-seconds", "86401"],
    "--token-seconds must be a whole number from 60 to 86400.",
  ],
  ["application", ["rotate"], "rotate needs CLIENT_ID."],
  ["staff", ["create", "nobody"], "EMAIL: An e-mail address looks like"],
  ["staff", ["update", "a@example.com"], "Say what to change."],
  ["staff", ["sign-in", "a@example.com"], "sign-in needs CLIENT_ID."],
] as [string, string[], string][])("%s %j is refused as wrong usage", async (command, args, message) => {
  const { code, out, err } = await run(command, ...args);
  expect([code, out]).toEqual([2, ""]);
  expect(err).toContain(message);
  expect(err).toContain(`Usage: npm run -s ${command}`);
});
