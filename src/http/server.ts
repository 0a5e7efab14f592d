import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { ApolloServer, type ApolloServerOptions, type ApolloServerPlugin, HeaderMap } from "@apollo/server";
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from "@apollo/server/plugin/disabled";
import type { DocumentNode, GraphQLFormattedError, GraphQLSchema, OperationDefinitionNode } from "graphql";
import { LRUCache } from "lru-cache";
import { recordStatements } from "../database/client.js";
import { ResultTooLargeError } from "../database/limit-errors.js";
import { Requester } from "../database/requester.js";
import { isUnavailable } from "../database/unavailable.js";
import { exportPath } from "../erasure/subject-export.js";
import { ApiError, type ErrorCode, errorCodes, httpOf } from "../errors.js";
import { PlannedExecution } from "../graph/answer/planned-execution.js";
import type { Context } from "../graph/context.js";
import { directivesOnMutations } from "../graph/write/directives.js";
import { factsOf } from "../telemetry/logger.js";
import { errorBody, isLonger, json, redactionOf, send } from "./answer.js";
import { asksForSecrets } from "./compression.js";
import { type AppResources, createContext } from "./context.js";
import { type CorsOrigins, createCors } from "./cors.js";
import { type FailedRequest, formatError } from "./format-error.js";
import { csrfHeaders, readGraphQLRequest, readOperation } from "./graphql-request.js";
import { checkCost, checkJsonLiterals, checkText, coerced, costOf, limits } from "./limits.js";
import { preferredType } from "./negotiation.js";
import type { Playground } from "./playground/playground.js";
import { checkEncodedParameters, headerOf, RequestError } from "./request.js";
import { createSchemaFile, noIntrospection } from "./schema-file.js";
import { checkSubscription, createStreams, type StreamedOperation, type Streams } from "./stream/stream.js";
import { createSubjectExports, type ExportLimits, exportLimits } from "./subject-export.js";
import { UnsentAnswers, type UnsentLimits, unsentLimits } from "./unsent.js";

