import { createHash } from "node:crypto";
import { manifest as generated } from "../../generated/datamodel.js";

export type Category =
  | "contact"
  | "identity"
  | "identifier"
  | "credential"
  | "financial"
  | "location"
  | "content"
  | "staff";

/** Personal data category of a column, and what erasure does to it. */
export interface Personal {
  readonly category: Category;
  /** `clear` empties the column, `replace` overwrites it with a placeholder, `delete` deletes the row, `keep` needs a reason. */
  readonly action: "clear" | "replace" | "delete" | "keep";
  readonly reason?: string;
}

export interface ManifestColumn {
  readonly column: string;
  readonly type: string;
  readonly nullable?: true;
  /** Computed by the database. */
  readonly derived?: true;
  /** Undefined: not personal data. */
  readonly personal?: Personal;
}

export interface ManifestTable {
  readonly table: string;
  readonly columns: Readonly<Record<string, ManifestColumn>>;
}

/** The personal data manifest: every column of every table, as marked in prisma/schema.prisma. Erasure reads it. */
export const manifest: ReadonlyMap<string, ManifestTable> = new Map(Object.entries(generated));

/** Hash of the manifest, stored in erasure receipts. */
export const manifestDigest = createHash("sha256").update(JSON.stringify(generated)).digest("hex");

/** The personal columns. */
export function personalColumns({ columns }: ManifestTable): [string, ManifestColumn & { personal: Personal }][] {
  return Object.entries(columns).filter((entry): entry is [string, ManifestColumn & { personal: Personal }] =>
    Boolean(entry[1].personal),
  );
}

/** Whether erasure deletes whole rows of a table. */
export function isDeleted(table: ManifestTable): boolean {
  return personalColumns(table).some(([, { personal }]) => personal.action === "delete");
}

/** Columns of every table that are never personal. */
const everywhere = new Set(["id", "mode", "version"]);

/** Names of personal columns of any table, in camelCase and snake_case: never logged. */
export const personalNames: ReadonlySet<string> = (() => {
  const personal = new Set<string>();
  const others = new Set<string>(everywhere);
  for (const { columns } of manifest.values()) {
    for (const [field, { column, personal: mark }] of Object.entries(columns)) {
      for (const name of [field, column]) (mark ? personal : others).add(name);
    }
  }
  return new Set([...personal].filter((name) => !others.has(name)));
})();

/** The table of docs/erasure.md: one row per personal column. */
export function manifestAsMarkdown(): string {
  const lines = [...manifest].flatMap(([, table]) =>
    personalColumns(table).map(
      ([
        ,
        {
          column,
          derived,
          personal: { category, action, reason },
        },
      ]) =>
        `| \`${table.table}.${column}\` | ${category} | ${derived ? "follows from the others" : action}${reason ? `: ${reason}` : ""} |`,
    ),
  );
  return ["| column | category | erasure |", "| --- | --- | --- |", ...lines].join("\n");
}
