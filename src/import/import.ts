import { stat } from "node:fs/promises";
import type pg from "pg";
import { erasureLock } from "../erasure/erase.js";
import { models } from "../graph/model/datamodel.js";
import { type Issue, IssueReporter } from "./issues.js";
import { mergeAll } from "./merge.js";
import { prepare } from "./prepare.js";
import { type FoundResource, openFile, readResources, resourcesOf, UnreadableFileError } from "./read.js";
import { type CheckOptions, checkResource, knownTypes, type Mode } from "./resource.js";
import { identifier, literal } from "./sql.js";
import { createTables, Staging } from "./staging.js";
import { type Summary, Tally } from "./summary.js";
import { mergeTags } from "./tags.js";

export interface ImportOptions {
  /** A dedicated connection, because the import leaves locks, temporary tables and settings behind. */
  client: pg.Client;
  /** Paths; `-` is standard input. */
  files: readonly string[];
  /** All or nothing: any issue rolls the import back, and what is unknown is an issue. */
  strict: boolean;
  /** Default mode of resources without one. */
  mode: Mode;
  onIssue(issue: Issue): void;
  onProgress(progress: Progress): void;
  /** Stops the import after the current batch. Merged batches stay; importing again completes it. */
  signal?: AbortSignal;
}

/**
 * `reading` counts bytes of the files on disk; `merging`, and `writing` of exports, count resources.
 */
export interface Progress {
  readonly phase: "waiting" | "reading" | "preparing" | "merging" | "selecting" | "writing";
  readonly done: number;
  /** Undefined if unknown. */
  readonly total: number | undefined;
}

/** The actor in the audit trail. */
const importer = { worker: { id: "import", type: "Import" } };

/**
 * Imports JSON:API documents into the database. All files are staged before the first row is written, so a broken file changes
 * nothing and references may point forward or to other files.
 */
export async function importFiles(options: ImportOptions): Promise<Summary> {
  const { client, strict, signal, onProgress } = options;
  const tally = new Tally();
  const issues = new IssueReporter(options.onIssue, client);
  await lockImport(client, () => onProgress({ phase: "waiting", done: 0, total: undefined }));
  await startStaging(client, importer);
  const staging = new Staging(client);
  await readFiles(options, staging, tally, issues);
  return mergeStaged(client, { strict, signal, onProgress, staging, tally, issues });
}

/** The actor in the audit trail of what another organization's API says. */
const mirror = { worker: { id: "mirror", type: "Mirror" } };

export interface ApplyOptions {
  /** Default mode of resources without one. */
  mode: Mode;
  /** The documents are those of the API that this database is a copy of. */
  mirror: true;
  /** Resources that say that they are of another organization are rejected. */
  organizationId?: string;
  onIssue(issue: Issue): void;
}

/**
 * Applies parsed JSON:API documents (`data`, `included`) as an import of files does. `file` of an issue is the index of the
 * document. One connection may apply any number of them, one call after the other.
 */
export async function applyDocuments(
  client: pg.Client,
  documents: readonly unknown[],
  { mode, organizationId, onIssue }: ApplyOptions,
): Promise<Summary> {
  const check = { mode, organizationId, lenient: true };
  const found = documents.map((document, index) => resourcesOf(document, `document ${index + 1}`));
  const tally = new Tally();
  const issues = new IssueReporter(onIssue, client);
  await lockImport(client);
  try {
    await startStaging(client, mirror);
    const staging = new Staging(client);
    for (const [file, resources] of found.entries()) {
      for (const resource of resources) await stage(resource, file, check, staging, tally, issues);
    }
    await staging.end();
    return await mergeStaged(client, { strict: false, onProgress: () => {}, staging, tally, issues });
  } finally {
    // A lost connection has released everything.
    await client
      .query(
        `ROLLBACK; RESET customer_graph.who; SELECT pg_advisory_unlock(${erasureLock}), pg_advisory_unlock(${importLock})`,
      )
      .catch(() => {});
  }
}

/** What the steps of one import share. */
interface Run {
  strict: boolean;
  signal?: AbortSignal | undefined;
  onProgress(progress: Progress): void;
  staging: Staging;
  tally: Tally;
  issues: IssueReporter;
}

/** Names the actor and empties the temporary tables. */
async function startStaging(client: pg.Client, actor: object): Promise<void> {
  await client.query("SELECT set_config('customer_graph.who', $1, false)", [JSON.stringify(actor)]);
  await createTables(client);
}

/** Merges what is staged into the database. */
async function mergeStaged(client: pg.Client, run: Run): Promise<Summary> {
  const { strict, signal, onProgress, staging, tally, issues } = run;
  onProgress({ phase: "preparing", done: 0, total: undefined });
  await prepare(client, staging.count);
  await issues.reportStored();

  const total = Number((await client.query("SELECT count(*) FROM import_resources")).rows[0].count);
  let done = 0;
  await client.query(`SELECT pg_advisory_lock(${erasureLock})`);
  onProgress({ phase: "merging", done, total });
  const onBatch = async (count: number) => {
    signal?.throwIfAborted();
    await issues.reportStored();
    done = Math.min(done + count, total);
    onProgress({ phase: "merging", done, total });
  };
  if (strict) await client.query("BEGIN");
  await mergeAll(client, { strict, onBatch });
  if (!strict) await client.query("BEGIN");
  await mergeTags(client);
  await advanceNumbers(client);
  if (!strict) await client.query("COMMIT");
  await issues.reportStored();

  const summary = await tally.summarize(client, issues.unreported);
  const written = !strict || summary.refused + summary.dangling === 0;
  if (strict) await client.query(written ? "COMMIT" : "ROLLBACK");
  if (written) await refreshStatistics(client, summary);
  return { ...summary, written };
}

