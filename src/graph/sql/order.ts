import { CursorMismatchError } from "../../errors.js";
import { type Column, columnOf, enumValues, type Model, sqlType } from "../model/datamodel.js";
import { isCursorTime } from "../model/times.js";
import type { Parameters } from "./parameters.js";

export interface OrderKey {
  field: string;
  descending: boolean;
  nullsFirst: boolean;
}

/** A total sort order: it always ends in the id. */
export type TotalOrder = readonly OrderKey[];

export interface OrderInput {
  field: string;
  direction?: "ASC" | "DESC";
  nulls?: "FIRST" | "LAST";
}

/**
 * Completes an order with the id; keys after the id have no effect. Nulls default to last when ascending and first when
 * descending, as in PostgreSQL and its indexes.
 */
export function totalOrder(model: Model, keys: readonly OrderInput[]): TotalOrder {
  const order: OrderKey[] = [];
  for (const { field, direction, nulls } of [...keys, { field: "id", direction: keys.at(-1)?.direction }]) {
    if (order.some((key) => key.field === field || key.field === "id")) continue;
    const descending = direction === "DESC";
    const nullable = columnOf(model, field).nullable;
    order.push({ field, descending, nullsFirst: nullable && nulls ? nulls === "FIRST" : descending });
  }
  return order;
}

/** The reverse order, for backward pagination. */
export function reversed(order: TotalOrder): TotalOrder {
  return order.map(({ field, descending, nullsFirst }) => ({
    field,
    descending: !descending,
    nullsFirst: !nullsFirst,
  }));
}

export function orderSql(order: TotalOrder, model: Model, alias: string): string {
  return order
    .map(({ field, descending, nullsFirst }) => {
      const nulls = nullsFirst === descending ? "" : nullsFirst ? " NULLS FIRST" : " NULLS LAST";
      return `${alias}."${columnOf(model, field).column}"${descending ? " DESC" : ""}${nulls}`;
    })
    .join(", ");
}

/** The sort key values of a row: the content of a cursor (keyset). */
export type Keyset = readonly unknown[];

/** The values of a keyset position as SQL parameters, shared by all conditions on it. */
export function keysetSql(
  keyset: Keyset,
  order: TotalOrder,
  model: Model,
  parameters: Parameters,
): readonly (string | null)[] {
  return order.map(({ field }, i) => {
    const value = keyset[i] ?? null;
    return value === null ? null : parameters.add(value, sqlType(columnOf(model, field)));
  });
}

/**
 * Keyset condition: the rows after a position, or all, as one or two ranges of an index on the keys, to be read in
 * sequence: values and nulls of the first key are separate ranges. As a single condition it would be no index range, and
 * a page would cost as much as all pages before it. Without a keyset there is one range if the index sorts nulls the same
 * way, unless `splitNulls`.
 */
export function rangesSql(
  keyset: readonly (string | null)[] | undefined,
  order: TotalOrder,
  model: Model,
  alias: string,
  splitNulls = false,
): string[] {
  const keys = order.map((key, i) => {
    const { column, nullable } = columnOf(model, key.field);
    return { ...key, sql: `${alias}."${column}"`, nullable: Boolean(nullable), value: keyset?.[i] ?? null };
  });
  if (keyset) return rangesAfter(keys);
  const [{ sql, nullable, nullsFirst, descending }] = keys as [RangeKey];
  if (!nullable || (nullsFirst === descending && !splitNulls)) return ["TRUE"];
  return nullsFirst ? [`${sql} IS NULL`, `${sql} IS NOT NULL`] : [`${sql} IS NOT NULL`, `${sql} IS NULL`];
}

/** Sort order within one range, where the first key is all null or never null: as in the index. */
export function withinRange([first, ...rest]: TotalOrder): TotalOrder {
  return [{ ...first!, nullsFirst: first!.descending }, ...rest];
}

interface RangeKey extends OrderKey {
  sql: string;
  nullable: boolean;
  value: string | null;
}

function rangesAfter(keys: readonly RangeKey[]): string[] {
  const [{ sql, value, nullable, nullsFirst, descending }, ...rest] = keys as [RangeKey, ...RangeKey[]];
  const tieBreak = () => `(${rangesAfter(rest).join(" OR ")})`;
  if (value === null) {
    const amongNulls = `(${sql} IS NULL AND ${tieBreak()})`;
    return nullsFirst ? [amongNulls, `${sql} IS NOT NULL`] : [amongNulls];
  }
  const operator = descending ? "<" : ">";
  // A row comparison is null, which means no match, if its first column is.
  const comparable = rest.every((key) => key.descending === descending && !key.nullable);
  const amongValues = comparable
    ? `(${keys.map((key) => key.sql).join(", ")}) ${operator} (${keys.map((key) => key.value).join(", ")})`
    : `(${sql} ${operator}= ${value} AND (${sql} ${operator} ${value} OR ${tieBreak()}))`;
  return nullable && !nullsFirst ? [amongValues, `${sql} IS NULL`] : [amongValues];
}

/** Signature of a cursor: identifies its list and sort order. */
function signature(model: Model, order: TotalOrder): string {
  const keys = order.map(
    ({ field, descending, nullsFirst }) => `${descending ? "-" : "+"}${nullsFirst ? "n" : ""}${field}`,
  );
  return `${model.prefix}:${keys.join()}`;
}

/** Encodes an opaque cursor: base64url of the signature and the keyset. */
export function cursorOf(keyset: Keyset, order: TotalOrder, model: Model): string {
  return Buffer.from(JSON.stringify([signature(model, order), ...keyset])).toString("base64url");
}

/** The cursor of a row. */
export function encodeCursor(row: Record<string, unknown>, order: TotalOrder, model: Model): string {
  const keyset = order.map(({ field }) => row[field] ?? null);
  return cursorOf(keyset, order, model);
}

/** Decodes a cursor. Rejects cursors of another list or sort order, and forged ones. */
export function decodeCursor(cursor: string, argument: string, order: TotalOrder, model: Model): Keyset {
  let decoded: unknown;
  try {
    decoded = JSON.parse(Buffer.from(cursor, "base64url").toString("utf8"));
  } catch {
    throw new CursorMismatchError(argument);
  }
  if (!Array.isArray(decoded) || decoded.length !== order.length + 1 || decoded[0] !== signature(model, order)) {
    throw new CursorMismatchError(argument);
  }
  const keyset = decoded.slice(1);
  if (!order.every(({ field }, i) => fits(keyset[i], columnOf(model, field)))) throw new CursorMismatchError(argument);
  return keyset;
}

/** Whether a cursor value is valid for the type of its column. */
function fits(value: unknown, column: Column): boolean {
  if (value === null) return Boolean(column.nullable);
  if (column.enum) return enumValues(column.type).includes(value as string);
  switch (column.type) {
    case "String":
      return typeof value === "string" && value.isWellFormed() && !value.includes("\0");
    case "Int":
      return Number.isInteger(value) && Math.abs(value as number) < 2 ** 31;
    case "Float":
      return typeof value === "number";
    case "Boolean":
      return typeof value === "boolean";
    case "DateTime":
      return typeof value === "string" && isCursorTime(value);
    default:
      return false;
  }
}
