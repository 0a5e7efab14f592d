import type { ServerResponse } from "node:http";
import { unwrapResolverError } from "@apollo/server/errors";
import {
  createSourceEventStream,
  type DocumentNode,
  type ExecutionResult,
  execute,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from "graphql";
import { createHandler } from "graphql-sse";
import { isUnavailable } from "../../database/unavailable.js";
import { ApiError, AuthenticationError, httpOf } from "../../errors.js";
import type { Viewer } from "../../graph/access/viewer.js";
import type { Context } from "../../graph/context.js";
import { onceAvailable } from "../../live/once-available.js";
import { errorBody, isLonger, json, redactionOf } from "../answer.js";
import { type AppResources, createContext } from "../context.js";
import { formatError } from "../format-error.js";
import { limits } from "../limits.js";
import { RequestError } from "../request.js";
import type { UnsentAnswers } from "../unsent.js";
import { eventHeaders, StreamConnection } from "./stream-connection.js";

/** A validated and authorized subscription. */
export interface StreamedOperation {
  readonly document: DocumentNode;
  readonly operationName: string | undefined;
  readonly variables: Record<string, unknown>;
  /** Context of the subscription. Each event gets a context of its own, with the same requester. */
  readonly context: Context;
}

/** An operation whose id is reserved in a connection. */
export interface PreparedOperation {
  /** Like `serve`, but the events go into the connection; the response is 202 or the error. */
  readonly carry: Streams["serve"];
  /** Releases the id if the operation was not started. */
  release(): void;
}

export interface Streams {
  /** Streams the events of a subscription until it ends or the client disconnects. */
  readonly serve: (
    response: ServerResponse,
    operation: StreamedOperation,
    authorization: string | undefined,
  ) => Promise<void>;
  /** Reserves a connection for many subscriptions and responds with its token. */
  reserve(response: ServerResponse, authorization: string | undefined): Promise<void>;
  /** Streams the events of all subscriptions of a reserved connection until the client disconnects. */
  connect(response: ServerResponse, token: string, authorization: string | undefined): Promise<void>;
  /** Reserves an operation id in a connection, before the operation is executed. */
  prepare(token: string, operationId: unknown, authorization: string | undefined): Promise<PreparedOperation>;
  /** Ends one operation of a connection. */
  complete(
    response: ServerResponse,
    token: string,
    operationId: string | null,
    authorization: string | undefined,
  ): Promise<void>;
  /** Ends all streams with an error that tells the clients why. */
  stop(): void;
}

/** Interval of authorization checks of open streams; each event is checked as well. */
const checkMs = 1_000;

/** `Retry-After` when no slot is free. */
const retrySeconds = 5;

/** Subscriptions as server-sent events: GraphQL over SSE, one connection for each or one for many. */
export function createStreams(schema: GraphQLSchema, resources: AppResources, unsent: UnsentAnswers): Streams {
  const slots = new StreamSlots(limits.streams, limits.streamsOfCustomers, limits.streamsPerCaller);
  const open = new Map<EventStream, ServerResponse | undefined>();
  const connectionSlots = new StreamSlots(limits.streams, limits.streamsOfCustomers, limits.streamsPerCaller);
  const connections = new Map<string, StreamConnection>();
  let checking: NodeJS.Timeout | undefined;
  let stopped = false;
  const stopping = () => new ApiError("UNAVAILABLE", "The server is stopping; subscribe again after the last change.");

  const handler = createHandler<null, EventStream>({
    // Without a token for several operations there is one in each connection.
    authenticate: () => null,
    onSubscribe: ({ context }) => context,
  });

  function check() {
    for (const events of open.keys()) {
      resources.authenticate(events.authorization).catch((error: unknown) => events.end(error));
    }
    for (const connection of connections.values()) {
      resources.authenticate(connection.authorization).catch(() => connection.end());
    }
  }

  /** Runs the authorization checks while streams are open. */
  function updateChecks() {
    if (open.size + connections.size > 0) {
      checking ??= setInterval(check, checkMs).unref();
    } else {
      clearInterval(checking);
      checking = undefined;
    }
  }

  function register(events: EventStream, response?: ServerResponse) {
    open.set(events, response);
    updateChecks();
    if (stopped) events.end(stopping());
  }

  /** Acquires a slot for a subscription; responds with 429 if none is free. */
  function admit(response: ServerResponse, operation: StreamedOperation, authorization: string | undefined) {
    const { viewer } = operation.context;
    const [caller, isCustomer] = [callerOf(viewer), viewer.kind === "customer"];
    const refusal = slots.acquire(caller, isCustomer);
    if (refusal) return void respondTooMany(response, refusal);
    const events = new EventStream(schema, resources, operation, authorization);
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      slots.release(caller, isCustomer);
      open.delete(events);
      updateChecks();
      void events.return();
    };
    return { events, release };
  }

  function respondTooMany(response: ServerResponse, refusal: string) {
    const body = errorBody("RATE_LIMITED", refusal, { retryAfterMs: retrySeconds * 1_000 });
    json(response, 429, body, { "retry-after": String(retrySeconds) });
  }

  /** For a response shared by many subscriptions: a stalled client is disconnected, since no single one can be ended. */
  async function drainedOrLost(response: ServerResponse) {
    if (!(await unsent.drained(response))) response.destroy();
  }

  /** Starts the subscription; false if it failed and the error response was sent. */
  async function begin(response: ServerResponse, events: EventStream): Promise<boolean> {
    const refused = await events.begin();
    if (response.destroyed) return false;
    if (!refused) return true;
    const headers = { "cache-control": "no-store", ...refused.headers };
    json(response, refused.status, (await events.next()).value, headers);
    return false;
  }

  /** Finds a reserved connection by its token, for its own caller only. `EventSource` cannot send headers, so anonymous is accepted. */
  async function connectionOf(token: string, authorization: string | undefined): Promise<StreamConnection> {
    const viewer = await resources.authenticate(authorization);
    const connection = connections.get(token);
    if (!connection || (viewer.kind !== "anonymous" && callerOf(viewer) !== connection.caller)) {
      throw new RequestError(404, "There is no such connection for streams; reserve one by PUT.");
    }
    return connection;
  }

  return {
    async serve(response, operation, authorization) {
      if (response.destroyed) return;
      const admitted = admit(response, operation, authorization);
      if (!admitted) return;
      const { events } = admitted;
      response.once("close", admitted.release);
      if (!(await begin(response, events))) return;
      register(events, response);
      const [body] = await handler({
        method: "POST",
        url: "/",
        headers: { get: (name) => (name === "accept" ? "text/event-stream" : "application/json") },
        // It was read and checked before.
        body: { query: "subscription" },
        raw: null,
        context: events,
      });
      if (!body || typeof body === "string") throw new Error("The stream was refused");
      response.once("close", () => void body.return());
      response.writeHead(200, eventHeaders);
      for await (const piece of body) {
        const isEvent = piece.startsWith("event: next");
        const text = isEvent && events.lastId ? `id: ${events.lastId}\n${piece}` : piece;
        if (!response.write(text) && !(await unsent.drained(response))) events.end(readTooSlowly());
        if (response.destroyed) return;
        if (isEvent) events.acknowledge();
      }
      response.end();
    },
    async reserve(response, authorization) {
      const viewer = await resources.authenticate(authorization);
      if (viewer.kind === "anonymous") {
        const message = "Reserving a connection for streams needs an access token.";
        throw new AuthenticationError("UNAUTHENTICATED", message, { tokenSent: false });
      }
      const [caller, isCustomer] = [callerOf(viewer), viewer.kind === "customer"];
      const refusal = connectionSlots.acquire(caller, isCustomer);
      if (refusal) return respondTooMany(response, refusal);
      const connection = new StreamConnection(caller, authorization, drainedOrLost, () => {
        connectionSlots.release(caller, isCustomer);
        connections.delete(connection.token);
        updateChecks();
      });
      connections.set(connection.token, connection);
      updateChecks();
      if (stopped) connection.end();
      response
        .writeHead(201, { "content-type": "text/plain; charset=utf-8", "cache-control": "no-store" })
        .end(connection.token);
    },
    async connect(response, token, authorization) {
      const connection = await connectionOf(token, authorization);
      if (connection.isConnected) throw new RequestError(409, "This connection for streams is open already.");
      if (!response.destroyed) await connection.connect(response);
    },
    async prepare(token, operationId, authorization) {
      const connection = await connectionOf(token, authorization);
      if (typeof operationId !== "string" || !operationId) {
        throw new RequestError(
          400,
          "In a connection for streams `extensions.operationId` must be a text that is new in it.",
        );
      }
      if (!connection.reserve(operationId)) {
        throw new RequestError(409, "An operation with this `operationId` runs in this connection already.");
      }
      return {
        release: () => connection.release(operationId),
        async carry(response, operation, authorization) {
          const admitted = admit(response, operation, authorization);
          if (!admitted) return;
          const { events } = admitted;
          response.once("close", admitted.release);
          if (!(await begin(response, events))) return admitted.release();
          response.off("close", admitted.release);
          register(events);
          if (!connection.carry(operationId, admitted)) admitted.release();
          response.writeHead(202, { "cache-control": "no-store" }).end();
        },
      };
    },
    async complete(response, token, operationId, authorization) {
      const connection = await connectionOf(token, authorization);
      if (!operationId) throw new RequestError(400, "The parameter `operationId` must say which operation is to end.");
      connection.complete(operationId);
      response.writeHead(200, { "cache-control": "no-store" }).end();
    },
    stop() {
      stopped = true;
      for (const [events, response] of open) {
        events.end(stopping());
        if (response?.writableNeedDrain) response.destroy();
      }
      for (const connection of connections.values()) connection.end();
    },
  };
}

