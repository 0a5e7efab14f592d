import { columnOf, type Model, modelNamed, relationOf } from "../model/datamodel.js";
import { exactTimeSql, timeSql } from "../model/times.js";
import { type Condition, conditionSql, type RowRule } from "../sql/condition.js";
import type { Page } from "../sql/page.js";
import { Parameters, type Run, Slot } from "../sql/parameters.js";
import { countSql, pageSql, type Rows, relatedRows, selectedFields } from "../sql/statement.js";

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

/** Has the statement measure its pages, or their rows too, and end when all it holds is larger than the maximum. */
export interface Measure {
  rows: boolean;
  maximumBytes: number;
}

/**
 * One statement for a whole tree: a column of JSON text per root. Shared, it has a row for each run, with the run's
 * number, from 1, behind the roots. With `shapes` PostgreSQL writes the answer's own objects; with `whole` it reads all
 * columns of every row, before its other parts. With `measure` it ends with an error when it has made too much.
 */
export function treeStatement(
  roots: readonly RootTree[],
  args: readonly SiteArgs[],
  rule: RowRule,
  options: { shared?: boolean; shapes?: readonly RootShape[]; whole?: boolean; measure?: Measure } = {},
): TreeStatement {
  const sql = new TreeSql(args, rule, options.whole ?? false, new Parameters(options.shared), options.measure);
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

class TreeSql {
  constructor(
    private readonly args: readonly SiteArgs[],
    private readonly rule: RowRule,
    private readonly whole: boolean,
    readonly parameters: Parameters,
    private readonly measure?: Measure,
  ) {}

  /** How many lists the SQL that is being written lies in. */
  private depth = 0;

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
    if (shape?.kind === "one") return this.oneObject(root.row, shape.shape, alias, source);
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
        return this.column(model, part.field, alias, exactTimeSql);
      case "parent": {
        const { other, source } = this.parent(part, model, alias);
        return `(SELECT ${this.array(part.row, other)} FROM ${source})`;
      }
      case "list":
        return this.list(part.list, relatedRows(model, part.relation, alias, this.parameters));
    }
  }

  private column(model: Model, field: string, alias: string, time: (column: string) => string): string {
    const column = columnOf(model, field);
    const sql = `${alias}."${column.column}"`;
    return column.type === "DateTime" ? time(sql) : sql;
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
    return `(${this.collected("x.j", () => this.page(list, row, rows, (alias) => `${this.array(row, alias)} j`))})`;
  }

  /** The rows `x` of a page as a JSON array of `element`; measured if it has to be. */
  private collected(element: "x" | "x.j", page: () => string): string {
    if (!this.measure) return `SELECT coalesce(json_agg(${element}), '[]') FROM (${page()}) x`;
    const { rows, maximumBytes } = this.measure;
    const level = 2 * ++this.depth;
    const check = (json: string, at: number) =>
      `check_result_size(octet_length((${json})::text), ${at}, ${maximumBytes})`;
    let found = page();
    let filter = "";
    if (rows) {
      // Without OFFSET the row would be written a second time, to be measured.
      found = `SELECT ${element === "x" ? "row_to_json(x)" : element} j FROM (${found}) x OFFSET 0`;
      filter = ` FILTER (WHERE ${check("x.j", level + 1)})`;
    }
    this.depth--;
    const array = `SELECT coalesce(json_agg(${rows ? "x.j" : element})${filter}, '[]') j FROM (${found}) x`;
    return `SELECT CASE WHEN ${check("a.j", level)} THEN a.j END FROM (${array}) a`;
  }

  private page(list: ListTree, row: RowTree, rows: Rows, select: (alias: string) => string): string {
    const { page } = this.args[list.site] as { page: Page };
    const fields = columnsRead(row.model, this.partsOf(row));
    return pageSql(rows, page, this.parameters, this.rule, list.beyond || this.whole, { fields, select });
  }

  private count({ site, counts }: ListTree, index: number, rows: Rows): string {
    const { page } = this.args[site] as { page: Page };
    const { atMost } = this.args[counts[index]!] as { atMost: number | Slot | undefined };
    return `(${countSql(rows, page.filter, atMost, this.parameters, this.rule)})`;
  }

  /** What an object of a shape is made from: a column for each field or, where there are aliases, one of JSON. */
  private object(row: RowTree, shape: ObjectShape, alias: string): string {
    const values = shape.fields.map((field) => this.fieldValue(row, field, alias));
    if (!hasAlias(shape)) return shape.fields.map((field, i) => `${values[i]} AS "${field.key}"`).join(", ");
    const pairs = shape.fields.map((field, i) => `${this.key(field)}, ${values[i]}`);
    return `json_build_object(${pairs.join(", ")}) AS j`;
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
        const sql = this.column(model, part.field, alias, timeSql);
        return value.kind === "part" && value.enum ? `upper(${sql}::text)` : sql;
      }
      case "parent": {
        const { shape } = value as { shape: ObjectShape };
        const { other, source } = this.parent(part, model, alias);
        return `(${this.oneObject(part.row, shape, other, source)})`;
      }
      case "list": {
        const rows = relatedRows(model, part.relation, alias, this.parameters);
        if (value.kind === "list") return this.listObject(part.list, value.fields, rows);
        return `(${this.objectsOfPage(part.list, (value as { shape: ObjectShape }).shape, rows)})`;
      }
    }
  }

  private oneObject(row: RowTree, shape: ObjectShape, alias: string, source: string): string {
    const object = `SELECT ${this.object(row, shape, alias)} FROM ${source}`;
    return hasAlias(shape) ? object : `SELECT row_to_json(x) FROM (${object}) x`;
  }

  private objectsOfPage(list: ListTree, shape: ObjectShape, rows: Rows): string {
    return this.collected(hasAlias(shape) ? "x.j" : "x", () =>
      this.page(list, list.row!, rows, (alias) => this.object(list.row!, shape, alias)),
    );
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

function hasAlias({ fields }: ObjectShape): boolean {
  return fields.some(({ alias }) => alias);
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
