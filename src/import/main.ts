import { runCommand, UsageError } from "../cli/command.js";
import { loadConfig } from "../config.js";
import { limitTime } from "../database/client.js";
import { GuardedClient } from "../database/guarded-client.js";
import { openDatabase } from "../database/open.js";
import { createLogger } from "../telemetry/logger.js";
import { importFiles } from "./import.js";
import type { Issue } from "./issues.js";
import { createProgress } from "./progress.js";
import { formatSummary, plainText } from "./summary.js";

const usage = `Usage: npm run import -- FILE… [--strict] [--mode test|live]

Reads JSON:API customer documents into the database: one document, or JSON Lines, gzipped or not. - is standard input.

  --strict  all or nothing: any rejected resource or dangling reference rolls everything back, and unknown attributes,
            relationships and types are rejected instead of left out
  --mode    the mode of resources that do not state theirs in meta.mode; otherwise MODE decides`;

async function main(files: string[], strict: boolean, mode: string | undefined): Promise<number> {
  if (mode !== undefined && mode !== "test" && mode !== "live") throw new UsageError("--mode must be test or live.");
  if (files.length === 0) throw new UsageError("Name at least one file.");
  const config = loadConfig();

  const controller = new AbortController();
  const log = createLogger({ level: config.logLevel, json: false });
  const database = await openDatabase(config, log);
  const client = new GuardedClient({
    connectionString: database.connectionString,
    application_name: "customer-graph import",
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      controller.abort(new StoppedError());
      void client.end(); // ends the running statement, too
    });
  }

  const progress = createProgress(process.stderr);
  try {
    await client.connect();
    await limitTime(client, { read: config.importTimeoutMs, idle: 0 });
    const summary = await importFiles({
      client,
      files,
      strict,
      mode: mode ?? config.mode,
      onIssue: (issue) => progress.line(formatIssue(issue, files)),
      onProgress: progress.show,
      signal: controller.signal,
    });
    progress.end();
    process.stdout.write(`${formatSummary(summary)}\n`);
    return summary.written ? 0 : 1;
  } catch (error) {
    throw controller.signal.aborted ? controller.signal.reason : error;
  } finally {
    progress.end();
    await client.end().catch(() => {});
    await database.stop();
  }
}

class StoppedError extends Error {
  constructor() {
    super("The import was stopped. Merged batches stay; run it again to complete it.");
  }
}

function formatIssue({ kind, type, id, file, line, pointer, reason }: Issue, files: readonly string[]): string {
  const label = { refused: "refused ", dangling: "dangling", repeated: "repeated", outdated: "outdated" }[kind];
  const name = files.length > 1 ? `${files[file]} ` : "";
  const text = `${type}${id === undefined ? "" : ` ${id}`} (${name}line ${line}${pointer && `, ${pointer}`}): ${reason}`;
  // Names come from the file: escape control characters, and truncate.
  const plain = plainText(text);
  return `${label} ${plain.length > 600 ? `${plain.slice(0, 600)}…` : plain}`;
}

void runCommand({
  usage,
  options: { strict: { type: "boolean" }, mode: { type: "string" } },
  positionals: ["FILE…"],
  main: ({ values: { strict = false, mode }, positionals }) => main(positionals, strict, mode),
});
