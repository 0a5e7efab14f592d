import { AsyncLocalStorage } from "node:async_hooks";
import { PrismaPg } from "@prisma/adapter-pg";
import pg from "pg";
import { PrismaClient } from "../generated/prisma/client.js";
import { distantTime } from "../graph/model/times.js";
import type { Logger } from "../telemetry/logger.js";
import { ConnectionQueue } from "./connection-queue.js";
import { cancelStatement, GuardedClient, type GuardedConfig } from "./guarded-client.js";
import {
  limitErrorOf,
  RequestCancelledError,
  ResultTooLargeError,
  StatementLimitError,
  StatementTimeoutError,
} from "./limit-errors.js";
import { defaultResultBytes, defaultTimeouts, type StatementKind, stricter, type Timeouts } from "./limits.js";
import { beginWrite, endsConnection, outcomeOf } from "./outcome.js";
import type { Requester } from "./requester.js";
import { StatementNames } from "./statement-names.js";
import { DatabaseUnavailableError, OutcomeUnknownError } from "./unavailable.js";

/** A column value as returned by node-pg. */
export type SqlValue = unknown;

/** Runs one statement; returns rows as arrays, in the order of the selected columns. */
export type Query = (text: string, parameters: readonly unknown[], requester?: Requester) => Promise<SqlValue[][]>;

export interface SnapshotOptions {
  /** Kind of statement timeout. Default: `read`. */
  kind?: Exclude<StatementKind, "write">;
  /** Statement timeout in milliseconds, instead of that of its kind. */
  timeoutMs?: number;
  requester?: Requester;
}

/** Connection pool with uniform settings. */
export interface Connections {
  /** Prisma client for writes and simple reads; uses the same connections as `query`. */
  readonly prisma: PrismaClient;
  readonly pool: pg.Pool;
  readonly query: Query;
  /**
   * Runs `work` in one transaction; rolls back if it throws. If the connection is lost after COMMIT was sent, it looks up
   * the outcome, and throws an `OutcomeUnknownError` if it cannot. Any other error means that nothing was changed. Not
   * cancelled with the request.
   */
  transaction<T>(work: (query: Query) => Promise<T>, requester?: Requester): Promise<T>;
  /** Runs reads in one snapshot: a read-only transaction with repeatable reads. */
  snapshot<T>(work: (query: Query) => Promise<T>, options?: SnapshotOptions): Promise<T>;
}

export interface Database extends Connections {
  /** Reserved connections, not used by requests: for readiness, log-ins and revocations. */
  readonly reserved: Connections;
  /** Maximum bytes of one statement, of all statements of a query, and of its response; 0: unlimited. */
  readonly resultBytes: number;
  /** The database on behalf of one request: uses its caller's share of connections and is cancelled with it. */
  forRequest(requester: Requester): Database;
  /** A connection outside of the pools, not yet open, for long-lived use such as LISTEN. */
  client(name: string): pg.Client;
  close(): Promise<void>;
}

export interface DatabaseOptions {
  connectionString: string;
  poolSize: number;
  log: Logger;
  timeouts?: Partial<Timeouts>;
  resultBytes?: number;
  /** Called with every statement that is sent. */
  onStatement?: (text: string, values: readonly unknown[]) => void;
}

/** Sends a statement; with `reader` it is cancelled with the request and counts against its byte budget. */
type Send = (query: pg.QueryArrayConfig | pg.QueryConfig, reader?: Requester) => Promise<pg.QueryResult>;

/** State of a pooled connection. */
interface Session {
  /** Its prepared statements. */
  prepared: Set<string>;
  operator: OperatorLimits;
}

/** Timeouts configured by the database operator, in milliseconds; 0: none. */
interface OperatorLimits {
  statement: number;
  lock: number;
}

const reservedConnections = 2;

/** Statements recorded by the surrounding `recordStatements`. */
const recorder = new AsyncLocalStorage<string[]>();

/** Runs `work` and records the text of each statement it sends, including those of Prisma and transaction control. */
export function recordStatements<T>(statements: string[] | undefined, work: () => T): T {
  return statements ? recorder.run(statements, work) : recorder.exit(work);
}

/** The list of recorded statements, if recording. */
export function recordedStatements(): string[] | undefined {
  return recorder.getStore();
}

