import { randomBytes } from "node:crypto";
import type { ServerResponse } from "node:http";
import type { ExecutionResult } from "graphql";

/** A subscription that has a place, and what gives the place back. */
export interface Admitted {
  readonly events: AsyncIterableIterator<ExecutionResult, undefined> & { taken(): void };
  leave(): void;
}

/** For how long a connection is kept for a client that does not come. */
const reservedMs = 30_000;
/** So often something is sent, lest somebody in between thinks that the connection is dead. */
const pingMs = 12_000;
const nothing = ":\n\n";

/** What answers with events have as headers. */
export const eventHeaders = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store, no-transform",
  // For nginx, which would collect events.
  "x-accel-buffering": "no",
};

/**
 * GraphQL over SSE in the mode of a single connection: one answer carries the events of many subscriptions, each with
 * the id of its operation. Browsers allow six connections to a server over HTTP/1.1, for all their tabs together.
 */
export class StreamConnection {
  /** Whoever has it may receive the events, so it cannot be guessed. */
  readonly token = randomBytes(24).toString("base64url");
  private readonly operations = new Map<string, Admitted | "starting">();
  private response: ServerResponse | undefined;
  private answered!: () => void;
  private over = () => {};
  private fail: (error: unknown) => void = () => {};
  /** Settles when the last text was written. One waits for the client at a time; the others stay with their subscription. */
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

  /** Takes the answer that carries the events; resolves when it has got the last. */
  connect(response: ServerResponse): Promise<void> {
    clearTimeout(this.timer);
    this.response = response;
    response.once("close", () => this.close());
    response.writeHead(200, eventHeaders);
    // Some browsers take an answer for one only when there is something in it.
    response.write(nothing);
    this.timer = setInterval(() => {
      if (!response.writableNeedDrain) response.write(nothing);
    }, pingMs).unref();
    this.answered();
    return new Promise((resolve, reject) => {
      this.over = resolve;
      this.fail = reject;
    });
  }

  /** Keeps an id for an operation; false if one of this id is there already. */
  reserve(id: string): boolean {
    if (this.operations.has(id)) return false;
    this.operations.set(id, "starting");
    return true;
  }

  /** Gives up an operation that was reserved. */
  release(id: string) {
    if (this.operations.get(id) === "starting") this.forget(id);
  }

  /** Carries the events of an operation that was reserved, until it ends; false if it was completed in the meantime. */
  carry(id: string, admitted: Admitted): boolean {
    if (this.operations.get(id) !== "starting") return false;
    this.operations.set(id, admitted);
    this.sendAll(id, admitted).catch((error: unknown) => this.fail(error));
    return true;
  }

  /** Ends an operation, since its client has enough of it. */
  complete(id: string) {
    const operation = this.operations.get(id);
    this.forget(id);
    if (operation && operation !== "starting") operation.leave();
  }

  /** Ends it when its operations have ended. */
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
      events.taken();
    }
    await this.send(id, admitted, "complete", { id });
    if (this.operations.get(id) === admitted) this.complete(id);
  }

  /** Writes an event, if its operation still runs. */
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
