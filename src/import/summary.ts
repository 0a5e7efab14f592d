import type pg from "pg";
import { type Model, models } from "../graph/model/datamodel.js";
import { type CheckedResource, knownTypes, type UnknownName } from "./resource.js";
import { identifier, literal } from "./sql.js";

export interface TypeSummary {
  readonly type: string;
  readonly created: number;
  readonly updated: number;
  readonly unchanged: number;
  readonly refused: number;
}

export interface Summary {
  /** False after a strict import with an issue: the database is unchanged. */
  readonly written: boolean;
  readonly types: readonly TypeSummary[];
  readonly refused: number;
  readonly dangling: number;
  readonly repeated: number;
  /** Resources older than their rows; counted as unchanged. */
  readonly outdated: number;
  /** Number of issues that were counted but not listed. */
  readonly unlisted: number;
  readonly recomputed: readonly NoteSummary[];
  readonly leftOut: readonly NoteSummary[];
  readonly unknown: readonly UnknownSummary[];
}

/** How often an unknown attribute, relationship or type was left out, and the most similar known name. */
export interface UnknownSummary extends UnknownName {
  readonly count: number;
}

/** How often a derived attribute such as `customers.status` was stated, and how often it was wrong. */
export interface NoteSummary {
  readonly name: string;
  readonly count: number;
  readonly contradicted: number;
}

const unknownType = "(unknown type)";
const otherNames = "(others)";
const maximumUnknown = 200;

/** Counts outcomes of resources before the merge, and queries those of the merge. */
export class Tally {
  private readonly refused = new Map<string, number>();
  private readonly recomputed = new Map<string, number>();
  private readonly contradicted = new Map<string, number>();
  private readonly leftOut = new Map<string, number>();
  private readonly unknown = new Map<string, UnknownSummary>();

  note({ type, notes }: CheckedResource): void {
    for (const name of notes.recomputed) increase(this.recomputed, `${type}.${name}`);
    for (const name of notes.contradicted) increase(this.contradicted, `${type}.${name}`);
    for (const name of notes.leftOut) increase(this.leftOut, `${type}.${name}`);
    for (const { name, nearest } of notes.unknown) this.addUnknown({ name: `${type}.${name}`, nearest });
  }

  /** Names come from the documents: they are shortened, and those beyond a number are counted together. */
  addUnknown({ name, nearest }: UnknownName): void {
    const short = name.length > 100 ? `${name.slice(0, 100)}…` : name;
    const isOther = this.unknown.size >= maximumUnknown && !this.unknown.has(short);
    const key = isOther ? otherNames : short;
    const count = (this.unknown.get(key)?.count ?? 0) + 1;
    this.unknown.set(key, { name: key, nearest: isOther ? undefined : nearest, count });
  }

  leaveOut(type: string): void {
    increase(this.leftOut, type);
  }

  refuse(type: string | undefined): void {
    increase(this.refused, type !== undefined && knownTypes.has(type) ? type : unknownType);
  }

  async summarize(client: pg.Client, unlisted: number): Promise<Summary> {
    const issues = await client.query(
      `SELECT kind, type, CASE WHEN kind = 'refused' THEN count(DISTINCT seq) ELSE count(*) END::int AS count
       FROM import_issues GROUP BY kind, type`,
    );
    const count = (kind: string) =>
      issues.rows.filter((row) => row.kind === kind).reduce((sum, row) => sum + row.count, 0);
    for (const { kind, type, count } of issues.rows) if (kind === "refused") increase(this.refused, type, count);

    const { rows } = await client.query(
      `SELECT s.type, count(*) FILTER (WHERE c.created)::int AS created,
         count(*) FILTER (WHERE NOT c.created)::int AS updated,
         count(*) FILTER (WHERE c.seq IS NULL AND NOT s.listed)::int AS unchanged
       FROM import_resources s LEFT JOIN import_changed c ON c.seq = s.seq GROUP BY s.type`,
    );
    const merged = new Map(rows.map((row) => [row.type as string, row]));
    for (const { kind, type, count } of issues.rows) {
      if (kind !== "outdated") continue;
      const { unchanged = 0, ...others } = merged.get(type) ?? {};
      merged.set(type, { ...others, unchanged: unchanged + count });
    }
    const types = [...knownTypes.keys(), unknownType]
      .filter((type) => merged.has(type) || this.refused.has(type))
      .map((type) => ({
        ...{ created: 0, updated: 0, unchanged: 0, ...merged.get(type) },
        type,
        refused: this.refused.get(type) ?? 0,
      }));

    for (const model of models.values()) await this.compareDerived(client, model);
    return {
      written: true,
      types,
      refused: [...this.refused.values()].reduce((sum, count) => sum + count, 0),
      dangling: count("dangling"),
      repeated: count("repeated"),
      outdated: count("outdated"),
      unlisted,
      recomputed: this.notes(this.recomputed),
      leftOut: this.notes(this.leftOut),
      unknown: [...this.unknown.values()],
    };
  }