export interface HttpServer {
  /** Starts listening and gives the address, such as `http://127.0.0.1:4000`. */
  listen(port: number, host: string): Promise<string>;
  /** Not ready at once; running requests end first, for as long as `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

export interface HttpOptions {
  schema: GraphQLSchema;
  resources: AppResources;
  playground: Playground;
  /** Routes that are asked first: each request is theirs if they say so. */
  routes?: (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<boolean>;
  /** Whether answers tell how many SQL statements they took. */
  countStatements: boolean;
  /** From where pages in a browser may call, beside the server's own; nowhere unless told. */
  corsOrigins?: CorsOrigins;
  /** Whether queries are planned: read by one statement. Otherwise resolvers answer alone. */
  planned?: boolean;
  /** Whether clients may ask for the schema; they may unless told. */
  introspection?: boolean;
  /** How long, and how much of it, answers wait for clients that do not read. */
  unsent?: Partial<UnsentLimits>;
  exports?: Partial<ExportLimits>;
}

/** So large that a token which is far too long is refused by the check of tokens, with its own words. */
const maxHeaderSize = 128 * 1024;

/** What a request carries from its start to its answer, beside the resolvers' context. */
interface RequestContext extends Context {
  cost?: number;
  /** The operation's variables as the schema understands them, if they fit. */
  variables?: Record<string, unknown>;
  written: {
    /** The answer's data, where a plan wrote it: pieces of JSON, to be sent one after the other. */
    data?: readonly string[];
    /** Whether the answer holds no secret. Those of mutations may: a token for a new password, say. */
    compressible?: () => boolean;
  };
  statements?: string[];
  /** There for a request to `/graphql/stream`: the subscription, once it has passed all checks. */
  streamed?: { operation?: StreamedOperation };
}

export async function createHttpServer(options: HttpOptions): Promise<HttpServer> {
  const { schema, resources, playground, countStatements, introspection = true } = options;
  const planner = options.planned === false ? undefined : new PlannedExecution(schema, resources.database);
  const apollo = new ApolloServer<RequestContext>({
    schema,
    // Refused by a rule of our own, which says so.
    introspection: true,
    hideSchemaDetailsFromClientErrors: !introspection,
    csrfPrevention: { requestHeaders: csrfHeaders },
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    maxRecursiveSelections: true,
    parseOptions: { maxTokens: limits.tokens },
    validationOptions: { maxErrors: limits.errors - 1 },
    executionOptions: { maxCoercionErrors: limits.errors - 1 },
    validationRules: introspection ? [directivesOnMutations] : [directivesOnMutations, noIntrospection],
    documentStore: documentStore(),
    stringifyResult: JSON.stringify,
    // Every answer's errors are formatted in the plugin below, which knows the request.
    plugins: [
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      guard(schema, planner),
    ],
    logger: {
      debug() {},
      info() {},
      warn: (text) => resources.log.warn(String(text)),
      error: (text) => resources.log.error(String(text)),
    },
    formatError: (formatted, error) =>
      formatError(formatted, error, resources.log, requests.get(error as object) ?? { requestId: "" }),
  });
  await apollo.start();
  const unsent = new UnsentAnswers({ ...unsentLimits, ...options.unsent }, resources.log);
  const streams = createStreams(schema, resources, unsent);
  const subjectExports = createSubjectExports(resources, unsent, { ...exportLimits, ...options.exports });
  const cors = createCors(options.corsOrigins ?? []);
  const serveSchema = introspection ? createSchemaFile(schema) : undefined;

  let stopping = false;
  let running = 0;
  let idle = () => {};

  async function handle(request: IncomingMessage, response: ServerResponse) {
    if (request.url === "/graphql") {
      if (cors(request, response)) return;
      return graphql(request, response, "");
    }
    // A path such as `//` is no URL.
    if (!URL.canParse(request.url ?? "/", "http://server")) return notFound(response);
    const url = new URL(request.url ?? "/", "http://server");
    // The page may have a token in it, so no other page ever reads it.
    if (url.pathname === "/" || url.pathname.startsWith("/playground/")) return playground.serve(request, response);
    if (cors(request, response, url.pathname === streamPath ? streamMethods : undefined)) return;
    checkEncodedParameters(url.search);
    if (await options.routes?.(request, response, url)) return;
    switch (url.pathname) {
      case "/graphql":
        return graphql(request, response, url.search);
      case streamPath:
        return stream(request, response, url);
      case "/schema.graphql":
        if (!serveSchema) {
          return json(response, 404, errorBody("BAD_REQUEST", "Introspection is switched off on this server."));
        }
        if (request.method !== "GET" && request.method !== "HEAD") {
          return wrongMethod(response, "Ask for the schema by GET.", "GET, HEAD");
        }
        return serveSchema(request, response);
      case "/health/live":
      case "/health/ready":
        if (request.method !== "GET" && request.method !== "HEAD") {
          return wrongMethod(response, "Ask for the health by GET.", "GET, HEAD");
        }
        response.setHeader("cache-control", "no-store");
        return url.pathname === "/health/live" ? json(response, 200, { status: "ok" }) : ready(response);
      default:
        if (url.pathname.startsWith(exportPath)) {
          const id = decoded(url.pathname.slice(exportPath.length));
          return subjectExports.serve(request, response, id);
        }
        return notFound(response);
    }
  }

  async function ready(response: ServerResponse) {
    if (stopping) return json(response, 503, { status: "stopping" });
    try {
      await resources.database.reserved.query("SELECT 1", []);
      return json(response, 200, { status: "ok" });
    } catch {
      return json(response, 503, { status: "database unavailable" });
    }
  }

  async function graphql(request: IncomingMessage, response: ServerResponse, search: string) {
    if (request.method === "OPTIONS") {
      response.writeHead(204, { allow: graphqlMethods.join(", ") }).end();
      return;
    }
    if (!graphqlMethods.includes(request.method!)) return wrongMethod(response, sendQuery, graphqlMethods.join(", "));
    // Most likely a person who opened the address.
    if (request.method !== "POST" && !search) return json(response, 400, errorBody("BAD_REQUEST", sendQuery));
    // Before anything runs: a mutation whose answer nobody takes must not be committed.
    const type = preferredType(request.headers.accept, answerTypes);
    if (!type) return notAcceptable(response, answerTypes);
    const httpGraphQLRequest = await readGraphQLRequest(request, search, type);
    // Where the client goes away, its statements are of no use any more.
    const requester = new Requester();
    response.once("close", () => requester.cancel());
    const statements: string[] = [];
    // Apollo Server copies the context; what is inside is the same.
    const written: RequestContext["written"] = {};
    let writes: Context["writes"] | undefined;
    const execute = async () => {
      try {
        return await apollo.executeHTTPGraphQLRequest({
          httpGraphQLRequest,
          context: async () => {
            const context = await createContext(resources, headerOf(request, "authorization"), request, requester);
            writes = context.writes;
            return countStatements ? { ...context, written, statements } : { ...context, written };
          },
        });
      } finally {
        await writes?.end?.();
      }
    };
    const result = await (countStatements ? recordStatements(statements, execute) : execute());
    const text = result.body.kind === "complete" ? result.body.string : "";
    const pieces = written.data ? withData(text, written.data) : [text];
    await send(request, response, {
      status: result.status ?? 200,
      headers: { ...Object.fromEntries(result.headers), "cache-control": "no-store" },
      pieces,
      compressible: written.compressible,
    });
  }

  /** Subscriptions: one in this answer, or many in the connection whose token the request has. */
  async function stream(request: IncomingMessage, response: ServerResponse, { searchParams }: URL) {
    const token = headerOf(request, streamToken) ?? searchParams.get("token") ?? undefined;
    const methods = token === undefined ? ["POST", "PUT"] : ["GET", "POST", "DELETE"];
    const allow = methods.join(", ");
    if (request.method === "OPTIONS") return void response.writeHead(204, { allow }).end();
    if (!methods.includes(request.method!))
      return wrongMethod(response, "Send the subscription by POST, as JSON.", allow);
    if (stopping) return json(response, 503, errorBody("UNAVAILABLE", "The server is stopping; try again."));
    const authorization = headerOf(request, "authorization");
    if (request.method === "PUT") return streams.reserve(response, authorization);
    if (token !== undefined && request.method === "DELETE") {
      return streams.complete(response, token, searchParams.get("operationId"), authorization);
    }
    const isEvents = token === undefined || request.method === "GET";
    if (isEvents && !preferredType(request.headers.accept, streamTypes)) return notAcceptable(response, streamTypes);
    if (token !== undefined && request.method === "GET") return streams.connect(response, token, authorization);

    const body: { extensions?: { operationId?: unknown } | null } = await readOperation(request);
    if (token === undefined) return subscribe(request, response, body, streams.serve);
    const prepared = await streams.prepare(token, body.extensions?.operationId, authorization);
    try {
      await subscribe(request, response, body, prepared.carry);
    } finally {
      prepared.release();
    }
  }

  /** Apollo Server checks a subscription as it does a query, and answers if that fails; its events are sent by `serve`. */
  async function subscribe(request: IncomingMessage, response: ServerResponse, body: object, serve: Streams["serve"]) {
    const authorization = headerOf(request, "authorization");
    const lastEventId = request.headers["last-event-id"]?.toString();
    const streamed: NonNullable<RequestContext["streamed"]> = {};
    const result = await apollo.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        method: "POST",
        headers: new HeaderMap([["content-type", "application/json"]]),
        search: "",
        body,
      },
      context: async () => {
        const context = await createContext(resources, authorization, request);
        return { ...context, lastEventId, written: {}, streamed };
      },
    });
    if (streamed.operation) return serve(response, streamed.operation, authorization);
    await send(request, response, {
      status: result.status ?? 200,
      headers: { ...Object.fromEntries(result.headers), "cache-control": "no-store" },
      pieces: [result.body.kind === "complete" ? result.body.string : ""],
    });
  }

  const server: Server = createServer({ maxHeaderSize }, (request, response) => {
    running++;
    response.once("close", () => {
      if (--running === 0) idle();
    });
    if (stopping) response.setHeader("connection", "close");
    response.setHeader("x-content-type-options", "nosniff");
    const answered = handle(request, response).then(() => unsent.watch(response));
    answered.catch((error: unknown) => {
      const refusal = refusalOf(error);
      // The client went away in the middle of its request: there is nobody to tell.
      if (!refusal && request.destroyed && !request.complete) return;
      if (!refusal || response.headersSent) resources.log.error("A request failed outside GraphQL.", factsOf(error));
      // Half an answer is no answer: the client sees that it was cut.
      if (response.headersSent) response.destroy();
      else if (refusal) json(response, refusal.status, refusal.body, refusal.headers);
      else json(response, 500, errorBody("INTERNAL_SERVER_ERROR", "Something went wrong on our side."));
    });
  });
  server.requestTimeout = 30_000;
  server.headersTimeout = 15_000;
  // Longer than proxies keep idle connections, usually a minute: they must not send into one that closes just then.
  server.keepAliveTimeout = 75_000;

  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, () => {
          server.off("error", reject);
          const address = server.address() as AddressInfo;
          const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
          resolve(`http://${name}:${address.port}`);
        });
      }),
    async stop(graceMs) {
      stopping = true;
      server.close();
      server.closeIdleConnections();
      streams.stop();
      if (running > 0) {
        let timer: NodeJS.Timeout | undefined;
        await Promise.race([
          new Promise<void>((resolve) => {
            idle = resolve;
          }),
          new Promise<void>((resolve) => {
            timer = setTimeout(resolve, graceMs);
          }),
        ]);
        clearTimeout(timer);
      }
      server.closeAllConnections();
      await apollo.stop();
    },
  };
}

