import { models } from "../src/graph/model/datamodel.js";
import { createTestApp, type TestApp } from "./support/app.js";
import { lookUps, resourceTypes } from "./support/graph.js";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
  const { prisma } = app.database;
  await prisma.customer.createMany({
    data: [
      { id: "twin", mode: "test", email: "twin@example.com" },
      { id: "other-world", mode: "live", email: "other@example.com" },
      { id: "half-seen", mode: "live", email: "half@example.com" },
      { id: "pAqRsTuVwX", mode: "test", email: "imported@example.com" },
    ],
  });
  await prisma.order.createMany({
    data: [
      { id: "twin", mode: "test", number: "twin" },
      { id: "half-seen", mode: "test", number: "half" },
      { id: "QWERTY", mode: "test", number: "imported" },
      { id: "cus_nonsense", mode: "test", number: "misnamed" },
    ],
  });
  await prisma.paymentSource.createMany({
    data: (await app.database.query("SELECT unnest(enum_range(NULL::payment_source_type))::text", [])).map(
      ([kind]) => ({
        id: `imported ${kind}`,
        mode: "test",
        kind: kind as "adyen_payments",
      }),
    ),
  });
});
afterAll(() => app.stop());

async function nodes(...ids: string[]) {
  app.statements();
  const answer = await app.query("query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id type } }", { ids });
  return { nodes: answer.data?.nodes, errors: answer.errors, sent: app.statements().map(({ text }) => text) };
}

async function node(id: string) {
  app.statements();
  const { data, errors } = await app.query("query ($id: ID!) { node(id: $id) { __typename id type } }", { id });
  return { node: data?.node, errors, sent: app.statements().map(({ text }) => text) };
}

test("node finds every resource type by id", async () => {
  const seen: string[] = [];
  for (const { name, table } of models.values()) {
    const kind = name === "PaymentSource" ? "kind" : `'${table}'`;
    const { rows } = await app.database.pool.query(
      `SELECT DISTINCT ON (2) id, ${kind} AS type FROM "${table}" WHERE mode = 'test' ORDER BY 2, created_at`,
    );
    expect({ table, rows: rows.length > 0 }).toEqual({ table, rows: true });
    for (const { id, type } of rows) {
      const answer = await node(id);
      const className = type
        .replace(/s$/, "")
        .replace(/(^|_)(\w)/g, (_: string, __: string, c: string) => c.toUpperCase());
      const __typename = className.replace(/Addresse$/, "Address");
      expect(answer).toMatchObject({ errors: undefined, node: { __typename, id, type } });
      seen.push(__typename);
    }
  }
  expect(seen.sort()).toEqual([...resourceTypes].sort());
});

test("node: a known id prefix costs one look-up in one table", async () => {
  const { node: ada, sent } = await node("cus_ada");
  expect(ada).toEqual({ __typename: "Customer", id: "cus_ada", type: "customers" });
  expect(sent).toHaveLength(1);
  expect(sent[0]!.match(/ FROM "\w+"/g)).toEqual([' FROM "customers"']);
  // What a prefix says is believed.
  expect((await node("cus_nonsense")).node).toBeNull();
});

test("nodes keeps the order and duplicates of the ids, with one statement per type", async () => {
  const asked = ["mkt_europe", "cus_ada", "cus_none", "mkt_europe", "cus_bruno", "tag_vip"];
  const answer = await nodes(...asked);
  expect(answer.nodes.map((found: { id: string } | null) => found?.id ?? null)).toEqual(
    asked.map((id) => (id === "cus_none" ? null : id)),
  );
  expect(answer.sent).toHaveLength(3);
});

test("ids without a known prefix cost one statement over all tables, and one for each type found", async () => {
  const { node: found, sent } = await node("QWERTY");
  expect(found).toMatchObject({ __typename: "Order" });
  expect(sent).toHaveLength(2);
  expect(sent[0]!.split("UNION ALL")).toHaveLength(models.size);

  const several = await nodes("QWERTY", "nothing", "pAqRsTuVwX", "half-seen", "nobody");
  expect(several.nodes.map((one: { type: string } | null) => one?.type)).toEqual([
    "orders",
    undefined,
    "customers",
    "orders",
    undefined,
  ]);
  expect(several.sent).toHaveLength(3);
  expect((await nodes("nothing", "nobody")).sent).toHaveLength(1);
});

