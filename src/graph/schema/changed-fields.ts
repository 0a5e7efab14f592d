import { type GraphQLField, type GraphQLSchema, isInterfaceType, isObjectType } from "graphql";
import { permits } from "../access/guard.js";
import type { Permission } from "../access/permission.js";
import type { Viewer } from "../access/viewer.js";
import type { Model } from "../model/datamodel.js";
import { accessOf } from "./access-directive.js";
import { sourceOf } from "./source.js";

/** Columns that every change updates, or none can. */
const bookkeeping = ["id", "mode", "version", "createdAt", "updatedAt"];

/** The fields that show what changed, by the names in the audit trail, as far as the viewer may see them. */
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

/** Missing permissions of a viewer to see all fields of a type. */
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

/** The field that is a column; for one that is none itself, the relations and derived fields that are made from it. */
function fieldsFrom(model: Model, column: string, fields: Fields): GraphQLField<unknown, unknown>[] {
  const own = fields[column];
  if (own) return [own];
  return Object.values(fields).filter((field) => {
    const source = sourceOf(field);
    if (source?.kind === "parent") return model.relations[source.relation]?.key === column;
    return source?.kind === "derived" && source.needs?.includes(column);
  });
}

export function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
