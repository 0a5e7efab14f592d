import type { Condition } from "../graph/sql/condition.js";

/**
 * Evaluates a condition on the known fields of a row; undefined when unknown fields decide and the row must be read.
 * Known fields stay valid after the row was deleted.
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
