import { execFileSync } from "node:child_process";
import { readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Acquires the exclusive lock of a folder until `release`, or throws a `FolderInUseError`. */
export async function lockFolder(folder: string): Promise<Lock> {
  const lock = await acquireLock(join(folder, "server.lock"));
  if ("pid" in lock) throw new FolderInUseError(folder, lock.pid);
  return lock;
}

export interface Lock {
  release(): void;
}

/**
 * Acquires an exclusive lock, which is a file, until `release`; `pid` is the process that holds it. Stale locks of killed
 * processes are ignored.
 */
export async function acquireLock(lock: string): Promise<Lock | { pid: number }> {
  const turn = `${lock}.turn`;

  // Looking at the lock and taking it must be one step, or two processes that find a stale one could both take it.
  for (let waited = 0; !takeTurn(turn); waited += 20) {
    // A turn takes well below a millisecond, so its process must have died.
    if (waited >= 2000) rmSync(turn, { force: true });
    await sleep(20);
  }
  try {
    const owner = readOwner(lock);
    const holder = owner && processInfo(owner.pid);
    if (holder && holder.startedAt === owner.startedAt) return { pid: owner.pid };
    writeFileSync(lock, JSON.stringify({ pid: process.pid, startedAt: processInfo(process.pid)?.startedAt }));
  } finally {
    rmSync(turn, { force: true });
  }
  let isHeld = true;
  const release = () => {
    if (isHeld) rmSync(lock, { force: true }); // after that it may belong to another process
    isHeld = false;
  };
  return { release };
}

export class FolderInUseError extends Error {
  override name = "FolderInUseError";
  constructor(folder: string, pid: number) {
    super(
      `The data folder ${folder} is in use by another server (process ${pid}). ` +
        "Stop that one, or give this one a folder of its own with DATA_DIR.",
    );
  }
}

function takeTurn(file: string): boolean {
  try {
    writeFileSync(file, "", { flag: "wx" });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

function readOwner(lock: string): { pid: number; startedAt: string } | undefined {
  try {
    return JSON.parse(readFileSync(lock, "utf8"));
  } catch {
    return undefined; // none, or half written when its writer was killed
  }
}

export interface ProcessInfo {
  /** Start time: with the pid it identifies a process; pids alone are reused. */
  startedAt: string;
  command: string;
  /** Its working directory, where the system lets us see it. */
  cwd: string | undefined;
}

/** Undefined if the process does not exist or is a zombie. */
export function processInfo(pid: number): ProcessInfo | undefined {
  try {
    return process.platform === "linux" ? fromProc(pid) : fromPs(pid);
  } catch {
    return undefined;
  }
}

function fromProc(pid: number): ProcessInfo | undefined {
  // The second field, the program's name in brackets, may hold spaces and brackets: count from behind it.
  const [state, ...fields] = readFileSync(`/proc/${pid}/stat`, "latin1").split(") ").at(-1)!.split(" ");
  if (state === "Z") return undefined;
  const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  return { startedAt: fields[18]!, command, cwd: linkTarget(`/proc/${pid}/cwd`) };
}

function fromPs(pid: number): ProcessInfo | undefined {
  // The same clock and language for every reader, or one process would have two start times.
  const env = { PATH: "/bin:/usr/bin", LC_ALL: "C", TZ: "UTC" };
  const line = execFileSync("ps", ["-o", "state=,lstart=,args=", "-p", String(pid)], { encoding: "utf8", env });
  const [, state, startedAt, command] = /^\s*(\S+)\s+(\S+\s+\S+\s+\S+\s+\S+\s+\S+)\s+(.*)$/m.exec(line) ?? [];
  return startedAt && !state!.startsWith("Z") ? { startedAt, command: `${command} `, cwd: undefined } : undefined;
}

function linkTarget(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}
