import type { Write } from "../../graph/write/transaction.js";

const sequences = { orders: "order_numbers", order_subscriptions: "order_subscription_numbers" };

/** The next free number of orders or recurring orders; imported rows may have used any. */
export async function nextNumber({ query, viewer }: Write, table: keyof typeof sequences): Promise<string> {
  // One step usually suffices; imported numbers are skipped in growing steps.
  for (let count = 1; ; count *= 10) {
    const [free] = await query(
      `SELECT n.number FROM (SELECT nextval('${sequences[table]}')::text AS number FROM generate_series(1, $2)) n
       WHERE NOT EXISTS (SELECT FROM ${table} t WHERE t.mode = $1::"mode" AND t.number = n.number) LIMIT 1`,
      [viewer.mode, count],
    );
    if (free) return free[0] as string;
  }
}
