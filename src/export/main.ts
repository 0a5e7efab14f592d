import "reflect-metadata";
import { createHash } from "node:crypto";
import pg from "pg";
import { runCommand, UsageError } from "../cli/command.js";
import { listOf } from "../cli/verbs.js";
import { loadConfig } from "../config.js";
import { limitTime } from "../database/client.js";
import { GuardedClient } from "../database/guarded-client.js";
import { openDatabase } from "../database/open.js";
import { type Model, modelNamed, modelOfType } from "../graph/model/datamodel.js";
import { nearest } from "../graph/model/nearest.js";
import { readTime } from "../graph/model/times.js";
import { conditionSql } from "../graph/sql/condition.js";
import { Parameters } from "../graph/sql/parameters.js";
import { JsonApiError } from "../http/jsonapi/errors.js";
import { filterConditionOf } from "../http/jsonapi/filters.js";
import { resourceTypesOf } from "../http/jsonapi/resources.js";
import { createProgress } from "../import/progress.js";
import type { Mode } from "../import/resource.js";
import { createSchema } from "../schema.js";
import { createLogger } from "../telemetry/logger.js";
import { type ExportSummary, exportRows, type Format, formats } from "./export.js";
import { FileOutput, type Output, StandardOutput } from "./output.js";
import { type CustomerFilter, exportedModels } from "./rows.js";

const usage = `Usage: npm run -s export -- FILE [--mode test|live] [--format jsonapi|jsonl|csv] [--type TYPE] [--resume]
                                [--ids LIST] [--group GROUP] [--updated-since TIME] [--filter NAME=VALUE]…

Writes the customers of a mode and everything around them into a file that the import reads, or CSV for spreadsheets. It
is personal data. FILE is new, - is standard output; one that ends with .gz is gzipped.

  --mode MODE           whose rows; otherwise MODE decides
  --format FORMAT       jsonapi: one document; jsonl: a resource a line; csv: tables. Default: by the end of FILE,
                        .json, .jsonl or .csv
  --type TYPE           of CSV: one table, such as customers. Without it FILE contains {type}, for a file each
  --resume              continues an export that was stopped or killed; give the same options

Some customers, with their rows and what these refer to. Options are joined by AND:
  --ids LIST            these customers
  --group GROUP         those of a customer group, by its code or id
  --updated-since TIME  those who were updated at that time or later, such as 2026-01-31 or 2026-01-31T12:00:00Z
  --filter NAME=VALUE   as filter[q][NAME]=VALUE of GET /api/customers has it: --filter email_end=@example.com`;

const options = {
  mode: { type: "string" },
  format: { type: "string" },
  type: { type: "string" },
  resume: { type: "boolean" },
  ids: { type: "string" },
  group: { type: "string" },
  "updated-since": { type: "string" },
  filter: { type: "string", multiple: true },
} as const;

interface Values {
  mode?: string;
  format?: string;
  type?: string;
  resume?: boolean;
  ids?: string;
  group?: string;
  "updated-since"?: string;
  filter?: string[];
}

/** The checked command line. */
interface ExportRequest {
  readonly file: string;
  readonly mode: Mode;
  readonly format: Format;
  readonly only: Model | undefined;
  readonly filter: CustomerFilter | undefined;
  readonly ids: readonly string[] | undefined;
  readonly group: string | undefined;
  readonly resume: boolean;
  readonly fingerprint: string;
}

/** Placeholder for the table in file names. */
const typePlaceholder = "{type}";

