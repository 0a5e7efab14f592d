import type pg from "pg";
import { type Model, modelNamed, models, typeColumnOf, typesOf } from "../graph/model/datamodel.js";
import { mergedColumns } from "./documents.js";
import { outdatedSql, pointerOf, refuse, skipOutdated } from "./issues.js";
import { identifier, literal } from "./sql.js";
import { createPartition } from "./staging.js";

/**
 * Joins repeated statements of a resource, in the order of `updated_at` if all have it, and sets the foreign keys that to-many
 * relationships imply.
 */
export async function prepare(client: pg.Client, count: number, mirror: boolean): Promise<void> {
  await client.query(
    `SELECT setval('import_seq', ${count + 1});
     CREATE INDEX IF NOT EXISTS import_resources_by_id ON import_resources (id);
     CREATE INDEX IF NOT EXISTS import_resources_by_seq ON import_resources (seq);
     ANALYZE import_resources, import_links, import_tags`,
  );
  await client.query(joinFunctions);
  const staged = await client.query("SELECT DISTINCT model FROM import_resources");
  for (const { model } of staged.rows) await joinRepeated(client, modelNamed(model));
  if (mirror) {
    for (const { model } of staged.rows) await skipOutdatedLists(client, modelNamed(model));
    for (const { model } of staged.rows) await skipListedOnlyThen(client, modelNamed(model));
  }

  const linked = await client.query("SELECT DISTINCT model, columns FROM import_links ORDER BY 1, 2");
  for (const { model, columns } of linked.rows) await applyLinks(client, modelNamed(model), columns.split(","), mirror);
}

/** Merges a later statement into an earlier one: later values win. */
const joinFunctions = `
  CREATE OR REPLACE FUNCTION pg_temp.import_joined(a jsonb, b jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT a || b ${[...new Set([...models.values()].flatMap(mergedColumns))]
      .map((column) => {
        const key = literal(column);
        return `|| CASE WHEN a ? ${key} AND b ? ${key} THEN jsonb_build_object(${key}, (a->${key}) || (b->${key})) ELSE '{}' END`;
      })
      .join(" ")}
  $$;
  CREATE OR REPLACE AGGREGATE pg_temp.import_join(jsonb) (sfunc = pg_temp.import_joined, stype = jsonb, initcond = '{}')`;

async function joinRepeated(client: pg.Client, model: Model): Promise<void> {
  const where = `s.model = ${literal(model.name)}`;
  const repeated = `SELECT s.id FROM import_resources s WHERE ${where} GROUP BY s.id HAVING count(*) > 1`;
  const { rowCount } = await client.query(`${repeated} LIMIT 1`);
  if (rowCount === 0) return;

  for (const [column, at] of [
    ["mode", "/meta/mode"],
    ["type", "/type"],
  ]) {
    await client.query(
      refuse(
        where,
        `SELECT s.seq, ${literal(at!)} AS at, concat('must be ', first.value, ', as in the first statement of this id') AS reason
         FROM import_resources s JOIN (
           SELECT s.id, (array_agg(s.${column} ORDER BY s.seq))[1] AS value
           FROM import_resources s WHERE ${where} GROUP BY s.id HAVING count(DISTINCT s.${column}) > 1
         ) first ON first.id = s.id WHERE ${where} AND s.${column} <> first.value`,
      ),
    );
  }
  // Digests are salted: two of the same password differ.
  const differing = `
    SELECT string_agg(key, ', ' ORDER BY key) FROM jsonb_object_keys(s."row" - 'password_digest') key
    WHERE pg_temp.import_joined(t.joined, s."row")->key <> t.joined->key`;
  await client.query(`
    WITH t AS MATERIALIZED (
      SELECT s.id, max(s.seq) AS last, pg_temp.import_join(s."row" ORDER BY s.time, s.seq) AS joined,
        pg_temp.import_join(coalesce(s.derived, '{}') ORDER BY s.time, s.seq) AS derived
      FROM (
        SELECT s.*, CASE WHEN bool_and(s."row" ? 'updated_at') OVER (PARTITION BY s.id)
          THEN (s."row"->>'updated_at')::timestamptz END AS time
        FROM import_resources s WHERE ${where} AND s.id IN (${repeated})
      ) s GROUP BY s.id
    ), reported AS (
      INSERT INTO import_issues (kind, type, id, file, line, pointer, reason)
      SELECT 'repeated', s.type, s.id, s.file, s.line, s.pointer, concat('is stated again later with a different ', d.keys)
      FROM t JOIN import_resources s ON s.id = t.id CROSS JOIN LATERAL (${differing}) d (keys)
      WHERE ${where} AND d.keys IS NOT NULL ORDER BY s.seq
    ), deleted AS (
      DELETE FROM import_resources s USING t WHERE ${where} AND s.id = t.id AND s.seq < t.last
    )
    UPDATE import_resources s SET "row" = t.joined, derived = t.derived FROM t WHERE ${where} AND s.seq = t.last`);
}

