import { randomBytes } from "node:crypto";
import { permits } from "../../graph/access/guard.js";
import type { RowOf, ValuesOf } from "../../graph/model/datamodel.js";
import { type Given, ResourceWrites } from "../../graph/write/resource-writes.js";
import { flag, link, moment, text, value } from "../../graph/write/rules.js";
import type { ExtraLocks, Path, Write } from "../../graph/write/transaction.js";
import { deleteUnused } from "../../graph/write/unused.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { copyAddress } from "../addresses/address-copies.js";
import { customerOf } from "../customers/customer.service.js";
import {
  addLines,
  amountsOf,
  carts,
  type LineItemInput,
  OrderLineItemInput,
  open,
  pricesOf,
  readLines,
} from "./line-item.writes.js";
import { nextNumber } from "./numbers.js";
import { Order, OrderStateError } from "./order.type.js";

const page = (what: string) => text({ description: `The shop's ${what}, for the hosted checkout.` });

const rules = {
  marketId: link("Market", {
    description: "The id of the market, which gives the currency.",
    required: true,
    on: "create",
  }),
  customerEmail: text({
    description:
      "The customer's e-mail address: the order goes to the customer who has it, who is made as a guest if there is none. A signed-in customer's orders are its own.",
  }),
  customerId: link("Customer", { description: "The customer's id, instead of `customerEmail`." }),
  languageCode: text({
    description: "The language of the order, as two letters (ISO 639-1); the case does not matter.",
    generated: "`en`",
  }),
  couponCode: text({ description: "The coupon to apply." }),
  affiliateCode: text({ description: "Code of the affiliate who earns a commission." }),
  cartUrl: page("cart page"),
  returnUrl: page("page to return to"),
  termsUrl: page("terms and conditions"),
  privacyUrl: page("privacy policy"),
  guest: flag({ description: "Whether it is bought as a guest.", generated: "`false`" }),
  expiresAt: moment({ description: "When the cart expires.", access: ["orders:manage"] }),
  number: text({
    description: "Its number, unique in the shop.",
    generated: "The next free one",
    access: ["orders:manage"],
  }),
  shippingAddressId: link("Address", { description: "The id of the address to send it to; the order gets a copy." }),
  billingAddressId: link("Address", { description: "The id of the address to invoice; the order gets a copy." }),
  lineItems: value<LineItemInput[]>(() => [OrderLineItemInput], {
    description: "All its products: on a change, those that were there go. At most 100.",
    virtual: true,
  }),
};

/** Writes of orders that are not placed. */
export const orderWrites = new ResourceWrites(Order, {
  rules,
  create: {
    description:
      "Makes an order: a `DRAFT`, or with a customer and lines `PENDING`. Lines without a price can be given one later, before the order is placed.",
    example:
      'input: { marketId: "mkt_europe", customerEmail: "ada@example.com", languageCode: "en", lineItems: [{ skuCode: "MUG-BLUE", quantity: 2 }] }',
    before: beforeCreate,
    after: (write, id, _input, path, { lineItems }) => addLines(write, id, lineItems ?? [], [...path, "lineItems"]),
  },
  update: {
    description:
      "Changes an order that is not placed yet. Absent fields stay, null clears: `customerEmail: null` takes the customer off. Placed orders take `reference`, `referenceOrigin` and `metadata` alone.",
    needs: [{ permission: "orders:manage", when: "while it is being edited" }],
    example: 'id: "ord_1027", input: { customerEmail: "new@example.com", languageCode: "de" }',
    extraLocks: newOwner,
    before: beforeUpdate,
    after: afterUpdate,
  },
  delete: {
    description: "Deletes an order that was never placed, with its lines. Placed orders can be archived.",
    errors: ["IN_USE"],
    needs: [{ permission: "order_subscriptions:read" }, { permission: "returns:read" }],
    example: 'id: "ord_1029"',
    before: beforeDelete,
    after: (write, row) => deleteUnused(write, "Address", addressesOf(row, addressFields)),
  },
});

interface Lines {
  lineItems?: readonly ValuesOf<"LineItem">[];
}

