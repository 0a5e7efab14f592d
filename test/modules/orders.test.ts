import { Problem } from "../../src/graph/write/rules.js";
import { readFrequency } from "../../src/modules/orders/frequency.js";
import { type Caller, createTestApp, type TestApp } from "../support/app.js";
import { onlyField } from "../support/operation-data.js";
import { insert } from "../support/rows.js";

const noon = new Date("2026-11-01T12:00:00.000Z");
let app: TestApp;
beforeAll(async () => {
  app = await createTestApp({ now: () => noon });
});
afterAll(async () => {
  // Every code that was told is one that its mutation names.
  expect(app.logged.filter((line) => line.includes("does not declare"))).toEqual([]);
  await app.stop();
});

const ada: Caller = { kind: "customer", id: "cus_ada", markets: ["mkt_europe"] };
const bruno: Caller = { kind: "customer", id: "cus_bruno", markets: ["mkt_europe"] };

const ORDER = `order {
  id number status paymentStatus fulfillmentStatus customerType guest editable customerEmail languageCode currencyCode
  countryCode couponCode placedAt cancelledAt skusCount version reference metadata expiresAt
  subtotalAmountCents totalAmountCents totalTaxAmountCents totalAmountWithTaxesCents formattedTotalAmountWithTaxes
  placeTotalAmountCents
  customer { id email status totalOrdersCount }
  shippingAddress { id line1 reference } billingAddress { id line1 }
  lineItems { nodes { itemType skuCode name imageUrl quantity unitAmountCents totalAmountCents taxAmountCents frequency
    metadata sku { id } } }
}`;
const ERRORS = "userErrors { __typename code message path ... on OrderStateError { status } }";

async function send<const Document extends string>(
  document: Document,
  variables: Record<string, unknown>,
  as?: Caller,
) {
  const { data, errors } = await app.query(document, variables, as === undefined ? {} : { as });
  const payload = onlyField(data);
  return { ...(payload as object), errors } as typeof payload & { errors: typeof errors };
}
const create = (input: object, as?: Caller) =>
  send(`mutation ($input: OrderCreateInput!) { orderCreate(input: $input) { ${ORDER} ${ERRORS} } }`, { input }, as);
const update = (id: string, input: object, as?: Caller, ifVersion?: number) =>
  send(
    `mutation ($id: ID!, $ifVersion: Int, $input: OrderUpdateInput!) {
       orderUpdate(id: $id, ifVersion: $ifVersion, input: $input) { ${ORDER} ${ERRORS} } }`,
    { id, ifVersion, input },
    as,
  );
const move = (name: "Place" | "Cancel", id: string, as?: Caller) =>
  send(`mutation ($id: ID!) { order${name}(id: $id) { ${ORDER} ${ERRORS} } }`, { id }, as);
const sql = async (text: string, values: unknown[] = []) => (await app.database.pool.query(text, values)).rows;

const mugs = { skuCode: "MUG-BLUE", quantity: 2, unitAmountCents: 1200 };
/** A cart that can be placed. */
async function cart(input: object = {}, as?: Caller): Promise<string> {
  const { order, userErrors, errors } = await create(
    { marketId: "mkt_europe", customerEmail: "ada@example.com", lineItems: [mugs], ...input },
    as,
  );
  expect([errors, userErrors]).toEqual([undefined, []]);
  return order.id;
}

test("orderCreate returns the order as a screen shows it", async () => {
  const { order, userErrors, errors } = await create({
    marketId: "mkt_europe",
    customerEmail: " New.One@Example.com ",
    languageCode: "it",
    couponCode: "WELCOME",
    shippingAddressId: "adr_ada_home",
    billingAddressId: "adr_ada_office",
    cartUrl: "https://shop.example.com/cart",
    reference: "CART-1",
    metadata: { gift: true },
    lineItems: [
      { ...mugs, metadata: { colour: "deep" } },
      { skuCode: "COFFEE-1KG", quantity: 1, unitAmountCents: 2190, name: "Coffee", frequency: "two-months" },
    ],
  });
  expect([errors, userErrors]).toEqual([undefined, []]);
  expect(order).toMatchObject({
    status: "PENDING",
    paymentStatus: "UNPAID",
    fulfillmentStatus: "UNFULFILLED",
    customerType: null,
    guest: false,
    editable: true,
    customerEmail: "new.one@example.com",
    languageCode: "it",
    currencyCode: "EUR",
    countryCode: "GB",
    couponCode: "WELCOME",
    placedAt: null,
    skusCount: 3,
    reference: "CART-1",
    metadata: { gift: true },
    subtotalAmountCents: 4590,
    totalAmountWithTaxesCents: 4590,
    formattedTotalAmountWithTaxes: "€45,90",
    customer: { email: "new.one@example.com", status: "PROSPECT", totalOrdersCount: 0 },
    shippingAddress: { line1: "12 St James's Square" },
    billingAddress: { line1: "Corso Como 15" },
  });
  expect(order.lineItems.nodes).toMatchObject([
    {
      itemType: "SKUS",
      skuCode: "MUG-BLUE",
      name: "Blue mug",
      imageUrl: "https://images.example.com/mug-blue.png",
      quantity: 2,
      totalAmountCents: 2400,
      metadata: { colour: "deep" },
      sku: { id: "sku_mug" },
    },
    { skuCode: "COFFEE-1KG", name: "Coffee", unitAmountCents: 2190, frequency: "two-month" },
  ]);
  expect(order.shippingAddress.id).not.toBe("adr_ada_home");
  expect((await sql("SELECT length(token) FROM orders WHERE id = $1", [order.id]))[0].length).toBe(32);
});

