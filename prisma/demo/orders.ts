import type { Row } from "../seed.js";
import { imageOf, type Market, type Method, type Product, products } from "./catalogue.js";
import type { Draft, Shop } from "./shop.js";

export type LineDraft = Omit<Partial<Row<"LineItem">>, "id" | "mode" | "orderId" | "createdAt" | "updatedAt"> & {
  quantity: number;
  totalAmountCents: number;
  taxed: boolean;
  tags?: readonly string[];
};

/** An order of a customer; amounts, addresses and customer data are computed. */
export interface OrderDraft
  extends Omit<
    Draft<"Order">,
    "id" | "mode" | "number" | "customerEmail" | "customerType" | "marketId" | "paymentMethodId"
  > {
  market: Market;
  lines?: LineDraft[];
  /** Entries of the address book that the order's own addresses are copied from. */
  shipTo?: string;
  billTo?: string;
  method?: Method;
  tags?: readonly string[];
}

export function addOrder(shop: Shop, number: number, draft: OrderDraft, customer?: Row<"Customer">): void {
  const { market, lines = [], shipTo, billTo = shipTo, method, tags, ...rest } = draft;
  const prefix = customer?.mode === "live" ? "live_" : "";
  const id = `ord_${prefix}${number}`;
  const entry = shipTo ?? billTo;
  shop.add("Order", {
    id,
    mode: customer?.mode,
    number: String(number),
    ...ownerOf(shop, rest, customer),
    marketId: market.id,
    currencyCode: market.currency,
    taxIncluded: market.taxIncluded,
    freightTaxable: false,
    paymentMethodTaxable: false,
    countryCode: entry && shop.get("Address", `adr_${entry}`).countryCode,
    shippingAddressId: shipTo && copyAddress(shop, shipTo, `${prefix}${number}_shipping`, rest.createdAt),
    billingAddressId: billTo && copyAddress(shop, billTo, `${prefix}${number}_billing`, rest.createdAt),
    paymentMethodId: method && `pmt_${method}`,
    shipmentsCount: lines.some(({ itemType }) => itemType === "shipments") ? 1 : 0,
    lineItemOptionsCount: lines.filter(({ optionsAmountCents }) => optionsAmountCents).length,
    token: `demo${prefix}${number}token`.padEnd(32, "0"),
    cartUrl: `https://shop.example.com/cart/${number}`,
    checkoutUrl: rest.placedAt ? undefined : `https://checkout.example.com/${number}`,
    updatedAt: lastChange(rest),
    ...amountsOf(lines, market, rest),
    ...rest,
  });
  shop.tag("Order", id, tags);
  lines.forEach((line, index) => {
    addLine(shop, `lin_${prefix}${number}_${index + 1}`, line, { ...rest, id, mode: customer?.mode, market });
  });
}

/** The customer of an order, and the customer data on it. */
function ownerOf(shop: Shop, { placedAt }: { placedAt?: unknown }, customer?: Row<"Customer">) {
  const hasPlaced = shop.all("Order").some((order) => order.customerId === customer?.id && order.placedAt);
  return {
    customerId: customer?.id,
    customerEmail: customer?.email,
    customerType: placedAt ? ((customer && hasPlaced ? "returning" : "new") as "returning" | "new") : undefined,
    guest: Boolean(placedAt) && !customer?.passwordDigest,
  };
}

function addLine(
  shop: Shop,
  id: string,
  { taxed, tags, ...line }: LineDraft,
  order: { id: string; mode?: "test" | "live"; market: Market; taxRate?: number | null; createdAt: string },
): void {
  const { market, taxRate, mode } = order;
  shop.add("LineItem", {
    id,
    mode,
    orderId: order.id,
    currencyCode: market.currency,
    taxAmountCents: taxed ? taxOf(line.totalAmountCents, taxRate ?? 0, market.taxIncluded) : 0,
    taxRate: taxed ? taxRate : undefined,
    createdAt: order.createdAt,
    ...line,
    ...(mode === "live" && { skuId: "sku_live_mug" }),
  });
  shop.tag("LineItem", id, tags);
}

