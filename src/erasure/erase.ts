import { randomBytes } from "node:crypto";
import type { Query } from "../database/client.js";
import { type Model, type ModelName, modelNamed, models, relationOf } from "../graph/model/datamodel.js";
import { isDeleted, type ManifestColumn, manifest, type Personal, personalColumns } from "../graph/model/manifest.js";
import { abouts, customerRows, looseAddresses, owned } from "./customer-rows.js";

/** Placeholder of erased non-null texts. */
export const erasedText = "anonymized";

/**
 * The key of an advisory lock that erasures share, and that an import has alone while it writes: customers who were not
 * erased when it began to write are not erased before it ends, so nothing of them comes back behind an erasure.
 */
export const erasureLock = "hashtextextended('customer-graph erasure', 0)";

/** Number of erased rows per table. */
export type Erased = Record<string, number>;

/**
 * The order: rows that others are found by come after them. What is about other rows may be about each other, so it goes
 * in one statement, which sees all of it; the customer itself comes last.
 */
function erasureOrder(): ModelName[][] {
  const order: ModelName[][] = [[...abouts.map(({ name }) => name), "EventStore"]];
  const left = new Set(owned);
  const leadsTo = (model: Model, to: Model) =>
    model !== to && Boolean(model.owners?.some((owner) => relationOf(model, owner).to === to.name));
  while (left.size) {
    // Where two lead to each other, both have the customer's id by then.
    const free = [...left].find((model) => ![...left].some((other) => leadsTo(other, model)));
    const next = free ?? [...left].find(({ columns }) => columns.customerId)!;
    order.push([next.name]);
    left.delete(next);
  }
  return order;
}

/**
 * Gives a customer the rows that are its by an e-mail address, or by another row, alone. What others lead to comes last, and
 * an address that nothing leads to comes into the address book.
 */
const claims = [
  ...erasureOrder()
    .flat()
    .filter((name) => modelNamed(name).columns.customerEmail)
    .map(
      (name) =>
        `UPDATE "${modelNamed(name).table}" t SET "customer_id" = $1::text WHERE t."customer_id" IS NULL AND ${customerRows[name]}`,
    ),
  `INSERT INTO "customer_addresses" ("id", "mode", "customer_id", "address_id")
   SELECT new_id('cad'), t."mode", $1::text, t."id" FROM "addresses" t WHERE ${looseAddresses}`,
];

/** A statement that erases the rows of some models of the customer `$1`; `$2` is the placeholder of the e-mail address. */
interface Step {
  tables: readonly string[];
  text: string;
  values: 1 | 2;
}

const steps: readonly Step[] = erasureOrder().flatMap((names) => stepOf(names) ?? []);

/**
 * Erases everything personal of a customer, as the manifest says, in the caller's transaction. New values are random or
 * the same for everybody, never made from the old ones. Rows that are the customer's by an e-mail address alone are
 * given to it first, so that no import brings back what was in them. The audit trail of the erasure itself is the
 * caller's.
 */
export async function erase(query: Query, customerId: string): Promise<Erased> {
  const placeholder = `anonymized-${randomBytes(12).toString("hex")}@anonymized.invalid`;
  const erased: Erased = {};
  for (const text of claims) await query(text, [customerId]);
  for (const { tables, text, values } of steps) {
    const [counts] = (await query(text, [customerId, placeholder].slice(0, values))) as [number[]];
    for (const [i, table] of tables.entries()) erased[table] = counts[i]!;
  }
  return erased;
}

function stepOf(names: readonly ModelName[]): Step | undefined {
  const parts = names.flatMap((name) => {
    const sql = erasureSql(name);
    return sql ? [{ table: manifest.get(name)!.table, sql }] : [];
  });
  if (!parts.length) return undefined;
  const changed = parts.map(({ table, sql }) => `"erased_${table}" AS (${sql} RETURNING 1)`);
  const counts = parts.map(({ table }) => `(SELECT count(*)::int FROM "erased_${table}")`);
  return {
    tables: parts.map(({ table }) => table),
    text: `WITH ${changed.join(", ")} SELECT ${counts.join(", ")}`,
    values: parts.some(({ sql }) => sql.includes("$2")) ? 2 : 1,
  };
}

/** The statement that erases a model's rows of the customer, if they hold anything that goes. */
function erasureSql(name: ModelName): string | undefined {
  const table = manifest.get(name)!;
  const where = customerRows[name]!;
  if (isDeleted(table)) return `DELETE FROM "${table.table}" t WHERE ${where}`;
  if (name === "EventStore") return eventStoreSql(where);
  const sets = personalColumns(table).flatMap(([field, column]) => {
    const value = erasedValue(name, field, column);
    return value ? [`"${column.column}" = ${value}`] : [];
  });
  return sets.length ? `UPDATE "${table.table}" t SET ${sets.join(", ")} WHERE ${where}` : undefined;
}

/** SQL of the new value of a column; undefined if it is kept or generated. */
function erasedValue(name: string, field: string, column: ManifestColumn & { personal: Personal }): string | undefined {
  const { nullable, type, derived, personal } = column;
  const place = `t."${column.column}"`;
  if (derived || personal.action === "keep") return undefined;
  if (personal.action === "clear") {
    if (nullable) return "NULL";
    if (type === "Json") return "'{}'::jsonb";
    throw new Error(`${name}.${field} cannot be cleared: it needs a value`);
  }
  const isCopy = field === "customerEmail" || (name === "Customer" && field === "email");
  const value = isCopy
    ? "$2::text"
    : personal.category === "identifier"
      ? "gen_random_uuid()::text"
      : `'${erasedText}'`;
  return nullable ? `CASE WHEN ${place} IS NULL THEN NULL ELSE ${value} END` : value;
}

/**
 * Entries of the audit trail keep which attributes changed, when and by whom; the values stay only where the manifest
 * says that they are not personal, or that they are kept. What it does not know is taken for personal.
 */
function eventStoreSql(where: string): string {
  const kept = JSON.stringify(
    Object.fromEntries(
      [...models.values()].map(({ name, table }) => [
        table,
        Object.values(manifest.get(name)!.columns)
          .filter(({ personal }) => !personal || personal.action === "keep")
          .map(({ column }) => column)
          .concat("tags"),
      ]),
    ),
  ).replaceAll("'", "''");
  return `UPDATE "event_stores" t SET
    "payload" = CASE WHEN t."event" LIKE 'anonymization\\_%' THEN t."payload"
      ELSE coalesce((
        SELECT jsonb_object_agg(k, CASE
          WHEN ('${kept}'::jsonb -> t."resource_type") ? k THEN v
          ELSE jsonb_build_object(
            'from', CASE WHEN jsonb_typeof(v) = 'object' AND v -> 'from' = 'null'::jsonb THEN NULL ELSE '${erasedText}' END,
            'to', CASE WHEN jsonb_typeof(v) = 'object' AND v -> 'to' = 'null'::jsonb THEN NULL ELSE '${erasedText}' END) END)
        FROM jsonb_each(t."payload") AS entries (k, v)), '{}'::jsonb) END,
    "who" = CASE WHEN t."who" #>> '{owner,type}' = 'Customer'
      THEN jsonb_set(t."who", '{owner}', jsonb_build_object('id', t."who" #> '{owner,id}', 'type', 'Customer')) ELSE t."who" END
    WHERE ${where}`;
}
