import type { GraphQLScalarType } from "graphql";
import { type ClassType, Field, Float, InputType, Int, ObjectType, registerEnumType } from "type-graphql";
import { Guarded, type Quotes, Quoting } from "../access/guard.js";
import type { Permission } from "../access/permission.js";
import { registerRowRule, type VisibleTo } from "../access/row-rules.js";
import { columnOf, type Model as Datamodel, enumValues, type ModelName, modelNamed } from "../model/datamodel.js";
import { amountOf, formatMoney } from "../model/money.js";
import type { OrderInput } from "../sql/order.js";
import { filterInputFor, MetadataFilter, nameEnum } from "./filters.js";
import { declareSource, derivedFrom } from "./source.js";

/** The GraphQL type of an attribute, as decorators take it. */
export type AttributeType = GraphQLScalarType | ClassType | object | StringConstructor | BooleanConstructor;

export interface AttributeOptions {
  description: string;
  nullable?: boolean;
  deprecationReason?: string;
  /** Permissions of the field: null without one of them. */
  access?: readonly Permission[];
  /** The value quotes other fields: returns the part that a viewer without all permissions sees. */
  quotes?: Quotes;
  /** Clients may filter by it; "text" adds `startsWith` and `contains`, which ignore case. There must be an index. */
  filter?: true | "text";
  /** Clients may sort by it. There must be an index that starts with the mode and it. */
  sort?: true;
  /** Contains e-mail addresses: filter values are normalised before comparison. */
  email?: true;
}

export interface FilterField {
  /** `key`: the foreign key of a to-one relation. `set`: which rows a to-many relation has, by one of their fields. */
  kind: "scalar" | "key" | "one" | "many" | "set" | "metadata";
  /** The filtered column or relation. */
  name: string;
  email?: boolean;
  /** The compared field of a set's rows, and the normalisation to its stored form. */
  by?: { field: string; stored?: (given: string) => string };
}

/** GraphQL metadata of a model: its class and the inputs derived from its attributes and relations. */
export interface ModelType {
  readonly name: ModelName;
  readonly datamodel: Datamodel;
  readonly type: ClassType<object>;
  readonly filterInput: ClassType;
  readonly filters: Map<string, FilterField>;
  readonly orderInput: ClassType | undefined;
  readonly defaultOrder: readonly OrderInput[];
  /** The fields that lists can be sorted by. */
  readonly sortable: readonly string[];
  /** The class of one row; differs from `type` where a type is abstract. */
  readonly rowType: (row: Record<string, unknown>) => ClassType<object>;
  /** The class of the rows with this GraphQL object type. */
  readonly classNamed: (object: string) => ClassType<object>;
  /** Discriminator column of an abstract type. */
  readonly kindField: string | undefined;
}

interface Attribute extends AttributeOptions {
  name: string;
  type: () => AttributeType;
}

const attributesOf = new WeakMap<object, Attribute[]>();
const types = new Map<ModelName, ModelType>();
const byClass = new Map<unknown, ModelType>();

/** The model behind a class decorated with `@Model`, or behind one that extends it. */
export function modelTypeOf(type: abstract new (...args: never[]) => object): ModelType {
  return modelTypeOfClass(type, type.name);
}

/** The model of a row. Rows of an abstract model have several classes. */
export function modelTypeOfRow(row: object): ModelType {
  return modelTypeOfClass(row.constructor, row.constructor.name);
}

function modelTypeOfClass(type: unknown, name: string): ModelType {
  let modelType = byClass.get(type);
  for (let base: unknown = type; !modelType && base; base = Object.getPrototypeOf(base)) modelType = byClass.get(base);
  if (!modelType) throw new Error(`${name} is no @Model`);
  byClass.set(type, modelType);
  return modelType;
}

export function modelTypeNamed(name: ModelName): ModelType {
  const modelType = types.get(name);
  if (!modelType) throw new Error(`No class stands for the model ${name}`);
  return modelType;
}

export function allModelTypes(): ModelType[] {
  return [...types.values()];
}

/** A field that is a column of the row. */
export function Attribute(type: () => AttributeType, options: AttributeOptions): PropertyDecorator {
  return (prototype, name) => {
    const { access, quotes } = options;
    if (access) Guarded(...access)(prototype, name);
    if (quotes) Quoting(quotes)(prototype, name);
    declareSource({ kind: "column", field: name as string })(prototype, name as string);
    Field(type, {
      nullable: options.nullable || Boolean(access),
      ...((access || quotes) && { simple: false }),
      description: options.description,
      deprecationReason: options.deprecationReason,
    })(prototype, name as string);
    const declared = attributesOf.get(prototype) ?? [];
    declared.push({ ...options, name: name as string, type });
    attributesOf.set(prototype, declared);
  };
}

