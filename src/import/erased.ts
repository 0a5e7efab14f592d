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
 * Notes in import_erased what belongs to customers who were anonymized here, or are being, in the files and in the
 * database. A customer of whom the files say so, too, is left out. Tells whether there are any.
 */
export async function noteErased(client: pg.Client): Promise<boolean> {
  return noteTheirs(
    client,
    "import_erased",
    `SELECT c.id FROM customers c LEFT JOIN import_resources s ON s.model = 'Customer' AND s.id = c.id
     WHERE c.anonymization_status IN ('started', 'completed') AND NOT ${staysErased}`,
  );
}

/**
 * Notes in import_trails what brings its audit trail along: what states its version, as rows that are copied with all that
 * is around them do, and all that belongs to customers whose trail is in the files, as the export of a customer's data has
 * it. Gives the names of its models.
 */
export async function noteTrails(client: pg.Client): Promise<ReadonlySet<string>> {
  await client.query(
    `INSERT INTO import_trails SELECT DISTINCT s.model, s.id FROM import_resources s WHERE s."row" ? 'version'`,
  );
  const names = trails.map(({ name }) => literal(name)).join();
  const customers = `SELECT DISTINCT s."row"->>'customer_id' FROM import_resources s WHERE s.model IN (${names})
    EXCEPT SELECT r.id FROM import_trails r WHERE r.model = 'Customer'`;
  await noteTheirs(client, "import_trails", customers);
  const { rows } = await client.query("SELECT DISTINCT model FROM import_trails");
  return new Set(rows.map(({ model }) => model as string));
}

const tablesOfModels = [...models.values()].map(({ name, table }) => `(${literal(name)}, ${literal(table)})`).join();

/** Temporary table that collects the rows of some customers. */
type Noted = "import_erased" | "import_trails";

/**
 * Notes customers and what belongs to them, in the files and in the database: what refers to them, the addresses and
 * payment sources of that, and what is about all these. Tells whether there are any.
 */
async function noteTheirs(client: pg.Client, noted: Noted, found: string): Promise<boolean> {
  const note = async (model: Model, found: string) => {
    const { rowCount } = await client.query(
      `INSERT INTO ${noted} SELECT ${literal(model.name)}, id FROM (${found}) found (id) WHERE id IS NOT NULL ON CONFLICT DO NOTHING`,
    );
    return rowCount ?? 0;
  };
  if (!(await note(models.get("Customer")!, found))) return false;

  const all = [...models.values()];
  const references = all.flatMap((model) => referencesOf(model).map((reference) => ({ model, ...reference })));
  // Models may refer to each other, such as orders and recurring orders.
  for (let added = 1; added > 0; ) {
    added = 0;
    for (const { model, column, target } of references) {
      if (!isShared(target)) added += await note(model, referring(noted, model, column.column, target));
    }
    for (const model of all) {
      const isFound = Object.values(model.relations).some(({ foundBy }) => foundBy?.attribute === "customer_email");
      if (model.columns.customerEmail || isFound) added += await note(model, withItsEmail(noted, model));
    }
  }
  for (const { model, ...reference } of references) {
    if (owns(model, reference)) await note(reference.target, referredTo(noted, model, reference));
  }
  for (const model of all) if (aboutOf(model)) await note(model, aboutThem(noted, model));
  return true;
}

const idsIn = (noted: Noted, { name }: Model) => `(SELECT e.id FROM ${noted} e WHERE e.model = ${literal(name)})`;
const staged = ({ name }: Model) => `import_resources s WHERE s.model = ${literal(name)}`;

function referring(noted: Noted, model: Model, column: string, target: Model): string {
  const theirs = idsIn(noted, target);
  return `
    SELECT t.id FROM ${identifier(model.table)} t WHERE t.${identifier(column)} IN ${theirs}
    UNION SELECT s.id FROM ${staged(model)} AND s."row"->>${literal(column)} IN ${theirs}`;
}

function withItsEmail(noted: Noted, model: Model): string {
  const customer = models.get("Customer")!;
  const theirs = idsIn(noted, customer);
  return `
    SELECT s.id FROM ${staged(model)} AND NOT s."row" ? 'customer_id' AND (s.mode::text, s."row"->>'customer_email') IN (
      SELECT c.mode::text, c.email FROM customers c WHERE c.id IN ${theirs}
      UNION SELECT s.mode::text, s."row"->>'email' FROM ${staged(customer)} AND s.id IN ${theirs})`;
}

function referredTo(noted: Noted, model: Model, { column: { column } }: Reference): string {
  const theirs = idsIn(noted, model);
  return `
    SELECT t.${identifier(column)} FROM ${identifier(model.table)} t WHERE t.id IN ${theirs}
    UNION SELECT s."row"->>${literal(column)} FROM ${staged(model)} AND s.id IN ${theirs}`;
}

function aboutThem(noted: Noted, model: Model): string {
  const { typeColumn, idColumn } = aboutOf(model)!;
  const theirs = `SELECT m."table", e.id FROM ${noted} e JOIN (VALUES ${tablesOfModels}) m (model, "table") ON m.model = e.model`;
  return `
    SELECT t.id FROM (${theirs}) x JOIN ${identifier(model.table)} t
      ON t.${identifier(idColumn.column)} = x.id AND t.${identifier(typeColumn.column)} = x."table"
    UNION SELECT s.id FROM ${staged(model)}
      AND (s."row"->>${literal(typeColumn.column)}, s."row"->>${literal(idColumn.column)}) IN (${theirs})`;
}