const LINE = `lineItem { id skuCode name quantity unitAmountCents totalAmountCents taxAmountCents metadata }
  order { id status skusCount version subtotalAmountCents totalAmountCents totalTaxAmountCents totalAmountWithTaxesCents }`;
const addLine = (input: object, as?: Caller) =>
  send(
    `mutation ($input: LineItemCreateInput!) { lineItemCreate(input: $input) { ${LINE} ${ERRORS} } }`,
    { input },
    as,
  );
const updateLine = (id: string, input: object, as?: Caller) =>
  send(
    `mutation ($id: ID!, $input: LineItemUpdateInput!) { lineItemUpdate(id: $id, input: $input) { ${LINE} ${ERRORS} } }`,
    { id, input },
    as,
  );
const deleteLine = (id: string, as?: Caller) =>
  send(
    `mutation ($id: ID!) { lineItemDelete(id: $id) { deletedId ${LINE.slice(LINE.indexOf("order"))} ${ERRORS} } }`,
    { id },
    as,
  );

test("lineItemCreate, lineItemUpdate and lineItemDelete recompute the order like orderUpdate", async () => {
  const id = await cart({ lineItems: [] }, ada);
  await sql("UPDATE orders SET tax_rate = 0.22, tax_included = false WHERE id = $1", [id]);
  const first = await addLine({ orderId: id, ...mugs, metadata: { gift: true } });
  expect(first).toMatchObject({
    userErrors: [],
    lineItem: {
      skuCode: "MUG-BLUE",
      quantity: 2,
      totalAmountCents: 2400,
      taxAmountCents: 528,
      metadata: { gift: true },
    },
    order: { status: "PENDING", skusCount: 2, totalAmountCents: 2400, totalTaxAmountCents: 528, version: 3 },
  });
  expect(first.lineItem.name).toBeTruthy();
  // A customer's line has the price that the shop set.
  const second = await addLine({ orderId: id, skuCode: "MUG-BLUE", quantity: 1 }, ada);
  expect(second).toMatchObject({
    lineItem: { unitAmountCents: 1200 },
    order: { skusCount: 3, totalAmountCents: 3600, totalAmountWithTaxesCents: 4392 },
  });
  const changed = await updateLine(first.lineItem.id, { quantity: 5 }, ada);
  expect(changed).toMatchObject({
    userErrors: [],
    lineItem: { quantity: 5, totalAmountCents: 6000, taxAmountCents: 1320 },
    order: { skusCount: 6, subtotalAmountCents: 7200, totalTaxAmountCents: 1584 },
  });
  const whole = await update(id, { lineItems: [{ ...mugs, quantity: 6 }] });
  expect(whole.order).toMatchObject({ totalAmountCents: 7200, totalTaxAmountCents: 1584 });
  const [{ id: line }] = await sql("SELECT id FROM line_items WHERE order_id = $1", [id]);
  expect(await deleteLine(line, ada)).toMatchObject({
    deletedId: line,
    order: { status: "DRAFT", skusCount: 0, totalAmountCents: 0, totalTaxAmountCents: 0 },
    userErrors: [],
  });
});

test("lines of others do not exist, those of placed orders do not change, and prices are the shop's", async () => {
  const id = await cart();
  const [{ id: line }] = await sql("SELECT id FROM line_items WHERE order_id = $1", [id]);
  const missing = (...path: string[]) => [expect.objectContaining({ code: "NOT_FOUND", path })];
  expect((await addLine({ orderId: id, skuCode: "MUG-BLUE", quantity: 1 }, bruno)).userErrors).toEqual(
    missing("input", "orderId"),
  );
  expect((await updateLine(line, { quantity: 9 }, bruno)).userErrors).toEqual(missing("id"));
  expect((await deleteLine(line, bruno)).userErrors).toEqual(missing("id"));
  expect((await updateLine(line, { unitAmountCents: 1 }, ada)).errors?.[0]?.extensions).toMatchObject({
    code: "FORBIDDEN",
    argument: ["input", "unitAmountCents"],
  });
  const wrong = await addLine({ orderId: id, skuCode: "NONE", quantity: 0 });
  expect(
    wrong.userErrors.map(({ code, path }: { code: string; path: string[] }) => `${code} ${path.join(".")}`).sort(),
  ).toEqual(["INVALID input.quantity", "NOT_FOUND input.skuCode"]);
  const many = await updateLine(line, { quantity: 2_000_000_000 });
  expect(many.userErrors).toEqual([expect.objectContaining({ code: "INVALID" })]);
  const before = (await sql("SELECT to_jsonb(o) AS o FROM orders o WHERE id = $1", [id]))[0];

  await sql("UPDATE line_items SET discount_cents = -1 WHERE id = $1", [line]);
  expect((await updateLine(line, { quantity: 3 })).userErrors).toMatchObject([{ code: "WRONG_STATE" }]);
  await sql("UPDATE line_items SET discount_cents = 0 WHERE id = $1", [line]);
  expect((await sql("SELECT to_jsonb(o) AS o FROM orders o WHERE id = $1", [id]))[0]).toEqual(before);

  expect((await move("Place", id, ada)).userErrors).toEqual([]);
  const state = { __typename: "OrderStateError", code: "WRONG_STATE", status: "PLACED" };
  expect((await updateLine(line, { quantity: 3 }, ada)).userErrors).toMatchObject([
    { ...state, path: ["input", "quantity"] },
  ]);
  expect((await deleteLine(line)).userErrors).toMatchObject([{ ...state, path: ["id"] }]);
  expect((await addLine({ orderId: id, ...mugs })).userErrors).toMatchObject([
    { ...state, path: ["input", "orderId"] },
  ]);
  expect((await updateLine(line, { metadata: { replace: { a: 1 } } })).lineItem.metadata).toEqual({ a: 1 });
});

