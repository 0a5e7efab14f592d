import { modelNamed } from "../../graph/model/datamodel.js";
import { newId } from "../../graph/model/ids.js";
import type { Write } from "../../graph/write/transaction.js";

/** The columns a copy does not take from the original. */
const own = ["id", "mode", "version", "created_at", "updated_at"];
/** Internal columns of an address, for the shop's staff only. */
const internal = ["notes", "billing_info", "metadata", "reference", "reference_origin"];
const columnsBut = (others: readonly string[]) =>
  Object.values(modelNamed("Address").columns)
    .filter(({ column, derived }) => !derived && !others.includes(column))
    .map(({ column }) => `"${column}"`)
    .join(", ");
/** SQL list of the columns that a copy takes: all of them, or only those printed on a parcel. */
export const copiedColumns = { whole: columnsBut(own), publicly: columnsBut([...own, ...internal]) };

/**
 * Copies an address for an order or a return, so that it survives changes to the original. The caller checks that the
 * original is visible; `publicly` leaves out the shop's internal columns.
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
