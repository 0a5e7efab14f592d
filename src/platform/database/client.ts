import { AsyncLocalStorage } from "node:async_hooks";
import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { PrismaClient } from "../../generated/prisma/client.js";
import type { Logger } from "../telemetry/logger.js";
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
  /** Runs statements in one transaction, which is rolled back if `work` throws. */
  transaction<T>(work: (query: Query) => Promise<T>): Promise<T>;
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

export interface DatabaseOptions {
  connectionString: string;
  poolSize: number;
  log: Logger;
  /** Told of every statement that is sent. */
  onStatement?: (text: string, values: readonly unknown[]) => void;
}

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
  });
  const names = new StatementNames();
  /** The named statements that each connection holds. */
  const preparedOn = new WeakMap<pg.ClientBase, Set<string>>();
  // A pool without a listener ends the process when PostgreSQL goes away.
  pool.on("error", (error) => log.warn("An idle database connection was lost.", { reason: error.message }));
  pool.on("connect", (client) => {
    client.on("error", () => {});
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

  async function onConnection<T>(work: (query: Query) => Promise<T>): Promise<T> {
    // Whatever keeps a connection from being had, the database cannot be reached.
    const client = await pool.connect().catch((cause: unknown) => {
      throw new DatabaseUnavailableError(cause);
    });
    let broken = false;
    try {
      return await work(async (text, parameters) => {
        const query = { text, values: parameters as unknown[], name: names.nameOf(text), rowMode: "array" as const };
        try {
          return (await client.query(query)).rows;
        } catch (error) {
          // After an error of PostgreSQL's own the connection is as good as before; after any other it is given up.
          broken ||= !(error instanceof pg.DatabaseError);
          throw error;
        }
      });
    } finally {
      client.release(broken || preparedOn.get(client)!.size > names.maximumPerConnection);
    }
  }

  return {
    prisma,
    pool,
    query: (text, parameters) => onConnection((query) => query(text, parameters)),
    transaction: (work) =>
      onConnection(async (query) => {
        await query("BEGIN", []);
        try {
          const result = await work(query);
          await query("COMMIT", []);
          return result;
        } catch (error) {
          // If this fails too, the connection is given up, and with it the transaction.
          await query("ROLLBACK", []).catch(() => {});
          throw error;
        }
      }),
    client: (name) => new pg.Client({ connectionString, application_name: name, keepAlive: true }),
    async close() {
      await prisma.$disconnect();
      await pool.end();
    },
  };
}

function textOf(query: unknown): string {
  return typeof query === "string" ? query : ((query as { text?: string }).text ?? "");
}