test("concurrent lines of one order: all are in its amounts", async () => {
  const id = await cart();
  const added = await Promise.all(Array.from({ length: 8 }, () => addLine({ orderId: id, ...mugs })));
  expect(added.flatMap(({ userErrors }) => userErrors)).toEqual([]);
  const [{ total }] = await sql("SELECT total_amount_cents AS total FROM orders WHERE id = $1", [id]);
  expect(total).toBe(9 * 2400);
});

test("orderCreate without a customer or lineItems is a DRAFT", async () => {
  const { order } = await create({ marketId: "mkt_japan" });
  expect(order).toMatchObject({ status: "DRAFT", customer: null, customerEmail: null, currencyCode: "JPY" });
  expect(order.languageCode).toBe("en");
  const { order: empty } = await create({ marketId: "mkt_japan", customerId: "cus_ada" });
  expect(empty).toMatchObject({ status: "DRAFT", customer: { id: "cus_ada" }, customerEmail: "ada@example.com" });
  const { order: unknown } = await create({ marketId: "mkt_japan", lineItems: [mugs] });
  expect(unknown).toMatchObject({ status: "DRAFT", customer: null });
});

test("order numbers come from a sequence and skip existing ones; a given number must be unused", async () => {
  const [{ n }] = await sql("SELECT nextval('order_numbers')::int AS n");
  await sql(
    `INSERT INTO orders (id, mode, number) SELECT 'ord_taken' || i, 'test', ($1::int + i)::text FROM generate_series(1, 25) i`,
    [n],
  );
  const { order } = await create({ marketId: "mkt_europe" });
  expect(Number(order.number)).toBe(n + 26);
  const { userErrors } = await create({ marketId: "mkt_europe", number: "1001" });
  expect(userErrors).toMatchObject([{ code: "TAKEN", path: ["input", "number"] }]);
  const { order: named } = await create({ marketId: "mkt_europe", number: "W-1" });
  expect(named.number).toBe("W-1");
});

test("orderCreate reports all errors at once with their paths", async () => {
  const { order, userErrors } = await create({
    marketId: "mkt_live_europe",
    customerEmail: "nobody",
    languageCode: "xx",
    cartUrl: "javascript:alert(1)",
    couponCode: "x".repeat(256),
    shippingAddressId: "adr_nothing",
    number: " ",
    lineItems: [
      { skuCode: "MUG-BLUE", quantity: 0 },
      { skuCode: "NOTHING", quantity: 1, frequency: "* * * * *", imageUrl: "mug.png", unitAmountCents: -1 },
    ],
  });
  expect(order).toBeNull();
  expect(userErrors.map(({ code, path }) => `${code} ${path.join(".")}`).sort()).toEqual([
    "INVALID input.cartUrl",
    "INVALID input.couponCode",
    "INVALID input.customerEmail",
    "INVALID input.languageCode",
    "INVALID input.lineItems.0.quantity",
    "INVALID input.lineItems.1.frequency",
    "INVALID input.lineItems.1.imageUrl",
    "INVALID input.lineItems.1.unitAmountCents",
    "INVALID input.number",
    "NOT_FOUND input.lineItems.1.skuCode",
    "NOT_FOUND input.marketId",
    "NOT_FOUND input.shippingAddressId",
  ]);
  for (const { message } of userErrors) expect(message).toMatch(/^[A-Z].*\.$/);
});

