import { columnOf, type Model, modelNamed, relationOf } from "../model/datamodel.js";
import { type Condition, conditionSql, everything, isWholeMode, type RowRule } from "./condition.js";
import { orderSql, type TotalOrder, withinRange } from "./order.js";
import type { Parameters } from "./parameters.js";

/** Maximum number of candidate rows that are all read and sorted. */
const maximumCandidates = 1_000;

/**
 * Number of rows scanned in page order before all matches are searched instead: fewer if a GIN index finds these, which
 * is fast for rare values and slow for common ones.
 */
const scannedRows = 4_000;
const scannedRowsGin = 1_000;

/** Maximum number of rows scanned in page order, if as many match: finding and sorting them would cost as much. */
const maximumScannedRows = 50_000;

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
  return filter !== everything && isWholeMode(rule(model.name)) && !isServedByIndex(model, filter, order);
}

/**
 * Rows of a filtered page, unordered, possibly with more rows than needed.
 *
 * PostgreSQL chooses between scanning in page order until enough rows match, and finding all matches to sort them. It
 * knows neither which values are rare nor how they correlate with the order, and the wrong choice reads the whole table.
 * So the statement decides at execution, and runs each step only if those before found too few rows: (1) up to 1,000
 * matches of each conjunct by its index: if one has fewer, these are the only candidates; (2) a scan of some rows in page
 * order, and of more if the conjuncts have many matches; (3) all matches. Where nulls are a range of their own, (2) and
 * (3) run for each range, since matches may be rare in one and common in the other.
 */
export function filteredRows(page: FilteredPage, parameters: Parameters, rule: RowRule): string {
  const { model, filter, order, ranges, columns, needed } = page;
  const where = (condition: Condition, alias: string) => conditionSql(condition, model, alias, parameters, rule);
  const conjuncts = conjunctsOf(filter);
  const ordered = orderedConjuncts(model, conjuncts, order);
  const usesGin = conjuncts.some(usesGinIndex);
  const within = (alias: string) => orderSql(withinRange(order), model, alias);
  const candidates = parameters.alias();
  const ids = `(SELECT ids FROM ${candidates})`;

  const candidate = parameters.alias();
  const allRanges = ranges(candidate);
  const ctes = [`${candidates} AS MATERIALIZED (SELECT ${candidateIdsSql(model, conjuncts, parameters, rule)} AS ids)`];
  const results = [
    `SELECT ${columns(candidate)} FROM "${model.table}" ${candidate} WHERE ${candidate}."id" = ANY (${ids}::text[])
      AND ${where(rule(model.name), candidate)} AND ${where(filter, candidate)} AND (${allRanges.join(" OR ")})`,
  ];
  /** Number of rows found in the ranges before. */
  let foundBefore = "0";
  allRanges.forEach((_, i) => {
    const [shortScan, longScan, match, unsorted] = [1, 2, 3, 4].map(() => parameters.alias()) as [
      string,
      string,
      string,
      string,
    ];
    const inRange = (alias: string) => `${where(rule(model.name), alias)} AND ${ranges(alias)[i]}`;
    const countOf = (alias: string) => `(SELECT count(*) FROM ${alias})`;
    /** Matches among the first rows of the range; none if enough were found before. */
    const scan = (limit: string, found: string) => {
      const [scanned, tested] = [parameters.alias(), parameters.alias()];
      const indexed = [inRange(scanned), ...ordered.map((conjunct) => where(conjunct, scanned))].join(" AND ");
      return `SELECT ${columns(tested)} FROM (SELECT ${scanned}.* FROM "${model.table}" ${scanned}
          WHERE ${ids} IS NULL AND ${found} < ${needed} AND ${indexed} ORDER BY ${within(scanned)} LIMIT ${limit}) ${tested}
        WHERE ${where(filter, tested)} ORDER BY ${within(tested)} LIMIT ${needed}`;
    };
    ctes.push(`${shortScan} AS MATERIALIZED (${scan(String(usesGin ? scannedRowsGin : scannedRows), foundBefore)})`);
    const foundByShortScan = `${foundBefore} + ${countOf(shortScan)}`;
    let foundByScans = foundByShortScan;
    let scanResult = `SELECT * FROM ${shortScan} WHERE ${foundByShortScan} >= ${needed}`;
    if (!usesGin) {
      const limit = `least(${[maximumScannedRows, ...countsOf(model, conjuncts, parameters, rule)].join(", ")})`;
      ctes.push(
        `${longScan} AS MATERIALIZED (${scan(`CASE WHEN ${ids} IS NULL AND ${foundByShortScan} < ${needed} THEN ${limit} ELSE 0 END`, foundByShortScan)})`,
      );
      foundByScans = `${foundBefore} + greatest(${countOf(shortScan)}, ${countOf(longScan)})`;
      scanResult += ` UNION ALL SELECT * FROM ${longScan} WHERE ${foundBefore} + ${countOf(longScan)} >= ${needed}`;
    }
    const matches = `SELECT ${columns(match)} FROM "${model.table}" ${match}
      WHERE ${ids} IS NULL AND ${foundBefore} < ${needed} AND ${foundByScans} < ${needed} AND ${inRange(match)} AND ${where(filter, match)} OFFSET 0`;
    if (i === allRanges.length - 1) {
      results.push(scanResult, `SELECT * FROM (${matches}) ${unsorted}`);
      return;
    }
    const rangeResult = parameters.alias();
    ctes.push(`${rangeResult} AS MATERIALIZED (${scanResult}
      UNION ALL (SELECT * FROM (${matches}) ${unsorted} ORDER BY ${within(unsorted)} LIMIT ${needed}))`);
    results.push(`SELECT * FROM ${rangeResult}`);
    foundBefore = countOf(rangeResult);
  });
  return `WITH ${ctes.join(", ")} ${results.join(" UNION ALL ")}`;
}

