import pg from "pg";
import { runCommand, UsageError } from "../src/cli/command.js";
import { loadConfig } from "../src/config.js";
import { startEmbeddedPostgres } from "../src/database/embedded.js";
import { migrate } from "../src/database/migrate.js";
import { createLogger } from "../src/telemetry/logger.js";
import { MAXIMUM_CUSTOMERS, seedBulk } from "./bulk.js";
import { type CommitListener, seedDemo } from "./seed.js";

const USAGE = `Usage: npm run seed -- [--demo] [--customers N]

  --demo         put the demo shop into an empty database, as the server does at its first start
  --customers N  add generated customers until there are N of them, 1 to ${format(MAXIMUM_CUSTOMERS)}

The database is the server's: DATABASE_URL, or the embedded one in DATA_DIR while no server runs on it.`;

async function main(demo: boolean, customers: number | undefined) {
  const config = loadConfig();
  if (demo && config.environment === "production") {
    throw new Error("No demo shop in production: everybody knows its passwords and secrets.");
  }
  const log = createLogger({ level: config.logLevel, json: config.environment === "production" });

  const embedded = config.databaseUrl ? undefined : await startEmbeddedPostgres({ dataDir: config.dataDir, log });
  const connectionString = config.databaseUrl ?? embedded!.connectionString;
  const client = new pg.Client({ connectionString, options: "-c TimeZone=UTC" });
  client.on("error", () => {}); // an unhandled error event would end the process; the next statement fails anyway
  /** What is committed; undefined while a COMMIT is running. */
  let committed: string | undefined = "nothing was added";
  let signalled: string | undefined;
  let abort = () => {};
  const interrupted = new Promise<never>((_, reject) => {
    // A running COMMIT cannot be undone: wait for its end.
    abort = () => signalled && committed && reject(new Error(`${signalled}: ${committed}.`));
    for (const signal of ["SIGINT", "SIGTERM"]) {
      process.once(signal, () => {
        signalled = signal;
        abort();
      });
    }
  });
  const onCommitOf =
    (what: string): CommitListener =>
    (commit) => {
      committed = commit === "done" ? what : undefined;
      abort();
    };
  try {
    await Promise.race([interrupted, seed()]);
  } catch (error) {
    // PostgreSQL reports a failed COMMIT.
    if (committed || error instanceof pg.DatabaseError) throw error;
    throw new Error(
      "The connection was lost during COMMIT: everything was added or nothing. Run it again to add what is missing.",
      { cause: error },
    );
  } finally {
    client.end().catch(() => {});
    await embedded?.stop();
  }

  async function seed() {
    await migrate(connectionString);
    await client.connect();
    if (demo) {
      const added = await seedDemo(client, { onCommit: onCommitOf("the demo shop is in") });
      print(added ? "The demo shop is in." : "There are customers already: no demo shop.");
    }
    if (!customers) return;
    const startedAt = performance.now();
    const added = await seedBulk(client, {
      customers,
      onCommit: onCommitOf("the customers are in; the tables may want VACUUM (ANALYZE)"),
      report: ({ name, rows, milliseconds }) =>
        print(`${seconds(milliseconds).padStart(8)}  ${(rows ? format(rows) : "").padStart(11)}  ${name}`),
    });
    if (added) print(`${format(added)} customers were added in ${seconds(performance.now() - startedAt)}.`);
    else print(`There are ${format(customers)} generated customers or more already: nothing to add.`);
  }
}

function countOf(customers: string): number {
  const count = /^\d+$/.test(customers) ? Number(customers) : 0;
  if (count >= 1 && count <= MAXIMUM_CUSTOMERS) return count;
  throw new UsageError(
    `--customers must be a whole number from 1 to ${format(MAXIMUM_CUSTOMERS)}, not ${JSON.stringify(customers)}.`,
  );
}

function format(count: number): string {
  return count.toLocaleString("en");
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

void runCommand({
  usage: USAGE,
  options: { demo: { type: "boolean" }, customers: { type: "string" } },
  async main({ values: { demo = false, customers } }) {
    if (!demo && customers === undefined) throw new UsageError("Name what to add: --demo, --customers N or both.");
    await main(demo, customers === undefined ? undefined : countOf(customers));
  },
});
