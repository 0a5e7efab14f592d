import { UserInputError } from "../../errors.js";
import { relationOf } from "../model/datamodel.js";
import { losesDigits } from "../model/json.js";
import { emailKey, foldEmail } from "../model/values.js";
import { type Condition, everything } from "../sql/condition.js";
import { type Operator, operators } from "./filters.js";
import { type FilterField, type ModelType, modelTypeNamed } from "./model.js";

const maximumDepth = 3;
const maximumLeaves = 30;

type Input = Record<string, unknown>;
type Path = readonly (string | number)[];

/**
 * The condition that a filter input stands for. Absent fields filter nothing; null where a value is needed is refused.
 * `and`, `or`, `not` and related rows may be nested 3 deep, with 30 tests in all. A look at related rows is a test too,
 * and so is whatever is empty: each makes the statement longer, so none may come without limit.
 */
export function filterCondition(model: ModelType, filter: object | null | undefined): Condition {
  if (filter === undefined || filter === null) return everything;
  const state = { leaves: 0 };
  return fields(model, filter as Input, ["filter"], 0, state);
}

function fields(model: ModelType, input: Input, path: Path, depth: number, state: { leaves: number }): Condition {
  if (depth > maximumDepth) {
    throw new UserInputError(path, `is nested too deeply; filters go ${maximumDepth} levels deep.`);
  }
  const conditions: Condition[] = [];
  // In the order of their names: filters that mean the same are the same, however they were written.
  for (const name of Object.keys(input).sort()) {
    const value = input[name];
    if (value === undefined) continue;
    const here = [...path, name];
    if (value === null) throw new UserInputError(here, "must not be null; leave it out, or use `isNull`.");
    const counted = state.leaves;
    if (name === "and" || name === "or") {
      const of = (value as Input[]).map((inner, i) => fields(model, inner, [...here, i], depth + 1, state));
      conditions.push({ op: name, of });
    } else if (name === "not") {
      conditions.push({ op: "not", of: fields(model, value as Input, here, depth + 1, state) });
    } else {
      conditions.push(fieldCondition(model, model.filters.get(name)!, value as Input, here, depth, state));
    }
    if (state.leaves === counted) countLeaf(here, state);
  }
  if (!conditions.length) countLeaf(path, state);
  return all(conditions);
}

/** A single condition is not wrapped, which keeps the SQL simple. */
function all(conditions: readonly Condition[]): Condition {
  return conditions.length === 1 ? conditions[0]! : { op: "and", of: conditions };
}

function fieldCondition(
  model: ModelType,
  field: FilterField,
  value: Input,
  path: Path,
  depth: number,
  state: { leaves: number },
): Condition {
  switch (field.kind) {
    case "scalar":
      return scalarCondition(field, value, path, state);
    case "key": {
      const { key } = relationOf(model.datamodel, field.name);
      const asKey = (test: Condition): Condition => ({ op: "key", relation: field.name, test });
      return scalarCondition({ name: key! }, value, path, state, asKey);
    }
    case "one":
      return { op: "some", relation: field.name, where: related(model, field, value, path, depth, state) };
    case "many": {
      const conditions: Condition[] = [];
      for (const quantifier of ["some", "none"] as const) {
        const inner = value[quantifier];
        if (inner === undefined) continue;
        if (inner === null) throw new UserInputError([...path, quantifier], "must not be null; leave it out.");
        const where = related(model, field, inner as Input, [...path, quantifier], depth, state);
        const some: Condition = { op: "some", relation: field.name, where };
        conditions.push(quantifier === "some" ? some : { op: "not", of: some });
      }
      return all(conditions);
    }
    case "set":
      return setCondition(field, value, path, state);
    case "metadata":
      return metadataCondition(field.name, value as { key: string; eq?: string | null }, path, state);
  }
}

