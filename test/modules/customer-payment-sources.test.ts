import { holdsCardNumber } from "../../src/modules/payment-sources/card-number.js";
import { type Caller, createTestApp, type TestApp } from "../support/app.js";
import { onlyField } from "../support/operation-data.js";
import { insert } from "../support/rows.js";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.stop());

const ERRORS = "userErrors { code message path }";
const ENTRY = `id name reference metadata version customerToken paymentSourceToken
  paymentMethod { id name paymentSourceType }
  paymentSource { id paymentSourceType paymentInstrument { issuer issuerType cardType cardLastDigits cardExpiryMonth cardExpiryYear cardHolderName } }`;
const WALLET = "customer { id customerPaymentSources(first: 100) { totalCount nodes { id } } }";
const operations = {
  create: `mutation ($input: CustomerPaymentSourceCreateInput!) { customerPaymentSourceCreate(input: $input) {
    customerPaymentSource { ${ENTRY} } ${WALLET} ${ERRORS} } }`,
  update: `mutation ($id: ID!, $ifVersion: Int, $input: CustomerPaymentSourceUpdateInput!) {
    customerPaymentSourceUpdate(id: $id, ifVersion: $ifVersion, input: $input) { customerPaymentSource { ${ENTRY} } ${ERRORS} } }`,
  delete: `mutation ($id: ID!) { customerPaymentSourceDelete(id: $id) {
    deletedId paymentSourceId deletedPaymentSourceId ${WALLET} ${ERRORS} } }`,
} as const;

async function run<Name extends keyof typeof operations>(operation: Name, variables: object, as?: Caller) {
  const { data, errors } = await app.query(operations[operation], variables as never, as === undefined ? {} : { as });
  if (errors) throw new Error(JSON.stringify(errors));
  return onlyField(data);
}

const said = (code: string, ...path: string[]) => expect.objectContaining({ code, path });
const rows = async (text: string, ...values: unknown[]) => (await app.database.pool.query(text, values)).rows;
const times = <Result>(n: number, work: (i: number) => Promise<Result>) =>
  Promise.all(Array.from({ length: n }, (_, i) => work(i)));

let customers = 0;
async function createCustomer() {
  const { id } = await insert(app.database.query, "Customer", { id: `cus_wallet${++customers}` });
  return { id, itself: { kind: "customer", id } as Caller };
}

const card = {
  issuer: "Demo Bank",
  issuerType: "credit card",
  cardType: "visa",
  cardLastDigits: "4242",
  cardExpiryMonth: "10",
  cardExpiryYear: "2031",
  cardHolderName: "Mia Verdi",
};

/** A customer with a payment source in its wallet. */
async function createWallet() {
  const customer = await createCustomer();
  const input = { customerId: customer.id, paymentMethodId: "pmt_stripe", paymentInstrument: card };
  const { customerPaymentSource } = await run("create", { input });
  return { ...customer, entry: customerPaymentSource.id as string, source: customerPaymentSource.paymentSource.id };
}

test("customerPaymentSourceCreate creates the payment source and its entry in the wallet", async () => {
  const { id, itself } = await createCustomer();
  const input = {
    customerId: id,
    paymentMethodId: "pmt_stripe",
    paymentInstrument: card,
    customerToken: "cus_gateway",
    paymentSourceToken: "pm_gateway",
    reference: "W-1",
    metadata: { first: true },
  };
  const { customerPaymentSource: entry, customer, userErrors } = await run("create", { input });
  expect(userErrors).toEqual([]);
  expect(entry).toEqual({
    id: expect.stringMatching(/^cps_/),
    name: "XXXX-XXXX-XXXX-4242",
    reference: "W-1",
    metadata: { first: true },
    version: 1,
    customerToken: "cus_gateway",
    paymentSourceToken: "pm_gateway",
    paymentMethod: { id: "pmt_stripe", name: "Stripe Payment", paymentSourceType: "STRIPE_PAYMENTS" },
    paymentSource: {
      id: expect.stringMatching(/^pso_/),
      paymentSourceType: "STRIPE_PAYMENTS",
      paymentInstrument: card,
    },
  });
  expect(customer).toEqual({ id, customerPaymentSources: { totalCount: 1, nodes: [{ id: entry.id }] } });

  // The customer sees it, and not its tokens.
  const query =
    `{ node(id: "${entry.id}") { ... on CustomerPaymentSource { name customerToken paymentSourceToken } } }` as const;
  const own = await app.query(query, {}, { as: itself });
  expect(own.data.node).toEqual({
    name: entry.name,
    customerToken: null,
    paymentSourceToken: null,
  });
});

