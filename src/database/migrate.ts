import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { PrismaPg } from "@prisma/adapter-pg";
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from "@prisma/driver-adapter-utils";
import * as glue from "@prisma/schema-engine-wasm/schema_engine_bg";
import pg from "pg";
import { projectRoot } from "../paths.js";

// Prisma's own migration engine, as the WebAssembly module of its registry package: what `prisma migrate deploy` does,
// history table and checksums included, without the native program that Prisma's command line downloads.

export class MigrationError extends Error {
  override name = "MigrationError";
}

/** Any number, the same in every server. */
const ADVISORY_LOCK = 4_627_381;
const EVERYTHING = { externalTables: [], externalEnums: [] };

/** The first line of a migration whose statements run one by one, each able to run again: `CREATE INDEX CONCURRENTLY`. */
export const OUTSIDE_TRANSACTION = "-- Outside a transaction.";
/** How long a migration waits for other servers' migrations and for locks. */
const PATIENCE_MS = 300_000;

/**
 * Brings the database up to date and returns the names of the migrations that were missing. They run in one transaction: a
 * failure, or a kill at any moment, leaves the database as it was. Those that run outside of one part it: what came before
 * is committed, and they themselves are begun again. Servers that start at once wait for each other.
 */
export async function migrate(
  connectionString: string,
  { migrationsDir = join(projectRoot, "prisma", "migrations") } = {},
): Promise<string[]> {
  let failure: MigrationError | undefined;
  try {
    const migrationsList = await readMigrations(migrationsDir);
    return await withClient(connectionString, async (client) => {
      const applied: string[] = [];
      await client.query(`SET lock_timeout = ${PATIENCE_MS}`);
      await lockMigrations(client);
      await forgetUnfinished(client, migrationsList);
      for (const { migrationDirectories, outside } of groupsOf(migrationsList)) {
        if (!outside) await client.query("BEGIN");
        const engine = await openEngine(client, async (script) => {
          try {
            for (const statement of outside ? splitStatements(script) : [script]) await client.query(statement);
          } catch (error) {
            failure = scriptError(migrationsList, script, outside, error);
            throw error;
          }
        });
        const { appliedMigrationNames } = await engine.applyMigrations({
          migrationsList: { ...migrationsList, migrationDirectories },
          filters: EVERYTHING,
        });
        if (!outside) await client.query("COMMIT");
        applied.push(...appliedMigrationNames);
      }
      return applied;
    });
  } catch (cause) {
    // For a failed script the engine reports only that it could not record the failure, because the transaction was aborted.
    throw failure ?? new MigrationError(`The migrations cannot be applied. ${reason(cause)}`, { cause });
  }
}

/** The migrations up to each place where a transaction ends. Prisma's engine applies those that are missing. */
function groupsOf({ migrationDirectories: all }: glue.MigrationList) {
  const isOutside = all.map(runsOutside);
  return all.flatMap((_, i) =>
    i === all.length - 1 || isOutside[i] || isOutside[i + 1]
      ? [{ migrationDirectories: all.slice(0, i + 1), outside: isOutside[i]! }]
      : [],
  );
}

function runsOutside({ migrationFile: { content } }: glue.MigrationDirectory): boolean {
  return String(content.value).startsWith(OUTSIDE_TRANSACTION);
}

/**
 * Takes the lock of migrations until the connection ends. Asks again and again, because who waits within a statement holds
 * up another's `CREATE INDEX CONCURRENTLY`.
 */
async function lockMigrations(client: pg.Client): Promise<void> {
  const end = Date.now() + PATIENCE_MS;
  while (!(await client.query("SELECT pg_try_advisory_lock($1) AS held", [ADVISORY_LOCK])).rows[0].held) {
    if (Date.now() > end) throw Object.assign(new Error("The lock is not given."), { code: "55P03" });
    await setTimeout(100);
  }
}

/** Marks unfinished migrations outside of a transaction to be run again. */
async function forgetUnfinished(client: pg.Client, list: glue.MigrationList): Promise<void> {
  const { rows } = await client.query("SELECT to_regclass('_prisma_migrations') IS NOT NULL AS known");
  if (!rows[0].known) return;
  await client.query(
    `UPDATE _prisma_migrations SET rolled_back_at = now()
     WHERE migration_name = ANY ($1) AND finished_at IS NULL AND rolled_back_at IS NULL`,
    [list.migrationDirectories.filter(runsOutside).map(({ path }) => path)],
  );
}

/** Splits an SQL script into statements, without surrounding comments. */
export function splitStatements(script: string): string[] {
  const token =
    /--[^\n]*|\/\*[\s\S]*?\*\/|[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$\w*\$)[\s\S]*?\1|\w+|[\s\S]/g;
  const statements = [""];
  for (const [text] of script.matchAll(token)) {
    if (text === ";") statements.push("");
    else if (!/^(--|\/\*)/.test(text)) statements[statements.length - 1] += text;
  }
  return statements.map((statement) => statement.trim()).filter(Boolean);
}

