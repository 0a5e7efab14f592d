import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLEnumType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getArgumentValues,
  getNamedType,
  getNullableType,
  isAbstractType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type ValueNode,
  visit,
} from "graphql";
import { collectFields, collectSubfields } from "graphql/execution/collectFields.js";
import { UserInputError } from "../../errors.js";
import { isQuotedInPart, permits, permitsRoot } from "../access/guard.js";
import { viewerFacts } from "../access/row-rules.js";
import type { Viewer } from "../access/viewer.js";
import { columnOf, type ModelName, modelOfId, relationOf } from "../model/datamodel.js";
import { accessOf } from "../schema/access-directive.js";
import { maximumPageSizeOf, type PageArgs } from "../schema/connection.js";
import { type ListArgs, listArgs } from "../schema/list-arguments.js";
import { type ModelType, modelTypeNamed } from "../schema/model.js";
import { type Derived, type LookUp, type Source, sourceOf } from "../schema/source.js";
import { type Condition, everything, withSlots } from "../sql/condition.js";
import { pageTemplate } from "../sql/page.js";
import { Slot } from "../sql/parameters.js";
import { selectedFields } from "../sql/statement.js";
import { type ListTree, type Part, type RootTree, type RowTree, type SiteArgs } from "./selection.js";

/** What an operation reads and how its answer is written: made once, and run with ever other variables and viewers. */
export interface Plan {
  readonly roots: readonly Root[];
  readonly sites: readonly Site[];
  /** Whether the plan answers the whole operation; otherwise resolvers do, over the rows that it read. */
  readonly complete: boolean;
  /** How many fields it has: what it weighs in a cache. */
  readonly size: number;
}

/** A root field in the answer: text that is known, or what a statement reads. */
export type Root = { key: string } & (
  | { kind: "constant"; json: string }
  | {
      kind: "one";
      tree: RootTree & { kind: "one" };
      type: ModelType;
      views: Views;
    }
  | { kind: "many"; tree: RootTree & { kind: "many" }; type: ModelType; outputs: readonly ListOutput[] }
);

/** The fields of an object in an answer, for each object type that a row may be. */
export type Views = ReadonlyMap<string, readonly Output[]>;

/** One field of an object in an answer: how it is written from the parts of its row. */
export type Output = { key: string; name: string } & (
  | { kind: "constant"; json: string }
  | { kind: "column"; part: number; leaf: Leaf }
  | { kind: "derived"; value: Derived["value"]; write: Write; other?: { part: number; row: RowPlan } }
  | { kind: "parent"; part: number; row: RowPlan; views: Views }
  | { kind: "list"; part: number; list: ListPlan; outputs: readonly ListOutput[] }
  | { kind: "all"; part: number; list: ListPlan; views: Views }
);

export type ListOutput = { key: string; name: string } & (
  | { kind: "constant"; json: string }
  | { kind: "nodes"; views: Views }
  | { kind: "edges"; outputs: readonly EdgeOutput[] }
  | { kind: "pageInfo"; outputs: readonly { key: string; name: string; json?: string }[] }
  | { kind: "count"; index: number }
);
export type EdgeOutput = { key: string } & (
  | { kind: "constant"; json: string }
  | { kind: "cursor" }
  | { kind: "node"; views: Views }
);

/** A leaf as it comes out of the database's JSON. */
export interface Leaf {
  readonly kind: "text" | "number" | "moment" | "json" | "enum";
  readonly nullable: boolean;
  /** The names of an enum's values, as JSON. */
  readonly names?: ReadonlyMap<string, string>;
}

/** Writes a value as JSON. */
export type Write = (value: unknown) => string;

/** Thrown when a row is not as the schema promises; the operation is then answered by its resolvers, which say why. */
export class IrregularError extends Error {}

/** The arguments of one field. Those without variables are understood when the plan is made. */
export interface Site {
  readonly constant: Evaluated | undefined;
  /** Throws what the resolver would throw. */
  evaluate(variables: Record<string, unknown>): Evaluated;
}