function eventTooLarge() {
  const reason = `more than ${limits.eventLength} characters`;
  return new ApiError(
    "COST_LIMIT",
    `The event is too large: ${reason}. Select fewer fields, and read the others by a query.`,
    {
      maximum: limits.eventLength,
    },
  );
}

function readTooSlowly() {
  return new ApiError("TIMEOUT", "The events were not read; subscribe again after the last one that was.");
}

/**
 * The result stream of one subscription. Backpressure: the next result is computed only after the last was written, so
 * a slow client keeps one in memory. Each result has its own context: the token is verified again, loaders are fresh. All
 * share one requester, which is cancelled when the subscription ends.
 */
class EventStream implements AsyncIterableIterator<ExecutionResult, undefined> {
  /** Id of the last delivered event. */
  lastId: string | undefined;
  private source: AsyncIterator<unknown> | undefined;
  private ended = false;
  /** Delivered as the last result. */
  private finalResult: ExecutionResult | undefined;
  private writing: Promise<void> = Promise.resolve();
  /** Call when the last result was written: the next one is read only then. */
  acknowledge = () => {};

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly resources: AppResources,
    private readonly operation: StreamedOperation,
    readonly authorization: string | undefined,
  ) {}

  /** Subscribes. On failure returns the status and headers of the error response; `next` then returns its body. */
  async begin(): Promise<{ status: number; headers: Record<string, string> } | undefined> {
    const { document, operationName, variables, context } = this.operation;
    try {
      const source = await createSourceEventStream({
        schema: this.schema,
        document,
        operationName,
        variableValues: variables,
        contextValue: context,
      });
      if ("errors" in source) throw source.errors![0];
      this.source = (source as AsyncIterable<unknown>)[Symbol.asyncIterator]();
      if (this.ended) await this.source.return?.();
      return undefined;
    } catch (error) {
      if (this.ended) return undefined;
      this.end(error);
      const { code } = this.finalResult!.errors![0]!.extensions;
      if (code === "UNAVAILABLE") return { status: 503, headers: {} };
      if (code === "INTERNAL_SERVER_ERROR") return { status: 500, headers: {} };
      const { status, headers } = httpOf(error as GraphQLError);
      return status === undefined ? undefined : { status, headers };
    }
  }

  async next(): Promise<IteratorResult<ExecutionResult, undefined>> {
    await this.writing;
    if (!this.ended) {
      try {
        const { done, value } = await this.source!.next();
        const result = done ? undefined : await this.resultOf(value);
        if (result && !this.ended) {
          if (isLonger(result, limits.eventLength)) throw eventTooLarge();
          this.lastId = idOf(value);
          return this.deliver(result);
        }
        if (!result) this.ended = true;
      } catch (error) {
        this.end(error);
      }
    }
    const { finalResult } = this;
    this.finalResult = undefined;
    this.lastId = undefined;
    return finalResult ? this.deliver(finalResult) : { done: true, value: undefined };
  }

  /** Ends the stream at once, with the error as its last result if there is one. */
  end(error?: unknown) {
    if (this.ended) return;
    this.ended = true;
    if (error !== undefined)
      this.finalResult = this.formatted({ errors: [asGraphQLError(error)] }, this.operation.context);
    void this.source?.return?.();
    this.operation.context.requester.cancel();
    this.acknowledge();
  }

  async return(): Promise<IteratorResult<ExecutionResult, undefined>> {
    this.end();
    return { done: true, value: undefined };
  }

  /** graphql-sse calls `return` only on generators, which it recognises by this method. */
  async throw(error: unknown): Promise<IteratorResult<ExecutionResult, undefined>> {
    this.end();
    throw error;
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  private deliver(value: ExecutionResult): IteratorResult<ExecutionResult, undefined> {
    this.writing = new Promise((resolve) => {
      this.acknowledge = resolve;
    });
    return { done: false, value };
  }

  /** Executes the operation for one event; undefined if the stream ended meanwhile. */
  private resultOf(event: unknown): Promise<ExecutionResult | undefined> {
    const { document, operationName, variables, context: first } = this.operation;
    return onceAvailable(
      async () => {
        const context = await createContext(this.resources, this.authorization, undefined, first.requester);
        const result = await execute({
          schema: this.schema,
          document,
          operationName,
          variableValues: variables,
          rootValue: event,
          contextValue: context,
        });
        const lost = result.errors?.map((error) => unwrapResolverError(error)).find(isUnavailable);
        if (lost) throw lost;
        return this.formatted(result, context);
      },
      () => this.ended,
    );
  }

  private formatted({ data, errors }: ExecutionResult, { requestId, redactions }: Context): ExecutionResult {
    const formatted = errors?.map((error) => formatError(error.toJSON(), error, this.resources.log, { requestId }));
    return {
      // graphql-sse writes errors as they are, and has no type for those that are formatted already.
      ...(formatted && { errors: formatted as never }),
      ...(data !== undefined && { data }),
      extensions: { requestId, ...(redactions.length > 0 && { redactions: redactions.map(redactionOf) }) },
    };
  }
}