test("orderCreate refuses a disabled market, customerId with customerEmail, and values over their limits", async () => {
  const refused = async (input: object) =>
    (await create({ marketId: "mkt_europe", ...input })).userErrors.map(
      ({ code, path }) => `${code} ${path.join(".")}`,
    );
  expect(await refused({ marketId: "mkt_outlet" })).toEqual(["WRONG_STATE input.marketId"]);
  expect(await refused({ customerId: "cus_ada", customerEmail: "ada@example.com" })).toEqual([
    "INVALID input.customerId",
  ]);
  expect(await refused({ customerId: "cus_live_ada" })).toEqual(["NOT_FOUND input.customerId"]);
  expect(await refused({ customerId: "cus_noor" })).toEqual(["WRONG_STATE input.customerId"]);
  expect(await refused({ customerEmail: "noor.haddad@example.org" })).toEqual(["WRONG_STATE input.customerEmail"]);
  expect(await refused({ lineItems: Array(101).fill(mugs) })).toEqual(["INVALID input.lineItems"]);
  expect(await refused({ lineItems: [{ ...mugs, quantity: 1_000_000, unitAmountCents: 2_200 }] })).toEqual([
    "INVALID input.lineItems",
  ]);
  expect(await refused({ lineItems: [{ ...mugs, skuCode: "mug-blue" }] })).toEqual([
    "NOT_FOUND input.lineItems.0.skuCode",
  ]);
});

test("orderCreate by a customer: for itself only, without prices", async () => {
  const own = { marketId: "mkt_europe", lineItems: [{ skuCode: "MUG-BLUE", quantity: 2 }] };
  const { order } = await create({ ...own, shippingAddressId: "adr_ada_home" }, ada);
  expect(order).toMatchObject({ status: "PENDING", customer: { id: "cus_ada" }, customerEmail: "ada@example.com" });
  expect(order.lineItems.nodes).toMatchObject([{ unitAmountCents: null, totalAmountCents: 0 }]);
  expect((await create({ ...own, customerEmail: "ADA@example.com" }, ada)).order.customer.id).toBe("cus_ada");
  const refused = async (input: object) => (await create({ ...own, ...input }, ada)).userErrors;
  expect(await refused({ customerEmail: "bruno.rossi@example.com" })).toMatchObject([
    { code: "INVALID", path: ["input", "customerEmail"] },
  ]);
  expect(await refused({ customerId: "cus_bruno" })).toMatchObject([
    { code: "NOT_FOUND", path: ["input", "customerId"] },
  ]);
  expect(await refused({ shippingAddressId: "adr_bruno_home", marketId: "mkt_usa" })).toMatchObject([
    { code: "NOT_FOUND", path: ["input", "marketId"] },
    { code: "NOT_FOUND", path: ["input", "shippingAddressId"] },
  ]);
  // Nobody came to be by it.
  expect((await refused({ customerEmail: "made@example.com" }))[0]!.code).toBe("INVALID");
  expect(await sql("SELECT id FROM customers WHERE email = 'made@example.com'")).toEqual([]);
  for (const input of [{ lineItems: [mugs] }, { number: "1" }, { expiresAt: "2027-01-01T00:00:00.000Z" }] as object[]) {
    const { errors } = await create({ ...own, ...input }, ada);
    expect(errors![0]!.extensions).toMatchObject({ code: "FORBIDDEN", missing: ["ORDERS_MANAGE"] });
    expect(errors![0]!.extensions.argument).toEqual(expect.arrayContaining(["input"]));
  }
  const { errors } = await create(own, { kind: "guest", markets: ["mkt_europe"] });
  expect(errors![0]!.extensions.code).toBe("FORBIDDEN");
});

test("orderUpdate with customerEmail finds or creates the customer", async () => {
  const id = await cart();
  const first = await update(id, { customerEmail: "Bruno.Rossi@example.com", languageCode: "it" });
  expect(first.order).toMatchObject({ customer: { id: "cus_bruno" }, languageCode: "it", status: "PENDING" });
  const second = await update(id, { customerEmail: "brand.new@example.com" });
  expect(second.order).toMatchObject({
    customerEmail: "brand.new@example.com",
    customer: { email: "brand.new@example.com", status: "PROSPECT" },
    languageCode: "it",
  });
  expect((await update(id, { customerId: "cus_ada" })).order.customerEmail).toBe("ada@example.com");
  const none = await update(id, { customerEmail: null });
  expect(none.order).toMatchObject({ status: "DRAFT", customer: null, customerEmail: null });
  expect((await update(id, { couponCode: "X" })).order).toMatchObject({ status: "DRAFT", customer: null });
  expect((await update(id, { customerEmail: "ada@example.com" })).order).toMatchObject({
    status: "PENDING",
    couponCode: "X",
    customer: { id: "cus_ada" },
  });
  expect((await update(id, { couponCode: null })).order.couponCode).toBeNull();
});

test("orderUpdate with an error changes nothing", async () => {
  const id = await cart();
  const [{ version }] = await sql("SELECT version FROM orders WHERE id = $1", [id]);
  const { userErrors } = await update(id, { customerEmail: "nobody", languageCode: null, guest: null, number: null });
  expect(userErrors.map(({ code, path }) => `${code} ${path.at(-1)}`)).toEqual([
    "INVALID customerEmail",
    "INVALID languageCode",
    "INVALID guest",
    "INVALID number",
  ]);
  expect((await update(id, { customerEmail: "noor.haddad@example.org" })).userErrors).toMatchObject([
    { code: "WRONG_STATE", path: ["input", "customerEmail"] },
  ]);
  expect((await update(id, { languageCode: "de" }, undefined, version + 1)).userErrors).toMatchObject([
    { __typename: "VersionConflictError", path: ["ifVersion"] },
  ]);
  expect((await update("ord_1002", { languageCode: "de" }, ada)).userErrors).toMatchObject([
    { code: "NOT_FOUND", path: ["id"], message: "There is no order with this id." },
  ]);
  expect((await update(id, { languageCode: "de" }, undefined, version)).order).toMatchObject({ version: version + 1 });
});

