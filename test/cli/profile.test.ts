import { chmod, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { seedDemo } from "../../prisma/seed.js";
import { timeByGroup } from "../../src/cli/cpu-time.js";
import { layOutSql } from "../../src/cli/sql-layout.js";
import { startEmbeddedPostgres } from "../../src/database/embedded.js";
import { createLogger } from "../../src/telemetry/logger.js";
import { startCommand } from "../support/command.js";
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from "../support/database.js";

let database: TestDatabase;
let folder: string;
beforeAll(async () => {
  database = await createTestDatabase();
  const client = new pg.Client(database.connectionString);
  await client.connect();
  await seedDemo(client).finally(() => client.end());
  folder = await mkdtemp(join(tmpdir(), "profile-"));
  // PostgreSQL runs as another user if we are root.
  await chmod(folder, 0o755);
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await database.drop();
});

const profile = (...args: string[]) => profileOn({ DATABASE_URL: database.connectionString }, ...args);

/** Runs the command. `where` says which database it is for. */
function profileOn(where: Record<string, string>, ...args: string[]) {
  const env = { ...process.env, ...where, LOG_LEVEL: "warn", NODE_OPTIONS: "" };
  return startCommand("src/cli/profile.ts", args, { env }).ended;
}

test("profiles a nested query: strategy, SQL, query plan and time by place", async () => {
  const file = join(folder, "nested.graphql");
  await writeFile(
    file,
    `query ($email: String!) {
      customer(by: { email: $email }) {
        email
        tags { name }
        orders(first: 3, filter: { status: { eq: APPROVED } }) { totalCount nodes { number formattedTotalAmountWithTaxes } }
      }
    }`,
  );
  const { code, out, err } = await profile(file, "--variables", '{"email":"ada@example.com"}', "--runs", "100");
  expect([code, err]).toEqual([0, ""]);
  const [answer, sql, explained, time] = out.split(/^\d\. .*\n-+\n/m).slice(1) as [string, string, string, string];
  expect(answer).toMatch(
    /^answered +by rows, written here\n +Code has to write customer\.orders\.nodes\.formattedTotalAmountWithTaxes\.$/m,
  );
  expect(answer).toMatch(/^statements +1 a request\ncost +\d+ of 50000 objects, depth 4 of 16\nsize +\d{3} bytes$/m);
  expect(sql).toMatch(/^ +FROM "orders" t\d\n +WHERE t\d\."customer_id" = t0\.id\n +AND /m);
  expect(sql).toMatch(/^Parameters: \$1 integer, .*text\[\], \$\d mode\[\]$/m);
  expect(answer + sql).not.toContain("ada@example.com");
  expect(explained).toMatch(/actual time=[\s\S]*Buffers: [\s\S]*Execution Time: /);
  expect(time).toMatch(/^p50 +[\d.]+ ms\np99 +[\d.]+ ms$/m);
  for (const group of ["waiting for PostgreSQL", "HTTP (src/http)", "pg", "@apollo/server"]) {
    expect(time).toContain(`\n${group} `);
  }
  expect(time).toMatch(/^in all +[\d.]+ +100\.0%$/m);
});

test("lists the fields answered by resolvers; --as customer takes an e-mail address or an id", async () => {
  const query = "{ viewer { kind } customers(last: 1) { nodes { email } } }";
  const [email, id] = await Promise.all([
    profile(query, "--runs", "1", "--as", "customer", "bruno.rossi@example.com"),
    profile("--as", "customer", "cus_ada", query, "--runs", "1"),
  ]);
  for (const { code, out, err } of [email, id]) {
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^asked as +customer$/m);
    expect(out).toMatch(
      /^answered +by resolvers, over rows that a plan's statement read beforehand\n +No plan covers the field viewer\.$/m,
    );
  }
});

