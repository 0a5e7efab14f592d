import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  type OperationDefinitionNode,
} from "graphql";
import { LRUCache } from "lru-cache";
import type { Database } from "../../database/client.js";
import { StatementLimitError } from "../../database/limit-errors.js";
import type { Requester } from "../../database/requester.js";
import { DatabaseUnavailableError, isUnavailable } from "../../database/unavailable.js";
import { factsOf, type Logger } from "../../telemetry/logger.js";
import { ruleKey, rulesLike } from "../access/row-rules.js";
import type { Viewer } from "../access/viewer.js";
import type { ModelName } from "../model/datamodel.js";
import type { Run } from "../sql/parameters.js";
import { writerOf } from "./by-code.js";
import type { Loaders } from "./loaders.js";
import {
  type Evaluated,
  IrregularError,
  type Plan,
  planOf,
  planOfRow,
  rowId,
  type Switches,
  switchVariables,
} from "./plan.js";
import { preload } from "./preload.js";
import {
  type Measure,
  type RootShape,
  type RootTree,
  type TreeStatement,
  treeStatement,
  valuesFor,
} from "./selection.js";
import { shapesOf } from "./shape.js";
import { SharedStatement } from "./shared-statement.js";
import { largestRow, type SizeCheck, sizeCheck, weightsOf } from "./weight.js";

/** What answering by a plan needs of a request. */
export interface PlanContext {
  readonly viewer: Viewer;
  readonly loaders: Loaders;
  readonly requester: Requester;
  readonly log: Logger;
  readonly requestId: string;
}

/**
 * Has the loaders read all that a field selects of a row before its resolvers ask for it. `at`: where the field stands in
 * the answer.
 */
export type RowPreloader = (model: ModelName, id: string, at: string, nodes: readonly FieldNode[]) => Promise<void>;

export interface Operation {
  document: DocumentNode;
  operation: OperationDefinitionNode;
  /** As the schema understands them. */
  variables: Record<string, unknown>;
  context: PlanContext;
}

/** How a plan is run with arguments of one shape, and what becomes of what it reads. */
interface Prepared {
  /** `text`: PostgreSQL wrote the answer; `rows`: it is written here; `whole`: resolvers answer over whole rows. */
  way: "text" | "rows" | "whole";
  shapes: RootShape[] | undefined;
  weights: ReturnType<typeof weightsOf>;
  /** Its statements, by how they measure what they make. */
  statements: Map<SizeCheck, PreparedStatement>;
}

interface PreparedStatement {
  statement: TreeStatement;
  shared: SharedStatement | undefined;
}

type Fragments = Record<string, FragmentDefinitionNode>;

interface DocumentFacts {
  id: number;
  /** The variables that a plan depends on. */
  switches: readonly string[];
  fragments: Fragments;
  /** Whether a fault of ours was logged for it: with a fault of every request the log would be of no use. */
  faulty?: true;
}

interface Planned {
  plan: Plan;
  write: ReturnType<typeof writerOf> | undefined;
  prepared: Map<string, Prepared>;
}

/** How many fields all plans kept may have together, and in how many shapes of arguments one plan is kept. */
const maximumFields = 20_000;
const maximumShapes = 16;

/**
 * Answers queries by plans. A query's plan reads all it needs in one statement; then the answer is PostgreSQL's own
 * text, or is written from its rows, or resolvers give it over what was read. Whatever is out of the ordinary (wrong
 * arguments, a row that is not as it should be, a database that fails) is left to the resolvers, which are the measure
 * of what is right: they answer as if there had been no plan. A fault of ours among it would only show as slowness, so
 * it is logged, once for a document.
 */
