import { columnOf } from "../model/datamodel.js";
import type { ModelType } from "../schema/model.js";
import type { Derived } from "../schema/source.js";

// The selection tree of a query: the columns and relations to read of each row, and the response fields built from
// them. All strategies visit it: by-postgres.ts, by-code.ts and by-resolvers.ts.

/** A root field: constant JSON, or a column of the statement with one row or a list. */
export type RootField = ConstantField | SelectedRoot;
export type SelectedRoot = Named & { readonly column: number } & (
    | {
        /** If not `unique`, up to two rows are read, since several matches are an error. */
        readonly kind: "one";
        readonly fieldArguments: number;
        readonly unique: boolean;
        readonly row: RowSelection;
        readonly fields: FieldsByType;
      }
    | { readonly kind: "many"; readonly list: ListSelection; readonly fields: readonly ConnectionField[] }
  );

/** A column or a relation of a row. `index`: the position of its value in the row's array. */
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

/** The selected columns and relations of a row; extended while the plan is compiled. */
export class RowSelection {
  readonly selected: ColumnOrRelation[] = [];

  constructor(readonly type: ModelType) {}

  get model() {
    return this.type.datamodel;
  }

  /** Selects a column, once. */
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

  private add<T extends ColumnOrRelation>(selected: T): T {
    this.selected.push(selected);
    return selected;
  }
}

/** Selection of a list; extended while the plan is compiled. */
export interface ListSelection {
  readonly type: ModelType;
  /** The index of its arguments in the plan. */
  readonly fieldArguments: number;
  /** Absent when the list is only counted. */
  row?: RowSelection;
  /** Whether to read one row more than the page, to compute hasNextPage. */
  extraRow: boolean;
  /** The indexes of the arguments of its counts. */
  readonly counts: number[];
  /** Index of the count that `hasPreviousPage` uses to check whether the list is empty. */
  any?: number;
}

/** A field's response key, which may be an alias, and its name. */
interface Named {
  readonly key: string;
  readonly name: string;
}
export type ConstantField = Named & { readonly kind: "constant"; readonly json: string };

/** The fields of a row, by object type. */
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

/** Serialises a value as JSON. */
export type Serialize = (value: unknown) => string;

/** Thrown when a row violates the schema; resolvers then answer the operation and report the error. */
export class IrregularError extends Error {}
