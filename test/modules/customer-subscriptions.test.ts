import { type Caller, createTestApp, type TestApp } from "../support/app.js";
import { onlyField } from "../support/operation-data.js";
import { insert } from "../support/rows.js";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.stop());

const guest: Caller = { kind: "guest", markets: ["mkt_europe"] };
const ada: Caller = { kind: "customer", id: "cus_ada" };
const ERRORS = "userErrors { code message path }";
const ROW = "id reference referenceOrigin metadata version createdAt customerEmail";
const operations = {
  create: `mutation ($input: CustomerSubscriptionCreateInput!) { customerSubscriptionCreate(input: $input) {
    customerSubscription { ${ROW} } created customer { id status hasPassword customerSubscriptions { totalCount } } ${ERRORS} } }`,
  update: `mutation ($id: ID!, $input: CustomerSubscriptionUpdateInput!) {
    customerSubscriptionUpdate(id: $id, input: $input) { customerSubscription { ${ROW} } ${ERRORS} } }`,
  delete: `mutation ($id: ID!) { customerSubscriptionDelete(id: $id) {
    deletedId customer { id customerSubscriptions { nodes { id } } } ${ERRORS} } }`,
} as const;

async function answer<Name extends keyof typeof operations>(operation: Name, variables: object, as?: Caller) {
  return app.query(operations[operation], variables as never, as === undefined ? {} : { as });
}

async function run<Name extends keyof typeof operations>(operation: Name, variables: object, as?: Caller) {
  const { data, errors } = await answer(operation, variables, as);
  if (errors) throw new Error(JSON.stringify(errors));
  return onlyField(data);
}

const said = (code: string, ...path: string[]) => expect.objectContaining({ code, path });
const rows = async (text: string, ...values: unknown[]) => (await app.database.pool.query(text, values)).rows;
const times = <Result>(n: number, work: (i: number) => Promise<Result>) =>
  Promise.all(Array.from({ length: n }, (_, i) => work(i)));

let customers = 0;
async function createCustomer() {
  const id = `cus_letter${++customers}`;
  const email = `letter${customers}@example.com`;
  await insert(app.database.query, "Customer", { id, email });
  return { id, email, itself: { kind: "customer", id } as Caller };
}

const newsletter = { reference: "newsletter" };

test("customerSubscriptionCreate by customerEmail finds the customer, or creates a guest", async () => {
  const input = {
    customerEmail: " New.Reader@Example.com",
    reference: "newsletter",
    referenceOrigin: "web",
    metadata: { a: 1 },
  };
  const first = await run("create", { input });
  expect(first).toEqual({
    customerSubscription: {
      id: expect.stringMatching(/^csu_/),
      reference: "newsletter",
      referenceOrigin: "web",
      metadata: { a: 1 },
      version: 1,
      createdAt: expect.any(String),
      customerEmail: "new.reader@example.com",
    },
    created: true,
    customer: {
      id: expect.stringMatching(/^cus_/),
      status: "PROSPECT",
      hasPassword: false,
      customerSubscriptions: { totalCount: 1 },
    },
    userErrors: [],
  });
  // Again: the same, as it is.
  const again = await run("create", { input: { customerId: first.customer.id, ...newsletter, metadata: { a: 2 } } });
  expect(again).toEqual({ ...first, created: false });
  const other = await run("create", { input: { customerEmail: "new.reader@example.com", reference: "restock" } });
  expect(other.customer).toMatchObject({ id: first.customer.id, customerSubscriptions: { totalCount: 2 } });
});

