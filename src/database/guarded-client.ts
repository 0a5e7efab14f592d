import { connect } from "node:net";
import type { Duplex } from "node:stream";
import pg from "pg";
import { ResultTooLargeError } from "./limit-errors.js";
import type { ByteBudget } from "./requester.js";

/** What the driver keeps of a connection. */
interface DriverConnection {
  /** Begins to read messages: once over TCP, once more over TLS. */
  attachListeners(stream: Duplex): void;
}

export interface GuardedConfig extends pg.ClientConfig {
  /** How many bytes a statement may read; 0 or absent: any. */
  resultBytes?: number;
}

/**
 * A connection whose faults fail its own statement and nothing else: what the server sends is counted before the driver
 * collects it, and an error in the driver closes the connection instead of ending the process.
 */
export class GuardedClient extends pg.Client {
  /** What the running statement may still read. */
  budget: ByteBudget | undefined;

  private readonly resultBytes: number;

  constructor(config: GuardedConfig = {}) {
    super(config);
    this.resultBytes = config.resultBytes ?? 0;
    // Without a listener the loss of an idle connection would end the process.
    this.on("error", () => {});
    const connection = this.connection as pg.Connection & DriverConnection;
    const attachListeners = connection.attachListeners.bind(connection);
    connection.attachListeners = (stream) => {
      attachListeners(stream);
      this.guard(stream);
    };
  }

  /** The budget of a statement that is part of no request. */
  ownBudget(): ByteBudget {
    return { bytesLeft: this.resultBytes || Number.POSITIVE_INFINITY };
  }

  private guard(stream: Duplex) {
    const listeners = stream.listeners("data") as ((chunk: Buffer) => void)[];
    stream.removeAllListeners("data");
    stream.on("data", (chunk: Buffer) => {
      const { budget } = this;
      if (budget) {
        budget.bytesLeft -= chunk.length;
        if (budget.bytesLeft < 0) return void stream.destroy(new ResultTooLargeError(this.resultBytes));
      }
      try {
        for (const listener of listeners) listener(chunk);
      } catch (error) {
        stream.destroy(error as Error);
      }
    });
  }
}

/** How long PostgreSQL may take to accept a request to cancel. */
const cancelMs = 5_000;
const cancelRequestCode = 80_877_102;

/**
 * Asks PostgreSQL to cancel what a connection runs, by the protocol's own request, which needs no connection of a pool.
 * Resolves when PostgreSQL has passed it on, and says whether it has: only then what is sent next on the connection is
 * safe from it.
 */
export function cancelStatement(client: pg.Client): Promise<boolean> {
  const { host, port, processID, secretKey } = client as pg.Client & { processID: number; secretKey: number };
  const request = Buffer.alloc(16);
  for (const [i, value] of [request.length, cancelRequestCode, processID, secretKey].entries()) {
    request.writeInt32BE(value, i * 4);
  }
  return new Promise((resolve) => {
    let passedOn = false;
    const socket = host.startsWith("/") ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
    socket.setTimeout(cancelMs, () => socket.destroy());
    socket.on("connect", () => socket.write(request));
    socket.on("end", () => {
      passedOn = true;
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(passedOn));
    socket.resume();
  });
}
