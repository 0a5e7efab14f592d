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

/** What a plan's statement read: a JSON text for each root that it selects. */
export type Read = readonly (string | null)[];

/** What a strategy may need of the request that it answers. */
export interface StrategyRun {
  readonly args: readonly EvaluatedArguments[];
  readonly viewer: Viewer;
  readonly loaders: Loaders;
}

/** A way to make a query's answer from one statement. */
export interface Strategy {
  /**
   * `postgres`: PostgreSQL writes the answer; `code`: it is written here, from rows; `resolvers`: they answer, over rows
   * that are loaded already.
   */
  readonly name: "postgres" | "code" | "resolvers";
  readonly plan: Plan;
  /** What the rows of the statement may come to. */
  readonly weights: readonly RowWeight[];
  /** What the statement selects for a root. */
  readonly rootSql: (root: SelectedRoot, sql: SelectionSql) => string;
  /** The answer's data as pieces of JSON, or undefined where resolvers give it. */
  answer(read: Read, run: StrategyRun): string[] | undefined;
}

/** How many strategies a plan keeps, each for arguments of other SQL. */
const maximumStrategies = 16;

/**
 * The strategy that answers a plan with these arguments, in at most so many bytes. A plan keeps the strategies chosen for
 * it, so it is always asked with one maximum.
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
  // What an object has several times, under aliases, PostgreSQL would write as often: by code it is read once.
  if (postgres && largestRow(postgres.weights) <= maximumBytes / 4) return postgres;
  const strategy = plan.complete ? byCode(plan, maximumBytes) : byResolvers(plan);
  // A single row that is too large cannot be measured before it is made.
  if (largestRow(strategy.weights) > maximumBytes) throw new IrregularError();
  return strategy;
}

/** Whether a list is read from its end: its rows come in reverse. */
export function readsBackward(args: readonly EvaluatedArguments[]): boolean {
  return args.some(({ list }) => list?.page.backward);
}