test("orderUpdate: a customer cannot give its order away", async () => {
  const { order } = await create({ marketId: "mkt_europe", lineItems: [{ skuCode: "MUG-BLUE", quantity: 1 }] }, ada);
  for (const input of [
    { customerEmail: "bruno.rossi@example.com" },
    { customerEmail: null },
    { customerId: null },
  ] as object[]) {
    expect((await update(order.id, input, ada)).userErrors).toMatchObject([
      { code: "INVALID", path: ["input", Object.keys(input)[0]] },
    ]);
  }
  expect((await update(order.id, { customerEmail: "Ada@example.com" }, ada)).userErrors).toEqual([]);
  expect((await update(order.id, { languageCode: "fr" }, bruno)).userErrors).toMatchObject([{ code: "NOT_FOUND" }]);
});

test("orderUpdate of a closed order takes reference and metadata, and is WRONG_STATE elsewhere", async () => {
  const { order, userErrors } = await update("ord_1001", {
    customerEmail: "new@example.com",
    languageCode: "de",
    shippingAddressId: null,
    lineItems: [],
    reference: "R",
  });
  expect(userErrors.map(({ path }) => path.at(-1)).sort()).toEqual([
    "customerEmail",
    "languageCode",
    "lineItems",
    "shippingAddressId",
  ]);
  for (const error of userErrors) expect(error).toMatchObject({ __typename: "OrderStateError", status: "APPROVED" });
  expect(order).toMatchObject({ customerEmail: "ada@example.com", languageCode: "en", reference: null });
  const open = await update("ord_1001", { reference: "R", metadata: { merge: { a: 1 } } }, ada);
  expect(open.order).toMatchObject({ reference: "R", metadata: { a: 1 }, status: "APPROVED" });
});

test("orderUpdate of an order in EDITING is for staff, and adjusts totalOrdersCount of its customers", async () => {
  const count = async (id: string) => (await sql("SELECT total_orders_count FROM customers WHERE id = $1", [id]))[0];
  expect((await update("ord_1021", { languageCode: "fr" }, ada)).userErrors).toMatchObject([{ status: "EDITING" }]);
  expect((await update("ord_1021", { customerEmail: null })).userErrors).toMatchObject([{ code: "WRONG_STATE" }]);
  expect((await update("ord_1021", { lineItems: [] })).userErrors).toMatchObject([{ code: "WRONG_STATE" }]);
  const [before, others] = [await count("cus_ada"), await count("cus_mia")];
  const { order } = await update("ord_1021", { customerEmail: "mia.jones@example.com" });
  expect(order).toMatchObject({ status: "EDITING", customer: { id: "cus_mia" }, customerType: "NEW" });
  expect(await count("cus_ada")).toEqual({ total_orders_count: before.total_orders_count - 1 });
  expect(await count("cus_mia")).toEqual({ total_orders_count: others.total_orders_count + 1 });
});

test("orders copy their addresses, and delete the copies that they replace", async () => {
  const addresses = async () => (await sql("SELECT count(*)::int AS n FROM addresses"))[0].n;
  const before = await addresses();
  const id = await cart({ shippingAddressId: "adr_ada_home" });
  const { order } = await update(id, { billingAddressId: "adr_ada_office" });
  expect(order).toMatchObject({ countryCode: "GB", billingAddress: { line1: "Corso Como 15" } });
  expect(await addresses()).toBe(before + 2);
  // The order's own address keeps its place.
  const same = await update(id, { shippingAddressId: order.shippingAddress.id });
  expect(same.order.shippingAddress.id).toBe(order.shippingAddress.id);
  const next = await update(id, { shippingAddressId: null });
  expect(next.order).toMatchObject({ shippingAddress: null, countryCode: "IT" });
  const last = await update(id, { billingAddressId: "adr_bruno_home" });
  expect(last.order).toMatchObject({ countryCode: "IT", billingAddress: { line1: "Via de' Tornabuoni 7" } });
  expect(await addresses()).toBe(before + 1);
  await send("mutation ($id: ID!) { orderDelete(id: $id) { deletedId } }", { id });
  expect(await addresses()).toBe(before);
});

