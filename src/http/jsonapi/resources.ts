import {
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isEnumType,
  isLeafType,
  isObjectType,
} from "graphql";
import { isQuotedInPart, permits } from "../../graph/access/guard.js";
import { type Permission, toRead } from "../../graph/access/permission.js";
import type { Viewer } from "../../graph/access/viewer.js";
import { aboutOf, type Model, type ModelName, models } from "../../graph/model/datamodel.js";
import { accessOf } from "../../graph/schema/access-directive.js";
import { type ModelType, modelTypeNamed } from "../../graph/schema/model.js";
import type { Node } from "../../graph/schema/resource.type.js";
import { sourceOf } from "../../graph/schema/source.js";

/** An attribute of a resource: its name in documents, and the field of the graph that it is. */
export interface Attribute {
  readonly name: string;
  readonly field: GraphQLField<unknown, unknown>;
  /** Members, if it is an object of known form. */
  readonly members?: readonly Attribute[];
}

/** A relationship of a resource. */
export interface Relationship {
  readonly name: string;
  readonly many: boolean;
  /** The model of the related resources; undefined: a resource of any type. */
  readonly to: ModelName | undefined;
  /** The field of the graph. `viewer`: the same for every resource, from the access token. `about`: its two columns. */
  readonly kind: "parent" | "list" | "all" | "viewer" | "about";
  readonly field: string;
  /** Permissions, of which one is needed. */
  readonly access: readonly Permission[];
}

/** A resource type of JSON:API, as a projection of an object type of the graph and its model. */
export interface ResourceType {
  /** Such as `customers`. */
  readonly name: string;
  readonly model: ModelType;
  readonly object: GraphQLObjectType;
  /** The discriminator value of its rows, if the model has several types. */
  readonly kind: string | undefined;
  readonly attributes: ReadonlyMap<string, Attribute>;
  readonly relationships: ReadonlyMap<string, Relationship>;
  readonly access: readonly Permission[];
}

/** Fields of every type that are no attributes: members of a resource object, and what the graph adds. */
const otherMembers = new Set(["id", "type", "links", "meta", "version"]);

/** Fields that the graph adds to Commerce Layer's objects: documents do not have them. */
const additions = new Set([
  "AnonymizationInfo.reason",
  "AnonymizationInfo.cancellationReason",
  "AnonymizationInfo.receipt",
  "CustomerPasswordReset.expiresAt",
  "EventCallback.event",
  "Market.currencyCode",
  "OrderSubscriptionItem.currencyCode",
  "OrderSubscriptionItem.itemType",
  "Return.currencyCode",
  "ReturnLineItem.currencyCode",
]);

/** The resource types, by name. */
export type ResourceTypes = ReadonlyMap<string, ResourceType>;

/** Derives the resource types from the schema of the graph. */
export function resourceTypesOf(schema: GraphQLSchema): ResourceTypes {
  const types = new Map<string, ResourceType>();
  for (const name of models.keys()) {
    const type = schema.getType(name);
    if (!type) continue;
    const model = modelTypeNamed(name);
    for (const object of isAbstractType(type) ? schema.getPossibleTypes(type) : [type as GraphQLObjectType]) {
      const resourceType = resourceTypeOf(model, object, isAbstractType(type));
      types.set(resourceType.name, resourceType);
    }
  }
  return types;
}