/**
 * Counts the matches of a filter, up to `limit`. It looks for candidates first too: PostgreSQL plans a LIMIT as if the
 * matches were evenly distributed.
 */
export function filteredCount(
  model: Model,
  filter: Condition,
  limit: string,
  parameters: Parameters,
  rule: RowRule,
): string {
  const candidates = parameters.alias();
  const count = (restriction: (alias: string) => string) => {
    const alias = parameters.alias();
    const matches = conditionSql({ op: "and", of: [rule(model.name), filter] }, model, alias, parameters, rule);
    return `(SELECT count(*)::int FROM (SELECT FROM "${model.table}" ${alias} WHERE ${restriction(alias)}${matches} LIMIT ${limit}) c)`;
  };
  const amongCandidates = count((alias) => `${alias}."id" = ANY (${candidates}.ids) AND `);
  return `SELECT CASE WHEN ${candidates}.ids IS NULL THEN ${count(() => "")} ELSE ${amongCandidates} END
    FROM (SELECT ${candidateIdsSql(model, conjunctsOf(filter), parameters, rule)} AS ids OFFSET 0) ${candidates}`;
}

/** Operators on texts and JSON, answered by GIN indexes. */
const ginOperators = new Set<Condition["op"]>(["startsWith", "contains", "hasKey", "containsJson"]);

function usesGinIndex(conjunct: Condition): boolean {
  return ginOperators.has(conjunct.op) || (conjunct.op === "some" && conjunctsOf(conjunct.where).some(usesGinIndex));
}

/** The conjuncts of a filter. */
function conjunctsOf(filter: Condition): Condition[] {
  return filter.op === "and" ? filter.of.flatMap(conjunctsOf) : [filter];
}

/** The field of an equality test. */
function equalField(conjunct: Condition): string | undefined {
  const test = conjunct.op === "key" ? conjunct.test : conjunct;
  return test.op === "eq" ? test.field : undefined;
}

/** Equality tests whose matches an index returns in sort order. */
function orderedConjuncts(model: Model, conjuncts: readonly Condition[], order: TotalOrder): Condition[] {
  const equal = new Map(conjuncts.map((conjunct) => [equalField(conjunct), conjunct]));
  const sorted = order.map(({ field }) => field).join();
  for (const index of model.indexes) {
    const keys = index[0] === "mode" ? index.slice(1) : index;
    const prefix = keys.slice(0, Math.max(0, keys.length - order.length));
    if (!prefix.length || keys.slice(prefix.length).join() !== sorted) continue;
    const tests = prefix.flatMap((field) => equal.get(field) ?? []);
    if (tests.length === prefix.length) return tests;
  }
  return [];
}

