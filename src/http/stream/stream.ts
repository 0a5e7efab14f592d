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

/** A subscription that has passed every check that a query has to pass. */
export interface StreamedOperation {
  readonly document: DocumentNode;
  readonly operationName: string | undefined;
  readonly variables: Record<string, unknown>;
  /** The context in which it begins. Each event gets one of its own, for the same requester. */
  readonly context: Context;
}

/** An operation that has its id in a connection. */
export interface PreparedOperation {
  /** As `serve`, but the answer says only that it runs, or why not: its events go into the connection. */
  readonly carry: Streams["serve"];
  /** Gives the id back if it does not run. */
  release(): void;
}

export interface Streams {
  /** Answers with the events of a subscription, until it ends or the client goes away. */
  readonly serve: (
    response: ServerResponse,
    operation: StreamedOperation,
    authorization: string | undefined,
  ) => Promise<void>;
  /** Reserves a connection for many subscriptions, and answers with its token. */
  reserve(response: ServerResponse, authorization: string | undefined): Promise<void>;
  /** Answers with the events of all subscriptions of a reserved connection, until the client goes away. */
  connect(response: ServerResponse, token: string, authorization: string | undefined): Promise<void>;
  /** Makes room for an operation in a connection, before it is executed. */
  prepare(token: string, operationId: unknown, authorization: string | undefined): Promise<PreparedOperation>;
  /** Ends one of a connection's operations. */
  complete(
    response: ServerResponse,
    token: string,
    operationId: string | null,
    authorization: string | undefined,
  ): Promise<void>;
  /** Ends all, and tells the clients why. */
  stop(): void;
}

/** How often the rights of running streams are looked at, beside each event. */
const checkMs = 1_000;

/** When to ask for a place again. */
const retrySeconds = 5;

/** Subscriptions as server-sent events: GraphQL over SSE, one connection for each or one for many. */
export function createStreams(schema: GraphQLSchema, resources: AppResources, unsent: UnsentAnswers): Streams {
  const places = new Places(limits.streams, limits.streamsOfCustomers, limits.streamsPerCaller);
  const open = new Map<Events, ServerResponse | undefined>();
  const connectionPlaces = new Places(limits.streams, limits.streamsOfCustomers, limits.streamsPerCaller);
  const connections = new Map<string, StreamConnection>();
  let checking: NodeJS.Timeout | undefined;
  let stopped = false;
  const stopping = () => new ApiError("UNAVAILABLE", "The server is stopping; subscribe again after the last change.");

  const handler = createHandler<null, Events>({
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

  /** Checks rights while there is something to check. */
  function watch() {
    if (open.size + connections.size > 0) {
      checking ??= setInterval(check, checkMs).unref();
    } else {
      clearInterval(checking);
      checking = undefined;
    }
  }

  function opened(events: Events, response?: ServerResponse) {
    open.set(events, response);
    watch();
    if (stopped) events.end(stopping());
  }

  /** Takes a place for a subscription, or answers why there is none. */
  function admit(response: ServerResponse, operation: StreamedOperation, authorization: string | undefined) {
    const { viewer } = operation.context;
    const [caller, isCustomer] = [callerOf(viewer), viewer.kind === "customer"];
    const refusal = places.take(caller, isCustomer);
    if (refusal) return void tooMany(response, refusal);
    const events = new Events(schema, resources, operation, authorization);
    let left = false;
    const leave = () => {
      if (left) return;
      left = true;
      places.leave(caller, isCustomer);
      open.delete(events);
      watch();
      void events.return();
    };
    return { events, leave };
  }

  function tooMany(response: ServerResponse, refusal: string) {
    const body = errorBody("RATE_LIMITED", refusal, { retryAfterMs: retrySeconds * 1_000 });
    json(response, 429, body, { "retry-after": String(retrySeconds) });
  }

  /** For an answer that carries many: it cannot tell each of them that it is not read. */
  async function drainedOrLost(response: ServerResponse) {
    if (!(await unsent.drained(response))) response.destroy();
  }

  /** Subscribes; false where the answer is no stream, and given. */
  async function begin(response: ServerResponse, events: Events): Promise<boolean> {
    const refused = await events.begin();
    if (response.destroyed) return false;
    if (!refused) return true;
    const headers = { "cache-control": "no-store", ...refused.headers };
    json(response, refused.status, (await events.next()).value, headers);
    return false;
  }

  /** The connection of a token, for the caller who reserved it. `EventSource` can send no header: the token is enough. */
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
      response.once("close", admitted.leave);
      if (!(await begin(response, events))) return;
      opened(events, response);
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
        if (isEvent) events.taken();
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
      const refusal = connectionPlaces.take(caller, isCustomer);
      if (refusal) return tooMany(response, refusal);
      const connection = new StreamConnection(caller, authorization, drainedOrLost, () => {
        connectionPlaces.leave(caller, isCustomer);
        connections.delete(connection.token);
        watch();
      });
      connections.set(connection.token, connection);
      watch();
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
          response.once("close", admitted.leave);
          if (!(await begin(response, events))) return admitted.leave();
          response.off("close", admitted.leave);
          opened(events);
          if (!connection.carry(operationId, admitted)) admitted.leave();
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
  const what = `more than ${limits.eventLength} characters`;
  return new ApiError("COST_LIMIT", `An event came to ${what}; select less, and read the rest by a query.`, {
    maximum: limits.eventLength,
  });
}

function readTooSlowly() {
  return new ApiError("TIMEOUT", "The events were not read; subscribe again after the last one that was.");
}

/**
 * The results of one subscription. The next is made only when the last was written, so that a slow client holds one in
 * memory and no more. Each is made in a context of its own: the token is checked anew, and nothing is read twice. All
 * are read on behalf of one requester, who is cancelled when the subscription ends.
 */
class Events implements AsyncIterableIterator<ExecutionResult, undefined> {
  /** The id of the event that was given last. */
  lastId: string | undefined;
  private source: AsyncIterator<unknown> | undefined;
  private over = false;
  /** Given before the end. */
  private farewell: ExecutionResult | undefined;
  private writing: Promise<void> = Promise.resolve();
  /** To be called when the last result was written. */
  taken = () => {};

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly resources: AppResources,
    private readonly operation: StreamedOperation,
    readonly authorization: string | undefined,
  ) {}

  /** Subscribes. Gives the head of an answer that is no stream, if it must be one; `next` then gives the answer. */
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
      if (this.over) await this.source.return?.();
      return undefined;
    } catch (error) {
      if (this.over) return undefined;
      this.end(error);
      const { code } = this.farewell!.errors![0]!.extensions;
      if (code === "UNAVAILABLE") return { status: 503, headers: {} };
      if (code === "INTERNAL_SERVER_ERROR") return { status: 500, headers: {} };
      const { status, headers } = httpOf(error as GraphQLError);
      return status === undefined ? undefined : { status, headers };
    }
  }

  async next(): Promise<IteratorResult<ExecutionResult, undefined>> {
    await this.writing;
    if (!this.over) {
      try {
        const { done, value } = await this.source!.next();
        const result = done ? undefined : await this.resultOf(value);
        if (result && !this.over) {
          if (isLonger(result, limits.eventLength)) throw eventTooLarge();
          this.lastId = idOf(value);
          return this.given(result);
        }
        if (!result) this.over = true;
      } catch (error) {
        this.end(error);
      }
    }
    const { farewell } = this;
    this.farewell = undefined;
    this.lastId = undefined;
    return farewell ? this.given(farewell) : { done: true, value: undefined };
  }

  /** Ends it at once: with an error, if there is one to tell. */
  end(error?: unknown) {
    if (this.over) return;
    this.over = true;
    if (error !== undefined)
      this.farewell = this.formatted({ errors: [asGraphQLError(error)] }, this.operation.context);
    void this.source?.return?.();
    this.operation.context.requester.cancel();
    this.taken();
  }

  async return(): Promise<IteratorResult<ExecutionResult, undefined>> {
    this.end();
    return { done: true, value: undefined };
  }

  /** Part of what makes it a generator, for which graphql-sse looks before it calls `return`. */
  async throw(error: unknown): Promise<IteratorResult<ExecutionResult, undefined>> {
    this.end();
    throw error;
  }

  [Symbol.asyncIterator]() {
    return this;
  }

  private given(value: ExecutionResult): IteratorResult<ExecutionResult, undefined> {
    this.writing = new Promise((resolve) => {
      this.taken = resolve;
    });
    return { done: false, value };
  }

  /** The answer for one event; undefined if the stream has ended in the meantime. */
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
      () => this.over,
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

