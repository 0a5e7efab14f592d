import { type DocumentNode, type FieldNode, GraphQLError, type GraphQLSchema, Kind } from "graphql";
import type { Database } from "../../database/client.js";
import { StatementLimitError } from "../../database/limit-errors.js";
import type { Requester } from "../../database/requester.js";
import { DatabaseUnavailableError, isUnavailable } from "../../database/unavailable.js";
import { factsOf, type Logger } from "../../telemetry/logger.js";
import type { Viewer } from "../access/viewer.js";
import type { ModelName } from "../model/datamodel.js";
import { argumentsOf, rowId } from "./arguments.js";
import type { Loaders } from "./loaders.js";
import type { Plan } from "./plan.js";
import { type PlanRequest, Plans } from "./plans.js";
import { IrregularError } from "./selection.js";
import { Statements } from "./statements.js";
import { strategyFor } from "./strategy.js";

/** The request data that planned execution needs. */
export interface PlanContext {
  readonly viewer: Viewer;
  readonly loaders: Loaders;
  readonly requester: Requester;
  readonly log: Logger;
  readonly requestId: string;
}

/**
 * Primes the loaders with the selection of a row before its resolvers run. `path`: the response path of the field.
 */
export type RowPreloader = (model: ModelName, id: string, path: string, nodes: readonly FieldNode[]) => Promise<void>;

export interface Operation extends PlanRequest {
  readonly context: PlanContext;
}

/**
 * Planned execution of queries: a plan reads everything in one statement, and its strategy builds the response. In every
 * irregular case (invalid arguments, inconsistent rows, database errors) it falls back to the resolvers, which are the
 * reference implementation. A bug in a plan would only show as slowness, so it is logged, once per document.
 */
export class PlannedExecution {
  private readonly plans: Plans;
  private readonly statements: Statements;
  private readonly maximumBytes: number;
  /** Documents whose plan failure was already logged: one log line per document, not per request. */
  private readonly faulty = new WeakSet<DocumentNode>();

  constructor(schema: GraphQLSchema, database: Database) {
    this.maximumBytes = database.resultBytes || Number.POSITIVE_INFINITY;
    this.plans = new Plans(schema);
    this.statements = new Statements(database, this.maximumBytes);
  }

  /**
   * Executes a query by its plan; returns the data as chunks of JSON, or undefined if resolvers must run, over primed
   * loaders where possible.
   */
  async answer(request: Operation): Promise<string[] | undefined> {
    if (request.operation.operation !== "query") return undefined;
    return this.attempt(request, request.variables, () => this.plans.for(request));
  }

  /**
   * Primes the loaders for the payload of a mutation, in one statement. Payloads read inside a transaction are left to the
   * resolvers.
   */
  preloaderFor(request: Operation): RowPreloader {
    return async (model, id, path, nodes) => {
      if (request.context.loaders.transaction) return;
      const variables = { ...request.variables, [rowId]: id };
      await this.attempt(request, variables, () => this.plans.forRow(request, path, model, nodes));
    };
  }

  /**
   * Reads a document whose root fields are named by types, for other protocols than GraphQL, in one statement. No field
   * may need a resolver. `maximumPageSize` limits lists inside rows. Throws the errors of the database.
   */
  async read(request: Operation, maximumPageSize: number): Promise<unknown> {
    const plan = this.plans.forTypes(request, maximumPageSize);
    if (!plan?.complete) throw new Error("The document needs resolvers");
    const chunks = await this.run(plan, request.variables, request.context);
    return JSON.parse(chunks!.join(""));
  }

  private async run(plan: Plan, variables: Record<string, unknown>, { viewer, loaders, requester }: PlanContext) {
    const args = argumentsOf(plan, variables);
    const strategy = strategyFor(plan, args, this.maximumBytes);
    const read = await this.statements.run(strategy, args, { viewer, requester });
    return strategy.answer(read, { args, viewer, loaders });
  }

  private async attempt(request: Operation, variables: Record<string, unknown>, planFor: () => Plan | undefined) {
    const { loaders } = request.context;
    try {
      const plan = planFor();
      return plan && (await this.run(plan, variables, request.context));
    } catch (error) {
      // No retry: the resolvers fail with the same error, each at its field.
      if (error instanceof DatabaseUnavailableError || error instanceof StatementLimitError) loaders.fail(error);
      this.report(error, request);
      return undefined;
    }
  }

  private report(error: unknown, { document, operation, context }: Operation) {
    // Invalid arguments, inconsistent rows and a lost database are not bugs: the resolvers report them.
    if (error instanceof GraphQLError || error instanceof IrregularError || isUnavailable(error)) return;
    if (this.faulty.has(document)) return;
    this.faulty.add(document);
    const fields = operation.selectionSet.selections.flatMap((node) =>
      node.kind === Kind.FIELD ? node.name.value : [],
    );
    context.log.warn("A plan failed; resolvers answer, which is slower.", {
      requestId: context.requestId,
      fields: [...new Set(fields)].join(" "),
      ...factsOf(error),
    });
  }
}
