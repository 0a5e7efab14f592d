import type { IncomingMessage, ServerResponse } from "node:http";
import type { GraphQLFormattedError, GraphQLSchema } from "graphql";
import { recordStatements } from "../database/client.js";
import { ResultTooLargeError } from "../database/limit-errors.js";
import { Requester } from "../database/requester.js";
import { ApiError } from "../errors.js";
import type { PlannedExecution } from "../graph/answer/planned-execution.js";
import type { Context } from "../graph/context.js";
import { errorBody, isLonger, json, notAcceptable, redactionOf, send, wrongMethod } from "./answer.js";
import type { Apollo, CompletedResult, ResponseHead, Steps, ValidOperation } from "./apollo.js";
import { asksForSecrets } from "./compression.js";
import { type AppResources, createContext } from "./context.js";
import { readGraphQLRequest } from "./graphql-request.js";
import { checkCost, checkJsonLiterals, checkText, coerced, costOf } from "./limits.js";
import { preferredType } from "./negotiation.js";
import { headerOf } from "./request.js";

/** Dependencies of the `/graphql` endpoint. */
export interface GraphQLParts {
  readonly schema: GraphQLSchema;
  readonly resources: AppResources;
  readonly apollo: Apollo;
  /** Undefined: resolvers answer everything. */
  readonly planner: PlannedExecution | undefined;
  /** Whether responses report the number of their SQL statements. */
  readonly countStatements: boolean;
}

const methods = ["GET", "HEAD", "POST"];
/** Media types of responses. */
const answerTypes = ["application/json", "application/graphql-response+json"] as const;

const sendQuery =
  'Send the operation by POST, as JSON such as {"query": "{ … }"}. The playground, for trying it out, is at /.';

/** Handles one request to `/graphql`. */
export async function serveGraphQL(
  parts: GraphQLParts,
  request: IncomingMessage,
  response: ServerResponse,
  search: string,
): Promise<void> {
  if (request.method === "OPTIONS") return void response.writeHead(204, { allow: methods.join(", ") }).end();
  if (!methods.includes(request.method!)) return wrongMethod(response, sendQuery, methods.join(", "));
  // Most likely opened in a browser.
  if (request.method !== "POST" && !search) return json(response, 400, errorBody("BAD_REQUEST", sendQuery));
  // Before execution: a mutation whose response is not acceptable must not be committed.
  const type = preferredType(request.headers.accept, answerTypes);
  if (!type) return notAcceptable(response, answerTypes);
  const httpRequest = await readGraphQLRequest(request, search, type);
  const steps = new RequestSteps(parts, request, response);
  const { status, headers, pieces } = await steps.run(() => parts.apollo.execute(httpRequest, steps));
  await send(request, response, {
    status,
    headers: { ...headers, "cache-control": "no-store" },
    pieces,
    compressible: () => steps.isCompressible(),
  });
}

/** The lifecycle that all operations share; queries, mutations and subscriptions differ in their execution. */
export abstract class OperationSteps implements Steps {
  /** The coerced variables; undefined if they are invalid. */
  protected variables: Record<string, unknown> | undefined;
  private cost: number | undefined;
  protected checked: ValidOperation | undefined;
  /** Recorded statements, if they are counted. */
  protected statements: readonly string[] | undefined;

  constructor(protected readonly schema: GraphQLSchema) {}

  abstract createContext(): Promise<Context>;
  /** Rejects operation types that are not served at this path. */
  protected abstract checkKind(operation: ValidOperation): void;
  abstract answer(operation: ValidOperation): Promise<readonly string[] | undefined>;

  check(valid: ValidOperation) {
    const { document, operation, given } = valid;
    this.checked = valid;
    try {
      this.checkKind(valid);
      checkText(document, given);
      // Invalid variables are rejected by the execution, which says why.
      const variables = coerced(this.schema, operation, given);
      if (!variables) return;
      checkJsonLiterals(this.schema, document, variables);
      this.variables = variables;
      const cost = costOf(this.schema, document, operation, variables);
      this.cost = cost.objects;
      checkCost(cost, operation.operation);
    } catch (error) {
      // Nothing was executed: the whole request is invalid.
      if (error instanceof ApiError) error.extensions.http = { status: 400 };
      throw error;
    }
  }