/** Schema drift: the SQL that would turn the database into the datamodel; empty if they are equal. */
export async function schemaDrift(connectionString: string, schemaFile: string): Promise<string> {
  const files = [{ path: schemaFile, content: await readFile(schemaFile, "utf8") }];
  const { stdout } = await withClient(connectionString, async (client) =>
    (await openEngine(client)).diff({
      from: { tag: "schemaDatasource", files, configDir: projectRoot },
      to: { tag: "schemaDatamodel", files },
      script: true,
      exitCode: null,
      filters: EVERYTHING,
    }),
  );
  return stdout && !stdout.startsWith("-- This is an empty migration") ? stdout : "";
}

async function readMigrations(baseDir: string): Promise<glue.MigrationList> {
  const entries = await readdir(baseDir, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  const read = async (path: string): Promise<glue.MigrationDirectory> => {
    const value = await readFile(join(baseDir, path, "migration.sql"), "utf8");
    return { path, migrationFile: { path: "migration.sql", content: { tag: "ok", value } } };
  };
  return {
    baseDir,
    lockfile: { path: "migration_lock.toml", content: null },
    shadowDbInitScript: "",
    migrationDirectories: await Promise.all(names.sort().map(read)),
  };
}

async function withClient<T>(connectionString: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString });
  client.on("error", () => {}); // an unhandled error event would end the process; the next statement fails anyway
  try {
    await client.connect();
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/** The engine on one connection, so that the caller's transaction holds all it does. */
async function openEngine(
  client: pg.Client,
  runScript: (script: string) => Promise<unknown> = (script) => client.query(script),
): Promise<glue.SchemaEngine> {
  // PrismaPg takes only a pool. This one never connects by itself.
  let chars: boolean[] = [];
  const query = async (statement: pg.QueryConfig) => {
    const result = await client.query(statement);
    chars = result.fields.map((field) => field.dataTypeID === pg.types.builtins.CHAR);
    for (const [i, field] of result.fields.entries()) if (chars[i]) field.dataTypeID = pg.types.builtins.BPCHAR;
    return result;
  };
  const factory = new PrismaPg(Object.assign(new pg.Pool(), { query }));
  const connect = factory.connect.bind(factory);
  factory.connect = async () => {
    const adapter = await connect();
    // Prisma's own cuts a script at every semicolon, those inside of functions and texts too.
    adapter.executeScript = async (script) => {
      await runScript(script);
    };
    // Prisma's own does not know the type "char" of PostgreSQL's catalogue, which the engine reads.
    const queryRaw = adapter.queryRaw.bind(adapter);
    adapter.queryRaw = async (statement) => {
      const result = await queryRaw(statement);
      return {
        ...result,
        columnTypes: result.columnTypes.map((type, i) => (chars[i] ? ColumnTypeEnum.Character : type)),
      };
    };
    return adapter;
  };
  await loadEngine();
  return glue.SchemaEngine.new({ datamodels: undefined }, () => {}, bindMigrationAwareSqlAdapterFactory(factory));
}

// Missing in the types of Node 20.
declare const WebAssembly: {
  instantiate(module: Uint8Array, imports: object): Promise<{ instance: { exports: Record<string, () => void> } }>;
};

let loading: Promise<void> | undefined;

function loadEngine(): Promise<void> {
  loading ??= (async () => {
    const file = createRequire(import.meta.url).resolve("@prisma/schema-engine-wasm/schema_engine_bg");
    const imports: Record<string, unknown> = { ...glue };
    // It never clears its timers: one of 10 s would keep a finished process alive.
    for (const name of Object.keys(imports)) {
      if (/^__wbg_setTimeout_/.test(name))
        imports[name] = (f: () => void, ms: number) => globalThis.setTimeout(f, ms).unref();
    }
    const wasm = await readFile(file.replace(/\.js$/, ".wasm"));
    const { instance } = await WebAssembly.instantiate(wasm, { "./schema_engine_bg.js": imports });
    // Where the engine reports why it panicked; Prisma's client sets the same when it is loaded.
    (globalThis as { PRISMA_WASM_PANIC_REGISTRY?: object }).PRISMA_WASM_PANIC_REGISTRY ??= {
      set_message(message: string) {
        throw new Error(message);
      },
    };
    glue.__wbg_set_wasm(instance.exports);
    instance.exports.__wbindgen_start!();
  })();
  return loading;
}

function scriptError(list: glue.MigrationList, script: string, outside: boolean, cause: unknown): MigrationError {
  const migration = list.migrationDirectories.find(({ migrationFile: { content } }) => content.value === script);
  const position = Number((cause as pg.DatabaseError).position);
  const line = position > 0 && !outside ? ` in line ${script.slice(0, position).split("\n").length}` : "";
  return new MigrationError(
    `The migration ${migration?.path} failed${line}: ${reason(cause)}\n${
      outside ? "What it had done stays. It is begun again the next time." : "Nothing was changed in the database."
    }`,
    { cause },
  );
}

function reason(error: unknown): string {
  const { code = "", message = "" } = error as { code?: string; message?: string };
  return KNOWN[code] ?? (message || code || String(error));
}

const KNOWN: Record<string, string> = {
  P3005: "The database holds tables that are not the server's: give it a database of its own.",
  P3009:
    "Another tool left a failed migration in the table _prisma_migrations: resolve it with `prisma migrate resolve`.",
  "55P03": "Another server is still at it after five minutes, or a table is locked.",
};