/** How many characters of documents are kept parsed and validated. */
const documentCharacters = 600_000;

/** Keeps documents that were used lately, and with them what is known of each by its object. */
function documentStore(): DocumentStore {
  const documents = new LRUCache<string, DocumentNode>({
    maxSize: documentCharacters,
    sizeCalculation: ({ loc }) => loc?.end || 1,
  });
  return {
    get: async (key) => documents.get(key),
    set: async (key, document) => void documents.set(key, document),
    delete: async (key) => documents.delete(key),
  };
}

type DocumentStore = NonNullable<ApolloServerOptions<RequestContext>["documentStore"]>;

/** What an answer begins with whose data a plan wrote, as Apollo Server knows it. */
const withoutData = '{"data":null';

/** The same answer with its data, which is long and never put together. */
function withData(text: string, data: readonly string[]): string[] {
  if (!text.startsWith(withoutData)) throw new Error("The answer of a plan has something before its data");
  return ['{"data":', ...data, text.slice(withoutData.length)];
}

const graphqlMethods = ["GET", "HEAD", "POST"];

const streamPath = "/graphql/stream";
const streamMethods = "GET, POST, PUT, DELETE";
/** The header of graphql-sse that names a connection for many subscriptions. */
const streamToken = "x-graphql-event-stream-token";