/** All attributes of a class, those of its base classes first. */
function attributes(prototype: object | null): Attribute[] {
  if (!prototype || prototype === Object.prototype) return [];
  const own = attributesOf.get(prototype) ?? [];
  const inherited = attributes(Object.getPrototypeOf(prototype));
  return [...inherited.filter(({ name }) => !own.some((attribute) => attribute.name === name)), ...own];
}

type ModelClass = abstract new (...args: never[]) => object;

export interface ModelOptions {
  description: string;
  implements?: ModelClass | ModelClass[];
  /** Row rule: which of its rows shoppers see. */
  visibleTo: VisibleTo;
  /** Default order of its lists. The id is always added. */
  defaultOrder: readonly OrderInput[];
  /** For models whose rows have several GraphQL types: the discriminator column, and the class per value. */
  abstract?: { by: string; types: () => Readonly<Record<string, ClassType<object>>> };
  /** Overrides of filters on inherited attributes. `metadata` needs its own index. */
  filters?: { reference?: "text"; metadata?: true };
}

/**
 * Declares the class of a Prisma model's rows, as a GraphQL object type of the same name, and derives its filter and order
 * inputs from the attributes. Rows are instances of the class, so values derived from columns are getters on it.
 */
export function Model(options: ModelOptions) {
  const { description, implements: interfaces, visibleTo, defaultOrder, abstract, filters = {} } = options;
  return <C extends abstract new (...args: never[]) => object>(target: C) => {
    const name = target.name as ModelName;
    registerRowRule(name, visibleTo);
    if (!abstract) ObjectType(name, { description, implements: interfaces })(target);
    // Classes of interfaces are abstract; rows are created from their prototypes, never by `new`.
    registerModel(name, target as never, defaultOrder, abstract, filters);
  };
}

function registerModel(
  name: ModelName,
  type: ClassType,
  defaultOrder: readonly OrderInput[],
  abstract: ModelOptions["abstract"],
  overrides: NonNullable<ModelOptions["filters"]> = {},
) {
  const filterInput = class {};
  Object.defineProperty(filterInput, "name", { value: `${name}Filter` });
  InputType(`${name}Filter`, {
    description: `Which ${plural(name)} to list. All given fields must match; an empty filter matches everything.`,
  })(filterInput);
  const allAttributes = attributes(type.prototype);
  const sortable = allAttributes.filter(({ sort }) => sort);
  const model: ModelType = {
    name,
    datamodel: modelNamed(name),
    type,
    filterInput,
    filters: new Map(),
    orderInput: orderInputFor(name, sortable),
    defaultOrder,
    sortable: sortable.map((attribute) => attribute.name),
    rowType: abstract ? (row) => abstract.types()[row[abstract.by] as string]! : () => type,
    classNamed: abstract ? (object) => Object.values(abstract.types()).find((row) => row.name === object)! : () => type,
    kindField: abstract?.by,
  };
  types.set(name, model);
  byClass.set(type, model);

  const combine = (operator: string, list: boolean, meaning: string) =>
    Field(() => (list ? [filterInput] : filterInput), { nullable: true, description: meaning })(
      filterInput.prototype,
      operator,
    );
  combine("and", true, "All of these filters must match (AND).");
  combine("or", true, "At least one of these filters must match (OR); an empty list matches nothing.");
  combine("not", false, "This filter must not match (NOT). A comparison with null does not match, so its `not` does.");
  for (const { name: field, type: attributeType, filter: declared, email } of allAttributes) {
    const filter = field === "reference" ? (overrides.reference ?? declared) : declared;
    if (!filter) continue;
    columnOf(model.datamodel, field);
    const input = filterInputFor(attributeType(), filter === "text");
    addFilter(model, field, { kind: "scalar", name: field, email }, () => input, `Filter on \`${field}\`.`);
  }
  if (overrides.metadata) {
    addFilter(
      model,
      "metadata",
      { kind: "metadata", name: "metadata" },
      () => MetadataFilter,
      "Filter on its metadata.",
    );
  }
}

/** Adds a field to the filter of a model. */
export function addFilter(
  model: ModelType,
  field: string,
  filter: FilterField,
  input: () => object,
  description: string,
) {
  model.filters.set(field, filter);
  Field(input, { nullable: true, description })(model.filterInput.prototype, field);
}

export function plural(name: ModelName): string {
  const { table, acronym } = modelNamed(name);
  const words = table.replaceAll("_", " ");
  return acronym ? words.replace(acronym.toLowerCase(), acronym) : words;
}

