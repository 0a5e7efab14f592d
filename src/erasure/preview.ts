import { createHash } from "node:crypto";
import type { Query } from "../database/client.js";
import type { ModelName } from "../graph/model/datamodel.js";
import { isDeleted, manifest, manifestDigest, type Personal, personalColumns } from "../graph/model/manifest.js";
import { customerRows } from "./customer-rows.js";

/** Preview of one personal column: the action and the number of values. */
export interface PreviewField extends Personal {
  field: string;
  count: number;
}

/** The customer's rows in one table. */
export interface PreviewTable {
  resourceType: string;
  rows: number;
  /** Whether the rows are deleted. */
  deleted: boolean;
  fields: PreviewField[];
}

export interface ErasurePreview {
  tables: PreviewTable[];
  /** Changes when a row is inserted, updated or deleted, and with the manifest. */
  digest: string;
}

/** Not part of the digest: the audit trail grows by other requests; changes of rows already change their versions. */
const outsideDigest: readonly ModelName[] = ["EventStore", "Event", "EventCallback"];

const statements = Object.entries(customerRows).map(([name, where]) => {
  const model = name as ModelName;
  const table = manifest.get(model)!;
  const fields = personalColumns(table).filter(([, { derived }]) => !derived);
  const counts = fields.map(([, { column, type, nullable }]) => {
    const hasValue =
      type === "Json" ? `t."${column}" IS NOT NULL AND t."${column}" <> '{}'::jsonb` : `t."${column}" IS NOT NULL`;
    return nullable || type === "Json" ? `, (count(*) FILTER (WHERE ${hasValue}))::int` : ", count(*)::int";
  });
  const version = "version" in table.columns ? `t."version"::text` : "''";
  const hash = `md5(coalesce(string_agg(t."id" || ':' || ${version}, ',' ORDER BY t."id"), ''))`;
  return {
    model,
    table,
    fields,
    text: `SELECT count(*)::int, ${hash}${counts.join("")} FROM "${table.table}" t WHERE ${where}`,
  };
});

/** Previews the erasure of a customer, in the caller's transaction. */
export async function previewErasure(query: Query, customerId: string): Promise<ErasurePreview> {
  const hash = createHash("sha256").update(manifestDigest);
  const tables: PreviewTable[] = [];
  for (const { model, table, fields, text } of statements) {
    const [[rows, rowsHash, ...counts]] = (await query(text, [customerId])) as [[number, string, ...number[]]];
    if (!outsideDigest.includes(model)) hash.update(`${table.table}:${rowsHash};`);
    if (!rows) continue;
    tables.push({
      resourceType: table.table,
      rows,
      deleted: isDeleted(table),
      fields: fields.map(([field, { personal }], i) => ({ field, count: counts[i]!, ...personal })),
    });
  }
  return { tables, digest: hash.digest("hex") };
}
