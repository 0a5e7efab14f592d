import {
  type ASTNode,
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  type GraphQLError,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getVariableValues,
  isCompositeType,
  isInterfaceType,
  isListType,
  isObjectType,
  Kind,
  type ObjectValueNode,
  type OperationDefinitionNode,
  type OperationTypeNode,
  type SelectionSetNode,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from "graphql";
import { customerRows } from "../erasure/customer-rows.js";
import { ApiError } from "../errors.js";
import { Json } from "../graph/model/scalars.js";
import { accessOf } from "../graph/schema/access-directive.js";
import { defaultPageSize, maximumOffset } from "../graph/schema/connection.js";
import { sourceOf } from "../graph/schema/source.js";
import { introspectionCost, introspectionFields } from "./introspection-cost.js";

/**
 * Query limits of one operation. Depth counts nested fields; cost counts the objects that it could return and the rows
 * that it could read for counts, filters and offsets; values are the fields of these objects.
 */
export const limits = {
  depth: 16,
  cost: 50_000,
  values: 250_000,
  /** Introspection limit in values: a standard introspection query reads 41,000. */
  introspection: 85_000,
  rootFields: 50,
  mutations: 10,
  aliases: 100,
  directives: 100,
  /** Maximum length of an event of a subscription. */
  eventCost: 1_000,
  eventValues: 10_000,
  eventLength: 1024 * 1024,
  bodyBytes: 100_000,
  tokens: 5_000,
  /** Maximum of errors of one kind in a response; the last one says that there are more. */
  errors: 50,
  variableDepth: 32,
  variableObjects: 2_000,
  variableValues: 10_000,
  /** Concurrent streams in one process: in total, of all customers together, and per caller. */
  streams: 1_000,
  streamsOfCustomers: 800,
  streamsPerCaller: 20,
} as const;

/** Estimated rows that a count or filter reads: of a root list, of another list of the shop, of a customer. */
const scannedRows = { root: 1_000, shop: 200, customer: 20 } as const;
/** Weight of a value that needs code, a permission check or parsing; a plain column weighs 1. */
const computedValue = 5;

/** Upper bound of the cost of an operation. */
export interface Cost {
  objects: number;
  depth: number;
  values: number;
  /** Schema values that it reads by introspection. */
  introspection: number;
  rootFields: number;
  aliases: number;
  directives: number;
}

type Weight = Pick<Cost, "objects" | "depth" | "values">;

/** The list around a selection: its page size, and the rows that its count reads. */
interface List {
  size: number;
  scan: number;
}

/**
 * Computes the cost of an operation with its variables, before execution. Each fragment is computed once per type, so
 * that the computation itself stays cheap. A list costs its page size, at least one.
 */
export function weigh(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
): Cost {
  const fragments = new Map<string, FragmentDefinitionNode>();
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
  }
  const root = schema.getRootType(operation.operation)!;
  const known = new Map<string, Weight>();
  let introspection = 0;

  function selections(set: SelectionSetNode, type: GraphQLNamedType, list: List | undefined): Weight {
    const total = { objects: 0, depth: 0, values: 0 };
    const add = ({ objects, depth, values }: Weight) => {
      total.objects += objects;
      total.depth = Math.max(total.depth, depth);
      total.values += values;
    };
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) {
        add(fieldWeight(selection, type, list));
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        const name = selection.typeCondition?.name.value;
        const inner = name ? schema.getType(name) : type;
        if (inner && isCompositeType(inner)) add(selections(selection.selectionSet, inner, list));
      } else {
        const fragment = fragments.get(selection.name.value);
        const inner = fragment && schema.getType(fragment.typeCondition.name.value);
        if (!fragment || !inner) continue;
        const key = `${selection.name.value}:${list?.size}:${list?.scan}`;
        let weight = known.get(key);
        if (!weight) {
          weight = selections(fragment.selectionSet, inner, list);
          known.set(key, weight);
        }
        add(weight);
      }
    }
    return total;
  }

  function fieldWeight(node: FieldNode, type: GraphQLNamedType, list: List | undefined): Weight {
    if (type === root && introspectionFields.has(node.name.value)) {
      const read = introspectionCost(schema, node, fragments, limits.introspection - introspection);
      introspection += read.values;
      return { objects: read.objects, depth: 1, values: 0 };
    }
    const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[node.name.value] : undefined;
    const given = node.arguments ?? [];
    if (!field || !node.selectionSet) {
      const counted = list && field?.name === "totalCount" ? countedRows(given, variables, list.scan) : 0;
      return { objects: counted, depth: 1, values: field ? valueWeight(field) : 1 };
    }
    const listed = list && (field.name === "nodes" || field.name === "edges");
    const times = listed ? list.size : plainListSize(field, given, variables);
    const connection = connectionOf(
      field,
      given,
      variables,
      type === root ? "root" : type.name in customerRows ? "customer" : "shop",
    );
    const inner = selections(node.selectionSet, getNamedType(field.type), connection);
    if (connection) {
      const filtered = isGiven("filter", given, variables) ? connection.scan : 0;
      const skipped = skippedRows(given, variables, type === root ? maximumOffset / 4 : connection.scan);
      return { ...inner, objects: Math.max(1, inner.objects) + filtered + skipped, depth: 1 + inner.depth };
    }
    // Edges and connections do not count as objects.
    const self = field.name !== "edges" && field.name !== "pageInfo" ? 1 : 0;
    return { objects: times * (self + inner.objects), depth: 1 + inner.depth, values: times * inner.values };
  }

  const weight = selections(operation.selectionSet, root, undefined);
  return { ...weight, introspection, ...countSyntax(operation, fragments) };
}