/** Whether an index returns the matches in page order, or there is at most one match. */
function isServedByIndex(model: Model, filter: Condition, order: TotalOrder): boolean {
  const conjuncts = conjunctsOf(filter);
  const equal = conjuncts.flatMap((conjunct) => (conjunct.op === "eq" ? [conjunct.field] : []));
  const fields = new Set(conjuncts.map((conjunct) => ("field" in conjunct ? conjunct.field : undefined)));
  if (order[0] && fields.size === 1 && fields.has(order[0].field)) return true;
  if (model.unique.some((key) => key.every((field) => field === "mode" || equal.includes(field)))) return true;
  if (equal.includes("id")) return true;
  return orderedConjuncts(model, conjuncts, order).length === conjuncts.length;
}

/** SQL array of the ids of all candidate rows; null if no conjunct is selective. */
function candidateIdsSql(model: Model, conjuncts: readonly Condition[], parameters: Parameters, rule: RowRule): string {
  const candidates = conjuncts.flatMap((conjunct) => {
    const rows = matchingIdsSql(model, conjunct, parameters, rule);
    if (!rows) return [];
    return `(SELECT CASE WHEN count(*) <= ${maximumCandidates} THEN coalesce(array_agg(x.id), '{}') END FROM (${rows} LIMIT ${maximumCandidates + 1}) x)`;
  });
  return `coalesce(${[...candidates, "NULL::text[]"].join(", ")})`;
}

/** Number of matches of each conjunct, capped. */
function countsOf(model: Model, conjuncts: readonly Condition[], parameters: Parameters, rule: RowRule): string[] {
  return conjuncts.flatMap((conjunct) => {
    const rows = matchingIdsSql(model, conjunct, parameters, rule);
    return rows ? [`(SELECT count(*) FROM (${rows} LIMIT ${maximumScannedRows}) x)`] : [];
  });
}

/** Selects the ids of a superset of a conjunct's matches; undefined if no index finds them. */
function matchingIdsSql(model: Model, conjunct: Condition, parameters: Parameters, rule: RowRule): string | undefined {
  const alias = parameters.alias();
  const where = (test: Condition) => conditionSql(test, model, alias, parameters, rule);
  const select = (test: string) =>
    `SELECT ${alias}."id" AS id FROM "${model.table}" ${alias} WHERE ${where(rule(model.name))} AND ${test}`;
  // ORDER BY makes PostgreSQL use the index on the key although it lacks the mode. Tests are compiled only where they are
  // used: PostgreSQL rejects unused parameters.
  const byKey = (key: string, test: () => string) => {
    const index = model.indexes.find(([first]) => first === key);
    const order = index?.map((field) => `${alias}."${columnOf(model, field).column}"`).join(", ");
    return order && `${select(test())} ORDER BY ${order}`;
  };
  switch (conjunct.op) {
    case "eq":
    case "in":
    case "gt":
    case "gte":
    case "lt":
    case "lte":
    case "isNull":
      return select(where(conjunct));
    case "key":
      return byKey(relationOf(model, conjunct.relation).key!, () => where(conjunct));
    case "some":
      if (usesGinIndex(conjunct)) return undefined;
      break;
    default:
      return undefined;
  }
  const { to, key, many, through, where: fixed } = relationOf(model, conjunct.relation);
  const target = modelNamed(to);
  const related = parameters.alias();
  const selectRelated = (column: string) => {
    const tests = [rule(to), conjunct.where].map((test) => conditionSql(test, target, related, parameters, rule));
    return `SELECT ${related}."${column}" AS id FROM "${target.table}" ${related} WHERE ${tests.join(" AND ")}`;
  };
  if (through) {
    const links = `SELECT ${alias}."${through.from}" AS id FROM "${through.table}" ${alias}`;
    return `${links} WHERE ${alias}."${through.to}" = ANY (ARRAY(${selectRelated("id")}))`;
  }
  if (!many)
    return byKey(key!, () => `${alias}."${columnOf(model, key!).column}" = ANY (ARRAY(${selectRelated("id")}))`);
  return fixed ? undefined : selectRelated(columnOf(target, key!).column);
}
