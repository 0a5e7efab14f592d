import { modelNamed } from "../../platform/database/datamodel.js";
import { newId } from "../../platform/database/ids.js";
import type { Write } from "../../platform/write/write.js";

/** What a copy has of its own. */
const own = ["id", "mode", "version", "created_at", "updated_at"];
const copied = Object.values(modelNamed("Address").columns)
  .filter(({ column, derived }) => !derived && !own.includes(column))
  .map(({ column }) => `"${column}"`)
  .join(", ");

/**
 * Copies an address, for an order or a return: it stays as it is when the original changes or goes. Whether the caller
 * may see the original is checked before.
 */
export async function copyAddress({ query }: Write, id: string): Promise<{ id: string; countryCode: string }> {
  const copy = newId("Address");
  const [[countryCode]] = (await query(
    `INSERT INTO addresses ("id", "mode", ${copied}) SELECT $1, "mode", ${copied} FROM addresses WHERE "id" = $2
     RETURNING "country_code"`,
    [copy, id],
  )) as [[string]];
  return { id: copy, countryCode };
}
