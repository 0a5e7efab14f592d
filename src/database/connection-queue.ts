import { RequestCancelledError } from "./limit-errors.js";
import type { Requester } from "./requester.js";
import { DatabaseUnavailableError } from "./unavailable.js";

/** How many may wait for a connection, and for how long. */
const maximumWaiting = 1_000;
const maximumWaitMs = 5_000;

interface Waiting {
  caller: string | undefined;
  admit: () => void;
}

/**
 * Admits statements and transactions to the connections of a pool, first come, first served. One caller has at most half
 * of the connections, and of the places in the queue, so that others find one however slow its statements are.
 */
export class ConnectionQueue {
  private readonly share: number;
  private taken = 0;
  private readonly takenBy = new Map<string, number>();
  private waiting: Waiting[] = [];

  constructor(private readonly size: number) {
    this.share = Math.ceil(size / 2);
  }

  /** Takes a connection: at once, where undefined is returned, or when the promise resolves. `leave` gives it back. */
  enter(requester?: Requester): Promise<void> | undefined {
    const caller = requester?.caller;
    if (this.isFree(caller)) {
      this.take(caller);
      return undefined;
    }
    const own = caller === undefined ? 0 : this.waiting.filter((other) => other.caller === caller).length;
    if (this.waiting.length >= maximumWaiting || own >= maximumWaiting / 2) throw tooBusy();
    return new Promise((resolve, reject) => {
      const leave = () => {
        clearTimeout(timer);
        forget?.();
      };
      const refuse = (error: Error) => {
        leave();
        this.waiting = this.waiting.filter((other) => other !== waiting);
        reject(error);
      };
      const waiting: Waiting = {
        caller,
        admit: () => {
          leave();
          resolve();
        },
      };
      const timer = setTimeout(() => refuse(tooBusy()), maximumWaitMs).unref();
      const forget = requester?.onCancel(() => refuse(new RequestCancelledError()));
      this.waiting.push(waiting);
    });
  }

  leave(requester?: Requester) {
    const caller = requester?.caller;
    this.taken--;
    if (caller !== undefined) {
      const own = this.takenBy.get(caller)! - 1;
      if (own) this.takenBy.set(caller, own);
      else this.takenBy.delete(caller);
    }
    if (!this.waiting.length) return;
    const next = this.waiting.findIndex((waiting) => this.isFree(waiting.caller));
    const [admitted] = next < 0 ? [] : this.waiting.splice(next, 1);
    if (!admitted) return;
    this.take(admitted.caller);
    admitted.admit();
  }

  private isFree(caller: string | undefined): boolean {
    return this.taken < this.size && (caller === undefined || (this.takenBy.get(caller) ?? 0) < this.share);
  }

  private take(caller: string | undefined) {
    this.taken++;
    if (caller !== undefined) this.takenBy.set(caller, (this.takenBy.get(caller) ?? 0) + 1);
  }
}

function tooBusy() {
  return new DatabaseUnavailableError(new Error("All connections are in use."));
}
