import pg from "pg";
import { dropTriggers, readTriggers, triggerStatements } from "../../src/database/triggers.js";
import { audits } from "../../src/graph/model/audit.js";
import { models } from "../../src/graph/model/datamodel.js";
import { createTestDatabase, type TestDatabase } from "../support/database.js";

let database: TestDatabase;
let client: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client(database.connectionString);
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await database.drop();
});

test("the migrations create the triggers that prisma/schema.prisma describes (else: npm run migration)", async () => {
  const migrated = await readTriggers(client);
  await client.query("BEGIN");
  await dropTriggers(client);
  expect([...(await readTriggers(client)).keys()]).toEqual([]);
  for (const { sql } of triggerStatements()) await client.query(sql);
  const described = await readTriggers(client);
  await client.query("ROLLBACK");
  expect(Object.fromEntries(migrated)).toEqual(Object.fromEntries(described));
  expect(described.size).toBeGreaterThan(100);
});

test("every table with a version has its touch trigger", async () => {
  const { rows } = await client.query<{ table: string; touched: boolean }>(`
    SELECT c.relname AS table, EXISTS (
      SELECT FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
      WHERE t.tgrelid = c.oid AND t.tgenabled = 'O' AND p.proname = c.relname || '_touch'
        AND pg_get_triggerdef(t.oid) LIKE '%BEFORE UPDATE ON % FOR EACH ROW WHEN (%''customer_graph.versions''%''stated''%) EXECUTE %') AS touched
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attname = 'version' AND NOT a.attisdropped`);
  expect(rows.length).toBeGreaterThan(20);
  expect(rows.filter(({ touched }) => !touched)).toEqual([]);
});

test("every resource table has audit triggers, unless marked @audit(none)", async () => {
  const { rows } = await client.query<{ table: string; operations: number }>(`
    SELECT tgrelid::regclass::text AS table, count(*)::int AS operations FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE p.proname = tgrelid::regclass::text || '_audit' AND tgenabled = 'O' GROUP BY 1`);
  const audited = [...models.values()].flatMap(({ name, table, relations }) => {
    const links = name !== "Tag" && relations.tags?.through?.table;
    return audits[name].audited ? [table, ...(links ? [links] : [])] : [];
  });
  expect(Object.fromEntries(rows.map(({ table, operations }) => [table, operations]))).toEqual(
    Object.fromEntries(audited.map((table) => [table, 3])),
  );
});
