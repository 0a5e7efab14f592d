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
import { argumentsOf, type EvaluatedArguments } from "../graph/answer/arguments.js";
import { type Plan, planOf, type Switches } from "../graph/answer/plan.js";
import { IrregularError } from "../graph/answer/selection.js";
import { readsBackward, type Strategy, strategyFor } from "../graph/answer/strategy.js";

/** What answers a query, and why not PostgreSQL alone, as far as that is known. `none`: resolvers, without a plan. */
export interface ExplainedStrategy {
  strategy: Strategy["name"] | "none";
  why: string[];
}

/** Explains a query's strategy without running anything; answers have at most so many bytes. */
export function explainStrategy(
  operation: OperationDefinitionNode,
  switches: Switches,
  variables: Record<string, unknown>,
  maximumBytes: number,
): ExplainedStrategy {
  let plan: Plan | undefined;
  let args: EvaluatedArguments[];
  let name: Strategy["name"];
  /** The fields that, selected alone, have another strategy than one of these. */
  const fieldsNot = (...names: Strategy["name"][]) =>
    fieldPaths(operation, switches, (path) => {
      const alone = planOf({ ...operation, selectionSet: only(path) }, switches);
      return !alone || !names.includes(strategyFor(alone, argumentsOf(alone, variables), maximumBytes).name);
    });
  try {
    plan = planOf(operation, switches);
    if (!plan) {
      const why = fieldsNot("postgres", "code").map(uncovered);
      return { strategy: "none", why: why.length ? why : ["Nothing of it is read from the database."] };
    }
    args = argumentsOf(plan, variables);
    name = strategyFor(plan, args, maximumBytes).name;
  } catch (error) {
    if (error instanceof IrregularError) {
      return { strategy: "none", why: ["One row of it may be larger than an answer may be."] };
    }
    return { strategy: "none", why: [`An argument does not fit: ${(error as Error).message}`] };
  }
  if (name === "postgres") return { strategy: name, why: [] };
  if (name === "resolvers") return { strategy: name, why: fieldsNot("postgres", "code").map(uncovered) };
  if (readsBackward(args)) return { strategy: name, why: ["A list is read backward (`last`)."] };
  const why = fieldsNot("postgres").map((path) => `Code has to write ${path}.`);
  return { strategy: name, why: why.length ? why : ["One row of it may be too large for PostgreSQL to write."] };
}

const uncovered = (path: string) => `No plan covers the field ${path}.`;

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
