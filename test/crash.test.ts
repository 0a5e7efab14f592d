import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { seedDemo } from "../prisma/seed.js";
import { projectRoot } from "../src/paths.js";
import type { Answer } from "./support/app.js";
import { createTestDatabase, poolOf, type TestDatabase } from "./support/database.js";
import { contentsOf, findMarks, type Mark, newMark, plantMarks } from "./support/marks.js";
import { type DataOf, type OnlyFieldOf, onlyField } from "./support/operation-data.js";

/** How many writes are sent. More for a longer run: `WRITES=5000 npm test -- test/crash.test.ts`. */
const writes = Number(process.env.WRITES ?? 600);
const writers = 8;
/** Compiled apart from what other tests compile. */
const compiled = join(projectRoot, "dist", "crash");

let database: TestDatabase;
let pool: pg.Pool;
let folder: string;
let env: Record<string, string>;
let token: string;
beforeAll(async () => {
  execFileSync("npx", ["tsc", "-p", "tsconfig.build.json", "--noCheck", "--outDir", compiled], { cwd: projectRoot });
  database = await createTestDatabase();
  pool = poolOf(database);
  await seedDemo(pool);
  folder = mkdtempSync(join(tmpdir(), "customer-graph-crash-"));
  env = { PATH: process.env.PATH!, DATABASE_URL: database.connectionString, DATA_DIR: folder, LOG_LEVEL: "warn" };
  token = execFileSync(process.execPath, [join(compiled, "src", "cli", "token.js"), "integration"], {
    cwd: projectRoot,
    env,
    encoding: "utf8",
  }).trim();
}, 120_000);
afterAll(async () => {
  server?.kill("SIGKILL");
  await pool.end();
  await database.drop();
  rmSync(folder, { recursive: true, force: true });
});