test("prepares an embedded database with the demo shop, or uses the one of a running server", async () => {
  const dataDir = join(folder, "data");
  const where = { DATABASE_URL: "", DATA_DIR: dataDir };
  const query = '{ customer(by: { email: "ada@example.com" }) { id } }';
  const own = await profileOn(where, query, "--runs", "1");
  expect([own.code, own.err]).toEqual([0, ""]);
  expect(own.out).toMatch(/^database +the embedded one$/m);
  expect(own.out).toMatch(/^answered +by PostgreSQL's own text$/m);
  const log = createLogger({ level: "silent", json: false });
  const server = await startEmbeddedPostgres({ dataDir, log });
  try {
    const running = await profileOn(where, query, "--runs", "1");
    expect([running.code, running.err]).toEqual([0, ""]);
    expect(running.out).toMatch(/^database +the embedded one of a running server/m);
  } finally {
    await server.stop();
  }
});

test("does not migrate or seed the database of DATABASE_URL", async () => {
  const empty = await createEmptyDatabase();
  try {
    const { code } = await profileOn({ DATABASE_URL: empty.connectionString }, "{ customers { nodes { id } } }");
    expect(code).toBe(1);
    const client = new pg.Client(empty.connectionString);
    await client.connect();
    const { rows } = await client.query("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace");
    await client.end();
    expect(rows).toEqual([]);
  } finally {
    await empty.drop();
  }
});

const wrong: [what: string, args: string[], code: number, message: string | RegExp][] = [
  ["no query", [], 2, /^Give a query: a document, or the path of a \.graphql file\.\n\nUsage: /],
  ["an unknown persona", ["{ a }", "--as", "boss"], 2, /^--as must be one of integration, customer, guest, not boss\./],
  ["no number of runs", ["{ a }", "--runs", "0"], 2, /^--runs must be a whole number from 1 to 999999, not 0\./],
  ["a file that is not there", ["gone.graphql"], 1, "There is no file gone.graphql."],
  ["what is no GraphQL", ["{\n customer"], 1, "Syntax Error: Expected Name, found <EOF>. (line 2, column 10)"],
  [
    "what is not in the schema",
    ["{ viewer { x }\n y }"],
    1,
    'Cannot query field "x" on type "Viewer". (line 1, column 12)\nCannot query field "y" on type "Query". (line 2, column 2)',
  ],
  ["a mutation", ["mutation { __typename }"], 1, "A mutation is not profiled: it would change data on each run."],
  ["variables that are no JSON", ["{ __typename }", "--variables", "{x"], 1, /^--variables is not JSON: /],
  ["variables that are no object", ["{ __typename }", "--variables", "[]"], 1, /^--variables must be one JSON object/],
  [
    "variables that do not fit",
    ["query ($n: Int!) { customers(first: $n) { nodes { id } } }"],
    1,
    'Variable "$n" of required type "Int!" was not provided. (line 1, column 8)',
  ],
  [
    "nobody",
    ["{ __typename }", "--as", "customer", "nobody@example.com"],
    1,
    "There is no customer nobody@example.com.",
  ],
  [
    "what the caller may not ask",
    ["{ customers { nodes { id } } }", "--as", "guest", "--runs", "1"],
    1,
    "The access token lacks the permission CUSTOMERS_READ. (customers)",
  ],
];

test.each(wrong)("refuses %s", async (_, args, code, message) => {
  const run = await profile(...args);
  expect([run.code, run.out]).toEqual([code, ""]);
  if (typeof message === "string") expect(run.err).toBe(`${message}\n`);
  else expect(run.err).toMatch(message);
});

test("layOutSql breaks SQL at its clauses and keeps string literals and quoted names", () => {
  expect(
    layOutSql(`SELECT (SELECT f(a."from x", 'WHERE (') FROM "t" a WHERE a.x = $1::int AND (b OR c AND d)), 1 FROM r`),
  ).toBe(`SELECT (
  SELECT f(a."from x", 'WHERE (')
  FROM "t" a
  WHERE a.x = $1::int
  AND (b OR c AND d)
), 1
FROM r`);
});

test("profile samples are attributed to files of src; idle time during a statement counts as waiting for PostgreSQL", () => {
  const node = (id: number, functionName: string, url: string, children: number[] = []) => ({
    id,
    callFrame: { functionName, url, scriptId: "1", lineNumber: 0, columnNumber: 0 },
    children,
  });
  const nodes = [
    node(1, "(root)", "", [2, 3, 5]),
    node(2, "(idle)", ""),
    node(3, "constructor", "file:///a/node_modules/pg/lib/client.js", [4]),
    node(4, "write", "node:net"),
    node(5, "listen", "node:net"),
  ];
  const profile = { nodes, startTime: 0, endTime: 6_000, samples: [2, 2, 3, 4, 5], timeDeltas: Array(5).fill(1_000) };
  expect(timeByGroup(profile, [{ start: 1_500, end: 2_500 }])).toEqual([
    ["pg", 2],
    ["idle (the client's turn)", 1],
    ["waiting for PostgreSQL", 1],
    ["Node (HTTP, sockets, timers)", 1],
  ]);
});
