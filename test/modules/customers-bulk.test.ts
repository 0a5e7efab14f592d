import { type Caller, createTestApp, type TestApp } from "../support/app.js";
import type { UserError } from "../support/operation-data.js";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.stop());

const BULK = `mutation ($input: CustomersBulkUpdateInput!) {
  customersBulkUpdate(input: $input) {
    customers { id email reference version tags { name } customerGroup { id } }
    updatedCount
    userErrors { __typename code message path ... on VersionConflictError { current { id ... on Customer { version } } }
      ... on UnknownTagError { suggestion } }
  }
}`;

interface Row {
  id: string;
  ifVersion?: number;
  input: object;
}
const send = (rows: Row[], policy?: string, as?: Caller) =>
  app.query(BULK, { input: { rows, policy } }, as === undefined ? {} : { as });
async function bulk(rows: Row[], policy?: string, as?: Caller) {
  const { data, errors } = await send(rows, policy, as);
  expect(errors).toBeUndefined();
  return data.customersBulkUpdate;
}
const codes = ({ userErrors }: { userErrors: UserError[] }) => userErrors.map(({ code, path }) => [code, ...path]);

let made = 0;
/** Customers in an order that is not that of their ids. */
async function createCustomers(count: number): Promise<string[]> {
  const batch = ++made;
  const ids = Array.from({ length: count }, (_, i) => `cus_bulk${batch}_${String((i * 7) % 101).padStart(3, "0")}`);
  await app.database.pool.query(
    `INSERT INTO customers (id, mode, email) SELECT id, 'test', id || '@example.com' FROM unnest($1::text[]) id`,
    [ids],
  );
  return ids;
}
const stored = async (ids: string[]) => {
  const { rows } = await app.database.pool.query(
    "SELECT reference, version FROM customers WHERE id = ANY ($1) ORDER BY array_position($1, id)",
    [ids],
  );
  return rows;
};

test("customersBulkUpdate of 100 customers returns them in the order of the rows", async () => {
  const ids = await createCustomers(100);
  const rows = ids.map((id, i) => ({ id, ifVersion: 1, input: { reference: `R${i}`, customerGroupId: "cgr_staff" } }));
  const { customers, updatedCount, userErrors } = await bulk(rows);
  expect(userErrors).toEqual([]);
  expect(updatedCount).toBe(100);
  expect(
    customers.map(({ id, reference, version, customerGroup }) => [id, reference, version, customerGroup.id]),
  ).toEqual(ids.map((id, i) => [id, `R${i}`, 2, "cgr_staff"]));
});

/** One row of each kind of fault, between two good ones. */
async function faultyRows() {
  const ids = await createCustomers(5);
  const { rows } = await app.database.pool.query(
    "SELECT id FROM customers WHERE mode = 'test' AND anonymization_status = 'completed'",
  );
  const list: Row[] = [
    { id: ids[4]!, input: { reference: "first", tags: ["vip"] } },
    { id: ids[3]!, input: { email: "ADA@example.com" } },
    { id: "cus_nobody", input: { reference: "x" } },
    { id: ids[2]!, input: { email: "no address", shopperReference: "ab", reference: null } },
    { id: ids[1]!, ifVersion: 4, input: { reference: "x" } },
    { id: ids[4]!, input: { reference: "again" } },
    { id: "cus_live_ada", input: {} },
    { id: rows[0].id, input: { reference: "x" } },
    { id: ids[3]!, input: {} },
    { id: "cus_bruno", input: { tags: ["vipp"] } },
    { id: ids[0]!, input: { reference: "last" } },
  ];
  return { ids, list };
}
const faults = [
  ["TAKEN", "input", "rows", "1", "input", "email"],
  ["NOT_FOUND", "input", "rows", "2", "id"],
  ["INVALID", "input", "rows", "3", "input", "email"],
  ["INVALID", "input", "rows", "3", "input", "shopperReference"],
  ["VERSION_CONFLICT", "input", "rows", "4", "ifVersion"],
  ["INVALID", "input", "rows", "5", "id"],
  ["NOT_FOUND", "input", "rows", "6", "id"],
  ["WRONG_STATE", "input", "rows", "7", "id"],
  ["INVALID", "input", "rows", "8", "id"],
  ["UNKNOWN_TAG", "input", "rows", "9", "input", "tags", "0"],
];

