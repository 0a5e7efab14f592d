import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import bcrypt from "bcrypt";
import { knownTypes } from "../../src/import/resource.js";
import { createImportTest, customer, type ImportTest, lineItem, order, type Resource, ref, refs } from "./support.js";

const shopFile = new URL("fixtures/shop.json", import.meta.url).pathname;
const shop: { data: Resource[]; included: Resource[] } = JSON.parse(readFileSync(shopFile, "utf8"));
const shopResources = [...shop.data, ...shop.included].filter(({ type }) => knownTypes.has(type));

let db: ImportTest;
beforeAll(async () => {
  db = await createImportTest();
});
beforeEach(() => db.clear());
afterAll(() => db.end());

/** Every row with its physical version: equal if nothing was written. */
async function everything(database = db): Promise<Record<string, unknown[]>> {
  const tables = await database.rows(
    "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = 'public' AND table_name !~ '^_'",
  );
  const all: Record<string, unknown[]> = {};
  for (const { name } of tables)
    all[name] = await database.rows(`SELECT t.xmin::text, t.* FROM "${name}" t ORDER BY 2, 3`);
  return all;
}

/** Derived facts that disagree with the facts that they follow from. */
async function disagreements(): Promise<unknown[]> {
  return db.rows(`
    SELECT 'customers', id FROM customers c CROSS JOIN LATERAL (
      SELECT count(*) AS placed FROM orders o WHERE o.customer_id = c.id AND o.placed_at IS NOT NULL) o
    WHERE total_orders_count <> placed OR has_password <> (password_digest IS NOT NULL)
      OR status::text <> CASE placed WHEN 0 THEN 'prospect' WHEN 1 THEN 'acquired' ELSE 'repeat' END
    UNION ALL
    SELECT 'orders', id FROM orders o WHERE skus_count <> (
      SELECT coalesce(sum(quantity), 0) FROM line_items l WHERE l.order_id = o.id AND item_type = 'skus')
      OR editable <> (status IN ('draft', 'pending', 'editing'))
    UNION ALL
    SELECT 'returns', id FROM returns r WHERE (skus_count, estimated_refund_amount_cents) <> (
      SELECT coalesce(sum(quantity) FILTER (WHERE sku_code IS NOT NULL), 0), coalesce(sum(total_amount_cents), 0)
      FROM return_line_items l WHERE l.return_id = r.id)`);
}

