import { type GraphQLInputObjectType, type GraphQLSchema, getNamedType } from "graphql";
import { type Column, columnOf, enumValues, relationOf } from "../../graph/model/datamodel.js";
import { jsonFault, whyUnstorable } from "../../graph/model/json.js";
import { nearest } from "../../graph/model/nearest.js";
import { readTime } from "../../graph/model/times.js";
import { emailKey, foldEmail } from "../../graph/model/values.js";
import { type FilterField, type ModelType } from "../../graph/schema/model.js";
import { type Condition, literal } from "../../graph/sql/condition.js";
import { JsonApiError, parameterError } from "./errors.js";
import type { ResourceType, ResourceTypes } from "./resources.js";

/**
 * Filters as Commerce Layer has them: `filter[q][email_or_reference_start]=ada`, attributes joined by `_or_`, of related
 * resources behind the relationship's name, and a predicate. domain rule: domain of predicates of Ransack, which the API
 * documents; comparisons of texts by pattern ignore case.
 */

/** One attribute that is tested: where it is, and how its values are read. */
interface Tested {
  /** The to-one and to-many relations that lead to it. */
  readonly path: readonly string[];
  readonly field: string;
  readonly column: Column;
  /** Whether there is an index for patterns. */
  readonly text: boolean;
  readonly email: boolean;
  /** The condition is on a foreign key: of this relation. */
  readonly key?: string;
}

type Predicate = (tested: Tested, value: string, name: string) => Condition;

/** What a filter parameter is called in error messages. */
const parameterOf = (name: string) => `filter[q][${name}]`;

const all = (of: readonly Condition[]): Condition => (of.length === 1 ? of[0]! : { op: "and", of });
const any = (of: readonly Condition[]): Condition => (of.length === 1 ? of[0]! : { op: "or", of });
const not = (of: Condition): Condition => ({ op: "not", of });
const isNull = ({ field }: Tested, value = true): Condition => ({ op: "isNull", field, value });

const maximumList = 1_000;

/** A list of values: joined by commas. */
function listOf(value: string, name: string): string[] {
  const values = value.split(",");
  if (values.length <= maximumList) return values;
  throw parameterError(
    "INVALID_FILTER_VALUE",
    parameterOf(name),
    `${name} has ${values.length} values; at most ${maximumList}.`,
  );
}

function read({ column, email }: Tested, text: string, name: string): unknown {
  const invalid = (expected: string) =>
    parameterError(
      "INVALID_FILTER_VALUE",
      parameterOf(name),
      `${JSON.stringify(text.slice(0, 60))} is not ${expected}.`,
    );
  if (column.enum) {
    const values = enumValues(column.type);
    if (values.includes(text)) return text;
    throw invalid(`one of ${values.join(", ")}`);
  }
  switch (column.type) {
    case "Int": {
      const number = Number(text);
      if (/^-?\d+$/.test(text) && Math.abs(number) < 2 ** 31) return number;
      throw invalid("a 32-bit integer");
    }
    case "Float": {
      const number = Number(text);
      if (text.trim() && Number.isFinite(number)) return number;
      throw invalid("a number");
    }
    case "Boolean":
      return truth(text, name);
    case "DateTime": {
      // A date alone is its beginning.
      const time = readTime(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : text);
      if (time) return time;
      throw invalid("a time such as 2026-01-31T12:00:00Z");
    }
    case "Json":
      throw parameterError(
        "FILTER_NOT_ALLOWED",
        parameterOf(name),
        `${name} is not allowed: ${column.column} is tested by ${column.column}_jcont, such as {"key":"value"}.`,
      );
    default: {
      const wrong = whyUnstorable(text);
      if (wrong) throw parameterError("INVALID_FILTER_VALUE", parameterOf(name), `${name} ${wrong}.`);
      return email ? emailKey(text) : text;
    }
  }
}

function truth(text: string, name: string): boolean {
  if (text === "true" || text === "1") return true;
  if (text === "false" || text === "0") return false;
  throw parameterError(
    "INVALID_FILTER_VALUE",
    parameterOf(name),
    `${JSON.stringify(text.slice(0, 60))} is not true or false.`,
  );
}

