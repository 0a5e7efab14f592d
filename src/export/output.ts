import { type FileHandle, open, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { acquireLock, type Lock } from "../database/folder-lock.js";

const gzipAsync = promisify(gzip);

/** The state of an unfinished export. */
export interface Checkpoint {
  /** Digest of the options. */
  readonly options: string;
  /** The current table and the id of the last row written. */
  readonly table: string;
  readonly last: string;
  /** Resources written, by type. */
  readonly counts: Readonly<Record<string, number>>;
  /** Bytes of each file. */
  readonly sizes: Readonly<Record<string, number>>;
  /** Everything is written; only the final renames are missing. */
  readonly complete?: true;
}

/** Destination of an export. */
export interface Output {
  /** Whether nothing was written to the current file yet. */
  readonly isEmpty: boolean;
  /** Makes this the current file. */
  switchTo(path: string): Promise<void>;
  write(text: string): Promise<void>;
  /** Saves a checkpoint to resume from, at most every half second. */
  save(checkpoint: Omit<Checkpoint, "sizes">): Promise<void>;
  /** Renames the completed files to their final names. */
  finish(checkpoint: Omit<Checkpoint, "sizes">): Promise<void>;
  close(): Promise<void>;
}

/** Standard output, without checkpoints. */
export class StandardOutput implements Output {
  isEmpty = true;

  async switchTo() {}

  async write(text: string) {
    this.isEmpty = false;
    await new Promise<void>((resolve, reject) => {
      process.stdout.write(text, (error) => (error ? reject(new Error("Standard output was closed.")) : resolve()));
    });
  }

  async save() {}

  async finish() {}

  async close() {}
}

const partOf = (path: string) => `${path}.part`;

/** Each write becomes a gzip member of its own, so a file cut after one is valid and can be appended to. */
const isGzipped = (path: string) => path.endsWith(".gz");

/** Writes `.part` files, renamed when complete, and a checkpoint file. They hold personal data, so only the owner can read them. */
export class FileOutput implements Output {
  /** The state of the run that is resumed, if any. */
  checkpoint: Checkpoint | undefined;
  private path = "";
  private file: FileHandle | undefined;
  private readonly sizes = new Map<string, number>();
  private savedAt = 0;

  private constructor(
    private readonly checkpointPath: string,
    private readonly lock: Lock,
  ) {}

  /** `paths`: all files that will be written. With `resume`, continues from the checkpoint of an earlier run. */
  static async open(paths: readonly string[], checkpointPath: string, resume: boolean): Promise<FileOutput> {
    const lock = await lockOf(checkpointPath);
    try {
      const output = new FileOutput(checkpointPath, lock);
      await output.begin(paths, resume);
      return output;
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  private async begin(paths: readonly string[], resume: boolean): Promise<void> {
    if (await exists(this.checkpointPath)) {
      if (!resume) {
        throw new Error(
          `FILE: an export to it is unfinished; go on with --resume, or remove ${this.checkpointPath} to begin anew.`,
        );
      }
      this.checkpoint = await readCheckpoint(this.checkpointPath);
      await this.restore(this.checkpoint);
    }
    for (const path of paths) {
      if (await exists(path)) throw new Error(`FILE: ${path} is there already; remove it or name another one.`);
    }
  }

  /** Restores a checkpoint. Bytes written after it are overwritten. */
  private async restore({ sizes }: Checkpoint): Promise<void> {
    for (const [path, size] of Object.entries(sizes)) {
      // A run killed during the final renames has renamed some files.
      if (!(await exists(partOf(path))) && (await sizeOf(path)) === size) await rename(path, partOf(path));
      if (((await sizeOf(partOf(path))) ?? -1) < size) {
        throw new Error(
          `--resume: ${partOf(path)} was changed or is gone; remove ${this.checkpointPath} and begin anew.`,
        );
      }
      this.sizes.set(path, size);
    }
  }

  get isEmpty(): boolean {
    return !this.sizes.get(this.path);
  }

  async switchTo(path: string): Promise<void> {
    if (this.path === path && this.file) return;
    await this.file?.datasync();
    await this.file?.close();
    this.path = path;
    const size = this.sizes.get(path) ?? 0;
    this.sizes.set(path, size);
    this.file = await open(partOf(path), size ? "r+" : "w", 0o600).catch((error: NodeJS.ErrnoException) => {
      throw new Error(`FILE: ${partOf(path)} cannot be written (${error.code}).`);
    });
    await this.file.truncate(size);
  }

  async write(text: string): Promise<void> {
    const bytes = isGzipped(this.path) ? await gzipAsync(text) : Buffer.from(text);
    let size = this.sizes.get(this.path)!;
    for (let from = 0; from < bytes.length; ) {
      const { bytesWritten } = await this.file!.write(bytes, from, bytes.length - from, size);
      from += bytesWritten;
      size += bytesWritten;
    }
    this.sizes.set(this.path, size);
  }

  async save(checkpoint: Omit<Checkpoint, "sizes">): Promise<void> {
    if (Date.now() - this.savedAt >= saveEveryMs) await this.saveNow(checkpoint);
  }

  private async saveNow(checkpoint: Omit<Checkpoint, "sizes">): Promise<void> {
    // The data must be on disk before the checkpoint that counts it.
    await this.file?.datasync();
    const text = JSON.stringify({ ...checkpoint, sizes: Object.fromEntries(this.sizes) } satisfies Checkpoint);
    await writeFile(`${this.checkpointPath}.new`, text, { mode: 0o600, flush: true });
    await rename(`${this.checkpointPath}.new`, this.checkpointPath);
    this.savedAt = Date.now();
  }

  async finish(checkpoint: Omit<Checkpoint, "sizes">): Promise<void> {
    await this.saveNow({ ...checkpoint, complete: true });
    await this.closeFile();
    for (const path of this.sizes.keys()) await rename(partOf(path), path);
    await rm(this.checkpointPath, { force: true });
  }

  async close(): Promise<void> {
    await this.closeFile();
    this.lock.release();
  }

  private async closeFile(): Promise<void> {
    await this.file?.close();
    this.file = undefined;
  }
}

const saveEveryMs = 500;

/** Two exports to one file would write over each other. */
async function lockOf(checkpointPath: string): Promise<Lock> {
  const lock = await acquireLock(`${checkpointPath}.lock`).catch((error: NodeJS.ErrnoException) => {
    throw new Error(`FILE: ${checkpointPath} cannot be written (${error.code}).`);
  });
  if (!("pid" in lock)) return lock;
  throw new Error(`FILE: another export to it is running (process ${lock.pid}); wait for it, or stop that one.`);
}

async function readCheckpoint(path: string): Promise<Checkpoint> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Checkpoint;
  } catch {
    throw new Error(`--resume: ${path} is damaged; remove it and begin anew.`);
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}

async function exists(path: string): Promise<boolean> {
  return (await sizeOf(path)) !== undefined;
}
