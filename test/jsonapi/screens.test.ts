import type { CommerceLayer } from "@commercelayer/sdk/bundle";
import type { Untyped } from "../support/operation-data.js";
import { createJsonApiTest, type JsonApiTest } from "./support.js";

/** The screens of existing shops' frontends, as the calls of the official SDK that they make, against the demo shop. */
let app: JsonApiTest;
let sdk: ReturnType<typeof CommerceLayer>;
/** The SDK of a signed-in shopper. */
let mine: typeof sdk;

beforeAll(async () => {
  const config = { apps: { customers: { enable_reset_password: true } }, mfe: { default: { hide_wallet: false } } };
  app = await createJsonApiTest({ organization: { slug: "my-shop", attributes: { name: "My shop", config } } });
  sdk = await app.sdk({
    kind: "integration",
    owner: { id: "usr_vera", firstName: "Vera", lastName: "Support", email: null },
  });
  mine = await app.sdk({ kind: "customer", id: "cus_ada", markets: ["mkt_europe"] });
});
afterAll(() => app.stop());

async function rows<T = Record<string, Untyped>>(text: string, ...values: unknown[]): Promise<T[]> {
  return (await app.database.pool.query(text, values)).rows as T[];
}

const idsOf = (list: Iterable<{ id: string }>) => [...list].map(({ id }) => id);
const namesOf = (list: Iterable<{ name?: string | null }>) => [...list].map(({ name }) => name);

describe("customer table", () => {
  const allStatuses = "prospect,acquired,repeat";
  const columns = {
    include: ["customer_group"],
    fields: {
      customers: [
        "id",
        "email",
        "status",
        "has_password",
        "total_orders_count",
        "created_at",
        "updated_at",
        "customer_group",
      ],
    },
    pageSize: 25,
  };
  const list = (filters: Record<string, string | boolean>, more: object = {}) =>
    sdk.customers.list({ ...columns, sort: { created_at: "desc" }, filters, ...more } as Parameters<
      typeof sdk.customers.list
    >[0]);

  test("all, newest first, with their groups and the total", async () => {
    const page = await list({ status_in: allStatuses });
    const expected = await rows("SELECT id FROM customers WHERE mode = 'test' ORDER BY created_at DESC, id DESC");
    expect(idsOf(page)).toEqual(idsOf(expected as { id: string }[]));
    expect(page.meta).toMatchObject({ recordCount: expected.length, pageCount: 1, currentPage: 1 });
    const ada = page.find(({ id }) => id === "cus_ada");
    expect(ada).toMatchObject({ email: "ada@example.com", status: "repeat", has_password: true });
    expect(ada).toMatchObject({ customer_group: { id: "cgr_vip", name: "VIP" } });
    expect(ada).not.toHaveProperty("reference");
    expect(page.some(({ customer_group }) => customer_group === null)).toBe(true);
  });

  test.each(["prospect", "acquired", "repeat"])("the tab %s", async (status) => {
    const page = await list({ status_in: status });
    const [{ count }] = (await rows<{ count: number }>(
      "SELECT count(*)::int FROM customers WHERE mode = 'test' AND status::text = $1",
      status,
    )) as [{ count: number }];
    expect(count).toBeGreaterThan(0);
    expect(page.meta.recordCount).toBe(count);
    expect(new Set(page.map((one) => one.status))).toEqual(new Set([status]));
  });

  test("filters combine, and each narrows the list", async () => {
    const filters: Record<string, string | boolean> = { status_in: allStatuses };
    let last = (await list(filters)).meta.recordCount;
    for (const [name, value] of [
      ["password_present", true],
      ["customer_group_id_in", "cgr_vip,cgr_staff"],
      ["tags_id_in", "tag_vip,tag_newsletter"],
      ["email_or_reference_start", "ADA@"],
    ] as const) {
      filters[name] = value;
      const { recordCount } = (await list(filters)).meta;
      expect([name, recordCount <= last && recordCount > 0]).toEqual([name, true]);
      last = recordCount;
    }
    expect(idsOf(await list(filters))).toEqual(["cus_ada"]);
    expect(idsOf(await list({ ...filters, password_present: false }))).toEqual([]);
  });

  test("guests alone, by a tag alone, and by the beginning of a reference", async () => {
    const guests = await list({ status_in: allStatuses, password_present: false });
    expect(guests.length).toBeGreaterThan(0);
    expect(guests.every(({ has_password }) => !has_password)).toBe(true);
    const tagged = await list({ status_in: allStatuses, tags_id_in: "tag_vip" });
    const expected = await rows<{ id: string }>(
      "SELECT c.id FROM customers c JOIN customer_tags t ON t.customer_id = c.id WHERE t.tag_id = 'tag_vip' ORDER BY c.created_at DESC",
    );
    expect(idsOf(tagged)).toEqual(idsOf(expected));
    expect(idsOf(await list({ email_or_reference_start: "crm-1001" }))).toEqual(["cus_ada"]);
  });

  test.each(["email", "total_orders_count", "status", "created_at"])(
    "sorted by %s, both ways, in pages",
    async (key) => {
      for (const direction of ["asc", "desc"]) {
        const read = async (pageNumber: number) =>
          list({ status_in: allStatuses }, { sort: { [key]: direction }, pageSize: 5, pageNumber });
        const first = await read(1);
        const { recordCount, pageCount } = first.meta;
        expect(pageCount).toBe(Math.ceil(recordCount / 5));
        const ids = idsOf(first);
        for (let number = 2; number <= pageCount; number++) ids.push(...idsOf(await read(number)));
        const cast = key === "email" ? `${key} COLLATE "C"` : key;
        const expected = await rows<{ value: unknown }>(
          `SELECT ${key} AS value FROM customers WHERE mode = 'test' ORDER BY ${cast} ${direction === "asc" ? "ASC NULLS LAST" : "DESC NULLS FIRST"}`,
        );
        const values = new Map(
          (await rows(`SELECT id, ${key} AS value FROM customers`)).map(({ id, value }) => [id, value]),
        );
        expect(new Set(ids).size).toBe(recordCount);
        expect(ids.map((id) => values.get(id))).toEqual(expected.map(({ value }) => value));
      }
    },
  );

  test.each(["customer_groups", "tags"] as const)("the options of the filter by %s", async (type) => {
    const options = { fields: { [type]: ["id", "name"] }, sort: { name: "asc" }, pageSize: 25 } as object;
    const first = await sdk[type].list(options);
    expect(first.length).toBe(first.meta.recordCount);
    expect(namesOf(first)).toEqual([...namesOf(first)].sort((a, b) => (a!.toLowerCase() < b!.toLowerCase() ? -1 : 1)));
    const found = await sdk[type].list({ ...options, filters: { name_i_cont: "VI" } });
    expect(namesOf(found)).toEqual(namesOf(first).filter((name) => /vi/i.test(name!)));
    const chosen = await sdk[type].list({ ...options, filters: { id_in: `${first[1]!.id},${first[0]!.id}` } });
    expect(idsOf(chosen)).toEqual(idsOf(first).slice(0, 2));
  });
});

