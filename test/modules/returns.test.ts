import { type Caller, createTestApp, type TestApp } from "../support/app.js";
import { onlyField } from "../support/operation-data.js";
import { insert } from "../support/rows.js";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(async () => {
  // Every code that was told is one that its mutation names.
  expect(app.logged.filter((line) => line.includes("does not declare"))).toEqual([]);
  await app.stop();
});

const ada: Caller = { kind: "customer", id: "cus_ada", markets: ["mkt_europe"], stockLocations: ["slo_milan"] };
const bruno: Caller = { kind: "customer", id: "cus_bruno", markets: ["mkt_europe"] };

const RETURN = `return {
  id number status customerEmail skusCount currencyCode version reference metadata
  estimatedRefundAmountCents formattedEstimatedRefundAmount
  customer { id } order { id } stockLocation { id }
  originAddress { id line1 } destinationAddress { id line1 }
  returnLineItems { nodes { skuCode name imageUrl quantity totalAmountCents returnReason lineItem { id } } }
}`;
const ERRORS =
  "userErrors { __typename code message path ... on ReturnStateError { status } ... on OrderStateError { orderStatus: status } }";

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
  send(`mutation ($input: ReturnCreateInput!) { returnCreate(input: $input) { ${RETURN} ${ERRORS} } }`, { input }, as);
const update = (id: string, input: object, as?: Caller) =>
  send(
    `mutation ($id: ID!, $input: ReturnUpdateInput!) { returnUpdate(id: $id, input: $input) { ${RETURN} ${ERRORS} } }`,
    { id, input },
    as,
  );
const LINE = `returnLineItem { id skuCode name quantity totalAmountCents returnReason reference metadata }`;
const addLine = (input: object, as?: Caller) =>
  send(
    `mutation ($input: ReturnLineItemCreateInput!) { returnLineItemCreate(input: $input) { ${LINE} ${RETURN} ${ERRORS} } }`,
    { input },
    as,
  );
const updateLine = (id: string, input: object, as?: Caller) =>
  send(
    `mutation ($id: ID!, $input: ReturnLineItemUpdateInput!) {
      returnLineItemUpdate(id: $id, input: $input) { ${LINE} ${RETURN} ${ERRORS} } }`,
    { id, input },
    as,
  );
const deleteLine = (id: string, as?: Caller) =>
  send(`mutation ($id: ID!) { returnLineItemDelete(id: $id) { deletedId ${RETURN} ${ERRORS} } }`, { id }, as);
const sql = async (text: string, values: unknown[] = []) => (await app.database.pool.query(text, values)).rows;

/** An approved order of Ada's, or nobody's, with one line of ten mugs, and the id of the line. */
let orders = 0;
async function bought(
  quantity = 10,
  customerId: string | null = "cus_ada",
): Promise<{ orderId: string; lineItemId: string }> {
  const { query } = app.database;
  const { id: orderId } = await insert(query, "Order", {
    id: `ord_bought${++orders}`,
    status: "approved",
    customerId,
    marketId: "mkt_europe",
    placedAt: new Date(),
    shippingAddressId: "adr_1001_shipping",
  });
  const { id: lineItemId } = await insert(query, "LineItem", {
    orderId,
    itemType: "skus",
    skuCode: "MUG-BLUE",
    name: "Blue mug",
    quantity,
    unitAmountCents: 1200,
    discountCents: -100,
    totalAmountCents: 1200 * quantity,
  });
  return { orderId, lineItemId };
}

