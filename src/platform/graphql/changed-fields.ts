import { type GraphQLField, type GraphQLSchema, isInterfaceType, isObjectType } from "graphql";
import { permits } from "../access/guard.js";
import type { Viewer } from "../access/viewer.js";
import type { Model } from "../database/datamodel.js";
import { sourceOf } from "../plan/source.js";
import { accessOf } from "./access-directive.js";

/** Columns that every change touches, or none can. */
const bookkeeping = ["id", "mode", "version", "createdAt", "updatedAt"];

/** The fields that show what changed, by the names in the audit trail, as far as the viewer may see them. */
export function changedFields(schema: GraphQLSchema, model: Model, names: readonly string[], viewer: Viewer): string[] {
  const type = schema.getType(model.name);
  if (!isObjectType(type) && !isInterfaceType(type)) return [];
  const fields = type.getFields();
  const changed = new Set<string>();
  for (const name of names) {
    const column = Object.keys(model.columns).find((field) => model.columns[field]!.column === name) ?? camelCase(name);
    if (bookkeeping.includes(column)) continue;
    for (const field of fieldsFrom(model, column, fields)) {
      const access = accessOf(field);
      if (!access || permits(viewer, access)) changed.add(field.name);
    }
  }
  return [...changed].sort();
}

type Fields = Record<string, GraphQLField<unknown, unknown>>;

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

function camelCase(name: string): string {
  return name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}
