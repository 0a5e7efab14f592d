import { readFileSync } from "node:fs";
import type { Arbitrary } from "fast-check";
import pg from "pg";
import { applyDocuments } from "../../src/import/import.js";
import fc from "../support/property.js";
import { createImportTest, customer, type ImportTest, lineItem, order, type Resource, ref, refs } from "./support.js";

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

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();

describe("what upstream says counts", () => {
  const stated = { status: "repeat", total_orders_count: 7, has_password: true, updated_at: at(1) };

  test("status, counts, has_password and times are stored as stated, whatever is here", async () => {
    const lines = { lines: lineItem("l1", "o1", { sku_code: "A", quantity: 3, updated_at: at(1) }) };
    const { summary } = await db.apply({
      data: [customer("c1", stated), order("o1", { skus_count: 9, placed_at: at(0), updated_at: at(1) }, "c1")],
      included: [lines.lines],
    });
    expect(summary.recomputed).toEqual([]);
    const row = async () =>
      (await db.rows("SELECT status, total_orders_count, has_password, updated_at FROM customers"))[0];
    const expected = { ...stated, updated_at: new Date(at(1)) };
    expect(await row()).toEqual(expected);
    expect(await db.rows("SELECT skus_count FROM orders")).toEqual([{ skus_count: 9 }]);
    // Children that come later, other changes of the row, and the same once more.
    await db.apply({ data: [order("o2", { placed_at: at(0) }, "c1"), lineItem("l2", "o1")] });
    await db.apply({ data: customer("c1", { reference: "R", updated_at: at(1) }) });
    expect(await row()).toEqual(expected);
    expect(await db.rows("SELECT skus_count FROM orders WHERE id = 'o1'")).toEqual([{ skus_count: 9 }]);
    expect((await db.apply({ data: customer("c1", stated) })).counts.customers).toEqual([0, 0, 1, 0]);
    await db.rows("UPDATE customers SET metadata = '{\"a\": 1}'");
    expect(await row()).toMatchObject({ status: "repeat", total_orders_count: 7, has_password: true });
    // A change here that is not the mirror's counts.
    await db.rows(
      "INSERT INTO orders (id, mode, number, customer_id, placed_at) VALUES ('o9', 'test', 'N9', 'c1', now())",
    );
    expect(await row()).toMatchObject({ status: "repeat", total_orders_count: 8 });
  });

  test("what they do not state is computed for a new row", async () => {
    await db.apply({ data: customer("c", { total_orders_count: 1 }) });
    expect(await db.rows("SELECT status, has_password FROM customers")).toEqual([
      { status: "acquired", has_password: false },
    ]);
  });

  test("writers other than the mirror cannot state them", async () => {
    await db.rows(
      "INSERT INTO customers (id, mode, email, status, has_password) VALUES ('c', 'test', 'c@x.com', 'repeat', true)",
    );
    await db.rows("UPDATE customers SET status = 'acquired', has_password = true");
    expect(await db.rows("SELECT status, has_password, version FROM customers")).toEqual([
      { status: "prospect", has_password: false, version: 1 },
    ]);
  });
});

