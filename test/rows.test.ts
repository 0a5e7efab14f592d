import type pg from "pg";
import { aboutOf, type ModelName, modelNamed, models } from "../src/graph/model/datamodel.js";
import { type Caller, createTestApp, type TestApp } from "./support/app.js";
import { createTestDatabase, poolOf } from "./support/database.js";
import { createWorld, insert, type Row } from "./support/rows.js";

/** The rows that tests are made of. */

async function worldWith(count: (model: ModelName) => number): Promise<Map<ModelName, Row[]>> {
  const database = await createTestDatabase();
  const pool: pg.Pool = poolOf(database);
  try {
    return (await createWorld(pool, count)).rows;
  } finally {
    await pool.end();
    await database.drop();
  }
}

test("addRows: rows of one model do not depend on other models", async () => {
  const alone: ModelName = "CustomerSubscription"; // nothing refers to it, but what may be about anything
  const withIt = await worldWith(() => 60);
  const without = await worldWith((model) => (model === alone ? 0 : 60));
  const others = [...models.keys()].filter((name) => name !== alone);
  for (const name of others) {
    const about = aboutOf(modelNamed(name));
    const isAboutIt = (row: Row) => Boolean(about && row[about.typeField] === modelNamed(alone).table);
    const kept = withIt.get(name)!.filter((row) => !isAboutIt(row));
    const ids = new Set(kept.map(({ id }) => id));
    expect([name, without.get(name)!.filter(({ id }) => ids.has(id))]).toEqual([name, kept]);
  }
  expect([withIt.get(alone)!.length, without.get(alone)!.length]).toEqual([expect.any(Number), 0]);
  const abouts = ["Attachment", "Event", "EventStore"] as const;
  const types = abouts.flatMap((name) => withIt.get(name)!.map((row) => row.attachableType ?? row.resourceType));
  expect(types).toContain("customer_subscriptions");
}, 60_000);

describe("insert()", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await createTestApp({ demo: false });
  });
  afterAll(() => app.stop());

  test.each([...models.keys()])("a %s needs no values and can be inserted twice, in both modes", async (name) => {
    for (const mode of [undefined, undefined, "live"] as const) {
      const { id, mode: stored } = await insert(app.database.query, name, { mode });
      expect(stored).toBe(mode ?? "test");
      const as: Caller = { kind: "integration", mode };
      const { data } = await app.query("query ($id: ID!) { node(id: $id) { id } }", { id }, { as });
      expect(data).toEqual({ node: { id } });
    }
  });

  test("takes given values, and reuses parents", async () => {
    const { query } = app.database;
    const order = await insert(query, "Order", { number: "own", status: "placed" });
    expect(order).toMatchObject({ number: "own", status: "placed", customerId: null });
    expect(await insert(query, "LineItem", { orderId: order.id })).toMatchObject({ orderId: order.id, quantity: 1 });
    const { returnId, lineItemId } = await insert(query, "ReturnLineItem", { mode: "live" });
    const orders = await query(
      `SELECT o.mode, r.mode, l.mode FROM returns r JOIN orders o ON o.id = r.order_id JOIN line_items l ON l.order_id = o.id
       WHERE r.id = $1 AND l.id = $2`,
      [returnId, lineItemId],
    );
    expect(orders).toEqual([["live", "live", "live"]]);
  });

  test.each([
    [{ attachableId: "ord_1" }, "orders"],
    [{ attachableType: "returns" }, "returns"],
    [{}, "customers"],
  ])("a polymorphic row with %j is about one of the %s", async (values, table) => {
    const { query } = app.database;
    if (table === "orders") await insert(query, "Order", { id: "ord_1" });
    const { attachableType, attachableId } = await insert(query, "Attachment", values);
    expect(attachableType).toBe(table);
    expect(await query(`SELECT id FROM "${table}" WHERE id = $1`, [attachableId])).toEqual([[attachableId]]);
  });
});