test("an id of two types is an error that names the fields to use, and does not affect other ids", async () => {
  const { errors } = await node("twin");
  expect(errors).toEqual([
    expect.objectContaining({
      message: '`id` stands for several resources; ask `customer` or `order` for "twin".',
      path: ["node"],
      extensions: { code: "BAD_USER_INPUT", argument: ["id"] },
    }),
  ]);
  const named = errors![0]!.message
    .match(/`(\w+)`/g)!
    .slice(1)
    .map((name) => name.slice(1, -1));
  for (const field of named) {
    const { argument } = lookUps.find((lookUp) => lookUp.field === field)!;
    const { data } = await app.query(
      `{ ${field}(${argument}: ${argument === "by" ? '{ id: "twin" }' : '"twin"'}) { id } }`,
    );
    expect(data[field]).toEqual({ id: "twin" });
  }
  const answer = await nodes("cus_ada", "twin", "QWERTY");
  expect(answer.nodes.map((found: { id: string } | null) => found?.id ?? null)).toEqual(["cus_ada", null, "QWERTY"]);
  expect(answer.errors?.map(({ path }) => path)).toEqual([["nodes", 1]]);
});

test("attachments of a resource are not those of another type with the same id", async () => {
  await app.database.prisma.attachment.create({
    data: { id: "att_twin", mode: "test", name: "Note", attachableType: "orders", attachableId: "twin" },
  });
  const attachments = "attachments { totalCount nodes { id attachable { __typename } } }";
  const { data } = await app.query(
    `{ order(by: { id: "twin" }) { ${attachments} } customer(by: { id: "twin" }) { ${attachments} }
       customers(filter: { id: { eq: "twin" }, attachments: { some: {} } }) { totalCount } }`,
  );
  expect(data).toEqual({
    order: { attachments: { totalCount: 1, nodes: [{ id: "att_twin", attachable: { __typename: "Order" } }] } },
    customer: { attachments: { totalCount: 0, nodes: [] } },
    customers: { totalCount: 0 },
  });
});

test("node does not find ids of the other mode", async () => {
  const { rows } = await app.database.pool.query("SELECT id FROM customers WHERE mode = 'live' AND id LIKE 'cus\\_%'");
  expect(rows.length).toBeGreaterThan(0);
  expect(await node(rows[0].id)).toEqual({ ...(await node("cus_none")), sent: expect.any(Array) });
  expect(await node("other-world")).toEqual(await node("nothing"));
  expect((await node("half-seen")).node).toMatchObject({ __typename: "Order" });
});

test.each([
  ["nothing", ""],
  ["a prefix alone", "cus_"],
  ["quotes", "cus_'; DROP TABLE customers; --"],
  ["more quotes", `"'$1\\'`],
  ["LIKE's own characters", "cus_%"],
  ["letters of all scripts", "cus_佐藤😀"],
  ["ten thousand letters", `cus_${"x".repeat(10_000)}`],
  ["the name of a type", "customers"],
  ["what every object has", "__proto__"],
  ["what every object of a class has", "constructor"],
])("an id with %s is not found", async (_, id) => {
  expect(await node(id)).toMatchObject({ node: null, errors: undefined });
});

test("nodes accepts at most 100 ids", async () => {
  const ids = Array.from({ length: 101 }, (_, i) => `cus_${i}`);
  expect((await nodes(...ids)).errors?.[0]).toMatchObject({
    message: "`ids` has 101 ids; at most 100.",
    extensions: { code: "BAD_USER_INPUT", argument: ["ids"] },
  });
  expect(await nodes(...ids.slice(1))).toMatchObject({ nodes: Array(100).fill(null), errors: undefined });
  expect(await nodes()).toMatchObject({ nodes: [], errors: undefined, sent: [] });
});
