import type { ClassType } from "type-graphql";
import { type Need, permits } from "../../graph/access/guard.js";
import type { EnumValue, RowOf, ValuesOf } from "../../graph/model/datamodel.js";
import { type Given, ResourceWrites } from "../../graph/write/resource-writes.js";
import {
  commonRules,
  type InputOf,
  inputOf,
  integer,
  json,
  link,
  type Rules,
  rulesOf,
} from "../../graph/write/rules.js";
import { either } from "../../graph/write/state-machine.js";
import type { Path, Write } from "../../graph/write/transaction.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { open } from "../orders/line-item.writes.js";
import { OrderStateError } from "../orders/order.type.js";
import { Return, ReturnStateError } from "./return.type.js";
import { ReturnLineItem } from "./return-line-item.type.js";

const rules = rulesOf("ReturnLineItem", {
  lineItemId: link("LineItem", { description: "The id of the line of the order.", required: true }),
  quantity: integer({ description: "How many of it are sent back, at least 1.", required: true }),
  returnReason: json({ description: 'Why, as free keys and values: `{ size: "was wrong" }`.' }),
  ...commonRules,
} satisfies Rules);

export type LineInput = InputOf<typeof rules>;
export const ReturnLineItemInput: ClassType = inputOf(
  "ReturnLineItemInput",
  "What is sent back of a line of an order.",
  rules,
  "create",
);

/** The statuses of a return whose goods are not on their way. */
export const unsent: readonly EnumValue<"ReturnStatus">[] = ["draft", "requested", "approved"];

const goods: unknown[] = ["skus", "bundles"];

/** A line of an order, and how many of it are in returns. */
interface Bought {
  itemType: string;
  quantity: number;
  totalCents: number;
  discountCents: number;
  returned: number;
}

/** The lines of an order by their ids; `without` is a line of a return that does not count. */
async function boughtIn(write: Write, orderId: string, without?: string): Promise<Map<string, Bought>> {
  const rows = (await write.query(
    `SELECT l.id, json_build_object('itemType', l.item_type, 'quantity', l.quantity, 'totalCents', l.total_amount_cents,
       'discountCents', l.discount_cents, 'returned', coalesce(sum(i.quantity) FILTER
         (WHERE r.status NOT IN ('cancelled', 'rejected') AND i.id IS DISTINCT FROM $2), 0)::int)
     FROM line_items l LEFT JOIN return_line_items i ON i.line_item_id = l.id LEFT JOIN returns r ON r.id = i.return_id
     WHERE l.order_id = $1 GROUP BY l.id`,
    [orderId, without ?? null],
  )) as [string, Bought][];
  return new Map(rows);
}

/** Takes a quantity of a line of an order into a return: the amount for it, or an error and undefined. */
function take(
  write: Write,
  line: Bought | undefined,
  quantity: number,
  linePath: Path,
  quantityPath: Path,
): number | undefined {
  if (!line || !goods.includes(line.itemType)) {
    const message = line ? "Only products can be sent back." : "There is no line with this id in the order.";
    write.addError(line ? UserErrorCode.INVALID : UserErrorCode.NOT_FOUND, linePath, message);
    return undefined;
  }
  const { quantity: count, returned, totalCents, discountCents } = line;
  if (returned + quantity > count) {
    const message = `At most ${Math.max(count - returned, 0)} can be sent back: ${count} were bought, and returns have ${returned} already.`;
    write.addError(UserErrorCode.INVALID, quantityPath, message);
    return undefined;
  }
  line.returned += quantity;
  return Math.round(((totalCents + discountCents) * quantity) / count);
}

/** Return line items with their amounts. */
export async function readLines(
  write: Write,
  orderId: string,
  given: readonly LineInput[],
  path: Path,
): Promise<ValuesOf<"ReturnLineItem">[]> {
  const bought = await boughtIn(write, orderId);
  const lines: ValuesOf<"ReturnLineItem">[] = [];
  for (const [i, input] of given.entries()) {
    const argumentPath = [...path, String(i)];
    const values = await write.values(rules, input, "create", argumentPath);
    const { lineItemId, quantity } = values;
    if (!lineItemId || !quantity) continue;
    const [linePath, quantityPath] = [
      [...argumentPath, "lineItemId"],
      [...argumentPath, "quantity"],
    ];
    const totalAmountCents = take(write, bought.get(lineItemId), quantity, linePath, quantityPath);
    if (totalAmountCents !== undefined) lines.push({ ...values, totalAmountCents });
  }
  return lines;
}

/** Adds an error unless an order can be returned. */
export function refuseUnlessReturnable(write: Write, { status }: RowOf<"Order">, path: Path) {
  if (status === "placed" || status === "approved") return;
  const message = `Only placed or approved orders can be returned; this one is ${status}.`;
  write.errors.push(new OrderStateError(status, message, path));
}

/** Aborts if the caller may not change a return in its status. */
export function refuseUnlessDraft(write: Write, { status }: RowOf<"Return">, path?: Path) {
  if (status === "draft" || permits(write.viewer, ["returns:manage"])) return;
  write.abortWith(new ReturnStateError(status, `Only draft returns can be changed; this one is ${status}.`, path));
}