  /** Counts stated values of derived columns that differ from the computed ones. */
  private async compareDerived(client: pg.Client, model: Model): Promise<void> {
    const derived = Object.values(model.columns)
      .filter(({ derived, counted }) => derived || counted)
      .map(({ column }) => column);
    if (derived.length === 0) return;
    const differs = (column: string) =>
      `count(*) FILTER (WHERE s.derived ? ${literal(column)}
         AND s.derived->>${literal(column)} IS DISTINCT FROM t.${identifier(column)}::text)::int AS ${identifier(column)}`;
    const { rows } = await client.query(
      `SELECT s.type, ${derived.map(differs).join()}
       FROM import_resources s JOIN ${identifier(model.table)} t ON t.id = s.id
       WHERE s.model = ${literal(model.name)} AND s.derived IS NOT NULL GROUP BY s.type`,
    );
    for (const { type, ...counts } of rows) {
      for (const [column, count] of Object.entries(counts)) {
        if (count) increase(this.contradicted, `${type}.${column}`, count as number);
      }
    }
  }

  private notes(counts: ReadonlyMap<string, number>): NoteSummary[] {
    return [...counts].map(([name, count]) => ({ name, count, contradicted: this.contradicted.get(name) ?? 0 }));
  }
}

function increase(counts: Map<string, number>, name: string, by = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

/** Formats the summary for printing. */
export function formatSummary(summary: Summary): string {
  const header = ["", "created", "updated", "unchanged", "refused"];
  const total = { type: "total", created: 0, updated: 0, unchanged: 0, refused: 0 };
  for (const type of summary.types) {
    for (const name of ["created", "updated", "unchanged", "refused"] as const) total[name] += type[name];
  }
  const rows = [...summary.types, total].map((row) => [
    row.type,
    ...[row.created, row.updated, row.unchanged, row.refused].map(number),
  ]);
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: string[]) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]! + 2)))
      .join("")
      .trimEnd();

  const lines = [header, ...rows].map(line);
  lines.push("");
  lines.push(...formatNotes("recomputed, not stored", summary.recomputed));
  lines.push(...formatNotes("left out, not stored", summary.leftOut));
  lines.push(...formatUnknown(summary.unknown));
  if (summary.dangling > 0) lines.push(`references that were dropped: ${number(summary.dangling)}`);
  if (summary.repeated > 0) lines.push(`stated more than once, with different values: ${number(summary.repeated)}`);
  if (summary.outdated > 0) lines.push(`older than the stored row, skipped: ${number(summary.outdated)}`);
  if (summary.unlisted > 0) lines.push(`issues not listed above: ${number(summary.unlisted)}`);
  if (!summary.written)
    lines.push("nothing was written: the import is strict; the table shows what would have been written");
  return lines.join("\n").trimEnd();
}

const number = (value: number) => value.toLocaleString("en-US");

/** Escapes control characters of a text from a document. */
export function plainText(text: string): string {
  return text.replace(/\p{Cc}/gu, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function formatUnknown(names: readonly UnknownSummary[]): string[] {
  return linesByType(
    "unknown, not stored",
    names.map(({ name, count, nearest }) => {
      const plain = plainText(name);
      return { name: plain, text: `${plain} (${number(count)}${nearest ? `; did you mean ${nearest}?` : ""})` };
    }),
  );
}

function formatNotes(title: string, notes: readonly NoteSummary[]): string[] {
  return linesByType(
    title,
    notes.map(({ name, count, contradicted }) => {
      const differing = contradicted > 0 ? `, ${number(contradicted)} of them with a different value` : "";
      return { name, text: `${name} (${number(count)}${differing})` };
    }),
  );
}

/** A line for each type; a name begins with it. */
function linesByType(title: string, notes: readonly { name: string; text: string }[]): string[] {
  const byType = new Map<string, string[]>();
  for (const { name, text } of notes) {
    const [type] = name.split(".") as [string];
    byType.set(type, [...(byType.get(type) ?? []), text]);
  }
  return [...byType.values()].map((texts) => `${title}: ${texts.join(", ")}`);
}
