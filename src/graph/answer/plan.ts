import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLEnumType,
  type GraphQLField,
  GraphQLIncludeDirective,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  GraphQLSkipDirective,
  getArgumentValues,
  getNamedType,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  visit,
} from "graphql";
import { collectFields, collectSubfields } from "graphql/execution/collectFields.js";
import { isQuotedInPart, permits, permitsRoot } from "../access/guard.js";
import { viewerFacts } from "../access/row-rules.js";
import type { Viewer } from "../access/viewer.js";
import { type ModelName, modelOfId, relationOf } from "../model/datamodel.js";
import { accessOf } from "../schema/access-directive.js";
import { maximumPageSizeOf } from "../schema/connection.js";
import { type ModelType, modelTypeNamed } from "../schema/model.js";
import { type Derived, type LookUp, type Source, sourceOf } from "../schema/source.js";
import { selectedFields } from "../sql/statement.js";
import { ArgumentCollector, type FieldArguments } from "./arguments.js";
import {
  type ConnectionField,
  type ConstantField,
  type EdgeField,
  type FieldsByType,
  IrregularError,
  type Leaf,
  type ListSelection,
  type PageInfoField,
  type RootField,
  type RowField,
  RowSelection,
  type SelectedRoot,
  type Serialize,
} from "./selection.js";
import type { Strategy } from "./strategy.js";

/** A compiled query: what to read and how to serialise it. Built once per operation, for all variables and viewers. */
export interface Plan {
  readonly roots: readonly RootField[];
  readonly fieldArguments: readonly FieldArguments[];
  /** Whether the plan answers the whole operation; otherwise resolvers do, over the rows that it read. */
  readonly complete: boolean;
  /** Number of fields: its size in the cache. */
  readonly size: number;
  /** Cache of strategies, by the key of the arguments. */
  readonly strategies: Map<string, Strategy>;
}

/** Root fields of the statement, in the order of its columns. */
export function selectedRoots({ roots }: Plan): SelectedRoot[] {
  return roots.filter((root) => root.kind !== "constant");
}

/** Switching variables: those whose values change the plan, not only its parameters. */
export interface Switches {
  readonly schema: GraphQLSchema;
  readonly fragments: Record<string, FragmentDefinitionNode>;
  /** The variables of `@skip`, `@include`, and the ids given to `node`. */
  readonly variables: Record<string, unknown>;
  readonly viewer: Viewer;
  /** Page size limit of lists inside rows; undefined: the viewer's. */
  readonly maximumPageSize?: number;
}

/** Compiles the plan of a query; undefined if planning has no benefit. */
export function planOf(operation: OperationDefinitionNode, switches: Switches): Plan | undefined {
  return new Planner(switches).plan(operation);
}

/** Compiles the plan of the selection of one row, to prime the loaders. */
export function planOfRow(model: ModelName, nodes: readonly FieldNode[], switches: Switches): Plan {
  return new Planner(switches).planOfRow(model, nodes);
}

/**
 * Compiles the plan of a document whose root fields are named by types, for other protocols than GraphQL: a model's
 * finds one row, a connection's lists rows. The variables with their response keys contain their arguments.
 */
export function planOfTypes(operation: OperationDefinitionNode, switches: Switches): Plan {
  return new Planner(switches).planOfTypes(operation);
}

/** Marks a field that needs its resolver. */
const byResolver = Symbol();

class Planner {
  private readonly fieldArguments = new ArgumentCollector();
  private complete = true;
  private columns = 0;
  private size = 0;

  constructor(private readonly switches: Switches) {}

  plan(operation: OperationDefinitionNode): Plan | undefined {
    const { schema, fragments, variables } = this.switches;
    const query = schema.getQueryType()!;
    const selected = collectFields(schema, fragments, variables, query, operation.selectionSet);
    const roots: RootField[] = [];
    for (const [key, nodes] of selected) {
      const root = this.root(key, query, nodes);
      if (root === byResolver) {
        this.complete = false;
        roots.push(...this.ownRoots(query, nodes));
      } else roots.push(root);
    }
    if (roots.every(({ kind }) => kind === "constant")) return undefined;
    return this.planOf(roots);
  }