export interface Evaluated {
  /** Tells what has one text in SQL from what has another. */
  readonly shape: string;
  /** What the slots stand for. */
  readonly values: readonly unknown[];
  /** For the builder of SQL. */
  readonly sql: SiteArgs;
  readonly list?: ListArgs;
  readonly lookUp?: LookUp;
  readonly atMost?: number;
  /** Whether a filter came by variables: then PostgreSQL should plan for its values. */
  readonly filtered?: boolean;
}

/** A row in a plan, growing while the plan is made. */
export class RowPlan implements RowTree {
  readonly parts: Part[] = [];

  constructor(readonly type: ModelType) {}

  get model() {
    return this.type.datamodel;
  }

  /** The place of a column among the parts. */
  column(field: string): number {
    columnOf(this.model, field);
    const known = this.parts.findIndex((part) => part.kind === "column" && part.field === field);
    return known >= 0 ? known : this.add({ kind: "column", field });
  }

  add(part: Part): number {
    return this.parts.push(part) - 1;
  }
}

export interface ListPlan extends ListTree {
  readonly site: number;
  row?: RowPlan;
  beyond: boolean;
  readonly counts: number[];
  /** Which of the counts tells whether the list has anything at all, where `hasPreviousPage` may need it. */
  any?: number;
}

/** What decides about a plan besides its operation: the values of variables that switch parts of it on and off. */
export interface Switches {
  readonly schema: GraphQLSchema;
  readonly fragments: Record<string, FragmentDefinitionNode>;
  /** Those of `@skip`, `@include`, and the ids given to `node`. */
  readonly variables: Record<string, unknown>;
  readonly viewer: Viewer;
}

/** The plan of a query, or undefined where there is nothing to gain from one. */
export function planOf(operation: OperationDefinitionNode, switches: Switches): Plan | undefined {
  return new Planner(switches).plan(operation);
}

/** The name of the variable with the id of the row that `planOfRow` reads: no operation can have one of this name. */
export const rowId = "id of the row";

/** The plan of all that is selected of one row, for resolvers to find it there. */
export function planOfRow(model: ModelName, nodes: readonly FieldNode[], switches: Switches): Plan {
  return new Planner(switches).planOfRow(model, nodes);
}

/** Said of a field that a plan cannot answer: its resolver has to. */
const byResolver = Symbol();

class Planner {
  private readonly sites: Site[] = [];
  private complete = true;
  private size = 0;

  constructor(private readonly switches: Switches) {}

  plan(operation: OperationDefinitionNode): Plan | undefined {
    const { schema, fragments, variables } = this.switches;
    const query = schema.getQueryType()!;
    const selected = collectFields(schema, fragments, variables, query, operation.selectionSet);
    const roots: Root[] = [];
    for (const [key, nodes] of selected) {
      const root = this.root(key, query, nodes);
      if (root === byResolver) {
        this.complete = false;
        roots.push(...this.ownRoots(query, nodes));
      } else roots.push(root);
    }
    if (roots.every(({ kind }) => kind === "constant")) return undefined;
    return { roots, sites: this.sites, complete: this.complete, size: this.size };
  }

  planOfRow(model: ModelName, nodes: readonly FieldNode[]): Plan {
    const type = modelTypeNamed(model);
    const condition: Condition = { op: "eq", field: "id", value: slotOf(0)(0) };
    const lookUp: LookUp = { condition, unique: true };
    const evaluate = (variables: Record<string, unknown>): Evaluated => ({
      shape: "",
      values: [variables[rowId]],
      sql: { condition },
      lookUp,
    });
    const site = this.sites.push({ constant: undefined, evaluate }) - 1;
    const row = new RowPlan(type);
    const views = this.views(row, nodes);
    const root: Root = { key: "", kind: "one", tree: { kind: "one", site, unique: true, row }, type, views };
    return { roots: [root], sites: this.sites, complete: false, size: this.size };
  }

