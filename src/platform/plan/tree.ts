import { columnOf, type Model, modelNamed, relationOf } from "../database/datamodel.js";
import { type Condition, conditionSql, type RowRule } from "./condition.js";
import type { Page } from "./page.js";
import { Parameters, type Run, Slot } from "./parameters.js";
import { countSql, pageSql, type Rows, relatedRows, selectedFields } from "./statement.js";

/** What to read of each row, and of what hangs on it: a JSON array with an element for each part. */
export interface RowTree {
  readonly model: Model;
  readonly parts: readonly Part[];
}

export type Part =
  | { kind: "column"; field: string }
  | { kind: "parent"; relation: string; row: RowTree }
  | { kind: "list"; relation: string; list: ListTree };

/** What to read of a list: `[rows, count, …]`, or the rows alone where nothing is counted. */
export interface ListTree {
  /** The place of its arguments. */
  readonly site: number;
  /** Absent when the list is only counted. */
  readonly row?: RowTree;
  /** Whether to read one row more than the page holds, to learn whether there are more. */
  readonly beyond: boolean;
  /** The places of the limits up to which to count. */
  readonly counts: readonly number[];
}

/** What a root field reads. One row comes as itself or null; where several would be an error, as a list of up to two. */
export type RootTree =
  | { kind: "one"; site: number; unique: boolean; row: RowTree }
  | { kind: "many"; model: Model; list: ListTree };

/** The JSON objects of an answer, as PostgreSQL can make them: a key for each field, in order. */
export interface ObjectShape {
  readonly fields: readonly ObjectField[];
}
export interface ObjectField {
  readonly key: string;
  /** The field's name where the client gave it another key. */
  readonly alias: boolean;
  readonly value:
    | { kind: "constant"; json: string }
    | { kind: "part"; part: number; shape?: ObjectShape; enum?: true }
    | { kind: "list"; part: number; fields: readonly ListField[] }
    | { kind: "rows"; part: number; shape: ObjectShape };
}
export interface ListField {
  readonly key: string;
  readonly alias: boolean;
  readonly value:
    | { kind: "constant"; json: string }
    | { kind: "nodes"; shape: ObjectShape }
    | { kind: "count"; index: number };
}
export type RootShape = { kind: "one"; shape: ObjectShape } | { kind: "many"; fields: readonly ListField[] };

/** What the arguments of a field come to in SQL: values or slots. */
export type SiteArgs = { page: Page } | { condition: Condition } | { atMost: number | Slot | undefined };

export interface TreeStatement {
  text: string;
  /** Constants and, unless it is shared, slots. */
  values: readonly unknown[];
  /** The slots of a shared statement: given as arrays, one element per run, behind the values. */
  columns: readonly { slot: Slot; type: string }[];
}

/**
 * One statement for a whole tree: a column of JSON text per root. Shared, it has a row for each run, with the run's
 * number, from 1, behind the roots. With `shapes` PostgreSQL writes the answer's own objects; with `whole` it reads all
 * columns of every row, before its other parts.
 */
export function treeStatement(
  roots: readonly RootTree[],
  args: readonly SiteArgs[],
  rule: RowRule,
  options: { shared?: boolean; shapes?: readonly RootShape[]; whole?: boolean } = {},
): TreeStatement {
  const sql = new TreeSql(args, rule, options.whole ?? false, new Parameters(options.shared));
  const columns = roots.map((root, i) => `(${sql.root(root, options.shapes?.[i])})::text`);
  const { parameters } = sql;
  const text = options.shared
    ? `SELECT ${columns.join(", ")}, r.n::int FROM ${parameters.runsTable()}`
    : `SELECT ${columns.join(", ")}`;
  return { text, values: parameters.values, columns: parameters.columns };
}

/** The values of a statement for one run. */
export function valuesFor({ values }: TreeStatement, run: Run): unknown[] {
  return values.map((value) => (value instanceof Slot ? value.valueFor(run) : value));
}

/** Functions take at most 100 arguments in PostgreSQL. */
export const maximumParts = 90;

