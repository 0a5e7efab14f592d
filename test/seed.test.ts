import bcrypt from "bcrypt";
import pg from "pg";
import { seedBulk } from "../prisma/bulk.js";
import { catalogue } from "../prisma/bulk-sql.js";
import { Shop } from "../prisma/demo/shop.js";
import { seedDemo } from "../prisma/seed.js";
import { enumValues, models } from "../src/graph/model/datamodel.js";
import { createTestDatabase, poolOf, type TestDatabase } from "./support/database.js";

let database: TestDatabase;
let pool: pg.Pool;

beforeEach(async () => {
  database = await createTestDatabase();
  pool = poolOf(database);
});

afterEach(async () => {
  await pool.end();
  await database.drop();
});

async function rows(sql: string, from = pool): Promise<unknown[]> {
  return (await from.query(sql)).rows;
}

async function values(sql: string): Promise<unknown[]> {
  return (await pool.query({ text: sql, rowMode: "array" })).rows.flat();
}

/** A digest of every table's rows. */
async function fingerprint(from = pool): Promise<Record<string, unknown>> {
  const tables = await from.query("SELECT relname FROM pg_stat_user_tables WHERE relname <> '_prisma_migrations'");
  const prints: Record<string, unknown> = {};
  // When this database learned of a request for an anonymization differs from database to database.
  const row = "(to_jsonb(t) - 'anonymization_received_at')::text";
  for (const { relname } of tables.rows) {
    [prints[relname]] = await rows(
      `SELECT count(*)::int, md5(string_agg(${row}, '\n' ORDER BY ${row} COLLATE "C")) FROM "${relname}" t`,
      from,
    );
  }
  return prints;
}

/** Indexes, constraints and triggers, as PostgreSQL writes them. */
const shape = () =>
  values(
    `SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid::regclass::text !~ '^pg_'
     UNION ALL SELECT conname || ' ' || pg_get_constraintdef(oid) || convalidated FROM pg_constraint WHERE conrelid <> 0
     UNION ALL SELECT tgrelid::regclass || ' ' || tgname || ' ' || tgenabled::text FROM pg_trigger WHERE NOT tgisinternal
     ORDER BY 1`,
  );

/** Rows whose kept facts differ from what their other rows say. */
const contradictions = [
  `SELECT id FROM customers c WHERE total_orders_count <>
     (SELECT count(*) FROM orders o WHERE o.customer_id = c.id AND placed_at IS NOT NULL)`,
  `SELECT id FROM customers WHERE status::text <>
     CASE total_orders_count WHEN 0 THEN 'prospect' WHEN 1 THEN 'acquired' ELSE 'repeat' END`,
  `SELECT id FROM orders o WHERE skus_count <>
     (SELECT coalesce(sum(quantity), 0) FROM line_items l WHERE l.order_id = o.id AND item_type = 'skus')`,
  `SELECT id FROM orders o WHERE (total_amount_cents, total_tax_amount_cents) <>
     (SELECT coalesce(sum(l.total_amount_cents), 0), coalesce(sum(tax_amount_cents), 0)
      FROM line_items l WHERE l.order_id = o.id)`,
  `SELECT id FROM orders WHERE total_amount_cents <> subtotal_amount_cents + shipping_amount_cents
     + payment_method_amount_cents + discount_amount_cents + adjustment_amount_cents + gift_card_amount_cents`,
  `SELECT id FROM orders WHERE total_tax_amount_cents <> subtotal_tax_amount_cents + shipping_tax_amount_cents
     + payment_method_tax_amount_cents + adjustment_tax_amount_cents`,
  `SELECT id FROM line_items WHERE total_amount_cents <>
     unit_amount_cents * quantity + coalesce(options_amount_cents, 0)`,
  `SELECT id FROM orders WHERE (placed_at IS NOT NULL) <> (status IN ('placed', 'approved', 'editing', 'cancelled'))`,
  `SELECT id FROM orders WHERE (approved_at IS NULL AND status = 'approved')
     OR (cancelled_at IS NOT NULL) <> (status = 'cancelled')`,
  `SELECT o.id FROM orders o JOIN customers c ON c.id = customer_id WHERE customer_email <> email`,
  `SELECT id FROM returns r WHERE (skus_count, estimated_refund_amount_cents) <>
     (SELECT coalesce(sum(quantity), 0), coalesce(sum(total_amount_cents), 0)
      FROM return_line_items l WHERE l.return_id = r.id)`,
  `SELECT r.id FROM returns r JOIN orders o ON o.id = order_id
     WHERE (r.customer_id, r.currency_code) IS DISTINCT FROM (o.customer_id, o.currency_code)`,
  `SELECT l.id FROM return_line_items l JOIN returns r ON r.id = return_id JOIN line_items i ON i.id = line_item_id
     WHERE i.order_id <> r.order_id OR l.quantity > i.quantity`,
  "SELECT customer_id FROM customer_tags GROUP BY 1 HAVING count(*) > 10",
];

