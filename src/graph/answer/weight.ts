import { type Column, columnOf } from "../model/datamodel.js";
import type { Evaluated } from "./plan.js";
import {
  type ListTree,
  type ObjectShape,
  type RootShape,
  type RootTree,
  type RowTree,
  wholeParts,
} from "./selection.js";

/** What one row may add to a statement's result, and the lists that it is in: as many rows as their pages multiply to. */
interface Weight {
  readonly sites: readonly number[];
  readonly bytes: number;
}

/**
 * Which results a statement measures while it makes them: none, each page when it is complete, or each row as well where
 * a single page could already be too large.
 */
export type SizeCheck = "none" | "pages" | "rows";

/** The most that metadata may hold; what texts usually do at most. */
const jsonBytes = 65_536;
const textBytes = 256;
const otherBytes = 32;

function bytesOf({ type, enum: isEnum }: Column): number {
  return type === "Json" ? jsonBytes : type === "String" && !isEnum ? textBytes : otherBytes;
}

/**
 * What the rows of a statement may come to: those that PostgreSQL writes as objects, where their shapes are given, or
 * else as arrays, `whole` or not.
 */
export function weightsOf(
  roots: readonly RootTree[],
  { shapes, whole = false }: { shapes?: readonly RootShape[]; whole?: boolean },
): Weight[] {
  const weights: Weight[] = [];

  const list = ({ site, row }: ListTree, sites: readonly number[], own: (row: RowTree, sites: number[]) => number) => {
    if (!row) return;
    const inner = [...sites, site];
    weights.push({ sites: inner, bytes: own(row, inner) });
  };

  const array = (row: RowTree, sites: readonly number[]): number => {
    let bytes = 0;
    for (const part of whole ? wholeParts(row) : row.parts) {
      if (part.kind === "column") bytes += bytesOf(columnOf(row.model, part.field));
      else if (part.kind === "parent") bytes += array(part.row, sites);
      else list(part.list, sites, array);
    }
    return bytes;
  };

  const object = (row: RowTree, { fields }: ObjectShape, sites: readonly number[]): number => {
    let bytes = 0;
    for (const { key, value } of fields) {
      bytes += key.length + otherBytes;
      if (value.kind === "constant") {
        bytes += value.json.length;
        continue;
      }
      const part = row.parts[value.part]!;
      if (part.kind === "column") bytes += bytesOf(columnOf(row.model, part.field));
      else if (part.kind === "parent") bytes += object(part.row, (value as { shape: ObjectShape }).shape, sites);
      else if (value.kind === "list") {
        for (const field of value.fields) {
          const nodes = field.value;
          if (nodes.kind === "nodes") list(part.list, sites, (inner, at) => object(inner, nodes.shape, at));
        }
      } else list(part.list, sites, (inner, at) => object(inner, (value as { shape: ObjectShape }).shape, at));
    }
    return bytes;
  };

  roots.forEach((root, i) => {
    const shape = shapes?.[i];
    if (root.kind === "one") {
      weights.push({
        sites: [],
        bytes: shape?.kind === "one" ? object(root.row, shape.shape, []) : array(root.row, []),
      });
    } else if (shape?.kind === "many") {
      for (const { value } of shape.fields) {
        if (value.kind === "nodes") list(root.list, [], (row, sites) => object(row, value.shape, sites));
      }
    } else list(root.list, [], array);
  });
  return weights;
}

/** The most that a single row may come to. */
export function largestRow(weights: readonly Weight[]): number {
  return Math.max(0, ...weights.map(({ bytes }) => bytes));
}

/** How a statement has to measure what it makes, with these arguments, so that it never makes much more than a maximum. */
export function sizeCheck(weights: readonly Weight[], args: readonly Evaluated[], maximum: number): SizeCheck {
  let total = 0;
  let largestPage = 0;
  for (const { sites, bytes } of weights) {
    let rows = 1;
    let page = bytes;
    for (const site of sites) {
      const size = args[site]!.list!.page.limit + 1;
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