async function beforeCreate(
  write: Write,
  values: Given<"Order", typeof rules>,
  _input: object,
  path: Path,
): Promise<ValuesOf<"Order"> & Lines> {
  const { customerEmail, customerId, lineItems, number, ...order } = values;
  if (order.marketId) await refuseDisabled(write, order.marketId, [...path, "marketId"]);
  await checkOwner(write, values, path);
  const { viewer } = write;
  const itself = viewer.kind === "customer" ? { owners: [viewer.customerId], path: [] } : undefined;
  const owner = (await newOwner(write, values, path)) ?? itself;
  if (owner) await write.lockOwners(owner.owners, owner.path);
  const taxes = { taxRate: null, taxIncluded: null };
  const lines = await readLines(write, lineItems ?? [], [...path, "lineItems"], taxes);
  write.check();
  return {
    ...order,
    ...(await copiedAddresses(write, {}, order)),
    ...(await customerValues(write, owner)),
    ...amountsOf(lines, taxes),
    lineItems: lines,
    number: number ?? (await nextNumber(write, "orders")),
    token: randomBytes(16).toString("hex"),
    status: owner && lines.length ? "pending" : "draft",
  };
}

async function beforeUpdate(
  write: Write,
  row: RowOf<"Order">,
  values: Given<"Order", typeof rules>,
  input: object,
  path: Path,
): Promise<ValuesOf<"Order"> & Lines> {
  const { customerEmail, customerId, lineItems, ...order } = values;
  const { status } = row;
  const cart = carts.includes(status);
  // Orders in `editing` can be changed by the shop only, and keep a customer and line items.
  const editable = cart || (status === "editing" && permits(write.viewer, ["orders:manage"]));
  for (const [field, given] of Object.entries(input)) {
    if (given === undefined || open.has(field) || (editable && (cart || !inCarts(field, given)))) continue;
    const message = `Only draft or pending orders take this; this one is ${status}.`;
    write.errors.push(new OrderStateError(status, message, [...path, field]));
  }
  await checkOwner(write, values, path);
  const { taxRate, taxIncluded } = row;
  const taxes = { taxRate, taxIncluded };
  const argumentPath = [...path, "lineItems"];
  const lines =
    cart && lineItems !== undefined
      ? await readLines(write, lineItems ?? [], argumentPath, taxes, await pricesOf(write, row.id, argumentPath))
      : undefined;
  write.check();
  const owner = await newOwner(write, values, path);
  const noOwner = customerEmail === null || customerId === null;
  const owned = owner || (!noOwner && row.customerId);
  const filled = lines ? lines.length > 0 : await hasLines(write, row.id);
  return {
    ...order,
    ...(await copiedAddresses(write, row, order)),
    ...(noOwner ? { customerId: null, customerEmail: null } : await customerValues(write, owner, row)),
    ...(lines && { ...amountsOf(lines, taxes), lineItems: lines }),
    ...(cart && { status: owned && filled ? "pending" : "draft" }),
  };
}

const addressFields = ["shippingAddressId", "billingAddressId"] as const;
type AddressField = (typeof addressFields)[number];
const addressesOf = (row: RowOf<"Order">, fields: readonly AddressField[]) =>
  fields.flatMap((field) => row[field] ?? []);

/** Whether only carts take a value of a field. */
const inCarts = (field: string, given: unknown) =>
  field === "lineItems" || (given === null && (field === "customerEmail" || field === "customerId"));

async function afterUpdate(
  write: Write,
  row: RowOf<"Order">,
  _input: object,
  path: Path,
  { lineItems, ...values }: ValuesOf<"Order"> & Lines,
) {
  if (lineItems) {
    await write.query("DELETE FROM line_items WHERE order_id = $1", [row.id]);
    await addLines(write, row.id, lineItems, [...path, "lineItems"]);
  }
  const replaced = addressFields.filter((field) => values[field] !== undefined);
  await deleteUnused(write, "Address", addressesOf(row, replaced));
}

