import type { Row } from "../seed.js";
import { type Draft, opening, type Shop, tagId } from "./shop.js";

export interface Market {
  id: string;
  currency: "EUR" | "USD" | "JPY";
  taxIncluded: boolean;
}

export const markets = {
  europe: { id: "mkt_europe", currency: "EUR", taxIncluded: true },
  usa: { id: "mkt_usa", currency: "USD", taxIncluded: false },
  japan: { id: "mkt_japan", currency: "JPY", taxIncluded: true },
  vip: { id: "mkt_vip", currency: "EUR", taxIncluded: true },
  live: { id: "mkt_live_europe", currency: "EUR", taxIncluded: true },
} satisfies Record<string, Market>;

export const products = {
  mug: { code: "MUG-BLUE", name: "Blue mug", EUR: 1200, USD: 1400, JPY: 1800 },
  tee: { code: "TEE-BLACK-M", name: "Black T-shirt, M", EUR: 2500, USD: 2900, JPY: 3800 },
  shirt: { code: "TEE-WHITE-L", name: "White T-shirt, L", EUR: 2500, USD: 2900, JPY: 3800 },
  hoodie: { code: "HOODIE-GREY-M", name: "Grey hoodie, M", EUR: 5900, USD: 6500, JPY: 8800 },
  cap: { code: "CAP-RED", name: "Red cap", EUR: 1900, USD: 2200, JPY: 2900 },
  poster: { code: "POSTER-A2", name: "Poster, A2", EUR: 1500, USD: 1700, JPY: 2200 },
  notebook: { code: "NOTEBOOK-A5", name: "Notebook, A5", EUR: 900, USD: 1000, JPY: 1300 },
  coffee: { code: "COFFEE-1KG", name: "Espresso beans, 1 kg", EUR: 2190, USD: 2490, JPY: 3300 },
  filters: { code: "FILTERS-100", name: "Coffee filters, 100", EUR: 650, USD: 750, JPY: 950 },
  ebook: { code: "EBOOK-ESPRESSO", name: "The espresso handbook (e-book)", EUR: 1490, USD: 1690, JPY: 2200 },
} as const;
export type Product = keyof typeof products;

export const methods = {
  adyen: "adyen_payments",
  axerve: "axerve_payments",
  braintree: "braintree_payments",
  checkout: "checkout_com_payments",
  external: "external_payments",
  klarna: "klarna_payments",
  paypal: "paypal_payments",
  satispay: "satispay_payments",
  stripe: "stripe_payments",
  wire: "wire_transfers",
} as const;
export type Method = keyof typeof methods;

const methodNames: Record<Method, string> = {
  adyen: "Adyen Payment",
  axerve: "Axerve Payment",
  braintree: "Braintree Payment",
  checkout: "Checkout.com Payment",
  external: "Gift voucher at the counter",
  klarna: "Klarna Payment",
  paypal: "PayPal Payment",
  satispay: "Satispay Payment",
  stripe: "Stripe Payment",
  wire: "Wire transfer",
};

const tags = ["vip", "b2b", "newsletter", "gift", "fragile", "priority", "season:autumn", "eco"];

const customerGroups: Draft<"CustomerGroup">[] = [
  { id: "cgr_vip", name: "VIP", code: "vip", reference: "SEG-1", referenceOrigin: "crm", createdAt: opening },
  { id: "cgr_wholesale", name: "Wholesale", code: "wholesale", metadata: { discount: "15%" }, createdAt: opening },
  { id: "cgr_staff", name: "Staff", code: "staff", createdAt: opening },
];

