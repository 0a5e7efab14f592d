import {
  GraphQLObjectType,
  getIntrospectionQuery,
  isLeafType,
  type OperationDefinitionNode,
  OperationTypeNode,
  parse,
} from "graphql";
import { checkCost, coerced, limits, weigh } from "../src/http/limits.js";
import { createTestApp, type TestApp } from "./support/app.js";
import { schema } from "./support/graph.js";
import { stream } from "./support/live.js";

/** What one request may ask for: each limit is refused before anything runs, with its figure and what to do. */
let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.stop());
afterEach(() => {
  expect(app.logged.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});

const many = (count: number, one: (i: number) => string) => Array.from({ length: count }, (_, i) => one(i)).join(" ");

/** Asks for what must be refused before any statement is sent, and gives the errors. */
async function refused(query: string, variables?: Record<string, unknown>) {
  app.statements();
  const { status, data, errors } = await app.query(query, variables);
  expect([status, data]).toEqual([400, undefined]);
  // What earlier requests changed is announced a little later.
  expect(app.statements().filter(({ text }) => !text.includes("pg_notify"))).toEqual([]);
  return errors!;
}

async function expectCostLimit(query: string, says: RegExp, extensions: Record<string, unknown>) {
  const errors = await refused(query);
  expect(errors).toEqual([{ message: expect.stringMatching(says), extensions: { code: "COST_LIMIT", ...extensions } }]);
}

async function accepted(query: string, variables?: Record<string, unknown>) {
  const { status, errors, data, extensions } = await app.query(query, variables);
  expect([status, errors]).toEqual([200, undefined]);
  return { data, cost: extensions.cost! };
}

describe("coercion errors", () => {
  const byTags = "query ($tags: [String!]) { customers(first: 0, filter: { tags: { any: $tags } }) { totalCount } }";
  const codes = (errors: { extensions: Record<string, unknown> }[]) =>
    new Set(errors.map(({ extensions }) => extensions.code));

  test("variables with more than 10,000 values are refused", async () => {
    const wholes: [string, Record<string, unknown>][] = [
      [byTags, { tags: Array(48_000).fill(1) }],
      [byTags, { tags: Array(20_000).fill("a") }],
      [byTags, { tags: Array(15_000).fill(null) }],
      [byTags, { unknown: Array(12_000).fill(true) }],
      [
        "query ($f: CustomerFilter) { customers(filter: $f) { totalCount } }",
        { f: { or: Array.from({ length: 1_500 }, () => ({ email: { in: Array(9).fill(1) } })) } },
      ],
    ];
    for (const [query, variables] of wholes) {
      const errors = await refused(query, variables);
      expect(errors).toHaveLength(1);
      expect(errors[0]!.extensions.code).toBe("BAD_USER_INPUT");
      expect(errors[0]!.message).toMatch(/^The variables hold more than (10000 values|2000 objects and lists)/);
    }
  });

  test.each<[string, string, Record<string, unknown>]>([
    ["a list of numbers for texts", byTags, { tags: Array(9_000).fill(1) }],
    [
      "60 variables",
      `query (${many(60, (i) => `$v${i}: Int`)}) { customers(first: 0) { ${many(60, (i) => `c${i}: totalCount(atMost: $v${i})`)} } }`,
      Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`v${i}`, "x"])),
    ],
    [
      "unknown fields of an object",
      "query ($f: CustomerFilter) { customers(filter: $f) { totalCount } }",
      { f: Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`status${i}`, 1])) },
    ],
  ])("%s: at most 50 errors, and the last says that there are more", async (_, query, variables) => {
    const errors = await refused(query, variables);
    expect(errors).toHaveLength(50);
    expect(codes(errors)).toEqual(new Set(["BAD_USER_INPUT"]));
    expect(errors.at(-1)!.message).toMatch(/more errors in the variables/);
    expect(errors[0]!.message).not.toMatch(/more errors/);
  });

  test("literals: at most 50 errors", async () => {
    for (const literals of ["1 ".repeat(4_900), "{a: 1} ".repeat(900), "A ".repeat(4_900)]) {
      const errors = await refused(`{ customers(first: 0, filter: { tags: { any: [${literals}] } }) { totalCount } }`);
      expect(errors).toHaveLength(50);
      expect(codes(errors)).toEqual(new Set(["GRAPHQL_VALIDATION_FAILED"]));
      expect(errors.at(-1)!.message).toMatch(/more errors in the document/);
    }
  });

  test("variables of a subscription or GET: at most 50 errors", async () => {
    const { status, body } = await stream(app, {
      query: "subscription ($ids: [String!]) { customerChanged(customerId: $ids) { id } }",
      variables: { ids: Array(48_000).fill(1) },
    });
    expect([status, body!.errors!.length]).toEqual([400, 1]);
    const variables = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`v${i}`, "x"]));
    const sent = await stream(app, {
      query: `subscription (${many(60, (i) => `$v${i}: Boolean!`)}) { customerChanged { id ${many(60, (i) => `...@include(if: $v${i}) { event }`)} } }`,
      variables,
    });
    expect([sent.status, sent.body!.errors!.length, codes(sent.body!.errors!)]).toEqual([
      400,
      50,
      new Set(["BAD_USER_INPUT"]),
    ]);
    const query = `query (${many(60, (i) => `$v${i}: Int`)}) { customers(first: 0) { ${many(60, (i) => `c${i}: totalCount(atMost: $v${i})`)} } }`;
    const url = new URLSearchParams({ query, variables: JSON.stringify(variables) });
    const response = await fetch(`${app.url}/graphql?${url}`, { headers: { "apollo-require-preflight": "1" } });
    const got = (await response.json()) as { errors: { extensions: Record<string, unknown> }[] };
    expect([response.status, got.errors.length, codes(got.errors)]).toEqual([400, 50, new Set(["BAD_USER_INPUT"])]);
  });

  test("values are not read further than needed to refuse them", () => {
    const document = parse("query ($tags: [String!], $f: CustomerFilter) { __typename }");
    let reads = 0;
    const counting = <T extends object>(target: T) =>
      new Proxy(target, { get: (from, key) => [/^\w+\d$/.test(String(key)) && reads++, Reflect.get(from, key)][1] });
    const operation = document.definitions[0] as OperationDefinitionNode;
    expect(coerced(schema, operation, { tags: counting(Array(9_000).fill(1)) })).toBeUndefined();
    const unknown = counting(Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`status${i}`, 1])));
    expect(coerced(schema, operation, { f: unknown })).toBeUndefined();
    expect(reads).toBeLessThan(25_000);
  });
});

