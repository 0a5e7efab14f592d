import type { ClassType } from "type-graphql";
import type { EnumValue, RowOf, ValuesOf } from "../../graph/model/datamodel.js";
import { type Given, ResourceWrites } from "../../graph/write/resource-writes.js";
import {
  commonRules,
  type InputOf,
  inputOf,
  integer,
  link,
  type Rules,
  rulesOf,
  text,
} from "../../graph/write/rules.js";
import type { Path, Write } from "../../graph/write/transaction.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { readFrequency } from "./frequency.js";
import { LineItem } from "./line-item.type.js";
import { Order, OrderStateError } from "./order.type.js";

/** Maximum number of line items per input. */
const maximumLines = 100;
/** Amounts are stored in 32 bits. */
export const maximumAmount = 2_147_483_647;

const rules = rulesOf("LineItem", {
  skuCode: text({ description: "Code of the product, which must exist.", required: true }),
  quantity: integer({ description: "How many, at least 1.", required: true }),
  name: text({ description: "What the line is called; the product's name when absent." }),
  imageUrl: text({ description: "Its picture; the product's when absent." }),
  unitAmountCents: integer({
    description: "Price of one, in cents. When absent, what the order's line of the same product says, if it has one.",
    access: ["orders:manage"],
    range: [0, maximumAmount],
  }),
  frequency: text({
    description: "Makes the line recur: how often, as in `OrderSubscription.frequency`.",
    form: readFrequency,
  }),
  ...commonRules,
} satisfies Rules);

export type LineItemInput = InputOf<typeof rules>;
export const OrderLineItemInput: ClassType = inputOf(
  "OrderLineItemInput",
  "A product in an order, and how many of it.",
  rules,
  "create",
);

/** A line item row without the order's id. */
interface Line extends ValuesOf<"LineItem"> {
  quantity: number;
  totalAmountCents: number;
  taxAmountCents: number;
}

/** Tax settings of an order. */
interface Taxes {
  taxRate: number | null;
  taxIncluded: boolean | null;
}

/** The statuses in which the lines of an order can change. */
export const carts: readonly EnumValue<"OrderStatus">[] = ["draft", "pending"];
/** Input fields that placed orders and their lines take. */
export const open: ReadonlySet<string> = new Set(["reference", "referenceOrigin", "metadata"]);

/** The amounts of a line. */
function amounts(unitAmountCents: number | null, quantity: number, { taxRate, taxIncluded }: Taxes) {
  const totalAmountCents = (unitAmountCents ?? 0) * quantity;
  const rate = taxRate ?? 0;
  const taxAmountCents = Math.round(
    taxIncluded ? totalAmountCents - totalAmountCents / (1 + rate) : totalAmountCents * rate,
  );
  return { unitAmountCents, totalAmountCents, taxAmountCents, taxRate };
}

type Sums = Pick<Line, "quantity" | "totalAmountCents" | "taxAmountCents">;

/** Adds errors for what does not fit into an order. */
function checkSums(write: Write, lines: readonly Sums[], path: Path) {
  if (lines.reduce((sum, line) => sum + line.quantity, 0) > maximumAmount) {
    write.addError(UserErrorCode.INVALID, path, `The quantities are at most ${maximumAmount} together.`);
  }
  const total = lines.reduce((sum, line) => sum + line.totalAmountCents + line.taxAmountCents, 0);
  if (total > maximumAmount) {
    write.addError(UserErrorCode.INVALID, path, `The lines are at most ${maximumAmount} cents together, with taxes.`);
  }
}