describe("customer page", () => {
  test("heading, facts, address book, wallet and attachments", async () => {
    const ada = await sdk.customers.retrieve("cus_ada", {
      include: [
        "customer_group",
        "customer_addresses",
        "customer_addresses.address",
        "customer_payment_sources",
        "customer_payment_sources.payment_source",
        "customer_subscriptions",
        "attachments",
      ],
    });
    expect(ada).toMatchObject({
      email: "ada@example.com",
      status: "repeat",
      has_password: true,
      reference: "CRM-1001",
      reference_origin: "crm",
      anonymization_info: null,
      customer_group: { name: "VIP" },
    });
    expect([typeof ada.total_orders_count, ada.created_at, typeof ada.updated_at]).toEqual([
      "number",
      "2026-01-10T09:15:00.000Z",
      "string",
    ]);
    const book = new Map(ada.customer_addresses!.map(({ id, address }) => [id, address]));
    expect(book.size).toBe(3);
    expect(book.get("cad_ada_office")).toMatchObject({
      id: "adr_ada_office",
      business: true,
      company: "Analytical Engines S.r.l.",
      full_name: "Analytical Engines S.r.l.",
      line_1: "Corso Como 15",
      line_2: "Piano 3",
      city: "Milano",
      state_code: "MI",
      zip_code: "20154",
      country_code: "IT",
      billing_info: "IT01234567890",
      email: "office@example.com",
      phone: "+39 02 5550 142",
      notes: null,
    });
    const wallet = ada.customer_payment_sources!.map(({ payment_source }) => payment_source);
    expect(wallet).toContainEqual(
      expect.objectContaining({
        type: "stripe_payments",
        payment_instrument: expect.objectContaining({
          issuer_type: "credit card",
          card_type: "visa",
          card_last_digits: "4242",
          card_expiry_month: "10",
          card_expiry_year: "2030",
        }),
      }),
    );
    const [newsletter] = ada.customer_subscriptions!;
    expect(newsletter!.created_at).toMatch(/^2026-/);
    expect(ada.attachments!.length).toBeGreaterThan(0);
  });

  test("attachments of their own", async () => {
    const attachments = await sdk.customers.attachments("cus_ada");
    const files = attachments.filter(({ url }) => url);
    expect(files.length).toBeGreaterThan(0);
    for (const { name, updated_at } of files) expect([typeof name, typeof updated_at]).toEqual(["string", "string"]);
    const [expected] = await rows(
      "SELECT count(*)::int FROM attachments WHERE attachable_type = 'customers' AND attachable_id = 'cus_ada'",
    );
    expect(attachments.meta.recordCount).toBe(expected!.count);
  });

  test("latest orders, and whether market names are shown", async () => {
    const latest = await sdk.customers.orders("cus_ada", {
      include: ["billing_address", "market"],
      filters: { status_matches_any: "placed,approved,editing,cancelled" },
      sort: { placed_at: "desc" },
      pageSize: 5,
    });
    const expected = await rows<{ id: string }>(
      "SELECT id FROM orders WHERE customer_id = 'cus_ada' AND status IN ('placed', 'approved', 'editing', 'cancelled') ORDER BY placed_at DESC",
    );
    expect(idsOf(latest)).toEqual(idsOf(expected.slice(0, 5)));
    expect(latest.meta).toMatchObject({ recordCount: expected.length, pageCount: Math.ceil(expected.length / 5) });
    for (const order of latest) {
      expect(order).toMatchObject({
        number: expect.any(String),
        status: expect.stringMatching(/^(placed|approved|editing|cancelled)$/),
        payment_status: expect.any(String),
        fulfillment_status: expect.any(String),
        formatted_total_amount_with_taxes: expect.stringMatching(/\d/),
        billing_address: { last_name: expect.any(String) },
        market: { name: expect.any(String) },
      });
    }
    const markets = await sdk.markets.list({
      fields: { markets: ["id"] },
      filters: { disabled_at_null: true },
      pageSize: 1,
    });
    const [enabled] = await rows("SELECT count(*)::int FROM markets WHERE mode = 'test' AND disabled_at IS NULL");
    expect([markets.length, markets.meta.recordCount]).toEqual([1, enabled!.count]);
  });

  test("deleted if there is no order, else asked to be anonymized, and that cancelled", async () => {
    const { id: unused } = await sdk.customers.create({ email: "no-orders@example.com" });
    expect((await sdk.customers.orders(unused, { sort: { placed_at: "desc" }, pageSize: 25 })).length).toBe(0);
    await sdk.customers.delete(unused);
    const orders = await sdk.customers.orders("cus_bruno", { sort: { placed_at: "desc" }, pageSize: 25 });
    expect(orders.length).toBeGreaterThan(0);
    await expect(sdk.customers.delete("cus_bruno")).rejects.toMatchObject({
      errors: [{ status: "423", detail: expect.stringMatching(/^The customer has \d+ orders/) }],
    });
    // Something is under way that the anonymization would end: the clerk is shown what.
    await expect(sdk.customers.update({ id: "cus_bruno", _request_anonymization: true })).rejects.toMatchObject({
      errors: [
        {
          code: "VALIDATION_ERROR",
          detail: expect.stringContaining("Returns under way"),
          source: { pointer: "/data/attributes/_request_anonymization" },
        },
      ],
    });
    const id = "cus_kenji";
    await sdk.customers.update({ id, _request_anonymization: true });
    const asked = await sdk.customers.retrieve(id);
    expect(asked.anonymization_info).toMatchObject({
      status: "requested",
      requested_at: expect.any(String),
      completed_at: null,
      requester: { first_name: "Vera", last_name: "Support" },
    });
    const pending = await sdk.customers.list({ filters: { anonymization_status_eq: "requested" } });
    expect(idsOf(pending)).toContain(id);
    await sdk.customers.update({ id, _cancel_anonymization: true });
    expect((await sdk.customers.retrieve(id)).anonymization_info?.status).toBe("cancelled");
  });

  test("an address is edited, and errors name the fields of the form", async () => {
    const edited = await sdk.addresses.update({
      id: "adr_ada_home",
      business: false,
      first_name: "Ada",
      last_name: "King",
      company: null,
      line_1: "1 New Street",
      line_2: null,
      city: "Bath",
      zip_code: "BA1 1AA",
      state_code: "SOM",
      country_code: "GB",
      phone: "+44 1225 960 114",
      billing_info: null,
      notes: "Ring once.",
    });
    expect(edited).toMatchObject({
      full_name: "Ada King",
      city: "Bath",
      notes: "Ring once.",
      email: "ada@example.com",
    });
    const refused = await sdk.addresses
      .update({ id: "adr_ada_home", line_1: "", city: null, country_code: "Germany", phone: null } as never)
      .catch((error) => error);
    expect(refused.errors).toHaveLength(4);
    for (const name of ["line_1", "city", "country_code", "phone"]) {
      expect(refused.errors).toContainEqual(
        expect.objectContaining({
          code: "VALIDATION_ERROR",
          title: expect.stringMatching(/./),
          detail: expect.stringMatching(new RegExp(`^${name} - .`)),
          source: { pointer: `/data/attributes/${name}` },
        }),
      );
    }
  });

  test("entries of the address book and of the wallet are deleted", async () => {
    const { customer_addresses: book, customer_payment_sources: wallet } = await sdk.customers.retrieve("cus_hana", {
      include: ["customer_addresses", "customer_payment_sources"],
    });
    await sdk.customer_addresses.delete(book![0]!.id);
    await sdk.customer_payment_sources.delete(wallet![0]!.id);
    const after = await sdk.customers.retrieve("cus_hana", {
      include: ["customer_addresses", "customer_payment_sources"],
    });
    expect([idsOf(after.customer_addresses!), idsOf(after.customer_payment_sources!)]).toEqual([
      idsOf(book!).slice(1),
      idsOf(wallet!).slice(1),
    ]);
  });

  test("tags: the whole set, searched by name, and cleared by one reference without an id", async () => {
    const tags = await sdk.customers.tags("cus_bruno", { pageSize: 25 });
    expect(tags.every(({ id, name }) => id && name)).toBe(true);
    const limit = await sdk.organization.retrieve({ fields: { organizations: ["tags_max_allowed_number"] } });
    expect(limit.tags_max_allowed_number).toBe(10);
    const found = await sdk.tags.list({ filters: { name_i_cont: "PRIO" }, pageSize: 25 });
    expect(namesOf(found)).toEqual(["priority"]);
    const set = await sdk.customers.update(
      {
        id: "cus_bruno",
        tags: [...tags.map(({ id }) => sdk.tags.relationship(id)), sdk.tags.relationship(found[0]!.id)],
      },
      { include: ["tags"] },
    );
    expect(namesOf(set.tags!).sort()).toEqual([...new Set([...namesOf(tags), "priority"])].sort());
    const cleared = await sdk.customers.update({ id: "cus_bruno", tags: [{ type: "tags", id: null }] } as never, {
      include: ["tags"],
    });
    expect(cleared.tags).toEqual([]);
  });

  test("record details are set, cleared, and refused at their field", async () => {
    const set = await sdk.customers.update({ id: "cus_zoe", reference: "ERP-7", reference_origin: "erp" });
    expect(set).toMatchObject({ reference: "ERP-7", reference_origin: "erp" });
    const cleared = await sdk.customers.update({ id: "cus_zoe", reference: null, reference_origin: "" });
    expect(cleared.reference).toBeNull();
    await expect(sdk.customers.update({ id: "cus_zoe", reference: "x".repeat(256) })).rejects.toMatchObject({
      errors: [{ code: "VALIDATION_ERROR", source: { pointer: "/data/attributes/reference" } }],
    });
  });

  test("a link to reset the password, if the organization allows it", async () => {
    const { slug, config } = await sdk.organization.retrieve();
    expect([slug, config?.apps?.customers?.enable_reset_password]).toEqual(["my-shop", true]);
    const { id, reset_password_token: token } = await sdk.customer_password_resets.create({
      customer_email: "ada@example.com",
      reference_origin: "dashboard",
    });
    expect([typeof id, (token ?? "").length > 20]).toEqual(["string", true]);
  });
});

