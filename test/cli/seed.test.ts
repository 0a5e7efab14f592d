import { type AddressInfo, connect, createServer } from "node:net";
import type pg from "pg";
import { SEED_LOCK } from "../../prisma/seed.js";
import { startCommand } from "../support/command.js";
import { createTestDatabase, poolOf, type TestDatabase } from "../support/database.js";

let database: TestDatabase;
let pool: pg.Pool;
beforeEach(async () => {
  database = await createTestDatabase();
  pool = poolOf(database);
});
afterEach(async () => {
  await pool.end();
  await database.drop();
});

function start(args: string[], connectionString = database.connectionString) {
  const { PATH } = process.env;
  return startCommand("prisma/seed.main.ts", args, {
    env: { PATH, DATABASE_URL: connectionString, LOG_LEVEL: "error" },
  });
}

/** Waits for another session that runs such a statement. */
async function untilRunning(statement: string): Promise<number> {
  for (;;) {
    const { rows } = await pool.query(
      `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
         AND state = 'active' AND query LIKE $1`,
      [statement],
    );
    if (rows[0]) return rows[0].pid;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const countCustomers = async () => (await pool.query("SELECT count(*)::int AS count FROM customers")).rows[0].count;

/** Makes a COMMIT that brings customers take a while. */
const slowCommit = () =>
  pool.query(`CREATE FUNCTION rest() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
      IF NEW.id = 'cus_ada' THEN PERFORM pg_sleep(2); END IF; RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER rest AFTER INSERT ON customers DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION rest()`);

test.each(["SIGINT", "SIGTERM"] as const)("seed: %s before COMMIT adds nothing, and says so", async (signal) => {
  const holder = await pool.connect();
  await holder.query("SELECT pg_advisory_lock($1)", [SEED_LOCK]);
  const { child, ended } = start(["--demo"]);
  await untilRunning("SELECT pg_advisory_xact_lock%");
  child.kill(signal);
  expect(await ended).toEqual({ code: 1, out: "", err: `${signal}: nothing was added.\n` });
  holder.release(true);
  expect(await countCustomers()).toBe(0);
});

test("seed: SIGINT during COMMIT waits for its outcome and reports it", async () => {
  await slowCommit();
  const { child, ended } = start(["--demo", "--customers", "10"]);
  await untilRunning("COMMIT");
  child.kill("SIGINT");
  expect(await ended).toEqual({ code: 1, out: "The demo shop is in.\n", err: "SIGINT: the demo shop is in.\n" });
  expect(await countCustomers()).toBeGreaterThan(5);
  expect((await pool.query("SELECT FROM customers WHERE id LIKE 'cus_b0%'")).rowCount).toBe(0);
});

test("seed: a connection lost during COMMIT is reported as outcome unknown (everything or nothing)", async () => {
  const url = new URL(database.connectionString);
  const proxy = createServer((client) => {
    const backend = connect(Number(url.port), url.hostname);
    for (const socket of [client, backend]) socket.on("error", () => {});
    backend.pipe(client);
    let adds = false;
    client.on("data", (bytes) => {
      backend.write(bytes);
      adds ||= bytes.includes('INSERT INTO "customers"');
      // PostgreSQL gets it, and its answer gets lost.
      if (adds && bytes.includes("COMMIT\0")) client.destroy();
    });
    client.on("close", () => backend.end());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { port } = proxy.address() as AddressInfo;
  const through = new URL(url);
  through.port = String(port);
  const { ended } = start(["--demo"], through.href);
  expect(await ended).toEqual({
    code: 1,
    out: "",
    err: "The connection was lost during COMMIT: everything was added or nothing. Run it again to add what is missing.\n",
  });
  proxy.close();
  while ((await countCustomers()) === 0);
});