let server: ChildProcess | undefined;
let url = "";
/** Starts the server as its operators do, and waits until it is ready. */
async function start() {
  const child = spawn(process.execPath, [join(compiled, "src", "main.js")], {
    cwd: projectRoot,
    env: { ...env, PORT: "0" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  server = child;
  let text = "";
  child.stdout.on("data", (data) => {
    text += data;
  });
  for (;;) {
    const found = /GraphQL +(http:\S+)/.exec(text);
    if (found) {
      url = found[1]!;
      return;
    }
    if (child.exitCode !== null) throw new Error(`It ended: ${text}`);
    await pause(20);
  }
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends a mutation until it is answered, or gives up after a first failure: then it may or may not have happened. */
async function send<const Document extends string>(
  document: Document,
  variables: object,
  patient: boolean,
): Promise<OnlyFieldOf<DataOf<Document>> | undefined> {
  for (;;) {
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
        body: JSON.stringify({ query: document, variables }),
      });
      const { data, errors } = (await response.json()) as Partial<Answer<DataOf<Document>>>;
      if (response.ok && data && !errors) return onlyField(data);
      if (errors?.[0]?.extensions.code !== "UNAVAILABLE") throw new Error(JSON.stringify(errors));
    } catch (error) {
      if (error instanceof Error && error.message.startsWith("[")) throw error;
    }
    if (!patient) return undefined;
    await pause(30);
  }
}

const CREATE = `mutation ($key: String!, $input: CustomerCreateInput!) {
  customerCreate(input: $input) @idempotent(key: $key) { customer { id } userErrors { code message path } } }`;
const CHANGE = `mutation ($key: String!, $id: ID!, $input: CustomerUpdateInput!) {
  customerUpdate(id: $id, input: $input) @idempotent(key: $key) { customer { id } userErrors { code message } } }`;
const ORDER = `mutation ($key: String!, $input: OrderCreateInput!) {
  orderCreate(input: $input) @idempotent(key: $key) { order { id } userErrors { code message path } } }`;
const PLACE = `mutation ($key: String!, $id: ID!) {
  orderPlace(id: $id) @idempotent(key: $key) { order { id } userErrors { code message path } } }`;

/** What one customer should be, as far as it is known. */
interface Known {
  email: string;
  id?: string;
  /** The numbers of changes that were answered, and of those of which nobody knows. */
  answered: number[];
  unknown: number[];
  placed: number;
  placedUnknown: number;
}

test(`SIGKILL at random moments during ${writes} writes: acknowledged writes are stored, others complete or absent`, async () => {
  const all: Known[] = [];
  let sent = 0;
  let kills = 0;
  const result = <Field extends string>(
    payload: ({ userErrors: unknown[] } & Record<NoInfer<Field>, { id: string }>) | undefined,
    field: Field,
  ) => {
    if (payload === undefined) return undefined;
    expect(payload.userErrors).toEqual([]);
    return payload[field].id;
  };

  /** Makes customers one after the other, changes each a few times, and places orders for them. */
  async function writer(me: number) {
    for (let n = 0; sent < writes; n++) {
      const email = `crash-${me}-${n}@example.com`;
      const known: Known = { email, answered: [], unknown: [], placed: 0, placedUnknown: 0 };
      all.push(known);
      const input = { email, reference: email, metadata: { change: 0 }, tags: ["gift", "vip"] };
      sent++;
      known.id = result(await send(CREATE, { key: `create-${email}`, input }, Math.random() < 0.6), "customer");
      if (!known.id) continue;
      for (let change = 1; change <= 3 && sent < writes; change++) {
        sent++;
        const update = { reference: `change ${change}`, metadata: { merge: { change } } };
        const patient = Math.random() < 0.6;
        const answer = await send(CHANGE, { key: `change-${change}-${email}`, id: known.id, input: update }, patient);
        (answer ? known.answered : known.unknown).push(change);
        result(answer, "customer");
      }
      sent += 2;
      const lineItems = [{ skuCode: "TEE-BLACK-M", quantity: 1, unitAmountCents: 2500 }];
      const order = await send(
        ORDER,
        { key: `order-${email}`, input: { marketId: "mkt_europe", customerId: known.id, lineItems } },
        true,
      );
      const placed = await send(PLACE, { key: `place-${email}`, id: result(order, "order") }, Math.random() < 0.6);
      if (result(placed, "order")) known.placed++;
      else known.placedUnknown++;
    }
  }

  await start();
  const work = Promise.all(Array.from({ length: writers }, (_, me) => writer(me)));
  let done = false;
  void work.finally(() => {
    done = true;
  });
  while (!done) {
    // By writes, not by time: a slow machine would otherwise do little between two kills.
    const next = sent + 20 + Math.random() * 60;
    while (sent < next && !done) await pause(5);
    await pause(Math.random() * 50);
    if (done) break;
    server!.kill("SIGKILL");
    kills++;
    await start();
  }
  await work;
  expect(kills).toBeGreaterThan(2);

  const { rows } = await pool.query(
    `SELECT c.id, c.email, c.reference, c.metadata, c.version, c.total_orders_count, c.status,
       ARRAY(SELECT t.name FROM customer_tags l JOIN tags t ON t.id = l.tag_id WHERE l.customer_id = c.id ORDER BY 1) AS tags,
       (SELECT count(*)::int FROM orders o WHERE o.customer_id = c.id AND o.placed_at IS NOT NULL) AS placed,
       (SELECT count(*)::int FROM event_stores e WHERE e.resource_type = 'customers' AND e.resource_id = c.id AND e.event = 'create') AS made,
       (SELECT count(DISTINCT e.resource_version)::int FROM event_stores e WHERE e.resource_type = 'customers' AND e.resource_id = c.id) AS versions,
       (SELECT max(e.resource_version) FROM event_stores e WHERE e.resource_type = 'customers' AND e.resource_id = c.id) AS latest,
       (SELECT count(*)::int FROM events e WHERE e.resource_id = c.id AND e.name = 'customers.create') AS told,
       (SELECT count(*)::int FROM events e WHERE e.resource_id = c.id AND e.name = 'customers.acquired') AS acquired
     FROM customers c WHERE c.email LIKE 'crash-%'`,
  );
  const stored = new Map(rows.map((row) => [row.email as string, row]));
  for (const { email, id, answered, unknown, placed, placedUnknown } of all) {
    const row = stored.get(email);
    if (id) expect(row).toMatchObject({ id });
    if (!row) continue;
    // Whole: all its parts are there, and the audit trail and the events agree with it.
    expect([row.tags, row.made, row.told]).toEqual([["gift", "vip"], 1, 1]);
    expect([row.latest, row.versions]).toEqual([row.version, row.version]);
    expect([row.placed, row.acquired]).toEqual([row.total_orders_count, row.total_orders_count]);
    expect(row.status).toBe(row.placed ? "acquired" : "prospect");
    expect([placed, placed + placedUnknown]).toContain(row.placed);
    const { change } = row.metadata;
    expect(row.reference).toBe(change ? `change ${change}` : email);
    const latest = Math.max(0, ...answered);
    expect([latest, ...unknown.filter((n) => n > latest)]).toContain(change);
  }
  // Nothing was done twice, and no part of an order is left of one that was not answered.
  expect(new Set(rows.map(({ email }) => email)).size).toBe(rows.length);
  const halves = await pool.query(
    `SELECT o.id FROM orders o JOIN customers c ON c.id = o.customer_id
     WHERE c.email LIKE 'crash-%' AND (SELECT count(*) FROM line_items l WHERE l.order_id = o.id) <> 1`,
  );
  expect(halves.rows).toEqual([]);
  process.stdout.write(`${sent} writes, ${kills} kills, ${rows.length} customers.\n`);
}, 600_000);

/** How many erasures are asked for. More for a longer run: `ERASURES=10000 npm test -- test/crash.test.ts`. */
const erasures = Number(process.env.ERASURES ?? 400);

/** Customers with an address, an order and a past, each full of marks, whose erasure is due. */
async function requestErasures(prefix: string, count: number): Promise<Mark[]> {
  const marks: Mark[] = [];
  const mark = (kind: string) => {
    const made = newMark(`${prefix}.${kind}`);
    marks.push(made);
    return made.text;
  };
  const all = Array.from({ length: count }, (_, i) => ({
    ...{ i: i + 1, email: mark("email"), reference: mark("reference"), note: mark("note"), name: mark("name") },
    ...{ line: mark("line"), phone: mark("phone"), token: mark("token"), before: mark("before") },
  }));
  const insert = (sql: string) =>
    pool.query(
      `INSERT INTO ${sql} FROM jsonb_to_recordset($1) AS c
         (i int, email text, reference text, note text, name text, line text, phone text, token text, before text)`,
      [JSON.stringify(all)],
    );
  await insert(`customers (id, mode, email, reference, metadata)
    SELECT '${prefix}' || i, 'test', email || '@example.com', before, jsonb_build_object('name', note)`);
  await insert(`addresses (id, mode, first_name, last_name, line_1, city, country_code, phone)
    SELECT 'adr_${prefix}' || i, 'test', name, 'X', line, 'Bath', 'GB', phone`);
  await insert(`customer_addresses (id, mode, customer_id, address_id)
    SELECT 'cad_${prefix}' || i, 'test', '${prefix}' || i, 'adr_${prefix}' || i`);
  await insert(`orders (id, mode, number, market_id, customer_id, placed_at, status, total_amount_cents, token)
    SELECT 'ord_${prefix}' || i, 'test', '${prefix}' || i, 'mkt_europe', '${prefix}' || i, now(), 'approved', i, token`);
  // What was written over is in the audit trail.
  await pool.query(
    `UPDATE customers c SET reference = m.reference, version = version + 1
     FROM jsonb_to_recordset($1) AS m (i int, reference text) WHERE c.id = '${prefix}' || m.i`,
    [JSON.stringify(all)],
  );
  await requested(`${prefix}%`);
  return marks;
}

/** As a request that was made a moment ago. */
const requested = (like: string) =>
  pool.query(
    `UPDATE customers SET anonymization_status = 'requested', anonymization_requested_at = now() - interval '1 s' WHERE id LIKE $1`,
    [like],
  );

/** All that workers have written so far. */
let printed = "";

/** A worker in a process of its own, once it works. */
async function startWorker(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(compiled, "src", "cli", "worker.js")], {
    cwd: projectRoot,
    env: { ...env, ANONYMIZATION_GRACE: "0", LOG_LEVEL: "debug" },
    stdio: ["ignore", "pipe", "pipe"],
  });
  for (const out of [child.stdout, child.stderr]) {
    out.on("data", (data) => {
      printed += data;
    });
  }
  await new Promise((resolve) => child.stdout.once("data", resolve));
  return child;
}

