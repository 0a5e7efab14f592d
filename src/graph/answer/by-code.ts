import { ResultTooLargeError } from "../../database/limit-errors.js";
import type { Model } from "../model/datamodel.js";
import { formatExactTime } from "../model/times.js";
import { hasNextPage, hasPreviousPage } from "../schema/connection.js";
import { cursorOf, type TotalOrder } from "../sql/order.js";
import type { EvaluatedArguments } from "./arguments.js";
import type { Plan } from "./plan.js";
import { instantiate, RowArrays } from "./row-arrays.js";
import {
  type ConnectionField,
  type EdgeField,
  type FieldsByType,
  IrregularError,
  type Leaf,
  type ListSelection,
  type PageInfoField,
  type RowField,
  type RowSelection,
  type SelectedRoot,
} from "./selection.js";
import type { Read, Strategy } from "./strategy.js";

type Values = readonly unknown[];
/** The context of serialising a response. */
interface Writing {
  readonly args: readonly EvaluatedArguments[];
  /** Maximum length in characters. */
  readonly maximum: number;
}
/** Serialises an object or list from its rows. */
type WriteRead = (read: unknown, writing: Writing) => string;

const arrays = new RowArrays(false);

/** Strategy `code`: the statement reads rows, and functions compiled from the plan serialise the response. */
export function byCode(plan: Plan, maximumBytes: number): Strategy {
  let write: ReturnType<typeof writerOf> | undefined;
  return {
    name: "code",
    plan,
    weights: arrays.weights(plan),
    rootSql: (root, sql) => arrays.rootSql(root, sql),
    answer(read, { args }) {
      write ??= writerOf(plan, maximumBytes);
      return [write(read, args)];
    },
  };
}

/**
 * Compiles the serialiser of a plan: from the JSON text that the statement returns for each root field to the `data` of
 * the response. Throws an IrregularError if a row violates the schema, and a ResultTooLargeError if the response would be
 * longer than the maximum.
 */
function writerOf({ roots }: Plan, maximum: number) {
  const fields = roots.map((root, i) => {
    const start = startOf(root, i);
    if (root.kind === "constant") return () => start + root.json;
    const write = root.kind === "one" ? oneWriter(root) : listWriter(root.list, root.fields);
    return (read: Read, writing: Writing) => start + write(parsed(read[root.column]!), writing);
  });
  return (read: Read, args: readonly EvaluatedArguments[]): string => {
    const writing = { args, maximum };
    let text = "";
    for (const field of fields) text = checked(text + field(read, writing), writing);
    return `${text}}`;
  };
}

/** The JSON text before the value of an object's nth field. */
function startOf({ key }: { key: string }, index: number): string {
  return `${index ? "," : "{"}${JSON.stringify(key)}:`;
}

function checked(text: string, { maximum }: Writing): string {
  if (text.length > maximum) throw new ResultTooLargeError(maximum);
  return text;
}

function parsed(json: string | null): unknown {
  return json === null ? null : JSON.parse(json);
}

function oneWriter({ row, fields, unique }: SelectedRoot & { kind: "one" }): WriteRead {
  const write = rowWriter(row, fields);
  if (unique) return (read, writing) => (read === null ? "null" : write(read, writing));
  return (read, writing) => {
    const [first, second] = (read ?? []) as unknown[];
    if (second) throw new IrregularError();
    return first ? write(first, writing) : "null";
  };
}

function rowWriter(row: RowSelection, fields: FieldsByType): WriteRead {
  const { type } = row;
  const valuesOf = arrays.valuesOf(row);
  const writers = new Map([...fields].map(([name, selected]) => [name, objectWriter(row, name, selected)]));
  const { kindField } = type;
  if (!kindField) {
    const [write] = writers.values();
    return (read, writing) => write!(valuesOf(read), writing);
  }
  const kind = row.column(kindField).index;
  return (read, writing) => {
    const values = valuesOf(read);
    const { name } = type.rowType({ [kindField]: values[kind] });
    return writers.get(name)!(values, writing);
  };
}

type WriteField = (values: Values, instance: object | undefined, writing: Writing) => string;

function objectWriter(
  row: RowSelection,
  object: string,
  selected: readonly RowField[],
): (values: Values, writing: Writing) => string {
  const fields = selected.map((field, i) => fieldWriter(startOf(field, i), field));
  if (!fields.length) return () => "{}";
  const isDerived = selected.some(({ kind }) => kind === "derived");
  const instantiateRow = isDerived ? instantiate(row.type, row.selected, object) : undefined;
  return (values, writing) => {
    const instance = instantiateRow?.(values);
    let text = "";
    for (const field of fields) text = checked(text + field(values, instance, writing), writing);
    return `${text}}`;
  };
}