test("returnCreate returns the return as a screen shows it", async () => {
  const { return: ret, userErrors } = await create({
    orderId: "ord_1004",
    stockLocationId: "slo_milan",
    reference: "RMA-1",
    metadata: { channel: "mail" },
    lineItems: [
      { lineItemId: "lin_1004_1", quantity: 1, returnReason: { size: "was wrong" } },
      { lineItemId: "lin_1004_2", quantity: 1 },
    ],
  });
  expect(userErrors).toEqual([]);
  expect(ret).toMatchObject({
    number: "#1004/R/002",
    status: "DRAFT",
    customerEmail: "ada@example.com",
    skusCount: 2,
    currencyCode: "EUR",
    reference: "RMA-1",
    metadata: { channel: "mail" },
    // Two hoodies at 59.00 with 11.80 off, a cap at 19.00 with 1.90 off.
    estimatedRefundAmountCents: 5310 + 1710,
    formattedEstimatedRefundAmount: "€70,20",
    customer: { id: "cus_ada" },
    order: { id: "ord_1004" },
    stockLocation: { id: "slo_milan" },
    originAddress: { line1: "12 St James's Square" },
    destinationAddress: { line1: "Via Savona 97" },
  });
  expect(ret.returnLineItems.nodes).toMatchObject([
    { skuCode: "HOODIE-GREY-M", quantity: 1, totalAmountCents: 5310, returnReason: { size: "was wrong" } },
    { skuCode: "CAP-RED", totalAmountCents: 1710, returnReason: null, lineItem: { id: "lin_1004_2" } },
  ]);
  expect([ret.originAddress.id, ret.destinationAddress.id]).not.toEqual(
    expect.arrayContaining(["adr_1004_shipping", "adr_stock_milan"]),
  );
});

test("destinationAddress of a return has none of the shop's notes on its stock location", async () => {
  const internal = "notes billingInfo metadata reference referenceOrigin";
  await sql(
    `UPDATE addresses SET notes = 'Gate code 4711', billing_info = 'VAT 1', metadata = '{"rent": 9000}', reference = 'erp-7',
       reference_origin = 'erp', email = 'milan@example.com' WHERE id = 'adr_stock_milan'`,
  );
  const { orderId, lineItemId } = await bought();
  const document = `mutation ($input: ReturnCreateInput!) { returnCreate(input: $input) {
    return { id destinationAddress { line1 city phone ${internal} } } } }`;
  const nothing = { notes: null, billingInfo: null, metadata: {}, reference: null, referenceOrigin: null };
  for (const as of [ada, { kind: "integration" } as const]) {
    const input = { orderId, stockLocationId: "slo_milan", lineItems: [{ lineItemId, quantity: 1 }] };
    const { return: ret } = await send(document, { input }, as);
    expect(ret.destinationAddress).toMatchObject({ line1: "Via Savona 97", city: "Milano", ...nothing });
    await sql("UPDATE returns SET stock_location_id = NULL WHERE id = $1", [ret.id]);
    await update(ret.id, { stockLocationId: "slo_milan" }, as);
    const { data } = await app.query(
      `{ return(by: { id: "${ret.id}" }) { destinationAddress { ${internal} } } }`,
      {},
      { as },
    );
    expect(data.return.destinationAddress).toEqual(nothing);
  }
});

test("returnCreate by a customer: for its own orders only; request: true makes it REQUESTED", async () => {
  const { orderId, lineItemId } = await bought();
  const input = { orderId, lineItems: [{ lineItemId, quantity: 2 }], request: true };
  const { return: ret } = await create(input, ada);
  expect(ret).toMatchObject({ status: "REQUESTED", number: `#${orderId}/R/001`, stockLocation: null });
  expect(ret.destinationAddress).toBeNull();
  expect((await create(input, bruno)).userErrors).toMatchObject([{ code: "NOT_FOUND", path: ["input", "orderId"] }]);
  expect((await create({ ...input, stockLocationId: "slo_newark" }, ada)).userErrors).toMatchObject([
    { code: "NOT_FOUND", path: ["input", "stockLocationId"] },
  ]);
  expect((await create(input, { kind: "guest" })).errors![0]!.extensions.code).toBe("FORBIDDEN");
});

test("returnCreate refuses quantities above those bought, minus those of other returns", async () => {
  const { orderId, lineItemId } = await bought(3);
  const refused = async (...quantities: number[]) =>
    (await create({ orderId, lineItems: quantities.map((quantity) => ({ lineItemId, quantity })) })).userErrors;
  expect(await refused(4)).toMatchObject([
    {
      code: "INVALID",
      path: ["input", "lineItems", "0", "quantity"],
      message: "At most 3 can be sent back: 3 were bought, and returns have 0 already.",
    },
  ]);
  expect(await refused(2, 2)).toMatchObject([{ path: ["input", "lineItems", "1", "quantity"] }]);
  const { return: ret, userErrors } = await create({ orderId, lineItems: [{ lineItemId, quantity: 2 }] });
  expect(userErrors).toEqual([]);
  // 36.00 less 1.00 for three.
  expect(ret.estimatedRefundAmountCents).toBe(Math.round((3500 * 2) / 3));
  expect((await refused(2))[0]!.message).toBe("At most 1 can be sent back: 3 were bought, and returns have 2 already.");
  await send("mutation ($id: ID!) { returnCancel(id: $id) { return { status } } }", { id: ret.id });
  const again = await create({ orderId, lineItems: [{ lineItemId, quantity: 3 }] });
  expect(again.return).toMatchObject({ number: `#${orderId}/R/002`, estimatedRefundAmountCents: 3500 });
});