async function waiting(prefix: string): Promise<number> {
  const { rows } = await pool.query(
    `SELECT count(*)::int FROM customers WHERE id LIKE $1 AND anonymization_status <> 'completed'`,
    [`${prefix}%`],
  );
  return rows[0].count;
}

/** Nothing of them is left, everything that had to stay is there, and each was erased once. */
async function expectErased(prefix: string, count: number, marks: readonly Mark[]) {
  expect(findMarks(marks, await contentsOf(database.connectionString))).toEqual([]);
  expect(printed).not.toBe("");
  expect(findMarks(marks, printed)).toEqual([]);
  const { rows } = await pool.query(
    `SELECT count(*)::int AS customers, count(DISTINCT c.email)::int AS emails,
       count(*) FILTER (WHERE c.anonymization_receipt IS NOT NULL AND c.total_orders_count = 1)::int AS whole,
       (SELECT sum(total_amount_cents)::int FROM orders WHERE id LIKE 'ord_' || $1) AS total,
       (SELECT count(*)::int FROM events WHERE resource_id LIKE $1 AND name = 'customers.anonymization_completed') AS completed,
       (SELECT count(*)::int FROM event_stores WHERE resource_id LIKE $1 AND event = 'anonymization_started') AS started
     FROM customers c WHERE c.id LIKE $1 AND c.anonymization_status = 'completed'`,
    [`${prefix}%`],
  );
  const each = { customers: count, emails: count, whole: count, completed: count, started: count };
  expect(rows[0]).toEqual({ ...each, total: (count * (count + 1)) / 2 });
}

