import type { datamodel } from "../../generated/datamodel.js";
import { type Model, type ModelName, modelNamed, models } from "../model/datamodel.js";

type Table = (typeof datamodel)[ModelName]["table"];
export const actions = ["read", "create", "update", "destroy"] as const;
export type Action = (typeof actions)[number];

export type SpecialPermission = { [M in ModelName]: keyof (typeof datamodel)[M]["special"] }[ModelName];

/** A permission: an action on a type of resource, such as `customers:read`, or a special right. */
export type Permission = `${Table}:${Action}` | SpecialPermission;

const tables = [...models.values()].map(({ table }) => table);
const special = [...models.values()]
  .flatMap((model) => Object.entries(model.special) as [Permission, string][])
  .sort(([a], [b]) => (a < b ? -1 : 1));

/** All permissions, with their descriptions. */
export const permissions: ReadonlyMap<Permission, string> = new Map<Permission, string>([
  ...tables.flatMap((table) =>
    actions.map(
      (action) =>
        [
          `${table}:${action}` as Permission,
          `${action[0]!.toUpperCase()}${action.slice(1)} ${table.replaceAll("_", " ")}.`,
        ] as const,
    ),
  ),
  ...special,
]);

/** The permission's name in the schema: `CUSTOMERS_READ` for `customers:read`. */
export function permissionName(permission: Permission): string {
  return permission.replace(":", "_").toUpperCase();
}

const readPermissions = [...permissions.keys()].filter((permission) => permission.endsWith(":read"));

/** The read permissions missing from a set. */
export function unreadable(given: ReadonlySet<Permission>): Permission[] {
  return readPermissions.filter((permission) => !given.has(permission));
}

/** Formats alternative permissions for descriptions. */
export function permissionsText(anyOf: readonly Permission[]): string {
  return anyOf.map((permission) => `\`${permission}\``).join(" or ");
}

export function isPermission(word: string): word is Permission {
  return permissions.has(word as Permission);
}

export class PermissionsError extends Error {
  override name = "PermissionsError";
}

/** Wildcard for every permission. */
export const everyPermission = "*";

/**
 * Expands patterns: `customers:read` is one permission, `customers:*` all on one resource type, `*:read` one action on all
 * types, `*` every permission. Throws if a pattern matches none.
 */
export function permissionsOf(patterns: readonly string[]): Permission[] {
  const expanded = new Set<Permission>();
  for (const pattern of patterns) {
    const [subject, action] = pattern.split(":");
    const matching = [...permissions.keys()].filter((permission) => {
      if (pattern === everyPermission || permission === pattern) return true;
      const [permissionSubject, permissionAction] = permission.split(":");
      return action === everyPermission
        ? permissionSubject === subject
        : subject === everyPermission && permissionAction === action;
    });
    if (matching.length === 0) {
      throw new PermissionsError(
        `“${pattern.slice(0, 100)}” is no permission; write orders:read, orders:*, *:read, or * for every one. The schema names those of each field (@access).`,
      );
    }
    for (const permission of matching) expanded.add(permission);
  }
  return [...expanded];
}

/** The permission to read rows of a model. */
export function toRead(model: ModelName): Permission {
  return `${modelNamed(model).table}:read` as Permission;
}

const defaultsOf = (kind: keyof Model["permissions"]): ReadonlySet<Permission> =>
  new Set([...models.values()].flatMap((model) => model.permissions[kind] as readonly Permission[]));

/** Default permissions by kind of caller, from `@permissions` of each model. */
export const permissionsByKind = {
  anonymous: new Set<Permission>(),
  guest: defaultsOf("guest"),
  customer: defaultsOf("customer"),
  integration: new Set(permissions.keys()),
  user: defaultsOf("user"),
} as const satisfies Record<string, ReadonlySet<Permission>>;
