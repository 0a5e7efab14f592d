import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import * as screens from "./generated/operations.js";
import { createTestApp, type TestApp } from "./support/app.js";
import type { Untyped } from "./support/operation-data.js";

/** The screens of existing shops' frontends, one operation each, against the demo shop and what SQL says of it. */
let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.stop());

async function rows<T = Record<string, Untyped>>(text: string, ...values: unknown[]): Promise<T[]> {
  return (await app.database.pool.query(text, values)).rows as T[];
}

async function ask<Data, Variables>(document: TypedDocumentNode<Data, Variables>, variables: Variables): Promise<Data> {
  const { data, errors } = await app.query(document, variables);
  expect(errors).toBeUndefined();
  return data;
}

const ada = { id: "cus_ada" };

describe("customers table", () => {
  test("all customers, newest first, with totalCount", async () => {
    const { customers } = await ask(screens.CustomersTableDocument, {});
    const expected = await rows(
      "SELECT id FROM customers WHERE mode = 'test' ORDER BY created_at DESC, id DESC LIMIT 25",
    );
    expect(customers!.nodes.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
    expect(customers!.totalCount).toBe(12);
  });

  test("filters combine: status, registered, group, tag, and search by e-mail address or reference", async () => {
    const [group] = await rows("SELECT customer_group_id AS id FROM customers WHERE id = $1", ada.id);
    const filter: screens.CustomerFilter = {
      status: { in: ["REPEAT", "ACQUIRED"] },
      hasPassword: { eq: true },
      customerGroupId: { in: [group!.id] },
      tags: { any: ["vip"] },
      or: [{ email: { startsWith: "ADA@" } }, { reference: { startsWith: "ADA@" } }],
    };
    const { customers } = await ask(screens.CustomersTableDocument, { filter });
    expect(customers!.nodes.map(({ email }) => email)).toEqual(["ada@example.com"]);
    expect(customers!.totalCount).toBe(1);
    const none = await ask(screens.CustomersTableDocument, { filter: { ...filter, tags: { none: ["vip"] } } });
    expect(none.customers).toEqual({ totalCount: 0, nodes: [] });
  });

  test("numbered pages in every sort order", async () => {
    for (const field of ["EMAIL", "TOTAL_ORDERS_COUNT", "STATUS", "CREATED_AT"] as const) {
      for (const direction of ["ASC", "DESC"] as const) {
        const pages = await Promise.all(
          [0, 5, 10].map((offset) =>
            ask(screens.CustomersTableDocument, { orderBy: [{ field, direction }], first: 5, offset }),
          ),
        );
        const seen = pages.flatMap(({ customers }) => customers!.nodes.map(({ id }) => id));
        expect(new Set(seen).size).toBe(12);
        expect(seen).toHaveLength(12);
      }
    }
  });
});

test("customers table: filter options", async () => {
  const { customerGroups, tags, chosenTags } = await ask(screens.FilterOptionsDocument, {
    search: "VI",
    tagIds: ["tag_vip"],
  });
  expect(customerGroups!.nodes.every(({ name }) => /vi/i.test(name))).toBe(true);
  expect(tags!.nodes.map(({ name }) => name)).toContain("vip");
  expect(chosenTags!.nodes).toEqual([{ id: "tag_vip", name: "vip" }]);
});

test("customer detail page", async () => {
  const { customer } = await ask(screens.CustomerDetailDocument, ada);
  const [facts] = await rows("SELECT * FROM customers WHERE id = $1", ada.id);
  expect(customer).toMatchObject({
    email: "ada@example.com",
    status: facts!.status.toUpperCase(),
    totalOrdersCount: facts!.total_orders_count,
    hasPassword: true,
    anonymizationInfo: null,
    anyOrder: { totalCount: 1 },
  });
  const book = await rows(
    "SELECT id FROM customer_addresses WHERE customer_id = $1 ORDER BY created_at DESC, id DESC",
    ada.id,
  );
  expect(customer!.customerAddresses.nodes.map(({ id }) => id)).toEqual(book.map(({ id }) => id));
  const business = customer!.customerAddresses.nodes.find(({ address }) => address?.business);
  expect(business!.address!.fullName).toBe(business!.address!.company);
  expect(customer!.customerPaymentSources.nodes.map(({ name }) => name)).toContainEqual(
    expect.stringMatching(/^XXXX-XXXX-XXXX-\d{4}$/),
  );
  expect(customer!.attachments.nodes.every(({ url }) => url)).toBe(true);
  expect(customer!.attachments.nodes.length).toBeGreaterThan(0);
  expect(customer!.customerSubscriptions.nodes).toHaveLength(1);
});

test("customer detail page: latest orders, and whether there are several markets", async () => {
  const statuses: screens.OrderStatus[] = ["PLACED", "APPROVED", "EDITING", "CANCELLED"];
  const { customer, markets } = await ask(screens.LatestOrdersDocument, { ...ada, statuses });
  const expected = await rows(
    "SELECT number FROM orders WHERE customer_id = $1 AND status::text = ANY ($2) ORDER BY placed_at DESC, id DESC",
    ada.id,
    statuses.map((status) => status.toLowerCase()),
  );
  expect(customer!.orders.nodes.map(({ number }) => number)).toEqual(expected.slice(0, 5).map(({ number }) => number));
  expect(customer!.orders.totalCount).toBe(expected.length);
  expect(customer!.orders.pageInfo.hasNextPage).toBe(expected.length > 5);
  expect(markets!.totalCount).toBe(2);
});

test("a shopper's orders: everything but carts, in numbered pages", async () => {
  const expected = await rows(
    "SELECT number, skus_count FROM orders WHERE customer_id = $1 AND status NOT IN ('draft', 'pending') ORDER BY placed_at DESC, created_at DESC, id DESC",
    ada.id,
  );
  const first = await ask(screens.MyOrdersDocument, { ...ada, first: 3 });
  const second = await ask(screens.MyOrdersDocument, { ...ada, first: 3, offset: 3 });
  const seen = [...first.customer!.orders.nodes, ...second.customer!.orders.nodes];
  expect(seen.map(({ number }) => number)).toEqual(expected.slice(0, 6).map(({ number }) => number));
  expect(seen.map(({ skusCount }) => skusCount)).toEqual(expected.slice(0, 6).map((order) => order.skus_count));
  expect(first.customer!.orders.totalCount).toBe(expected.length);
  for (const field of ["STATUS", "TOTAL_AMOUNT_CENTS", "PLACED_AT"] as const) {
    const { customer } = await ask(screens.MyOrdersDocument, { ...ada, orderBy: [{ field, direction: "DESC" }] });
    expect(customer!.orders.nodes).toHaveLength(Math.min(15, expected.length));
  }
});

test("one of a shopper's orders: products only, and amounts as people write them", async () => {
  const [order] = await rows("SELECT * FROM orders WHERE customer_id = $1 AND status = 'approved' LIMIT 1", ada.id);
  const { order: shown } = await ask(screens.MyOrderDocument, { id: order!.id });
  const lines = await rows("SELECT quantity FROM line_items WHERE order_id = $1 AND item_type = 'skus'", order!.id);
  expect(shown!.lineItems.nodes).toHaveLength(lines.length);
  expect(shown!.formattedTotalAmountWithTaxes).toMatch(/^-?[€$£¥]/);
});

test("recurring orders: the list, and one with its latest order", async () => {
  const { customer } = await ask(screens.MySubscriptionsDocument, ada);
  expect(customer!.orderSubscriptions.totalCount).toBeGreaterThan(0);
  const { id } = customer!.orderSubscriptions.nodes[0]!;
  const { orderSubscription } = await ask(screens.MySubscriptionDocument, { id });
  const [latest] = await rows(
    "SELECT number FROM orders WHERE order_subscription_id = $1 ORDER BY created_at DESC, id DESC LIMIT 1",
    id,
  );
  expect(orderSubscription!.orders.nodes.map(({ number }) => number)).toEqual(latest ? [latest.number] : []);
  expect(orderSubscription!.orderSubscriptionItems.nodes.length).toBeGreaterThan(0);
});

test("the address book and the wallet", async () => {
  const book = await ask(screens.AddressBookDocument, ada);
  expect(book.customer!.customerAddresses.nodes.length).toBeGreaterThan(1);
  const wallet = await ask(screens.WalletDocument, ada);
  const kinds = wallet.customer!.customerPaymentSources.nodes.map(({ paymentSource }) => paymentSource?.__typename);
  expect(new Set(kinds).size).toBeGreaterThan(1);
});

test("returns are found by the name in their address", async () => {
  const [found] = await rows(
    `SELECT r.number, a.full_name FROM returns r JOIN addresses a ON a.id = r.origin_address_id
     WHERE r.mode = 'test' AND r.status <> 'draft' AND r.archived_at IS NULL LIMIT 1`,
  );
  const { returns } = await ask(screens.ReturnsTableDocument, {
    statuses: ["REQUESTED", "APPROVED", "SHIPPED", "RECEIVED", "CANCELLED", "REJECTED", "REFUNDED"],
    search: found!.full_name.toUpperCase().slice(1, -1),
  });
  expect(returns!.nodes.map(({ number }) => number)).toContain(found!.number);
});

test("recurring orders are found by the customer's e-mail", async () => {
  const { orderSubscriptions } = await ask(screens.SubscriptionsTableDocument, {
    statuses: ["ACTIVE", "PENDING", "INACTIVE", "CANCELLED"],
    search: "ada@",
  });
  expect(orderSubscriptions!.totalCount).toBeGreaterThan(0);
  expect(orderSubscriptions!.nodes.every(({ customerEmail }) => customerEmail === "ada@example.com")).toBe(true);
});

test("the picker of a customer by e-mail leaves the current one out", async () => {
  const { customers, current } = await ask(screens.EmailPickerDocument, {
    typed: "EXAMPLE",
    current: "ada@example.com",
  });
  expect(customers!.nodes.map(({ email }) => email)).not.toContain("ada@example.com");
  expect(current!.nodes).toEqual([{ id: "cus_ada", email: "ada@example.com" }]);
});

test("the administration of tags, and an order's customer card", async () => {
  const { tags } = await ask(screens.TagsTableDocument, {
    search: "V",
    orderBy: [{ field: "NAME", direction: "DESC" }],
  });
  expect(tags!.nodes.map(({ name }) => name)).toEqual([...tags!.nodes.map(({ name }) => name)].sort().reverse());
  const { order } = await ask(screens.OrderCustomerDocument, { id: "ord_1001" });
  expect(order!.customer!.email).toContain("@");
  const { markets } = await ask(screens.PublicMarketsDocument, {});
  expect(markets!.totalCount).toBe(1);
});
