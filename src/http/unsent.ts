import type { ServerResponse } from "node:http";
import type { Logger } from "../telemetry/logger.js";

export interface UnsentLimits {
  /** Longest time without progress before a client is disconnected. */
  readonly stallMs: number;
  /** Minimum average throughput of a client whose response is kept for it alone. */
  readonly leastBytesPerSecond: number;
  /** Maximum of unsent response bytes in one process. */
  readonly maximumBytes: number;
}

export const unsentLimits: UnsentLimits = {
  stallMs: 20_000,
  leastBytesPerSecond: 64 * 1024,
  maximumBytes: 64 * 1024 * 1024,
};

/** Interval of throughput checks. */
const speedCheckMs = 1_000;

/**
 * Tracks buffered responses of slow clients. A client that reads nothing for a while is disconnected; when the total is
 * above its limit, the client with the largest buffer is.
 */
export class UnsentAnswers {
  private readonly unsent = new Map<ServerResponse, number>();
  private totalBytes = 0;

  constructor(
    private readonly limits: UnsentLimits,
    private readonly log: Logger,
  ) {}

  /** Total of unsent bytes. */
  get bytes(): number {
    return this.totalBytes;
  }

  /** Watches a completely written response until it is sent. */
  watch(response: ServerResponse) {
    if (this.add(response, () => this.disconnect(response))) response.once("close", () => this.remove(response));
  }

  /** For a streamed response: resolves on drain or close; false if the client stalled. */
  drained(response: ServerResponse): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (read: boolean) => {
        this.remove(response);
        response.off("drain", onDrained).off("close", onDrained).off("timeout", onStalled).setTimeout(0);
        resolve(read);
      };
      const onDrained = () => done(true);
      const onStalled = () => done(false);
      response.on("drain", onDrained).on("close", onDrained);
      if (response.destroyed || !this.add(response, onStalled)) onDrained();
    });
  }

  /**
   * Disconnects a client that stalls, or reads too slowly on average, while a response is streamed to it.
   * `sentBytes`: bytes sent so far.
   */
  limit(response: ServerResponse, sentBytes: () => number) {
    const { stallMs, leastBytesPerSecond } = this.limits;
    response.setTimeout(stallMs, () => this.disconnect(response));
    const begin = performance.now();
    const checking = setInterval(() => {
      const dueSeconds = (performance.now() - begin - stallMs) / 1_000;
      if (sentBytes() < dueSeconds * leastBytesPerSecond) this.disconnect(response);
    }, speedCheckMs).unref();
    response.once("close", () => clearInterval(checking));
  }

  private add(response: ServerResponse, onStalled: () => void): boolean {
    const bytes = response.writableLength;
    if (bytes === 0 || response.destroyed) return false;
    // Node fires `timeout` when the socket made no progress for this long.
    response.setTimeout(this.limits.stallMs, onStalled);
    this.unsent.set(response, bytes);
    this.totalBytes += bytes;
    this.makeRoom(response);
    return true;
  }

  private remove(response: ServerResponse) {
    this.totalBytes -= this.unsent.get(response) ?? 0;
    this.unsent.delete(response);
  }

  /** The newest response is spared: its client has not had time to read yet. */
  private makeRoom(newest: ServerResponse) {
    while (this.totalBytes > this.limits.maximumBytes && this.unsent.size > 1) {
      const others = [...this.unsent].filter(([response]) => response !== newest);
      const [largest] = others.reduce((one, other) => (other[1] > one[1] ? other : one));
      this.disconnect(largest);
    }
  }

  private disconnect(response: ServerResponse) {
    this.log.warn("A client that does not read its answer was disconnected.", { bytes: response.writableLength });
    this.remove(response);
    // Destroys the socket: a pipelined response has none of its own yet.
    response.req.socket.destroy();
  }
}
