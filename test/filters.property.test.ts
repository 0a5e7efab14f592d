import type { GraphQLInputObjectType } from "graphql";
import { enumValues, type ModelName, models } from "../src/graph/model/datamodel.js";
import { emailKey, foldEmail } from "../src/graph/model/values.js";
import { createTestApp, type TestApp } from "./support/app.js";
import { inMode, inputFields, type List, related, rootLists } from "./support/graph.js";
import type { Untyped } from "./support/operation-data.js";
import fc from "./support/property.js";
import { createWorld, type Row, type World, words } from "./support/rows.js";

let app: TestApp;
let world: World;

beforeAll(async () => {
  app = await createTestApp({ demo: false });
  world = await createWorld(app.database.pool, () => 96, 2);
}, 60_000);
afterAll(() => app.stop());

type Filter = Record<string, Untyped>;

// ---- What filters mean, said once more and without SQL.

/** Whether a row is such. Related rows count only in the caller's mode. */
function holds(model: ModelName, filter: Filter, row: Row): boolean {
  return Object.entries(filter).every(([name, test]) => {
    if (name === "and") return test.every((inner: Filter) => holds(model, inner, row));
    if (name === "or") return test.some((inner: Filter) => holds(model, inner, row));
    if (name === "not") return !holds(model, test, row);
    if (name === "tags" || name === "tagIds") {
      const own = inMode(related(world, model, "tags", row), "test").map((tag) => tag[name === "tags" ? "name" : "id"]);
      const { any, all, none } = test as Record<string, string[] | undefined>;
      if (any && !any.some((one) => own.includes(one))) return false;
      if (all && !all.every((one) => own.includes(one))) return false;
      return !none?.some((one) => own.includes(one));
    }
    if (name === "metadata") return holdsMetadata(row.metadata as Filter, test);
    const way = models.get(model)!.relations[name];
    if (way) {
      const others = inMode(related(world, model, name, row), "test");
      const such = (inner: Filter) => others.some((other) => holds(way.to, inner, other));
      if (!way.many) return such(test);
      return (!test.some || such(test.some)) && !(test.none && such(test.none));
    }
    const isWord = models.get(model)!.columns[name]!.enum;
    const value = isWord && row[name] !== null ? String(row[name]).toUpperCase() : row[name];
    const isEmail = name === "email" || name === "customerEmail";
    return Object.entries(test).every(([operator, operand]) => holdsScalar(value, operator, operand, isEmail));
  });
}

function holdsScalar(value: unknown, operator: string, operand: unknown, isEmail: boolean): boolean {
  if (operator === "isNull") return (value === null) === operand;
  if (value === null) return false;
  const key = (text: unknown) => (isEmail ? emailKey(text as string) : text);
  const lower = (text: unknown) => (text as string).toLowerCase();
  const number = (x: unknown) => (typeof value === "number" ? (x as number) : new Date(x as string).getTime());
  const same = (other: unknown) => (value instanceof Date ? number(value) === number(other) : value === key(other));
  switch (operator) {
    case "eq":
      return same(operand);
    case "in":
      return (operand as unknown[]).some(same);
    case "gt":
      return number(value) > number(operand);
    case "gte":
      return number(value) >= number(operand);
    case "lt":
      return number(value) < number(operand);
    case "lte":
      return number(value) <= number(operand);
    case "startsWith":
    case "contains": {
      // A part that no address can have is looked for as it is.
      const [text, part] =
        isEmail && foldEmail(operand as string) === undefined ? [value, operand] : [lower(value), lower(operand)];
      return operator === "contains"
        ? (text as string).includes(part as string)
        : (text as string).startsWith(part as string);
    }
    default:
      throw new Error(`The test does not know the operator ${operator}`);
  }
}

function holdsMetadata(metadata: Filter, { key, eq }: { key: string; eq?: string }): boolean {
  if (!Object.hasOwn(metadata, key)) return false;
  const value: unknown = metadata[key];
  if (eq === undefined || value === eq) return true;
  if (typeof value !== "number" && typeof value !== "boolean") return false;
  try {
    return JSON.parse(eq) === value;
  } catch {
    return false;
  }
}

