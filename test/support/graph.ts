import {
  type GraphQLField,
  type GraphQLInputObjectType,
  type GraphQLNamedType,
  getNamedType,
  isAbstractType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isLeafType,
  isObjectType,
} from "graphql";
import type { Mode } from "../../src/graph/access/viewer.js";
import { type ModelName, models } from "../../src/graph/model/datamodel.js";
import { createSchema } from "../../src/schema.js";
import type { Row, World } from "./rows.js";

export const schema = createSchema();

/** A list field: of the root, or of every resource of one type. */
export interface List {
  /** The type that it is on; undefined for root fields. */
  owner?: string;
  field: string;
  /** The model of its rows. */
  model: ModelName;
  /** Sort fields: enum names and their columns. */
  sortable: { name: string; field: string }[];
  filter: GraphQLInputObjectType;
  numbered: boolean;
}

/** A field that returns one or several related resources. */
export interface Link {
  field: string;
  to: string;
  kind: "one" | "connection" | "list";
}

type Fields = Record<string, GraphQLField<unknown, unknown>>;
const fieldsOf = (type: GraphQLNamedType | undefined | null): GraphQLField<unknown, unknown>[] =>
  isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields() as Fields) : [];

function listOf(field: GraphQLField<unknown, unknown>, owner?: string): List[] {
  const type = getNamedType(field.type).name;
  if (!type.endsWith("Connection")) return [];
  const argument = (name: string) => field.args.find((arg) => arg.name === name);
  const order = argument("orderBy") && (getNamedType(argument("orderBy")!.type) as GraphQLInputObjectType);
  const keys = order && getNamedType(order.getFields().field!.type);
  return [
    {
      owner,
      field: field.name,
      model: type.replace(/Connection$/, "") as ModelName,
      sortable: isEnumType(keys) ? keys.getValues().map(({ name, value }) => ({ name, field: value as string })) : [],
      filter: getNamedType(argument("filter")!.type) as GraphQLInputObjectType,
      numbered: Boolean(argument("offset")),
    },
  ];
}

/** Object types of resources. */
export const resourceTypes: readonly string[] = schema
  .getPossibleTypes(schema.getType("Node") as never)
  .map(({ name }) => name);

export const rootLists: readonly List[] = fieldsOf(schema.getQueryType()).flatMap((field) => listOf(field));

export const nestedLists: readonly List[] = resourceTypes.flatMap((name) =>
  fieldsOf(schema.getType(name)).flatMap((field) => listOf(field, name)),
);

/** The lists that all types of an interface have. */
export const interfaceLists: readonly List[] = Object.values(schema.getTypeMap())
  .filter(isInterfaceType)
  .flatMap((type) => fieldsOf(type).flatMap((field) => listOf(field, type.name)));

/** Root fields that find one resource by id or by one of several keys. */
export const lookUps = fieldsOf(schema.getQueryType()).flatMap((field) => {
  const type = getNamedType(field.type).name;
  const [argument] = field.args;
  if (field.args.length !== 1 || !models.has(type as ModelName)) return [];
  const input = getNamedType(argument!.type);
  const keys = isInputObjectType(input) ? Object.keys(input.getFields()) : ["id"];
  return [
    { field: field.name, model: type as ModelName, argument: argument!.name, input: String(argument!.type), keys },
  ];
});

/** The fields of a type that return related resources. */
export function linksOf(type: string): Link[] {
  return fieldsOf(schema.getType(type)).flatMap((field): Link[] => {
    const to = getNamedType(field.type).name;
    if (to.endsWith("Connection"))
      return [{ field: field.name, to: to.replace(/Connection$/, ""), kind: "connection" }];
    const isResource = resourceTypes.includes(to) || to === "PaymentSource" || to === "Resource";
    if (!isResource) return [];
    return [{ field: field.name, to, kind: String(field.type).includes("[") ? "list" : "one" }];
  });
}

/** The model that holds the rows of a type of resource. */
export function modelOf(type: string): ModelName {
  return models.has(type as ModelName) ? (type as ModelName) : "PaymentSource";
}

export function inputFields(type: GraphQLInputObjectType) {
  return Object.values(type.getFields()).map((field) => ({ name: field.name, type: getNamedType(field.type) }));
}

/** The related rows of a row in any mode, found by comparing ids alone. */
export function related(world: World, model: ModelName, relation: string, row: Row): Row[] {
  const { table, relations } = models.get(model)!;
  const { to, many, key, where, through } = relations[relation]!;
  const targets = world.rows.get(to)!;
  if (through) {
    const ids = world.linked(through.table, through.from, row.id);
    return targets.filter(({ id }) => ids.includes(id));
  }
  if (!many) return targets.filter(({ id }) => id === row[key!]);
  const typeField = where && Object.keys(where)[0];
  return targets.filter((target) => target[key!] === row.id && (!typeField || target[typeField] === table));
}

export function inMode(rows: readonly Row[], mode: Mode): Row[] {
  return rows.filter((row) => row.mode === mode);
}

/** Selects all fields of a type, and only the ids of related resources. */
export function whole(name: string): string {
  const type = schema.getType(name);
  if (!isObjectType(type)) throw new Error(name);
  const selections = Object.values(type.getFields()).map((field) => {
    const target = getNamedType(field.type).name;
    const isResource = resourceTypes.includes(target) || isAbstractType(schema.getType(target));
    if (isResource) return `${field.name} { __typename id }`;
    return isLeafType(getNamedType(field.type)) ? field.name : `${field.name} ${whole(target)}`;
  });
  return `{ ${selections.join(" ")} }`;
}
