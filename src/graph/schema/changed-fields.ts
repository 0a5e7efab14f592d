import { type GraphQLField, type GraphQLSchema, isInterfaceType, isObjectType } from "graphql";
import { permits } from "../access/guard.js";
import type { Permission } from "../access/permission.js";
import type { Viewer } from "../access/viewer.js";
import type { Model } from "../model/datamodel.js";
import { accessOf } from "./access-directive.js";
import { sourceOf } from "./source.js";

/** Columns that change with every write, or never. */
const bookkeeping = ["id", "mode", "version", "createdAt", "updatedAt"];

/** The fields that show changes of these names in the audit trail, without those hidden from the viewer. */
export function changedFields(schema: GraphQLSchema, model: Model, names: readonly string[], viewer: Viewer): string[] {
  const fields = fieldsOf(schema, model.name);
  const changed = new Set<string>();
  for (const name of names) {
    const column = Object.keys(model.columns).find((field) => model.columns[field]!.column === name) ?? camelCase(name);
    if (bookkeeping.includes(column)) continue;
    for (const field of fieldsFrom(model, column, fields)) if (isOpen(field, viewer)) changed.add(field.name);
  }
  return [...changed].sort();
}

/** The permissions that a viewer lacks to see all fields of a type. */
export function missingFor(schema: GraphQLSchema, type: string, viewer: Viewer): Permission[] {
  const closed = Object.values(fieldsOf(schema, type)).filter((field) => !isOpen(field, viewer));
  return [...new Set(closed.flatMap((field) => accessOf(field)!))].sort();
}

type Fields = Record<string, GraphQLField<unknown, unknown>>;

export function fieldsOf(schema: GraphQLSchema, name: string): Fields {
  const type = schema.getType(name);
  return isObjectType(type) || isInterfaceType(type) ? type.getFields() : {};
}

export function isOpen(field: GraphQLField<unknown, unknown>, viewer: Viewer): boolean {
  const access = accessOf(field);
  return !access || permits(viewer, access);
}

/** The field of a column or, if it has none, the relations and derived fields computed from it. */
function fieldsFrom(model: Model, column: string, fields: Fields): GraphQLField<unknown, unknown>[] {
  const field = fields[column];
  if (field) return [field];
  return Object.values(fields).filter((candidate) => {
    const source = sourceOf(candidate);
    if (source?.kind === "parent") return model.relations[source.relation]?.key === column;
    return source?.kind === "derived" && source.needs?.includes(column);
  });
}

export function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
