import { datamodel, enums } from "../../generated/datamodel.js";

/** The name of a model, as in prisma/schema.prisma: `Customer`. */
export type ModelName = keyof typeof datamodel;

export interface Column {
  readonly column: string;
  /** Prisma's name of the scalar, or the name of an enum. */
  readonly type: string;
  readonly enum?: true;
  readonly nullable?: true;
  readonly hasDefault?: true;
  /** Generated, or maintained by a trigger: never written. */
  readonly derived?: true;
  readonly id?: true;
  /** Format of its texts (`@form`), if its name does not imply it: `code`, `at most 500`, a pattern. */
  readonly form?: string;
  /** Never read into a row: credentials. */
  readonly secret?: true;
  /** Attribute names in JSON:API documents, if not the column's name: `@document` of prisma/schema.prisma. */
  readonly document?: readonly string[];
  /** Maintained by triggers; derived from other rows, like a generated column. */
  readonly counted?: true;
}

export interface Relation {
  readonly to: ModelName;
  readonly many: boolean;
  /** The field with the foreign key: on this model for to-one relations, on the other for to-many ones. */
  readonly key?: string;
  /** The join table, instead of a foreign key. */
  readonly through?: { readonly table: string; readonly from: string; readonly to: string };
  /** Fixed column values of related rows, for polymorphic relations. */
  readonly where?: Readonly<Record<string, string>>;
  /** How the import finds the related row if a document lacks the relationship: by an attribute and a unique field. */
  readonly foundBy?: { readonly attribute: string; readonly unique: string };
}

/** How JSON:API documents of a model differ from its columns and relations. */
export interface DocumentMarks {
  /** Attributes without a column: they are computed when they are read. */
  readonly computed: readonly string[];
  /** By type, attributes stored in one Json column, with their scalar types. */
  readonly attributes: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** Ignored names by type: accepted and counted, not stored. */
  readonly leftOut: Readonly<Record<string, readonly string[]>>;
  /** Attributes that are rejected unless null, with the reason. */
  readonly refused: Readonly<Record<string, string>>;
  /** Members of `meta` and their columns. */
  readonly meta: Readonly<Record<string, { column: string; type: string; nullable: boolean }>>;
  /** Its rows are deleted with the resource they are about. */
  readonly attached?: true;
}

export interface Model {
  readonly name: ModelName;
  readonly table: string;
  readonly prefix: string;
  /** An acronym in its name. */
  readonly acronym?: string;
  readonly columns: Readonly<Record<string, Column>>;
  readonly relations: Readonly<Record<string, Relation>>;
  /** Relations towards the customer who owns the row: the first that is set counts. */
  readonly owners?: readonly string[];
  /** Default permissions by kind of caller, if the token has none. */
  readonly permissions: Readonly<Record<"guest" | "customer" | "user", readonly string[]>>;
  /** Special permissions beyond read and write, with their descriptions. */
  readonly special: Readonly<Record<string, string>>;
  /** Error messages of its constraints, by name, where the columns alone do not explain them. */
  readonly constraints: Readonly<Record<string, string>>;
  /** Its own user error codes, with their descriptions. */
  readonly errors: Readonly<Record<string, string>>;
  /** Its rows are data subjects; the status field, and its values once erasure has begun. */
  readonly dataSubject?: { readonly field: string; readonly erased: readonly string[] };
  /** Its rows are about a resource of any type, and are deleted with it. */
  readonly cascade?: true;
  /** Its rows are the audit trail. */
  readonly auditTrail?: true;
  readonly documents: DocumentMarks;
  readonly unique: readonly (readonly string[])[];
  /** The fields of its B-tree indexes that are not unique. */
  readonly indexes: readonly (readonly string[])[];
}

/** Polymorphic reference of a model's rows: the columns with the type and id of the referenced resource. */
export interface About {
  /** Its name as a relationship: `resource` of `resource_type` and `resource_id`. */
  readonly relationship: string;
  readonly typeField: string;
  readonly idField: string;
  readonly typeColumn: Column;
  readonly idColumn: Column;
}

type Relations<M extends ModelName> = (typeof datamodel)[M]["relations"];
/** User error codes that models declare. */
export type ModelErrorCode = { [M in ModelName]: keyof (typeof datamodel)[M]["errors"] }[ModelName];
/** The names of the to-many relations of a model. */
export type Lists<M extends ModelName> = {
  [R in keyof Relations<M>]: Relations<M>[R] extends { many: true } ? R : never;
}[keyof Relations<M>] &
  string;
/** The names of the to-one relations of a model. */
export type Parents<M extends ModelName> = {
  [R in keyof Relations<M>]: Relations<M>[R] extends { many: false } ? R : never;
}[keyof Relations<M>] &
  string;

