import "reflect-metadata";
import { existsSync, readFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import {
  type DocumentNode,
  defaultFieldResolver,
  type GraphQLError,
  type GraphQLSchema,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  parse,
  validate,
} from "graphql";
import type pg from "pg";
import { demoApplications } from "../../prisma/demo-access.js";
import { seedDemo } from "../../prisma/seed.js";
import { type Config, loadConfig } from "../config.js";
import { createDatabase, type Database } from "../database/client.js";
import { type OpenDatabase, openDatabase } from "../database/open.js";
import { switchVariables } from "../graph/answer/plan.js";
import { fragmentsOf } from "../graph/answer/plans.js";
import { emailKey } from "../graph/model/values.js";
import { setPublicUrl } from "../graph/schema/resource.type.js";
import { checkCost, checkText, limits, weigh } from "../http/limits.js";
import { createPlayground } from "../http/playground/playground.js";
import { createHttpServer } from "../http/server.js";
import { accessClaims } from "../identity/access-claims.js";
import { loadSigningKeys, newKeySet } from "../identity/keys.js";
import { Limits } from "../identity/rate-limits.js";
import { Revocations } from "../identity/revocations.js";
import { Tokens } from "../identity/tokens.js";
import { ChangeFeed } from "../live/change-feed.js";
import { createSchema } from "../schema.js";
import { createLogger, type Logger } from "../telemetry/logger.js";
import { type Client, createClient } from "./ask-again.js";
import { type Arguments, runCommand, UsageError } from "./command.js";
import { type Span, timeByGroup } from "./cpu-time.js";
import { type Explained, explain, type SentStatement } from "./explain.js";
import { explainStrategy } from "./explain-strategy.js";
import { layOutSql } from "./sql-layout.js";

const personas = ["integration", "customer", "guest"] as const;
type Persona = (typeof personas)[number];

const usage = `Usage: npm run -s profile -- QUERY [--variables JSON] [--as PERSONA] [--runs 200]

Tells how the server answers a query: by what SQL, by what plan of PostgreSQL's, and where Node's time goes.
It needs no running server. QUERY is a document, or the path of a .graphql file.

  --variables JSON            the operation's variables
  --as integration            everything in the mode test (the default)
  --as customer [EMAIL | ID]  a storefront with its signed-in customer; Ada (ada@example.com) by default
  --as guest                  a storefront whose visitor has not signed in
  --runs N                    how many requests are measured, 200 by default`;

interface Command {
  query: string;
  variables: string;
  persona: Persona;
  customer: string | undefined;
  runs: number;
}

const options = {
  variables: { type: "string", default: "{}" },
  as: { type: "string", default: "integration" },
  runs: { type: "string", default: "200" },
} as const;

function readCommand({ values, positionals, tokens }: Arguments<typeof options>): Command {
  const [persona, ...rest] = values.as.trim().split(/\s+/);
  if (!isPersona(persona)) throw new UsageError(`--as must be one of ${personas.join(", ")}, not ${values.as}.`);
  let customer: string | undefined = rest.join(" ") || undefined;
  // A customer is named right behind the persona.
  const at = tokens.findIndex((token) => token.kind === "option" && token.name === "as");
  const next = tokens[at + 1];
  if (persona === "customer" && !customer && at >= 0 && next?.kind === "positional" && !isQuery(next.value)) {
    customer = next.value;
    positionals.splice(positionals.indexOf(customer), 1);
  }
  if (customer && persona !== "customer") throw new UsageError(`--as ${persona} names nobody: drop ${customer}.`);
  const [query, ...others] = positionals;
  if (!query?.trim()) throw new UsageError("Give a query: a document, or the path of a .graphql file.");
  if (others.length) throw new UsageError("Give one query, in quotation marks.");
  if (!/^[1-9]\d{0,5}$/.test(values.runs)) {
    throw new UsageError(`--runs must be a whole number from 1 to 999999, not ${values.runs}.`);
  }
  return { query, variables: values.variables, persona, customer, runs: Number(values.runs) };
}

function isPersona(text: string | undefined): text is Persona {
  return personas.includes(text as Persona);
}

function isQuery(text: string): boolean {
  return text.includes("{") || isFile(text);
}

function isFile(text: string): boolean {
  return !text.includes("{") && /\.(graphql|gql)$/.test(text);
}

/** An operation that may be run again and again. */
interface Subject {
  text: string;
  document: DocumentNode;
  operation: OperationDefinitionNode;
  /** As they were given, and as the schema understands them. */
  given: Record<string, unknown>;
  variables: Record<string, unknown>;
  parseMs: number;
  validateMs: number;
}

function readSubject(command: Command, schema: GraphQLSchema): Subject {
  const given = readVariables(command.variables);
  if (isFile(command.query) && !existsSync(command.query)) throw new Error(`There is no file ${command.query}.`);
  const text = isFile(command.query) ? readFileSync(command.query, "utf8") : command.query;
  const start = performance.now();
  let document: DocumentNode;
  try {
    document = parse(text, { maxTokens: limits.tokens });
  } catch (error) {
    throw new Error(formatErrors([error as GraphQLError]));
  }
  const parsed = performance.now();
  const faults = validate(schema, document);
  const validated = performance.now();
  if (faults.length) throw new Error(formatErrors(faults));
  const operations = document.definitions.filter((definition) => definition.kind === Kind.OPERATION_DEFINITION);
  const [operation, ...others] = operations;
  if (!operation) throw new Error("The document has no operation.");
  if (others.length) throw new Error("The document has several operations; leave the one to profile.");
  if (operation.operation !== "query") {
    throw new Error(`A ${operation.operation} is not profiled: it would change data on each run.`);
  }
  const { coerced, errors } = getVariableValues(schema, operation.variableDefinitions ?? [], given, {
    maxErrors: limits.errors - 1,
  });
  if (!coerced) throw new Error(formatErrors(errors));
  checkText(document, given);
  checkCost(weigh(schema, document, operation, coerced), operation.operation);
  return {
    text,
    document,
    operation,
    given,
    variables: coerced,
    parseMs: parsed - start,
    validateMs: validated - parsed,
  };
}

function readVariables(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`--variables is not JSON: ${(error as Error).message}`);
  }
  if (value && typeof value === "object" && !Array.isArray(value)) return value as Record<string, unknown>;
  throw new Error('--variables must be one JSON object, such as {"first": 5}.');
}

