import type { Query } from "../database/client.js";
import { type Model, type ModelName } from "../graph/model/datamodel.js";
import { customerRows } from "./customer-rows.js";
import { shapeOf, shopKeysOf } from "./resource.js";

/** URL path of the export of a customer's data. */
export const exportPath = "/exports/customers/";

/** Batch size: even rows with the largest possible JSON stay within the result size limit. */
const batch = 50;

/**
 * Everything that there is of a customer, as one JSON:API document in pieces: what the manifest calls personal and all
 * else of the same rows, and the rows of the shop that they refer to, so that the import can read it back. Credentials
 * are left out. To be read in a transaction that sees one moment.
 */
export async function* subjectExport(query: Query, customerId: string): AsyncGenerator<string> {
  /** Rows of the shop that the customer's refer to, and those that are in the document. */
  const wanted = new Map<string, ModelName>();
  const there = new Set<string>();
  const isOwn = (id: string) => id === customerId;
  let first = true;

  async function* rowsOf(model: ModelName, where: string, value: unknown): AsyncGenerator<string> {
    const { model: of, select, resource } = shapeOf(model, "customer");
    for (let last = ""; ; ) {
      const rows = await query(
        `SELECT to_jsonb(x) FROM (SELECT ${select} FROM "${of.table}" t
         WHERE (${where}) AND t."id" > $2 ORDER BY t."id" LIMIT ${batch}) x`,
        [value, last],
      );
      for (const [row] of rows as [Record<string, unknown>][]) {
        const made = resource(row, isOwn, customerId);
        there.add(`${model} ${made.id}`);
        for (const [to, id] of referencesOf(of, row)) wanted.set(`${to} ${id}`, to);
        yield JSON.stringify(made);
      }
      if (rows.length < batch) return;
      last = (rows.at(-1)![0] as { id: string }).id;
    }
  }

  for await (const customer of rowsOf("Customer", customerRows.Customer!, customerId)) {
    yield `{"data":${customer},"included":[`;
  }
  for (const name of Object.keys(customerRows) as ModelName[]) {
    if (name === "Customer" || name === "CustomerPasswordReset") continue;
    const where =
      name === "EventStore" ? `(${customerRows.EventStore}) AND ${exportedToCustomer}` : customerRows[name]!;
    for await (const row of rowsOf(name, where, customerId)) {
      yield first ? row : `,${row}`;
      first = false;
    }
  }
  for (;;) {
    const missing = [...wanted].filter(([key]) => !there.has(key));
    if (!missing.length) break;
    const [[, model]] = missing as [[string, ModelName]];
    const ids = missing.flatMap(([key, other]) => (other === model ? key.slice(model.length + 1) : []));
    for await (const row of rowsOf(model, `t."id" = ANY ($1::text[])`, ids)) {
      yield first ? row : `,${row}`;
      first = false;
    }
    for (const id of ids) there.add(`${model} ${id}`);
  }
  yield "]}";
}

/** The rows of the shop that a row refers to. */
function referencesOf(model: Model, row: Record<string, unknown>): [ModelName, string][] {
  const found: [ModelName, string][] = [];
  for (const { field, to } of shopKeysOf(model)) {
    const id = row[field];
    if (typeof id === "string") found.push([to, id]);
  }
  for (const id of (row.tagIds as string[] | null) ?? []) found.push(["Tag", id]);
  return found;
}

/** Entries from before the row moved to this customer belong to its previous owner; only the transfer itself is exported. */
const exportedToCustomer = `(t."customer_id" IS NULL OR t."customer_id" = $1
  OR t."payload" -> 'customer_id' ->> 'from' = $1)`;