test("returnCreate reports all errors at once with their paths", async () => {
  const { return: ret, userErrors } = await create({
    orderId: "ord_1024",
    stockLocationId: "slo_nothing",
    reference: "x".repeat(300),
    lineItems: [
      { lineItemId: "lin_1001_1", quantity: 1 },
      { lineItemId: "lin_1024_4", quantity: 1 },
      { lineItemId: "lin_nothing", quantity: 0 },
      { lineItemId: "lin_1024_1", quantity: 1 },
    ],
  });
  expect(ret).toBeNull();
  expect(userErrors.map(({ code, path }) => `${code} ${path.join(".")}`)).toEqual([
    "NOT_FOUND input.stockLocationId",
    "INVALID input.reference",
    "NOT_FOUND input.lineItems.0.lineItemId",
    "INVALID input.lineItems.1.lineItemId",
    "NOT_FOUND input.lineItems.2.lineItemId",
    "INVALID input.lineItems.2.quantity",
  ]);
  for (const lineItems of [undefined, []]) {
    expect((await create({ orderId: "ord_1024", lineItems, request: true })).userErrors).toMatchObject([
      { code: "INVALID", path: ["input", "lineItems"] },
    ]);
  }
});

test("returnCreate requires a placed or approved order of a customer who is not anonymized", async () => {
  for (const [orderId, line, status] of [
    ["ord_1027", "lin_1027_1", "PENDING"],
    ["ord_1006", "lin_1006_1", "CANCELLED"],
    ["ord_1021", "lin_1021_1", "EDITING"],
  ]) {
    expect((await create({ orderId, lineItems: [{ lineItemId: line, quantity: 1 }] })).userErrors).toMatchObject([
      { __typename: "OrderStateError", code: "WRONG_STATE", path: ["input", "orderId"], orderStatus: status },
    ]);
  }
  const erased = await create({ orderId: "ord_1017", lineItems: [{ lineItemId: "lin_1017_1", quantity: 1 }] });
  expect(erased.userErrors).toMatchObject([{ code: "WRONG_STATE", path: ["input", "orderId"] }]);
});

test("returnUpdate: by its customer while DRAFT, by staff until shipped", async () => {
  const { orderId, lineItemId } = await bought();
  const { return: ret } = await create({ orderId, lineItems: [{ lineItemId, quantity: 1 }] }, ada);
  const addresses = async () => (await sql("SELECT count(*)::int AS n FROM addresses"))[0].n;
  const before = await addresses();
  const first = await update(ret.id, { stockLocationId: "slo_milan", metadata: { merge: { a: 1 } } }, ada);
  expect(first.return).toMatchObject({ stockLocation: { id: "slo_milan" }, metadata: { a: 1 }, reference: null });
  expect(first.return.destinationAddress.line1).toBe("Via Savona 97");
  expect(await addresses()).toBe(before + 1);
  expect((await update(ret.id, { reference: "x" }, bruno)).userErrors).toMatchObject([{ code: "NOT_FOUND" }]);
  await sql("UPDATE returns SET status = 'approved' WHERE id = $1", [ret.id]);
  expect((await update(ret.id, { reference: "x" }, ada)).userErrors).toMatchObject([
    { __typename: "ReturnStateError", status: "APPROVED", path: ["id"] },
  ]);
  const next = await update(ret.id, { stockLocationId: "slo_newark", reference: "RMA-9" });
  expect(next.return).toMatchObject({ reference: "RMA-9", destinationAddress: { line1: "40 Port Street" } });
  expect(await addresses()).toBe(before + 1);
  await sql("UPDATE returns SET status = 'shipped' WHERE id = $1", [ret.id]);
  expect((await update(ret.id, { stockLocationId: null })).userErrors).toMatchObject([
    { code: "WRONG_STATE", status: "SHIPPED", path: ["input", "stockLocationId"] },
  ]);
  expect((await update(ret.id, { reference: null, stockLocationId: "slo_newark" })).return.reference).toBeNull();
  // Its copy of the stock location's address goes, the address itself stays where it is.
  expect((await update("ret_1015_1", { stockLocationId: null })).return.destinationAddress).toBeNull();
  expect(await sql("SELECT id FROM addresses WHERE id = 'adr_stock_milan'")).toHaveLength(1);
});

