import { type Model, modelOfType } from "../model/datamodel.js";

/** The constraint that a statement violated. */
export interface BrokenConstraint {
  /** A unique index, a foreign key, or a check. */
  readonly kind: "unique" | "reference" | "check";
  /** Table of the constraint; for a foreign key, the referencing table. */
  readonly table: string;
  readonly model: Model;
  /** The field that it is about. */
  readonly field?: string;
  /** Error message from `@constraint` of its model, if any. */
  readonly words?: string;
}

/** PostgreSQL 18 has a separate code for RESTRICT. */
const kinds: Record<string, BrokenConstraint["kind"]> = {
  "23001": "reference",
  "23503": "reference",
  "23505": "unique",
  "23514": "check",
};

/**
 * The constraint of a model's table that an error of PostgreSQL is about; undefined for any other error. Unique indexes and foreign keys are
 * named by their table and columns, so this is the one place that knows them all.
 */
export function brokenConstraint(error: unknown): BrokenConstraint | undefined {
  const { code = "", constraint, table } = error as { code?: string; constraint?: string; table?: string };
  const kind = kinds[code];
  if (!kind || !constraint || !table) return undefined;
  const model = modelOfType(table);
  if (!model) return undefined;
  // The longest first: the names of some columns end in the name of another.
  const fields = Object.entries(model.columns)
    .filter(([, { column }]) => new RegExp(`_${column}(_|$)`).test(constraint.slice(table.length)))
    .sort(([, a], [, b]) => b.column.length - a.column.length)
    .map(([field]) => field)
    .filter((field) => field !== "mode" && field !== "id");
  // What is unique among a customer's own is told at the other field.
  const field = (kind === "unique" && fields.find((name) => name !== "customerId")) || fields[0];
  return { kind, table, model, field, words: model.constraints[constraint] };
}