async function expectConsistent() {
  for (const sql of contradictions) expect([sql, await rows(sql)]).toEqual([sql, []]);
  for (const { table, relations } of models.values()) {
    for (const { key, many, to } of Object.values(relations)) {
      if (many) continue;
      const column = key!.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
      const other = models.get(to)!.table;
      const sql = `SELECT a.id FROM "${table}" a JOIN "${other}" b ON b.id = a."${column}" WHERE a.mode <> b.mode`;
      expect([sql, await rows(sql)]).toEqual([sql, []]);
    }
  }
}

describe("demo shop", () => {
  test("is inserted once into an empty database", async () => {
    expect(await seedDemo(pool)).toBe(true);
    const before = await fingerprint();
    expect(await seedDemo(pool)).toBe(false);
    expect(await fingerprint()).toEqual(before);
  });

  test("is inserted once by two servers starting at once, and is the same in every database", async () => {
    expect((await Promise.all([seedDemo(pool), seedDemo(pool)])).sort()).toEqual([false, true]);

    const elsewhere = await createTestDatabase();
    const client = new pg.Client(elsewhere.connectionString);
    await client.connect();
    try {
      expect(await seedDemo(client)).toBe(true);
      expect(await fingerprint(client as never)).toEqual(await fingerprint());
    } finally {
      await client.end();
      await elsewhere.drop();
    }
  });

  test("is not inserted into a database with a customer", async () => {
    await pool.query("INSERT INTO customers (id, mode, email) VALUES ('own', 'live', 'own@example.com')");
    expect(await seedDemo(pool)).toBe(false);
    expect(await values("SELECT id FROM customers")).toEqual(["own"]);
    expect(await values("SELECT count(*)::int FROM addresses")).toEqual([0]);
  });

  describe("has", () => {
    beforeEach(() => seedDemo(pool));

    test("consistent derived facts", expectConsistent);

    test("every status that a screen can show", async () => {
      for (const [type, table, column] of [
        ["CustomerStatus", "customers", "status"],
        ["AnonymizationStatus", "customers", "anonymization_status"],
        ["OrderStatus", "orders", "status"],
        ["OrderPaymentStatus", "orders", "payment_status"],
        ["OrderFulfillmentStatus", "orders", "fulfillment_status"],
        ["ReturnStatus", "returns", "status"],
        ["PaymentSourceType", "payment_sources", "kind"],
        ["PaymentSourceType", "payment_methods", "payment_source_type"],
        ["Mode", "customers", "mode"],
      ] as const) {
        const found = await values(`SELECT DISTINCT ${column}::text FROM ${table} WHERE ${column} IS NOT NULL`);
        expect([table, column, found.sort()]).toEqual([table, column, [...enumValues(type)].sort()]);
      }
    });

    test("rows of every table", async () => {
      const empty = Object.entries(await fingerprint()).filter(([, print]) => (print as { count: number }).count === 0);
      expect(
        empty.map(([table]) => table).filter((table) => [...models.values()].some((m) => m.table === table)),
      ).toEqual([]);
    });

    test("ids with the prefix of their model, and rows that were written once", async () => {
      for (const { name, table, prefix, columns } of models.values()) {
        expect([name, await rows(`SELECT id FROM "${table}" WHERE id !~ '^${prefix}_[a-z0-9_]+$'`)]).toEqual([
          name,
          [],
        ]);
        if (columns.version) {
          expect([name, await rows(`SELECT id FROM "${table}" WHERE version <> 1`)]).toEqual([name, []]);
        }
      }
    });

    test("only e-mail addresses of reserved domains", async () => {
      const dump = JSON.stringify(
        await Promise.all([...models.values()].map(({ table }) => values(`SELECT t::text FROM "${table}" t`))),
      );
      const domains = [...dump.matchAll(/[\w.-]+@([\w.-]+)/g)].map(([, domain]) => domain);
      expect([...new Set(domains)].sort()).toEqual(["anonymized.invalid", "example.com", "example.org"]);
    });

    test("the documented password", async () => {
      const digests = await values("SELECT DISTINCT password_digest FROM customers WHERE has_password");
      expect(digests).toHaveLength(1);
      expect(await bcrypt.compare("correct-horse-9", String(digests[0]))).toBe(true);
      expect(bcrypt.getRounds(String(digests[0]))).toBe(10);
    });

    test("only statistics of an anonymized customer", async () => {
      expect(
        await rows(
          `SELECT DISTINCT first_name, line_1, zip_code, phone, city FROM addresses
           WHERE id IN ('adr_anonymized_home', 'adr_1008_shipping', 'adr_1008_billing')`,
        ),
      ).toEqual([{ first_name: "anonymized", line_1: "anonymized", zip_code: null, phone: null, city: "Bristol" }]);
      expect(await values("SELECT has_password FROM customers WHERE id = 'cus_anonymized'")).toEqual([false]);
    });
  });
});

