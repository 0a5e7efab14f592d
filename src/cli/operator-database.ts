import { loadConfig } from "../config.js";
import { createDatabase } from "../database/client.js";
import { openDatabase } from "../database/open.js";
import { Revocations } from "../identity/revocations.js";
import type { SessionResources } from "../identity/sessions.js";
import { createLogger } from "../telemetry/logger.js";

/** Runs the work of a command on the server's database. Servers learn of what it revokes within a second. */
export async function withSessions<T>(work: (resources: SessionResources) => Promise<T>): Promise<T> {
  const config = loadConfig();
  const log = createLogger({ level: config.logLevel, json: config.environment === "production" });
  const { connectionString, stop } = await openDatabase(config, log);
  const database = createDatabase({ connectionString, poolSize: 2, log });
  try {
    return await work({ database, revocations: new Revocations({ database, log }), now: () => new Date() });
  } finally {
    await database.close();
    await stop();
  }
}
