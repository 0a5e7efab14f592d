import {
  type GraphQLInputType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
} from "graphql";
import { accessOf } from "../../graph/schema/access-directive.js";
import { errorCodes, mediaType } from "./errors.js";
import { allowedFilters } from "./filters.js";
import { includableOf, maximumDepth, maximumPage, maximumPaths, sortKeysOf } from "./parameters.js";
import { type Attribute, type Relationship, type ResourceType, type ResourceTypes, snakeCase } from "./resources.js";
import { targetsOf } from "./selection.js";
import { singletons } from "./singletons.js";
import { methodsOf, triggersOf, type WritableMember, writableMembers } from "./write.js";

type Json = Record<string, unknown>;

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const content = (schema: Json) => ({ [mediaType]: { schema } });

/** The OpenAPI 3.1 description of the JSON:API, from the resource types and the schema of the graph. */
export function openApiOf(schema: GraphQLSchema, types: ResourceTypes): Json {
  const paths: Json = {};
  const parameters: Json = { ...commonParameters, fields: fieldsParameter(types) };
  const schemas: Json = { ...commonSchemas, Resource: { oneOf: [...types.keys()].map(ref) } };
  for (const { path, type } of singletons.values()) {
    paths[`/api/${path}`] = {
      get: {
        operationId: `retrieve_${path}`,
        tags: [type],
        parameters: [parameter("fields")],
        responses: {
          200: { description: `The ${path} of the access token.`, content: content(ref("Singleton")) },
          default: { $ref: "#/components/responses/Error" },
        },
      },
    };
  }
  for (const type of types.values()) {
    Object.assign(paths, pathsOf(type, schema, types));
    Object.assign(parameters, parametersOf(type, schema, types));
    Object.assign(schemas, schemasOf(type, schema, types));
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Customers as JSON:API",
      version: "1.0.0",
      description: "The resources of the graph, as Commerce Layer documents them. See docs/rest.md.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer", bearerFormat: "JWT" } },
      parameters,
      responses: {
        Error: { description: "Refused, or failed.", content: content(ref("Errors")) },
      },
      schemas,
    },
  };
}

const commonParameters: Json = {
  id: { name: "id", in: "path", required: true, schema: { type: "string" } },
  page_number: {
    name: "page[number]",
    in: "query",
    schema: { type: "integer", minimum: 1, maximum: maximumPage, default: 1 },
  },
  page_size: {
    name: "page[size]",
    in: "query",
    description: "At most 25; integrations may have more.",
    schema: { type: "integer", minimum: 1, default: 10 },
  },
  idempotency_key: {
    name: "Idempotency-Key",
    in: "header",
    description: "Makes a retry get the first response, for 24 hours.",
    schema: { type: "string", minLength: 8, maxLength: 255 },
  },
};

function fieldsParameter(types: ResourceTypes): Json {
  return {
    name: "fields",
    in: "query",
    style: "deepObject",
    explode: true,
    description: "The attributes and relationships to show, joined by commas, by type: fields[customers]=email,orders.",
    schema: { type: "object", propertyNames: { enum: [...types.keys()] }, additionalProperties: { type: "string" } },
  };
}

/** The parameters that differ by type: what to include, to filter by and to sort by. */
function parametersOf(type: ResourceType, schema: GraphQLSchema, types: ResourceTypes): Json {
  const parameters: Json = {};
  const commaSeparated = { in: "query", style: "form", explode: false };
  const includable = includableOf(type);
  if (includable.length) {
    const pattern = `^(${includable.join("|")})(\\.[a-z_]+){0,${maximumDepth - 1}}$`;
    parameters[`include_${type.name}`] = {
      name: "include",
      ...commaSeparated,
      description: `Related resources to include: ${includable.join(", ")}. A path goes on with a dot and a relationship of the related resource, at most ${maximumDepth} levels deep.`,
      schema: { type: "array", maxItems: maximumPaths, items: { type: "string", pattern } },
    };
  }
  const sortKeys = [...sortKeysOf(type).keys()];
  if (sortKeys.length) {
    parameters[`sort_${type.name}`] = {
      name: "sort",
      ...commaSeparated,
      description: "Sort keys; - in front sorts in descending order.",
      schema: { type: "array", items: { type: "string", enum: sortKeys.flatMap((key) => [key, `-${key}`]) } },
    };
  }
  parameters[`filter_${type.name}`] = {
    name: "filter[q]",
    in: "query",
    style: "deepObject",
    explode: true,
    description: filterDescription(type, schema, types),
    schema: { type: "object", additionalProperties: { type: "string" } },
  };
  return parameters;
}

