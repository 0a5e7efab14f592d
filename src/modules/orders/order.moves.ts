import { permits } from "../../graph/access/guard.js";
import type { EnumValue, RowOf, ValuesOf } from "../../graph/model/datamodel.js";
import { StateMachine } from "../../graph/write/state-machine.js";
import type { Write } from "../../graph/write/transaction.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { Order, OrderStateError } from "./order.type.js";

/** State machine of an order. */
export const orderStateMachine = new StateMachine(Order, {
  shop: "orders:manage",
  access: "orders:update",
  error: OrderStateError,
  moves: {
    place: {
      description:
        "Places an order. It needs a customer, and lines that all have a price. From then on it counts in the customer's `totalOrdersCount` and `status`.",
      from: ["draft", "pending"],
      to: "placed",
      done: "placed",
      notes: "placedAt",
      example: "ord_1027",
      before: place,
    },
    approve: {
      description: "Approves a placed order.",
      from: ["placed"],
      to: "approved",
      done: "approved",
      notes: "approvedAt",
      byShop: true,
      example: "ord_1024",
    },
    cancel: {
      description:
        "Cancels an order. An authorized payment is voided; a paid order must be refunded first. A placed order still counts in the customer's `totalOrdersCount`.",
      from: ["draft", "pending", "placed", "approved"],
      to: "cancelled",
      done: "cancelled",
      notes: "cancelledAt",
      byShop: ["placed", "approved"],
      example: "ord_1024",
      before: cancel,
    },
    archive: {
      description: "Archives an order. Nothing else changes.",
      from: ["placed", "approved", "cancelled"],
      done: "archived",
      notes: "archivedAt",
      byShop: true,
      example: "ord_1006",
    },
    unarchive: {
      description: "Unarchives an order.",
      from: ["placed", "approved", "cancelled"],
      done: "unarchived",
      takesBack: "archivedAt",
      byShop: true,
      example: "ord_1001",
    },
  },
});

interface LineFacts {
  lines: number;
  unpriced: string[];
  shipped: boolean;
  disabled: boolean;
  orders: number | null;
}

/** domain rule: the effects of placing an order; triggers update the customer's counters in the same transaction. */
async function place(write: Write, row: RowOf<"Order">): Promise<ValuesOf<"Order">> {
  const [[facts]] = (await write.query(
    `SELECT json_build_object(
       'lines', count(l.id),
       'unpriced', coalesce(json_agg(coalesce(l.sku_code, l.bundle_code)) FILTER
         (WHERE l.item_type IN ('skus', 'bundles') AND l.unit_amount_cents IS NULL AND l.total_amount_cents = 0), '[]'),
       'shipped', coalesce(bool_or(l.item_type <> 'skus' OR s.do_not_ship IS DISTINCT FROM true)
         FILTER (WHERE l.item_type IN ('skus', 'bundles')), false),
       'disabled', (SELECT m.disabled_at IS NOT NULL FROM markets m WHERE m.id = $2),
       'orders', (SELECT c.total_orders_count FROM customers c WHERE c.id = $3))
     FROM line_items l LEFT JOIN skus s ON s.id = l.sku_id WHERE l.order_id = $1`,
    [row.id, row.marketId, row.customerId],
  )) as [[LineFacts]];
  const missing = (message: string) => write.addError(UserErrorCode.WRONG_STATE, ["id"], message);
  if (facts.orders === null) missing("The order has no customer; set its `customerEmail` first.");
  if (!facts.lines) missing("The order has no lines; there is nothing to place.");
  if (facts.unpriced.length) {
    const lines = permits(write.viewer, ["line_items:read"]) ? facts.unpriced.join(", ") : "all lines";
    missing(`The shop has not set the price of ${lines} yet.`);
  }
  if (facts.disabled) missing("The order's market is disabled; nothing can be bought there now.");
  const total = row.totalAmountWithTaxesCents;
  return {
    customerType: facts.orders ? "returning" : "new",
    placeTotalAmountCents: total,
    ...(facts.shipped ? {} : { fulfillmentStatus: "not_required", fulfillmentUpdatedAt: write.now() }),
    ...(row.paymentStatus === "unpaid" && paid(write, total === 0 ? "free" : row.paymentSourceId ? "authorized" : "")),
  };
}

const given = ["authorized", "partially_authorized"];
const kept = ["paid", "partially_paid", "partially_refunded"];

async function cancel(write: Write, row: RowOf<"Order">): Promise<ValuesOf<"Order">> {
  const status = row.paymentStatus;
  if (kept.includes(status)) {
    const message = `The order is ${status.replace("_", " ")}; it can be cancelled once everything has been refunded.`;
    write.addError(UserErrorCode.WRONG_STATE, ["id"], message);
  }
  return paid(write, given.includes(status) ? "voided" : "");
}

/** The new payment status, if it changes. */
const paid = (write: Write, paymentStatus: EnumValue<"OrderPaymentStatus"> | ""): ValuesOf<"Order"> =>
  paymentStatus ? { paymentStatus, paymentUpdatedAt: write.now() } : {};