  private root(key: string, query: GraphQLObjectType, nodes: readonly FieldNode[]): Root | typeof byResolver {
    if (nodes[0]!.name.value === "__typename") return { key, kind: "constant", json: JSON.stringify(query.name) };
    const field = query.getFields()[nodes[0]!.name.value];
    const source = field && sourceOf(field);
    if (!field || !source) return byResolver;
    // Refused; the resolvers say so, and answer the other fields from what the plan reads.
    if (!permitsRoot(this.switches.viewer, accessOf(field) ?? [])) return byResolver;
    switch (source.kind) {
      case "one":
        return this.one(key, modelTypeNamed(source.model), field, nodes, source.where, source.shared);
      case "node": {
        const model = this.modelOfNode(field, nodes[0]!);
        if (!model) return byResolver;
        const byId = ({ id }: Record<string, unknown>): LookUp => ({
          condition: { op: "eq", field: "id", value: id },
          unique: true,
        });
        return this.one(key, modelTypeNamed(model), field, nodes, byId);
      }
      case "many": {
        const type = modelTypeNamed(source.model);
        const list = this.list(this.listSite(type, field, nodes[0]!));
        const outputs = this.listOutputs(type, field, nodes, list);
        return { key, kind: "many", tree: { kind: "many", model: type.datamodel, list }, type, outputs };
      }
      default:
        return byResolver;
    }
  }

  /** What a resolver's object leads to that can be read beforehand: the caller's own customer. */
  private ownRoots(query: GraphQLObjectType, nodes: readonly FieldNode[]): Root[] {
    const { schema, fragments, variables, viewer } = this.switches;
    const field = query.getFields()[nodes[0]!.name.value];
    const object = field && getNamedType(field.type);
    if (viewer.kind !== "customer" || !isObjectType(object)) return [];
    const selected = [...collectSubfields(schema, fragments, variables, object, nodes)];
    return selected.flatMap(([key, inner]): Root[] => {
      const own = object.getFields()[inner[0]!.name.value];
      if (!own || sourceOf(own)?.kind !== "own") return [];
      const type = modelTypeNamed(getNamedType(own.type).name as ModelName);
      const condition: Condition = { op: "eq", field: "id", value: viewerFacts.customerId };
      const constant: Evaluated = { shape: "", values: [], sql: { condition }, lookUp: { condition, unique: true } };
      const site = this.sites.push({ constant, evaluate: () => constant }) - 1;
      const row = new RowPlan(type);
      const views = this.views(row, inner);
      return [{ key, kind: "one", tree: { kind: "one", site, unique: true, row }, type, views }];
    });
  }

  private one(
    key: string,
    type: ModelType,
    field: GraphQLField<unknown, unknown>,
    nodes: readonly FieldNode[],
    where: (args: Record<string, unknown>) => LookUp,
    shared: readonly string[] = [],
  ): Root {
    const row = new RowPlan(type);
    const site = this.site(field, nodes[0]!, (args, index) => {
      const lookUp = where(args);
      if (index === undefined) return { shape: "", values: [], sql: { condition: lookUp.condition }, lookUp };
      const values: unknown[] = [];
      const condition = withSlots(lookUp.condition, values, slotOf(index));
      const shape = condition.op === "eq" ? condition.field : JSON.stringify(condition);
      return { shape, values, sql: { condition }, lookUp };
    });
    const unique = this.sites[site]!.constant?.lookUp?.unique ?? this.isUnique(field, nodes[0]!, shared);
    const views = this.views(row, nodes);
    return { key, kind: "one", tree: { kind: "one", site, unique, row }, type, views };
  }

  /** Whether the key that a variable look-up uses identifies a row; when in doubt, no. */
  private isUnique(field: GraphQLField<unknown, unknown>, node: FieldNode, shared: readonly string[]): boolean {
    const by = node.arguments?.find(({ name }) => name.value === "by")?.value;
    if (!field.args.some(({ name }) => name === "by")) return true;
    return by?.kind === Kind.OBJECT && by.fields.every(({ name }) => !shared.includes(name.value));
  }

