/** How many bytes may still be read. */
export interface ByteBudget {
  bytesLeft: number;
}

/**
 * On whose behalf statements run: whose share of the connections they use, how much they may still read, and whether
 * anybody still waits for them.
 */
export class Requester implements ByteBudget {
  cancelled = false;
  bytesLeft = Number.POSITIVE_INFINITY;
  private listeners: Set<() => void> | undefined;

  /** `caller`: who shares a limit of connections; undefined: no limit but that of all. */
  constructor(public caller?: string) {}

  /** Nobody waits any more: what runs is cancelled, and nothing more is sent. */
  cancel() {
    if (this.cancelled) return;
    this.cancelled = true;
    for (const listener of this.listeners ?? []) listener();
    this.listeners = undefined;
  }

  /** Has a function called on cancellation, until the returned one is called. */
  onCancel(listener: () => void): () => void {
    this.listeners ??= new Set();
    this.listeners.add(listener);
    return () => void this.listeners?.delete(listener);
  }
}
