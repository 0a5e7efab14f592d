import { readFileSync } from "node:fs";
import pg from "pg";
import { applyDocuments } from "../../src/import/import.js";
import { createImportTest, customer, type ImportTest, lineItem, order, type Resource, ref } from "./support.js";

const shopFile = new URL("fixtures/shop.json", import.meta.url).pathname;

let db: ImportTest;
beforeAll(async () => {
  db = await createImportTest();
});
beforeEach(() => db.clear());
afterAll(() => db.end());

const page = (...data: Resource[]) => ({ data, meta: { record_count: data.length, page_count: 1 } });

/** The rows of a table, without what differs from one import of the same to the next. */
const stored = (table: string) =>
  db.rows(`SELECT to_jsonb(t) - ARRAY['password_digest', 'anonymization_received_at', 'shopper_reference', 'profile_id']
      - CASE WHEN t.created_at > now() - interval '1 hour' THEN ARRAY['created_at'] ELSE '{}' END
      - CASE WHEN t.updated_at > now() - interval '1 hour' THEN ARRAY['updated_at'] ELSE '{}' END AS row
    FROM "${table}" t ORDER BY id`);

test("documents end as a file of them does", async () => {
  const tables = [
    "customers",
    "addresses",
    "orders",
    "line_items",
    "returns",
    "payment_sources",
    "tags",
    "attachments",
  ];
  const read = async () => {
    const rows: unknown[] = [];
    for (const table of tables) rows.push(...(await stored(table)));
    return rows;
  };
  const file = await db.run([shopFile]);
  const expected = await read();
  await db.clear();
  const applied = await db.apply(JSON.parse(readFileSync(shopFile, "utf8")));
  expect(applied.issues).toEqual([]);
  expect(applied.counts).toEqual(file.counts);
  expect(await read()).toEqual(expected);
});

test("one connection applies documents again and again, each call by itself", async () => {
  await db.apply(page(customer("c1"), { type: "customers", id: "bad" }), { data: order("o1", {}, "c1"), included: [] });
  const temporary = () =>
    db.rows(
      "SELECT relname FROM pg_class WHERE relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname ~ '^pg_temp') ORDER BY 1",
    );
  const seen: unknown[] = [];
  for (const n of [1, 2, 3]) {
    const { summary, issues, counts } = await db.apply(
      page(customer("c1", { reference: `R${n}` }), { type: "customers", id: "bad" }),
      { data: order("o1", { reference: `R${n}` }), included: [lineItem(`l${n}`, "o1")] },
    );
    expect(issues).toEqual(["refused customers bad /data/1/attributes/email: is missing: new customers need it"]);
    expect(counts).toEqual({ customers: [0, 1, 0, 1], orders: [0, 1, 0, 0], line_items: [1, 0, 0, 0] });
    expect(summary).toMatchObject({ written: true, refused: 1, dangling: 0, unlisted: 0 });
    seen.push(await temporary());
  }
  expect(seen[0]).not.toEqual([]);
  expect([seen[1], seen[2]]).toEqual([seen[0], seen[0]]);
  expect(await db.rows("SELECT reference, total_orders_count FROM customers")).toEqual([
    { reference: "R3", total_orders_count: 0 },
  ]);
  expect(await db.rows("SELECT count(*)::int FROM line_items")).toEqual([{ count: 3 }]);
});

test("nothing is locked between calls, and a file can be imported meanwhile", async () => {
  await db.apply(page(customer("c1")));
  expect(
    await db.rows(
      "SELECT l.locktype FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE application_name = 'applying'",
    ),
  ).toEqual([]);
  await db.run([customer("c2")]);
  await db.apply(page(customer("c3")));
  expect(await db.rows("SELECT id FROM customers ORDER BY id")).toEqual([{ id: "c1" }, { id: "c2" }, { id: "c3" }]);
});

test("the mirror is the actor of the audit trail", async () => {
  await db.apply(page(customer("c1")));
  expect(await db.rows("SELECT event, who FROM event_stores")).toEqual([
    { event: "create", who: { worker: { id: "mirror", type: "Mirror" } } },
  ]);
});

test.each([
  [{ errors: [{ status: "404" }] }, "document 2: this is an error response"],
  [{ meta: {} }, 'document 2: this is no JSON:API document: "data" is missing'],
  [null, 'document 2: this is no JSON:API document: "data" is missing'],
  [{ data: "x" }, "document 2, /data: expected a resource or a list of resources"],
  [{ data: [], included: {} }, "document 2, /included: expected a list of resources"],
])("%j is no document, and nothing is written", async (document, message) => {
  await expect(db.apply(page(customer("c1")), document)).rejects.toThrow(message);
  expect(await db.rows("SELECT id FROM customers")).toEqual([]);
});

test("a failure releases the locks and leaves the connection usable", async () => {
  const client = new pg.Client(db.connectionString);
  await client.connect();
  try {
    const apply = (...data: Resource[]) =>
      applyDocuments(client, [page(...data)], { mode: "test", mirror: true, onIssue: () => {} });
    await apply(customer("c1"));
    await client.query(
      `CREATE FUNCTION fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'on purpose'; END $$;
       CREATE TRIGGER fail BEFORE INSERT ON customers FOR EACH ROW WHEN (NEW.id = 'd7') EXECUTE FUNCTION fail()`,
    );
    await expect(apply(...Array.from({ length: 20 }, (_, n) => customer(`d${n}`)))).rejects.toThrow("on purpose");
    await client.query("DROP TRIGGER fail ON customers");
    const { rows } = await client.query(
      "SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()",
    );
    expect(rows).toEqual([{ count: 0 }]);
    expect((await apply(customer("c1", { reference: "R" }, { relationships: { tags: { data: [] } } }))).written).toBe(
      true,
    );
    expect(await db.rows("SELECT reference FROM customers WHERE id = 'c1'")).toEqual([{ reference: "R" }]);
  } finally {
    await client.end();
  }
});

test("a relationship without data, such as links alone, says nothing", async () => {
  await db.apply(page(customer("c1"), order("o1", {}, "c1")));
  const links = { self: "/api/orders/o1/relationships/customer", related: "/api/orders/o1/customer" };
  const { issues } = await db.apply({
    data: { type: "orders", id: "o1", links: { self: "/api/orders/o1" }, relationships: { customer: { links } } },
  });
  expect(issues).toEqual([]);
  expect(await db.rows("SELECT customer_id FROM orders")).toEqual([{ customer_id: "c1" }]);
  await db.apply({ data: { ...order("o1"), relationships: { customer: ref("customers", "c1") } } });
});

test("resources of another organization are refused, whether they or their document say so", async () => {
  const client = new pg.Client(db.connectionString);
  await client.connect();
  try {
    const of = (organization_id: string) => ({ mode: "test", organization_id });
    const refused: string[] = [];
    await applyDocuments(
      client,
      [
        { data: [{ ...customer("a"), meta: of("ours") }, { ...customer("b"), meta: of("theirs") }, customer("c")] },
        { data: customer("d"), meta: of("ours") },
        { data: customer("e"), meta: of("theirs") },
      ],
      {
        ...{ mode: "test", mirror: true, organizationId: "ours" },
        onIssue: ({ id, pointer, reason }) => void refused.push(`${id} ${pointer}: ${reason}`),
      },
    );
    expect(refused).toEqual([
      "b /data/1/meta/organization_id: must be ours",
      "e /data/meta/organization_id: must be ours",
    ]);
    expect((await db.rows("SELECT id FROM customers ORDER BY 1")).map(({ id }) => id)).toEqual(["a", "c", "d"]);
  } finally {
    await client.end();
  }
});
