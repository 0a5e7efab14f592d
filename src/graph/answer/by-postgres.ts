import { timeSql } from "../model/times.js";
import type { Rows } from "../sql/statement.js";
import { type Plan, selectedRoots } from "./plan.js";
import type {
  ConnectionField,
  FieldsByType,
  ListSelection,
  RowField,
  RowSelection,
  SelectedColumn,
  SelectedRoot,
} from "./selection.js";
import type { SelectionSql } from "./selection-sql.js";
import type { Read, Strategy } from "./strategy.js";
import { columnBytes, otherBytes, type RowWeight } from "./weight.js";

/** Maximum length of identifiers in PostgreSQL. */
const maximumName = 63;
/** json_build_object takes at most 100 arguments, two per field. */
const maximumAliased = 50;

/** Strategy `postgres`: PostgreSQL builds the JSON of the response; undefined if a value needs code. */
export function byPostgres(plan: Plan): Strategy | undefined {
  if (!plan.complete) return undefined;
  const weights: RowWeight[] = [];
  const compiler = new Compiler(weights);
  const roots = allDefined(selectedRoots(plan).map((root) => compiler.root(root)));
  return (
    roots && {
      name: "postgres",
      plan,
      weights,
      rootSql: ({ column }, sql) => roots[column]!(sql),
      answer: (read) => chunksOf(plan, read),
    }
  );
}

/** The response in chunks: the JSON texts of PostgreSQL, which may be long, between the keys of the root fields. */
function chunksOf({ roots }: Plan, read: Read): string[] {
  const chunks: string[] = [];
  for (const root of roots) {
    chunks.push(`${chunks.length ? "," : "{"}${JSON.stringify(root.key)}:`);
    chunks.push(root.kind === "constant" ? root.json : (read[root.column] ?? "null"));
  }
  chunks.push("}");
  return chunks;
}

/** SQL expression of a field, over a row alias or the rows of a list. */
interface Compiled<Source> {
  readonly key: string;
  /** Whether the response key is an alias, or too long for a column name. */
  readonly alias: boolean;
  /** Usual maximum size of the field in its object. */
  readonly bytes: number;
  readonly sql: (sql: SelectionSql, source: Source) => string;
}

/** SQL of an object: a column per field or, if there are aliases, a single JSON column. */
interface CompiledObject {
  readonly aliased: boolean;
  readonly bytes: number;
  readonly columns: (sql: SelectionSql, alias: string) => string;
}

/** Compiles the selected fields to SQL and weights; undefined if one needs code. */
class Compiler {
  constructor(private readonly weights: RowWeight[]) {}

  root(root: SelectedRoot): ((sql: SelectionSql) => string) | undefined {
    if (root.kind === "many") {
      const list = this.connection(root.list, root.fields, []);
      return list && ((sql) => `SELECT ${list(sql, sql.rootRows(root.list))}`);
    }
    const object = root.unique ? this.object(root.row, root.fields, []) : undefined;
    if (!object) return undefined;
    this.weights.push({ lists: [], bytes: object.bytes });
    return (sql) => {
      const { alias, source } = sql.rootRow(root);
      return objectSql(object, sql, alias, source);
    };
  }

  private object(row: RowSelection, fields: FieldsByType, lists: readonly number[]): CompiledObject | undefined {
    const [selected, ...ofOtherTypes] = [...fields.values()];
    if (!selected?.length || !ofOtherTypes.every((other) => areAlike(selected, other))) return undefined;
    const compiled = allDefined(selected.map((field) => this.field(row, field, lists)));
    if (!compiled) return undefined;
    const aliased = compiled.some(({ alias }) => alias);
    if (aliased && compiled.length > maximumAliased) return undefined;
    const bytes = compiled.reduce((sum, field) => sum + field.key.length + otherBytes + field.bytes, 0);
    const columns = (sql: SelectionSql, alias: string) => {
      const values = compiled.map((field) => field.sql(sql, alias));
      if (!aliased) return compiled.map(({ key }, i) => `${values[i]} AS "${key}"`).join(", ");
      return `json_build_object(${compiled.map((field, i) => `${keySql(field, sql)}, ${values[i]}`).join(", ")}) AS j`;
    };
    return { aliased, bytes, columns };
  }

