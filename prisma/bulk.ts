import type pg from "pg";
import { catalogue, draws, functions, inserts, wrongCounts } from "./bulk-sql.js";
import { type CommitListener, commit, SEED_LOCK, WITHOUT_AUDIT } from "./seed.js";

export interface BulkOptions {
  /** Total number of generated customers, including earlier runs. */
  customers: number;
  /** Called after every step. */
  report?: (step: BulkStep) => void;
  onCommit?: CommitListener;
}

export interface BulkStep {
  name: string;
  /** Number of rows written. */
  rows: number;
  milliseconds: number;
}

export const MAXIMUM_CUSTOMERS = 5_000_000;

/** Customers per batch: keeps temporary tables small. */
const BATCH_SIZE = 100_000;

/**
 * Adds generated customers `cus_b0000001`, `cus_b0000002`, … and their rows, in mode `test`, and returns the number of new
 * ones. They are deterministic, so a second run adds only missing ones. One transaction that locks the tables: for databases
 * without other users.
 */
export async function seedBulk(
  database: pg.Pool | pg.Client,
  { customers, report = () => {}, onCommit }: BulkOptions,
): Promise<number> {
  const client = "totalCount" in database ? await database.connect() : database;
  const run = async (name: string, ...statements: string[]) => {
    const startedAt = performance.now();
    let rows = 0;
    for (const sql of statements) rows += (await client.query(sql)).rowCount ?? 0;
    report({ name, rows, milliseconds: Math.round(performance.now() - startedAt) });
    return rows;
  };
  try {
    await client.query("BEGIN");
    await client.query("SET LOCAL jit = off; SET LOCAL work_mem = '64MB'; SET LOCAL maintenance_work_mem = '256MB'");
    await client.query(WITHOUT_AUDIT);
    await client.query("SELECT pg_advisory_xact_lock($1)", [SEED_LOCK]);
    const present = await countPresent(client);
    if (present < customers) {
      for (const sql of [...functions, ...catalogue]) await client.query(sql);
      // Creating indexes and foreign keys afterwards halves the time, unless most rows exist already.
      const rebuild = customers > 2 * present ? await dropIndexes(client) : undefined;
      const tablesWithTriggers = await tablesWithInsertTriggers(client);
      for (const table of tablesWithTriggers) await client.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
      // What a customer's own columns imply is not generated with them.
      await client.query("ALTER TABLE customers ENABLE TRIGGER customers_derive");
      for (let from = present + 1; from <= customers; from += BATCH_SIZE) {
        const to = Math.min(from + BATCH_SIZE - 1, customers);
        const range = `of customers ${from.toLocaleString("en")} to ${to.toLocaleString("en")}`;
        const tables = draws(from, to);
        await run(`draws ${range}`, ...Object.values(tables));
        for (const [name, sql] of Object.entries(inserts)) await run(`${name} ${range}`, sql);
        for (const name of Object.keys(tables)) await client.query(`DROP TABLE pg_temp.b_${name}`);
      }
      for (const table of tablesWithTriggers) await client.query(`ALTER TABLE ${table} ENABLE TRIGGER USER`);
      if (rebuild) {
        await run("indexes", ...rebuild.indexes);
        await run("foreign keys", ...rebuild.foreignKeys);
      }
      const wrong = await run("check of counts", ...wrongCounts(present + 1, customers));
      if (wrong) throw new Error(`${wrong} counts would have been wrong, so nothing was added.`);
    }
    await commit(client, present < customers ? onCommit : undefined);
    // Index-only scans of counts need vacuumed tables.
    if (present < customers) await run("statistics", "VACUUM (ANALYZE)");
    return Math.max(customers - present, 0);
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  } finally {
    if (client !== database) (client as pg.PoolClient).release();
  }
}

async function countPresent(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ present: number }>(
    `SELECT coalesce(max(substr(id, 6)::int), 0) AS present FROM customers
     WHERE id >= 'cus_b0' AND id < 'cus_b:' AND id ~ '^cus_b\\d{7}$'`,
  );
  return rows[0]!.present;
}

/**
 * Tables with INSERT triggers (counts, copies, claims, audit trail). The generated rows already contain their results, and the
 * triggers would scan tables without indexes for each row.
 */
async function tablesWithInsertTriggers(client: pg.ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT DISTINCT tgrelid::regclass::text AS name FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
     WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal AND tgtype & 4 > 0 ORDER BY 1`,
  );
  return rows.map(({ name }) => name);
}

/** Drops all indexes without a constraint and all foreign keys; returns the statements that recreate them. */
async function dropIndexes(client: pg.ClientBase): Promise<{ indexes: string[]; foreignKeys: string[] }> {
  const indexes = await client.query<{ remove: string; restore: string }>(
    `SELECT format('DROP INDEX %s', indexrelid::regclass) AS remove, pg_get_indexdef(indexrelid) AS restore
     FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
     WHERE relnamespace = current_schema()::regnamespace
       AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
     ORDER BY 1`,
  );
  const foreignKeys = await client.query<{ remove: string; restore: string }>(
    `SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS remove,
            format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
              AS restore
     FROM pg_constraint WHERE contype = 'f' AND connamespace = current_schema()::regnamespace ORDER BY 1`,
  );
  for (const { remove } of [...foreignKeys.rows, ...indexes.rows]) await client.query(remove);
  const restore = (result: typeof indexes) => result.rows.map((row) => row.restore);
  return { indexes: restore(indexes), foreignKeys: restore(foreignKeys) };
}
