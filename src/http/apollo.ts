import {
  ApolloServer,
  type ApolloServerOptions,
  type ApolloServerPlugin,
  HeaderMap,
  type HTTPGraphQLRequest,
} from "@apollo/server";
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginLandingPageDisabled,
} from "@apollo/server/plugin/disabled";
import type {
  DocumentNode,
  FormattedExecutionResult,
  GraphQLSchema,
  OperationDefinitionNode,
  ValidationRule,
} from "graphql";
import { LRUCache } from "lru-cache";
import type { Context } from "../graph/context.js";
import type { Logger } from "../telemetry/logger.js";
import { type FailedRequest, formatError } from "./format-error.js";
import { csrfHeaders } from "./graphql-request.js";
import { limits } from "./limits.js";

/** A parsed and validated operation. */
export interface ValidOperation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly operationName: string | undefined;
  /** The raw variables of the request. */
  readonly given: Record<string, unknown>;
  readonly context: Context;
}

/** The lifecycle of one request, called by Apollo Server in this order. */
export interface Steps {
  /** Creates the context of the resolvers; authenticates the caller. */
  createContext(): Promise<Context>;
  /** Rejects a valid operation by throwing, before execution. */
  check(operation: ValidOperation): void;
  /** The data of the response as chunks of JSON; undefined if resolvers must execute the operation. */
  answer(operation: ValidOperation): Promise<readonly string[] | undefined>;
  /** Completes the response before it is sent. */
  complete(result: CompletedResult, context: Context): ResponseHead;
}

/** A mutable GraphQL response. */
export type CompletedResult = { -readonly [K in keyof FormattedExecutionResult]: FormattedExecutionResult[K] };

/** HTTP status and headers of the response; undefined: those of Apollo Server. */
export interface ResponseHead {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A response, ready to be sent. */
export interface ApolloAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  /** Chunks of JSON, which may be long. */
  readonly pieces: readonly string[];
}

/** The context value that Apollo Server passes on. It copies the object, shallowly. */
interface ApolloContext extends Context {
  readonly steps: Steps;
  /** Data of a response that was not executed by Apollo Server. */
  readonly spliced: { data?: readonly string[] };
}

export interface ApolloOptions {
  schema: GraphQLSchema;
  log: Logger;
  /** Validation rules in addition to those of the specification. */
  validationRules: readonly ValidationRule[];
  /** Whether error messages may suggest names of fields ("Did you mean"). */
  suggestions: boolean;
}

/**
 * Adapter of Apollo Server, and the only code that relies on its internals: its plugin hooks call the lifecycle of a
 * request, its responses get the data that plans serialised, and errors are formatted with their request.
 */
export class Apollo {
  private readonly server: ApolloServer<ApolloContext>;

  constructor({ schema, log, validationRules, suggestions }: ApolloOptions) {
    this.server = new ApolloServer<ApolloContext>({
      schema,
      // Rejected by a validation rule of our own, with its own code.
      introspection: true,
      hideSchemaDetailsFromClientErrors: !suggestions,
      csrfPrevention: { requestHeaders: csrfHeaders },
      includeStacktraceInErrorResponses: false,
      stopOnTerminationSignals: false,
      maxRecursiveSelections: true,
      parseOptions: { maxTokens: limits.tokens },
      validationOptions: { maxErrors: limits.errors - 1 },
      executionOptions: { maxCoercionErrors: limits.errors - 1 },
      validationRules: [...validationRules],
      documentStore: documentStore(),
      stringifyResult: JSON.stringify,
      plugins: [ApolloServerPluginCacheControlDisabled(), ApolloServerPluginLandingPageDisabled(), callSteps],
      logger: {
        debug() {},
        info() {},
        warn: (text) => log.warn(String(text)),
        error: (text) => log.error(String(text)),
      },
      formatError: (formatted, error) =>
        formatError(formatted, error, log, requests.get(error as object) ?? { requestId: "" }),
    });
  }

  start(): Promise<void> {
    return this.server.start();
  }

  stop(): Promise<void> {
    return this.server.stop();
  }

  /** Runs a request through its lifecycle. */
  async execute(httpGraphQLRequest: HTTPGraphQLRequest, steps: Steps): Promise<ApolloAnswer> {
    const spliced: ApolloContext["spliced"] = {};
    const {
      status = 200,
      headers,
      body,
    } = await this.server.executeHTTPGraphQLRequest({
      httpGraphQLRequest,
      context: async () => ({ ...(await steps.createContext()), steps, spliced }),
    });
    const text = body.kind === "complete" ? body.string : "";
    return {
      status,
      headers: Object.fromEntries(headers),
      pieces: spliced.data ? withData(text, spliced.data) : [text],
    };
  }
}

/** A JSON request for Apollo Server, whatever its original form. */
export function jsonRequest(body: object): HTTPGraphQLRequest {
  return { method: "POST", headers: new HeaderMap([["content-type", "application/json"]]), search: "", body };
}

/** Start of a response body that was not executed by Apollo Server. */
const withoutData = '{"data":null';

/** Inserts the data into the body as chunks, without concatenating them. */
function withData(text: string, data: readonly string[]): string[] {
  if (!text.startsWith(withoutData)) throw new Error("The answer of a plan has something before its data");
  return ['{"data":', ...data, text.slice(withoutData.length)];
}

/** The request of an error: `formatError` gets only the error. */
const requests = new WeakMap<object, FailedRequest>();

/** Plugin that calls the lifecycle of a request from the hooks of Apollo Server. */
const callSteps: ApolloServerPlugin<ApolloContext> = {
  async requestDidStart() {
    return {
      async didResolveOperation({ document, operation, request, contextValue: context }) {
        const { operationName, variables: given = {} } = request;
        if (operation) context.steps.check({ document, operation, operationName, given, context });
      },
      async responseForOperation({ document, operation, request, contextValue: context }) {
        const { operationName, variables: given = {} } = request;
        const data = await context.steps.answer({ document, operation, operationName, given, context });
        if (!data) return null;
        context.spliced.data = data;
        const http = { status: undefined, headers: new HeaderMap() };
        return { http, body: { kind: "single", singleResult: { data: null } } };
      },
      async didEncounterErrors({ errors, contextValue }) {
        for (const error of errors) requests.set(error, contextValue);
      },
      async willSendResponse({ response: { http, body }, contextValue: context }) {
        if (body.kind !== "single") return;
        const { status, headers = {} } = context.steps.complete(body.singleResult, context);
        if (status) http.status = status;
        for (const [name, value] of Object.entries(headers)) http.headers.set(name, value);
      },
    };
  },
};

/** Size of the document cache, in characters. */
const documentCharacters = 600_000;

/** LRU cache of parsed and validated documents; other caches are keyed by these document objects. */
function documentStore(): NonNullable<ApolloServerOptions<ApolloContext>["documentStore"]> {
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