  private field(row: RowSelection, field: RowField, lists: readonly number[]): Compiled<string> | undefined {
    const { key } = field;
    const { model } = row;
    const named = { key, alias: isAlias(field), bytes: 0 };
    switch (field.kind) {
      case "constant":
        return { ...named, bytes: field.json.length, sql: (sql) => sql.parameters.add(field.json, "json") };
      case "column": {
        const { column, leaf } = field;
        // Null in a non-null field is an error, which the resolvers report.
        if (model.columns[column.field]!.nullable && !leaf.nullable) return undefined;
        const bytes = columnBytes(model, column.field);
        const value = columnSql(row, column);
        if (leaf.kind !== "enum") return { ...named, bytes, sql: value };
        const isUpperCase = [...leaf.names!].every(([value, name]) => name === JSON.stringify(value.toUpperCase()));
        return isUpperCase ? { ...named, bytes, sql: (sql, alias) => `upper(${value(sql, alias)}::text)` } : undefined;
      }
      case "parent": {
        const { parent } = field;
        const object = this.object(parent.row, field.fields, lists);
        if (!object) return undefined;
        return {
          ...named,
          bytes: object.bytes,
          sql: (sql, owner) => {
            const { alias, source } = sql.parent(parent, model, owner);
            return `(${objectSql(object, sql, alias, source)})`;
          },
        };
      }
      case "list": {
        const { relation, list } = field.list;
        const connection = this.connection(list, field.fields, lists);
        return connection && { ...named, sql: (sql, owner) => connection(sql, sql.related(model, relation, owner)) };
      }
      case "all": {
        const { relation, list } = field.list;
        const page = this.page(list, field.row, field.fields, lists);
        return page && { ...named, sql: (sql, owner) => page(sql, sql.related(model, relation, owner)) };
      }
      case "derived":
        return undefined;
    }
  }

  private connection(list: ListSelection, fields: readonly ConnectionField[], lists: readonly number[]) {
    if (fields.length > maximumAliased) return undefined;
    const compiled = allDefined(fields.map((field) => this.connectionField(list, field, lists)));
    return (
      compiled &&
      ((sql: SelectionSql, rows: Rows) =>
        `json_build_object(${compiled.map((field) => `${keySql(field, sql)}, ${field.sql(sql, rows)}`).join(", ")})`)
    );
  }

  private connectionField(
    list: ListSelection,
    field: ConnectionField,
    lists: readonly number[],
  ): Compiled<Rows> | undefined {
    const named = { key: field.key, alias: field.key !== field.name, bytes: 0 };
    switch (field.kind) {
      case "constant":
        return { ...named, sql: (sql) => sql.parameters.add(field.json, "json") };
      case "count":
        return { ...named, sql: (sql, rows) => sql.count(list, field.index, rows) };
      case "nodes": {
        const page = this.page(list, field.row, field.fields, lists);
        return page && { ...named, sql: page };
      }
      default:
        return undefined;
    }
  }

  /** The rows of a page as an array of objects. */
  private page(list: ListSelection, row: RowSelection, fields: FieldsByType, outer: readonly number[]) {
    const lists = [...outer, list.fieldArguments];
    const object = this.object(row, fields, lists);
    if (!object) return undefined;
    this.weights.push({ lists, bytes: object.bytes });
    return (sql: SelectionSql, rows: Rows) => {
      const select = (alias: string) => object.columns(sql, alias);
      const page = () => sql.page(list, row, rows, { selected: row.selected, extraRow: list.extraRow, select });
      return `(${sql.collected(object.aliased ? "x.j" : "x", page)})`;
    };
  }
}

function objectSql({ aliased, columns }: CompiledObject, sql: SelectionSql, alias: string, source: string): string {
  const object = `SELECT ${columns(sql, alias)} FROM ${source}`;
  return aliased ? object : `SELECT row_to_json(x) FROM (${object}) x`;
}

function columnSql({ model }: RowSelection, { field }: SelectedColumn) {
  return (sql: SelectionSql, alias: string) => sql.column(model, field, alias, timeSql);
}

/** The key of a field: its own name is inlined in the SQL; an alias is client input and becomes a parameter. */
function keySql({ key, alias }: { key: string; alias: boolean }, sql: SelectionSql): string {
  return alias ? sql.parameters.add(key, "text") : `'${key}'`;
}

function isAlias({ key, name }: RowField): boolean {
  return key !== name || key.length > maximumName;
}

/** Whether the fields of two object types compile to the same SQL. */
function areAlike(fields: readonly RowField[], others: readonly RowField[]): boolean {
  return (
    fields.length === others.length &&
    fields.every((field, i) => {
      const other = others[i]!;
      if (field === other) return true;
      if (field.key !== other.key || isAlias(field) !== isAlias(other)) return false;
      if (field.kind === "constant") return other.kind === "constant" && field.json === other.json;
      if (field.kind !== "column" || other.kind !== "column") return false;
      const { column, leaf } = other;
      return field.column === column && field.leaf.kind === leaf.kind && field.leaf.nullable === leaf.nullable;
    })
  );
}

function allDefined<T>(values: readonly (T | undefined)[]): T[] | undefined {
  return values.every((value) => value !== undefined) ? (values as T[]) : undefined;
}