describe("introspection limits", () => {
  const everything = {
    descriptions: true,
    specifiedByUrl: true,
    directiveIsRepeatable: true,
    schemaDescription: true,
    inputValueDeprecation: true,
    oneOf: true,
  };
  const standard = getIntrospectionQuery(everything);
  const aliased = (count: number) => {
    const [, selection, fragments] = /__schema ({[\s\S]*})\s*}\s*(fragment FullType[\s\S]*)/.exec(standard)!;
    return `{ ${many(count, (i) => `s${i}: __schema ${selection}`)} } ${fragments}`;
  };

  test("standard introspection queries are accepted, and cost what they return", async () => {
    for (const query of [standard, getIntrospectionQuery(), getIntrospectionQuery({ ...everything, oneOf: false })]) {
      const { data, cost } = await accepted(query);
      let objects = 0;
      JSON.stringify(
        data.__schema,
        (_, value) => [value && !Array.isArray(value) && typeof value === "object" && objects++, value][1],
      );
      expect(cost).toBe(objects);
    }
    // What the schema may still grow by.
    expect(weighed(standard).introspection * 2).toBeLessThan(limits.introspection);
  });

  test.each<[string, string]>([
    ["aliases of the standard query", aliased(4)],
    [
      "40 aliases of all types",
      `{ ${many(40, (i) => `s${i}: __schema { types { name kind description fields { name } } }`)} }`,
    ],
    [
      "all types of all fields",
      "{ __schema { types { fields { type { fields { ...F } ofType { fields { ...F } } } } } } } fragment F on __Field { name description args { name description } type { name kind ofType { name kind } } }",
    ],
    [
      "types again and again",
      `{ ${many(45, (i) => `t${i}: __type(name: "Mutation") { fields { args { type { ofType { inputFields { name description type { name kind ofType { name kind } } } } } } } }`)} }`,
    ],
    [
      "fragments that spread others twice",
      `{ __schema { types { ...f0 } } } ${many(18, (i) => `fragment f${i} on __Type { ...f${i + 1} ...f${i + 1} }`)} fragment f18 on __Type { name }`,
    ],
  ])("introspection by %s is COST_LIMIT", (_, query) =>
    expectCostLimit(query, /values of the schema; at most 85000/, { maximum: 85_000 }),
  );

  test("__type by name is cheap, by variable too", async () => {
    const query =
      "query ($name: String!) { __type(name: $name) { name fields { name type { name ofType { name } } } } }";
    expect((await accepted(query, { name: "Order" })).data.__type.name).toBe("Order");
    const { cost } = await accepted('{ __type(name: "Order") { fields { name } } }');
    expect(cost).toBe(1 + Object.keys((schema.getType("Order") as GraphQLObjectType).getFields()).length);
  });
});

