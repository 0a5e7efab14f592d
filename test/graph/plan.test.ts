import { Kind, type OperationDefinitionNode, parse, validate } from "graphql";
import { explainStrategy } from "../../src/cli/explain-strategy.js";
import { type Permission, permissionsByKind } from "../../src/graph/access/permission.js";
import { ruleKey, rulesLike } from "../../src/graph/access/row-rules.js";
import { anonymous, type Viewer } from "../../src/graph/access/viewer.js";
import type { EvaluatedArguments } from "../../src/graph/answer/arguments.js";
import { argumentsOf } from "../../src/graph/answer/arguments.js";
import { byCode } from "../../src/graph/answer/by-code.js";
import type { Loaders } from "../../src/graph/answer/loaders.js";
import { type Plan, planOf, switchVariables } from "../../src/graph/answer/plan.js";
import { fragmentsOf } from "../../src/graph/answer/plans.js";
import type { ColumnOrRelation, RowSelection } from "../../src/graph/answer/selection.js";
import { planStatement, valuesFor } from "../../src/graph/answer/selection-sql.js";
import { strategyFor } from "../../src/graph/answer/strategy.js";
import { models } from "../../src/graph/model/datamodel.js";
import { codeKey, emailKey } from "../../src/graph/model/values.js";
import { modelTypeNamed } from "../../src/graph/schema/model.js";
import { cursorOf, totalOrder } from "../../src/graph/sql/order.js";
import { coerced } from "../../src/http/limits.js";
import { linksOf, lookUps, modelOf, resourceTypes, rootLists, schema } from "../support/graph.js";
import fc from "../support/property.js";

/** The planner alone, without a database: what SQL a document comes to. */

const facts = { ...anonymous, marketIds: null, stockLocationIds: [], owner: null };
const integrationOf = (permissions: ReadonlySet<Permission>): Viewer => ({
  ...facts,
  kind: "integration",
  permissions,
});
const integration = integrationOf(permissionsByKind.integration);
const customer = (customerId: string, more: { mode?: "live"; marketIds?: string[] } = {}): Viewer => ({
  ...facts,
  kind: "customer",
  permissions: permissionsByKind.customer,
  customerId,
  ...more,
});
const guest: Viewer = { ...facts, kind: "guest", permissions: permissionsByKind.guest };

interface Asked {
  variables?: Record<string, unknown>;
  as?: Viewer;
  shared?: boolean;
  /** Whether PostgreSQL may write the answer; otherwise it reads rows. */
  written?: boolean;
}

/** What becomes of a query: its plan, the SQL, and the values for this caller and these variables. */
function planned(text: string, { variables = {}, as = integration, shared, written = true }: Asked = {}) {
  const document = parse(text);
  expect(validate(schema, document)).toEqual([]);
  const operation = document.definitions.find(({ kind }) => kind === Kind.OPERATION_DEFINITION);
  const fragments = fragmentsOf(document);
  const given = coerced(schema, operation as OperationDefinitionNode, variables)!;
  expect(given).toBeDefined();
  const switches = Object.fromEntries(switchVariables(document).map((name) => [name, given[name]]));
  const plan = planOf(operation as OperationDefinitionNode, { schema, fragments, variables: switches, viewer: as });
  if (!plan) return undefined;
  const args = argumentsOf(plan, given);
  const chosen = strategyFor(plan, args, Number.POSITIVE_INFINITY);
  const strategy = written || chosen.name === "resolvers" ? chosen : byCode(plan, Number.POSITIVE_INFINITY);
  const statement = planStatement(
    strategy,
    args.map(({ sql }) => sql),
    rulesLike(as),
    { shared },
  );
  const run = { viewer: as, args };
  const values = valuesFor(statement, run);
  const slots = statement.columns.map(({ slot }) => slot.valueFor(run));
  return { plan, args, strategy: strategy.name, text: statement.text, values, slots };
}

function sqlOf(text: string, asked?: Asked) {
  const found = planned(text, asked);
  if (!found) throw new Error(`There is no plan for ${text}`);
  return found;
}

const nameOf = (one: ColumnOrRelation) => (one.kind === "column" ? one.field : one.relation);

/** The tables that a statement reads, with their aliases; a table read twice comes twice. */
function tablesIn(text: string) {
  return [...text.matchAll(/(?:FROM|JOIN) "(\w+)" (t\d+)/g)].map(([, table, alias]) => ({
    table: table!,
    alias: alias!,
  }));
}
/** Their names, sorted: where a table stands in the text says nothing. */
const namesIn = (text: string) =>
  tablesIn(text)
    .map(({ table }) => table)
    .sort();