describe("generated customers", () => {
  test("are inserted once, extended to a larger number, and leave table definitions unchanged", async () => {
    await seedDemo(pool);
    const before = await shape();
    expect(await seedBulk(pool, { customers: 500 })).toBe(500);
    await expectConsistent();
    expect(await shape()).toEqual(before);
    const first = await fingerprint();

    expect(await seedBulk(pool, { customers: 500 })).toBe(0);
    expect(await fingerprint()).toEqual(first);
    expect(await seedBulk(pool, { customers: 100 })).toBe(0);
    expect(await fingerprint()).toEqual(first);

    expect(await seedBulk(pool, { customers: 700 })).toBe(200);
    await expectConsistent();
    expect(await shape()).toEqual(before);
    expect(await values("SELECT max(id) FROM customers WHERE id LIKE 'cus_b0%'")).toEqual(["cus_b0000700"]);
  });

  test("are the same in one run and in two", async () => {
    const elsewhere = await createTestDatabase();
    const other = poolOf(elsewhere);
    try {
      await seedBulk(pool, { customers: 300 });
      await seedBulk(other, { customers: 250 });
      await seedBulk(other, { customers: 300 });
      expect(await fingerprint(other)).toEqual(await fingerprint());
    } finally {
      await other.end();
      await elsewhere.drop();
    }
  });

  test("have realistic proportions", async () => {
    const steps: string[] = [];
    await seedBulk(pool, { customers: 2_000, report: ({ name }) => steps.push(name) });
    expect(steps.at(-1)).toBe("statistics");
    const [count] = (await rows(
      `SELECT (SELECT count(*) FROM customers WHERE total_orders_count = 0)::int AS prospects,
              (SELECT count(*) FROM orders)::int AS orders, (SELECT count(*) FROM line_items)::int AS lines,
              (SELECT count(*) FROM addresses)::int AS addresses, (SELECT max(total_orders_count) FROM customers) AS most`,
    )) as [Record<string, number>];
    expect(count.orders! / 2_000).toBeGreaterThan(3.6);
    expect(count.orders! / 2_000).toBeLessThan(5.6);
    expect(count.lines! / count.orders!).toBeGreaterThan(1.9);
    expect(count.addresses! / 2_000).toBeGreaterThan(2.4);
    expect(count.prospects).toBeGreaterThan(200);
    expect(count.most).toBeGreaterThan(30);
  });

  test("fire no insert triggers, which would scan tables without indexes", async () => {
    await pool.query(
      "CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''%'', TG_RELID::regclass; END'",
    );
    const triggered = (await values(
      `SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger JOIN pg_class ON pg_class.oid = tgrelid
       WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal AND tgtype & 4 > 0`,
    )) as string[];
    expect(triggered).toEqual(expect.arrayContaining(["orders", "customer_addresses", "customer_payment_sources"]));
    // The few rows that all customers share go in before, with indexes and triggers.
    const shared = catalogue.map((sql) => /^INSERT INTO "(\w+)"/.exec(sql)![1]!);
    for (const table of triggered.filter((name) => !shared.includes(name))) {
      await pool.query(`CREATE TRIGGER fail BEFORE INSERT ON ${table} FOR EACH STATEMENT EXECUTE FUNCTION fail()`);
    }
    expect(await seedBulk(pool, { customers: 50 })).toBe(50);
    await pool.query("DROP FUNCTION fail() CASCADE");
    await expectConsistent();
  });

  test("are rolled back completely when a step fails", async () => {
    const before = await fingerprint();
    const form = await shape();
    await pool.query("ALTER TABLE event_stores ADD CONSTRAINT refuse CHECK (resource_id <> 'cus_b0000017')");
    await expect(seedBulk(pool, { customers: 20 })).rejects.toThrow("refuse");
    await pool.query("ALTER TABLE event_stores DROP CONSTRAINT refuse");
    expect(await fingerprint()).toEqual(before);
    expect(await shape()).toEqual(form);
  });
});