  complete(result: CompletedResult, { requestId, redactions, writes, database }: Context): ResponseHead {
    const { cost, statements } = this;
    const { resultBytes } = database;
    if (result.data && isLonger(result.data, resultBytes || Number.POSITIVE_INFINITY)) {
      const committed = writes.committed.length > 0;
      const { message, extensions } = new ResultTooLargeError(resultBytes, committed);
      result.errors = [{ message, extensions: { ...extensions, ...(committed && { outcome: "COMMITTED" }) } }];
      result.data = null;
    }
    const status = isVoid(result.data) ? statusOfFaults(result.errors) : undefined;
    const waits = result.errors?.flatMap(({ extensions }) => (extensions?.retryAfterMs as number) ?? []);
    result.extensions = {
      ...result.extensions,
      requestId,
      ...(cost !== undefined && { cost }),
      ...(redactions.length > 0 && { redactions: redactions.map(redactionOf) }),
      ...(writes.dryRun.length > 0 && { dryRun: writes.dryRun }),
      ...(writes.replayed.length > 0 && { replayed: writes.replayed }),
      ...(statements && { statements: statements.length }),
    };
    if (!waits?.length) return { status };
    return { status, headers: { "retry-after": String(Math.ceil(Math.max(...waits) / 1_000)) } };
  }
}

/** Lifecycle of a query or mutation: answered by its plan, else by its resolvers. */
class RequestSteps extends OperationSteps {
  private context: Context | undefined;
  private readonly requester = new Requester();

  constructor(
    private readonly parts: GraphQLParts,
    private readonly request: IncomingMessage,
    response: ServerResponse,
  ) {
    super(parts.schema);
    // Cancel the statements when the client disconnects.
    response.once("close", () => this.requester.cancel());
  }

  /** Runs the request, and records its statements if they are counted. */
  async run<T>(execute: () => Promise<T>): Promise<T> {
    try {
      if (!this.parts.countStatements) return await execute();
      const statements: string[] = [];
      this.statements = statements;
      return await recordStatements(statements, execute);
    } finally {
      await this.context?.writes.end?.();
    }
  }

  async createContext(): Promise<Context> {
    const authorization = headerOf(this.request, "authorization");
    this.context = await createContext(this.parts.resources, authorization, this.request, this.requester);
    return this.context;
  }

  protected checkKind({ operation }: ValidOperation) {
    if (operation.operation !== "subscription") return;
    throw new ApiError("BAD_REQUEST", "Subscriptions are served at /graphql/stream, as server-sent events.");
  }

  async answer({ document, operation, context }: ValidOperation): Promise<readonly string[] | undefined> {
    const { variables } = this;
    const { planner } = this.parts;
    if (!planner || !variables) return undefined;
    const planned = { document, operation, variables, context };
    if (operation.operation === "mutation") context.preload = planner.preloaderFor(planned);
    return planner.answer(planned);
  }

  /** Whether the response contains no secrets. Those of mutations may, such as a password reset token. */
  isCompressible(): boolean {
    if (this.checked?.operation.operation !== "query") return false;
    return !asksForSecrets(this.schema, this.checked.document);
  }
}

/** Whether a response has no data. */
function isVoid(data: CompletedResult["data"]): boolean {
  return !data || Object.values(data).every((value) => value === null);
}

/** HTTP status of responses without data, by error code. */
export const faultStatuses = new Map<unknown, number>([
  ["UNAVAILABLE", 503],
  ["OUTCOME_UNKNOWN", 503],
  ["RESULT_UNAVAILABLE", 503],
  ["TIMEOUT", 504],
  ["COST_LIMIT", 400],
]);

function statusOfFaults(errors: readonly GraphQLFormattedError[] = []): number | undefined {
  return errors.map(({ extensions }) => faultStatuses.get(extensions?.code)).find(Boolean);
}
