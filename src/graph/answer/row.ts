import { columnOf } from "../model/datamodel.js";
import { storedTime } from "../model/times.js";
import type { ModelType } from "../schema/model.js";
import type { RowPlan } from "./plan.js";
import type { Part } from "./selection.js";

type Row = Record<string, unknown>;

/** Makes rows, instances of their class, from the parts that were read of them; for rows of several types, of `object`. */
export function instantiate({ type, parts }: RowPlan, object?: string): (values: readonly unknown[]) => object {
  const make = columnsOf(type, parts);
  const prototype = object === undefined ? undefined : (type.classNamed(object).prototype as object);
  return (values) => {
    const columns = make(values);
    return Object.assign(Object.create(prototype ?? (type.rowType(columns).prototype as object)) as Row, columns);
  };
}

/** The columns among the parts of a row, as resolvers expect them: moments as dates. */
export function columnsOf(type: ModelType, parts: readonly Part[]): (values: readonly unknown[]) => Row {
  const fields: [name: string, at: number, moment: boolean][] = [];
  parts.forEach((part, at) => {
    if (part.kind !== "column") return;
    fields.push([part.field, at, columnOf(type.datamodel, part.field).type === "DateTime"]);
  });
  return (values) => {
    const columns: Row = {};
    for (const [name, at, moment] of fields) {
      const value = values[at];
      columns[name] = moment && value !== null ? storedTime(value as string) : value;
    }
    return columns;
  };
}
