import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../src/config.js";
import { permissions } from "../../src/graph/access/permission.js";
import { newKeySet } from "../../src/identity/keys.js";
import { loadOutsidePermissions } from "../../src/identity/outside-permissions.js";
import { startAccess } from "../../src/identity/start.js";
import { createLogger } from "../../src/telemetry/logger.js";
import { onServer } from "../support/database.js";
import { type AuthApp, ada, createAuthApp, guest, storefront } from "./support.js";

let app: AuthApp;
let dataDir: string;
beforeAll(async () => {
  app = await createAuthApp();
  dataDir = await mkdtemp(join(tmpdir(), "customer-graph-start-"));
});
afterAll(async () => {
  await app.stop();
  await rm(dataDir, { recursive: true });
});

const log = createLogger({ level: "silent", json: true });
const outside = {
  AUTH_JWKS_URL: "http://127.0.0.1:9/",
  AUTH_ISSUER: "https://auth.example.com",
  AUTH_ORGANIZATION: "abc",
};
const start = (env: Record<string, string>) =>
  startAccess({
    config: loadConfig({ DATA_DIR: dataDir, ...env }),
    database: app.database,
    log,
    now: () => new Date(),
  });

test("production refuses to start with the demo shop's secrets in the database", async () => {
  const env = {
    NODE_ENV: "production",
    SIGNING_KEYS: JSON.stringify(await newKeySet()),
    PUBLIC_URL: "https://a.example",
  };
  await expect(start(env)).rejects.toThrow("has the secret of the demo shop, which everybody knows");
  await (await start({})).stop();
  await app.database.prisma.application.deleteMany({ where: { secretDigest: { not: null } } });
  const access = await start(env);
  expect(await access.tokens.verify(`Bearer ${await access.tokens.sign({ ...claims(), exp: 8e9 })}`)).toMatchObject({
    iss: "https://a.example",
  });
  await access.stop();
});

test.each([
  ["{", "AUTH_PERMISSIONS is not JSON."],
  ["/no/such/file", "AUTH_PERMISSIONS names a file that cannot be read (ENOENT)."],
  ['{"abc": "customers:read"}', "AUTH_PERMISSIONS must be a JSON object of client ids with lists of permissions"],
  ['{"abc": [1]}', "AUTH_PERMISSIONS must be a JSON object of client ids with lists of permissions"],
  ['{"abc": ["customers:raed"]}', 'client "abc": “customers:raed” is no permission; write orders:read'],
  ['{"abc": ["*:*"]}', "is no permission"],
])("refuses to start with AUTH_PERMISSIONS=%s", async (AUTH_PERMISSIONS, problem) => {
  await expect(start({ ...outside, AUTH_PERMISSIONS })).rejects.toThrow(problem);
});

test("UPSTREAM_CLIENTS is read like AUTH_PERMISSIONS, and named in what is wrong with it", async () => {
  const upstream = { UPSTREAM_ORGANIZATION: "abc", UPSTREAM_DOMAIN: "http://127.0.0.1:9" };
  const problem = 'UPSTREAM_CLIENTS: client "abc": “customers:raed” is no permission';
  await expect(start({ ...upstream, UPSTREAM_CLIENTS: '{"abc": ["customers:raed"]}' })).rejects.toThrow(problem);
  await (await start({ ...upstream, UPSTREAM_CLIENTS: '{"abc": ["customers:read"]}' })).stop();
});

test("AUTH_PERMISSIONS is JSON, or the path of a JSON file", async () => {
  const table = JSON.stringify({ abc: ["customers:*", "tags:assign"], def: ["*:read"], ghi: ["*"], jkl: [] });
  const read = await loadOutsidePermissions("AUTH_PERMISSIONS", table);
  expect(read.get("abc")!.toSorted()).toEqual([
    "customers:create",
    "customers:destroy",
    "customers:read",
    "customers:update",
    "tags:assign",
  ]);
  expect(read.get("def")).toEqual([...permissions.keys()].filter((permission) => permission.endsWith(":read")));
  expect(read.get("ghi")).toEqual([...permissions.keys()]);
  expect(read.get("jkl")).toEqual([]);
  const file = join(dataDir, "permissions.json");
  await writeFile(file, table);
  expect(await loadOutsidePermissions("AUTH_PERMISSIONS", file)).toEqual(read);
  await (await start({ ...outside, AUTH_PERMISSIONS: file })).stop();
});

test("while the database is unreachable: /oauth/token says so, and verified access tokens are accepted", async () => {
  const { access_token, refresh_token } = (await app.token(ada)).body;
  const url = app.database.pool.options.connectionString!;
  const name = new URL(url).pathname.slice(1);
  await onServer(
    url,
    `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`,
    `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
  );
  const refresh = { ...storefront, grant_type: "refresh_token", refresh_token };
  for (const answer of [
    await app.token(guest),
    await app.token(ada),
    await app.token(refresh),
    await app.post("/oauth/revoke", { ...storefront, token: access_token }),
  ]) {
    expect(answer).toMatchObject({
      status: 503,
      body: { error: "temporarily_unavailable", errors: [{ code: "UNAVAILABLE", status: 503 }] },
    });
  }
  expect(await app.tokens.verify(`Bearer ${access_token}`)).not.toBeNull();
  await onServer(url, `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
  expect((await app.token(refresh)).status).toBe(200);
  expect((await app.token(ada)).status).toBe(200);
});

function claims() {
  return { application: { id: "a", kind: "integration", public: false }, test: true };
}
