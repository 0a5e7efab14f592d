import { createHash } from "node:crypto";
import type { Query } from "../database/client.js";
import type { ModelName } from "../graph/model/datamodel.js";
import { isDeleted, manifest, manifestDigest, type Personal, personalColumns } from "../graph/model/manifest.js";
import { reach } from "./reach.js";

/** One column of a table: what erasure will do to how many values. */
export interface PictureField extends Personal {
  field: string;
  count: number;
}

/** What there is of a customer in one table. */
export interface PictureTable {
  resourceType: string;
  rows: number;
  /** The rows themselves go. */
  deleted: boolean;
  fields: PictureField[];
}

export interface Picture {
  tables: PictureTable[];
  /** Changes when a row comes, goes or changes, and with the manifest. */
  digest: string;
}

/** The audit trail grows by being looked at through other requests; what it says of rows is in the rows' versions. */
const outsideDigest: readonly ModelName[] = ["EventStore", "Event", "EventCallback"];

const statements = Object.entries(reach).map(([name, where]) => {
  const model = name as ModelName;
  const table = manifest.get(model)!;
  const fields = personalColumns(table).filter(([, { derived }]) => !derived);
  const counts = fields.map(([, { column, type, nullable }]) => {
    const held =
      type === "Json" ? `t."${column}" IS NOT NULL AND t."${column}" <> '{}'::jsonb` : `t."${column}" IS NOT NULL`;
    return nullable || type === "Json" ? `, (count(*) FILTER (WHERE ${held}))::int` : ", count(*)::int";
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

/** What the erasure of a customer would come to, read in the caller's transaction. */
export async function pictureOf(query: Query, customerId: string): Promise<Picture> {
  const hash = createHash("sha256").update(manifestDigest);
  const tables: PictureTable[] = [];
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