/** The attributes that can be filtered by, one line for those with the same predicates. */
function filterDescription(type: ResourceType, schema: GraphQLSchema, types: ResourceTypes): string {
  const { predicates, relationships } = allowedFilters(type, { schema, types });
  const attributesByPredicates = new Map<string, string[]>();
  for (const [attribute, names] of predicates) {
    const key = names.join(", ");
    attributesByPredicates.set(key, [...(attributesByPredicates.get(key) ?? []), attribute]);
  }
  const lines = [...attributesByPredicates].map(([names, attributes]) => `- ${attributes.join(", ")}: ${names}`);
  const related = relationships.length
    ? [
        `Attributes of related resources have the relationship in front, such as ${relationships[0]}_id_eq: ${relationships.join(", ")}.`,
      ]
    : [];
  return [
    "An attribute, or several joined by _or_, and a predicate at the end. The attributes and their predicates:",
    ...lines,
    ...related,
  ].join("\n");
}

const parameter = (name: string) => ({ $ref: `#/components/parameters/${name}` });
const link = { type: "string", format: "uri" };

const commonSchemas: Json = {
  Singleton: {
    type: "object",
    required: ["data"],
    properties: {
      data: {
        type: "object",
        required: ["id", "type", "links", "attributes", "relationships", "meta"],
        properties: {
          id: { type: "string" },
          type: { enum: [...singletons.values()].map(({ type }) => type) },
          links: { type: "object", required: ["self"], properties: { self: link } },
          attributes: { type: "object" },
          relationships: { type: "object" },
          meta: { type: "object" },
        },
      },
    },
  },
  Identifier: {
    type: "object",
    required: ["type", "id"],
    properties: { type: { type: "string" }, id: { type: "string" } },
    additionalProperties: false,
  },
  Page: {
    type: "object",
    required: ["record_count", "page_count"],
    properties: { record_count: { type: "integer", minimum: 0 }, page_count: { type: "integer", minimum: 0 } },
  },
  PageLinks: {
    type: "object",
    required: ["first", "last"],
    properties: { first: link, prev: link, next: link, last: link },
  },
  Errors: {
    type: "object",
    required: ["errors"],
    properties: { errors: { type: "array", minItems: 1, items: ref("Error") } },
  },
  Error: {
    type: "object",
    required: ["title", "detail", "code", "status"],
    properties: {
      title: { type: "string" },
      detail: { type: "string" },
      code: { type: "string", enum: errorCodes },
      status: { type: "string", pattern: "^[45]\\d\\d$" },
      source: {
        type: "object",
        properties: { pointer: { type: "string" }, parameter: { type: "string" }, header: { type: "string" } },
      },
      meta: { type: "object" },
    },
  },
};

function schemasOf(type: ResourceType, schema: GraphQLSchema, types: ResourceTypes): Json {
  const { name, object } = type;
  const attributes = [...type.attributes.values()].map((attribute): [string, Json] => [
    attribute.name,
    attributeSchema(attribute),
  ]);
  const relationships = [...type.relationships.values()].map((relationship): [string, Json] => {
    const targets = targetsOf(relationship, types).map((target) => target.name);
    const identifier = targets.length
      ? { allOf: [ref("Identifier"), { properties: { type: { enum: targets } } }] }
      : ref("Identifier");
    const data = relationship.many ? { type: "array", items: identifier } : { anyOf: [identifier, { type: "null" }] };
    const links = { type: "object", required: ["self", "related"], properties: { self: link, related: link } };
    return [relationship.name, { type: "object", required: ["links"], properties: { links, data } }];
  });
  const schemas: Json = {
    [name]: {
      type: "object",
      description: object.description ?? undefined,
      required: ["id", "type", "links", "attributes", "relationships", "meta"],
      properties: {
        id: { type: "string" },
        type: { const: name },
        links: { type: "object", required: ["self"], properties: { self: link } },
        attributes: {
          type: "object",
          properties: Object.fromEntries(attributes),
          additionalProperties: false,
        },
        relationships: {
          type: "object",
          properties: Object.fromEntries(relationships),
          additionalProperties: false,
        },
        meta: { type: "object", required: ["mode"], properties: { mode: { enum: ["test", "live"] } } },
      },
    },
  };
  for (const verb of ["Create", "Update"] as const) {
    const members = writableMembers(type, verb, schema);
    if (members) schemas[bodyName(name, verb)] = bodySchema(type, members, schema, verb);
  }
  return schemas;
}