  planOfRow(model: ModelName, nodes: readonly FieldNode[]): Plan {
    this.complete = false;
    return this.planOf([this.row("", "", modelTypeNamed(model), this.fieldArguments.rowById(), true, nodes)]);
  }

  planOfTypes({ selectionSet }: OperationDefinitionNode): Plan {
    const roots = selectionSet.selections.map((node): RootField => {
      if (node.kind !== Kind.FIELD) throw new Error("The root fields are named by types");
      const [{ value: name }, key] = [node.name, node.alias?.value ?? node.name.value];
      const model = modelTypeNamed(name.replace(/Connection$/, "") as ModelName);
      const given = this.fieldArguments.given(key);
      if (model.name === name) return this.row(key, name, model, given, true, [node]);
      const list = listSelection(model, given);
      // Not every model has a connection type in the schema.
      const fields = (node.selectionSet?.selections ?? []).map((inner): ConnectionField => {
        if (inner.kind !== Kind.FIELD) throw new Error("A list has nodes and totalCount");
        const { value: field } = inner.name;
        if (field === "nodes") {
          const row = rowOf(list);
          return { key: field, name: field, kind: "nodes", row, fields: this.fieldsByType(row, [inner]) };
        }
        return {
          key: field,
          name: field,
          kind: "count",
          index: list.counts.push(this.fieldArguments.exactCount()) - 1,
        };
      });
      return { key, name, column: this.columns++, kind: "many", list, fields };
    });
    return this.planOf(roots);
  }

  private planOf(roots: readonly RootField[]): Plan {
    const { complete, size } = this;
    return { roots, fieldArguments: this.fieldArguments.all, complete, size, strategies: new Map() };
  }

  private root(key: string, query: GraphQLObjectType, nodes: readonly FieldNode[]): RootField | typeof byResolver {
    const name = nodes[0]!.name.value;
    if (name === "__typename") return { key, name, kind: "constant", json: JSON.stringify(query.name) };
    const field = query.getFields()[name];
    const source = field && sourceOf(field);
    if (!field || !source) return byResolver;
    // The resolvers report the missing permission, and answer the other fields from what the plan reads.
    if (!permitsRoot(this.switches.viewer, accessOf(field) ?? [])) return byResolver;
    switch (source.kind) {
      case "one":
        return this.rowRoot(key, modelTypeNamed(source.model), field, nodes, source.where, source.shared);
      case "node": {
        const model = this.modelOfNode(field, nodes[0]!);
        if (!model) return byResolver;
        const byId = ({ id }: Record<string, unknown>): LookUp => ({
          condition: { op: "eq", field: "id", value: id },
          unique: true,
        });
        return this.rowRoot(key, modelTypeNamed(model), field, nodes, byId);
      }
      case "many": {
        const type = modelTypeNamed(source.model);
        const list = this.page(type, field, nodes[0]!);
        return {
          key,
          name,
          column: this.columns++,
          kind: "many",
          list,
          fields: this.connectionFields(getNamedType(field.type) as GraphQLObjectType, nodes, list),
        };
      }
      default:
        return byResolver;
    }
  }

  /** Plannable fields of an object that a resolver returns: the caller's own customer. */
  private ownRoots(query: GraphQLObjectType, nodes: readonly FieldNode[]): RootField[] {
    const { schema, fragments, variables, viewer } = this.switches;
    const field = query.getFields()[nodes[0]!.name.value];
    const object = field && getNamedType(field.type);
    if (viewer.kind !== "customer" || !isObjectType(object)) return [];
    const selected = [...collectSubfields(schema, fragments, variables, object, nodes)];
    return selected.flatMap(([key, inner]): RootField[] => {
      const { name } = inner[0]!;
      const ownField = object.getFields()[name.value];
      if (!ownField || sourceOf(ownField)?.kind !== "own") return [];
      const lookUp = this.fieldArguments.rowWhere({ op: "eq", field: "id", value: viewerFacts.customerId });
      const type = modelTypeNamed(getNamedType(ownField.type).name as ModelName);
      return [this.row(key, name.value, type, lookUp, true, inner)];
    });
  }

