import { type Change, compare, includes, type Position, type Scope } from "./changes.js";
import { onceAvailable } from "./once-available.js";

/** What a subscription needs of the feed. */
export interface Source {
  /** Every change up to here was offered to the subscriptions of this process. */
  position(): Position;
  read(scope: Scope, after: Position, until: Position, limit: number): Promise<Change[]>;
  leave(subscription: Subscription): void;
}

/** How many changes wait in memory for a slow reader. One that lags further reads them from the database. */
const maximumQueued = 1_000;
const batch = 500;

/**
 * The changes of a scope after a position, in their order, each once: from the database until it has caught up with the
 * feed, then as the feed offers them. `return` ends it at once, whatever it waits for.
 */
export class Subscription implements AsyncIterableIterator<Change, undefined> {
  /** Up to where the database has to be read; what comes after is offered. Undefined when that is done. */
  private until: Position | undefined;
  private read: Change[] = [];
  private queue: Change[] = [];
  /** Whether more was offered than is kept. */
  private overflown = false;
  private over = false;
  private wake = () => {};
  private stopReading = () => {};

  constructor(
    private readonly source: Source,
    private readonly scope: Scope,
    /** The last change that was given. */
    private position: Position,
  ) {
    this.readUntil(source.position());
  }

  offer(change: Change) {
    if (this.overflown || !includes(this.scope, change) || compare(change, this.position) <= 0) return;
    if (this.queue.length < maximumQueued) this.queue.push(change);
    else {
      this.overflown = true;
      this.queue = [];
    }
    this.wake();
  }

  async next(): Promise<IteratorResult<Change, undefined>> {
    while (!this.over) {
      const change = this.read.shift() ?? (this.until ? undefined : this.queue.shift());
      if (change) {
        this.position = change;
        return { done: false, value: change };
      }
      if (this.until) {
        await this.catchUp(this.until);
      } else if (this.overflown) {
        this.overflown = false;
        this.readUntil(this.source.position());
      } else {
        await new Promise<void>((resolve) => {
          this.wake = resolve;
        });
      }
    }
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<Change, undefined>> {
    if (!this.over) {
      this.over = true;
      this.read = [];
      this.queue = [];
      this.source.leave(this);
      this.wake();
      this.stopReading();
    }
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  private readUntil(position: Position) {
    if (compare(this.position, position) < 0) this.until = position;
  }

  private async catchUp(until: Position) {
    const found = await Promise.race([
      onceAvailable(
        () => this.source.read(this.scope, this.position, until, batch),
        () => this.over,
      ),
      new Promise<undefined>((resolve) => {
        this.stopReading = () => resolve(undefined);
      }),
    ]);
    if (!found) return;
    this.read = found;
    if (found.length < batch) this.until = undefined;
  }
}
