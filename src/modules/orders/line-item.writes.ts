import type { ClassType } from "type-graphql";
import type { ValuesOf } from "../../graph/model/datamodel.js";
import { commonRules, type InputOf, inputOf, integer, type Rules, rulesOf, text } from "../../graph/write/rules.js";
import type { Path, Write } from "../../graph/write/transaction.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { readFrequency } from "./frequency.js";

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

/** Builds the line items of an input; `prices` are those of the previous lines, by SKU code. */
export async function readLines(
  write: Write,
  given: readonly LineItemInput[],
  path: Path,
  { taxRate, taxIncluded }: Taxes,
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
    const totalAmountCents = (unitAmountCents ?? 0) * quantity;
    const rate = taxRate ?? 0;
    const taxAmountCents = Math.round(
      taxIncluded ? totalAmountCents - totalAmountCents / (1 + rate) : totalAmountCents * rate,
    );
    lines.push({
      ...{ name, imageUrl, ...values, quantity },
      itemType: "skus",
      skuId,
      unitAmountCents,
      totalAmountCents,
      taxAmountCents,
      taxRate,
    });
  }
  if (lines.reduce((sum, line) => sum + line.quantity, 0) > maximumAmount) {
    write.addError(UserErrorCode.INVALID, path, `The quantities are at most ${maximumAmount} together.`);
  }
  const total = lines.reduce((sum, line) => sum + line.totalAmountCents + line.taxAmountCents, 0);
  if (total > maximumAmount) {
    write.addError(UserErrorCode.INVALID, path, `The lines are at most ${maximumAmount} cents together, with taxes.`);
  }
  return lines;
}

/** Totals of an order with only these lines. */
export function amountsOf(lines: readonly Line[], { taxIncluded }: Taxes): ValuesOf<"Order"> {
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