  private modelOfNode(field: GraphQLField<unknown, unknown>, node: FieldNode): ModelName | undefined {
    const { id } = getArgumentValues(field, node, this.switches.variables);
    return modelOfId(id as string);
  }

  /** What is selected of a row, for each type of object that it may be. */
  private views(row: RowPlan, nodes: readonly FieldNode[]): Views {
    const { schema, fragments, variables } = this.switches;
    const type = schema.getType(row.type.name)!;
    const possible = isAbstractType(type) ? schema.getPossibleTypes(type) : [type as GraphQLObjectType];
    if (row.type.kindField) row.column(row.type.kindField);
    // What several types select alike of a relation is read once.
    const relations: { key: string; nodes: readonly FieldNode[]; output: Output }[] = [];
    const outputOf = (key: string, object: GraphQLObjectType, fieldNodes: readonly FieldNode[]) => {
      const alike = relations.find(
        (known) =>
          known.key === key &&
          known.nodes.length === fieldNodes.length &&
          known.nodes.every((node, i) => node === fieldNodes[i]),
      );
      if (alike) return alike.output;
      const output = this.output(key, row, object, fieldNodes);
      if (possible.length > 1 && output !== byResolver && ["parent", "list", "all"].includes(output.kind)) {
        relations.push({ key, nodes: fieldNodes, output });
      }
      return output;
    };
    return new Map(
      possible.map((object) => {
        const outputs: Output[] = [];
        for (const [key, fieldNodes] of collectSubfields(schema, fragments, variables, object, nodes)) {
          const output = outputOf(key, object, fieldNodes);
          if (output === byResolver) this.complete = false;
          else outputs.push(output);
        }
        return [object.name, outputs];
      }),
    );
  }

  private output(
    key: string,
    row: RowPlan,
    object: GraphQLObjectType,
    nodes: readonly FieldNode[],
  ): Output | typeof byResolver {
    this.size++;
    const name = nodes[0]!.name.value;
    if (name === "__typename") return { key, name, kind: "constant", json: JSON.stringify(object.name) };
    const field = object.getFields()[name]!;
    const access = accessOf(field);
    if (access && !permits(this.switches.viewer, access)) return byResolver;
    if (isQuotedInPart(field, this.switches.viewer)) return byResolver;
    const source = sourceOf(field) ?? getterOf(row.type, object, name);
    switch (source?.kind) {
      case "column":
        return { key, name, kind: "column", part: row.column(source.field), leaf: leafOf(field.type) };
      case "derived":
        return this.derived(key, row, object, field, nodes, source);
      case "parent": {
        const other = new RowPlan(modelTypeNamed(relationOf(row.model, source.relation).to));
        const views = this.views(other, nodes);
        const part = row.add({ kind: "parent", relation: source.relation, row: other });
        return { key, name, kind: "parent", part, row: other, views };
      }
      case "list": {
        const type = modelTypeNamed(relationOf(row.model, source.relation).to);
        const list = this.list(this.listSite(type, field, nodes[0]!));
        const outputs = this.listOutputs(type, field, nodes, list);
        const part = row.add({ kind: "list", relation: source.relation, list });
        return { key, name, kind: "list", part, list, outputs };
      }
      case "all": {
        const type = modelTypeNamed(relationOf(row.model, source.relation).to);
        const list = this.list(this.constantSite(type, { first: source.limit }));
        list.row = new RowPlan(type);
        const views = this.views(list.row, nodes);
        const part = row.add({ kind: "list", relation: source.relation, list });
        return { key, name, kind: "all", part, list, views };
      }
      default:
        return byResolver;
    }
  }

  private derived(
    key: string,
    row: RowPlan,
    object: GraphQLObjectType,
    field: GraphQLField<unknown, unknown>,
    nodes: readonly FieldNode[],
    { value, needs, other }: Derived,
  ): Output | typeof byResolver {
    const { name } = field;
    const write = this.writeOf(field.type, nodes);
    if (!write) return byResolver;
    if (needs?.length === 0 && !other) {
      const instance = Object.create(rowClass(row.type, object).prototype as object) as never;
      return { key, name, kind: "constant", json: write(value(instance, undefined as never)) };
    }
    for (const column of needs ?? selectedFields(row.model)) row.column(column);
    if (!other) return { key, name, kind: "derived", value, write };
    const otherRow = new RowPlan(modelTypeNamed(relationOf(row.model, other.relation).to));
    for (const column of other.needs) otherRow.column(column);
    const part = row.add({ kind: "parent", relation: other.relation, row: otherRow });
    return { key, name, kind: "derived", value, write, other: { part, row: otherRow } };
  }

