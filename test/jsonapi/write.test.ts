import { createJsonApiTest, type JsonApiTest } from "./support.js";

let app: JsonApiTest;
beforeAll(async () => {
  app = await createJsonApiTest();
});
afterAll(() => app.stop());

const staff = {
  kind: "integration",
  owner: { id: "usr_1", firstName: "Vera", lastName: "Staff", email: null },
} as const;
const guest = { kind: "guest" } as const;
const ada = { kind: "customer", id: "cus_ada" } as const;

describe("the official SDK", () => {
  test("creates, updates and deletes a customer", async () => {
    const sdk = await app.sdk(staff);
    const group = { type: "customer_groups", id: "cgr_vip" } as const;
    const made = await sdk.customers.create(
      { email: "Rest@Example.com", password: "long enough 1", metadata: { from: "rest" }, customer_group: group },
      { include: ["customer_group"] },
    );
    expect(made).toMatchObject({
      type: "customers",
      email: "rest@example.com",
      has_password: true,
      metadata: { from: "rest" },
      customer_group: { id: "cgr_vip", name: "VIP" },
    });
    const { id } = made;
    const changed = await sdk.customers.update(
      { id, reference: "R-1", metadata: { only: 1 }, customer_group: sdk.customer_groups.relationship(null) },
      { include: ["customer_group"] },
    );
    expect(changed).toMatchObject({ reference: "R-1", metadata: { only: 1 }, customer_group: null });
    expect(await sdk.customers.update({ id, reference: null })).toMatchObject({
      reference: null,
      metadata: { only: 1 },
    });
    await sdk.customers.delete(id);
    await expect(sdk.customers.retrieve(id)).rejects.toMatchObject({ status: 404 });
  });

  test("adds and removes tags by triggers, and replaces them by the relationship", async () => {
    const sdk = await app.sdk(staff);
    const { id } = await sdk.customers.create({ email: "tagged@example.com" });
    const tags = async () => [...(await sdk.customers.tags(id))].map(({ name }) => name).sort();
    await sdk.customers._add_tags(id, "VIP,unknown,vip");
    expect(await tags()).toEqual(["vip"]);
    await sdk.customers._add_tags(id, "priority,newsletter, nothing");
    expect(await tags()).toEqual(["newsletter", "priority", "vip"]);
    // What is removed is removed after the additions.
    await sdk.customers.update({ id, _add_tags: "gift,vip", _remove_tags: "vip,newsletter" });
    expect(await tags()).toEqual(["gift", "priority"]);
    await sdk.customers.update({ id, tags: [sdk.tags.relationship("tag_vip")] });
    expect(await tags()).toEqual(["vip"]);
    await sdk.customers.update({ id, tags: sdk.tags.relationshipToMany() });
    expect(await tags()).toEqual([]);
  });

  test("requests and cancels an anonymization", async () => {
    const sdk = await app.sdk(staff);
    const { id } = await sdk.customers.create({ email: "erase@example.com" });
    expect(await sdk.customers._request_anonymization(id)).toMatchObject({
      anonymization_status: "requested",
      anonymization_info: { status: "requested", requester: { id: "usr_1", first_name: "Vera", last_name: "Staff" } },
    });
    await sdk.customers._cancel_anonymization(id);
    expect(await sdk.customers.retrieve(id)).toMatchObject({ anonymization_status: "cancelled" });
    await expect(sdk.customers._cancel_anonymization(id)).rejects.toMatchObject({ status: 422 });
  });

  test("moves an order through its states", async () => {
    const sdk = await app.sdk(staff);
    const [market] = await sdk.markets.list({ pageSize: 1 });
    const order = await sdk.orders.create({
      market: { type: "markets", id: market!.id },
      customer: { type: "customers", id: "cus_bruno" },
    });
    expect(order).toMatchObject({ status: expect.stringMatching(/draft|pending/) });
    await sdk.orders.delete(order.id);
    const placed = await sdk.orders.list({ filters: { status_eq: "placed" }, pageSize: 2 });
    expect(await sdk.orders._approve(placed[0]!.id)).toMatchObject({ status: "approved" });
    expect(await sdk.orders._cancel(placed[1]!.id)).toMatchObject({ status: "cancelled" });
    expect(await sdk.orders._archive(placed[1]!.id)).toMatchObject({ archived_at: expect.any(String) });
    await expect(sdk.orders._place(placed[1]!.id)).rejects.toMatchObject({
      status: 422,
      errors: [{ code: "VALIDATION_ERROR", source: { pointer: "/data/attributes/_place" } }],
    });
  });

  test.each([
    ["a customer", ada],
    ["the shop", staff],
  ] as const)("creates an address and puts it into an address book: %s", async (_, as) => {
    const sdk = await app.sdk(as);
    const address = await sdk.addresses.create({
      first_name: "Ada",
      last_name: "Lovelace",
      line_1: "Via Roma 1",
      city: "Torino",
      zip_code: "10121",
      country_code: "IT",
      phone: "+39 011 5550 100",
    });
    expect(address).toMatchObject({ type: "addresses", full_name: "Ada Lovelace", country_code: "IT" });
    const entry = await sdk.customer_addresses.create(
      {
        customer_email: "ada@example.com",
        customer: sdk.customers.relationship("cus_ada"),
        address: sdk.addresses.relationship(address.id),
      },
      { include: ["address", "customer"] },
    );
    expect(entry).toMatchObject({ address: { id: address.id, line_1: "Via Roma 1" }, customer: { id: "cus_ada" } });
    expect(await sdk.addresses.update({ id: address.id, line_2: "Scala B" })).toMatchObject({ line_2: "Scala B" });
    await expect(sdk.addresses.delete(address.id)).rejects.toMatchObject({ status: 423 });
    await sdk.customer_addresses.delete(entry.id);
    await expect(sdk.addresses.retrieve(address.id)).rejects.toMatchObject({ status: 404 });
    await expect(
      sdk.customer_addresses.create({
        customer_email: "ada@example.com",
        customer: sdk.customers.relationship("cus_ada"),
        address: sdk.addresses.relationship(address.id),
      }),
    ).rejects.toMatchObject({ errors: [{ source: { pointer: "/data/relationships/address" } }] });
  });

  test("adds, changes and removes line items of a cart", async () => {
    const sdk = await app.sdk(ada);
    const order = await sdk.orders.create({ market: { type: "markets", id: "mkt_europe" } });
    const line = await sdk.line_items.create(
      { sku_code: "MUG-BLUE", quantity: 2, order: sdk.orders.relationship(order.id) },
      { include: ["order"] },
    );
    expect(line).toMatchObject({ sku_code: "MUG-BLUE", quantity: 2, order: { id: order.id, status: "pending" } });
    expect(await sdk.line_items.update({ id: line.id, quantity: 3 })).toMatchObject({ quantity: 3 });
    expect(await sdk.orders.retrieve(order.id)).toMatchObject({ skus_count: 3 });
    await expect(sdk.line_items.update({ id: line.id, unit_amount_cents: 1 })).rejects.toMatchObject({ status: 401 });
    await sdk.line_items.delete(line.id);
    expect(await sdk.orders.retrieve(order.id)).toMatchObject({ skus_count: 0, status: "draft" });
  });

  test.each([
    ["a customer", ada],
    ["the shop", staff],
  ] as const)("makes a return, and adds, changes and removes its lines: %s", async (_, as) => {
    const sdk = await app.sdk(as);
    const draft = await sdk.returns.create({ order: sdk.orders.relationship("ord_1016") });
    expect(draft).toMatchObject({ status: "draft", skus_count: 0, estimated_refund_amount_cents: 0 });
    await expect(sdk.returns._request(draft.id)).rejects.toMatchObject({
      status: 422,
      errors: [{ source: { pointer: "/data/attributes/_request" } }],
    });
    const bought = await sdk.line_items.retrieve("lin_1016_1");
    const given = {
      quantity: 1,
      return_reason: { size: "was wrong" },
      return: sdk.returns.relationship(draft.id),
      line_item: sdk.line_items.relationship(bought.id),
    };
    await expect(sdk.return_line_items.create({ ...given, quantity: bought.quantity + 1 })).rejects.toMatchObject({
      status: 422,
      errors: [{ source: { pointer: "/data/attributes/quantity" } }],
    });
    await expect(
      sdk.return_line_items.create({ ...given, line_item: sdk.line_items.relationship("lin_1001_1") }),
    ).rejects.toMatchObject({ errors: [{ source: { pointer: "/data/relationships/line_item" } }] });
    const line = await sdk.return_line_items.create(given, { include: ["return", "line_item"] });
    expect(line).toMatchObject({
      ...{ quantity: 1, return_reason: { size: "was wrong" }, sku_code: bought.sku_code },
      ...{ return: { id: draft.id, skus_count: 1 }, line_item: { id: bought.id } },
    });
    expect(line.total_amount_cents).toBeGreaterThan(0);
    expect(line.return!.estimated_refund_amount_cents).toBe(line.total_amount_cents);
    expect(await sdk.return_line_items.update({ id: line.id, return_reason: { chip: true } })).toMatchObject({
      return_reason: { chip: true },
    });
    await sdk.return_line_items.delete(line.id);
    expect(await sdk.returns.retrieve(draft.id)).toMatchObject({ skus_count: 0, estimated_refund_amount_cents: 0 });
    await expect(sdk.return_line_items.retrieve(line.id)).rejects.toMatchObject({ status: 404 });
    await sdk.return_line_items.create(given);
    expect(await sdk.returns._request(draft.id)).toMatchObject({ status: "requested" });
    await sdk.returns._cancel(draft.id);
  });

  test("reads the audit trail of any resource", async () => {
    const sdk = await app.sdk(staff);
    const { id } = await sdk.customer_groups.create({ name: "Trail" });
    await sdk.customer_groups.update({ id, name: "Trailed" });
    expect([...(await sdk.customer_groups.event_stores(id))]).toMatchObject([
      { event: "update", payload: { name: { from: "Trail", to: "Trailed" } } },
      { event: "create", resource_type: "customer_groups", resource_id: id },
    ]);
    const shopper = await app.sdk(ada);
    await expect(shopper.markets.event_stores("mkt_europe")).rejects.toMatchObject({ status: 401 });
  });

  test("resets a password", async () => {
    const sdk = await app.sdk(staff);
    await sdk.customers.create({ email: "forgot@example.com", password: "the first one" });
    const reset = await sdk.customer_password_resets.create({ customer_email: "forgot@example.com" });
    expect(reset.reset_password_token).toEqual(expect.any(String));
    const shop = await app.sdk(guest);
    const wrong = { id: reset.id, customer_password: "the second one", _reset_password_token: "wrong" };
    await expect(shop.customer_password_resets.update(wrong)).rejects.toMatchObject({
      status: 422,
      errors: [{ source: { pointer: "/data/attributes/_reset_password_token" } }],
    });
    await sdk.customer_password_resets.update({ ...wrong, _reset_password_token: reset.reset_password_token! });
    expect(await sdk.customer_password_resets.retrieve(reset.id)).toMatchObject({
      reset_password_at: expect.any(String),
    });
  });

  test("signs a customer up with the token of a guest", async () => {
    const sdk = await app.sdk(guest);
    const made = await sdk.customers.create({ email: "new-guest@example.com", password: "long enough 2" });
    expect(made).toMatchObject({ email: "new-guest@example.com", has_password: true });
    await expect(sdk.customers.retrieve(made.id)).rejects.toMatchObject({ status: 401 });
  });

  test("is told by error objects what is wrong", async () => {
    const sdk = await app.sdk(staff);
    await expect(sdk.customers.create({ email: "ada@example.com" })).rejects.toMatchObject({
      status: 422,
      errors: [
        {
          code: "VALIDATION_ERROR",
          title: "has already been taken",
          detail: "email - has already been taken",
          source: { pointer: "/data/attributes/email" },
          meta: { error: "taken" },
        },
      ],
    });
    await expect(sdk.customers.create({} as { email: string })).rejects.toMatchObject({
      errors: [{ title: "can't be blank", detail: "email - can't be blank", meta: { error: "blank" } }],
    });
    await expect(sdk.customers.delete("cus_ada")).rejects.toMatchObject({ status: 423 });
  });
});

