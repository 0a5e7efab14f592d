import { columnOf } from "../model/datamodel.js";
import type { ModelType } from "../schema/model.js";
import type { Derived } from "../schema/source.js";

/**
 * What a query selects: of every row the columns and relations to read, and the answer's fields that are made from them.
 * Each strategy visits this one tree: by-postgres.ts, by-code.ts and by-resolvers.ts.
 */

/** A root field: JSON that is known beforehand, or a column of the statement that holds one row or a list. */
export type RootField = ConstantField | SelectedRoot;
export type SelectedRoot = Named & { readonly column: number } & (
    | {
        /** Not `unique`: several rows may be found, which is an error, so up to two are read. */
        readonly kind: "one";
        readonly fieldArguments: number;
        readonly unique: boolean;
        readonly row: RowSelection;
        readonly fields: FieldsByType;
      }
    | { readonly kind: "many"; readonly list: ListSelection; readonly fields: readonly ConnectionField[] }
  );

/** A column or a relation of a row. `index`: where its value stands in the array that is read of the row. */
export type ColumnOrRelation = SelectedColumn | SelectedParent | SelectedList;
export interface SelectedColumn {
  readonly kind: "column";
  readonly index: number;
  readonly field: string;
}
export interface SelectedParent {
  readonly kind: "parent";
  readonly index: number;
  readonly relation: string;
  readonly row: RowSelection;
}
export interface SelectedList {
  readonly kind: "list";
  readonly index: number;
  readonly relation: string;
  readonly list: ListSelection;
}

/** The columns and relations selected of a row; grows while the plan is made. */
export class RowSelection {
  readonly selected: ColumnOrRelation[] = [];

  constructor(readonly type: ModelType) {}

  get model() {
    return this.type.datamodel;
  }

  /** Selects a column; one that is selected several times is read once. */
  column(field: string): SelectedColumn {
    columnOf(this.model, field);
    for (const known of this.selected) if (known.kind === "column" && known.field === field) return known;
    return this.add({ kind: "column", index: this.selected.length, field });
  }

  parent(relation: string, row: RowSelection): SelectedParent {
    return this.add({ kind: "parent", index: this.selected.length, relation, row });
  }

  list(relation: string, list: ListSelection): SelectedList {
    return this.add({ kind: "list", index: this.selected.length, relation, list });
  }

  private add<T extends ColumnOrRelation>(one: T): T {
    this.selected.push(one);
    return one;
  }
}

/** Selection of a list; extended while the plan is compiled. */
export interface ListSelection {
  readonly type: ModelType;
  /** The index of its arguments in the plan. */
  readonly fieldArguments: number;
  /** Absent when the list is only counted. */
  row?: RowSelection;
  /** Whether to read one row more than the page holds, to learn whether there are more. */
  extraRow: boolean;
  /** The indexes of the arguments with the limits up to which to count. */
  readonly counts: number[];
  /** Index of the count that `hasPreviousPage` uses to check whether the list is empty. */
  any?: number;
}

/** A field's key in the answer, which may be an alias, and its name. */
interface Named {
  readonly key: string;
  readonly name: string;
}
export type ConstantField = Named & { readonly kind: "constant"; readonly json: string };

/** The fields of an object, for each object type that a row may be. */
export type FieldsByType = ReadonlyMap<string, readonly RowField[]>;

/** A field of a row's object. */
export type RowField =
  | ConstantField
  | (Named &
      (
        | { readonly kind: "column"; readonly column: SelectedColumn; readonly leaf: Leaf }
        | {
            readonly kind: "derived";
            readonly value: Derived["value"];
            readonly serialize: Serialize;
            readonly other?: SelectedParent;
          }
        | { readonly kind: "parent"; readonly parent: SelectedParent; readonly fields: FieldsByType }
        | { readonly kind: "list"; readonly list: SelectedList; readonly fields: readonly ConnectionField[] }
        | {
            readonly kind: "all";
            readonly list: SelectedList;
            readonly row: RowSelection;
            readonly fields: FieldsByType;
          }
      ));

export type ConnectionField =
  | ConstantField
  | (Named &
      (
        | { readonly kind: "nodes"; readonly row: RowSelection; readonly fields: FieldsByType }
        | { readonly kind: "edges"; readonly row: RowSelection; readonly fields: readonly EdgeField[] }
        | { readonly kind: "pageInfo"; readonly row: RowSelection; readonly fields: readonly PageInfoField[] }
        /** `index`: which of the list's counts. */
        | { readonly kind: "count"; readonly index: number }
      ));

export type EdgeField =
  | ConstantField
  | (Named & ({ readonly kind: "cursor" } | { readonly kind: "node"; readonly fields: FieldsByType }));

export type PageInfoField = ConstantField | (Named & { readonly kind: "pageInfo" });

/** A leaf value as read from the database's JSON. */
export interface Leaf {
  readonly kind: "text" | "number" | "moment" | "json" | "enum";
  readonly nullable: boolean;
  /** The names of an enum's values, as JSON. */
  readonly names?: ReadonlyMap<string, string>;
}

/** Serializes a value as JSON. */
export type Serialize = (value: unknown) => string;

/** Thrown when a row violates the schema; resolvers then answer the operation and report the error. */
export class IrregularError extends Error {}
