import pg from "pg";
import { OUTSIDE_TRANSACTION, schemaDrift, splitStatements } from "../database/migrate.js";
import {
  dropStatement,
  dropTriggers,
  readTriggers,
  type TriggerStatement,
  triggerStatements,
} from "../database/triggers.js";
import { models } from "../graph/model/datamodel.js";
import { manifest } from "../graph/model/manifest.js";

/** The SQL of a migration, for review, and its warnings. */
export interface Migration {
  /** What runs in the transaction of the migrations; empty if there is nothing to do. */
  sql: string;
  /** What must run outside of one, since it would lock tables in use for long; empty if there is none. */
  outside: string;
  warnings: string[];
}

/** Checks and collations of existing columns by name, from which new columns are made. */
interface Siblings {
  collations: Map<string, string>;
  checks: Map<string, { name: string; definition: string }>;
}

const trigramIndex = /^CREATE INDEX "[^"]+" ON "([^"]+)" USING GIN \("([^"]+)" gin_trgm_ops\)$/;

/**
 * Makes the migration from a database with all migrations to prisma/schema.prisma and its triggers. Applies it to that
 * database, which must have no other users.
 */
export async function makeMigration(connectionString: string, schemaFile: string): Promise<Migration> {
  const drift = splitStatements(await schemaDrift(connectionString, schemaFile));
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    const writer = new Writer(await readSiblings(client), drift);
    for (const statement of drift) writer.add(statement);
    writer.finish();
    await client.query(writer.inside.join("\n"));
    for (const statement of splitStatements(writer.outside.join("\n"))) await client.query(statement);
    const triggers = await changedTriggers(client);
    if (writer.locksTables || triggers.some(({ table }) => table && !writer.isNew(table))) {
      writer.inside.unshift(
        "-- Whoever uses a table waits behind this migration, which therefore gives up soon.\nSET LOCAL lock_timeout = '5s';",
      );
    }
    const made = triggers.map(({ sql }) => sql);
    if (made.length) made.unshift("-- By the marks of prisma/schema.prisma.");
    return {
      sql: script([...writer.inside, ...made]),
      outside: script(writer.outside.length ? [OUTSIDE_TRANSACTION, ...writer.outside] : []),
      warnings: [...writer.warnings, ...unindexedKeys()],
    };
  } finally {
    await client.end();
  }
}

function script(statements: readonly string[]): string {
  return statements.length ? `${statements.join("\n\n")}\n` : "";
}

/** Puts together what a migration does to tables. */
class Writer {
  readonly inside: string[] = [];
  /** Come after all tables and columns. */
  private readonly constraints: string[] = [];
  /** Come last: until then the old indexes serve. */
  private readonly removals: string[] = [];
  readonly outside: string[] = [];
  readonly warnings: string[] = [];
  /** Whether it takes a lock on a table in use, if only for a moment. */
  locksTables = false;
  private readonly created = new Set<string>();
  /** `table.column` of columns with a trigram index. */
  private readonly trigramColumns: ReadonlySet<string>;

  constructor(
    private readonly siblings: Siblings,
    drift: readonly string[],
  ) {
    this.trigramColumns = new Set(drift.flatMap((sql) => trigramIndex.exec(sql)?.slice(1).join(".") ?? []));
  }

  isNew(table: string): boolean {
    return this.created.has(table);
  }

