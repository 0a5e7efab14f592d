import type pg from "pg";
import { aboutOf, type ModelName, modelNamed, models } from "../src/graph/model/datamodel.js";
import { createTestDatabase, poolOf } from "./support/database.js";
import { createWorld, type Row } from "./support/rows.js";

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

test("rows of one model do not depend on what other models there are", async () => {
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
