import { enumValues, models } from "../../src/graph/model/datamodel.js";
import { type CheckedResource, checkResource, knownTypes } from "../../src/import/resource.js";

function check(type: string, attributes: object, relationships: object = {}, more: object = {}) {
  return checkResource({ type, id: "x", attributes, relationships, ...more }, { mode: "test" });
}

function checked(type: string, attributes: object, relationships: object = {}): CheckedResource {
  const outcome = check(type, attributes, relationships);
  if (outcome.is !== "checked") throw new Error(JSON.stringify(outcome));
  return outcome.resource;
}

function refusals(type: string, attributes: object, relationships: object = {}, more: object = {}): string[] {
  const outcome = check(type, attributes, relationships, more);
  return outcome.is === "refused" ? outcome.errors.map(({ pointer, reason }) => `${pointer}: ${reason}`) : [outcome.is];
}

const ref = (type: string, id: string) => ({ data: { type, id } });

describe("refuses the resource", () => {
  test.each([
    [null, ": must be a resource: an object with type and id"],
    [{}, "/type: must be a text"],
    [{ type: "customer", id: "x" }, "/type: is not a known type; did you mean customers?"],
    [{ type: "payment_sources", id: "x" }, "/type: is not a known type"],
    [{ type: "tags" }, "/id: must be a text of 1 to 255 characters without control characters"],
    [{ type: "tags", id: "a\nb" }, "/id: must be a text of 1 to 255 characters without control characters"],
    [{ type: "tags", id: "x", meta: { mode: "prod" } }, "/meta/mode: must be test or live"],
    [{ type: "tags", id: "x", meta: "test" }, "/meta/mode: must be test or live"],
    [{ type: "tags", id: "x", attribute: {} }, "/attribute: is unknown in a resource; did you mean attributes?"],
    [{ type: "tags", id: "x", attributes: [] }, "/attributes: must be an object"],
  ])("%j", (resource, refusal) => {
    const outcome = checkResource(resource, { mode: "test" });
    expect(outcome.is === "refused" && outcome.errors.map(({ pointer, reason }) => `${pointer}: ${reason}`)).toEqual([
      refusal,
    ]);
  });
});

