import type { ListOutput, ListPlan, Output, Plan, RowPlan, Views } from "./plan.js";
import type { ListField, ObjectField, ObjectShape, RootShape } from "./selection.js";

/** PostgreSQL's own limit on the length of names. */
const maximumName = 63;
/** json_build_object takes two arguments a field, of 100. */
const maximumAliased = 50;

/**
 * The objects of an answer that PostgreSQL can write by itself, a shape per root that reads, or undefined where a value
 * needs code: then its rows are read and written here.
 */
export function shapesOf({ roots, complete }: Plan): RootShape[] | undefined {
  if (!complete) return undefined;
  const shapes = roots
    .filter((root) => root.kind !== "constant")
    .map((root): RootShape | undefined => {
      if (root.kind === "many") {
        const fields = listFields(root.tree.list as ListPlan, root.outputs);
        return fields && { kind: "many", fields };
      }
      const shape = root.tree.unique ? objectShape(root.tree.row as RowPlan, root.views) : undefined;
      return shape && { kind: "one", shape };
    });
  return allDefined(shapes);
}

function objectShape(row: RowPlan, views: Views): ObjectShape | undefined {
  const shapes = [...views.values()].map((outputs) => allDefined(outputs.map((output) => objectField(row, output))));
  const [fields, ...others] = shapes;
  if (!fields?.length) return undefined;
  // Rows of several types have one shape if the same is written of each.
  const text = others.length ? JSON.stringify(fields) : "";
  if (others.some((other) => !other || JSON.stringify(other) !== text)) return undefined;
  const aliased = fields.some(({ alias }) => alias);
  return aliased && fields.length > maximumAliased ? undefined : { fields };
}

function objectField(row: RowPlan, output: Output): ObjectField | undefined {
  const { key } = output;
  const named = { key, alias: key !== output.name || key.length > maximumName };
  switch (output.kind) {
    case "constant":
      return { ...named, value: { kind: "constant", json: output.json } };
    case "column": {
      const { part, leaf } = output;
      const field = row.parts[part] as { kind: "column"; field: string };
      // A missing value where the schema promises one is an error, which resolvers tell.
      if (row.model.columns[field.field]!.nullable && !leaf.nullable) return undefined;
      if (leaf.kind !== "enum") return { ...named, value: { kind: "part", part } };
      const upper = [...leaf.names!].every(([value, name]) => name === JSON.stringify(value.toUpperCase()));
      return upper ? { ...named, value: { kind: "part", part, enum: true } } : undefined;
    }
    case "parent": {
      const shape = objectShape(output.row, output.views);
      return shape && { ...named, value: { kind: "part", part: output.part, shape } };
    }
    case "list": {
      const fields = listFields(output.list, output.outputs);
      return fields && { ...named, value: { kind: "list", part: output.part, fields } };
    }
    case "all": {
      const shape = objectShape(output.list.row!, output.views);
      return shape && { ...named, value: { kind: "rows", part: output.part, shape } };
    }
    case "derived":
      return undefined;
  }
}

function listFields(list: ListPlan, outputs: readonly ListOutput[]): ListField[] | undefined {
  const fields = outputs.map((output): ListField | undefined => {
    const named = { key: output.key, alias: output.key !== output.name };
    switch (output.kind) {
      case "constant":
        return { ...named, value: { kind: "constant", json: output.json } };
      case "count":
        return { ...named, value: { kind: "count", index: output.index } };
      case "nodes": {
        const shape = objectShape(list.row!, output.views);
        return shape && { ...named, value: { kind: "nodes", shape } };
      }
      default:
        return undefined;
    }
  });
  return outputs.length > maximumAliased ? undefined : allDefined(fields);
}

function allDefined<T>(values: readonly (T | undefined)[]): T[] | undefined {
  return values.every((value) => value !== undefined) ? (values as T[]) : undefined;
}
