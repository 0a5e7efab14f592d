import type pg from "pg";
import { aboutOf, type Model, models } from "../platform/database/datamodel.js";
import { foundBy } from "./known.js";
import { type Reference, referencesOf } from "./order.js";
import { identifier, literal } from "./sql.js";

/** Whether the staged resource `s` of a customer `c` that is erased here says that it is. */
export const staysErased = `coalesce(
  s."row"->>'anonymization_status' = 'completed'
  OR c.anonymization_status = 'started' AND s."row"->>'anonymization_status' IN ('started', 'failed'), false)`;

/** These may be several customers', or the shop's: they belong to whom leads to them, not to whom they lead. */
const shared = ["Address", "PaymentSource"];

/**
 * Notes in import_erased what belongs to customers who were anonymized here, or are being, in the files and in the
 * database: what refers to them, the addresses and payment sources of that, and what is about all these. A customer of
 * whom the files say so, too, is left out. Tells whether there are any.
 */
export async function noteErased(client: pg.Client): Promise<boolean> {
  const note = async (model: Model, found: string) => {
    const { rowCount } = await client.query(
      `INSERT INTO import_erased SELECT ${literal(model.name)}, id FROM (${found}) found (id) WHERE id IS NOT NULL ON CONFLICT DO NOTHING`,
    );
    return rowCount ?? 0;
  };
  const customers = await note(
    models.get("Customer")!,
    `SELECT c.id FROM customers c LEFT JOIN import_resources s ON s.model = 'Customer' AND s.id = c.id
     WHERE c.anonymization_status IN ('started', 'completed') AND NOT ${staysErased}`,
  );
  if (!customers) return false;

  const all = [...models.values()];
  const references = all.flatMap((model) => referencesOf(model).map((reference) => ({ model, ...reference })));
  // Some refer to each other, such as orders and recurring orders.
  for (let added = 1; added > 0; ) {
    added = 0;
    for (const { model, column, target } of references) {
      if (!shared.includes(target.name)) added += await note(model, referring(model, column.column, target));
    }
    for (const model of all) {
      const hasEmail = model.columns.customerEmail || foundBy[model.table]?.by === "customer_email";
      if (hasEmail) added += await note(model, withItsEmail(model));
    }
  }
  for (const { model, ...reference } of references) {
    // A return goes to an address of the shop.
    if (shared.includes(reference.target.name) && reference.relation !== "destinationAddress") {
      await note(reference.target, referredTo(model, reference));
    }
  }
  for (const model of all) if (aboutOf(model)) await note(model, aboutThem(model));
  return true;
}

const erased = ({ name }: Model) => `(SELECT e.id FROM import_erased e WHERE e.model = ${literal(name)})`;
const staged = ({ name }: Model) => `import_resources s WHERE s.model = ${literal(name)}`;

function referring(model: Model, column: string, target: Model): string {
  return `
    SELECT t.id FROM ${identifier(model.table)} t WHERE t.${identifier(column)} IN ${erased(target)}
    UNION SELECT s.id FROM ${staged(model)} AND s."row"->>${literal(column)} IN ${erased(target)}`;
}

function withItsEmail(model: Model): string {
  return `
    SELECT s.id FROM ${staged(model)} AND NOT s."row" ? 'customer_id' AND (s.mode::text, s."row"->>'customer_email') IN (
      SELECT c.mode::text, c.email FROM customers c JOIN import_erased e ON e.model = 'Customer' AND e.id = c.id)`;
}

function referredTo(model: Model, { column: { column } }: Reference): string {
  return `
    SELECT t.${identifier(column)} FROM ${identifier(model.table)} t WHERE t.id IN ${erased(model)}
    UNION SELECT s."row"->>${literal(column)} FROM ${staged(model)} AND s.id IN ${erased(model)}`;
}

function aboutThem(model: Model): string {
  const { typeColumn, idColumn } = aboutOf(model)!;
  const tables = [...models.values()].map(({ name, table }) => `(${literal(name)}, ${literal(table)})`).join();
  const theirs = `SELECT m."table", e.id FROM import_erased e JOIN (VALUES ${tables}) m (model, "table") ON m.model = e.model`;
  return `
    SELECT t.id FROM (${theirs}) x JOIN ${identifier(model.table)} t
      ON t.${identifier(idColumn.column)} = x.id AND t.${identifier(typeColumn.column)} = x."table"
    UNION SELECT s.id FROM ${staged(model)}
      AND (s."row"->>${literal(typeColumn.column)}, s."row"->>${literal(idColumn.column)}) IN (${theirs})`;
}