describe("values of attributes", () => {
  test.each([
    ["line_items", "quantity", 0, "must be a whole number from 1 to 2147483647, not 0"],
    ["line_items", "quantity", "3", "must be a whole number from 1 to 2147483647, not a text"],
    ["line_items", "quantity", 1.5, "must be a whole number from 1 to 2147483647, not 1.5"],
    ["line_items", "quantity", null, "must not be null"],
    [
      "orders",
      "total_amount_cents",
      2147483648,
      "must be a whole number from -2147483648 to 2147483647, not 2147483648",
    ],
    [
      "orders",
      "status",
      "shipped",
      'must be one of draft, pending, placing, placed, editing, approved, cancelled, not "shipped"',
    ],
    ["orders", "guest", "yes", "must be true or false, not a text"],
    ["orders", "tax_rate", "0.22", "must be a number, not a text"],
    ["orders", "number", 7, "must be a text, not 7"],
    ["orders", "number", "a\0b", "must not contain the character NUL"],
    ["orders", "number", "\ud800", "must not contain half a surrogate pair"],
    ["orders", "currency_code", "EURO", "must be a currency of three letters (ISO 4217), such as EUR"],
    ["orders", "currency_code", "ZZZ", "must be a currency of three letters (ISO 4217), such as EUR"],
    ["orders", "language_code", "ita", "must be a language of two letters (ISO 639-1), such as en"],
    ["orders", "country_code", "ITA", "must be a country of two letters (ISO 3166-1 alpha-2), such as IT"],
    ["orders", "metadata", [], "must be a JSON object, not a list"],
    ["customers", "email", "nobody", "must be an e-mail address of at most 255 characters"],
    ["customers", "email", `${"a".repeat(250)}@b.cde`, "must be an e-mail address of at most 255 characters"],
    ["customers", "email", "anna@localhost", "must be an e-mail address of at most 255 characters"],
    ["customers", "shopper_reference", "ab", "must be a text of 3 to 128 characters"],
    ["customers", "password", "short", "must have at least 8 characters"],
    ["customers", "password", "€".repeat(25), "must have at most 72 bytes"],
    ["customers", "_request_anonymization", true, "is a command, not a fact: omit it and state its result"],
    [
      "customers",
      "_add_tags",
      "a,B c",
      "each name must be at most 25 letters and digits in groups joined by single -, _ or :, such as early-bird",
    ],
    ["customers", "customer_group_id", "g", "is not an attribute: state it in /relationships/customer_group"],
    ["customers", "orders", [], "is a relationship: state it in /relationships/orders"],
    ["customers", "password_digest", "x", "is unknown in customers"],
    ["customers", "shopperReference", "x", "is unknown in customers; did you mean shopper_reference?"],
    [
      "tags",
      "name",
      "-x",
      "must be at most 25 letters and digits in groups joined by single -, _ or :, such as early-bird",
    ],
    ["order_subscriptions", "renewal_alert_period", 721, "must be a whole number from 1 to 720, not 721"],
    ["attachments", "url", "javascript:alert(1)", "must be an absolute http or https URL"],
    ["attachments", "attachable_type", "order", "must be a resource type that is stored here, such as orders"],
    [
      "orders",
      "customer_password",
      "secret",
      "is not taken from an order: state the attribute password of its customer",
    ],
    ["adyen_payments", "balance", "7", "must be a whole number from -2147483648 to 2147483647, not a text"],
    ["adyen_payments", "stripe_id", "7", "is unknown in adyen_payments"],
    ["orders", "total_amount_float", 57, "is computed from total_amount_cents, which is missing"],
  ])("%s.%s %j: %s", (type, name, value, reason) => {
    expect(refusals(type, { [name]: value })[0]).toMatch(`/attributes/${name}: ${reason}`);
  });

  test("errors within JSON have the pointer of the wrong value", () => {
    const metadata = { "a/b": [{ "c~d": 2 ** 60 }], e: "\0" };
    expect(refusals("orders", { metadata })).toEqual([
      "/attributes/metadata/a~1b/0/c~0d: is a number beyond 9007199254740991, which would lose digits: write it as a text",
    ]);
    expect(refusals("orders", { metadata: JSON.parse('{"x":1e999}') })).toEqual([
      "/attributes/metadata/x: must be a number that fits 64 bits",
    ]);
  });

  test("are normalized as they are stored", () => {
    expect(checked("customers", { email: "  Änna@Example.COM " }).row).toEqual({ email: "änna@example.com" });
    expect(checked("addresses", { country_code: "it", metadata: null, business: null, company: null }).row).toEqual({
      country_code: "IT",
      metadata: {},
      company: null,
    });
    expect(checked("tags", { name: "Early-Bird" }).row).toEqual({ name: "early-bird" });
    expect(checked("customer_groups", { code: "VIP" }).row).toEqual({ code: "vip" });
    expect(checked("markets", { code: "EU" }).row).toEqual({ code: "EU" });
  });

  test.each([
    ["2018-01-01T12:00:00.000Z", "2018-01-01T12:00:00.000Z"],
    ["2018-01-01T12:00:00+02:00", "2018-01-01T10:00:00.000Z"],
    ["2018-01-01T12:00:00.123456-0530", "2018-01-01T17:30:00.123Z"],
    ["2025-03-15 11:39:21 UTC", undefined],
    ["2025-03-15", "2025-03-15T00:00:00.000Z"],
  ])("accepts the time %s", (text, expected) => {
    if (expected) expect(checked("orders", { placed_at: text }).row.placed_at).toBe(expected);
  });

  test.each([
    "2018-02-30T12:00:00Z",
    "9999-12-31T23:59:59-23:00",
    "0000-01-01",
    "2018-01-01T12:00:00",
    "2018-01-01T25:00:00Z",
    "yesterday",
    1514808000,
  ])("refuses the time %j", (value) =>
    expect(refusals("orders", { placed_at: value })[0]).toMatch(/^\/attributes\/placed_at: must be an ISO 8601 time/),
  );
});

test("password is stored in its normalized form (RFC 8265)", () => {
  expect(checked("customers", { password: "contrasen\u0303a\u30009" }).password).toBe("contrase\u00f1a 9");
  expect(refusals("customers", { password: "\u3000".repeat(8) })).toEqual([
    "/attributes/password: must not be made of blanks and invisible characters alone",
  ]);
});

test("anonymization_info is stored in the customer's columns", () => {
  const requester = { id: "u1", first_name: "Carla", last_name: null, email: "c@shop.example" };
  const info = { status: "requested", requested_at: "2025-03-15 11:39:21 UTC", requester };
  const { row } = checked("customers", { anonymization_status: "requested", anonymization_info: info });
  expect(row).toEqual({
    anonymization_status: "requested",
    anonymization_requested_at: "2025-03-15T11:39:21.000Z",
    anonymization_requester: requester,
  });
  // Most customers have none, and saying so takes back no request.
  for (const none of [null, {}]) {
    expect(checked("customers", { anonymization_info: none, anonymization_status: null }).row).toEqual({});
  }
  const wrong = { status: "running", requested: "x", requester: { first_name: 1 } };
  expect(refusals("customers", { anonymization_info: wrong, anonymization_status: "started" })).toEqual([
    "/attributes/anonymization_info/status: contradicts anonymization_status",
    "/attributes/anonymization_info/requested: is unknown in anonymization_info; did you mean requester?",
    "/attributes/anonymization_info/requester/id: must be a text",
    "/attributes/anonymization_info/requester/first_name: must be a text or null",
    '/attributes/anonymization_info/status: must be one of requested, started, completed, failed, cancelled, not "running"',
  ]);
});

