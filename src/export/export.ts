import type pg from "pg";
import type { Model } from "../graph/model/datamodel.js";
import type { Progress } from "../import/import.js";
import type { Mode } from "../import/resource.js";
import { Csv } from "./csv.js";
import type { Checkpoint, Output } from "./output.js";
import { type Batch, type CustomerFilter, ExportedRows, exportedModels } from "./rows.js";

export const formats = ["jsonapi", "jsonl", "csv"] as const;
export type Format = (typeof formats)[number];

export interface ExportOptions {
  /** A dedicated connection, because the export leaves a temporary table and settings behind. */
  client: pg.Client;
  mode: Mode;
  format: Format;
  /** Limits the export to some customers; all unless given. */
  filter: CustomerFilter | undefined;
  /** Limits the export to one table; all unless given. */
  only: Model | undefined;
  output: Output;
  /** The file of a table. */
  pathOf(model: Model): string;
  /** Digest of the options, to be compared on resume. */
  fingerprint: string;
  /** Checkpoint to resume from. */
  from: Checkpoint | undefined;
  onProgress(progress: Progress): void;
  signal: AbortSignal;
}

export interface ExportSummary {
  /** Resources written, by type. */
  readonly counts: Readonly<Record<string, number>>;
}

/**
 * Writes the rows of one mode, table by table, ordered by id: equal rows give equal bytes. It reads one snapshot, so that
 * no reference dangles; a resumed export reads the rest from a later one.
 */
export async function exportRows(options: ExportOptions): Promise<ExportSummary> {
  const { client, output, from, onProgress, signal, only, fingerprint } = options;
  if (from?.complete) {
    await output.finish(from);
    return from;
  }
  const exported = new ExportedRows(client, options.mode);
  await exported.begin();
  if (options.filter) {
    onProgress({ phase: "selecting", done: 0, total: undefined });
    await exported.select(options.filter);
  }
  const tables = exportedModels.filter((model) => !only || model === only);
  let total = 0;
  for (const model of tables) total += await exported.count(model);

  const counts: Record<string, number> = { ...from?.counts };
  const done = () => Object.values(counts).reduce((sum, one) => sum + one, 0);
  const formatter = formatters[options.format](counts);
  let last = from?.last ?? "";
  const start = from ? tables.findIndex(({ table }) => table === from.table) : 0;
  for (const model of tables.slice(start)) {
    await output.switchTo(options.pathOf(model));
    for await (const batch of exported.batches(model, last)) {
      signal.throwIfAborted();
      await output.write(formatter.batch(model, batch, output.isEmpty));
      for (const { type } of batch.resources) counts[type] = (counts[type] ?? 0) + 1;
      last = batch.last;
      await output.save({ options: fingerprint, table: model.table, last, counts });
      onProgress({ phase: "writing", done: Math.min(done(), total), total });
    }
    const header = formatter.header(model);
    if (header && output.isEmpty) await output.write(header);
    if (model !== tables.at(-1)) last = "";
  }
  const end = formatter.end(output.isEmpty);
  if (end || output.isEmpty) await output.write(end);
  await output.finish({ options: fingerprint, table: tables.at(-1)!.table, last, counts });
  await client.query("COMMIT");
  return { counts };
}

/** Formats batches. `isFirst`: nothing was written to the file yet. */
interface Formatter {
  /** Content of the file of an empty table. */
  header(model: Model): string;
  batch(model: Model, batch: Batch, isFirst: boolean): string;
  end(isFirst: boolean): string;
}

const formatters: Record<Format, (counts: Readonly<Record<string, number>>) => Formatter> = {
  jsonl: () => ({
    header: () => "",
    batch: (_, { resources }) => resources.map((resource) => `${JSON.stringify(resource)}\n`).join(""),
    end: () => "",
  }),
  jsonapi(counts) {
    const start = '{"data":[';
    const between = '\n],"included":[';
    const hasIncluded = () => Object.keys(counts).some((type) => type !== "customers");
    return {
      header: () => "",
      batch({ table }, { resources }, isFirst) {
        const isData = table === "customers";
        const before = `${isFirst ? start : ""}${isData || hasIncluded() ? "" : between}`;
        const follows = isData ? counts.customers !== undefined : hasIncluded();
        const texts = resources.map((resource) => JSON.stringify(resource));
        return `${before}${follows ? "," : ""}\n${texts.join(",\n")}`;
      },
      end: (isFirst) => `${isFirst ? start : ""}${hasIncluded() ? "" : between}\n]}\n`,
    };
  },
  csv() {
    const tables = new Map<Model, Csv>();
    const csvOf = (model: Model) => {
      const csv = tables.get(model) ?? new Csv(model);
      tables.set(model, csv);
      return csv;
    };
    return {
      header: (model) => csvOf(model).header(),
      batch: (model, batch, isFirst) => (isFirst ? csvOf(model).header() : "") + csvOf(model).lines(batch),
      end: () => "",
    };
  },
};
