import { type Change, compare, includes, type Position, type Scope } from "./changes.js";
import { onceAvailable } from "./once-available.js";

/** The part of the change feed that a subscription uses. */
export interface Source {
  /** Last position offered to the subscriptions of this process. */
  position(): Position;
  read(scope: Scope, after: Position, until: Position, limit: number): Promise<Change[]>;
  unsubscribe(subscription: Subscription): void;
}

/** Maximum queued changes of a slow reader; one that lags further reads them from the database. */
const maximumQueued = 1_000;
const batch = 500;

/**
 * The changes of a scope after a position, in order and exactly once: the backlog from the database, then live from the
 * feed. `return` ends it at once, whatever it waits for.
 */
export class Subscription implements AsyncIterableIterator<Change, undefined> {
  /** End of the backlog to read from the database. Undefined when caught up. */
  private until: Position | undefined;
  private read: Change[] = [];
  private queue: Change[] = [];
  /** The queue was full and was dropped. */
  private overflowed = false;
  private over = false;
  private wake = () => {};
  private stopReading = () => {};

  constructor(
    private readonly source: Source,
    private readonly scope: Scope,
    /** The last delivered change. */
    private position: Position,
  ) {
    this.readUntil(source.position());
  }

  offer(change: Change) {
    if (this.overflowed || !includes(this.scope, change) || compare(change, this.position) <= 0) return;
    if (this.queue.length < maximumQueued) this.queue.push(change);
    else {
      this.overflowed = true;
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
      } else if (this.overflowed) {
        this.overflowed = false;
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
      this.source.unsubscribe(this);
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