test("orderUpdate replaces all lineItems; SKUs keep their price", async () => {
  const id = await cart({ customerId: "cus_ada", customerEmail: undefined });
  const given = [
    { skuCode: "COFFEE-1KG", quantity: 1 },
    { skuCode: "MUG-BLUE", quantity: 5 },
  ];
  const { order } = await update(id, { lineItems: given }, ada);
  expect(order).toMatchObject({ skusCount: 6, totalAmountCents: 6000, subtotalAmountCents: 6000, status: "PENDING" });
  expect(order.lineItems.nodes).toMatchObject([
    { skuCode: "COFFEE-1KG", unitAmountCents: null },
    { skuCode: "MUG-BLUE", unitAmountCents: 1200, quantity: 5 },
  ]);
  expect((await move("Place", id)).userErrors).toMatchObject([
    { code: "WRONG_STATE", path: ["id"], message: "The shop has not set the price of COFFEE-1KG yet." },
  ]);
  const { errors } = await update(id, { lineItems: [mugs] }, ada);
  expect(errors![0]!.extensions).toMatchObject({
    code: "FORBIDDEN",
    argument: ["input", "lineItems", "0", "unitAmountCents"],
  });
  const { order: empty } = await update(id, { lineItems: null });
  expect(empty).toMatchObject({ skusCount: 0, totalAmountCents: 0, status: "DRAFT", lineItems: { nodes: [] } });
  // What was worked out elsewhere is not made wrong.
  expect((await update("ord_1027", { lineItems: given })).userErrors).toMatchObject([
    { code: "WRONG_STATE", path: ["input", "lineItems"] },
  ]);
  const { order: taxed } = await update("ord_1026", { lineItems: [{ skuCode: "COFFEE-1KG", quantity: 2 }] });
  expect(taxed).toMatchObject({ totalAmountCents: 6600, totalTaxAmountCents: 600, totalAmountWithTaxesCents: 6600 });
});

test("orderPlace updates totalOrdersCount and status of the customer", async () => {
  const customerEmail = "first.buyer@example.com";
  const first = await move("Place", await cart({ customerEmail }));
  expect(first.order).toMatchObject({
    status: "PLACED",
    placedAt: noon.toISOString(),
    customerType: "NEW",
    paymentStatus: "UNPAID",
    placeTotalAmountCents: 2400,
    editable: false,
    customer: { status: "ACQUIRED", totalOrdersCount: 1 },
  });
  const second = await move("Place", await cart({ customerEmail }));
  expect(second.order).toMatchObject({
    customerType: "RETURNING",
    customer: { status: "REPEAT", totalOrdersCount: 2 },
  });
  const cancelled = await move("Cancel", second.order.id);
  expect(cancelled.order).toMatchObject({
    status: "CANCELLED",
    placedAt: noon.toISOString(),
    cancelledAt: noon.toISOString(),
    customer: { status: "REPEAT", totalOrdersCount: 2 },
  });
});

test("orderPlace and orderCancel set paymentStatus and fulfillmentStatus", async () => {
  const free = await cart({ lineItems: [{ skuCode: "EBOOK-ESPRESSO", quantity: 1, unitAmountCents: 0 }] });
  expect((await move("Place", free)).order).toMatchObject({ paymentStatus: "FREE", fulfillmentStatus: "NOT_REQUIRED" });
  const id = await cart();
  await sql("UPDATE orders SET payment_source_id = 'pso_ada_visa' WHERE id = $1", [id]);
  expect((await move("Place", id)).order).toMatchObject({
    paymentStatus: "AUTHORIZED",
    fulfillmentStatus: "UNFULFILLED",
  });
  expect((await move("Cancel", id)).order.paymentStatus).toBe("VOIDED");
  for (const paymentStatus of ["paid", "partially_paid", "partially_refunded"]) {
    const paid = await cart();
    await sql("UPDATE orders SET status = 'approved', payment_status = $2::order_payment_status WHERE id = $1", [
      paid,
      paymentStatus,
    ]);
    const { order, userErrors } = await move("Cancel", paid);
    expect(userErrors).toMatchObject([{ code: "WRONG_STATE", path: ["id"], message: expect.stringMatching(/refund/) }]);
    expect(order.status).toBe("APPROVED");
  }
});

test("orderPlace reports everything that is missing at once", async () => {
  const { order } = await create({ marketId: "mkt_europe" });
  const { userErrors } = await move("Place", order.id);
  expect(userErrors.map(({ code, path, message }) => [code, ...path, message])).toEqual([
    ["WRONG_STATE", "id", "The order has no customer; set its `customerEmail` first."],
    ["WRONG_STATE", "id", "The order has no lines; there is nothing to place."],
  ]);
  const id = await cart({ marketId: "mkt_usa", customerEmail: "late@example.com" });
  await sql("UPDATE markets SET disabled_at = now() WHERE id = 'mkt_usa'");
  expect((await move("Place", id)).userErrors).toMatchObject([
    { message: expect.stringMatching(/market is disabled/) },
  ]);
  await sql("UPDATE markets SET disabled_at = NULL WHERE id = 'mkt_usa'");
  for (const status of ["started", "completed"]) {
    await sql("UPDATE customers SET anonymization_status = $1::anonymization_status WHERE email = 'late@example.com'", [
      status,
    ]);
    // Nor by a caller who cannot see customers.
    const blind: Caller = { kind: "integration", permissions: ["orders:read", "orders:update"] };
    for (const as of [undefined, blind]) {
      expect((await move("Place", id, as)).userErrors).toMatchObject([{ code: "WRONG_STATE", path: ["id"] }]);
    }
  }
});