test("customers see destinationAddress of a return, and no stock location's address", async () => {
  const look = async (as?: Caller) => {
    const { data } = await app.query(
      `{ node(id: "adr_stock_milan") { id } return(by: { id: "ret_1004_1" }) { destinationAddress { id line1 notes } } }`,
      {},
      { as },
    );
    return { node: data.node, address: data.return.destinationAddress };
  };
  const copy = await look(ada);
  expect(copy).toMatchObject({ node: null, address: { line1: "Via Savona 97", notes: null } });
  // As rows from elsewhere may have it, whatever else leads there.
  await sql("UPDATE returns SET destination_address_id = 'adr_stock_milan' WHERE id = 'ret_1004_1'");
  await sql("UPDATE orders SET shipping_address_id = 'adr_stock_milan' WHERE id = 'ord_1004'");
  expect(await look(ada)).toEqual({ node: null, address: null });
  expect(await look()).toMatchObject({ node: { id: "adr_stock_milan" }, address: { id: "adr_stock_milan" } });
  await sql("UPDATE returns SET destination_address_id = $1 WHERE id = 'ret_1004_1'", [copy.address.id]);
  await sql("UPDATE orders SET shipping_address_id = 'adr_1004_shipping' WHERE id = 'ord_1004'");
});

test("30 concurrent returnCreate: no more is returned than was bought, and numbers are unique", async () => {
  const { orderId, lineItemId } = await bought(10);
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, i) =>
      create({ orderId, lineItems: [{ lineItemId, quantity: 1 + (i % 2) }] }, i % 3 ? ada : undefined),
    ),
  );
  expect(answers.flatMap(({ errors }) => errors ?? [])).toEqual([]);
  const made = answers.flatMap(({ return: ret }) => ret ?? []);
  expect(made.reduce((sum, { skusCount }) => sum + skusCount, 0)).toBe(10);
  expect(made.map(({ number }) => number).sort()).toEqual(
    made.map((_, i) => `#${orderId}/R/${String(i + 1).padStart(3, "0")}`),
  );
  const refused = answers.flatMap(({ userErrors }) => userErrors);
  expect(refused).toHaveLength(30 - made.length);
  for (const error of refused)
    expect(error).toMatchObject({ code: "INVALID", path: expect.arrayContaining(["quantity"]) });
}, 30_000);

test("returnCreate skips numbers that another return has", async () => {
  const { orderId, lineItemId } = await bought();
  await insert(app.database.query, "Return", { number: `#${orderId}/R/001` });
  const { return: ret } = await create({ orderId, lineItems: [{ lineItemId, quantity: 1 }] });
  expect(ret.number).toBe(`#${orderId}/R/002`);
});

/** A return of one of these mugs, with its line. */
async function returned(of: { orderId: string; lineItemId: string }, as?: Caller) {
  const { return: ret } = await create(
    { orderId: of.orderId, lineItems: [{ lineItemId: of.lineItemId, quantity: 1 }] },
    as,
  );
  const [{ id: line }] = await sql("SELECT id FROM return_line_items WHERE return_id = $1", [ret.id]);
  return { id: ret.id as string, line: line as string };
}