/** Root fields, aliases and directives of an operation; those of a fragment count once, however often it is spread. */
function countSyntax(
  operation: OperationDefinitionNode,
  fragments: ReadonlyMap<string, FragmentDefinitionNode>,
): Pick<Cost, "rootFields" | "aliases" | "directives"> {
  const rootKeys = new Set<string>();
  const seen = new Set<string>();
  let aliases = 0;
  let directives = operation.directives?.length ?? 0;
  const walk = ({ selections }: SelectionSetNode, isRoot: boolean) => {
    for (const selection of selections) {
      directives += selection.directives?.length ?? 0;
      if (selection.kind === Kind.FIELD) {
        if (selection.alias) aliases++;
        if (isRoot) rootKeys.add((selection.alias ?? selection.name).value);
        if (selection.selectionSet) walk(selection.selectionSet, false);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        walk(selection.selectionSet, isRoot);
      } else if (!seen.has(selection.name.value)) {
        seen.add(selection.name.value);
        const fragment = fragments.get(selection.name.value);
        if (fragment) walk(fragment.selectionSet, isRoot);
      }
    }
  };
  walk(operation.selectionSet, true);
  return { rootFields: rootKeys.size, aliases, directives };
}

/** Weight of one value of a leaf field. */
function valueWeight(field: GraphQLField<unknown, unknown>): number {
  const { name } = getNamedType(field.type);
  const source = sourceOf(field);
  const isNumber = name === "Int" || name === "Float" || name === "Boolean";
  const isPlain = !accessOf(field) && (source?.kind === "column" ? name !== "JSON" : isNumber);
  return (isPlain ? 1 : computedValue) * (isListType(field.type) ? plainListLength : 1);
}

/** Cache of costs, keyed by the numbers, lists and objects in the variables: nothing else affects the cost. */
const weights = new WeakMap<OperationDefinitionNode, Map<string, Cost>>();
const maximumWeights = 20;

/** Cached `weigh`. */
export function costOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
): Cost {
  let key = "";
  for (const [name, value] of Object.entries(variables)) {
    if (typeof value === "number") key += `${name}=${value} `;
    else if (Array.isArray(value)) key += `${name}[${value.length}] `;
    else if (value && typeof value === "object") key += `${name}{} `;
  }
  const known = weights.get(operation) ?? new Map<string, Cost>();
  weights.set(operation, known);
  let cost = known.get(key);
  if (!cost) {
    cost = weigh(schema, document, operation, variables);
    if (known.size >= maximumWeights) known.clear();
    known.set(key, cost);
  }
  return cost;
}

type Arguments = NonNullable<Extract<SelectionSetNode["selections"][number], { kind: Kind.FIELD }>["arguments"]>;

/** Page size and scanned rows of a connection field; undefined for other fields. */
function connectionOf(
  field: GraphQLField<unknown, unknown>,
  given: Arguments,
  variables: Record<string, unknown>,
  owner: keyof typeof scannedRows,
): List | undefined {
  if (!field.args.some(({ name }) => name === "first")) return undefined;
  const scan = scannedRows[owner];
  for (const argument of given) {
    if (argument.name.value !== "first" && argument.name.value !== "last") continue;
    const size = numberOf(argument.value, variables);
    if (size !== undefined) return { size: Math.max(0, size), scan };
  }
  return { size: defaultPageSize, scan };
}

