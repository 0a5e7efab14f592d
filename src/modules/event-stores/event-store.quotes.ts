import type { Quotes } from "../../graph/access/guard.js";
import { type Permission, unreadable } from "../../graph/access/permission.js";
import { aboutOf, modelOfType } from "../../graph/model/datamodel.js";
import { camelCase, changedFields, fieldsOf, isOpen, missingFor } from "../../graph/schema/changed-fields.js";

type Json = Record<string, object>;

/** Redacts staff members without `staff:read`, and customers without `customers:read`. */
export const quotesOfWho: Quotes = ({ who }, { permissions }) => {
  const needed: Permission[] = ["customers:read", "staff:read"];
  const missing = needed.filter((permission) => !permissions.has(permission));
  if (!missing.length) return { shown: who, missing };
  const { application, worker, owner } = who as Json & { owner?: { type?: string } };
  const isNamed = owner && permissions.has(owner.type === "Customer" ? "customers:read" : "staff:read");
  return {
    shown: { ...(application && { application }), ...(worker && { worker }), ...(isNamed && { owner }) },
    missing,
  };
};

/**
 * Audit trail attributes of which the viewer may see a field; all attributes if it may see every field of the resource.
 */
export const quotesOfPayload: Quotes = ({ payload, resourceType, event }, viewer, schema) => {
  const model = modelOfType(resourceType as string);
  // Columns that quote other resources may quote a resource of any type.
  if (!model || aboutOf(model)) return { shown: {}, missing: unreadable(viewer.permissions) };
  // Entries of an anonymization hold the request, not columns.
  const isRequest = (event as string).startsWith("anonymization_");
  const missing = missingFor(schema, isRequest ? "AnonymizationInfo" : model.name, viewer);
  if (!missing.length) return { shown: payload, missing };
  const ofRequest = fieldsOf(schema, "AnonymizationInfo");
  const isShown = (name: string) => {
    if (!isRequest) return changedFields(schema, model, [name], viewer).length > 0;
    const field = ofRequest[camelCase(name)];
    return field !== undefined && isOpen(field, viewer);
  };
  return {
    shown: Object.fromEntries(Object.entries(payload as Json).filter(([name]) => isShown(name))),
    missing,
  };
};