test("derived attributes are ignored and noted; contradictions are reported", () => {
  const { row, derived, notes } = checked("orders", {
    total_amount_cents: 5700,
    total_amount_float: 75,
    formatted_total_amount: "€57,00",
    skus_count: 3,
    editable: true,
    shipments: null,
  });
  expect(row).toEqual({ total_amount_cents: 5700 });
  expect(derived).toEqual({ skus_count: 3, editable: true });
  expect(notes).toEqual({
    recomputed: ["*_float", "formatted_*", "skus_count", "editable"],
    contradicted: ["*_float"],
    leftOut: ["shipments"],
    unknown: [],
  });
});

test.each([
  ["HUF", 1234.56, []],
  ["JPY", 123456, []],
  ["KWD", 123.456, []],
  ["HUF", 123456, ["*_float"]],
  [null, 12.3456, []],
  [null, 1, ["*_float"]],
])("%s: *_float of 123456 minor units as %d", (currency_code, total_amount_float, contradicted) => {
  const { notes } = checked("orders", { total_amount_cents: 123456, total_amount_float, currency_code });
  expect(notes.contradicted).toEqual(contradicted);
});

test("attributes of one type of payment source are stored in one JSON column", () => {
  const { row } = checked("paypal_payments", {
    name: "Payer",
    status: "approved",
    reference: "r",
    mismatched_amounts: null,
  });
  expect(row).toEqual({
    kind: "paypal_payments",
    reference: "r",
    attributes: { name: "Payer", status: "approved", mismatched_amounts: null },
  });
});

describe("payment_instrument", () => {
  const card = {
    issuer_type: "credit card",
    card_last_digits: "4242",
    card_expiry_month: "1",
    card_expiry_year: "2031",
  };
  const instrument = (payment_instrument: unknown) => checked("stripe_payments", { payment_instrument }).row;
  test("is stored, with keys that a gateway added", () => {
    const payment_instrument = { ...card, card_holder_name: null, wallet: { kind: "apple", number: 42 } };
    expect(instrument(payment_instrument)).toMatchObject({ payment_instrument });
    expect(instrument({ issuer: " " })).toMatchObject({ payment_instrument: { issuer: null } });
    expect(instrument(null)).toMatchObject({ payment_instrument: null });
  });

  const noCard =
    "is not accepted: This looks like the number of a card, which is never kept here; give what the gateway made of it.";
  test.each<[object, string[]]>([
    [{ card_last_digits: "42424" }, ["/card_last_digits: must be at most 4 digits"]],
    [{ card_last_digits: 4242 }, ["/card_last_digits: must be a text, not 4242"]],
    [{ card_expiry_month: "01" }, ["/card_expiry_month: must be a month from 1 to 12, without a zero in front"]],
    [{ card_expiry_year: "31" }, ["/card_expiry_year: must be a year of 4 digits, such as 2030"]],
    [{ card_expiry_year: null }, ["/card_expiry_year: is missing: a card expires in a month of a year"]],
    [{ card_holder_name: "x".repeat(256) }, ["/card_holder_name: must be a text of at most 255 characters"]],
    [{ issuer: "5555-5555-5555-4444" }, [`/issuer: ${noCard}`]],
    [{ source: { digits: [1, "4242 4242 4242 4242"] } }, [`/source/digits/1: ${noCard}`]],
    [{ source: { number: 4242424242424242 } }, [`/source/number: ${noCard}`]],
    [{ source: { "4242424242424242": true } }, [`/source: ${noCard}`]],
  ])("refuses %j", (wrong, expected) => {
    const payment_instrument = { ...card, ...wrong };
    expect(refusals("stripe_payments", { payment_instrument })).toEqual(
      expected.map((refusal) => `/attributes/payment_instrument${refusal}`),
    );
  });
});