/** Builds the line items of an input; `prices` are those of the previous lines, by SKU code. */
export async function readLines(
  write: Write,
  given: readonly LineItemInput[],
  path: Path,
  taxes: Taxes,
  prices: ReadonlyMap<string, number> = new Map(),
): Promise<Line[]> {
  if (given.length > maximumLines) {
    write.addError(UserErrorCode.INVALID, path, `At most ${maximumLines} lines fit; these are ${given.length}.`);
    return [];
  }
  const skus = await write.findAll("Sku", "code", [...new Set(given.flatMap(({ skuCode }) => skuCode ?? []))]);
  const known = new Map(skus.map((sku) => [sku.code, sku]));
  const lines: Line[] = [];
  for (const [i, input] of given.entries()) {
    const argumentPath = [...path, String(i)];
    const values = await write.values(rules, input, "create", argumentPath);
    const { skuCode, quantity } = values;
    if (!skuCode || !quantity) continue;
    const sku = known.get(skuCode);
    if (!sku) {
      write.addError(UserErrorCode.NOT_FOUND, [...argumentPath, "skuCode"], "There is no SKU with this code.");
      continue;
    }
    const { id: skuId, name, imageUrl } = sku;
    const unitAmountCents = values.unitAmountCents ?? prices.get(skuCode) ?? null;
    lines.push({
      ...{ name, imageUrl, ...values, quantity },
      itemType: "skus",
      skuId,
      ...amounts(unitAmountCents, quantity, taxes),
    });
  }
  checkSums(write, lines, path);
  return lines;
}

/** Totals of an order with only these lines. */
export function amountsOf(lines: readonly Sums[], { taxIncluded }: Taxes): ValuesOf<"Order"> {
  const sum = lines.reduce((total, line) => total + line.totalAmountCents, 0);
  const taxes = lines.reduce((total, line) => total + line.taxAmountCents, 0);
  const taxable = sum - (taxIncluded ? taxes : 0);
  return {
    subtotalAmountCents: sum,
    totalAmountCents: sum,
    subtotalTaxAmountCents: taxes,
    totalTaxAmountCents: taxes,
    subtotalTaxableAmountCents: taxable,
    totalTaxableAmountCents: taxable,
  };
}

/** Inserts line items into an order. */
export async function addLines(write: Write, orderId: string, lines: readonly ValuesOf<"LineItem">[], path: Path) {
  for (const [i, line] of lines.entries()) await write.create("LineItem", { ...line, orderId }, [...path, String(i)]);
}

const lineRules = {
  orderId: link("Order", { description: "The id of the order, a draft or pending one.", required: true, on: "create" }),
  ...rules,
  skuCode: { ...rules.skuCode, on: "create" },
} satisfies Rules;

const orderField = { description: "The order with its new amounts; null when there is none.", row: () => Order };

/** Writes of single lines of orders that are not placed. */
export const lineItemWrites = new ResourceWrites(LineItem, {
  rules: lineRules,
  create: {
    description:
      "Adds a product to a draft or pending order, whose amounts are computed again. Without a price it takes that of the order's line of the same product, if it has one.",
    access: ["orders:update"],
    needs: [{ permission: "orders:read" }],
    example: 'input: { orderId: "ord_1028", skuCode: "MUG-BLUE", quantity: 2 }',
    before: beforeCreate,
    after: async (write, _id, _input, path, { orderId }) => ({ order: await recompute(write, orderId!, path) }),
    payload: { order: orderField },
  },
  update: {
    description:
      "Changes a line of a draft or pending order, whose amounts are computed again. Absent fields stay, null clears. Lines of other orders take `reference`, `referenceOrigin` and `metadata` alone.",
    access: ["orders:update"],
    needs: [{ permission: "orders:read" }],
    example: 'id: "lin_1028_1", input: { quantity: 3 }',
    before: beforeUpdate,
    after: async (write, { orderId }, input, path) => ({
      order: inCarts(input).length ? await recompute(write, orderId, path) : orderId,
    }),
    payload: { order: orderField },
  },
  delete: {
    description: "Takes a line off a draft or pending order, whose amounts are computed again.",
    errors: ["IN_USE"],
    access: ["orders:update"],
    // The error names what prevents the deletion.
    needs: [{ permission: "orders:read" }, { permission: "return_line_items:read" }],
    example: 'id: "lin_1028_1"',
    before: async (write, { orderId }) => {
      const order = await write.row("Order", orderId);
      refuseUnlessCart(write, order, ["id"]);
      await pricesOf(write, order.id, ["id"]);
    },
    after: async (write, { orderId }) => ({ order: await recompute(write, orderId, ["id"]) }),
    payload: { order: orderField },
  },
});

