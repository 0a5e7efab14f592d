import { ResultTooLargeError } from "../../database/limit-errors.js";
import type { Model } from "../model/datamodel.js";
import { shownTime } from "../model/times.js";
import { hasNextPage, hasPreviousPage } from "../schema/connection.js";
import { cursorOf, type TotalOrder } from "../sql/order.js";
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
import { maximumParts } from "./selection.js";

type Values = readonly unknown[];
/** What an answer is written with. */
interface Writing {
  readonly args: readonly Evaluated[];
  /** How many characters it may have. */
  readonly maximum: number;
}
/** Writes an object, or a list, from what was read for it. */
type WriteRead = (read: unknown, writing: Writing) => string;

/**
 * Compiles how a plan's answer is written: from what its statement read for each root, as JSON text, to the text of the
 * answer's `data`. Throws an IrregularError where a row is not as the schema promises, and a ResultTooLargeError where the
 * answer would be longer than the maximum.
 */
export function writerOf({ roots }: Plan, maximum = Number.POSITIVE_INFINITY) {
  let column = 0;
  const fields = roots.map((root, i) => {
    const start = `${i ? "," : "{"}${JSON.stringify(root.key)}:`;
    if (root.kind === "constant") return () => start + root.json;
    const write = root.kind === "one" ? oneWriter(root) : listWriter(root.tree.list as ListPlan, root.outputs);
    const at = column++;
    return (read: readonly (string | null)[], writing: Writing) => start + write(parsed(read[at]!), writing);
  });
  return (read: readonly (string | null)[], args: readonly Evaluated[]): string => {
    const writing = { args, maximum };
    let text = "";
    for (const field of fields) text = checked(text + field(read, writing), writing);
    return `${text}}`;
  };
}

function checked(text: string, { maximum }: Writing): string {
  if (text.length > maximum) throw new ResultTooLargeError(maximum);
  return text;
}

function parsed(json: string | null): unknown {
  return json === null ? null : JSON.parse(json);
}

function oneWriter({ tree, views }: Extract<Plan["roots"][number], { kind: "one" }>): WriteRead {
  const write = rowWriter(tree.row as RowPlan, views);
  if (tree.unique) return (read, writing) => (read === null ? "null" : write(read, writing));
  return (read, writing) => {
    const [first, second] = (read ?? []) as unknown[];
    if (second) throw new IrregularError();
    return first ? write(first, writing) : "null";
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
    return (read, writing) => write!(whole(read), writing);
  }
  const kind = row.column(kindField);
  return (read, writing) => {
    const values = whole(read);
    const { name } = type.rowType({ [kindField]: values[kind] });
    return writers.get(name)!(values, writing);
  };
}

type Field = (values: Values, instance: object | undefined, writing: Writing) => string;

function objectWriter(
  row: RowPlan,
  object: string,
  outputs: readonly Output[],
): (values: Values, writing: Writing) => string {
  const fields = outputs.map((output, i) => {
    const start = `${i ? "," : "{"}${JSON.stringify(output.key)}:`;
    return outputWriter(start, output);
  });
  if (!fields.length) return () => "{}";
  const instance = outputs.some(({ kind }) => kind === "derived") ? instantiate(row, object) : undefined;
  return (values, writing) => {
    const made = instance?.(values);
    let text = "";
    for (const field of fields) text = checked(text + field(values, made, writing), writing);
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
      return (values, _, writing) => {
        const read = values[output.part];
        return start + (read === null ? "null" : write(read, writing));
      };
    }
    case "list": {
      const write = listWriter(output.list, output.outputs);
      return (values, _, writing) => start + write(values[output.part], writing);
    }
    case "all": {
      const write = rowWriter(output.list.row!, output.views);
      return (values, _, writing) => start + rowsText(values[output.part] as unknown[], write, writing);
    }
  }
}

function rowsText(rows: readonly unknown[], write: WriteRead, writing: Writing): string {
  let text = "[";
  for (let i = 0; i < rows.length; i++) text = checked(text + (i ? "," : "") + write(rows[i], writing), writing);
  return `${text}]`;
}

/** A page as it was read, ready to be written. */
interface ReadPage {
  rows: readonly unknown[];
  counts: readonly unknown[];
  /** Whether the list goes on beyond the page in the direction of reading. */
  more: boolean;
  list: NonNullable<Evaluated["list"]>;
  writing: Writing;
}

function listWriter(list: ListPlan, outputs: readonly ListOutput[]): WriteRead {
  const fields = outputs.map((output, i) => {
    const start = `${i ? "," : "{"}${JSON.stringify(output.key)}:`;
    return listOutputWriter(start, output, list);
  });
  // Everything in it may have been skipped.
  if (!fields.length) return () => "{}";
  return (read, writing) => {
    const [found, ...counts] = (list.counts.length ? read : [read]) as [unknown[] | null, ...unknown[]];
    const evaluated = writing.args[list.site]!.list!;
    const { limit, backward } = evaluated.page;
    const rows = (found ?? []).slice(0, limit);
    if (backward) rows.reverse();
    const page = { rows, counts, more: (found?.length ?? 0) > limit, list: evaluated, writing };
    let text = "";
    for (const field of fields) text = checked(text + field(page), writing);
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
      return ({ rows, writing }) => start + rowsText(rows, write, writing);
    }
    case "edges": {
      const write = edgeWriter(list.row!, output.outputs);
      return (page) => start + rowsText(page.rows, (row) => write(row, page), page.writing);
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
    return (read: unknown, { writing }: ReadPage) => start + write(read, writing);
  });
  if (!fields.length) return () => "{}";
  return (read, page) => {
    let text = "";
    for (const field of fields) text = checked(text + field(read, page), page.writing);
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
