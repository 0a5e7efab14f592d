import { createTestApp } from "../support/app.js";
import { createWorld } from "../support/rows.js";
test("x", async () => {
  const app = await createTestApp({ demo: false });
  const t = performance.now();
  const world = await createWorld(app.database.pool, () => 100);
  console.log(performance.now() - t, [...world.rows].map(([n, r]) => `${n} ${r.length}`).join());
  const q = (s: string, v: unknown[] = []) => app.database.pool.query({ text: s, values: v, rowMode: "array" }).then((r) => r.rows);
  console.log(await q(`SELECT 'ÄB' COLLATE "C" ILIKE 'äb', 'ÄB' COLLATE "pg_c_utf8" ILIKE 'äb', 'ÄB' ILIKE 'äb', '{"a":["x"]}'::jsonb @> '{"a":"x"}'`));
  await app.stop();
});