  /** How a value made by code is written, or undefined where resolvers have to. */
  private writeOf(type: GraphQLOutputType, nodes: readonly FieldNode[]): Write | undefined {
    if (isNonNullType(type)) {
      const write = this.writeOf(type.ofType, nodes);
      return (
        write &&
        ((value) => {
          if (value === null || value === undefined) throw new IrregularError();
          return write(value);
        })
      );
    }
    if (isListType(type)) {
      const write = this.writeOf(type.ofType, nodes);
      return write && nullable((value) => `[${(value as unknown[]).map(write).join(",")}]`);
    }
    if (isLeafType(type)) return nullable((value) => JSON.stringify(type.serialize(value)));
    if (!isObjectType(type)) return undefined;
    const { schema, fragments, variables, viewer } = this.switches;
    const fields: { start: string; name: string; write: Write }[] = [];
    for (const [key, inner] of collectSubfields(schema, fragments, variables, type, nodes)) {
      this.size++;
      const name = inner[0]!.name.value;
      const start = `${fields.length ? "," : ""}${JSON.stringify(key)}:`;
      if (name === "__typename") {
        fields.push({ start: `${start}${JSON.stringify(type.name)}`, name, write: () => "" });
        continue;
      }
      const field = type.getFields()[name]!;
      const access = accessOf(field);
      if (field.args.length || sourceOf(field) || (access && !permits(viewer, access))) return undefined;
      const write = this.writeOf(field.type, inner);
      if (!write) return undefined;
      fields.push({ start, name, write });
    }
    return nullable((value) => {
      let text = "{";
      for (const { start, name, write } of fields) {
        const inner = (value as Record<string, unknown>)[name];
        if (typeof inner === "function") throw new IrregularError();
        text += start + write(inner);
      }
      return `${text}}`;
    });
  }

  private list(site: number): ListPlan {
    return { site, beyond: false, counts: [] };
  }

  /** What is selected of a page. All its entries are read as one row plan, however often they are selected. */
  private listOutputs(
    type: ModelType,
    field: GraphQLField<unknown, unknown>,
    nodes: readonly FieldNode[],
    list: ListPlan,
  ): ListOutput[] {
    const connection = getNamedType(field.type) as GraphQLObjectType;
    const row = () => {
      list.row ??= new RowPlan(type);
      return list.row;
    };
    return this.selected(connection, nodes, (key, name, inner): ListOutput => {
      switch (name) {
        case "nodes":
          return { key, name, kind: "nodes", views: this.views(row(), inner) };
        case "edges":
          return { key, name, kind: "edges", outputs: this.edgeOutputs(connection, inner, row(), list) };
        case "pageInfo":
          return {
            key,
            name,
            kind: "pageInfo",
            outputs: this.pageInfoOutputs(connection, inner, row(), list, nodes[0]!),
          };
        default: {
          const atMost = this.countSite(connection.getFields().totalCount!, inner[0]!);
          return { key, name, kind: "count", index: list.counts.push(atMost) - 1 };
        }
      }
    });
  }

  private edgeOutputs(connection: GraphQLObjectType, nodes: readonly FieldNode[], row: RowPlan, list: ListPlan) {
    const edge = getNamedType(connection.getFields().edges!.type) as GraphQLObjectType;
    return this.selected(edge, nodes, (key, name, inner): EdgeOutput => {
      if (name === "node") return { key, kind: "node", views: this.views(row, inner) };
      this.cursorColumns(row, list);
      return { key, kind: "cursor" };
    });
  }