test("customerPaymentSourceCreate takes paymentSourceType, or derives it from paymentMethodId", async () => {
  const { id: customerId } = await createCustomer();
  const bare = await run("create", { input: { customerId, paymentSourceType: "PAYPAL_PAYMENTS" } });
  expect(bare.customerPaymentSource).toMatchObject({
    paymentMethod: null,
    paymentSource: { paymentSourceType: "PAYPAL_PAYMENTS", paymentInstrument: null },
  });
  const refused = async (input: object) => (await run("create", { input: { customerId, ...input } })).userErrors;
  expect(await refused({ customerToken: "t" })).toEqual([said("INVALID", "input", "paymentSourceType")]);
  expect(await refused({ paymentMethodId: "pmt_stripe", paymentSourceType: "ADYEN_PAYMENTS" })).toEqual([
    {
      code: "INVALID",
      path: ["input", "paymentSourceType"],
      message: "The payment method makes stripe payments, not adyen payments.",
    },
  ]);
  expect(await refused({ paymentMethodId: "pmt_nothing", paymentSourceType: "ADYEN_PAYMENTS" })).toEqual([
    said("NOT_FOUND", "input", "paymentMethodId"),
  ]);
});

test("customerPaymentSourceCreate: an existing payment source belongs to one wallet only (TAKEN)", async () => {
  const { id: customerId } = await createCustomer();
  await insert(app.database.query, "PaymentSource", { id: "pso_loose", kind: "klarna_payments" });
  const create = (input: object) => run("create", { input: { customerId, ...input } });
  expect(
    (await create({ paymentSourceId: "pso_loose", paymentInstrument: card, paymentSourceType: "KLARNA_PAYMENTS" }))
      .userErrors,
  ).toEqual([said("INVALID", "input", "paymentSourceType"), said("INVALID", "input", "paymentInstrument")]);
  expect((await create({ paymentSourceId: "pso_loose", paymentMethodId: "pmt_stripe" })).userErrors).toEqual([
    said("INVALID", "input", "paymentSourceId"),
  ]);
  const { customerPaymentSource } = await create({ paymentSourceId: "pso_loose", paymentMethodId: "pmt_klarna" });
  expect(customerPaymentSource.paymentSource.id).toBe("pso_loose");
  expect((await create({ paymentSourceId: "pso_loose" })).userErrors).toEqual([
    said("TAKEN", "input", "paymentSourceId"),
  ]);
  // In Ada's wallet; made for an order of Grace's; nowhere.
  for (const paymentSourceId of ["pso_ada_visa", "pso_grace_counter"]) {
    expect((await create({ paymentSourceId })).userErrors).toEqual([said("INVALID", "input", "paymentSourceId")]);
  }
  expect((await create({ paymentSourceId: "pso_nothing" })).userErrors).toEqual([
    said("NOT_FOUND", "input", "paymentSourceId"),
  ]);
});

