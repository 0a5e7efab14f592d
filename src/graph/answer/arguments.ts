import {
  type FieldNode,
  type GraphQLField,
  type GraphQLInputType,
  getArgumentValues,
  getNullableType,
  isInputObjectType,
  Kind,
  type ValueNode,
  visit,
} from "graphql";
import { UserInputError } from "../../errors.js";
import type { PageArgs } from "../schema/connection.js";
import { type ListArgs, listArgs } from "../schema/list-arguments.js";
import type { ModelType } from "../schema/model.js";
import type { LookUp } from "../schema/source.js";
import { type Condition, everything, withSlots } from "../sql/condition.js";
import { type Page, pageTemplate } from "../sql/page.js";
import { Slot } from "../sql/parameters.js";

/** Arguments of one field. Constant arguments are evaluated at compile time. */
export interface FieldArguments {
  readonly constant: EvaluatedArguments | undefined;
  /** Throws the same error as the resolver. */
  evaluate(variables: Record<string, unknown>): EvaluatedArguments;
}

export interface EvaluatedArguments {
  /** Cache key: arguments with equal keys compile to the same SQL. */
  readonly key: string;
  /** The values of the slots. */
  readonly values: readonly unknown[];
  readonly sql: SqlArguments;
  readonly list?: ListArgs;
  readonly lookUp?: LookUp;
  readonly atMost?: number;
  /** Whether a filter depends on variables: then PostgreSQL should plan with its values. */
  readonly filtered?: boolean;
}

/** Evaluates the arguments of a plan's fields with these variables. */
export function argumentsOf(
  { fieldArguments }: { readonly fieldArguments: readonly FieldArguments[] },
  variables: Record<string, unknown>,
): EvaluatedArguments[] {
  return fieldArguments.map(({ constant, evaluate }) => constant ?? evaluate(variables));
}

/** The arguments of a field as used in its SQL: values or slots. */
export interface SqlArguments {
  readonly page?: Page;
  readonly condition?: Condition;
  readonly atMost?: number | Slot;
}

/** Name of the variable for the id of `rowById`; not a valid variable name in GraphQL. */
export const rowId = "id of the row";

/** Collects the arguments of a plan's fields. Each method returns the index of the added arguments. */
export class ArgumentCollector {
  readonly all: FieldArguments[] = [];

  /** Arguments of a list: page, filter and order. */
  list(type: ModelType, field: GraphQLField<unknown, unknown>, node: FieldNode, maximum: number): number {
    return this.ofField(field, node, (args, index) => listEvaluated(listArgs(type, args as PageArgs, maximum), index));
  }

  /** Parsed arguments in a variable: those of a list, or a look-up of one row. */
  given(variable: string): number {
    const index = this.all.length;
    const evaluate = (variables: Record<string, unknown>): EvaluatedArguments => {
      const given = variables[variable] as ListArgs | LookUp;
      return "page" in given ? listEvaluated(given, index) : lookUpEvaluated(given, index);
    };
    return this.all.push({ constant: undefined, evaluate }) - 1;
  }

  /** Arguments of a list that has none: its first rows are read. */
  first(type: ModelType, first: number): number {
    return this.constant(listEvaluated(listArgs(type, { first }, Number.POSITIVE_INFINITY), undefined));
  }

  /** Arguments of a look-up of one row. */
  lookUp(
    field: GraphQLField<unknown, unknown>,
    node: FieldNode,
    where: (args: Record<string, unknown>) => LookUp,
  ): number {
    return this.ofField(field, node, (args, index) => {
      const lookUp = where(args);
      if (index === undefined) return { key: "", values: [], sql: { condition: lookUp.condition }, lookUp };
      return lookUpEvaluated(lookUp, index);
    });
  }

  /** Look-up of a row by the variable `rowId`. */
  rowById(): number {
    const condition: Condition = { op: "eq", field: "id", value: slotOf(this.all.length)(0) };
    const lookUp: LookUp = { condition, unique: true };
    const evaluate = (variables: Record<string, unknown>): EvaluatedArguments => ({
      key: "",
      values: [variables[rowId]],
      sql: { condition },
      lookUp,
    });
    return this.all.push({ constant: undefined, evaluate }) - 1;
  }

  /** Look-up of one row by a condition. */
  rowWhere(condition: Condition): number {
    return this.constant({ key: "", values: [], sql: { condition }, lookUp: { condition, unique: true } });
  }