  private rowRoot(
    key: string,
    type: ModelType,
    field: GraphQLField<unknown, unknown>,
    nodes: readonly FieldNode[],
    where: (args: Record<string, unknown>) => LookUp,
    shared: readonly string[] = [],
  ): SelectedRoot {
    const lookUp = this.fieldArguments.lookUp(field, nodes[0]!, where);
    const { constant } = this.fieldArguments.all[lookUp]!;
    const unique = constant?.lookUp?.unique ?? this.isUnique(field, nodes[0]!, shared);
    return this.row(key, field.name, type, lookUp, unique, nodes);
  }

  private row(
    key: string,
    name: string,
    type: ModelType,
    fieldArguments: number,
    unique: boolean,
    nodes: readonly FieldNode[],
  ): SelectedRoot {
    const row = new RowSelection(type);
    const fields = this.fieldsByType(row, nodes);
    return { key, name, column: this.columns++, kind: "one", fieldArguments, unique, row, fields };
  }

  /** Whether the key of a look-up by variable is unique; false when unknown. */
  private isUnique(field: GraphQLField<unknown, unknown>, node: FieldNode, shared: readonly string[]): boolean {
    const by = node.arguments?.find(({ name }) => name.value === "by")?.value;
    if (!field.args.some(({ name }) => name === "by")) return true;
    return by?.kind === Kind.OBJECT && by.fields.every(({ name }) => !shared.includes(name.value));
  }

  private modelOfNode(field: GraphQLField<unknown, unknown>, node: FieldNode): ModelName | undefined {
    const { id } = getArgumentValues(field, node, this.switches.variables);
    return modelOfId(id as string);
  }

  /** The selection of a row, per possible object type. */
  private fieldsByType(row: RowSelection, nodes: readonly FieldNode[]): FieldsByType {
    const { schema, fragments, variables } = this.switches;
    const type = schema.getType(row.type.name)!;
    const possible = isAbstractType(type) ? schema.getPossibleTypes(type) : [type as GraphQLObjectType];
    if (row.type.kindField) row.column(row.type.kindField);
    // A relation that several types select in the same way is read once.
    const relations: { key: string; nodes: readonly FieldNode[]; field: RowField }[] = [];
    const fieldOf = (key: string, object: GraphQLObjectType, fieldNodes: readonly FieldNode[]) => {
      const alike = relations.find(
        (known) =>
          known.key === key &&
          known.nodes.length === fieldNodes.length &&
          known.nodes.every((node, i) => node === fieldNodes[i]),
      );
      if (alike) return alike.field;
      const field = this.field(key, row, object, fieldNodes);
      if (possible.length > 1 && field !== byResolver && ["parent", "list", "all"].includes(field.kind)) {
        relations.push({ key, nodes: fieldNodes, field });
      }
      return field;
    };
    return new Map(
      possible.map((object) => {
        const fields: RowField[] = [];
        for (const [key, fieldNodes] of collectSubfields(schema, fragments, variables, object, nodes)) {
          const field = fieldOf(key, object, fieldNodes);
          if (field === byResolver) this.complete = false;
          else fields.push(field);
        }
        return [object.name, fields];
      }),
    );
  }

