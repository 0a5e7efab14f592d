import { relationOf } from "../model/datamodel.js";
import type { ModelType } from "../schema/model.js";
import { type Run, Slot } from "../sql/parameters.js";
import type { Loaders } from "./loaders.js";
import type { Evaluated, ListPlan, Plan, RowPlan } from "./plan.js";
import { instantiate } from "./row.js";
import { maximumParts, wholeParts } from "./selection.js";

type Row = Record<string, unknown>;

/** Gives a request's loaders what a plan's statement read, whole rows: resolvers then find it there. */
export function preload(plan: Plan, read: readonly (string | null)[], run: Run, loaders: Loaders) {
  const args = run.args as readonly Evaluated[];
  let column = 0;
  for (const root of plan.roots) {
    if (root.kind === "constant") continue;
    const text = read[column++] as string | null;
    const found = text === null ? null : (JSON.parse(text) as unknown);
    if (root.kind === "many") {
      const list = root.tree.list as ListPlan;
      const { page } = args[list.site]!.list!;
      const [rows, ...counts] = found as [unknown[] | null, ...number[]];
      if (rows) loaders.primeRootPage(root.type, page, rowsOf(list.row!, rows));
      counts.forEach((count, i) => void loaders.primeRootCount(root.type, page.filter, atMostOf(list, i), count));
      continue;
    }
    const { lookUp } = args[root.tree.site]!;
    const row = root.tree.row as RowPlan;
    if (!root.tree.unique && !lookUp!.unique) {
      loaders.primeFound(root.type, lookUp!.condition, 2, rowsOf(row, (found ?? []) as unknown[]));
      continue;
    }
    const { field, value } = lookUp!.condition as { field: string; value: unknown };
    const [only] = root.tree.unique ? [found] : ((found ?? []) as unknown[]);
    const key = value instanceof Slot ? value.valueFor(run) : value;
    loaders.primeRow(root.type, field, key, only ? rowOf(row, only) : null);
  }

  function rowsOf(row: RowPlan, rows: readonly unknown[]): Row[] {
    return rows.map((values) => rowOf(row, values));
  }

  function rowOf(row: RowPlan, values: unknown): Row {
    const parts = wholeParts(row);
    const read = parts.length > maximumParts ? (values as unknown[][]).flat() : (values as unknown[]);
    const made = maker(row)(read) as Row;
    parts.forEach((part, at) => {
      if (part.kind === "parent") {
        const { to, key } = relationOf(row.model, part.relation);
        const other = part.row as RowPlan;
        const id = made[key!] as string | null;
        const found = read[at];
        if (id !== null) loaders.primeRow(other.type, "id", id, found ? rowOf(other, found) : null);
        else if (found) throw new Error(`A row of ${to} without a key to it`);
      } else if (part.kind === "list") {
        const list = part.list as ListPlan;
        const { page } = args[list.site]!.list!;
        const [rows, ...counts] = read[at] as [unknown[] | null, ...number[]];
        const id = made.id as string;
        if (rows) loaders.primePage(row.type, part.relation, id, page, rowsOf(list.row!, rows));
        counts.forEach((count, i) => {
          loaders.primeCount(row.type, part.relation, id, page.filter, atMostOf(list, i), count);
        });
      }
    });
    return made;
  }

  function atMostOf(list: ListPlan, index: number): number | undefined {
    return args[list.counts[index]!]!.atMost;
  }
}

const makers = new WeakMap<RowPlan, (values: readonly unknown[]) => object>();

function maker(row: RowPlan): (values: readonly unknown[]) => object {
  let make = makers.get(row);
  if (!make) {
    make = instantiate({ type: row.type as ModelType, parts: wholeParts(row) } as RowPlan);
    makers.set(row, make);
  }
  return make;
}
