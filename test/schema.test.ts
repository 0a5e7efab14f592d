import { readFileSync } from "node:fs";
import {
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isListType,
  isNonNullType,
  isObjectType,
  isSpecifiedScalarType,
  isUnionType,
  validateSchema,
} from "graphql";
import { models } from "../src/graph/model/datamodel.js";
import { accessOf } from "../src/graph/schema/access-directive.js";
import { customerWrites } from "../src/modules/customers/customer.writes.js";
import { orderSubscriptionWrites } from "../src/modules/order-subscriptions/order-subscription.writes.js";
import { orderWrites } from "../src/modules/orders/order.writes.js";
import { publishedSchema, schemaFile } from "../src/print-schema.js";
import { createSchema } from "../src/schema.js";

const schema = createSchema();
const types = Object.values(schema.getTypeMap()).filter(
  (type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type),
);
const query = schema.getQueryType()!;
const mutation = schema.getMutationType()!;

interface Named {
  /** Where it is, such as `Customer.orders(first:)`. */
  path: string;
  name: string;
  description?: string | null;
}

const fieldsOf = (type: GraphQLNamedType): GraphQLField<unknown, unknown>[] =>
  isObjectType(type) || isInterfaceType(type) ? Object.values(type.getFields()) : [];
const fields = types.flatMap((type) => fieldsOf(type).map((field) => ({ ...field, path: `${type}.${field.name}` })));
const args = fields.flatMap(({ args, path }) => args.map((arg) => ({ ...arg, path: `${path}(${arg.name}:)` })));
const inputFields = types.flatMap((type) =>
  isInputObjectType(type)
    ? Object.values(type.getFields()).map((field) => ({ ...field, path: `${type}.${field.name}` }))
    : [],
);
const enumValues = types.flatMap((type) =>
  isEnumType(type) ? type.getValues().map((value) => ({ ...value, path: `${type}.${value.name}` })) : [],
);

/** The paths of those that break a rule. */
const broken = <T extends { path: string }>(all: readonly T[], fits: (one: T) => boolean) =>
  all.filter((one) => !fits(one)).map(({ path }) => path);
const isList = (type: GraphQLOutputType) => isListType(isNonNullType(type) ? type.ofType : type);
const isConnection = (type: GraphQLNamedType) => type.name.endsWith("Connection");
const isResource = (type: GraphQLNamedType) =>
  type.name === "Node" ||
  ((isObjectType(type) || isInterfaceType(type)) && type.getInterfaces().some(({ name }) => name === "Node"));

test("src/schema.graphql is what the code publishes", () => {
  const committed = readFileSync(schemaFile, "utf8").split("\n");
  const published = publishedSchema().split("\n");
  const line = published.findIndex((text, i) => text !== committed[i]);
  if (line >= 0 || committed.length !== published.length) {
    throw new Error(
      `src/schema.graphql is out of date: run \`npm run schema\`. Line ${line + 1} should be ${JSON.stringify(published[line])}, not ${JSON.stringify(committed[line])}.`,
    );
  }
});

test("the schema is valid, and every type is reachable from a root type", () => {
  expect(validateSchema(schema).map(({ message }) => message)).toEqual([]);
  const reached = new Set<GraphQLNamedType>();
  const reach = (type: GraphQLNamedType) => {
    if (reached.has(type)) return;
    reached.add(type);
    for (const field of fieldsOf(type)) {
      reach(getNamedType(field.type));
      for (const arg of field.args) reach(getNamedType(arg.type));
    }
    if (isInputObjectType(type)) for (const field of Object.values(type.getFields())) reach(getNamedType(field.type));
    if (isObjectType(type) || isInterfaceType(type)) type.getInterfaces().forEach(reach);
    if (isInterfaceType(type) || isUnionType(type)) schema.getPossibleTypes(type).forEach(reach);
  };
  reach(query);
  reach(mutation);
  reach(schema.getSubscriptionType()!);
  expect(types.filter((type) => !reached.has(type)).map(({ name }) => name)).toEqual([]);
});

