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
 * Compiles a filter input to a condition. Absent fields filter nothing; null is rejected where a value is needed. `and`,
 * `or`, `not` and related rows nest 3 levels deep, with 30 tests in all. Related rows and empty objects count as tests
 * too, since each makes the statement longer.
 */
export function filterCondition(model: ModelType, filter: object | null | undefined): Condition {
  if (filter === undefined || filter === null) return everything;
  const state = { leaves: 0 };
  return inputCondition(model, filter as Input, ["filter"], 0, state);
}

function inputCondition(
  model: ModelType,
  input: Input,
  path: Path,
  depth: number,
  state: { leaves: number },
): Condition {
  if (depth > maximumDepth) {
    throw new UserInputError(path, `is nested too deeply; filters go ${maximumDepth} levels deep.`);
  }
  const conditions: Condition[] = [];
  // Sorted by name, so that filters with equal fields compile to equal conditions.
  for (const name of Object.keys(input).sort()) {
    const value = input[name];
    if (value === undefined) continue;
    const fieldPath = [...path, name];
    if (value === null) throw new UserInputError(fieldPath, "must not be null; leave it out, or use `isNull`.");
    const leavesBefore = state.leaves;
    if (name === "and" || name === "or") {
      const of = (value as Input[]).map((inner, i) =>
        inputCondition(model, inner, [...fieldPath, i], depth + 1, state),
      );
      conditions.push({ op: name, of });
    } else if (name === "not") {
      conditions.push({ op: "not", of: inputCondition(model, value as Input, fieldPath, depth + 1, state) });
    } else {
      conditions.push(fieldCondition(model, model.filters.get(name)!, value as Input, fieldPath, depth, state));
    }
    if (state.leaves === leavesBefore) countLeaf(fieldPath, state);
  }
  if (!conditions.length) countLeaf(path, state);
  return conjunction(conditions);
}

/** A single condition is not wrapped, which keeps the SQL simple. */
function conjunction(conditions: readonly Condition[]): Condition {
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
      return { op: "some", relation: field.name, where: relatedCondition(model, field, value, path, depth, state) };
    case "many": {
      const conditions: Condition[] = [];
      for (const quantifier of ["some", "none"] as const) {
        const inner = value[quantifier];
        if (inner === undefined) continue;
        if (inner === null) throw new UserInputError([...path, quantifier], "must not be null; leave it out.");
        const where = relatedCondition(model, field, inner as Input, [...path, quantifier], depth, state);
        const some: Condition = { op: "some", relation: field.name, where };
        conditions.push(quantifier === "some" ? some : { op: "not", of: some });
      }
      return conjunction(conditions);
    }
    case "set":
      return setCondition(field, value, path, state);
    case "metadata":
      return metadataCondition(field.name, value as { key: string; eq?: string | null }, path, state);
  }
}

function relatedCondition(
  model: ModelType,
  field: FilterField,
  value: Input,
  path: Path,
  depth: number,
  state: { leaves: number },
): Condition {
  const target = modelTypeNamed(relationOf(model.datamodel, field.name).to);
  countLeaf(path, state);
  return inputCondition(target, value, path, depth + 1, state);
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
    const operandPath = [...path, operator];
    if (operand === null) throw new UserInputError(operandPath, "must not be null; leave it out, or use `isNull`.");
    countLeaf(operandPath, state);
    conditions.push(wrap(operatorCondition(operator, tested, operand, operandPath)));
  }
  return conjunction(conditions);
}

function operatorCondition(
  operator: Operator,
  { name: field, email }: Tested,
  operand: unknown,
  path: Path,
): Condition {
  const key = (text: unknown) => (email ? emailKey(text as string) : text);
  switch (operator) {
    case "in":
      return { op: "in", field, values: parseList(operand, path).map(key) };
    case "isNull":
      return { op: "isNull", field, value: operand as boolean };
    case "startsWith":
    case "contains": {
      const folded = email ? foldEmail(operand as string) : (operand as string);
      return { op: operator, field, value: folded ?? (operand as string), ignoreCase: folded !== undefined };
    }
    default:
      return { op: operator, field, value: key(operand) };
  }
}

const maximumList = 1_000;

function parseList(operand: unknown, path: Path): unknown[] {
  const values = operand as unknown[];
  if (values.length > maximumList)
    throw new UserInputError(path, `has ${values.length} values; at most ${maximumList}.`);
  const nullIndex = values.indexOf(null);
  if (nullIndex >= 0) throw new UserInputError([...path, nullIndex], "must not be null.");
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
    const operandPath = [...path, quantifier];
    if (operand === null) throw new UserInputError(operandPath, "must not be null; leave it out.");
    const values = parseList(operand, operandPath).map((item) => (stored ? stored(String(item)) : item));
    if (quantifier === "all") {
      for (const item of values) {
        countLeaf(operandPath, state);
        conditions.push(has([item]));
      }
    } else {
      countLeaf(operandPath, state);
      conditions.push(quantifier === "any" ? has(values) : { op: "not", of: has(values) });
    }
  }
  return conjunction(conditions);
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
  // A number that loses digits is never stored, so it matches nothing.
  return losesDigits(text) ? undefined : (JSON.parse(text) as number);
}
