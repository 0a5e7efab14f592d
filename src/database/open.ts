import type { Logger } from "../telemetry/logger.js";
import { runningEmbeddedPostgres, startEmbeddedPostgres } from "./embedded.js";
import { FolderInUseError } from "./folder-lock.js";
import { migrate } from "./migrate.js";

export interface OpenDatabase {
  connectionString: string;
  /** Whose it is: that of `DATABASE_URL`, a running server's embedded one, or one that was started for the command. */
  owner: "operator" | "server" | "command";
  /** Ends what was started for it. */
  stop(): Promise<void>;
}

/**
 * The database that a command beside the server works on, with its tables up to date: that of `DATABASE_URL`, or the
 * embedded one, of a running server if there is one, else started for the command. With `onlyOwn` only the last one's
 * tables are brought up to date: nobody else's database is changed.
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
