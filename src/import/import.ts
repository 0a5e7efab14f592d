import { stat } from "node:fs/promises";
import type pg from "pg";
import { columnOf, modelNamed, models, relationOf } from "../graph/model/datamodel.js";
import { type Issue, IssueReporter } from "./issues.js";
import { mergeAll } from "./merge.js";
import { prepare } from "./prepare.js";
import { type FoundResource, openFile, readResources, resourcesOf, UnreadableFileError } from "./read.js";
import { type CheckOptions, checkResource, completeLists, knownTypes, type Mode } from "./resource.js";
import { actAs, asMirror, lockErasures, lockImport } from "./session.js";
import { identifier, literal } from "./sql.js";
import { createTables, Staging } from "./staging.js";
import { type ErasureResources, eraseStated } from "./stated-erasure.js";
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

/**
 * Imports JSON:API documents into the database. All files are staged before the first row is written, so a broken file changes
 * nothing and references may point forward or to other files.
 */
export async function importFiles(options: ImportOptions): Promise<Summary> {
  const { client, strict, signal, onProgress } = options;
  const tally = new Tally();
  const issues = new IssueReporter(options.onIssue, client);
  await lockImport(client, () => onProgress({ phase: "waiting", done: 0, total: undefined }));
  await actAs(client, "import", "Import");
  await createTables(client);
  const staging = new Staging(client);
  await readFiles(options, staging, tally, issues);
  return mergeStaged(client, { strict, signal, onProgress, mirror: false, staging, tally, issues });
}

export interface ApplyOptions {
  /** Default mode of resources without one. */
  mode: Mode;
  /** The documents are those of the API that this database is a copy of. */
  mirror: true;
  /** Resources that say that they are of another organization are rejected. */
  organizationId?: string;
  /** For customers who are stated as anonymized; without it they are erased without a receipt. */
  erasure?: ErasureResources;
  onIssue(issue: Issue): void;
}

/**
 * Applies parsed JSON:API documents (`data`, `included`) as an import of files does. `file` of an issue is the index of the
 * document. One connection may apply any number of them, one call after the other.
 */
export async function applyDocuments(
  client: pg.Client,
  documents: readonly unknown[],
  { mode, organizationId, erasure, onIssue }: ApplyOptions,
): Promise<Summary> {
  const check = { mode, organizationId, lenient: true, mirror: true };
  const found = documents.map((document, index) => resourcesOf(document, `document ${index + 1}`));
  const newest = newestTimes(found.flat());
  const tally = new Tally();
  const issues = new IssueReporter(onIssue, client);
  return asMirror(client, async () => {
    await createTables(client);
    const staging = new Staging(client);
    for (const [file, resources] of found.entries()) {
      for (const resource of resources) {
        await stage(resource, file, check, staging, tally, issues, isNewest(resource, newest));
      }
    }
    await staging.end();
    const run = { strict: false, onProgress: () => {}, mirror: true, staging, tally, issues, erasure };
    const summary = await mergeStaged(client, run);
    // Nothing of the documents stays on the connection.
    await createTables(client);
    return summary;
  });
}

/** The latest `updated_at` of each resource, by type and id. */
function newestTimes(found: readonly FoundResource[]): Map<string, number> {
  const newest = new Map<string, number>();
  for (const { resource } of found) {
    const [key, time] = [keyOf(resource), updatedAt(resource)];
    if (time > (newest.get(key) ?? Number.NEGATIVE_INFINITY)) newest.set(key, time);
  }
  return newest;
}

/** Whether no later statement of the resource is among the documents. One without a time counts as current. */
function isNewest({ resource }: FoundResource, newest: ReadonlyMap<string, number>): boolean {
  const time = updatedAt(resource);
  return Number.isNaN(time) || time >= (newest.get(keyOf(resource)) ?? time);
}

const keyOf = (resource: unknown) => JSON.stringify([Object(resource).type, Object(resource).id]);
const updatedAt = (resource: unknown) => Date.parse(Object(Object(resource).attributes).updated_at);

/** What the steps of one import share. */
interface Run {
  strict: boolean;
  signal?: AbortSignal | undefined;
  onProgress(progress: Progress): void;
  mirror: boolean;
  staging: Staging;
  tally: Tally;
  issues: IssueReporter;
  erasure?: ErasureResources | undefined;
}

/** Merges what is staged into the database. */
async function mergeStaged(client: pg.Client, run: Run): Promise<Summary> {
  const { strict, signal, onProgress, mirror, staging, tally, issues, erasure } = run;
  onProgress({ phase: "preparing", done: 0, total: undefined });
  await prepare(client, staging.count, mirror);
  await issues.reportStored();

  const total = Number((await client.query("SELECT count(*) FROM import_resources")).rows[0].count);
  let done = 0;
  await lockErasures(client);
  onProgress({ phase: "merging", done, total });
  const onBatch = async (count: number) => {
    signal?.throwIfAborted();
    await issues.reportStored();
    done = Math.min(done + count, total);
    onProgress({ phase: "merging", done, total });
  };
  if (mirror) await eraseStated(client, erasure);
  if (strict) await client.query("BEGIN");
  await mergeAll(client, { strict, mirror, onBatch });
  if (!strict) await client.query("BEGIN");
  if (mirror) await deleteUnlisted(client);
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

/** Deletes what belongs to a resource and is no longer in its complete list. */
async function deleteUnlisted(client: pg.Client): Promise<void> {
  for (const [name, relation] of completeLists) {
    const { to, key } = relationOf(modelNamed(name), relation);
    const { table } = modelNamed(to);
    const owner = identifier(columnOf(modelNamed(to), key!).column);
    await client.query(`
      DELETE FROM ${identifier(table)} t USING (
        SELECT DISTINCT ON (i.owner) i.owner, i.mode, i.ids FROM import_lists i
        WHERE i.model = ${literal(name)} AND NOT i.outdated ORDER BY i.owner, i.seq DESC
      ) i
      WHERE t.${owner} = i.owner AND t.mode = i.mode AND NOT i.ids ? t.id
        AND EXISTS (SELECT FROM import_resources s WHERE s.model = ${literal(name)} AND s.id = i.owner)`);
  }
}

/** Refreshes the planner's statistics, which would otherwise stay stale until the next autovacuum. */
async function refreshStatistics(client: pg.Client, { types }: Summary): Promise<void> {
  const changed = types.filter(({ created, updated }) => created + updated >= 1000);
  const tables = changed.map(({ type }) => knownTypes.get(type)!.model.table);
  if (tables.length > 0) await client.query(`ANALYZE ${[...new Set(tables)].map(identifier).join()}`);
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
  options: Pick<CheckOptions, "mode" | "lenient" | "organizationId" | "mirror">,
  staging: Staging,
  tally: Tally,
  issues: IssueReporter,
  isNewest = true,
): Promise<void> {
  const outcome = checkResource(found.resource, {
    ...options,
    repeated: found.repeated,
    documentMeta: found.document.meta,
  });
  switch (outcome.is) {
    case "checked":
      if (!isNewest) {
        await staging.addLists(outcome.resource, true);
        break;
      }
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
