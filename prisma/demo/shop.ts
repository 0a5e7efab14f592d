import { aboutOf, columnOf, type ModelName, modelNamed } from "../../src/graph/model/datamodel.js";
import type { Batch, Row, Tagging } from "../seed.js";

/** A row as the demo shop writes it: `mode` is test, and nothing changed since `createdAt`, unless it says otherwise. */
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

  one<M extends ModelName>(model: M, id: string): Row<M> {
    const found = this.all(model).find((row) => row.id === id);
    if (!found) throw new Error(`The demo shop has no ${model} ${id}.`);
    return found;
  }

  /** The rows in the order in which they can be inserted. Triggers read what a row refers to: that is in an earlier batch. */
  batches(): Batch[] {
    const waiting = new Map<string, WaitingRow>();
    for (const [name, rows] of Object.entries(this.rows)) {
      const model = name as ModelName;
      for (const row of rows) waiting.set(row.id, { model, row, needs: referencesOf(model, row) });
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
  /** Ids that it refers to. */
  readonly needs: readonly string[];
}

/** All rows of models of which every row can be inserted; if there is none, because models form a circle, all rows that can. */
function nextRows(waiting: ReadonlyMap<string, WaitingRow>): WaitingRow[] {
  const missing = ({ row, needs }: WaitingRow) => needs.filter((id) => waiting.has(id) && id !== row.id);
  // An order and the payment source that belongs to it refer to each other: they go in together.
  const partner = (one: WaitingRow) => {
    const [id, ...more] = missing(one);
    const other = id === undefined || more.length > 0 ? undefined : waiting.get(id)!;
    return other && missing(other).join() === one.row.id ? other : undefined;
  };
  const all = [...waiting.values()];
  const ready = all.filter((one) => missing(one).length === 0 || partner(one));
  if (ready.length === 0) throw new Error(`These rows require each other: ${[...waiting.keys()].join(", ")}`);
  const held = new Set(all.filter((one) => !ready.includes(one)).map(({ model }) => model));
  for (const one of ready) if (held.has(partner(one)?.model ?? one.model)) held.add(one.model);
  const whole = ready.filter(({ model }) => !held.has(model));
  return whole.length > 0 ? whole : ready;
}

export function tagId(name: string): string {
  return `tag_${name.replace(/\W/g, "_")}`;
}

/** The ids of what a row refers to, or is about. */
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