function related(
  model: ModelType,
  field: FilterField,
  value: Input,
  path: Path,
  depth: number,
  state: { leaves: number },
): Condition {
  const target = modelTypeNamed(relationOf(model.datamodel, field.name).to);
  countLeaf(path, state);
  return fields(target, value, path, depth + 1, state);
}

function countLeaf(path: Path, state: { leaves: number }) {
  if (++state.leaves > maximumLeaves) {
    throw new UserInputError(path, `is one test too many; a filter holds at most ${maximumLeaves}.`);
  }
}

/** A filtered column, and whether it holds e-mail addresses. */
type Tested = Pick<FilterField, "name" | "email">;

function scalarCondition(
  tested: Tested,
  value: Input,
  path: Path,
  state: { leaves: number },
  wrap = (condition: Condition) => condition,
): Condition {
  const conditions: Condition[] = [];
  for (const operator of operators) {
    const operand = value[operator];
    if (operand === undefined) continue;
    const here = [...path, operator];
    if (operand === null) throw new UserInputError(here, "must not be null; leave it out, or use `isNull`.");
    countLeaf(here, state);
    conditions.push(wrap(test(operator, tested, operand, here)));
  }
  return all(conditions);
}

function test(operator: Operator, { name: field, email }: Tested, operand: unknown, path: Path): Condition {
  const key = (text: unknown) => (email ? emailKey(text as string) : text);
  switch (operator) {
    case "in":
      return { op: "in", field, values: list(operand, path).map(key) };
    case "isNull":
      return { op: "isNull", field, value: operand as boolean };
    case "startsWith":
    case "contains": {
      const part = email ? foldEmail(operand as string) : (operand as string);
      return { op: operator, field, value: part ?? (operand as string), ignoreCase: part !== undefined };
    }
    default:
      return { op: operator, field, value: key(operand) };
  }
}

const maximumList = 1_000;

function list(operand: unknown, path: Path): unknown[] {
  const values = operand as unknown[];
  if (values.length > maximumList)
    throw new UserInputError(path, `has ${values.length} values; at most ${maximumList}.`);
  const empty = values.indexOf(null);
  if (empty >= 0) throw new UserInputError([...path, empty], "must not be null.");
  return values;
}

function setCondition(
  { name: relation, by: { field, stored } = { field: "id" } }: FilterField,
  value: Input,
  path: Path,
  state: { leaves: number },
): Condition {
  const has = (values: unknown[]): Condition => ({ op: "some", relation, where: { op: "in", field, values } });
  const conditions: Condition[] = [];
  for (const quantifier of ["any", "all", "none"] as const) {
    const operand = value[quantifier];
    if (operand === undefined) continue;
    const here = [...path, quantifier];
    if (operand === null) throw new UserInputError(here, "must not be null; leave it out.");
    const values = list(operand, here).map((word) => (stored ? stored(String(word)) : word));
    if (quantifier === "all") {
      for (const single of values) {
        countLeaf(here, state);
        conditions.push(has([single]));
      }
    } else {
      countLeaf(here, state);
      conditions.push(quantifier === "any" ? has(values) : { op: "not", of: has(values) });
    }
  }
  return all(conditions);
}

function metadataCondition(
  field: string,
  { key, eq }: { key: string; eq?: string | null },
  path: Path,
  state: { leaves: number },
): Condition {
  countLeaf(path, state);
  if (eq === null)
    throw new UserInputError([...path, "eq"], "must not be null; leave it out to ask for the key alone.");
  if (eq === undefined) return { op: "hasKey", field, key };
  const scalar = numberOrBoolean(eq);
  return { op: "containsJson", field, values: [{ [key]: eq }, ...(scalar === undefined ? [] : [{ [key]: scalar }])] };
}

/** Parses a text as a JSON number or boolean; undefined if it is neither. */
function numberOrBoolean(text: string): number | boolean | undefined {
  if (text === "true" || text === "false") return text === "true";
  if (!/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text)) return undefined;
  // A number that is never kept equals none.
  return losesDigits(text) ? undefined : (JSON.parse(text) as number);
}
