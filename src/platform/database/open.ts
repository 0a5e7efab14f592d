import type { Logger } from "../telemetry/logger.js";
import { runningEmbeddedPostgres, startEmbeddedPostgres } from "./embedded.js";
import { FolderInUseError } from "./folder-lock.js";
import { migrate } from "./migrate.js";

export interface OpenDatabase {
  connectionString: string;
  /** Ends what was started for it. */
  stop(): Promise<void>;
}

/**
 * The database that a command beside the server works on, with its tables up to date: that of `DATABASE_URL`, or the
 * embedded one, of a running server if there is one, else started for the command.
 */
export async function openDatabase(
  { databaseUrl, dataDir }: { databaseUrl: string | undefined; dataDir: string },
  log: Logger,
): Promise<OpenDatabase> {
  const database = databaseUrl
    ? { connectionString: databaseUrl, stop: async () => {} }
    : await openEmbedded(dataDir, log);
  try {
    await migrate(database.connectionString);
  } catch (error) {
    await database.stop();
    throw error;
  }
  return database;
}

async function openEmbedded(dataDir: string, log: Logger): Promise<OpenDatabase> {
  try {
    return await startEmbeddedPostgres({ dataDir, log });
  } catch (error) {
    const connectionString = error instanceof FolderInUseError ? await runningEmbeddedPostgres(dataDir) : undefined;
    if (!connectionString) throw error;
    return { connectionString, stop: async () => {} };
  }
}