const rowOf = ({ roots: [root] }: Plan): RowSelection => {
  if (root?.kind !== "one") throw new Error("The plan begins with no row");
  return root.row;
};
/** The answer that code writes from what was read. */
const writtenFrom = (plan: Plan, args: readonly EvaluatedArguments[], read: (string | null)[]) =>
  byCode(plan, Number.POSITIVE_INFINITY)
    .answer(read, { args, viewer: integration, loaders: {} as Loaders })!
    .join("");

describe("SQL of a query", () => {
  test("a row by id is one SELECT json_build_object", () => {
    const { text, values } = sqlOf(`query ($id: ID!) { order(by: { id: $id }) { id buyer: customerEmail status } }`, {
      variables: { id: "ord_1" },
      as: customer("cus_ada"),
    });
    expect(text).toMatchInlineSnapshot(
      `"SELECT (SELECT json_build_object('id', t0."id", $4::text, t0."customer_email", 'status', upper(t0."status"::text)) AS j FROM "orders" t0 WHERE t0."id" = $1::text AND (t0."mode" = $2::"mode" AND t0."customer_id" = $3::text))::text"`,
    );
    expect(values).toEqual(["ord_1", "test", "cus_ada", "buyer"]);
  });

  test("a page shared by several requests reads each request's values by unnest", () => {
    const document = `query ($first: Int) { orders(first: $first) { nodes { id } totalCount(atMost: 9) } }`;
    const { text, values, slots } = sqlOf(document, { variables: { first: 3 }, as: customer("cus_ada"), shared: true });
    expect(text).toMatchInlineSnapshot(
      `"SELECT (SELECT json_build_object('nodes', (SELECT coalesce(json_agg(x), '[]') FROM (SELECT t0."id" AS "id" FROM "orders" t0 WHERE (t0."mode" = r.s0 AND t0."customer_id" = r.s1) AND TRUE ORDER BY t0."placed_at" DESC, t0."created_at" DESC, t0."id" DESC LIMIT r.s2 OFFSET 0) x), 'totalCount', (SELECT count(*)::int FROM (SELECT FROM "orders" t0 WHERE (t0."mode" = r.s0 AND t0."customer_id" = r.s1) LIMIT $1::int) c)))::text, r.n::int FROM unnest((SELECT $2::"mode"[]), (SELECT $3::text[]), (SELECT $4::int[])) WITH ORDINALITY r (s0, s1, s2, n)"`,
    );
    expect([values, slots]).toEqual([[9], ["test", "cus_ada", 3]]);
  });

  const keys: [what: string, lookUp: string, column: string, value: unknown, sent: unknown][] = [
    ["an id", "customer(by: { id: $key })", '"customers" t0 WHERE t0."id" =', "cus_1", "cus_1"],
    ["an e-mail address, in lower case", "customer(by: { email: $key })", 't0."email" =', "Ada@X.io", "ada@x.io"],
    ["a number", "order(by: { number: $key })", '"orders" t0 WHERE t0."number" =', "17", "17"],
    ["a code", "market(by: { code: $key })", '"markets" t0 WHERE t0."code" =', "eu", "eu"],
    ["an id without other keys", "address(id: $key)", '"addresses" t0 WHERE t0."id" =', "adr_1", "adr_1"],
    ["the prefix of a node's id", "node(id: $key)", '"returns" t0 WHERE t0."id" =', "ret_1", "ret_1"],
  ];
  test.each(keys)("a look-up by %s", (_, lookUp, sql, value, sent) => {
    const type = /\$key/.test(lookUp) && /id: \$key/.test(lookUp) ? "ID!" : "String!";
    const variable = sqlOf(`query ($key: ${type}) { found: ${lookUp} { id } }`, { variables: { key: value } });
    expect(variable.text).toContain(sql);
    expect(variable.values).toContain(sent);
    expect(rowOf(variable.plan).selected).toEqual([{ kind: "column", index: 0, field: "id" }]);
    const constant = sqlOf(`{ found: ${lookUp.replace("$key", JSON.stringify(value))} { id } }`);
    expect([constant.text, constant.values]).toEqual([variable.text, variable.values]);
  });

  test("a look-up by reference reads up to two rows, by strategy code", () => {
    const by = '{ reference: { reference: "r-1", referenceOrigin: "shop" } }';
    const { text, values, strategy, plan, args } = sqlOf(`{ customer(by: ${by}) { id } }`);
    expect(text).toMatch(/t0\."reference" = .* AND t0\."reference_origin" = .* LIMIT 2\) x/);
    expect(values).toEqual(expect.arrayContaining(["r-1", "shop"]));
    expect(strategy).toBe("code");
    expect(writtenFrom(plan, args, ['[["cus_1"]]'])).toBe('{"customer":{"id":"cus_1"}}');
    expect(writtenFrom(plan, args, [null])).toBe('{"customer":null}');
    expect(() => writtenFrom(plan, args, ['[["cus_1"],["cus_2"]]'])).toThrow();
  });

  const documents: [what: string, document: string, tables: string[], ...parts: (string | RegExp)[]][] = [
    [
      "several roots",
      '{ a: sku(by: { id: "x_1" }) { id } tags { nodes { name } } }',
      ["skus", "tags"],
      ")::text, (SELECT",
    ],
    [
      "to-one and to-many relations within each other",
      '{ order(by: { id: "x_1" }) { market { name } customer { returns { nodes { stockLocation { name } } } } } }',
      ["orders", "markets", "customers", "returns", "stock_locations"],
    ],
    [
      "tags, through their join table",
      '{ customer(by: { id: "x_1" }) { tags { name } } }',
      ["customers", "tags", "customer_tags"],
      'ORDER BY t1."name"',
    ],
    [
      "attachments, by the type of what they hang on",
      '{ market(by: { id: "x_1" }) { attachments { nodes { id } } } }',
      ["markets", "attachments"],
      '"attachable_type" =',
    ],
    [
      "an offset",
      "{ skus: customers(first: 5, offset: 7) { nodes { id } } }",
      ["customers"],
      /LIMIT \$\d+::int OFFSET \$\d+::int/,
    ],
    [
      "the last of a list, backwards",
      "{ markets(last: 5) { nodes { id } } }",
      ["markets"],
      /ORDER BY t0\."name" DESC, t0\."id" DESC LIMIT/,
    ],
    [
      "nulls against the order of indexes: two ranges, put together",
      "{ orders(orderBy: { field: PLACED_AT, nulls: FIRST }) { nodes { id } } }",
      ["orders", "orders"],
      /"placed_at" IS NULL ORDER.* UNION ALL .*"placed_at" IS NOT NULL ORDER.* ORDER BY t\d\."placed_at" NULLS FIRST, t\d\."id" LIMIT/,
    ],
    [
      "nulls in the order of indexes: one range",
      "{ orders(orderBy: { field: PLACED_AT, nulls: LAST }) { nodes { id } } }",
      ["orders"],
      'ORDER BY t0."placed_at", t0."id"',
    ],
    ["a count alone", "{ orders(first: 0) { totalCount } }", ["orders"], "SELECT count(*)::int FROM"],
    [
      "a count up to a limit",
      "{ orders { totalCount(atMost: 3) } }",
      ["orders"],
      /count\(\*\)::int FROM \(SELECT FROM "orders" .* LIMIT \$\d::int\) c/,
    ],
  ];
  test.each(documents)("%s", (_, document, tables, ...parts) => {
    const { text } = sqlOf(document);
    expect(namesIn(text)).toEqual(tables.sort());
    for (const part of parts)
      expect(text).toEqual(typeof part === "string" ? expect.stringContaining(part) : expect.stringMatching(part));
  });

  test("a page after or before a cursor starts at the cursor's values", () => {
    const type = modelTypeNamed("Customer");
    const order = totalOrder(type.datamodel, [{ field: "email" }]);
    const cursor = cursorOf(["m@x.io", "cus_5"], order, type.datamodel);
    const page = (args: string) =>
      sqlOf(`query ($c: String) { customers(orderBy: { field: EMAIL }, ${args}) { nodes { id } } }`, {
        variables: { c: cursor },
      });
    const place = String.raw`\(t0\."email", t0\."id"\) OP \(\$\d::text, \$\d::text\)`;
    for (const [args, operator, way] of [
      ["first: 2, after: $c", ">", ""],
      ["last: 2, before: $c", "<", " DESC"],
    ] as const) {
      const { text, values } = page(args);
      expect(text).toMatch(new RegExp(place.replace("OP", operator)));
      expect(text).toContain(`ORDER BY t0."email"${way}, t0."id"${way}`);
      expect(values).toEqual(expect.arrayContaining(["m@x.io", "cus_5", 2]));
    }
  });

  test("hasNextPage reads one row more than the page", () => {
    const limit = (selection: string) => sqlOf(`{ markets(first: 5) { ${selection} } }`).values;
    expect(limit("nodes { id }")).toContain(5);
    expect(limit("nodes { id } pageInfo { hasNextPage }")).toContain(6);
    expect(limit("nodes { id } pageInfo { hasNextPage }")).not.toContain(5);
  });

  test("fields selected twice, by fragments or aliases, are read once", () => {
    const { plan, text } = sqlOf(`
      { customer(by: { id: "cus_1" }) { id email id mail: email ...Group ... on Resource { id }
          customerGroup { id } tags { name } tags { id } orders(first: 2) { nodes { id } } orders(first: 2) { edges { node { number } } } } }
      fragment Group on Customer { email customerGroup { name id } orders(first: 2) { nodes { number } } }`);
    const { selected } = rowOf(plan);
    expect(selected.map(nameOf)).toEqual(["id", "email", "customerGroup", "orders", "tags"]);
    const rows = selected.flatMap((one) =>
      one.kind === "parent" ? one.row : one.kind === "list" ? one.list.row! : [],
    );
    expect(rows.map((row) => row.selected.map(nameOf))).toEqual([
      ["name", "id"],
      ["number", "id"],
      ["name", "id"],
    ]);
    expect(namesIn(text)).toEqual(["customer_groups", "customer_tags", "customers", "orders", "tags"]);
  });

  test("pages of one relation with different filters are read separately", () => {
    const { text, values } = sqlOf(
      `query ($big: Int) { customer(by: { id: "cus_1" }) {
      placed: orders(filter: { status: { eq: PLACED } }, first: 1) { nodes { id } }
      big: orders(filter: { totalAmountCents: { gt: $big } }, last: 2) { nodes { id } totalCount }
      tagged: orders(filter: { tags: { any: ["vip"] } }, first: 0) { totalCount } } }`,
      { variables: { big: 4_000 } },
    );
    expect(namesIn(text).filter((table) => table === "orders")).toHaveLength(4);
    expect(values).toEqual(expect.arrayContaining(["placed", 4_000, ["vip"]]));
  });

  test("fields left out by @skip and @include are not read", () => {
    const document = `query ($a: Boolean!, $b: Boolean = false) { customer(by: { id: "cus_1" }) {
      id orders @include(if: $a) { nodes { id } } ...More @skip(if: $b) } } fragment More on Customer { customerGroup { id } }`;
    const read = (variables: object) => namesIn(sqlOf(document, { variables: { ...variables } }).text);
    expect(read({ a: false, b: true })).toEqual(["customers"]);
    expect(read({ a: true, b: true })).toEqual(["customers", "orders"]);
    expect(read({ a: true })).toEqual(["customer_groups", "customers", "orders"]);
    expect(planned(`query ($a: Boolean!) { tags @include(if: $a) { totalCount } }`, { variables: { a: false } })).toBe(
      undefined,
    );
  });

  test("an interface is read as one row, and serialised as its __typename", () => {
    const document = `{ paymentSource(id: "pso_1") { __typename id order { number } ... on AdyenPayment { mismatchedAmounts } } }`;
    const { plan, args, strategy, text } = sqlOf(document);
    expect([strategy, [...new Set(namesIn(text))]]).toEqual(["code", ["orders", "payment_sources"]]);
    const names = rowOf(plan).selected.map(nameOf);
    const row = (kind: string) =>
      names.map((name) => ({ kind, id: "pso_1", attributes: { mismatched_amounts: true } })[name] ?? null);
    const write = (kind: string) => JSON.parse(writtenFrom(plan, args, [JSON.stringify(row(kind))])).paymentSource;
    expect(write("adyen_payments")).toEqual({
      __typename: "AdyenPayment",
      id: "pso_1",
      order: null,
      mismatchedAmounts: true,
    });
    expect(write("wire_transfers")).toEqual({ __typename: "WireTransfer", id: "pso_1", order: null });
    // The same for every type: then PostgreSQL can write it.
    expect(sqlOf(`{ paymentSource(id: "pso_1") { id reference } }`).strategy).toBe("postgres");
    const related = sqlOf(`{ paymentSource(id: "pso_1") { id order { number } } }`);
    expect(related.strategy).toBe("postgres");
    expect(related.text.match(/"orders"/g)).toHaveLength(1);
  });

  const coded: [what: string, selection: string][] = [
    ["a computed amount", "orders { nodes { totalAmountFloat } }"],
    ["an object of its own", "links { self }"],
    ["a cursor", "orders { edges { cursor } }"],
    ["a page's place", "orders { pageInfo { hasNextPage } }"],
    ["the last of a list", "orders(last: 3) { nodes { id } }"],
    ["more aliases than PostgreSQL's function takes", Array.from({ length: 51 }, (_, i) => `a${i}: id`).join(" ")],
  ];
  test.each(coded)("strategy code, not postgres: %s", (_, selection) => {
    expect(
      sqlOf(
        "{ customer(by: { id: $id }) { id orders { nodes { id customer { email } } totalCount } } }".replace(
          "$id",
          '"c"',
        ),
      ).strategy,
    ).toBe("postgres");
    expect(sqlOf(`{ customer(by: { id: "cus_1" }) { id ${selection} } }`).strategy).toBe("code");
  });

  const explained: [maximumBytes: number, strategy: string, why: string[]][] = [
    [Number.POSITIVE_INFINITY, "postgres", []],
    [400_000, "code", ["One row of it may be too large for PostgreSQL to write."]],
    [50_000, "none", ["One row of it may be larger than an answer may be."]],
  ];
  test.each(explained)("a row with many aliases, at most %d bytes: strategy %s", (maximum, strategy, why) => {
    const document = parse('{ customer(by: { id: "cus_1" }) { a: metadata b: metadata c: metadata } }');
    const operation = document.definitions[0] as OperationDefinitionNode;
    const switches = { schema, fragments: {}, variables: {}, viewer: integration };
    expect(explainStrategy(operation, switches, {}, maximum)).toEqual({ strategy, why });
  });

  test("fields of resolvers are not in the plan; their whole rows are read, except secret columns", () => {
    const { text, strategy } = sqlOf(`{ customer(by: { id: "cus_1" }) { id jwtMarkets { id } } }`);
    expect(strategy).toBe("resolvers");
    for (const { column, secret } of Object.values(models.get("Customer")!.columns)) {
      expect({ column, read: text.includes(`t0."${column}"`) }).toEqual({ column, read: !secret });
    }
    expect(planned(`{ viewer { __typename } }`)).toBeUndefined();
  });
});