  private field(
    key: string,
    row: RowSelection,
    object: GraphQLObjectType,
    nodes: readonly FieldNode[],
  ): RowField | typeof byResolver {
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
        return { key, name, kind: "column", column: row.column(source.field), leaf: leafOf(field.type) };
      case "derived":
        return this.derived(key, row, object, field, nodes, source);
      case "parent": {
        const parent = new RowSelection(modelTypeNamed(relationOf(row.model, source.relation).to));
        const fields = this.fieldsByType(parent, nodes);
        return { key, name, kind: "parent", parent: row.parent(source.relation, parent), fields };
      }
      case "list": {
        const type = modelTypeNamed(relationOf(row.model, source.relation).to);
        const list = this.page(type, field, nodes[0]!);
        const fields = this.connectionFields(getNamedType(field.type) as GraphQLObjectType, nodes, list);
        return { key, name, kind: "list", list: row.list(source.relation, list), fields };
      }
      case "all": {
        const type = modelTypeNamed(relationOf(row.model, source.relation).to);
        const list = listSelection(type, this.fieldArguments.first(type, source.limit));
        const entry = rowOf(list);
        const fields = this.fieldsByType(entry, nodes);
        return { key, name, kind: "all", list: row.list(source.relation, list), row: entry, fields };
      }
      default:
        return byResolver;
    }
  }

  private derived(
    key: string,
    row: RowSelection,
    object: GraphQLObjectType,
    field: GraphQLField<unknown, unknown>,
    nodes: readonly FieldNode[],
    { value, needs, other }: Derived,
  ): RowField | typeof byResolver {
    const { name } = field;
    const serialize = this.serializerOf(field.type, nodes);
    if (!serialize) return byResolver;
    if (needs?.length === 0 && !other) {
      const instance = Object.create(rowClass(row.type, object).prototype as object);
      return { key, name, kind: "constant", json: serialize(value(instance, undefined)) };
    }
    for (const column of needs ?? selectedFields(row.model)) row.column(column);
    if (!other) return { key, name, kind: "derived", value, serialize };
    const otherRow = new RowSelection(modelTypeNamed(relationOf(row.model, other.relation).to));
    for (const column of other.needs) otherRow.column(column);
    return { key, name, kind: "derived", value, serialize, other: row.parent(other.relation, otherRow) };
  }

  /** Serialiser of a computed value; undefined if it needs a resolver. */
  private serializerOf(type: GraphQLOutputType, nodes: readonly FieldNode[]): Serialize | undefined {
    if (isNonNullType(type)) {
      const serialize = this.serializerOf(type.ofType, nodes);
      return (
        serialize &&
        ((value) => {
          if (value === null || value === undefined) throw new IrregularError();
          return serialize(value);
        })
      );
    }
    if (isListType(type)) {
      const serialize = this.serializerOf(type.ofType, nodes);
      return serialize && nullable((value) => `[${(value as unknown[]).map(serialize).join(",")}]`);
    }
    if (isLeafType(type)) return nullable((value) => JSON.stringify(type.serialize(value)));
    if (!isObjectType(type)) return undefined;
    const { schema, fragments, variables, viewer } = this.switches;
    const fields: { start: string; name: string; serialize: Serialize }[] = [];
    for (const [key, inner] of collectSubfields(schema, fragments, variables, type, nodes)) {
      this.size++;
      const name = inner[0]!.name.value;
      const start = `${fields.length ? "," : ""}${JSON.stringify(key)}:`;
      if (name === "__typename") {
        fields.push({ start: `${start}${JSON.stringify(type.name)}`, name, serialize: () => "" });
        continue;
      }
      const field = type.getFields()[name]!;
      const access = accessOf(field);
      if (field.args.length || sourceOf(field) || (access && !permits(viewer, access))) return undefined;
      const serialize = this.serializerOf(field.type, inner);
      if (!serialize) return undefined;
      fields.push({ start, name, serialize });
    }
    return nullable((value) => {
      let text = "{";
      for (const { start, name, serialize } of fields) {
        const inner = (value as Record<string, unknown>)[name];
        if (typeof inner === "function") throw new IrregularError();
        text += start + serialize(inner);
      }
      return `${text}}`;
    });
  }

  private page(type: ModelType, field: GraphQLField<unknown, unknown>, node: FieldNode): ListSelection {
    const maximum = this.switches.maximumPageSize ?? maximumPageSizeOf(this.switches.viewer);
    return listSelection(type, this.fieldArguments.list(type, field, node, maximum));
  }

  /** The selection of a page. `nodes` and `edges` share one row selection. */
  private connectionFields(
    connection: GraphQLObjectType,
    nodes: readonly FieldNode[],
    list: ListSelection,
  ): ConnectionField[] {
    return this.selected(connection, nodes, (key, name, inner): ConnectionField => {
      switch (name) {
        case "nodes": {
          const row = rowOf(list);
          return { key, name, kind: "nodes", row, fields: this.fieldsByType(row, inner) };
        }
        case "edges": {
          const row = rowOf(list);
          return { key, name, kind: "edges", row, fields: this.edgeFields(connection, inner, row, list) };
        }
        case "pageInfo": {
          const row = rowOf(list);
          const fields = this.pageInfoFields(connection, inner, row, list, nodes[0]!);
          return { key, name, kind: "pageInfo", row, fields };
        }
        default: {
          const atMost = this.fieldArguments.count(connection.getFields().totalCount!, inner[0]!);
          return { key, name, kind: "count", index: list.counts.push(atMost) - 1 };
        }
      }
    });
  }

  private edgeFields(
    connection: GraphQLObjectType,
    nodes: readonly FieldNode[],
    row: RowSelection,
    list: ListSelection,
  ): EdgeField[] {
    const edge = getNamedType(connection.getFields().edges!.type) as GraphQLObjectType;
    return this.selected(edge, nodes, (key, name, inner): EdgeField => {
      if (name === "node") return { key, name, kind: "node", fields: this.fieldsByType(row, inner) };
      this.cursorColumns(row, list);
      return { key, name, kind: "cursor" };
    });
  }

  private pageInfoFields(
    connection: GraphQLObjectType,
    nodes: readonly FieldNode[],
    row: RowSelection,
    list: ListSelection,
    listNode: FieldNode,
  ): PageInfoField[] {
    const pageInfo = getNamedType(connection.getFields().pageInfo!.type) as GraphQLObjectType;
    return this.selected(pageInfo, nodes, (key, name): PageInfoField => {
      if (name.endsWith("Cursor")) this.cursorColumns(row, list);
      else list.extraRow = true;
      // After an offset, an empty page has a previous page if the list is not empty.
      if (name === "hasPreviousPage" && listNode.arguments?.some((argument) => argument.name.value === "offset")) {
        list.any ??= list.counts.push(this.fieldArguments.fixedCount(1)) - 1;
      }
      if (!row.selected.length) row.column("id");
      return { key, name, kind: "pageInfo" };
    });
  }

  /** The selected fields of a plain object. */
  private selected<T>(
    object: GraphQLObjectType,
    nodes: readonly FieldNode[],
    field: (key: string, name: string, nodes: readonly FieldNode[]) => T,
  ): (T | ConstantField)[] {
    const { schema, fragments, variables } = this.switches;
    return [...collectSubfields(schema, fragments, variables, object, nodes)].map(([key, inner]) => {
      this.size++;
      const name = inner[0]!.name.value;
      if (name !== "__typename") return field(key, name, inner);
      return { key, name, kind: "constant", json: JSON.stringify(object.name) };
    });
  }

  /** Cursor columns: those of the sort order, or of all sortable fields if it is a variable. */
  private cursorColumns(row: RowSelection, { fieldArguments }: ListSelection) {
    const { constant } = this.fieldArguments.all[fieldArguments]!;
    const orderFields = constant?.list?.order.map(({ field }) => field);
    for (const field of orderFields ?? [...row.type.sortable, ...row.type.defaultOrder.map((key) => key.field), "id"]) {
      row.column(field);
    }
  }
}