  /** Arguments of `totalCount`. */
  count(field: GraphQLField<unknown, unknown>, node: FieldNode): number {
    return this.ofField(field, node, ({ atMost }, index) => {
      if (typeof atMost !== "number") return { key: "", values: [], sql: {} };
      if (atMost < 0) throw new UserInputError(["atMost"], `must be 0 or more, not ${atMost}.`);
      const value = index === undefined ? atMost : slotOf(index)(0);
      return { key: "n", values: [atMost], sql: { atMost: value }, atMost };
    });
  }

  exactCount(): number {
    return this.constant({ key: "", values: [], sql: {} });
  }

  fixedCount(atMost: number): number {
    return this.constant({ key: "", values: [], sql: { atMost }, atMost });
  }

  private constant(constant: EvaluatedArguments): number {
    return this.all.push({ constant, evaluate: () => constant }) - 1;
  }

  /** Evaluates constant arguments once, others per execution, with slots. */
  private ofField(
    field: GraphQLField<unknown, unknown>,
    node: FieldNode,
    evaluated: (args: Record<string, unknown>, index: number | undefined) => EvaluatedArguments,
  ): number {
    if (!node.arguments?.some((argument) => hasVariable(argument.value))) {
      return this.constant(evaluated(getArgumentValues(field, node, {}), undefined));
    }
    const index = this.all.length;
    const fromVariables = readerOfVariables(field, node);
    const evaluate = (variables: Record<string, unknown>) =>
      evaluated(fromVariables?.(variables) ?? getArgumentValues(field, node, variables), index);
    this.all.push({ constant: undefined, evaluate });
    return index;
  }
}

/** The nth value of a field's arguments in an execution. */
function slotOf(fieldArguments: number): (index: number) => Slot {
  return (index) => new Slot(({ args }) => (args[fieldArguments] as EvaluatedArguments).values[index]);
}

function lookUpEvaluated(lookUp: LookUp, index: number): EvaluatedArguments {
  const values: unknown[] = [];
  const condition = withSlots(lookUp.condition, values, slotOf(index));
  const key = condition.op === "eq" ? condition.field : JSON.stringify(condition);
  return { key, values, sql: { condition }, lookUp };
}

function listEvaluated(list: ListArgs, index: number | undefined): EvaluatedArguments {
  if (index === undefined) return { key: "", values: [], sql: { page: list.page }, list };
  const { page, values } = pageTemplate(list.page, slotOf(index));
  return { key: JSON.stringify(page), values, sql: { page }, list, filtered: page.filter !== everything };
}

/**
 * Fast path: reads arguments that are all variables, or objects of variables, whose values are coerced already.
 * Undefined for other arguments, and if a variable is absent or null, to which the coercion rules of GraphQL apply.
 */
function readerOfVariables(field: GraphQLField<unknown, unknown>, { arguments: nodes = [] }: FieldNode) {
  const names = new Set(nodes.map(({ name }) => name.value));
  if (field.args.some(({ name, defaultValue }) => defaultValue !== undefined && !names.has(name))) return undefined;
  type Values = Record<string, unknown>;
  const read = (node: ValueNode, type: GraphQLInputType | undefined): ((variables: Values) => unknown) | undefined => {
    if (node.kind === Kind.VARIABLE) return (variables) => variables[node.name.value];
    const input = type && getNullableType(type);
    if (node.kind !== Kind.OBJECT || !isInputObjectType(input)) return undefined;
    const fields = Object.values(input.getFields());
    if (fields.some(({ defaultValue }) => defaultValue !== undefined)) return undefined;
    return readAll(
      node.fields.map(({ name, value }) => [name.value, read(value, input.getFields()[name.value]?.type)]),
    );
  };
  const readAll = (entries: [name: string, read: ((variables: Values) => unknown) | undefined][]) => {
    if (entries.some(([, readValue]) => !readValue)) return undefined;
    return (variables: Values): Values | undefined => {
      const values: Values = {};
      for (const [name, readValue] of entries) {
        const value = readValue!(variables);
        if (value === undefined || value === null) return undefined;
        values[name] = value;
      }
      return values;
    };
  };
  return readAll(
    nodes.map(({ name, value }) => [name.value, read(value, field.args.find((arg) => arg.name === name.value)?.type)]),
  );
}

function hasVariable(node: ValueNode): boolean {
  let found = false;
  visit(node, {
    Variable() {
      found = true;
    },
  });
  return found;
}
