import { columnOf, type Model, modelNamed, relationOf } from "../model/datamodel.js";
import { type Condition, conditionSql, everything, isWholeMode, type RowRule } from "./condition.js";
import { orderSql, type TotalOrder, withinRange } from "./order.js";
import type { Parameters } from "./parameters.js";

/** Up to this many matches are all read and sorted. */
const fewRows = 1_000;

/**
 * How many rows are read in the order of the page before it is worth finding all matches instead: fewer where these are
 * found by an index of words or keys, which is quick for rare ones and slow for common ones.
 */
const walkedRows = 4_000;
const walkedRowsOfWords = 1_000;

/** Maximum number of rows scanned in page order, if as many match: finding and sorting them would cost no less. */
const walkedRowsOfMany = 50_000;

export interface FilteredPage {
  model: Model;
  filter: Condition;
  /** Sort order, in the direction of reading. */
  order: TotalOrder;
  /** Ranges after the cursor, read one after the other. */
  ranges: (alias: string) => string[];
  /** Selected columns of the row behind an alias. */
  columns: (alias: string) => string;
  /** Number of rows needed: limit plus offset. */
  needed: string;
}

/** Whether the best plan of a filtered page depends on the values in the filter. */
export function dependsOnValues(model: Model, filter: Condition, order: TotalOrder, rule: RowRule): boolean {
  return filter !== everything && isWholeMode(rule(model.name)) && !isServed(model, filter, order);
}

/**
 * Rows of a filtered page, unordered, possibly with more rows than needed.
 *
 * PostgreSQL has to choose between reading in the order of the page until enough rows match, and finding all matches to
 * sort them. It cannot know which values are rare, nor that all rows with one status come last when sorted by a date,
 * and the wrong choice reads the whole table. So the statement decides while it runs, and reads on only where that did not
 * suffice: (1) each test by itself, up to 1,000 rows of its index: if one finds fewer, these are all there can be;
 * (2) some rows in the order of the page, and more of them where a test has many matches; (3) all matches. Where nulls come first or last, (2) and (3) are done for what
 * comes first, and again for the rest: few of the common matches may be on the first side, and many on the other.
 */
export function filteredRows(page: FilteredPage, parameters: Parameters, rule: RowRule): string {
  const { model, filter, order, ranges, columns, needed } = page;
  const where = (condition: Condition, alias: string) => conditionSql(condition, model, alias, parameters, rule);
  const leaves = leavesOf(filter);
  const ordered = orderedBy(model, leaves, order);
  const words = leaves.some(asksForWords);
  const within = (alias: string) => orderSql(withinRange(order), model, alias);
  const few = parameters.alias();
  const ids = `(SELECT ids FROM ${few})`;

  const one = parameters.alias();
  const every = ranges(one);
  const parts = [`${few} AS MATERIALIZED (SELECT ${idsOfFew(model, leaves, parameters, rule)} AS ids)`];
  const results = [
    `SELECT ${columns(one)} FROM "${model.table}" ${one} WHERE ${one}."id" = ANY (${ids}::text[])
      AND ${where(rule(model.name), one)} AND ${where(filter, one)} AND (${every.join(" OR ")})`,
  ];
  /** Number of rows found so far. */
  let found = "0";
  every.forEach((_, i) => {
    const [near, far, all, both] = [1, 2, 3, 4].map(() => parameters.alias()) as [string, string, string, string];
    const inRange = (alias: string) => `${where(rule(model.name), alias)} AND ${ranges(alias)[i]}`;
    const counted = (alias: string) => `(SELECT count(*) FROM ${alias})`;
    /** Matches among the first rows of the range. */
    const walk = (limit: string, reached: string) => {
      const [walked, tested] = [parameters.alias(), parameters.alias()];
      const first = [inRange(walked), ...ordered.map((leaf) => where(leaf, walked))].join(" AND ");
      return `SELECT ${columns(tested)} FROM (SELECT ${walked}.* FROM "${model.table}" ${walked}
          WHERE ${ids} IS NULL AND ${reached} < ${needed} AND ${first} ORDER BY ${within(walked)} LIMIT ${limit}) ${tested}
        WHERE ${where(filter, tested)} ORDER BY ${within(tested)} LIMIT ${needed}`;
    };
    parts.push(`${near} AS MATERIALIZED (${walk(String(words ? walkedRowsOfWords : walkedRows), found)})`);
    const nearby = `${found} + ${counted(near)}`;
    let reached = nearby;
    let nearest = `SELECT * FROM ${near} WHERE ${nearby} >= ${needed}`;
    if (!words) {
      const least = `least(${[walkedRowsOfMany, ...countsOf(model, leaves, parameters, rule)].join(", ")})`;
      parts.push(
        `${far} AS MATERIALIZED (${walk(`CASE WHEN ${ids} IS NULL AND ${nearby} < ${needed} THEN ${least} ELSE 0 END`, nearby)})`,
      );
      reached = `${found} + greatest(${counted(near)}, ${counted(far)})`;
      nearest += ` UNION ALL SELECT * FROM ${far} WHERE ${found} + ${counted(far)} >= ${needed}`;
    }
    const matches = `SELECT ${columns(all)} FROM "${model.table}" ${all}
      WHERE ${ids} IS NULL AND ${found} < ${needed} AND ${reached} < ${needed} AND ${inRange(all)} AND ${where(filter, all)} OFFSET 0`;
    if (i === every.length - 1) {
      results.push(nearest, `SELECT * FROM (${matches}) ${both}`);
      return;
    }
    const first = parameters.alias();
    parts.push(`${first} AS MATERIALIZED (${nearest}
      UNION ALL (SELECT * FROM (${matches}) ${both} ORDER BY ${within(both)} LIMIT ${needed}))`);
    results.push(`SELECT * FROM ${first}`);
    found = counted(first);
  });
  return `WITH ${parts.join(", ")} ${results.join(" UNION ALL ")}`;
}