function weighed(query: string, variables: Record<string, unknown> = {}) {
  const document = parse(query);
  return weigh(schema, document, document.definitions[0] as OperationDefinitionNode, variables);
}

describe("limits of an operation (COST_LIMIT)", () => {
  const count = (i: number) => `c${i}: customers(first: 0) { totalCount(atMost: 1) }`;

  test("50 root fields, fragments included", async () => {
    await accepted(`{ ${many(50, count)} }`);
    await expectCostLimit(`{ ${many(51, count)} }`, /has 51 root fields; at most 50/, { rootFields: 51, maximum: 50 });
    await expectCostLimit(
      `{ ...A ... { ...B } } fragment A on Query { ${many(30, count)} } fragment B on Query { ...A ${many(30, (i) => count(i + 25))} }`,
      /has 55 root fields/,
      { rootFields: 55, maximum: 50 },
    );
    // Said twice it is one.
    await accepted(`{ ${many(60, () => "customers(first: 0) { totalCount(atMost: 1) }")} }`);
  });

  test("100 aliases", async () => {
    await accepted(`{ customers(first: 1) { nodes { ${many(100, (i) => `a${i}: email`)} } } }`);
    for (const inside of [
      "email",
      "orders(first: 1) { nodes { id } }",
      "links { self }",
      "customerGroup { name }",
      "__typename",
    ]) {
      const query = `{ customers(first: 1) { nodes { ...F } } } fragment F on Customer { ${many(101, (i) => `a${i}: ${inside}`)} }`;
      await expectCostLimit(query, /has 101 aliases; at most 100/, { aliases: 101, maximum: 100 });
    }
  });

  test("100 directives", async () => {
    const fields = (times: number) =>
      `{ customers(first: 0) { ${many(times, () => "... @include(if: true) @skip(if: false) { totalCount(atMost: 1) }")} } }`;
    await accepted(fields(50));
    await expectCostLimit(fields(51), /has 102 directives; at most 100/, { directives: 102, maximum: 100 });
  });

  test("10 mutations; of more none runs", async () => {
    const tag = (i: number) => `m${i}: tagsAdd(id: "cus_kenji", names: ["vip"]) { userErrors { code } }`;
    const { data } = await accepted(`mutation { ${many(10, tag)} }`);
    expect(Object.keys(data)).toHaveLength(10);
    for (const body of [many(11, tag), `...M } fragment M on Mutation { ${many(11, tag)}`]) {
      await expectCostLimit(
        `mutation { ${body} }`,
        /has 11 mutations; at most 10 .*None was run.*customersBulkUpdate/,
        {
          rootFields: 11,
          maximum: 10,
        },
      );
    }
    const signUp = (i: number) =>
      `s${i}: customerCreate(input: { email: "new${i}@example.com", password: "a long enough one" }) { customer { id } }`;
    await expectCostLimit(`mutation { ${many(40, signUp)} }`, /has 40 mutations/, { rootFields: 40, maximum: 10 });
  });
});

