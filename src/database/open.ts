import type { Logger } from "../telemetry/logger.js";
import { runningEmbeddedPostgres, startEmbeddedPostgres } from "./embedded.js";
import { FolderInUseError } from "./folder-lock.js";
import { migrate } from "./migrate.js";

export interface OpenDatabase {
  connectionString: string;
  /** Origin: `DATABASE_URL`, the embedded database of a running server, or one started for the command. */
  owner: "operator" | "server" | "command";
  /** Stops what was started for it. */
  stop(): Promise<void>;
}

/**
 * Opens and migrates the database for a command: that of `DATABASE_URL`, else the embedded one of a running server, else
 * an embedded one started for the command. With `onlyOwn` only the last is migrated: no shared database is changed.
 */
export async function openDatabase(
  { databaseUrl, dataDir }: { databaseUrl: string | undefined; dataDir: string },
  log: Logger,
  { onlyOwn = false } = {},
): Promise<OpenDatabase> {
  const database: OpenDatabase = databaseUrl
    ? { connectionString: databaseUrl, owner: "operator", stop: async () => {} }
    : await openEmbedded(dataDir, log);
  try {
    if (!onlyOwn || database.owner === "command") await migrate(database.connectionString);
  } catch (error) {
    await database.stop();
    throw error;
  }
  return database;
}

async function openEmbedded(dataDir: string, log: Logger): Promise<OpenDatabase> {
  try {
    return { owner: "command", ...(await startEmbeddedPostgres({ dataDir, log })) };
  } catch (error) {
    const connectionString = error instanceof FolderInUseError ? await runningEmbeddedPostgres(dataDir) : undefined;
    if (!connectionString) throw error;
    return { connectionString, owner: "server", stop: async () => {} };
  }
}
