import type pg from "pg";
import { erasureLock } from "../erasure/erase.js";

/** The key of the advisory lock that imports have one at a time, because two would deadlock. */
const importLock = "hashtextextended('customer-graph import', 0)";

/** Waits for other imports; a killed one may still be running in the database. */
export async function lockImport(client: pg.Client, onWait: () => void = () => {}): Promise<void> {
  const { rows } = await client.query(`SELECT pg_try_advisory_lock(${importLock}) AS free`);
  if (rows[0].free) return;
  onWait();
  await client.query(`SELECT pg_advisory_lock(${importLock})`);
}

/** Waits for running erasures, and keeps others from beginning. */
export async function lockErasures(client: pg.Client): Promise<void> {
  await client.query(`SELECT pg_advisory_lock(${erasureLock})`);
}

/** Sets the actor in the audit trail. */
export async function actAs(client: pg.Client, id: string, type: string): Promise<void> {
  await client.query("SELECT set_config('customer_graph.who', $1, false)", [JSON.stringify({ worker: { id, type } })]);
}

/** Runs `work` as the mirror, while no import runs. The connection keeps no lock and no setting. */
export async function asMirror<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await lockImport(client);
  try {
    await actAs(client, "mirror", "Mirror");
    await client.query("SELECT set_config('customer_graph.mirror', 'on', false)");
    return await work();
  } finally {
    // A lost connection has released everything.
    await client
      .query(
        `ROLLBACK; RESET customer_graph.who; RESET customer_graph.mirror;
         SELECT pg_advisory_unlock(${erasureLock}), pg_advisory_unlock(${importLock})`,
      )
      .catch(() => {});
  }
}