function fieldWriter(start: string, field: RowField): WriteField {
  switch (field.kind) {
    case "constant": {
      const text = start + field.json;
      return () => text;
    }
    case "column": {
      const { index } = field.column;
      const write = leafWriter(field.leaf);
      return (values) => start + write(values[index]);
    }
    case "derived": {
      const { value, serialize, other } = field;
      if (!other) return (_, instance) => start + serialize(value(instance!, undefined));
      const make = instantiate(other.row.type, other.row.selected);
      return (values, instance) => {
        const read = values[other.index] as Values | null;
        return start + serialize(value(instance!, read && make(read)));
      };
    }
    case "parent": {
      const { index, row } = field.parent;
      const write = rowWriter(row, field.fields);
      return (values, _, writing) => {
        const read = values[index];
        return start + (read === null ? "null" : write(read, writing));
      };
    }
    case "list": {
      const { index, list } = field.list;
      const write = listWriter(list, field.fields);
      return (values, _, writing) => start + write(values[index], writing);
    }
    case "all": {
      const { index } = field.list;
      const write = rowWriter(field.row, field.fields);
      return (values, _, writing) => start + rowsText(values[index] as unknown[], write, writing);
    }
  }
}

function rowsText(rows: readonly unknown[], write: WriteRead, writing: Writing): string {
  let text = "[";
  for (let i = 0; i < rows.length; i++) text = checked(text + (i ? "," : "") + write(rows[i], writing), writing);
  return `${text}]`;
}

/** A page of rows, ready to be serialised. */
interface ReadPage {
  rows: readonly unknown[];
  counts: readonly unknown[];
  /** Whether there are more rows in the direction of reading. */
  more: boolean;
  list: NonNullable<EvaluatedArguments["list"]>;
  writing: Writing;
}

function listWriter(list: ListSelection, selected: readonly ConnectionField[]): WriteRead {
  const fields = selected.map((field, i) => connectionFieldWriter(startOf(field, i), field, list));
  // All fields may be skipped by directives.
  if (!fields.length) return () => "{}";
  return (read, writing) => {
    const [readRows, ...counts] = (list.counts.length ? read : [read]) as [unknown[] | null, ...unknown[]];
    const evaluated = writing.args[list.fieldArguments]!.list!;
    const { limit, backward } = evaluated.page;
    const rows = (readRows ?? []).slice(0, limit);
    if (backward) rows.reverse();
    const page = { rows, counts, more: (readRows?.length ?? 0) > limit, list: evaluated, writing };
    let text = "";
    for (const field of fields) text = checked(text + field(page), writing);
    return `${text}}`;
  };
}

function connectionFieldWriter(start: string, field: ConnectionField, list: ListSelection): (page: ReadPage) => string {
  switch (field.kind) {
    case "constant":
      return () => start + field.json;
    case "count":
      return ({ counts }) => `${start}${counts[field.index]}`;
    case "nodes": {
      const write = rowWriter(field.row, field.fields);
      return ({ rows, writing }) => start + rowsText(rows, write, writing);
    }
    case "edges": {
      const write = edgeWriter(field.row, field.fields);
      return (page) => start + rowsText(page.rows, (row) => write(row, page), page.writing);
    }
    case "pageInfo": {
      const fields = field.fields.map((inner, i) => ({
        start: startOf(inner, i),
        value: pageInfoValue(inner, field.row, list),
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

function pageInfoValue(field: PageInfoField, row: RowSelection, { any }: ListSelection): (page: ReadPage) => string {
  if (field.kind === "constant") return () => field.json;
  const cursor = cursorWriter(row);
  switch (field.name) {
    case "hasNextPage":
      return ({ list: { window }, more }) => String(hasNextPage(window, () => more));
    case "hasPreviousPage":
      return ({ list: { window }, rows, more, counts }) =>
        String(
          hasPreviousPage(
            window,
            !rows.length,
            () => more,
            () => (counts[any!] as number) > 0,
          ),
        );
    case "startCursor":
      return (page) => (page.rows.length ? cursor(page.rows[0], page) : "null");
    default:
      return (page) => (page.rows.length ? cursor(page.rows.at(-1), page) : "null");
  }
}

function edgeWriter(row: RowSelection, selected: readonly EdgeField[]): (read: unknown, page: ReadPage) => string {
  const cursor = cursorWriter(row);
  const fields = selected.map((field, i) => {
    const start = startOf(field, i);
    if (field.kind === "constant") return () => start + field.json;
    if (field.kind === "cursor") return (read: unknown, page: ReadPage) => start + cursor(read, page);
    const write = rowWriter(row, field.fields);
    return (read: unknown, { writing }: ReadPage) => start + write(read, writing);
  });
  if (!fields.length) return () => "{}";
  return (read, page) => {
    let text = "";
    for (const field of fields) text = checked(text + field(read, page), page.writing);
    return `${text}}`;
  };
}

function cursorWriter(row: RowSelection): (read: unknown, page: ReadPage) => string {
  const keysByOrder = new WeakMap<TotalOrder, number[]>();
  const valuesOf = arrays.valuesOf(row);
  const model: Model = row.model;
  return (read, { list: { order } }) => {
    let keys = keysByOrder.get(order);
    if (!keys) {
      keys = order.map(({ field }) => row.column(field).index);
      keysByOrder.set(order, keys);
    }
    const values = valuesOf(read);
    const keyset = keys.map((key) => values[key]);
    return `"${cursorOf(keyset, order, model)}"`;
  };
}

/** Serialises a leaf value of the database's JSON. */
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
  moment: () => (value) => `"${formatExactTime(value as string)}"`,
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
