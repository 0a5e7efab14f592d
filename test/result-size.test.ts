import { createTestApp, type TestApp } from "./support/app.js";

const apps: TestApp[] = [];
async function start(options: Parameters<typeof createTestApp>[0] = {}) {
  const app = await createTestApp({ poolSize: 1, ...options });
  apps.push(app);
  return app;
}
afterAll(async () => {
  for (const app of apps.splice(0).reverse()) await app.stop();
});

const own = { kind: "customer", id: "cus_ada" } as const;
/** JSON that PostgreSQL cannot compress to nothing, of about so many characters. */
const filled = (characters: number) =>
  `jsonb_build_object('text', (SELECT string_agg(md5(g::text), '') FROM generate_series(1, ${characters} / 32) g))`;

/** A shop with metadata on everything, and a customer with many lists. */
let shop: TestApp;
beforeAll(async () => {
  shop = await start();
  const { query } = shop.database;
  await query(
    `INSERT INTO sku_lists (id, mode, name, slug, customer_id, metadata)
     SELECT 'skl_size' || n, 'test', 'list ' || n, 'size-' || n, 'cus_ada', ${filled(5_000)} FROM generate_series(1, 20) n`,
    [],
  );
  for (const table of ["customers", "orders", "line_items"]) {
    await query(`UPDATE ${table} SET metadata = ${filled(20_000)}`, []);
  }
});

const aliases = (count: number, selection: string) =>
  Array.from({ length: count }, (_, i) => `a${i}: ${selection}`).join(" ");
const lists = "skuLists(first: 20) { nodes { id metadata } }";
const nested = `orders(first: 5) { nodes { metadata lineItems(first: 5) { nodes { metadata order { metadata } } } } }`;

/** One answer in each way that there is to answer. */
const ways: [name: string, document: string][] = [
  ["written by PostgreSQL", `{ customer(by: { id: "cus_ada" }) { ${aliases(10, lists)} } }`],
  ["a root list written by PostgreSQL", `{ ${aliases(10, lists)} }`],
  ["nested, written by PostgreSQL", `{ customers(first: 20) { nodes { id metadata ${nested} } } }`],
  ["nested, under aliases", `{ customers(first: 20) { nodes { id ${aliases(3, nested)} } } }`],
  [
    "written from rows",
    `{ customer(by: { id: "cus_ada" }) { ${aliases(10, "skuLists(first: 20) { edges { cursor node { metadata } } }")} } }`,
  ],
  ["nested, written from rows", `{ customers(first: 20) { edges { cursor node { metadata ${nested} } } } }`],
  [
    "a row with one value many times",
    `{ customer(by: { id: "cus_ada" }) { skuLists(first: 20) { nodes { ${aliases(40, "metadata")} } } } }`,
  ],
  [
    "from the end",
    `{ customer(by: { id: "cus_ada" }) { ${aliases(10, "skuLists(last: 20) { nodes { id metadata } }")} } }`,
  ],
  ["given by resolvers over rows", `{ viewer { customer { ${aliases(10, lists)} } } }`],
  [
    "without the one value many times, by resolvers",
    `{ viewer { customer { skuLists(first: 20) { nodes { ${aliases(40, "metadata")} } } } } }`,
  ],
];

test.each(ways)(
  "%s: an answer within the limit is sent, a larger one is an error, other requests are not affected",
  async (_, document) => {
    const as = document.includes("viewer") ? own : { kind: "integration" as const };
    const whole = await shop.query(document, {}, { as });
    expect(whole.errors).toBeUndefined();
    const size = JSON.stringify(whole.data).length;
    for (const planned of [true, false]) {
      const ample = await start({ sharing: shop, resultBytes: Math.round(size * 1.5), planned });
      expect((await ample.query(document, {}, { as })).data).toEqual(whole.data);
      const scarce = await start({ sharing: shop, resultBytes: Math.round(size * 0.6), planned });
      const pid = async () => (await scarce.database.query("SELECT pg_backend_pid()", []))[0]![0];
      const before = await pid();
      const { data, errors } = await scarce.query(document, {}, { as });
      expect(errors![0]).toMatchObject({
        message: expect.stringMatching(/would hold more than .* smaller pages/),
        extensions: { code: "COST_LIMIT", maximumBytes: Math.round(size * 0.6) },
      });
      expect(JSON.stringify(data ?? null).length).toBeLessThan(size);
      // PostgreSQL itself refused to make it: the connection was not given up.
      if (planned) expect(await pid()).toBe(before);
      expect((await scarce.query("{ tags(first: 1) { nodes { id } } }", {})).errors).toBeUndefined();
      expect(scarce.logged.filter((line) => /"(error|warn)"/.test(line))).toEqual([]);
    }
  },
);

test("an answer without any data has status 400, and the statement ran once", async () => {
  const app = await start({ sharing: shop, resultBytes: 100_000 });
  app.statements();
  const answer = await app.query(ways[1]![1]);
  expect([answer.status, answer.extensions.statements]).toEqual([400, 1]);
  expect(app.statements()).toHaveLength(1);
});

test("requests that share a statement: an answer that fits is sent, though all together exceed the limit", async () => {
  const document = "{ skuLists(first: 20) { nodes { id metadata } } }";
  const { data } = await shop.query(document);
  const size = JSON.stringify(data).length;
  for (const [resultBytes, least, most] of [
    [size * 50, 2, 4],
    [Math.round(size * 1.5), 3, 11],
  ] as const) {
    const app = await start({ sharing: shop, resultBytes });
    await app.query(document);
    app.statements();
    // While the connection is taken, requests gather.
    const taken = await app.database.pool.connect();
    const sending = Array.from({ length: 8 }, () => app.query(document));
    await new Promise((resolve) => setTimeout(resolve, 500));
    taken.release();
    for (const answer of await Promise.all(sending)) expect(answer.data).toEqual(data);
    const sent = app.statements().map(({ text }) => text);
    expect(sent.every((text) => text.includes("check_result_size"))).toBe(true);
    expect(sent.length).toBeGreaterThanOrEqual(least);
    expect(sent.length).toBeLessThanOrEqual(most);
  }
});

test("only queries whose answer may be too large run check_result_size", async () => {
  const app = await start({ sharing: shop });
  app.statements();
  await app.query(
    "{ customers(first: 20) { nodes { email metadata orders(first: 5) { nodes { number lineItems(first: 10) { nodes { name } } } } } } }",
  );
  await app.query(`{ ${aliases(10, lists)} }`);
  const measured = app.statements().map(({ text }) => text.includes("check_result_size"));
  expect(measured).toEqual([false, true]);
});

test("a mutation with an answer too large is committed, and says so", async () => {
  const app = await start({ sharing: shop, resultBytes: 60_000 });
  const { data, errors } = await app.query(
    `mutation { customerUpdate(id: "cus_bruno", input: { reference: "large" }) { customer { ${aliases(50, "metadata")} } } }`,
  );
  expect(data).toBeNull();
  expect(errors![0]!.extensions.outcome).toBe("COMMITTED");
  expect(errors![0]!.message).toMatch(/^The changes were made, but the answer would hold more than 60000 bytes/);
  const { customer } = (await app.query('{ customer(by: { id: "cus_bruno" }) { reference } }')).data;
  expect(customer.reference).toBe("large");
});
