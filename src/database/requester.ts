/** Remaining byte budget. */
export interface ByteBudget {
  bytesLeft: number;
}

/**
 * On whose behalf statements run: the key of the connection limit, the remaining byte budget, and cancellation when the
 * client disconnects.
 */
export class Requester implements ByteBudget {
  cancelled = false;
  bytesLeft = Number.POSITIVE_INFINITY;
  private listeners: Set<() => void> | undefined;

  /** `caller`: key of the per-caller connection limit; undefined: only the total limit. */
  constructor(public caller?: string) {}

  /** Cancels running statements and prevents further ones. */
  cancel() {
    if (this.cancelled) return;
    this.cancelled = true;
    for (const listener of this.listeners ?? []) listener();
    this.listeners = undefined;
  }

  /** Registers a cancellation callback; the returned function removes it. */
  onCancel(listener: () => void): () => void {
    this.listeners ??= new Set();
    this.listeners.add(listener);
    return () => void this.listeners?.delete(listener);
  }
}