describe("cost of counts and filters", () => {
  const cost = (query: string, variables?: Record<string, unknown>) => weighed(query, variables).objects;

  test("is the number of rows that they may read", () => {
    expect(cost("{ customers(first: 0) { nodes { id } } }")).toBe(1);
    expect(cost("{ customers(first: 30) { nodes { id } } }")).toBe(30);
    expect(cost("{ customers(first: 0) { totalCount } }")).toBe(1_000);
    expect(cost("{ customers(first: 0) { totalCount(atMost: 7) } }")).toBe(7);
    expect(cost("query ($n: Int) { customers(first: 0) { totalCount(atMost: $n) } }", { n: 9 })).toBe(9);
    expect(cost("query ($n: Int) { customers(first: 0) { totalCount(atMost: $n) } }")).toBe(1_000);
    expect(cost("{ customers(first: 0) { totalCount(atMost: 1000000) } }")).toBe(1_000);
    expect(cost("{ customers(first: 0) { totalCount(atMost: -1) } }")).toBe(1);
    expect(cost("{ customers(first: 0) { a: totalCount b: totalCount } }")).toBe(2_000);
    const filtered = "query ($f: CustomerFilter) { customers(filter: $f) { nodes { id } } }";
    expect(cost(filtered, { f: { email: { contains: "a" } } })).toBe(1_020);
    expect(cost(filtered, { f: null })).toBe(20);
    expect(cost(filtered)).toBe(20);
    expect(cost("{ customers(first: 5, offset: 10000) { nodes { id } } }")).toBe(2_505);
    // One that is refused is not read.
    expect(cost("{ customers(first: 5, offset: 2000000000) { nodes { id } } }")).toBe(2_505);
    expect(cost("query ($n: Int) { customers(first: 5, offset: $n) { nodes { id } } }", { n: 8 })).toBe(7);
    // Nested, for each parent: those of one customer are few, those of the shop may be many.
    expect(cost("{ customers(first: 50) { nodes { orders(first: 0) { totalCount } } } }")).toBe(50 * (1 + 20));
    expect(cost("{ customers(first: 50) { nodes { customerGroup { customers(first: 0) { totalCount } } } } }")).toBe(
      50 * (1 + 1 + 200),
    );
  });

  test("is in extensions.cost, and depends on the variables", async () => {
    const query = "query ($f: CustomerFilter, $n: Int) { customers(first: 0, filter: $f) { totalCount(atMost: $n) } }";
    expect((await accepted(query)).cost).toBe(1_000);
    expect((await accepted(query, { n: 5 })).cost).toBe(5);
    expect((await accepted(query, { n: 5, f: { email: { contains: "x" } } })).cost).toBe(1_005);
  });

  test("with many aliases or parents is refused", async () => {
    const filter = (i: number) => `filter: { email: { contains: "a${i}" } }, first: 0`;
    for (const query of [
      `{ ${many(30, (i) => `a${i}: customers(${filter(i)}) { totalCount }`)} }`,
      `{ customers(first: 0) { ${many(60, (i) => `a${i}: totalCount`)} } }`,
      `{ ${many(51, (i) => `a${i}: customers(${filter(i)}) { nodes { id } }`)} }`,
      `{ ${many(25, (i) => `a${i}: customers(first: 1, offset: ${9_900 + i}) { nodes { id } }`)} }`,
      "{ customers(first: 250) { nodes { customerGroup { customers(first: 0) { totalCount } } } } }",
      `{ customers(first: 250) { nodes { ${many(10, (i) => `a${i}: orders(first: 0) { totalCount }`)} } } }`,
    ]) {
      const [error] = await refused(query);
      expect(error!.extensions.code).toBe("COST_LIMIT");
    }
  });
});

describe("number of values in an answer", () => {
  test("one page of orders with all fields is accepted, many such pages are not", async () => {
    const order = schema.getType("Order") as GraphQLObjectType;
    const leaves = Object.values(order.getFields()).filter(({ type, args }) => !args.length && isLeafType(named(type)));
    const all = leaves.map(({ name }) => name).join(" ");
    await accepted(`{ orders(first: 250) { nodes { ${all} } } }`);
    const errors = await refused(
      `{ ${many(40, (i) => `a${i}: orders(first: 250) { nodes { ...F } }`)} } fragment F on Order { ${all} }`,
    );
    expect(errors[0]!.extensions).toMatchObject({ code: "COST_LIMIT", maximum: limits.values });
    expect(errors[0]!.message).toMatch(/smaller pages, or fewer fields/);
  });

  test("values computed by code weigh more", () => {
    const weight = (field: string) => weighed(`{ orders(first: 10) { nodes { ${field} } } }`).values;
    expect(weight("number")).toBe(10);
    expect(weight("totalAmountFloat")).toBe(10);
    for (const field of ["formattedTotalAmount", "token", "metadata", "links { self }"])
      expect([field, weight(field)]).toEqual([field, 50]);
    expect(weighed("{ orders(first: 10) { edges { cursor } } }").values).toBe(50);
  });

  test("an event of a subscription may have fewer", () => {
    const check = (selection: string) =>
      checkCost(weighed(`subscription { customerChanged { ${selection} } }`), OperationTypeNode.SUBSCRIPTION);
    check("id event customer { email customerAddresses(first: 100) { nodes { address { line1 city } } } }");
    const orders = "customer { orders(first: 100) { nodes { lineItems(first: 20) { nodes { id } } } } }";
    expect(() => check(orders)).toThrow(/could return 2102 objects for each event.*at most 1000/);
    const wide = `customer { orders(first: 100) { nodes { ${many(30, (i) => `a${i}: formattedTotalAmount`)} } } }`;
    expect(() => check(wide)).toThrow(/for each event; at most 10000/);
  });
});

function named(type: unknown): GraphQLObjectType {
  const { ofType } = type as { ofType?: unknown };
  return ofType ? named(ofType) : (type as GraphQLObjectType);
}