test("REJECT_ALL: errors of all rows are reported, and nothing changes", async () => {
  const { ids, list } = await faultyRows();
  const answer = await bulk(list);
  expect(codes(answer)).toEqual(faults);
  expect(answer).toMatchObject({ customers: [], updatedCount: 0 });
  expect(await stored(ids)).toEqual(Array(5).fill({ reference: null, version: 1 }));
});

test("REJECT_ROW: rows without errors are updated", async () => {
  const { ids, list } = await faultyRows();
  const answer = await bulk(list, "REJECT_ROW");
  expect(codes(answer)).toEqual(faults);
  expect(answer.customers.map(({ id }) => id)).toEqual([ids[4], ids[0]]);
  expect(answer.updatedCount).toBe(2);
  expect(answer.customers[0]!.tags).toEqual([{ name: "vip" }]);
  expect(answer.userErrors[4]!.current).toEqual({ id: ids[1], version: 1 });
  expect((await stored(ids)).map(({ reference }) => reference)).toEqual(["last", null, null, null, "first"]);
});

test("customersBulkUpdate takes 1 to 100 rows, and no password", async () => {
  const row = { id: "cus_ada", input: {} };
  expect(codes(await bulk([]))).toEqual([["INVALID", "input", "rows"]]);
  expect(codes(await bulk(Array(101).fill(row)))).toEqual([["INVALID", "input", "rows"]]);
  const { errors } = await send([{ ...row, input: { password: "correct-horse-9" } }]);
  expect(errors?.[0]?.extensions.code).toBe("BAD_USER_INPUT");
});

test("a retry with the same @idempotent key gets the first answer, user errors included", async () => {
  const { ids, list } = await faultyRows();
  const text = BULK.replace("(input: $input)", `(input: $input) @idempotent(key: "bulk-${ids[0]}")`);
  const variables = { input: { rows: list, policy: "REJECT_ROW" } };
  const first = await app.query(text, variables);
  const again = await app.query(text, variables);
  expect(again.extensions).toMatchObject({ replayed: ["customersBulkUpdate"] });
  expect(again.data).toEqual(first.data);
  expect(again.data.customersBulkUpdate.userErrors).toHaveLength(faults.length);
});

test("concurrent customersBulkUpdate of the same rows in different orders: no deadlock, each row updated once", async () => {
  const ids = await createCustomers(20);
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, n) => {
      const order = n % 2 ? [...ids].reverse() : [...ids.slice(n), ...ids.slice(0, n)];
      return bulk(
        order.map((id) => ({ id, input: { reference: `by ${n}` } })),
        n % 3 ? "REJECT_ALL" : "REJECT_ROW",
      );
    }),
  );
  expect(answers.map(({ updatedCount }) => updatedCount)).toEqual(Array(12).fill(20));
  const rows = await stored(ids);
  expect(new Set(rows.map(({ reference }) => reference)).size).toBe(1);
  expect(rows.map(({ version }) => version)).toEqual(Array(20).fill(13));
});

test("concurrent customersBulkUpdate with one ifVersion: one of 20 wins", async () => {
  const [id] = await createCustomers(1);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, n) => bulk([{ id: id!, ifVersion: 1, input: { reference: `${n}` } }])),
  );
  expect(answers.filter(({ updatedCount }) => updatedCount)).toHaveLength(1);
});

test("a customer may update itself only; a field for staff refuses the whole call", async () => {
  const as = { kind: "customer", id: "cus_mia" } as const;
  const rows = [
    { id: "cus_mia", input: { reference: "mine" } },
    { id: "cus_ada", input: { reference: "hers" } },
  ];
  const answer = await bulk(rows, "REJECT_ROW", as);
  expect(codes(answer)).toEqual([["NOT_FOUND", "input", "rows", "1", "id"]]);
  expect(answer.customers).toMatchObject([{ id: "cus_mia", reference: "mine" }]);
  const { errors } = await send([{ id: "cus_mia", input: { reference: "no", tags: [] } }], "REJECT_ROW", as);
  expect(errors?.[0]?.extensions).toMatchObject({
    code: "FORBIDDEN",
    argument: ["input", "rows", "0", "input", "tags"],
  });
  expect((await stored(["cus_mia"]))[0].reference).toBe("mine");
});