async function beforeDelete(write: Write, row: RowOf<"Order">) {
  const { status } = row;
  if (!carts.includes(status)) {
    const message = `Only draft or pending orders can be deleted; this one is ${status}. Archive it instead.`;
    write.abortWith(new OrderStateError(status, message));
  }
  // Also deletes its payment source, unless a wallet or another order uses it.
  await write.query(
    `DELETE FROM payment_sources p WHERE p.order_id = $1
       AND NOT EXISTS (SELECT FROM customer_payment_sources l WHERE l.payment_source_id = p.id)
       AND NOT EXISTS (SELECT FROM orders o WHERE o.payment_source_id = p.id AND o.id <> $1)`,
    [row.id],
  );
}

/** Adds errors for the customer that an input names. */
async function checkOwner(write: Write, { customerEmail, customerId }: ValuesOf<"Order">, path: Path) {
  const { viewer } = write;
  const addError = (field: string, message: string) => write.addError(UserErrorCode.INVALID, [...path, field], message);
  if (customerEmail !== undefined && customerId !== undefined) {
    addError("customerId", "Name the customer by this or by `customerEmail`, not by both.");
  }
  if (viewer.kind !== "customer") return;
  if (customerId === null) addError("customerId", "Your orders keep you as their customer.");
  if (customerEmail === undefined) return;
  const [customer] = await write.query("SELECT email FROM customers WHERE id = $1", [viewer.customerId]);
  if (customer?.[0] !== customerEmail) addError("customerEmail", "Your orders carry your own e-mail address.");
}

/** The new customer of an order, not locked yet; undefined if the input names none. */
async function newOwner(write: Write, values: ValuesOf<"Order">, path: Path): Promise<ExtraLocks | undefined> {
  const { viewer } = write;
  const { customerEmail: address, customerId: id } = values;
  const argumentPath = [...path, id ? "customerId" : "customerEmail"];
  if (id) return { owners: [id], path: argumentPath };
  if (!address) return undefined;
  // A signed-in customer can create neither customers nor orders of others.
  return {
    owners: [viewer.kind === "customer" ? viewer.customerId : await customerOf(write, address, argumentPath)],
    path: argumentPath,
  };
}

/** domain rule: the order copies the e-mail address of its customer. */
async function customerValues(
  { query }: Write,
  owner: ExtraLocks | undefined,
  before?: RowOf<"Order">,
): Promise<ValuesOf<"Order">> {
  if (!owner) return {};
  const [customerId] = owner.owners;
  const [[customerEmail, orders]] = (await query("SELECT email, total_orders_count FROM customers WHERE id = $1", [
    customerId,
  ])) as [[string, number]];
  const moved = Boolean(before?.placedAt) && before?.customerId !== customerId;
  return { customerId, customerEmail, ...(moved && { customerType: orders ? "returning" : "new" }) };
}

/** domain rule: an order owns copies of its addresses, and its country is that of the first one. */
async function copiedAddresses(
  write: Write,
  before: ValuesOf<"Order">,
  values: ValuesOf<"Order">,
): Promise<ValuesOf<"Order">> {
  const changed: ValuesOf<"Order"> = {};
  const countries: Partial<Record<AddressField, string>> = {};
  for (const field of addressFields) {
    const given = values[field];
    if (given && given !== before[field]) {
      const { id, countryCode } = await copyAddress(write, given);
      changed[field] = id;
      countries[field] = countryCode;
    } else if (given !== null && before[field]) {
      const [row] = await write.query("SELECT country_code FROM addresses WHERE id = $1", [before[field]]);
      countries[field] = row?.[0] as string;
    }
  }
  if (values.shippingAddressId === undefined && values.billingAddressId === undefined) return {};
  return { ...changed, countryCode: countries.shippingAddressId ?? countries.billingAddressId ?? null };
}

async function refuseDisabled(write: Write, marketId: unknown, path: Path) {
  const [market] = await write.query("SELECT disabled_at FROM markets WHERE id = $1", [marketId]);
  if (market?.[0]) write.addError(UserErrorCode.WRONG_STATE, path, "The market is disabled; name one that is open.");
}

async function hasLines({ query }: Write, orderId: string): Promise<boolean> {
  return (await query("SELECT 1 FROM line_items WHERE order_id = $1 LIMIT 1", [orderId])).length > 0;
}