function readRequest(file: string | undefined, values: Values, defaultMode: Mode): ExportRequest {
  if (!file) throw new UsageError("FILE is missing: name a new file, or - for standard output.");
  const mode = values.mode ?? defaultMode;
  if (mode !== "test" && mode !== "live") throw new UsageError("--mode must be test or live.");
  const format = readFormat(values.format, file);
  const only = readType(values.type, format);
  const resume = values.resume ?? false;
  if (resume && file === "-") throw new UsageError("--resume needs a FILE: standard output cannot be gone on with.");
  const hasPlaceholder = file.includes(typePlaceholder);
  if (format === "csv" && !only && !hasPlaceholder) {
    throw new UsageError(
      `FILE must hold ${typePlaceholder}, such as shop-${typePlaceholder}.csv, for a file each; or choose one table by --type.`,
    );
  }
  if (hasPlaceholder && (format !== "csv" || only)) {
    throw new UsageError(`FILE must not hold ${typePlaceholder}: there is one file only.`);
  }
  const ids = listOf(values.ids);
  if (ids?.length === 0) throw new UsageError("--ids must name customers, with commas between their ids.");
  const fingerprint = createHash("sha256")
    .update(JSON.stringify([mode, format, only?.table, ids, values.group, values["updated-since"], values.filter]))
    .digest("base64url");
  return {
    file,
    mode,
    format,
    only,
    resume,
    ids,
    group: values.group,
    filter: customerFilter(mode, ids, values),
    fingerprint,
  };
}

function readFormat(given: string | undefined, file: string): Format {
  const end = /\.(json|jsonl|csv)(\.gz)?$/.exec(file)?.[1];
  const format = given ?? (end === "json" ? "jsonapi" : end);
  const found = formats.find((one) => one === format);
  if (!found) throw new UsageError(`--format must be one of ${formats.join(", ")}.`);
  return found;
}

function readType(type: string | undefined, format: Format): Model | undefined {
  if (type === undefined) return undefined;
  if (format !== "csv")
    throw new UsageError("--type is of CSV alone: a document without the others would not be whole.");
  const model = modelOfType(type);
  if (model && exportedModels.includes(model)) return model;
  const tables = exportedModels.map(({ table }) => table);
  const meant = nearest(type, tables);
  throw new UsageError(
    meant ? `--type: there is no ${type}. Did you mean ${meant}?` : `--type must be one of ${tables.join(", ")}.`,
  );
}

function customerFilter(mode: Mode, ids: readonly string[] | undefined, values: Values): CustomerFilter | undefined {
  const parameters = new Parameters();
  const ofMode = parameters.add(mode, "mode");
  const conditions: string[] = [];
  if (ids) conditions.push(`t."id" = ANY (${parameters.add(ids, "text[]")})`);
  if (values.group !== undefined) {
    const group = parameters.add(values.group, "text");
    conditions.push(
      `t."customer_group_id" IN (SELECT g."id" FROM "customer_groups" g WHERE g."mode" = ${ofMode} AND ${group} IN (g."id", g."code"))`,
    );
  }
  if (values["updated-since"] !== undefined) {
    const time = readTime(values["updated-since"].replace(/^\d{4}-\d\d-\d\d$/, "$&T00:00:00Z"));
    if (!time) throw new UsageError("--updated-since must be a time such as 2026-01-31 or 2026-01-31T12:00:00Z.");
    conditions.push(`t."updated_at" >= ${parameters.add(time, "timestamptz")}`);
  }
  if (values.filter) conditions.push(filterSql(values.filter, mode, parameters));
  return conditions.length ? { conditions: [`t."mode" = ${ofMode}`, ...conditions], parameters } : undefined;
}

/** SQL of filters as the JSON:API has them. */
function filterSql(filters: readonly string[], mode: Mode, parameters: Parameters): string {
  const pairs = filters.map((text) => {
    const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? [];
    if (name === undefined) throw new UsageError("--filter must be NAME=VALUE, such as email_end=@example.com.");
    return [name, value!] as const;
  });
  const schema = createSchema();
  const types = resourceTypesOf(schema);
  try {
    const condition = filterConditionOf(types.get("customers")!, pairs, { types, schema })!;
    const ofMode = { op: "eq", field: "mode", value: mode } as const;
    return conditionSql(condition, modelNamed("Customer"), "t", parameters, () => ofMode);
  } catch (error) {
    throw error instanceof JsonApiError ? new UsageError(`--filter: ${error.message}`) : error;
  }
}

