import type { Model } from "../database/datamodel.js";
import { hasNextPage, hasPreviousPage } from "../graphql/connection.js";
import { shownTime } from "../times.js";
import { cursorOf, type TotalOrder } from "./order.js";
import {
  type EdgeOutput,
  type Evaluated,
  IrregularError,
  type Leaf,
  type ListOutput,
  type ListPlan,
  type Output,
  type Plan,
  type RowPlan,
  type Views,
} from "./plan.js";
import { instantiate } from "./row.js";
import { maximumParts } from "./tree.js";

type Values = readonly unknown[];
type Args = readonly Evaluated[];
/** Writes an object, or a list, from what was read for it. */
type WriteRead = (read: unknown, args: Args) => string;

/**
 * Compiles how a plan's answer is written: from what its statement read for each root, as JSON text, to the text of the
 * answer's `data`. Throws an IrregularError where a row is not as the schema promises.
 */
export function writerOf({ roots }: Plan): (read: readonly (string | null)[], args: Args) => string {
  let column = 0;
  const fields = roots.map((root, i) => {
    const start = `${i ? "," : "{"}${JSON.stringify(root.key)}:`;
    if (root.kind === "constant") return () => start + root.json;
    const write = root.kind === "one" ? oneWriter(root) : listWriter(root.tree.list as ListPlan, root.outputs);
    const at = column++;
    return (read: readonly (string | null)[], args: Args) => start + write(parsed(read[at]!), args);
  });
  return (read, args) => {
    let text = "";
    for (const field of fields) text += field(read, args);
    return `${text}}`;
  };
}

function parsed(json: string | null): unknown {
  return json === null ? null : JSON.parse(json);
}

function oneWriter({ tree, views }: Extract<Plan["roots"][number], { kind: "one" }>): WriteRead {
  const write = rowWriter(tree.row as RowPlan, views);
  if (tree.unique) return (read, args) => (read === null ? "null" : write(read, args));
  return (read, args) => {
    const [first, second] = (read ?? []) as unknown[];
    if (second) throw new IrregularError();
    return first ? write(first, args) : "null";
  };
}

function rowWriter(row: RowPlan, views: Views): WriteRead {
  const { type, parts } = row;
  const whole =
    parts.length > maximumParts ? (read: unknown) => (read as unknown[][]).flat() : (read: unknown) => read as Values;
  const writers = new Map([...views].map(([name, outputs]) => [name, objectWriter(row, name, outputs)]));
  const { kindField } = type;
  if (!kindField) {
    const [write] = writers.values();
    return (read, args) => write!(whole(read), args);
  }
  const kind = row.column(kindField);
  return (read, args) => {
    const values = whole(read);
    const { name } = type.rowType({ [kindField]: values[kind] });
    return writers.get(name)!(values, args);
  };
}

type Field = (values: Values, instance: object | undefined, args: Args) => string;

function objectWriter(
  row: RowPlan,
  object: string,
  outputs: readonly Output[],
): (values: Values, args: Args) => string {
  const fields = outputs.map((output, i) => {
    const start = `${i ? "," : "{"}${JSON.stringify(output.key)}:`;
    return outputWriter(start, output);
  });
  if (!fields.length) return () => "{}";
  const instance = outputs.some(({ kind }) => kind === "derived") ? instantiate(row, object) : undefined;
  return (values, args) => {
    const made = instance?.(values);
    let text = "";
    for (const field of fields) text += field(values, made, args);
    return `${text}}`;
  };
}

function outputWriter(start: string, output: Output): Field {
  switch (output.kind) {
    case "constant": {
      const text = start + output.json;
      return () => text;
    }
    case "column": {
      const write = leafWriter(output.leaf);
      return (values) => start + write(values[output.part]);
    }
    case "derived": {
      const { value, write, other } = output;
      if (!other) return (_, instance) => start + write(value(instance as never, undefined as never));
      const make = instantiate(other.row);
      return (values, instance) => {
        const read = values[other.part] as Values | null;
        return start + write(value(instance as never, (read && make(read)) as never));
      };
    }
    case "parent": {
      const write = rowWriter(output.row, output.views);
      return (values, _, args) => {
        const read = values[output.part];
        return start + (read === null ? "null" : write(read, args));
      };
    }
    case "list": {
      const write = listWriter(output.list, output.outputs);
      return (values, _, args) => start + write(values[output.part], args);
    }
    case "all": {
      const write = rowWriter(output.list.row!, output.views);
      return (values, _, args) => start + rowsText(values[output.part] as unknown[], write, args);
    }
  }
}

function rowsText(rows: readonly unknown[], write: WriteRead, args: Args): string {
  let text = "[";
  for (let i = 0; i < rows.length; i++) text += (i ? "," : "") + write(rows[i], args);
  return `${text}]`;
}

/** A page as it was read, ready to be written. */
interface ReadPage {
  rows: readonly unknown[];
  counts: readonly unknown[];
  /** Whether the list goes on beyond the page in the direction of reading. */
  more: boolean;
  list: NonNullable<Evaluated["list"]>;
  args: Args;
}

