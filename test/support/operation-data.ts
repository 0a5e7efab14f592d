import type { parseDocument } from "gql.tada";
import type { Introspection } from "../generated/introspection.js";

// biome-ignore lint/suspicious/noExplicitAny: what was selected by a text that is not known before it runs.
export type Untyped = any;

type Types = Introspection["types"];

interface Scalars {
  ID: string;
  String: string;
  Boolean: boolean;
  Int: number;
  Float: number;
  DateTime: string;
  JSON: Record<string, unknown>;
}

type Named<Name> = { name: { value: Name } };
type SelectionOf<Node> = Node extends { selectionSet: { selections: (infer Selection)[] } } ? Selection : never;

/** The fields that are selected on a type, those of fragments too, each with the type that it is selected on. */
type FieldOf<Selection, On, Fragment> = Selection extends { alias: infer Alias; name: { value: infer Name } }
  ? { on: On; key: Alias extends { value: infer Key } ? Key : Name; name: Name; selection: SelectionOf<Selection> }
  : Selection extends { typeCondition: infer Condition }
    ? FieldOf<SelectionOf<Selection>, Condition extends Named<infer Type> ? Type : On, Fragment>
    : Selection extends Named<infer Name>
      ? FieldOf<Extract<Fragment, Named<Name>>, On, Fragment>
      : never;

type TypeOf<Field> = Field extends { name: "__typename" }
  ? { name: "String" }
  : Field extends { on: infer On extends keyof Types; name: infer Name extends string }
    ? Types[On] extends { fields: { [Its in Name]: { type: infer Type } } }
      ? Type
      : unknown
    : unknown;

/** An object with all that may be there, without null: a test says by what it expects what is there. */
type ObjectOf<Field, Fragment> = [Field] extends [{ key: infer Key extends string; selection: unknown }]
  ? {
      [One in Key]: ValueOf<TypeOf<Extract<Field, { key: One }>>, Extract<Field, { key: One }>["selection"], Fragment>;
    }
  : never;

type ValueOf<Type, Selection, Fragment> = Type extends { kind: "NON_NULL"; ofType: infer Of }
  ? ValueOf<Of, Selection, Fragment>
  : Type extends { kind: "LIST"; ofType: infer Of }
    ? ValueOf<Of, Selection, Fragment>[]
    : Type extends { name: infer Name extends keyof Scalars }
      ? Scalars[Name]
      : Type extends { name: infer Name extends keyof Types }
        ? Types[Name] extends { enumValues: infer Value }
          ? Value
          : ObjectOf<FieldOf<Selection, Name, Fragment>, Fragment>
        : unknown;

type DataOfOperation<Operation, Fragment> = Operation extends {
  operation: infer Kind extends "query" | "mutation" | "subscription";
}
  ? ObjectOf<FieldOf<SelectionOf<Operation>, Introspection[Kind], Fragment>, Fragment>
  : never;

type DataOfDefinitions<Definition> = DataOfOperation<Definition, Exclude<Definition, { operation: unknown }>>;

/** The data that answers a document, by its text. */
export type DataOf<Document extends string> = Document extends unknown
  ? string extends Document
    ? Untyped
    : [parseDocument<Document>] extends [never]
      ? Untyped
      : DataOfDefinitions<parseDocument<Document>["definitions"][number]>
  : never;

/** What a mutation says of its input, as far as it was asked. */
export interface UserError {
  code: string;
  path: string[];
  message?: string;
}

export type OnlyFieldOf<Data> = Data extends unknown ? Data[keyof Data] : never;

/** What answers the only field of a document. */
export const onlyField = <Data>(data: Data) => Object.values(data ?? {})[0] as OnlyFieldOf<Data>;