function bodyName(type: string, verb: "Create" | "Update"): string {
  return `${type}_${verb.toLowerCase()}`;
}

function attributeSchema({ field, members }: Attribute): Json {
  const schema: Json = members
    ? {
        type: "object",
        properties: Object.fromEntries(members.map((member) => [member.name, attributeSchema(member)])),
        additionalProperties: false,
      }
    : typeSchema(field.type);
  const description = field.description ?? undefined;
  const isNullable = !isNonNullType(field.type) || accessOf(field) !== undefined;
  return isNullable ? { description, anyOf: [schema, { type: "null" }] } : { description, ...schema };
}

const scalars: Record<string, Json> = {
  Int: { type: "integer" },
  Float: { type: "number" },
  Boolean: { type: "boolean" },
  DateTime: { type: "string", format: "date-time" },
  JSON: { type: "object" },
};

function typeSchema(type: GraphQLOutputType | GraphQLInputType): Json {
  const inner = getNullableType(type);
  if (isListType(inner)) return { type: "array", items: typeSchema(inner.ofType) };
  const named = getNamedType(inner);
  if (isEnumType(named)) return { type: "string", enum: named.getValues().map(({ value }) => value as string) };
  if (!isInputObjectType(named)) return scalars[named.name] ?? { type: "string" };
  // Metadata is an object in documents.
  if (named.name === "MetadataInput") return scalars.JSON!;
  const fields = Object.values(named.getFields());
  return {
    type: "object",
    properties: Object.fromEntries(fields.map((field) => [snakeCase(field.name), typeSchema(field.type)])),
  };
}

function bodySchema(
  type: ResourceType,
  members: readonly WritableMember[],
  schema: GraphQLSchema,
  verb: "Create" | "Update",
): Json {
  const of = (member: WritableMember["member"]) => {
    const selected = members.filter((other) => other.member === member);
    const required = selected.filter((other) => other.required).map(({ name }) => name);
    const properties = selected.map(({ name, type: inputType, description, required }): [string, Json] => {
      if (member === "relationships") {
        const many = type.relationships.get(name)?.many;
        const data = many
          ? { type: "array", items: ref("Identifier") }
          : { anyOf: [ref("Identifier"), { type: "null" }] };
        return [name, { type: "object", description, required: ["data"], properties: { data } }];
      }
      const inner = typeSchema(inputType);
      return [name, required ? { description, ...inner } : { description, anyOf: [inner, { type: "null" }] }];
    });
    return { properties: Object.fromEntries(properties), ...(required.length && { required }) };
  };
  const attributes = of("attributes");
  const verbs = [...triggersOf(type, schema).keys()].map((name): [string, Json] => [
    name,
    { type: ["boolean", "null"] },
  ]);
  const tags = type.relationships.has("tags")
    ? ["_add_tags", "_remove_tags"].map((name): [string, Json] => [name, { type: ["string", "null"] }])
    : [];
  Object.assign(attributes.properties, Object.fromEntries([...verbs, ...tags]));
  return {
    type: "object",
    required: ["data"],
    properties: {
      data: {
        type: "object",
        required: ["type", ...(verb === "Create" && "required" in attributes ? ["attributes"] : [])],
        properties: {
          type: { const: type.name },
          ...(verb === "Update" && { id: { type: "string" } }),
          attributes: { type: "object", additionalProperties: false, ...attributes },
          relationships: { type: "object", additionalProperties: false, ...of("relationships") },
        },
      },
    },
  };
}