describe("import of a document with every attribute", () => {
  test("the document states every attribute and relationship of the datamodel", () => {
    const missing = [...knownTypes].flatMap(([type, { attributes, relationships }]) => {
      const said = shopResources.filter((resource) => resource.type === type);
      const names = (part: "attributes" | "relationships") =>
        new Set(said.flatMap((one) => Object.keys(one[part] ?? {})));
      return [
        ...[...attributes].filter(
          ([name, { is }]) => is !== "tag names" && is !== "derived" && !names("attributes").has(name),
        ),
        // The other direction of a relationship, and what any resource may have.
        ...[...relationships].filter(
          ([name, { is }]) => is.startsWith("reference") && !names("relationships").has(name),
        ),
      ].map(([name]) => `${type}.${name}`);
    });
    // Only the one stripe payment belongs to an order; reasons are the gateway's own.
    expect(missing.filter((name) => !/_payments\.order$|wire_transfers\.order$/.test(name))).toEqual([]);
  });

  test("creates every resource; importing it again changes none", async () => {
    const first = await db.run([shopFile]);
    expect(first.issues).toEqual([]);
    for (const { type, id } of shopResources)
      expect([type, id, first.counts[type]!.slice(1)]).toEqual([type, id, [0, 0, 0]]);
    expect(Object.values(first.counts).reduce((sum, [created]) => sum + created, 0)).toBe(shopResources.length);
    expect(first.summary.recomputed.filter(({ contradicted }) => contradicted > 0)).toEqual([]);
    expect(first.summary.leftOut).toContainEqual({ name: "markets.shared_secret", count: 1, contradicted: 0 });
    expect(first.summary.leftOut).toContainEqual({ name: "shipments", count: 1, contradicted: 0 });
    expect(await disagreements()).toEqual([]);

    const before = await everything();
    const second = await db.run([shopFile]);
    expect(second.issues).toEqual([]);
    for (const counts of Object.values(second.counts)) expect([counts[0], counts[1], counts[3]]).toEqual([0, 0, 0]);
    expect(await everything()).toEqual(before);
  });

  test("stores every attribute and relationship as stated", async () => {
    await db.run([shopFile]);
    for (const { type, id, attributes = {}, relationships = {} } of shopResources) {
      const known = knownTypes.get(type)!;
      const [row] = await db.rows(`SELECT * FROM "${known.model.table}" WHERE id = $1`, [id]);
      for (const [name, value] of Object.entries(attributes)) {
        const attribute = known.attributes.get(name);
        if (attribute?.is === "own") expect([type, name, row.attributes[name]]).toEqual([type, name, value]);
        if (attribute?.is === "derived" && attribute.column)
          expect([type, name, row[name]]).toEqual([type, name, value]);
        if (attribute?.is !== "stored") continue;
        const stored = row[name] instanceof Date ? row[name].toISOString() : row[name];
        const plain = (v: unknown) => (typeof v === "string" ? v.trim().toLowerCase() : v);
        expect([type, name, plain(stored)]).toEqual([type, name, plain(value)]);
      }
      for (const [name, { data }] of Object.entries(relationships)) {
        const relationship = known.relationships.get(name);
        if (relationship?.is !== "reference") continue;
        // A return goes to a copy of its stock location's address.
        if (name === "destination_address") continue;
        expect([type, name, row[relationship.column.column]]).toEqual([
          type,
          name,
          (data as { id: string } | null)?.id ?? null,
        ]);
      }
    }
    expect(await db.rows("SELECT * FROM customer_tags ORDER BY 1, 2")).toEqual([
      { customer_id: "cus_anna", tag_id: "tag_loyal" },
      { customer_id: "cus_anna", tag_id: "tag_press" },
    ]);
    const [anna] = await db.rows("SELECT * FROM customers WHERE id = 'cus_anna'");
    expect(anna).toMatchObject({
      email: "anna.bianchi@example.com",
      status: "repeat",
      total_orders_count: 2,
      version: 1,
    });
    expect(anna.anonymization_requested_at).toEqual(new Date("2025-03-15T11:39:21Z"));
    expect(await bcrypt.compare("correct horse battery", anna.password_digest)).toBe(true);
    // Lists alone say what these are about.
    expect(await db.rows("SELECT attachable_type, attachable_id FROM attachments WHERE id = 'att_invoice'")).toEqual([
      { attachable_type: "orders", attachable_id: "ord_first" },
    ]);
    expect(
      await db.rows("SELECT customer_id, currency_code FROM orders WHERE id IN ('ord_cart', 'ord_second') ORDER BY id"),
    ).toEqual([
      { customer_id: "cus_anna", currency_code: null },
      { customer_id: "cus_anna", currency_code: "EUR" },
    ]);
    // An e-mail alone says whose these are.
    expect(await db.rows("SELECT customer_id FROM customer_subscriptions WHERE id = 'csu_offers'")).toEqual([
      { customer_id: "cus_ben" },
    ]);
    expect(await db.rows("SELECT customer_id FROM customer_addresses WHERE id = 'cad_office'")).toEqual([
      { customer_id: "cus_anna" },
    ]);
    expect(await db.rows("SELECT id, slug FROM sku_lists ORDER BY id")).toEqual([
      { id: "skl_again", slug: "wishes" },
      { id: "skl_cafe", slug: "cafe-creme" },
      { id: "skl_wishes", slug: "wishes" },
    ]);
    // A new market goes on counting.
    expect(
      (await db.rows("INSERT INTO markets (id, mode, name) VALUES ('m', 'test', 'M') RETURNING number"))[0].number,
    ).toBeGreaterThan(12);
  });

  test("order of resources and form of the file (JSON, JSON Lines, gzip) make no difference", async () => {
    await db.run([shopFile]);
    const before = await everything();
    const backwards = JSON.stringify({ included: [...shop.included].reverse(), data: [...shop.data].reverse() });
    const lines = [...shop.included, ...shop.data].map((resource) => JSON.stringify(resource)).join("\n");
    const documents = shop.data
      .map((one, i) => JSON.stringify({ data: one, included: i ? [] : shop.included }))
      .join("\n");
    for (const content of [backwards, gzipSync(backwards), lines, gzipSync(documents), documents]) {
      const { counts, issues } = await db.run([await db.file("shop", content)]);
      expect(issues).toEqual([]);
      for (const counted of Object.values(counts)) expect([counted[0], counted[1], counted[3]]).toEqual([0, 0, 0]);
    }
    expect(await everything()).toEqual(before);
  });

  test("reversed or split over several files, it gives the same rows in an empty database", async () => {
    await db.run([shopFile]);
    const content = async (database: ImportTest) => {
      const all = await everything(database);
      // What differs by nature: physical versions, generated identifiers, times of rows that state none, salts.
      const steady = {
        xmin: 0,
        version: 0,
        shopper_reference: 0,
        profile_id: 0,
        created_at: 0,
        updated_at: 0,
        password_digest: 0,
        number: 0,
      };
      const contents: Record<string, unknown[]> = Object.fromEntries(
        Object.entries(all).map(([name, rows]) => [name, rows.map((row) => ({ ...(row as object), ...steady }))]),
      );
      // Of what the database itself told about the import, ids and the steps between differ; beginnings and events do not.
      const stated = new Set(shopResources.map(({ id }) => id));
      for (const [name, says] of [
        ["events", "name"],
        ["event_stores", "event"],
      ] as const) {
        const rows = contents[name] as Record<string, string>[];
        const told = rows.filter((row) => !stated.has(row.id!) && row[says] !== "update");
        const words = told.map((row) => `${row.resource_type} ${row.resource_id} ${row[says]}`);
        contents[name] = [...rows.filter((row) => stated.has(row.id!)), ...words.sort()];
        expect(words.length).toBeGreaterThan(20);
      }
      return contents;
    };
    const other = await createImportTest();
    try {
      const parts = [...shopResources].reverse().map((resource) => JSON.stringify(resource));
      const files = [parts.slice(0, 20), parts.slice(20)].map((some, i) => other.file(`part${i}`, some.join("\n")));
      const { issues } = await other.run(await Promise.all(files));
      expect(issues).toEqual([]);
      expect(await content(other)).toEqual({
        ...(await content(db)),
        // Of two lists without a slug and one with it, the one with it has it whatever the order.
        sku_lists: (await content(db)).sku_lists,
      });
    } finally {
      await other.end();
    }
  });
});

describe("audit trail of an import", () => {
  test("records the import as author of each change, and keeps imported event_stores as they are", async () => {
    const [entry] = shop.included.filter(({ type, attributes }) => type === "event_stores" && attributes!.created_at);
    await db.run([shopFile]);
    const who = { worker: { id: "import", type: "Import" } };
    const written = await db.rows("SELECT * FROM event_stores WHERE transaction_id IS NOT NULL");
    expect(written.filter((row) => JSON.stringify(row.who) !== JSON.stringify(who))).toEqual([]);
    expect(written.filter(({ resource_id, event }) => resource_id === "cus_anna" && event === "create")).toHaveLength(
      1,
    );
    const [stated] = await db.rows("SELECT * FROM event_stores WHERE id = $1", [entry!.id]);
    expect(stated).toMatchObject({
      ...{ event: entry!.attributes!.event, payload: entry!.attributes!.payload, who: entry!.attributes!.who },
      ...{ customer_id: null, transaction_id: null, resource_version: null },
    });
    const events = await db.rows("SELECT id FROM events WHERE NOT id ~ '^evt_[0-9a-z]{21}$' ORDER BY id");
    expect(events.map(({ id }) => id)).toEqual(["evt_address", "evt_order", "evt_repeat"]);
  });

  test("writes one entry for each changed row, and none for unchanged ones", async () => {
    const customers = Array.from({ length: 50 }, (_, i) => customer(`c${i}`));
    await db.run(customers);
    await db.run([...customers.slice(1), customer("c0", { reference: "new" })]);
    const entries = await db.rows("SELECT resource_id, event, payload FROM event_stores ORDER BY id");
    expect(entries.map(({ event }) => event)).toEqual([...Array(50).fill("create"), "update"]);
    expect(entries.at(-1)).toMatchObject({ resource_id: "c0", payload: { reference: { from: null, to: "new" } } });
  });
});

