import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { type GraphQLObjectType, type OperationDefinitionNode, parse } from "graphql";
import type { Database } from "../src/database/client.js";
import { StatementNames } from "../src/database/statement-names.js";
import { permissionsByKind } from "../src/graph/access/permission.js";
import { anonymous, type Viewer } from "../src/graph/access/viewer.js";
import { Loaders } from "../src/graph/answer/loaders.js";
import type { Plan } from "../src/graph/answer/plan.js";
import { PlannedExecution } from "../src/graph/answer/planned-execution.js";
import type { Plans } from "../src/graph/answer/plans.js";
import { SharedStatement } from "../src/graph/answer/shared-statement.js";
import type { Context } from "../src/graph/context.js";
import { Slot } from "../src/graph/sql/parameters.js";
import { createSchema } from "../src/schema.js";
import { createLogger } from "../src/telemetry/logger.js";
import { type Answer, type Caller, createTestApp, type TestApp } from "./support/app.js";
import { onServer } from "./support/database.js";
import { schema } from "./support/graph.js";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp({ poolSize: 2 });
});
afterAll(() => app.stop());

const integration: Viewer = {
  ...anonymous,
  kind: "integration",
  permissions: permissionsByKind.integration,
  marketIds: null,
};

describe("batching: requests that share a statement", () => {
  const document =
    "query ($first: Int!) { customers(first: $first) { nodes { id email orders(first: 3) { nodes { number customer { id } } } } } }";

  test("requests of different callers get their own answers, with fewer statements than requests", async () => {
    const { rows } = await app.database.pool.query<{ id: string }>(
      "SELECT id FROM customers WHERE mode = 'test' ORDER BY id",
    );
    const callers: Caller[] = [...rows.map(({ id }): Caller => ({ kind: "customer", id })), { kind: "integration" }];
    const requests = Array.from({ length: 40 }, (_, i) => ({
      as: callers[i % callers.length]!,
      // A customer sees one in any case; of all, everybody sees as many as were asked for.
      first: 1 + (i % 3),
    }));
    await Promise.all(callers.map((caller) => app.token(caller!)));
    const alone: unknown[] = [];
    for (const { as, first } of requests) alone.push((await app.query(document, { first }, { as })).data);
    app.statements();
    // While all connections are taken, requests gather.
    const taken = [await app.database.pool.connect(), await app.database.pool.connect()];
    const sending = requests.map(({ as, first }) => app.query(document, { first }, { as }));
    await new Promise((resolve) => setTimeout(resolve, 500));
    for (const client of taken) client.release();
    const together = await Promise.all(sending);
    const sent = app.statements().filter(({ text }) => text.includes('"customers"'));
    together.forEach(({ data, errors, extensions }, i) => {
      const { as, first } = requests[i]!;
      expect(errors).toBeUndefined();
      expect(extensions.statements).toBe(1);
      expect(data).toEqual(alone[i]);
      const ids = data.customers.nodes.map(({ id }: { id: string }) => id);
      if (as!.kind === "customer") expect(ids).toEqual([as!.id]);
      else expect(ids).toHaveLength(first);
    });
    expect(sent.length).toBeGreaterThanOrEqual(2);
    expect(sent.length).toBeLessThan(requests.length / 2);
  });

  /** A database that answers `[value, n]` for each member, after a while, and refuses statements with a bad value. */
  function standIn(refused: (values: readonly string[]) => boolean) {
    const sizes: number[] = [];
    let running = 0;
    let mostRunning = 0;
    const query = async (_: string, values: readonly unknown[]) => {
      const own = values.at(-1) as string[];
      sizes.push(own.length);
      mostRunning = Math.max(mostRunning, ++running);
      await new Promise((resolve) => setTimeout(resolve, 1));
      running--;
      if (refused(own)) throw new Error(`refused: ${own.length}`);
      // In any order: the number says whose row it is.
      return own.map((value, i) => [`read ${value}`, i + 1]).reverse();
    };
    const value = new Slot(({ args }) => args[0]);
    const statement = new SharedStatement({ query } as unknown as Database, {
      text: "SELECT",
      values: ["constant"],
      columns: [{ slot: value, type: "text" }],
    });
    const run = (value: unknown) => statement.run({ viewer: anonymous, args: [value] }).then(([text]) => text);
    return { run, sizes, mostRunning: () => mostRunning };
  }

  test("only the request whose values make the statement fail gets the error", async () => {
    const { run } = standIn((values) => values.includes("bad"));
    const values = Array.from({ length: 40 }, (_, i) => (i % 10 === 7 ? "bad" : `v${i}`));
    const results = await Promise.allSettled(values.map(run));
    expect(results.map((result) => (result.status === "fulfilled" ? result.value : result.reason.message))).toEqual(
      values.map((value) => (value === "bad" ? "refused: 1" : `read ${value}`)),
    );
    // It works on after that.
    expect(await run("after")).toBe("read after");
  });

  test("a single request is not delayed; at most two statements run at once, with 32 requests each", async () => {
    const { run, sizes, mostRunning } = standIn(() => false);
    const read = await Promise.all(Array.from({ length: 100 }, (_, i) => run(i)));
    expect(read).toEqual(Array.from({ length: 100 }, (_, i) => `read ${i}`));
    expect(sizes).toEqual([1, 1, 32, 32, 32, 2]);
    expect(mostRunning()).toBe(2);
  });
});

