import type pg from "pg";

export interface SentStatement {
  text: string;
  values: readonly unknown[];
}

export interface Explained {
  /** The types of the parameters, as PostgreSQL names them. */
  types: string[];
  /** Whether the server's connection keeps one plan for all values by now; undefined if it keeps no such statement. */
  generic: boolean | undefined;
  /** PostgreSQL's own lines. */
  lines: string[];
}

/** EXPLAIN ANALYZE of a read statement, with the kind of plan (generic or custom) that PostgreSQL used. */
export async function explain(pool: pg.Pool, { text, values }: SentStatement): Promise<Explained | undefined> {
  if (!/^\s*(SELECT|WITH|VALUES)\b/i.test(text)) return undefined;
  // The pool returns the connection used last, which has the prepared statement.
  const client = await pool.connect();
  try {
    const known = await client.query<{ generic: boolean }>(
      "SELECT generic_plans > 0 AS generic FROM pg_prepared_statements WHERE statement = $1",
      [text],
    );
    const generic = known.rows[0]?.generic;
    await client.query(`PREPARE profiled AS ${text}`);
    const prepared = await client.query<{ types: string[] }>(
      "SELECT parameter_types::text[] AS types FROM pg_prepared_statements WHERE name = 'profiled'",
    );
    await client.query(`BEGIN READ ONLY; SET LOCAL plan_cache_mode = force_${generic ? "generic" : "custom"}_plan`);
    const literals = values.map((value) => (value == null ? "NULL" : client.escapeLiteral(textOf(value))));
    const execute = `EXECUTE profiled${literals.length ? ` (${literals.join(", ")})` : ""}`;
    const { rows } = await client.query<[string]>({
      text: `EXPLAIN (ANALYZE, BUFFERS) ${execute}`,
      rowMode: "array",
    });
    return { types: prepared.rows[0]!.types, generic, lines: rows.map(([line]) => line) };
  } finally {
    const asBefore = await client.query("ROLLBACK; DEALLOCATE profiled").catch(() => undefined);
    client.release(!asBefore);
  }
}

/** A value as PostgreSQL reads it. */
function textOf(value: unknown): string {
  if (Array.isArray(value)) return `{${value.map(elementOf).join(",")}}`;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return `\\x${Buffer.from(value).toString("hex")}`;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function elementOf(value: unknown): string {
  if (value == null) return "NULL";
  return Array.isArray(value) ? textOf(value) : `"${textOf(value).replace(/[\\"]/g, "\\$&")}"`;
}
