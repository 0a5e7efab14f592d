import type pg from "pg";
import { aboutOf, type Model, models, typeColumnOf } from "../graph/model/datamodel.js";
import { referencesOf } from "./order.js";
import { knownTypes } from "./resource.js";
import { asMirror, lockErasures } from "./session.js";
import { identifier } from "./sql.js";

/** `held`: other rows need it and would mean something else without it, such as the private markets of a group. */
export type Removal = "removed" | "absent" | "held";

/** References that are never cleared: a market without its group would be open to everybody. */
const neverCleared = new Set(["markets.customer_group_id"]);

/**
 * Deletes a row that is gone from the API that this database is a copy of, with the rows that cannot be without it and its
 * attachments. Other rows lose their reference to it.
 */
export async function removeMirrored(client: pg.Client, type: string, id: string): Promise<Removal> {
  const model = knownTypes.get(type)?.model;
  if (!model) return "absent";
  return asMirror(client, async () => {
    await lockErasures(client);
    await client.query("BEGIN");
    const column = typeColumnOf(model)?.column;
    const { rowCount } = await client.query(
      `SELECT FROM ${identifier(model.table)} WHERE id = $1 ${column ? `AND ${identifier(column)}::text = $2` : ""} FOR UPDATE`,
      column ? [id, type] : [id],
    );
    if (!rowCount) return "absent";
    try {
      await remove(client, model, [id]);
      await client.query("COMMIT");
      return "removed";
    } catch (error) {
      // A foreign key; RESTRICT has a code of its own since PostgreSQL 18.
      if (["23503", "23001"].includes((error as pg.DatabaseError).code ?? "")) return "held";
      throw error;
    }
  });
}

async function remove(client: pg.Client, model: Model, ids: readonly string[]): Promise<void> {
  for (const other of models.values()) {
    const table = identifier(other.table);
    const about = aboutOf(other);
    if (about && other.cascade) {
      const [typeColumn, idColumn] = [about.typeColumn, about.idColumn].map(({ column }) => identifier(column));
      const where = `${typeColumn} = $2 AND ${idColumn} = ANY ($1)`;
      await removeRows(
        client,
        other,
        (await client.query(`SELECT id FROM ${table} WHERE ${where}`, [ids, model.table])).rows,
      );
    }
    for (const { column, target } of referencesOf(other)) {
      if (target !== model || neverCleared.has(`${other.table}.${column.column}`)) continue;
      const key = identifier(column.column);
      const { rows } = await client.query(`SELECT id, updated_at FROM ${table} WHERE ${key} = ANY ($1) ORDER BY id`, [
        ids,
      ]);
      if (column.nullable) await clear(client, table, key, rows);
      else await removeRows(client, other, rows);
    }
  }
  await client.query(`DELETE FROM ${identifier(model.table)} WHERE id = ANY ($1)`, [ids]);
}

async function removeRows(client: pg.Client, model: Model, rows: readonly { id: string }[]): Promise<void> {
  if (rows.length > 0)
    await remove(
      client,
      model,
      rows.map(({ id }) => id),
    );
}

/** Clears a reference. Times stay: what the rows say next counts, however old the change is there. */
async function clear(
  client: pg.Client,
  table: string,
  key: string,
  rows: readonly { id: string; updated_at: Date }[],
): Promise<void> {
  if (rows.length === 0) return;
  const ids = rows.map(({ id }) => id);
  await client.query(`UPDATE ${table} SET ${key} = NULL WHERE id = ANY ($1)`, [ids]);
  await client.query(
    `UPDATE ${table} t SET updated_at = o.updated_at FROM unnest($1::text[], $2::timestamptz[]) o (id, updated_at) WHERE t.id = o.id`,
    [ids, rows.map(({ updated_at }) => updated_at)],
  );
}
