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

/** The strategy of a query, and why it is not PostgreSQL alone, if known. `none`: resolvers, without a plan. */
export interface ExplainedStrategy {
  strategy: Strategy["name"] | "none";
  why: string[];
}

/** Explains a query's strategy without running it; `maximumBytes` limits the answer. */
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

/** Paths of the outermost fields for which `matches` is true; it gets each field with its ancestors only. */
function fieldPaths(
  operation: OperationDefinitionNode,
  { fragments, variables }: Switches,
  matches: (path: SelectionNode) => boolean,
): string[] {
  const paths = new Set<string>();
  const walk = (set: SelectionSetNode, names: readonly string[], wrap: (inner: SelectionNode) => SelectionNode) => {
    for (const selection of set.selections) {
      if (isLeftOut(selection, variables)) continue;
      if (selection.kind !== Kind.FIELD) {
        const { typeCondition, selectionSet } =
          selection.kind === Kind.INLINE_FRAGMENT ? selection : fragments[selection.name.value]!;
        walk(selectionSet, names, (inner) =>
          wrap({ kind: Kind.INLINE_FRAGMENT, typeCondition, selectionSet: only(inner) }),
        );
        continue;
      }
      const { name, selectionSet } = selection;
      if (name.value === "__typename") continue;
      const path = [...names, name.value];
      if (matches(wrap({ ...selection, selectionSet: selectionSet && only(typeName) }))) paths.add(path.join("."));
      else if (selectionSet) {
        walk(selectionSet, path, (inner) => wrap({ ...selection, selectionSet: only(inner) }));
      }
    }
  };
  walk(operation.selectionSet, [], (inner) => inner);
  return [...paths];
}

function isLeftOut(selection: { directives?: readonly DirectiveNode[] }, variables: Record<string, unknown>): boolean {
  return (
    getDirectiveValues(GraphQLSkipDirective, selection, variables)?.if === true ||
    getDirectiveValues(GraphQLIncludeDirective, selection, variables)?.if === false
  );
}
