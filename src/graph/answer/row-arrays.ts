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
 * Reads rows as JSON arrays with an element per column and relation, for strategies that build the response from rows.
 * A list is `[rows, count, …]`, or only the rows if it has no counts and rows are not `whole`, that is with all
 * columns.
 */
export class RowArrays {
  private readonly wholeRows = new Map<RowSelection, readonly ColumnOrRelation[]>();

  constructor(private readonly whole: boolean) {}

  /** The columns and relations of a row in the order of its array; a whole row has all columns, then the relations. */
  selectedOf(row: RowSelection): readonly ColumnOrRelation[] {
    if (!this.whole) return row.selected;
    let wholeRow = this.wholeRows.get(row);
    if (!wholeRow) {
      const columns = selectedFields(row.model).map((field) => ({ kind: "column" as const, field }));
      const relations = row.selected.filter(({ kind }) => kind !== "column");
      wholeRow = [...columns, ...relations].map((selected, index): ColumnOrRelation => ({ ...selected, index }));
      this.wholeRows.set(row, wholeRow);
    }
    return wholeRow;
  }

  /** Extracts the values of a row from its JSON array, which is split into chunks if there are many. */
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
    const elements = this.selectedOf(row).map((selected) => this.element(selected, row, alias, sql));
    if (elements.length <= maximumElements) return `json_build_array(${elements.join(", ")})`;
    const chunks: string[] = [];
    for (let i = 0; i < elements.length; i += maximumElements) {
      chunks.push(`json_build_array(${elements.slice(i, i + maximumElements).join(", ")})`);
    }
    return `json_build_array(${chunks.join(", ")})`;
  }

  private element(selected: ColumnOrRelation, { model }: RowSelection, alias: string, sql: SelectionSql): string {
    switch (selected.kind) {
      case "column":
        return sql.column(model, selected.field, alias, exactTimeSql);
      case "parent": {
        const parent = sql.parent(selected, model, alias);
        return `(SELECT ${this.row(selected.row, parent.alias, sql)} FROM ${parent.source})`;
      }
      case "list":
        return this.list(selected.list, sql.related(model, selected.relation, alias), sql);
    }
  }

  private list(list: ListSelection, rows: Rows, sql: SelectionSql): string {
    const { row, counts } = list;
    const page = row ? this.page(list, row, rows, sql) : "NULL";
    if (!counts.length && !this.whole) return page;
    return `json_build_array(${[page, ...counts.map((_, i) => sql.count(list, i, rows))].join(", ")})`;
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
      for (const selected of this.selectedOf(row)) {
        if (selected.kind === "column") bytes += columnBytes(row.model, selected.field);
        else if (selected.kind === "parent") bytes += bytesOf(selected.row, lists);
        else addList(selected.list, lists);
      }
      return bytes;
    };
    const addList = ({ row, fieldArguments }: ListSelection, outer: readonly number[]) => {
      if (!row) return;
      const lists = [...outer, fieldArguments];
      weights.push({ lists, bytes: bytesOf(row, lists) });
    };
    for (const root of selectedRoots(plan)) {
      if (root.kind === "many") addList(root.list, []);
      else weights.push({ lists: [], bytes: bytesOf(root.row, []) });
    }
    return weights;
  }
}

/** Creates instances of a row's class from its read values; of the class of `object` if rows have several types. */
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

/** The columns of a row as resolvers expect them, with times as dates. */
function columnsOf(type: ModelType, selected: readonly ColumnOrRelation[]): (values: readonly unknown[]) => Row {
  const fields = selected.flatMap((column) => {
    if (column.kind !== "column") return [];
    const { field, index } = column;
    return [{ name: field, index, isTime: columnOf(type.datamodel, field).type === "DateTime" }];
  });
  return (values) => {
    const columns: Row = {};
    for (const { name, index, isTime } of fields) {
      const value = values[index];
      columns[name] = isTime && value !== null ? parseExactTime(value as string) : value;
    }
    return columns;
  };
}