export function createDatabase(options: DatabaseOptions): Database {
  const { connectionString, poolSize, resultBytes = defaultResultBytes } = options;
  const general = openConnections(options, poolSize);
  const reserved = openConnections(options, reservedConnections);
  const database: Database = {
    get prisma() {
      return general.connections.prisma;
    },
    pool: general.connections.pool,
    query: general.connections.query,
    transaction: general.connections.transaction,
    snapshot: general.connections.snapshot,
    reserved: reserved.connections,
    resultBytes,
    forRequest(requester) {
      requester.bytesLeft = resultBytes || Number.POSITIVE_INFINITY;
      const forRequester: Pick<Database, "query" | "transaction" | "snapshot"> = {
        query: (text, parameters) => database.query(text, parameters, requester),
        transaction: (work) => database.transaction(work, requester),
        snapshot: (work, options) => database.snapshot(work, { ...options, requester }),
      };
      return Object.assign(Object.create(database) as Database, forRequester);
    },
    client: (name) => connectTo(connectionString, name, resultBytes),
    async close() {
      await general.close();
      await reserved.close();
    },
  };
  return database;
}

function openConnections({ log, onStatement, ...options }: DatabaseOptions, size: number) {
  const { connectionString, resultBytes = defaultResultBytes } = options;
  const timeouts: Timeouts = { ...defaultTimeouts, ...options.timeouts };
  const sessions = new WeakMap<pg.ClientBase, Session>();
  const config: pg.PoolConfig & GuardedConfig = {
    connectionString,
    max: size,
    connectionTimeoutMillis: 5_000,
    application_name: "customer-graph",
    options: "-c TimeZone=UTC -c jit=off",
    types: { getTypeParser },
    Client: GuardedClient,
    resultBytes,
    onConnect: async (client) => {
      sessions.set(client, { prepared: new Set(), operator: await limitTime(client, timeouts) });
    },
  };
  const pool = new pg.Pool(config);
  const queue = new ConnectionQueue(size);
  const names = new StatementNames();
  const lost = new WeakSet<pg.ClientBase>();
  // An unhandled pool error would end the process when PostgreSQL goes away.
  pool.on("error", (error) => log.warn("An idle database connection was lost.", { reason: error.message }));
  pool.on("connect", (client) => {
    client.on("error", () => lost.add(client));
    const guarded = asGuarded(client);
    const query = client.query as (...args: unknown[]) => unknown;
    const { prepared } = sessions.get(client)!;
    client.query = ((...args: unknown[]) => {
      const { name } = args[0] as { name?: string };
      if (name) prepared.add(name);
      recorder.getStore()?.push(textOf(args[0]));
      onStatement?.(textOf(args[0]), (args[0] as { values?: unknown[] }).values ?? (args[1] as unknown[]) ?? []);
      guarded.budget = guarded.ownBudget();
      return query.apply(client, args);
    }) as typeof client.query;
  });

  let prisma: PrismaClient | undefined;

  async function onConnection<T>(
    work: (query: Query, send: Send, session: Session) => Promise<T>,
    kind: StatementKind,
    { timeoutMs, requester }: SnapshotOptions,
  ): Promise<T> {
    if (requester?.cancelled) throw new RequestCancelledError();
    await queue.acquire(requester);
    try {
      // Any failure to connect counts as unavailable.
      const client = await pool.connect().catch((cause: unknown) => {
        throw new DatabaseUnavailableError(cause);
      });
      const session = sessions.get(client)!;
      const limitMs = stricter(timeoutMs ?? timeouts[kind], session.operator.statement);
      const lockMs = stricter(kind === "write" ? timeouts.lock : 0, session.operator.lock);
      let broken = false;

      const send: Send = async (query, reader) => {
        let cancelling: Promise<boolean> | undefined;
        const forget = reader?.onCancel(() => {
          cancelling = cancelStatement(client);
        });
        try {
          const sent = client.query(query as pg.QueryConfig);
          if (reader) asGuarded(client).budget = reader;
          return await sent;
        } catch (error) {
          // After an error of PostgreSQL the connection is reusable; after any other it is discarded.
          broken ||= !(error instanceof pg.DatabaseError);
          if (cancelling) throw new RequestCancelledError();
          const limit = limitErrorOf(error, kind, { limitMs, lockMs, resultBytes });
          if (limit instanceof StatementTimeoutError) log.warn("A statement reached its time limit.", { kind });
          if (limit) throw limit;
          // Any driver error of a lost connection counts as unavailable.
          if (lost.has(client) || endsConnection(error)) throw new DatabaseUnavailableError(error);
          throw error;
        } finally {
          forget?.();
          // Wait until the cancel request was delivered: it might hit the next statement.
          if (cancelling) broken ||= !(await cancelling);
        }
      };
      const reader = kind === "write" ? undefined : requester;
      const query: Query = async (text, parameters) => {
        if (reader?.cancelled) throw new RequestCancelledError();
        if (reader && reader.bytesLeft < 0) throw new ResultTooLargeError(resultBytes);
        const values = parameters as unknown[];
        const { rows } = await send({ text, values, name: names.nameOf(text), rowMode: "array" }, reader);
        return rows as SqlValue[][];
      };
      try {
        // It may have been cancelled while it waited.
        if (requester?.cancelled) throw new RequestCancelledError();
        return await work(query, send, session);
      } finally {
        client.release(broken || lost.has(client) || session.prepared.size > names.maximumPerConnection);
      }
    } finally {
      queue.release(requester);
    }
  }

  const connections: Connections = {
    get prisma() {
      prisma ??= new PrismaClient({
        adapter: new PrismaPg(pool, { statementNameGenerator: ({ sql }) => names.nameOf(sql) as string }),
      });
      return prisma;
    },
    pool,
    query: (text, parameters, requester) => onConnection((query) => query(text, parameters), "read", { requester }),
    transaction: (work, requester) =>
      onConnection(
        async (query, send, { operator }) => {
          const transaction = await beginWrite(send, [
            `SET LOCAL statement_timeout = ${stricter(timeouts.write, operator.statement)}`,
            `SET LOCAL lock_timeout = ${stricter(timeouts.lock, operator.lock)}`,
          ]);
          const result = await rollingBack(query, send, work);
          const done = await send({ text: "COMMIT" }).catch(async (error: unknown) => {
            if (error instanceof pg.DatabaseError || error instanceof StatementLimitError) throw error;
            const outcome = await outcomeOf(() => connectTo(connectionString, "customer-graph outcome"), transaction);
            if (outcome === "unknown") throw new OutcomeUnknownError(error);
            if (outcome === "aborted") throw new DatabaseUnavailableError(error);
            return { command: "COMMIT" };
          });
          // After a failed statement, COMMIT rolls back and reports no error.
          if (done.command !== "COMMIT")
            throw new Error("A statement of the transaction failed, so it was rolled back.");
          return result;
        },
        "write",
        { requester },
      ),
    snapshot: (work, { kind = "read", timeoutMs, requester } = {}) =>
      onConnection(
        async (query, send, { operator }) => {
          const begin = "BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY";
          const limit = stricter(timeoutMs ?? timeouts[kind], operator.statement);
          const isDefault = kind === "read" && timeoutMs === undefined;
          await send({ text: isDefault ? begin : `${begin}; SET LOCAL statement_timeout = ${limit}` });
          const result = await rollingBack(query, send, work);
          await send({ text: "COMMIT" });
          return result;
        },
        kind,
        { timeoutMs, requester },
      ),
  };
  return {
    connections,
    async close() {
      await prisma?.$disconnect();
      await pool.end();
    },
  };
}