test("everything in the schema is described in a sentence", () => {
  const all: Named[] = [
    { path: "schema", name: "schema", description: schema.description },
    ...types.map((type) => ({ path: type.name, name: type.name, description: type.description })),
    ...fields,
    ...args,
    ...inputFields,
    ...enumValues,
  ];
  expect(all.length).toBeGreaterThan(2_000);
  const sentence = /^[A-Z0-9`].*\s.*[^.\s]\.$/s;
  expect(broken(all, ({ description }) => sentence.test(description ?? ""))).toEqual([]);
  const doubled = /\b(\w+) \1\b|\s{2}|\ba `?[aeio]\w/i;
  expect(broken(all, ({ description }) => !doubled.test(description ?? ""))).toEqual([]);
});

test("fields with @access describe the permission, and when they are null", async () => {
  const guarded = fields.filter((field) => accessOf(field));
  expect(guarded.length).toBeGreaterThan(200);
  const roots = [query, mutation, schema.getSubscriptionType()!].map(({ name }) => name);
  for (const { path, description, type, ...field } of guarded) {
    const access = accessOf(field as GraphQLField<unknown, unknown>)!;
    const needs = access.length
      ? `Needs ${access.map((permission) => `\`${permission}\``).join(" or ")}. `
      : "Needs an access token.";
    expect([path, description]).toEqual([path, expect.stringContaining(needs)]);
    if (!access.length) continue;
    const isRoot = roots.includes(path.split(".")[0]!);
    const without = isRoot
      ? /Without it the (field is null, with a `FORBIDDEN` error|subscription is refused)\./
      : isNonNullType(type)
        ? /Without it the field is empty, and listed in `extensions\.redactions`\./
        : /Without it the field is null, and listed in `extensions\.redactions`\./;
    expect([path, description]).toEqual([path, expect.stringMatching(without)]);
  }
  const open = fields.filter((field) => !accessOf(field));
  expect(broken(open, ({ description }) => !/Needs `\w+:\w+`\. Without it/.test(description ?? ""))).toEqual([]);
});

test("input fields that need a permission describe it", () => {
  const ruled = [customerWrites, orderWrites, orderSubscriptionWrites].flatMap(({ model, createRules, updateRules }) =>
    Object.entries({ ...createRules, ...updateRules }).flatMap(([name, { access }]) =>
      access
        ? inputFields.filter(({ path }) => new RegExp(`^${model.name}(Create|Update)Input\\.${name}$`).test(path))
        : [],
    ),
  );
  expect(ruled.length).toBeGreaterThan(6);
  expect(
    broken(ruled, ({ description }) => /Needs `\w+:\w+`, which sales channels lack\.$/.test(description ?? "")),
  ).toEqual([]);
});

test("names follow the conventions of GraphQL", () => {
  const named = types.map((type) => ({ ...type, type, path: type.name }));
  expect(broken(named, ({ path }) => /^[A-Z][A-Za-z0-9]*$/.test(path))).toEqual([]);
  expect(broken([...fields, ...args, ...inputFields], ({ name }) => /^[a-z][A-Za-z0-9]*$/.test(name))).toEqual([]);
  expect(broken(enumValues, ({ name }) => /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/.test(name))).toEqual([]);
  const inputs = named.filter(({ type }) => isInputObjectType(type));
  expect(broken(inputs, ({ path }) => /(Input|Filter|Order|Identifier)$/.test(path))).toEqual([]);
  const times = fields.filter(({ type }) => getNamedType(type).name === "DateTime");
  expect(broken(times, ({ name }) => name.endsWith("At"))).toEqual([]);
  const oneOf = inputs.filter(({ path }) => path.endsWith("Identifier"));
  expect(broken(oneOf, ({ type }) => isInputObjectType(type) && type.isOneOf)).toEqual([]);
});

test("lists are connections, paginated forward and backward", () => {
  const lists = fields.filter(({ type }) => isConnection(getNamedType(type)));
  expect(lists.length).toBeGreaterThan(20);
  expect(
    broken(lists, ({ args }) =>
      ["first", "after", "last", "before"].every((page) => args.some(({ name }) => name === page)),
    ),
  ).toEqual([]);
  // The history of a resource may be withheld from a caller, without the resource itself. A root list may be refused.
  const certain = lists.filter(({ name, path }) => !/^event(s|Stores)$/.test(name) && !path.startsWith("Query."));
  expect(broken(certain, ({ type }) => isNonNullType(type))).toEqual([]);
  for (const type of types.filter(isConnection) as GraphQLObjectType[]) {
    const item = type.name.replace(/Connection$/, "");
    const shape = Object.fromEntries(fieldsOf(type).map((field) => [field.name, String(field.type)]));
    expect(shape).toEqual({
      nodes: `[${item}!]!`,
      edges: `[${item}Edge!]!`,
      pageInfo: "PageInfo!",
      totalCount: "Int!",
    });
    const edge = schema.getType(`${item}Edge`)!;
    expect(fieldsOf(edge).map((field) => `${field.name}: ${field.type}`)).toEqual([
      "cursor: String!",
      `node: ${item}!`,
    ]);
  }
});

test("lists have non-null items, except Query.nodes", () => {
  const lists = fields.filter(({ type }) => isList(type));
  const withGaps = broken(lists, ({ type }) => /^\[\w+!\]!?$/.test(String(type)));
  expect(withGaps).toEqual(["Query.nodes"]);
});

test("to-one relations are nullable, since access may hide the related resource", () => {
  const toOne = fields.filter(({ type }) => isResource(getNamedType(type)) && !isList(type));
  const relations = toOne.filter(({ path }) => !path.endsWith("Edge.node"));
  expect(relations.length).toBeGreaterThan(30);
  expect(broken(relations, ({ type }) => !isNonNullType(type))).toEqual([]);
});

test("mutations return a payload with userErrors", () => {
  const mutations = fieldsOf(mutation).map((field) => ({ ...field, path: `Mutation.${field.name}` }));
  expect(mutations.length).toBeGreaterThan(3);
  expect(broken(mutations, ({ type }) => /^\w+Payload$/.test(String(type)))).toEqual([]);
  expect(
    broken(mutations, ({ type }) =>
      fieldsOf(getNamedType(type)).some((field) => `${field.name}: ${field.type}` === "userErrors: [UserError!]!"),
    ),
  ).toEqual([]);
});

test("types that are not resources have no id, except CustomerChange, whose prefix is its own", () => {
  const others = types.filter((type) => isObjectType(type) && !isResource(type) && "id" in type.getFields());
  // A person or application, by name as of some time; the payload names the resource that it made.
  const known = ["AnonymizationUser", "CustomerPasswordResetCreatePayload", "Mutation", "Query", "StaffUser"];
  expect(others.map(({ name }) => name).filter((name) => !known.includes(name))).toEqual(["CustomerChange"]);
  expect([...models.values()].map(({ prefix }) => prefix)).not.toContain("chg");
});
