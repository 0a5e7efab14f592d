import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
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

/**
 * Brings the database up to date and returns the names of the migrations that were missing. All run in one
 * transaction: a failure, or a kill at any moment, leaves the database as it was. (So none can hold
 * `CREATE INDEX CONCURRENTLY`.) Servers that start at once wait for each other.
 */
export async function migrate(
  connectionString: string,
  { migrationsDir = join(projectRoot, "prisma", "migrations") } = {},
): Promise<string[]> {
  let failure: MigrationError | undefined;
  try {
    const migrationsList = await readMigrations(migrationsDir);
    return await withClient(connectionString, async (client) => {
      await client.query("BEGIN");
      await client.query("SET LOCAL lock_timeout = '5min'");
      await client.query("SELECT pg_advisory_xact_lock($1)", [ADVISORY_LOCK]);
      const engine = await openEngine(client, async (script) => {
        await client.query(script).catch((error: unknown) => {
          failure = scriptError(migrationsList, script, error);
          throw error;
        });
      });
      const { appliedMigrationNames } = await engine.applyMigrations({ migrationsList, filters: EVERYTHING });
      await client.query("COMMIT");
      return appliedMigrationNames;
    });
  } catch (cause) {
    // Of a failed script the engine itself only tells that it could not note the failure: its transaction is gone.
    throw failure ?? new MigrationError(`The migrations cannot be applied. ${reason(cause)}`, { cause });
  }
}

/** The SQL that would turn the database into the datamodel; empty if they are equal. */
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
  client.on("error", () => {}); // an unheard one would end the process; the next statement fails anyway
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
      if (/^__wbg_setTimeout_/.test(name)) imports[name] = (f: () => void, ms: number) => setTimeout(f, ms).unref();
    }
    const wasm = await readFile(file.replace(/\.js$/, ".wasm"));
    const { instance } = await WebAssembly.instantiate(wasm, { "./schema_engine_bg.js": imports });
    // Where the engine tells why it panicked; Prisma's client sets the same when it is loaded.
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

function scriptError(list: glue.MigrationList, script: string, cause: unknown): MigrationError {
  const migration = list.migrationDirectories.find(({ migrationFile: { content } }) => content.value === script);
  const position = Number((cause as pg.DatabaseError).position);
  const line = position > 0 ? ` in line ${script.slice(0, position).split("\n").length}` : "";
  return new MigrationError(
    `The migration ${migration?.path} failed${line}: ${reason(cause)}\nNothing was changed in the database.`,
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
