import { modelNamed } from "../../graph/model/datamodel.js";
import { newId } from "../../graph/model/ids.js";
import type { Write } from "../../graph/write/transaction.js";

/** What a copy has of its own. */
const own = ["id", "mode", "version", "created_at", "updated_at"];
/** What the shop notes about an address, for itself. */
const internal = ["notes", "billing_info", "metadata", "reference", "reference_origin"];
const columnsBut = (others: readonly string[]) =>
  Object.values(modelNamed("Address").columns)
    .filter(({ column, derived }) => !derived && !others.includes(column))
    .map(({ column }) => `"${column}"`)
    .join(", ");
/** The columns that a copy of an address takes, as SQL: all, or what is on a parcel. */
export const copiedColumns = { whole: columnsBut(own), publicly: columnsBut([...own, ...internal]) };

/**
 * Copies an address, for an order or a return: it stays as it is when the original changes or goes. Whether the caller
 * may see the original is checked before; of an address of the shop that the customer will see, \`publicly\` copies what
 * is on the parcel.
 */
export async function copyAddress(
  { query }: Write,
  id: string,
  how: keyof typeof copiedColumns = "whole",
): Promise<{ id: string; countryCode: string }> {
  const copy = newId("Address");
  const columns = copiedColumns[how];
  const [[countryCode]] = (await query(
    `INSERT INTO addresses ("id", "mode", ${columns}) SELECT $1, "mode", ${columns} FROM addresses WHERE "id" = $2
     RETURNING "country_code"`,
    [copy, id],
  )) as [[string]];
  return { id: copy, countryCode };
}
