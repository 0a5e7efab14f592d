import * as operations from "./generated/operations.js";
import { createTestApp, type TestApp } from "./support/app.js";

let app: TestApp;
/** A server on the same database that plans nothing: resolvers and loaders answer. */
let unplanned: TestApp;
beforeAll(async () => {
  app = await createTestApp({ demo: false, poolSize: 1 });
  for (const rows of [0, 1, 50]) await fill(rows);
  unplanned = await createTestApp({ sharing: app, planned: false });
});
afterAll(async () => {
  await unplanned.stop();
  await app.stop();
});

/** A customer `cus_50` with 50 of everything, and 50 of all that has a table; their names contain `of50`. */
async function fill(rows: number) {
  const { prisma } = app.database;
  const each = <T>(make: (id: string, i: number) => T): T[] =>
    Array.from({ length: rows }, (_, i) => make(`${rows}_${i}`, i));
  const mode = "test" as const;
  const placedAt = new Date("2026-05-01T00:00:00Z");
  const updatedAt = new Date("2026-05-02T00:00:00Z");
  await prisma.customerGroup.createMany({ data: each((id) => ({ id: `cgr_${id}`, mode, name: `of${rows} ${id}` })) });
  await prisma.tag.createMany({
    data: each((id) => ({ id: `tag_${id}`, mode, name: `of${rows}-${id.replace("_", "-")}` })),
  });
  await prisma.market.createMany({ data: each((id) => ({ id: `mkt_${id}`, mode, number: rows + 1, name: id })) });
  await prisma.address.createMany({
    data: each((id) => ({ id: `adr_${id}`, mode, firstName: id, line1: "1", city: "Rome", countryCode: "IT" })),
  });
  await prisma.stockLocation.createMany({
    data: each((id) => ({ id: `slo_${id}`, mode, number: rows + 1, name: id, addressId: `adr_${id}` })),
  });
  await prisma.paymentMethod.createMany({
    data: each((id) => ({ id: `pmt_${id}`, mode, name: id, paymentSourceType: "adyen_payments" as const })),
  });
  await prisma.paymentSource.createMany({
    data: each((id) => ({ id: `pso_${id}`, mode, kind: "adyen_payments" as const })),
  });
  const customer = `cus_${rows}`;
  await prisma.customer.createMany({
    data: [
      { id: customer, mode, email: `customer-${rows}@example.com`, customerGroupId: rows ? `cgr_${rows}_0` : null },
      ...each((id) => ({ id: `cus_${id}`, mode, email: `of${rows}.${id}@example.com`, customerGroupId: `cgr_${id}` })),
    ],
  });
  await prisma.customerTag.createMany({
    data: each((id) => ({ customerId: customer, tagId: `tag_${id}` })).slice(0, 10),
  });
  await prisma.customerAddress.createMany({
    data: each((id) => ({ id: `cad_${id}`, mode, customerId: customer, addressId: `adr_${id}` })),
  });
  await prisma.customerPaymentSource.createMany({
    data: each((id) => ({
      id: `cps_${id}`,
      mode,
      customerId: customer,
      paymentMethodId: `pmt_${id}`,
      paymentSourceId: `pso_${id}`,
    })),
  });
  await prisma.customerSubscription.createMany({
    data: each((id) => ({ id: `csu_${id}`, mode, customerId: customer, reference: id })),
  });
  await prisma.attachment.createMany({
    data: each((id) => ({
      id: `att_${id}`,
      mode,
      name: id,
      url: "https://example.com",
      attachableType: "customers",
      attachableId: customer,
    })),
  });
  // A first order and recurring order are there in any case; with nothing on them when there are no rows.
  await prisma.order.create({
    data: {
      id: `ord_${rows}`,
      mode,
      number: `first-${rows}`,
      customerId: rows ? customer : null,
      ...(rows && { shippingAddressId: `adr_${rows}_0`, billingAddressId: `adr_${rows}_0` }),
    },
  });
  await prisma.orderSubscription.create({
    data: {
      id: `osu_${rows}`,
      mode,
      number: `first-${rows}`,
      frequency: "monthly",
      sourceOrderId: `ord_${rows}`,
      ...(rows && { customerPaymentSourceId: `cps_${rows}_0` }),
    },
  });
  await prisma.order.createMany({
    data: each((id) => ({
      ...{
        id: `ord_${id}`,
        mode,
        number: id,
        status: "placed" as const,
        placedAt,
        customerId: customer,
        marketId: `mkt_${id}`,
      },
      ...{ billingAddressId: `adr_${id}`, shippingAddressId: `adr_${id}`, orderSubscriptionId: `osu_${rows}` },
    })),
  });
  await prisma.lineItem.createMany({
    data: each((id) => ({ id: `lin_${id}`, mode, orderId: `ord_${rows}`, itemType: "skus" as const, quantity: 1 })),
  });
  await prisma.orderSubscriptionItem.createMany({
    data: each((id) => ({ id: `osi_${id}`, mode, orderSubscriptionId: `osu_${rows}`, sourceLineItemId: `lin_${id}` })),
  });
  await prisma.orderSubscription.createMany({
    data: each((id) => ({
      id: `osu_${id}`,
      mode,
      number: `of${rows}-${id}`,
      frequency: "weekly",
      status: "active" as const,
      sourceOrderId: `ord_${id}`,
      customerId: customer,
    })),
  });
  await prisma.return.createMany({
    data: each((id) => ({
      id: `ret_${id}`,
      mode,
      number: `of${rows}-${id}`,
      status: "requested" as const,
      orderId: `ord_${id}`,
      customerId: customer,
      originAddressId: `adr_${id}`,
      stockLocationId: `slo_${id}`,
      updatedAt,
    })),
  });
}