/** Characters allowed in the `id:` field of a server-sent event; a newline would end it. */
const plainId = /^[\x21-\x7e]+$/;

function idOf(event: unknown): string | undefined {
  const id = (event as { id?: unknown } | undefined)?.id;
  return typeof id === "string" && plainId.test(id) ? id : undefined;
}

function asGraphQLError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  const originalError = error instanceof Error ? error : undefined;
  // With a path it is formatted like an error thrown by a resolver.
  return new GraphQLError(originalError?.message ?? "", { originalError, path: [] });
}

/** Key of the per-caller stream limit: a customer, a staff member or an application. */
function callerOf(viewer: Viewer): string {
  const who = viewer.kind === "customer" ? viewer.customerId : (viewer.owner?.id ?? "");
  return [viewer.mode, viewer.kind, viewer.applicationId, who].join(" ");
}

/** Limits concurrent streams or exports: in total, of all customers together (anybody can sign up many), and per caller. */
export class StreamSlots {
  private used = 0;
  private usedByCustomers = 0;
  private readonly usedBy = new Map<string, number>();

  constructor(
    private readonly maximum: number,
    private readonly maximumOfCustomers: number,
    private readonly maximumPerCaller: number,
    private readonly kind = "streams",
  ) {}

  /** Acquires a slot; returns the reason if none is free. */
  acquire(caller: string, isCustomer: boolean): string | undefined {
    const used = this.usedBy.get(caller) ?? 0;
    if (used >= this.maximumPerCaller) return `There are ${used} ${this.kind} of yours already; end one of them first.`;
    if (this.used >= this.maximum || (isCustomer && this.usedByCustomers >= this.maximumOfCustomers)) {
      return `The server has too many ${this.kind} at the moment; try again later.`;
    }
    this.used++;
    if (isCustomer) this.usedByCustomers++;
    this.usedBy.set(caller, used + 1);
    return undefined;
  }

  release(caller: string, isCustomer: boolean) {
    this.used--;
    if (isCustomer) this.usedByCustomers--;
    const used = this.usedBy.get(caller)! - 1;
    if (used > 0) this.usedBy.set(caller, used);
    else this.usedBy.delete(caller);
  }
}

/**
 * Rejects directives in the root selection of a subscription, where the GraphQL specification forbids `@skip` and `@include`
 * and graphql-js does not yet.
 */
export function checkSubscription(document: DocumentNode, operation: OperationDefinitionNode) {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const walk = ({ selections }: SelectionSetNode) => {
    for (const selection of selections) {
      if (selection.directives?.length) {
        throw new ApiError("BAD_REQUEST", "The field of a subscription takes no directive: subscribe to it or do not.");
      }
      if (selection.kind === Kind.INLINE_FRAGMENT) walk(selection.selectionSet);
      if (selection.kind !== Kind.FRAGMENT_SPREAD) continue;
      const { value } = selection.name;
      const fragment = fragments.get(value);
      // Each fragment is visited once: nested spreads would grow exponentially.
      fragments.delete(value);
      if (fragment) walk(fragment.selectionSet);
    }
  };
  walk(operation.selectionSet);
}