/** How many tests a filter holds. A look at related rows is one, and so is whatever says nothing. */
function leaves(filter: Filter): number {
  const sum = (numbers: number[]) =>
    Math.max(
      1,
      numbers.reduce((a, b) => a + b, 0),
    );
  const tests = Object.entries(filter).map(([name, test]) => {
    if (name === "and" || name === "or") return sum(test.map(leaves));
    if (name === "not") return leaves(test);
    if (name === "metadata") return 1;
    if (name === "tags" || name === "tagIds") return sum([+!!test.any, test.all?.length ?? 0, +!!test.none]);
    if ("some" in test || "none" in test) {
      return sum([test.some, test.none].map((inner) => (inner ? 1 + leaves(inner) : 0)));
    }
    return isRelation(name) ? 1 + leaves(test) : sum([Object.keys(test).length]);
  });
  return sum(tests);
}
const isRelation = (name: string) => [...models.values()].some(({ relations }) => relations[name]?.many === false);

// ---- Filters of all kinds.

/** Values near those of a column, in the form in which the API takes them. */
function operand(model: ModelName, field: string, type: string): fc.Arbitrary<unknown> {
  const column = models.get(model)!.columns[field]!;
  const values = world.rows.get(model)!.map((row) => row[field]);
  const present = values.filter((value) => value !== null);
  const one = fc.constantFrom(...(present.length ? present : [0]));
  if (column.enum) return fc.constantFrom(...enumValues(column.type)).map((value) => value.toUpperCase());
  switch (type) {
    case "IntFilter":
      return fc.oneof(
        fc.tuple(one as fc.Arbitrary<number>, fc.constantFrom(-1, 0, 1)).map(([value, by]) => value + by),
        fc.constantFrom(-(2 ** 31), 2 ** 31 - 1, 0),
      );
    case "DateTimeFilter":
      return fc.oneof(
        fc
          .tuple(one as fc.Arbitrary<Date>, fc.constantFrom(-1, 0, 1))
          .map(([value, by]) => new Date(value.getTime() + by).toISOString()),
        fc.constantFrom("0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999+23:59", "2026-01-01T02:00:00.001+02:00"),
      );
    case "BooleanFilter":
      return fc.boolean();
    case "IDFilter":
      return fc.oneof(one, fc.constantFrom(...words, "cus_none"));
    default: {
      const text = one as fc.Arbitrary<string>;
      const part = fc
        .tuple(text, fc.nat({ max: 8 }), fc.nat({ max: 8 }))
        .map(([value, from, length]) => [...value].slice(from, from + length).join(""));
      const otherCase = fc
        .oneof(text, part)
        .map((value) => (value === value.toUpperCase() ? value.toLowerCase() : value.toUpperCase()));
      return fc.oneof(
        text,
        part,
        otherCase,
        text.map((value) => `${value}x`),
        fc.constantFrom(...words),
        fc.string(),
      );
    }
  }
}

/** All operators of a scalar's input, each with any operand. */
function scalarTest(model: ModelName, field: string, type: GraphQLInputObjectType): fc.Arbitrary<Filter> {
  const value = operand(model, field, type.name);
  const operators = inputFields(type).map(({ name }): [string, fc.Arbitrary<unknown>] => {
    if (name === "in") return [name, fc.array(value, { maxLength: 4 })];
    return [name, name === "isNull" ? fc.boolean() : value];
  });
  return someOf(operators, 1, 2);
}

/** Objects with a few of these fields. */
function someOf(fields: [string, fc.Arbitrary<unknown>][], least: number, most: number): fc.Arbitrary<Filter> {
  return fc
    .subarray(fields, { minLength: Math.min(least, fields.length), maxLength: Math.min(most, fields.length) })
    .chain((chosen) => fc.record(Object.fromEntries(chosen)));
}

