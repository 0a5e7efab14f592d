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
import { predicateNames } from "./filters.js";
import { maximumPage } from "./parameters.js";
import { type Attribute, type ResourceType, type ResourceTypes, snakeCase } from "./resources.js";
import { targetsOf } from "./selection.js";
import { methodsOf, triggersOf, type WritableMember, writableMembers } from "./write.js";

type Json = Record<string, unknown>;

const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const content = (schema: Json) => ({ [mediaType]: { schema } });

/** The OpenAPI 3.1 description of the JSON:API, from the resource types and the schema of the graph. */
export function openApiOf(schema: GraphQLSchema, types: ResourceTypes): Json {
  const paths: Json = {};
  const schemas: Json = { ...common };
  for (const type of types.values()) {
    Object.assign(paths, pathsOf(type, schema, types));
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

const parameters: Json = {
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
  filter: {
    name: "filter[q]",
    in: "query",
    style: "deepObject",
    explode: true,
    description: `Attributes, joined by _or_, and a predicate at the end: ${[...predicateNames].sort().join(", ")}.`,
    schema: { type: "object", additionalProperties: { type: "string" } },
  },
  fields: {
    name: "fields",
    in: "query",
    style: "deepObject",
    explode: true,
    description: "By type, the attributes and relationships to show, joined by commas.",
    schema: { type: "object", additionalProperties: { type: "string" } },
  },
};

const parameter = (name: string) => ({ $ref: `#/components/parameters/${name}` });
const link = { type: "string", format: "uri" };

const common: Json = {
  Identifier: {
    type: "object",
    required: ["type", "id"],
    properties: { type: { type: "string" }, id: { type: "string" } },
    additionalProperties: false,
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
  const { name, model, relationships } = type;
  const included = [...relationships.keys()].filter((relationship) => relationship !== "event_stores");
  const include = {
    name: "include",
    in: "query",
    description: `Related resources, nested by dots and joined by commas: ${included.join(", ") || "none"}.`,
    schema: { type: "string" },
  };
  const keys = [...type.attributes.values()].filter(({ field }) => model.sortable.includes(field.name));
  const sort = {
    name: "sort",
    in: "query",
    description: `Joined by commas, with - in front for the last first: ${["id", ...keys.map((key) => key.name)].join(", ")}.`,
    schema: { type: "string" },
  };
  const single = [include, parameter("fields")];
  const list = [...single, parameter("filter"), sort, parameter("page_number"), parameter("page_size")];
  const answer = (schema: Json, status = "200", description = "The resource.") => ({
    [status]: { description, content: content(schema) },
    default: { $ref: "#/components/responses/Error" },
  });
  const document = (data: Json, more: Json = {}) => ({
    type: "object",
    required: ["data"],
    properties: { data, included: { type: "array", items: { type: "object" } }, ...more },
  });
  const page = (data: Json) =>
    document({ type: "array", items: data }, { meta: { type: "object" }, links: { type: "object" } });
  const operation = (id: string, parameters: readonly Json[], responses: Json, body?: Json) => ({
    operationId: id,
    tags: [name],
    parameters,
    ...(body && { requestBody: { required: true, content: content(body) } }),
    responses,
  });
  const body = (verb: "Create" | "Update") =>
    writableMembers(type, verb, schema) ? ref(bodyName(name, verb)) : { type: "object" };
  const paths: Json = {};
  const collection: Json = {};
  if (!model.datamodel.auditTrail)
    collection.get = operation(`list_${name}`, list, answer(page(ref(name)), "200", "A page."));
  if (methodsOf(type, false).includes("POST")) {
    collection.post = operation(
      `create_${name}`,
      single,
      answer(document(ref(name)), "201", "The new resource."),
      body("Create"),
    );
  }
  if (Object.keys(collection).length) paths[`/api/${name}`] = collection;
  const methods = methodsOf(type, true);
  const item: Json = {
    parameters: [parameter("id")],
    get: operation(`retrieve_${name}`, single, answer(document(ref(name)))),
  };
  if (methods.includes("PATCH"))
    item.patch = operation(`update_${name}`, single, answer(document(ref(name))), body("Update"));
  if (methods.includes("DELETE")) {
    item.delete = operation(`delete_${name}`, [], {
      "204": { description: "It is deleted." },
      default: { $ref: "#/components/responses/Error" },
    });
  }
  paths[`/api/${name}/{id}`] = item;
  for (const relationship of relationships.values()) {
    const targets = targetsOf(relationship, types).map((target) => ref(target.name));
    if (!targets.length) continue;
    const data = targets.length === 1 ? targets[0]! : { oneOf: targets };
    const isMany = relationship.many;
    const related = isMany ? page(data) : document({ anyOf: [data, { type: "null" }] });
    const linkage = isMany ? page(ref("Identifier")) : document({ anyOf: [ref("Identifier"), { type: "null" }] });
    const parameters = relationship.kind === "list" ? list.slice(1) : [parameter("fields")];
    paths[`/api/${name}/{id}/${relationship.name}`] = {
      parameters: [parameter("id")],
      get: operation(`${name}_${relationship.name}`, parameters, answer(related, "200", "What it leads to.")),
    };
    paths[`/api/${name}/{id}/relationships/${relationship.name}`] = {
      parameters: [parameter("id")],
      get: operation(
        `${name}_relationships_${relationship.name}`,
        parameters,
        answer(linkage, "200", "Types and ids."),
      ),
    };
  }
  return paths;
}
