import type { Database } from "../database/client.js";
import { manifest, personalColumns } from "../graph/model/manifest.js";

const personalTables = new Map(
  [...manifest.values()].flatMap((table) => {
    const columns = personalColumns(table).map(([, { column }]) => column);
    return columns.length ? [[table.table, columns] as const] : [];
  }),
);

/** Tables with personal columns that PostgreSQL has not analysed since the last completed erasure. */
export async function staleStatistics({ query }: Database): Promise<Set<string>> {
  const rows = (await query(
    `SELECT relname FROM pg_stat_user_tables WHERE schemaname = current_schema() AND relname = ANY ($1::text[])
       AND coalesce(greatest(last_analyze, last_autoanalyze), '-infinity') < (
         SELECT max(anonymization_completed_at) FROM customers WHERE anonymization_status = 'completed')`,
    [[...personalTables.keys()]],
  )) as [string][];
  return new Set(rows.flat());
}

/**
 * Has PostgreSQL forget values of a table that are no longer there: the most common ones, and the bounds of histograms.
 * An empty table it would leave as it was; from version 18 on, what it knows of one can be cleared.
 */
export async function refreshStatistics({ transaction }: Database, table: string): Promise<void> {
  await transaction(async (query) => {
    await query("SET LOCAL statement_timeout = 0", []);
    await query(`ANALYZE "${table}"`, []);
    const [[isEmpty]] = (await query(
      `SELECT NOT EXISTS (SELECT FROM "${table}") AND current_setting('server_version_num')::int >= 180000`,
      [],
    )) as [[boolean]];
    if (!isEmpty) return;
    await query(`SELECT pg_clear_attribute_stats(current_schema(), $1::text, c, false) FROM unnest($2::text[]) c`, [
      table,
      personalTables.get(table),
    ]);
  });
}