describe("fallback to resolvers when a plan fails", () => {
  const createdAt = '{ customer(by: { id: "cus_ada" }) { createdAt } }';
  const apps: TestApp[] = [];
  async function start(sharing?: TestApp) {
    const app = await createTestApp({ sharing });
    apps.unshift(app);
    return app;
  }
  afterEach(async () => {
    for (const app of apps.splice(0)) await app.stop();
  });
  const faults = ({ logged }: TestApp) => logged.filter((line) => line.includes("A plan failed"));

  test("an internal fault is logged once per document without values, and resolvers answer", async () => {
    const before = await start();
    const name = new URL(before.connectionString).pathname.slice(1);
    const { data } = await before.query(createdAt);
    // Plans format moments in PostgreSQL, resolvers do not.
    await before.database.pool.query(`
      CREATE SCHEMA broken;
      CREATE FUNCTION broken.to_char(timestamp, text) RETURNS text LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION 'not ada@example.com' USING ERRCODE = '23514', CONSTRAINT = 'some_rule', DETAIL = 'Row ada@example.com';
        END
      $$;
      ALTER DATABASE ${name} SET search_path = broken, pg_catalog, public;
    `);
    const app = await start(before);
    const answers = [await app.query(createdAt), await app.query(createdAt)];
    for (const answer of answers) expect([answer.data, answer.errors]).toEqual([data, undefined]);
    expect(faults(app).map((line) => JSON.parse(line))).toEqual([
      {
        time: expect.anything(),
        level: "warn",
        message: expect.stringContaining("A plan failed"),
        requestId: answers[0]!.extensions.requestId,
        fields: "customer",
        name: "error",
        code: "23514",
        constraint: "some_rule",
        stack: expect.stringMatching(/^ {4}at /),
      },
    ]);
    expect(faults(app)[0]).not.toMatch(/ada|SELECT/);
    await app.query("{ viewer { kind } a: customers(first: 1) { nodes { createdAt } } b: customers { totalCount } }");
    expect(faults(app).map((line) => JSON.parse(line).fields)).toEqual(["customer", "viewer customers"]);
  });

  test("a fault while making the plan is logged, too", async () => {
    const faulty = createSchema();
    const field = (faulty.getType("Customer") as GraphQLObjectType).getFields().createdAt!;
    field.extensions = { source: { kind: "column", field: "madeAt" } };
    const planned = new PlannedExecution(faulty, app.database);
    const lines: string[] = [];
    const log = createLogger({ level: "warn", json: true, write: (line) => lines.push(line) });
    const document = parse(createdAt);
    const operation = document.definitions[0] as OperationDefinitionNode;
    for (const requestId of ["one", "two"]) {
      const context = { viewer: integration, loaders: new Loaders(app.database, integration), log, requestId };
      expect(
        await planned.answer({ document, operation, variables: {}, context: context as unknown as Context }),
      ).toBeUndefined();
    }
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([
      { requestId: "one", fields: "customer", name: "Error", stack: expect.stringContaining("columnOf") },
    ]);
  });

  test("errors of the request, of a row or of a lost database are not logged as faults", async () => {
    const app = await start();
    const wrong: Answer<unknown>[] = [
      await app.query("{ customers(first: 1000) { nodes { id } } }"),
      await app.query("query ($first: Int) { customers(first: $first) { nodes { id } } }", { first: 1_000 }),
      await app.query('query ($after: String = "x") { customers(after: $after) { nodes { id } } }'),
    ];
    await app.database.query(
      "UPDATE customers SET reference = 'shared', reference_origin = 'x' WHERE mode = 'test'",
      [],
    );
    const byReference = 'customer(by: { reference: { reference: "shared", referenceOrigin: "x" } }) { id }';
    wrong.push(await app.query(`{ ${byReference} }`));
    const name = new URL(app.connectionString).pathname.slice(1);
    await onServer(
      app.connectionString,
      `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`,
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${name}'`,
    );
    wrong.push(await app.query(createdAt));
    expect(wrong.map(({ errors }) => errors?.[0]?.extensions.code)).toEqual([
      "PAGE_TOO_LARGE",
      "PAGE_TOO_LARGE",
      "CURSOR_MISMATCH",
      "BAD_USER_INPUT",
      "UNAVAILABLE",
    ]);
    expect(faults(app)).toEqual([]);
  });
});