describe("SQL injection: client text never gets into the SQL", () => {
  const odd = fc
    .oneof(
      fc.string({ unit: "grapheme", maxLength: 200 }),
      fc.constantFrom(
        "'",
        '"',
        "\\",
        "$1",
        "$$",
        ";--",
        "'; DROP TABLE customers; --",
        "%_",
        "\u2028",
        "🜁é'\"",
        "NULL",
        "{}",
        "",
      ),
      fc
        .array(fc.constantFrom("'", '"', "\\", "$1", ";", "--", "/*", "é", "🜁", "\n", "t0", " "), { maxLength: 200 })
        .map((parts) => parts.join("")),
      fc.constant("x".repeat(200)),
    )
    .filter((text) => text.isWellFormed() && !text.includes("\0"));

  const type = modelTypeNamed("Customer");
  const order = totalOrder(type.datamodel, [{ field: "reference" }]);
  /** Documents with a text of the client in a place, as a literal and as a variable; and how it is sent. */
  const places: [what: string, type: string, document: (text: string) => string, sent: (text: string) => unknown][] = [
    ["an id", "ID!", (text) => `customer(by: { id: ${text} }) { id }`, (text) => text],
    ["an e-mail", "String!", (text) => `customer(by: { email: ${text} }) { id }`, emailKey],
    ["a number", "String!", (text) => `order(by: { number: ${text} }) { id }`, (text) => text],
    [
      "a reference",
      "String!",
      (text) => `customer(by: { reference: { reference: ${text}, referenceOrigin: "x" } }) { id }`,
      (text) => text,
    ],
    [
      "a filter's text",
      "String!",
      (text) => `orders(filter: { number: { eq: ${text} } }) { nodes { id } }`,
      (text) => text,
    ],
    [
      "a filter's part of a text",
      "String!",
      (text) => `orders(filter: { customer: { orders: { none: { number: { contains: ${text} } } } } }) { totalCount }`,
      (text) => `%${text.replace(/[\\%_]/g, "\\$&")}%`,
    ],
    [
      "a filter's list",
      "String!",
      (text) => `orders(filter: { countryCode: { in: [${text}] } }) { totalCount }`,
      (text) => [text],
    ],
    [
      "a filter's tags",
      "String!",
      (text) => `orders(filter: { tags: { any: [${text}, "b"] } }) { totalCount }`,
      (text) => [codeKey(text), "b"],
    ],
    [
      "a filter's key",
      "String!",
      (text) => `orders(filter: { metadata: { key: ${text} } }) { totalCount }`,
      (text) => text,
    ],
    [
      "a filter within",
      "ID!",
      (text) => `market(by: { id: "a" }) { attachments(filter: { id: { in: [${text}] } }) { nodes { id } } }`,
      (text) => [text],
    ],
  ];
  test.each(places)("as %s", (_, type, document, sent) => {
    const literal = (text: string) => sqlOf(`{ found: ${document(JSON.stringify(text))} }`);
    const variable = (text: string, shared?: boolean) =>
      sqlOf(`query ($text: ${type}) { found: ${document("$text")} }`, { variables: { text }, shared });
    const plain = [literal("a").text, variable("a").text, variable("a", true).text];
    fc.assert(
      fc.property(odd, (text) => {
        const found = [literal(text), variable(text), variable(text, true)];
        expect(found.map(({ text }) => text)).toEqual(plain);
        for (const { values, slots } of found) expect([...values, ...slots]).toContainEqual(sent(text));
      }),
      { numRuns: 60 },
    );
  });

  test("as a cursor", () => {
    const page = (reference: string) =>
      sqlOf(`query ($after: String) { customers(after: $after, orderBy: { field: REFERENCE }) { nodes { id } } }`, {
        variables: { after: cursorOf([reference, reference], order, type.datamodel) },
      });
    const plain = page("a").text;
    fc.assert(
      fc.property(odd, (text) => {
        const found = page(text);
        expect(found.text).toBe(plain);
        expect(found.values.filter((value) => value === text).length).toBeGreaterThanOrEqual(2);
      }),
      { numRuns: 60 },
    );
  });

  const name = fc.oneof(
    fc.constantFrom("DROP_TABLE_customers", "SELECT", "t0", "x", "r", "s0", "id", "json_agg", "z".repeat(200)),
    fc.stringMatching(/^[A-Za-z][A-Za-z0-9_]{0,199}$/),
  );
  test("as aliases of roots, rows, pages, counts and leaf fields", () => {
    const selection = ([
      a,
      b,
      c,
      d,
      e,
    ]: string[]) => `{ ${a}: customer(by: { id: "c" }) { ${b}: email group: customerGroup { ${c}: __typename }
      list: orders(first: 2) { ${d}: totalCount rows: nodes { ${e}: number } } } }`;
    const found = (names: string[], asked: Asked) => sqlOf(selection(names), asked);
    const ways: Asked[] = [{}, { shared: true }, { written: false }];
    const plain = ways.map((way) => found(["a", "b", "c", "d", "e"], way).text);
    const names = fc.array(name, { minLength: 5, maxLength: 5 }).filter(([, b, c, d, e]) => {
      return (
        b !== "email" && b !== "group" && c !== "__typename" && d !== "totalCount" && d !== "rows" && e !== "number"
      );
    });
    fc.assert(
      fc.property(names, (names) => {
        expect(ways.map((way) => found(names, way).text)).toEqual(plain);
        expect(found(names, {}).values).toEqual(expect.arrayContaining(names.slice(1)));
      }),
      { numRuns: 60 },
    );
  });

  test("as names of operations, fragments and variables", () => {
    const text = (name: string) =>
      sqlOf(
        `query ${name} ($${name}: ID!) { customer(by: { id: $${name} }) { ...${name} } } fragment ${name} on Customer { id }`,
        {
          variables: { [name]: "cus_1" },
        },
      ).text;
    expect(text("DROP_TABLE_customers")).toBe(text("a"));
  });
});

