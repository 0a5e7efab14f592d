import { randomUUID } from "node:crypto";
import { type Database, type Query, recordStatements } from "../database/client.js";
import { ApiError } from "../errors.js";
import type { Logger } from "../telemetry/logger.js";
import { changesBetween, compare, currentPosition, newsAfter, type Position, type Scope } from "./changes.js";
import { channel, Listener } from "./listener.js";
import { Subscription } from "./subscription.js";

export interface ChangeFeedOptions {
  database: Database;
  log: Logger;
  /** How often it looks for changes that nobody announced. */
  pollMs?: number;
}

const batch = 500;
/** The first and the longest wait for a transaction that is still open, or for the database; each is twice the last. */
const retryMs = 50;
const longestRetryMs = 2_000;
/** The least time between two readings, and between two announcements. */
const restMs = 20;
const announcementMs = 50;

/**
 * Hands the changes of customers to those who subscribed, from the audit trail and thus from all processes. While there
 * are subscribers one connection listens, and one statement reads what is new for all of them. A change is handed out
 * when every older transaction has ended, so none is ever skipped, in whatever order they commit.
 */
export class ChangeFeed {
  private readonly database: Database;
  private readonly log: Logger;
  private readonly pollMs: number;
  /** Tells this process's own announcements. */
  private readonly name = randomUUID();
  private readonly subscriptions = new Set<Subscription>();
  /** Every change up to here was handed out, or was there before. Undefined while nobody has subscribed. */
  private position: Position | undefined;
  private listener: Listener | undefined;
  private closing: Promise<unknown> = Promise.resolve();
  private timer: NodeJS.Timeout | undefined;
  private polling: Promise<void> | undefined;
  private resting = false;
  /** Whether it was asked to look while it could not. */
  private again = false;
  /** How often in a row it has been tried in vain to read what there is. */
  private failures = 0;
  private failing = false;
  private announcing: Promise<unknown> = Promise.resolve();
  private quiet: NodeJS.Timeout | undefined;
  private owed = false;
  private stopped = false;

  constructor({ database, log, pollMs = 2_000 }: ChangeFeedOptions) {
    this.database = database;
    this.log = log;
    this.pollMs = pollMs;
  }

  /**
   * Says that changes were committed, so that all processes look for them at once. Costs the caller nothing; to be
   * called after a commit, as often as one likes. What nobody announces is found by the next regular look.
   */
  announce(): void {
    if (this.stopped) return;
    this.look();
    if (this.quiet) this.owed = true;
    else this.notify();
  }

  /**
   * The changes of a scope after a position, or from now on. Reads until `return` is called; by `query` what nobody else
   * has to read.
   */
  async subscribe(query: Query, scope: Scope, after?: Position): Promise<Subscription> {
    const now = await currentPosition(query);
    if (this.stopped) throw new ApiError("UNAVAILABLE", "The server is stopping; subscribe again.");
    if (!this.position) this.start(now);
    const subscription = new Subscription(
      {
        position: () => this.position ?? now,
        read: (...range) => changesBetween(query, ...range),
        leave: (one) => this.leave(one),
      },
      scope,
      after ?? now,
    );
    this.subscriptions.add(subscription);
    return subscription;
  }

  /** Ends all subscriptions; resolves when no statement is under way. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.quiet);
    for (const subscription of this.subscriptions) await subscription.return();
    await Promise.all([this.closing, this.polling, this.announcing]);
  }

  private start(now: Position) {
    this.position = now;
    this.failures = 0;
    this.listener = new Listener({
      connect: () => this.database.client("customer-graph live"),
      onWake: (payload) => payload !== this.name && this.look(),
      log: this.log,
    });
    this.look();
  }

  private leave(subscription: Subscription) {
    this.subscriptions.delete(subscription);
    if (this.subscriptions.size > 0 || !this.position) return;
    this.position = undefined;
    this.resting = false;
    clearTimeout(this.timer);
    this.closing = Promise.all([this.closing, this.listener?.close()]);
    this.listener = undefined;
  }

  /** Reads what is new, now or soon after the last reading. */
  private look() {
    if (!this.position) return;
    if (this.polling || this.resting) {
      this.again = true;
      return;
    }
    clearTimeout(this.timer);
    // Its statements are no request's, whoever caused it.
    this.polling = recordStatements(undefined, () => this.poll().finally(() => this.rest()));
  }

  private rest() {
    this.polling = undefined;
    if (!this.position) return;
    this.resting = true;
    this.timer = setTimeout(() => {
      this.resting = false;
      if (this.again) this.look();
      else this.timer = setTimeout(() => this.look(), this.waitMs()).unref();
    }, restMs).unref();
  }

  /** How long to wait until the next regular look. */
  private waitMs(): number {
    return this.failures ? Math.min(retryMs * 2 ** (this.failures - 1), longestRetryMs) : this.pollMs;
  }

  private async poll() {
    const from = this.position!;
    this.again = false;
    try {
      const { changes, horizon, waiting } = await newsAfter(this.database.query, from, batch);
      // All have left in the meantime, and others may have come.
      if (this.position !== from) return;
      for (const change of changes) for (const subscription of this.subscriptions) subscription.offer(change);
      const full = changes.length === batch;
      const end = full ? changes.at(-1)! : { transaction: horizon, id: "" };
      if (compare(from, end) < 0) this.position = { transaction: end.transaction, id: end.id };
      this.again ||= full;
      this.failures = !waiting ? 0 : changes.length ? 1 : this.failures + 1;
      if (this.failing) this.log.info("Changes can be read again.");
      this.failing = false;
    } catch (error) {
      if (!this.failing && !this.stopped) {
        this.log.warn("Changes cannot be read; subscribers get them later.", {
          reason: (error as { code?: string }).code ?? (error as Error).name,
        });
      }
      this.failing = true;
      this.failures++;
    }
  }

  /** Wakes the other processes: a statement of its own, since a notification in a transaction slows its commit. */
  private notify() {
    this.owed = false;
    recordStatements(undefined, () => {
      this.quiet = setTimeout(() => {
        this.quiet = undefined;
        if (this.owed) this.notify();
      }, announcementMs).unref();
      // If it is lost, the others find the changes by their regular look.
      const sent = this.database.query("SELECT pg_notify($1, $2)", [channel, this.name]).catch(() => {});
      this.announcing = Promise.all([this.announcing, sent]);
    });
  }
}
