import type pg from "pg";
import type { Prisma } from "../src/generated/prisma/client.js";
import { columnOf, type ModelName, modelNamed } from "../src/graph/model/datamodel.js";
import { demoShop } from "./demo.js";
import { demoApplications, demoUsers } from "./demo-access.js";

/** A row of a model in the fields of prisma/schema.prisma. */
export type Row<M extends ModelName> = Exclude<
  Prisma.TypeMap["model"][M]["operations"]["createMany"]["args"]["data"],
  readonly unknown[]
>;
/** Rows of some models that one statement inserts, so that they may refer to each other. */
export type Batch = { [M in ModelName]?: Row<M>[] };
/** A tag on a row, by the row's model and the ids of both. */
export interface Tagging {
  model: ModelName;
  id: string;
  tagId: string;
}

/** Advisory lock held by everything that seeds the database, to the end of the transaction. */
export const SEED_LOCK = 7_305_001;
/** Disables the audit trail to the end of the transaction: seeds insert their own entries. */
export const WITHOUT_AUDIT = "SET LOCAL customer_graph.audit = 'off'";

/** Called when a COMMIT is sent, and when it was answered. */
export type CommitListener = (commit: "sent" | "done") => void;

export async function commit(client: pg.ClientBase, onCommit: CommitListener = () => {}): Promise<void> {
  onCommit("sent");
  await client.query("COMMIT");
  onCommit("done");
}

/**
 * Inserts the demo shop, with fixed ids, dates and amounts, into a database without customers; returns whether it did. Of
 * concurrent servers, exactly one does.
 */
export async function seedDemo(
  database: pg.Pool | pg.Client,
  { onCommit }: { onCommit?: CommitListener } = {},
): Promise<boolean> {
  const client = "totalCount" in database ? await database.connect() : database;
  try {
    await client.query("BEGIN");
    await client.query(WITHOUT_AUDIT);
    await client.query("SELECT pg_advisory_xact_lock($1)", [SEED_LOCK]);
    const { rowCount } = await client.query("SELECT FROM customers LIMIT 1");
    if (!rowCount) {
      const { batches, taggings } = demoShop();
      for (const batch of batches) await insert(client, batch);
      await insertTaggings(client, taggings);
      await insertAccess(client);
    }
    await commit(client, rowCount ? undefined : onCommit);
    return !rowCount;
  } catch (error) {
    await client.query("ROLLBACK").catch(() => {});
    throw error;
  } finally {
    if (client !== database) (client as pg.PoolClient).release();
  }
}

/** Foreign keys are checked at the end of a statement, not after each table. */
async function insert(client: pg.ClientBase, batch: Batch): Promise<void> {
  const values: unknown[] = [];
  const inserts = Object.entries(batch).map(([model, rows]) => insertion(model as ModelName, rows, values));
  const expressions = inserts.map((sql, i) => `i${i} AS (${sql})`);
  await client.query(`WITH ${expressions.join(", ")} SELECT`, values);
}

function insertion(name: ModelName, rows: readonly object[], values: unknown[]): string {
  const model = modelNamed(name);
  const fields = [...new Set(rows.flatMap(Object.keys))];
  const columns = fields.map((field) => {
    const { column, derived } = columnOf(model, field);
    if (derived) throw new Error(`${name}.${field} is derived and cannot be written`);
    return `"${column}"`;
  });
  const tuples = rows.map((row) => {
    const cells = fields.map((field) => {
      const value = row[field as keyof typeof row];
      return value === undefined ? "DEFAULT" : `$${values.push(value)}`;
    });
    return `(${cells.join(", ")})`;
  });
  return `INSERT INTO "${model.table}" (${columns.join(", ")}) VALUES ${tuples.join(", ")}`;
}

/** Applications and users of the demo shop; rows may exist already. */
async function insertAccess(client: pg.ClientBase): Promise<void> {
  for (const { id, mode, name, kind, clientId, secretDigest, ...rest } of Object.values(demoApplications)) {
    await client.query(
      `INSERT INTO applications (id, mode, name, kind, client_id, secret_digest, permissions, access_token_seconds, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
      [id, mode, name, kind, clientId, secretDigest, rest.permissions, rest.accessTokenSeconds, rest.createdAt],
    );
  }
  for (const { id, firstName, lastName, email, permissions, createdAt } of Object.values(demoUsers)) {
    await client.query(
      `INSERT INTO users (id, first_name, last_name, email, permissions, created_at)
       VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING`,
      [id, firstName, lastName, email, permissions, createdAt],
    );
  }
}

async function insertTaggings(client: pg.ClientBase, taggings: readonly Tagging[]): Promise<void> {
  for (const model of new Set(taggings.map(({ model }) => model))) {
    const ofModel = taggings.filter((tagging) => tagging.model === model);
    const { table, from, to } = modelNamed(model).relations.tags!.through!;
    await client.query(`INSERT INTO "${table}" ("${from}", "${to}") SELECT * FROM unnest($1::text[], $2::text[])`, [
      ofModel.map(({ id }) => id),
      ofModel.map(({ tagId }) => tagId),
    ]);
  }
}