async function beforeCreate(
  write: Write,
  values: Given<"LineItem", typeof lineRules>,
  _input: object,
  path: Path,
): Promise<ValuesOf<"LineItem">> {
  const { orderId, skuCode, quantity } = values;
  const [sku] = skuCode ? await write.findAll("Sku", "code", [skuCode]) : [];
  if (skuCode && !sku) {
    write.addError(UserErrorCode.NOT_FOUND, [...path, "skuCode"], "There is no SKU with this code.");
  }
  if (!orderId) return values;
  const order = await write.row("Order", orderId, { path: [...path, "orderId"] });
  refuseUnlessCart(write, order, [...path, "orderId"]);
  const prices = await pricesOf(write, order.id, [...path, "orderId"]);
  write.check();
  const { id: skuId, name, imageUrl } = sku!;
  const price = values.unitAmountCents ?? prices.get(skuCode!) ?? null;
  const line = { quantity: quantity!, ...amounts(price, quantity!, order) };
  checkSums(write, [line], [...path, "quantity"]);
  return { name, imageUrl, ...values, itemType: "skus", skuId, ...line };
}

async function beforeUpdate(
  write: Write,
  row: RowOf<"LineItem">,
  values: Given<"LineItem", typeof lineRules>,
  input: object,
  path: Path,
): Promise<ValuesOf<"LineItem">> {
  const changed = inCarts(input);
  if (!changed.length) return values;
  const order = await write.row("Order", row.orderId);
  for (const field of changed) refuseUnlessCart(write, order, [...path, field]);
  await pricesOf(write, order.id, ["id"]);
  const price = values.unitAmountCents === undefined ? row.unitAmountCents : values.unitAmountCents;
  const quantity = values.quantity ?? row.quantity;
  const line = { quantity, ...amounts(price, quantity, order) };
  checkSums(write, [line], [...path, "quantity"]);
  return { ...values, ...line };
}

/** The given fields that only lines of carts take. */
function inCarts(input: object): string[] {
  return Object.entries(input).flatMap(([field, given]) => (given === undefined || open.has(field) ? [] : [field]));
}

function refuseUnlessCart(write: Write, { status }: RowOf<"Order">, path: Path) {
  if (carts.includes(status)) return;
  const message = `Only the lines of draft or pending orders can be changed; this one is ${status}.`;
  write.errors.push(new OrderStateError(status, message, path));
}

/** Computes the amounts and the status of a cart again from its lines, and returns its id. */
async function recompute(write: Write, orderId: string, path: Path): Promise<string> {
  const order = await write.row("Order", orderId);
  const rows = (await write.query(
    "SELECT quantity, total_amount_cents, tax_amount_cents FROM line_items WHERE order_id = $1",
    [orderId],
  )) as [number, number, number][];
  const lines = rows.map(([quantity, totalAmountCents, taxAmountCents]) => ({
    quantity,
    totalAmountCents,
    taxAmountCents,
  }));
  if (lines.length > maximumLines) {
    write.addError(UserErrorCode.INVALID, path, `At most ${maximumLines} lines fit.`);
  }
  checkSums(write, lines, path);
  write.check();
  const status = order.customerId && lines.length ? "pending" : "draft";
  await write.update("Order", order, { ...amountsOf(lines, order), status }, path);
  return orderId;
}

/**
 * Prices of an order's lines by SKU code. Adds an error for lines whose amounts are not just a product's price: they were
 * computed elsewhere.
 */
export async function pricesOf(write: Write, orderId: string, path: Path): Promise<Map<string, number>> {
  const lines = (await write.query(
    "SELECT item_type = 'skus' AND discount_cents = 0, sku_code, unit_amount_cents FROM line_items WHERE order_id = $1",
    [orderId],
  )) as [boolean | null, string, number | null][];
  if (lines.some(([plain]) => !plain)) {
    const message = "The order has discounts, or lines that are no products; they would no longer be right.";
    write.addError(UserErrorCode.WRONG_STATE, path, message);
  }
  return new Map(lines.flatMap(([, sku, price]) => (price === null ? [] : [[sku, price]])));
}