describe("importing a resource again", () => {
  test("changes stated attributes, keeps the others; null clears", async () => {
    await db.run([
      customer("c", {
        reference: "r",
        tax_exemption_code: "T",
        metadata: { a: 1, b: 2 },
        updated_at: "2025-01-01T00:00:00Z",
      }),
      customer("d"),
      order("o", { total_amount_cents: 100, coupon_code: "C" }, "c"),
      { type: "adyen_payments", id: "p", attributes: { balance: 5, expires_at: "2026-01-01T00:00:00Z" } },
    ]);
    const { counts } = await db.run([
      {
        type: "customers",
        id: "c",
        attributes: { tax_exemption_code: null, metadata: { a: 2 }, updated_at: "2025-01-01T00:00:00Z" },
      },
      { type: "customers", id: "d" },
      {
        type: "orders",
        id: "o",
        attributes: { total_amount_cents: null, coupon_code: null, guest: true },
        relationships: { customer: ref("customers", "d") },
      },
      { type: "adyen_payments", id: "p", attributes: { balance: 4 } },
    ]);
    expect(counts).toEqual({ customers: [0, 1, 1, 0], orders: [0, 1, 0, 0], adyen_payments: [0, 1, 0, 0] });
    expect(
      await db.rows("SELECT email, reference, tax_exemption_code, metadata, updated_at FROM customers WHERE id = 'c'"),
    ).toEqual([
      {
        email: "c@example.com",
        reference: "r",
        tax_exemption_code: null,
        metadata: { a: 2 },
        updated_at: new Date("2025-01-01T00:00:00Z"),
      },
    ]);
    expect(
      await db.rows("SELECT number, total_amount_cents, coupon_code, guest, customer_id, version FROM orders"),
    ).toEqual([
      { number: "N-o", total_amount_cents: 100, coupon_code: null, guest: true, customer_id: "d", version: 2 },
    ]);
    expect(await db.rows("SELECT attributes FROM payment_sources")).toEqual([
      { attributes: { balance: 4, expires_at: "2026-01-01T00:00:00.000Z" } },
    ]);
  });

  test("recalculates customers' status when orders are placed or move", async () => {
    await db.run([
      customer("c"),
      customer("d"),
      order("o", { placed_at: "2025-01-01T00:00:00Z" }, "c"),
      order("p", {}, "c"),
    ]);
    const statuses = "SELECT id, status, total_orders_count AS orders FROM customers ORDER BY id";
    expect(await db.rows(statuses)).toEqual([
      { id: "c", status: "acquired", orders: 1 },
      { id: "d", status: "prospect", orders: 0 },
    ]);
    await db.run([order("p", { placed_at: "2025-01-02T00:00:00Z" }, "d"), order("o", {}, "d")]);
    expect(await db.rows(statuses)).toEqual([
      { id: "c", status: "prospect", orders: 0 },
      { id: "d", status: "repeat", orders: 2 },
    ]);
    expect(await disagreements()).toEqual([]);
  });

  test("keeps a stated null that a trigger would fill in", async () => {
    const resources = [customer("c"), order("o", { customer_email: null }, "c"), order("p", {}, "c")];
    await db.run(resources);
    expect(await db.rows("SELECT customer_email FROM orders ORDER BY id")).toEqual([
      { customer_email: null },
      { customer_email: "c@example.com" },
    ]);
    expect((await db.run(resources)).counts.orders).toEqual([0, 0, 2, 0]);
  });

  test("hashes a password only if it differs", async () => {
    const digest = async () => (await db.rows("SELECT password_digest FROM customers"))[0].password_digest;
    await db.run([customer("c", { password: "first password" })]);
    const first = await digest();
    expect((await db.run([customer("c", { password: "first password" })])).counts.customers).toEqual([0, 0, 1, 0]);
    expect(await digest()).toBe(first);
    await db.run([customer("c", { password: null })]);
    expect(await digest()).toBe(first);
    expect((await db.run([customer("c", { password: "other password" })])).counts.customers).toEqual([0, 1, 0, 0]);
    expect(await bcrypt.compare("other password", await digest())).toBe(true);
  });
});

test("text with NUL or lone surrogates refuses only the resource that has it", async () => {
  const { issues, summary } = await db.run([
    customer("c", { status: "a\0b", has_password: { x: "\ud800" }, jwt_custom_claim: "\0", _tell: null }),
    customer("d", { reference: "\ud800" }),
    { type: "cust\0mers", id: "\0" },
    { ...customer("e"), relationships: { "\0": { data: null } } },
  ]);
  expect(issues.sort()).toEqual([
    "refused customers d /data/1/attributes/reference: must not contain half a surrogate pair",
  ]);
  expect(summary.unknown).toEqual([
    { name: "cust\0mers", count: 1, nearest: "customers" },
    { name: "customers.\0", count: 1, nearest: undefined },
  ]);
  expect(summary.recomputed).toEqual([
    { name: "customers.status", count: 1, contradicted: 1 },
    { name: "customers.has_password", count: 1, contradicted: 1 },
  ]);
});

test("what is unknown is left out and counted, and refused by a strict import", async () => {
  const document: Resource[] = [
    {
      ...customer("c", { colour: "red", anonymization_info: { status: "cancelled", stage: 1 } }),
      relationships: { order: ref("orders", "o"), pets: { data: 5 } },
    },
    {
      type: "attachments",
      id: "a",
      attributes: { name: "Label" },
      relationships: { attachable: ref("shipments", "s") },
    },
    { ...order("o"), relationships: { payment_source: ref("bitcoin_payments", "p"), market: ref("markets", "none") } },
    { type: "order", id: "x" },
  ];
  const { issues, counts, summary } = await db.run(document);
  expect(issues).toEqual(["dangling orders o /data/2/relationships/market: markets none does not exist"]);
  expect(counts).toEqual({ customers: [1, 0, 0, 0], orders: [1, 0, 0, 0] });
  expect(summary.unknown).toEqual([
    { name: "customers.colour", count: 1, nearest: undefined },
    { name: "customers.stage", count: 1, nearest: undefined },
    { name: "customers.order", count: 1, nearest: "orders" },
    { name: "customers.pets", count: 1, nearest: undefined },
    { name: "order", count: 1, nearest: "orders" },
  ]);
  expect(summary.leftOut.map(({ name }) => name)).toEqual(["attachments.attachable", "orders.bitcoin_payments"]);
  const strict = await db.run(document, { strict: true });
  expect(strict.issues.map((issue) => issue.replace(/:.*/, ""))).toEqual([
    "refused customers c /data/0/attributes/colour",
    "refused customers c /data/0/attributes/anonymization_info/stage",
    "refused customers c /data/0/relationships/order",
    "refused customers c /data/0/relationships/pets",
    "refused attachments a /data/1/attributes/attachable_type",
    "refused orders o /data/2/relationships/payment_source/data/type",
    "refused order x /data/3/type",
  ]);
});

