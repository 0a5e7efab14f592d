import { type Column, columnOf, type Model } from "../model/datamodel.js";
import type { EvaluatedArguments } from "./arguments.js";

/** Maximum size of a row in a statement's result, and the arguments of its enclosing lists: their sizes multiply. */
export interface RowWeight {
  readonly lists: readonly number[];
  readonly bytes: number;
}

/**
 * What a statement measures while it runs: nothing, each complete page, or each row as well, if a single page could be
 * too large.
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
  // Safety margin: texts may be longer than usual.
  if (total <= maximum / 8) return "none";
  return largestPage <= maximum / 4 ? "pages" : "rows";
}