/** The media types of answers, and of events. */
const answerTypes = ["application/json", "application/graphql-response+json"] as const;
const streamTypes = ["text/event-stream"] as const;

/** The request that an error belongs to. */
const requests = new WeakMap<object, FailedRequest>();

/**
 * Checks an operation after validation and before execution, lets its plan answer it if it has one, and completes the
 * answer's extensions.
 */
function guard(schema: GraphQLSchema, planner: PlannedExecution | undefined): ApolloServerPlugin<RequestContext> {
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ document, operation, request, contextValue }) {
          if (!operation) return;
          contextValue.written.compressible = () =>
            operation.operation === "query" && !asksForSecrets(schema, document);
          try {
            const given = request.variables ?? {};
            checkPlace(document, operation, contextValue);
            checkText(document, given);
            // Variables that do not fit are refused by the execution, which says why.
            const variables = coerced(schema, operation, given);
            if (!variables) return;
            checkJsonLiterals(schema, document, variables);
            contextValue.variables = variables;
            const cost = costOf(schema, document, operation, variables);
            contextValue.cost = cost.objects;
            checkCost(cost, operation.operation);
          } catch (error) {
            // Nothing was executed: the whole request is at fault.
            if (error instanceof ApiError) error.extensions.http = { status: 400 };
            throw error;
          }
        },
        async responseForOperation({ document, operation, request, contextValue }) {
          const { variables, streamed } = contextValue;
          if (streamed && variables) {
            const { operationName, variables: given = {} } = request;
            streamed.operation = { document, operationName, variables: given, context: contextValue };
            return { http: { status: undefined, headers: new HeaderMap() }, body: nothing() };
          }
          if (!planner || !variables) return null;
          const planned = { document, operation, variables, context: contextValue };
          if (operation.operation === "mutation") contextValue.preload = planner.preloaderFor(planned);
          const data = await planner.answer(planned);
          if (!data) return null;
          contextValue.written.data = data;
          return { http: { status: undefined, headers: new HeaderMap() }, body: nothing() };
        },
        async didEncounterErrors({ errors, contextValue }) {
          for (const error of errors) requests.set(error, contextValue);
        },
        async willSendResponse({ response, contextValue }) {
          const { requestId, cost, statements, redactions, writes, database } = contextValue;
          const { resultBytes } = database;
          if (response.body.kind !== "single") return;
          const { singleResult } = response.body;
          if (singleResult.data && isLonger(singleResult.data, resultBytes || Number.POSITIVE_INFINITY)) {
            const committed = writes.committed.length > 0;
            const { message, extensions } = new ResultTooLargeError(resultBytes, committed);
            singleResult.errors = [
              { message, extensions: { ...extensions, ...(committed && { outcome: "COMMITTED" }) } },
            ];
            singleResult.data = null;
          }
          const status = isVoid(singleResult.data) && statusOfFaults(singleResult.errors);
          if (status) response.http.status = status;
          const waits = singleResult.errors?.flatMap(({ extensions }) => (extensions?.retryAfterMs as number) ?? []);
          if (waits?.length) response.http.headers.set("retry-after", String(Math.ceil(Math.max(...waits) / 1_000)));
          singleResult.extensions = {
            ...singleResult.extensions,
            requestId,
            ...(cost !== undefined && { cost }),
            ...(redactions.length > 0 && { redactions: redactions.map(redactionOf) }),
            ...(writes.dryRun.length > 0 && { dryRun: writes.dryRun }),
            ...(writes.replayed.length > 0 && { replayed: writes.replayed }),
            ...(statements && { statements: statements.length }),
          };
        },
      };
    },
  };
}

