import { randomBytes } from "node:crypto";
import type { Query } from "../database/client.js";
import { type ModelName, models } from "../database/datamodel.js";
import { isDeleted, type ManifestColumn, manifest, type Personal, personalColumns } from "./manifest.js";
import { reach } from "./reach.js";

/** What stands in place of a text that had to stay a text. */
export const erasedText = "anonymized";

/** How many rows of each table were erased. */
export type Erased = Record<string, number>;

/**
 * The order: rows that others are found by come after them. Deleted rows go first, while what leads to them is there;
 * the customer itself comes last.
 */
const order: readonly ModelName[] = [
  "EventCallback",
  "EventStore",
  "Event",
  "Attachment",
  "ReturnLineItem",
  "LineItem",
  "OrderSubscriptionItem",
  "PaymentSource",
  "Address",
  "CustomerPaymentSource",
  "CustomerSubscription",
  "CustomerPasswordReset",
  "SkuListItem",
  "SkuList",
  "CustomerAddress",
  "Return",
  "OrderSubscription",
  "Order",
  "Customer",
];

/** A statement that erases a model's rows of the customer `$1`; `$2` is the placeholder of the e-mail address. */
interface Step {
  table: string;
  text: string;
  values: 1 | 2;
}

const steps: readonly Step[] = order.flatMap((name) => stepOf(name) ?? []);

/**
 * Erases everything personal of a customer, as the manifest says, in the caller's transaction. New values are random or
 * the same for everybody, never made from the old ones. The audit trail of the erasure itself is the caller's.
 */
export async function erase(query: Query, customerId: string): Promise<Erased> {
  const placeholder = `anonymized-${randomBytes(12).toString("hex")}@anonymized.invalid`;
  const erased: Erased = {};
  for (const { table, text, values } of steps) {
    const [[count]] = (await query(text, [customerId, placeholder].slice(0, values))) as [[number]];
    erased[table] = count;
  }
  return erased;
}

function stepOf(name: ModelName): Step | undefined {
  const table = manifest.get(name)!;
  const where = reach[name];
  if (!where) return undefined;
  const changed = (text: string) => `WITH changed AS (${text} RETURNING 1) SELECT count(*)::int FROM changed`;
  if (isDeleted(table)) {
    return { table: table.table, text: changed(`DELETE FROM "${table.table}" t WHERE ${where}`), values: 1 };
  }
  if (name === "EventStore") return { table: table.table, text: changed(eventStoreSql(where)), values: 1 };
  const sets = personalColumns(table).flatMap(([field, column]) => {
    const value = erasedValue(name, field, column);
    return value ? [{ value, sql: `"${column.column}" = ${value}` }] : [];
  });
  if (!sets.length) return undefined;
  const text = `UPDATE "${table.table}" t SET ${sets.map(({ sql }) => sql).join(", ")} WHERE ${where}`;
  return { table: table.table, text: changed(text), values: sets.some(({ value }) => value.includes("$2")) ? 2 : 1 };
}

/** What a column becomes, in SQL; undefined where it stays or follows from others. */
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