function compare(op: "eq" | "gt" | "gte" | "lt" | "lte"): Predicate {
  return (tested, value, name) => ({ op, field: tested.field, value: read(tested, value, name) });
}

/** The negation of a predicate; like in SQL, null does not match. */
const different =
  (predicate: Predicate): Predicate =>
  (tested, value, name) =>
    all([isNull(tested, false), not(predicate(tested, value, name))]);
const orNull =
  (predicate: Predicate): Predicate =>
  (tested, value, name) =>
    any([isNull(tested), predicate(tested, value, name)]);
const each =
  (join: typeof all, predicate: Predicate): Predicate =>
  (tested, value, name) =>
    join(listOf(value, name).map((item) => predicate(tested, item, name)));

const oneOf: Predicate = (tested, value, name) => ({
  op: "in",
  field: tested.field,
  values: listOf(value, name).map((item) => read(tested, item, name)),
});

/** A case-insensitive pattern match; of an enum, against each of its values. */
function like(pattern: (value: string) => string): Predicate {
  return (tested, value, name) => {
    const { column, field, email } = tested;
    if (column.enum) {
      const expression = expressionOf(pattern(value));
      return { op: "in", field, values: enumValues(column.type).filter((word) => expression.test(word)) };
    }
    if (column.type === "Json") read(tested, value, name);
    if (!tested.text) {
      // Without wildcards it is an equality test, which has an index.
      const plain = pattern(value);
      if (column.type === "String" && !/[%_\\]/.test(plain)) return compare("eq")(tested, plain, name);
      throw parameterError(
        "FILTER_NOT_ALLOWED",
        parameterOf(name),
        `${name} is not allowed: ${column.column} can be compared as a whole only, such as by ${column.column}_eq or ${column.column}_in.`,
      );
    }
    read(tested, value, name);
    const folded = pattern(email ? (foldEmail(value) ?? value) : value);
    if (/^(?:[^\\]|\\.)*\\$/s.test(folded)) {
      throw parameterError(
        "INVALID_FILTER_VALUE",
        parameterOf(name),
        `${name} must not end with an escaping \\; write \\\\.`,
      );
    }
    return { op: "like", field, value: folded, ignoreCase: true };
  };
}

/** The regular expression of a LIKE pattern. Several `%` are one: each would multiply the ways to match. */
function expressionOf(pattern: string): RegExp {
  const source = pattern.replace(/\\(.)|%+|_|[^\\%_]+/gs, (match, escaped: string | undefined) => {
    if (match.startsWith("%")) return ".*";
    return match === "_" ? "." : (escaped ?? match).replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  });
  return new RegExp(`^${source}$`, "is");
}

const matches = like((value) => value);
const starts = like((value) => `${literal(value)}%`);
const ends = like((value) => `%${literal(value)}`);
const contains = like((value) => `%${literal(value)}%`);

/** True for values other than null, an empty text and false. */
const present: Predicate = (tested, value, name) => {
  const { field, column } = tested;
  if (column.type === "Boolean") {
    const isTrue: Condition = { op: "eq", field, value: true };
    return truth(value, name) ? isTrue : not(isTrue);
  }
  const notNull = isNull(tested, false);
  const filled: Condition =
    column.type === "String" && !column.enum ? all([notNull, not({ op: "eq", field, value: "" })]) : notNull;
  return truth(value, name) ? filled : not(filled);
};

const contain: Predicate = ({ field, column }, value, name) => {
  const invalid = (expected: string) =>
    parameterError("INVALID_FILTER_VALUE", parameterOf(name), `${name} must be ${expected}.`);
  if (column.type !== "Json")
    throw parameterError("FILTER_NOT_ALLOWED", parameterOf(name), `${name} is not allowed: jcont tests metadata.`);
  try {
    const subset: unknown = JSON.parse(value);
    if (typeof subset !== "object" || subset === null || Array.isArray(subset)) throw invalid("a JSON object");
    const fault = jsonFault(subset);
    if (fault) throw invalid(`a JSON object that can be stored: ${fault.at || "/"} ${fault.wrong}`);
    return { op: "containsJson", field, values: [subset] };
  } catch (error) {
    throw error instanceof SyntaxError ? invalid("a JSON object") : error;
  }
};