test("sku_code_regex that PostgreSQL cannot compile is refused, as by skuListCreate", async () => {
  const list = (id: string, sku_code_regex: string | null): Resource => ({
    ...{ type: "sku_lists", id, attributes: { name: id, slug: id, manual: false, sku_code_regex } },
  });
  const { issues } = await db.run([
    ...[list("known", "^(MUG|CAP)-\\d+$"), list("none", null)],
    ...[list("named", "^(?<kind>MUG)-"), list("property", "^\\p{L}+-")],
  ]);
  expect(issues).toEqual([
    "refused sku_lists named /data/2/attributes/sku_code_regex: must be a valid PostgreSQL regular expression",
    "refused sku_lists property /data/3/attributes/sku_code_regex: must be a valid PostgreSQL regular expression",
  ]);
  expect(await db.rows("SELECT id FROM sku_lists WHERE 'MUG-1' ~ sku_code_regex")).toEqual([{ id: "known" }]);
});

test("an anonymized customer is not restored by an old file", async () => {
  const erased = customer("c", { anonymization_status: "completed", email: "anonymized-1@anonymized.invalid" });
  await db.run([erased, customer("d", { anonymization_status: "requested" })]);
  const old = [customer("c"), customer("d", { anonymization_info: {}, anonymization_status: null })];
  expect((await db.run(old)).issues).toEqual([
    "refused customers c /data/0: was anonymized here: only a document in which it is anonymized too may change it",
  ]);
  expect(await db.rows("SELECT id, email, anonymization_status AS status FROM customers ORDER BY id")).toEqual([
    { id: "c", email: "anonymized-1@anonymized.invalid", status: "completed" },
    { id: "d", email: "d@example.com", status: "requested" },
  ]);
  expect((await db.run([erased])).counts).toEqual({ customers: [0, 0, 1, 0] });
});

describe("import of an anonymized customer's resources", () => {
  const address = (id: string, line_1: string): Resource => ({
    type: "addresses",
    id,
    attributes: { line_1, city: "Town", country_code: "IT", first_name: "Anna" },
  });
  const entry: Resource = {
    type: "customer_addresses",
    id: "ca",
    relationships: { customer: ref("customers", "c"), address: ref("addresses", "home") },
  };
  const note = (id: string, type: string, to: string): Resource => ({
    type: "attachments",
    id,
    attributes: { name: "Note", description: "Anna's" },
    relationships: { attachable: ref(type, to) },
  });
  const bill = (id: string, addressId: string, more: Record<string, unknown> = {}): Resource => ({
    ...order(id, more, "c"),
    relationships: { customer: ref("customers", "c"), billing_address: ref("addresses", addressId) },
  });
  const old = [
    customer("c"),
    address("home", "Old street 1"),
    entry,
    address("bill", "Old street 2"),
    bill("o", "bill"),
    lineItem("l", "o", { name: "For Anna" }),
    note("n", "customers", "c"),
    note("m", "orders", "o"),
    customer("d"),
    address("other", "New street"),
    order("p", {}, "d"),
  ];
  const erase = () =>
    db.rows(`WITH a AS (DELETE FROM customer_addresses), b AS (DELETE FROM attachments), d AS (DELETE FROM addresses WHERE id = 'home'),
      e AS (UPDATE addresses SET line_1 = '-', first_name = NULL WHERE id = 'bill'),
      f AS (UPDATE line_items SET name = NULL), g AS (UPDATE orders SET customer_email = NULL WHERE id = 'o')
      UPDATE customers SET email = 'gone@anonymized.invalid', anonymization_status = 'completed' WHERE id = 'c'`);

  test.each([[old], [old.toReversed()]])("is refused together with the customer", async (files) => {
    await db.run(old);
    await erase();
    const { issues } = await db.run(files);
    const refused = issues.filter((issue) => issue.includes("was anonymized here")).map((issue) => issue.split(" ")[2]);
    expect(refused.sort()).toEqual(["bill", "c", "ca", "home", "l", "m", "n"]);
    expect(await db.rows("SELECT id, line_1 FROM addresses ORDER BY id")).toEqual([
      { id: "bill", line_1: "-" },
      { id: "other", line_1: "New street" },
    ]);
    expect(await db.rows("SELECT id, customer_email AS email FROM orders ORDER BY id")).toEqual([
      { id: "o", email: null },
      { id: "p", email: "d@example.com" },
    ]);
    expect(await db.rows("SELECT 1 FROM customer_addresses UNION ALL SELECT 2 FROM attachments")).toEqual([]);
  });

  test("is refused from other files, as new or changed rows", async () => {
    await db.run(old);
    await erase();
    const news = [
      bill("q", "new"),
      address("new", "Old street 3"),
      lineItem("k", "q"),
      bill("o", "bill", { reference: "r" }),
    ];
    const { issues } = await db.run(news);
    expect(issues.map((issue) => issue.split(": ")[0]).sort()).toEqual([
      "refused addresses new /data/1",
      "refused line_items k /data/2",
      "refused orders o /data/3",
      "refused orders q /data/0",
    ]);
  });

  test("is accepted if the document states the customer as anonymized", async () => {
    const files = [customer("c", { anonymization_status: "completed" }), ...old.slice(1)];
    expect((await db.run(files)).issues).toEqual([]);
    expect((await db.run(files)).issues).toEqual([]);
    files[4] = bill("o", "bill", { reference: "later" });
    expect((await db.run(files)).counts.orders).toEqual([0, 1, 1, 0]);
  });

  test("changes nothing while the anonymization is running", async () => {
    await db.run(old);
    await db.rows("UPDATE customers SET anonymization_status = 'started' WHERE id = 'c'");
    expect((await db.run(old)).issues).toEqual([]);
    const byEmail = order("z", { customer_email: "C@example.com" });
    const ofAnother = { relationships: { order: ref("orders", "p") } };
    const returned = { ...order("y", { customer_email: "c@example.com" }), ...ofAnother, type: "returns" };
    const { issues } = await db.run([customer("c", { reference: "r" }), byEmail, returned]);
    expect(issues.map((issue) => issue.split(": ")[0]).sort()).toEqual([
      "refused customers c /data/0",
      "refused orders z /data/1",
      "refused returns y /data/2",
    ]);
    expect((await db.run([customer("c", { anonymization_status: "failed" })])).issues).toEqual([]);
  });
});

