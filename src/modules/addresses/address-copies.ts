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

/** Deletes addresses that nothing leads to any more: nobody's personal data is left behind. */
export async function releaseAddresses({ query }: Write, ids: readonly unknown[]): Promise<void> {
  const given = ids.filter((id) => typeof id === "string");
  if (!given.length) return;
  await query(
    `DELETE FROM addresses a WHERE a.id = ANY ($1::text[])
       AND NOT EXISTS (SELECT FROM customer_addresses l WHERE l.address_id = a.id)
       AND NOT EXISTS (SELECT FROM orders o WHERE o.shipping_address_id = a.id)
       AND NOT EXISTS (SELECT FROM orders o WHERE o.billing_address_id = a.id)
       AND NOT EXISTS (SELECT FROM returns r WHERE r.origin_address_id = a.id)
       AND NOT EXISTS (SELECT FROM returns r WHERE r.destination_address_id = a.id)
       AND NOT EXISTS (SELECT FROM stock_locations s WHERE s.address_id = a.id)`,
    [given],
  );
}