/** Applies the to-many relationships that set one foreign key, such as `customer_id` of orders. */
async function applyLinks(client: pg.Client, model: Model, columns: readonly string[], mirror: boolean): Promise<void> {
  const where = `s.model = ${literal(model.name)}`;
  const links = `l.model = ${literal(model.name)} AND l.columns = ${literal(columns.join())}`;
  const isListed = "s.id = l.id AND s.type = l.type AND s.mode = l.mode";
  const statesKey = `s."row" ?| ARRAY[${columns.map(literal).join()}]`;
  const column = Object.values(model.columns).find(({ column }) => column === columns[0])!;
  const at = literal(pointerOf(model, column));
  const listedBy = "concat(l.by_type, ' ', l.by_id)";

  // Two resources list it.
  const conflicts = `
    SELECT l.type, l.id, l.mode, min(${listedBy}) AS first, max(${listedBy}) AS second
    FROM import_links l WHERE ${links} GROUP BY l.type, l.id, l.mode HAVING count(DISTINCT l.value) > 1`;
  await client.query(
    refuse(
      where,
      `SELECT s.seq, ${at} AS at, concat('must be unambiguous: ', l.first, ' and ', l.second, ' both list it') AS reason
       FROM (${conflicts}) l JOIN import_resources s ON ${isListed} WHERE ${where}`,
    ),
  );

  // Its own relationship names another resource.
  await client.query(
    refuse(
      where,
      `SELECT DISTINCT ON (s.seq) s.seq, ${at} AS at, concat('contradicts ', ${listedBy}, ', which lists it at ', l.pointer) AS reason
       FROM import_links l JOIN import_resources s ON ${isListed}
       WHERE ${links} AND ${where} AND ${statesKey} AND NOT s."row" @> l.value ORDER BY s.seq`,
    ),
  );

  // It has no relationship of its own.
  await client.query(
    `UPDATE import_resources s SET "row" = s."row" || l.value FROM import_links l
     WHERE ${links} AND ${where} AND ${isListed} AND NOT ${statesKey}`,
  );
  await client.query(`DELETE FROM import_links l USING import_resources s WHERE ${links} AND ${where} AND ${isListed}`);

  // It was rejected, which is already reported.
  await client.query(
    `DELETE FROM import_links l USING import_refused r WHERE ${links} AND r.type = l.type AND r.id = l.id`,
  );

  // It is not in the files: look in the database.
  const table = identifier(model.table);
  const typeColumn = typeColumnOf(model)?.column;
  const inDatabase = `t.id = l.id AND t.mode = l.mode ${typeColumn ? `AND t.${identifier(typeColumn)}::text = l.type` : ""}`;
  await client.query(
    dropLinks(
      `SELECT l.ctid, concat(l.type, ' ', l.id, ' does not exist') AS reason FROM import_links l
       WHERE ${links} AND NOT EXISTS (SELECT FROM ${table} t WHERE ${inDatabase})`,
    ),
  );
  await client.query(
    dropLinks(
      `SELECT l.ctid, concat(CASE WHEN ${listedBy} = d.first THEN d.second ELSE d.first END, ' lists ', l.type, ' ', l.id, ' too') AS reason
       FROM import_links l JOIN (${conflicts}) d USING (type, id, mode) WHERE ${links}`,
    ),
  );
  const { rowCount } = await client.query(`SELECT FROM import_links l WHERE ${links} LIMIT 1`);
  if (rowCount === 0) return;
  await createPartition(client, model.name);
  // In a mirror the time stays: what the row's own document says next counts.
  const keptTime = mirror && model.columns.updatedAt ? "|| jsonb_build_object('updated_at', t.updated_at)" : "";
  await client.query(
    `INSERT INTO import_resources (seq, model, type, id, mode, file, line, pointer, listed, "row")
     SELECT nextval('import_seq'), l.* FROM (
       SELECT DISTINCT ON (l.id) l.model, l.type, l.id, l.mode, l.file, l.line, l.pointer, true, l.value ${keptTime}
       FROM import_links l JOIN ${table} t ON ${inDatabase} WHERE ${links} AND NOT to_jsonb(t) @> l.value
     ) l`,
  );
}

/** SQL that deletes and reports invalid list entries; `faults` is a query of their `ctid` and `reason`. */
function dropLinks(faults: string): string {
  return `
    WITH faults AS MATERIALIZED (${faults}),
    deleted AS (DELETE FROM import_links l USING faults f WHERE l.ctid = f.ctid RETURNING l.*, f.reason)
    INSERT INTO import_issues (kind, type, id, file, line, pointer, reason)
    SELECT 'dangling', by_type, by_id, file, line, pointer, reason FROM deleted ORDER BY file, line`;
}

/** Skips resources that are older than their rows before their lists are applied. */
async function skipOutdatedLists(client: pg.Client, model: Model): Promise<void> {
  if (!model.columns.updatedAt) return;
  const where = `s.model = ${literal(model.name)}`;
  await client.query(outdatedSql(model, where));
  const isSkipped = (owner: string) => `NOT EXISTS (SELECT FROM import_resources s WHERE ${where} AND s.id = ${owner})`;
  const types = typesOf(model).map(literal).join();
  await client.query(`DELETE FROM import_links l WHERE l.by_type IN (${types}) AND ${isSkipped("l.by_id")}`);
  await client.query(
    `UPDATE import_lists i SET outdated = true WHERE i.model = ${literal(model.name)} AND ${isSkipped("i.owner")}`,
  );
}

/** Skips new resources that only an outdated list has: they are gone by now. */
async function skipListedOnlyThen(client: pg.Client, model: Model): Promise<void> {
  const where = `s.model = ${literal(model.name)}`;
  const listed = (condition: string) => `EXISTS (
    SELECT FROM import_lists i WHERE i.listed = ${literal(model.name)} AND ${condition} AND i.mode = s.mode AND i.ids ? s.id)`;
  await client.query(
    skipOutdated(
      where,
      `SELECT s.seq, '' AS at, 'belongs to a resource that was updated later without it' AS reason FROM import_resources s
       WHERE ${where} AND ${listed("i.outdated")} AND NOT ${listed("NOT i.outdated")}
         AND NOT EXISTS (SELECT FROM ${identifier(model.table)} t WHERE t.id = s.id)`,
    ),
  );
}
