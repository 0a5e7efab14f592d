import type { Prisma } from "../../src/generated/prisma/client.js";
import { type Method, methods } from "./catalogue.js";
import { addOrder, type OrderDraft } from "./orders.js";
import type { Draft, Shop } from "./shop.js";

/** A payment source: its type, and the gateway's data. */
export interface PaymentSourceDraft {
  method: Method;
  createdAt: string;
  paymentInstrument?: Prisma.InputJsonObject;
  attributes?: Prisma.InputJsonObject;
  /** The order that it belongs to. */
  orderId?: string;
}

/** A customer and related rows, by name: `ada_home` in the address book becomes the address `adr_ada_home`. */
export interface Story {
  customer?: Draft<"Customer">;
  tags?: readonly string[];
  addressBook?: Readonly<Record<string, Omit<Draft<"Address">, "id"> & { tags?: readonly string[] }>>;
  /** Addresses that the customer created, and that nothing has yet. */
  addresses?: Readonly<Record<string, Omit<Draft<"Address">, "id">>>;
  wallet?: Readonly<Record<string, PaymentSourceDraft>>;
  /** Single-use payment sources. */
  paymentSources?: Readonly<Record<string, PaymentSourceDraft>>;
  subscriptions?: Readonly<Record<string, { reference: string; createdAt: string }>>;
  orders?: Readonly<Record<number, OrderDraft>>;
}

export function addStory(shop: Shop, story: Story): void {
  const customer = story.customer && addCustomer(shop, story.customer, story.tags);
  const customerId = customer?.id ?? "";
  for (const [name, { tags, ...address }] of Object.entries(story.addressBook ?? {})) {
    const { mode, createdAt } = address;
    shop.add("Address", { id: `adr_${name}`, reference: `cad_${name}`, ...address });
    shop.tag("Address", `adr_${name}`, tags);
    shop.add("CustomerAddress", { id: `cad_${name}`, customerId, addressId: `adr_${name}`, mode, createdAt });
  }
  for (const [name, address] of Object.entries(story.addresses ?? {})) {
    shop.add("Address", { id: `adr_${name}`, customerId, ...address });
  }
  for (const [name, source] of Object.entries(story.wallet ?? {})) {
    addPaymentSource(shop, name, source);
    addToWallet(shop, name, customerId, source);
  }
  for (const [name, source] of Object.entries(story.paymentSources ?? {})) addPaymentSource(shop, name, source);
  for (const [name, draft] of Object.entries(story.subscriptions ?? {})) {
    shop.add("CustomerSubscription", { id: `csu_${name}`, customerId, ...draft });
  }
  for (const [number, draft] of Object.entries(story.orders ?? {})) addOrder(shop, Number(number), draft, customer);
}

function addCustomer(shop: Shop, draft: Draft<"Customer">, tags?: readonly string[]) {
  const number = shop.all("Customer").length + 1;
  const profileId = `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`;
  shop.add("Customer", { shopperReference: `shopper-${String(number).padStart(4, "0")}`, profileId, ...draft });
  shop.tag("Customer", draft.id, tags);
  return shop.get("Customer", draft.id);
}

function addPaymentSource(shop: Shop, name: string, { method, attributes = {}, ...source }: PaymentSourceDraft): void {
  shop.add("PaymentSource", { id: `pso_${name}`, kind: methods[method], attributes, ...source });
}

function addToWallet(shop: Shop, name: string, customerId: string, { method, createdAt }: PaymentSourceDraft): void {
  shop.add("CustomerPaymentSource", {
    id: `cps_${name}`,
    customerId,
    paymentMethodId: `pmt_${method}`,
    paymentSourceId: `pso_${name}`,
    customerToken: `demo-customer-${name.replaceAll("_", "-")}`,
    paymentSourceToken: `demo-source-${name.replaceAll("_", "-")}`,
    createdAt,
  });
}

export function card(
  issuer: string,
  type: string,
  lastDigits: string,
  expiryMonth: string,
  expiryYear: string,
  holder?: string,
): Prisma.InputJsonObject {
  return {
    issuer,
    issuer_type: "credit card",
    card_type: type,
    card_last_digits: lastDigits,
    card_expiry_month: expiryMonth,
    card_expiry_year: expiryYear,
    ...(holder && { card_holder_name: holder }),
  };
}
