import type { ModelName } from "../../graph/model/datamodel.js";
import { modelNamed } from "../../graph/model/datamodel.js";
import type { Write } from "../../graph/write/transaction.js";

/** SQL for the base of a slug: the name's words in lower case, without accents, joined by `-`. */
export function slugBaseSql(name: string): string {
  const plain = `regexp_replace(normalize(lower(${name}), NFKD), '[\u0300-\u036f]', '', 'g')`;
  return `coalesce(nullif(btrim(regexp_replace(${plain}, '[^a-z0-9]+', '-', 'g'), '-'), ''), 'list')`;
}

/**
 * SQL for the highest numeric suffix of this slug among the lists of a customer, or of the shop if null: 0 without a
 * suffix, null if the slug is free.
 */
export function slugNumberSql(table: string, mode: string, base: string, customer: string): string {
  return `SELECT max(CASE WHEN t.slug = ${base} THEN 0 ELSE substr(t.slug, length(${base}) + 2)::int END) AS most
    FROM "${table}" t WHERE t.mode = ${mode} AND t.slug ~ ('^' || ${base} || '(-[1-9][0-9]{0,8})?$')
      AND t.customer_id IS NOT DISTINCT FROM ${customer}`;
}

/**
 * SQL for the import: derives the slug of a new list from its name, with a numeric suffix if the customer or the shop
 * already has it: `wish-list-1`.
 */
export function slugsSql(where: string, isNew: string): string {
  const customer = `s."row"->>'customer_id'`;
  return `
    UPDATE import_resources s SET "row" = s."row" || jsonb_build_object('slug', made.slug)
    FROM (
      SELECT named.seq, base || CASE WHEN number = 0 THEN '' ELSE '-' || number END AS slug
      FROM (
        SELECT s.seq, base.base, coalesce(taken.most + 1, 0) - 1 + row_number() OVER (PARTITION BY s.mode, ${customer}, base.base ORDER BY s.seq) AS number
        FROM import_resources s
        CROSS JOIN LATERAL (SELECT ${slugBaseSql(`s."row"->>'name'`)} AS base) base
        CROSS JOIN LATERAL (${slugNumberSql("sku_lists", "s.mode", "base.base", customer)}) taken
        WHERE ${where} AND NOT s."row" ? 'slug' AND ${isNew}
      ) named
    ) made
    WHERE ${where} AND s.seq = made.seq`;
}

/**
 * Generates a unique slug for a name, with a numeric suffix if the customer or the shop already has it: `wish-list-1`.
 * Concurrent writes get different slugs.
 */
export async function newSlug(
  { query, viewer }: Write,
  model: ModelName,
  name: string,
  customerId: string | null,
): Promise<string> {
  const [[base]] = (await query(`SELECT ${slugBaseSql("$1::text")}`, [name])) as [[string]];
  const { table } = modelNamed(model);
  const lock = `slug ${table} ${viewer.mode} ${customerId ?? ""} ${base}`;
  await query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [lock]);
  const values = [viewer.mode, base, customerId];
  const [[most]] = (await query(slugNumberSql(table, '$1::"mode"', "$2::text", "$3::text"), values)) as [
    [number | null],
  ];
  return most === null ? base : `${base}-${most + 1}`;
}
