import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { gunzipSync } from "node:zlib";
import pg from "pg";
import { seedBulk } from "../../prisma/bulk.js";
import { exportedModels } from "../../src/export/rows.js";
import { models } from "../../src/graph/model/datamodel.js";
import { manifest } from "../../src/graph/model/manifest.js";
import type { ResourceObject } from "../../src/http/jsonapi/document.js";
import { importFiles } from "../../src/import/import.js";
import { createTestApp, type TestApp } from "../support/app.js";
import { startCommand } from "../support/command.js";
import { createTestDatabase } from "../support/database.js";
import { onlyField } from "../support/operation-data.js";

let app: TestApp;
let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "export-test-"));
  app = await createTestApp();
  await write(`customerUpdate(id: "cus_ada", input: { reference: "exported", tags: ["vip"] }) { customer { id }`);
  const address = `{ firstName: "A", lastName: "B", line1: "Street of old", city: "Bath", zipCode: "BA1 1AA", countryCode: "GB", phone: "+44 1" }`;
  const entry = await write(
    `customerAddressCreate(input: { customerId: "cus_ada", address: ${address} }) { customerAddress { id }`,
  );
  await write(`customerAddressDelete(id: "${entry}") { deletedId`);
  // What only the shop's own copy has.
  await app.database.pool.query(
    `UPDATE customers SET legal_hold_at = now(), legal_hold_reason = 'A law suit', legal_hold_requester = '{"id": "usr_vera"}'
     WHERE id = 'cus_ada'`,
  );
}, 120_000);
afterAll(async () => {
  await app.stop();
  rmSync(folder, { recursive: true });
});

async function write(mutation: string): Promise<string> {
  const { data } = await app.query(`mutation { ${mutation} } }`);
  const payload = onlyField(data);
  return onlyField(payload)?.id as string;
}

function start(args: string[], { database = app.connectionString, flags = [] as string[] } = {}) {
  const env = { ...process.env, DATABASE_URL: database, MODE: "test", NODE_OPTIONS: "" };
  return startCommand("src/export/main.ts", args, { env, flags });
}

async function exported(name: string, args: string[] = [], database?: string): Promise<Buffer> {
  const { code, err } = await start([join(folder, name), ...args], { database }).ended;
  expect({ code, err }).toEqual({ code: 0, err: expect.stringMatching(/^(selecting|writing|$)/) });
  return readFileSync(join(folder, name));
}

async function withImported(files: string[], work: (connectionString: string) => Promise<void>) {
  const empty = await createTestDatabase();
  try {
    const client = new pg.Client(empty.connectionString);
    await client.connect();
    const issues: unknown[] = [];
    const onIssue = (issue: unknown) => issues.push(issue);
    await importFiles({ client, files, strict: true, mode: "test", onIssue, onProgress: () => {} });
    await client.end();
    expect(issues).toEqual([]);
    await work(empty.connectionString);
  } finally {
    await empty.drop();
  }
}

/** Credentials are not exported; when a request for erasure came in, and a transaction's number, are of one database. */
const unlike = /^(password_digest|has_password|anonymization_(received_at|attempts|retry_at)|transaction_id)$/;

/** Every row of every table that the graph has, tags included. */
async function tablesOf(connectionString: string): Promise<Record<string, unknown[]>> {
  const client = new pg.Client(connectionString);
  await client.connect();
  try {
    const tables: Record<string, unknown[]> = {};
    for (const { name, table } of exportedModels) {
      const columns = Object.values(manifest.get(name)!.columns).filter(({ column }) => !unlike.test(column));
      const list = columns.map(({ column }) => `"${column}"`).join();
      tables[table] = (await client.query(`SELECT ${list} FROM "${table}" WHERE mode = 'test' ORDER BY id`)).rows;
    }
    for (const { relations } of models.values()) {
      const tags = relations.tags?.through;
      if (!tags) continue;
      const sql = `SELECT j.* FROM "${tags.table}" j JOIN tags t ON t.id = j.tag_id WHERE t.mode = 'test' ORDER BY 1, 2`;
      tables[tags.table] = (await client.query(sql)).rows;
    }
    return tables;
  } finally {
    await client.end();
  }
}

