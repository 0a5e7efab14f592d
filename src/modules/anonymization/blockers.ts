import type { Query } from "../../database/client.js";
import { reach } from "../../erasure/reach.js";
import { type Permission, toRead } from "../../graph/access/permission.js";
import { type ModelName, modelNamed } from "../../graph/model/datamodel.js";

/** What speaks against erasing a customer's data now. */
export interface Blocker {
  kind: "LEGAL_HOLD" | "UNFINISHED_ORDERS" | "OPEN_RETURNS" | "ACTIVE_SUBSCRIPTIONS";
  message: string;
  /** The numbers of the orders, returns or subscriptions, at most ten. */
  numbers: string[];
  count: number;
}

const cases: {
  kind: Exclude<Blocker["kind"], "LEGAL_HOLD">;
  model: ModelName;
  where: string;
  words: (count: number) => string;
}[] = [
  {
    kind: "UNFINISHED_ORDERS",
    model: "Order",
    where: `status IN ('placing', 'placed', 'editing') OR (status = 'approved' AND fulfillment_status IN ('unfulfilled', 'in_progress'))`,
    words: (count) => `Orders not delivered yet, which need the address: ${count}.`,
  },
  {
    kind: "OPEN_RETURNS",
    model: "Return",
    where: `status IN ('requested', 'approved', 'shipped', 'received')`,
    words: (count) => `Returns under way, which need the address: ${count}.`,
  },
  {
    kind: "ACTIVE_SUBSCRIPTIONS",
    model: "OrderSubscription",
    where: `status IN ('active', 'running', 'pending')`,
    words: (count) => `Recurring orders that the erasure will cancel: ${count}.`,
  },
];

/** What the numbers of a kind need to be shown; a legal hold has none. */
export const accessOfNumbers: Partial<Record<Blocker["kind"], Permission>> = Object.fromEntries(
  cases.map(({ kind, model }) => [kind, toRead(model)]),
);

/** What speaks against erasing a customer's data now: rules of the shop, read in the caller's transaction. */
export async function blockersOf(query: Query, customerId: string): Promise<Blocker[]> {
  const blockers: Blocker[] = [];
  const [hold] = await query("SELECT 1 FROM customers WHERE id = $1 AND legal_hold_at IS NOT NULL", [customerId]);
  if (hold) {
    blockers.push({
      kind: "LEGAL_HOLD",
      message: "A legal hold keeps the data; lift it first.",
      numbers: [],
      count: 1,
    });
  }
  for (const { kind, model, where, words } of cases) {
    const [[count, numbers]] = (await query(
      `SELECT count(*)::int, coalesce((array_agg(number ORDER BY number))[1:10], '{}') FROM "${modelNamed(model).table}" t
       WHERE (${where}) AND ${reach[model]}`,
      [customerId],
    )) as [[number, string[]]];
    if (!count) continue;
    blockers.push({ kind, message: words(count), numbers, count });
  }
  return blockers;
}