test("customerPaymentSourceCreate reports all errors with their paths, and creates nothing", async () => {
  const before = await rows("SELECT count(*) FROM payment_sources");
  const { userErrors } = await run("create", {
    input: {
      customerId: "cus_nobody",
      paymentMethodId: "pmt_stripe",
      customerToken: "4242 4242 4242 4242",
      paymentSourceToken: "x".repeat(256),
      reference: "x".repeat(256),
      paymentInstrument: {
        issuer: "5555-5555-5555-4444",
        cardLastDigits: "378282246310005",
        cardExpiryMonth: "13",
        cardExpiryYear: "31",
        cardHolderName: "Mia 6011111111111117",
      },
    },
  });
  expect(userErrors.map(({ code, path }) => `${code} ${path.join(".")}`).sort()).toEqual([
    "INVALID input.customerToken",
    "INVALID input.paymentInstrument.cardExpiryMonth",
    "INVALID input.paymentInstrument.cardExpiryYear",
    "INVALID input.paymentInstrument.cardHolderName",
    "INVALID input.paymentInstrument.cardLastDigits",
    "INVALID input.paymentInstrument.issuer",
    "INVALID input.paymentSourceToken",
    "INVALID input.reference",
    "NOT_FOUND input.customerId",
  ]);
  for (const { message } of userErrors) {
    expect(message).toMatch(/^[A-Z].*\.$/);
    expect(message).not.toMatch(/\d{5}/);
  }
  expect(await rows("SELECT count(*) FROM payment_sources")).toEqual(before);
  const half = { customerId: "cus_ada", paymentMethodId: "pmt_stripe", paymentInstrument: { cardExpiryMonth: "1" } };
  expect((await run("create", { input: half })).userErrors).toEqual([
    said("INVALID", "input", "paymentInstrument", "cardExpiryYear"),
  ]);
});

test.each([
  ["4242424242424242", true],
  ["4242424242424241", false],
  ["tok-4000 0566 5566 5556.", true],
  ["2223003122003222", true],
  ["6759649826438453", true],
  ["4222222222222", true],
  ["8415995487234100", false],
  ["424242424242", false],
  ["42424242424242424242", false],
  ["pm_1NXWPnCo6bFb1KQto6C8OWvE", false],
])("card number detection (PAN): %s is %p", (text, expected) => {
  expect(holdsCardNumber(text)).toBe(expected);
});

test("customerPaymentSourceUpdate changes tokens, reference and metadata; omitted stay, null clears", async () => {
  const { entry } = await createWallet();
  const first = await run("update", { id: entry, input: { customerToken: "c-1", paymentSourceToken: "p-1" } });
  expect(first.customerPaymentSource).toMatchObject({ customerToken: "c-1", paymentSourceToken: "p-1", version: 2 });
  const input = { customerToken: null, reference: "W-2", metadata: { merge: { a: 1 } } };
  const second = await run("update", { id: entry, ifVersion: 2, input });
  expect(second.customerPaymentSource).toMatchObject({
    customerToken: null,
    paymentSourceToken: "p-1",
    reference: "W-2",
    metadata: { a: 1 },
    paymentMethod: { id: "pmt_stripe" },
  });
  const wrong = await run("update", { id: entry, input: { paymentSourceToken: "4111111111111111" } });
  expect(wrong.userErrors).toEqual([said("INVALID", "input", "paymentSourceToken")]);
  expect(wrong.customerPaymentSource.paymentSourceToken).toBe("p-1");
});

test("without gateway_tokens:read, customerPaymentSourceUpdate sets tokens but does not return them", async () => {
  const { entry } = await createWallet();
  const as: Caller = {
    kind: "user",
    permissions: ["customers:read", "customer_payment_sources:read", "customer_payment_sources:update"],
  };
  const { data, extensions } = await app.query(
    operations.update,
    { id: entry, input: { customerToken: "c-2" } },
    { as },
  );
  expect(data.customerPaymentSourceUpdate).toMatchObject({
    customerPaymentSource: { customerToken: null },
    userErrors: [],
  });
  expect(extensions.redactions?.[0]?.missing).toEqual(["GATEWAY_TOKENS_READ"]);
  expect(await rows("SELECT customer_token FROM customer_payment_sources WHERE id = $1", entry)).toEqual([
    { customer_token: "c-2" },
  ]);
});

