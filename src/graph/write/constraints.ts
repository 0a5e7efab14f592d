import { type Model, modelOfType } from "../model/datamodel.js";

/** The constraint that a statement violated. */
export interface BrokenConstraint {
  /** A unique index, a foreign key, or a check. */
  readonly kind: "unique" | "reference" | "check";
  /** Table of the constraint; for a foreign key, the referencing table. */
  readonly table: string;
  readonly model: Model;
  /** The constrained field. */
  readonly field?: string;
  /** Error message from `@constraint` of its model, if any. */
  readonly message?: string;
}

/** PostgreSQL 18 has a separate code for RESTRICT. */
const kinds: Record<string, BrokenConstraint["kind"]> = {
  "23001": "reference",
  "23503": "reference",
  "23505": "unique",
  "23514": "check",
};

/**
 * The constraint of a model's table that a PostgreSQL error reports; undefined for any other error. The names of unique
 * indexes and foreign keys contain their table and columns, from which the field is found.
 */
export function brokenConstraint(error: unknown): BrokenConstraint | undefined {
  const { code = "", constraint, table } = error as { code?: string; constraint?: string; table?: string };
  const kind = kinds[code];
  if (!kind || !constraint || !table) return undefined;
  const model = modelOfType(table);
  if (!model) return undefined;
  // Longest first, since some column names end in another's name.
  const fields = Object.entries(model.columns)
    .filter(([, { column }]) => new RegExp(`_${column}(_|$)`).test(constraint.slice(table.length)))
    .sort(([, a], [, b]) => b.column.length - a.column.length)
    .map(([field]) => field)
    .filter((field) => field !== "mode" && field !== "id");
  // Of an index that is unique per customer, report the other field.
  const field = (kind === "unique" && fields.find((name) => name !== "customerId")) || fields[0];
  return { kind, table, model, field, message: model.constraints[constraint] };
}