/** A moment as the API writes it. */
function momentSql(column: string): string {
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

class TreeSql {
  constructor(
    private readonly args: readonly SiteArgs[],
    private readonly rule: RowRule,
    private readonly whole: boolean,
    readonly parameters: Parameters,
  ) {}

  root(root: RootTree, shape: RootShape | undefined): string {
    const alias = this.parameters.alias();
    if (root.kind === "many") {
      const rows: Rows = { model: root.model, alias, source: `"${root.model.table}" ${alias}`, joins: [] };
      return `SELECT ${shape?.kind === "many" ? this.listObject(root.list, shape.fields, rows) : this.list(root.list, rows)}`;
    }
    const { model } = root.row;
    const { condition } = this.args[root.site] as { condition: Condition };
    const where = [condition, this.rule(model.name)].map((part) => this.condition(part, model, alias));
    const source = `"${model.table}" ${alias} WHERE ${where.join(" AND ")}`;
    if (shape?.kind === "one") return this.objects(root.row, shape.shape, alias, source, false);
    if (root.unique) return `SELECT ${this.array(root.row, alias)} FROM ${source}`;
    return `SELECT json_agg(x.j) FROM (SELECT ${this.array(root.row, alias)} j FROM ${source} LIMIT 2) x`;
  }

  private condition(condition: Condition, model: Model, alias: string) {
    return conditionSql(condition, model, alias, this.parameters, this.rule);
  }

  /** A row as an array of its parts; of more than 90 as an array of arrays. */
  private array(row: RowTree, alias: string): string {
    const parts = this.partsOf(row).map((part) => this.part(part, row.model, alias));
    if (parts.length <= maximumParts) return `json_build_array(${parts.join(", ")})`;
    const chunks: string[] = [];
    for (let i = 0; i < parts.length; i += maximumParts) {
      chunks.push(`json_build_array(${parts.slice(i, i + maximumParts).join(", ")})`);
    }
    return `json_build_array(${chunks.join(", ")})`;
  }

  private partsOf(row: RowTree): readonly Part[] {
    return this.whole ? wholeParts(row) : row.parts;
  }

  private part(part: Part, model: Model, alias: string): string {
    switch (part.kind) {
      case "column":
        return this.column(model, part.field, alias);
      case "parent": {
        const { other, source } = this.parent(part, model, alias);
        return `(SELECT ${this.array(part.row, other)} FROM ${source})`;
      }
      case "list":
        return this.list(part.list, relatedRows(model, part.relation, alias, this.parameters));
    }
  }

  private column(model: Model, field: string, alias: string): string {
    const column = columnOf(model, field);
    const sql = `${alias}."${column.column}"`;
    return column.type === "DateTime" ? momentSql(sql) : sql;
  }

  /** The row at the other end of a to-one relation. */
  private parent({ relation, row }: Extract<Part, { kind: "parent" }>, model: Model, alias: string) {
    const { key, to } = relationOf(model, relation);
    const other = this.parameters.alias();
    const target = modelNamed(to);
    const visible = this.condition(this.rule(to), row.model, other);
    const where = `${other}."id" = ${alias}."${columnOf(model, key!).column}" AND ${visible}`;
    return { other, source: `"${target.table}" ${other} WHERE ${where}` };
  }

  private list(list: ListTree, rows: Rows): string {
    const found = list.row ? this.rows(list, list.row, rows) : "NULL";
    if (!list.counts.length && !this.whole) return found;
    return `json_build_array(${[found, ...list.counts.map((_, i) => this.count(list, i, rows))].join(", ")})`;
  }

  private rows(list: ListTree, row: RowTree, rows: Rows): string {
    const page = this.parameters.alias();
    return `(SELECT coalesce(json_agg(${this.array(row, page)}), '[]') FROM (${this.page(list, row, rows)}) ${page})`;
  }

  private page(list: ListTree, row: RowTree, rows: Rows): string {
    const { page } = this.args[list.site] as { page: Page };
    const fields = columnsRead(row.model, this.partsOf(row));
    return pageSql(rows, page, this.parameters, this.rule, { fields, beyond: list.beyond || this.whole });
  }

  private count({ site, counts }: ListTree, index: number, rows: Rows): string {
    const { page } = this.args[site] as { page: Page };
    const { atMost } = this.args[counts[index]!] as { atMost: number | Slot | undefined };
    return `(${countSql(rows, page.filter, atMost, this.parameters, this.rule)})`;
  }

  /** Objects of a shape, from rows behind `alias`: all of them as an array, or the only one. */
  private objects(row: RowTree, shape: ObjectShape, alias: string, source: string, many: boolean): string {
    const values = shape.fields.map((field) => this.fieldValue(row, field, alias));
    if (shape.fields.some((field) => field.alias)) {
      const pairs = shape.fields.map((field, i) => `${this.key(field)}, ${values[i]}`);
      const object = `json_build_object(${pairs.join(", ")})`;
      return `SELECT ${many ? `coalesce(json_agg(${object}), '[]')` : object} FROM ${source}`;
    }
    const columns = shape.fields.map((field, i) => `${values[i]} AS "${field.key}"`);
    const object = many ? "coalesce(json_agg(x), '[]')" : "row_to_json(x)";
    return `SELECT ${object} FROM (SELECT ${columns.join(", ")} FROM ${source}) x`;
  }

  /** A field's own name stands in the text; an alias is the client's word and becomes a value. */
  private key({ key, alias }: { key: string; alias: boolean }): string {
    return alias ? this.parameters.add(key, "text") : `'${key}'`;
  }

  private fieldValue({ model, parts }: RowTree, { value }: ObjectField, alias: string): string {
    if (value.kind === "constant") return this.parameters.add(value.json, "json");
    const part = parts[value.part]!;
    switch (part.kind) {
      case "column": {
        const sql = this.column(model, part.field, alias);
        return value.kind === "part" && value.enum ? `upper(${sql}::text)` : sql;
      }
      case "parent": {
        const { shape } = value as { shape: ObjectShape };
        const { other, source } = this.parent(part, model, alias);
        return `(${this.objects(part.row, shape, other, source, false)})`;
      }
      case "list": {
        const rows = relatedRows(model, part.relation, alias, this.parameters);
        if (value.kind === "list") return this.listObject(part.list, value.fields, rows);
        return `(${this.objectsOfPage(part.list, (value as { shape: ObjectShape }).shape, rows)})`;
      }
    }
  }

  private objectsOfPage(list: ListTree, shape: ObjectShape, rows: Rows): string {
    const page = this.parameters.alias();
    return this.objects(list.row!, shape, page, `(${this.page(list, list.row!, rows)}) ${page}`, true);
  }

  private listObject(list: ListTree, fields: readonly ListField[], rows: Rows): string {
    const pairs = fields.map((field) => `${this.key(field)}, ${this.listValue(list, field, rows)}`);
    return `json_build_object(${pairs.join(", ")})`;
  }

  private listValue(list: ListTree, { value }: ListField, rows: Rows): string {
    switch (value.kind) {
      case "constant":
        return this.parameters.add(value.json, "json");
      case "count":
        return this.count(list, value.index, rows);
      case "nodes":
        return `(${this.objectsOfPage(list, value.shape, rows)})`;
    }
  }
}

/** All columns of a row, and then the parts that are no columns. */
export function wholeParts({ model, parts }: RowTree): Part[] {
  const columns = selectedFields(model).map((field): Part => ({ kind: "column", field }));
  return [...columns, ...parts.filter(({ kind }) => kind !== "column")];
}

/** The columns that parts read: their own, and the keys of the relations. */
function columnsRead(model: Model, parts: readonly Part[]): string[] {
  const fields = parts.map((part) => {
    if (part.kind === "column") return part.field;
    return part.kind === "parent" ? relationOf(model, part.relation).key! : "id";
  });
  return fields.length ? [...new Set(fields)] : ["id"];
}