function pathsOf(type: ResourceType, schema: GraphQLSchema, types: ResourceTypes): Json {
  const { name, model } = type;
  const resource = document(ref(name));
  const forOne = selectionParameters(type);
  const paths: Json = {};
  const collection: Json = {};
  if (!model.datamodel.auditTrail) {
    const responses = answer(page(ref(name)), "A page of resources.");
    collection.get = operation(type, `list_${name}`, [...forOne, ...listParameters(type)], responses);
  }
  const item: Json = {
    parameters: [parameter("id")],
    get: operation(type, `retrieve_${name}`, forOne, answer(resource, "The resource.")),
  };
  addWrites(type, { collection, item, resource, schema });
  if (Object.keys(collection).length) paths[`/api/${name}`] = collection;
  paths[`/api/${name}/{id}`] = item;
  for (const relationship of type.relationships.values()) {
    Object.assign(paths, relationshipPaths(type, relationship, types));
  }
  return paths;
}

/** The paths of the related resources, and of their types and ids. The parameters are about the related resources. */
function relationshipPaths(type: ResourceType, relationship: Relationship, types: ResourceTypes): Json {
  const targets = targetsOf(relationship, types);
  const [target] = targets;
  // Of any type: it is read at its own address.
  if (!target) return {};
  const { name, many } = relationship;
  const resource = targets.length === 1 ? ref(target.name) : { oneOf: targets.map((one) => ref(one.name)) };
  const identifier = ref("Identifier");
  const oneOrNull = (item: Json) => document({ anyOf: [item, { type: "null" }] });
  const documentOf = many ? page : oneOrNull;
  const list = many ? listParameters(target) : [];
  const related = answer(documentOf(resource), many ? "The related resources." : "The related resource, or null.");
  const linkage = answer(documentOf(identifier), "Type and id of what is related.");
  return {
    [`/api/${type.name}/{id}/${name}`]: {
      parameters: [parameter("id")],
      get: operation(type, `${type.name}_${name}`, [...selectionParameters(target), ...list], related),
    },
    [`/api/${type.name}/{id}/relationships/${name}`]: {
      parameters: [parameter("id")],
      get: operation(type, `${type.name}_relationships_${name}`, list, linkage),
    },
  };
}

/** Adds the operations that create, update and delete resources of a type. */
function addWrites(
  type: ResourceType,
  { collection, item, resource, schema }: { collection: Json; item: Json; resource: Json; schema: GraphQLSchema },
) {
  const { name } = type;
  const parameters = [...selectionParameters(type), parameter("idempotency_key")];
  const body = (verb: "Create" | "Update") =>
    writableMembers(type, verb, schema) ? ref(bodyName(name, verb)) : { type: "object" };
  if (methodsOf(type, false).includes("POST")) {
    const created = answer(resource, "The new resource.", "201");
    collection.post = operation(type, `create_${name}`, parameters, created, body("Create"));
  }
  const methods = methodsOf(type, true);
  if (methods.includes("PATCH")) {
    const updated = answer(resource, "The changed resource.");
    item.patch = operation(type, `update_${name}`, parameters, updated, body("Update"));
  }
  if (methods.includes("DELETE")) {
    const responses = { "204": { description: "It is deleted." }, default: errorResponse };
    item.delete = operation(type, `delete_${name}`, [parameter("idempotency_key")], responses);
  }
}

/** What to show and to include of resources of a type. */
function selectionParameters(type: ResourceType): Json[] {
  const include = includableOf(type).length ? [parameter(`include_${type.name}`)] : [];
  return [...include, parameter("fields")];
}

/** Which resources of a type to list, in which order. */
function listParameters(type: ResourceType): Json[] {
  const sort = sortKeysOf(type).size ? [parameter(`sort_${type.name}`)] : [];
  return [parameter(`filter_${type.name}`), ...sort, parameter("page_number"), parameter("page_size")];
}

const errorResponse = { $ref: "#/components/responses/Error" };

function answer(schema: Json, description: string, status = "200"): Json {
  return { [status]: { description, content: content(schema) }, default: errorResponse };
}

function document(data: Json): Json {
  return {
    type: "object",
    required: ["data"],
    properties: { data, included: { type: "array", items: ref("Resource") } },
  };
}

function page(item: Json): Json {
  const { properties } = document({ type: "array", items: item });
  return {
    type: "object",
    required: ["data", "meta", "links"],
    properties: { ...(properties as Json), meta: ref("Page"), links: ref("PageLinks") },
  };
}

function operation(
  { name }: ResourceType,
  operationId: string,
  parameters: readonly Json[],
  responses: Json,
  body?: Json,
): Json {
  const requestBody = body && { required: true, content: content(body) };
  return { operationId, tags: [name], parameters, ...(requestBody && { requestBody }), responses };
}