describe("row rules: every table in the SQL has the rule of its model", () => {
  /** What a customer sees of each table: `A` stands for the table's alias, `C` for the customer's id, `_` for any alias. */
  const own = 'A."customer_id" = C';
  const within = (table: string, key: string) => `EXISTS (SELECT FROM "${table}" _ WHERE _."id" = A."${key}" AND (`;
  const heldBy = (table: string, key: string) => `EXISTS (SELECT FROM "${table}" _ WHERE _."${key}" = A."id" AND (`;
  const rules: Record<string, string> = {
    addresses: `((${own} OR (${heldBy("customer_addresses", "address_id")}`,
    attachments: '(A."attachable_type" = V AND A."attachable_id" = C AND A."url" IS NOT NULL)',
    customer_addresses: own,
    customer_groups: heldBy("customers", "customer_group_id"),
    customer_payment_sources: own,
    customer_subscriptions: own,
    customers: 'A."id" = C',
    line_items: within("orders", "order_id"),
    markets: `(TRUE AND (A."customer_group_id" IS NULL OR ${within("customer_groups", "customer_group_id")}`,
    order_subscription_items: within("order_subscriptions", "order_subscription_id"),
    order_subscriptions: own,
    orders: own,
    payment_methods: 'A."disabled_at" IS NULL',
    payment_sources: `(${heldBy("customer_payment_sources", "payment_source_id")}`,
    return_line_items: within("returns", "return_id"),
    returns: own,
    sku_list_items: within("sku_lists", "sku_list_id"),
    sku_lists: own,
    skus: "TRUE",
    stock_locations: 'A."id" = ANY (V)',
  };
  const linkTables = new Set(
    [...models.values()].flatMap(({ relations }) => Object.values(relations).map(({ through }) => through?.table)),
  );
  const escaped = (text: string) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");

  /** Expects each table of a statement with its rule, and gives their names. */
  function expectRules(text: string, values: readonly unknown[], viewer: Viewer): string[] {
    const place = (value: unknown) => `\\$${values.indexOf(value) + 1}::[\\w"]+`;
    const read = tablesIn(text).filter(({ table }) => !linkTables.has(table));
    expect(read).not.toHaveLength(0);
    const allowed = (table: string) => viewer.permissions.has(`${table}:read` as Permission);
    for (const { table, alias } of read) {
      // The rule of addresses looks at all stock locations, to leave theirs out.
      const leftOut = `FROM "stock_locations" ${alias} WHERE ${alias}\\."address_id" = t\\d+\\."id" AND TRUE AND TRUE\\)`;
      if (new RegExp(`NOT \\(*EXISTS \\(SELECT ${leftOut}`).test(text)) continue;
      if (!allowed(table)) {
        expect(text).toMatch(new RegExp(`"${table}" ${alias} WHERE [^()]*FALSE`));
        continue;
      }
      const rule = viewer.kind === "customer" ? ` AND ${escaped(rules[table]!)}` : "";
      const filled = rule
        .replaceAll("A\\.", `${alias}\\.`)
        .replace(/\bC\b/, place("cus_ada"))
        .replace(/\bV\b/, '\\$\\d+::[\\w"]+(\\[\\])?')
        .replace(/(?<![\w"])_(?![\w"])/g, "t\\d+");
      const wanted = `${alias}\\."mode" = ${place(viewer.mode)}${filled}`;
      expect({ table, wanted, stands: new RegExp(wanted).test(text) }).toEqual({ table, wanted, stands: true });
    }
    return read.map(({ table }) => table).filter(allowed);
  }

  const ada = customer("cus_ada");
  test.each([
    ["a customer", ada],
    ["an integration", integration],
  ])("for %s: in every root, relation and relation filter", (_, viewer) => {
    const seen = new Set<string>();
    const look = (document: string) => {
      const found = planned(document, { as: viewer });
      if (!found) return;
      const { text, values } = found;
      for (const table of expectRules(text, values, viewer)) seen.add(table);
    };
    for (const { field } of rootLists) look(`{ ${field} { nodes { id } totalCount } }`);
    for (const { field, argument, keys, model } of lookUps) {
      const by = argument === "by" ? `{ ${keys.includes("id") ? "id" : keys[0]}: "x" }` : '"x"';
      look(`{ ${field}(${argument}: ${by}) { id } }`);
      expect(models.has(model)).toBe(true);
    }
    for (const type of resourceTypes) {
      const { prefix } = models.get(modelOf(type))!;
      for (const { field, kind } of linksOf(type)) {
        const inner = kind === "connection" ? "{ nodes { id } totalCount(atMost: 2) }" : "{ id }";
        look(`{ node(id: "${prefix}_1") { ... on ${type} { id ${field} ${inner} } } }`);
      }
    }
    look(
      '{ orders(filter: { returns: { none: { number: { eq: "1" } } }, market: { customerGroup: { name: { eq: "a" } } } }) { nodes { id } } }',
    );
    const readable = [...models.values()].filter(({ table }) => viewer.permissions.has(`${table}:read` as Permission));
    expect([...seen].sort()).toEqual(readable.map(({ table }) => table).sort());
  });

  test("for a guest: public catalogue only, no orders", () => {
    const { text } = sqlOf(`{ markets { nodes { id } } }`, { as: guest });
    expect(text).toMatch(/"markets" t0 WHERE \(t0\."mode" = .* AND t0\."customer_group_id" IS NULL\)/);
    expect(planned(`{ orders { nodes { id } } }`, { as: guest })).toBeUndefined();
    expect(planned(`{ markets { nodes { id } } }`, { as: anonymous })).toBeUndefined();
  });
});