/**
 * How many rows match a filter, up to `limit`, in the same way: what stops early is planned as if matches were everywhere.
 */
export function filteredCount(
  model: Model,
  filter: Condition,
  limit: string,
  parameters: Parameters,
  rule: RowRule,
): string {
  const few = parameters.alias();
  const counted = (test: (alias: string) => string) => {
    const alias = parameters.alias();
    const matches = conditionSql({ op: "and", of: [rule(model.name), filter] }, model, alias, parameters, rule);
    return `(SELECT count(*)::int FROM (SELECT FROM "${model.table}" ${alias} WHERE ${test(alias)}${matches} LIMIT ${limit}) c)`;
  };
  const byIds = counted((alias) => `${alias}."id" = ANY (${few}.ids) AND `);
  return `SELECT CASE WHEN ${few}.ids IS NULL THEN ${counted(() => "")} ELSE ${byIds} END
    FROM (SELECT ${idsOfFew(model, leavesOf(filter), parameters, rule)} AS ids OFFSET 0) ${few}`;
}

/** Tests that trigram or GIN indexes answer. */
const wordOperators = new Set<Condition["op"]>(["startsWith", "contains", "hasKey", "containsJson"]);

function asksForWords(leaf: Condition): boolean {
  return wordOperators.has(leaf.op) || (leaf.op === "some" && leavesOf(leaf.where).some(asksForWords));
}

/** The conjuncts of a filter. */
function leavesOf(filter: Condition): Condition[] {
  return filter.op === "and" ? filter.of.flatMap(leavesOf) : [filter];
}

/** The field of an equality test. */
function equalField(leaf: Condition): string | undefined {
  const test = leaf.op === "key" ? leaf.test : leaf;
  return test.op === "eq" ? test.field : undefined;
}

/** Equality tests whose matches an index holds in sort order. */
function orderedBy(model: Model, leaves: readonly Condition[], order: TotalOrder): Condition[] {
  const equal = new Map(leaves.map((leaf) => [equalField(leaf), leaf]));
  const sorted = order.map(({ field }) => field).join();
  for (const index of model.indexes) {
    const keys = index[0] === "mode" ? index.slice(1) : index;
    const found = keys.slice(0, Math.max(0, keys.length - order.length));
    if (!found.length || keys.slice(found.length).join() !== sorted) continue;
    const tests = found.flatMap((field) => equal.get(field) ?? []);
    if (tests.length === found.length) return tests;
  }
  return [];
}

