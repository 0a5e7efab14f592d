import type { Viewer } from "../access/viewer.js";
import type { EvaluatedArguments } from "./arguments.js";
import { byCode } from "./by-code.js";
import { byPostgres } from "./by-postgres.js";
import { byResolvers } from "./by-resolvers.js";
import type { Loaders } from "./loaders.js";
import type { Plan } from "./plan.js";
import { IrregularError, type SelectedRoot } from "./selection.js";
import type { SelectionSql } from "./selection-sql.js";
import { largestRow, type RowWeight } from "./weight.js";

/** Result of a plan's statement: a JSON text per selected root field. */
export type Read = readonly (string | null)[];

/** Request data that a strategy may need. */
export interface StrategyRun {
  readonly args: readonly EvaluatedArguments[];
  readonly viewer: Viewer;
  readonly loaders: Loaders;
}

/** Strategy that builds the response of a query from one statement. */
export interface Strategy {
  /**
   * `postgres`: PostgreSQL serialises the response; `code`: compiled functions serialise it from rows; `resolvers`:
   * they run over primed loaders.
   */
  readonly name: "postgres" | "code" | "resolvers";
  readonly plan: Plan;
  /** Maximum size of the rows of the statement. */
  readonly weights: readonly RowWeight[];
  /** SQL of a root field. */
  readonly rootSql: (root: SelectedRoot, sql: SelectionSql) => string;
  /** The data of the response as chunks of JSON; undefined if resolvers execute it. */
  answer(read: Read, run: StrategyRun): string[] | undefined;
}

/** Size of a plan's strategy cache: one per distinct SQL. */
const maximumStrategies = 16;

/**
 * The strategy that answers a plan with these arguments in at most `maximumBytes`. A plan caches its strategies, so
 * `maximumBytes` must always be the same.
 */
export function strategyFor(plan: Plan, args: readonly EvaluatedArguments[], maximumBytes: number): Strategy {
  let key = "";
  plan.fieldArguments.forEach(({ constant }, i) => {
    if (!constant) key += `${args[i]!.key};`;
  });
  let strategy = plan.strategies.get(key);
  if (!strategy) {
    strategy = choose(plan, args, maximumBytes);
    if (plan.strategies.size >= maximumStrategies) plan.strategies.clear();
    plan.strategies.set(key, strategy);
  }
  return strategy;
}

function choose(plan: Plan, args: readonly EvaluatedArguments[], maximumBytes: number): Strategy {
  const postgres = readsBackward(args) ? undefined : byPostgres(plan);
  // PostgreSQL serialises a field with several aliases once per alias; code reads it once.
  if (postgres && largestRow(postgres.weights) <= maximumBytes / 4) return postgres;
  const strategy = plan.complete ? byCode(plan, maximumBytes) : byResolvers(plan);
  // A single oversized row cannot be measured before it is built.
  if (largestRow(strategy.weights) > maximumBytes) throw new IrregularError();
  return strategy;
}

/** Whether a list is read backwards, which returns its rows in reverse. */
export function readsBackward(args: readonly EvaluatedArguments[]): boolean {
  return args.some(({ list }) => list?.page.backward);
}