describe("references", () => {
  const market: Resource = { type: "markets", id: "m", attributes: { name: "M", currency_code: "EUR" } };

  test("may lead to resources already in the database", async () => {
    await db.run([customer("c"), market]);
    const resource = {
      ...order("o", {}, "c"),
      relationships: { customer: ref("customers", "c"), market: ref("markets", "m") },
    };
    const { issues } = await db.run([lineItem("l", "o"), resource]);
    expect(issues).toEqual([]);
    expect(
      await db.rows(
        "SELECT o.currency_code AS o, l.currency_code AS l FROM orders o JOIN line_items l ON l.order_id = o.id",
      ),
    ).toEqual([{ o: "EUR", l: "EUR" }]);
  });

  test("are found by e-mail address or code if there is no relationship", async () => {
    const sku: Resource = { type: "skus", id: "s", attributes: { code: "TEA", name: "Tea" } };
    const list: Resource = { type: "sku_lists", id: "k", attributes: { name: "K" } };
    const item: Resource = {
      type: "sku_list_items",
      id: "i",
      attributes: { sku_code: "TEA" },
      relationships: { sku_list: ref("sku_lists", "k") },
    };
    const guest = { ...order("p", { customer_email: "c@example.com" }), relationships: { customer: { data: null } } };
    const { issues } = await db.run([
      order("o", { customer_email: "C@example.com", placed_at: "2025-01-01T00:00:00Z" }),
      ...[guest, order("q", { customer_email: "nobody@example.com" })],
      ...[lineItem("l", "o", { sku_code: "TEA" }), lineItem("m", "o", { sku_code: "NONE" })],
      ...[item, list, sku, customer("c")],
      { type: "customer_subscriptions", id: "n", attributes: { reference: "n", customer_email: "nobody@example.com" } },
    ]);
    expect(issues).toEqual([
      "refused customer_subscriptions n /data/9/attributes/customer_email: must be the email of one of the customers",
    ]);
    expect(
      await db.rows(
        "SELECT id, customer_id AS found FROM orders UNION ALL SELECT id, sku_id FROM line_items UNION ALL SELECT id, sku_id FROM sku_list_items ORDER BY 1",
      ),
    ).toEqual([
      { id: "i", found: "s" },
      { id: "l", found: "s" },
      { id: "m", found: null },
      { id: "o", found: "c" },
      { id: "p", found: null },
      { id: "q", found: null },
    ]);
    expect(await db.rows("SELECT status FROM customers")).toEqual([{ status: "acquired" }]);
  });

  test("that do not exist are reported as dangling; a required one refuses the resource", async () => {
    const { issues, counts, summary } = await db.run([
      {
        ...order("o"),
        relationships: { customer: ref("customers", "nobody"), line_items: refs("line_items", "nothing") },
      },
      lineItem("l", "nowhere"),
      { type: "line_items", id: "m", attributes: { quantity: 1 } },
      { type: "customer_addresses", id: "a", relationships: { customer: ref("customers", "nobody") } },
      {
        type: "attachments",
        id: "n",
        attributes: { name: "N" },
        relationships: { attachable: ref("orders", "nowhere") },
      },
    ]);
    expect(issues.sort()).toEqual(
      [
        "dangling orders o /data/0/relationships/customer: customers nobody does not exist",
        "dangling orders o /data/0/relationships/line_items/data/0: line_items nothing does not exist",
        "refused attachments n /data/4/relationships/attachable: orders nowhere does not exist",
        "refused customer_addresses a /data/3/relationships/address: is missing: new customer_addresses need it",
        "refused customer_addresses a /data/3/relationships/customer: customers nobody does not exist",
        "refused line_items l /data/1/relationships/order: orders nowhere does not exist",
        "refused line_items m /data/2/relationships/order: is missing: new line_items need it",
      ].filter((issue) => !issue.includes("relationships/address")),
    );
    expect(counts).toEqual({
      orders: [1, 0, 0, 0],
      line_items: [0, 0, 0, 2],
      customer_addresses: [0, 0, 0, 1],
      attachments: [0, 0, 0, 1],
    });
    expect(summary).toMatchObject({ refused: 4, dangling: 2, written: true });
  });

  test("to a refused resource are reported, and refuse what requires it", async () => {
    const { issues } = await db.run([
      customer("c", { email: "no" }),
      order("o", { number: null }, "c"),
      lineItem("l", "o"),
    ]);
    expect(issues.sort()).toEqual([
      "refused customers c /data/0/attributes/email: must be an e-mail address of at most 255 characters, without spaces, invisible characters or special forms of letters",
      "refused line_items l /data/2/relationships/order: orders o was refused",
      "refused orders o /data/1/attributes/number: must not be null",
    ]);
  });

  test("are stated by a resource or by its document, before or after its resources", async () => {
    const tagged: Resource = { type: "tags", id: "t", attributes: { name: "vip" } };
    const owner: Resource = {
      ...customer("c"),
      relationships: { orders: refs("orders", "o"), tags: refs("tags", "t") },
    };
    const path = await db.file(
      "modes.json",
      [
        {
          data: [owner, { ...customer("d"), meta: { mode: "test" } }],
          included: [order("o"), tagged],
          meta: { mode: "live" },
        },
        { data: customer("e"), meta: { mode: "live", trace_id: "x" } },
        { meta: { mode: "live" }, data: customer("f") },
        { data: customer("g"), meta: { record_count: 1 } },
        { data: customer("h"), meta: { mode: "test" } },
      ]
        .map((document) => JSON.stringify(document))
        .join("\n"),
    );
    const { issues } = await db.run([path]);
    expect(issues).toEqual([]);
    expect(
      await db.rows("SELECT string_agg(id, '' ORDER BY id) AS ids, mode FROM customers GROUP BY mode ORDER BY mode"),
    ).toEqual([
      { ids: "dgh", mode: "test" },
      { ids: "cef", mode: "live" },
    ]);
    expect(
      await db.rows("SELECT o.mode, customer_id, tag_id FROM orders o JOIN customer_tags USING (customer_id)"),
    ).toEqual([{ mode: "live", customer_id: "c", tag_id: "t" }]);
    const wrong = await db.file("wrong.json", JSON.stringify({ data: customer("x"), meta: { mode: "prod" } }));
    await expect(db.run([wrong])).rejects.toThrow("wrong.json: /meta/mode: must be test or live");
  });

  test("never cross modes; an id of one mode is refused in the other", async () => {
    await db.run([customer("c")], { mode: "live" });
    const { issues } = await db.run([order("o", {}, "c"), customer("c"), { ...customer("d"), meta: { mode: "live" } }]);
    expect(issues.sort()).toEqual([
      "dangling orders o /data/0/relationships/customer: customers c was refused",
      "refused customers c /data/1/meta/mode: must be live, as of the existing row with this id",
    ]);
    expect(await db.rows("SELECT id, mode FROM customers UNION ALL SELECT id, mode FROM orders ORDER BY 1")).toEqual([
      { id: "c", mode: "live" },
      { id: "d", mode: "live" },
      { id: "o", mode: "test" },
    ]);
  });

  test("to a payment source must name its type", async () => {
    const { issues } = await db.run([
      { type: "klarna_payments", id: "p" },
      { ...order("o"), relationships: { payment_source: ref("adyen_payments", "p") } },
      { ...order("p"), relationships: { payment_source: ref("klarna_payments", "p") } },
      { type: "wire_transfers", id: "p" },
    ]);
    expect(issues.sort()).toEqual([
      "dangling orders o /data/1/relationships/payment_source: adyen_payments p does not exist",
      "refused wire_transfers p /data/3/type: must be klarna_payments, as in the first statement of this id",
    ]);
    expect((await db.run([{ type: "wire_transfers", id: "p" }])).issues).toEqual([
      "refused wire_transfers p /data/0/type: must be klarna_payments, as of the existing row with this id",
    ]);
  });

  test("in to-many lists set the foreign keys of the listed resources", async () => {
    await db.run([order("o"), order("p")]);
    const { issues, counts } = await db.run([
      customer("c", {}, { relationships: { orders: refs("orders", "o", "q") } }),
      order("q"),
    ]);
    expect(issues).toEqual([]);
    expect(counts).toEqual({ customers: [1, 0, 0, 0], orders: [1, 1, 0, 0] });
    const owners = "SELECT id, customer_id AS owner FROM orders ORDER BY id";
    expect(await db.rows(owners)).toEqual([
      { id: "o", owner: "c" },
      { id: "p", owner: null },
      { id: "q", owner: "c" },
    ]);
    // A list adds; it may be a page of several, so it takes nothing away.
    const again = await db.run([customer("c", {}, { relationships: { orders: refs("orders") } })]);
    expect([again.counts, await db.rows(owners)]).toMatchObject([
      { customers: [0, 0, 1, 0] },
      [{ owner: "c" }, {}, { owner: "c" }],
    ]);
  });

  test("that contradict each other are refused", async () => {
    await db.run([order("q")]);
    const { issues } = await db.run([
      customer("c", {}, { relationships: { orders: refs("orders", "o", "p", "q") } }),
      customer("d", {}, { relationships: { orders: refs("orders", "p", "q") } }),
      order("o", {}, "d"),
      order("p"),
      { type: "events", id: "e", attributes: { name: "x" } },
    ]);
    expect(issues.sort()).toEqual([
      "dangling customers c /data/0/relationships/orders/data/2: customers d lists orders q too",
      "dangling customers d /data/1/relationships/orders/data/1: customers c lists orders q too",
      "refused events e /data/4/relationships/resource: is missing: new events need it",
      "refused orders o /data/2/relationships/customer: contradicts customers c, which lists it at /data/0/relationships/orders/data/0",
      "refused orders p /data/3/relationships/customer: must be unambiguous: customers c and customers d both list it",
    ]);
  });
});

