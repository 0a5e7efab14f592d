import {
  type DocumentNode,
  type FragmentDefinitionNode,
  Kind,
  type OperationDefinitionNode,
  print,
  type SelectionNode,
  type SelectionSetNode,
  visit,
} from "graphql";
import type { Answer } from "./app.js";

type Path = readonly (string | number)[];

export interface AnswerError {
  message: string;
  path?: Path;
  locations?: unknown;
  extensions: Record<string, unknown>;
}

/** The comparable part of a response: without request id, timing and statements. */
export interface Reply {
  status: number;
  data?: Record<string, unknown> | null;
  errors: AnswerError[];
  redactions: { path: Path; missing: string[] }[];
  cost?: number;
}

export function replyOf(status: number, answer: Partial<Answer<Reply["data"]>>): Reply {
  const { requestId: _, cost, redactions = [] } = answer.extensions ?? {};
  const errors = ((answer.errors ?? []) as AnswerError[]).map(
    ({ extensions: { requestId: _, ...rest }, ...error }) => ({
      ...error,
      extensions: rest,
    }),
  );
  return { status, data: answer.data, errors: sorted(errors), redactions: sorted(redactions), cost };
}

function sorted<T extends { path?: Path }>(items: readonly T[]): T[] {
  const key = (item: T) => JSON.stringify([item.path, item]);
  return [...items].sort((a, b) => (key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0));
}

/** Path of the first difference of two values, key order included; undefined if equal. */
export function firstDifference(one: unknown, other: unknown, path = ""): string | undefined {
  if (JSON.stringify(one) === JSON.stringify(other)) return undefined;
  if (isObject(one) && isObject(other) && Array.isArray(one) === Array.isArray(other)) {
    const [keys, otherKeys] = [Object.keys(one), Object.keys(other)];
    if (keys.join() !== otherKeys.join()) return `${path || "it"} has ${keys.join()} here, ${otherKeys.join()} there`;
    for (const key of keys) {
      const difference = firstDifference(one[key], other[key], path ? `${path}.${key}` : key);
      if (difference) return difference;
    }
  }
  return `${path || "it"} is ${JSON.stringify(one)} here, ${JSON.stringify(other)} there`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/**
 * Path of the null that an error caused. Several errors may share one null; only the first to happen is certain to be
 * reported.
 */
export function nulledPath({ path = [] }: { path?: Path }, data: unknown): string {
  const nullPath: (string | number)[] = [];
  let value = data;
  for (const step of path) {
    if (!isObject(value)) break;
    value = value[step];
    nullPath.push(step);
  }
  return JSON.stringify(nullPath);
}

/** Whether the response has a value at this path. */
export function hasPath(path: Path, data: unknown): boolean {
  let value = data;
  for (const step of path) {
    if (!isObject(value) || !(step in value)) return false;
    value = value[step];
  }
  return true;
}

/** Reduces an operation to one response path. Fragments are inlined. */
export function onlyTo(path: Path, document: DocumentNode, operationName: string | undefined): string {
  const fragments = new Map<string, FragmentDefinitionNode>();
  const operations: OperationDefinitionNode[] = [];
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
    if (definition.kind === Kind.OPERATION_DEFINITION) operations.push(definition);
  }
  const operation = operations.find(({ name }) => !operationName || name?.value === operationName)!;
  const keys = path.filter((step) => typeof step === "string");

  function narrow(set: SelectionSetNode, [key, ...rest]: string[]): SelectionSetNode {
    const selections = set.selections.flatMap((selection): SelectionNode[] => {
      if (selection.kind === Kind.FIELD) {
        if ((selection.alias ?? selection.name).value !== key) return [];
        if (!selection.selectionSet) return [selection];
        return [{ ...selection, selectionSet: rest.length ? narrow(selection.selectionSet, rest) : typename }];
      }
      const fragment = selection.kind === Kind.FRAGMENT_SPREAD ? fragments.get(selection.name.value)! : selection;
      const inner = narrow(fragment.selectionSet, [key!, ...rest]);
      if (!inner.selections.length) return [];
      const { typeCondition } = fragment;
      const { directives } = selection;
      return [{ kind: Kind.INLINE_FRAGMENT, typeCondition, directives, selectionSet: inner }];
    });
    return { kind: Kind.SELECTION_SET, selections };
  }

  const selectionSet = narrow(operation.selectionSet, keys);
  const used = new Set<string>();
  visit(selectionSet, { Variable: ({ name }) => void used.add(name.value) });
  visit({ kind: Kind.FIELD, name: operation.name ?? typenameName, directives: operation.directives } as never, {
    Variable: ({ name }) => void used.add(name.value),
  });
  const variableDefinitions = operation.variableDefinitions?.filter(({ variable }) => used.has(variable.name.value));
  return print({ ...operation, selectionSet, variableDefinitions });
}

const typenameName = { kind: Kind.NAME, value: "__typename" } as const;
const typename: SelectionSetNode = {
  kind: Kind.SELECTION_SET,
  selections: [{ kind: Kind.FIELD, name: typenameName }],
};
