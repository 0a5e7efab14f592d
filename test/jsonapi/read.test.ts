import { createJsonApiTest, type JsonApiTest } from "./support.js";

let app: JsonApiTest;
beforeAll(async () => {
  app = await createJsonApiTest();
});
afterAll(() => app.stop());

describe("the official SDK", () => {
  test("retrieves a customer with nested includes, in one statement", async () => {
    const sdk = await app.sdk({ kind: "integration" });
    app.statements();
    const ada = await sdk.customers.retrieve("cus_ada", {
      include: ["customer_group", "customer_addresses.address", "customer_payment_sources.payment_source", "tags"],
      fields: { addresses: ["city"], customer_groups: ["name"] },
    });
    expect(app.statements()).toHaveLength(1);
    expect(ada).toMatchObject({
      id: "cus_ada",
      type: "customers",
      email: "ada@example.com",
      status: "repeat",
      has_password: true,
      customer_group: { type: "customer_groups", name: "VIP" },
    });
    expect(ada.tags?.map(({ id }) => id)).toEqual(["tag_newsletter", "tag_priority", "tag_vip"]);
    expect(ada.customer_addresses?.length).toBeGreaterThan(0);
    expect(ada.customer_addresses?.every(({ address }) => typeof address?.city === "string")).toBe(true);
    expect(ada.customer_payment_sources?.map(({ payment_source }) => payment_source?.type)).toContain(
      "stripe_payments",
    );
    expect(ada).not.toHaveProperty("orders");
  });

  test("lists all pages with a filter and a sort key", async () => {
    const sdk = await app.sdk({ kind: "integration" });
    const emails: string[] = [];
    let page = await sdk.customers.list({ sort: { email: "desc" }, pageSize: 1, filters: { status_eq: "prospect" } });
    for (;;) {
      emails.push(...page.map(({ email }) => email));
      if (!page.hasNextPage()) break;
      page = await sdk.customers.list({
        sort: { email: "desc" },
        pageSize: 1,
        pageNumber: page.meta.currentPage + 1,
        filters: { status_eq: "prospect" },
      });
    }
    expect(emails).toEqual([...emails].sort().reverse());
    expect(emails).toHaveLength(await sdk.customers.count({ filters: { status_eq: "prospect" } }));
    expect(emails.length).toBeGreaterThan(1);
  });

  test("lists related resources", async () => {
    const sdk = await app.sdk({ kind: "integration" });
    const orders = await sdk.customers.orders("cus_ada", { filters: { status_eq: "placed" }, pageSize: 15 });
    expect(orders.length).toBeGreaterThan(0);
    expect(new Set(orders.map(({ status }) => status))).toEqual(new Set(["placed"]));
    const group = await sdk.customers.customer_group("cus_ada");
    expect(group).toMatchObject({ type: "customer_groups", name: "VIP" });
  });

  test("lists the few that are related by links in pages too, with filters and sort keys", async () => {
    const sdk = await app.sdk({ kind: "integration" });
    app.statements();
    const first = await sdk.customers.tags("cus_ada", { pageSize: 2 });
    expect(app.statements()).toHaveLength(1);
    const second = await sdk.customers.tags("cus_ada", { pageSize: 2, pageNumber: 2 });
    expect([...first, ...second].map(({ id }) => id)).toEqual(["tag_newsletter", "tag_priority", "tag_vip"]);
    expect(first.meta).toMatchObject({ recordCount: 3, pageCount: 2 });
    const found = await sdk.customers.tags("cus_ada", { sort: { name: "desc" }, filters: { name_not_eq: "priority" } });
    expect([...found].map(({ id }) => id)).toEqual(["tag_vip", "tag_newsletter"]);
    expect(await sdk.customers.tags("cus_hana", { filters: { name_eq: "vip" } })).toHaveLength(0);
    await expect(sdk.customers.tags("cus_nobody")).rejects.toMatchObject({ status: 404 });
    const shopper = await app.sdk({ kind: "customer", id: "cus_ada", markets: ["mkt_europe", "mkt_vip"] });
    const markets = await shopper.customers.jwt_markets("cus_ada", { pageSize: 1 });
    expect(markets.meta).toMatchObject({ recordCount: 2, pageCount: 2 });
  });

  test("is told what is missing", async () => {
    const sdk = await app.sdk({ kind: "integration" });
    await expect(sdk.customers.retrieve("cus_nobody")).rejects.toMatchObject({
      status: 404,
      errors: [{ code: "RECORD_NOT_FOUND", status: "404" }],
    });
  });
});

test.each([
  ["/api/customers?page[size]=26", 400, "INVALID_PAGE_VALUE", "page[size]"],
  ["/api/customers?page[number]=0", 400, "INVALID_PAGE_VALUE", "page[number]"],
  ["/api/customers?include=oders", 400, "INVALID_INCLUDE", "include"],
  ["/api/customers?include=event_stores", 400, "INVALID_INCLUDE", "include"],
  ["/api/customers?fields[customers]=emial", 400, "INVALID_FIELD", "fields[customers]"],
  ["/api/customers?fields[custmers]=email", 400, "INVALID_FIELD", "fields[custmers]"],
  ["/api/customers?sort=-emial", 400, "INVALID_SORT_CRITERIA", "sort"],
  ["/api/customers?filter[q][emial_eq]=a", 400, "FILTER_NOT_ALLOWED", "filter[q][emial_eq]"],
  ["/api/customers?filter[q][email_is]=a", 400, "FILTER_NOT_ALLOWED", "filter[q][email_is]"],
  ["/api/customers?filter[q][status_in]=acquired,gone", 400, "INVALID_FILTER_VALUE", "filter[q][status_in]"],
  ["/api/customers?pages=1", 400, "PARAM_NOT_ALLOWED", "pages"],
  ["/api/custmers", 404, "ROUTE_NOT_FOUND", undefined],
  ["/api/customers/cus_ada/odrers", 404, "ROUTE_NOT_FOUND", undefined],
  ["/api/customers/cus_nobody/orders", 404, "RECORD_NOT_FOUND", undefined],
])("%s is refused with an error object", async (path, status, code, parameter) => {
  const reply = await app.request(path);
  expect(reply.headers.get("content-type")).toBe("application/vnd.api+json");
  expect([reply.status, reply.body]).toEqual([
    status,
    {
      errors: [
        {
          title: expect.any(String),
          detail: expect.any(String),
          code,
          status: String(status),
          ...(parameter && { source: { parameter } }),
        },
      ],
    },
  ]);
});