describe("new customer and edit customer", () => {
  test("the group is picked, or none is", async () => {
    const groups = await sdk.customer_groups.list({
      sort: { name: "asc" },
      pageSize: 10,
      filters: { name_i_cont: "v" },
    });
    expect(namesOf(groups)).toContain("VIP");
    const none = { type: "customer_groups", id: null } as unknown as ReturnType<
      typeof sdk.customer_groups.relationship
    >;
    const made = await sdk.customers.create({ email: "Screens@Example.com", customer_group: none });
    const { id } = made;
    expect(made.email).toBe("screens@example.com");
    const chosen = { id, email: "screens2@example.com", customer_group: sdk.customer_groups.relationship("cgr_vip") };
    const heading = {
      include: ["customer_group", "customer_addresses.address", "customer_subscriptions", "attachments"],
    };
    const updated = await sdk.customers.update(chosen, heading);
    expect(updated).toMatchObject({
      email: "screens2@example.com",
      status: "prospect",
      customer_group: { name: "VIP" },
    });
    expect((await sdk.customers.update({ id, customer_group: none }, heading)).customer_group).toBeNull();
    for (const write of [
      () => sdk.customers.create({ email: "ada@example.com" }),
      () => sdk.customers.update({ id, email: "ada@example.com" }),
    ]) {
      await expect(write()).rejects.toMatchObject({
        errors: [{ code: "VALIDATION_ERROR", source: { pointer: "/data/attributes/email" }, meta: { error: "taken" } }],
      });
    }
  });
});

