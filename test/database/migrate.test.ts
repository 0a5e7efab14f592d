import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { MigrationError, migrate, schemaDrift, splitStatements } from "../../src/database/migrate.js";
import { createEmptyDatabase, createTestDatabase, type TestDatabase } from "../support/database.js";

let migrationsDir: string;
let database: TestDatabase;

beforeEach(async () => {
  migrationsDir = await mkdtemp(join(tmpdir(), "customer-graph-migrations-"));
  database = await createEmptyDatabase();
  await addMigration("1_notes", "CREATE TABLE notes (id int PRIMARY KEY, text text DEFAULT 'a;b');");
});

afterEach(async () => {
  await database.drop();
  await rm(migrationsDir, { recursive: true });
});

async function addMigration(name: string, sql: string): Promise<void> {
  await mkdir(join(migrationsDir, name));
  await writeFile(join(migrationsDir, name, "migration.sql"), sql);
}

async function query(sql: string): Promise<unknown[]> {
  const client = new pg.Client(database.connectionString);
  await client.connect();
  try {
    return (await client.query({ text: sql, rowMode: "array" })).rows.flat();
  } finally {
    await client.end();
  }
}

test("missing migrations are applied once, ordered by name", async () => {
  await addMigration("2_more", "ALTER TABLE notes ADD COLUMN author text;");
  expect(await migrate(database.connectionString, { migrationsDir })).toEqual(["1_notes", "2_more"]);
  expect(await migrate(database.connectionString, { migrationsDir })).toEqual([]);

  await addMigration("3_most", "ALTER TABLE notes ADD COLUMN written_at timestamptz;");
  expect(await migrate(database.connectionString, { migrationsDir })).toEqual(["3_most"]);
  const history = "SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL ORDER BY started_at";
  expect(await query(history)).toEqual(["1_notes", "2_more", "3_most"]);
});

test("migrations keep functions and triggers with semicolons inside whole", async () => {
  const body = "BEGIN NEW.text := NEW.text || ';'; RETURN NEW; END";
  await addMigration(
    "2_trigger",
    `CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS $$ ${body} $$;
     CREATE TRIGGER mark BEFORE INSERT ON notes FOR EACH ROW EXECUTE FUNCTION mark();`,
  );
  await migrate(database.connectionString, { migrationsDir });
  expect(await query("INSERT INTO notes (id) VALUES (1) RETURNING text")).toEqual(["a;b;"]);
});

test("servers that start at once apply each migration once", async () => {
  await addMigration("2_slow", "SELECT pg_sleep(0.2); CREATE TABLE slow ();");
  const applied = await Promise.all([1, 2, 3].map(() => migrate(database.connectionString, { migrationsDir })));
  expect(applied.flat()).toEqual(["1_notes", "2_slow"]);
});

test("a failed migration is reported with its line, leaves nothing behind and can be corrected", async () => {
  await addMigration("2_bad", "CREATE TABLE half ();\nALTER TABLE nots ADD COLUMN author text;\nSELECT 1;");
  const error = await migrate(database.connectionString, { migrationsDir }).catch((error: unknown) => error);
  expect(error).toBeInstanceOf(MigrationError);
  expect((error as Error).message).toBe(
    'The migration 2_bad failed: relation "nots" does not exist\nNothing was changed in the database.',
  );
  expect(await query("SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace")).toEqual([]);

  await writeFile(join(migrationsDir, "2_bad", "migration.sql"), "ALTER TABLE notes ADD COLUMN author text;");
  expect(await migrate(database.connectionString, { migrationsDir })).toEqual(["1_notes", "2_bad"]);

  await addMigration("3_typo", "SELECT 1;\nSELECT 2;\nCREATE TABEL typo ();");
  await expect(migrate(database.connectionString, { migrationsDir })).rejects.toThrow(
    'The migration 3_typo failed in line 3: syntax error at or near "TABEL"',
  );
});

