import { AsyncLocalStorage } from "node:async_hooks";
import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { PrismaClient } from "../../generated/prisma/client.js";
import type { Logger } from "../telemetry/logger.js";
import { distantTime } from "../times.js";
import { beginWrite, endsConnection, outcomeOf } from "./outcome.js";
import { StatementNames } from "./statement-names.js";

/** One value of a row as node-pg gives it. */
export type SqlValue = unknown;

/** Runs one statement and gives its rows as arrays of values, in the order of the selected columns. */
export type Query = (text: string, parameters: readonly unknown[]) => Promise<SqlValue[][]>;

export interface Database {
  /** For writes and simple reads; on the same connections as `query`. */
  readonly prisma: PrismaClient;
  readonly pool: pg.Pool;
  readonly query: Query;
  /**
   * Runs statements in one transaction, which is rolled back if `work` throws. If the connection is lost after COMMIT was
   * sent, it finds out what became of it; where it cannot, it throws an `OutcomeUnknownError`. Any other error means that
   * nothing was changed.
   */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** Runs statements that only read, in one transaction that sees the database as it is at one moment. */
  snapshot<T>(work: (query: Query) => Promise<T>): Promise<T>;
  /** A connection outside the pool, not yet open, for what lasts. */
  client(name: string): pg.Client;
  close(): Promise<void>;
}

export class DatabaseUnavailableError extends Error {
  override name = "DatabaseUnavailableError";
  constructor(cause: unknown) {
    super("The database cannot be reached.", { cause });
  }
}

/** The connection was lost while a transaction was being committed, and nobody can tell whether it was. */
export class OutcomeUnknownError extends Error {
  override name = "OutcomeUnknownError";
  constructor(cause: unknown) {
    super("The connection was lost during COMMIT.", { cause });
  }
}

export interface DatabaseOptions {
  connectionString: string;
  poolSize: number;
  log: Logger;
  /** Told of every statement that is sent. */
  onStatement?: (text: string, values: readonly unknown[]) => void;
}

type Send = (query: pg.QueryArrayConfig | pg.QueryConfig) => Promise<pg.QueryResult>;

/** The statements sent on behalf of whatever runs inside `recordStatements`. */
const recorder = new AsyncLocalStorage<string[]>();

/** Runs `work` and collects the text of every statement that it sends, Prisma's and transaction control included. */
export function recordStatements<T>(statements: string[] | undefined, work: () => T): T {
  return statements ? recorder.run(statements, work) : recorder.exit(work);
}

/** Where the statements of the running work are collected, if they are. */
export function recordedStatements(): string[] | undefined {
  return recorder.getStore();
}

export function createDatabase({ connectionString, poolSize, log, onStatement }: DatabaseOptions): Database {
  const pool = new pg.Pool({
    connectionString,
    max: poolSize,
    connectionTimeoutMillis: 5_000,
    application_name: "customer-graph",
    options: "-c TimeZone=UTC -c jit=off",
    types: { getTypeParser },
  });
  const names = new StatementNames();
  /** The named statements that each connection holds. */
  const preparedOn = new WeakMap<pg.ClientBase, Set<string>>();
  const lost = new WeakSet<pg.ClientBase>();
  // A pool without a listener ends the process when PostgreSQL goes away.
  pool.on("error", (error) => log.warn("An idle database connection was lost.", { reason: error.message }));
  pool.on("connect", (client) => {
    client.on("error", () => lost.add(client));
    const query = client.query as (...args: unknown[]) => unknown;
    const prepared = new Set<string>();
    preparedOn.set(client, prepared);
    client.query = ((...args: unknown[]) => {
      const { name } = args[0] as { name?: string };
      if (name) prepared.add(name);
      recorder.getStore()?.push(textOf(args[0]));
      onStatement?.(textOf(args[0]), (args[0] as { values?: unknown[] }).values ?? (args[1] as unknown[]) ?? []);
      return query.apply(client, args);
    }) as typeof client.query;
  });

  const prisma = new PrismaClient({
    adapter: new PrismaPg(pool, { statementNameGenerator: ({ sql }) => names.nameOf(sql) as string }),
  });

  async function onConnection<T>(work: (query: Query, send: Send) => Promise<T>): Promise<T> {
    // Whatever keeps a connection from being had, the database cannot be reached.
    const client = await pool.connect().catch((cause: unknown) => {
      throw new DatabaseUnavailableError(cause);
    });
    let broken = false;
    const send: Send = async (query) => {
      try {
        return await client.query(query as pg.QueryConfig);
      } catch (error) {
        // After an error of PostgreSQL's own the connection is as good as before; after any other it is given up.
        broken ||= !(error instanceof pg.DatabaseError);
        // Whatever the driver says of a connection that was lost, the database cannot be reached.
        if (lost.has(client) || endsConnection(error)) throw new DatabaseUnavailableError(error);
        throw error;
      }
    };
    const query: Query = async (text, parameters) => {
      const values = parameters as unknown[];
      const { rows } = await send({ text, values, name: names.nameOf(text), rowMode: "array" });
      return rows as unknown as SqlValue[][];
    };
    try {
      return await work(query, send);
    } finally {
      client.release(broken || lost.has(client) || preparedOn.get(client)!.size > names.maximumPerConnection);
    }
  }

  return {
    prisma,
    pool,
    query: (text, parameters) => onConnection((query) => query(text, parameters)),
    transaction: (work) =>
      onConnection(async (query, send) => {
        const transaction = await beginWrite(send);
        const result = await rollingBack(query, work);
        const done = await send({ text: "COMMIT" }).catch(async (error: unknown) => {
          if (error instanceof pg.DatabaseError) throw error;
          const outcome = await outcomeOf(() => connectTo(connectionString, "customer-graph outcome"), transaction);
          if (outcome === "unknown") throw new OutcomeUnknownError(error);
          if (outcome === "aborted") throw new DatabaseUnavailableError(error);
          return { command: "COMMIT" };
        });
        // After a failed statement, COMMIT rolls back and reports no error.
        if (done.command !== "COMMIT") throw new Error("A statement of the transaction failed, so it was rolled back.");
        return result;
      }),
    snapshot: (work) =>
      onConnection(async (query) => {
        await query("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY", []);
        const result = await rollingBack(query, work);
        await query("COMMIT", []);
        return result;
      }),
    client: (name) => connectTo(connectionString, name),
    async close() {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}

function connectTo(connectionString: string, name: string): pg.Client {
  return new pg.Client({ connectionString, application_name: name, keepAlive: true, connectionTimeoutMillis: 5_000 });
}

/** Ends a transaction whose work failed. If this fails too, the connection is given up, and with it the transaction. */
async function rollingBack<T>(query: Query, work: (query: Query) => Promise<T>): Promise<T> {
  try {
    return await work(query);
  } catch (error) {
    await query("ROLLBACK", []).catch(() => {});
    throw error;
  }
}

const timestamptz: number = pg.types.builtins.TIMESTAMPTZ;
const parseTime = pg.types.getTypeParser(timestamptz, "text") as (text: string) => Date;

/** The driver's parsers, but for times beyond those that the API can name. */
const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: "text" | "binary") =>
  oid === timestamptz && format !== "binary"
    ? (text: string) => distantTime(text) ?? parseTime(text)
    : pg.types.getTypeParser(oid, format as "text");

function textOf(query: unknown): string {
  return typeof query === "string" ? query : ((query as { text?: string }).text ?? "");
}
