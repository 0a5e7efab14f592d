import type { datamodel } from "../../generated/datamodel.js";
import { type Model, type ModelName, modelNamed, models } from "../model/datamodel.js";

type Table = (typeof datamodel)[ModelName]["table"];
const actions = ["read", "create", "update", "destroy"] as const;
export type Action = (typeof actions)[number];

type Special = { [M in ModelName]: keyof (typeof datamodel)[M]["special"] }[ModelName];

/** A permission: an action on a type of resource, such as `customers:read`, or a special right. */
export type Permission = `${Table}:${Action}` | Special;

const tables = [...models.values()].map(({ table }) => table);
const special = [...models.values()]
  .flatMap((model) => Object.entries(model.special) as [Permission, string][])
  .sort(([one], [other]) => (one < other ? -1 : 1));

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

/** How clients write it: `customers:read` is `CUSTOMERS_READ`. */
export function permissionName(permission: Permission): string {
  return permission.replace(":", "_").toUpperCase();
}

const toReadAnything = [...permissions.keys()].filter((permission) => permission.endsWith(":read"));

/** The read permissions that are missing from a set. */
export function unreadable(given: ReadonlySet<Permission>): Permission[] {
  return toReadAnything.filter((permission) => !given.has(permission));
}

/** Several permissions of which one is enough, for descriptions. */
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
 * The permissions that a list of words stands for: `customers:read` one, `customers:*` all of a kind of resource, `*:read` one
 * action on all kinds, `*` every one. Throws for a word that stands for none.
 */
export function permissionsOf(words: readonly string[]): Permission[] {
  const found = new Set<Permission>();
  for (const word of words) {
    const [subject, action] = word.split(":");
    const matching = [...permissions.keys()].filter((permission) => {
      if (word === everyPermission || permission === word) return true;
      const [permissionSubject, permissionAction] = permission.split(":");
      return action === everyPermission
        ? permissionSubject === subject
        : subject === everyPermission && permissionAction === action;
    });
    if (matching.length === 0) {
      throw new PermissionsError(
        `“${word.slice(0, 100)}” is no permission; write orders:read, orders:*, *:read, or * for every one. The schema names those of each field (@access).`,
      );
    }
    for (const permission of matching) found.add(permission);
  }
  return [...found];
}

/** The permission to read rows of a model. */
export function toRead(model: ModelName): Permission {
  return `${modelNamed(model).table}:read` as Permission;
}

const givenTo = (kind: keyof Model["permissions"]): ReadonlySet<Permission> =>
  new Set([...models.values()].flatMap((model) => model.permissions[kind] as readonly Permission[]));

/** Default permissions by kind of caller, from `@permissions` of each model. */
export const permissionsByKind = {
  anonymous: new Set<Permission>(),
  guest: givenTo("guest"),
  customer: givenTo("customer"),
  integration: new Set(permissions.keys()),
  user: givenTo("user"),
} as const satisfies Record<string, ReadonlySet<Permission>>;