function connectTo(connectionString: string, name: string, resultBytes?: number): pg.Client {
  const config = { connectionString, application_name: name, keepAlive: true, connectionTimeoutMillis: 5_000 };
  return new GuardedClient({ ...config, resultBytes });
}

/**
 * Sets the timeouts of a new connection, those of reads, unless the database operator has set stricter ones. Returns the
 * timeouts of the operator.
 */
export async function limitTime(
  client: pg.ClientBase,
  { read, idle }: Pick<Timeouts, "read" | "idle">,
): Promise<OperatorLimits> {
  const { rows } = await client.query<{ operator: number }>(
    `SELECT operator, set_config(name, coalesce(least(nullif(operator, 0), nullif(own, 0)), 0)::text, false)
     FROM (SELECT name, (extract(epoch FROM current_setting(name)::interval) * 1000)::int AS operator, own
           FROM (VALUES ('statement_timeout', $1::int), ('lock_timeout', 0),
                   ('idle_in_transaction_session_timeout', $2::int)) AS v (name, own)) AS s`,
    [read, idle],
  );
  const [statement, lock] = rows as [{ operator: number }, { operator: number }];
  return { statement: statement.operator, lock: lock.operator };
}

/** Rolls back if `work` throws. If the rollback fails too, the connection is discarded, and with it the transaction. */
async function rollingBack<T>(query: Query, send: Send, work: (query: Query) => Promise<T>): Promise<T> {
  try {
    return await work(query);
  } catch (error) {
    await send({ text: "ROLLBACK" }).catch(() => {});
    throw error;
  }
}

const timestamptz: number = pg.types.builtins.TIMESTAMPTZ;
const parseTime = pg.types.getTypeParser(timestamptz, "text") as (text: string) => Date;

/** Type parsers of the driver, except for times outside of the range of the API. */
const getTypeParser: typeof pg.types.getTypeParser = (oid: number, format?: "text" | "binary") =>
  oid === timestamptz && format !== "binary"
    ? (text: string) => distantTime(text) ?? parseTime(text)
    : pg.types.getTypeParser(oid, format as "text");

function textOf(query: unknown): string {
  return typeof query === "string" ? query : ((query as { text?: string }).text ?? "");
}

/** A connection of the pool, which makes all of them as guarded ones. */
function asGuarded(client: pg.ClientBase): GuardedClient {
  if (client instanceof GuardedClient) return client;
  throw new TypeError("The pool made a connection without a guard");
}
