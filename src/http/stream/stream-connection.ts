import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { ExecutionResult } from "graphql";

/** A subscription that holds a stream slot. */
export interface Admitted {
  readonly events: AsyncIterableIterator<ExecutionResult, undefined> & { acknowledge(): void };
  /** Ends the subscription and frees its slot. */
  release(): void;
}

/** Time until a reserved connection expires if the client does not connect. */
const reservedMs = 30_000;
/** Keep-alive interval: proxies close idle connections. */
const pingMs = 12_000;
const keepAlive = ":\n\n";

/** Response headers of an event stream. */
export const eventHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store, no-transform",
  // Disables response buffering in nginx.
  "x-accel-buffering": "no",
};

/**
 * GraphQL over SSE in the mode of a single connection: one answer carries the events of many subscriptions, each with
 * the id of its operation. Browsers allow six connections to a server over HTTP/1.1, for all their tabs together.
 */
export class StreamConnection {
  /** Bearer token of the event stream: unguessable. */
  readonly token = randomBytes(24).toString("base64url");
  private readonly operations = new Map<string, Admitted | "starting">();
  private response: ServerResponse | undefined;
  private answered!: () => void;
  private over = () => {};
  private fail: (error: unknown) => void = () => {};
  /** Settles when the last event was written: writes are serialised, so only one event waits for the client. */
  private written: Promise<void>;
  private timer: NodeJS.Timeout;
  private ending = false;
  private closed = false;

  constructor(
    readonly caller: string,
    readonly authorization: string | undefined,
    private readonly drained: (response: ServerResponse) => Promise<void>,
    private readonly onClosed: () => void,
    keptMs = reservedMs,
  ) {
    this.written = new Promise((resolve) => {
      this.answered = resolve;
    });
    this.timer = setTimeout(() => this.close(), keptMs).unref();
  }

  get isConnected() {
    return this.response !== undefined;
  }

  /** Attaches the response that carries the events; resolves when the last was written. */
  connect(response: ServerResponse): Promise<void> {
    clearTimeout(this.timer);
    this.response = response;
    response.once("close", () => this.close());
    response.writeHead(200, eventHeaders);
    // Some browsers fire `open` only after the first byte.
    response.write(keepAlive);
    this.timer = setInterval(() => {
      if (!response.writableNeedDrain) response.write(keepAlive);
    }, pingMs).unref();
    this.answered();
    return new Promise((resolve, reject) => {
      this.over = resolve;
      this.fail = reject;
    });
  }

  /** Reserves an operation id; false if it is already in use. */
  reserve(id: string): boolean {
    if (this.operations.has(id)) return false;
    this.operations.set(id, "starting");
    return true;
  }

  /** Releases a reserved operation id. */
  release(id: string) {
    if (this.operations.get(id) === "starting") this.forget(id);
  }

  /** Sends the events of a reserved operation until it ends; false if it was completed meanwhile. */
  carry(id: string, admitted: Admitted): boolean {
    if (this.operations.get(id) !== "starting") return false;
    this.operations.set(id, admitted);
    this.sendAll(id, admitted).catch((error: unknown) => this.fail(error));
    return true;
  }

  /** Ends an operation at the request of the client. */
  complete(id: string) {
    const operation = this.operations.get(id);
    this.forget(id);
    if (operation && operation !== "starting") operation.release();
  }

  /** Closes the connection once its operations have ended. */
  end() {
    this.ending = true;
    if (this.operations.size > 0) return;
    this.response?.end();
    this.close();
  }

  private async sendAll(id: string, admitted: Admitted) {
    const { events } = admitted;
    for await (const payload of events) {
      if (!(await this.send(id, admitted, "next", { id, payload }))) return;
      events.acknowledge();
    }
    await this.send(id, admitted, "complete", { id });
    if (this.operations.get(id) === admitted) this.complete(id);
  }

  /** Writes an event if its operation is still running. */
  private async send(id: string, admitted: Admitted, event: string, data: object): Promise<boolean> {
    const isWanted = () => !this.closed && this.operations.get(id) === admitted;
    this.written = this.written.then(async () => {
      const { response } = this;
      if (!response || !isWanted()) return;
      if (!response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)) await this.drained(response);
    });
    await this.written;
    return isWanted();
  }

  private forget(id: string) {
    this.operations.delete(id);
    if (this.ending) this.end();
  }

  private close() {
    if (this.closed) return;
    this.closed = true;
    clearTimeout(this.timer);
    this.answered();
    for (const id of [...this.operations.keys()]) this.complete(id);
    this.onClosed();
    this.over();
  }
}
