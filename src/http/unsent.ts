import type { ServerResponse } from "node:http";
import type { Logger } from "../telemetry/logger.js";

export interface UnsentLimits {
  /** How long a client may take nothing of what is sent to it. */
  readonly stallMs: number;
  /** How many bytes a second a client must take of what is kept for it alone, on average. */
  readonly leastBytesPerSecond: number;
  /** How many bytes of answers may wait for their clients in one process. */
  readonly maximumBytes: number;
}

export const unsentLimits: UnsentLimits = {
  stallMs: 20_000,
  leastBytesPerSecond: 64 * 1024,
  maximumBytes: 64 * 1024 * 1024,
};

/** How often the speed of a client is looked at. */
const speedCheckMs = 1_000;

/**
 * What was written to clients and is not sent yet, since they do not read it. A client that takes nothing for a while is
 * disconnected; when all that waits is too much, the largest answer goes first.
 */
export class UnsentAnswers {
  private readonly unsent = new Map<ServerResponse, number>();
  private totalBytes = 0;

  constructor(
    private readonly limits: UnsentLimits,
    private readonly log: Logger,
  ) {}

  /** The bytes that wait. */
  get bytes(): number {
    return this.totalBytes;
  }

  /** Watches an answer that was written as a whole, until it is sent. */
  watch(response: ServerResponse) {
    if (this.add(response, () => this.disconnect(response))) response.once("close", () => this.remove(response));
  }

  /** For an answer that goes on: resolves when more can be written, or nothing ever; false if the client took nothing. */
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
   * Disconnects a client that takes nothing for a while, or too little on average, while something is sent to it in parts.
   * `sentBytes`: how much it has taken.
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
    // Node looks at the progress of what is being written, and tells when there was none for so long.
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

  /** The newest answer is spared: nobody knows yet how its client reads. */
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
    // The connection as a whole: an answer that waits behind another one has none of its own.
    response.req.socket.destroy();
  }
}