  /** Takes over a statement as Prisma writes it. */
  add(sql: string): void {
    const [, table = ""] = /^(?:CREATE|ALTER|DROP) TABLE "([^"]+)"/.exec(sql) ?? [];
    if (sql.startsWith("CREATE TABLE")) {
      this.createTable(table, sql);
      return;
    }
    if (sql.startsWith("ALTER TABLE")) {
      this.alterTable(table, sql.slice(`ALTER TABLE "${table}" `.length));
      return;
    }
    const [, unique, index, on] = /^CREATE (UNIQUE )?INDEX "([^"]+)" ON "([^"]+)"/.exec(sql) ?? [];
    if (index && on && !this.isNew(on)) {
      if (unique) this.warnings.push(`The index ${index} cannot be made while rows of ${on} have equal values.`);
      this.outside.push(
        `DROP INDEX CONCURRENTLY IF EXISTS "${index}";\n${sql.replace("INDEX", "INDEX CONCURRENTLY")};`,
      );
      return;
    }
    if (sql.startsWith("DROP INDEX")) {
      this.removals.push(`${sql.replace("DROP INDEX", "DROP INDEX CONCURRENTLY IF EXISTS")};`);
      return;
    }
    if (/^DROP (TABLE|TYPE)/.test(sql)) this.warnings.push(`${sql} loses what is in it.`);
    this.inside.push(`${sql};`);
  }

  /** Adds what refers to other statements. */
  finish(): void {
    this.inside.push(...this.constraints);
    this.outside.push(...this.removals);
  }

  private createTable(table: string, sql: string): void {
    this.created.add(table);
    const lines = sql.split("\n").map((line) => {
      const [, column, rest] = /^ {4}"([^"]+)" (.*?),?$/.exec(line) ?? [];
      return column ? `    ${this.column(table, column, rest!)}${line.endsWith(",") ? "," : ""}` : line;
    });
    this.inside.push(`${lines.join("\n")};`);
    const columns = [...sql.matchAll(/^ {4}"([^"]+)"/gm)].map(([, column]) => column!);
    for (const check of this.checks(table, columns)) this.inside.push(`ALTER TABLE "${table}" ADD ${check.sql};`);
  }

  private alterTable(table: string, changes: string): void {
    const all = changes.split(/,\n(?=ADD |DROP |ALTER )/).flatMap((change) => this.change(table, change.trim()));
    const referenced = /\bREFERENCES "([^"]+)"/.exec(changes)?.[1] ?? table;
    if (all.length) this.locksTables ||= !this.isNew(table) || !this.isNew(referenced);
    if (all.length) this.inside.push(`ALTER TABLE "${table}" ${all.join(",\n    ")};`);
  }

  private change(table: string, change: string): string[] {
    const qualified = (column: string) => `${table}.${column}`;
    const [, added, type] = /^ADD COLUMN\s+"([^"]+)" (.*)$/s.exec(change) ?? [];
    if (added) {
      if (/NOT NULL(?!.*DEFAULT)/s.test(type!) && !this.isDerived(table, added)) {
        this.warnings.push(
          `${qualified(added)} is required and has no default, so it cannot be added where there are rows: give it a default or make it optional.`,
        );
      }
      if (/SERIAL|\bDEFAULT .*random/i.test(type!) || this.isDerived(table, added)) {
        this.warnings.push(`Adding ${qualified(added)} rewrites the whole table, which locks it meanwhile.`);
      }
      for (const check of this.checks(table, [added])) this.validateLater(table, check.name, check.sql);
      return [`ADD COLUMN ${this.column(table, added, type!)}`];
    }
    const [, key] = /^ADD CONSTRAINT "([^"]+)" FOREIGN KEY/.exec(change) ?? [];
    if (key && !this.isNew(table)) {
      this.validateLater(table, key, change.slice("ADD ".length));
      return [];
    }
    const [, required] = /^ALTER COLUMN "([^"]+)" SET NOT NULL$/.exec(change) ?? [];
    if (required) {
      const name = `"${table}_${required}_not_null"`;
      const alter = `ALTER TABLE "${table}"`;
      this.warnings.push(`${qualified(required)} becomes required: rows without a value have to get one first.`);
      this.outside.push(
        [
          `${alter} DROP CONSTRAINT IF EXISTS ${name};`,
          `${alter} ADD CONSTRAINT ${name} CHECK ("${required}" IS NOT NULL) NOT VALID;`,
          `${alter} VALIDATE CONSTRAINT ${name};`,
          `${alter} ALTER COLUMN "${required}" SET NOT NULL;`,
          `${alter} DROP CONSTRAINT IF EXISTS ${name};`,
        ].join("\n"),
      );
      return [];
    }
    const [, dropped] = /^DROP COLUMN "([^"]+)"/.exec(change) ?? [];
    if (dropped)
      this.warnings.push(
        `DROP COLUMN ${qualified(dropped)} loses what is in it, and servers of the version before still read it.`,
      );
    const [, altered, action] = /^ALTER COLUMN "([^"]+)" (.*)$/s.exec(change) ?? [];
    // Prisma takes the expression of a generated column over an enum for a default.
    if (altered && action === "DROP DEFAULT" && this.isDerived(table, altered)) return [];
    if (action?.startsWith("SET DATA TYPE")) {
      this.warnings.push(`${qualified(altered!)} gets another type, which may rewrite the whole table under a lock.`);
    }
    return [change];
  }

  /** Adds a constraint as NOT VALID and validates it afterwards, which does not block other transactions. */
  private validateLater(table: string, name: string, constraint: string): void {
    this.locksTables = true;
    this.constraints.push(`ALTER TABLE "${table}" ADD ${constraint} NOT VALID;`);
    this.outside.push(`ALTER TABLE "${table}" VALIDATE CONSTRAINT "${name}";`);
  }

  private column(table: string, name: string, type: string): string {
    const text = /^TEXT(\[\])?/.exec(type)?.[0];
    const collated = text && this.isMachineWord(table, name) ? type.replace(text, `${text} COLLATE "C"`) : type;
    if (!this.isDerived(table, name)) return `"${name}" ${collated}`;
    this.warnings.push(`${table}.${name} is generated: write its expression in place of NULL.`);
    return `"${name}" ${collated} GENERATED ALWAYS AS (NULL) STORED`;
  }

  /** Whether texts are ids, codes and the like, in one order on every server: as in most tables with such a column. */
  private isMachineWord(table: string, column: string): boolean {
    if (this.trigramColumns.has(`${table}.${column}`)) return false;
    const known = this.siblings.collations.get(column);
    if (known) return known === "C";
    const { personal } = columnsOf(table).find((other) => other.column === column) ?? {};
    return (
      !/content|identity/.test(personal?.category ?? "") && !/(^|_)(name|title|text|label|description)$/.test(column)
    );
  }

  private isDerived(table: string, column: string): boolean {
    return columnsOf(table).some((other) => other.column === column && other.derived);
  }

  private checks(table: string, columns: readonly string[]) {
    return columns.flatMap((column) => {
      const check = this.siblings.checks.get(column);
      const name = `${table}_${check?.name}`;
      return check ? [{ name, sql: `CONSTRAINT "${name}" ${check.definition}` }] : [];
    });
  }
}

