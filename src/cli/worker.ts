import { existsSync } from "node:fs";
import { loadConfig } from "../config.js";
import { AnonymizationWorker } from "../modules/anonymization/worker.js";
import { loadSigningKeys } from "../platform/access/keys.js";
import { Revocations } from "../platform/access/revocations.js";
import { createDatabase } from "../platform/database/client.js";
import { openDatabase } from "../platform/database/open.js";
import { createLogger } from "../platform/telemetry/logger.js";

/** `npm run worker`: carries out anonymizations without serving requests. `-- --once` does what is due, and ends. */
async function main() {
  const once = process.argv.includes("--once");
  if (existsSync(".env")) process.loadEnvFile(".env");
  const config = loadConfig();
  const log = createLogger({ level: config.logLevel, json: config.environment === "production" });
  const { connectionString, stop } = await openDatabase(config, log);
  const database = createDatabase({ connectionString, poolSize: 2, log });
  const worker = new AnonymizationWorker({
    database,
    keys: await loadSigningKeys(config),
    issuer: config.tokenIssuer,
    revocations: new Revocations({ database, log }),
    log,
    now: () => new Date(),
    graceMs: config.anonymizationGraceMs,
  });
  const end = async () => {
    await worker.stop();
    await database.close();
    await stop();
  };
  if (once) {
    try {
      process.stdout.write(`${await worker.drain()} anonymizations were completed.\n`);
    } finally {
      await end();
    }
    return;
  }
  worker.start();
  process.stdout.write("The worker is ready.\n");
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => void end());
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
