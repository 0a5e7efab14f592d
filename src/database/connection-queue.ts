import { RequestCancelledError } from "./limit-errors.js";
import type { Requester } from "./requester.js";
import { DatabaseUnavailableError } from "./unavailable.js";

/** Maximum queue length per connection, and maximum wait. */
const maximumWaiting = 1_000;
const maximumWaitMs = 5_000;

interface Waiting {
  caller: string | undefined;
  admit: () => void;
}

/**
 * FIFO queue for the connections of a pool. One caller gets at most half of the connections and of the queue, so that a
 * caller with slow statements cannot starve others.
 */
export class ConnectionQueue {
  private readonly share: number;
  private used = 0;
  private readonly usedBy = new Map<string, number>();
  private waiting: Waiting[] = [];

  constructor(private readonly size: number) {
    this.share = Math.ceil(size / 2);
  }

  /** Acquires a connection: at once if it returns undefined, else when the promise resolves. `release` frees it. */
  acquire(requester?: Requester): Promise<void> | undefined {
    const caller = requester?.caller;
    if (this.isFree(caller)) {
      this.assign(caller);
      return undefined;
    }
    const waitingOfCaller = caller === undefined ? 0 : this.waiting.filter((other) => other.caller === caller).length;
    if (this.waiting.length >= maximumWaiting || waitingOfCaller >= maximumWaiting / 2) throw tooBusy();
    return new Promise((resolve, reject) => {
      const cleanUp = () => {
        clearTimeout(timer);
        removeListener?.();
      };
      const abort = (error: Error) => {
        cleanUp();
        this.waiting = this.waiting.filter((other) => other !== waiting);
        reject(error);
      };
      const waiting: Waiting = {
        caller,
        admit: () => {
          cleanUp();
          resolve();
        },
      };
      const timer = setTimeout(() => abort(tooBusy()), maximumWaitMs).unref();
      const removeListener = requester?.onCancel(() => abort(new RequestCancelledError()));
      this.waiting.push(waiting);
    });
  }

  release(requester?: Requester) {
    const caller = requester?.caller;
    this.used--;
    if (caller !== undefined) {
      const used = this.usedBy.get(caller)! - 1;
      if (used) this.usedBy.set(caller, used);
      else this.usedBy.delete(caller);
    }
    if (!this.waiting.length) return;
    const next = this.waiting.findIndex((waiting) => this.isFree(waiting.caller));
    const [admitted] = next < 0 ? [] : this.waiting.splice(next, 1);
    if (!admitted) return;
    this.assign(admitted.caller);
    admitted.admit();
  }

  private isFree(caller: string | undefined): boolean {
    return this.used < this.size && (caller === undefined || (this.usedBy.get(caller) ?? 0) < this.share);
  }

  private assign(caller: string | undefined) {
    this.used++;
    if (caller !== undefined) this.usedBy.set(caller, (this.usedBy.get(caller) ?? 0) + 1);
  }
}

function tooBusy() {
  return new DatabaseUnavailableError(new Error("All connections are in use."));
}
