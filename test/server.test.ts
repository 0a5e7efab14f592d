import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, request as httpRequest } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../src/paths.js";
import type { Answer } from "./support/app.js";
import { createEmptyDatabase, onServer, type TestDatabase } from "./support/database.js";
import type { Untyped } from "./support/operation-data.js";

/** The server as its users start it: its own process, its own embedded PostgreSQL, real signals. */
interface Running {
  url: string;
  process: ChildProcess;
  output: () => string;
  ended: Promise<number | null>;
}

const children: ChildProcess[] = [];
let dataDir: string;
beforeAll(() => {
  execFileSync("npx", ["tsc", "-p", "tsconfig.build.json", "--noCheck"], { cwd: projectRoot });
  dataDir = mkdtempSync(join(tmpdir(), "customer-graph-"));
}, 60_000);
afterAll(async () => {
  for (const child of children) child.kill("SIGTERM");
  await new Promise((resolve) => setTimeout(resolve, 500));
  rmSync(dataDir, { recursive: true, force: true });
});

function launch(env: Record<string, string>) {
  const child = spawn(process.execPath, ["dist/src/main.js"], {
    cwd: projectRoot,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, PORT: "0", DATA_DIR: dataDir, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  let text = "";
  child.stdout.on("data", (data) => (text += data));
  child.stderr.on("data", (data) => (text += data));
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  return { child, ended, output: () => text };
}

async function start(env: Record<string, string> = {}): Promise<Running> {
  const { child, ended, output } = launch(env);
  for (;;) {
    const found = /GraphQL +(http:\S+)\/graphql/.exec(output());
    if (found) return { url: found[1]!, process: child, output, ended };
    if (child.exitCode !== null) throw new Error(`It ended: ${output()}`);
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

/** The token of a persona, as the command prints it. */
function token(persona = "integration", env: Record<string, string> = {}): string {
  return execFileSync(process.execPath, ["dist/src/cli/token.js", persona], {
    cwd: projectRoot,
    env: { PATH: process.env.PATH, DATA_DIR: dataDir, ...env },
    encoding: "utf8",
  }).trim();
}

/** Asks as an integration: with a token for the issuer that a server without `PUBLIC_URL` is. */
async function query(url: string, text: string, env: Record<string, string> = {}) {
  const response = await fetch(`${url}/graphql`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${token("integration", env)}` },
    body: JSON.stringify({ query: text }),
  });
  return { ...((await response.json()) as Answer<Untyped>), status: response.status };
}

test("starts with only a data folder, answers, and stops its PostgreSQL at SIGTERM", async () => {
  const server = await start();
  expect(server.output()).toMatch(/Playground +http/);
  expect(server.output()).toMatch(/Health +http/);
  const { data } = await query(
    server.url,
    '{ customer(by: { email: "Ada@Example.com" }) { id } customers(first: 0) { totalCount } }',
  );
  expect(data).toEqual({ customer: { id: "cus_ada" }, customers: { totalCount: 12 } });
  expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
  expect((await fetch(`${server.url}/health/ready`)).status).toBe(200);
  server.process.kill("SIGTERM");
  expect(await server.ended).toBe(0);
});

test("a restart keeps the data; a second server on the same data folder is refused", async () => {
  const server = await start();
  expect((await query(server.url, "{ customers(first: 0) { totalCount } }")).data.customers.totalCount).toBe(12);
  const second = launch({});
  expect(await second.ended).toBe(1);
  expect(second.output()).toContain(dataDir);
  expect(second.output()).toMatch(/DATA_DIR/);
  server.process.kill("SIGINT");
  expect(await server.ended).toBe(0);
});

test("starts on a data folder left by a killed server", async () => {
  const first = await start();
  await query(first.url, 'mutation { tagsAdd(id: "cus_kenji", names: ["vip"]) { userErrors { code } } }');
  first.process.kill("SIGKILL");
  await first.ended;
  const second = await start();
  const { data } = await query(second.url, '{ customer(by: { id: "cus_kenji" }) { tags { name } } }');
  expect(data.customer.tags).toContainEqual({ name: "vip" });
  second.process.kill("SIGTERM");
  expect(await second.ended).toBe(0);
});

test("a port in use is an error that says what to do", async () => {
  const blocker = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => blocker.once("listening", resolve));
  const { port } = blocker.address() as AddressInfo;
  const { ended, output } = launch({ PORT: String(port) });
  expect(await ended).toBe(1);
  expect(output()).toContain(`Port ${port} is taken`);
  expect(output()).toContain("PORT=");
  blocker.close();
});

test("invalid variables are reported all at once", async () => {
  const { ended, output } = launch({ PORT: "many", SEED_DEMO: "maybe", PUBLIC_URL: "shop" });
  expect(await ended).toBe(2);
  expect(output()).toMatch(/PORT[\s\S]*SEED_DEMO[\s\S]*PUBLIC_URL/);
});

describe("on an external PostgreSQL", () => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createEmptyDatabase();
  });
  afterAll(() => database.drop());

  test("SEED_DEMO=false leaves the database empty; links use PUBLIC_URL", async () => {
    const server = await start({
      DATABASE_URL: database.connectionString,
      SEED_DEMO: "false",
      PUBLIC_URL: "https://shop.example",
    });
    const issuer = { PUBLIC_URL: "https://shop.example" };
    expect((await query(server.url, "{ customers { totalCount } }", issuer)).data.customers.totalCount).toBe(0);
    await onServer(database.connectionString, "SELECT 1");
    server.process.kill("SIGTERM");
    expect(await server.ended).toBe(0);
  });

  test("two servers share the database: the demo shop is inserted once", async () => {
    const env = { DATABASE_URL: database.connectionString, PUBLIC_URL: "https://shop.example" };
    const [one, two] = await Promise.all([start(env), start(env)]);
    for (const { url } of [one, two]) {
      const { data } = await query(
        url,
        '{ customers { totalCount } customer(by: { id: "cus_ada" }) { links { self } } }',
        env,
      );
      expect(data).toEqual({
        customers: { totalCount: 12 },
        customer: { links: { self: "https://shop.example/api/customers/cus_ada" } },
      });
    }
    for (const server of [one, two]) server.process.kill("SIGTERM");
    expect(await Promise.all([one.ended, two.ended])).toEqual([0, 0]);
  });

  test("keeps running while the database is down, answers UNAVAILABLE, and recovers", async () => {
    const server = await start({ DATABASE_URL: database.connectionString });
    const name = new URL(database.connectionString).pathname.slice(1);
    await onServer(
      database.connectionString,
      `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
    );
    const { status, errors } = await query(server.url, "{ customers { totalCount } }");
    expect(errors![0]!.extensions.code).toBe("UNAVAILABLE");
    expect(status).toBe(503);
    expect((await fetch(`${server.url}/health/ready`)).status).toBe(503);
    expect((await fetch(`${server.url}/health/live`)).status).toBe(200);
    await onServer(database.connectionString, `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    expect((await query(server.url, "{ customers { totalCount } }")).data.customers.totalCount).toBe(12);
    server.process.kill("SIGTERM");
    expect(await server.ended).toBe(0);
  });

  test("an open stream does not delay shutdown", async () => {
    const server = await start({ DATABASE_URL: database.connectionString });
    const response = await fetch(`${server.url}/graphql/stream`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token()}` },
      body: JSON.stringify({ query: "subscription { customerChanged { id } }" }),
    });
    expect(response.status).toBe(200);
    server.process.kill("SIGTERM");
    expect(await response.text()).toMatch(/^:\n\nevent: next\ndata: .*"UNAVAILABLE".*\n\nevent: complete\ndata:\n\n$/);
    expect(await server.ended).toBe(0);
  });

  test("a running request is answered before shutdown", async () => {
    const server = await start({ DATABASE_URL: database.connectionString });
    const { hostname, port } = new URL(server.url);
    const body = JSON.stringify({ query: "{ customers(first: 100) { totalCount nodes { id } } }" });
    const answer = new Promise<string>((resolve, reject) => {
      const request = httpRequest(
        {
          hostname,
          port,
          path: "/graphql",
          method: "POST",
          headers: {
            "content-type": "application/json",
            "content-length": body.length,
            authorization: `Bearer ${token()}`,
          },
        },
        (response) => {
          let text = "";
          response.on("data", (data) => (text += data)).on("end", () => resolve(text));
        },
      );
      request.on("error", reject);
      // The second half is sent only after the server was told to stop.
      request.write(body.slice(0, 10));
      setTimeout(() => server.process.kill("SIGTERM"), 200);
      setTimeout(() => request.end(body.slice(10)), 600);
    });
    expect(JSON.parse(await answer).data.customers.totalCount).toBe(12);
    expect(await server.ended).toBe(0);
  });
});