describe("customers in other back office screens", () => {
  test("the customer of an order", async () => {
    const { customer } = await sdk.orders.retrieve("ord_1001", {
      include: ["customer", "customer.customer_addresses", "customer.customer_addresses.address"],
    });
    expect(customer).toMatchObject({ id: "cus_ada", email: "ada@example.com", total_orders_count: expect.any(Number) });
    expect(customer!.customer_addresses!.every(({ address }) => address?.line_1)).toBe(true);
    const guestOrder = await sdk.orders.list({ filters: { customer_null: true }, include: ["customer"], pageSize: 1 });
    for (const order of guestOrder) expect(order.customer).toBeNull();
  });

  test("another customer is picked for a cart, by an e-mail address", async () => {
    const others = await sdk.customers.list({
      filters: { email_not_eq: "ada@example.com" },
      sort: { email: "asc" },
      pageSize: 25,
    });
    expect(others.map(({ email }) => email)).not.toContain("ada@example.com");
    const current = await sdk.customers.list({ filters: { email_eq: "ada@example.com" }, pageSize: 1 });
    expect(idsOf(current)).toEqual(["cus_ada"]);
    const typed = await sdk.customers.list({ filters: { email_cont: "RUNO.R" }, sort: { email: "asc" }, pageSize: 25 });
    expect([idsOf(typed), typed.meta.recordCount]).toEqual([["cus_bruno"], 1]);
    const [cart] = await rows(
      "SELECT id FROM orders WHERE mode = 'test' AND status = 'pending' AND customer_email IS NOT NULL LIMIT 1",
    );
    const order = { id: cart!.id, customer_email: "picked@example.com", language_code: "it" };
    expect(await sdk.orders.update(order, { include: ["customer"] })).toMatchObject({
      customer_email: "picked@example.com",
      language_code: "it",
      customer: { email: "picked@example.com" },
    });
  });

  describe("returns table", () => {
    const columns = {
      include: ["origin_address", "stock_location"],
      fields: {
        returns: ["id", "number", "status", "updated_at", "origin_address", "stock_location"],
        addresses: ["city", "country_code"],
        stock_locations: ["name"],
      },
      sort: { updated_at: "desc" },
      pageSize: 25,
    };
    const list = (filters: Record<string, string | boolean>, more = {}) =>
      sdk.returns.list({ ...columns, filters, ...more } as Parameters<typeof sdk.returns.list>[0]);
    const tabs = {
      all: { status_in: "requested,approved,shipped,received,cancelled,rejected,refunded", archived_at_null: true },
      requested: { status_in: "requested", archived_at_null: true },
      closed: { status_in: "received,cancelled,rejected,refunded", archived_at_null: true },
      archived: { archived_at_null: false },
    };

    test.each(Object.entries(tabs))("the tab %s, with the search for a customer", async (_, filters) => {
      const page = await list(filters);
      expect(page.meta.recordCount).toBeGreaterThan(0);
      expect(page[0]).toMatchObject({
        number: expect.stringMatching(/R/),
        updated_at: expect.any(String),
        origin_address: { city: expect.any(String), country_code: expect.any(String) },
        stock_location: { name: expect.any(String) },
      });
      const times = [...page].map(({ updated_at }) => updated_at);
      expect(times).toEqual([...times].sort().reverse());
    });

    test("filters and sort keys", async () => {
      const { recordCount } = (await list(tabs.all)).meta;
      const between = { updated_at_gteq: "2026-06-01", updated_at_lteq: "2026-12-31T23:59:59.999Z" };
      const some = (await list({ ...tabs.all, ...between, stock_location_id_in: "slo_milan" })).meta.recordCount;
      expect([some > 0, some < recordCount]).toEqual([true, true]);
      for (const key of ["number", "status", "updated_at"]) {
        expect((await list(tabs.all, { sort: { [key]: "asc" } })).length).toBe(recordCount);
      }
    });

    test("the search", async () => {
      const address = (name: string) =>
        ["email", "company", "first_name", "last_name", "billing_info"].map((field) => `${name}_${field}`);
      const fields = [
        "number",
        "reference",
        "customer_email",
        ...address("origin_address"),
        ...address("destination_address"),
      ];
      const [found] = await rows("SELECT id, customer_email FROM returns WHERE id = 'ret_1015_1'");
      const page = await list({ ...tabs.all, [`${fields.join("_or_")}_cont`]: "analytical" });
      expect(idsOf(page)).toContain(found!.id);
    });
  });

  describe("subscriptions table", () => {
    const columns = {
      include: ["customer", "source_order", "source_order.billing_address"],
      sort: { updated_at: "desc" },
      pageSize: 25,
    };
    const list = (filters: Record<string, string>, more = {}) =>
      sdk.order_subscriptions.list({ ...columns, filters, ...more } as Parameters<
        typeof sdk.order_subscriptions.list
      >[0]);
    const all = { status_in: "active,pending,inactive,cancelled" };

    test("all, with whose they are and whether the last run failed", async () => {
      const page = await list(all);
      expect(page.meta.recordCount).toBe(3);
      const bruno = page.find(({ id }) => id === "osu_bruno_coffee");
      expect(bruno).toMatchObject({
        number: "2002",
        status: "pending",
        last_run_at: expect.any(String),
        succeeded_on_last_run: false,
        customer: { email: "bruno.rossi@example.com" },
        source_order: { billing_address: { full_name: expect.any(String), country_code: expect.any(String) } },
      });
    });

    test("filters, the search and sort keys", async () => {
      const { market } = await sdk.order_subscriptions.retrieve("osu_ada_coffee", { include: ["market"] });
      const filters = {
        ...all,
        market_id_in: market!.id,
        frequency_matches: "two-month",
        number_or_customer_email_cont: "ADA@",
      };
      expect(idsOf(await list(filters))).toEqual(["osu_ada_coffee"]);
      expect(idsOf(await list({ number_or_customer_email_cont: "2003" }))).toEqual(["osu_liz_coffee"]);
      for (const key of ["number", "status", "last_run_at"]) {
        expect((await list(all, { sort: { [key]: "desc" } })).length).toBe(3);
      }
    });
  });

  test("subscriptions are deactivated, activated, changed and cancelled", async () => {
    const id = "osu_ada_coffee";
    await expect(sdk.subscription_models.list({ pageSize: 25 })).rejects.toMatchObject({
      errors: [{ status: "404", code: "ROUTE_NOT_FOUND" }],
    });
    expect(await sdk.order_subscriptions._deactivate(id)).toMatchObject({ status: "inactive" });
    expect(await sdk.order_subscriptions._activate(id)).toMatchObject({ status: "active" });
    const changed = await sdk.order_subscriptions.update({
      id,
      frequency: "monthly",
      next_run_at: "2027-01-01T07:00:00.000Z",
    });
    expect(changed).toMatchObject({ frequency: "monthly", next_run_at: "2027-01-01T07:00:00.000Z" });
    await expect(sdk.order_subscriptions._activate("osu_liz_coffee")).rejects.toMatchObject({
      errors: [{ code: "VALIDATION_ERROR", source: { pointer: "/data/attributes/_activate" } }],
    });
    expect(await sdk.order_subscriptions._cancel("osu_bruno_coffee")).toMatchObject({ status: "cancelled" });
  });

  test("administration of tags", async () => {
    const { id } = await sdk.tags.create({ name: "early-bird" });
    expect(await sdk.tags.update({ id, name: "late_bird", metadata: { from: "screen" } })).toMatchObject({
      name: "late_bird",
    });
    const list = await sdk.tags.list({
      fields: { tags: ["id", "name", "created_at", "updated_at"] },
      filters: { name_cont: "BIRD" },
      sort: { name: "asc" },
      pageSize: 25,
    });
    expect([...list].map((tag) => [tag.id, tag.name])).toEqual([[id, "late_bird"]]);
    expect((await sdk.tags.list({ sort: { created_at: "desc" } }))[0]!.id).toBe(id);
    await expect(sdk.tags.create({ name: "no spaces" })).rejects.toMatchObject({
      errors: [{ code: "VALIDATION_ERROR", source: { pointer: "/data/attributes/name" } }],
    });
    await sdk.tags.delete(id);
    await expect(sdk.tags.retrieve(id)).rejects.toMatchObject({ status: 404 });
  });

  test("whether a market is public and enabled", async () => {
    const page = await sdk.markets.list({
      filters: { customer_group_null: true, disabled_at_null: true },
      pageSize: 1,
    });
    const [expected] = await rows(
      "SELECT count(*)::int FROM markets WHERE mode = 'test' AND customer_group_id IS NULL AND disabled_at IS NULL",
    );
    expect(page.meta.recordCount).toBe(expected!.count);
    expect((await sdk.markets.list({ filters: { customer_group_null: false } })).length).toBeGreaterThan(0);
  });
});