export enum Direction {
  ASC = "ASC",
  DESC = "DESC",
}
registerEnumType(Direction, {
  name: "OrderDirection",
  description: "Sort direction.",
  valuesConfig: {
    ASC: { description: "Ascending: smallest, earliest or A first." },
    DESC: { description: "Descending: largest, latest or Z first." },
  },
});

export enum Nulls {
  FIRST = "FIRST",
  LAST = "LAST",
}
registerEnumType(Nulls, {
  name: "OrderNulls",
  description: "Where nulls are sorted.",
  valuesConfig: {
    FIRST: { description: "Nulls first." },
    LAST: { description: "Nulls last." },
  },
});

function orderInputFor(name: ModelName, sortable: Attribute[]): ClassType | undefined {
  if (!sortable.length) return undefined;
  const fields = Object.fromEntries(sortable.map((a) => [constantCase(a.name), a.name]));
  registerEnumType(fields, {
    name: `${name}OrderField`,
    description: `Sort fields of ${plural(name)}.`,
    valuesConfig: Object.fromEntries(
      sortable.map((a) => [constantCase(a.name), { description: `Sort by \`${a.name}\`.` }]),
    ),
  });
  class Input {
    field!: string;
    direction!: Direction;
    nulls?: Nulls;
  }
  Field(() => fields, { description: "Field to sort by." })(Input.prototype, "field");
  Field(() => Direction, { description: "Sort direction.", defaultValue: Direction.ASC })(Input.prototype, "direction");
  Field(() => Nulls, {
    nullable: true,
    description: "Where nulls are sorted. Default: last when ascending, first when descending.",
  })(Input.prototype, "nulls");
  InputType(`${name}Order`, { description: `Sort key of ${plural(name)}.` })(Input);
  return Input;
}

export function constantCase(camelCase: string): string {
  return camelCase.replace(/([A-Z])/g, "_$1").toUpperCase();
}

/** Creates a GraphQL enum from one of the datamodel: upper case in the API, the database's values inside. */
export function registerEnum<E extends string>(
  name: string,
  description: string,
  descriptions: Record<E, string>,
): Record<string, E> {
  const values = Object.keys(descriptions) as E[];
  const missing = enumValues(name).filter((value) => !values.includes(value as E));
  if (missing.length) throw new Error(`The enum ${name} lacks ${missing}`);
  const object = Object.fromEntries(values.map((value) => [value.toUpperCase(), value]));
  nameEnum(object, name);
  registerEnumType(object, {
    name,
    description,
    valuesConfig: Object.fromEntries(
      values.map((value) => [value.toUpperCase(), { description: descriptions[value] }]),
    ),
  });
  return object as Record<string, E>;
}

/** Creates a GraphQL enum that no column has: its values are their names. */
export function registerWords<W extends string>(name: string, description: string, words: Record<W, string>): object {
  const object = Object.fromEntries(Object.keys(words).map((word) => [word, word]));
  registerEnumType(object, {
    name,
    description,
    valuesConfig: Object.fromEntries(
      (Object.entries(words) as [string, string][]).map(([word, meaning]) => [word, { description: meaning }]),
    ),
  });
  return object;
}

interface Priced {
  currencyCode?: string | null;
}

/**
 * An amount of money: a column of minor units named `…Cents`, and the derived fields `…Float` and `formatted…`, in the
 * row's currency. `description` is a phrase without a full stop.
 */
export function Money(
  description: string,
  { nullable, filter, sort, access }: Partial<AttributeOptions> = {},
): PropertyDecorator {
  return (prototype, name) => {
    const cents = name as string;
    const base = cents.replace(/Cents$/, "");
    const formatted = `formatted${base[0]!.toUpperCase()}${base.slice(1)}`;
    Attribute(() => Int, {
      description: `${description}, in minor units such as cents.`,
      nullable,
      filter,
      sort,
      access,
    })(prototype, cents);
    const derive = (
      field: string,
      type: () => object,
      meaning: string,
      value: (amount: number, row: Priced) => unknown,
    ) => {
      Object.defineProperty(prototype, field, {
        configurable: true,
        get(this: Priced & Record<string, number | null>) {
          const amount = this[cents];
          return amount === null || amount === undefined ? null : value(amount, this);
        },
      });
      if (access) Guarded(...access)(prototype, field);
      derivedFrom([cents, "currencyCode"])(prototype, field);
      const fieldOptions = { nullable, description: meaning };
      Field(type, access ? { ...fieldOptions, nullable: true, simple: false } : fieldOptions)(prototype, field);
    };
    derive(
      `${base}Float`,
      () => Float,
      `${description}, as a number.`,
      (amount, row) => amountOf(amount, row.currencyCode),
    );
    derive(
      formatted,
      () => String,
      `${description}, formatted for display.`,
      (amount, row) => formatMoney(amount, row.currencyCode),
    );
  };
}
