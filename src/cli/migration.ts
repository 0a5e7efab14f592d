import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedPostgres } from "../database/embedded.js";
import { migrate } from "../database/migrate.js";
import { projectRoot } from "../paths.js";
import { createLogger } from "../telemetry/logger.js";
import { runCommand, UsageError } from "./command.js";
import { type Migration, makeMigration } from "./migration-sql.js";

const usage = `Usage: npm run migration -- NAME

Writes the migration for a change of prisma/schema.prisma to prisma/migrations, to be read and committed with it: tables,
columns, indexes, checks, and the triggers that follow from the marks. It finds out on a database of its own, which it
starts and removes; yours is not touched. NAME says what changes, such as customer_notes.`;

void runCommand({
  usage,
  positionals: ["NAME"],
  async main({ positionals: [name] }) {
    if (!name) throw new UsageError("NAME is missing: say what changes, such as customer_notes.");
    if (!/^[a-z][a-z0-9_]{0,59}$/.test(name)) {
      throw new UsageError(
        `NAME is ${JSON.stringify(name)}: it has to begin with a letter and hold up to 60 lower-case letters, digits and _, such as customer_notes.`,
      );
    }
    const { sql, outside, warnings } = await migrationOfSchema();
    if (!sql && !outside) {
      process.stdout.write("Nothing to do: the migrations make what prisma/schema.prisma describes.\n");
    }
    for (const file of await writeMigration(name, [sql, outside])) process.stdout.write(`Written: ${file}\n`);
    for (const warning of warnings) process.stderr.write(`Warning: ${warning}\n`);
    return undefined;
  },
});

async function migrationOfSchema(): Promise<Migration> {
  const dataDir = await mkdtemp(join(tmpdir(), "customer-graph-migration-"));
  try {
    const log = createLogger({ level: "error", json: false });
    const { connectionString, stop } = await startEmbeddedPostgres({ dataDir, log });
    try {
      await migrate(connectionString);
      return await makeMigration(connectionString, join(projectRoot, "prisma", "schema.prisma"));
    } finally {
      await stop();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

/** Writes scripts as migrations that come after all others, the second right after the first. */
async function writeMigration(name: string, [sql, outside]: [string, string]): Promise<string[]> {
  const folder = join(projectRoot, "prisma", "migrations");
  const versions = (await readdir(folder)).flatMap((entry) => Number(/^\d{14}(?=_)/.exec(entry)?.[0] ?? 0));
  const now = Number(new Date().toISOString().replace(/\D/g, "").slice(0, 14));
  const number = Math.max(now, ...versions.map((version) => version + 1));
  const scripts = [
    [`${number}_${name}`, sql],
    [`${number + 1}_${name}_outside`, outside],
  ].filter(([, script]) => script);
  for (const [path, script] of scripts) {
    await mkdir(join(folder, path!));
    await writeFile(join(folder, path!, "migration.sql"), script!);
  }
  return scripts.map(([path]) => `prisma/migrations/${path}/migration.sql`);
}
