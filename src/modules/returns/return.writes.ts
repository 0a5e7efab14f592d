import type { RowOf, ValuesOf } from "../../graph/model/datamodel.js";
import { type Given, ResourceWrites } from "../../graph/write/resource-writes.js";
import { flag, link, value } from "../../graph/write/rules.js";
import { either } from "../../graph/write/state-machine.js";
import type { Path, Write } from "../../graph/write/transaction.js";
import { deleteUnused } from "../../graph/write/unused.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { copyAddress } from "../addresses/address-copies.js";
import { Return, ReturnStateError } from "./return.type.js";
import {
  type LineInput,
  ReturnLineItemInput,
  readLines,
  refuseUnlessDraft,
  refuseUnlessReturnable,
  unsent,
} from "./return-line-item.writes.js";

const rules = {
  orderId: link("Order", {
    description: "The id of the order, which is placed or approved.",
    required: true,
    on: "create",
  }),
  stockLocationId: link("StockLocation", { description: "The id of the stock location that it is sent to." }),
  lineItems: value<LineInput[]>(() => [ReturnLineItemInput], {
    description:
      "What is sent back, of each line at most what was bought and not sent back before. A draft may have none yet: `returnLineItemCreate` adds them.",
    on: "create",
    virtual: true,
  }),
  request: flag({
    description: "Whether to ask the shop for it at once, as `returnRequest` does.",
    on: "create",
    virtual: true,
  }),
};

interface Lines {
  lineItems?: readonly ValuesOf<"ReturnLineItem">[];
}

/** Writes of returns that are not shipped. */
export const returnWrites = new ResourceWrites<"Return", typeof rules, void, Lines>(Return, {
  rules,
  create: {
    description: "Makes a return of an order: a `DRAFT`, or `REQUESTED` at once.",
    // The error names the quantity taken by other returns.
    needs: [{ permission: "returns:read" }, { permission: "return_line_items:read" }],
    example:
      'input: { orderId: "ord_1024", stockLocationId: "slo_milan", lineItems: [{ lineItemId: "lin_1024_1", quantity: 1, returnReason: { size: "was wrong" } }], request: true }',
    before: beforeCreate,
    after: async (write, returnId, _input, path, { lineItems }) => {
      for (const [i, line] of (lineItems ?? []).entries()) {
        await write.create("ReturnLineItem", { ...line, returnId }, [...path, "lineItems", String(i)]);
      }
    },
  },
  update: {
    description:
      "Changes a return. Absent fields stay, null clears. The stock location can change until the goods are on their way. A customer changes drafts alone.",
    needs: [{ permission: "returns:manage", when: "unless it is a draft" }],
    example: 'id: "ret_1015_1", input: { stockLocationId: "slo_newark", reference: "RMA-17" }',
    before: beforeUpdate,
    after: async (write, row, _input, _path, { destinationAddressId }) => {
      const before = row.destinationAddressId;
      if (destinationAddressId !== undefined) await deleteUnused(write, "Address", [before]);
    },
  },
});

async function beforeCreate(
  write: Write,
  values: Given<"Return", typeof rules>,
  _input: object,
  path: Path,
): Promise<ValuesOf<"Return"> & Lines> {
  const { lineItems, request, ...ret } = values;
  if (!ret.orderId) return ret;
  // Serialises concurrent returns of an order, so that each sees the quantities already returned.
  const order = await write.row("Order", ret.orderId, { path: [...path, "orderId"] });
  refuseUnlessReturnable(write, order, [...path, "orderId"]);
  if (request && !lineItems?.length) {
    write.addError(
      UserErrorCode.INVALID,
      [...path, "lineItems"],
      "Name at least one line to ask for the return at once.",
    );
  }
  const lines = await readLines(write, order.id, lineItems ?? [], [...path, "lineItems"]);
  write.check();
  return {
    ...ret,
    lineItems: lines,
    number: await nextNumber(write, order),
    status: request ? "requested" : "draft",
    originAddressId: order.shippingAddressId ? (await copyAddress(write, order.shippingAddressId)).id : null,
    destinationAddressId: await destination(write, ret.stockLocationId),
  };
}

async function beforeUpdate(
  write: Write,
  row: RowOf<"Return">,
  values: ValuesOf<"Return">,
  _input: object,
  path: Path,
): Promise<ValuesOf<"Return">> {
  refuseUnlessDraft(write, row);
  const { status } = row;
  const { stockLocationId } = values;
  if (stockLocationId === undefined || stockLocationId === row.stockLocationId) return values;
  if (!unsent.includes(status)) {
    const message = `Only ${either(unsent)} returns can be sent elsewhere; this one is ${status}.`;
    write.abortWith(new ReturnStateError(status, message, [...path, "stockLocationId"]));
  }
  return { ...values, destinationAddressId: await destination(write, stockLocationId) };
}

/** domain rule: the number of the order, `/R/` and a counter. */
async function nextNumber({ query, viewer }: Write, order: RowOf<"Order">): Promise<string> {
  const [[last]] = (await query(
    `SELECT coalesce(max(substring(number FROM '/R/(\\d{1,9})$')::int), 0) FROM returns WHERE order_id = $1`,
    [order.id],
  )) as [[number]];
  for (let count = last + 1; ; count++) {
    const number = `#${order.number}/R/${String(count).padStart(3, "0")}`;
    const existing = await query(`SELECT 1 FROM returns WHERE mode = $1::"mode" AND number = $2`, [
      viewer.mode,
      number,
    ]);
    if (!existing.length) return number;
  }
}

/** Copies a stock location's address without internal notes, because the customer sees it. */
async function destination(write: Write, stockLocationId: unknown): Promise<string | null> {
  if (!stockLocationId) return null;
  const [location] = await write.query("SELECT address_id FROM stock_locations WHERE id = $1", [stockLocationId]);
  return (await copyAddress(write, location![0] as string, "publicly")).id;
}
