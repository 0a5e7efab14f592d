import type { RowOf, ValuesOf } from "../../graph/model/datamodel.js";
import { StateMachine } from "../../graph/write/state-machine.js";
import type { Write } from "../../graph/write/transaction.js";
import { OrderSubscription, OrderSubscriptionStateError } from "./order-subscription.type.js";

/** State machine of a recurring order. */
export const orderSubscriptionStateMachine = new StateMachine(OrderSubscription, {
  shop: "orders:manage",
  access: "order_subscriptions:update",
  error: OrderSubscriptionStateError,
  moves: {
    activate: {
      description: "Activates a recurring order, so that it runs on schedule.",
      from: ["draft", "pending", "inactive"],
      to: "active",
      done: "activated",
      example: "osu_bruno_coffee",
      before: refuseEnded,
    },
    deactivate: {
      description: "Deactivates a recurring order until it is activated again.",
      from: ["active"],
      to: "inactive",
      done: "deactivated",
      example: "osu_ada_coffee",
    },
    cancel: {
      description: "Cancels a recurring order for good. A run in progress is not stopped.",
      from: ["draft", "pending", "inactive", "active", "running"],
      to: "cancelled",
      done: "cancelled",
      example: "osu_ada_coffee",
    },
  },
});

async function refuseEnded(write: Write, row: RowOf<"OrderSubscription">): Promise<ValuesOf<"OrderSubscription">> {
  const { status, expiresAt } = row;
  if (expiresAt && expiresAt <= write.now()) {
    const message = `It ended at ${expiresAt.toISOString()}; set a later \`expiresAt\` first, or null.`;
    orderSubscriptionStateMachine.abort(write, { status }, message);
  }
  return {};
}
