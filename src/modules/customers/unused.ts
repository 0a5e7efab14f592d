import type { Write } from "../../platform/write/write.js";

/**
 * What hangs on an address or a payment source beside address books and wallets is the business of orders and returns:
 * the row stays as long as one of them, or somebody else's book or wallet, has it. Each row is locked before the look, so
 * that nobody can begin to use it in between: a foreign key to it would have to wait.
 */
const uses = {
  addresses: [
    ["customer_addresses", "address_id"],
    ["orders", "shipping_address_id"],
    ["orders", "billing_address_id"],
    ["returns", "origin_address_id"],
    ["returns", "destination_address_id"],
    ["stock_locations", "address_id"],
  ],
  payment_sources: [
    ["customer_payment_sources", "payment_source_id"],
    ["orders", "payment_source_id"],
  ],
} as const;

/** Deletes those of these addresses or payment sources that nothing uses any more; gives their ids. */
export async function deleteUnused(
  { query }: Write,
  table: keyof typeof uses,
  ids: readonly (string | null)[],
): Promise<string[]> {
  await query(`SELECT FROM ${table} WHERE id = ANY ($1::text[]) ORDER BY id FOR UPDATE`, [ids]);
  const unused = uses[table].map(([user, column]) => `NOT EXISTS (SELECT FROM ${user} u WHERE u.${column} = t.id)`);
  // A payment source that was made for an order stays with it.
  if (table === "payment_sources") unused.push("t.order_id IS NULL");
  const gone = await query(
    `DELETE FROM ${table} t WHERE id = ANY ($1::text[]) AND ${unused.join(" AND ")} RETURNING id`,
    [ids],
  );
  return (gone as [string][]).map(([id]) => id);
}
