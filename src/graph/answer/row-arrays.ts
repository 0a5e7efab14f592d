import { columnOf } from "../model/datamodel.js";
import { exactTimeSql, parseExactTime } from "../model/times.js";
import type { ModelType } from "../schema/model.js";
import { type Rows, selectedFields } from "../sql/statement.js";
import { type Plan, selectedRoots } from "./plan.js";
import type { ColumnOrRelation, ListSelection, RowSelection, SelectedRoot } from "./selection.js";
import type { SelectionSql } from "./selection-sql.js";
import { columnBytes, type RowWeight } from "./weight.js";

type Row = Record<string, unknown>;

/** Functions take at most 100 arguments in PostgreSQL. */
const maximumElements = 90;

/**
 * Reads rows as JSON arrays with an element for each column and relation: for strategies that make the answer of rows. A
 * list is `[rows, count, …]`; where nothing is counted, the rows alone unless they are read whole, with all columns.
 */
export class RowArrays {
  private readonly wholeRows = new Map<RowSelection, readonly ColumnOrRelation[]>();

  constructor(private readonly whole: boolean) {}

  /** What is read of a row, in the order of the array: all columns, if it is read whole, and then the relations. */
  selectedOf(row: RowSelection): readonly ColumnOrRelation[] {
    if (!this.whole) return row.selected;
    let all = this.wholeRows.get(row);
    if (!all) {
      const columns = selectedFields(row.model).map((field) => ({ kind: "column" as const, field }));
      const relations = row.selected.filter(({ kind }) => kind !== "column");
      all = [...columns, ...relations].map((one, index): ColumnOrRelation => ({ ...one, index }));
      this.wholeRows.set(row, all);
    }
    return all;
  }

  /** How the values of a row come out of its JSON: they lie in chunks where there are many. */
  valuesOf(row: RowSelection): (read: unknown) => readonly unknown[] {
    if (this.selectedOf(row).length <= maximumElements) return (read) => read as readonly unknown[];
    return (read) => (read as unknown[][]).flat();
  }

  rootSql(root: SelectedRoot, sql: SelectionSql): string {
    if (root.kind === "many") return `SELECT ${this.list(root.list, sql.rootRows(root.list), sql)}`;
    const { alias, source } = sql.rootRow(root);
    if (root.unique) return `SELECT ${this.row(root.row, alias, sql)} FROM ${source}`;
    return `SELECT json_agg(x.j) FROM (SELECT ${this.row(root.row, alias, sql)} j FROM ${source} LIMIT 2) x`;
  }

  private row(row: RowSelection, alias: string, sql: SelectionSql): string {
    const elements = this.selectedOf(row).map((one) => this.element(one, row, alias, sql));
    if (elements.length <= maximumElements) return `json_build_array(${elements.join(", ")})`;
    const chunks: string[] = [];
    for (let i = 0; i < elements.length; i += maximumElements) {
      chunks.push(`json_build_array(${elements.slice(i, i + maximumElements).join(", ")})`);
    }
    return `json_build_array(${chunks.join(", ")})`;
  }

  private element(one: ColumnOrRelation, { model }: RowSelection, alias: string, sql: SelectionSql): string {
    switch (one.kind) {
      case "column":
        return sql.column(model, one.field, alias, exactTimeSql);
      case "parent": {
        const other = sql.parent(one, model, alias);
        return `(SELECT ${this.row(one.row, other.alias, sql)} FROM ${other.source})`;
      }
      case "list":
        return this.list(one.list, sql.related(model, one.relation, alias), sql);
    }
  }

  private list(list: ListSelection, rows: Rows, sql: SelectionSql): string {
    const { row, counts } = list;
    const found = row ? this.page(list, row, rows, sql) : "NULL";
    if (!counts.length && !this.whole) return found;
    return `json_build_array(${[found, ...counts.map((_, i) => sql.count(list, i, rows))].join(", ")})`;
  }

  private page(list: ListSelection, row: RowSelection, rows: Rows, sql: SelectionSql): string {
    const selected = this.selectedOf(row);
    const extraRow = list.extraRow || this.whole;
    const select = (alias: string) => `${this.row(row, alias, sql)} j`;
    return `(${sql.collected("x.j", () => sql.page(list, row, rows, { selected, extraRow, select }))})`;
  }

  weights(plan: Plan): RowWeight[] {
    const weights: RowWeight[] = [];
    const bytesOf = (row: RowSelection, lists: readonly number[]): number => {
      let bytes = 0;
      for (const one of this.selectedOf(row)) {
        if (one.kind === "column") bytes += columnBytes(row.model, one.field);
        else if (one.kind === "parent") bytes += bytesOf(one.row, lists);
        else ofList(one.list, lists);
      }
      return bytes;
    };
    const ofList = ({ row, fieldArguments }: ListSelection, outer: readonly number[]) => {
      if (!row) return;
      const lists = [...outer, fieldArguments];
      weights.push({ lists, bytes: bytesOf(row, lists) });
    };
    for (const root of selectedRoots(plan)) {
      if (root.kind === "many") ofList(root.list, []);
      else weights.push({ lists: [], bytes: bytesOf(root.row, []) });
    }
    return weights;
  }
}

/** Makes rows, instances of their class, from the values that were read; for rows of several types, of `object`. */
export function instantiate(
  type: ModelType,
  selected: readonly ColumnOrRelation[],
  object?: string,
): (values: readonly unknown[]) => Row {
  const make = columnsOf(type, selected);
  const prototype = object === undefined ? undefined : (type.classNamed(object).prototype as object);
  return (values) => {
    const columns = make(values);
    return Object.assign(Object.create(prototype ?? (type.rowType(columns).prototype as object)) as Row, columns);
  };
}

/** The columns of a row, as resolvers expect them: moments as dates. */
function columnsOf(type: ModelType, selected: readonly ColumnOrRelation[]): (values: readonly unknown[]) => Row {
  const fields = selected.flatMap((one) => {
    if (one.kind !== "column") return [];
    return [{ name: one.field, index: one.index, moment: columnOf(type.datamodel, one.field).type === "DateTime" }];
  });
  return (values) => {
    const columns: Row = {};
    for (const { name, index, moment } of fields) {
      const value = values[index];
      columns[name] = moment && value !== null ? parseExactTime(value as string) : value;
    }
    return columns;
  };
}