/** Whether an argument has a value other than null, by its variable too. */
function isGiven(argument: string, given: Arguments, variables: Record<string, unknown>): boolean {
  const value = given.find(({ name }) => name.value === argument)?.value;
  if (!value || value.kind === Kind.NULL) return false;
  return value.kind !== Kind.VARIABLE || (variables[value.name.value] ?? undefined) !== undefined;
}

/** Cost of the rows that `offset` skips: they are read, though with fewer columns. */
function skippedRows(given: Arguments, variables: Record<string, unknown>, maximum: number): number {
  const offset = given.find(({ name }) => name.value === "offset");
  return Math.min(Math.ceil(Math.max(0, (offset && numberOf(offset.value, variables)) ?? 0) / 4), maximum);
}

/** Estimated rows that `totalCount` reads. */
function countedRows(given: Arguments, variables: Record<string, unknown>, scan: number): number {
  const atMost = given.find(({ name }) => name.value === "atMost");
  const limit = atMost && numberOf(atMost.value, variables);
  return limit === undefined ? scan : Math.min(Math.max(0, limit), scan);
}

function numberOf(node: Arguments[number]["value"], variables: Record<string, unknown>): number | undefined {
  const value =
    node.kind === Kind.INT ? Number(node.value) : node.kind === Kind.VARIABLE ? variables[node.name.value] : undefined;
  return typeof value === "number" ? value : undefined;
}

/** Estimated entries of a list without pagination. */
const plainListLength = 10;

/** Size of a list without pagination: the number of requested ids, else its own limit. */
function plainListSize(
  field: GraphQLField<unknown, unknown>,
  given: Arguments,
  variables: Record<string, unknown>,
): number {
  const ids = given.find(({ name }) => name.value === "ids")?.value;
  if (ids?.kind === Kind.LIST) return ids.values.length;
  if (ids?.kind === Kind.VARIABLE) return (variables[ids.name.value] as unknown[] | undefined)?.length ?? 0;
  return String(field.type).startsWith("[") ? plainListLength : 1;
}

/** Rejects an operation that exceeds the depth, complexity or cost limits. */
export function checkCost(cost: Cost, operation: OperationTypeNode) {
  const { depth, objects, values } = cost;
  if (depth > limits.depth) {
    throw new ApiError(
      "DEPTH_LIMIT",
      `The operation is nested ${depth} levels deep; at most ${limits.depth} are allowed.`,
      { depth, maximum: limits.depth },
    );
  }
  const reject = (reason: string, figure: Record<string, number>, maximum: number, hint: string): never => {
    throw new ApiError("COST_LIMIT", `The operation ${reason}; at most ${maximum} are allowed. ${hint}`, {
      ...figure,
      maximum,
    });
  };
  const { rootFields, aliases, directives } = cost;
  if (operation === "mutation" && rootFields > limits.mutations) {
    const hint = "None was run. Send them in several requests; `customersBulkUpdate` changes many customers at once.";
    reject(`has ${rootFields} mutations`, { rootFields }, limits.mutations, hint);
  }
  const several = "Send several requests.";
  if (rootFields > limits.rootFields)
    reject(`has ${rootFields} root fields`, { rootFields }, limits.rootFields, several);
  if (aliases > limits.aliases) reject(`has ${aliases} aliases`, { aliases }, limits.aliases, several);
  if (directives > limits.directives)
    reject(`has ${directives} directives`, { directives }, limits.directives, several);
  if (cost.introspection > limits.introspection) {
    const hint = "Read the schema by one introspection query, and by no aliases of it.";
    reject("reads too many values of the schema", {}, limits.introspection, hint);
  }
  const [maximum, maximumValues] =
    operation === "subscription" ? [limits.eventCost, limits.eventValues] : [limits.cost, limits.values];
  const each = operation === "subscription" ? " for each event" : "";
  if (objects > maximum) {
    const hint = "Ask for smaller pages, and count with `totalCount(atMost: …)`.";
    reject(
      `could return ${objects} objects${each}, with the rows that counts, filters and offsets read`,
      { cost: objects },
      maximum,
      hint,
    );
  }
  if (values > maximumValues) {
    const hint = "Ask for smaller pages, or fewer fields.";
    reject(`could return values that weigh ${values}${each}`, { values }, maximumValues, hint);
  }
}