/** GraphQL's messages, one a line, with their places in the document. */
function formatErrors(errors: readonly GraphQLError[]): string {
  return errors
    .map(({ message, locations }) => {
      const places = (locations ?? []).map(({ line, column }) => `line ${line}, column ${column}`);
      return places.length ? `${message} (${places.join("; ")})` : message;
    })
    .join("\n");
}

/** For the reader: which database it is. */
const databases: Record<OpenDatabase["owner"], string> = {
  operator: "that of DATABASE_URL",
  server: "the embedded one of a running server, which may take its share of the time",
  command: "the embedded one",
};

/** Notes when statements run, from sending them to having their rows. */
function watchStatements(pool: pg.Pool): Span[] {
  const spans: Span[] = [];
  pool.on("connect", (client) => {
    const query = client.query as (...args: unknown[]) => unknown;
    client.query = ((...args: unknown[]) => {
      const start = microseconds();
      const result = query.apply(client, args);
      const end = () => void spans.push({ start, end: microseconds() });
      if (result instanceof Promise) result.then(end, end);
      return result;
    }) as typeof client.query;
  });
  return spans;
}

/** The clock of V8's profiles. */
function microseconds(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

async function claimsFor({ persona, customer }: Command, { prisma }: Database) {
  const { integration, storefront } = demoApplications;
  const now = new Date();
  if (persona === "integration") {
    const granted = { scope: "market:all", marketIds: null, stockLocationIds: [] };
    return accessClaims({ application: integration, confidential: true, granted, now });
  }
  const granted = { scope: "market:code:europe", marketIds: ["mkt_europe"], stockLocationIds: [] };
  if (persona === "guest") return accessClaims({ application: storefront, confidential: false, granted, now });
  const { mode } = storefront;
  const name = customer ?? "ada@example.com";
  const row = await prisma.customer.findFirst({
    where: name.includes("@") ? { mode, email: emailKey(name) } : { mode, id: name },
    select: { id: true },
  });
  if (!row) throw new Error(`There is no customer ${name}.`);
  return accessClaims({ application: storefront, confidential: false, granted, customerId: row.id, now });
}

async function report(command: Command): Promise<string> {
  const config = loadConfig();
  const schema = createSchema();
  const subject = readSubject(command, schema);
  const log = createLogger({ level: config.logLevel, json: false });
  // Ended this way, the process takes its PostgreSQL with it.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));

  const { connectionString, owner, stop } = await openDatabase(config, log, { onlyOwn: true });
  try {
    const sent: SentStatement[] = [];
    const database = createDatabase({
      connectionString,
      poolSize: config.poolSize,
      log,
      onStatement: (text, values) => sent.push({ text, values }),
    });
    try {
      const spans = watchStatements(database.pool);
      if (owner === "command" && config.seedDemo) await seedDemo(database.pool);
      return await profile({ command, subject, schema, database, sent, spans, log, config, name: databases[owner] });
    } finally {
      await database.close();
    }
  } finally {
    await stop();
  }
}

interface Profiling {
  command: Command;
  subject: Subject;
  schema: GraphQLSchema;
  database: Database;
  /** Filled with the statements that are sent, and the times that they take. */
  sent: SentStatement[];
  spans: Span[];
  log: Logger;
  config: Config;
  name: string;
}

interface Body {
  errors?: { message: string; path?: (string | number)[] }[];
  data?: unknown;
  extensions?: { redactions?: { path: string; missing: string[] }[] };
}

async function profile({ command, subject, schema, database, sent, spans, log, config, name }: Profiling) {
  const now = () => new Date();
  const revocations = new Revocations({ database, log });
  const keys = await loadSigningKeys({ ...config, signingKeys: JSON.stringify(await newKeySet()) });
  const tokens = new Tokens({ keys, issuer: config.tokenIssuer, revocations, log });
  const authorization = `Bearer ${await tokens.sign(await claimsFor(command, database))}`;
  const authenticate = (header: string | undefined) => tokens.viewer(header);
  const viewer = await authenticate(authorization);
  const byResolvers = watchResolvers(schema);
  const server = await createHttpServer({
    schema,
    resources: {
      database,
      revocations,
      limits: new Limits(now),
      trustedProxies: 0,
      live: new ChangeFeed({ database, log }),
      log,
      now,
      authenticate,
    },
    playground: createPlayground(),
    countStatements: config.environment !== "production",
  });
  let client: Client | undefined;
  try {
    const url = await server.listen(0, "127.0.0.1");
    setPublicUrl(url);
    client = createClient({
      url: `${url}/graphql`,
      headers: { "content-type": "application/json", authorization },
      body: JSON.stringify({ query: subject.text, variables: subject.given }),
    });

    const first = await client.ask(1);
    const body = JSON.parse(first.body) as Body;
    const errors = (body.errors ?? []).map(({ message, path }) => (path ? `${message} (${path.join(".")})` : message));
    const isEmpty = Object.values(body.data ?? {}).every((value) => value === null);
    if (!body.data || (errors.length && isEmpty))
      throw new Error(errors.join("\n") || `The server answers ${first.status}.`);
    const warmUp = Math.min(Math.max(command.runs, 20), 200);
    await client.ask(warmUp);
    sent.length = 0;
    byResolvers.asked = false;
    const { body: answer } = await client.ask(1);
    const statements = [...sent];
    const answeredByResolvers = byResolvers.asked;

    const { times } = await client.ask(command.runs);
    const cpu = await withProfiler(() => client!.ask(command.runs));
    const groups = timeByGroup(cpu, spans);

    const explained: (Explained | undefined)[] = [];
    for (const statement of statements) explained.push(await explain(database.pool, statement));

    const switches = switchVariables(subject.document).filter((switching) =>
      Object.hasOwn(subject.variables, switching),
    );
    const values = Object.fromEntries(switches.map((switching) => [switching, subject.variables[switching]]));
    const { strategy, why } = explainStrategy(
      subject.operation,
      { schema, fragments: fragmentsOf(subject.document), variables: values, viewer },
      subject.variables,
      database.resultBytes || Number.POSITIVE_INFINITY,
    );
    const cost = weigh(schema, subject.document, subject.operation, subject.variables);
    const planned = strategy === "postgres" || strategy === "code";
    const redactions = (body.extensions?.redactions ?? []).map(
      ({ path, missing }) => `${path} (the caller lacks ${missing.join(" or ")})`,
    );
    return [
      heading("1. The answer"),
      table([
        ["asked as", command.persona],
        ["database", name],
        ["answered", strategies[planned && answeredByResolvers ? "givenUp" : strategy]],
        ...why.map((reason) => ["", reason]),
        ...errors.map((message) => ["error", message]),
        ...redactions.map((field) => ["left out", field]),
        ["statements", `${statements.length} a request`],
        ["cost", `${cost.objects} of ${limits.cost} objects, depth ${cost.depth} of ${limits.depth}`],
        ["size", `${Buffer.byteLength(answer)} bytes`],
      ]),
      heading("2. The SQL (parameters stand for values)"),
      statements.map((statement, i) => sqlPart(statements, statement, i, explained[i])).join("\n\n") || "None.",
      heading("3. EXPLAIN (ANALYZE, BUFFERS): what follows contains values of the database"),
      explained.map(explainPart).join("\n\n") || "Nothing to explain.",
      heading(`4. The time of a request, of ${command.runs} one after the other, after ${warmUp + 2} to warm up`),
      table([
        ["first", `${ms(first.times[0]!)}, of a cold server, with its connection to PostgreSQL`],
        ["", `parsing alone took ${ms(subject.parseMs)}, validating ${ms(subject.validateMs)}; neither comes again`],
        ["mean", ms(times.reduce((sum, time) => sum + time, 0) / times.length)],
        ["p50", ms(percentile(times, 0.5))],
        ["p99", ms(percentile(times, 0.99))],
      ]),
      "",
      `Where it goes, measured in ${command.runs} more with the profiler on, which makes them slower:`,
      "",
      timeTable(groups, command.runs),
      "",
      "Node's own code and GraphQL's smaller parts count for those who call them.",
    ]
      .join("\n")
      .trimStart();
  } finally {
    await client?.stop();
    await server.stop(1_000);
  }
}

/** Notes whether a resolver of a root field was asked: then no plan gave the answer. */
function watchResolvers(schema: GraphQLSchema): { asked: boolean } {
  const noted = { asked: false };
  for (const field of Object.values(schema.getQueryType()!.getFields())) {
    const { resolve = defaultFieldResolver } = field;
    field.resolve = (...args) => {
      noted.asked = true;
      return resolve(...args);
    };
  }
  return noted;
}

async function withProfiler(work: () => Promise<unknown>) {
  const session = new Session();
  session.connect();
  try {
    await session.post("Profiler.enable");
    await session.post("Profiler.setSamplingInterval", { interval: 200 });
    await session.post("Profiler.start");
    await work();
    return (await session.post("Profiler.stop")).profile;
  } finally {
    session.disconnect();
  }
}

const strategies = {
  postgres: "by PostgreSQL's own text",
  code: "by rows, written here",
  resolvers: "by resolvers, over rows that a plan's statement read beforehand",
  none: "by resolvers",
  givenUp: "by resolvers: its plan was given up, since a row or an argument is not as the schema promises",
};

function sqlPart(
  statements: readonly SentStatement[],
  { text }: SentStatement,
  i: number,
  explained: Explained | undefined,
): string {
  const number = `Statement ${i + 1} of ${statements.length}`;
  const same = statements.findIndex((other) => other.text === text);
  if (same < i) return `${number}: the text of statement ${same + 1} again.`;
  const types = explained?.types.map((type, at) => `$${at + 1} ${type}`).join(", ");
  return `${number}\n\n${layOutSql(text)}${types ? `\n\nParameters: ${types}` : ""}`;
}

function explainPart(explained: Explained | undefined, i: number): string {
  if (!explained) return `Statement ${i + 1} reads nothing.`;
  const { generic, lines } = explained;
  const plan = generic ? "by one plan for all values, as its connection runs it by now" : "planned for its values";
  return `Statement ${i + 1}, ${plan}\n\n${lines.join("\n")}`;
}

function heading(text: string): string {
  return `\n${text}\n${"-".repeat(text.length)}\n`;
}

function table(rows: readonly (readonly string[])[]): string {
  return rows.map(([name, value]) => `${name!.padEnd(12)}${value}`).join("\n");
}

function timeTable(groups: readonly [string, number][], runs: number): string {
  const total = groups.reduce((sum, [, time]) => sum + time, 0);
  const row = (name: string, time: number) =>
    `${name.padEnd(58)}${(time / runs).toFixed(3).padStart(9)}${((100 * time) / total).toFixed(1).padStart(9)}%`;
  const rows = groups.map(([name, time]) => row(name, time));
  return [`${"".padEnd(58)}${"ms".padStart(9)}${"share".padStart(10)}`, ...rows, row("in all", total)].join("\n");
}

function ms(time: number): string {
  return `${time.toFixed(2)} ms`;
}

function percentile(times: readonly number[], share: number): number {
  return times.toSorted((one, other) => one - other)[Math.ceil(share * times.length) - 1]!;
}

void runCommand({
  usage,
  options,
  positionals: ["QUERY…"],
  async main(args) {
    process.stdout.write(`${await report(readCommand(args))}\n`);
  },
});
