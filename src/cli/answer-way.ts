import {
  type DirectiveNode,
  type FieldNode,
  GraphQLIncludeDirective,
  GraphQLSkipDirective,
  getDirectiveValues,
  Kind,
  type OperationDefinitionNode,
  type SelectionNode,
  type SelectionSetNode,
} from "graphql";
import { type Plan, planOf, type Switches } from "../graph/answer/plan.js";
import { shapesOf } from "../graph/answer/shape.js";

/** How a query should be answered, and why not by PostgreSQL alone, as far as that is known. */
export interface AnswerWay {
  /** `text`: PostgreSQL writes the answer; `rows`: it is written here; `whole`: resolvers give it, over rows read before. */
  way: "text" | "rows" | "whole" | "resolvers";
  why: string[];
}

/** Looks at a query's plan as its execution does, without running anything. */
export function answerWay(
  operation: OperationDefinitionNode,
  switches: Switches,
  variables: Record<string, unknown>,
): AnswerWay {
  let plan: Plan | undefined;
  let backward: boolean;
  try {
    plan = planOf(operation, switches);
    backward = plan?.sites.some((site) => (site.constant ?? site.evaluate(variables)).list?.page.backward) ?? false;
  } catch (error) {
    return { way: "resolvers", why: [`An argument does not fit: ${(error as Error).message}`] };
  }
  if (!plan?.complete) {
    const why = uncovered(operation, switches).map((path) => `No plan covers the field ${path}.`);
    if (plan) return { way: "whole", why };
    return { way: "resolvers", why: why.length ? why : ["Nothing of it is read from the database."] };
  }
  if (backward) return { way: "rows", why: ["A list is read backward (`last`)."] };
  if (shapesOf(plan)) return { way: "text", why: [] };
  const why = fieldPaths(operation, switches, (path) => !shapeable(path, operation, switches));
  return { way: "rows", why: why.map((path) => `Code has to write ${path}.`) };
}

/** The fields whose resolvers have to answer; of one that does, those inside are not looked at. */
function uncovered(operation: OperationDefinitionNode, switches: Switches): string[] {
  return fieldPaths(operation, switches, (path) => !planAlone(path, operation, switches)?.complete);
}

function shapeable(path: SelectionNode, operation: OperationDefinitionNode, switches: Switches): boolean {
  const plan = planAlone(path, operation, switches);
  return Boolean(plan && shapesOf(plan));
}

/** The plan of an operation that selects nothing else. */
function planAlone(path: SelectionNode, operation: OperationDefinitionNode, switches: Switches): Plan | undefined {
  return planOf({ ...operation, selectionSet: only(path) }, switches);
}

function only(selection: SelectionNode): SelectionSetNode {
  return { kind: Kind.SELECTION_SET, selections: [selection] };
}

const typeName: FieldNode = { kind: Kind.FIELD, name: { kind: Kind.NAME, value: "__typename" } };

/** The names of the outermost fields of which `is` is true. It is given each with all that leads to it, alone. */
function fieldPaths(
  operation: OperationDefinitionNode,
  { fragments, variables }: Switches,
  is: (path: SelectionNode) => boolean,
): string[] {
  const found = new Set<string>();
  const walk = (set: SelectionSetNode, names: readonly string[], around: (inner: SelectionNode) => SelectionNode) => {
    for (const selection of set.selections) {
      if (isLeftOut(selection, variables)) continue;
      if (selection.kind !== Kind.FIELD) {
        const { typeCondition, selectionSet } =
          selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments[selection.name.value]!;
        walk(selectionSet, names, (inner) =>
          around({ kind: Kind.INLINE_FRAGMENT, typeCondition, selectionSet: only(inner) }),
        );
        continue;
      }
      const { name, selectionSet } = selection;
      if (name.value === "__typename") continue;
      const path = [...names, name.value];
      if (is(around({ ...selection, selectionSet: selectionSet && only(typeName) }))) found.add(path.join("."));
      else if (selectionSet) {
        walk(selectionSet, path, (inner) => around({ ...selection, selectionSet: only(inner) }));
      }
    }
  };
  walk(operation.selectionSet, [], (inner) => inner);
  return [...found];
}

function isLeftOut(selection: { directives?: readonly DirectiveNode[] }, variables: Record<string, unknown>): boolean {
  return (
    getDirectiveValues(GraphQLSkipDirective, selection, variables)?.if === true ||
    getDirectiveValues(GraphQLIncludeDirective, selection, variables)?.if === false
  );
}
