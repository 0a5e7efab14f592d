// A process that owns an embedded database, as a server does, for tests that kill it.
import { startEmbeddedPostgres } from "../../src/database/embedded.js";
import { createLogger } from "../../src/telemetry/logger.js";

try {
  const log = createLogger({ level: "silent", json: false });
  const { connectionString, stop } = await startEmbeddedPostgres({ dataDir: process.argv[2]!, log });
  process.once("disconnect", () => void stop());
  process.send!({ connectionString });
} catch (error) {
  process.send!({ error: (error as Error).message }, () => process.disconnect());
}