const predicates: Record<string, Predicate> = {
  eq: compare("eq"),
  not_eq: different(compare("eq")),
  eq_or_null: orNull(compare("eq")),
  not_eq_or_null: (tested, value, name) => not(compare("eq")(tested, value, name)),
  not_eq_all: different(oneOf),
  in: oneOf,
  not_in: different(oneOf),
  in_or_null: orNull(oneOf),
  not_in_or_null: (tested, value, name) => not(oneOf(tested, value, name)),
  ...comparisons("lt", compare("lt")),
  ...comparisons("lteq", compare("lte")),
  ...comparisons("gt", compare("gt")),
  ...comparisons("gteq", compare("gte")),
  ...comparisons("matches", matches),
  ...comparisons("does_not_match", different(matches)),
  ...comparisons("start", starts),
  ...comparisons("not_start", different(starts)),
  ...comparisons("end", ends),
  ...comparisons("not_end", different(ends)),
  ...comparisons("cont", contains),
  ...comparisons("i_cont", contains),
  ...comparisons("not_cont", different(contains)),
  present,
  blank: (tested, value, name) => not(present(tested, value, name)),
  null: (tested, value, name) => isNull(tested, truth(value, name)),
  not_null: (tested, value, name) => isNull(tested, !truth(value, name)),
  true: (tested, value, name) => compare("eq")(tested, String(truth(value, name)), name),
  false: (tested, value, name) => compare("eq")(tested, String(!truth(value, name)), name),
  jcont: contain,
};

/** A predicate with its `_any` and `_all` variants, which take a list. */
function comparisons(name: string, predicate: Predicate): Record<string, Predicate> {
  return { [name]: predicate, [`${name}_any`]: each(any, predicate), [`${name}_all`]: each(all, predicate) };
}

/** The predicates, the longest first: `not_in_or_null` is no `null`. */
export const predicateNames = Object.keys(predicates).sort((a, b) => b.length - a.length);

/** Maximum number of attribute tests in all filters of a request; each value for `_any` and `_all` counts as one. */
const maximumTests = 30;

/** The condition of all filters of a request. */
export function filterConditionOf(
  type: ResourceType,
  filters: readonly (readonly [name: string, value: string])[],
  { types, schema }: { types: ResourceTypes; schema: GraphQLSchema },
): Condition | undefined {
  if (!filters.length) return undefined;
  let tests = 0;
  const conditions = filters.map(([name, value]) => {
    const predicate = predicateNames.find((suffix) => name.endsWith(`_${suffix}`));
    if (!predicate) {
      const known = nearest(/[a-z]+$/.exec(name)?.[0] ?? name, predicateNames);
      const hint = known ? ` Did you mean ${known}?` : "";
      throw parameterError(
        "FILTER_NOT_ALLOWED",
        parameterOf(name),
        `${name} is not allowed: it has no predicate at its end, such as _eq, _in, _start or _gteq.${hint}`,
      );
    }
    const attributes = name.slice(0, -predicate.length - 1).split("_or_");
    tests += attributes.length * (/_(any|all)$/.test(predicate) ? value.split(",").length : 1);
    if (tests > maximumTests) {
      throw parameterError(
        "FILTER_NOT_ALLOWED",
        parameterOf(name),
        `${name} is one test too many; filters hold at most ${maximumTests}.`,
      );
    }
    return any(
      attributes.map((attribute) => {
        const tested = resolve(type, attribute, name, { types, schema });
        return within(tested, predicates[predicate]!(tested, value, name));
      }),
    );
  });
  return all(conditions);
}

/** Applies a condition to the rows at the end of a path of relations. */
function within({ path, key }: Tested, condition: Condition): Condition {
  const test: Condition = key ? { op: "key", relation: key, test: condition } : condition;
  return path.reduceRight((where: Condition, relation) => ({ op: "some", relation, where }), test);
}

/** Attributes without a filter, and the fields that say whether they are present. */
const presence: Record<string, string> = { password: "hasPassword" };

const maximumDepth = 3;