function fieldTest(
  model: ModelName,
  name: string,
  type: GraphQLInputObjectType,
  depth: number,
): fc.Arbitrary<unknown> | undefined {
  const names = (field: "name" | "id") =>
    fc.constantFrom(...world.rows.get("Tag")!.map((tag) => tag[field] as string), "none:of:them");
  switch (type.name) {
    case "SetFilter": {
      const some = fc.array(names(name === "tags" ? "name" : "id"), { maxLength: 3 });
      return someOf(
        ["any", "all", "none"].map((quantifier) => [quantifier, some]),
        1,
        2,
      );
    }
    case "MetadataFilter": {
      const documents = world.rows.get(model)!.map(({ metadata }) => metadata as Filter);
      const key = fc.constantFrom(...documents.flatMap(Object.keys), "none", "");
      const text = documents
        .flatMap(Object.values)
        .filter((value) => value === null || typeof value !== "object")
        .map(String);
      const eq = fc.constantFrom(...text, "1", "1.50", "01.5", "-0", "1e400", "15e-1", "TRUE", '"abc"', "[]", "007");
      return fc.record({ key, eq }, { requiredKeys: ["key"] });
    }
  }
  if (type.name.endsWith("ListFilter")) {
    const inner = filterOf(inputFields(type)[0]!.type as GraphQLInputObjectType, depth + 1);
    return (
      inner &&
      someOf(
        [
          ["some", inner],
          ["none", inner],
        ],
        1,
        1,
      )
    );
  }
  if (isModelFilter(type)) return filterOf(type, depth + 1);
  return scalarTest(model, name, type);
}

const isModelFilter = (type: GraphQLInputObjectType) => "and" in type.getFields();
const modelOfFilter = (type: GraphQLInputObjectType) => type.name.replace(/Filter$/, "") as ModelName;

/** Any filter of a model; undefined where filters may not go deeper. */
function filterOf(type: GraphQLInputObjectType, depth: number): fc.Arbitrary<Filter> | undefined {
  if (depth > 3) return undefined;
  const model = modelOfFilter(type);
  const fields = inputFields(type).flatMap((field): [string, fc.Arbitrary<unknown>][] => {
    const inner = field.type as GraphQLInputObjectType;
    if (["and", "or", "not"].includes(field.name)) {
      const filter = filterOf(type, depth + 1);
      if (!filter) return [];
      return [[field.name, field.name === "not" ? filter : fc.array(filter, { maxLength: 3 })]];
    }
    const test = fieldTest(model, field.name, inner, depth);
    return test ? [[field.name, test]] : [];
  });
  return fc.oneof(
    {
      weight: 3,
      arbitrary: someOf(
        fields.filter(([name]) => !["and", "or", "not"].includes(name)),
        0,
        2,
      ),
    },
    {
      weight: 2,
      arbitrary: someOf(
        fields.filter(([name]) => ["and", "or", "not"].includes(name)),
        1,
        2,
      ),
    },
  );
}

async function expectSame(list: List, filter: Filter) {
  const query = `query ($filter: ${list.filter.name}) { list: ${list.field}(first: 100, filter: $filter) { totalCount nodes { id } } }`;
  const { data, errors } = await app.query(query, { filter });
  if (leaves(filter) > 30) {
    expect(errors?.[0]?.extensions.code).toBe("BAD_USER_INPUT");
    return;
  }
  expect(errors).toBeUndefined();
  const rows = inMode(world.rows.get(list.model)!, "test").filter((row) => holds(list.model, filter, row));
  const ids = data.list.nodes.map(({ id }: { id: string }) => id);
  expect([ids.sort(), data.list.totalCount]).toEqual([rows.map(({ id }) => id).sort(), rows.length]);
}