test("a reset for an address that nobody has is answered like any other", async () => {
  const create = async (email: string) => {
    const body = { data: { type: "customer_password_resets", attributes: { customer_email: email } } };
    const { status, body: answer } = await app.request("/api/customer_password_resets", {
      method: "POST",
      body,
      as: staff,
    });
    return [status, typeof answer.data.id, typeof answer.data.attributes.reset_password_token];
  };
  expect(await create("nobody-at-all@example.com")).toEqual(await create("ada@example.com"));
});

test("sales channels cannot tag nor erase", async () => {
  for (const attributes of [
    { _add_tags: "vip" },
    { _add_tags: "unknown" },
    { _remove_tags: "vip" },
    { _request_anonymization: true },
  ]) {
    const body = { data: { type: "customers", id: "cus_ada", attributes } };
    const reply = await app.request("/api/customers/cus_ada", { method: "PATCH", body, as: ada });
    expect([reply.status, reply.body.errors[0].code]).toEqual([401, "UNAUTHORIZED"]);
  }
});

test("a request changes all or nothing", async () => {
  const attributes = { reference: "half", _cancel_anonymization: true };
  const body = { data: { type: "customers", id: "cus_bruno", attributes } };
  const reply = await app.request("/api/customers/cus_bruno", { method: "PATCH", body, as: staff });
  expect([reply.status, reply.body.errors[0].source]).toEqual([
    422,
    { pointer: "/data/attributes/_cancel_anonymization" },
  ]);
  const { body: after } = await app.request("/api/customers/cus_bruno");
  expect(after.data.attributes.reference).not.toBe("half");
});