function listWriter(list: ListPlan, outputs: readonly ListOutput[]): WriteRead {
  const fields = outputs.map((output, i) => {
    const start = `${i ? "," : "{"}${JSON.stringify(output.key)}:`;
    return listOutputWriter(start, output, list);
  });
  // Everything in it may have been skipped.
  if (!fields.length) return () => "{}";
  return (read, args) => {
    const [found, ...counts] = (list.counts.length ? read : [read]) as [unknown[] | null, ...unknown[]];
    const evaluated = args[list.site]!.list!;
    const { limit, backward } = evaluated.page;
    const rows = (found ?? []).slice(0, limit);
    if (backward) rows.reverse();
    const page = { rows, counts, more: (found?.length ?? 0) > limit, list: evaluated, args };
    let text = "";
    for (const field of fields) text += field(page);
    return `${text}}`;
  };
}

function listOutputWriter(start: string, output: ListOutput, list: ListPlan): (page: ReadPage) => string {
  switch (output.kind) {
    case "constant":
      return () => start + output.json;
    case "count":
      return ({ counts }) => `${start}${counts[output.index]}`;
    case "nodes": {
      const write = rowWriter(list.row!, output.views);
      return ({ rows, args }) => start + rowsText(rows, write, args);
    }
    case "edges": {
      const write = edgeWriter(list.row!, output.outputs);
      return (page) => `${start}[${page.rows.map((row) => write(row, page)).join(",")}]`;
    }
    case "pageInfo": {
      const fields = output.outputs.map(({ key, name, json }, i) => ({
        start: `${i ? "," : "{"}${JSON.stringify(key)}:`,
        value: json === undefined ? pageInfoValue(name, list) : () => json,
      }));
      if (!fields.length) return () => `${start}{}`;
      return (page) => {
        let text = start;
        for (const field of fields) text += field.start + field.value(page);
        return `${text}}`;
      };
    }
  }
}

function pageInfoValue(name: string, list: ListPlan): (page: ReadPage) => string {
  const cursor = cursorWriter(list.row!);
  switch (name) {
    case "hasNextPage":
      return ({ list: { window }, more }) => String(hasNextPage(window, () => more));
    case "hasPreviousPage":
      return ({ list: { window }, rows, more, counts }) =>
        String(
          hasPreviousPage(
            window,
            !rows.length,
            () => more,
            () => (counts[list.any!] as number) > 0,
          ),
        );
    case "startCursor":
      return (page) => (page.rows.length ? cursor(page.rows[0], page) : "null");
    default:
      return (page) => (page.rows.length ? cursor(page.rows.at(-1), page) : "null");
  }
}

function edgeWriter(row: RowPlan, outputs: readonly EdgeOutput[]): (read: unknown, page: ReadPage) => string {
  const cursor = cursorWriter(row);
  const fields = outputs.map((output, i) => {
    const start = `${i ? "," : "{"}${JSON.stringify(output.key)}:`;
    if (output.kind === "constant") return () => start + output.json;
    if (output.kind === "cursor") return (read: unknown, page: ReadPage) => start + cursor(read, page);
    const write = rowWriter(row, output.views);
    return (read: unknown, { args }: ReadPage) => start + write(read, args);
  });
  if (!fields.length) return () => "{}";
  return (read, page) => {
    let text = "";
    for (const field of fields) text += field(read, page);
    return `${text}}`;
  };
}

function cursorWriter(row: RowPlan): (read: unknown, page: ReadPage) => string {
  const places = new WeakMap<TotalOrder, number[]>();
  const whole = row.parts.length > maximumParts;
  const model: Model = row.model;
  return (read, { list: { order } }) => {
    let keys = places.get(order);
    if (!keys) {
      keys = order.map(({ field }) => row.column(field));
      places.set(order, keys);
    }
    const values = whole ? (read as unknown[][]).flat() : (read as Values);
    const keyset = keys.map((key) => values[key]);
    return `"${cursorOf(keyset, order, model)}"`;
  };
}

/** A leaf's JSON from the value that came out of the database's. */
function leafWriter({ kind, nullable, names }: Leaf): (value: unknown) => string {
  const write = leafWriters[kind](names);
  return (value) => {
    if (value !== null) return write(value);
    if (!nullable) throw new IrregularError();
    return "null";
  };
}

const leafWriters: Record<Leaf["kind"], (names: Leaf["names"]) => (value: unknown) => string> = {
  text: () => (value) => JSON.stringify(value),
  number: () => (value) => String(value),
  moment: () => (value) => `"${shownTime(value as string)}"`,
  enum: (names) => (value) => {
    const name = names!.get(value as string);
    if (!name) throw new IrregularError();
    return name;
  },
  json: () => (value) => {
    if (typeof value !== "object" || Array.isArray(value)) throw new IrregularError();
    return JSON.stringify(value);
  },
};
