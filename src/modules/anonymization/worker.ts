import { setTimeout as sleep } from "node:timers/promises";
import type { Database, Query } from "../../database/client.js";
import { customerRows } from "../../erasure/customer-rows.js";
import { type Erased, erase, erasureLock } from "../../erasure/erase.js";
import { refreshStatistics, staleStatistics } from "../../erasure/statistics.js";
import type { Mode } from "../../graph/access/viewer.js";
import { manifestDigest } from "../../graph/model/manifest.js";
import type { SigningKeys } from "../../identity/keys.js";
import type { Revocations } from "../../identity/revocations.js";
import { endSessionsOf } from "../../identity/sessions.js";
import { factsOf, type Logger } from "../../telemetry/logger.js";
import { signReceipt } from "./receipt.js";

export interface WorkerOptions {
  database: Database;
  keys: SigningKeys;
  /** Signs the receipts. */
  issuer: string;
  revocations: Revocations;
  log: Logger;
  now: () => Date;
  /** Grace period, counted from when this gateway learned of the request, in which it can be cancelled. */
  graceMs: number;
  /** Poll interval while idle. */
  pollMs?: number;
  /** Hook called before each statement; tests use it to interrupt the erasure. */
  step?: (name: "started" | "erased" | "completed", customerId: string) => void | Promise<void>;
}

/** Maximum attempts per erasure; the delay starts at 30 seconds and doubles with each attempt. */
const maximumAttempts = 5;
const firstWaitMs = 30_000;

/**
 * Minimum interval between refreshes of the planner's statistics after erasures, because ANALYZE samples whole tables.
 */
const statisticsMs = 600_000;

const who = JSON.stringify({ worker: { id: "anonymization", type: "AnonymizationWorker" } });

/**
 * Processes `anonymizationRequest`. The customers' rows are the job queue: a request is due after its grace period, a
 * worker locks the row and others skip it (SKIP LOCKED), and an interrupted job is picked up again as `started`. There
 * is no second state to keep in step, and any number of processes may run.
 */