function refuseIfSent(write: Write, { status }: RowOf<"Return">, path: Path) {
  if (unsent.includes(status)) return;
  const message = `Only the lines of ${either(unsent)} returns can be changed; this one is ${status}.`;
  write.errors.push(new ReturnStateError(status, message, path));
}

const lineRules = {
  returnId: link("Return", {
    description: "The id of the return, whose goods are not on their way.",
    required: true,
    on: "create",
  }),
  ...rules,
  lineItemId: { ...rules.lineItemId, on: "create" },
} satisfies Rules;

const payload = {
  return: { description: "The return with its new amounts; null when there is none.", row: () => Return },
};
const needs: readonly Need[] = [
  { permission: "returns:read" },
  { permission: "returns:manage", when: "unless the return is a draft" },
];

/** Writes of single lines of returns whose goods are not on their way. */
export const returnLineItemWrites = new ResourceWrites(ReturnLineItem, {
  rules: lineRules,
  create: {
    description:
      "Adds a line to a return until its goods are on their way: at most what was bought and not sent back before. A customer changes drafts alone.",
    access: ["returns:update"],
    // The error names the quantity taken by other returns.
    needs: [{ permission: "return_line_items:read" }, ...needs],
    example:
      'input: { returnId: "ret_1016_1", lineItemId: "lin_1016_1", quantity: 1, returnReason: { colour: "not as shown" } }',
    before: beforeCreate,
    after: async (_write, _id, _input, _path, { returnId }) => ({ return: returnId }),
    payload,
  },
  update: {
    description:
      "Changes a line of a return until its goods are on their way. Absent fields stay, null clears. Lines of other returns take `reference`, `referenceOrigin` and `metadata` alone. A customer changes drafts alone.",
    access: ["returns:update"],
    needs,
    example: 'id: "rli_1016_1_1", input: { returnReason: { size: "too large" } }',
    before: beforeUpdate,
    after: async (_write, { returnId }) => ({ return: returnId }),
    payload,
  },
  delete: {
    description:
      "Takes a line off a return until its goods are on their way. The last one stays unless the return is a draft. A customer changes drafts alone.",
    access: ["returns:update"],
    needs,
    example: 'id: "rli_1015_1_2"',
    before: beforeDelete,
    after: async (_write, { returnId }) => ({ return: returnId }),
    payload,
  },
});

async function beforeCreate(
  write: Write,
  values: Given<"ReturnLineItem", typeof lineRules>,
  _input: object,
  path: Path,
): Promise<ValuesOf<"ReturnLineItem">> {
  const { returnId, lineItemId, quantity } = values;
  if (!returnId) return values;
  const argumentPath = [...path, "returnId"];
  const ret = await write.row("Return", returnId, { path: argumentPath });
  refuseUnlessDraft(write, ret, argumentPath);
  refuseIfSent(write, ret, argumentPath);
  const order = await lockOrder(write, ret, argumentPath);
  if (!lineItemId || !quantity) return values;
  const line = (await boughtIn(write, order.id)).get(lineItemId);
  return {
    ...values,
    totalAmountCents: take(write, line, quantity, [...path, "lineItemId"], [...path, "quantity"]),
  };
}

async function beforeUpdate(
  write: Write,
  row: RowOf<"ReturnLineItem">,
  values: Given<"ReturnLineItem", typeof lineRules>,
  input: object,
  path: Path,
): Promise<ValuesOf<"ReturnLineItem">> {
  const ret = await write.row("Return", row.returnId);
  refuseUnlessDraft(write, ret);
  for (const [field, given] of Object.entries(input)) {
    if (given !== undefined && !open.has(field)) refuseIfSent(write, ret, [...path, field]);
  }
  const { quantity } = values;
  if (!quantity || quantity === row.quantity) return values;
  const quantityPath = [...path, "quantity"];
  const order = await lockOrder(write, ret, quantityPath);
  const line = (await boughtIn(write, order.id, row.id)).get(row.lineItemId);
  return { ...values, totalAmountCents: take(write, line, quantity, ["id"], quantityPath) };
}

async function beforeDelete(write: Write, row: RowOf<"ReturnLineItem">) {
  const ret = await write.row("Return", row.returnId);
  refuseUnlessDraft(write, ret);
  refuseIfSent(write, ret, ["id"]);
  write.check();
  const lines = await write.query("SELECT 1 FROM return_line_items WHERE return_id = $1 LIMIT 2", [ret.id]);
  if (ret.status !== "draft" && lines.length === 1) {
    const message = `It is the only line of a return that is ${ret.status}; cancel the return instead.`;
    write.errors.push(new ReturnStateError(ret.status, message));
  }
}

/** Serialises concurrent returns of an order, so that each sees the quantities already returned. */
async function lockOrder(write: Write, { orderId }: RowOf<"Return">, path: Path): Promise<RowOf<"Order">> {
  const order = await write.row("Order", orderId, { path });
  refuseUnlessReturnable(write, order, path);
  return order;
}
