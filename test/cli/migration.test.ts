import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { makeMigration } from "../../src/cli/migration-sql.js";
import { migrate, schemaDrift } from "../../src/database/migrate.js";
import type { erase } from "../../src/erasure/erase.js";
import { projectRoot } from "../../src/paths.js";
import { startCommand } from "../support/command.js";
import { createTestDatabase, poolOf, type TestDatabase } from "../support/database.js";

const customerNote = `
/// A note about a customer.
/// @prefix(cnt)
/// @owner(customer)
/// @permissions(guest: nothing; customer: read; user: read)
/// @events()
model CustomerNote {
  id              String   @id
  mode            Mode
  text            String                                        /// @personal(content: replace) @audit(mask)
  pinned          Boolean  @default(false)                      /// @impersonal
  customerId      String   @map("customer_id")                  /// @impersonal
  reference       String?                                       /// @personal(identifier: clear)
  referenceOrigin String?  @map("reference_origin")             /// @impersonal
  metadata        Json     @default("{}")                       /// @personal(content: clear)
  version         Int      @default(1)
  createdAt       DateTime @default(now()) @db.Timestamptz(3) @map("created_at")
  updatedAt       DateTime @default(now()) @db.Timestamptz(3) @map("updated_at")

  customer        Customer @relation(fields: [customerId], references: [id], onDelete: Cascade)

  @@index([customerId, createdAt, id])
  @@map("customer_notes")
}
`;
const schema = readFileSync(join(projectRoot, "prisma", "schema.prisma"), "utf8");

/** The schema with a line more at the beginning of a model. */
function withField(text: string, model: string, line: string): string {
  const start = `\nmodel ${model} {\n`;
  expect(text).toContain(start);
  return text.replace(start, `${start}  ${line}\n`);
}

let database: TestDatabase;
let pool: pg.Pool;
/** A copy of the project. */
let root: string;

beforeEach(async () => {
  database = await createTestDatabase();
  pool = poolOf(database);
  root = mkdtempSync(join(tmpdir(), "customer-graph-copy-"));
});
afterEach(async () => {
  await pool.end();
  await database.drop();
  rmSync(root, { recursive: true });
});

function copyProject(): void {
  for (const path of ["src", "prisma", "package.json", "test/support/typescript.mjs"]) {
    cpSync(join(projectRoot, path), join(root, path), { recursive: true });
  }
  symlinkSync(join(projectRoot, "node_modules"), join(root, "node_modules"));
}

/** Changes the copy's schema and runs the command in the copy. */
async function run(text: string, name: string) {
  writeFileSync(join(root, "prisma", "schema.prisma"), text);
  const generated = spawnSync(process.execPath, ["prisma/generate.mjs"], { cwd: root, encoding: "utf8" });
  expect([generated.status, generated.stderr]).toEqual([0, ""]);
  const before = migrations();
  const ended = await startCommand("src/cli/migration.ts", [name], { env: { PATH: process.env.PATH }, root }).ended;
  return { ...ended, files: migrations().filter((file) => !before.includes(file)) };
}

const migrations = () => readdirSync(join(root, "prisma", "migrations")).sort();
const migrateCopy = () => migrate(database.connectionString, { migrationsDir: join(root, "prisma", "migrations") });
const sqlOf = (file: string) => readFileSync(join(root, "prisma", "migrations", file, "migration.sql"), "utf8");
const rowsOf = async (sql: string) => (await pool.query(sql)).rows;
const updates = (type: string) =>
  rowsOf(`SELECT payload, customer_id, resource_version FROM event_stores
    WHERE resource_type = '${type}' AND event = 'update' ORDER BY id`);

