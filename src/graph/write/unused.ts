import { columnOf, type ModelName, modelNamed } from "../model/datamodel.js";
import { deleteAbout, type Write } from "./transaction.js";

/**
 * Deletes those of these rows that have no foreign keys and that none refers to, with the rows about them, and returns
 * their ids. Rows are locked before the check: a reference added meanwhile waits, and then fails.
 */
export async function deleteUnused({ query }: Write, model: ModelName, given: readonly unknown[]): Promise<string[]> {
  const ids = given.filter((id) => typeof id === "string");
  if (!ids.length) return [];
  const target = modelNamed(model);
  const unused = Object.values(target.relations)
    .filter(({ key, where }) => key && !where)
    .map(({ to, many, key }) => {
      if (!many) return `t."${columnOf(target, key!).column}" IS NULL`;
      const referrer = modelNamed(to);
      return `NOT EXISTS (SELECT FROM "${referrer.table}" u WHERE u."${columnOf(referrer, key!).column}" = t."id")`;
    });
  const byIds = `"id" = ANY ($1::text[])`;
  await query(`SELECT FROM "${target.table}" WHERE ${byIds} ORDER BY "id" FOR UPDATE`, [ids]);
  const deleted = await query(
    `DELETE FROM "${target.table}" t WHERE ${byIds} AND ${unused.join(" AND ")} RETURNING "id"`,
    [ids],
  );
  const deletedIds = (deleted as [string][]).map(([id]) => id);
  if (deletedIds.length) await deleteAbout(query, model, deletedIds);
  return deletedIds;
}
