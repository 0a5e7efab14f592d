import { columnOf, type Model, modelNamed, relationOf } from "../model/datamodel.js";
import { type Condition, conditionSql, everything, type RowRule } from "../sql/condition.js";
import type { Page } from "../sql/page.js";
import { Parameters, type Run, Slot } from "../sql/parameters.js";
import { countSql, pageSql, type Rows, relatedRows } from "../sql/statement.js";
import type { SqlArguments } from "./arguments.js";
import { selectedRoots } from "./plan.js";
import type { ColumnOrRelation, ListSelection, RowSelection, SelectedParent, SelectedRoot } from "./selection.js";
import type { Strategy } from "./strategy.js";

export interface PlanStatement {
  text: string;
  /** Constants and, unless the statement is shared, slots. */
  values: readonly unknown[];
  /** The slots of a shared statement: arrays with one element per run, after the values. */
  columns: readonly { slot: Slot; type: string }[];
}

/** Makes the statement measure its pages, or also their rows, and fail above the maximum size. */
export interface Measure {
  rows: boolean;
  maximumBytes: number;
}

/**
 * The statement of a plan: a column of JSON text per root, by its strategy. If shared, it returns a row per run, with
 * the run's number, from 1, as the last column. With `measure` it fails if the result is too large.
 */
export function planStatement(
  { plan, rootSql }: Pick<Strategy, "plan" | "rootSql">,
  args: readonly SqlArguments[],
  rule: RowRule,
  options: { shared?: boolean; measure?: Measure } = {},
): PlanStatement {
  const sql = new SelectionSql(args, rule, new Parameters(options.shared), options.measure);
  const columns = selectedRoots(plan).map((root) => `(${rootSql(root, sql)})::text`);
  const { parameters } = sql;
  const text = options.shared
    ? `SELECT ${columns.join(", ")}, r.n::int FROM ${parameters.runsTable()}`
    : `SELECT ${columns.join(", ")}`;
  return { text, values: parameters.values, columns: parameters.columns };
}

/** The values of a statement for one run. */
export function valuesFor({ values }: PlanStatement, run: Run): unknown[] {
  return values.map((value) => (value instanceof Slot ? value.valueFor(run) : value));
}

/** Columns that a page reads. */
interface PageColumns {
  selected: readonly ColumnOrRelation[];
  /** Whether to read one row more than the page holds. */
  extraRow: boolean;
  /** The SQL expressions, given the row's alias. */
  select: (alias: string) => string;
}

/** The SQL that all strategies share: sources of rows, pages and counts, row rules, and size checks. */
export class SelectionSql {
  constructor(
    private readonly args: readonly SqlArguments[],
    private readonly rule: RowRule,
    readonly parameters: Parameters,
    private readonly measure?: Measure,
  ) {}

  /** Number of lists around the SQL that is being compiled. */
  private depth = 0;

  /** The row of a root field. */
  rootRow({ row, fieldArguments }: SelectedRoot & { kind: "one" }) {
    const { model } = row;
    const alias = this.parameters.alias();
    const { condition = everything } = this.args[fieldArguments]!;
    const where = [condition, this.rule(model.name)].map((test) => this.condition(test, model, alias));
    return { alias, source: `"${model.table}" ${alias} WHERE ${where.join(" AND ")}` };
  }

  /** The rows of a root list. */
  rootRows({ type }: ListSelection): Rows {
    const model = type.datamodel;
    const alias = this.parameters.alias();
    return { model, alias, source: `"${model.table}" ${alias}`, joins: [] };
  }

  /** The row at the other end of a to-one relation. */
  parent({ relation, row }: SelectedParent, model: Model, owner: string) {
    const { key, to } = relationOf(model, relation);
    const alias = this.parameters.alias();
    const target = modelNamed(to);
    const visible = this.condition(this.rule(to), row.model, alias);
    const where = `${alias}."id" = ${owner}."${columnOf(model, key!).column}" AND ${visible}`;
    return { alias, source: `"${target.table}" ${alias} WHERE ${where}` };
  }

  /** The rows of a to-many relation. */
  related(model: Model, relation: string, owner: string): Rows {
    return relatedRows(model, relation, owner, this.parameters);
  }

  column(model: Model, field: string, alias: string, time: (column: string) => string): string {
    const column = columnOf(model, field);
    const sql = `${alias}."${column.column}"`;
    return column.type === "DateTime" ? time(sql) : sql;
  }

  page(list: ListSelection, row: RowSelection, rows: Rows, { selected, extraRow, select }: PageColumns): string {
    const { page } = this.args[list.fieldArguments] as { page: Page };
    const fields = columnsRead(row.model, selected);
    return pageSql(rows, page, this.parameters, this.rule, extraRow, { fields, select });
  }

  count({ fieldArguments, counts }: ListSelection, index: number, rows: Rows): string {
    const { page } = this.args[fieldArguments] as { page: Page };
    const { atMost } = this.args[counts[index]!]!;
    return `(${countSql(rows, page.filter, atMost, this.parameters, this.rule)})`;
  }

  /** The rows `x` of a page as a JSON array of `element`, with size checks if there is a `measure`. */
  collected(element: "x" | "x.j", page: () => string): string {
    if (!this.measure) return `SELECT coalesce(json_agg(${element}), '[]') FROM (${page()}) x`;
    const { rows, maximumBytes } = this.measure;
    const level = 2 * ++this.depth;
    const check = (json: string, checkLevel: number) =>
      `check_result_size(octet_length((${json})::text), ${checkLevel}, ${maximumBytes})`;
    let source = page();
    let filter = "";
    if (rows) {
      // OFFSET prevents that the row is serialised a second time to be measured.
      source = `SELECT ${element === "x" ? "row_to_json(x)" : element} j FROM (${source}) x OFFSET 0`;
      filter = ` FILTER (WHERE ${check("x.j", level + 1)})`;
    }
    this.depth--;
    const array = `SELECT coalesce(json_agg(${rows ? "x.j" : element})${filter}, '[]') j FROM (${source}) x`;
    return `SELECT CASE WHEN ${check("a.j", level)} THEN a.j END FROM (${array}) a`;
  }

  private condition(condition: Condition, model: Model, alias: string) {
    return conditionSql(condition, model, alias, this.parameters, this.rule);
  }
}

/** The columns that a page reads: the selected ones, and the keys of the selected relations. */
function columnsRead(model: Model, selected: readonly ColumnOrRelation[]): string[] {
  const fields = selected.map((field) => {
    if (field.kind === "column") return field.field;
    return field.kind === "parent" ? relationOf(model, field.relation).key! : "id";
  });
  return fields.length ? [...new Set(fields)] : ["id"];
}