describe("what is exported and imported", () => {
  test.each(["jsonapi.json", "lines.jsonl.gz"])(
    "is the same in an empty database, and the same bytes again: %s",
    async (name) => {
      const bytes = await exported(name);
      const before = await tablesOf(app.connectionString);
      for (const table of ["customers", "orders", "event_stores", "events", "skus", "customer_tags"]) {
        expect([table, before[table]!.length]).toEqual([table, expect.any(Number)]);
        expect(before[table]!.length).toBeGreaterThan(0);
      }
      await withImported([join(folder, name)], async (copy) => {
        const after = await tablesOf(copy);
        for (const [table, rows] of Object.entries(before)) expect([table, after[table]]).toEqual([table, rows]);
        expect((await exported(`again-${name}`, [], copy)).equals(bytes)).toBe(true);
      });
    },
    120_000,
  );
});

/** The ids of a file's resources, by type. */
function idsOf(lines: Buffer | string): Record<string, string[]> {
  const ids: Record<string, string[]> = {};
  for (const line of lines.toString().trimEnd().split("\n")) {
    const { type, id } = JSON.parse(line) as { type: string; id: string };
    ids[type] = [...(ids[type] ?? []), id];
  }
  return ids;
}

describe("some customers", () => {
  test("come with all that the export of their data has, and the same bytes again after an import", async () => {
    const bytes = await exported("ada.jsonl", ["--ids", "cus_ada"]);
    const headers = { authorization: `Bearer ${await app.token({ kind: "integration" })}` };
    const subject = (await (await fetch(`${app.url}/exports/customers/cus_ada`, { headers })).json()) as {
      data: ResourceObject;
      included: ResourceObject[];
    };
    const ids = idsOf(bytes);
    for (const { type, id } of [subject.data, ...subject.included])
      expect([type, ids[type]]).toEqual([type, expect.arrayContaining([id])]);
    expect(ids.customers).toEqual(["cus_ada"]);
    for (const other of ["bruno.rossi@example.com", "grace.miller@example.com"])
      expect(bytes.includes(other)).toBe(false);
    await withImported([join(folder, "ada.jsonl")], async (copy) => {
      expect((await exported("ada-again.jsonl", ["--ids", "cus_ada"], copy)).equals(bytes)).toBe(true);
    });
  }, 120_000);

  test("are those for whom every option holds", async () => {
    const { pool } = app.database;
    const values = async (sql: string) =>
      (await pool.query({ text: `${sql} ORDER BY id COLLATE "C"`, rowMode: "array" })).rows.flat();
    const [group] = (
      await pool.query(
        `UPDATE customer_groups SET code = 'many' WHERE id = (
           SELECT customer_group_id FROM customers WHERE mode = 'test' AND customer_group_id IS NOT NULL
           ORDER BY 1 LIMIT 1) RETURNING id, code`,
      )
    ).rows;
    const ofGroup = await values(`SELECT id FROM customers WHERE mode = 'test' AND customer_group_id = '${group.id}'`);
    expect(ofGroup.length).toBeGreaterThan(0);
    const since = (await pool.query("SELECT max(updated_at) AS at FROM customers WHERE mode = 'test'")).rows[0]
      .at as Date;
    const cases: [string[], unknown[]][] = [
      [["--group", group.code], ofGroup],
      [
        ["--group", group.id, "--ids", `cus_ada,${ofGroup[0]}`],
        ofGroup.filter((id) => id === "cus_ada" || id === ofGroup[0]),
      ],
      [
        ["--updated-since", since.toISOString()],
        await values(`SELECT id FROM customers WHERE mode = 'test' AND updated_at >= '${since.toISOString()}'`),
      ],
      [["--filter", "email_start=ADA", "--filter", "orders_number_present=true"], ["cus_ada"]],
    ];
    for (const [i, [args, expected]] of cases.entries()) {
      expect([args, idsOf(await exported(`some-${i}.jsonl`, args)).customers]).toEqual([args, expected]);
    }
  }, 120_000);

  test("tell nothing of another customer who had a row before or has it now", async () => {
    const [{ id }] = (
      await app.database.pool.query("SELECT id FROM orders WHERE customer_id = 'cus_ada' ORDER BY id LIMIT 1")
    ).rows;
    const other = (
      await app.database.pool.query("SELECT id, email FROM customers WHERE mode = 'test' AND email LIKE 'bruno%'")
    ).rows[0];
    const move = "UPDATE orders SET customer_id = $2, customer_email = $3 WHERE id = $1";
    await app.database.pool.query(move, [id, other.id, other.email]);
    try {
      const bytes = await exported("moved.jsonl", ["--ids", "cus_ada"]);
      expect(bytes.toString()).toContain('"withheld"');
      for (const text of [other.id, other.email]) expect([text, bytes.includes(text)]).toEqual([text, false]);
    } finally {
      await app.database.pool.query(move, [id, "cus_ada", "ada@example.com"]);
    }
  }, 60_000);
});