test("the demo shop is inserted in an order in which triggers find the referenced rows", () => {
  const shop = new Shop();
  const createdAt = "2026-01-01T00:00:00.000Z";
  const market = { currencyCode: "EUR", createdAt } as const;
  shop.add("LineItem", { id: "lin", orderId: "ord_a", itemType: "skus", quantity: 1, createdAt });
  shop.add("Order", { id: "ord_a", number: "1", paymentSourceId: "pso", marketId: "mkt_1", createdAt });
  shop.add("Order", { id: "ord_b", number: "2", orderSubscriptionId: "osu", createdAt });
  shop.add("PaymentSource", { id: "pso", kind: "wire_transfers", orderId: "ord_a", createdAt });
  shop.add("OrderSubscription", {
    id: "osu",
    number: "3",
    frequency: "daily",
    sourceOrderId: "ord_a",
    createdAt,
    startsAt: createdAt,
  });
  shop.add(
    "Market",
    { id: "mkt_1", name: "One", customerGroupId: "cgr", ...market },
    { id: "mkt_2", name: "Two", ...market },
  );
  shop.add("CustomerGroup", { id: "cgr", name: "Group", createdAt });
  shop.add("Attachment", { id: "att", name: "Note", attachableType: "orders", attachableId: "ord_b", createdAt });
  expect(shop.batches().map((batch) => Object.values(batch).flatMap((rows) => rows.map(({ id }) => id)))).toEqual([
    ["cgr"],
    // All rows of a model go in together, so that they are numbered in their order.
    ["mkt_1", "mkt_2"],
    // Where models refer to each other in a circle, rows go in as soon as they can; two that refer to each other together.
    ["ord_a", "pso"],
    ["lin", "osu"],
    ["ord_b"],
    ["att"],
  ]);
  expect(() => shop.get("Market", "mkt_9")).toThrow("The demo shop has no Market mkt_9.");
});
