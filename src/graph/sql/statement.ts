import { columnOf, type Model, modelNamed, relationOf } from "../model/datamodel.js";
import { type Condition, conditionSql, everything, type RowRule } from "./condition.js";
import { dependsOnValues, filteredCount, filteredRows } from "./filtered-page.js";
import { keysetSql, orderSql, rangesSql, reversed, withinRange } from "./order.js";
import type { Page } from "./page.js";
import { mapValue, Parameters, Reference } from "./parameters.js";

export interface Statement {
  text: string;
  values: unknown[];
}

/** The columns of a model in the order in which every statement here selects them; credentials are never read. */
export function selectedFields(model: Model): string[] {
  return Object.keys(model.columns).filter((field) => !model.columns[field]!.secret);
}

function columnsSql(model: Model, alias: string, fields: readonly string[] = selectedFields(model)): string {
  return fields.map((field) => `${alias}."${columnOf(model, field).column}"`).join(", ");
}

/** Selects rows by the values of a field, restricted by the row rule; `lock` locks them until the transaction ends. */
export function rowsByField(
  model: Model,
  field: string,
  values: readonly unknown[],
  rule: RowRule,
  lock = false,
): Statement {
  const parameters = new Parameters();
  const alias = parameters.alias();
  const condition: Condition = { op: "and", of: [{ op: "in", field, values }, rule(model.name)] };
  const where = conditionSql(condition, model, alias, parameters, rule);
  return {
    text: `SELECT ${columnsSql(model, alias)} FROM "${model.table}" ${alias} WHERE ${where}${lock ? ` ORDER BY ${alias}."id" FOR NO KEY UPDATE OF ${alias}` : ""}`,
    values: parameters.values,
  };
}

/** One page of all rows of a model, and one row more to compute hasNextPage. */
export function rootPage(model: Model, page: Page, rule: RowRule): Statement {
  const parameters = new Parameters();
  const alias = parameters.alias();
  const text = pageSql({ model, alias, source: `"${model.table}" ${alias}`, joins: [] }, page, parameters, rule);
  return { text, values: parameters.values };
}

/** One page of a to-many relation for each parent; the first column is the parent's id. */
export function relatedPages(
  model: Model,
  relation: string,
  ids: readonly string[],
  page: Page,
  rule: RowRule,
): Statement {
  const { parameters, parent, rows } = relatedToEach(model, relation, ids);
  const lateral = pageSql(rows, page, parameters, rule);
  return {
    text: `SELECT ${parent}.id, x.* FROM unnest($1::text[]) ${parent} (id) CROSS JOIN LATERAL (${lateral}) x`,
    values: parameters.values,
  };
}

export function rootCount(model: Model, filter: Condition, atMost: number | undefined, rule: RowRule): Statement {
  const parameters = new Parameters();
  const alias = parameters.alias();
  return {
    text: countSql({ model, alias, source: `"${model.table}" ${alias}`, joins: [] }, filter, atMost, parameters, rule),
    values: parameters.values,
  };
}

/** Counts related rows by parent id, up to `atMost`. */
export function relatedCounts(
  model: Model,
  relation: string,
  ids: readonly string[],
  filter: Condition,
  atMost: number | undefined,
  rule: RowRule,
): Statement {
  const { parameters, parent, rows } = relatedToEach(model, relation, ids);
  const count = countSql(rows, filter, atMost, parameters, rule);
  return {
    text: `SELECT ${parent}.id, (${count}) FROM unnest($1::text[]) ${parent} (id)`,
    values: parameters.values,
  };
}

/** Finds the model of each id: rows of (id, model name), in one statement. */
export function modelsOfIds(models: readonly Model[], ids: readonly string[], rule: RowRule): Statement {
  const parameters = new Parameters();
  const idsSql = parameters.add(ids, "text[]");
  const selects = models.map((model) => {
    const alias = parameters.alias();
    const visible = conditionSql(rule(model.name), model, alias, parameters, rule);
    return `SELECT ${alias}."id", '${model.name}' FROM "${model.table}" ${alias} WHERE ${alias}."id" = ANY (${idsSql}) AND ${visible}`;
  });
  return { text: selects.join(" UNION ALL "), values: parameters.values };
}

/** FROM clause of a page: a table, its join table if any, and the condition that joins them to a parent. */
export interface Rows {
  model: Model;
  alias: string;
  source: string;
  joins: readonly string[];
  /** `joins` as a condition on the row, for parents whose number of rows affects the query plan. */
  ofParent?: Condition;
}

function relatedToEach(model: Model, relation: string, ids: readonly string[]) {
  const parameters = new Parameters();
  parameters.add(ids, "text[]");
  const parent = parameters.alias();
  return { parameters, parent, rows: relatedRows(model, relation, parent, parameters) };
}

/** The rows of a to-many relation of the parent with the alias `parent`. */
export function relatedRows(model: Model, relation: string, parent: string, parameters: Parameters): Rows {
  const relationship = relationOf(model, relation);
  const target = modelNamed(relationship.to);
  const alias = parameters.alias();
  let source = `"${target.table}" ${alias}`;
  const joins: string[] = [];
  if (relationship.through) {
    const link = parameters.alias();
    source += ` JOIN "${relationship.through.table}" ${link} ON ${link}."${relationship.through.to}" = ${alias}."id"`;
    joins.push(`${link}."${relationship.through.from}" = ${parent}.id`);
  } else {
    joins.push(`${alias}."${columnOf(target, relationship.key!).column}" = ${parent}.id`);
    for (const [field, value] of Object.entries(relationship.where ?? {})) {
      // Inlined: PostgreSQL rejects unused parameters, and a list of which nothing is selected would not use this one.
      joins.push(`${alias}."${columnOf(target, field).column}" = '${value}'`);
    }
  }
  return { model: target, alias, source, joins, ofParent: parentCondition(model, relation, parent) };
}