/** Refreshes the planner's statistics, which would otherwise stay stale until the next autovacuum. */
async function refreshStatistics(client: pg.Client, { types }: Summary): Promise<void> {
  const changed = types.filter(({ created, updated }) => created + updated >= 1000);
  const tables = changed.map(({ type }) => knownTypes.get(type)!.model.table);
  if (tables.length > 0) await client.query(`ANALYZE ${[...new Set(tables)].map(identifier).join()}`);
}

/** The key of the advisory lock that imports have one at a time, because two would deadlock. */
const importLock = "hashtextextended('customer-graph import', 0)";

/** Waits for other imports; a killed one may still be running in the database. */
async function lockImport(client: pg.Client, onWait: () => void = () => {}): Promise<void> {
  const { rows } = await client.query(`SELECT pg_try_advisory_lock(${importLock}) AS free`);
  if (rows[0].free) return;
  onWait();
  await client.query(`SELECT pg_advisory_lock(${importLock})`);
}

async function readFiles(options: ImportOptions, staging: Staging, tally: Tally, issues: IssueReporter): Promise<void> {
  const { files, strict, mode, signal, onProgress } = options;
  const total = await sizeOf(files);
  let done = 0;
  const onBytes = (count: number) => {
    done += count;
    onProgress({ phase: "reading", done, total });
  };
  for (const [file, path] of files.entries()) {
    try {
      for await (const found of readResources(openFile(path, onBytes))) {
        signal?.throwIfAborted();
        await stage(found, file, { mode, lenient: !strict }, staging, tally, issues);
      }
      staging.closeDocument();
    } catch (error) {
      throw describeError(path, error);
    }
  }
  await staging.end();
}

async function stage(
  found: FoundResource,
  file: number,
  options: Pick<CheckOptions, "mode" | "lenient" | "organizationId">,
  staging: Staging,
  tally: Tally,
  issues: IssueReporter,
): Promise<void> {
  const outcome = checkResource(found.resource, {
    ...options,
    repeated: found.repeated,
    documentMeta: found.document.meta,
  });
  switch (outcome.is) {
    case "checked":
      tally.note(outcome.resource);
      await staging.add(outcome.resource, file, found);
      break;
    case "left out":
      tally.leaveOut(outcome.type);
      break;
    case "unknown":
      tally.addUnknown(outcome.type);
      break;
    case "refused": {
      const { type, id, errors } = outcome;
      tally.refuse(type);
      for (const { pointer, reason } of errors) {
        const location = { file, line: found.line, pointer: found.pointer + pointer };
        issues.report({ kind: "refused", type: type ?? "resource", id, ...location, reason });
      }
      if (type !== undefined && knownTypes.has(type) && id !== undefined) await staging.refused(type, id);
    }
  }
}

async function sizeOf(files: readonly string[]): Promise<number | undefined> {
  let total = 0;
  for (const path of files) {
    const stats = path === "-" ? undefined : await stat(path).catch(() => undefined);
    if (!stats?.isFile()) return undefined;
    total += stats.size;
  }
  return total;
}

function describeError(path: string, error: unknown): unknown {
  const name = path === "-" ? "standard input" : path;
  if (error instanceof UnreadableFileError) return new UnreadableFileError(`${name}: ${error.message}`);
  switch ((error as NodeJS.ErrnoException).code) {
    case "ENOENT":
      return new UnreadableFileError(`${name}: no such file`);
    case "EISDIR":
      return new UnreadableFileError(`${name}: not a file but a folder`);
    case "EACCES":
      return new UnreadableFileError(`${name}: permission denied`);
    default:
      return error;
  }
}

/** Advances the sequences past imported numbers. */
async function advanceNumbers(client: pg.Client): Promise<void> {
  const { rows } = await client.query(
    `
    SELECT a.attrelid::regclass::text AS name, a.attname AS column, pg_get_serial_sequence(a.attrelid::regclass::text, a.attname) AS sequence
    FROM pg_attribute a WHERE a.attnum > 0 AND a.atthasdef AND a.attrelid::regclass::text = ANY ($1)
      AND pg_get_serial_sequence(a.attrelid::regclass::text, a.attname) IS NOT NULL`,
    [[...models.values()].map(({ table }) => table)],
  );
  for (const { name, column, sequence } of rows) {
    await client.query(`
      SELECT setval(${literal(sequence)}, used.most) FROM (SELECT max(${identifier(column)}) AS most FROM ${name}) used, ${sequence} s
      WHERE used.most > s.last_value`);
  }
}
