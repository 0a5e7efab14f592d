import { type Column, columnOf, type Model } from "../model/datamodel.js";
import type { EvaluatedArguments } from "./arguments.js";

/**
 * What one row may add to a statement's result, and the arguments of the lists that it is in: there are as many rows as
 * their pages multiply to.
 */
export interface RowWeight {
  readonly lists: readonly number[];
  readonly bytes: number;
}

/**
 * Which results a statement measures while it makes them: none, each page when it is complete, or each row as well where
 * a single page could already be too large.
 */
export type SizeCheck = "none" | "pages" | "rows";

/** Maximum size of metadata; usual maximum size of texts. */
const jsonBytes = 65_536;
const textBytes = 256;
export const otherBytes = 32;

/** Usual maximum size of a column's value. */
export function columnBytes(model: Model, field: string): number {
  const { type, enum: isEnum }: Column = columnOf(model, field);
  return type === "Json" ? jsonBytes : type === "String" && !isEnum ? textBytes : otherBytes;
}

/** Maximum size of a single row. */
export function largestRow(weights: readonly RowWeight[]): number {
  return Math.max(0, ...weights.map(({ bytes }) => bytes));
}

/** The size check that a statement with these arguments needs, to stay near a maximum size. */
export function sizeCheck(
  weights: readonly RowWeight[],
  args: readonly EvaluatedArguments[],
  maximum: number,
): SizeCheck {
  let total = 0;
  let largestPage = 0;
  for (const { lists, bytes } of weights) {
    let rows = 1;
    let page = bytes;
    for (const list of lists) {
      const size = args[list]!.list!.page.limit + 1;
      rows *= size;
      page = bytes * size;
    }
    total += rows * bytes;
    largestPage = Math.max(largestPage, page);
  }
  // Texts may be longer than they usually are.
  if (total <= maximum / 8) return "none";
  return largestPage <= maximum / 4 ? "pages" : "rows";
}