test("returnLineItemCreate, -Update and -Delete change a draft of one's own, and its refund", async () => {
  const mugs = await bought(3);
  const { id, line } = await returned(mugs, ada);
  const input = {
    returnId: id,
    lineItemId: mugs.lineItemId,
    quantity: 1,
    returnReason: { chip: true },
    reference: "R",
  };
  const added = await addLine(input, ada);
  expect(added).toMatchObject({
    userErrors: [],
    returnLineItem: {
      ...{ skuCode: "MUG-BLUE", name: "Blue mug", quantity: 1, returnReason: { chip: true }, reference: "R" },
      // 36.00 less 1.00 for three.
      totalAmountCents: 1167,
    },
    return: { id, skusCount: 2, estimatedRefundAmountCents: 2 * 1167 },
  });
  const more = { ...input, quantity: 2 };
  const message = "At most 1 can be sent back: 3 were bought, and returns have 2 already.";
  const tooMany = [{ code: "INVALID", path: ["input", "quantity"], message }];
  expect((await addLine(more, ada)).userErrors).toMatchObject(tooMany);
  // What the line itself has is no other's.
  expect((await updateLine(line, { quantity: 3 }, ada)).userErrors).toMatchObject([
    { message: "At most 2 can be sent back: 3 were bought, and returns have 1 already." },
  ]);
  expect(await updateLine(line, { quantity: 2, metadata: { merge: { a: 1 } } }, ada)).toMatchObject({
    userErrors: [],
    returnLineItem: { quantity: 2, totalAmountCents: Math.round((3500 * 2) / 3), metadata: { a: 1 } },
    return: { skusCount: 3, estimatedRefundAmountCents: Math.round((3500 * 2) / 3) + 1167 },
  });
  const cleared = await updateLine(added.returnLineItem.id, { returnReason: null }, ada);
  expect(cleared.returnLineItem).toMatchObject({ returnReason: null, totalAmountCents: 1167, reference: "R" });
  for (const [left, gone] of [
    [1, line],
    [0, added.returnLineItem.id],
  ] as const) {
    expect(await deleteLine(gone, ada)).toMatchObject({
      deletedId: gone,
      userErrors: [],
      return: { id, skusCount: left, estimatedRefundAmountCents: left * 1167 },
    });
  }
  expect((await addLine({ ...input, quantity: 3 }, ada)).return.estimatedRefundAmountCents).toBe(3500);
});

test("a draft begins without lines, and is requested once it has one", async () => {
  const { orderId, lineItemId } = await bought();
  const { return: draft, userErrors } = await create({ orderId }, ada);
  expect(userErrors).toEqual([]);
  expect(draft).toMatchObject({ status: "DRAFT", skusCount: 0, estimatedRefundAmountCents: 0 });
  const request = () =>
    send(`mutation ($id: ID!) { returnRequest(id: $id) { return { status } ${ERRORS} } }`, { id: draft.id }, ada);
  expect((await request()).userErrors).toEqual([
    expect.objectContaining({
      ...{ code: "WRONG_STATE", path: ["id"] },
      message: "The return has no lines; there is nothing to send back.",
    }),
  ]);
  expect((await addLine({ returnId: draft.id, lineItemId, quantity: 1 }, ada)).userErrors).toEqual([]);
  expect(await request()).toMatchObject({ return: { status: "REQUESTED" }, userErrors: [] });
});

test("lines of returns: others' do not exist, and what is sent back was bought in the order", async () => {
  const mugs = await bought();
  const { id, line } = await returned(mugs, ada);
  const missing = (...path: string[]) => [expect.objectContaining({ code: "NOT_FOUND", path })];
  const input = { returnId: id, lineItemId: mugs.lineItemId, quantity: 1 };
  expect((await addLine(input, bruno)).userErrors).toEqual(expect.arrayContaining(missing("input", "returnId")));
  expect((await updateLine(line, { quantity: 2 }, bruno)).userErrors).toEqual(missing("id"));
  expect((await deleteLine(line, bruno)).userErrors).toEqual(missing("id"));
  const other = await bought();
  expect((await addLine({ ...input, lineItemId: other.lineItemId }, ada)).userErrors).toEqual(
    missing("input", "lineItemId"),
  );
  const wrong = await addLine({ returnId: id, lineItemId: "lin_nothing", quantity: 0 });
  expect(
    wrong.userErrors.map(({ code, path }: { code: string; path: string[] }) => `${code} ${path.join(".")}`),
  ).toEqual(["NOT_FOUND input.lineItemId", "INVALID input.quantity"]);
  await sql("UPDATE line_items SET item_type = 'shipments' WHERE id = $1", [mugs.lineItemId]);
  expect((await addLine(input)).userErrors).toMatchObject([{ code: "INVALID", path: ["input", "lineItemId"] }]);
  expect((await updateLine(line, { quantity: 2 })).userErrors).toMatchObject([{ code: "INVALID", path: ["id"] }]);
  await sql("UPDATE line_items SET item_type = 'skus' WHERE id = $1", [mugs.lineItemId]);
  await sql("UPDATE orders SET status = 'cancelled' WHERE id = $1", [mugs.orderId]);
  const state = { __typename: "OrderStateError", orderStatus: "CANCELLED" };
  expect((await addLine(input)).userErrors).toMatchObject([{ ...state, path: ["input", "returnId"] }]);
  expect((await updateLine(line, { quantity: 2 })).userErrors).toMatchObject([
    { ...state, path: ["input", "quantity"] },
  ]);
  expect((await sql("SELECT quantity, version FROM return_line_items WHERE return_id = $1", [id])).at(0)).toEqual({
    quantity: 1,
    version: 1,
  });
});

