import { type Caller, createTestApp, type TestApp } from "../support/app.js";
import { onlyField } from "../support/operation-data.js";

let app: TestApp;
let time = Date.now();
beforeAll(async () => {
  app = await createTestApp({ now: () => new Date(time) });
});
afterAll(() => app.stop());

const guest: Caller = { kind: "guest", markets: ["mkt_europe"] };
const ERRORS = "userErrors { code message path }";
const CREATE =
  `mutation ($input: CustomerCreateInput!) { customerCreate(input: $input) { customer { id email hasPassword status orders { totalCount } } ${ERRORS} } }` as const;
const CHANGE =
  `mutation ($input: CustomerPasswordChangeInput!) { customerPasswordChange(input: $input) { customer { id hasPassword } ${ERRORS} } }` as const;
const RESET =
  `mutation ($input: CustomerPasswordResetCreateInput!) { customerPasswordResetCreate(input: $input) { id resetPasswordToken expiresAt ${ERRORS} } }` as const;
const CONSUME =
  `mutation ($input: CustomerPasswordResetConsumeInput!) { customerPasswordResetConsume(input: $input) { customer { id } ${ERRORS} } }` as const;

async function run<const Document extends string>(document: Document, input: object, as?: Caller) {
  const { data, errors } = await app.query(document, { input }, as === undefined ? {} : { as });
  if (errors) throw new Error(JSON.stringify(errors));
  return onlyField(data);
}

let count = 0;
async function signUp(password: string | null = "correct-horse-1") {
  const email = `new${++count}@example.com`;
  const { customer, userErrors } = await run(CREATE, { email, password }, guest);
  expect(userErrors).toEqual([]);
  return { id: customer.id as string, email };
}

const digest = async (id: string) =>
  (await app.database.pool.query("SELECT password_digest FROM customers WHERE id = $1", [id])).rows[0].password_digest;

test("customerCreate by a guest returns the new customer, which node then hides", async () => {
  const { customer } = await run(CREATE, { email: " New@Example.COM ", password: "correct-horse-1" }, guest);
  expect(customer).toMatchObject({
    email: "new@example.com",
    hasPassword: true,
    status: "PROSPECT",
    orders: { totalCount: 0 },
  });
  expect(customer.id).toMatch(/^cus_/);
  const again = await app.query(`{ node(id: "${customer.id}") { id } }`, {}, { as: guest });
  expect(again.data.node).toBeNull();
});

test.each([
  [{ email: "nobody" }, ["input", "email"], "INVALID"],
  [{ email: "a@b.c", password: "short" }, ["input", "password"], "INVALID"],
  [{ email: "a@b.c", password: "ü".repeat(37) }, ["input", "password"], "INVALID"],
  [{ email: "a@b.c", reference: "x".repeat(256) }, ["input", "reference"], "INVALID"],
  [{ email: "ADA@example.com", password: "correct-horse-1" }, ["input", "email"], "TAKEN"],
])("customerCreate by a guest: input %j is refused at its path", async (input, path, code) => {
  const { customer, userErrors } = await run(CREATE, input, guest);
  expect(customer).toBeNull();
  expect(userErrors).toEqual([expect.objectContaining({ code, path })]);
});

test("concurrent customerCreate of one address: one wins, the others are TAKEN", async () => {
  const answers = await Promise.all(Array.from({ length: 8 }, () => run(CREATE, { email: "race@example.com" }, guest)));
  expect(answers.filter(({ customer }) => customer)).toHaveLength(1);
  expect(answers.filter(({ userErrors }) => userErrors[0]?.code === "TAKEN")).toHaveLength(7);
});

test("passwords never appear in answers, errors or logs", async () => {
  const secret = "very-secret-horse-42";
  await run(CREATE, { email: "secret@example.com", password: secret }, guest);
  await app.query(CREATE, { input: { email: 5, password: secret } }, { as: guest });
  expect(app.logged.join("\n")).not.toContain(secret);
  const { errors } = await app.query(CREATE, { input: { password: secret } }, { as: guest });
  expect(JSON.stringify(errors)).not.toContain(secret);
});

