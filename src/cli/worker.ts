import { loadConfig } from "../config.js";
import { createDatabase } from "../database/client.js";
import { sameTimeouts } from "../database/limits.js";
import { openDatabase } from "../database/open.js";
import { loadSigningKeys } from "../identity/keys.js";
import { Revocations } from "../identity/revocations.js";
import { AnonymizationWorker } from "../modules/anonymization/worker.js";
import { createLogger } from "../telemetry/logger.js";
import { runCommand } from "./command.js";

const usage = `Usage: npm run worker -- [--once]

Carries out the anonymizations that are due, without serving requests, until it is stopped.

  --once  does what is due now, and ends`;

void runCommand({
  usage,
  options: { once: { type: "boolean" } },
  async main({ values: { once } }) {
    const config = loadConfig();
    const log = createLogger({ level: config.logLevel, json: config.environment === "production" });
    const { connectionString, stop } = await openDatabase(config, log);
    const database = createDatabase({
      connectionString,
      poolSize: 2,
      log,
      timeouts: sameTimeouts(config.workerTimeoutMs),
    });
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
  },
});