describe("SQL shared by requests that differ only in values", () => {
  const document = `query ($id: ID!, $first: Int, $after: String, $atMost: Int, $status: OrderStatus!) {
    customer(by: { id: $id }) { orders(first: $first, after: $after, filter: { status: { eq: $status } }) { nodes { id } totalCount(atMost: $atMost) } } }`;
  const type = modelTypeNamed("Order");
  const order = totalOrder(type.datamodel, type.defaultOrder);
  const behind = (day: number, id: string) => {
    const keyset = order.map(({ field }) => (field === "id" ? id : `2026-01-0${day}T00:00:00.000Z`));
    return cursorOf(keyset, order, type.datamodel);
  };
  const some = { id: "cus_1", first: 3, after: behind(1, "ord_1"), atMost: 5, status: "PLACED" };

  test.each([{ id: "cus_2" }, { first: 9 }, { after: behind(2, "ord_9") }, { atMost: 8 }, { status: "DRAFT" }])(
    "shared by other variables: %j",
    (other) => {
      for (const shared of [false, true]) {
        const [one, two] = [some, { ...some, ...other }].map((variables) => sqlOf(document, { variables, shared }));
        expect(two!.text).toBe(one!.text);
        expect([two!.values, two!.slots]).not.toEqual([one!.values, one!.slots]);
        // A statement is chosen by the keys of its arguments.
        expect(two!.args.map(({ key }) => key)).toEqual(one!.args.map(({ key }) => key));
      }
    },
  );

  test.each([{ after: null }, { atMost: null }])("not shared if a value is null: %j", (other) => {
    const [one, two] = [some, { ...some, ...other }].map((variables) => sqlOf(document, { variables }));
    expect(two!.text).not.toBe(one!.text);
    expect(two!.args.map(({ key }) => key)).not.toEqual(one!.args.map(({ key }) => key));
  });

  const alike: [what: string, one: Viewer, other: Viewer, same: boolean][] = [
    ["shared by two customers", customer("cus_a"), customer("cus_b"), true],
    ["shared by a customer of each mode", customer("cus_a"), customer("cus_a", { mode: "live" }), true],
    [
      "shared by two sets of markets",
      customer("cus_a", { marketIds: ["m1"] }),
      customer("cus_a", { marketIds: ["m2", "m3"] }),
      true,
    ],
    ["not shared by some markets and all", customer("cus_a", { marketIds: [] }), customer("cus_a"), false],
    ["not shared by a customer and an integration", customer("cus_a"), integration, false],
    ["not shared by two sets of permissions", integrationOf(new Set(["markets:read"])), integration, false],
  ];
  test.each(alike)("%s", (_, one, other, same) => {
    const asked = "{ markets { nodes { id customerGroup { id } } } }";
    const [a, b] = [one, other].map((as) => sqlOf(asked, { as }));
    expect(ruleKey(one) === ruleKey(other)).toBe(same);
    expect(a!.text === b!.text).toBe(same);
    if (!same) return;
    expect(a!.values).not.toEqual(b!.values);
    // One statement serves both: what differs is in slots, nothing of a caller in what the statement keeps.
    const [c, d] = [one, other].map((as) => sqlOf(asked, { as, shared: true }));
    expect([c!.text, c!.values]).toEqual([d!.text, d!.values]);
    expect(c!.slots).not.toEqual(d!.slots);
  });
});

test("what the caller lacks permissions for is not in the SQL", () => {
  const document = `{ customer(by: { id: "cus_ada" }) { id tags { name } events { nodes { id } } eventStores { nodes { id } }
    orders(filter: { tags: { any: ["vip"] } }) { nodes { id feesAmountCents tags { id } } } } }`;
  const all = sqlOf(document).text;
  const narrowed = sqlOf(document, { as: integrationOf(new Set(["customers:read", "orders:read"])) });
  const own = sqlOf(document, { as: customer("cus_ada") });
  expect(namesIn(all)).toEqual(expect.arrayContaining(["tags", "events", "event_stores"]));
  for (const { text, strategy } of [narrowed, own]) {
    expect(strategy).toBe("resolvers");
    expect(namesIn(text)).not.toEqual(expect.arrayContaining(["events"]));
    expect(namesIn(text)).not.toEqual(expect.arrayContaining(["event_stores"]));
    // The filter looks at tags through a rule that lets none be seen.
    expect(text).toMatch(/"tags" t\d+ ON [^(]* AND FALSE AND /);
    expect(namesIn(text).filter((table) => table === "tags")).toHaveLength(1);
  }
  expect(planned(document, { as: integrationOf(new Set(["orders:read"])) })).toBeUndefined();
});