function listSelection(type: ModelType, fieldArguments: number): ListSelection {
  return { type, fieldArguments, extraRow: false, counts: [] };
}

/** The row selection of a list. */
function rowOf(list: ListSelection): RowSelection {
  list.row ??= new RowSelection(list.type);
  return list.row;
}

function nullable(serialize: Serialize): Serialize {
  return (value) => (value === null || value === undefined ? "null" : serialize(value));
}

/** A field that is a getter of the row's class. */
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

/** The class of the rows with an object type. */
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

/** Switching variables of a document: those of `@skip` and `@include`, and the ids of `node`. */
export function switchVariables(document: DocumentNode): string[] {
  const names = new Set<string>();
  const add = (node: FieldNode["arguments"] | undefined) => {
    for (const { value } of node ?? []) if (value.kind === Kind.VARIABLE) names.add(value.name.value);
  };
  const switching = [GraphQLSkipDirective.name, GraphQLIncludeDirective.name];
  visit(document, {
    Directive: (node) => {
      if (switching.includes(node.name.value)) add(node.arguments);
    },
    Field: (node) => {
      if (node.name.value === "node") add(node.arguments);
    },
  });
  return [...names].sort();
}

/** Cache key of a switching variable: values with equal keys have the same plan. Only the model of an id matters. */
export function switchKey(value: unknown): string {
  return typeof value === "string" ? (modelOfId(value) ?? "") : String(value);
}
