import { readFileSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { seedBulk } from "../../prisma/bulk.js";
import { seedDemo } from "../../prisma/seed.js";
import type { Query } from "../../src/database/client.js";
import { customerRows } from "../../src/erasure/customer-rows.js";
import { audits } from "../../src/graph/model/audit.js";
import {
  isShared,
  type ModelName,
  modelNamed,
  modelOfType,
  models,
  type ValuesOf,
} from "../../src/graph/model/datamodel.js";
import { newId } from "../../src/graph/model/ids.js";
import { manifest } from "../../src/graph/model/manifest.js";
import { projectRoot } from "../../src/paths.js";
import { createTestDatabase, poolOf, type TestDatabase } from "../support/database.js";
import type { Untyped } from "../support/operation-data.js";
import { addRows, insert } from "../support/rows.js";

const audited = [...models.values()].filter(({ name }) => audits[name].audited);
const joins = [...models.values()].flatMap(({ name, relations }) =>
  name !== "Tag" && relations.tags?.through ? [relations.tags.through.table] : [],
);

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

interface Entry {
  id: string;
  mode: string;
  resource_type: string;
  resource_id: string;
  event: string;
  payload: Record<string, Untyped>;
  who: unknown;
  customer_id: string | null;
  resource_version: number | null;
  transaction_id: string | null;
  created_at: Date;
  updated_at: Date;
}

interface Written {
  entries: Entry[];
  /** `customers.create cus_a` */
  events: string[];
  transaction: string;
}

/** A statement, or what sends one. */
type Step = string | ((query: Query) => Promise<unknown>);

/** Runs statements in one transaction and gives what they wrote, in the order of the ids. */
async function written(...steps: Step[]): Promise<Written> {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const { rows } = await client.query("SELECT pg_current_xact_id()::text AS id");
    const query: Query = async (text, values) =>
      (await client.query({ text, values: [...values], rowMode: "array" })).rows;
    for (const step of steps) await (typeof step === "string" ? client.query(step) : step(query));
    const own = "WHERE xmin = pg_current_xact_id()::xid ORDER BY id";
    const entries = (await client.query(`SELECT * FROM event_stores ${own}`)).rows;
    const events = (await client.query(`SELECT name || ' ' || resource_id AS event FROM events ${own}`)).rows;
    await client.query("COMMIT");
    return { entries, events: events.map(({ event }) => event), transaction: rows[0].id };
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

/** `update customers cus_a` */
const named = ({ event, resource_type, resource_id }: Entry) => `${event} ${resource_type} ${resource_id}`;
const customerOf = ({ entries }: Written) =>
  Object.fromEntries(entries.map(({ resource_type, customer_id }) => [resource_type, customer_id]));

const customer = (id: string, values: ValuesOf<"Customer"> = {}) => row("Customer", { id, ...values });
const order = (id: string, values: ValuesOf<"Order"> = {}) => row("Order", { id, ...values });
const address = (id: string, values: ValuesOf<"Address"> = {}) => row("Address", { id, ...values });
const tag = (name: string) => row("Tag", { id: `tag_${name}`, name });
const tagged = (id: string, ...names: string[]) =>
  `INSERT INTO customer_tags VALUES ${names.map((name) => `('${id}', 'tag_${name}')`)}`;

function row<M extends ModelName>(name: M, values: ValuesOf<M>): Step {
  return (query) => insert(query, name, values);
}

describe("audit entries", () => {
  test("an insert records all attributes that are not null, from null", async () => {
    const { entries, events, transaction } = await written(
      row("Market", { id: "mkt", name: "Europe", number: 7, disabledAt: new Date("2026-01-02T04:05:06.7+01:00") }),
    );
    expect(entries).toEqual([
      {
        id: expect.stringMatching(/^est_[0-9a-z]{21}$/),
        mode: "test",
        resource_type: "markets",
        resource_id: "mkt",
        event: "create",
        payload: {
          name: { from: null, to: "Europe" },
          number: { from: null, to: 7 },
          private: { from: null, to: false },
          disabled_at: { from: null, to: "2026-01-02T03:05:06.700Z" },
          metadata: { from: null, to: {} },
        },
        who: {},
        customer_id: null,
        resource_version: 1,
        transaction_id: transaction,
        created_at: expect.any(Date),
        updated_at: entries[0]!.created_at,
      },
    ]);
    expect(Math.abs(entries[0]!.created_at.getTime() - Date.now())).toBeLessThan(60_000);
    expect(events).toEqual([]);
  });

  test("an update records the changed attributes, derived ones included, and the new version", async () => {
    await written(customer("a", { metadata: { x: 1 }, taxExemptionCode: "T" }));
    const { entries, events } = await written(
      `UPDATE customers SET email = 'b@example.com', metadata = '{"x": 2}', tax_exemption_code = NULL,
         password_digest = 'digest'`,
    );
    expect(entries.map(named)).toEqual(["update customers a"]);
    expect(entries[0]).toMatchObject({ resource_version: 2, customer_id: "a" });
    expect(entries[0]!.payload).toEqual({
      email: { from: "a@example.com", to: "b@example.com" },
      metadata: { from: { x: 1 }, to: { x: 2 } },
      tax_exemption_code: { from: "T", to: null },
      password: { from: null, to: "***" },
      has_password: { from: false, to: true },
    });
    expect(events).toEqual(["customers.create_password a", "customers.metadata_update a"]);
  });

  test("a delete has an empty payload", async () => {
    await written(customer("a", { metadata: { x: 1 } }));
    const { entries, events } = await written("DELETE FROM customers");
    expect(entries.map(named)).toEqual(["destroy customers a"]);
    expect(entries[0]).toMatchObject({ payload: {}, customer_id: "a", resource_version: 1 });
    expect(events).toEqual(["customers.destroy a"]);
  });

  test("an address's derived texts are left out, its derived facts kept", async () => {
    const [entry] = (await written(address("adr", { firstName: "Ada", lat: 1, lng: 2 }))).entries;
    expect(Object.keys(entry!.payload).sort()).toEqual(
      "business city country_code first_name is_geocoded is_localized lat line_1 lng metadata".split(" "),
    );
  });

  test("an update that changes nothing writes no entry", async () => {
    await written(customer("a"), tag("vip"), tagged("a", "vip"));
    const { entries, events } = await written(
      "UPDATE customers SET email = email",
      "UPDATE customers SET updated_at = '2020-01-01'",
      "UPDATE customers SET anonymization_reason = 'because', anonymization_cancellation_reason = 'because'",
      "UPDATE customers SET email = 'x@example.com' WHERE id = 'nobody'",
      `INSERT INTO customers (id, mode, email) VALUES ('a', 'test', 'a@example.com')
       ON CONFLICT (id) DO UPDATE SET email = excluded.email`,
      `${tagged("a", "vip")} ON CONFLICT DO NOTHING`,
      "UPDATE customer_tags SET tag_id = tag_id",
      "DELETE FROM customer_tags WHERE customer_id = 'nobody'",
    );
    expect(entries).toEqual([]);
    expect(events).toEqual([]);
  });

  test("entries carry customer_graph.who while it is set", async () => {
    const who = { application: { id: "app" }, owner: { id: "usr", type: "User" } };
    const { entries } = await written(
      `SELECT set_config('customer_graph.who', '${JSON.stringify(who)}', true)`,
      customer("a"),
      tag("vip"),
      tagged("a", "vip"),
    );
    expect(entries.map((entry) => entry.who)).toEqual([who, who, who]);
    expect((await written(customer("b"))).entries[0]!.who).toEqual({});
  });

  test("entries are rolled back with their transaction", async () => {
    await expect(written(customer("a"), "SELECT 1 / 0")).rejects.toThrow("division by zero");
    expect((await pool.query("SELECT FROM event_stores UNION ALL SELECT FROM events")).rowCount).toBe(0);
  });

  test("a changed id gives an entry for the old and for the new id", async () => {
    await written(order("one", { archivedAt: new Date() }));
    const { entries, events } = await written("UPDATE orders SET id = 'two'");
    expect(entries.map(named).sort()).toEqual(["update orders one", "update orders two"]);
    expect(events).toEqual([]);
  });
});

test("a statement of 1,000 rows writes 1,000 entries and events, in the order of the rows", async () => {
  const { entries, events } = await written(
    `INSERT INTO customers (id, mode, email)
     SELECT 'cus_' || 1000 - i, 'test', i || '@example.com' FROM generate_series(1, 1000) i`,
  );
  const ids = Array.from({ length: 1000 }, (_, i) => `cus_${999 - i}`);
  expect(entries.map(({ resource_id }) => resource_id)).toEqual(ids);
  expect(events).toEqual(ids.map((id) => `customers.create ${id}`));
  expect(new Set(entries.map(({ id }) => id)).size).toBe(1000);
  const times = entries.map(({ created_at }) => created_at.getTime());
  expect(times).toEqual([...times].sort((a, b) => a - b));

  const update = await written("UPDATE customers SET reference = id");
  expect(update.entries).toHaveLength(1000);
  expect(update.entries.every(({ payload, resource_id }) => payload.reference.to === resource_id)).toBe(true);
});

test("new_id() in SQL and newId() make ids of the same form, sortable by time", async () => {
  const before = newId("EventStore");
  const { rows } = await pool.query("SELECT new_id('est') AS id FROM generate_series(1, 2000)");
  const after = newId("EventStore", Date.now() + 1);
  const ids = rows.map(({ id }) => id as string);
  expect(ids).toEqual([...ids].sort());
  expect(new Set(ids).size).toBe(2000);
  expect(ids.every((id) => /^est_[0-9a-z]{21}$/.test(id) && id.length === before.length)).toBe(true);
  expect(before.slice(0, 13) <= ids[0]!.slice(0, 13) && ids.at(-1)!.slice(0, 13) <= after.slice(0, 13)).toBe(true);
});

describe("customer_id of an audit entry", () => {
  const shop = [
    customer("a"),
    customer("b"),
    address("adr"),
    row("CustomerAddress", { id: "cad", customerId: "b", addressId: "adr" }),
    order("ord", { customerId: "a", shippingAddressId: "adr" }),
    row("LineItem", { id: "lin", orderId: "ord" }),
    row("PaymentSource", { id: "pso", orderId: "ord" }),
    row("CustomerPaymentSource", { id: "cps", customerId: "a", paymentSourceId: "pso" }),
    row("CustomerSubscription", { id: "csu", customerId: "a" }),
    row("CustomerPasswordReset", { id: "cpr", customerId: "a" }),
    row("OrderSubscription", { id: "osu", sourceOrderId: "ord" }),
    row("OrderSubscriptionItem", { id: "osi", orderSubscriptionId: "osu" }),
    row("Return", { id: "ret", orderId: "ord", originAddressId: "adr" }),
    row("ReturnLineItem", { id: "rli", returnId: "ret", lineItemId: "lin" }),
    row("SkuList", { id: "skl", customerId: "a" }),
    row("Sku", { id: "sku", code: "S" }),
    row("SkuListItem", { id: "sli", skuListId: "skl", skuCode: "S" }),
    row("CustomerGroup", { id: "cgr" }),
    row("Market", { id: "mkt" }),
    row("StockLocation", { id: "slo", addressId: "adr" }),
    row("PaymentMethod", { id: "pmt" }),
    tag("vip"),
    row("Attachment", { id: "att", attachableType: "orders", attachableId: "ord" }),
  ];

  test("is null for rows that refer to each other in a circle", async () => {
    const { entries } = await written(
      row("Event", { id: "evt", resourceType: "event_callbacks", resourceId: "ecb" }),
      row("EventCallback", { id: "ecb", eventId: "evt" }),
      row("Attachment", { id: "att", attachableType: "event_callbacks", attachableId: "ecb" }),
    );
    expect(entries.map(({ resource_type, customer_id }) => [resource_type, customer_id])).toContainEqual([
      "attachments",
      null,
    ]);
  });

  test("is the customer who owns the row or its parent", async () => {
    const creation = await written(...shop);
    const mine = { ...Object.fromEntries(audited.map(({ table }) => [table, "a"])), customers: "b" };
    const nobodys = { skus: null, markets: null, customer_groups: null, stock_locations: null, payment_methods: null };
    const expected = { ...mine, ...nobodys, tags: null, customer_addresses: "b" };
    // When it is made, an address is in no address book; its entry becomes that customer's who gets it first.
    const made = audited.filter(({ table }) => creation.entries.some((entry) => entry.resource_type === table));
    expect(made.length).toBeGreaterThan(20);
    const among = (tables: Record<string, unknown>) => made.map(({ table }) => [table, tables[table]]);
    expect(among(customerOf(creation))).toEqual(among({ ...expected, addresses: "b" }));
    for (const { table } of made) {
      const { entries } = await written(`UPDATE ${table} SET reference = '_' || id`);
      expect(entries.map((entry) => `${named(entry)} of ${entry.customer_id}`)).toEqual(
        (table === "customers"
          ? ["a", "b"]
          : [creation.entries.find((e) => e.resource_type === table)!.resource_id]
        ).map(
          (id) =>
            `update ${table} ${id} of ${table === "customers" ? id : table === "addresses" ? "b" : expected[table as keyof typeof expected]}`,
        ),
      );
    }
  });

  test("is found for an address by orders and returns, and for a payment source by the wallet", async () => {
    await written(...shop);
    const customerNow = async (table: string, sql: string) =>
      customerOf(await written(sql, `UPDATE ${table} SET reference = gen_random_uuid()`))[table];
    expect(await customerNow("addresses", "DELETE FROM customer_addresses")).toBe("a");
    expect(await customerNow("addresses", "UPDATE orders SET shipping_address_id = NULL, customer_id = 'b'")).toBe("a");
    expect(await customerNow("addresses", "UPDATE orders SET billing_address_id = 'adr'")).toBe("b");
    expect(
      await customerNow(
        "addresses",
        "UPDATE orders SET billing_address_id = NULL; DELETE FROM return_line_items; DELETE FROM returns",
      ),
    ).toBe(null);
    expect(await customerNow("payment_sources", "UPDATE payment_sources SET order_id = NULL")).toBe("a");
    expect(await customerNow("payment_sources", "DELETE FROM customer_payment_sources")).toBe(null);
  });

  test.each([
    ["customers", "b", "b"],
    ["returns", "ret", "a"],
    ["sku_lists", "skl", "a"],
    ["markets", "mkt", null],
  ])("is found for an attachment of %s", async (type, id, found) => {
    await written(...shop);
    const attachment = row("Attachment", { attachableType: type, attachableId: id });
    expect((await written(attachment)).entries[0]!.customer_id).toBe(found);
  });

  test("is the new customer when it changes, and the old one when it becomes null", async () => {
    await written(...shop);
    expect((await written("UPDATE orders SET customer_id = 'b'")).entries[0]!.customer_id).toBe("b");
    expect((await written("UPDATE orders SET customer_id = NULL")).entries[0]!.customer_id).toBe("b");
  });

  test("is still found after a delete, by the row's own key or by a parent that remains", async () => {
    await written(...shop, "UPDATE payment_sources SET order_id = NULL");
    const { entries } = await written(
      ...["attachments", "sku_list_items", "return_line_items", "returns", "order_subscription_items"].map(
        (table) => `DELETE FROM ${table}`,
      ),
      "DELETE FROM payment_sources",
      "DELETE FROM order_subscriptions",
      "DELETE FROM line_items",
      "DELETE FROM orders",
    );
    const destroyed = entries.filter(({ event }) => event === "destroy");
    expect(destroyed.map(({ resource_type }) => resource_type)).toHaveLength(9);
    expect(
      new Set(destroyed.filter(({ resource_type }) => resource_type !== "payment_sources").map((e) => e.customer_id)),
    ).toEqual(new Set(["a"]));
  });
});

describe("entries of a deleted address or payment source", () => {
  const mine = async () =>
    (
      await pool.query(
        `SELECT t.event || ' ' || t.resource_type AS entry FROM event_stores t
         WHERE t.resource_type IN ('addresses', 'payment_sources') AND ${customerRows.EventStore} ORDER BY t.id`,
        ["a"],
      )
    ).rows.map(({ entry }) => entry);

  /** What says whose a shared row is: the table, its column, and the table of the row; the first two in the datamodel. */
  const claims = [...models.values()].filter(isShared).flatMap((model) =>
    model.owners!.flatMap((owner) => {
      const { to, many, key } = model.relations[owner]!;
      const { table, columns } = modelNamed(to);
      return many ? [[table, columns[key!]!.column, model.table, to, key!] as const] : [];
    }),
  );
  test("tables with rows that customers may share are found", () => expect(claims.length).toBeGreaterThan(5));

  test.each(claims)(
    "belong to the customer whose row once referred to it by %s.%s",
    async (table, column, type, name, key) => {
      const source = (id: string) => (type === "addresses" ? address(id) : row("PaymentSource", { id }));
      const link = (id: string, target: string) => {
        const values = { id, customerId: "a", [key]: target };
        return row(name, values);
      };
      for (const step of [customer("a"), customer("b"), source("first"), source("second")]) await written(step);
      await written(link("x", "first"));
      expect(await mine()).toEqual([`create ${type}`]);
      await written(`UPDATE ${table} SET ${column} = 'second' WHERE id = 'x'`);
      expect(await mine()).toEqual([`create ${type}`, `create ${type}`]);
      await written(`UPDATE ${table} SET reference = 'same address' WHERE id = 'x'`);
      await written(`DELETE FROM ${table} WHERE id = 'x'`);
      await written(`UPDATE ${type} SET reference = 'nobody knows whose' WHERE id = 'second'`);
      await written(`DELETE FROM ${type}`);
      expect((await mine()).sort()).toEqual(
        [...Array(2).fill(`create ${type}`), ...Array(2).fill(`destroy ${type}`), `update ${type}`].sort(),
      );
      await written(source("third"), `DELETE FROM ${type}`);
      expect(await mine()).toHaveLength(5);
    },
  );
});

describe("secrets in the audit trail", () => {
  const schema = readFileSync(join(projectRoot, "prisma", "schema.prisma"), "utf8");
  /** Texts that are credentials by their mark or their name, by table. */
  const secrets = [...schema.matchAll(/^model \w+ \{\n.*?^\}/gms)].flatMap(([body]) => {
    const table = /@@map\("(\w+)"\)/.exec(body)![1]!;
    if (!audited.some((model) => model.table === table)) return [];
    return body.split("\n").flatMap((line) => {
      const field = /^ {2}(\w+)\s+String\b/.exec(line)?.[1];
      const column = /@map\("(\w+)"\)/.exec(line)?.[1] ?? field;
      const secret =
        line.includes("@personal(credential") || /token|digest|secret|password|gift_card_code/.test(column!);
      return field && secret ? [[table, column!] as const] : [];
    });
  });

  test("the secret columns are found in prisma/schema.prisma", () => {
    expect(secrets.map((secret) => secret.join(".")).sort()).toEqual([
      "customer_password_resets.token_digest",
      "customer_payment_sources.customer_token",
      "customer_payment_sources.payment_source_token",
      "customers.password_digest",
      "orders.gift_card_code",
      "orders.token",
    ]);
  });

  const others = [
    ["payment_sources", "attributes", "jsonb_build_object('x', 'planted' || id)"],
    ["payment_sources", "payment_instrument", "jsonb_build_object('x', 'planted' || id)"],
    ["orders", "payment_source_details", "jsonb_build_object('x', 'planted' || id)"],
    ["customers", "anonymization_reason", "'planted' || id"],
    ["customers", "anonymization_cancellation_reason", "'planted' || id"],
  ] as const;

  test.each([...secrets.map(([table, column]) => [table, column, "'planted' || id"] as const), ...others])(
    "planted values of %s.%s never get into an entry",
    async (table, column, value) => {
      await addRows(pool, () => 40);
      const changes = [
        `UPDATE ${table} SET ${column} = ${value}`,
        `UPDATE ${table} SET ${column} = ${value.replace("planted", "planted anew ")}`,
        // Rows that come with the secret.
        `CREATE TEMP TABLE copies AS SELECT * FROM ${table}`,
        "SET LOCAL session_replication_role = replica",
        `DELETE FROM ${table}`,
        "SET LOCAL session_replication_role = origin",
        `DO $$ BEGIN EXECUTE (
           SELECT format('INSERT INTO ${table} (%1$s) SELECT %1$s FROM copies', string_agg(quote_ident(attname), ', '))
           FROM pg_attribute WHERE attrelid = '${table}'::regclass AND attnum > 0 AND attgenerated = '');
         END $$`,
      ];
      const { entries } = await written(...changes, "DROP TABLE copies");
      expect(entries.filter(({ event }) => event === "create").length).toBeGreaterThan(5);
      const texts = await pool.query("SELECT FROM event_stores e WHERE e::text LIKE '%planted%'");
      expect(texts.rowCount).toBe(0);
      const key = column === "password_digest" ? "password" : column;
      const told = entries.flatMap(({ payload }) => (key in payload ? [payload[key]] : []));
      for (const { from, to } of told) expect([from, to].filter((one) => one !== null && one !== "***")).toEqual([]);
      if (column !== key) for (const { payload } of entries) expect(payload).not.toHaveProperty(column);
      const masked = secrets.some(([, name]) => name === column) || column === "payment_source_details";
      if (masked) expect(told).toContainEqual({ from: "***", to: "***" });
      else expect(told).toEqual([]);
    },
  );

  test("password changes are recorded as ***, and not at all for a customer without a password", async () => {
    const { entries, events } = await written(customer("a"), customer("b", { passwordDigest: "digest" }));
    expect(entries[0]!.payload).not.toHaveProperty("password");
    expect(entries[1]!.payload.password).toEqual({ from: null, to: "***" });
    expect(events).toEqual(["customers.create a", "customers.create b", "customers.create_password b"]);
  });
});

describe("tags in the audit trail", () => {
  beforeEach(async () => {
    await written(customer("a"), customer("b"), tag("vip"), tag("new"), tag("old"));
  });
  const told = ({ entries }: Written) =>
    entries.map(({ event, resource_id, payload }) => [event, resource_id, payload.tags?.from, payload.tags?.to]);

  test("tagging is an update of the resource with tag names before and after, and one event", async () => {
    await written("UPDATE customers SET reference = 'r' WHERE id = 'a'");
    const add = await written(
      "INSERT INTO customer_tags VALUES ('a', 'tag_vip'), ('b', 'tag_old'), ('a', 'tag_new'), ('a', 'tag_old')",
    );
    expect(told(add)).toEqual([
      ["update", "a", [], ["new", "old", "vip"]],
      ["update", "b", [], ["old"]],
    ]);
    expect(add.events).toEqual(["customers.tagged a", "customers.tagged b"]);
    expect(add.entries[0]).toMatchObject({ resource_type: "customers", customer_id: "a", resource_version: 2 });
    const remove = await written("DELETE FROM customer_tags WHERE tag_id = 'tag_old'");
    expect(told(remove)).toEqual([
      ["update", "a", ["new", "old", "vip"], ["new", "vip"]],
      ["update", "b", ["old"], []],
    ]);
    expect(remove.events).toEqual(["customers.tagged a", "customers.tagged b"]);
  });

  test("adding and removing tags in one statement is one entry", async () => {
    await written(tagged("a", "vip", "old"));
    const { entries, events } = await written(
      `WITH gone AS (DELETE FROM customer_tags WHERE tag_id = 'tag_old'),
       added AS (INSERT INTO customer_tags VALUES ('a', 'tag_new'), ('b', 'tag_new'))
       UPDATE customers SET version = version + 1 WHERE id = 'a'`,
    );
    expect(told({ entries } as Written).sort()).toEqual([
      ["update", "a", ["old", "vip"], ["new", "vip"]],
      ["update", "b", [], ["new"]],
    ]);
    expect(entries.find(({ resource_id }) => resource_id === "a")).toMatchObject({ resource_version: 2 });
    expect(events.sort()).toEqual(["customers.tagged a", "customers.tagged b"]);
  });

  test("tag changes by several statements of a transaction are one entry each", async () => {
    const all = await written(
      tagged("a", "vip"),
      tagged("a", "new"),
      "DELETE FROM customer_tags WHERE tag_id = 'tag_vip'",
      "DELETE FROM customer_tags",
      tagged("a", "new"),
      "UPDATE customer_tags SET tag_id = 'tag_old'",
    );
    expect(told(all).map(([, , from, to]) => [from, to])).toEqual([
      [[], ["vip"]],
      [["vip"], ["new", "vip"]],
      [["new", "vip"], ["new"]],
      [["new"], []],
      [[], ["new"]],
      [["new"], ["old"]],
    ]);
    expect(all.events).toEqual(Array(6).fill("customers.tagged a"));
  });

  test("deleting a tag is recorded by name on every resource that had it", async () => {
    await written(
      ...[order("ord", { customerId: "a" }), row("Sku", { id: "sku", code: "S" })],
      ...[tagged("a", "vip", "new", "old"), tagged("b", "old")],
      "INSERT INTO order_tags VALUES ('ord', 'tag_old')",
      "INSERT INTO sku_tags VALUES ('sku', 'tag_old')",
    );
    const all = await written("DELETE FROM tags WHERE name IN ('old', 'new')");
    expect(all.entries.slice(0, 2).map(named).sort()).toEqual(["destroy tags tag_new", "destroy tags tag_old"]);
    expect(told({ ...all, entries: all.entries.slice(2) }).sort()).toEqual([
      ["update", "a", ["new", "old", "vip"], ["vip"]],
      ["update", "b", ["old"], []],
      ["update", "ord", ["old"], []],
      ["update", "sku", ["old"], []],
    ]);
    expect(all.entries.find(({ resource_id }) => resource_id === "ord")).toMatchObject({ customer_id: "a" });
    // SKUs raise no events.
    expect(all.events.sort()).toEqual(["customers.tagged a", "customers.tagged b", "orders.tagged ord"]);
  });

  test("deleting a tagged resource writes no entries about its tags", async () => {
    await written(
      ...[tagged("a", "vip"), tagged("b", "vip"), address("adr")],
      row("CustomerAddress", { id: "cad", customerId: "a", addressId: "adr" }),
      row("CustomerSubscription", { id: "csu", customerId: "a" }),
      row("SkuList", { id: "skl", customerId: "a" }),
      row("CustomerPasswordReset", { id: "cpr", customerId: "a" }),
    );
    const all = await written("DELETE FROM customers WHERE id = 'a'");
    expect(all.entries.map((entry) => `${named(entry)} of ${entry.customer_id}`).sort()).toEqual([
      "destroy customer_addresses cad of a",
      "destroy customer_password_resets cpr of a",
      "destroy customer_subscriptions csu of a",
      "destroy customers a of a",
      "destroy sku_lists skl of a",
    ]);
    expect(all.entries[0]!.resource_type).toBe("customers");
    expect(all.events.sort()).toEqual([
      "customer_addresses.destroy cad",
      "customer_password_resets.destroy cpr",
      "customer_subscriptions.destroy csu",
      "customers.destroy a",
    ]);
  });
});

describe("events of state changes", () => {
  test("customers.acquired and customers.repeat are raised by the first and the second placed order", async () => {
    await written(customer("a"));
    const first = await written(order("one", { customerId: "a", placedAt: new Date() }));
    expect(first.entries.map(named)).toEqual(["create orders one", "update customers a"]);
    expect(first.entries[1]!.payload).toEqual({
      status: { from: "prospect", to: "acquired" },
      total_orders_count: { from: 0, to: 1 },
    });
    expect(first.events).toEqual(["orders.create one", "customers.acquired a"]);
    await written(order("two", { customerId: "a" }));
    const second = await written("UPDATE orders SET status = 'placed', placed_at = now() WHERE id = 'two'");
    expect(second.events.sort()).toEqual(["customers.repeat a", "orders.place two"]);
    const third = await written(order("three", { customerId: "a", placedAt: new Date() }));
    expect(third.events).toEqual(["orders.create three"]);
    expect((await written("DELETE FROM orders WHERE id = 'three'")).events).toEqual(["orders.destroy three"]);
  });

  test.each([
    [
      "orders",
      "status",
      "draft",
      {
        placed: "place",
        approved: "approve",
        cancelled: "cancel",
        pending: "pending",
        editing: "start_editing",
        placing: undefined,
      },
    ],
    [
      "returns",
      "status",
      "draft",
      {
        requested: "request",
        approved: "approve",
        cancelled: "cancel",
        shipped: "ship",
        rejected: "reject",
        received: "receive",
        refunded: "refund",
      },
    ],
    [
      "order_subscriptions",
      "status",
      "draft",
      { active: "activate", inactive: "deactivate", cancelled: "cancel", running: undefined },
    ],
    [
      "customers",
      "anonymization_status",
      "requested",
      {
        started: "anonymization_started",
        completed: "anonymization_completed",
        failed: "anonymization_failed",
        cancelled: "anonymization_cancelled",
        requested: undefined,
      },
    ],
  ])("a change of %s.%s raises the event of its transition", async (table, column, first, moves) => {
    await written(
      customer("a"),
      order("ord"),
      row("Return", { id: "ret", orderId: "ord" }),
      row("OrderSubscription", { id: "osu", sourceOrderId: "ord" }),
      `UPDATE ${table} SET ${column} = '${first}'`,
    );
    const { rows } = await pool.query(`SELECT id FROM ${table}`);
    for (const [status, event] of Object.entries(moves)) {
      const { events } = await written(`UPDATE ${table} SET ${column} = '${status}'`);
      expect(events).toEqual(event ? [`${table}.${event} ${rows[0].id}`] : []);
      expect((await written(`UPDATE ${table} SET ${column} = '${status}', reference = '${status}'`)).events).toEqual(
        [],
      );
    }
  });

  test("orders.archive, orders.unarchive and customer_password_resets.reset_password are raised", async () => {
    await written(...[order("ord"), customer("a")], row("CustomerPasswordReset", { id: "cpr", customerId: "a" }));
    expect((await written("UPDATE orders SET archived_at = now()")).events).toEqual(["orders.archive ord"]);
    expect((await written("UPDATE orders SET archived_at = '2020-01-01'")).events).toEqual([]);
    expect((await written("UPDATE orders SET archived_at = NULL")).events).toEqual(["orders.unarchive ord"]);
    const reset = "UPDATE customer_password_resets SET reset_password_at = now()";
    expect((await written(reset)).events).toEqual(["customer_password_resets.reset_password cpr"]);
  });

  test("only resources with events raise them", async () => {
    await addRows(pool, () => 40);
    const raising: string[] = [];
    for (const { table } of audited) {
      const client = await pool.connect();
      try {
        await client.query("BEGIN");
        // What refers to the rows is no matter here.
        await client.query(`DO $$ DECLARE name text; BEGIN
          FOR name IN SELECT tgname FROM pg_trigger WHERE tgrelid = '${table}'::regclass AND tgisinternal LOOP
            EXECUTE format('ALTER TABLE ${table} DISABLE TRIGGER %I', name);
          END LOOP; END $$`);
        const { rowCount } = await client.query(`DELETE FROM ${table}`);
        const { rows } = await client.query(
          "SELECT name, count(*)::int FROM events WHERE xmin = pg_current_xact_id()::xid GROUP BY name",
        );
        raising.push(
          ...rows.flatMap(({ name, count }) => (name === `${table}.destroy` && count === rowCount ? [table] : [])),
        );
      } finally {
        await client.query("ROLLBACK");
        client.release();
      }
    }
    expect(raising.length).toBeGreaterThan(5);
    expect(raising).toEqual(audited.filter(({ name }) => audits[name].events).map(({ table }) => table));
  });
});

describe("anonymization in the audit trail", () => {
  const vera = { id: "usr_vera", first_name: "Vera", last_name: null };
  const request = `UPDATE customers SET anonymization_status = 'requested', anonymization_requested_at = '2026-01-02T03:04:05.678Z',
    anonymization_requester = '${JSON.stringify(vera)}', anonymization_reason = 'left'`;
  const requested = { status: "requested", requester: vera, requested_at: "2026-01-02T03:04:05.678Z" };
  beforeEach(async () => {
    await written(customer("a"));
  });

  test("each status change is an entry of its own, with the whole anonymization", async () => {
    const { entries, events } = await written(request);
    expect(entries.map(named)).toEqual(["anonymization_request customers a"]);
    expect(entries[0]!.payload).toEqual(requested);
    expect(entries[0]).toMatchObject({ resource_version: 2, customer_id: "a" });
    expect(events).toEqual([]);

    for (const [status, column, event] of [
      ["started", "started_at", "anonymization_started"],
      ["failed", "failed_at", "anonymization_failed"],
      ["completed", "completed_at", "anonymization_completed"],
      ["cancelled", "cancelled_at", "anonymization_cancel"],
    ]) {
      const step = await written(
        `UPDATE customers SET anonymization_status = '${status}', anonymization_${column} = '2026-02-01T00:00:00Z'`,
      );
      expect(step.entries.map(named)).toEqual([`${event} customers a`]);
      expect(step.entries[0]!.payload).toMatchObject({ ...requested, status, [column!]: "2026-02-01T00:00:00.000Z" });
    }
    const last = await written(`${request}, anonymization_started_at = NULL, anonymization_failed_at = NULL,
      anonymization_completed_at = NULL, anonymization_cancellation_requester = '{"id": "usr_tom"}'`);
    expect(last.entries[0]!.payload).toEqual({
      ...{ ...requested, cancelled_at: "2026-02-01T00:00:00.000Z" },
      cancellation_requester: { id: "usr_tom" },
    });
  });

  test("a status change and other changes in one statement are two entries", async () => {
    const { entries } = await written(`${request}, email = 'gone@example.com'`);
    expect(entries.map(named)).toEqual(["anonymization_request customers a", "update customers a"]);
    expect(entries[0]!.payload).toEqual(requested);
    expect(entries[1]!.payload).toEqual({ email: { from: "a@example.com", to: "gone@example.com" } });
  });

  test("a change without a new status, or to null, is an ordinary update", async () => {
    await written(request);
    const { entries } = await written(
      "UPDATE customers SET anonymization_requested_at = '2026-03-01T00:00:00Z'",
      "UPDATE customers SET anonymization_status = NULL",
    );
    expect(entries.map(({ event, payload }) => [event, payload])).toEqual([
      ["update", { anonymization_requested_at: { from: requested.requested_at, to: "2026-03-01T00:00:00.000Z" } }],
      ["update", { anonymization_status: { from: "requested", to: null } }],
    ]);
  });
});

describe("version of a row", () => {
  /** SQL for a value that a column does not have now, by the type of the column. */
  const another = (name: string, type: string, isEnum: boolean) =>
    isEnum
      ? `(SELECT v FROM unnest(enum_range(NULL::"${type}")) v WHERE v IS DISTINCT FROM "${name}" LIMIT 1)`
      : {
          text: `coalesce("${name}", '') || 'x'`,
          int4: `coalesce("${name}", 0) + 1`,
          float8: `coalesce("${name}", 0) + 1`,
          bool: `NOT coalesce("${name}", false)`,
          timestamptz: `coalesce("${name}", now()) + interval '1 day'`,
          jsonb: `coalesce("${name}", '{}') || '{"touched": true}'`,
        }[type];

  test("grows with a change of any column of any table, except derived ones", async () => {
    await seedDemo(pool);
    await addRows(pool, () => 40);
    const { rows: columns } = await pool.query<{ table: string; name: string; type: string; enum: boolean }>(`
      SELECT c.relname AS table, a.attname AS name, t.typname AS type, t.typtype = 'e' AS enum
      FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
      WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
        AND a.attgenerated = ''`);
    const versioned = columns.filter(({ name }) => name === "version").map(({ table }) => table);
    const inManifest = [...manifest.values()].filter((model) => "version" in model.columns).map(({ table }) => table);
    expect(versioned.sort()).toEqual(inManifest.sort());
    const client = await pool.connect();
    try {
      for (const table of versioned) {
        await client.query("BEGIN");
        // Only this trigger: constraints and other triggers have tests of their own.
        const checks = await client.query(
          "SELECT conname AS name FROM pg_constraint WHERE conrelid = $1::regclass AND contype = 'c'",
          [table],
        );
        for (const { name } of checks.rows) await client.query(`ALTER TABLE "${table}" DROP CONSTRAINT "${name}"`);
        await client.query(`ALTER TABLE "${table}" DISABLE TRIGGER ALL`);
        await client.query(`ALTER TABLE "${table}" ENABLE TRIGGER "${table}_touch"`);
        const [before] = (await client.query(`SELECT ctid, version, updated_at FROM "${table}" LIMIT 1`)).rows;
        await client.query(`DELETE FROM "${table}" WHERE ctid <> $1`, [before.ctid]);
        const all = Object.values(modelOfType(table)?.columns ?? {});
        const counted = all.flatMap((column) => (column.counted ? [column.column] : []));
        for (const { name, type, enum: isEnum } of columns.filter((column) => column.table === table)) {
          await client.query("SAVEPOINT untouched");
          const { rows } = await client.query(
            `UPDATE "${table}" SET "${name}" = ${another(name, type, isEnum)} WHERE ctid = $1
             RETURNING version - $2::int AS moved, updated_at <> $3::timestamptz AS touched`,
            [before.ctid, before.version, before.updated_at],
          );
          const isDerived = ["updated_at", ...counted].includes(name);
          const expected = { moved: isDerived ? 0 : 1, touched: !isDerived || name === "updated_at" };
          expect({ table, name, ...rows[0] }).toEqual({ table, name, ...expected });
          await client.query("ROLLBACK TO SAVEPOINT untouched");
        }
        const same = await client.query(`UPDATE "${table}" SET id = id WHERE ctid = $1 RETURNING version`, [
          before.ctid,
        ]);
        expect([table, same.rows]).toEqual([table, [{ version: before.version }]]);
        await client.query("ROLLBACK");
      }
    } finally {
      client.release();
    }
  });
});

describe("audit trail", () => {
  test("customer_graph.audit = off disables it for one transaction", async () => {
    const off = await written(
      "SET LOCAL customer_graph.audit = 'off'",
      ...[customer("a"), tag("vip"), tagged("a", "vip"), "UPDATE customers SET reference = 'r'", "DELETE FROM tags"],
    );
    expect([off.entries, off.events]).toEqual([[], []]);
    const { entries } = await written(customer("b"));
    expect(entries.map(named)).toEqual(["create customers b"]);
  });

  test("is off while seeding, and on again afterwards on the same connection", async () => {
    const one = poolOf(database);
    one.options.max = 1;
    try {
      await seedDemo(one);
      await seedBulk(one, { customers: 20 });
      const audited = "SELECT FROM event_stores WHERE transaction_id IS NOT NULL";
      expect((await one.query(audited)).rowCount).toBe(0);
      expect((await one.query("SELECT FROM events WHERE id ~ '^evt_[0-9a-z]{21}$'")).rowCount).toBe(0);
      await one.query("UPDATE customers SET reference = 'new' WHERE id IN ('cus_ada', 'cus_b0000001')");
      expect((await one.query(audited)).rowCount).toBe(2);
    } finally {
      await one.end();
    }
  });

  test("does not audit its own tables: event_stores, events, event_callbacks", async () => {
    const { entries, events } = await written(
      row("EventStore", { id: "e1", resourceType: "orders", resourceId: "o", event: "create" }),
      row("Event", { id: "v1", name: "orders.place", resourceType: "orders", resourceId: "o" }),
      row("EventCallback", { id: "c1", eventId: "v1" }),
      "UPDATE events SET metadata = '{\"a\": 1}'",
    );
    expect(entries.map((e) => [e.id, e.customer_id, e.transaction_id, e.resource_version])).toEqual([
      ["e1", null, null, null],
    ]);
    expect(events).toEqual(["orders.place o"]);
  });

  test("every table of resources and tags has statement-level audit triggers", async () => {
    const { rows } = await pool.query(`
      SELECT tgrelid::regclass || ' ' || tgname || ' ' || tgfoid::regproc || ' ' || tgenabled::text AS trigger, tgtype & 1 AS row
      FROM pg_trigger WHERE tgname ~ '_audit_'`);
    expect(rows.map(({ trigger }) => trigger).sort()).toEqual(
      [...audited.map(({ table }) => table), ...joins]
        .flatMap((table) =>
          ["insert", "update", "delete"].map((on) => `${table} ${table}_audit_${on} ${table}_audit O`),
        )
        .sort(),
    );
    expect(rows.filter(({ row }) => row)).toEqual([]);
    expect(joins).toHaveLength(7);
    expect(audited.length).toBeGreaterThan(20);
  });

  test("audit_table() includes new columns and tables", async () => {
    await pool.query(`
      ALTER TABLE markets ADD COLUMN motto text, ADD COLUMN pin text, DROP COLUMN checkout_url;
      CALL audit_table('markets', masked => '{pin AS code_number}', excluded => '{metadata}');
      CREATE TABLE notes (id text PRIMARY KEY, mode mode NOT NULL, version int NOT NULL DEFAULT 1, owner text, text text);
      CALL audit_table('notes', customer => 'r.owner', events => true, on_update => ARRAY[['moved', 'n.owner <> o.owner']])`);
    // A mistyped name must not lay a secret bare.
    for (const list of ["masked", "excluded"])
      await expect(pool.query(`CALL audit_table('markets', ${list} => '{pni}')`)).rejects.toThrow("columns of markets");
    const { entries, events } = await written(
      "INSERT INTO markets (id, mode, name, number, motto, pin) VALUES ('mkt', 'test', 'M', 1, 'Ave', '1234')",
      "INSERT INTO notes (id, mode, owner, text) VALUES ('not', 'test', 'a', 'Hello')",
      "UPDATE notes SET owner = 'b'",
    );
    expect((await pool.query("SELECT version FROM notes")).rows).toEqual([{ version: 2 }]);
    expect(entries[0]!.payload).toEqual({
      ...{ name: { from: null, to: "M" }, number: { from: null, to: 1 }, private: { from: null, to: false } },
      ...{ motto: { from: null, to: "Ave" }, code_number: { from: null, to: "***" } },
    });
    expect(entries.slice(1).map((e) => [e.event, e.customer_id])).toEqual([
      ["create", "a"],
      ["update", "b"],
    ]);
    expect(events).toEqual(["notes.create not", "notes.moved not"]);
  });
});
