import type { IncomingMessage, ServerResponse } from "node:http";
import { ApiError } from "../../errors.js";
import type { Context } from "../../graph/context.js";
import { errorBody, json, notAcceptable, send, wrongMethod } from "../answer.js";
import { jsonRequest, type ValidOperation } from "../apollo.js";
import { createContext } from "../context.js";
import { type GraphQLParts, OperationSteps } from "../graphql.js";
import { readOperation } from "../graphql-request.js";
import { preferredType } from "../negotiation.js";
import { headerOf } from "../request.js";
import { checkSubscription, type StreamedOperation, type Streams } from "./stream.js";

export const streamPath = "/graphql/stream";
export const streamMethods = "GET, POST, PUT, DELETE";
/** Header of graphql-sse with the token of a connection for many subscriptions. */
const streamToken = "x-graphql-event-stream-token";
/** Media types of event streams. */
const streamTypes = ["text/event-stream"] as const;

/** Serves subscriptions: one in this response, or many in the connection of the token. */
export async function serveStream(
  parts: GraphQLParts,
  streams: Streams,
  isStopping: boolean,
  request: IncomingMessage,
  response: ServerResponse,
  { searchParams }: URL,
) {
  const token = headerOf(request, streamToken) ?? searchParams.get("token") ?? undefined;
  const methods = token === undefined ? ["POST", "PUT"] : ["GET", "POST", "DELETE"];
  const allow = methods.join(", ");
  if (request.method === "OPTIONS") return void response.writeHead(204, { allow }).end();
  if (!methods.includes(request.method!)) {
    return wrongMethod(response, "Send the subscription by POST, as JSON.", allow);
  }
  if (isStopping) return json(response, 503, errorBody("UNAVAILABLE", "The server is stopping; try again."));
  const authorization = headerOf(request, "authorization");
  if (request.method === "PUT") return streams.reserve(response, authorization);
  if (token !== undefined && request.method === "DELETE") {
    return streams.complete(response, token, searchParams.get("operationId"), authorization);
  }
  const isEvents = token === undefined || request.method === "GET";
  if (isEvents && !preferredType(request.headers.accept, streamTypes)) return notAcceptable(response, streamTypes);
  if (token !== undefined && request.method === "GET") return streams.connect(response, token, authorization);

  const body: { extensions?: { operationId?: unknown } | null } = await readOperation(request);
  if (token === undefined) return subscribe(parts, request, response, body, streams.serve);
  const prepared = await streams.prepare(token, body.extensions?.operationId, authorization);
  try {
    await subscribe(parts, request, response, body, prepared.carry);
  } finally {
    prepared.release();
  }
}

/** Checks a subscription like a query and responds with an error if that fails; `serve` sends its events. */
async function subscribe(
  parts: GraphQLParts,
  request: IncomingMessage,
  response: ServerResponse,
  body: object,
  serve: Streams["serve"],
) {
  const steps = new SubscriptionSteps(parts, request);
  const { status, headers, pieces } = await parts.apollo.execute(jsonRequest(body), steps);
  if (steps.operation) return serve(response, steps.operation, headerOf(request, "authorization"));
  await send(request, response, { status, headers: { ...headers, "cache-control": "no-store" }, pieces });
}

/** Lifecycle of a subscription: checked here, executed for each event by the stream. */
class SubscriptionSteps extends OperationSteps {
  /** The subscription, after it passed all checks. */
  operation: StreamedOperation | undefined;

  constructor(
    private readonly parts: GraphQLParts,
    private readonly request: IncomingMessage,
  ) {
    super(parts.schema);
  }

  async createContext(): Promise<Context> {
    const context = await createContext(this.parts.resources, headerOf(this.request, "authorization"), this.request);
    return { ...context, lastEventId: this.request.headers["last-event-id"]?.toString() };
  }

  protected checkKind({ document, operation }: ValidOperation) {
    if (operation.operation === "subscription") return checkSubscription(document, operation);
    const message = `Only subscriptions are served here; send a ${operation.operation} to /graphql.`;
    throw new ApiError("BAD_REQUEST", message);
  }

  async answer({ document, operationName, given, context }: ValidOperation) {
    // Invalid variables are rejected by the execution.
    if (!this.variables) return undefined;
    this.operation = { document, operationName, variables: given, context };
    return ["null"];
  }
}
