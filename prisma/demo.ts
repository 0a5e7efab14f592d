// The demo shop that seed.ts puts into an empty database: a dozen customers, each with a story that some screen needs.
// Nothing depends on the clock or on chance, so that examples and tests may name any id, date or amount.
import type { Prisma } from "../src/generated/prisma/client.js";
import type { ModelName } from "../src/graph/model/datamodel.js";
import type { Batch, Row, Tagging } from "./seed.js";

/** The password of every registered customer of the demo shop is `correct-horse-9`. */
const passwordDigest = "$2b$10$0Pz/Tprk8Mxyr8dvNrQ5xujb13aYdjzYI3ki8VeKNsZRDscGrG0xi";

/** A row as written below: `mode` is test, and nothing changed since `createdAt`, unless it says otherwise. */
type Draft<M extends ModelName> = Omit<Row<M>, "mode" | "createdAt" | "updatedAt"> & {
  mode?: "test" | "live";
  createdAt: string;
  updatedAt?: string;
};

type LineDraft = Omit<Partial<Row<"LineItem">>, "id" | "mode" | "orderId" | "createdAt" | "updatedAt"> & {
  quantity: number;
  totalAmountCents: number;
  taxed: boolean;
};

interface Market {
  id: string;
  currency: "EUR" | "USD" | "JPY";
  taxIncluded: boolean;
}

const markets = {
  europe: { id: "mkt_europe", currency: "EUR", taxIncluded: true },
  usa: { id: "mkt_usa", currency: "USD", taxIncluded: false },
  japan: { id: "mkt_japan", currency: "JPY", taxIncluded: true },
  vip: { id: "mkt_vip", currency: "EUR", taxIncluded: true },
  live: { id: "mkt_live_europe", currency: "EUR", taxIncluded: true },
} satisfies Record<string, Market>;

