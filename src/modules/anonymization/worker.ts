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
  /** Who signs the receipts. */
  issuer: string;
  revocations: Revocations;
  log: Logger;
  now: () => Date;
  /** How long a request waits from when this gateway learned of it, so that it can be called off. */
  graceMs: number;
  /** How often it looks when there was nothing to do. */
  pollMs?: number;
  /** Told of every statement's turn, before it runs: tests break it off here. */
  step?: (name: "started" | "erased" | "completed", customerId: string) => void | Promise<void>;
}

/** How often an erasure is tried. Between two tries it waits twice as long as before, beginning with half a minute. */
const maximumAttempts = 5;
const firstWaitMs = 30_000;

/** How often, at most, a running worker refreshes the planner's statistics after erasures: it reads samples of whole tables. */
const statisticsMs = 600_000;

const who = JSON.stringify({ worker: { id: "anonymization", type: "AnonymizationWorker" } });

/**
 * Carries out what `anonymizationRequest` asked for. The customers' own rows are the queue: a request is due when its
 * grace has passed, whoever works locks the row and others skip it, and one that was broken off is found again as
 * `started` by whoever looks next. So there is nothing that could disagree with what customers and operators see, and any
 * number of processes may work at once.
 */
export class AnonymizationWorker {
  private stopping = new AbortController();
  private running: Promise<void> | undefined;
  private failing = false;
  /** The tables whose statistics may hold values of the erased; undefined until the first look. */
  private stale: Set<string> | undefined;
  private refreshedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly options: WorkerOptions) {}

  /** Works in the background until `stop`. */
  start() {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.running;
  }

  /** Carries out everything that is due, and forgets its values everywhere; gives how many erasures were completed. */
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
   * Erases a customer's data now, whatever its state: for what came back with a backup. `untouched`: it was erased
   * before, or is not there. `failed`: the log says why, and workers try again.
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
    // Another worker may have been faster; then this waits for it.
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
        // Once, not at every look: the database may be away for long.
        if (!this.failing) log.warn("Anonymizations cannot be carried out for now.", factsOf(error));
        this.failing = true;
      }
      await sleep(pollMs, undefined, { signal: this.stopping.signal }).catch(() => {});
    }
  }

  /**
   * PostgreSQL keeps samples of the values in a table until it analyses the table again. A worker that was killed before
   * this did it leaves it to the next one.
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

  /** Takes the next customer that is due, and notes that the work has begun. */
  private next(): Promise<string | undefined> {
    const { database, now, graceMs, step } = this.options;
    return database.transaction(async (query) => {
      const at = now();
      if (!(await begin(query))) return undefined;
      // What was broken off comes before what has not begun. Each is one step in an index, however many wait.
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

  /** Erases one customer's data, in one transaction: all of it or nothing. */
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
    // Somebody else is at it, or has done it.
    if (!row) return undefined;
    const [mode, requestedAt, startedAt] = row;
    // domain rule: what still runs for the customer is cancelled first.
    await query(
      `UPDATE order_subscriptions t SET status = 'cancelled' WHERE t.status <> 'cancelled' AND ${customerRows.OrderSubscription}`,
      [id],
    );
    const sessions = await endSessionsOf(this.options, query, id);
    // The values that go must not come back as the audit trail's "from".
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

  /** Notes that a try went wrong: it is tried again later, or has failed for good. */
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

/** Says who does the work, and whether it may be done: not while an import writes. */
async function begin(query: Query): Promise<boolean> {
  const [row] = await query(
    `SELECT set_config('customer_graph.who', $1, true), pg_try_advisory_xact_lock_shared(${erasureLock})`,
    [who],
  );
  return row?.[1] === true;
}
