import {
  type ASTNode,
  type DocumentNode,
  type FragmentDefinitionNode,
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getVariableValues,
  isCompositeType,
  isInterfaceType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  visit,
} from "graphql";
import { ApiError } from "../platform/errors.js";
import { defaultPageSize } from "../platform/graphql/connection.js";

/** What one operation may ask for. Depth counts nested fields; cost counts the objects that it could return. */
export const limits = {
  depth: 16,
  cost: 50_000,
  bodyBytes: 100_000,
  tokens: 5_000,
  /** Errors of one kind in an answer; the last one says that there are more. */
  errors: 50,
  variableDepth: 32,
  variableObjects: 2_000,
  variableValues: 10_000,
  /** Streams that run at once in one process, how many of them customers may have together, and one caller. */
  streams: 1_000,
  streamsOfCustomers: 800,
  streamsPerCaller: 20,
} as const;

/** The largest number of objects and the greatest depth that an operation could come to. */
export interface Cost {
  objects: number;
  depth: number;
}

/**
 * Weighs an operation before it runs, with its variables. Each fragment is weighed once per type, so a document cannot
 * make this expensive. A list counts as many objects as its page may hold.
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
  const known = new Map<string, Cost>();

  function selections(set: SelectionSetNode, type: GraphQLNamedType, pageSize: number): Cost {
    const total = { objects: 0, depth: 0 };
    const add = ({ objects, depth }: Cost) => {
      total.objects += objects;
      total.depth = Math.max(total.depth, depth);
    };
    for (const selection of set.selections) {
      if (selection.kind === Kind.FIELD) {
        const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[selection.name.value] : undefined;
        if (!field || !selection.selectionSet) {
          add({ objects: 0, depth: 1 });
          continue;
        }
        const fieldType = getNamedType(field.type);
        const listed = pageSize > 0 && (field.name === "nodes" || field.name === "edges");
        const size = pageSizeOf(field, selection.arguments ?? [], variables);
        const inner = selections(selection.selectionSet, fieldType, size ?? 0);
        const times = listed ? pageSize : plainListSize(field, selection.arguments ?? [], variables);
        // The wrappers of a page are no objects of their own.
        const self = size === undefined && field.name !== "edges" && field.name !== "pageInfo" ? 1 : 0;
        add({ objects: times * (self + inner.objects), depth: 1 + inner.depth });
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        const name = selection.typeCondition?.name.value;
        const inner = name ? schema.getType(name) : type;
        if (inner && isCompositeType(inner)) add(selections(selection.selectionSet, inner, pageSize));
      } else {
        const fragment = fragments.get(selection.name.value);
        const inner = fragment && schema.getType(fragment.typeCondition.name.value);
        if (!fragment || !inner) continue;
        const key = `${selection.name.value}:${pageSize}`;
        let cost = known.get(key);
        if (!cost) {
          cost = selections(fragment.selectionSet, inner, pageSize);
          known.set(key, cost);
        }
        add(cost);
      }
    }
    return total;
  }

  return selections(operation.selectionSet, schema.getRootType(operation.operation)!, 0);
}

/** What was weighed, by the numbers and the lengths of lists among the variables: nothing else bears on a weight. */
const weights = new WeakMap<OperationDefinitionNode, Map<string, Cost>>();
const maximumWeights = 20;

/** As `weigh`, but an operation that comes again with variables of the same weight is not weighed again. */
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

/** How many entries a connection's page may hold; undefined for a field that is no connection. */
function pageSizeOf(
  field: GraphQLField<unknown, unknown>,
  given: Arguments,
  variables: Record<string, unknown>,
): number | undefined {
  if (!field.args.some(({ name }) => name === "first")) return undefined;
  for (const argument of given) {
    if (argument.name.value !== "first" && argument.name.value !== "last") continue;
    const value = numberOf(argument.value, variables);
    if (value !== undefined) return Math.max(0, value);
  }
  return defaultPageSize;
}

function numberOf(node: Arguments[number]["value"], variables: Record<string, unknown>): number | undefined {
  const value =
    node.kind === Kind.INT ? Number(node.value) : node.kind === Kind.VARIABLE ? variables[node.name.value] : undefined;
  return typeof value === "number" ? value : undefined;
}

/** Lists that no page bounds: as many as were asked for by id, else the few that their own limit allows. */
function plainListSize(
  field: GraphQLField<unknown, unknown>,
  given: Arguments,
  variables: Record<string, unknown>,
): number {
  const ids = given.find(({ name }) => name.value === "ids")?.value;
  if (ids?.kind === Kind.LIST) return ids.values.length;
  if (ids?.kind === Kind.VARIABLE) return (variables[ids.name.value] as unknown[] | undefined)?.length ?? 0;
  return String(field.type).startsWith("[") ? 10 : 1;
}

/** Refuses an operation that is too deep or could return too much. */
export function checkCost({ objects, depth }: Cost) {
  if (depth > limits.depth) {
    throw new ApiError(
      "DEPTH_LIMIT",
      `The operation is nested ${depth} levels deep; at most ${limits.depth} are allowed.`,
      {
        depth,
        maximum: limits.depth,
      },
    );
  }
  if (objects > limits.cost) {
    throw new ApiError(
      "COST_LIMIT",
      `The operation could return ${objects} objects; at most ${limits.cost} are allowed. Ask for smaller pages.`,
      { cost: objects, maximum: limits.cost },
    );
  }
}

/** Documents whose text is known to be good. */
const checked = new WeakSet<DocumentNode>();

/**
 * Refuses variables that are nested too deeply or hold too much, and text that PostgreSQL cannot hold, wherever it comes
 * from: NUL characters, and halves of surrogate pairs.
 * This is the one place; everything behind it may take strings as they are.
 */
export function checkText(document: DocumentNode, variables: Record<string, unknown>) {
  const bad = (text: string) =>
    text.includes("\0") ? "a NUL character" : text.isWellFormed() ? undefined : "half a character";
  const refuse = (place: string, what: string): never => {
    throw new ApiError("BAD_USER_INPUT", `${place} contains ${what}, which no text may.`, {});
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
      const what = bad(value);
      if (what) refuse(`\`${path}\``, what);
    } else if (value && typeof value === "object") {
      for (const [key, inner] of Object.entries(value)) {
        if (bad(key)) refuse(`A key in \`${path}\``, bad(key)!);
        walk(inner, `${path}.${key}`, depth + 1);
      }
    }
  };
  for (const [name, value] of Object.entries(variables)) walk(value, `$${name}`, 0);
  if (checked.has(document)) return;
  visit(document, {
    StringValue(node, _key, parent, _path, ancestors) {
      const what = bad(node.value);
      if (what) refuse(`\`${argumentName([...ancestors, parent!])}\``, what);
    },
  });
  checked.add(document);
}

function argumentName(ancestors: readonly (ASTNode | readonly ASTNode[])[]): string {
  const names = ancestors.flatMap((node) =>
    "kind" in node && (node.kind === Kind.ARGUMENT || node.kind === Kind.OBJECT_FIELD) ? [node.name.value] : [],
  );
  return names.join(".") || "A text";
}

/** The operation's variables as they will be coerced, or undefined when they do not fit (execution says why). */
export function coerced(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
): Record<string, unknown> | undefined {
  return getVariableValues(schema, operation.variableDefinitions ?? [], variables, { maxErrors: 1 }).coerced;
}