test("customers may not create entries or set tokens; they update and delete their own", async () => {
  const { id, entry, source, itself } = await createWallet();
  const stranger = await createCustomer();
  const guest: Caller = { kind: "guest" };
  for (const [as, operation, input] of [
    [itself, "create", { customerId: id, paymentMethodId: "pmt_stripe" }],
    [guest, "create", { customerId: id, paymentMethodId: "pmt_stripe" }],
    [guest, "update", { reference: "mine" }],
    [itself, "update", { reference: "mine", customerToken: "c-9" }],
    [itself, "update", { paymentSourceToken: null }],
  ] as const) {
    const { errors } = await app.query(operations[operation], { id: entry, input }, { as });
    expect(errors?.[0]?.extensions.code).toBe("FORBIDDEN");
  }
  const changed = await run(
    "update",
    { id: entry, input: { reference: "mine", metadata: { merge: { a: 1 } } } },
    itself,
  );
  expect(changed).toMatchObject({ customerPaymentSource: { reference: "mine", version: 2 }, userErrors: [] });
  const foreign = await run("update", { id: entry, input: { reference: "theirs" } }, stranger.itself);
  expect(foreign.userErrors).toEqual([said("NOT_FOUND", "id")]);
  expect((await run("delete", { id: entry }, stranger.itself)).userErrors).toEqual([said("NOT_FOUND", "id")]);
  expect((await run("delete", { id: entry }, { kind: "integration", mode: "live" })).userErrors).toEqual([
    said("NOT_FOUND", "id"),
  ]);
  expect(await run("delete", { id: entry }, itself)).toEqual({
    deletedId: entry,
    paymentSourceId: source,
    deletedPaymentSourceId: source,
    customer: { id, customerPaymentSources: { totalCount: 0, nodes: [] } },
    userErrors: [],
  });
  expect(await rows("SELECT id FROM payment_sources WHERE id = $1", source)).toEqual([]);
});

/** Recurring orders of a customer, one of each status, that pay by an entry of its wallet. */
async function subscribe(customerId: string, entry: string) {
  await rows(
    `INSERT INTO order_subscriptions (id, mode, number, customer_id, customer_payment_source_id, market_id, source_order_id, frequency, status)
     SELECT 'osu_' || s || '_' || $1, 'test', 'wallet-' || s || $1, $1, $2, 'mkt_europe', 'ord_1001', 'monthly', s
     FROM unnest(enum_range(NULL::order_subscription_status)) s`,
    customerId,
    entry,
  );
}
const subscriptionsOf = async (customerId: string) =>
  Object.fromEntries(
    (
      await rows(
        `SELECT split_part(id, '_', 2) AS before, status, customer_payment_source_id AS entry FROM order_subscriptions WHERE customer_id = $1`,
        customerId,
      )
    ).map(({ before, status, entry }) => [before, [status, entry]]),
  );
const pending = {
  ...{ draft: ["draft", null], inactive: ["inactive", null], cancelled: ["cancelled", null] },
  ...{ active: ["pending", null], running: ["pending", null], pending: ["pending", null] },
};

