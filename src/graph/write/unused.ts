import { columnOf, type ModelName, modelNamed } from "../model/datamodel.js";
import { deleteAbout, type Write } from "./transaction.js";

/**
 * Deletes those of these rows that no foreign key refers to and that have none themselves, with the rows about them, and
 * returns their ids. Rows are locked before the check: a foreign key added meanwhile waits, and then fails.
 */
export async function deleteUnused({ query }: Write, model: ModelName, given: readonly unknown[]): Promise<string[]> {
  const ids = given.filter((id) => typeof id === "string");
  if (!ids.length) return [];
  const target = modelNamed(model);
  const unused = Object.values(target.relations)
    .filter(({ key, where }) => key && !where)
    .map(({ to, many, key }) => {
      if (!many) return `t."${columnOf(target, key!).column}" IS NULL`;
      const user = modelNamed(to);
      return `NOT EXISTS (SELECT FROM "${user.table}" u WHERE u."${columnOf(user, key!).column}" = t."id")`;
    });
  const these = `"id" = ANY ($1::text[])`;
  await query(`SELECT FROM "${target.table}" WHERE ${these} ORDER BY "id" FOR UPDATE`, [ids]);
  const gone = await query(
    `DELETE FROM "${target.table}" t WHERE ${these} AND ${unused.join(" AND ")} RETURNING "id"`,
    [ids],
  );
  const found = (gone as [string][]).map(([id]) => id);
  if (found.length) await deleteAbout(query, model, found);
  return found;
}
