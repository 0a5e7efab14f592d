import { aboutOf, columnOf, type ModelName, modelNamed } from "../../src/graph/model/datamodel.js";
import type { Batch, Row, Tagging } from "../seed.js";

/** A row with defaults: `mode` is test, and `updatedAt` is `createdAt`. */
export type Draft<M extends ModelName> = Omit<Row<M>, "mode" | "createdAt" | "updatedAt"> & {
  mode?: "test" | "live";
  createdAt: string;
  updatedAt?: string;
};

/** The day on which the shop opened. */
export const opening = "2026-01-02T08:00:00.000Z";

/** Collects the rows of the demo shop, and their tags. */
export class Shop {
  readonly taggings: Tagging[] = [];
  private readonly rows: { [M in ModelName]?: Row<M>[] } = {};

  add<M extends ModelName>(model: M, ...drafts: Draft<M>[]): void {
    for (const draft of drafts) {
      const { mode = "test", updatedAt = draft.createdAt } = draft;
      this.all(model).push({ ...draft, mode, updatedAt } as Row<M>);
    }
  }

  tag(model: ModelName, id: string, names: readonly string[] = []): void {
    for (const name of names) this.taggings.push({ model, id, tagId: tagId(name) });
  }

  all<M extends ModelName>(model: M): Row<M>[] {
    const rows: Row<M>[] = this.rows[model] ?? [];
    Object.assign(this.rows, { [model]: rows });
    return rows;
  }

  get<M extends ModelName>(model: M, id: string): Row<M> {
    const row = this.all(model).find((candidate) => candidate.id === id);
    if (!row) throw new Error(`The demo shop has no ${model} ${id}.`);
    return row;
  }

  /** The rows in insertion order. Referenced rows come in an earlier batch, because triggers read them. */
  batches(): Batch[] {
    const waiting = new Map<string, WaitingRow>();
    for (const [name, rows] of Object.entries(this.rows)) {
      const model = name as ModelName;
      for (const row of rows) waiting.set(row.id, { model, row, references: referencesOf(model, row) });
    }
    const batches: Batch[] = [];
    while (waiting.size > 0) {
      const batch: { [M in ModelName]?: object[] } = {};
      for (const { model, row } of nextRows(waiting)) {
        batch[model] = [...(batch[model] ?? []), row];
        waiting.delete(row.id);
      }
      batches.push(batch as Batch);
    }
    return batches;
  }
}

interface WaitingRow {
  readonly model: ModelName;
  readonly row: { readonly id: string };
  /** Ids of referenced rows. */
  readonly references: readonly string[];
}

/** The rows of models whose rows are all ready to insert; if there is none, because of a cycle, all rows that are ready. */
function nextRows(waiting: ReadonlyMap<string, WaitingRow>): WaitingRow[] {
  const missing = ({ row, references }: WaitingRow) => references.filter((id) => waiting.has(id) && id !== row.id);
  // An order and its payment source refer to each other, so they are inserted together.
  const partner = (waitingRow: WaitingRow) => {
    const [id, ...others] = missing(waitingRow);
    const other = id === undefined || others.length > 0 ? undefined : waiting.get(id)!;
    return other && missing(other).join() === waitingRow.row.id ? other : undefined;
  };
  const all = [...waiting.values()];
  const ready = all.filter((waitingRow) => missing(waitingRow).length === 0 || partner(waitingRow));
  if (ready.length === 0) throw new Error(`These rows require each other: ${[...waiting.keys()].join(", ")}`);
  const blocked = new Set(all.filter((waitingRow) => !ready.includes(waitingRow)).map(({ model }) => model));
  for (const row of ready) if (blocked.has(partner(row)?.model ?? row.model)) blocked.add(row.model);
  const complete = ready.filter(({ model }) => !blocked.has(model));
  return complete.length > 0 ? complete : ready;
}

export function tagId(name: string): string {
  return `tag_${name.replace(/\W/g, "_")}`;
}

/** Ids in the foreign keys of a row, polymorphic ones included. */
function referencesOf(name: ModelName, row: object): string[] {
  const model = modelNamed(name);
  const keys = Object.values(model.relations).flatMap(({ key, many }) => (many ? [] : [key!]));
  const about = aboutOf(model);
  const values = new Map(Object.entries(row));
  return [...keys, ...(about ? [about.idField] : [])].flatMap((field) => {
    columnOf(model, field);
    const value = values.get(field);
    return typeof value === "string" ? [value] : [];
  });
}
