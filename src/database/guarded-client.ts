import { connect } from "node:net";
import type { Duplex } from "node:stream";
import pg from "pg";
import { ResultTooLargeError } from "./limit-errors.js";
import type { ByteBudget } from "./requester.js";

/** Internals of the driver's connection. */
interface DriverConnection {
  /** Starts reading messages: once over TCP, once more over TLS. */
  attachListeners(stream: Duplex): void;
}

export interface GuardedConfig extends pg.ClientConfig {
  /** Byte limit of a statement; 0 or undefined: unlimited. */
  resultBytes?: number;
}

/**
 * A pg client with a result size limit and error isolation: received bytes are counted before the driver buffers them,
 * and an error in the driver closes the connection instead of crashing the process.
 */
export class GuardedClient extends pg.Client {
  /** Byte budget of the running statement. */
  budget: ByteBudget | undefined;

  private readonly resultBytes: number;

  constructor(config: GuardedConfig = {}) {
    super(config);
    this.resultBytes = config.resultBytes ?? 0;
    // An unhandled error of an idle connection would end the process.
    this.on("error", () => {});
    const connection = this.connection as pg.Connection & DriverConnection;
    const attachListeners = connection.attachListeners.bind(connection);
    connection.attachListeners = (stream) => {
      attachListeners(stream);
      this.guard(stream);
    };
  }

  /** Byte budget of a statement outside of requests. */
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

/** Timeout of a cancel request. */
const cancelMs = 5_000;
const cancelRequestCode = 80_877_102;

/**
 * Cancels the running statement of a connection by a protocol-level cancel request, which needs no pooled connection.
 * Resolves once PostgreSQL has delivered it, to whether it did: only then the next statement on the connection is safe
 * from it.
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
