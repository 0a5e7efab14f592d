import type pg from "pg";
import { aboutOf, isShared, type Model, models, relationOf } from "../graph/model/datamodel.js";
import { trails } from "./documents.js";
import { type Reference, referencesOf } from "./order.js";
import { identifier, literal } from "./sql.js";

/** SQL condition: the staged customer `s` of an erased customer `c` is erased in the document too. */
export const staysErased = `coalesce(
  s."row"->>'anonymization_status' = 'completed'
  OR c.anonymization_status = 'started' AND s."row"->>'anonymization_status' IN ('started', 'failed'), false)`;

/** Whether a reference leads to an owned row: shared rows belong to the rows that refer to them. */
function owns(model: Model, { column, target }: Reference): boolean {
  return (target.owners ?? []).some((name) => {
    const { to, many, key } = relationOf(target, name);
    return many && to === model.name && model.columns[key!] === column;
  });
}

/**
 * Fills import_erased with customers who are being or were anonymized in the database but not in the files, and with their
 * rows. Returns whether there are any. In a mirror, only customers who were anonymized: what is around them is anonymized by
 * its own documents, and an erasure that has begun may still fail.
 */
export async function collectErased(client: pg.Client, mirror: boolean): Promise<boolean> {
  if (mirror) {
    const { rowCount } = await client.query(
      `INSERT INTO import_erased SELECT 'Customer', c.id FROM customers c JOIN import_resources s ON s.model = 'Customer' AND s.id = c.id
       WHERE c.anonymization_status = 'completed' AND NOT ${staysErased}`,
    );
    return Boolean(rowCount);
  }
  return collectRowsOf(
    client,
    "import_erased",
    `SELECT c.id FROM customers c LEFT JOIN import_resources s ON s.model = 'Customer' AND s.id = c.id
     WHERE c.anonymization_status IN ('started', 'completed') AND NOT ${staysErased}`,
  );
}

/**
 * Fills import_trails with resources that come with their audit trail: those that state a version, as in an export of the
 * mode, and those of customers whose audit entries are in the files. Returns the names of their models.
 */
export async function collectTrails(client: pg.Client): Promise<ReadonlySet<string>> {
  await client.query(
    `INSERT INTO import_trails SELECT DISTINCT s.model, s.id FROM import_resources s WHERE s."row" ? 'version'`,
  );
  const names = trails.map(({ name }) => literal(name)).join();
  const customers = `SELECT DISTINCT s."row"->>'customer_id' FROM import_resources s WHERE s.model IN (${names})
    EXCEPT SELECT r.id FROM import_trails r WHERE r.model = 'Customer'`;
  await collectRowsOf(client, "import_trails", customers);
  const { rows } = await client.query("SELECT DISTINCT model FROM import_trails");
  return new Set(rows.map(({ model }) => model as string));
}

const tablesOfModels = [...models.values()].map(({ name, table }) => `(${literal(name)}, ${literal(table)})`).join();

/** Temporary table that collects the rows of some customers. */
type RowTable = "import_erased" | "import_trails";

/**
 * Collects customers and their rows, in the files and in the database: rows that refer to them, shared rows of those, and
 * polymorphic rows about any of these. Returns whether there are any.
 */
async function collectRowsOf(client: pg.Client, table: RowTable, customers: string): Promise<boolean> {
  const collect = async (model: Model, ids: string) => {
    const { rowCount } = await client.query(
      `INSERT INTO ${table} SELECT ${literal(model.name)}, id FROM (${ids}) ids (id) WHERE id IS NOT NULL ON CONFLICT DO NOTHING`,
    );
    return rowCount ?? 0;
  };
  if (!(await collect(models.get("Customer")!, customers))) return false;

  const all = [...models.values()];
  const references = all.flatMap((model) => referencesOf(model).map((reference) => ({ model, ...reference })));
  // Models may refer to each other, such as orders and recurring orders.
  for (let added = 1; added > 0; ) {
    added = 0;
    for (const { model, column, target } of references) {
      if (!isShared(target)) added += await collect(model, referringRows(table, model, column.column, target));
    }
    for (const model of all) {
      const isFoundByEmail = Object.values(model.relations).some(
        ({ foundBy }) => foundBy?.attribute === "customer_email",
      );
      if (model.columns.customerEmail || isFoundByEmail) added += await collect(model, rowsWithEmail(table, model));
    }
  }
  for (const { model, ...reference } of references) {
    if (owns(model, reference)) await collect(reference.target, referencedRows(table, model, reference));
  }
  for (const model of all) if (aboutOf(model)) await collect(model, polymorphicRows(table, model));
  return true;
}

const idsIn = (table: RowTable, { name }: Model) => `(SELECT e.id FROM ${table} e WHERE e.model = ${literal(name)})`;
const staged = ({ name }: Model) => `import_resources s WHERE s.model = ${literal(name)}`;

function referringRows(table: RowTable, model: Model, column: string, target: Model): string {
  const ids = idsIn(table, target);
  return `
    SELECT t.id FROM ${identifier(model.table)} t WHERE t.${identifier(column)} IN ${ids}
    UNION SELECT s.id FROM ${staged(model)} AND s."row"->>${literal(column)} IN ${ids}`;
}

function rowsWithEmail(table: RowTable, model: Model): string {
  const customer = models.get("Customer")!;
  const ids = idsIn(table, customer);
  return `
    SELECT s.id FROM ${staged(model)} AND NOT s."row" ? 'customer_id' AND (s.mode::text, s."row"->>'customer_email') IN (
      SELECT c.mode::text, c.email FROM customers c WHERE c.id IN ${ids}
      UNION SELECT s.mode::text, s."row"->>'email' FROM ${staged(customer)} AND s.id IN ${ids})`;
}

function referencedRows(table: RowTable, model: Model, { column: { column } }: Reference): string {
  const ids = idsIn(table, model);
  return `
    SELECT t.${identifier(column)} FROM ${identifier(model.table)} t WHERE t.id IN ${ids}
    UNION SELECT s."row"->>${literal(column)} FROM ${staged(model)} AND s.id IN ${ids}`;
}

function polymorphicRows(table: RowTable, model: Model): string {
  const { typeColumn, idColumn } = aboutOf(model)!;
  const ids = `SELECT m."table", e.id FROM ${table} e JOIN (VALUES ${tablesOfModels}) m (model, "table") ON m.model = e.model`;
  return `
    SELECT t.id FROM (${ids}) x JOIN ${identifier(model.table)} t
      ON t.${identifier(idColumn.column)} = x.id AND t.${identifier(typeColumn.column)} = x."table"
    UNION SELECT s.id FROM ${staged(model)}
      AND (s."row"->>${literal(typeColumn.column)}, s."row"->>${literal(idColumn.column)}) IN (${ids})`;
}