type Columns<M extends ModelName> = (typeof datamodel)[M]["columns"];
interface Scalars {
  String: string;
  Int: number;
  Float: number;
  Boolean: boolean;
  DateTime: Date;
  /** Columns hold JSON objects, never lists or plain values. */
  Json: Record<string, unknown>;
}
type Scalar<C> = C extends { enum: true; type: infer E extends keyof typeof enums }
  ? EnumValue<E>
  : C extends { type: infer T extends keyof Scalars }
    ? Scalars[T]
    : never;
type ColumnValue<C> = C extends { nullable: true } ? Scalar<C> | null : Scalar<C>;
/** A row as it is read, in the fields of prisma/schema.prisma: without credentials. */
export type RowOf<M extends ModelName> = {
  -readonly [F in keyof Columns<M> as Columns<M>[F] extends { secret: true } ? never : F]: ColumnValue<Columns<M>[F]>;
} & { id: string };
/** Column values to write to a row of a model, without those that the database computes. */
export type ValuesOf<M extends ModelName> = {
  -readonly [F in keyof Columns<M> as Columns<M>[F] extends { derived: true } ? never : F]?: ColumnValue<Columns<M>[F]>;
};
/** The fields of a model's rows. */
export type FieldOf<M extends ModelName> = keyof RowOf<M> & string;

export const models: ReadonlyMap<ModelName, Model> = new Map(
  Object.entries(datamodel).map(([name, model]) => [name as ModelName, { name: name as ModelName, ...model } as Model]),
);

/** The only model with a given mark in prisma/schema.prisma. */
function modelWith(mark: "dataSubject" | "auditTrail"): Model {
  return [...models.values()].find((model) => model[mark])!;
}

/** The model of data subjects: its rows own personal data. */
export const dataSubject = modelWith("dataSubject");
export const auditTrail = modelWith("auditTrail");

const byTable = new Map([...models.values()].map((model) => [model.table, model]));

export function modelNamed(name: ModelName): Model {
  return models.get(name)!;
}

/** The model of a resource type such as `customers`, if there is one. */
export function modelOfType(type: string): Model | undefined {
  return byTable.get(type);
}

/** The discriminator column of a model whose resources have several types. */
export function typeColumnOf(model: Model): Column | undefined {
  return Object.values(model.columns).find(({ document }) => document?.includes("type"));
}

/** Resource types of a model in documents. */
export function typesOf(model: Model): readonly string[] {
  const column = typeColumnOf(model);
  return column ? enumValues(column.type) : [model.table];
}

/** The model of an id, by its prefix; undefined for imported ids. */
export function modelOfId(id: string): ModelName | undefined {
  const prefix = /^([a-z]{3})_/.exec(id)?.[1];
  return prefix ? [...models.values()].find((model) => model.prefix === prefix)?.name : undefined;
}

export function columnOf(model: Model, field: string): Column {
  const column = model.columns[field];
  if (!column) throw new Error(`${model.name} has no column ${field}`);
  return column;
}

export function relationOf(model: Model, name: string): Relation {
  const relation = model.relations[name];
  if (!relation) throw new Error(`${model.name} has no relation ${name}`);
  return relation;
}

const polymorphic = new Map<ModelName, About>();
for (const { relations } of models.values()) {
  for (const { to, key, where } of Object.values(relations)) {
    if (!where) continue;
    const [typeField, idField] = [Object.keys(where)[0]!, key!];
    const [typeColumn, idColumn] = [columnOf(modelNamed(to), typeField), columnOf(modelNamed(to), idField)];
    const relationship = typeColumn.column.replace(/_type$/, "");
    polymorphic.set(to, { relationship, typeField, idField, typeColumn, idColumn });
  }
}

/** The polymorphic reference of a model; undefined if it has none. */
export function aboutOf({ name }: Model): About | undefined {
  return polymorphic.get(name);
}

/** The field with the id of the data subject that a row belongs to, if its model has one. */
export function ownerField({ relations }: Model): string | undefined {
  return Object.values(relations).find(({ to, many }) => to === dataSubject.name && !many)?.key;
}

/** Whether a row of the model may belong to several customers. */
export function isShared(model: Model): boolean {
  return (model.owners ?? []).some((name) => relationOf(model, name).many);
}

/** Whether rows of a model may be personal data: writes lock the data subject, and are rejected once it is erased. */
export function isPersonal(model: Model): boolean {
  return Boolean(model === dataSubject || model.owners || aboutOf(model));
}

/** Union type of an enum's values: `"draft" | "placed" …`. */
export type EnumValue<E extends keyof typeof enums> = (typeof enums)[E]["values"][number];

/** The values of an enum as stored in the database. */
export function enumValues(type: string): readonly string[] {
  return enums[type as keyof typeof enums].values;
}

const sqlTypes: Record<string, string> = {
  String: "text",
  Int: "int4",
  Float: "float8",
  Boolean: "bool",
  DateTime: "timestamptz",
  Json: "jsonb",
};

/** The SQL type of a column, for casts of parameters. */
export function sqlType(column: Column): string {
  return column.enum ? `"${enums[column.type as keyof typeof enums].type}"` : sqlTypes[column.type]!;
}