function resolve(
  type: ResourceType,
  attribute: string,
  name: string,
  context: { types: ResourceTypes; schema: GraphQLSchema },
  path: readonly string[] = [],
): Tested {
  const { model } = type;
  const tested = ownAttribute(type, attribute, context.schema);
  if (tested) return { path, ...tested };
  if (path.length < maximumDepth) {
    for (const relationship of type.relationships.values()) {
      // The name alone is its key: `customer_group_null`.
      const isKey = attribute === relationship.name && !relationship.many;
      const rest = isKey ? "id" : attribute.slice(relationship.name.length + 1);
      if (!isKey && (!rest || !attribute.startsWith(`${relationship.name}_`))) continue;
      if (!relationship.to) continue;
      const filter = [...model.filters.values()].find(
        (candidate) => candidate.name === relationship.field && ["one", "many", "set", "key"].includes(candidate.kind),
      );
      if (!filter) continue;
      if (rest === "id" && !relationship.many) {
        const { key } = relationOf(model.datamodel, relationship.field);
        return {
          path,
          field: key!,
          column: columnOf(model.datamodel, key!),
          text: false,
          email: false,
          key: relationship.field,
        };
      }
      const target = [...context.types.values()].find((candidate) => candidate.model.name === relationship.to)!;
      return resolve(target, rest, name, context, [...path, relationship.field]);
    }
  }
  const hint = nearest(attribute, filterable(type));
  throw parameterError(
    "FILTER_NOT_ALLOWED",
    parameterOf(name),
    `${name} is not allowed: ${type.name} cannot be filtered by ${attribute}.${hint ? ` Did you mean ${hint}?` : ""}`,
  );
}

function ownAttribute(type: ResourceType, attribute: string, schema: GraphQLSchema): Omit<Tested, "path"> | undefined {
  const { model, attributes } = type;
  const field = attribute === "id" ? "id" : (presence[attribute] ?? attributes.get(attribute)?.field.name);
  const filter = field === undefined ? undefined : model.filters.get(field);
  if (!filter || !["scalar", "metadata"].includes(filter.kind)) return undefined;
  const column = columnOf(model.datamodel, filter.name);
  return { field: filter.name, column, text: isText(model, field!, schema), email: Boolean(filter.email) };
}

/** Whether the field has an index for patterns, and so a filter with `contains`. Types of no list have no filter in the graph. */
function isText({ name }: ModelType, field: string, schema: GraphQLSchema): boolean {
  const input = schema.getType(`${name}Filter`) as GraphQLInputObjectType | undefined;
  const filter = input?.getFields()[field];
  return filter !== undefined && getNamedType(filter.type).name === "TextFilter";
}

/** The attributes of a type that filters may test, with the predicates that each of them takes. */
export function allowedFilters(
  type: ResourceType,
  context: { types: ResourceTypes; schema: GraphQLSchema },
): { predicates: ReadonlyMap<string, readonly string[]>; relationships: readonly string[] } {
  const attributes = ["id", ...type.attributes.keys(), ...Object.keys(presence)];
  const attributePredicates = new Map<string, readonly string[]>();
  for (const attribute of attributes) {
    const tested = ownAttribute(type, attribute, context.schema);
    if (!tested) continue;
    // Whether a predicate is allowed does not depend on the value: an invalid one has another code.
    const isAllowed = (predicate: string) =>
      !isNotAllowed(() => predicates[predicate]!({ path: [], ...tested }, "x", `${attribute}_${predicate}`));
    attributePredicates.set(attribute, Object.keys(predicates).filter(isAllowed));
  }
  const relationships = [...type.relationships.keys()].filter(
    (name) => !isNotAllowed(() => resolve(type, `${name}_id`, `${name}_id_eq`, context)),
  );
  return { predicates: attributePredicates, relationships };
}

function isNotAllowed(test: () => unknown): boolean {
  try {
    test();
    return false;
  } catch (error) {
    if (error instanceof JsonApiError) return error.errors[0]!.code === "FILTER_NOT_ALLOWED";
    throw error;
  }
}

function filterable({ model, attributes, relationships }: ResourceType): string[] {
  const isOpen = ({ kind }: FilterField | { kind: undefined }) => kind === "scalar" || kind === "metadata";
  const columns = [...attributes.values()].filter(({ field }) =>
    isOpen(model.filters.get(field.name) ?? { kind: undefined }),
  );
  return ["id", ...columns.map(({ name }) => name), ...[...relationships.keys()].map((name) => `${name}_id`)];
}
