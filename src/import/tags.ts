import type pg from "pg";
import { type Model, modelNamed } from "../graph/model/datamodel.js";
import { maximumTags } from "../modules/tags/tag-rules.js";
import { whyMissing } from "./issues.js";
import { hasTrail, isCreated, unaudited } from "./merge.js";
import { identifier, literal } from "./sql.js";

/** Merges the tags of resources into the join tables, after resources and tags. */
export async function mergeTags(client: pg.Client): Promise<void> {
  const { rows } = await client.query("SELECT DISTINCT model FROM import_tags ORDER BY 1");
  for (const { model } of rows) await mergeTagsOf(client, modelNamed(model));
}

async function mergeTagsOf(client: pg.Client, model: Model): Promise<void> {
  const { table, from, to } = model.relations.tags!.through!;
  const join = identifier(table);
  const owner = identifier(from);
  const tag = identifier(to);
  const ofModel = `i.model = ${literal(model.name)}`;

  // Drops tags of rejected resources.
  const staged = (model: string, id: string) =>
    `EXISTS (SELECT FROM import_resources s WHERE s.model = ${model} AND s.id = ${id} AND s.mode = i.mode)`;
  await client.query(
    `DELETE FROM import_tags i WHERE ${ofModel}
       AND NOT CASE WHEN i.what = 'also' THEN ${staged("'Tag'", "i.tag")} ELSE ${staged(literal(model.name), "i.owner")} END`,
  );
  // A later list of all tags replaces an earlier one.
  await client.query(
    `DELETE FROM import_tags i USING (
       SELECT i.owner, max(i.seq) AS last FROM import_tags i WHERE ${ofModel} AND i.what = 'all' GROUP BY i.owner
     ) stated
     WHERE ${ofModel} AND i.what IN ('all', 'tag') AND i.owner = stated.owner AND i.seq < stated.last`,
  );
  await client.query(
    dropTags(
      `SELECT i.ctid, ${whyMissing("'tags'", "i.tag")} AS reason FROM import_tags i
       WHERE ${ofModel} AND i.what = 'tag' AND NOT EXISTS (SELECT FROM tags t WHERE t.id = i.tag AND t.mode = i.mode)
       UNION ALL
       SELECT i.ctid, concat('there is no tag named ', i.tag) FROM import_tags i
       WHERE ${ofModel} AND i.what = 'add' AND NOT EXISTS (SELECT FROM tags t WHERE t.name = i.tag AND t.mode = i.mode)
       UNION ALL
       SELECT i.ctid, ${whyMissing(literal(model.table), "i.owner")} FROM import_tags i
       WHERE ${ofModel} AND i.what = 'also' AND NOT EXISTS (SELECT FROM ${identifier(model.table)} t WHERE t.id = i.owner AND t.mode = i.mode)`,
    ),
  );
  // Applies additions before removals.
  await client.query(
    `CREATE TEMP TABLE import_wanted AS
     SELECT j.${owner} AS owner, j.${tag} AS tag FROM ${join} j
     WHERE j.${owner} IN (SELECT i.owner FROM import_tags i WHERE ${ofModel})
       AND j.${owner} NOT IN (SELECT i.owner FROM import_tags i WHERE ${ofModel} AND i.what = 'all')
     UNION SELECT i.owner, i.tag FROM import_tags i WHERE ${ofModel} AND i.what IN ('tag', 'also')
     UNION SELECT i.owner, t.id FROM import_tags i JOIN tags t ON t.name = i.tag AND t.mode = i.mode WHERE ${ofModel} AND i.what = 'add'
     EXCEPT SELECT i.owner, t.id FROM import_tags i JOIN tags t ON t.name = i.tag AND t.mode = i.mode WHERE ${ofModel} AND i.what = 'remove'`,
  );
  await client.query(
    dropTags(
      `SELECT i.ctid, concat('would make ', w.count, ' tags: at most ${maximumTags} are allowed, so they stay unchanged') AS reason
       FROM import_tags i JOIN (SELECT owner, count(*) FROM import_wanted GROUP BY owner) w ON w.owner = i.owner
       WHERE ${ofModel} AND w.count > ${maximumTags}`,
    ),
  );
  const write = (only: string) =>
    client.query(
      `WITH owners AS MATERIALIZED (SELECT DISTINCT i.owner FROM import_tags i WHERE ${ofModel} AND ${only}),
     removed AS (
       DELETE FROM ${join} j USING owners o
       WHERE j.${owner} = o.owner AND NOT EXISTS (SELECT FROM import_wanted w WHERE w.owner = o.owner AND w.tag = j.${tag})
       RETURNING j.${owner} AS owner
     ), added AS (
       INSERT INTO ${join} (${owner}, ${tag}) SELECT w.owner, w.tag FROM import_wanted w JOIN owners o ON o.owner = w.owner
       ON CONFLICT DO NOTHING RETURNING ${owner} AS owner
     )
     INSERT INTO import_changed (seq, created)
     SELECT s.seq, false FROM import_resources s
     WHERE s.model = ${literal(model.name)} AND s.id IN (SELECT owner FROM removed UNION SELECT owner FROM added)
     ON CONFLICT DO NOTHING`,
    );
  // New resources that come with their audit trail already have these entries.
  const resource = `SELECT FROM import_resources s WHERE s.model = ${literal(model.name)} AND s.id = i.owner`;
  await unaudited(client, () => write(`EXISTS (${resource} AND ${hasTrail(model)} AND ${isCreated})`));
  await write("true");
  await client.query("DROP TABLE import_wanted");
}

/** SQL that deletes and reports invalid statements about tags; `faults` is a query of their `ctid` and `reason`. */
function dropTags(faults: string): string {
  return `
    WITH faults AS MATERIALIZED (${faults}),
    deleted AS (DELETE FROM import_tags i USING faults f WHERE i.ctid = f.ctid RETURNING i.*, f.reason)
    INSERT INTO import_issues (kind, type, id, file, line, pointer, reason)
    SELECT DISTINCT ON (seq, reason) 'dangling', by_type, by_id, file, line, pointer, reason FROM deleted ORDER BY seq, reason`;
}
