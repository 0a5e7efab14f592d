import type { ModelName } from "../model/datamodel.js";
import { columnOf, type Model, modelNamed, relationOf, sqlType } from "../model/datamodel.js";
import { mapValue, type Parameters, Slot } from "./parameters.js";

/**
 * A condition on rows (WHERE): the common form of row rules, filters and look-ups. `field` and `relation` are names of
 * the datamodel, never client input; values become parameters, and may be slots.
 */
export type Condition =
  | { op: "and" | "or"; of: readonly Condition[] }
  | { op: "not"; of: Condition }
  | { op: "eq" | "gt" | "gte" | "lt" | "lte"; field: string; value: unknown }
  | { op: "in"; field: string; values: readonly unknown[] | Slot }
  | { op: "isNull"; field: string; value: boolean }
  | { op: "startsWith" | "contains"; field: string; value: string | Slot; ignoreCase: boolean }
  /** A LIKE pattern, with its wildcards. */
  | { op: "like"; field: string; value: string | Slot; ignoreCase: boolean }
  | { op: "hasKey"; field: string; key: string | Slot }
  | { op: "containsJson"; field: string; values: readonly (object | Slot)[] }
  /** At least one related row that the viewer may see; `orHidden`, for row rules only, includes hidden rows. */
  | { op: "some"; relation: string; where: Condition; orHidden?: true }
  /** Condition on the foreign key of a to-one relation. A key whose row the viewer may not see counts as null. */
  | { op: "key"; relation: string; test: Condition };

export const everything: Condition = { op: "and", of: [] };
export const nothing: Condition = { op: "or", of: [] };

/** Row rule of a model for a given viewer. */
export type RowRule = (model: ModelName) => Condition;

const comparisons = { eq: "=", gt: ">", gte: ">=", lt: "<", lte: "<=" } as const;

/** Escapes `%`, `_` and `\` in a LIKE pattern. */
export function literal(text: string): string {
  return text.replace(/[\\%_]/g, "\\$&");
}

/**
 * The SQL of a condition on the table `alias`, in parentheses where needed. As in SQL, null means no match; `not` treats
 * it like false. Rows reached through a relation obey their own row rule.
 */
export function conditionSql(
  condition: Condition,
  model: Model,
  alias: string,
  parameters: Parameters,
  rule: RowRule,
): string {
  const column = (field: string) => `${alias}."${columnOf(model, field).column}"`;
  const compile = (inner: Condition) => conditionSql(inner, model, alias, parameters, rule);
  switch (condition.op) {
    case "and":
      return condition.of.length ? `(${condition.of.map(compile).join(" AND ")})` : "TRUE";
    case "or":
      return condition.of.length ? `(${condition.of.map(compile).join(" OR ")})` : "FALSE";
    case "not":
      // EXISTS is never null, and PostgreSQL turns a plain NOT EXISTS into an anti-join.
      return condition.of.op === "some" ? `NOT ${compile(condition.of)}` : `(${compile(condition.of)}) IS NOT TRUE`;
    case "eq":
    case "gt":
    case "gte":
    case "lt":
    case "lte": {
      const type = sqlType(columnOf(model, condition.field));
      return `${column(condition.field)} ${comparisons[condition.op]} ${parameters.add(condition.value, type)}`;
    }
    case "in": {
      const type = sqlType(columnOf(model, condition.field));
      return `${column(condition.field)} = ANY (${parameters.add(condition.values, `${type}[]`)})`;
    }
    case "isNull":
      return `${column(condition.field)} IS ${condition.value ? "" : "NOT "}NULL`;
    case "startsWith":
    case "contains": {
      const prefix = condition.op === "contains" ? "%" : "";
      const pattern = mapValue(condition.value, (text: string) => `${prefix}${literal(text)}%`);
      const like = condition.ignoreCase ? "ILIKE" : "LIKE";
      return `${column(condition.field)} ${like} ${parameters.add(pattern, "text")}`;
    }
    case "like": {
      const like = condition.ignoreCase ? "ILIKE" : "LIKE";
      return `${column(condition.field)} ${like} ${parameters.add(condition.value, "text")}`;
    }
    case "hasKey":
      return `${column(condition.field)} ? ${parameters.add(condition.key, "text")}`;
    case "containsJson": {
      const tests = condition.values.map(
        (value) => `${column(condition.field)} @> ${parameters.add(mapValue(value, JSON.stringify), "jsonb")}`,
      );
      return `(${tests.join(" OR ")})`;
    }
    case "some":
      return existsSql(condition, model, alias, parameters, rule);
    case "key": {
      const { relation, test } = condition;
      // Viewers who see all rows of their mode see every referenced row: the index on the key is enough.
      if (isWholeMode(rule(relationOf(model, relation).to))) return compile(test);
      const visible = existsSql({ relation, where: everything }, model, alias, parameters, rule);
      if (test.op !== "isNull") return `(${compile(test)} AND ${visible})`;
      return test.value ? `NOT ${visible}` : visible;
    }
  }
}

/** Whether a row rule allows all rows of the viewer's mode. */
export function isWholeMode(rule: Condition): boolean {
  return rule.op === "eq" && rule.field === "mode";
}

/** Replaces the values of a condition by slots and adds them to `values`; `slot` creates the nth slot. */
export function withSlots(condition: Condition, values: unknown[], slot: (index: number) => Slot): Condition {
  const toSlot = (value: unknown) => slot(values.push(value) - 1);
  switch (condition.op) {
    case "and":
    case "or":
      return { ...condition, of: condition.of.map((inner) => withSlots(inner, values, slot)) };
    case "not":
      return { ...condition, of: withSlots(condition.of, values, slot) };
    case "some":
      return { ...condition, where: withSlots(condition.where, values, slot) };
    case "key":
      return { ...condition, test: withSlots(condition.test, values, slot) };
    case "in":
      return { ...condition, values: toSlot(condition.values) };
    case "hasKey":
      return { ...condition, key: toSlot(condition.key) };
    case "containsJson":
      return { ...condition, values: condition.values.map(toSlot) };
    case "isNull":
      return condition;
    default:
      return { ...condition, value: toSlot(condition.value) };
  }
}

function existsSql(
  { relation, where, orHidden }: { relation: string; where: Condition; orHidden?: true },
  model: Model,
  alias: string,
  parameters: Parameters,
  rule: RowRule,
): string {
  const relationship = relationOf(model, relation);
  const target = modelNamed(relationship.to);
  const inner = parameters.alias();
  const visible = orHidden ? everything : rule(relationship.to);
  const rows = `${conditionSql(visible, target, inner, parameters, rule)} AND ${conditionSql(where, target, inner, parameters, rule)}`;
  if (relationship.through) {
    const link = parameters.alias();
    return `EXISTS (SELECT FROM "${relationship.through.table}" ${link} JOIN "${target.table}" ${inner} ON ${inner}."id" = ${link}."${relationship.through.to}" WHERE ${link}."${relationship.through.from}" = ${alias}."id" AND ${rows})`;
  }
  const join = relationship.many
    ? `${inner}."${columnOf(target, relationship.key!).column}" = ${alias}."id"`
    : `${inner}."id" = ${alias}."${columnOf(model, relationship.key!).column}"`;
  const fixed = Object.entries(relationship.where ?? {}).map(
    ([field, value]) => ` AND ${inner}."${columnOf(target, field).column}" = ${parameters.add(value, "text")}`,
  );
  return `EXISTS (SELECT FROM "${target.table}" ${inner} WHERE ${join}${fixed.join("")} AND ${rows})`;
}
