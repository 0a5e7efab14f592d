import type { GraphQLField } from "graphql";
import { Extensions } from "type-graphql";
import type { ModelName } from "../model/datamodel.js";
import type { Condition } from "../sql/condition.js";

/** The source of a field: how a plan answers it without its resolver. Fields without a source need their resolver. */
export type Source =
  /** A column of the row. */
  | { kind: "column"; field: string }
  /** The row at the other end of a to-one relation. */
  | { kind: "parent"; relation: string }
  /** A page of a to-many relation. */
  | { kind: "list"; relation: string }
  /** All rows of a small to-many relation, in the model's default order. */
  | { kind: "all"; relation: string; limit: number }
  | Derived
  /** A root field that finds one row; `where` builds its look-up from the arguments. Several rows may have a `shared` key. */
  | { kind: "one"; model: ModelName; where: (args: Record<string, unknown>) => LookUp; shared: readonly string[] }
  /** A root field that lists rows. */
  | { kind: "many"; model: ModelName }
  /** The customer of the caller's token. */
  | { kind: "own" }
  /** The root field that finds a resource of any type by its id. */
  | { kind: "node" };

/** A derived value: a function of the row, and optionally of the row at the other end of a to-one relation. */
export interface Derived {
  kind: "derived";
  value(row: object, other: object | null | undefined): unknown;
  /** The columns that it reads; undefined: any. An empty list: the value is the same for every row of a type. */
  needs?: readonly string[];
  other?: { relation: string; needs: readonly string[] };
}

/** Condition of a single-row lookup. If not `unique`, several matches are an error. */
export interface LookUp {
  condition: Condition;
  unique: boolean;
}

/** Declares the source of a field. */
export function declareSource(source: Source): PropertyDecorator & MethodDecorator {
  return Extensions({ source });
}

/** Declares the columns that a getter reads. */
export function derivedFrom(needs: readonly string[]): PropertyDecorator {
  return (prototype, name) =>
    declareSource({ kind: "derived", value: (row: Record<string, unknown>) => row[name as string], needs } as Derived)(
      prototype,
      name,
    );
}

export function sourceOf(field: GraphQLField<unknown, unknown>): Source | undefined {
  return field.extensions.source as Source | undefined;
}