describe("tags of a resource", () => {
  const tag = (id: string): Resource => ({ type: "tags", id, attributes: { name: id } });
  const tagged = (...ids: string[]) => customer("c", {}, { relationships: { tags: refs("tags", ...ids) } });
  const stored = async () =>
    (await db.rows("SELECT tag_id FROM customer_tags WHERE customer_id = 'c' ORDER BY 1")).map(({ tag_id }) => tag_id);

  test("are replaced by the relationship, and added or removed by _add_tags and _remove_tags", async () => {
    const tags = ["t1", "t2", "t3"].map(tag);
    expect((await db.run([tagged("t1", "t2"), ...tags])).issues).toEqual([]);
    expect(await stored()).toEqual(["t1", "t2"]);
    expect((await db.run([tagged("t2", "t3")])).counts.customers).toEqual([0, 1, 0, 0]);
    expect(await stored()).toEqual(["t2", "t3"]);
    expect((await db.run([tagged("t3", "t2")])).counts.customers).toEqual([0, 0, 1, 0]);
    expect((await db.run([customer("c")])).counts.customers).toEqual([0, 0, 1, 0]);
    expect(await stored()).toEqual(["t2", "t3"]);
    const changed = await db.run([customer("c", { _add_tags: "t1, t3,nix", _remove_tags: "t3" })]);
    expect(changed.issues).toEqual(["dangling customers c /data/0/attributes/_add_tags: there is no tag named nix"]);
    expect(await stored()).toEqual(["t1", "t2"]);
    await db.run([{ ...tag("t3"), relationships: { customers: refs("customers", "c") } }]);
    expect(await stored()).toEqual(["t1", "t2", "t3"]);
    await db.run([tagged()]);
    expect(await stored()).toEqual([]);
  });

  test("that do not exist are reported as dangling; a refused resource keeps its tags", async () => {
    await db.run([tagged("t1"), tag("t1")]);
    expect((await db.run([tagged("t1", "t9")])).issues).toEqual([
      "dangling customers c /data/0/relationships/tags/data/1: tags t9 does not exist",
    ]);
    const refused = { ...tagged(), attributes: { email: "no" } };
    await db.run([refused]);
    expect(await stored()).toEqual(["t1"]);
  });

  test("are at most ten", async () => {
    const tags = Array.from({ length: 11 }, (_, i) => tag(`t${i}`));
    await db.run([...tags, tagged(...tags.slice(0, 9).map(({ id }) => id))]);
    const { issues } = await db.run([customer("c", { _add_tags: "t9,t10" })]);
    expect(issues).toEqual([
      "dangling customers c /data/0/attributes/_add_tags: would make 11 tags: at most 10 are allowed, so they stay unchanged",
    ]);
    expect(await stored()).toHaveLength(9);
  });
});