describe("migrations outside a transaction", () => {
  const outside = `-- Outside a transaction.
    DROP INDEX CONCURRENTLY IF EXISTS notes_text;
    CREATE UNIQUE INDEX CONCURRENTLY notes_text ON notes (text);`;
  const valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'notes_text'::regclass";

  test("run in order, while other starting servers wait", async () => {
    await addMigration("2_index", outside);
    await addMigration("3_more", "ALTER TABLE notes ADD COLUMN author text; DROP INDEX notes_text;");
    await addMigration("4_index", outside);
    const applied = await Promise.all([1, 2, 3].map(() => migrate(database.connectionString, { migrationsDir })));
    expect(applied.flat().sort()).toEqual(["1_notes", "2_index", "3_more", "4_index"]);
    expect(await query(valid)).toEqual([true]);
    expect(await migrate(database.connectionString, { migrationsDir })).toEqual([]);
  });

  test("a failed one keeps earlier migrations and starts over", async () => {
    await migrate(database.connectionString, { migrationsDir });
    await query("INSERT INTO notes VALUES (1), (2)");
    await addMigration("2_more", "ALTER TABLE notes ADD COLUMN author text;");
    await addMigration("3_index", outside);
    await addMigration("4_most", "ALTER TABLE notes ADD COLUMN written_at timestamptz;");
    for (let i = 0; i < 2; i++) {
      await expect(migrate(database.connectionString, { migrationsDir })).rejects.toThrow(
        'The migration 3_index failed: could not create unique index "notes_text"\nWhat it had done stays. It is begun again the next time.',
      );
    }
    expect(await query(valid)).toEqual([false]);
    await query("DELETE FROM notes WHERE id = 2");
    expect(await migrate(database.connectionString, { migrationsDir })).toEqual(["3_index", "4_most"]);
    expect(await query(valid)).toEqual([true]);
  });

  test("one whose server was killed starts over", async () => {
    await migrate(database.connectionString, { migrationsDir });
    await addMigration("2_index", outside.replace("notes_text;", "notes_text; SELECT pg_sleep(600);"));
    const running = migrate(database.connectionString, { migrationsDir }).catch(() => "broken off");
    const sleeping = "SELECT pid FROM pg_stat_activity WHERE query LIKE '%pg_sleep(600)%' AND pid <> pg_backend_pid()";
    while (!(await query(sleeping)).length) await new Promise((resolve) => setTimeout(resolve, 20));
    await query(`SELECT pg_terminate_backend(pid) FROM (${sleeping}) s`);
    expect(await running).toBe("broken off");
    await writeFile(join(migrationsDir, "2_index", "migration.sql"), outside);
    expect(await migrate(database.connectionString, { migrationsDir })).toEqual(["2_index"]);
    expect(await query(valid)).toEqual([true]);
  });
});

test("a script is split only at semicolons between statements", () => {
  const statements = [
    "SELECT ';', 'it''s;', E'\\';', \"a;b\"",
    "DO $$ BEGIN NULL; END $$",
    "DO $x$ BEGIN PERFORM $$;$$; END $x$",
    "SELECT 1",
  ];
  expect(splitStatements(`-- first;\n${statements.join(";\n/* and; */")};\n`)).toEqual(statements);
});

test("refuses a database with foreign tables; reports an unreachable one without its password", async () => {
  await query("CREATE TABLE theirs ()");
  await expect(migrate(database.connectionString, { migrationsDir })).rejects.toThrow("give it a database of its own");
  const nowhere = "postgresql://shop:hunter2@127.0.0.1:1/shop";
  const error = (await migrate(nowhere, { migrationsDir }).catch((error: unknown) => error)) as Error;
  expect(error.message).toMatch(/^The migrations cannot be applied\. .*ECONNREFUSED/);
  expect(error.message).not.toContain("hunter2");
});

test("schemaDrift returns the SQL that changes the database into the datamodel", async () => {
  await migrate(database.connectionString, { migrationsDir });
  const datamodel = (fields: string) => `
    datasource db {
      provider = "postgresql"
    }
    model Note {
      id   Int     @id
      text String? @default("a;b")
      ${fields}
      @@map("notes")
    }`;
  const schemaFile = join(migrationsDir, "schema.prisma");
  await writeFile(schemaFile, datamodel(""));
  expect(await schemaDrift(database.connectionString, schemaFile)).toBe("");
  await writeFile(schemaFile, datamodel("author String?"));
  expect(await schemaDrift(database.connectionString, schemaFile)).toContain(
    'ALTER TABLE "notes" ADD COLUMN     "author" TEXT',
  );
});

test("createTestDatabase has all migrations of the project", async () => {
  const copy = await createTestDatabase();
  expect(await migrate(copy.connectionString)).toEqual([]);
  await copy.drop();
});