test("orderDelete deletes a cart with its dependents; a placed order is WRONG_STATE", async () => {
  const remove = (id: string, as?: Caller) =>
    send(`mutation ($id: ID!) { orderDelete(id: $id) { deletedId ${ERRORS} } }`, { id }, as);
  const id = await cart();
  await insert(app.database.query, "PaymentSource", { id: "pso_gone", orderId: id });
  await sql("UPDATE orders SET payment_source_id = 'pso_gone' WHERE id = $1", [id]);
  await insert(app.database.query, "Attachment", { id: "att_gone", attachableId: id });
  expect((await remove(id, ada)).errors![0]!.extensions.code).toBe("FORBIDDEN");
  expect(await remove(id)).toMatchObject({ deletedId: id, userErrors: [] });
  for (const table of ["payment_sources", "attachments"]) {
    expect(await sql(`SELECT id FROM ${table} WHERE id LIKE '%_gone'`)).toEqual([]);
  }
  expect(await sql("SELECT id FROM line_items WHERE order_id = $1", [id])).toEqual([]);
  expect(await remove("ord_1001")).toMatchObject({
    deletedId: null,
    userErrors: [{ code: "WRONG_STATE", status: "APPROVED", path: ["id"] }],
  });
});

/** The counts as they are, and as they should be. */
const drifted = () =>
  sql(
    `SELECT c.id FROM customers c LEFT JOIN orders o ON o.customer_id = c.id AND o.mode = c.mode AND o.placed_at IS NOT NULL
     GROUP BY c.id HAVING c.total_orders_count <> count(o.id)`,
  );

/** Carts of customers, made by SQL. */
async function carts(name: string, customers: number, each: number): Promise<string[]> {
  await sql(
    `INSERT INTO customers (id, mode, email)
     SELECT $1 || i, 'test', $1 || i || '@example.com' FROM generate_series(1, $2::int) i`,
    [`cus_${name}`, customers],
  );
  await sql(
    `INSERT INTO orders (id, mode, number, status, customer_id, market_id)
     SELECT $1 || i || '_' || j, 'test', $1 || i || '_' || j, 'pending', $2 || i, 'mkt_europe'
     FROM generate_series(1, $3::int) i, generate_series(1, $4::int) j`,
    [`ord_${name}`, `cus_${name}`, customers, each],
  );
  await sql(
    `INSERT INTO line_items (id, mode, order_id, item_type, sku_code, quantity, unit_amount_cents, total_amount_cents)
     SELECT 'lin_' || id, 'test', id, 'skus', 'MUG-BLUE', 1, 1200, 1200 FROM orders WHERE id LIKE $1`,
    [`ord_${name}%`],
  );
  const rows = await sql("SELECT id FROM orders WHERE id LIKE $1 ORDER BY random()", [`ord_${name}%`]);
  return rows.map(({ id }) => id);
}

test.each([
  ["ten customers", "many", 10, 20],
  ["one customer", "one", 1, 200],
])(
  "200 concurrent orderPlace of %s: totalOrdersCount is exact",
  async (_, name, customers, each) => {
    const ids = await carts(name, customers, each);
    const answers = await Promise.all(ids.map((id) => move("Place", id)));
    expect(answers.flatMap<unknown>(({ errors, userErrors }) => errors ?? userErrors)).toEqual([]);
    const rows = await sql("SELECT total_orders_count AS n, status FROM customers WHERE id LIKE $1", [`cus_${name}%`]);
    expect(rows).toEqual(Array(customers).fill({ n: each, status: "repeat" }));
    const types = await sql(
      "SELECT customer_type, count(*)::int AS n FROM orders WHERE id LIKE $1 GROUP BY 1 ORDER BY 1",
      [`ord_${name}%`],
    );
    // Exactly one of each customer was the first.
    expect(types).toEqual([
      { customer_type: "new", n: customers },
      { customer_type: "returning", n: customers * (each - 1) },
    ]);
    expect(await drifted()).toEqual([]);
  },
  60_000,
);

test("concurrent orderPlace, orderCancel and orderUpdate of the customer: exact counts, no deadlock", async () => {
  const ids = await carts("mixed", 2, 15);
  const answers = await Promise.all(
    ids.flatMap((id, i) => [
      update(id, { customerEmail: `cus_mixed${1 + (i % 2)}@example.com` }),
      update(id, {
        customerEmail: i % 3 ? `cus_mixed${2 - (i % 2)}@example.com` : `cus_mixed_new${i % 4}@example.com`,
      }),
      move("Place", id),
      i % 5 ? update(id, { customerId: `cus_mixed${1 + (i % 2)}` }) : move("Cancel", id),
    ]),
  );
  expect(answers.flatMap(({ errors }) => errors ?? [])).toEqual([]);
  const codes = new Set(answers.flatMap(({ userErrors }) => userErrors.map(({ code }) => code)));
  expect([...codes].filter((code) => code !== "WRONG_STATE")).toEqual([]);
  expect(await drifted()).toEqual([]);
}, 60_000);