describe.each(rootLists.map((list) => [list.field, list] as const))("%s", (_, list) => {
  test("each operator of each field finds the same rows as a search in JavaScript", async () => {
    for (const { name, type } of inputFields(list.filter)) {
      if (["and", "or", "not"].includes(name)) continue;
      const tests = fieldTest(list.model, name, type as GraphQLInputObjectType, 2);
      expect(tests).toBeDefined();
      await fc.assert(
        fc.asyncProperty(tests!, (inner) => expectSame(list, { [name]: inner })),
        { numRuns: 8 },
      );
    }
  });

  test("metadata filters find each text, number and boolean that is stored", async () => {
    if (!inputFields(list.filter).some(({ name }) => name === "metadata")) return;
    const pairs = world.rows.get(list.model)!.flatMap(({ metadata }) => Object.entries(metadata as Filter));
    const plain = pairs.filter(([, value]) => ["string", "number", "boolean"].includes(typeof value));
    const filters = new Set(plain.map(([key, value]) => JSON.stringify({ metadata: { key, eq: String(value) } })));
    expect(filters.size).toBeGreaterThan(2);
    for (const filter of filters) await expectSame(list, JSON.parse(filter));
  });

  test("nested filters find the same rows as a search in JavaScript", async () => {
    await fc.assert(
      fc.asyncProperty(filterOf(list.filter, 0)!, (filter) => expectSame(list, filter)),
      { numRuns: 20 },
    );
  });

  test("not: a filter on a null column matches exactly the other rows", async () => {
    const missing = inMode(world.rows.get(list.model)!, "test").filter(({ reference }) => reference === null);
    expect(missing.length).toBeGreaterThan(5);
    const { data } = await app.query(
      `query ($test: ${list.filter.name}!) { is: ${list.field}(first: 100, filter: $test) { nodes { id } }
         isNot: ${list.field}(first: 100, filter: { not: $test }) { nodes { id } } }`,
      { test: { reference: { eq: "abc" } } },
    );
    const [is, isNot] = [data.is, data.isNot].map(({ nodes }) => nodes.map(({ id }: { id: string }) => id));
    expect(isNot).toEqual(expect.arrayContaining(missing.map(({ id }) => id)));
    expect([...is, ...isNot].sort()).toEqual(
      inMode(world.rows.get(list.model)!, "test")
        .map(({ id }) => id)
        .sort(),
    );
  });

  test("null for a required value is BAD_USER_INPUT with its path", async () => {
    for (const { name, type } of inputFields(list.filter)) {
      const inner = name === "and" || name === "or" ? [] : inputFields(type as GraphQLInputObjectType);
      await expectRefusal(list, { [name]: null }, [name]);
      for (const operator of inner) {
        if (operator.name === "key" || name === "not") continue;
        const key = name === "metadata" ? { key: "abc" } : {};
        await expectRefusal(list, { not: { [name]: { ...key, [operator.name]: null } } }, ["not", name, operator.name]);
      }
    }
  });
});

async function refusal(list: List, filter: Filter) {
  const query = `query ($filter: ${list.filter.name}) { list: ${list.field}(filter: $filter) { totalCount } }`;
  const { errors } = await app.query(query, { filter });
  return errors?.[0];
}

async function expectRefusal(list: List, filter: Filter, path: (string | number)[]) {
  const error = await refusal(list, filter);
  expect(error?.extensions).toEqual({ code: "BAD_USER_INPUT", argument: ["filter", ...path] });
  expect(error?.message).toContain(`\`filter.${path.join(".")}\``);
}

const customers = rootLists.find(({ field }) => field === "customers")!;