test("customerSubscriptionCreate by a guest: the same answer, whether the address is known, new or erased", async () => {
  const { email, id } = await createCustomer();
  const erased = await createCustomer();
  await rows("UPDATE customers SET anonymization_status = 'started' WHERE id = $1", erased.id);
  const nothing = { customerSubscription: null, created: null, customer: null, userErrors: [] };
  const told = new Set<string>();
  for (const customerEmail of ["ada@example.com", email, email, "unheard.of@example.com", erased.email]) {
    const { data, extensions } = await answer("create", { input: { customerEmail, ...newsletter } }, guest);
    expect(data.customerSubscriptionCreate).toEqual(nothing);
    expect(Object.keys(extensions).sort()).toEqual(["cost", "redactions", "requestId", "statements"]);
    told.add(JSON.stringify({ ...extensions, requestId: null, statements: null }));
  }
  expect(told.size).toBe(1);
  const found = await rows(
    `SELECT c.email, count(*)::int AS n FROM customer_subscriptions s JOIN customers c ON c.id = s.customer_id
     WHERE s.reference = 'newsletter' AND c.email = ANY ($1) GROUP BY c.email ORDER BY 1`,
    ["ada@example.com", email, "unheard.of@example.com", erased.email],
  );
  expect(found).toEqual([
    { email: "ada@example.com", n: 1 },
    { email, n: 1 },
    { email: "unheard.of@example.com", n: 1 },
  ]);
  for (const customerId of [id, "cus_nobody"]) {
    const { userErrors } = await run("create", { input: { customerId, ...newsletter } }, guest);
    expect(userErrors).toEqual([
      { code: "NOT_FOUND", path: ["input", "customerId"], message: "There is no customer with this id." },
    ]);
  }
  // The shop is told.
  const { userErrors } = await run("create", { input: { customerEmail: erased.email, ...newsletter } });
  expect(userErrors).toEqual([said("WRONG_STATE", "input", "customerEmail")]);
});

test("customerSubscriptionCreate by a guest: the same number of statements for known and new addresses", async () => {
  const { email } = await createCustomer();
  const statements = async (customerEmail: string) =>
    (await answer("create", { input: { customerEmail, ...newsletter } }, guest)).extensions.statements;
  const unknown = await statements("counted@example.com");
  expect(await statements(email)).toBe(unknown);
  expect(await statements(email)).toBe(unknown);
});

test("customerSubscriptionCreate by a customer works for itself only", async () => {
  const { id, email, itself } = await createCustomer();
  const other = await createCustomer();
  for (const [owner, created] of [
    [{}, true],
    [{ customerId: id }, false],
    [{ customerEmail: email.toUpperCase() }, false],
  ] as const) {
    const answer = await run("create", { input: { ...owner, ...newsletter } }, itself);
    expect(answer).toMatchObject({ created, customer: { id }, customerSubscription: { customerEmail: email } });
  }
  for (const customerEmail of [other.email, "never.seen@example.com"]) {
    const { userErrors, customer } = await run("create", { input: { customerEmail, ...newsletter } }, itself);
    expect(customer).toBeNull();
    expect(userErrors).toEqual([
      {
        code: "INVALID",
        path: ["input", "customerEmail"],
        message: "This is not your own e-mail address; leave it out.",
      },
    ]);
  }
  for (const customerId of [other.id, "cus_nobody"]) {
    const { userErrors } = await run("create", { input: { customerId, ...newsletter } }, itself);
    expect(userErrors).toEqual([said("NOT_FOUND", "input", "customerId")]);
  }
  expect(await rows("SELECT id FROM customers WHERE email = 'never.seen@example.com'")).toEqual([]);
});

test.each([
  [{ ...newsletter }, [["customerId"]]],
  [{ reference: " ", customerEmail: "nobody" }, [["customerEmail"], ["reference"]]],
  [
    { reference: "x".repeat(256), referenceOrigin: "x".repeat(256), customerEmail: "a.new@example.com" },
    [["reference"], ["referenceOrigin"]],
  ],
])("customerSubscriptionCreate: input %j is refused at %j, and creates no customer", async (input, paths) => {
  const before = await rows("SELECT count(*) FROM customers");
  for (const as of [undefined, guest]) {
    const { userErrors } = await run("create", { input }, as);
    expect(userErrors).toEqual(expect.arrayContaining(paths.map((path) => said("INVALID", "input", ...path))));
  }
  expect(await rows("SELECT count(*) FROM customers")).toEqual(before);
});