type Name = keyof typeof operations extends infer K ? (K extends `${infer N}Document` ? N : never) : never;

/**
 * How many statements each operation takes without a plan, when it finds nothing, and when it finds rows, however many.
 * With its plan it takes one.
 */
const expected: Record<Name, [variables: (rows: number) => object, none: number, some: number]> = {
  AddressBook: [(rows) => ({ id: `cus_${rows}` }), 2, 3],
  CustomerDetail: [(rows) => ({ id: `cus_${rows}` }), 7, 11],
  CustomersTable: [(rows) => ({ filter: { email: { contains: `of${rows}.` } }, first: 100 }), 2, 3],
  EmailPicker: [(rows) => ({ typed: `of${rows}.`, current: `of${rows}.0@example.com` }), 3, 3],
  FilterOptions: [(rows) => ({ search: `of${rows}`, groupIds: [`cgr_${rows}_0`], tagIds: [`tag_${rows}_0`] }), 6, 6],
  LatestOrders: [(rows) => ({ id: `cus_${rows}`, statuses: ["PLACED"] }), 4, 6],
  MyOrder: [(rows) => ({ id: `ord_${rows}` }), 2, 3],
  MyOrders: [(rows) => ({ id: `cus_${rows}` }), 3, 3],
  MySubscription: [(rows) => ({ id: `osu_${rows}` }), 3, 8],
  MySubscriptions: [(rows) => ({ id: `cus_${rows}` }), 3, 3],
  OrderCustomer: [(rows) => ({ id: `ord_${rows}` }), 1, 4],
  PublicMarkets: [() => ({}), 1, 1],
  ReturnsTable: [(rows) => ({ search: `of${rows}-`, statuses: ["REQUESTED"] }), 2, 4],
  SubscriptionsTable: [(rows) => ({ search: `of${rows}-`, statuses: ["ACTIVE"] }), 2, 4],
  TagsTable: [(rows) => ({ search: `of${rows}-` }), 2, 2],
  Wallet: [(rows) => ({ id: `cus_${rows}` }), 2, 3],
};

const documents = new Map<string, unknown>(Object.entries(operations));