test("meta has the version of a copied row, and what only the shop notes", () => {
  const meta = {
    version: 7,
    legal_hold_at: "2026-01-31T12:00:00Z",
    legal_hold_requester: { id: "usr_vera" },
    other: 1,
  };
  const outcome = checkResource({ type: "customers", id: "c", meta }, { mode: "test" });
  expect(outcome.is === "checked" && outcome.resource.row).toEqual({
    version: 7,
    legal_hold_at: "2026-01-31T12:00:00.000Z",
    legal_hold_requester: { id: "usr_vera" },
  });
  expect(
    refusals("customers", {}, {}, { meta: { version: 0, legal_hold_at: "soon", anonymization_receipt: 5 } }),
  ).toEqual([
    "/meta/anonymization_receipt: must be a text, not 5",
    expect.stringMatching(/^\/meta\/legal_hold_at: must be an ISO 8601 time/),
    "/meta/version: must be a whole number from 1",
  ]);
  expect(refusals("customers", {}, {}, { meta: { version: 2 ** 31 } })).toEqual([
    expect.stringMatching(/^\/meta\/version/),
  ]);
});

describe("relationships", () => {
  test("to-one relationships set foreign keys", () => {
    const { row } = checked(
      "orders",
      {},
      {
        customer: ref("customers", "c"),
        market: { data: null },
        billing_address: { links: {} },
        payment_source: ref("stripe_payments", "p"),
      },
    );
    expect(row).toEqual({
      customer_id: "c",
      market_id: null,
      payment_source_id: "p",
      "payment_source_id:type": "stripe_payments",
    });
  });

  test("to-many relationships become links of the other resources", () => {
    const { row, links } = checked(
      "customers",
      {},
      { orders: { data: [{ type: "orders", id: "o" }] }, attachments: { data: [{ type: "attachments", id: "a" }] } },
    );
    expect(row).toEqual({});
    expect(links).toEqual([
      {
        model: "Order",
        type: "orders",
        id: "o",
        values: { customer_id: "x" },
        pointer: "/relationships/orders/data/0",
      },
      {
        model: "Attachment",
        type: "attachments",
        id: "a",
        values: { attachable_id: "x", attachable_type: "customers" },
        pointer: "/relationships/attachments/data/0",
      },
    ]);
  });

  test("polymorphic relationships set two columns, which attributes may state as well", () => {
    const row = { attachable_type: "orders", attachable_id: "o" };
    expect(checked("attachments", {}, { attachable: ref("orders", "o") }).row).toEqual(row);
    expect(checked("attachments", row, { attachable: ref("orders", "o") }).row).toEqual(row);
    expect(refusals("attachments", row, { attachable: ref("orders", "p") })).toEqual([
      "/relationships/attachable/data: contradicts the attribute attachable_id",
    ]);
  });

  test.each([
    ["customer", { data: [] }, "/relationships/customer/data: must be an object with type and id"],
    ["customer", ref("orders", "c"), "/relationships/customer/data/type: must be customers"],
    [
      "customer",
      ref("customers", ""),
      "/relationships/customer/data/id: must be a text of 1 to 255 characters without control characters",
    ],
    ["order", { data: null }, "/relationships/order: is unknown in orders; did you mean orders?"],
    ["line_items", { data: null }, "/relationships/line_items/data: must be a list"],
    [
      "tags",
      { data: Array(11).fill({ type: "tags", id: "t" }) },
      "/relationships/tags/data: must not have more than 10 tags",
    ],
    ["customers", ref("customers", "c"), "/relationships/customers: is unknown in orders; did you mean customer?"],
    ["number", "7", "/relationships/number: is an attribute: state it in /attributes/number"],
    ["customer", "c", "/relationships/customer: must be an object with data"],
  ])("refuses %s %j", (name, value, refusal) => {
    expect(refusals("orders", {}, { [name]: value })[0]).toMatch(refusal.replace("; did you mean orders?", ""));
  });

  test("a required relationship must not be null", () => {
    expect(refusals("line_items", {}, { order: { data: null } })).toEqual([
      "/relationships/order/data: must not be null",
    ]);
  });
});

test("every type of the datamodel is importable, payment sources by their ten types", () => {
  const kinds = enumValues("PaymentSourceType");
  expect(kinds).toHaveLength(10);
  const tables = [...models.values()].map(({ table }) => table);
  // Those that are nothing without a secret are known to nobody outside.
  const unknown = ["payment_sources", "customer_password_resets"];
  expect([...knownTypes.keys()].sort()).toEqual(
    [...tables.filter((table) => !unknown.includes(table)), ...kinds].sort(),
  );
  expect(checkResource({ type: "shipments", id: "s" }, { mode: "test" })).toEqual({
    is: "left out",
    type: "shipments",
  });
});