test("text filters are case-insensitive and escape LIKE wildcards", async () => {
  const [first] = inMode(world.rows.get("Customer")!, "test");
  for (const [reference, contains, found] of [
    ["100% É_Ж\\佐", "% é_ж\\佐", true],
    ["100% É_Ж\\佐", "100% É_Ж\\佐", true],
    ["100x É_Ж\\佐", "100%", false],
    ["100% ÉxЖ", "É_Ж", false],
    ["a\\%b", "a\\%B", true],
    ["a\\%b", "a%b", false],
    ["a\\", "\\", true],
    ["STRASSE", "strasse", true],
  ] as const) {
    await app.database.pool.query("UPDATE customers SET reference = $2 WHERE id = $1", [first!.id, reference]);
    for (const operator of [
      "contains",
      ...(reference.toLowerCase().startsWith(contains.toLowerCase()) ? ["startsWith"] : []),
    ]) {
      const { data } = await app.query(
        "query ($filter: CustomerFilter) { customers(filter: $filter) { totalCount } }",
        {
          filter: { id: { eq: first!.id }, reference: { [operator]: contains } },
        },
      );
      expect([reference, contains, data.customers.totalCount]).toEqual([reference, contains, found ? 1 : 0]);
    }
  }
  const before = first!.reference;
  await app.database.pool.query("UPDATE customers SET reference = $2 WHERE id = $1", [first!.id, before]);
});

test("in: [] matches nothing", async () => {
  const { data } = await app.query(
    `{ none: customers(filter: { or: [] }) { totalCount } id: customers(filter: { id: { in: [] } }) { totalCount }
       any: customers(filter: { tags: { any: [] } }) { totalCount } all: customers(filter: { tags: { all: [] } }) { totalCount }
       empty: customers(filter: {}) { totalCount } and: customers(filter: { and: [] }) { totalCount }
       nothing: customers(filter: null) { totalCount } not: customers(filter: { not: {} }) { totalCount } }`,
  );
  const all = inMode(world.rows.get("Customer")!, "test").length;
  const counts = Object.fromEntries(
    Object.entries(data).map(([name, list]) => [name, (list as { totalCount: number }).totalCount]),
  );
  expect(counts).toEqual({ none: 0, id: 0, any: 0, all, empty: all, and: all, nothing: all, not: 0 });
});

test("filters are limited to three levels", async () => {
  const inside = (ways: string[], inner: Filter): Filter =>
    ways.reduceRight<Filter>((deeper, way) => {
      if (way === "and" || way === "or") return { [way]: [deeper] };
      return way === "orders" ? { orders: { some: deeper } } : { [way]: deeper };
    }, inner);
  const leaf = { id: { isNull: false } };
  for (const ways of [
    ["and", "or", "not"],
    ["orders", "customer", "not"],
    ["not", "customerGroup", "or"],
  ]) {
    expect(await refusal(customers, inside(ways, leaf))).toBeUndefined();
    const path = ways.flatMap((way) =>
      way === "and" || way === "or" ? [way, 0] : way === "orders" ? [way, "some"] : [way],
    );
    await expectRefusal(customers, inside([...ways, "not"], leaf), [...path, "not"]);
  }
});

test("filters are limited to 30 conditions", async () => {
  const many = (one: Filter, count: number) => ({ or: Array.from({ length: count }, () => one) });
  for (const one of [
    { id: { eq: "x" } },
    {},
    { email: {} },
    { tags: { all: [] } },
    { and: [] },
    { not: {} },
    { orders: {} },
    { metadata: { key: "x" } },
  ]) {
    expect(await refusal(customers, many(one, 30))).toBeUndefined();
    expect((await refusal(customers, many(one, 31)))?.extensions.code).toBe("BAD_USER_INPUT");
  }
  const looks = [{ customerGroup: {} }, { orders: { some: {} } }, { orders: { none: {} } }];
  for (const one of looks) expect((await refusal(customers, many(one, 16)))?.extensions.code).toBe("BAD_USER_INPUT");
  const { or } = many({ id: { eq: "x" } }, 30);
  await expectRefusal(customers, { or, status: { isNull: false } }, ["status", "isNull"]);
  await expectRefusal(customers, { tags: { all: Array.from({ length: 31 }, (_, i) => `t${i}`) } }, ["tags", "all"]);
  await expectRefusal(customers, { id: { in: Array.from({ length: 1001 }, (_, i) => `c${i}`) } }, ["id", "in"]);
  expect(await refusal(customers, { id: { in: Array.from({ length: 1000 }, (_, i) => `c${i}`) } })).toBeUndefined();
});