/** Rejects ids and groups that do not exist, instead of exporting nothing. */
async function checkExistence(client: pg.Client, { mode, ids = [], group }: ExportRequest): Promise<void> {
  const unknown = await client.query<{ id: string }>(
    `SELECT i.id FROM unnest($1::text[]) i (id)
     WHERE NOT EXISTS (SELECT FROM "customers" c WHERE c."id" = i.id AND c."mode" = $2::mode)`,
    [ids, mode],
  );
  if (unknown.rows.length > 0) {
    const some = unknown.rows.slice(0, 5).map(({ id }) => id);
    throw new UsageError(
      `--ids: in the mode ${mode} there is no customer ${some.join(", ")}${unknown.rows.length > 5 ? ", …" : ""}.`,
    );
  }
  if (group === undefined) return;
  const { rowCount } = await client.query(
    `SELECT FROM "customer_groups" g WHERE g."mode" = $1::mode AND $2::text IN (g."id", g."code")`,
    [mode, group],
  );
  if (!rowCount) throw new UsageError(`--group: in the mode ${mode} there is no customer group ${group}.`);
}

async function openOutput(
  { file, only, format, resume, fingerprint }: ExportRequest,
  pathOf: (model: Model) => string,
) {
  if (file === "-") return { output: new StandardOutput() as Output, from: undefined };
  const paths = format === "csv" && !only ? exportedModels.map(pathOf) : [file];
  const output = await FileOutput.open(paths, `${file.replaceAll(typePlaceholder, "export")}.progress`, resume);
  const from = output.checkpoint;
  if (from && from.options !== fingerprint) {
    throw new UsageError("--resume: the unfinished export had other options; give the same ones.");
  }
  return { output: output as Output, from };
}

async function main(file: string | undefined, values: Values): Promise<number> {
  const config = loadConfig();
  const request = readRequest(file, values, config.mode);
  const pathOf = ({ table }: Model) => request.file.replaceAll(typePlaceholder, table);
  const { output, from } = await openOutput(request, pathOf);

  const stop = new AbortController();
  const log = createLogger({ level: config.logLevel, json: false });
  const database = await openDatabase(config, log);
  const client = new GuardedClient({
    connectionString: database.connectionString,
    application_name: "customer-graph export",
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      stop.abort(new StoppedError(request.file));
      void client.end(); // ends the running statement, too
    });
  }
  process.stdout.on("error", () => stop.abort(new Error("Standard output was closed.")));

  const progress = createProgress(process.stderr);
  try {
    await client.connect();
    await limitTime(client, { read: config.importTimeoutMs, idle: 0 });
    await checkExistence(client, request);
    const { signal } = stop;
    const summary = await exportRows({ client, ...request, output, pathOf, from, signal, onProgress: progress.show });
    progress.end();
    // Standard output holds nothing but the export.
    (request.file === "-" ? process.stderr : process.stdout).write(`${formatSummary(summary)}\n`);
    return 0;
  } catch (error) {
    throw stop.signal.aborted ? stop.signal.reason : withoutValues(error);
  } finally {
    progress.end();
    await output.close();
    await client.end().catch(() => {});
    await database.stop();
  }
}

class StoppedError extends Error {
  constructor(file: string) {
    super(`The export was stopped.${file === "-" ? "" : " --resume goes on with it."}`);
  }
}

/** Hides PostgreSQL's message, which may quote personal data. */
function withoutValues(error: unknown): unknown {
  return error instanceof pg.DatabaseError ? new Error(`PostgreSQL refused a statement (error ${error.code}).`) : error;
}

function formatSummary({ counts }: ExportSummary): string {
  const total = Object.values(counts).reduce((sum, one) => sum + one, 0);
  const rows = [...Object.entries(counts), ["total", total] as const].map(
    ([type, count]) => [type, count.toLocaleString("en-US")] as const,
  );
  const [types, numbers] = [0, 1].map((i) => Math.max(...rows.map((row) => row[i]!.length))) as [number, number];
  return rows.map(([type, count]) => `${type.padEnd(types)}  ${count.padStart(numbers)}`).join("\n");
}

void runCommand({
  usage,
  options,
  positionals: ["FILE"],
  main: ({ values, positionals: [file] }) => main(file, values),
});
