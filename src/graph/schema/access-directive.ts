import {
  type ConstArgumentNode,
  type ConstDirectiveNode,
  DirectiveLocation,
  type DocumentNode,
  type FieldDefinitionNode,
  GraphQLDirective,
  type GraphQLEnumType,
  type GraphQLField,
  GraphQLList,
  type GraphQLNamedType,
  GraphQLNonNull,
  GraphQLSchema,
  isInterfaceType,
  isNonNullType,
  isObjectType,
  Kind,
  lexicographicSortSchema,
  parse,
  print,
  printSchema,
  visit,
} from "graphql";
import type { Need } from "../access/guard.js";
import { type Permission, permissionName, permissionsText } from "../access/permission.js";
import { allModelTypes } from "./model.js";

/** The declared permissions of a field, of which one is needed; undefined if its object's row rule is enough. */
export function accessOf(field: GraphQLField<unknown, unknown>): readonly Permission[] | undefined {
  return field.extensions.access as readonly Permission[] | undefined;
}

/** Additional permissions of a mutation, needed always or in some cases. */
export function needsOf(field: GraphQLField<unknown, unknown>): readonly Need[] {
  return (field.extensions.needs as readonly Need[] | undefined) ?? [];
}

/** The published SDL: with `@access`, sorted by name so that a change shows as a small diff. */
export function publishedSdl(schema: GraphQLSchema): string {
  const config = schema.toConfig();
  const directives = [...config.directives, accessDirective(schema.getType("Permission") as GraphQLEnumType)];
  const sorted = lexicographicSortSchema(new GraphQLSchema({ ...config, directives }));
  return `${print(withAccess(parse(printSchema(sorted)), schema))}\n`;
}

/** `@access(anyOf: [Permission!]!)`, for the published schema. */
function accessDirective(permission: GraphQLEnumType): GraphQLDirective {
  return new GraphQLDirective({
    name: "access",
    description:
      "What the caller's token needs for this field: one of the permissions `anyOf`, or any token when none is named, and all of `also`. Without it a root field is null with a `FORBIDDEN` error, and a field inside an object is null or empty and listed in `extensions.redactions`.",
    locations: [DirectiveLocation.FIELD_DEFINITION],
    args: {
      anyOf: {
        type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(permission))),
        description: "One of these is enough.",
      },
      also: {
        type: new GraphQLList(new GraphQLNonNull(permission)),
        description: "All of these are needed as well. The description names others, which are needed in some cases.",
      },
    },
  });
}

/** Adds to field descriptions the permissions, and the value without them. Errors and examples of mutations stay last. */
export function describeAccess(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      const access = accessOf(field);
      if (!access) continue;
      const description = field.description ?? "";
      const [end = description.length] = [description.search(/ (Errors|Example): /)].filter((index) => index >= 0);
      field.description = `${description.slice(0, end)} ${accessText(schema, type, field, access)}${description.slice(end)}`;
    }
  }
}

function accessText(
  schema: GraphQLSchema,
  type: GraphQLNamedType,
  field: GraphQLField<unknown, unknown>,
  access: readonly Permission[],
): string {
  if (!access.length) {
    const isRoot = type === schema.getQueryType();
    return `Needs an access token.${isRoot ? " Without one the field is null, with an `UNAUTHENTICATED` error." : ""}`;
  }
  const prefix = `Needs ${permissionsText(access)}. Without it`;
  if (type === schema.getSubscriptionType()) return `${prefix} the subscription is refused.`;
  if (type === schema.getQueryType() || type === schema.getMutationType()) {
    return `${prefix} the field is null, with a \`FORBIDDEN\` error.${needsText(needsOf(field))}`;
  }
  return `${prefix} the field is ${isNonNullType(field.type) ? "empty" : "null"}, and listed in \`extensions.redactions\`.`;
}

function needsText(needs: readonly Need[]): string {
  if (!needs.length) return "";
  return ` Also needs ${needs.map(({ permission, when }) => `\`${permission}\`${when ? ` ${when}` : ""}`).join(", ")}.`;
}

/** Adds `@access` to the fields of the printed schema. */
function withAccess(document: DocumentNode, schema: GraphQLSchema): DocumentNode {
  return visit(document, {
    ObjectTypeDefinition: { enter: (node) => annotate(node) },
    InterfaceTypeDefinition: { enter: (node) => annotate(node) },
  });

  function annotate<N extends { name: { value: string }; fields?: readonly FieldDefinitionNode[] }>(node: N): N {
    const type = schema.getType(node.name.value);
    if (!isObjectType(type) && !isInterfaceType(type)) return node;
    const fields = node.fields?.map((field) => {
      const definition = type.getFields()[field.name.value]!;
      const access = accessOf(definition);
      if (!access) return field;
      const also = needsOf(definition).flatMap(({ permission, when }) => (when ? [] : [permission]));
      return { ...field, directives: [...(field.directives ?? []), directiveNode(access, also)] };
    });
    return { ...node, fields };
  }
}

function directiveNode(access: readonly Permission[], also: readonly Permission[]): ConstDirectiveNode {
  const name = (value: string) => ({ kind: Kind.NAME, value }) as const;
  const argument = (argumentName: string, values: readonly Permission[]): ConstArgumentNode => ({
    kind: Kind.ARGUMENT,
    name: name(argumentName),
    value: { kind: Kind.LIST, values: values.map((p) => ({ kind: Kind.ENUM, value: permissionName(p) })) },
  });
  return {
    kind: Kind.DIRECTIVE,
    name: name("access"),
    arguments: [argument("anyOf", access), ...(also.length ? [argument("also", also)] : [])],
  };
}

/** Public root fields. */
const open = new Set(["Query.viewer"]);

/**
 * Root fields, and fields that return rows of a model, without an access rule; wrapper types of pages need none. The
 * schema is not built if there are any.
 */
export function fieldsWithoutRule(schema: GraphQLSchema): string[] {
  const rows = new Set(allModelTypes().map(({ name }) => name as string));
  const roots = [schema.getQueryType(), schema.getMutationType(), schema.getSubscriptionType()];
  const missing: string[] = [];
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith("__")) continue;
    const isRoot = roots.includes(type);
    const isRow = rows.has(type.name) || type.getInterfaces().some(({ name }) => name === "Node");
    if (!isRoot && !isRow) continue;
    for (const field of Object.values(type.getFields())) {
      const name = `${type.name}.${field.name}`;
      const target = String(field.type)
        .replace(/[[\]!]/g, "")
        .replace(/Connection$/, "");
      const returnsRows = rows.has(target) || ["Node", "Resource", "Taggable"].includes(target);
      if ((isRoot || returnsRows) && !accessOf(field) && !open.has(name) && !field.name.startsWith("jwt"))
        missing.push(name);
    }
  }
  return missing;
}