test("relations selected with only __typename are planned", async () => {
  const nothing = (list: string) => `${list} { __typename }`;
  const lists = ["events", "eventStores", "attachments", "orders", "skuLists"];
  const { data, extensions } = await app.query(`{ customer(by: { id: "cus_ada" }) { id ${lists.map(nothing)} } }`);
  expect(Object.keys(data.customer)).toEqual(["id", ...lists]);
  expect(extensions.statements).toBe(1);
  expect(app.logged.filter((line) => line.includes("A plan failed"))).toEqual([]);
});

describe("caches are bounded", () => {
  const loaders = { fail() {} };

  /** The server's execution on a database that only notes what it is asked. */
  function execution() {
    const texts: string[] = [];
    const names = new StatementNames();
    const used = new Set<string>();
    const query = async (text: string, values: readonly unknown[]) => {
      texts.push(text);
      const name = names.nameOf(text);
      if (name) used.add(name);
      const members = (values.findLast(Array.isArray) as unknown[] | undefined)?.length ?? 1;
      return Array.from({ length: members }, (_, i) => [null, i + 1]);
    };
    const planned = new PlannedExecution(schema, { query } as unknown as Database);
    const answer = (document: ReturnType<typeof parse>, variables = {}) =>
      planned.answer({
        document,
        operation: document.definitions[0] as never,
        variables,
        context: { viewer: integration, loaders } as unknown as Context,
      });
    const { plans } = planned as unknown as { plans: Plans };
    const { plans: kept } = plans as unknown as { plans: Map<string, Plan> & { calculatedSize: number } };
    return { answer, texts, names, used, plans: kept };
  }

  test("5,000 documents: plans are bounded by their fields, prepared statements by number", async () => {
    const { answer, plans, names, texts } = execution();
    const most = { size: 0, weight: 0 };
    for (let i = 0; i < 5_000; i++) {
      const aliases = Array.from({ length: 20 }, (_, k) => `a${i}_${k}: email`).join(" ");
      await answer(parse(`{ c${i}: customer(by: { id: "cus_ada" }) { ${aliases} } }`));
      most.size = Math.max(most.size, plans.size);
      most.weight = Math.max(most.weight, plans.calculatedSize);
    }
    expect(texts).toHaveLength(5_000);
    expect(most.size).toBeGreaterThan(100);
    expect(most.size).toBeLessThan(2_500);
    expect(most.weight).toBeLessThanOrEqual(50_000);
    // Aliases are values: there is one text.
    expect(new Set(texts).size).toBe(1);
    for (let i = 0; i < 5_000; i++) for (let again = 0; again < 2; again++) names.nameOf(`SELECT ${i}`);
    const kept = names as unknown as Record<"names" | "seenOnce", { size: number; calculatedSize: number }>;
    for (const { size, calculatedSize } of [kept.names, kept.seenOnce]) {
      expect(size).toBeLessThanOrEqual(500);
      expect(calculatedSize).toBeLessThanOrEqual(1_500_000);
    }
    for (let i = 0; i < 40; i++) for (let again = 0; again < 2; again++) names.nameOf(`${i}${"x".repeat(100_000)}`);
    expect(kept.names.calculatedSize).toBeLessThanOrEqual(1_500_000);
    expect(names.nameOf(`39${"x".repeat(100_000)}`)).toBeDefined();
  });

  test("one plan for each type of node ids and each value of @include", async () => {
    const { answer, plans } = execution();
    const document = parse("query ($id: ID!, $a: Boolean!) { node(id: $id) { __typename id @include(if: $a) } }");
    const kept = async (...variables: object[]) => {
      for (const given of variables) await answer(document, given);
      return plans.size;
    };
    expect(await kept({ id: "cus_1", a: true }, { id: "cus_2", a: true })).toBe(1);
    expect(await kept({ id: "cus_1", a: false })).toBe(2);
    expect(await kept({ id: "ord_1", a: true })).toBe(3);
    // Ids of no model are alike, whatever they begin with.
    expect(
      await kept({ id: "abc1", a: true }, { id: "xyz_1", a: true }, { id: "1", a: true }, { id: "", a: true }),
    ).toBe(4);
  });

  test("200 filters of one document keep 16 statements", async () => {
    const { answer, plans, texts } = execution();
    const document = parse("query ($filter: CustomerFilter) { customers(filter: $filter) { nodes { id } } }");
    const fields = ["email", "id", "reference", "status", "createdAt", "updatedAt", "hasPassword", "totalOrdersCount"];
    const filters = Array.from({ length: 200 }, (_, i) =>
      Object.fromEntries(fields.filter((_, bit) => ((i + 1) >> bit) & 1).map((field) => [field, { eq: "x" }])),
    );
    let most = 0;
    for (const filter of filters) {
      await answer(document, { filter });
      const [planned] = [...plans.values()];
      most = Math.max(most, planned!.strategies.size);
    }
    expect(plans.size).toBe(1);
    expect(new Set(texts).size).toBe(200);
    expect(most).toBe(16);
  });

  test("parsed documents are bounded by characters", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const used = () => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const length = 90_000;
    const send = async (from: number, to: number) => {
      for (let i = from; i < to; i++) {
        const { errors } = await app.query(`{ a${i}: __typename } # ${String(i).padEnd(length, "-")}`);
        expect(errors).toBeUndefined();
      }
    };
    await send(0, 50);
    const before = used();
    await send(50, 450);
    expect(used() - before).toBeLessThan((400 * length) / 2);
  });
});

