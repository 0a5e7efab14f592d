import { randomUUID } from "node:crypto";
import { type Database, type Query, recordStatements } from "../database/client.js";
import { ApiError } from "../errors.js";
import type { Logger } from "../telemetry/logger.js";
import { changesAfter, changesBetween, compare, currentPosition, type Position, type Scope } from "./changes.js";
import { channel, Listener } from "./listener.js";
import { Subscription } from "./subscription.js";

export interface ChangeFeedOptions {
  database: Database;
  log: Logger;
  /** Poll interval, for changes without a notification. */
  pollMs?: number;
}

const batch = 500;
/** Exponential backoff while an older transaction is open or the database is unavailable: first and longest delay. */
const retryMs = 50;
const longestRetryMs = 2_000;
/** Minimum pause between two polls, and between two notifications. */
const pauseMs = 20;
const notifyPauseMs = 50;

/**
 * Delivers customer changes of all processes to subscribers, from the audit trail. While there are subscribers, one
 * connection listens for notifications and one statement polls for all of them. A change is delivered once every older
 * transaction has ended, so none is skipped, in whatever order they commit.
 */
export class ChangeFeed {
  private readonly database: Database;
  private readonly log: Logger;
  private readonly pollMs: number;
  /** Id of this process, to ignore its own notifications. */
  private readonly name = randomUUID();
  private readonly subscriptions = new Set<Subscription>();
  /** Last delivered position. Undefined while there are no subscribers. */
  private position: Position | undefined;
  private listener: Listener | undefined;
  private closing: Promise<unknown> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  private polling: Promise<void> | undefined;
  private paused = false;
  /** A poll was requested while one was running or paused. */
  private pollAgain = false;
  /** Consecutive failed polls. */
  private failures = 0;
  private failing = false;
  private announcing: Promise<unknown> = Promise.resolve();
  private notifyTimer: NodeJS.Timeout | undefined;
  private notificationPending = false;
  private stopped = false;

  constructor({ database, log, pollMs = 2_000 }: ChangeFeedOptions) {
    this.database = database;
    this.log = log;
    this.pollMs = pollMs;
  }

  /**
   * Notifies all processes that changes were committed, so that they poll at once. Cheap and non-blocking; call it after
   * each commit. Changes without a notification are found by the next regular poll.
   */
  announce(): void {
    if (this.stopped) return;
    this.schedulePoll();
    if (this.notifyTimer) this.notificationPending = true;
    else this.notify();
  }

  /**
   * Subscribes to the changes of a scope after a position, or from now on, until `return` is called. `query` reads the
   * backlog of this subscription alone.
   */
  async subscribe(query: Query, scope: Scope, after?: Position): Promise<Subscription> {
    const now = await currentPosition(query);
    if (this.stopped) throw new ApiError("UNAVAILABLE", "The server is stopping; subscribe again.");
    if (!this.position) this.start(now);
    const subscription = new Subscription(
      {
        position: () => this.position ?? now,
        read: (...range) => changesBetween(query, ...range),
        unsubscribe: (one) => this.unsubscribe(one),
      },
      scope,
      after ?? now,
    );
    this.subscriptions.add(subscription);
    return subscription;
  }

  /** Ends all subscriptions; resolves when no statement is running. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.notifyTimer);
    for (const subscription of this.subscriptions) await subscription.return();
    await Promise.all([this.closing, this.polling, this.announcing]);
  }

  private start(now: Position) {
    this.position = now;
    this.failures = 0;
    this.listener = new Listener({
      connect: () => this.database.client("customer-graph live"),
      onWake: (payload) => payload !== this.name && this.schedulePoll(),
      log: this.log,
    });
    this.schedulePoll();
  }

  private unsubscribe(subscription: Subscription) {
    this.subscriptions.delete(subscription);
    if (this.subscriptions.size > 0 || !this.position) return;
    this.position = undefined;
    this.paused = false;
    clearTimeout(this.timer);
    this.closing = Promise.all([this.closing, this.listener?.close()]);
    this.listener = undefined;
  }

  /** Polls now, or right after the running poll and its pause. */
  private schedulePoll() {
    if (!this.position) return;
    if (this.polling || this.paused) {
      this.pollAgain = true;
      return;
    }
    clearTimeout(this.timer);
    // Not recorded as statements of the request that triggered it.
    this.polling = recordStatements(undefined, () => this.poll().finally(() => this.pause()));
  }

  private pause() {
    this.polling = undefined;
    if (!this.position) return;
    this.paused = true;
    this.timer = setTimeout(() => {
      this.paused = false;
      if (this.pollAgain) this.schedulePoll();
      else this.timer = setTimeout(() => this.schedulePoll(), this.waitMs()).unref();
    }, pauseMs).unref();
  }

  /** Delay until the next regular poll. */
  private waitMs(): number {
    return this.failures ? Math.min(retryMs * 2 ** (this.failures - 1), longestRetryMs) : this.pollMs;
  }

  private async poll() {
    const from = this.position!;
    this.pollAgain = false;
    try {
      const { changes, horizon, waiting } = await changesAfter(this.database.query, from, batch);
      // All subscribers left meanwhile, and new ones may have come.
      if (this.position !== from) return;
      for (const change of changes) for (const subscription of this.subscriptions) subscription.offer(change);
      const full = changes.length === batch;
      const end = full ? changes.at(-1)! : { transaction: horizon, id: "" };
      if (compare(from, end) < 0) this.position = { transaction: end.transaction, id: end.id };
      this.pollAgain ||= full;
      this.failures = !waiting ? 0 : changes.length ? 1 : this.failures + 1;
      if (this.failing) this.log.info("The change feed works again.");
      this.failing = false;
    } catch (error) {
      if (!this.failing && !this.stopped) {
        this.log.warn("The change feed cannot read changes; subscribers get them later.", {
          reason: (error as { code?: string }).code ?? (error as Error).name,
        });
      }
      this.failing = true;
      this.failures++;
    }
  }

  /** Notifies the other processes, outside of the transaction: NOTIFY inside would slow its commit. */
  private notify() {
    this.notificationPending = false;
    recordStatements(undefined, () => {
      this.notifyTimer = setTimeout(() => {
        this.notifyTimer = undefined;
        if (this.notificationPending) this.notify();
      }, notifyPauseMs).unref();
      // If it is lost, the others find the changes by their next regular poll.
      const sent = this.database.query("SELECT pg_notify($1, $2)", [channel, this.name]).catch(() => {});
      this.announcing = Promise.all([this.announcing, sent]);
    });
  }
}