const marketRows: Draft<"Market">[] = [
  { id: "mkt_europe", name: "Europe", code: "europe", currencyCode: "EUR", createdAt: opening },
  { id: "mkt_usa", name: "United States", code: "usa", currencyCode: "USD", createdAt: opening },
  { id: "mkt_japan", name: "Japan", code: "japan", currencyCode: "JPY", createdAt: opening },
  {
    id: "mkt_vip",
    name: "VIP club",
    code: "vip-club",
    currencyCode: "EUR",
    customerGroupId: "cgr_vip",
    checkoutUrl: "https://vip.example.com/checkout",
    createdAt: opening,
  },
  {
    id: "mkt_outlet",
    name: "Outlet 2025",
    code: "outlet-2025",
    currencyCode: "EUR",
    disabledAt: "2026-02-01T00:00:00.000Z",
    createdAt: opening,
    updatedAt: "2026-02-01T00:00:00.000Z",
  },
  { id: "mkt_live_europe", mode: "live", name: "Europe", code: "europe", currencyCode: "EUR", createdAt: opening },
];

const addresses: Draft<"Address">[] = [
  {
    id: "adr_stock_milan",
    business: true,
    company: "Demo Shop S.r.l.",
    line1: "Via Savona 97",
    city: "Milano",
    zipCode: "20144",
    stateCode: "MI",
    countryCode: "IT",
    phone: "+39 02 5550 100",
    createdAt: opening,
  },
  {
    id: "adr_stock_newark",
    business: true,
    company: "Demo Shop Inc.",
    line1: "40 Port Street",
    city: "Newark",
    zipCode: "07114",
    stateCode: "NJ",
    countryCode: "US",
    phone: "+1 973 555 0100",
    createdAt: opening,
  },
];

const stockLocations: Draft<"StockLocation">[] = [
  { id: "slo_milan", name: "Milan", code: "milan", addressId: "adr_stock_milan", createdAt: opening },
  {
    id: "slo_newark",
    name: "Newark",
    code: "newark",
    labelFormat: "ZPL",
    suppressEtd: true,
    addressId: "adr_stock_newark",
    createdAt: opening,
  },
];

/** The shop's own rows: SKUs, markets, stock locations, payment methods. */
export function addCatalogue(shop: Shop): void {
  for (const name of tags) shop.add("Tag", { id: tagId(name), name, createdAt: opening });
  shop.add("CustomerGroup", ...customerGroups);
  shop.add("Market", ...marketRows);
  shop.add("Address", ...addresses);
  shop.add("StockLocation", ...stockLocations);
  addSkus(shop);
  for (const [key, type] of Object.entries(methods)) addPaymentMethod(shop, key as Method, type);
}

function addSkus(shop: Shop): void {
  for (const [key, { code, name }] of Object.entries(products)) {
    const virtual = key === "ebook";
    shop.add("Sku", {
      id: `sku_${key}`,
      code,
      name,
      imageUrl: imageOf(code),
      doNotShip: virtual,
      doNotTrack: virtual,
      createdAt: opening,
    });
  }
  shop.add("Sku", { id: "sku_live_mug", mode: "live", code: "MUG-BLUE", name: "Blue mug", createdAt: opening });
  shop.tag("Sku", "sku_mug", ["fragile"]);
  shop.tag("Sku", "sku_coffee", ["eco", "season:autumn"]);
}

function addPaymentMethod(shop: Shop, key: Method, paymentSourceType: Row<"PaymentMethod">["paymentSourceType"]): void {
  shop.add("PaymentMethod", {
    id: `pmt_${key}`,
    name: methodNames[key],
    paymentSourceType,
    currencyCode: key === "satispay" || key === "axerve" ? "EUR" : undefined,
    requireCapture: key !== "satispay" && key !== "wire",
    priceAmountCents: key === "paypal" ? 250 : 0,
    disabledAt: key === "braintree" ? "2026-09-30T00:00:00.000Z" : undefined,
    createdAt: opening,
    updatedAt: key === "braintree" ? "2026-09-30T00:00:00.000Z" : opening,
  });
}

export function imageOf(code: string): string {
  return `https://images.example.com/${code.toLowerCase()}.png`;
}