test("lines of returns: changed by the customer while DRAFT, by staff until shipped", async () => {
  const mugs = await bought();
  const { id, line } = await returned(mugs, ada);
  const input = { returnId: id, lineItemId: mugs.lineItemId, quantity: 1 };
  const refused = (status: string, ...path: string[]) => [{ __typename: "ReturnStateError", status, path }];
  await sql("UPDATE returns SET status = 'requested' WHERE id = $1", [id]);
  expect((await addLine(input, ada)).userErrors).toMatchObject(refused("REQUESTED", "input", "returnId"));
  expect((await updateLine(line, { reference: "x" }, ada)).userErrors).toMatchObject(refused("REQUESTED", "id"));
  expect((await deleteLine(line, ada)).userErrors).toMatchObject(refused("REQUESTED", "id"));
  const added = await addLine(input);
  expect(added.userErrors).toEqual([]);
  expect((await updateLine(line, { quantity: 4 })).return.skusCount).toBe(5);
  expect((await deleteLine(added.returnLineItem.id)).userErrors).toEqual([]);
  expect((await deleteLine(line)).userErrors).toMatchObject([
    {
      ...refused("REQUESTED", "id")[0],
      message: "It is the only line of a return that is requested; cancel the return instead.",
    },
  ]);
  await sql("UPDATE returns SET status = 'shipped' WHERE id = $1", [id]);
  expect((await addLine(input)).userErrors).toMatchObject(refused("SHIPPED", "input", "returnId"));
  expect((await updateLine(line, { quantity: 1 })).userErrors).toMatchObject(refused("SHIPPED", "input", "quantity"));
  expect((await deleteLine(line)).userErrors).toMatchObject(refused("SHIPPED", "id"));
  expect((await updateLine(line, { reference: "RMA-3" })).returnLineItem).toMatchObject({
    reference: "RMA-3",
    quantity: 4,
  });
});

// What nobody owns is locked by its order alone.
test.each([
  ["Ada's", "cus_ada", ada],
  ["nobody's", null, undefined],
] as const)(
  "20 concurrent lines of two returns, %s: no more is returned than was bought",
  async (_, customerId, as) => {
    const mugs = await bought(10, customerId);
    const returns = [await returned(mugs, as), await returned(mugs)];
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        i < 4
          ? updateLine(returns[i % 2]!.line, { quantity: 3 })
          : addLine(
              { returnId: returns[i % 2]!.id, lineItemId: mugs.lineItemId, quantity: 1 + (i % 2) },
              i % 4 ? undefined : as,
            ),
      ),
    );
    expect(answers.flatMap(({ errors }) => errors ?? [])).toEqual([]);
    const refused = answers.flatMap(({ userErrors }) => userErrors);
    for (const error of refused) expect(error).toMatchObject({ code: "INVALID", path: ["input", "quantity"] });
    const sums = await sql(
      `SELECT r.skus_count, r.estimated_refund_amount_cents AS refund, sum(l.quantity)::int AS quantity,
            sum(l.total_amount_cents)::int AS total
     FROM returns r JOIN return_line_items l ON l.return_id = r.id WHERE r.order_id = $1 GROUP BY r.id`,
      [mugs.orderId],
    );
    expect(sums.reduce((sum, { quantity }) => sum + quantity, 0)).toBe(10);
    for (const { skus_count, refund, quantity, total } of sums) expect([skus_count, refund]).toEqual([quantity, total]);
  },
  30_000,
);