describe("a shopper's own account", () => {
  test("the start, with the organization", async () => {
    const organization = await mine.organization.retrieve({
      fields: {
        organizations: [
          "id",
          "name",
          "logo_url",
          "favicon_url",
          "primary_color",
          "gtm_id",
          "gtm_id_test",
          "support_email",
          "support_phone",
          "config",
        ],
      },
    });
    expect(organization).toMatchObject({ id: "my-shop", name: "My shop", logo_url: null, gtm_id_test: null });
    expect(organization.config).toMatchObject({ mfe: { default: { hide_wallet: false } } });
  });

  test("what the shop does not have is refused by name", async () => {
    for (const [include, read] of [
      ["shipments", () => mine.orders.retrieve("ord_1004", { include: ["shipments"] })],
      ["shipments.parcels", () => mine.orders.retrieve("ord_1004", { include: ["shipments.parcels"] })],
      ["authorizations", () => mine.customers.orders("cus_ada", { include: ["authorizations"] })],
      [
        "order_subscription_items.item",
        () => mine.order_subscriptions.retrieve("osu_ada_coffee", { include: ["order_subscription_items.item"] }),
      ],
    ] as const) {
      await expect(read()).rejects.toMatchObject({
        status: 400,
        errors: [{ code: "INVALID_INCLUDE", detail: expect.stringContaining(`${include} is not a valid`) }],
      });
    }
  });

  test("the header", async () => {
    const me = await mine.customers.retrieve("cus_ada", { fields: { customers: ["email", "has_password"] } });
    expect(me).toMatchObject({ email: "ada@example.com", has_password: true });
    await expect(mine.customers.retrieve("cus_bruno")).rejects.toMatchObject({ status: 404 });
  });

  test("orders, in numbered pages, by each sort key", async () => {
    const list = (sort: object, pageNumber = 1, pageSize = 15) =>
      mine.customers.orders("cus_ada", {
        fields: { orders: ["id", "number", "skus_count", "placed_at", "status", "formatted_total_amount_with_taxes"] },
        filters: { status_not_in: "draft,pending" },
        sort,
        pageNumber,
        pageSize: pageSize as 15,
      });
    const expected = await rows<{ id: string }>(
      "SELECT id FROM orders WHERE customer_id = 'cus_ada' AND status NOT IN ('draft', 'pending') ORDER BY placed_at DESC",
    );
    const page = await list({ placed_at: "desc" });
    expect(idsOf(page)).toEqual(idsOf(expected).slice(0, 15));
    expect(page.meta.recordCount).toBe(expected.length);
    expect(page[0]).toMatchObject({
      number: expect.any(String),
      skus_count: expect.any(Number),
      placed_at: expect.any(String),
    });
    expect(idsOf(await list({ placed_at: "desc" }, 2, 3))).toEqual(idsOf(expected).slice(3, 6));
    for (const key of ["status", "total_amount_cents"]) {
      for (const direction of ["asc", "desc"]) {
        expect((await list({ [key]: direction })).meta.recordCount).toBe(expected.length);
      }
    }
  });

  test("an order, with its products, amounts and addresses", async () => {
    const order = await mine.orders.retrieve("ord_1004", {
      include: ["line_items", "billing_address", "shipping_address", "payment_method", "payment_source"],
    });
    expect(order).toMatchObject({
      number: expect.any(String),
      status: "approved",
      placed_at: expect.any(String),
      guest: false,
      formatted_subtotal_amount: expect.any(String),
      formatted_discount_amount: expect.any(String),
      discount_amount_cents: expect.any(Number),
      formatted_shipping_amount: expect.any(String),
      formatted_total_tax_amount: expect.any(String),
      gift_card_amount_cents: 0,
      formatted_total_amount_with_taxes: expect.any(String),
      billing_address: { country_code: "GB", line_1: expect.any(String) },
      shipping_address: { country_code: "GB", line_1: expect.any(String) },
    });
    const products = order.line_items!.filter(({ item_type }) => item_type === "skus");
    expect(products).toHaveLength(2);
    expect(products[0]).toMatchObject({
      sku_code: expect.any(String),
      name: expect.any(String),
      image_url: expect.any(String),
      quantity: 2,
      formatted_total_amount: expect.any(String),
    });
  });

  test("subscriptions, and one with its latest order", async () => {
    const page = await mine.customers.order_subscriptions("cus_ada", {
      fields: {
        order_subscriptions: ["id", "number", "status", "frequency", "starts_at", "last_run_at", "next_run_at"],
      },
      sort: { starts_at: "desc" },
      pageSize: 15,
    });
    expect(page[0]).toMatchObject({ id: "osu_ada_coffee", number: "2001", starts_at: "2026-04-01T07:00:00.000Z" });
    for (const key of ["status", "frequency", "next_run_at"] as const) {
      await mine.customers.order_subscriptions("cus_ada", { sort: { [key]: "asc" }, pageSize: 15 });
    }
    const one = await mine.order_subscriptions.retrieve("osu_ada_coffee", {
      fields: {
        order_subscriptions: [
          "id",
          "number",
          "status",
          "frequency",
          "starts_at",
          "last_run_at",
          "next_run_at",
          "expires_at",
          "order_subscription_items",
          "customer_payment_source",
        ],
      },
      include: [
        "order_subscription_items",
        "customer_payment_source",
        "customer_payment_source.payment_method",
        "customer_payment_source.payment_source",
      ],
    });
    expect(one.order_subscription_items).toHaveLength(2);
    expect(one.customer_payment_source).toMatchObject({
      payment_method: { name: expect.any(String), payment_source_type: "stripe_payments" },
      payment_source: { payment_instrument: { card_last_digits: "4242" } },
    });
    const latest = await mine.customers.orders("cus_ada", {
      filters: { order_subscription_id_eq: "osu_ada_coffee" },
      sort: { created_at: "desc" },
      pageSize: 1,
      include: ["shipping_address", "billing_address", "payment_method", "payment_source"],
    });
    expect([...latest]).toMatchObject([{ number: "1023", shipping_address: { full_name: expect.any(String) } }]);
  });

  test("the address book: own entries alone, without a filter", async () => {
    const book = await mine.customer_addresses.list({ include: ["address"], pageSize: 10 });
    const expected = await rows<{ id: string }>(
      "SELECT id FROM customer_addresses WHERE customer_id = 'cus_ada' ORDER BY id",
    );
    expect(idsOf(book).sort()).toEqual(idsOf(expected));
    for (const { address } of book) {
      expect(address).toMatchObject({
        id: expect.any(String),
        full_name: expect.any(String),
        line_1: expect.any(String),
      });
    }
  });

  test("the wallet: own entries alone, the last changed first, and one is deleted", async () => {
    const read = () =>
      mine.customer_payment_sources.list({ include: ["payment_source"], sort: { updated_at: "desc" }, pageSize: 10 });
    const wallet = await read();
    const expected = await rows<{ id: string }>(
      "SELECT id FROM customer_payment_sources WHERE customer_id = 'cus_ada' ORDER BY updated_at DESC",
    );
    expect(idsOf(wallet)).toEqual(idsOf(expected));
    expect(wallet.map(({ payment_source }) => payment_source?.type)).toContain("paypal_payments");
    const gone = wallet.find(({ payment_source }) => payment_source?.type === "paypal_payments")!;
    await mine.customer_payment_sources.delete(gone.id);
    expect(idsOf(await read())).toEqual(idsOf(wallet).filter((id) => id !== gone.id));
  });
});