/** Whether an index holds the matches in page order, or there is at most one match. */
function isServed(model: Model, filter: Condition, order: TotalOrder): boolean {
  const leaves = leavesOf(filter);
  const equal = leaves.flatMap((leaf) => (leaf.op === "eq" ? [leaf.field] : []));
  const fields = new Set(leaves.map((leaf) => ("field" in leaf ? leaf.field : undefined)));
  if (order[0] && fields.size === 1 && fields.has(order[0].field)) return true;
  if (model.unique.some((key) => key.every((field) => field === "mode" || equal.includes(field)))) return true;
  if (equal.includes("id")) return true;
  return orderedBy(model, leaves, order).length === leaves.length;
}

/** SQL array of the ids of all candidate rows; null if no test is selective. */
function idsOfFew(model: Model, leaves: readonly Condition[], parameters: Parameters, rule: RowRule): string {
  const found = leaves.flatMap((leaf) => {
    const rows = rowsOf(model, leaf, parameters, rule);
    if (!rows) return [];
    return `(SELECT CASE WHEN count(*) <= ${fewRows} THEN coalesce(array_agg(x.id), '{}') END FROM (${rows} LIMIT ${fewRows + 1}) x)`;
  });
  return `coalesce(${[...found, "NULL::text[]"].join(", ")})`;
}

/** Number of matches of each test, capped. */
function countsOf(model: Model, leaves: readonly Condition[], parameters: Parameters, rule: RowRule): string[] {
  return leaves.flatMap((leaf) => {
    const rows = rowsOf(model, leaf, parameters, rule);
    return rows ? [`(SELECT count(*) FROM (${rows} LIMIT ${walkedRowsOfMany}) x)`] : [];
  });
}

/** Selects the ids of rows that pass a test, and perhaps of others; undefined for a test whose rows no index can count. */
function rowsOf(model: Model, leaf: Condition, parameters: Parameters, rule: RowRule): string | undefined {
  const alias = parameters.alias();
  const where = (test: Condition) => conditionSql(test, model, alias, parameters, rule);
  const own = (test: string) =>
    `SELECT ${alias}."id" AS id FROM "${model.table}" ${alias} WHERE ${where(rule(model.name))} AND ${test}`;
  // An index of a key has no mode in it, so that a few rows would be looked for among all: its order asks for it.
  // Tests are written only where they are used: a parameter that the text does not name is an error to PostgreSQL.
  const byKey = (key: string, test: () => string) => {
    const index = model.indexes.find(([first]) => first === key);
    const order = index?.map((field) => `${alias}."${columnOf(model, field).column}"`).join(", ");
    return order && `${own(test())} ORDER BY ${order}`;
  };
  switch (leaf.op) {
    case "eq":
    case "in":
    case "gt":
    case "gte":
    case "lt":
    case "lte":
    case "isNull":
      return own(where(leaf));
    case "key":
      return byKey(relationOf(model, leaf.relation).key!, () => where(leaf));
    case "some":
      if (asksForWords(leaf)) return undefined;
      break;
    default:
      return undefined;
  }
  const { to, key, many, through, where: fixed } = relationOf(model, leaf.relation);
  const target = modelNamed(to);
  const other = parameters.alias();
  const others = (column: string) => {
    const tests = [rule(to), leaf.where].map((test) => conditionSql(test, target, other, parameters, rule));
    return `SELECT ${other}."${column}" AS id FROM "${target.table}" ${other} WHERE ${tests.join(" AND ")}`;
  };
  if (through) {
    const links = `SELECT ${alias}."${through.from}" AS id FROM "${through.table}" ${alias}`;
    return `${links} WHERE ${alias}."${through.to}" = ANY (ARRAY(${others("id")}))`;
  }
  if (!many) return byKey(key!, () => `${alias}."${columnOf(model, key!).column}" = ANY (ARRAY(${others("id")}))`);
  return fixed ? undefined : others(columnOf(target, key!).column);
}