  private pageInfoOutputs(
    connection: GraphQLObjectType,
    nodes: readonly FieldNode[],
    row: RowPlan,
    list: ListPlan,
    listNode: FieldNode,
  ) {
    const pageInfo = getNamedType(connection.getFields().pageInfo!.type) as GraphQLObjectType;
    return this.selected(pageInfo, nodes, (key, name) => {
      if (name.endsWith("Cursor")) this.cursorColumns(row, list);
      else list.beyond = true;
      // Behind an offset an empty page has something before it if the list has anything at all.
      if (name === "hasPreviousPage" && listNode.arguments?.some((argument) => argument.name.value === "offset")) {
        list.any ??= list.counts.push(this.fixedCount(1)) - 1;
      }
      if (!row.parts.length) row.column("id");
      return { key, name };
    });
  }

  /** The fields selected of a plain object, `__typename` written already. */
  private selected<T extends { key: string }>(
    object: GraphQLObjectType,
    nodes: readonly FieldNode[],
    output: (key: string, name: string, nodes: readonly FieldNode[]) => T,
  ): T[] {
    const { schema, fragments, variables } = this.switches;
    return [...collectSubfields(schema, fragments, variables, object, nodes)].map(([key, inner]) => {
      this.size++;
      const name = inner[0]!.name.value;
      if (name !== "__typename") return output(key, name, inner);
      return { key, name, kind: "constant", json: JSON.stringify(object.name) } as unknown as T;
    });
  }

  /** The columns that cursors are made of: those of the order, or of any order when it is not known yet. */
  private cursorColumns(row: RowPlan, { site }: ListPlan) {
    const { constant } = this.sites[site]!;
    const known = constant?.list?.order.map(({ field }) => field);
    for (const field of known ?? [...row.type.sortable, ...row.type.defaultOrder.map((key) => key.field), "id"]) {
      row.column(field);
    }
  }

  private listSite(type: ModelType, field: GraphQLField<unknown, unknown>, node: FieldNode): number {
    const maximum = maximumPageSizeOf(this.switches.viewer);
    return this.site(field, node, (args, index) => listEvaluated(listArgs(type, args as PageArgs, maximum), index));
  }

  private constantSite(type: ModelType, args: PageArgs): number {
    const constant = listEvaluated(listArgs(type, args, Number.POSITIVE_INFINITY), undefined);
    return this.sites.push({ constant, evaluate: () => constant }) - 1;
  }

  private countSite(field: GraphQLField<unknown, unknown>, node: FieldNode): number {
    return this.site(field, node, ({ atMost }, index) => {
      if (typeof atMost !== "number") return { shape: "", values: [], sql: { atMost: undefined } };
      if (atMost < 0) throw new UserInputError(["atMost"], `must be 0 or more, not ${atMost}.`);
      const value = index === undefined ? atMost : slotOf(index)(0);
      return { shape: "n", values: [atMost], sql: { atMost: value }, atMost };
    });
  }

  private fixedCount(atMost: number): number {
    const constant: Evaluated = { shape: "", values: [], sql: { atMost }, atMost };
    return this.sites.push({ constant, evaluate: () => constant }) - 1;
  }

  /** Keeps a field's arguments: understood at once when they are constant, else for each run; then with slots. */
  private site(
    field: GraphQLField<unknown, unknown>,
    node: FieldNode,
    evaluated: (args: Record<string, unknown>, index: number | undefined) => Evaluated,
  ): number {
    const index = this.sites.length;
    if (!node.arguments?.some((argument) => hasVariable(argument.value))) {
      const constant = evaluated(getArgumentValues(field, node, {}), undefined);
      this.sites.push({ constant, evaluate: () => constant });
    } else {
      const given = givenByVariables(field, node);
      const evaluate = (variables: Record<string, unknown>) =>
        evaluated(given?.(variables) ?? getArgumentValues(field, node, variables), index);
      this.sites.push({ constant: undefined, evaluate });
    }
    return index;
  }
}

