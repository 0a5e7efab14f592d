import { type OperationDefinitionNode, parse } from "graphql";
import { coerced } from "../src/http/limits.js";
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

describe("values that do not fit", () => {
  const byTags = "query ($tags: [String!]) { customers(first: 0, filter: { tags: { any: $tags } }) { totalCount } }";
  const codes = (errors: { extensions: Record<string, unknown> }[]) =>
    new Set(errors.map(({ extensions }) => extensions.code));

  test("in variables, of any kind: 10,000 at most", async () => {
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
  ])("%s: at most 50 errors, all the request's, and the last says that there are more", async (_, query, variables) => {
    const errors = await refused(query, variables);
    expect(errors).toHaveLength(50);
    expect(codes(errors)).toEqual(new Set(["BAD_USER_INPUT"]));
    expect(errors.at(-1)!.message).toMatch(/more errors in the variables/);
    expect(errors[0]!.message).not.toMatch(/more errors/);
  });

  test("literals: the same", async () => {
    for (const literals of ["1 ".repeat(4_900), "{a: 1} ".repeat(900), "A ".repeat(4_900)]) {
      const errors = await refused(`{ customers(first: 0, filter: { tags: { any: [${literals}] } }) { totalCount } }`);
      expect(errors).toHaveLength(50);
      expect(codes(errors)).toEqual(new Set(["GRAPHQL_VALIDATION_FAILED"]));
      expect(errors.at(-1)!.message).toMatch(/more errors in the document/);
    }
  });

  test("of a subscription, and by GET: the same", async () => {
    const { status, body } = await stream(app, {
      query: "subscription ($ids: [String!]) { customerChanged(customerId: $ids) { id } }",
      variables: { ids: Array(48_000).fill(1) },
    });
    expect([status, body.errors.length]).toEqual([400, 1]);
    const variables = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`v${i}`, "x"]));
    const sent = await stream(app, {
      query: `subscription (${many(60, (i) => `$v${i}: Boolean!`)}) { customerChanged { id ${many(60, (i) => `...@include(if: $v${i}) { event }`)} } }`,
      variables,
    });
    expect([sent.status, sent.body.errors.length, codes(sent.body.errors)]).toEqual([
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

  test("no more are looked at than it takes to know that they do not fit", () => {
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