test("a return copies its stock location's address, without the shop's notes", async () => {
  const stock = {
    first_name: null,
    last_name: null,
    company: "Shop",
    business: true,
    line_1: "Dock 1",
    city: "Milano",
    country_code: "IT",
    notes: "Gate code 4711",
    billing_info: "VAT 1",
    reference: "erp-7",
    metadata: { rent: 9000 },
  };
  const files = [
    customer("c"),
    { type: "addresses", id: "dock", attributes: stock },
    {
      type: "stock_locations",
      id: "l",
      attributes: { name: "L", number: 1 },
      relationships: { address: ref("addresses", "dock") },
    },
    { type: "markets", id: "m", attributes: { name: "M", number: 1, currency_code: "EUR" } },
    {
      type: "orders",
      id: "o",
      attributes: { number: "1", status: "placed", placed_at: "2026-01-01T00:00:00.000Z" },
      relationships: { customer: ref("customers", "c"), market: ref("markets", "m") },
    },
    {
      type: "returns",
      id: "r",
      attributes: { number: "1/R/1", status: "draft" },
      relationships: {
        order: ref("orders", "o"),
        customer: ref("customers", "c"),
        stock_location: ref("stock_locations", "l"),
        destination_address: ref("addresses", "dock"),
      },
    },
  ];
  const look = () =>
    db.rows(
      `SELECT a.id <> 'dock' AS copied, a.company, a.line_1, a.notes, a.billing_info, a.reference, a.metadata, r.version,
         (SELECT count(*)::int FROM addresses) AS addresses
       FROM returns r JOIN addresses a ON a.id = r.destination_address_id`,
    );
  expect((await db.run(files)).issues).toEqual([]);
  const seen = {
    ...{ copied: true, company: "Shop", line_1: "Dock 1", notes: null, billing_info: null, reference: null },
    ...{ metadata: {}, version: 1, addresses: 2 },
  };
  expect(await look()).toEqual([seen]);
  expect((await db.run(files)).issues).toEqual([]);
  expect(await look()).toEqual([seen]);
});

describe("unique values", () => {
  test("a slug is unique among the lists of one customer, or of the shop", async () => {
    const list = (id: string, slug: string | undefined, owner?: string) => ({
      type: "sku_lists",
      id,
      attributes: { name: id, ...(slug && { slug }) },
      ...(owner && { relationships: { customer: ref("customers", owner) } }),
    });
    const first = await db.run([
      customer("c"),
      customer("d"),
      list("a", "s", "c"),
      list("b", "s", "d"),
      list("e", "s"),
    ]);
    expect(first.issues).toEqual([]);
    const { issues } = await db.run([
      list("f", "s", "c"),
      list("g", "s"),
      // It stays as it is, and one goes to where another has the same.
      list("a", undefined),
      list("b", undefined, "c"),
    ]);
    expect(issues.sort()).toEqual([
      "refused sku_lists b /data/3/attributes/slug: is already taken by sku_lists a",
      "refused sku_lists f /data/0/attributes/slug: is already taken by sku_lists a",
      "refused sku_lists g /data/1/attributes/slug: is already taken by sku_lists e",
    ]);
    expect(await db.rows("SELECT id, customer_id FROM sku_lists ORDER BY id")).toEqual([
      { id: "a", customer_id: "c" },
      { id: "b", customer_id: "d" },
      { id: "e", customer_id: null },
    ]);
  });

  test("a slug made of the name reveals nothing of other customers' lists", async () => {
    const list = (id: string, owner?: string) => ({
      type: "sku_lists",
      id,
      attributes: { name: "Coffee corner" },
      ...(owner && { relationships: { customer: ref("customers", owner) } }),
    });
    const first = await db.run([
      customer("c"),
      customer("d"),
      list("a", "c"),
      list("b", "d"),
      list("e"),
      list("f", "c"),
    ]);
    expect(first.issues).toEqual([]);
    expect((await db.run([list("g", "d"), list("h"), list("i", "d")])).issues).toEqual([]);
    expect(await db.rows("SELECT id, slug FROM sku_lists WHERE name = 'Coffee corner' ORDER BY id")).toEqual([
      { id: "a", slug: "coffee-corner" },
      { id: "b", slug: "coffee-corner" },
      { id: "e", slug: "coffee-corner" },
      { id: "f", slug: "coffee-corner-1" },
      { id: "g", slug: "coffee-corner-1" },
      { id: "h", slug: "coffee-corner-1" },
      { id: "i", slug: "coffee-corner-2" },
    ]);
  });

  test("a value taken in the database or in the files is refused", async () => {
    await db.run([customer("c")]);
    const { issues, counts } = await db.run([
      customer("d", { email: "C@example.com" }),
      customer("e"),
      customer("f", { email: "e@example.com" }),
      order("o", { number: "1" }),
      order("p", { number: "1" }),
    ]);
    expect(issues.sort()).toEqual([
      "refused customers d /data/0/attributes/email: is already taken by customers c",
      "refused customers f /data/2/attributes/email: is already taken by customers e",
      "refused orders p /data/4/attributes/number: is already taken by orders o",
    ]);
    expect(counts).toEqual({ customers: [1, 0, 0, 2], orders: [1, 0, 0, 1] });
    expect((await db.run([customer("d", { email: "c@example.com" })], { mode: "live" })).issues).toEqual([]);
  });

  test("a value may be taken from a resource that gives it up later in the file", async () => {
    await db.run([order("o", { number: "1" }), order("p", { number: "2" })]);
    expect((await db.run([order("o", { number: "2" }), order("p", { number: "3" })])).counts.orders).toEqual([
      0, 2, 0, 0,
    ]);
    expect(await db.rows("SELECT id, number FROM orders ORDER BY id")).toEqual([
      { id: "o", number: "2" },
      { id: "p", number: "3" },
    ]);
  });
});

test("a row that PostgreSQL refuses does not stop the other rows of its batch", async () => {
  const orders = Array.from({ length: 40 }, (_, i) => order(`o${i}`));
  orders[17]!.attributes!.total_amount_cents = 2147483647;
  orders[17]!.attributes!.total_tax_amount_cents = 1;
  orders[29]!.attributes!.coupon_code = "x".repeat(100_000).replace(/x/g, () => Math.random().toString(36)[2] ?? "0");
  const { issues, counts } = await db.run([...orders, lineItem("l", "o17"), lineItem("m", "o18")]);
  expect(issues.sort()).toEqual([
    "refused line_items l /data/40/relationships/order: orders o17 was refused",
    "refused orders o17 /data/17: has numbers whose sum or product is beyond 2147483647",
    "refused orders o29 /data/29/attributes/coupon_code: must be a text of at most 255 characters",
  ]);
  expect(counts).toEqual({ orders: [38, 0, 0, 2], line_items: [1, 0, 0, 1] });
});