test("a worker killed at 20 random moments: the next one completes every erasure", async () => {
  const marks = await requestErasures("kill", erasures);
  // One of them has something in every personal column there is.
  marks.push(...(await plantMarks(pool, "cus_ada")));
  await requested("cus_ada");
  expect(findMarks(marks, await contentsOf(database.connectionString))).toEqual(marks);
  for (let kills = 0; kills < 20; kills++) {
    expect([kills, await waiting("kill")]).not.toEqual([kills, 0]);
    const worker = await startWorker();
    await pause(Math.random() * 100);
    worker.kill("SIGKILL");
  }
  const last = await startWorker();
  while ((await waiting("kill")) || (await waiting("cus_ada"))) await pause(50);
  last.kill("SIGTERM");
  await expectErased("kill", erasures, marks);
}, 600_000);

test(`two workers carry out ${erasures} erasures, each exactly once`, async () => {
  const marks = await requestErasures("two", erasures);
  server?.kill("SIGKILL");
  env.WORKER = "false";
  await start();
  let reading = true;
  /** How many reads were answered a second, and how long the slowest in twenty took. */
  const reads = async () => {
    const times: number[] = [];
    const since = performance.now();
    const reader = async () => {
      while (reading) {
        const sentAt = performance.now();
        const read = await send(
          '{ customer(by: { email: "bruno.rossi@example.com" }) { id orders(first: 3) { nodes { number } } } }',
          {},
          true,
        );
        expect(read!.id).toBe("cus_bruno");
        times.push(performance.now() - sentAt);
      }
    };
    await Promise.all(Array.from({ length: 4 }, reader));
    const slow = times.sort((a, b) => a - b)[Math.floor(times.length * 0.95)]!;
    return `${Math.round((times.length / (performance.now() - since)) * 1_000)} a second, 95 of 100 within ${slow.toFixed(1)} ms`;
  };
  const alone = reads();
  await pause(2_000);
  reading = false;
  const before = await alone;
  reading = true;
  const startedAt = performance.now();
  const workers = await Promise.all([startWorker(), startWorker()]);
  const beside = reads();
  while (await waiting("two")) await pause(50);
  const took = Math.round(performance.now() - startedAt);
  reading = false;
  for (const worker of workers) worker.kill("SIGTERM");
  process.stdout.write(
    `${erasures} erasures by two workers in ${took} ms. Reads before: ${before}; meanwhile: ${await beside}.\n`,
  );
  await expectErased("two", erasures, marks);
}, 900_000);