/** What the `id:` of an event may be: other text would end the line. */
const plainId = /^[\x21-\x7e]+$/;

function idOf(event: unknown): string | undefined {
  const id = (event as { id?: unknown } | undefined)?.id;
  return typeof id === "string" && plainId.test(id) ? id : undefined;
}

function asGraphQLError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  const originalError = error instanceof Error ? error : undefined;
  // With a path it counts as thrown by a resolver, and what was thrown decides what the client is told.
  return new GraphQLError(originalError?.message ?? "", { originalError, path: [] });
}

/** Who shares a limit of streams: a customer, a member of the staff, or an application. */
function callerOf(viewer: Viewer): string {
  const who = viewer.kind === "customer" ? viewer.customerId : (viewer.owner?.id ?? "");
  return [viewer.mode, viewer.kind, viewer.applicationId, who].join(" ");
}

/** How many streams or exports there are, of all callers, of customers, and of each. Anybody can become many customers. */
export class Places {
  private taken = 0;
  private takenByCustomers = 0;
  private readonly takenBy = new Map<string, number>();

  constructor(
    private readonly maximum: number,
    private readonly maximumOfCustomers: number,
    private readonly maximumPerCaller: number,
    private readonly what = "streams",
  ) {}

  /** Takes a place, or says why there is none. */
  take(caller: string, isCustomer: boolean): string | undefined {
    const own = this.takenBy.get(caller) ?? 0;
    if (own >= this.maximumPerCaller) return `There are ${own} ${this.what} of yours already; end one of them first.`;
    if (this.taken >= this.maximum || (isCustomer && this.takenByCustomers >= this.maximumOfCustomers)) {
      return `The server has too many ${this.what} at the moment; try again later.`;
    }
    this.taken++;
    if (isCustomer) this.takenByCustomers++;
    this.takenBy.set(caller, own + 1);
    return undefined;
  }

  leave(caller: string, isCustomer: boolean) {
    this.taken--;
    if (isCustomer) this.takenByCustomers--;
    const own = this.takenBy.get(caller)! - 1;
    if (own > 0) this.takenBy.set(caller, own);
    else this.takenBy.delete(caller);
  }
}

/**
 * Refuses a subscription whose one field may be left out, as the GraphQL specification does and graphql-js does not yet:
 * of nothing there are no events.
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
      // Each is looked at once: fragments that spread others twice would come to millions.
      fragments.delete(value);
      if (fragment) walk(fragment.selectionSet);
    }
  };
  walk(operation.selectionSet);
}