test("customerPaymentSourceDelete keeps the payment source of orders; recurring orders become PENDING", async () => {
  const { entry, source, id, itself } = await createWallet();
  await rows("UPDATE orders SET payment_source_id = $1 WHERE id = 'ord_1001'", source);
  await subscribe(id, entry);
  const { data } = await app.query(
    `mutation ($id: ID!) { customerPaymentSourceDelete(id: $id) { paymentSourceId deletedPaymentSourceId
       pendingOrderSubscriptions { id status version customerPaymentSource { id } } } }`,
    { id: entry },
    { as: itself },
  );
  expect(data.customerPaymentSourceDelete).toEqual({
    paymentSourceId: source,
    deletedPaymentSourceId: null,
    pendingOrderSubscriptions: ["active", "running"].map((status) => ({
      ...{ id: `osu_${status}_${id}`, status: "PENDING", version: 2, customerPaymentSource: null },
    })),
  });
  expect(await rows("SELECT payment_source_id AS id FROM orders WHERE id = 'ord_1001'")).toEqual([{ id: source }]);
  expect(await subscriptionsOf(id)).toEqual(pending);
  const entries = await rows(
    "SELECT payload -> 'status' AS status FROM event_stores WHERE resource_id = $1 AND event = 'update'",
    `osu_active_${id}`,
  );
  expect(entries).toEqual([{ status: { from: "active", to: "pending" } }]);
});

test("orderSubscriptionUpdate: without customerPaymentSourceId it is PENDING until orderSubscriptionActivate", async () => {
  const { entry, id } = await createWallet();
  await subscribe(id, entry);
  const change = async (mutation: string) => {
    const { data } = await app.query(`mutation { ${mutation} { orderSubscription { status } userErrors { code } } }`);
    return onlyField(data).orderSubscription.status;
  };
  for (const status of ["active", "running", "inactive", "draft", "pending"]) {
    const expected = pending[status as keyof typeof pending][0]!.toUpperCase();
    const update = (input: string) => change(`orderSubscriptionUpdate(id: "osu_${status}_${id}", input: { ${input} })`);
    expect([status, await update("customerPaymentSourceId: null")]).toEqual([status, expected]);
    expect([status, await update(`customerPaymentSourceId: "${entry}"`)]).toEqual([status, expected]);
  }
  expect(await change(`orderSubscriptionActivate(id: "osu_active_${id}")`)).toBe("ACTIVE");
});

test("customerDelete deletes addresses and payment sources that nobody else has", async () => {
  const { id, source, entry } = await createWallet();
  const input = {
    customerId: id,
    address: { business: true, company: "C", line1: "1", city: "HK", countryCode: "HK", phone: "1" },
  };
  const { data } = await app.query(
    "mutation ($input: CustomerAddressCreateInput!) { customerAddressCreate(input: $input) { address { id } } }",
    { input },
  );
  const { errors } = await app.query(`mutation { customerDelete(id: "${id}") { deletedId userErrors { message } } }`);
  expect(errors).toBeUndefined();
  for (const gone of [id, source, entry, data.customerAddressCreate.address.id]) {
    expect((await app.query(`{ node(id: "${gone}") { id } }`)).data.node).toBeNull();
  }
});

test("concurrent customerPaymentSourceDelete: exactly one wins", async () => {
  const { entry, source, itself } = await createWallet();
  const answers = await times(20, (i) => run("delete", { id: entry }, i % 2 ? itself : undefined));
  expect(answers.filter(({ deletedId }) => deletedId)).toEqual([
    expect.objectContaining({ deletedPaymentSourceId: source }),
  ]);
  expect(answers.filter(({ userErrors }) => userErrors[0]?.code === "NOT_FOUND")).toHaveLength(19);
});

test("concurrent customerPaymentSourceCreate: exactly one wins", async () => {
  await insert(app.database.query, "PaymentSource", { id: "pso_race", kind: "klarna_payments" });
  const owners = [await createCustomer(), await createCustomer()];
  const answers = await times(20, (i) =>
    run("create", { input: { customerId: owners[i % 2]!.id, paymentSourceId: "pso_race" } }),
  );
  expect(answers.filter(({ customerPaymentSource }) => customerPaymentSource)).toHaveLength(1);
  expect(answers.filter(({ userErrors }) => userErrors[0]?.code === "TAKEN")).toHaveLength(9);
  expect(answers.filter(({ userErrors }) => userErrors[0]?.code === "INVALID")).toHaveLength(10);
});