test("orders that change customers concurrently and are then placed are counted once", async () => {
  const ids = await carts("ping", 2, 2);
  const turns = Array.from({ length: 60 }, (_, i) => i);
  const answers = await Promise.all(
    turns.map((i) => update(ids[i % 4]!, { customerId: `cus_ping${1 + (Math.floor(i / 4) % 2)}` })),
  );
  expect(answers.flatMap<unknown>(({ errors, userErrors }) => errors ?? userErrors)).toEqual([]);
  const placed = await Promise.all([...ids, ...ids, ...ids].map((id) => move("Place", id)));
  expect(placed.flatMap<unknown>(({ errors, userErrors }) => errors ?? userErrors)).toEqual([]);
  expect(await drifted()).toEqual([]);
  const [{ sum }] = await sql("SELECT sum(total_orders_count)::int FROM customers WHERE id LIKE 'cus_ping%'");
  expect(sum).toBe(4);
}, 60_000);

test("orderPlace re-reads the customer after waiting for its lock: an anonymized one is WRONG_STATE", async () => {
  const [id] = await carts("handed", 2, 1);
  await sql("UPDATE customers SET anonymization_status = 'started' WHERE id = 'cus_handed2'");
  await sql("UPDATE orders SET customer_id = 'cus_handed1' WHERE id = $1", [id]);
  const other = await app.database.pool.connect();
  await other.query("BEGIN");
  await other.query("SELECT 1 FROM customers WHERE id = 'cus_handed1' FOR UPDATE");
  const placed = move("Place", id!);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await other.query("UPDATE orders SET customer_id = 'cus_handed2' WHERE id = $1", [id]);
  await other.query("COMMIT");
  other.release();
  const { order, userErrors } = await placed;
  expect(userErrors).toMatchObject([{ code: "WRONG_STATE", message: expect.stringMatching(/anonymized/) }]);
  expect(order.status).toBe("PENDING");
});

test("concurrent orderCreate gives unique numbers and creates one customer", async () => {
  const answers = await Promise.all(
    Array.from({ length: 30 }, () => create({ marketId: "mkt_europe", customerEmail: "crowd@example.com" })),
  );
  expect(new Set(answers.map(({ order }) => order.number)).size).toBe(30);
  expect(new Set(answers.map(({ order }) => order.customer.id)).size).toBe(1);
});

test("readFrequency accepts names and crontab expressions of one hour or more", () => {
  const good = {
    monthly: "monthly",
    " Two-Months ": "two-month",
    "0 8 1 * *": "0 8 1 * *",
    "30  */2 * * MON-FRI": "30 */2 * * mon-fri",
    "0 8,20 1,15 jan-jun/2 *": "0 8,20 1,15 jan-jun/2 *",
    "0 0 * * 7": "0 0 * * 7",
    "0 0 29 2 *": "0 0 29 2 *",
    "59 23 31 12 sat": "59 23 31 12 sat",
  };
  for (const [given, stored] of Object.entries(good)) expect([given, readFrequency(given)]).toEqual([given, stored]);
  const bad = [
    ...["", "often", "two", "five-month", "0 8 1 *", "0 8 1 * * *", "* 8 1 * *", "*/5 * * * *", "0,30 * * * *"],
    ...["60 8 * * *", "0 24 * * *", "0 8 0 * *", "0 8 32 * *", "0 8 1 13 *", "0 8 1 0 *", "0 8 * * 8", "0 8-4 * * *"],
    ...["0 8 * foo *", "0 8 mon * *", "0 */0 * * *", "0 8 30 2 *", "0 8 31 4,6 *", "0 8 1 * * ; drop", "-1 8 1 * *"],
    ...["0 8, * * *", "0 8--9 * * *", "0 8/ * * *", `0 ${"8,".repeat(200)}8 * * *`],
  ];
  for (const given of bad) expect([given, readFrequency(given)]).toEqual([given, expect.any(Problem)]);
});

test("without skus:read every skuCode of lineItems is NOT_FOUND", async () => {
  const as: Caller = {
    kind: "integration",
    permissions: ["orders:create", "orders:read", "orders:update", "line_items:read", "markets:read"],
  };
  const lineItems = (skuCode: string) => ({ lineItems: [{ skuCode, quantity: 1 }] });
  const made = await create({ marketId: "mkt_europe", ...lineItems("MUG-BLUE") }, as);
  const unknown = await create({ marketId: "mkt_europe", ...lineItems("NO-SUCH") }, as);
  expect(made).toEqual(unknown);
  expect(made.userErrors).toMatchObject([{ code: "NOT_FOUND", path: ["input", "lineItems", "0", "skuCode"] }]);
  const { order } = await create({ marketId: "mkt_europe" }, as);
  const { data } = await app.query(
    `mutation ($input: OrderUpdateInput!) { orderUpdate(id: "${order.id}", input: $input) { ${ERRORS} } }`,
    { input: lineItems("MUG-BLUE") },
    { as },
  );
  expect(data.orderUpdate.userErrors).toMatchObject([{ code: "NOT_FOUND" }]);
});
