import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startEmbeddedPostgres } from "../../src/database/embedded.js";
import { createLogger } from "../../src/telemetry/logger.js";
import { startCommand } from "../support/command.js";
import { bigDocument, createImportTest, customer, type ImportTest, order } from "./support.js";

let db: ImportTest;
beforeAll(async () => {
  db = await createImportTest();
});
beforeEach(() => db.clear());
afterAll(() => db.end());

/** Runs the command. `environment` says which database it is for. */
function start(
  args: string[],
  { flags = [] as string[], environment = { DATABASE_URL: db.connectionString } as Record<string, string> } = {},
) {
  const env = { ...process.env, DATABASE_URL: "", MODE: "test", NODE_OPTIONS: "", ...environment };
  return startCommand("src/import/main.ts", args, { env, flags });
}

const json = (data: unknown) => JSON.stringify({ data });

test("prints issues and progress to stderr, the summary to stdout", async () => {
  const one = await db.file("one.json", json([customer("c"), customer("d", { email: "no" })]));
  const two = await db.file("two.json", json([order("o", {}, "c")]));
  const { code, out, err } = await start([one, two]).ended;
  expect(code).toBe(0);
  expect(out.split("\n")).toEqual([
    "           created  updated  unchanged  refused",
    "customers        1        0          0        1",
    "orders           1        0          0        0",
    "total            2        0          0        1",
    "",
  ]);
  expect(err).toContain(
    `refused  customers d (${one} line 1, /data/1/attributes/email): must be an e-mail address of at most 255 characters, without spaces, invisible characters or special forms of letters\n`,
  );
  expect(err).toMatch(/merging 0%, 0 of 2 resources/);
});

test("reads standard input (-); --mode sets the mode; --strict exits 1 and writes nothing", async () => {
  const live = start(["--mode", "live", "--strict", "-"]);
  live.child.stdin!.end(json([customer("c")]));
  expect((await live.ended).code).toBe(0);
  expect(await db.rows("SELECT mode FROM customers")).toEqual([{ mode: "live" }]);

  const strict = start(["--strict", "-"]);
  strict.child.stdin!.end(json([customer("d"), order("o", {}, "nobody")]));
  const { code, out } = await strict.ended;
  expect([code, out.split("\n").at(-2)]).toEqual([
    1,
    "nothing was written: the import is strict; the table shows what would have been written",
  ]);
  expect(await db.rows("SELECT id FROM customers")).toEqual([{ id: "c" }]);
});

test("reports a wrong option and an unreadable file", async () => {
  const wrong = await Promise.all([
    start([]).ended,
    start(["x", "--mode", "prod"]).ended,
    start(["x", "--nope"]).ended,
  ]);
  expect(wrong.map(({ code }) => code)).toEqual([2, 2, 2]);
  expect(wrong.map(({ err }) => err.split("\n")[0])).toEqual([
    "Name at least one file.",
    "--mode must be test or live.",
    expect.stringContaining("--nope"),
  ]);
  const { code, err } = await start([await db.file("cut.json", '{"data":[{"type":"customers",\n"id')]).ended;
  expect([code, err]).toEqual([
    1,
    expect.stringMatching(
      /cut\.json: line 2, \/data\/0: the file ends in the middle of its document: it is truncated\n$/,
    ),
  ]);
});

test("uses a running server's database in the same data folder, or starts its own", async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "import-data-"));
  const environment = { DATA_DIR: dataDir, LOG_LEVEL: "silent" };
  const file = await db.file("customer.json", json(customer("c")));
  const server = await startEmbeddedPostgres({ dataDir, log: createLogger({ level: "silent", json: false }) });
  try {
    const beside = await start([file], { environment }).ended;
    expect([beside.code, beside.out]).toEqual([0, expect.stringMatching(/^customers +1 +0 +0 +0$/m)]);
    await server.stop();
    const alone = await start([file], { environment }).ended;
    expect([alone.code, alone.out]).toEqual([0, expect.stringMatching(/^customers +0 +0 +1 +0$/m)]);
  } finally {
    await server.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
});

test("imports 17 MB in a heap of 64 MB; a run killed halfway and repeated ends with the same rows", async () => {
  const customers = 500;
  const path = await db.file("big.json", [...bigDocument(customers)].join(""));
  const state = () =>
    db.rows(`SELECT
      (SELECT count(*)::int FROM line_items) AS lines, (SELECT count(*)::int FROM addresses) AS addresses,
      (SELECT count(*)::int FROM customers WHERE status = 'repeat' AND total_orders_count = 7) AS customers,
      (SELECT count(*)::int FROM orders WHERE skus_count = 10 AND customer_email = (SELECT email FROM customers c WHERE c.id = customer_id)) AS orders`);

  const killed = start([path]);
  while ((await db.rows("SELECT FROM orders LIMIT 1")).length === 0) await sleep(10);
  killed.child.kill("SIGKILL");
  await killed.ended;
  const [half] = await state();
  expect(half.lines).toBeLessThan(customers * 35);

  const { code, out } = await start([path], { flags: ["--max-old-space-size=64"] }).ended;
  expect(code).toBe(0);
  expect(out).toMatch(/^total +[1-9][\d,]* +0 +[1-9][\d,]* +0$/m);
  expect(await state()).toEqual([
    { lines: customers * 35, addresses: customers * 8, customers, orders: customers * 7 },
  ]);
});
