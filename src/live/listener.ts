import type pg from "pg";
import type { Logger } from "../telemetry/logger.js";

export const channel = "customer_changes";

const longestWaitMs = 5_000;

export interface ListenerOptions {
  /** Creates a dedicated connection, not yet open. */
  connect: () => pg.Client;
  /** Called with the payload of each notification, and after each (re)connect, since some may have been missed. */
  onWake: (payload: string | undefined) => void;
  log: Logger;
}

/** A connection that LISTENs for notifications of other processes. Reconnects with exponential backoff. */
export class Listener {
  private client: pg.Client | undefined;
  private timer: NodeJS.Timeout | undefined;
  private failures = 0;
  private closed = false;

  constructor(private readonly options: ListenerOptions) {
    void this.open();
  }

  async close(): Promise<void> {
    this.closed = true;
    clearTimeout(this.timer);
    await this.client?.end().catch(() => {});
  }

  private async open() {
    const { connect, onWake, log } = this.options;
    const client = connect();
    this.client = client;
    let lost = false;
    const onLost = (error?: Error) => {
      if (lost) return;
      lost = true;
      client.end().catch(() => {});
      if (this.closed) return;
      this.client = undefined;
      if (this.failures === 0)
        log.warn("Lost the connection that listens for changes of other servers; they arrive late.", {
          reason: reasonOf(error),
        });
      const waitMs = Math.min(100 * 2 ** this.failures++, longestWaitMs);
      this.timer = setTimeout(() => void this.open(), waitMs).unref();
    };
    client.on("error", onLost);
    client.on("end", () => onLost());
    client.on("notification", ({ payload }) => onWake(payload));
    try {
      await client.connect();
      await client.query(`LISTEN ${channel}`);
      if (this.failures > 0) log.info("Listening for changes of other servers again.");
      this.failures = 0;
      onWake(undefined);
    } catch (error) {
      onLost(error as Error);
    }
  }
}

function reasonOf(error: (Error & { code?: string }) | undefined): string {
  return error?.code ?? error?.name ?? "ended";
}
