import type { Condition } from "../graph/sql/condition.js";

/**
 * Whether a row fulfils a condition, as far as some of its fields tell; undefined where the row itself has to be read.
 * What is told of a row stays true when the row has gone.
 */
export function decide(condition: Condition, facts: Readonly<Record<string, unknown>>): boolean | undefined {
  switch (condition.op) {
    case "and": {
      const all = condition.of.map((inner) => decide(inner, facts));
      return all.includes(false) ? false : all.includes(undefined) ? undefined : true;
    }
    case "or": {
      const all = condition.of.map((inner) => decide(inner, facts));
      return all.includes(true) ? true : all.includes(undefined) ? undefined : false;
    }
    case "not": {
      const inner = decide(condition.of, facts);
      return inner === undefined ? undefined : !inner;
    }
    case "eq":
      return condition.field in facts ? facts[condition.field] === condition.value : undefined;
    default:
      return undefined;
  }
}
