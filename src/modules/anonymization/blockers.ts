import type { Query } from "../../database/client.js";
import { customerRows } from "../../erasure/customer-rows.js";
import { permits } from "../../graph/access/guard.js";
import { type Permission, toRead } from "../../graph/access/permission.js";
import type { Viewer } from "../../graph/access/viewer.js";
import { type ModelName, modelNamed } from "../../graph/model/datamodel.js";

/** A reason against erasing a customer's data now. */
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
  words: string;
}[] = [
  {
    kind: "UNFINISHED_ORDERS",
    model: "Order",
    where: `status IN ('placing', 'placed', 'editing') OR (status = 'approved' AND fulfillment_status IN ('unfulfilled', 'in_progress'))`,
    words: "Orders not delivered yet, which need the address",
  },
  {
    kind: "OPEN_RETURNS",
    model: "Return",
    where: `status IN ('requested', 'approved', 'shipped', 'received')`,
    words: "Returns under way, which need the address",
  },
  {
    kind: "ACTIVE_SUBSCRIPTIONS",
    model: "OrderSubscription",
    where: `status IN ('active', 'running', 'pending')`,
    words: "Recurring orders that the erasure will cancel",
  },
];

/** Permissions that reveal the count and numbers of each kind of blocker; a legal hold has neither. */
export const accessOfBlockers: Partial<Record<Blocker["kind"], Permission>> = Object.fromEntries(
  cases.map(({ kind, model }) => [kind, toRead(model)]),
);

/**
 * The blockers of an erasure by the shop's rules, read in the caller's transaction; counts are only shown to callers
 * who may read the rows.
 */
export async function blockersOf(query: Query, viewer: Viewer, customerId: string): Promise<Blocker[]> {
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
       WHERE (${where}) AND ${customerRows[model]}`,
      [customerId],
    )) as [[number, string[]]];
    if (!count) continue;
    const message = permits(viewer, [toRead(model)]) ? `${words}: ${count}.` : `${words}.`;
    blockers.push({ kind, message, numbers, count });
  }
  return blockers;
}
