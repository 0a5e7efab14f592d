import { once } from "node:events";
import { createReadStream } from "node:fs";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { loadConfig } from "../config.js";
import { createDatabase, type Database } from "../database/client.js";
import { sameTimeouts } from "../database/limits.js";
import { openDatabase } from "../database/open.js";
import { loadSigningKeys } from "../identity/keys.js";
import { Revocations } from "../identity/revocations.js";
import { AnonymizationWorker } from "../modules/anonymization/worker.js";
import { createLogger } from "../telemetry/logger.js";
import { runCommand, UsageError } from "./command.js";

const usage = `Usage: npm run -s erasures -- list > FILE
       npm run -s erasures -- again FILE

A restored backup brings back what was erased since it was made. \`list\` prints every completed erasure, a JSON object a
line, without personal data: keep it apart from the backups. \`again\` erases what is on the list and has come back.`;

async function main(command: string | undefined, file: string | undefined) {
  if (command !== "list" && command !== "again") throw new UsageError("Say what to do: list or again.");
  if (command === "again" && !file) throw new UsageError("Name the file with the list.");
  if (command === "list" && file) throw new UsageError(`Unknown argument ${JSON.stringify(file)}.`);
  const config = loadConfig();
  const log = createLogger({ level: config.logLevel, json: config.environment === "production" });
  const { connectionString, stop } = await openDatabase(config, log);
  const database = createDatabase({
    connectionString,
    poolSize: 2,
    log,
    timeouts: sameTimeouts(config.workerTimeoutMs),
  });
  try {
    if (command === "list") return await list(database);
    const worker = new AnonymizationWorker({
      database,
      keys: await loadSigningKeys(config),
      issuer: config.tokenIssuer,
      revocations: new Revocations({ database, log }),
      log,
      now: () => new Date(),
      graceMs: 0,
    });
    await again(worker, file!);
  } finally {
    await database.close();
    await stop();
  }
}

/** How many lines are read at once. */
const batch = 1_000;

async function list({ query }: Database) {
  let last = "";
  for (;;) {
    const rows = await query(
      `SELECT id, anonymization_completed_at, anonymization_receipt FROM customers
       WHERE anonymization_status = 'completed' AND id > $1 ORDER BY id LIMIT ${batch}`,
      [last],
    );
    for (const [customerId, completedAt, receipt] of rows) {
      process.stdout.write(`${JSON.stringify({ customerId, completedAt, receipt })}\n`);
    }
    if (rows.length < batch) return;
    last = rows.at(-1)![0] as string;
  }
}

async function again(worker: AnonymizationWorker, file: string) {
  const counts = { erased: 0, untouched: 0, failed: 0 };
  let line = 0;
  for await (const text of createInterface({ input: await opened(file) })) {
    line++;
    if (text.trim()) counts[await worker.eraseAgain(customerOf(text, line))]++;
  }
  await worker.refreshStatistics();
  const { erased, untouched, failed } = counts;
  process.stdout.write(`Erased again: ${erased}. Erased before, or not in this database: ${untouched}.\n`);
  if (failed) throw new Error(`Failed: ${failed}. The log says why; workers try them again.`);
}

async function opened(file: string): Promise<Readable> {
  if (file === "-") return process.stdin;
  const stream = createReadStream(file);
  await once(stream, "open").catch(() => {
    throw new Error(`The file ${file} cannot be read.`);
  });
  return stream;
}

function customerOf(text: string, line: number): string {
  try {
    const { customerId } = JSON.parse(text) as { customerId?: unknown };
    if (typeof customerId === "string") return customerId;
  } catch {}
  throw new Error(`Line ${line} is no entry of the list: it needs a customerId.`);
}

void runCommand({
  usage,
  positionals: ["COMMAND", "FILE"],
  async main({ positionals: [command, file] }) {
    await main(command, file);
  },
});