describe("CSV", () => {
  /** Reads a table with PostgreSQL's own parser of CSV. */
  async function parsed(file: string): Promise<Record<string, string | null>[]> {
    const shared = mkdtempSync(join(tmpdir(), "export-csv-"));
    const client = new pg.Client(app.connectionString);
    try {
      const bytes = readFileSync(file);
      const heading = bytes.toString().split("\r\n")[0]!.split(",");
      chmodSync(shared, 0o755);
      writeFileSync(join(shared, "table.csv"), bytes, { mode: 0o644 });
      await client.connect();
      await client.query(`CREATE TEMP TABLE parsed (${heading.map((name) => `"${name}" text`).join()})`);
      await client.query(`COPY parsed FROM '${join(shared, "table.csv")}' (FORMAT csv, HEADER)`);
      return (await client.query("SELECT * FROM parsed")).rows;
    } finally {
      await client.end();
      rmSync(shared, { recursive: true });
    }
  }

  test("has a file for each type, which a parser reads back", async () => {
    await start([join(folder, "all-{type}.csv"), "--format", "csv"]).ended;
    const files = readdirSync(folder).filter((name) => name.startsWith("all-"));
    expect(files.sort()).toEqual(exportedModels.map(({ table }) => `all-${table}.csv`).sort());
    for (const { table } of exportedModels) {
      const rows = await parsed(join(folder, `all-${table}.csv`));
      const { rows: ids } = await app.database.pool.query(`SELECT id FROM "${table}" WHERE mode = 'test' ORDER BY id`);
      expect([table, rows.map(({ id }) => id)]).toEqual([table, ids.map(({ id }) => id)]);
    }
    const [ada] = (await parsed(join(folder, "all-customers.csv"))).filter(({ id }) => id === "cus_ada");
    const { rows } = await app.database.pool.query(
      `SELECT c.email, c.status::text, c.total_orders_count::text, c.metadata, c.customer_group_id, c.version::text, legal_hold_reason,
         (SELECT string_agg(tag_id, ',' ORDER BY tag_id) FROM customer_tags WHERE customer_id = c.id) AS tag_ids
       FROM customers c WHERE id = 'cus_ada'`,
    );
    expect({ ...ada, metadata: JSON.parse(ada!.metadata!) }).toMatchObject(rows[0]);
    const payments = await parsed(join(folder, "all-payment_sources.csv"));
    expect(payments.every(({ type }) => /_(payments|transfers)$/.test(type!))).toBe(true);
  }, 120_000);

  test("has quotes, line breaks and every letter as they are, and no formula", async () => {
    const texts = [
      ...['a "quoted", text', "two\r\nlines", "Zoë ☃ 𝄞", "'tis", " =1+1", "a=b"],
      ...['=HYPERLINK("http://x")', "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "＝1", "＋1", "－1", "＠1"],
    ];
    await app.database.pool.query(
      `INSERT INTO tags (id, mode, name) SELECT 'tag_csv_' || lpad(n::text, 2, '0'), 'test', 'csv-' || n FROM generate_series(1, $1::int) n`,
      [texts.length],
    );
    await app.database.pool.query(
      `UPDATE tags t SET reference = x.text FROM unnest($1::text[]) WITH ORDINALITY x (text, n) WHERE t.name = 'csv-' || x.n`,
      [texts],
    );
    await exported("tags.csv.gz", ["--type", "tags"]);
    writeFileSync(join(folder, "tags.csv"), gunzipSync(readFileSync(join(folder, "tags.csv.gz"))));
    const rows = (await parsed(join(folder, "tags.csv"))).filter(({ id }) => id!.startsWith("tag_csv_"));
    await app.database.pool.query("DELETE FROM tags WHERE id LIKE 'tag_csv_%'");
    expect(rows.map(({ reference }) => reference)).toEqual([
      ...texts.slice(0, 6),
      ...texts.slice(6).map((text) => `'${text}`),
    ]);
    expect(readFileSync(join(folder, "tags.csv"), "utf8")).toMatch(/^id,(.*)\r\n[\s\S]*\r\n$/);
  }, 60_000);
});

test("to standard output it is alone there; the summary, without personal data, is told beside it", async () => {
  const { code, out, err } = await start(["-", "--format", "jsonl"]).ended;
  expect([code, idsOf(out).customers]).toEqual([0, expect.arrayContaining(["cus_ada"])]);
  expect(err).toMatch(/^customers +\d+$/m);
  expect(err).toMatch(/^total +[\d,]+$/m);
  expect(err).not.toContain("@");
});

test.each([
  [["{new}"], "--format must be one of jsonapi, jsonl, csv."],
  [["{new}.json", "--format", "xml"], "--format must be one of jsonapi, jsonl, csv."],
  [[], "FILE is missing: name a new file, or - for standard output."],
  [["{new}.json", "--mode", "prod"], "--mode must be test or live."],
  [["{new}.csv"], "FILE must hold {type}, such as shop-{type}.csv, for a file each; or choose one table by --type."],
  [["{new}-{type}.json"], "FILE must not hold {type}: there is one file only."],
  [["{new}.csv", "--type", "custmers"], "--type: there is no custmers. Did you mean customers?"],
  [["{new}.csv", "--type", "customer_password_resets"], /^--type/],
  [["{new}.json", "--type", "orders"], "--type is of CSV alone: a document without the others would not be whole."],
  [["-", "--format", "jsonl", "--resume"], "--resume needs a FILE: standard output cannot be gone on with."],
  [["{new}.json", "--ids", ","], "--ids must name customers, with commas between their ids."],
  [["{new}.json", "--ids", "cus_ada,cus_nobody"], "--ids: in the mode test there is no customer cus_nobody."],
  [["{new}.json", "--group", "nope"], "--group: in the mode test there is no customer group nope."],
  [
    ["{new}.json", "--updated-since", "yesterday"],
    "--updated-since must be a time such as 2026-01-31 or 2026-01-31T12:00:00Z.",
  ],
  [["{new}.json", "--filter", "email"], "--filter must be NAME=VALUE, such as email_end=@example.com."],
  [["{new}.json", "--filter", "emial_eq=a"], /^--filter: emial_eq is not allowed: .*Did you mean email\?/],
] as [string[], string | RegExp][])("%j is refused with a word on what would be right", async (args, message) => {
  const { code, out, err } = await start(args.map((arg) => arg.replace("{new}", join(folder, "refused")))).ended;
  expect([code, out, err.split("\n")[0]]).toEqual([
    2,
    "",
    message instanceof RegExp ? expect.stringMatching(message) : message,
  ]);
  expect(readdirSync(folder).filter((name) => name.startsWith("refused"))).toEqual([]);
});

describe("2,000 generated customers", () => {
  let bulk: Awaited<ReturnType<typeof createTestDatabase>>;
  beforeAll(async () => {
    bulk = await createTestDatabase();
    const client = new pg.Client(bulk.connectionString);
    await client.connect();
    await seedBulk(client, { customers: 2_000 });
    await client.end();
  }, 300_000);
  afterAll(() => bulk.drop());

  const run = (name: string, args: string[] = [], flags: string[] = []) =>
    start([join(folder, name), ...args], { database: bulk.connectionString, flags });
  const leftOf = (name: string) =>
    readdirSync(folder)
      .filter((one) => one.startsWith(name))
      .sort();

  test("go through a heap that could not hold them", async () => {
    const { code, out } = await run("heap.jsonl", [], ["--max-old-space-size=64"]).ended;
    expect([code, out]).toEqual([0, expect.stringMatching(/^customers +2,000$/m)]);
    expect(statSync(join(folder, "heap.jsonl")).size).toBeGreaterThan(40e6);
  }, 300_000);

  test.each(["killed.jsonl.gz", "killed.json", "killed-{type}.csv"])(
    "killed again and again, %s is completed and the same",
    async (name) => {
      const whole = name.replace("killed", "whole");
      expect((await run(whole).ended).code).toBe(0);
      const progress = `${join(folder, name.replace("{type}", "export"))}.progress`;
      let kills = 0;
      for (let args: string[] = []; ; args = ["--resume"]) {
        const before = existsSync(progress) ? readFileSync(progress, "utf8") : "";
        const { child, ended } = run(name, args);
        let code: number | null | undefined;
        void ended.then((end) => {
          code = end.code;
        });
        // Killed where more is written than the checkpoint knows of.
        const isBeyond = () => {
          if (!existsSync(progress)) return false;
          const text = readFileSync(progress, "utf8");
          const { sizes } = JSON.parse(text) as { sizes: Record<string, number> };
          const parts = leftOf(name.split("{")[0]!).filter((file) => file.endsWith(".part"));
          const written = parts.reduce((sum, file) => sum + statSync(join(folder, file)).size, 0);
          return text !== before && written > Object.values(sizes).reduce((sum, size) => sum + size, 0);
        };
        while (kills < 3 && code === undefined && !isBeyond()) await sleep(2);
        if (kills < 3) child.kill("SIGKILL");
        await ended;
        if (code === 0) break;
        kills++;
        expect(code).toBe(null);
        if (name.endsWith(".gz")) {
          // What was written is whole.
          const { sizes } = JSON.parse(readFileSync(progress, "utf8")) as { sizes: Record<string, number> };
          const [[path, size]] = Object.entries(sizes) as [[string, number]];
          expect(idsOf(gunzipSync(readFileSync(`${path}.part`).subarray(0, size))).customers).toContain("cus_b0000001");
        }
      }
      expect(kills).toBeGreaterThan(0);
      const files = leftOf(whole.split("{")[0]!);
      expect(leftOf(name.split("{")[0]!)).toEqual(files.map((file) => file.replace("whole", "killed")));
      for (const file of files) {
        const same = readFileSync(join(folder, file)).equals(
          readFileSync(join(folder, file.replace("whole", "killed"))),
        );
        expect([file, same, statSync(join(folder, file)).mode & 0o777]).toEqual([file, true, 0o600]);
      }
    },
    300_000,
  );

  test("are gone on with by the same options alone, and what is there is not overwritten", async () => {
    const { child, ended } = run("half.jsonl");
    while (!existsSync(join(folder, "half.jsonl.progress"))) await sleep(5);
    child.kill("SIGSTOP");
    const second = await run("half.jsonl", ["--resume"]).ended;
    expect([second.code, second.err]).toEqual([
      1,
      `FILE: another export to it is running (process ${child.pid}); wait for it, or stop that one.\n`,
    ]);
    child.kill("SIGCONT");
    child.kill("SIGINT");
    expect(await ended).toEqual({
      code: 1,
      out: "",
      err: expect.stringMatching(/The export was stopped\. --resume goes on with it\.\n$/),
    });
    const first = async (args: string[]) => {
      const { code, err } = await run("half.jsonl", args).ended;
      return [code, err.split("\n")[0]];
    };
    expect(await first([])).toEqual([
      1,
      expect.stringMatching(/^FILE: an export to it is unfinished; go on with --resume, or remove /),
    ]);
    const others = ["--resume", "--updated-since", "2020-01-01"];
    expect(await first(others)).toEqual([2, "--resume: the unfinished export had other options; give the same ones."]);
    writeFileSync(join(folder, "half.jsonl.part"), "");
    expect(await first(["--resume"])).toEqual([1, expect.stringMatching(/^--resume: .* was changed or is gone/)]);
    writeFileSync(join(folder, "there.jsonl"), "mine");
    const { code, err } = await run("there.jsonl").ended;
    expect([code, err]).toEqual([1, expect.stringMatching(/^FILE: .* is there already/)]);
    expect(readFileSync(join(folder, "there.jsonl"), "utf8")).toBe("mine");
  }, 120_000);
});
