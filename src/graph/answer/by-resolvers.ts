import { relationOf } from "../model/datamodel.js";
import { Slot } from "../sql/parameters.js";
import { type Plan, selectedRoots } from "./plan.js";
import { instantiate, RowArrays } from "./row-arrays.js";
import type { ListSelection, RowSelection } from "./selection.js";
import type { Read, Strategy, StrategyRun } from "./strategy.js";

type Row = Record<string, unknown>;

/** Strategy `resolvers`: the statement primes the loaders with whole rows, and resolvers run over them. */
export function byResolvers(plan: Plan): Strategy {
  const arrays = new RowArrays(true);
  const makers = new Map<RowSelection, (read: unknown) => { row: Row; values: readonly unknown[] }>();

  function makerOf(row: RowSelection) {
    let maker = makers.get(row);
    if (!maker) {
      const valuesOf = arrays.valuesOf(row);
      const make = instantiate(row.type, arrays.selectedOf(row));
      maker = (read) => {
        const values = valuesOf(read);
        return { row: make(values), values };
      };
      makers.set(row, maker);
    }
    return maker;
  }

  /** Primes the loaders of a request. */
  function load(read: Read, { args, viewer, loaders }: StrategyRun) {
    for (const root of selectedRoots(plan)) {
      const text = read[root.column]!;
      const found = text === null ? null : (JSON.parse(text) as unknown);
      if (root.kind === "many") {
        const { list } = root;
        const { page } = args[list.fieldArguments]!.list!;
        const [rows, ...counts] = found as [unknown[] | null, ...number[]];
        if (rows) loaders.primeRootPage(list.type, page, rowsOf(list.row!, rows));
        counts.forEach((count, i) => void loaders.primeRootCount(list.type, page.filter, atMostOf(list, i), count));
        continue;
      }
      const { row, unique } = root;
      const lookUp = args[root.fieldArguments]!.lookUp!;
      if (!unique && !lookUp.unique) {
        loaders.primeFound(row.type, lookUp.condition, 2, rowsOf(row, (found ?? []) as unknown[]));
        continue;
      }
      const { field, value } = lookUp.condition as { field: string; value: unknown };
      const [only] = unique ? [found] : ((found ?? []) as unknown[]);
      const key = value instanceof Slot ? value.valueFor({ viewer, args }) : value;
      loaders.primeRow(row.type, field, key, only ? rowOf(row, only) : null);
    }

    function rowsOf(row: RowSelection, rows: readonly unknown[]): Row[] {
      return rows.map((values) => rowOf(row, values));
    }

    function rowOf(selection: RowSelection, read: unknown): Row {
      const { row, values } = makerOf(selection)(read);
      for (const one of arrays.selectedOf(selection)) {
        switch (one.kind) {
          case "column":
            break;
          case "parent": {
            const { to, key } = relationOf(selection.model, one.relation);
            const id = row[key!] as string | null;
            const found = values[one.index];
            if (id !== null) loaders.primeRow(one.row.type, "id", id, found ? rowOf(one.row, found) : null);
            else if (found) throw new Error(`A row of ${to} without a key to it`);
            break;
          }
          case "list": {
            const { list, relation } = one;
            const { page } = args[list.fieldArguments]!.list!;
            const [rows, ...counts] = values[one.index] as [unknown[] | null, ...number[]];
            const id = row.id as string;
            if (rows) loaders.primePage(selection.type, relation, id, page, rowsOf(list.row!, rows));
            counts.forEach((count, i) => {
              loaders.primeCount(selection.type, relation, id, page.filter, atMostOf(list, i), count);
            });
          }
        }
      }
      return row;
    }

    function atMostOf({ counts }: ListSelection, index: number): number | undefined {
      return args[counts[index]!]!.atMost;
    }
  }

  return {
    name: "resolvers",
    plan,
    weights: arrays.weights(plan),
    rootSql: (root, sql) => arrays.rootSql(root, sql),
    answer(read, run) {
      load(read, run);
      return undefined;
    },
  };
}