test("npm run migration writes the table of a new model, with triggers, checks and audit call, and renews the triggers of a changed model", async () => {
  copyProject();
  const withNotes = withField(`${schema}${customerNote}`, "Customer", "customerNotes CustomerNote[]");
  const first = await run(withNotes, "customer_notes");
  expect(first).toMatchObject({ code: 0, err: "", files: [expect.stringMatching(/^\d{14}_customer_notes$/)] });
  expect(first.out).toBe(`Written: prisma/migrations/${first.files[0]}/migration.sql\n`);
  expect(await migrateCopy()).toEqual(first.files);
  const drift = await schemaDrift(database.connectionString, join(root, "prisma", "schema.prisma"));
  expect(drift).not.toContain("customer_notes");
  expect(await run(withNotes, "again")).toMatchObject({
    ...{ code: 0, err: "", files: [] },
    out: "Nothing to do: the migrations make what prisma/schema.prisma describes.\n",
  });

  await pool.query(
    `INSERT INTO customers (id, mode, email) SELECT 'cus_' || i, 'test', i || '@example.com' FROM generate_series(1, 20) i`,
  );
  await pool.query(`INSERT INTO customer_notes (id, mode, text, customer_id)
    SELECT 'cnt_' || i, 'test', 'secret ' || i, 'cus_' || 1 + i % 20 FROM generate_series(1, 2000) i`);
  await pool.query("UPDATE customer_notes SET text = 'secret anew', pinned = true WHERE id = 'cnt_1'");
  expect(
    await rowsOf("SELECT version, updated_at > created_at AS touched FROM customer_notes WHERE id = 'cnt_1'"),
  ).toEqual([{ version: 2, touched: true }]);
  const changes = { text: { from: "***", to: "***" }, pinned: { from: false, to: true } };
  expect(await updates("customer_notes")).toEqual([{ payload: changes, customer_id: "cus_2", resource_version: 2 }]);
  expect(await rowsOf("SELECT FROM event_stores e WHERE e::text LIKE '%secret%'")).toEqual([]);
  expect(await rowsOf("SELECT count(*)::int FROM events WHERE name = 'customer_notes.create'")).toEqual([
    { count: 2000 },
  ]);
  expect(await rowsOf("SELECT customer_of('customer_notes', 'cnt_1') AS customer")).toEqual([{ customer: "cus_2" }]);
  await expect(pool.query("UPDATE customer_notes SET metadata = '[]'")).rejects.toThrow(
    "customer_notes_metadata_object",
  );
  const collations = await rowsOf(`SELECT attname FROM pg_attribute WHERE attrelid = 'customer_notes'::regclass
    AND attcollation = 'pg_catalog."C"'::regcollation ORDER BY 1`);
  expect(collations.map(({ attname }) => attname)).toEqual(["customer_id", "id", "reference", "reference_origin"]);

  await pool.query("ANALYZE customer_notes");
  const plan = await rowsOf(`EXPLAIN SELECT * FROM customer_notes WHERE mode = 'test' AND customer_id = 'cus_2'
    ORDER BY created_at, id LIMIT 10`);
  const lines = plan.map((row) => row["QUERY PLAN"]).join("\n");
  expect(lines).toContain("Index Scan using customer_notes_customer_id_created_at_id_idx");
  expect(lines).not.toContain("Sort");

  const copy = (await import(join(root, "src", "erasure", "erase.ts"))) as { erase: typeof erase };
  const query = async (text: string, values?: readonly unknown[]) =>
    (await pool.query({ text, values: [...(values ?? [])], rowMode: "array" })).rows;
  expect(await copy.erase(query, "cus_2")).toMatchObject({ customer_notes: 100, customers: 1 });
  expect(await rowsOf("SELECT DISTINCT text FROM customer_notes WHERE customer_id = 'cus_2'")).toEqual([
    { text: "anonymized" },
  ]);

  const changed = withField(
    withField(
      withNotes,
      "CustomerNote",
      'pin String? /// @personal(content: clear) @audit(mask)\n  color String @default("red") /// @impersonal\n  @@index([mode, pinned, id])',
    ),
    "Customer",
    "quantity Int @default(1) /// @impersonal\n  @@index([mode, quantity, id])",
  ).replace("user: read)\n/// @events()\nmodel CustomerNote", "user: read)\nmodel CustomerNote");
  const second = await run(changed, "pins");
  expect(second).toMatchObject({ code: 0, err: "" });
  expect(second.files).toEqual([
    expect.stringMatching(/^\d{14}_pins$/),
    expect.stringMatching(/^\d{14}_pins_outside$/),
  ]);
  const [inside, outside] = second.files.map(sqlOf);
  expect(inside).not.toMatch(/CREATE (UNIQUE )?INDEX|VALIDATE/);
  expect(inside).toMatch(/^SET LOCAL lock_timeout = '5s';$/m);
  expect(inside).toContain("CHECK ((quantity >= 1)) NOT VALID;");
  expect(outside).toMatch(/^-- Outside a transaction\.\n/);
  expect(outside).toContain('CREATE INDEX CONCURRENTLY "customers_mode_quantity_id_idx"');
  expect(outside).toContain('VALIDATE CONSTRAINT "customers_quantity_positive"');
  const files = () => rowsOf("SELECT relfilenode FROM pg_class WHERE relname IN ('customers', 'customer_notes')");
  const written = await files();
  expect(await migrateCopy()).toEqual(second.files);
  expect(await files()).toEqual(written); // neither table was written anew
  await pool.query("DELETE FROM event_stores");
  await pool.query("DELETE FROM events");
  await pool.query("UPDATE customer_notes SET pin = '1234', color = 'blue' WHERE id = 'cnt_3'");
  await pool.query("DELETE FROM customer_notes WHERE id = 'cnt_3'");
  expect((await updates("customer_notes")).map(({ payload }) => payload)).toEqual([
    { pin: { from: null, to: "***" }, color: { from: "red", to: "blue" } },
  ]);
  expect(await rowsOf("SELECT name FROM events")).toEqual([]);
  expect(await rowsOf("SELECT relname FROM pg_class JOIN pg_index ON indexrelid = oid WHERE NOT indisvalid")).toEqual(
    [],
  );
}, 240_000);

