import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";

/** Identity of a running transaction, to look it up from another connection. */
export interface TransactionId {
  xid: string;
  /**
   * When the server's statistics were last reset, which a crash does too. Transaction ids that had not reached the disk
   * are given out again after a crash, so across one a committed id may be another transaction's.
   */
  epoch: string;
}

/** Begins a write transaction and reads its id, in one round trip with its first statements. */
export async function beginWrite(
  send: (query: pg.QueryConfig) => Promise<unknown>,
  settings: readonly string[],
): Promise<TransactionId> {
  const id = "SELECT pg_current_xact_id()::text AS xid, pg_stat_get_bgwriter_stat_reset_time()::text AS epoch";
  const text = ["BEGIN", id, ...settings].join("; ");
  const [, read] = (await send({ text })) as pg.QueryResult<TransactionId>[];
  return read!.rows[0]!;
}

/** Whether PostgreSQL closes the connection with this error. */
export function endsConnection(error: unknown): boolean {
  return error instanceof pg.DatabaseError && (error.severity === "FATAL" || error.severity === "PANIC");
}

/** Maximum time to look up an outcome: a killed PostgreSQL has recovered by then. */
const patienceMs = 5_000;

/** Looks up the outcome of a transaction whose COMMIT was sent but not acknowledged. */
export async function outcomeOf(
  connect: () => pg.Client,
  { xid, epoch }: TransactionId,
): Promise<"committed" | "aborted" | "unknown"> {
  const until = Date.now() + patienceMs;
  for (let waitMs = 20; Date.now() < until; waitMs = Math.min(2 * waitMs, 500)) {
    const client = connect();
    client.on("error", () => {});
    // Do not wait for a server that accepts the connection and does not respond.
    const timer = setTimeout(() => client.end().catch(() => {}), until - Date.now());
    try {
      await client.connect();
      for (; Date.now() < until; waitMs = Math.min(2 * waitMs, 500)) {
        const { rows } = await client.query<{ status: string | null; same: boolean }>(statusSql, [xid, epoch]);
        const { status, same } = rows[0]!;
        if (status === "aborted") return status;
        if (status === "committed") return same ? status : "unknown";
        if (status === null) return "unknown";
        // The backend still waits for COMMIT: it has not noticed the lost connection.
        if (same) await client.query(endIdleSql, [xid]);
        await sleep(waitMs);
      }
    } catch (error) {
      // An unassigned id: a crash came before anything of the transaction reached the disk.
      if (error instanceof pg.DatabaseError && error.code === "22023") return "aborted";
      await sleep(waitMs);
    } finally {
      clearTimeout(timer);
      client.end().catch(() => {});
    }
  }
  return "unknown";
}

const statusSql = `SELECT pg_xact_status($1::xid8) AS status,
  pg_stat_get_bgwriter_stat_reset_time()::text IS NOT DISTINCT FROM $2 AS same`;

const endIdleSql = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
  WHERE backend_xid = $1::xid8::xid AND state = 'idle in transaction'`;