describe("a resource that is stated twice", () => {
  test("is merged from all its statements", async () => {
    const { issues, counts } = await db.run([
      customer("c", { reference: "r" }),
      customer("c", { tax_exemption_code: "T" }),
      customer("c"),
    ]);
    expect([issues, counts]).toEqual([[], { customers: [1, 0, 0, 0] }]);
    expect(await db.rows("SELECT reference, tax_exemption_code FROM customers")).toEqual([
      { reference: "r", tax_exemption_code: "T" },
    ]);
  });

  test("is reported if they differ; the last statement wins", async () => {
    const { issues } = await db.run([
      customer("c", { reference: "old", email: "old@example.com" }),
      customer("c", { reference: "new" }),
      { ...customer("c"), meta: { mode: "live" } },
    ]);
    expect(issues.sort()).toEqual([
      "refused customers c /data/2/meta/mode: must be test, as in the first statement of this id",
      "repeated customers c /data/0: is stated again later with a different email, reference",
    ]);
    expect(await db.rows("SELECT email, reference FROM customers")).toEqual([
      { email: "c@example.com", reference: "new" },
    ]);
  });
});

describe("updated_at of a resource", () => {
  const at = (day: number) => `2026-01-${String(day).padStart(2, "0")}T00:00:00.000Z`;
  const whole = (day: number | undefined, word: string): Resource[] => {
    const attributes = { reference: word, ...(day && { updated_at: at(day) }) };
    const tags = { tags: refs("tags", word) };
    return [
      { type: "tags", id: word, attributes: { name: word } },
      customer("c", { ...attributes, metadata: { [word]: word } }, { relationships: tags }),
      { ...order("o", attributes, "c"), relationships: { customer: ref("customers", "c"), ...tags } },
      lineItem("l", "o", { ...attributes, quantity: day ?? 9 }),
    ];
  };
  const stored = () =>
    db.rows(`
      SELECT reference, updated_at, (SELECT array_agg(tag_id) FROM customer_tags) AS tags, (SELECT quantity FROM line_items) FROM customers
      UNION ALL SELECT reference, updated_at, (SELECT array_agg(tag_id) FROM order_tags), NULL FROM orders`);

  test("older than the stored row: skipped and reported; equal or absent: imported", async () => {
    await db.run(whole(2, "second"));
    const second = await stored();
    expect(second.map(({ reference, tags }) => [reference, tags])).toEqual(Array(2).fill(["second", ["second"]]));
    const older = await db.run(whole(1, "first"), { strict: true });
    expect(older.issues).toEqual(
      [
        ["customers c", 1],
        ["orders o", 2],
        ["line_items l", 3],
      ].map(
        ([what, i]) =>
          `outdated ${what} /data/${i}/attributes/updated_at: is before ${at(2)}, when the stored row was updated`,
      ),
    );
    expect(older.summary).toMatchObject({ written: true, outdated: 3, refused: 0 });
    expect(older.counts).toMatchObject({ customers: [0, 0, 1, 0], orders: [0, 0, 1, 0], line_items: [0, 0, 1, 0] });
    expect(await stored()).toEqual(second);
    await db.run(whole(2, "same"));
    expect((await stored()).map(({ reference }) => reference)).toEqual(["same", "same"]);
    await db.run(whole(undefined, "timeless"));
    expect((await stored()).map(({ reference, tags }) => [reference, tags])).toEqual(
      Array(2).fill(["timeless", ["timeless"]]),
    );
    // What was changed here in the meantime is newer, too.
    expect((await db.run(whole(3, "third"))).summary.outdated).toBe(3);
  });

  test("decides between statements in the files: the latest wins", async () => {
    const { summary } = await db.run([
      customer("c", { reference: "b", updated_at: at(2) }),
      customer("c", { reference: "a", updated_at: at(1) }),
    ]);
    expect(summary.repeated).toBe(1);
    expect(await db.rows("SELECT reference, updated_at FROM customers")).toEqual([
      { reference: "b", updated_at: new Date(at(2)) },
    ]);
  });
});

describe("--strict", () => {
  test.each([
    ["a refusal", [customer("c"), customer("d", { email: "no" })]],
    ["a refusal by the database", [customer("c"), customer("d", { email: "c@example.com" })]],
    ["a dangling reference", [customer("c"), order("o", {}, "nobody")]],
    ["a dangling tag", [customer("c", {}, { relationships: { tags: refs("tags", "t") } })]],
  ])("writes nothing after %s", async (_, resources) => {
    const before = await everything();
    const { summary } = await db.run(resources, { strict: true });
    expect(summary.written).toBe(false);
    expect(summary.refused + summary.dangling).toBe(1);
    expect(await everything()).toEqual(before);
  });

  test("writes everything if there are no issues", async () => {
    const { summary, issues } = await db.run([shopFile], { strict: true });
    expect([summary.written, issues]).toEqual([true, []]);
    expect(await db.rows("SELECT count(*)::int AS count FROM customers")).toEqual([{ count: 2 }]);
    expect(await disagreements()).toEqual([]);
  });
});

test("a truncated or missing file changes nothing, even if other files are complete", async () => {
  const before = await everything();
  const whole = await db.file("whole.json", JSON.stringify({ data: customer("c") }));
  const broken = await db.file("broken.json", JSON.stringify({ data: [customer("d")] }).slice(0, -5));
  await expect(db.run([whole, broken])).rejects.toThrow(/broken\.json: line 1, \/data\/0: .* truncated/);
  await expect(db.run([whole, "/nowhere"])).rejects.toThrow("/nowhere: no such file");
  expect(await everything()).toEqual(before);
});

test("the first 1,000 issues are listed, all are counted", async () => {
  const resources = [...Array(1500).keys()].map((i) =>
    i % 2 ? customer(`c${i}`, { email: "no" }) : lineItem(`l${i}`, "nowhere"),
  );
  const { issues, summary } = await db.run(resources);
  expect([issues.length, summary.unlisted, summary.refused]).toEqual([1000, 500, 1500]);
});
