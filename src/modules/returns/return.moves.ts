import type { RowOf, ValuesOf } from "../../graph/model/datamodel.js";
import { StateMachine } from "../../graph/write/state-machine.js";
import type { Write } from "../../graph/write/transaction.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { Return, ReturnStateError } from "./return.type.js";

/** State machine of a return. */
export const returnStateMachine = new StateMachine(Return, {
  shop: "returns:manage",
  access: "returns:update",
  error: ReturnStateError,
  moves: {
    request: {
      description: "Requests a return of goods. It needs at least one line.",
      from: ["draft"],
      to: "requested",
      done: "requested",
      example: "ret_1016_1",
      before: request,
    },
    approve: {
      description: "Approves a return, so that the customer may send the goods.",
      from: ["requested"],
      to: "approved",
      done: "approved",
      notes: "approvedAt",
      byShop: true,
      example: "ret_1015_1",
    },
    reject: {
      description: "Rejects a requested return.",
      from: ["requested"],
      to: "rejected",
      done: "rejected",
      notes: "rejectedAt",
      byShop: true,
      example: "ret_1015_1",
    },
    cancel: {
      description: "Cancels a return. Allowed until the goods are shipped.",
      from: ["draft", "requested", "approved"],
      to: "cancelled",
      done: "cancelled",
      notes: "cancelledAt",
      byShop: ["approved"],
      example: "ret_1015_1",
    },
    ship: {
      description: "Marks a return as shipped to the shop.",
      from: ["approved"],
      to: "shipped",
      done: "shipped",
      notes: "shippedAt",
      byShop: true,
      example: "ret_1010_1",
    },
    receive: {
      description: "Marks a return as received by the shop.",
      from: ["shipped"],
      to: "received",
      done: "received",
      notes: "receivedAt",
      byShop: true,
      example: "ret_1012_1",
    },
    refund: {
      description: "Marks a return as refunded. The payment itself is made elsewhere.",
      from: ["received"],
      to: "refunded",
      done: "refunded",
      notes: "refundedAt",
      byShop: true,
      example: "ret_1013_1",
    },
    archive: {
      description: "Archives a finished return. Nothing else changes.",
      from: ["cancelled", "rejected", "received", "refunded"],
      done: "archived",
      notes: "archivedAt",
      byShop: true,
      example: "ret_1004_1",
    },
    unarchive: {
      description: "Unarchives a return.",
      from: ["cancelled", "rejected", "received", "refunded"],
      done: "unarchived",
      takesBack: "archivedAt",
      byShop: true,
      example: "ret_1001_1",
    },
  },
});

async function request(write: Write, { id }: RowOf<"Return">): Promise<ValuesOf<"Return">> {
  const lines = await write.query("SELECT 1 FROM return_line_items WHERE return_id = $1 LIMIT 1", [id]);
  if (!lines.length) {
    write.addError(UserErrorCode.WRONG_STATE, ["id"], "The return has no lines; there is nothing to send back.");
  }
  return {};
}
