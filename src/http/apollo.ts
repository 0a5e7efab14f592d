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

/** An operation that has been parsed and validated. */
export interface ValidOperation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly operationName: string | undefined;
  /** The variables as they were sent. */
  readonly given: Record<string, unknown>;
  readonly context: Context;
}

/** The steps of one request that Apollo Server calls, in this order. */
export interface Steps {
  /** Creates what the resolvers can reach; the caller's token is checked here. */
  createContext(): Promise<Context>;
  /** Refuses an operation that is valid by throwing, before anything is executed. */
  check(operation: ValidOperation): void;
  /** The answer's data as pieces of JSON; undefined where resolvers have to give it. */
  answer(operation: ValidOperation): Promise<readonly string[] | undefined>;
  /** Completes a result before it is sent. */
  complete(result: CompletedResult, context: Context): ResponseHead;
}

/** A result that may still be changed. */
export type CompletedResult = { -readonly [K in keyof FormattedExecutionResult]: FormattedExecutionResult[K] };

/** What a result says of its response; absent: as Apollo Server has it. */
export interface ResponseHead {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer, ready to be sent. */
export interface ApolloAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  /** Pieces of JSON, which may be long. */
  readonly pieces: readonly string[];
}

/** What Apollo Server carries for a request. It copies the object; what is inside is the same. */
interface ApolloContext extends Context {
  readonly steps: Steps;
  /** The data of an answer that Apollo Server did not execute. */
  readonly spliced: { data?: readonly string[] };
}

export interface ApolloOptions {
  schema: GraphQLSchema;
  log: Logger;
  /** Checked beside those of the specification. */
  validationRules: readonly ValidationRule[];
  /** Whether errors may name fields that the client did not. */
  suggestions: boolean;
}

/**
 * Apollo Server, and all that relies on its ways: its hooks call the steps of a request, its answers get the data that
 * plans wrote, and its errors are formatted with the request that they belong to.
 */
export class Apollo {
  private readonly server: ApolloServer<ApolloContext>;

  constructor({ schema, log, validationRules, suggestions }: ApolloOptions) {
    this.server = new ApolloServer<ApolloContext>({
      schema,
      // Refused by a rule of our own, which says so.
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

  /** Runs a request through its steps. */
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

/** A request for Apollo Server that is JSON, whatever it came as. */
export function jsonRequest(body: object): HTTPGraphQLRequest {
  return { method: "POST", headers: new HeaderMap([["content-type", "application/json"]]), search: "", body };
}

/** What an answer begins with that Apollo Server did not execute. */
const withoutData = '{"data":null';

/** The same answer with its data, which is long and never put together. */
function withData(text: string, data: readonly string[]): string[] {
  if (!text.startsWith(withoutData)) throw new Error("The answer of a plan has something before its data");
  return ['{"data":', ...data, text.slice(withoutData.length)];
}

/** The request that an error belongs to: `formatError` is told of the error alone. */
const requests = new WeakMap<object, FailedRequest>();

/** Calls a request's steps at the hooks of Apollo Server. */
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

/** How many characters of documents are kept parsed and validated. */
const documentCharacters = 600_000;

/** Keeps documents that were used lately, and with them what is known of each by its object. */
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