const products = {
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
type Product = keyof typeof products;

const methods = {
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
type Method = keyof typeof methods;

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

const staff = {
  vera: { id: "usr_vera", first_name: "Vera", last_name: "Support", email: "vera@example.com" },
  tom: { id: "usr_tom", first_name: "Tom", last_name: "Privacy", email: "tom@example.com" },
};
const dashboard = {
  id: "app_dashboard",
  client_id: "demo-dashboard",
  kind: "webapp",
  public: false,
  confidential: true,
};
const storefront = {
  id: "app_storefront",
  client_id: "demo-storefront",
  kind: "sales_channel",
  public: true,
  confidential: false,
};

function byStaff(user: typeof staff.vera) {
  return { application: dashboard, owner: { ...user, type: "User" } };
}

function byCustomer(id: string, email: string) {
  return { application: storefront, owner: { id, type: "Customer", email } };
}

const byWorker = (type: string) => ({ worker: { id: `wrk_${type.toLowerCase()}`, type } });

/** The rows in the order in which they can be inserted, and the tags on them. */
export function demoShop(): { batches: Batch[]; taggings: Tagging[] } {
  const rows: { [M in ModelName]?: Row<M>[] } = {};
  const taggings: Tagging[] = [];

  function list<M extends ModelName>(model: M): Row<M>[] {
    rows[model] ??= [];
    return rows[model];
  }

  function add<M extends ModelName>(model: M, ...drafts: Draft<M>[]): void {
    for (const draft of drafts) {
      const { mode = "test", updatedAt = draft.createdAt } = draft;
      list(model).push({ ...draft, mode, updatedAt } as Row<M>);
    }
  }

  function tag(model: ModelName, id: string, ...names: string[]): void {
    for (const name of names) taggings.push({ model, id, tagId: `tag_${name.replace(/\W/g, "_")}` });
  }

  // ---- What belongs to the shop

  const opening = "2026-01-02T08:00:00.000Z";
  for (const name of ["vip", "b2b", "newsletter", "gift", "fragile", "priority", "season:autumn", "eco"]) {
    add("Tag", { id: `tag_${name.replace(/\W/g, "_")}`, name, createdAt: opening });
  }
  add(
    "CustomerGroup",
    { id: "cgr_vip", name: "VIP", code: "vip", reference: "SEG-1", referenceOrigin: "crm", createdAt: opening },
    { id: "cgr_wholesale", name: "Wholesale", code: "wholesale", metadata: { discount: "15%" }, createdAt: opening },
    { id: "cgr_staff", name: "Staff", code: "staff", createdAt: opening },
  );
  add(
    "Market",
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
  );
  add(
    "Address",
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
  );
  add(
    "StockLocation",
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
  );
  for (const [key, { code, name }] of Object.entries(products)) {
    const virtual = key === "ebook";
    add("Sku", {
      id: `sku_${key}`,
      code,
      name,
      imageUrl: imageOf(code),
      doNotShip: virtual,
      doNotTrack: virtual,
      createdAt: opening,
    });
  }
  add("Sku", { id: "sku_live_mug", mode: "live", code: "MUG-BLUE", name: "Blue mug", createdAt: opening });
  tag("Sku", "sku_mug", "fragile");
  tag("Sku", "sku_coffee", "eco", "season:autumn");
  for (const [key, paymentSourceType] of Object.entries(methods) as [Method, (typeof methods)[Method]][]) {
    add("PaymentMethod", {
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

  // ---- Builders

  let people = 0;
  function customer(draft: Draft<"Customer">): void {
    people++;
    const profileId = `00000000-0000-4000-8000-${String(people).padStart(12, "0")}`;
    add("Customer", { shopperReference: `shopper-${String(people).padStart(4, "0")}`, profileId, ...draft });
  }

  /** An entry of an address book: the address and its link, `adr_x` and `cad_x`. */
  function bookEntry(name: string, customerId: string, address: Omit<Draft<"Address">, "id">): void {
    add("Address", { id: `adr_${name}`, reference: `cad_${name}`, ...address });
    add("CustomerAddress", {
      id: `cad_${name}`,
      customerId,
      addressId: `adr_${name}`,
      mode: address.mode,
      createdAt: address.createdAt,
    });
  }

  function wallet(
    name: string,
    customerId: string,
    method: Method,
    createdAt: string,
    paymentInstrument?: Prisma.InputJsonObject,
    attributes: Prisma.InputJsonObject = {},
  ): void {
    source(name, method, createdAt, paymentInstrument, attributes);
    add("CustomerPaymentSource", {
      id: `cps_${name}`,
      customerId,
      paymentMethodId: `pmt_${method}`,
      paymentSourceId: `pso_${name}`,
      customerToken: `demo-customer-${name.replaceAll("_", "-")}`,
      paymentSourceToken: `demo-source-${name.replaceAll("_", "-")}`,
      createdAt,
    });
  }

  function source(
    name: string,
    method: Method,
    createdAt: string,
    paymentInstrument?: Prisma.InputJsonObject,
    attributes: Prisma.InputJsonObject = {},
    orderId?: string,
  ): void {
    add("PaymentSource", {
      id: `pso_${name}`,
      kind: methods[method],
      paymentInstrument,
      attributes,
      orderId,
      createdAt,
    });
  }

  interface OrderDraft
    extends Omit<Draft<"Order">, "id" | "number" | "customerEmail" | "customerType" | "marketId" | "paymentMethodId"> {
    market: Market;
    /** The part of the customer's id after `cus_`. */
    customer?: string;
    lines?: LineDraft[];
    /** Entries of the address book that the order's own addresses are copied from. */
    shipTo?: string;
    billTo?: string;
    method?: Method;
  }

  const placedBefore = new Set<string>();
  function order(number: number, draft: OrderDraft, prefix = ""): void {
    const { market, customer: owner, lines = [], shipTo, billTo = shipTo, method, ...rest } = draft;
    const id = `ord_${prefix}${number}`;
    const customerId = owner && `cus_${owner}`;
    const person = rows.Customer?.find((row) => row.id === customerId);
    const country = rows.Address?.find((row) => row.id === `adr_${shipTo ?? billTo}`)?.countryCode;
    const amounts = amountsOf(lines, market, rest.taxRate ?? 0);
    const placed = Boolean(rest.placedAt);
    add("Order", {
      id,
      number: String(number),
      customerId,
      customerEmail: person?.email,
      customerType: placed ? (placedBefore.has(customerId ?? "") ? "returning" : "new") : undefined,
      guest: placed && !person?.passwordDigest,
      marketId: market.id,
      currencyCode: market.currency,
      taxIncluded: market.taxIncluded,
      freightTaxable: false,
      paymentMethodTaxable: false,
      countryCode: country,
      shippingAddressId: shipTo && copyAddress(shipTo, `${prefix}${number}_shipping`, rest.createdAt),
      billingAddressId: billTo && copyAddress(billTo, `${prefix}${number}_billing`, rest.createdAt),
      paymentMethodId: method && `pmt_${method}`,
      shipmentsCount: lines.some(({ itemType }) => itemType === "shipments") ? 1 : 0,
      lineItemOptionsCount: lines.filter(({ optionsAmountCents }) => optionsAmountCents).length,
      placeTotalAmountCents: placed
        ? amounts.totalAmountCents + (market.taxIncluded ? 0 : amounts.totalTaxAmountCents)
        : 0,
      token: `demo${prefix}${number}token`.padEnd(32, "0"),
      cartUrl: `https://shop.example.com/cart/${number}`,
      checkoutUrl: placed ? undefined : `https://checkout.example.com/${number}`,
      updatedAt: latest(
        rest.createdAt,
        rest.placedAt,
        rest.approvedAt,
        rest.cancelledAt,
        rest.paymentUpdatedAt,
        rest.fulfillmentUpdatedAt,
        rest.archivedAt,
      ),
      ...amounts,
      ...rest,
    });
    if (placed && customerId) placedBefore.add(customerId);
    lines.forEach(({ taxed, ...line }, index) => {
      const tax = taxed ? taxOf(line.totalAmountCents, rest.taxRate ?? 0, market.taxIncluded) : 0;
      add("LineItem", {
        id: `lin_${prefix}${number}_${index + 1}`,
        mode: rest.mode,
        orderId: id,
        currencyCode: market.currency,
        taxAmountCents: tax,
        taxRate: taxed ? rest.taxRate : undefined,
        createdAt: rest.createdAt,
        ...line,
        ...(prefix && { skuId: `sku_${prefix}mug` }),
      });
    });
  }

  function copyAddress(entry: string, name: string, createdAt: string): string {
    const original = rows.Address!.find(({ id }) => id === `adr_${entry}`)!;
    rows.Address!.push({ ...original, id: `adr_${name}`, createdAt, updatedAt: createdAt });
    return `adr_${name}`;
  }

  function sku(product: Product, quantity: number, market: Market, extra: Partial<LineDraft> = {}): LineDraft {
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

  /** The first of the kinds of line that are not goods: what it is called, and what it costs (negative: saves). */
  function cost(
    itemType: LineDraft["itemType"],
    name: string,
    cents: number,
    extra: Partial<LineDraft> = {},
  ): LineDraft {
    const taxed = cents < 0 && itemType !== "gift_cards";
    return { itemType, name, quantity: 1, unitAmountCents: cents, totalAmountCents: cents, taxed, ...extra };
  }
  const shipping = (cents: number) => cost("shipments", "Standard shipping", cents);

  /** Goods that come back from an order: the number of its line, how many, and why. */
  function sendBack(
    order: number,
    count: number,
    draft: Omit<Draft<"Return">, "id" | "number" | "orderId">,
    lines: { line: number; quantity: number; reason: Prisma.InputJsonObject; restockedAt?: string }[],
  ): void {
    const id = `ret_${order}_${count}`;
    add("Return", {
      id,
      number: `#${order}/R/${String(count).padStart(3, "0")}`,
      orderId: `ord_${order}`,
      originAddressId: `adr_${order}_shipping`,
      stockLocationId: "slo_milan",
      destinationAddressId: copyAddress("stock_milan", `${order}_return_${count}`, draft.createdAt),
      updatedAt: latest(
        draft.createdAt,
        draft.approvedAt,
        draft.shippedAt,
        draft.receivedAt,
        draft.refundedAt,
        draft.rejectedAt,
        draft.cancelledAt,
        draft.archivedAt,
      ),
      ...draft,
    });
    lines.forEach(({ line, quantity, reason, restockedAt }, index) => {
      const bought = rows.LineItem!.find((item) => item.id === `lin_${order}_${line}`)!;
      add("ReturnLineItem", {
        id: `rli_${order}_${count}_${index + 1}`,
        returnId: id,
        lineItemId: bought.id,
        quantity,
        totalAmountCents: Math.round(
          ((bought.totalAmountCents! + (bought.discountCents ?? 0)) * quantity) / bought.quantity,
        ),
        returnReason: reason,
        restockedAt,
        createdAt: draft.createdAt,
      });
    });
  }

  let events = 0;
  function event(name: string, resourceId: string, createdAt: string, mode?: "live"): string {
    const id = `evt_${++events}`;
    add("Event", { id, mode, name, resourceType: name.split(".")[0]!, resourceId, createdAt });
    return id;
  }

  let entries = 0;
  function audit(
    resourceType: string,
    resourceId: string,
    createdAt: string,
    entry: Pick<Row<"EventStore">, "event" | "payload" | "who">,
  ): void {
    add("EventStore", { id: `est_${++entries}`, resourceType, resourceId, createdAt, ...entry });
  }

  const { europe, usa, japan, vip } = markets;

  // ---- Ada: the VIP who has everything

  const ada = "cus_ada";
  customer({
    id: ada,
    email: "ada@example.com",
    passwordDigest,
    customerGroupId: "cgr_vip",
    reference: "CRM-1001",
    referenceOrigin: "crm",
    metadata: { first_name: "Ada", last_name: "Lovelace", language: "en", default_address: "cad_ada_home" },
    createdAt: "2026-01-10T09:15:00.000Z",
    updatedAt: "2026-10-03T10:20:00.000Z",
  });
  tag("Customer", ada, "vip", "newsletter", "priority");
  bookEntry("ada_home", ada, {
    firstName: "Ada",
    lastName: "Lovelace",
    line1: "12 St James's Square",
    city: "London",
    zipCode: "SW1Y 4LB",
    countryCode: "GB",
    phone: "+44 20 7946 0112",
    email: "ada@example.com",
    notes: "Please ring twice.",
    lat: 51.5072,
    lng: -0.1353,
    providerName: "google",
    mapUrl: "https://maps.example.com/?q=51.5072,-0.1353",
    staticMapUrl: "https://maps.example.com/static?q=51.5072,-0.1353",
    createdAt: "2026-01-12T10:00:00.000Z",
  });
  bookEntry("ada_office", ada, {
    business: true,
    company: "Analytical Engines S.r.l.",
    firstName: "Ada",
    lastName: "Lovelace",
    line1: "Corso Como 15",
    line2: "Piano 3",
    city: "Milano",
    zipCode: "20154",
    stateCode: "MI",
    countryCode: "IT",
    phone: "+39 02 5550 142",
    email: "office@example.com",
    billingInfo: "IT01234567890",
    createdAt: "2026-07-14T16:30:00.000Z",
  });
  bookEntry("ada_parents", ada, {
    firstName: "Annabella",
    lastName: "Byron",
    line1: "Kirkby Hall",
    city: "Kirkby Mallory",
    zipCode: "LE9 7QE",
    stateCode: "LEI",
    countryCode: "GB",
    phone: "+44 1632 960 114",
    notes: "Leave with the neighbour.",
    lat: 52.6047,
    lng: -1.3225,
    createdAt: "2026-03-17T18:00:00.000Z",
  });
  tag("Address", "adr_ada_home", "priority");
  tag("Address", "adr_ada_parents", "gift");
  wallet(
    "ada_visa",
    ada,
    "stripe",
    "2026-01-12T10:04:00.000Z",
    card("Demo Bank", "visa", "4242", "10", "2030", "Ada Lovelace"),
    {
      stripe_id: "pi_demo_1001",
      charge_id: "ch_demo_1001",
      receipt_email: "ada@example.com",
      mismatched_amounts: false,
    },
  );
  wallet(
    "ada_amex",
    ada,
    "adyen",
    "2026-02-20T19:10:00.000Z",
    card("Demo Bank", "amex", "0005", "3", "2028", "Ada Lovelace"),
    {
      mismatched_amounts: false,
    },
  );
  wallet("ada_paypal", ada, "paypal", "2026-07-15T08:01:00.000Z", undefined, {
    name: "ada@example.com",
    paypal_id: "PAYID-DEMO1015",
    status: "approved",
    note_to_payer: "Thank you!",
    mismatched_amounts: false,
  });
  add("CustomerSubscription", {
    id: "csu_ada_newsletter",
    customerId: ada,
    reference: "newsletter",
    createdAt: "2026-01-12T10:06:00.000Z",
  });
  add("CustomerSubscription", {
    id: "csu_ada_restock",
    customerId: ada,
    reference: "back-in-stock",
    createdAt: "2026-05-02T07:30:00.000Z",
  });

  order(1001, {
    customer: "ada",
    market: europe,
    status: "approved",
    paymentStatus: "paid",
    fulfillmentStatus: "fulfilled",
    taxRate: 0.2,
    shipTo: "ada_home",
    method: "stripe",
    paymentSourceId: "pso_ada_visa",
    paymentSourceDetails: { type: "stripe_payments", card_type: "visa", card_last_digits: "4242" },
    lines: [
      sku("mug", 2, europe),
      sku("tee", 1, europe, {
        name: "Black T-shirt, M, embroidered",
        optionsAmountCents: 600,
        compareAtAmountCents: 2900,
      }),
      shipping(700),
    ],
    createdAt: "2026-01-12T09:50:00.000Z",
    placedAt: "2026-01-12T10:05:00.000Z",
    approvedAt: "2026-01-12T11:00:00.000Z",
    paymentUpdatedAt: "2026-01-12T11:00:00.000Z",
    fulfillmentUpdatedAt: "2026-01-15T13:00:00.000Z",
    archivedAt: "2026-07-31T08:00:00.000Z",
  });

  // ---- Bruno: a registered Italian who comes back, and has a recurring order that waits for a payment source

  const bruno = "cus_bruno";
  customer({
    id: bruno,
    email: "bruno.rossi@example.com",
    passwordDigest,
    reference: "CRM-1002",
    referenceOrigin: "crm",
    metadata: { first_name: "Bruno", last_name: "Rossi", language: "it" },
    createdAt: "2026-01-25T17:00:00.000Z",
    updatedAt: "2026-10-05T12:00:00.000Z",
  });
  tag("Customer", bruno, "newsletter");
  bookEntry("bruno_home", bruno, {
    firstName: "Bruno",
    lastName: "Rossi",
    line1: "Via de' Tornabuoni 7",
    city: "Firenze",
    zipCode: "50123",
    stateCode: "FI",
    countryCode: "IT",
    phone: "+39 055 5550 107",
    billingInfo: "RSSBRN80A01D612X",
    createdAt: "2026-01-25T17:10:00.000Z",
  });
  wallet("bruno_satispay", bruno, "satispay", "2026-01-25T17:14:00.000Z", undefined, {
    payment_id: "sat-demo-1002",
    flow: "MATCH_CODE",
    status: "ACCEPTED",
  });
  wallet(
    "bruno_axerve",
    bruno,
    "axerve",
    "2026-06-28T20:41:00.000Z",
    card("Banca Demo", "mastercard", "4444", "7", "2027"),
    {
      request_token: true,
      return_url: "https://shop.example.com/checkout/return",
      mismatched_amounts: false,
    },
  );
  add("CustomerSubscription", {
    id: "csu_bruno_newsletter",
    customerId: bruno,
    reference: "newsletter",
    createdAt: "2026-01-25T17:16:00.000Z",
  });
  order(1002, {
    customer: "bruno",
    market: europe,
    status: "approved",
    paymentStatus: "paid",
    fulfillmentStatus: "fulfilled",
    languageCode: "it",
    taxRate: 0.22,
    requiresBillingInfo: true,
    shipTo: "bruno_home",
    method: "satispay",
    paymentSourceId: "pso_bruno_satispay",
    lines: [sku("hoodie", 1, europe), sku("notebook", 2, europe), shipping(500)],
    createdAt: "2026-01-25T17:05:00.000Z",
    placedAt: "2026-01-25T17:15:00.000Z",
    approvedAt: "2026-01-26T08:00:00.000Z",
    paymentUpdatedAt: "2026-01-26T08:00:00.000Z",
    fulfillmentUpdatedAt: "2026-01-28T15:00:00.000Z",
  });

  // ---- Grace: a guest, she never set a password

  customer({
    id: "cus_grace",
    email: "grace.miller@example.com",
    metadata: { first_name: "Grace", last_name: "Miller" },
    createdAt: "2026-02-03T22:31:00.000Z",
    updatedAt: "2026-09-26T18:00:00.000Z",
  });
  bookEntry("grace_home", "cus_grace", {
    firstName: "Grace",
    lastName: "Miller",
    line1: "2883 Geraldine Lane",
    line2: "Apt. 23",
    city: "New York",
    zipCode: "10013",
    stateCode: "NY",
    countryCode: "US",
    phone: "(212) 555-0128",
    email: "grace.miller@example.com",
    createdAt: "2026-02-03T22:31:00.000Z",
  });
  source("grace_counter", "external", "2026-02-03T22:35:00.000Z", undefined, {}, "ord_1003");
  order(1003, {
    customer: "grace",
    market: usa,
    status: "approved",
    paymentStatus: "paid",
    fulfillmentStatus: "fulfilled",
    taxRate: 0.08875,
    shipTo: "grace_home",
    method: "external",
    paymentSourceId: "pso_grace_counter",
    lines: [sku("cap", 1, usa), sku("poster", 3, usa), shipping(895)],
    createdAt: "2026-02-03T22:20:00.000Z",
    placedAt: "2026-02-03T22:36:00.000Z",
    approvedAt: "2026-02-04T14:00:00.000Z",
    paymentUpdatedAt: "2026-02-04T14:00:00.000Z",
    fulfillmentUpdatedAt: "2026-02-07T16:00:00.000Z",
  });

  order(1004, {
    customer: "ada",
    market: europe,
    status: "approved",
    paymentStatus: "partially_refunded",
    fulfillmentStatus: "fulfilled",
    taxRate: 0.2,
    couponCode: "WELCOME10",
    shipTo: "ada_home",
    method: "adyen",
    paymentSourceId: "pso_ada_amex",
    lines: [
      sku("hoodie", 2, europe, { discountCents: -1180 }),
      sku("cap", 1, europe, { discountCents: -190 }),
      cost("percentage_discount_promotions", "Welcome, 10% off", -1370, { couponCode: "WELCOME10" }),
      shipping(700),
    ],
    createdAt: "2026-02-20T19:00:00.000Z",
    placedAt: "2026-02-20T19:12:00.000Z",
    approvedAt: "2026-02-21T08:30:00.000Z",
    paymentUpdatedAt: "2026-03-12T09:00:00.000Z",
    fulfillmentUpdatedAt: "2026-02-24T12:00:00.000Z",
  });

  // ---- Jürgen: a company of the wholesale group. The erasure that was asked for failed

  const jurgen = "cus_jurgen";
  customer({
    id: jurgen,
    email: "einkauf@example.org",
    passwordDigest,
    customerGroupId: "cgr_wholesale",
    taxExemptionCode: "DE-EX-2210",
    reference: "ERP-77",
    referenceOrigin: "erp",
    metadata: { first_name: "Jürgen", last_name: "Groß", company: "Groß & Söhne GmbH" },
    anonymizationStatus: "failed",
    anonymizationRequestedAt: "2026-09-28T09:00:00.000Z",
    anonymizationStartedAt: "2026-09-29T09:00:00.000Z",
    anonymizationFailedAt: "2026-09-29T09:00:04.000Z",
    anonymizationRequester: staff.tom,
    anonymizationReason: "The company has closed.",
    createdAt: "2026-03-05T07:45:00.000Z",
    updatedAt: "2026-09-29T09:00:04.000Z",
  });
  tag("Customer", jurgen, "b2b");
  bookEntry("jurgen_office", jurgen, {
    business: true,
    company: "Groß & Söhne GmbH",
    line1: "Königstraße 28",
    city: "Stuttgart",
    zipCode: "70173",
    stateCode: "BW",
    countryCode: "DE",
    phone: "+49 711 5550 128",
    billingInfo: "DE123456789",
    createdAt: "2026-03-05T07:50:00.000Z",
  });
  wallet("jurgen_wire", jurgen, "wire", "2026-03-05T08:00:00.000Z");
  order(1005, {
    customer: "jurgen",
    market: europe,
    status: "approved",
    paymentStatus: "paid",
    fulfillmentStatus: "fulfilled",
    languageCode: "de",
    taxRate: 0.19,
    requiresBillingInfo: true,
    affiliateCode: "FAIR-2026",
    shipTo: "jurgen_office",
    method: "wire",
    paymentSourceId: "pso_jurgen_wire",
    lines: [
      sku("mug", 40, europe),
      {
        itemType: "bundles",
        bundleCode: "BREAKFAST-SET",
        name: "Breakfast set",
        quantity: 5,
        unitAmountCents: 3900,
        totalAmountCents: 19500,
        taxed: true,
      },
      cost("adjustments", "Wholesale agreement", -5000),
      shipping(2400),
    ],
    createdAt: "2026-03-05T07:40:00.000Z",
    placedAt: "2026-03-05T08:02:00.000Z",
    approvedAt: "2026-03-09T08:00:00.000Z",
    paymentUpdatedAt: "2026-03-09T08:00:00.000Z",
    fulfillmentUpdatedAt: "2026-03-12T10:00:00.000Z",
  });

  order(1006, {
    customer: "ada",
    market: europe,
    status: "cancelled",
    paymentStatus: "voided",
    fulfillmentStatus: "unfulfilled",
    taxRate: 0.2,
    shipTo: "ada_parents",
    billTo: "ada_home",
    method: "stripe",
    paymentSourceId: "pso_ada_visa",
    lines: [sku("poster", 1, europe), shipping(700)],
    createdAt: "2026-03-18T07:20:00.000Z",
    placedAt: "2026-03-18T07:25:00.000Z",
    cancelledAt: "2026-03-18T09:00:00.000Z",
    paymentUpdatedAt: "2026-03-18T09:00:00.000Z",
  });
  order(1007, {
    customer: "ada",
    market: europe,
    status: "approved",
    paymentStatus: "paid",
    fulfillmentStatus: "fulfilled",
    taxRate: 0.2,
    shipTo: "ada_home",
    method: "stripe",
    paymentSourceId: "pso_ada_visa",
    lines: [
      sku("coffee", 2, europe, { frequency: "two-month" }),
      sku("filters", 1, europe, { frequency: "two-month" }),
      shipping(700),
    ],
    createdAt: "2026-04-01T06:55:00.000Z",
    placedAt: "2026-04-01T07:00:00.000Z",
    approvedAt: "2026-04-01T08:00:00.000Z",
    paymentUpdatedAt: "2026-04-01T08:00:00.000Z",
    fulfillmentUpdatedAt: "2026-04-03T11:00:00.000Z",
    subscriptionCreatedAt: "2026-04-01T07:00:01.000Z",
  });

  // ---- A customer who has been anonymized: only what statistics and taxes need is left

  const anonymized = "cus_anonymized";
  const placeholder = "anonymized-5f0c2b9d1e7a4c36@anonymized.invalid";
  customer({
    id: anonymized,
    email: placeholder,
    anonymizationStatus: "completed",
    anonymizationRequestedAt: "2026-08-03T10:00:00.000Z",
    anonymizationStartedAt: "2026-08-04T10:00:00.000Z",
    anonymizationCompletedAt: "2026-08-04T10:00:02.000Z",
    anonymizationRequester: staff.tom,
    createdAt: "2026-04-22T11:00:00.000Z",
    updatedAt: "2026-08-04T10:00:02.000Z",
  });
  bookEntry("anonymized_home", anonymized, {
    firstName: "anonymized",
    lastName: "anonymized",
    line1: "anonymized",
    city: "Bristol",
    countryCode: "GB",
    createdAt: "2026-04-22T11:05:00.000Z",
    updatedAt: "2026-08-04T10:00:02.000Z",
  });
  source("anonymized_card", "stripe", "2026-04-22T11:08:00.000Z");
  order(1008, {
    customer: "anonymized",
    market: europe,
    status: "approved",
    paymentStatus: "paid",
    fulfillmentStatus: "fulfilled",
    taxRate: 0.2,
    guest: false,
    shipTo: "anonymized_home",
    method: "stripe",
    paymentSourceId: "pso_anonymized_card",
    token: null,
    lines: [sku("tee", 1, europe), shipping(700)],
    createdAt: "2026-04-22T10:58:00.000Z",
    placedAt: "2026-04-22T11:09:00.000Z",
    approvedAt: "2026-04-22T12:00:00.000Z",
    paymentUpdatedAt: "2026-04-22T12:00:00.000Z",
    fulfillmentUpdatedAt: "2026-04-25T09:00:00.000Z",
    updatedAt: "2026-08-04T10:00:02.000Z",
  });

  // ---- João: asked to be forgotten

  const joao = "cus_joao";
  customer({
    id: joao,
    email: "joao.conceicao@example.com",
    passwordDigest,
    metadata: { first_name: "João", last_name: "Conceição", language: "pt" },
    anonymizationStatus: "requested",
    anonymizationRequestedAt: "2026-10-15T14:00:00.000Z",
    anonymizationRequester: staff.vera,
    anonymizationReason: "Asked for it by e-mail.",
    legalHoldAt: "2026-10-16T09:00:00.000Z",
    legalHoldReason: "A chargeback of order 1009 is not settled.",
    legalHoldRequester: staff.vera,
    createdAt: "2026-05-09T01:10:00.000Z",
    updatedAt: "2026-10-15T14:00:00.000Z",
  });
  bookEntry("joao_home", joao, {
    firstName: "João",
    lastName: "Conceição",
    line1: "Rua Augusta 1500",
    line2: "Apto 42",
    city: "São Paulo",
    zipCode: "01304-001",
    stateCode: "SP",
    countryCode: "BR",
    phone: "+55 11 5550-0142",
    billingInfo: "CPF 000.000.001-91",
    createdAt: "2026-05-09T01:12:00.000Z",
  });
  wallet("joao_paypal", joao, "paypal", "2026-05-09T01:20:00.000Z", undefined, {
    name: "joao.conceicao@example.com",
    paypal_id: "PAYID-DEMO1009",
    status: "approved",
    mismatched_amounts: false,
  });
  order(1009, {
    customer: "joao",
    market: usa,
    status: "approved",
    paymentStatus: "paid",
    fulfillmentStatus: "fulfilled",
    languageCode: "pt",
    taxRate: 0,
    shipTo: "joao_home",
    method: "paypal",
    paymentSourceId: "pso_joao_paypal",
    lines: [sku("shirt", 2, usa), shipping(2490), cost("payment_methods", "PayPal Payment", 250)],
    createdAt: "2026-05-09T01:05:00.000Z",
    placedAt: "2026-05-09T01:21:00.000Z",
    approvedAt: "2026-05-09T12:00:00.000Z",
    paymentUpdatedAt: "2026-05-09T12:00:00.000Z",
    fulfillmentUpdatedAt: "2026-05-20T12:00:00.000Z",
  });

  // ---- Liz: her erasure was asked for by mistake and cancelled

  const liz = "cus_liz";
  customer({
    id: liz,
    email: "liz.oneill@example.com",
    passwordDigest,
    metadata: { first_name: "Elizabeth", last_name: "O’Neill" },
    anonymizationStatus: "cancelled",
    anonymizationRequestedAt: "2026-09-02T09:00:00.000Z",
    anonymizationCancelledAt: "2026-09-02T15:30:00.000Z",
    anonymizationRequester: staff.vera,
    anonymizationCancellationRequester: staff.tom,
    anonymizationReason: "Asked for it on the phone.",
    anonymizationCancellationReason: "It was about another Liz.",
    createdAt: "2026-05-30T13:00:00.000Z",
    updatedAt: "2026-09-02T15:30:00.000Z",
  });
  bookEntry("liz_home", liz, {
    firstName: "Elizabeth",
    lastName: "O’Neill",
    line1: "5 Royal Crescent",
    city: "Bath",
    zipCode: "BA1 2LR",
    countryCode: "GB",
    phone: "+44 1632 960 105",
    createdAt: "2026-05-30T13:02:00.000Z",
  });
  wallet(
    "liz_card",
    liz,
    "checkout",
    "2026-05-30T13:10:00.000Z",
    card("Demo Building Society", "visa", "1117", "12", "2029"),
    {
      redirect_uri: "https://pay.example.com/3ds/1010",
      mismatched_amounts: false,
    },
  );
  order(1010, {
    customer: "liz",
    market: europe,
    status: "approved",
    paymentStatus: "paid",
    fulfillmentStatus: "fulfilled",
    taxRate: 0.2,
    shipTo: "liz_home",
    method: "checkout",
    paymentSourceId: "pso_liz_card",
    lines: [
      sku("mug", 1, europe),
      sku("coffee", 3, europe, { frequency: "monthly" }),
      shipping(700),
      cost("free_shipping_promotions", "Free shipping over €50", -700, { taxed: false }),
    ],
    createdAt: "2026-05-30T12:50:00.000Z",
    placedAt: "2026-05-30T13:11:00.000Z",
    approvedAt: "2026-05-30T15:00:00.000Z",
    paymentUpdatedAt: "2026-05-30T15:00:00.000Z",
    fulfillmentUpdatedAt: "2026-06-03T09:00:00.000Z",
    subscriptionCreatedAt: "2026-05-30T13:11:01.000Z",
  });

  /** An order that a recurring order made: the same goods, from the same wallet entry, without the shopper. */
  function coffeeRun(number: number, day: string, fulfillmentStatus: "fulfilled" | "in_progress"): void {
    order(number, {
      customer: "ada",
      market: europe,
      status: "approved",
      paymentStatus: "paid",
      fulfillmentStatus,
      taxRate: 0.2,
      shipTo: "ada_home",
      method: "stripe",
      paymentSourceId: "pso_ada_visa",
      orderSubscriptionId: "osu_ada_coffee",
      lines: [sku("coffee", 2, europe), sku("filters", 1, europe), shipping(700)],
      createdAt: `${day}T07:00:00.000Z`,
      placedAt: `${day}T07:00:03.000Z`,
      approvedAt: `${day}T08:00:00.000Z`,
      paymentUpdatedAt: `${day}T08:00:00.000Z`,
      fulfillmentUpdatedAt: `${day}T16:00:00.000Z`,
    });
  }
  coffeeRun(1011, "2026-06-01", "fulfilled");

  // ---- Hana: exactly one order, in yen

  const hana = "cus_hana";
  customer({
    id: hana,
    email: "hana.yamada@example.com",
    passwordDigest,
    metadata: { first_name: "花", last_name: "山田", language: "ja" },
    createdAt: "2026-06-14T03:00:00.000Z",
  });
  bookEntry("hana_home", hana, {
    firstName: "花",
    lastName: "山田",
    line1: "神宮前1丁目5番10号",
    city: "渋谷区",
    zipCode: "150-0001",
    stateCode: "13",
    countryCode: "JP",
    phone: "+81 3-5550-0110",
    createdAt: "2026-06-14T03:01:00.000Z",
  });
  wallet(
    "hana_card",
    hana,
    "stripe",
    "2026-06-14T03:06:00.000Z",
    card("デモ銀行", "jcb", "0505", "1", "2031", "HANA YAMADA"),
    {
      stripe_id: "pi_demo_1012",
      charge_id: "ch_demo_1012",
      mismatched_amounts: false,
    },
  );
  order(1012, {
    customer: "hana",
    market: japan,
    status: "approved",
    paymentStatus: "paid",
    fulfillmentStatus: "fulfilled",
    languageCode: "ja",
    taxRate: 0.1,
    shipTo: "hana_home",
    method: "stripe",
    paymentSourceId: "pso_hana_card",
    lines: [sku("tee", 1, japan), sku("mug", 2, japan), shipping(1200)],
    createdAt: "2026-06-14T02:55:00.000Z",
    placedAt: "2026-06-14T03:07:00.000Z",
    approvedAt: "2026-06-14T05:00:00.000Z",
    paymentUpdatedAt: "2026-06-14T05:00:00.000Z",
    fulfillmentUpdatedAt: "2026-06-18T05:00:00.000Z",
  });

  order(1013, {
    customer: "bruno",
    market: europe,
    status: "approved",
    paymentStatus: "paid",
    fulfillmentStatus: "fulfilled",
    languageCode: "it",
    taxRate: 0.22,
    requiresBillingInfo: true,
    shipTo: "bruno_home",
    method: "axerve",
    paymentSourceId: "pso_bruno_axerve",
    lines: [sku("shirt", 2, europe), sku("coffee", 1, europe, { frequency: "0 8 1 * *" }), shipping(500)],
    createdAt: "2026-06-28T20:30:00.000Z",
    placedAt: "2026-06-28T20:42:00.000Z",
    approvedAt: "2026-06-29T08:00:00.000Z",
    paymentUpdatedAt: "2026-06-29T08:00:00.000Z",
    fulfillmentUpdatedAt: "2026-07-01T14:00:00.000Z",
    subscriptionCreatedAt: "2026-06-28T20:42:01.000Z",
  });
  order(1014, {
    customer: "joao",
    market: usa,
    status: "cancelled",
    paymentStatus: "refunded",
    fulfillmentStatus: "fulfilled",
    languageCode: "pt",
    taxRate: 0,
    shipTo: "joao_home",
    method: "paypal",
    paymentSourceId: "pso_joao_paypal",
    lines: [sku("poster", 1, usa), shipping(1990), cost("payment_methods", "PayPal Payment", 250)],
    createdAt: "2026-07-10T23:00:00.000Z",
    placedAt: "2026-07-10T23:06:00.000Z",
    approvedAt: "2026-07-11T12:00:00.000Z",
    cancelledAt: "2026-08-02T12:00:00.000Z",
    paymentUpdatedAt: "2026-08-02T12:00:00.000Z",
    fulfillmentUpdatedAt: "2026-07-24T12:00:00.000Z",
  });
  order(1015, {
    customer: "ada",
    market: vip,
    status: "approved",
    paymentStatus: "paid",
    fulfillmentStatus: "fulfilled",
    taxRate: 0.22,
    requiresBillingInfo: true,
    shipTo: "ada_office",
    method: "paypal",
    paymentSourceId: "pso_ada_paypal",
    reference: "PO-2026-07",
    referenceOrigin: "erp",
    lines: [
      sku("notebook", 20, vip),
      sku("cap", 4, vip),
      cost("fixed_amount_promotions", "VIP club, €20 off", -2000),
      shipping(0),
      cost("payment_methods", "PayPal Payment", 250),
    ],
    createdAt: "2026-07-15T07:40:00.000Z",
    placedAt: "2026-07-15T08:02:00.000Z",
    approvedAt: "2026-07-15T09:00:00.000Z",
    paymentUpdatedAt: "2026-07-15T09:00:00.000Z",
    fulfillmentUpdatedAt: "2026-07-20T09:00:00.000Z",
    metadata: { cost_centre: "R&D" },
  });
  coffeeRun(1016, "2026-08-01", "fulfilled");

  // ---- Noor: her erasure is under way

  const noor = "cus_noor";
  customer({
    id: noor,
    email: "noor.haddad@example.org",
    passwordDigest,
    metadata: { first_name: "نور", last_name: "حداد", language: "ar" },
    anonymizationStatus: "started",
    anonymizationRequestedAt: "2026-10-14T08:00:00.000Z",
    anonymizationStartedAt: "2026-10-15T08:00:00.000Z",
    anonymizationRequester: staff.tom,
    anonymizationReason: "Asked for it by letter.",
    legalHoldAt: "2026-10-15T08:30:00.000Z",
    legalHoldReason: "A complaint about her last order came in the same morning.",
    legalHoldRequester: staff.vera,
    createdAt: "2026-08-19T16:00:00.000Z",
    updatedAt: "2026-10-15T08:00:00.000Z",
  });
  bookEntry("noor_home", noor, {
    firstName: "نور",
    lastName: "حداد",
    line1: "Sonnenallee 54",
    city: "Berlin",
    zipCode: "12045",
    stateCode: "BE",
    countryCode: "DE",
    phone: "+49 30 5550 154",
    createdAt: "2026-08-19T16:02:00.000Z",
  });
  source(
    "noor_klarna",
    "klarna",
    "2026-08-19T16:10:00.000Z",
    { issuer_type: "klarna" },
    { mismatched_amounts: false },
    "ord_1017",
  );
  order(1017, {
    customer: "noor",
    market: europe,
    status: "approved",
    paymentStatus: "paid",
    fulfillmentStatus: "fulfilled",
    languageCode: "de",
    taxRate: 0.19,
    shipTo: "noor_home",
    method: "klarna",
    paymentSourceId: "pso_noor_klarna",
    lines: [sku("hoodie", 1, europe), shipping(500)],
    createdAt: "2026-08-19T15:55:00.000Z",
    placedAt: "2026-08-19T16:11:00.000Z",
    approvedAt: "2026-08-20T08:00:00.000Z",
    paymentUpdatedAt: "2026-08-20T08:00:00.000Z",
    fulfillmentUpdatedAt: "2026-08-22T10:00:00.000Z",
  });
  order(1018, {
    customer: "jurgen",
    market: europe,
    status: "approved",
    paymentStatus: "partially_paid",
    fulfillmentStatus: "in_progress",
    languageCode: "de",
    taxRate: 0.19,
    requiresBillingInfo: true,
    shipTo: "jurgen_office",
    method: "wire",
    paymentSourceId: "pso_jurgen_wire",
    lines: [sku("coffee", 24, europe), shipping(1800)],
    createdAt: "2026-08-30T06:30:00.000Z",
    placedAt: "2026-08-30T06:45:00.000Z",
    approvedAt: "2026-09-02T08:00:00.000Z",
    paymentUpdatedAt: "2026-09-02T08:00:00.000Z",
    fulfillmentUpdatedAt: "2026-09-03T09:00:00.000Z",
  });

  // ---- Zoë: one order that is being placed and does not get through, and one that was cancelled

  const zoe = "cus_zoe";
  customer({
    id: zoe,
    email: "zoe@example.org",
    passwordDigest,
    metadata: { first_name: "Zoë", last_name: "Brontë-O’Connor" },
    createdAt: "2026-09-11T19:00:00.000Z",
  });
  bookEntry("zoe_home", zoe, {
    firstName: "Zoë",
    lastName: "Brontë-O’Connor",
    line1: "Flat 3, 18 Candlemaker Row",
    city: "Edinburgh",
    zipCode: "EH1 2QE",
    countryCode: "GB",
    phone: "+44 131 496 0118",
    createdAt: "2026-09-11T19:02:00.000Z",
  });
  source(
    "zoe_card",
    "braintree",
    "2026-09-11T19:08:00.000Z",
    card("Demo Bank", "visa", "1881", "5", "2029"),
    {
      payment_id: "bt-demo-1019",
      local: false,
    },
    "ord_1019",
  );
  order(1019, {
    customer: "zoe",
    market: europe,
    status: "placing",
    placeAsync: true,
    taxRate: 0.2,
    errorsCount: 1,
    circuitState: "open",
    circuitFailureCount: 5,
    shipTo: "zoe_home",
    method: "braintree",
    paymentSourceId: "pso_zoe_card",
    lines: [sku("poster", 2, europe), shipping(700)],
    createdAt: "2026-09-11T18:55:00.000Z",
    updatedAt: "2026-09-11T19:09:00.000Z",
  });
  source(
    "zoe_card_2",
    "braintree",
    "2026-09-14T12:00:00.000Z",
    card("Demo Bank", "visa", "1881", "5", "2029"),
    {
      payment_id: "bt-demo-1020",
      local: false,
    },
    "ord_1020",
  );
  order(1020, {
    customer: "zoe",
    market: europe,
    status: "cancelled",
    paymentStatus: "partially_voided",
    taxRate: 0.2,
    shipTo: "zoe_home",
    method: "braintree",
    paymentSourceId: "pso_zoe_card_2",
    lines: [sku("poster", 2, europe), shipping(700)],
    createdAt: "2026-09-14T11:50:00.000Z",
    placedAt: "2026-09-14T12:01:00.000Z",
    cancelledAt: "2026-09-15T09:00:00.000Z",
    paymentUpdatedAt: "2026-09-15T09:00:00.000Z",
  });

  order(1021, {
    customer: "ada",
    market: europe,
    status: "editing",
    paymentStatus: "authorized",
    taxRate: 0.2,
    shipTo: "ada_parents",
    billTo: "ada_home",
    method: "adyen",
    paymentSourceId: "pso_ada_amex",
    lines: [sku("tee", 2, europe), sku("mug", 2, europe), shipping(700)],
    placeTotalAmountCents: 5700,
    createdAt: "2026-09-20T17:00:00.000Z",
    placedAt: "2026-09-20T17:10:00.000Z",
    updatedAt: "2026-09-21T08:00:00.000Z",
  });
  source(
    "grace_card",
    "stripe",
    "2026-09-26T17:55:00.000Z",
    card("Demo Bank", "discover", "9424", "8", "2028"),
    {
      stripe_id: "pi_demo_1022",
      mismatched_amounts: true,
    },
    "ord_1022",
  );
  order(1022, {
    customer: "grace",
    market: usa,
    status: "placed",
    paymentStatus: "partially_authorized",
    taxRate: 0.08875,
    shipTo: "grace_home",
    method: "stripe",
    paymentSourceId: "pso_grace_card",
    lines: [sku("hoodie", 1, usa), shipping(895)],
    createdAt: "2026-09-26T17:45:00.000Z",
    placedAt: "2026-09-26T18:00:00.000Z",
  });
  coffeeRun(1023, "2026-10-01", "in_progress");
  order(1024, {
    customer: "ada",
    market: vip,
    status: "placed",
    paymentStatus: "authorized",
    taxRate: 0.2,
    giftCardCode: "DEMO-GIFT-0001",
    shipTo: "ada_home",
    method: "stripe",
    paymentSourceId: "pso_ada_visa",
    lines: [
      sku("hoodie", 1, vip, { compareAtAmountCents: 6900 }),
      sku("ebook", 1, vip),
      cost("gift_cards", "Gift card", -2500),
      shipping(700),
    ],
    createdAt: "2026-10-02T20:00:00.000Z",
    placedAt: "2026-10-02T20:15:00.000Z",
  });
  order(1025, {
    customer: "bruno",
    market: europe,
    status: "approved",
    paymentStatus: "free",
    fulfillmentStatus: "not_required",
    languageCode: "it",
    taxRate: 0.22,
    couponCode: "FREEBOOK",
    billTo: "bruno_home",
    lines: [
      sku("ebook", 1, europe, { discountCents: -1490 }),
      cost("percentage_discount_promotions", "A book for you", -1490, { couponCode: "FREEBOOK" }),
    ],
    createdAt: "2026-10-05T11:50:00.000Z",
    placedAt: "2026-10-05T11:58:00.000Z",
    approvedAt: "2026-10-05T11:58:01.000Z",
  });

  // ---- Kenji has a full cart, Mia only wishes

  const kenji = "cus_kenji";
  customer({
    id: kenji,
    email: "kenji.sato@example.com",
    passwordDigest,
    metadata: { first_name: "健二", last_name: "佐藤", language: "ja" },
    createdAt: "2026-10-08T04:00:00.000Z",
  });
  order(1026, {
    customer: "kenji",
    market: japan,
    status: "pending",
    languageCode: "ja",
    taxRate: 0.1,
    lines: [sku("coffee", 1, japan), sku("mug", 1, japan)],
    createdAt: "2026-10-08T04:05:00.000Z",
    expiresAt: "2026-12-08T04:05:00.000Z",
    expirationInfo: { message: "Your cart is reserved." },
  });
  const mia = "cus_mia";
  customer({
    id: mia,
    email: "mia.jones@example.com",
    passwordDigest,
    metadata: { first_name: "Mia", last_name: "Jones" },
    createdAt: "2026-10-09T15:00:00.000Z",
  });
  bookEntry("mia_home", mia, {
    firstName: "Mia",
    lastName: "Jones",
    line1: "742 Evergreen Avenue",
    city: "Portland",
    zipCode: "97205",
    stateCode: "OR",
    countryCode: "US",
    phone: "(503) 555-0142",
    createdAt: "2026-10-09T15:04:00.000Z",
  });
  add("CustomerSubscription", {
    id: "csu_mia_newsletter",
    customerId: mia,
    reference: "newsletter",
    createdAt: "2026-10-09T15:05:00.000Z",
  });
  tag("Customer", mia, "newsletter");

  order(1027, {
    customer: "ada",
    market: vip,
    status: "pending",
    taxRate: 0.2,
    shipTo: "ada_home",
    lines: [sku("poster", 1, vip), sku("mug", 1, vip), shipping(700)],
    createdAt: "2026-10-10T21:00:00.000Z",
  });
  order(1028, {
    market: europe,
    status: "draft",
    taxRate: 0.22,
    lines: [sku("cap", 1, europe)],
    createdAt: "2026-10-12T10:00:00.000Z",
  });
  order(1029, { customer: "ada", market: europe, status: "draft", createdAt: "2026-10-14T09:00:00.000Z" });

  tag("Order", "ord_1024", "priority", "gift");
  tag("Order", "ord_1005", "b2b");
  tag("LineItem", "lin_1001_1", "fragile");

  // ---- Recurring orders

  function subscription(draft: Draft<"OrderSubscription">, lines: number[]): void {
    add("OrderSubscription", draft);
    const number = draft.sourceOrderId.slice("ord_".length);
    lines.forEach((line, index) => {
      const item = rows.LineItem!.find(({ id }) => id === `lin_${number}_${line}`)!;
      add("OrderSubscriptionItem", {
        id: `osi_${draft.id.slice("osu_".length)}_${index + 1}`,
        orderSubscriptionId: draft.id,
        sourceLineItemId: item.id,
        itemType: "skus",
        skuCode: item.skuCode,
        quantity: item.quantity,
        unitAmountCents: item.unitAmountCents,
        createdAt: draft.createdAt,
      });
    });
  }
  subscription(
    {
      id: "osu_ada_coffee",
      number: "2001",
      status: "active",
      frequency: "two-month",
      renewalAlertPeriod: 48,
      sourceOrderId: "ord_1007",
      customerPaymentSourceId: "cps_ada_visa",
      startsAt: "2026-04-01T07:00:00.000Z",
      lastRunAt: "2026-10-01T07:00:00.000Z",
      nextRunAt: "2026-12-01T07:00:00.000Z",
      occurrencies: 3,
      succeededOnLastRun: true,
      metadata: { grind: "whole beans" },
      createdAt: "2026-04-01T07:00:01.000Z",
      updatedAt: "2026-10-01T07:00:03.000Z",
    },
    [1, 2],
  );
  subscription(
    {
      id: "osu_bruno_coffee",
      number: "2002",
      status: "pending",
      frequency: "0 8 1 * *",
      sourceOrderId: "ord_1013",
      startsAt: "2026-06-28T20:42:00.000Z",
      lastRunAt: "2026-08-01T08:00:00.000Z",
      occurrencies: 1,
      errorsCount: 1,
      succeededOnLastRun: false,
      createdAt: "2026-06-28T20:42:01.000Z",
      updatedAt: "2026-08-01T08:00:02.000Z",
    },
    [2],
  );
  subscription(
    {
      id: "osu_liz_coffee",
      number: "2003",
      status: "cancelled",
      frequency: "monthly",
      sourceOrderId: "ord_1010",
      customerPaymentSourceId: "cps_liz_card",
      startsAt: "2026-05-30T13:11:00.000Z",
      createdAt: "2026-05-30T13:11:01.000Z",
      updatedAt: "2026-06-12T18:00:00.000Z",
    },
    [2],
  );
  tag("OrderSubscription", "osu_ada_coffee", "eco");

  // ---- Returns

  sendBack(
    1004,
    1,
    {
      status: "refunded",
      createdAt: "2026-03-01T10:00:00.000Z",
      approvedAt: "2026-03-02T09:00:00.000Z",
      shippedAt: "2026-03-04T12:00:00.000Z",
      receivedAt: "2026-03-10T15:00:00.000Z",
      refundedAt: "2026-03-12T09:00:00.000Z",
    },
    [{ line: 1, quantity: 1, reason: { size: "was wrong" }, restockedAt: "2026-03-11T08:00:00.000Z" }],
  );
  sendBack(
    1001,
    1,
    {
      status: "cancelled",
      createdAt: "2026-01-20T18:00:00.000Z",
      cancelledAt: "2026-01-21T08:00:00.000Z",
      archivedAt: "2026-03-01T08:00:00.000Z",
    },
    [{ line: 2, quantity: 1, reason: { mind: "changed" } }],
  );
  sendBack(1015, 1, { status: "requested", createdAt: "2026-08-05T07:00:00.000Z" }, [
    { line: 1, quantity: 5, reason: { pages: "lined, not squared" } },
    { line: 2, quantity: 1, reason: { colour: "not as shown" } },
  ]);
  sendBack(1016, 1, { status: "draft", createdAt: "2026-08-10T07:00:00.000Z" }, [
    { line: 2, quantity: 1, reason: { size: "does not fit the machine" } },
  ]);
  sendBack(
    1002,
    1,
    {
      status: "rejected",
      createdAt: "2026-02-20T10:00:00.000Z",
      approvedAt: "2026-02-21T10:00:00.000Z",
      shippedAt: "2026-02-23T10:00:00.000Z",
      rejectedAt: "2026-03-02T10:00:00.000Z",
    },
    [{ line: 1, quantity: 1, reason: { quality: "washed out after two weeks" } }],
  );
  sendBack(
    1013,
    1,
    {
      status: "received",
      createdAt: "2026-07-05T10:00:00.000Z",
      approvedAt: "2026-07-06T10:00:00.000Z",
      shippedAt: "2026-07-07T10:00:00.000Z",
      receivedAt: "2026-07-13T10:00:00.000Z",
    },
    [{ line: 1, quantity: 1, reason: { size: "troppo grande" }, restockedAt: "2026-07-14T08:00:00.000Z" }],
  );
  sendBack(
    1010,
    1,
    { status: "approved", createdAt: "2026-06-10T10:00:00.000Z", approvedAt: "2026-06-11T10:00:00.000Z" },
    [{ line: 1, quantity: 1, reason: { condition: "broken on arrival" } }],
  );
  sendBack(
    1012,
    1,
    {
      status: "shipped",
      createdAt: "2026-06-25T02:00:00.000Z",
      approvedAt: "2026-06-26T02:00:00.000Z",
      shippedAt: "2026-06-28T02:00:00.000Z",
    },
    [{ line: 2, quantity: 1, reason: { 色: "写真と違う" } }],
  );
  tag("Return", "ret_1010_1", "fragile");

  // ---- Lists of SKUs

  function skuList(draft: Draft<"SkuList">, items: [Product, number][]): void {
    add("SkuList", draft);
    items.forEach(([product, quantity], index) => {
      add("SkuListItem", {
        id: `sli_${draft.id.slice("skl_".length)}_${index + 1}`,
        skuListId: draft.id,
        skuId: `sku_${product}`,
        skuCode: products[product].code,
        quantity,
        position: index + 1,
        createdAt: draft.createdAt,
      });
    });
  }
  skuList(
    {
      id: "skl_ada_wishes",
      customerId: ada,
      name: "Wish list",
      slug: "wish-list-ada",
      description: "For the next birthday.",
      createdAt: "2026-02-01T12:00:00.000Z",
    },
    [
      ["cap", 1],
      ["poster", 2],
      ["mug", 6],
    ],
  );
  skuList(
    {
      id: "skl_ada_office",
      customerId: ada,
      name: "Office supplies",
      slug: "office-supplies-ada",
      createdAt: "2026-07-14T16:00:00.000Z",
    },
    [
      ["notebook", 20],
      ["coffee", 4],
    ],
  );
  skuList(
    {
      id: "skl_mia_wishes",
      customerId: mia,
      name: "Wish list",
      slug: "wish-list-mia",
      createdAt: "2026-10-09T15:10:00.000Z",
    },
    [["hoodie", 1]],
  );
  skuList(
    {
      id: "skl_coffee_corner",
      name: "Coffee corner",
      slug: "coffee-corner",
      manual: false,
      skuCodeRegex: "^(COFFEE|FILTERS|MUG)-",
      createdAt: opening,
    },
    [],
  );

  // ---- Files and staff notes

  add(
    "Attachment",
    {
      id: "att_ada_contract",
      name: "VIP agreement",
      description: "Signed on paper, scanned.",
      url: "https://files.example.com/contracts/ada.pdf",
      attachableType: "customers",
      attachableId: ada,
      createdAt: "2026-02-02T09:00:00.000Z",
    },
    {
      id: "att_ada_note",
      name: "Note",
      description: "Prefers to be called in the morning.",
      referenceOrigin: "app-orders--note",
      attachableType: "customers",
      attachableId: ada,
      createdAt: "2026-09-21T08:05:00.000Z",
    },
    {
      id: "att_1021_note",
      name: "Note",
      description: "Ada added two mugs by phone; the order is open for editing.",
      referenceOrigin: "app-orders--note",
      attachableType: "orders",
      attachableId: "ord_1021",
      createdAt: "2026-09-21T08:00:00.000Z",
    },
    {
      id: "att_1004_refund_note",
      name: "Note",
      description: "One hoodie refunded.",
      referenceOrigin: "app-returns--refund-note",
      attachableType: "returns",
      attachableId: "ret_1004_1",
      createdAt: "2026-03-12T09:00:00.000Z",
    },
    {
      id: "att_wholesale_terms",
      name: "Wholesale terms",
      url: "https://files.example.com/terms/wholesale.pdf",
      attachableType: "customer_groups",
      attachableId: "cgr_wholesale",
      createdAt: opening,
    },
    {
      id: "att_jurgen_registration",
      name: "Certificate of registration",
      url: "https://files.example.com/companies/gross-soehne.pdf",
      attachableType: "customers",
      attachableId: jurgen,
      createdAt: "2026-03-05T09:00:00.000Z",
    },
  );

  // ---- Events and the deliveries to webhooks

  event("customers.create", ada, "2026-01-10T09:15:00.000Z");
  event("customers.create_password", ada, "2026-01-10T09:15:00.100Z");
  const acquired = event("customers.acquired", ada, "2026-01-12T10:05:00.000Z");
  const repeat = event("customers.repeat", ada, "2026-02-20T19:12:00.000Z");
  event("customers.tagged", ada, "2026-02-02T09:05:00.000Z");
  event("orders.place", "ord_1001", "2026-01-12T10:05:00.000Z");
  event("orders.place", "ord_1024", "2026-10-02T20:15:00.000Z");
  event("returns.refund", "ret_1004_1", "2026-03-12T09:00:00.000Z");
  event("customer_subscriptions.create", "csu_ada_newsletter", "2026-01-12T10:06:00.000Z");
  event("customers.anonymization_started", jurgen, "2026-09-29T09:00:00.000Z");
  event("customers.anonymization_failed", jurgen, "2026-09-29T09:00:04.000Z");
  event("customers.anonymization_cancelled", liz, "2026-09-02T15:30:00.000Z");
  event("customers.anonymization_completed", anonymized, "2026-08-04T10:00:02.000Z");
  // Bruno once forgot his password; what he was sent has long been used.
  add("CustomerPasswordReset", {
    id: "cpr_bruno",
    customerId: "cus_bruno",
    tokenDigest: "0".repeat(64),
    createdAt: "2026-04-02T09:00:00.000Z",
    expiresAt: new Date("2026-04-02T15:00:00.000Z"),
    resetPasswordAt: new Date("2026-04-02T09:10:00.000Z"),
  });
  add(
    "EventCallback",
    {
      id: "ecb_1",
      eventId: acquired,
      callbackUrl: "https://hooks.example.com/crm",
      payload: { data: { id: ada, type: "customers", attributes: { email: "ada@example.com", status: "acquired" } } },
      responseCode: "503",
      responseMessage: "Service Unavailable",
      createdAt: "2026-01-12T10:05:01.000Z",
    },
    {
      id: "ecb_2",
      eventId: acquired,
      callbackUrl: "https://hooks.example.com/crm",
      payload: { data: { id: ada, type: "customers", attributes: { email: "ada@example.com", status: "acquired" } } },
      responseCode: "200",
      responseMessage: "OK",
      createdAt: "2026-01-12T10:06:01.000Z",
    },
    {
      id: "ecb_3",
      eventId: repeat,
      callbackUrl: "https://hooks.example.com/crm",
      payload: { data: { id: ada, type: "customers", attributes: { email: "ada@example.com", status: "repeat" } } },
      responseCode: "200",
      responseMessage: "OK",
      createdAt: "2026-02-20T19:12:01.000Z",
    },
  );

  // ---- The audit trail

  audit("customers", ada, "2026-01-10T09:15:00.000Z", {
    event: "create",
    payload: { email: { from: null, to: "ada.byron@example.com" }, reference: { from: null, to: "CRM-1001" } },
    who: { application: storefront },
  });
  audit("customers", ada, "2026-01-12T10:05:00.000Z", {
    event: "update",
    payload: { status: { from: "prospect", to: "acquired" }, total_orders_count: { from: 0, to: 1 } },
    who: byWorker("OrderWorker"),
  });
  audit("customers", ada, "2026-02-02T09:05:00.000Z", {
    event: "update",
    payload: {
      customer_group_id: { from: null, to: "cgr_vip" },
      tags: { from: ["newsletter"], to: ["newsletter", "priority", "vip"] },
    },
    who: byStaff(staff.vera),
  });
  audit("customers", ada, "2026-02-20T19:12:00.000Z", {
    event: "update",
    payload: { status: { from: "acquired", to: "repeat" }, total_orders_count: { from: 1, to: 2 } },
    who: byWorker("OrderWorker"),
  });
  audit("customers", ada, "2026-10-03T10:20:00.000Z", {
    event: "update",
    payload: { email: { from: "ada.byron@example.com", to: "ada@example.com" } },
    who: byCustomer(ada, "ada@example.com"),
  });
  audit("addresses", "adr_ada_home", "2026-01-12T10:00:00.000Z", {
    event: "create",
    payload: { line_1: { from: null, to: "12 St James's Square" }, city: { from: null, to: "London" } },
    who: byCustomer(ada, "ada@example.com"),
  });
  audit("orders", "ord_1024", "2026-10-02T20:15:00.000Z", {
    event: "update",
    payload: { status: { from: "pending", to: "placed" }, payment_status: { from: "unpaid", to: "authorized" } },
    who: byCustomer(ada, "ada@example.com"),
  });
  audit("orders", "ord_1006", "2026-03-18T09:00:00.000Z", {
    event: "update",
    payload: { status: { from: "placed", to: "cancelled" }, payment_status: { from: "authorized", to: "voided" } },
    who: byStaff(staff.vera),
  });
  for (const { id, ...info } of rows.Customer!.filter(({ anonymizationStatus }) => anonymizationStatus)) {
    const payload = {
      status: info.anonymizationStatus,
      requested_at: info.anonymizationRequestedAt,
      requester: info.anonymizationRequester,
    } as Prisma.InputJsonObject;
    const step = (name: string, at: string | Date | null | undefined, who: Prisma.InputJsonObject) => {
      if (at) audit("customers", id, String(at), { event: name, payload, who });
    };
    const requester = byStaff(info.anonymizationRequester as typeof staff.vera);
    step("anonymization_request", info.anonymizationRequestedAt, requester);
    step("anonymization_cancel", info.anonymizationCancelledAt, byStaff(staff.tom));
    step("anonymization_started", info.anonymizationStartedAt, byWorker("AnonymizationWorker"));
    step("anonymization_failed", info.anonymizationFailedAt, byWorker("AnonymizationWorker"));
    step("anonymization_completed", info.anonymizationCompletedAt, byWorker("AnonymizationWorker"));
  }

  // ---- The live shop has just opened. The same e-mail address and order number there are somebody and something else

  customer({
    id: "cus_live_ada",
    mode: "live",
    email: "ada@example.com",
    passwordDigest,
    metadata: { first_name: "Ada", last_name: "Lovelace" },
    createdAt: "2026-10-16T08:00:00.000Z",
  });
  customer({ id: "cus_live_sam", mode: "live", email: "sam@example.com", createdAt: "2026-10-16T09:00:00.000Z" });
  order(
    1001,
    {
      mode: "live",
      customer: "live_ada",
      market: markets.live,
      status: "placed",
      paymentStatus: "authorized",
      taxRate: 0.2,
      lines: [sku("mug", 1, markets.live, { imageUrl: undefined })],
      createdAt: "2026-10-16T08:05:00.000Z",
      placedAt: "2026-10-16T08:10:00.000Z",
    },
    "live_",
  );

  const generated = new Set(rows.Order!.filter(({ orderSubscriptionId }) => orderSubscriptionId).map(({ id }) => id));
  const part = (recurring: boolean) => ({
    orders: rows.Order!.filter(({ id }) => generated.has(id) === recurring),
    lines: rows.LineItem!.filter(({ orderId }) => generated.has(orderId) === recurring),
  });
  const only = (...names: ModelName[]) => Object.fromEntries(names.map((name) => [name, rows[name]])) as Batch;
  return {
    batches: [
      only("CustomerGroup", "Tag", "Sku", "PaymentMethod", "Address", "Customer", "Market", "StockLocation"),
      only("CustomerAddress", "CustomerSubscription", "SkuList", "SkuListItem"),
      // A payment source may belong to an order that is paid with it.
      { PaymentSource: rows.PaymentSource, Order: part(false).orders },
      { LineItem: part(false).lines },
      only("CustomerPaymentSource", "OrderSubscription"),
      { ...only("OrderSubscriptionItem"), Order: part(true).orders },
      { LineItem: part(true).lines },
      only("Return"),
      only("ReturnLineItem", "Attachment", "Event", "EventCallback", "EventStore", "CustomerPasswordReset"),
    ],
    taggings,
  };
}

function imageOf(code: string): string {
  return `https://images.example.com/${code.toLowerCase()}.png`;
}

function card(
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

/** The latest of some times, all written as they are above. */
function latest(...times: unknown[]): string {
  return times.reduce<string>((last, time) => (typeof time === "string" && time > last ? time : last), "");
}

/** The tax in a price that includes it, or on one that does not. */
function taxOf(cents: number, rate: number, included: boolean): number {
  return Math.round(included ? cents - cents / (1 + rate) : cents * rate);
}

const goods = new Set<LineDraft["itemType"]>(["skus", "bundles"]);

function amountsOf(lines: readonly LineDraft[], { taxIncluded }: Market, rate: number) {
  const sum = (keep: (line: LineDraft) => boolean, value = (line: LineDraft) => line.totalAmountCents) =>
    lines.filter(keep).reduce((total, line) => total + value(line), 0);
  const tax = (line: LineDraft) => (line.taxed ? taxOf(line.totalAmountCents, rate, taxIncluded) : 0);
  const isGoods = (line: LineDraft) => goods.has(line.itemType);
  const isAdjustment = (line: LineDraft) => line.itemType === "adjustments";
  const isPromotion = (line: LineDraft) => Boolean(line.itemType?.endsWith("_promotions"));

  const subtotalTax = sum((line) => isGoods(line) || isPromotion(line), tax);
  const adjustmentTax = sum(isAdjustment, tax);
  const net = (keep: (line: LineDraft) => boolean) => sum(keep) - (taxIncluded ? sum(keep, tax) : 0);
  return {
    subtotalAmountCents: sum(isGoods),
    shippingAmountCents: sum(({ itemType }) => itemType === "shipments"),
    paymentMethodAmountCents: sum(({ itemType }) => itemType === "payment_methods"),
    discountAmountCents: sum(isPromotion),
    adjustmentAmountCents: sum(isAdjustment),
    giftCardAmountCents: sum(({ itemType }) => itemType === "gift_cards"),
    totalAmountCents: sum(() => true),
    subtotalTaxAmountCents: subtotalTax,
    adjustmentTaxAmountCents: adjustmentTax,
    totalTaxAmountCents: subtotalTax + adjustmentTax,
    subtotalTaxableAmountCents: net(isGoods),
    adjustmentTaxableAmountCents: net(isAdjustment),
    totalTaxableAmountCents: net(isGoods) + net(isAdjustment),
  };
}