describe("answers written by PostgreSQL", () => {
  const ask = async (query: string, headers: Record<string, string>, method = "POST") => {
    const url = method === "GET" ? `${app.url}/graphql?query=${encodeURIComponent(query)}` : `${app.url}/graphql`;
    const response = await fetch(url, {
      method,
      headers: { "accept-encoding": "identity", ...headers },
      body: method === "GET" ? undefined : JSON.stringify({ query }),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    return { response, bytes, body: JSON.parse(bytes.toString("utf8")) };
  };
  const query = '{ customer(by: { id: "cus_ada" }) { id } }';

  test("CSRF prevention refuses before anything is read", async () => {
    app.statements();
    const { response, body } = await ask(query, {}, "GET");
    expect(response.status).toBe(400);
    expect(body.data).toBeUndefined();
    expect(body.errors[0].message).toMatch(/CSRF/i);
    const text = await ask(query, { "content-type": "text/plain" });
    expect([text.response.status, text.body.data]).toEqual([415, undefined]);
    expect(app.statements()).toEqual([]);
    const authorization = `Bearer ${await app.token({ kind: "integration" })}`;
    const forSure = { authorization, "apollo-require-preflight": "1" };
    expect((await ask(query, forSure, "GET")).body.data).toEqual({ customer: { id: "cus_ada" } });
  });

  const lengths: [what: string, least: number, most: number, rows: number][] = [
    ["short", 0, 8_000, 1],
    ["longer than 8,000 characters", 8_001, 1_000_000, 250],
  ];
  test.each(lengths)("have extensions, content-length and exact text: %s", async (_, least, most, rows) => {
    const name = 'Zoë 日本 🜁 "quoted" \\ \u2028';
    const { prisma } = app.database;
    await prisma.customerGroup.deleteMany({ where: { id: { startsWith: "cgr_odd" } } });
    await prisma.customerGroup.createMany({
      data: Array.from({ length: rows }, (_, i) => ({
        id: `cgr_odd${i}`,
        mode: "test" as const,
        name: `${name} ${i}`,
      })),
    });
    const document =
      '{ customerGroups(first: 250, filter: { name: { startsWith: "Zoë" } }) { nodes { name } totalCount } }';
    const authorization = `Bearer ${await app.token({ kind: "integration" })}`;
    const { response, bytes, body } = await ask(document, { authorization, "content-type": "application/json" });
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toMatch(/^application\/json/);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(Number(response.headers.get("content-length"))).toBe(bytes.length);
    expect(bytes.length).toBeGreaterThanOrEqual(least);
    expect(bytes.length).toBeLessThanOrEqual(most);
    expect(body.data.customerGroups.totalCount).toBe(rows);
    const found = body.data.customerGroups.nodes.map((node: { name: string }) => node.name);
    expect(found.sort()).toEqual(Array.from({ length: rows }, (_, i) => `${name} ${i}`).sort());
    expect(body.extensions).toEqual({ requestId: expect.stringMatching(/\S{8,}/), cost: 2_250, statements: 1 });
    expect(body.errors).toBeUndefined();
  });
});