export class AnonymizationWorker {
  private stopping = new AbortController();
  private running: Promise<void> | undefined;
  private failing = false;
  /** Tables whose statistics may contain erased values; undefined before the first check. */
  private stale: Set<string> | undefined;
  private refreshedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: WorkerOptions) {}

  /** Polls in the background until `stop`. */
  start() {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** Erases all due customers, refreshes statistics, and returns the number of completed erasures. */
  async drain(): Promise<number> {
    const completed = await this.completeDue();
    await this.refreshStatistics();
    return completed;
  }

  private async completeDue(): Promise<number> {
    this.stale ??= await staleStatistics(this.options.database);
    let completed = 0;
    for (;;) {
      if (this.stopping.signal.aborted) return completed;
      const next = await this.next();
      if (!next) return completed;
      if (await this.work(next)) completed++;
    }
  }

  /**
   * Erases a customer's data now, whatever its state, for customers restored from a backup. `untouched`: already
   * erased, or not found; `failed`: see the log, and workers retry.
   */
  async eraseAgain(id: string): Promise<"erased" | "untouched" | "failed"> {
    const { database, now } = this.options;
    const due = await database.transaction(async (query) => {
      await query("SELECT set_config('customer_graph.who', $1, true)", [who]);
      const at = now();
      const rows = await query(
        `UPDATE customers SET anonymization_status = 'started', anonymization_started_at = $2, legal_hold_at = NULL,
           anonymization_requested_at = coalesce(anonymization_requested_at, $2), anonymization_received_at = to_timestamp(0)
         WHERE id = $1 AND anonymization_status IS DISTINCT FROM 'completed' RETURNING 1`,
        [id, at],
      );
      return rows.length > 0;
    });
    if (!due) return "untouched";
    if (await this.work(id)) return "erased";
    // Waits if another worker holds the row.
    const [row] = await database.query("SELECT anonymization_status FROM customers WHERE id = $1 FOR NO KEY UPDATE", [
      id,
    ]);
    return row?.[0] === "completed" ? "erased" : "failed";
  }

  private async run() {
    const { log, pollMs = 2_000 } = this.options;
    while (!this.stopping.signal.aborted) {
      try {
        await this.completeDue();
        if (performance.now() - this.refreshedAt >= statisticsMs) await this.refreshStatistics();
        this.failing = false;
      } catch (error) {
        // Logged once, not on every poll, because an outage may last.
        if (!this.failing) log.warn("Anonymizations cannot be carried out for now.", factsOf(error));
        this.failing = true;
      }
      await sleep(pollMs, undefined, { signal: this.stopping.signal }).catch(() => {});
    }
  }

  /**
   * Refreshes the planner's statistics, which hold samples of column values until the next ANALYZE; after a crash the
   * next worker does it.
   */
  async refreshStatistics(): Promise<void> {
    const { database } = this.options;
    this.stale ??= await staleStatistics(database);
    if (!this.stale.size) return;
    this.refreshedAt = performance.now();
    for (const table of this.stale) {
      await refreshStatistics(database, table);
      this.stale.delete(table);
    }
  }

  /** Claims the next due customer and records that the erasure started. */
  private next(): Promise<string | undefined> {
    const { database, now, graceMs, step } = this.options;
    return database.transaction(async (query) => {
      const at = now();
      if (!(await begin(query))) return undefined;
      // Interrupted jobs first, then new ones; each query is a single index lookup.
      const since = new Date(at.getTime() - graceMs);
      const due = (status: string) =>
        query(
          `SELECT id FROM customers WHERE anonymization_status = $1::anonymization_status
             AND anonymization_received_at <= $2 AND legal_hold_at IS NULL
             AND (anonymization_retry_at IS NULL OR anonymization_retry_at <= $3)
           ORDER BY anonymization_received_at LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED`,
          [status, since, at],
        ) as Promise<[string][]>;
      const [brokenOff] = await due("started");
      if (brokenOff) return brokenOff[0];
      const [requested] = await due("requested");
      if (!requested) return undefined;
      const [id] = requested;
      await query(
        "UPDATE customers SET anonymization_status = 'started', anonymization_started_at = $2 WHERE id = $1",
        [id, at],
      );
      await step?.("started", id);
      return id;
    });
  }

  /** Erases one customer's data in a single transaction. */
  private async work(id: string): Promise<boolean> {
    try {
      const done = await this.options.database.transaction((query) => this.complete(query, id));
      if (!done) return false;
      for (const [table, count] of Object.entries(done.rows)) if (count) this.stale?.add(table);
      done.sessions();
      return true;
    } catch (error) {
      await this.failed(id, error);
      return false;
    }
  }

  private async complete(query: Query, id: string): Promise<{ rows: Erased; sessions: () => void } | undefined> {
    const { now, keys, issuer, log, step } = this.options;
    if (!(await begin(query))) {
      log.info("An import is writing; erasures wait for its end.", { customer: id });
      return undefined;
    }
    const [row] = (await query(
      `SELECT mode, coalesce(anonymization_requested_at, anonymization_received_at),
         coalesce(anonymization_started_at, anonymization_received_at) FROM customers
       WHERE id = $1 AND anonymization_status = 'started' AND legal_hold_at IS NULL FOR NO KEY UPDATE SKIP LOCKED`,
      [id],
    )) as [Mode, Date, Date][];
    // Another worker is processing it, or has finished.
    if (!row) return undefined;
    const [mode, requestedAt, startedAt] = row;
    // domain rule: the customer's recurring orders are cancelled first.
    await query(
      `UPDATE order_subscriptions t SET status = 'cancelled' WHERE t.status <> 'cancelled' AND ${customerRows.OrderSubscription}`,
      [id],
    );
    const sessions = await endSessionsOf(this.options, query, id);
    // Erased values must not reappear as the audit trail's "from".
    await query("SELECT set_config('customer_graph.audit', 'off', true)", []);
    const rows = await erase(query, id);
    await query("SELECT set_config('customer_graph.audit', 'on', true)", []);
    await step?.("erased", id);
    const completedAt = now();
    const receipt = await signReceipt(
      {
        issuer,
        customerId: id,
        mode,
        requestedAt: requestedAt.toISOString(),
        startedAt: startedAt.toISOString(),
        completedAt: completedAt.toISOString(),
        rows,
        manifestDigest,
      },
      keys,
    );
    await query(
      `UPDATE customers SET anonymization_status = 'completed', anonymization_completed_at = $2,
         anonymization_receipt = $3, anonymization_retry_at = NULL WHERE id = $1`,
      [id, completedAt, receipt],
    );
    await step?.("completed", id);
    return { rows, sessions };
  }

  /** Records a failed attempt: schedules a retry, or marks the erasure as failed for good. */
  private async failed(id: string, error: unknown) {
    const { database, log, now } = this.options;
    log.error("An anonymization was broken off.", { customer: id, ...factsOf(error) });
    await database.transaction(async (query) => {
      await query("SELECT set_config('customer_graph.who', $1, true)", [who]);
      const [row] = (await query(
        `SELECT anonymization_attempts FROM customers WHERE id = $1 AND anonymization_status = 'started'
         FOR NO KEY UPDATE SKIP LOCKED`,
        [id],
      )) as [number][];
      if (!row) return;
      const attempts = row[0] + 1;
      if (attempts >= maximumAttempts) {
        await query(
          `UPDATE customers SET anonymization_status = 'failed', anonymization_failed_at = $2,
             anonymization_attempts = $3, anonymization_retry_at = NULL WHERE id = $1`,
          [id, now(), attempts],
        );
        return;
      }
      const retryAt = new Date(now().getTime() + firstWaitMs * 2 ** (attempts - 1));
      await query("UPDATE customers SET anonymization_attempts = $2, anonymization_retry_at = $3 WHERE id = $1", [
        id,
        attempts,
        retryAt,
      ]);
    });
  }
}

/** Sets the actor of the transaction, and aborts while an import is writing. */
async function begin(query: Query): Promise<boolean> {
  const [row] = await query(
    `SELECT set_config('customer_graph.who', $1, true), pg_try_advisory_xact_lock_shared(${erasureLock})`,
    [who],
  );
  return row?.[1] === true;
}
