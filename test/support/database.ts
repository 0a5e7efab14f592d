import { randomBytes } from "node:crypto";
import pg from "pg";

export interface TestDatabase {
  connectionString: string;
  drop(): Promise<void>;
}

/** Creates a database with all migrations applied: a copy of a template, in about 30 ms. */
export function createTestDatabase(): Promise<TestDatabase> {
  const template = process.env.TEST_TEMPLATE_URL!;
  return createDatabase(template, `TEMPLATE ${new URL(template).pathname.slice(1)}`);
}

/** Creates an empty database. */
export function createEmptyDatabase(): Promise<TestDatabase> {
  return createDatabase(process.env.TEST_TEMPLATE_URL!, "");
}

async function createDatabase(server: string, options: string): Promise<TestDatabase> {
  const name = `test_${randomBytes(6).toString("hex")}`;
  await onServer(server, `CREATE DATABASE ${name} ${options}`);
  return {
    connectionString: withDatabase(server, name),
    drop: () => onServer(server, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`),
  };
}

/** Pool whose connections may be terminated when the database is dropped. */
export function poolOf({ connectionString }: TestDatabase): pg.Pool {
  const pool = new pg.Pool({ connectionString });
  pool.on("connect", (client) => client.on("error", () => {}));
  pool.on("error", () => {});
  return pool;
}

export function withDatabase(connectionString: string, database: string): string {
  const url = new URL(connectionString);
  url.pathname = `/${database}`;
  return url.href;
}

/** Runs statements in the server's own database `postgres`. */
export async function onServer(connectionString: string, ...statements: string[]): Promise<void> {
  const client = new pg.Client(withDatabase(connectionString, "postgres"));
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}