test("customerSubscriptionCreate: customerId and customerEmail of two customers are refused", async () => {
  const input = { ...newsletter, customerId: "cus_ada", customerEmail: "bruno@example.com" };
  expect((await run("create", { input })).userErrors).toEqual([said("INVALID", "input", "customerEmail")]);
  expect((await run("create", { input }, guest)).userErrors).toEqual([said("NOT_FOUND", "input", "customerId")]);
});

test("customerSubscriptionUpdate changes reference and metadata; a reference the customer already has is TAKEN", async () => {
  const input = { reference: "restock", referenceOrigin: "web", metadata: { replace: { sku: "MUG" } } };
  const { customerSubscription } = await run("update", { id: "csu_ada_restock", input }, ada);
  expect(customerSubscription).toMatchObject({
    reference: "restock",
    referenceOrigin: "web",
    metadata: { sku: "MUG" },
  });
  const cleared = await run("update", { id: "csu_ada_restock", input: { referenceOrigin: null, metadata: null } }, ada);
  expect(cleared.customerSubscription).toMatchObject({ reference: "restock", referenceOrigin: null, metadata: {} });
  const taken = await run("update", { id: "csu_ada_restock", input: { reference: "newsletter" } }, ada);
  expect(taken.userErrors).toEqual([said("TAKEN", "input", "reference")]);
  const none = await run("update", { id: "csu_ada_restock", input: { reference: null } }, ada);
  expect(none.userErrors).toEqual([said("INVALID", "input", "reference")]);
  for (const as of [
    { kind: "customer", id: "cus_bruno" },
    { kind: "integration", mode: "live" },
  ] as Caller[]) {
    expect((await run("update", { id: "csu_ada_restock", input }, as)).userErrors).toEqual([said("NOT_FOUND", "id")]);
    expect((await run("delete", { id: "csu_ada_restock" }, as)).userErrors).toEqual([said("NOT_FOUND", "id")]);
  }
  const { errors } = await answer("delete", { id: "csu_ada_restock" }, guest);
  expect(errors?.[0]?.extensions.code).toBe("FORBIDDEN");
});

test("customerSubscriptionDelete returns deletedId and the customer without it", async () => {
  expect(await run("delete", { id: "csu_bruno_newsletter" }, { kind: "customer", id: "cus_bruno" })).toEqual({
    deletedId: "csu_bruno_newsletter",
    customer: { id: "cus_bruno", customerSubscriptions: { nodes: [] } },
    userErrors: [],
  });
});

test("concurrent customerSubscriptionCreate of a new address: one customer, one subscription", async () => {
  const input = { customerEmail: "crowd@example.com", ...newsletter };
  const answers = await times(30, () => run("create", { input }, guest));
  for (const { userErrors } of answers) expect(userErrors).toEqual([]);
  expect(
    await rows(
      `SELECT count(DISTINCT c.id)::int AS customers, count(s.id)::int AS subscriptions
       FROM customers c LEFT JOIN customer_subscriptions s ON s.customer_id = c.id WHERE c.email = 'crowd@example.com'`,
    ),
  ).toEqual([{ customers: 1, subscriptions: 1 }]);
});

test("concurrent customerSubscriptionCreate and customerSubscriptionDelete: one each is the first", async () => {
  const { id: customerId, itself } = await createCustomer();
  const made = await times(20, () => run("create", { input: { customerId, ...newsletter } }));
  expect(made.filter(({ created }) => created)).toHaveLength(1);
  expect(new Set(made.map(({ customerSubscription }) => customerSubscription.id)).size).toBe(1);
  const id = made[0]!.customerSubscription.id;
  const ended = await times(20, () => run("delete", { id }, itself));
  expect(ended.filter(({ deletedId }) => deletedId)).toHaveLength(1);
  expect(ended.filter(({ userErrors }) => userErrors[0]?.code === "NOT_FOUND")).toHaveLength(19);
});
