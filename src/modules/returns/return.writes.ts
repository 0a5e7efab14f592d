import { permits } from "../../graph/access/guard.js";
import type { RowOf, ValuesOf } from "../../graph/model/datamodel.js";
import { type Given, ResourceWrites } from "../../graph/write/resource-writes.js";
import {
  commonRules,
  flag,
  type InputOf,
  inputOf,
  integer,
  json,
  link,
  rulesOf,
  value,
} from "../../graph/write/rules.js";
import type { Path, Write } from "../../graph/write/transaction.js";
import { deleteUnused } from "../../graph/write/unused.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { copyAddress } from "../addresses/address-copies.js";
import { OrderStateError } from "../orders/order.type.js";
import { Return, ReturnStateError } from "./return.type.js";

const lineRules = rulesOf("ReturnLineItem", {
  lineItemId: link("LineItem", { description: "The id of the line of the order.", required: true }),
  quantity: integer({ description: "How many of it are sent back, at least 1.", required: true }),
  returnReason: json({ description: 'Why, as free keys and values: `{ size: "was wrong" }`.' }),
  ...commonRules,
});
type LineInput = InputOf<typeof lineRules>;
const ReturnLineItemInput = inputOf(
  "ReturnLineItemInput",
  "What is sent back of a line of an order.",
  lineRules,
  "create",
);

const rules = {
  orderId: link("Order", {
    description: "The id of the order, which is placed or approved.",
    required: true,
    on: "create",
  }),
  stockLocationId: link("StockLocation", { description: "The id of the stock location that it is sent to." }),
  lineItems: value<LineInput[]>(() => [ReturnLineItemInput], {
    description: "What is sent back: at least one line, and of each at most what was bought and not sent back before.",
    required: true,
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
  const { status } = order;
  if (status !== "placed" && status !== "approved") {
    const message = `Only placed or approved orders can be returned; this one is ${status}.`;
    write.errors.push(new OrderStateError(status, message, [...path, "orderId"]));
  }
  const lines = lineItems ? await readLines(write, order.id, lineItems, [...path, "lineItems"]) : [];
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
  const { status } = row;
  const shop = permits(write.viewer, ["returns:manage"]);
  if (!shop && status !== "draft") {
    write.abortWith(new ReturnStateError(status, `Only draft returns can be changed; this one is ${status}.`));
  }
  const { stockLocationId } = values;
  if (stockLocationId === undefined || stockLocationId === row.stockLocationId) return values;
  if (!["draft", "requested", "approved"].includes(status)) {
    const message = `Only draft, requested or approved returns can be sent elsewhere; this one is ${status}.`;
    write.abortWith(new ReturnStateError(status, message, [...path, "stockLocationId"]));
  }
  return { ...values, destinationAddressId: await destination(write, stockLocationId) };
}

const goods: unknown[] = ["skus", "bundles"];

/** Return line items with their amounts. */
async function readLines(
  write: Write,
  orderId: string,
  given: readonly LineInput[],
  path: Path,
): Promise<ValuesOf<"ReturnLineItem">[]> {
  if (!given.length) write.addError(UserErrorCode.INVALID, path, "Name at least one line.");
  const rows = (await write.query(
    `SELECT l.id, l.item_type, l.quantity, l.total_amount_cents, l.discount_cents,
            coalesce(sum(i.quantity) FILTER (WHERE r.status NOT IN ('cancelled', 'rejected')), 0)::int
     FROM line_items l LEFT JOIN return_line_items i ON i.line_item_id = l.id LEFT JOIN returns r ON r.id = i.return_id
     WHERE l.order_id = $1 GROUP BY l.id`,
    [orderId],
  )) as [string, string, number, number, number, number][];
  const bought = new Map(rows.map(([id, ...line]) => [id, line]));
  const returned = new Map(rows.map(([id, , , , , before]) => [id, before]));
  const lines: ValuesOf<"ReturnLineItem">[] = [];
  for (const [i, input] of given.entries()) {
    const argumentPath = [...path, String(i)];
    const values = await write.values(lineRules, input, "create", argumentPath);
    const { lineItemId, quantity } = values;
    if (!lineItemId || !quantity) continue;
    const line = bought.get(lineItemId);
    if (!line || !goods.includes(line[0])) {
      const message = line ? "Only products can be sent back." : "There is no line with this id in the order.";
      write.addError(line ? UserErrorCode.INVALID : UserErrorCode.NOT_FOUND, [...argumentPath, "lineItemId"], message);
      continue;
    }
    const [, count, total, discount] = line;
    const before = returned.get(lineItemId)!;
    if (before + quantity > count) {
      const message = `At most ${Math.max(count - before, 0)} can be sent back: ${count} were bought, and returns have ${before} already.`;
      write.addError(UserErrorCode.INVALID, [...argumentPath, "quantity"], message);
      continue;
    }
    returned.set(lineItemId, before + quantity);
    lines.push({ ...values, totalAmountCents: Math.round(((total + discount) * quantity) / count) });
  }
  return lines;
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