/** How many statements an operation takes on a server, for 0, 1 and 50 rows. */
async function statementsOf(server: TestApp, name: string, variables: (rows: number) => object): Promise<number[]> {
  const document = documents.get(`${name}Document`);
  const counts: number[] = [];
  for (const rows of [0, 1, 50]) {
    const { data, errors, extensions } = await server.query(document as never, variables(rows) as never);
    expect(errors).toBeUndefined();
    expect(Object.values(data as object)[0]).not.toBeNull();
    counts.push(extensions.statements);
  }
  return counts;
}

test.each(Object.entries(expected))("%s takes one statement", async (name, [variables, none, some]) => {
  expect(await statementsOf(app, name, variables)).toEqual([1, 1, 1]);
  expect(await statementsOf(unplanned, name, variables)).toEqual([none, some, some]);
});

const customers = 'customers(first: 50, filter: { email: { contains: "of50." } })';
/**
 * Selections within 50 customers, and how many statements they take without a plan, the one for the customers not
 * counted. With one they take none.
 */
const selections: [what: string, selection: string, statements: number][] = [
  ["one list under two names", "a: orders(first: 1) { nodes { id } } b: orders(first: 1) { nodes { number } }", 1],
  [
    "three lists of one relation",
    "a: orders(first: 1) { nodes { id } } b: orders(first: 2) { nodes { id } } c: orders(last: 1) { nodes { id } }",
    3,
  ],
  [
    "lists with other filters and orders",
    'a: orders(filter: { id: { eq: "x" } }) { nodes { id } } b: orders(filter: { id: { eq: "y" } }) { nodes { id } } c: orders(orderBy: { field: ID }) { nodes { id } }',
    3,
  ],
  [
    "one list in two fragments",
    "... on Customer { orders(first: 1) { nodes { id } } } ... on Resource { id } ... on Customer { orders(first: 1) { nodes { number } } }",
    1,
  ],
  [
    "a list and where its page stands",
    "orders(first: 1) { nodes { id } pageInfo { hasNextPage hasPreviousPage endCursor } }",
    1,
  ],
  ["a list and its count", "orders(first: 1) { nodes { id } totalCount }", 2],
  ["a count alone", "orders(first: 0) { totalCount }", 1],
  [
    "one count under two names, of pages of two sizes",
    "a: orders(first: 0) { totalCount } b: orders(first: 1) { n: totalCount }",
    2,
  ],
  ["counts with two limits", "orders(first: 0) { a: totalCount(atMost: 1) b: totalCount(atMost: 2) c: totalCount }", 3],
  ["an empty page", "orders(first: 0) { nodes { id } }", 0],
  ["where an empty page stands", "orders(first: 0) { pageInfo { hasNextPage } }", 1],
  ["a resource under two names", "a: customerGroup { id } b: customerGroup { name }", 1],
  [
    "what the row itself holds",
    "id type links { self } meta { mode } anonymizationInfo { status } jwtMarkets { id }",
    0,
  ],
  ["tags", "tags { name }", 1],
];
test.each(selections)("%s, for each of 50 customers, takes the statements of one", async (_, selection, statements) => {
  const document = `{ ${customers} { nodes { ${selection} } } }`;
  const { errors, data, extensions } = await app.query(document);
  expect(errors).toBeUndefined();
  expect(extensions.statements).toBe(1);
  const alone = await unplanned.query(document);
  expect(alone.extensions.statements).toBe(1 + statements);
  expect(data).toEqual(alone.data);
});