describe("the newest statement wins", () => {
  const orderAt = (second: number, lines: string[], attributes: object = {}) => ({
    data: {
      ...order("o1", { updated_at: at(second), reference: `at ${second}`, ...attributes }),
      relationships: { line_items: refs("line_items", ...lines) },
    },
    included: lines.map((id) => lineItem(id, "o1", { updated_at: at(second) })),
  });

  test("a complete list replaces the former one, and an older one does not", async () => {
    const ids = async () => (await db.rows("SELECT id FROM line_items ORDER BY 1")).map(({ id }) => id);
    await db.apply(orderAt(1, ["l1", "l2"]));
    await db.apply(orderAt(2, ["l2", "l3"]));
    expect(await ids()).toEqual(["l2", "l3"]);
    const { summary } = await db.apply(orderAt(1, ["l1", "l2"]));
    expect(summary.outdated).toBe(3);
    expect(await ids()).toEqual(["l2", "l3"]);
    expect(await db.rows("SELECT reference FROM orders")).toEqual([{ reference: "at 2" }]);
    // An order without a list says nothing about its lines; an empty list does.
    await db.apply({ data: order("o1", { updated_at: at(3) }) });
    expect(await ids()).toEqual(["l2", "l3"]);
    await db.apply(orderAt(3, []));
    expect(await ids()).toEqual([]);
  });

  test("a history applied in any order, in any parts and repeatedly, ends as in its own order", async () => {
    const tags = ["t1", "t2", "t3"].map(
      (id): Resource => ({ type: "tags", id, attributes: { name: id, updated_at: at(0) } }),
    );
    const customers = ["c1", "c2"];
    const step = fc.record({
      what: fc.constantFrom("customer", "order"),
      id: fc.constantFrom("1", "2"),
      owner: fc.constantFrom(...customers),
      lines: fc.subarray(["a", "b", "c"]),
      tags: fc.subarray(["t1", "t2", "t3"]),
      text: fc.string({ minLength: 1, maxLength: 5, unit: "grapheme-ascii" }),
      count: fc.nat(9),
    });
    const documentOf = (
      { what, id, owner, lines, tags, text, count }: typeof step extends Arbitrary<infer T> ? T : never,
      second: number,
    ) => {
      const common = { updated_at: at(second), metadata: { text } };
      if (what === "customer") {
        const attributes = {
          ...common,
          total_orders_count: count,
          status: count > 4 ? "repeat" : "prospect",
          has_password: count > 2,
        };
        return { data: { ...customer(`c${id}`, attributes), relationships: { tags: refs("tags", ...tags) } } };
      }
      const ids = lines.map((line) => `${line}${id}`);
      const relationships = {
        customer: ref("customers", owner),
        line_items: refs("line_items", ...ids),
        tags: refs("tags", ...tags),
      };
      return {
        data: { ...order(`o${id}`, { ...common, skus_count: count }), relationships },
        included: ids.map((line) => lineItem(line, `o${id}`, { updated_at: at(second), metadata: { text } })),
      };
    };
    const state = async () => {
      const all: unknown[] = [];
      for (const columns of [
        "id, status, total_orders_count, has_password, metadata, updated_at FROM customers",
        "id, customer_id, skus_count, metadata, updated_at FROM orders",
        "id, order_id, metadata, updated_at FROM line_items",
        "* FROM customer_tags",
        "* FROM order_tags",
      ])
        all.push(await db.rows(`SELECT ${columns} ORDER BY 1, 2`));
      return all;
    };
    const start = async () => {
      await db.clear();
      await db.apply({ data: [...tags, ...customers.map((id) => customer(id, { updated_at: at(0) }))] });
    };
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 1, maxLength: 8 }),
        fc.infiniteStream(fc.nat()),
        async (history, random) => {
          const documents = history.map((one, index) => documentOf(one, index + 1));
          await start();
          for (const document of documents) await db.apply(document);
          const expected = await state();
          const draw = (below: number) => random.next().value! % below;
          const shuffled = [...documents, ...documents.filter(() => draw(2))].map((document) => ({
            document,
            rank: draw(1e6),
          }));
          shuffled.sort((a, b) => a.rank - b.rank);
          await start();
          for (let rest = shuffled.map(({ document }) => document); rest.length > 0; ) {
            const { issues } = await db.apply(...rest.splice(0, 1 + draw(3)));
            expect(issues.filter((issue) => !issue.startsWith("outdated"))).toEqual([]);
          }
          expect(await state()).toEqual(expected);
        },
      ),
      { numRuns: 12 },
    );
  }, 240_000);
});

test("a child that comes before its parent is reported, and stored when it comes again with it", async () => {
  const first = await db.apply({ data: [lineItem("l1", "o1"), order("o2", {}, "c1")] });
  expect(first.issues.sort()).toEqual([
    "dangling orders o2 /data/1/relationships/customer: customers c1 does not exist",
    "refused line_items l1 /data/0/relationships/order: orders o1 does not exist",
  ]);
  const second = await db.apply(
    { data: lineItem("l1", "o1"), included: [order("o1")] },
    { data: order("o2", {}, "c1"), included: [customer("c1")] },
  );
  expect(second.issues).toEqual([]);
  expect(await db.rows("SELECT customer_id FROM orders WHERE id = 'o2'")).toEqual([{ customer_id: "c1" }]);
});