test.each([
  ["", /^NAME is missing: say what changes, such as customer_notes\.\n/],
  [
    "Customer-Notes",
    /^NAME is "Customer-Notes": it has to begin with a letter and hold up to 60 lower-case letters, digits and _/,
  ],
])("npm run migration refuses the name %j", async (name, message) => {
  const { ended } = startCommand("src/cli/migration.ts", name ? [name] : [], { env: { PATH: process.env.PATH } });
  expect(await ended).toMatchObject({ code: 2, out: "", err: expect.stringMatching(message) });
});

async function made(text: string) {
  const file = join(root, "schema.prisma");
  mkdirSync(root, { recursive: true });
  writeFileSync(file, text);
  return makeMigration(database.connectionString, file);
}

test("npm run migration warns of statements that lose data, need data or rewrite a table", async () => {
  const market = (from: RegExp, to: string) => (text: string) =>
    text.replace(/\nmodel Market \{.*?\n\}/s, (model) => {
      expect(model).toMatch(from);
      return model.replace(from, to);
    });
  const changes = [
    market(/\n {2}checkoutUrl .*/, ""),
    market(/currencyCode( +)String\?/, "currencyCode$1String"),
    market(/\n {2}disabledAt /, "\n  motto String\n  disabledAt "),
    market(/@@index\(\[customerGroupId, name, id\]\)/, ""),
  ];
  const { sql, outside, warnings } = await made(changes.reduce((text, change) => change(text), schema));
  expect(warnings).toEqual([
    "DROP COLUMN markets.checkout_url loses what is in it, and servers of the version before still read it.",
    "markets.motto is required and has no default, so it cannot be added where there are rows: give it a default or make it optional.",
    "markets.currency_code becomes required: rows without a value have to get one first.",
  ]);
  expect(sql).toContain('DROP COLUMN "checkout_url"');
  expect(sql).not.toContain("currency_code");
  expect(outside.split("\n").filter((line) => line.includes("currency_code"))).toEqual([
    'ALTER TABLE "markets" DROP CONSTRAINT IF EXISTS "markets_currency_code_not_null";',
    'ALTER TABLE "markets" ADD CONSTRAINT "markets_currency_code_not_null" CHECK ("currency_code" IS NOT NULL) NOT VALID;',
    'ALTER TABLE "markets" VALIDATE CONSTRAINT "markets_currency_code_not_null";',
    'ALTER TABLE "markets" ALTER COLUMN "currency_code" SET NOT NULL;',
    'ALTER TABLE "markets" DROP CONSTRAINT IF EXISTS "markets_currency_code_not_null";',
  ]);
  expect(outside).toMatch(/\nDROP INDEX CONCURRENTLY IF EXISTS "markets_customer_group_id_name_id_idx";\n$/);
});

test("npm run migration repairs triggers that are missing, stale or no longer described", async () => {
  await pool.query("DROP TRIGGER markets_touch ON markets");
  await pool.query("CALL audit_table('skus', masked => '{name}', tags => 'sku_tags')");
  await pool.query("CALL audit_table('events')");
  const { sql, outside, warnings } = await made(schema);
  expect([outside, warnings]).toEqual(["", []]);
  expect(
    sql
      .replace(/^--.*\n/gm, "")
      .split(/\s*\n\s*/)
      .filter(Boolean),
  ).toEqual([
    "SET LOCAL lock_timeout = '5s';",
    "DROP FUNCTION events_audit() CASCADE;",
    "CALL audit_table('skus',",
    "tags => 'sku_tags');",
    "CALL audit_table('markets');",
  ]);
  expect((await made(schema)).sql).toBe("");
});