function resourceTypeOf(model: ModelType, object: GraphQLObjectType, isOneOfSeveral: boolean): ResourceType {
  const prototype = model.classNamed(object.name).prototype as object;
  const { type: name } = Object.create(prototype) as Node;
  const about = aboutOf(model.datamodel);
  const attributes = new Map<string, Attribute>();
  const relationships = new Map<string, Relationship>();
  for (const field of Object.values(object.getFields())) {
    if (otherMembers.has(field.name) || additions.has(`${object.name}.${field.name}`)) continue;
    if (!isStated(model.datamodel, field) || isKind(model, field)) continue;
    // May be any type of object, which no plan reads.
    if (field.name === about?.relationship) continue;
    const relationship = relationshipOf(field);
    if (relationship) relationships.set(relationship.name, relationship);
    else {
      const attribute = attributeOf(field, model.datamodel);
      // A getter of the row's class, or a source that plans know.
      if (!sourceOf(field) && !(field.name in prototype) && !isOfToken(attribute)) {
        throw new Error(`${object.name}.${field.name} has a resolver alone, so no plan reads it: use @Derived.`);
      }
      attributes.set(attribute.name, attribute);
    }
  }
  if (about && !model.datamodel.auditTrail) {
    attributes.delete(about.typeColumn.column);
    attributes.delete(about.idColumn.column);
    const { relationship } = about;
    if (model.datamodel.documents.attached) {
      const about = { name: relationship, many: false, to: undefined, kind: "about", field: relationship } as const;
      relationships.set(relationship, { ...about, access: [] });
    }
  }
  const access = [toRead(model.name)];
  return { name, model, object, kind: isOneOfSeveral ? name : undefined, attributes, relationships, access };
}

/** Whether documents state a field: not if all columns that it is made from are left out of them, or are the type. */
function isStated({ columns }: Model, field: GraphQLField<unknown, unknown>): boolean {
  const source = sourceOf(field);
  const made = source?.kind === "column" ? [source.field] : source?.kind === "derived" ? (source.needs ?? []) : [];
  const isLeftOut = (column: string) =>
    columns[column]?.document?.some((name) => name === "nothing" || name === "type" || name.startsWith("meta."));
  return !made.length || !made.every(isLeftOut);
}

/** Whether a field is the discriminator, which documents show as `type`. */
function isKind({ datamodel, kindField }: ModelType, field: GraphQLField<unknown, unknown>): boolean {
  return kindField !== undefined && getNamedType(field.type).name === datamodel.columns[kindField]!.type;
}

function relationshipOf(field: GraphQLField<unknown, unknown>): Relationship | undefined {
  const type = getNamedType(field.type);
  const to = type.name.replace(/Connection$/, "") as ModelName;
  if (isLeafType(type) || !models.has(to)) return undefined;
  const kind = sourceOf(field)?.kind;
  const many = kind === "list" || kind === "all" || !isSingle(field);
  return {
    name: snakeCase(field.name),
    many,
    to,
    kind: kind === "parent" || kind === "list" || kind === "all" ? kind : "viewer",
    field: field.name,
    access: accessOf(field) ?? [],
  };
}

function isSingle(field: GraphQLField<unknown, unknown>): boolean {
  return !String(field.type).includes("[");
}

function attributeOf(field: GraphQLField<unknown, unknown>, model?: Model): Attribute {
  const type: GraphQLNamedType = getNamedType(field.type);
  const source = sourceOf(field);
  const column = source?.kind === "column" ? model?.columns[source.field] : undefined;
  const stated = column?.document?.find((name) => !name.includes(".") && !["type", "own attributes"].includes(name));
  const name = stated ?? column?.column ?? snakeCase(field.name);
  if (!isObjectType(type)) return { name, field };
  const members = Object.values(type.getFields()).filter((member) => !additions.has(`${type.name}.${member.name}`));
  return { name, field, members: members.map((member) => attributeOf(member)) };
}

export function snakeCase(camelCase: string): string {
  return camelCase.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** Whether an attribute is a claim of the caller's access token, on every resource the same. */
export function isOfToken({ field }: Attribute): boolean {
  return field.name === "jwtCustomClaim";
}

/** Whether a viewer gets an attribute from a plan: not without its permission, nor what has to be redacted in part. */
export function isReadable({ field }: Attribute, viewer: Viewer): boolean {
  const access = accessOf(field);
  return (!access || permits(viewer, access)) && !isQuotedInPart(field, viewer);
}

/** An attribute's value in documents, from its value in the graph. */
export function documentValue({ field, members }: Attribute, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  const type = getNamedType(field.type);
  if (isEnumType(type)) return type.getValue(value as string)!.value;
  if (!members) return value;
  const object = value as Record<string, unknown>;
  return Object.fromEntries(
    members
      .filter((member) => member.name in object)
      .map((member) => [member.name, documentValue(member, object[member.name])]),
  );
}