export class PlannedExecution {
  private readonly plans = new LRUCache<string, Planned | "none">({
    maxSize: maximumFields,
    sizeCalculation: (planned) => (planned === "none" ? 10 : 10 + planned.plan.size),
  });
  private readonly documents = new WeakMap<DocumentNode, DocumentFacts>();
  private documentCount = 0;
  private readonly maximumBytes: number;

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly database: Database,
  ) {
    this.maximumBytes = database.resultBytes || Number.POSITIVE_INFINITY;
  }

  /**
   * The data of the answer as pieces of JSON, or undefined where resolvers have to give it; they may find what they need
   * loaded.
   */
  async answer(request: Operation): Promise<string[] | undefined> {
    const { operation, variables, context } = request;
    if (operation.operation !== "query") return undefined;
    const planned = this.planFor(request, "", (switches) => planOf(operation, switches));
    if (!planned) return undefined;
    try {
      const { way, read, run } = await this.read(planned, variables, context);
      if (way === "text") return piecesOf(planned.plan, read);
      if (way === "rows") return [planned.write!(read, run.args as readonly Evaluated[])];
      preload(planned.plan, read, run, context.loaders);
    } catch (error) {
      this.failed(error, request);
    }
    return undefined;
  }

  /**
   * For the payloads of a mutation: has the loaders read all that is selected of a row in one statement. What is read in
   * a transaction is left to the resolvers.
   */
  preloaderFor(request: Operation): RowPreloader {
    const { variables, context } = request;
    return async (model, id, at, nodes) => {
      if (context.loaders.transaction) return;
      const planned = this.planFor(request, ` ${at} ${model}`, (switches) => planOfRow(model, nodes, switches));
      if (!planned) return;
      try {
        const { read, run } = await this.read(planned, { ...variables, [rowId]: id }, context);
        preload(planned.plan, read, run, context.loaders);
      } catch (error) {
        this.failed(error, request);
      }
    };
  }

  private async read(planned: Planned, variables: Record<string, unknown>, context: PlanContext) {
    const args = planned.plan.sites.map((site) => site.constant ?? site.evaluate(variables));
    const prepared = this.prepare(planned, args);
    const { way } = prepared;
    const { statement, shared } = this.statement(planned.plan, prepared, args, context);
    const run: Run = { viewer: context.viewer, args };
    const read = shared
      ? await shared.run(run, context.requester)
      : ((await this.database.query(statement.text, valuesFor(statement, run), context.requester))[0] as (
          | string
          | null
        )[]);
    return { way, read, run };
  }

  /** The plan of the whole operation, or of the `part` of it that is named so. */
  private planFor(
    request: Operation,
    part: string,
    make: (switches: Switches) => Plan | undefined,
  ): Planned | undefined {
    const { document, operation, variables, context } = request;
    const { viewer } = context;
    const { id, switches, fragments } = this.facts(document);
    let key = `${id} ${operation.name?.value ?? ""} ${ruleKey(viewer)}${part}`;
    const values: Record<string, unknown> = {};
    for (const name of switches) {
      if (!Object.hasOwn(variables, name)) continue;
      const value = variables[name];
      values[name] = value;
      key += ` ${name}=${typeof value === "string" ? value.slice(0, 4) : value}`;
    }
    let planned = this.plans.get(key);
    if (!planned) {
      planned = "none";
      try {
        const plan = make({ schema: this.schema, fragments, variables: values, viewer });
        if (plan)
          planned = {
            plan,
            write: plan.complete ? writerOf(plan, this.maximumBytes) : undefined,
            prepared: new Map(),
          };
      } catch (error) {
        this.report(error, request);
      }
      this.plans.set(key, planned);
    }
    return planned === "none" ? undefined : planned;
  }

  private failed(error: unknown, request: Operation) {
    // There is no sense in asking again: resolvers fail with the same error, each at its field.
    if (error instanceof DatabaseUnavailableError || error instanceof StatementLimitError) {
      request.context.loaders.fail(error);
    }
    this.report(error, request);
  }

  private report(error: unknown, { document, operation, context }: Operation) {
    // Wrong arguments, an odd row or a lost database are no faults of ours: the resolvers tell.
    if (error instanceof GraphQLError || error instanceof IrregularError || isUnavailable(error)) return;
    const facts = this.facts(document);
    if (facts.faulty) return;
    facts.faulty = true;
    const fields = operation.selectionSet.selections.flatMap((one) => (one.kind === Kind.FIELD ? one.name.value : []));
    context.log.warn("A plan failed; resolvers answer, which is slower.", {
      requestId: context.requestId,
      fields: [...new Set(fields)].join(" "),
      ...factsOf(error),
    });
  }

  private prepare({ plan, prepared }: Planned, args: readonly Evaluated[]): Prepared {
    let key = "";
    plan.sites.forEach(({ constant }, i) => {
      if (!constant) key += `${args[i]!.shape};`;
    });
    let found = prepared.get(key);
    if (!found) {
      found = this.wayOf(plan, args);
      if (prepared.size >= maximumShapes) prepared.clear();
      prepared.set(key, found);
    }
    return found;
  }

  private wayOf(plan: Plan, args: readonly Evaluated[]): Prepared {
    const trees = treesOf(plan);
    const backward = args.some(({ list }) => list?.page.backward);
    const shapes = backward ? undefined : shapesOf(plan);
    if (shapes) {
      // What an object has several times, under aliases, PostgreSQL would write as often: it is read once.
      const weights = weightsOf(trees, { shapes });
      if (!this.isLarge(weights, 4)) return { way: "text", shapes, weights, statements: new Map() };
    }
    const way = plan.complete ? "rows" : "whole";
    const weights = weightsOf(trees, { whole: way === "whole" });
    // A single row that is too large cannot be measured before it is made.
    if (this.isLarge(weights, 1)) throw new IrregularError();
    return { way, shapes: undefined, weights, statements: new Map() };
  }

  private isLarge(weights: Prepared["weights"], part: number): boolean {
    return largestRow(weights) > this.maximumBytes / part;
  }

  private statement(
    plan: Plan,
    { way, shapes, weights, statements }: Prepared,
    args: readonly Evaluated[],
    { viewer }: PlanContext,
  ): PreparedStatement {
    const { maximumBytes } = this;
    const check = sizeCheck(weights, args, maximumBytes);
    let found = statements.get(check);
    if (!found) {
      const measure = check === "none" ? undefined : { rows: check === "rows", maximumBytes };
      found = this.makeStatement(plan, args, rulesLike(viewer), { shapes, whole: way === "whole", measure });
      statements.set(check, found);
    }
    return found;
  }

  private makeStatement(
    plan: Plan,
    args: readonly Evaluated[],
    rule: ReturnType<typeof rulesLike>,
    options: { shapes: RootShape[] | undefined; whole: boolean; measure: Measure | undefined },
  ): PreparedStatement {
    const trees = treesOf(plan);
    const sql = args.map((evaluated) => evaluated.sql);
    // PostgreSQL should know the values of a filter when it plans; in a shared statement it cannot.
    if (!plan.sites.some(({ constant }, i) => !constant && args[i]!.filtered)) {
      const statement = treeStatement(trees, sql, rule, { ...options, shared: true });
      const { columns } = statement;
      if (columns.length && columns.every(({ type }) => !type.endsWith("[]"))) {
        return { statement, shared: new SharedStatement(this.database, statement) };
      }
    }
    return { statement: treeStatement(trees, sql, rule, options), shared: undefined };
  }

  private facts(document: DocumentNode): DocumentFacts {
    let facts = this.documents.get(document);
    if (!facts) {
      const fragments: Fragments = {};
      for (const definition of document.definitions) {
        if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments[definition.name.value] = definition;
      }
      facts = { id: this.documentCount++, switches: switchVariables(document), fragments };
      this.documents.set(document, facts);
    }
    return facts;
  }
}

function treesOf({ roots }: Plan): RootTree[] {
  return roots.flatMap((root) => (root.kind === "constant" ? [] : [root.tree]));
}

/** PostgreSQL's texts, which may be long, between the keys of the roots. */
function piecesOf({ roots }: Plan, read: readonly (string | null)[]): string[] {
  const pieces: string[] = [];
  let column = 0;
  for (const root of roots) {
    pieces.push(`${pieces.length ? "," : "{"}${JSON.stringify(root.key)}:`);
    pieces.push(root.kind === "constant" ? root.json : (read[column++] ?? "null"));
  }
  pieces.push("}");
  return pieces;
}