/** Whether an answer holds nothing of what was asked for. */
function isVoid(data: Record<string, unknown> | null | undefined): boolean {
  return !data || Object.values(data).every((value) => value === null);
}

/** The statuses of answers without data, by what went wrong while they were made. */
const faultStatuses = new Map<unknown, number>([
  ["UNAVAILABLE", 503],
  ["OUTCOME_UNKNOWN", 503],
  ["RESULT_UNAVAILABLE", 503],
  ["TIMEOUT", 504],
  ["COST_LIMIT", 400],
]);

function statusOfFaults(errors: readonly GraphQLFormattedError[] = []): number | undefined {
  return errors.map(({ extensions }) => faultStatuses.get(extensions?.code)).find(Boolean);
}

/** An answer whose data comes from elsewhere. */
function nothing() {
  return { kind: "single" as const, singleResult: { data: null } };
}

/** Subscriptions have an address of their own, and nothing else is served there. */
function checkPlace(document: DocumentNode, operation: OperationDefinitionNode, { streamed }: RequestContext) {
  const isSubscription = operation.operation === "subscription";
  if (isSubscription && !streamed) {
    throw new ApiError("BAD_REQUEST", "Subscriptions are served at /graphql/stream, as server-sent events.");
  }
  if (!isSubscription && streamed) {
    throw new ApiError("BAD_REQUEST", `Only subscriptions are served here; send a ${operation.operation} to /graphql.`);
  }
  if (isSubscription) checkSubscription(document, operation);
}

/** How a request is refused outside of GraphQL, where what was thrown says so. */
function refusalOf(
  error: unknown,
): { status: number; body: object; headers: Readonly<Record<string, string>> } | undefined {
  if (error instanceof RequestError) {
    return { status: error.status, body: errorBody(error.code, error.message), headers: error.headers };
  }
  if (error instanceof ApiError) {
    const { code, http: _, ...extensions } = error.extensions as { code: ErrorCode; http?: object };
    const { status = faultStatuses.get(code) ?? 403, headers } = httpOf(error);
    return { status, body: errorBody(code, error.message, extensions), headers };
  }
  if (isUnavailable(error)) {
    const headers = { "retry-after": "1" };
    return { status: 503, body: errorBody("UNAVAILABLE", errorCodes.UNAVAILABLE), headers };
  }
  return undefined;
}

/** A part of a path without its escapes; one with broken escapes as it is. */
function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

const sendQuery =
  'Send the operation by POST, as JSON such as {"query": "{ … }"}. The playground, for trying it out, is at /.';

function wrongMethod(response: ServerResponse, message: string, allow: string) {
  json(response, 405, errorBody("BAD_REQUEST", message), { allow });
}

function notAcceptable(response: ServerResponse, offers: readonly string[]) {
  const types = offers.map((offer) => `\`${offer}\``).join(" or ");
  json(response, 406, errorBody("BAD_REQUEST", `Answers come as ${types}; name it in the accept header.`));
}

function notFound(response: ServerResponse) {
  const message =
    "There is nothing here. GraphQL is served at /graphql, subscriptions at /graphql/stream, the schema at /schema.graphql, access tokens at /oauth/token, the playground at /.";
  json(response, 404, errorBody("BAD_REQUEST", message));
}