/** Condition on the foreign key; undefined for parents with few rows, such as customers. */
function parentCondition(model: Model, relation: string, parent: string): Condition | undefined {
  const relationship = relationOf(model, relation);
  if (model.name === "Customer" || model.owners || !relationship.key || relationship.where) return undefined;
  const back = Object.entries(modelNamed(relationship.to).relations).find(
    ([, { key, many }]) => !many && key === relationship.key,
  );
  const test: Condition = { op: "eq", field: relationship.key, value: new Reference(`${parent}.id`) };
  return back && { op: "key", relation: back[0], test };
}

/** Selected columns of each row; undefined: all. */
export interface PageSelection {
  /** The columns to read. */
  fields: readonly string[];
  /** The SQL expressions, given the row's alias. */
  select: (alias: string) => string;
}

/** Selects a page of rows; with `extraRow` one row more than the limit, to compute hasNextPage. */
export function pageSql(
  { model, alias, source, joins, ofParent = everything }: Rows,
  page: Page,
  parameters: Parameters,
  rule: RowRule,
  extraRow = true,
  { fields, select }: PageSelection = {
    fields: selectedFields(model),
    select: (from) => columnsSql(model, from),
  },
): string {
  const order = page.backward ? reversed(page.order) : page.order;
  const keyset = page.after && keysetSql(page.after, order, model, parameters);
  const ranges = (from: string, splitNulls?: boolean) => rangesSql(keyset, order, model, from, splitNulls);
  const columns = (from: string) =>
    columnsSql(model, from, [...new Set([...fields, ...order.map(({ field }) => field)])]);
  const addLimits = () => ({
    limit: parameters.add(extraRow ? mapValue(page.limit, (rows: number) => rows + 1) : page.limit, "int"),
    offset: page.offset ? parameters.add(page.offset, "int") : "0",
  });
  const sorted = (rows: string, unsorted: string, { limit, offset }: ReturnType<typeof addLimits>) =>
    `SELECT ${select(unsorted)} FROM (${rows}) ${unsorted} ORDER BY ${orderSql(order, model, unsorted)} LIMIT ${limit} OFFSET ${offset}`;
  const filter = conjunction(ofParent, page.filter);
  // Without a filter, the rows of a parent are read in index order, or all of them: values make no difference.
  const mayDependOnValues = !joins.length || (ofParent !== everything && page.filter !== everything);
  if (mayDependOnValues && dependsOnValues(model, filter, order, rule)) {
    const limits = addLimits();
    const needed = `${limits.limit} + ${limits.offset}`;
    const filtered = { model, filter, order, ranges: (from: string) => ranges(from, true), columns, needed };
    return sorted(filteredRows(filtered, parameters, rule), parameters.alias(), limits);
  }
  const where = whereSql(model, alias, joins, page.filter, parameters, rule).join(" AND ");
  const [range, secondRange] = ranges(alias);
  const limits = addLimits();
  const orderInRange = orderSql(withinRange(order), model, alias);
  const rows = (selected: string, condition: string) =>
    `SELECT ${selected} FROM ${source} WHERE ${where} AND ${condition} ORDER BY ${orderInRange}`;
  if (!secondRange) return `${rows(select(alias), range!)} LIMIT ${limits.limit} OFFSET ${limits.offset}`;
  const unsorted = parameters.alias();
  const selects = [range!, secondRange].map(
    (condition) => `(${rows(columns(alias), condition)} LIMIT ${limits.limit} + ${limits.offset})`,
  );
  return sorted(selects.join(" UNION ALL "), unsorted, limits);
}

function conjunction(left: Condition, right: Condition): Condition {
  const of = [left, right].filter((condition) => condition !== everything);
  return of.length === 1 ? of[0]! : of.length ? { op: "and", of } : everything;
}

/** Counts rows, up to `atMost`. */
export function countSql(
  { model, alias, source, joins, ofParent = everything }: Rows,
  filter: Condition,
  atMost: unknown,
  parameters: Parameters,
  rule: RowRule,
): string {
  const where = () => whereSql(model, alias, joins, filter, parameters, rule).join(" AND ");
  if (atMost === undefined) return `SELECT count(*)::int FROM ${source} WHERE ${where()}`;
  const limit = parameters.add(atMost, "int");
  if (
    (!joins.length || (ofParent !== everything && filter !== everything)) &&
    dependsOnValues(model, filter, [], rule)
  ) {
    return filteredCount(model, conjunction(ofParent, filter), limit, parameters, rule);
  }
  return `SELECT count(*)::int FROM (SELECT FROM ${source} WHERE ${where()} LIMIT ${limit}) c`;
}

function whereSql(
  model: Model,
  alias: string,
  joins: readonly string[],
  filter: Condition,
  parameters: Parameters,
  rule: RowRule,
): string[] {
  const where = [...joins, conditionSql(rule(model.name), model, alias, parameters, rule)];
  if (filter !== everything) where.push(conditionSql(filter, model, alias, parameters, rule));
  return where;
}