export function copyAddress(shop: Shop, entry: string, name: string, createdAt: string): string {
  const original = shop.get("Address", `adr_${entry}`);
  shop.add("Address", { ...original, id: `adr_${name}`, createdAt, updatedAt: createdAt });
  return `adr_${name}`;
}

/** Line item of a SKU: quantity, and its price in a market. */
export function sku(product: Product, quantity: number, market: Market, extra: Partial<LineDraft> = {}): LineDraft {
  const { code, name } = products[product];
  const unitAmountCents = products[product][market.currency];
  return {
    itemType: "skus",
    skuId: `sku_${product}`,
    skuCode: code,
    name,
    imageUrl: imageOf(code),
    quantity,
    unitAmountCents,
    totalAmountCents: unitAmountCents * quantity + (extra.optionsAmountCents ?? 0),
    taxed: true,
    ...extra,
  };
}

/** Line item that is not a SKU: its name, and its amount (negative: a discount). */
export function cost(
  itemType: LineDraft["itemType"],
  name: string,
  cents: number,
  extra: Partial<LineDraft> = {},
): LineDraft {
  const taxed = cents < 0 && itemType !== "gift_cards";
  return { itemType, name, quantity: 1, unitAmountCents: cents, totalAmountCents: cents, taxed, ...extra };
}
export const shipping = (cents: number) => cost("shipments", "Standard shipping", cents);

/** Time fields that do not record a change of the row. */
const ignoredTimes = ["updatedAt", "expiresAt", "subscriptionCreatedAt", "refreshedAt"];

/** The latest of the times at which an order or a return changed. */
export function lastChange(draft: { createdAt: string; updatedAt?: string }): string {
  const times = Object.entries(draft).filter(([field]) => field.endsWith("At") && !ignoredTimes.includes(field));
  return times.reduce<string>((last, [, at]) => (typeof at === "string" && at > last ? at : last), draft.createdAt);
}

/** Tax amount of a gross (`included`) or net price. */
function taxOf(cents: number, rate: number, included: boolean): number {
  return Math.round(included ? cents - cents / (1 + rate) : cents * rate);
}

const goods = new Set<LineDraft["itemType"]>(["skus", "bundles"]);

function amountsOf(
  lines: readonly LineDraft[],
  { taxIncluded }: Market,
  { taxRate, placedAt }: Pick<OrderDraft, "taxRate" | "placedAt">,
) {
  const rate = taxRate ?? 0;
  const sum = (condition: (line: LineDraft) => boolean, value = (line: LineDraft) => line.totalAmountCents) =>
    lines.filter(condition).reduce((total, line) => total + value(line), 0);
  const tax = (line: LineDraft) => (line.taxed ? taxOf(line.totalAmountCents, rate, taxIncluded) : 0);
  const isGoods = (line: LineDraft) => goods.has(line.itemType);
  const isAdjustment = (line: LineDraft) => line.itemType === "adjustments";
  const isPromotion = (line: LineDraft) => Boolean(line.itemType?.endsWith("_promotions"));

  const subtotalTax = sum((line) => isGoods(line) || isPromotion(line), tax);
  const adjustmentTax = sum(isAdjustment, tax);
  const total = sum(() => true);
  const net = (condition: (line: LineDraft) => boolean) => sum(condition) - (taxIncluded ? sum(condition, tax) : 0);
  return {
    subtotalAmountCents: sum(isGoods),
    shippingAmountCents: sum(({ itemType }) => itemType === "shipments"),
    paymentMethodAmountCents: sum(({ itemType }) => itemType === "payment_methods"),
    discountAmountCents: sum(isPromotion),
    adjustmentAmountCents: sum(isAdjustment),
    giftCardAmountCents: sum(({ itemType }) => itemType === "gift_cards"),
    totalAmountCents: total,
    placeTotalAmountCents: placedAt ? total + (taxIncluded ? 0 : subtotalTax + adjustmentTax) : 0,
    subtotalTaxAmountCents: subtotalTax,
    adjustmentTaxAmountCents: adjustmentTax,
    totalTaxAmountCents: subtotalTax + adjustmentTax,
    subtotalTaxableAmountCents: net(isGoods),
    adjustmentTaxableAmountCents: net(isAdjustment),
    totalTaxableAmountCents: net(isGoods) + net(isAdjustment),
  };
}