test("customerPasswordChange requires oldPassword, and ends all sessions of the customer", async () => {
  const { id } = await signUp();
  const self: Caller = { kind: "customer", id };
  const wrong = await run(
    CHANGE,
    { customerId: id, oldPassword: "wrong-horse-1", newPassword: "correct-horse-2" },
    self,
  );
  expect(wrong.userErrors).toEqual([expect.objectContaining({ code: "INVALID", path: ["input", "oldPassword"] })]);
  const missing = await run(CHANGE, { customerId: id, newPassword: "correct-horse-2" }, self);
  expect(missing.userErrors[0]!.path).toEqual(["input", "oldPassword"]);

  const before = await digest(id);
  time = Date.now() + 1000;
  const { userErrors } = await run(
    CHANGE,
    { customerId: id, oldPassword: "correct-horse-1", newPassword: "correct-horse-2" },
    self,
  );
  expect(userErrors).toEqual([]);
  expect(await digest(id)).not.toBe(before);
  const after = await app.query("{ viewer { kind } }", {}, { as: self });
  expect([after.status, after.errors![0]!.extensions.code]).toEqual([401, "UNAUTHENTICATED"]);
});

test("customerPasswordChange: the first password needs no oldPassword", async () => {
  const { id } = await signUp(null);
  const { customer, userErrors } = await run(
    CHANGE,
    { customerId: id, newPassword: "correct-horse-1" },
    { kind: "customer", id },
  );
  expect(userErrors).toEqual([]);
  expect(customer).toEqual({ id, hasPassword: true });
});

test("customerPasswordChange for another customer is NOT_FOUND", async () => {
  const { id } = await signUp();
  const other = await signUp();
  const { userErrors } = await run(
    CHANGE,
    { customerId: id, oldPassword: "correct-horse-1", newPassword: "correct-horse-2" },
    { kind: "customer", id: other.id },
  );
  expect(userErrors).toEqual([expect.objectContaining({ code: "NOT_FOUND" })]);
});

test("customerPasswordResetConsume: concurrent and repeated uses of a token, exactly one wins", async () => {
  const { id, email } = await signUp();
  const reset = await run(RESET, { customerEmail: email.toUpperCase() });
  const before = await digest(id);
  const input = { id: reset.id, resetPasswordToken: reset.resetPasswordToken, customerPassword: "correct-horse-3" };
  const answers = await Promise.all(Array.from({ length: 5 }, () => run(CONSUME, input, guest)));
  expect(answers.filter(({ userErrors }) => userErrors.length === 0)).toHaveLength(1);
  expect(await digest(id)).not.toBe(before);
  const { userErrors } = await run(CONSUME, input, guest);
  expect(userErrors).toEqual([expect.objectContaining({ code: "INVALID", path: ["input", "resetPasswordToken"] })]);
});

test("resetPasswordToken is stored as a hash, expires after six hours or when a newer one is made", async () => {
  const { email } = await signUp();
  const first = await run(RESET, { customerEmail: email });
  const dump = await app.database.pool.query("SELECT * FROM customer_password_resets");
  expect(JSON.stringify(dump.rows)).not.toContain(first.resetPasswordToken);
  const second = await run(RESET, { customerEmail: email });
  const use = (reset: { id: string; resetPasswordToken: string }) =>
    run(
      CONSUME,
      { id: reset.id, resetPasswordToken: reset.resetPasswordToken, customerPassword: "correct-horse-3" },
      guest,
    );
  expect((await use(first)).userErrors).toHaveLength(1);
  time += 6 * 3_600_000 + 1;
  expect((await use(second)).userErrors).toHaveLength(1);
  time = Date.now();
});

test("customerPasswordResetCreate keeps a reference, and refuses a long one whether there is the customer or not", async () => {
  const external = { reference: "LINK-1", referenceOrigin: "dashboard" };
  const { id } = await run(RESET, { customerEmail: "ada@example.com", ...external });
  const { data } = await app.query(
    "query ($id: ID!) { customerPasswordReset(id: $id) { reference referenceOrigin } }",
    { id },
  );
  expect(data.customerPasswordReset).toEqual(external);
  for (const customerEmail of ["ada@example.com", "nobody@example.com"]) {
    const refused = await run(RESET, { customerEmail, referenceOrigin: "x".repeat(256) });
    expect(refused).toMatchObject({ id: null, userErrors: [{ code: "INVALID", path: ["input", "referenceOrigin"] }] });
  }
});

test("customerPasswordResetCreate for an unknown address gives a like answer, whose token is useless", async () => {
  const reset = await run(RESET, { customerEmail: "nobody@example.com" });
  expect(Object.keys(reset)).toEqual(Object.keys(await run(RESET, { customerEmail: "ada@example.com" })));
  expect(reset.resetPasswordToken).toMatch(/^[\w-]{27}$/);
  const { userErrors } = await run(
    CONSUME,
    { id: reset.id, resetPasswordToken: reset.resetPasswordToken, customerPassword: "correct-horse-3" },
    guest,
  );
  expect(userErrors).toHaveLength(1);
});