/** Documents that were already checked. */
const checked = new WeakSet<DocumentNode>();

/**
 * Rejects variables that are too deep or too large, and text that PostgreSQL cannot store, in the document or the
 * variables: NUL characters and lone surrogates. Checked only here; all later code may use strings as they are.
 */
export function checkText(document: DocumentNode, variables: Record<string, unknown>) {
  const problemOf = (text: string) =>
    text.includes("\0") ? "a NUL character" : text.isWellFormed() ? undefined : "half a character";
  const reject = (location: string, problem: string): never => {
    throw new ApiError("BAD_USER_INPUT", `${location} contains ${problem}, which no text may.`, {});
  };
  const tooMuch = (message: string): never => {
    throw new ApiError("BAD_USER_INPUT", message);
  };
  let objects = 0;
  let values = 0;
  const walk = (value: unknown, path: string, depth: number) => {
    if (depth > limits.variableDepth)
      tooMuch(`\`${path.slice(0, 100)}\` is nested more than ${limits.variableDepth} levels deep.`);
    if (value && typeof value === "object" && ++objects > limits.variableObjects) {
      tooMuch(
        `The variables hold more than ${limits.variableObjects} objects and lists; send them in several requests.`,
      );
    }
    if (++values > limits.variableValues) {
      tooMuch(`The variables hold more than ${limits.variableValues} values; send them in several requests.`);
    }
    if (typeof value === "string") {
      const problem = problemOf(value);
      if (problem) reject(`\`${path}\``, problem);
    } else if (value && typeof value === "object") {
      for (const [key, inner] of Object.entries(value)) {
        const problem = problemOf(key);
        if (problem) reject(`A key in \`${path}\``, problem);
        walk(inner, `${path}.${key}`, depth + 1);
      }
    }
  };
  for (const [name, value] of Object.entries(variables)) walk(value, `$${name}`, 0);
  if (checked.has(document)) return;
  visit(document, {
    StringValue(node, _key, parent, _path, ancestors) {
      const problem = problemOf(node.value);
      if (problem) reject(`\`${argumentName([...ancestors, parent!])}\``, problem);
    },
  });
  checked.add(document);
}

/** JSON literals of a document that contain variables, with their arguments. */
const literals = new WeakMap<DocumentNode, { node: ObjectValueNode; argument: string }[]>();

/**
 * Rejects a variable that makes the surrounding JSON literal invalid. The execution would reject it too, but without its
 * path.
 */
export function checkJsonLiterals(schema: GraphQLSchema, document: DocumentNode, variables: Record<string, unknown>) {
  let nodes = literals.get(document);
  if (!nodes) {
    nodes = literalsIn(schema, document);
    literals.set(document, nodes);
  }
  for (const { node, argument } of nodes) {
    try {
      Json.parseLiteral(node, variables);
    } catch (error) {
      throw new ApiError("BAD_USER_INPUT", `\`${argument}\`: ${(error as GraphQLError).message}`);
    }
  }
}

function literalsIn(schema: GraphQLSchema, document: DocumentNode) {
  const nodes: { node: ObjectValueNode; argument: string }[] = [];
  const types = new TypeInfo(schema);
  visit(
    document,
    visitWithTypeInfo(types, {
      ObjectValue(node, _key, parent, _path, ancestors) {
        const type = types.getInputType();
        if (!type || getNamedType(type) !== Json) return undefined;
        const names = new Set<string>();
        visit(node, { Variable: ({ name }) => void names.add(name.value) });
        if (names.size > 0) nodes.push({ node, argument: argumentName([...ancestors, parent!]) });
        return false;
      },
    }),
  );
  return nodes;
}

function argumentName(ancestors: readonly (ASTNode | readonly ASTNode[])[]): string {
  const names = ancestors.flatMap((node) =>
    "kind" in node && (node.kind === Kind.ARGUMENT || node.kind === Kind.OBJECT_FIELD) ? [node.name.value] : [],
  );
  return names.join(".") || "A text";
}

/** Coerced variables of the operation; undefined if they are invalid (the execution says why). */
export function coerced(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
): Record<string, unknown> | undefined {
  return getVariableValues(schema, operation.variableDefinitions ?? [], variables, { maxErrors: 1 }).coerced;
}