/** The nth value of a field's arguments in a run. */
function slotOf(site: number): (index: number) => Slot {
  return (index) => new Slot(({ args }) => (args[site] as Evaluated).values[index]);
}

function listEvaluated(list: ListArgs, index: number | undefined): Evaluated {
  if (index === undefined) return { shape: "", values: [], sql: { page: list.page }, list };
  const { page, values } = pageTemplate(list.page, slotOf(index));
  return { shape: JSON.stringify(page), values, sql: { page }, list, filtered: page.filter !== everything };
}

/**
 * A field's arguments where all are variables, or objects of variables: these have been understood already. Undefined for
 * other arguments, and when a variable is absent or null, about which the specification has more to say.
 */
function givenByVariables(field: GraphQLField<unknown, unknown>, { arguments: given = [] }: FieldNode) {
  const names = new Set(given.map(({ name }) => name.value));
  if (field.args.some(({ name, defaultValue }) => defaultValue !== undefined && !names.has(name))) return undefined;
  type Values = Record<string, unknown>;
  const read = (node: ValueNode, type: GraphQLInputType | undefined): ((variables: Values) => unknown) | undefined => {
    if (node.kind === Kind.VARIABLE) return (variables) => variables[node.name.value];
    const input = type && getNullableType(type);
    if (node.kind !== Kind.OBJECT || !isInputObjectType(input)) return undefined;
    const fields = Object.values(input.getFields());
    if (fields.some(({ defaultValue }) => defaultValue !== undefined)) return undefined;
    return all(node.fields.map(({ name, value }) => [name.value, read(value, input.getFields()[name.value]?.type)]));
  };
  const all = (entries: [name: string, read: ((variables: Values) => unknown) | undefined][]) => {
    if (entries.some(([, one]) => !one)) return undefined;
    return (variables: Values): Values | undefined => {
      const values: Values = {};
      for (const [name, one] of entries) {
        const value = one!(variables);
        if (value === undefined || value === null) return undefined;
        values[name] = value;
      }
      return values;
    };
  };
  return all(
    given.map(({ name, value }) => [name.value, read(value, field.args.find((arg) => arg.name === name.value)?.type)]),
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

function nullable(write: Write): Write {
  return (value) => (value === null || value === undefined ? "null" : write(value));
}

/** A field that its row's class computes by a getter. */
function getterOf(type: ModelType, object: GraphQLObjectType, name: string): Source | undefined {
  for (
    let prototype = rowClass(type, object).prototype as object;
    prototype;
    prototype = Object.getPrototypeOf(prototype)
  ) {
    const property = Object.getOwnPropertyDescriptor(prototype, name);
    if (property?.get) return { kind: "derived", value: (row: Record<string, unknown>) => row[name] } as Source;
  }
  return undefined;
}

/** The class of the rows that are such objects. */
function rowClass(type: ModelType, object: GraphQLObjectType) {
  return type.classNamed(object.name);
}

function leafOf(type: GraphQLOutputType): Leaf {
  const nullable = !isNonNullType(type);
  const named = getNamedType(type);
  if (named instanceof GraphQLEnumType) {
    const names = new Map(named.getValues().map(({ name, value }) => [value as string, JSON.stringify(name)]));
    return { kind: "enum", nullable, names };
  }
  switch (named.name) {
    case "Int":
    case "Float":
    case "Boolean":
      return { kind: "number", nullable };
    case "DateTime":
      return { kind: "moment", nullable };
    case "JSON":
      return { kind: "json", nullable };
    default:
      return { kind: "text", nullable };
  }
}

/** The variables that switch parts of a document on and off, or decide which model a `node` is of. */
export function switchVariables(document: DocumentNode): string[] {
  const names = new Set<string>();
  const add = (node: FieldNode["arguments"] | undefined) => {
    for (const { value } of node ?? []) if (value.kind === Kind.VARIABLE) names.add(value.name.value);
  };
  visit(document, {
    Directive: (node) => add(node.arguments),
    Field: (node) => {
      if (node.name.value === "node") add(node.arguments);
    },
  });
  return [...names].sort();
}