function columnsOf(table: string) {
  const model = [...manifest.values()].find((candidate) => candidate.table === table);
  return Object.values(model?.columns ?? {});
}

/** The collation and check of columns by name, if most tables with such a column agree. */
async function readSiblings(client: pg.Client): Promise<Siblings> {
  const collations = await client.query<{ column: string; collation: string }>(`
    SELECT a.attname AS column, pg_catalog.mode() WITHIN GROUP (ORDER BY l.collname) AS collation
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_collation l ON l.oid = a.attcollation
    WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND a.attnum > 0 GROUP BY 1`);
  const checks = await client.query<{ column: string; name: string; definition: string }>(`
    SELECT a.attname AS column, substr(k.conname, length(c.relname) + 2) AS name, pg_get_constraintdef(k.oid) AS definition
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.conkey[1]
    WHERE c.relnamespace = current_schema()::regnamespace AND k.contype = 'c' AND cardinality(k.conkey) = 1
    GROUP BY 1, 2, 3 HAVING count(*) * 2 > (
      SELECT count(*) FROM pg_attribute b JOIN pg_class d ON d.oid = b.attrelid
      WHERE d.relnamespace = current_schema()::regnamespace AND d.relkind = 'r' AND b.attname = a.attname)`);
  return {
    collations: new Map(collations.rows.map(({ column, collation }) => [column, collation])),
    checks: new Map(checks.rows.map(({ column, ...check }) => [column, check])),
  };
}

/** The trigger statements that change the database, preceded by drops of what none of them creates. */
async function changedTriggers(client: pg.Client): Promise<TriggerStatement[]> {
  const before = await readTriggers(client);
  await dropTriggers(client);
  const changed: TriggerStatement[] = [];
  let current = await readTriggers(client);
  for (const statement of triggerStatements()) {
    await client.query(statement.sql);
    const now = await readTriggers(client);
    const written = [...now].filter(([name, definition]) => current.get(name) !== definition);
    if (written.some(([name, definition]) => before.get(name) !== definition)) changed.push(statement);
    current = now;
  }
  const dropped = [...before.keys()].flatMap((name) => (current.has(name) ? [] : (dropStatement(name) ?? [])));
  return [...dropped.map((sql) => ({ sql })), ...changed];
}

/** Keys by which related rows are looked up, and that no index begins with. */
function unindexedKeys(): string[] {
  return [...models.values()].flatMap(({ name, relations, indexes, unique }) =>
    Object.values(relations).flatMap(({ key, many, through }) => {
      if (!key || many || through || [...indexes, ...unique].some(([first]) => first === key)) return [];
      return [`${name}.${key} has no index, by which the list of a row is read: add @@index([${key}, createdAt, id]).`];
    }),
  );
}
