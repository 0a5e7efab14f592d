import { type DocumentNode, type FieldNode, GraphQLError, type GraphQLSchema, Kind } from "graphql";
import type { Database } from "../../database/client.js";
import { StatementLimitError } from "../../database/limit-errors.js";
import type { Requester } from "../../database/requester.js";
import { DatabaseUnavailableError, isUnavailable } from "../../database/unavailable.js";
import { factsOf, type Logger } from "../../telemetry/logger.js";
import type { Viewer } from "../access/viewer.js";
import type { ModelName } from "../model/datamodel.js";
import { rowId } from "./arguments.js";
import type { Loaders } from "./loaders.js";
import { argumentsOf, type Plan } from "./plan.js";
import { type PlanRequest, Plans } from "./plans.js";
import { IrregularError } from "./selection.js";
import { Statements } from "./statements.js";
import { strategyFor } from "./strategy.js";

/** What answering by a plan needs of a request. */
export interface PlanContext {
  readonly viewer: Viewer;
  readonly loaders: Loaders;
  readonly requester: Requester;
  readonly log: Logger;
  readonly requestId: string;
}

/**
 * Has the loaders read all that a field selects of a row before its resolvers ask for it. `path`: where the field stands
 * in the answer.
 */
export type RowPreloader = (model: ModelName, id: string, path: string, nodes: readonly FieldNode[]) => Promise<void>;

export interface Operation extends PlanRequest {
  readonly context: PlanContext;
}

/**
 * Answers queries by plans. A query's plan reads all it needs in one statement, and its strategy makes the answer of what
 * was read. Whatever is out of the ordinary (wrong arguments, a row that is not as it should be, a database that fails)
 * is left to the resolvers, which are the measure of what is right: they answer as if there had been no plan. A fault of
 * ours among it would only show as slowness, so it is logged, once for a document.
 */
export class PlannedExecution {
  private readonly plans: Plans;
  private readonly statements: Statements;
  private readonly maximumBytes: number;
  /** The documents for which a fault of ours was logged: with one for every request the log would be of no use. */
  private readonly faulty = new WeakSet<DocumentNode>();

  constructor(schema: GraphQLSchema, database: Database) {
    this.maximumBytes = database.resultBytes || Number.POSITIVE_INFINITY;
    this.plans = new Plans(schema);
    this.statements = new Statements(database, this.maximumBytes);
  }

  /**
   * The data of the answer as pieces of JSON, or undefined where resolvers have to give it; they may find what they need
   * loaded.
   */
  async answer(request: Operation): Promise<string[] | undefined> {
    if (request.operation.operation !== "query") return undefined;
    return this.attempt(request, request.variables, () => this.plans.for(request));
  }

  /**
   * For the payloads of a mutation: has the loaders read all that is selected of a row in one statement. What is read in
   * a transaction is left to the resolvers.
   */
  preloaderFor(request: Operation): RowPreloader {
    return async (model, id, path, nodes) => {
      if (request.context.loaders.transaction) return;
      const variables = { ...request.variables, [rowId]: id };
      await this.attempt(request, variables, () => this.plans.forRow(request, path, model, nodes));
    };
  }

  private async attempt(request: Operation, variables: Record<string, unknown>, planFor: () => Plan | undefined) {
    const { viewer, loaders, requester } = request.context;
    try {
      const plan = planFor();
      if (!plan) return undefined;
      const args = argumentsOf(plan, variables);
      const strategy = strategyFor(plan, args, this.maximumBytes);
      const read = await this.statements.run(strategy, args, { viewer, requester });
      return strategy.answer(read, { args, viewer, loaders });
    } catch (error) {
      // There is no sense in asking again: resolvers fail with the same error, each at its field.
      if (error instanceof DatabaseUnavailableError || error instanceof StatementLimitError) loaders.fail(error);
      this.report(error, request);
      return undefined;
    }
  }

  private report(error: unknown, { document, operation, context }: Operation) {
    // Wrong arguments, an odd row or a lost database are no faults of ours: the resolvers tell.
    if (error instanceof GraphQLError || error instanceof IrregularError || isUnavailable(error)) return;
    if (this.faulty.has(document)) return;
    this.faulty.add(document);
    const fields = operation.selectionSet.selections.flatMap((one) => (one.kind === Kind.FIELD ? one.name.value : []));
    context.log.warn("A plan failed; resolvers answer, which is slower.", {
      requestId: context.requestId,
      fields: [...new Set(fields)].join(" "),
      ...factsOf(error),
    });
  }
}