describe("payload of a mutation", () => {
  const update = (payload: string) =>
    `mutation ${payload.includes("$") ? "($first: Int = 2, $some: Boolean = true, $filter: OrderFilter)" : ""} {
       customerUpdate(id: "cus_50", input: { reference: "as it is" }) { ${payload} userErrors { code } } }`;
  const statements = async (payload: string, server = app, variables = {}) => {
    const { data, errors, extensions } = await server.query(update(payload), variables);
    expect(errors).toBeUndefined();
    expect(data.customerUpdate.userErrors).toEqual([]);
    return { data, statements: extensions.statements };
  };
  let write: number;
  beforeAll(async () => {
    await statements("");
    write = (await statements("")).statements;
  });

  test.each(selections)("is read by one statement: %s", async (_, selection, more) => {
    const planned = await statements(`customer { ${selection} }`);
    const alone = await statements(`customer { ${selection} }`, unplanned);
    // Resolvers look at a page before they count, and no plan reads a page of which only the count is selected.
    const pages = /\(first: 1\) \{ n: totalCount \}/.test(selection) ? 1 : 0;
    expect([planned.statements, alone.statements]).toEqual([write + 1 + pages, write + 1 + more]);
    expect(planned.data).toEqual(alone.data);
  });

  test("respects variables, fragments, @include and @skip", async () => {
    const payload = `a: customer { orders(first: $first, filter: $filter) { totalCount nodes { number lineItems(first: $first) { nodes { id } } } }
        ... on Customer @include(if: $some) { tags { name } } }
      customer { ... on Node { id } ... on Customer @skip(if: $some) { email } orders(first: 1) { nodes { ... on Resource { id } } } }`;
    for (const variables of [{}, { first: 3, some: false }, { filter: { id: { eq: "ord_50_1" } } }, { some: false }]) {
      const planned = await statements(payload, app, variables);
      expect(planned.data).toEqual((await statements(payload, unplanned, variables)).data);
      expect(planned.statements).toBe(write + 2);
      expect(planned.data.customerUpdate.a.orders.nodes.length).toBeGreaterThan(0);
    }
  });

  test("of any type of resource is read by one statement, and only if it is selected", async () => {
    const tag = async <const Payload extends string>(payload: Payload, server = app) => {
      const { data, extensions } = await server.query(
        `mutation { tagsAdd(id: "cus_50", names: ["of50-50-1"]) { ${payload} userErrors { code } } }`,
      );
      expect(data.tagsAdd.userErrors).toEqual([]);
      return { data, statements: extensions.statements };
    };
    const { statements: alone } = await tag("");
    const resource = "resource { id tags { name } ... on Customer { email orders(first: 2) { nodes { number } } } }";
    const planned = await tag(resource);
    expect(planned.statements).toBe(alone + 1);
    const unchanged = await tag(`${resource} unchanged { name }`, unplanned);
    expect(unchanged.statements).toBe(alone + 4);
    expect(unchanged.data.tagsAdd).toMatchObject(planned.data.tagsAdd);
    expect(unchanged.data.tagsAdd.unchanged).toEqual([{ name: "of50-50-1" }]);
  });
});

test("without a plan, totalCount of a root list costs a statement only when selected", async () => {
  const cost = async (selection: string) =>
    (await unplanned.query(`{ ${customers} { ${selection} } }`)).extensions.statements;
  expect(
    await cost("nodes { id } edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"),
  ).toBe(1);
  expect(await cost("nodes { id } totalCount")).toBe(2);
});

test("SQL used a second time becomes a prepared statement; their number is bounded", async () => {
  const prepared = async () =>
    (await app.database.pool.query("SELECT name, statement FROM pg_prepared_statements")).rows as Record<
      string,
      string
    >[];
  const marked = async () => (await prepared()).filter(({ statement }) => statement!.includes("marked"));
  const text = "SELECT 1 AS marked";
  await app.database.query(text, []);
  expect(await marked()).toHaveLength(0);
  for (let i = 0; i < 3; i++) await app.database.query(text, []);
  expect(await marked()).toHaveLength(1);
  for (let i = 0; i < 1_500; i++) {
    for (let again = 0; again < 2; again++) expect(await app.database.query(`SELECT ${i}`, [])).toEqual([[i]]);
    if (i % 100 === 0) expect((await prepared()).length).toBeLessThanOrEqual(600);
  }
  expect((await prepared()).length).toBeLessThanOrEqual(600);
  expect(await app.database.query(text, [])).toEqual([[1]]);
});