test("a retry with the same Idempotency-Key gives the first resource", async () => {
  const send = (email: string) =>
    app.request("/api/customers", {
      method: "POST",
      as: staff,
      headers: { "idempotency-key": "order-of-things" },
      body: { data: { type: "customers", attributes: { email } } },
    });
  const [first, second, other] = [
    await send("once@example.com"),
    await send("once@example.com"),
    await send("b@example.com"),
  ];
  expect([first.status, second.status]).toEqual([201, 201]);
  expect(second.body.data.id).toBe(first.body.data.id);
  expect(first.headers.get("location")).toBe(first.body.data.links.self);
  expect(other.status).toBe(400);
});

const customer = (rest: object) => ({ data: { type: "customers", ...rest } });
test.each<[string, unknown, number, string, string | undefined]>([
  ["no JSON", "{", 400, "BAD_REQUEST", ""],
  ["a list", [], 400, "BAD_REQUEST", ""],
  ["no data", {}, 400, "PARAM_MISSING", "/data"],
  [
    "a key twice",
    '{"data":{"type":"customers","attributes":{"email":"a","email":"b"}}}',
    400,
    "BAD_REQUEST",
    "/data/attributes/email",
  ],
  ["another type", { data: { type: "orders" } }, 400, "TYPE_MISMATCH", "/data/type"],
  ["an id", customer({ id: "cus_1" }), 400, "PARAM_NOT_ALLOWED", "/data/id"],
  [
    "an unknown attribute",
    customer({ attributes: { emial: "a" } }),
    400,
    "PARAM_NOT_ALLOWED",
    "/data/attributes/emial",
  ],
  [
    "a read only attribute",
    customer({ attributes: { status: "repeat" } }),
    400,
    "PARAM_NOT_ALLOWED",
    "/data/attributes/status",
  ],
  [
    "an unknown trigger",
    customer({ attributes: { _place: true } }),
    400,
    "PARAM_NOT_ALLOWED",
    "/data/attributes/_place",
  ],
  [
    "an unknown relationship",
    customer({ relationships: { grup: { data: null } } }),
    400,
    "PARAM_NOT_ALLOWED",
    "/data/relationships/grup",
  ],
  [
    "a relationship without data",
    customer({ relationships: { customer_group: {} } }),
    400,
    "PARAM_NOT_ALLOWED",
    "/data/relationships/customer_group",
  ],
  [
    "a relationship of another type",
    customer({
      attributes: { email: "x@example.com" },
      relationships: { customer_group: { data: { type: "tags", id: "tag_vip" } } },
    }),
    400,
    "PARAM_NOT_ALLOWED",
    "/data/relationships/customer_group/data/type",
  ],
  [
    "a relationship to nothing",
    customer({
      attributes: { email: "x@example.com" },
      relationships: { customer_group: { data: { type: "customer_groups", id: "cgr_none" } } },
    }),
    422,
    "VALIDATION_ERROR",
    "/data/relationships/customer_group",
  ],
  [
    "a tag that there is not",
    customer({
      attributes: { email: "x@example.com" },
      relationships: { tags: { data: [{ type: "tags", id: "tag_none" }] } },
    }),
    422,
    "VALIDATION_ERROR",
    "/data/relationships/tags/data/0",
  ],
  ["a number as a text", customer({ attributes: { email: 5 } }), 422, "VALIDATION_ERROR", "/data/attributes/email"],
  [
    "metadata that is no object",
    customer({ attributes: { email: "x@example.com", metadata: [] } }),
    422,
    "VALIDATION_ERROR",
    "/data/attributes/metadata",
  ],
])("creating with %s is refused with an error object", async (_, body, status, code, pointer) => {
  const reply = await app.request("/api/customers", { method: "POST", body, as: staff });
  expect([reply.status, reply.body.errors[0].code, reply.body.errors[0].source?.pointer]).toEqual([
    status,
    code,
    pointer,
  ]);
  expect(reply.body.errors[0].detail).not.toBe("");
});

test("a wrong parameter of a write is refused before anything is changed", async () => {
  const body = customer({ attributes: { email: "early@example.com" } });
  const reply = await app.request("/api/customers?include=oders", { method: "POST", body, as: staff });
  expect([reply.status, reply.body.errors[0].code]).toEqual([400, "INVALID_INCLUDE"]);
  const { body: found } = await app.request("/api/customers?filter[q][email_eq]=early@example.com");
  expect(found.meta.record_count).toBe(0);
});

test("methods that an address does not take are refused, and named", async () => {
  const reply = await app.request("/api/customers", { method: "DELETE" });
  expect([reply.status, reply.headers.get("allow")]).toEqual([405, "GET, HEAD, POST"]);
  const media = await app.request("/api/customers", {
    method: "POST",
    body: {},
    headers: { "content-type": "application/json" },
  });
  expect([media.status, media.body.errors[0].code]).toEqual([415, "UNSUPPORTED_MEDIA_TYPE"]);
});
