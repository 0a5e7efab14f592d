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
  const parsers = new Map<RowSelection, (read: unknown) => { row: Row; values: readonly unknown[] }>();

  function parserOf(row: RowSelection) {
    let parser = parsers.get(row);
    if (!parser) {
      const valuesOf = arrays.valuesOf(row);
      const make = instantiate(row.type, arrays.selectedOf(row));
      parser = (read) => {
        const values = valuesOf(read);
        return { row: make(values), values };
      };
      parsers.set(row, parser);
    }
    return parser;
  }

  /** Primes the loaders of a request. */
  function prime(read: Read, { args, viewer, loaders }: StrategyRun) {
    for (const root of selectedRoots(plan)) {
      const text = read[root.column]!;
      const parsed = text === null ? null : (JSON.parse(text) as unknown);
      if (root.kind === "many") {
        const { list } = root;
        const { page } = args[list.fieldArguments]!.list!;
        const [rows, ...counts] = parsed as [unknown[] | null, ...number[]];
        if (rows) loaders.primeRootPage(list.type, page, rowsOf(list.row!, rows));
        counts.forEach((count, i) => void loaders.primeRootCount(list.type, page.filter, atMostOf(list, i), count));
        continue;
      }
      const { row, unique } = root;
      const lookUp = args[root.fieldArguments]!.lookUp!;
      if (!unique && !lookUp.unique) {
        loaders.primeFound(row.type, lookUp.condition, 2, rowsOf(row, (parsed ?? []) as unknown[]));
        continue;
      }
      const { field, value } = lookUp.condition as { field: string; value: unknown };
      const [first] = unique ? [parsed] : ((parsed ?? []) as unknown[]);
      const key = value instanceof Slot ? value.valueFor({ viewer, args }) : value;
      loaders.primeRow(row.type, field, key, first ? rowOf(row, first) : null);
    }

    function rowsOf(row: RowSelection, rows: readonly unknown[]): Row[] {
      return rows.map((values) => rowOf(row, values));
    }

    function rowOf(selection: RowSelection, read: unknown): Row {
      const { row, values } = parserOf(selection)(read);
      for (const selected of arrays.selectedOf(selection)) {
        switch (selected.kind) {
          case "column":
            break;
          case "parent": {
            const { to, key } = relationOf(selection.model, selected.relation);
            const id = row[key!] as string | null;
            const parent = values[selected.index];
            if (id !== null) loaders.primeRow(selected.row.type, "id", id, parent ? rowOf(selected.row, parent) : null);
            else if (parent) throw new Error(`A row of ${to} without a key to it`);
            break;
          }
          case "list": {
            const { list, relation } = selected;
            const { page } = args[list.fieldArguments]!.list!;
            const [rows, ...counts] = values[selected.index] as [unknown[] | null, ...number[]];
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
      prime(read, run);
      return undefined;
    },
  };
}
