import { createTestApp, type TestApp } from "../support/app.js";
import { onlyField } from "../support/operation-data.js";
import { insert } from "../support/rows.js";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.stop());

const FIELDS = `customerGroup { id name code reference metadata version customers { totalCount } }
  userErrors { code message path }`;
const CREATE =
  `mutation ($input: CustomerGroupCreateInput!) { customerGroupCreate(input: $input) { ${FIELDS} } }` as const;
const UPDATE = `mutation ($id: ID!, $ifVersion: Int, $input: CustomerGroupUpdateInput!) {
  customerGroupUpdate(id: $id, ifVersion: $ifVersion, input: $input) { ${FIELDS} } }` as const;
const DELETE = `mutation ($id: ID!, $ifVersion: Int) {
  customerGroupDelete(id: $id, ifVersion: $ifVersion) { deletedId userErrors { code message path } } }`;

async function send<const Document extends string>(document: Document, variables: Record<string, unknown>, on = app) {
  const { data, errors } = await on.query(document, variables);
  expect(errors).toBeUndefined();
  return onlyField(data);
}
const create = (input: object) => send(CREATE, { input });
const update = (id: string, input: object, ifVersion?: number) => send(UPDATE, { id, input, ifVersion });
const remove = (id: string, ifVersion?: number) => send(DELETE, { id, ifVersion });

test("customerGroupCreate and customerGroupUpdate; codes are case-insensitive", async () => {
  const made = await create({ name: "Press", code: " PRESS_1 ", reference: "R", metadata: { a: 1 } });
  expect(made.userErrors).toEqual([]);
  expect(made.customerGroup).toMatchObject({
    name: "Press",
    code: "press_1",
    version: 1,
    customers: { totalCount: 0 },
  });
  const { id } = made.customerGroup;
  const changed = await update(id, { name: "The press", reference: null, metadata: { merge: { b: 2 } } }, 1);
  expect(changed.customerGroup).toMatchObject({
    name: "The press",
    code: "press_1",
    reference: null,
    metadata: { a: 1, b: 2 },
    version: 2,
  });
  const { data } = await app.query('{ customerGroup(by: { code: "Press_1" }) { id } }');
  expect(data.customerGroup.id).toBe(id);
  expect((await update(id, { code: null })).customerGroup.code).toBeNull();
});

test("customerGroupCreate reports all errors at once, and creates nothing", async () => {
  const { customerGroup, userErrors } = await create({ name: " ", code: "two words", reference: "x".repeat(256) });
  expect(customerGroup).toBeNull();
  expect(userErrors.map(({ code, path }) => [code, ...path])).toEqual([
    ["INVALID", "input", "name"],
    ["INVALID", "input", "code"],
    ["INVALID", "input", "reference"],
  ]);
  expect((await create({ name: "x", code: "c".repeat(26) })).userErrors).toHaveLength(1);
  expect((await update("cgr_vip", { name: null })).userErrors).toEqual([
    { code: "INVALID", path: ["input", "name"], message: "This cannot be null; leave it out to keep it." },
  ]);
});

test("concurrent customerGroupCreate of one code in any case: one of 20 wins, the others are TAKEN", async () => {
  expect((await create({ name: "x", code: "VIP" })).userErrors).toEqual([
    expect.objectContaining({ code: "TAKEN", path: ["input", "code"] }),
  ]);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => create({ name: "Race", code: i % 2 ? "race" : "RACE" })),
  );
  expect(answers.filter(({ customerGroup }) => customerGroup)).toHaveLength(1);
  const taken = answers.flatMap(({ userErrors }) => userErrors.map(({ code }) => code));
  expect(taken).toEqual(Array(19).fill("TAKEN"));
});

test("customerGroupDelete keeps the group's customers, and deletes its attachments", async () => {
  const { id } = (await create({ name: "Short-lived" })).customerGroup;
  await app.database.pool.query("UPDATE customers SET customer_group_id = $1 WHERE id IN ('cus_bruno', 'cus_mia')", [
    id,
  ]);
  await app.query(
    `mutation ($id: ID!) { attachmentCreate(input: { attachableId: $id, name: "Terms", url: "https://example.com" }) { userErrors { code } } }`,
    { id },
  );
  expect(await remove(id, 7)).toMatchObject({ deletedId: null, userErrors: [{ code: "VERSION_CONFLICT" }] });
  expect(await remove(id, 1)).toEqual({ deletedId: id, userErrors: [] });
  const { rows } = await app.database.pool.query(
    `SELECT (SELECT count(*)::int FROM customers WHERE id IN ('cus_bruno', 'cus_mia') AND customer_group_id IS NULL) AS left,
            (SELECT count(*)::int FROM attachments WHERE attachable_id = $1) AS attached`,
    [id],
  );
  expect(rows[0]).toEqual({ left: 2, attached: 0 });
  expect(await remove(id)).toMatchObject({ userErrors: [{ code: "NOT_FOUND", path: ["id"] }] });
});

test("customerGroupDelete of a group with a private market is IN_USE", async () => {
  const { deletedId, userErrors } = await remove("cgr_vip");
  expect(deletedId).toBeNull();
  expect(userErrors).toEqual([
    { code: "IN_USE", path: ["id"], message: expect.stringMatching(/^Private markets .* first\.$/) },
  ]);
});

test("customerGroupDelete while customers join and leave: no internal error, no customer left in it", async () => {
  for (let round = 0; round < 5; round++) {
    const { id } = (await create({ name: "Coming and going" })).customerGroup;
    const moves = ["cus_ada", "cus_bruno", "cus_mia", "cus_kenji"].flatMap((customer) =>
      [id, null, id].map((customerGroupId) =>
        app.query(
          `mutation ($id: ID!, $group: ID) { customerUpdate(id: $id, input: { customerGroupId: $group }) { userErrors { code } } }`,
          { id: customer, group: customerGroupId },
        ),
      ),
    );
    const answers = await Promise.all([...moves, app.query(DELETE, { id })]);
    for (const { errors } of answers) expect(errors).toBeUndefined();
    const { rows } = await app.database.pool.query("SELECT 1 FROM customers WHERE customer_group_id = $1", [id]);
    expect(rows).toEqual([]);
  }
});

test("customer groups of the other mode are NOT_FOUND; customers, guests and read-only staff are FORBIDDEN", async () => {
  await insert(app.database.query, "CustomerGroup", { id: "cgr_live", mode: "live", code: "only-live" });
  expect((await update("cgr_live", { name: "x" })).userErrors[0]).toMatchObject({ code: "NOT_FOUND", path: ["id"] });
  expect((await create({ name: "x", code: "only-live" })).userErrors).toEqual([]);
  for (const as of [{ kind: "customer", id: "cus_ada" }, { kind: "guest" }, { kind: "user" }] as const) {
    const { errors } = await app.query(CREATE, { input: { name: "Mine" } }, { as });
    expect(errors?.[0]?.extensions.code).toBe("FORBIDDEN");
  }
});
