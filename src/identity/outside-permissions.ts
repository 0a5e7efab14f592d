import { readFile } from "node:fs/promises";
import { type Permission, PermissionsError, permissionsOf } from "../graph/access/permission.js";

/** What applications of an outside issuer may do, by client id or application id. */
export type OutsidePermissions = ReadonlyMap<string, readonly Permission[]>;

/** Reads AUTH_PERMISSIONS or UPSTREAM_CLIENTS: a JSON object of client ids with lists of permissions, or the path of a file with one. */
export async function loadOutsidePermissions(
  name: "AUTH_PERMISSIONS" | "UPSTREAM_CLIENTS",
  setting: string | undefined,
): Promise<OutsidePermissions> {
  if (!setting) return new Map();
  let table: unknown;
  try {
    table = JSON.parse(setting.startsWith("{") ? setting : await contents(name, setting));
  } catch (error) {
    if (error instanceof PermissionsError) throw error;
    throw new PermissionsError(`${name} is not JSON.`);
  }
  if (!table || typeof table !== "object" || Array.isArray(table)) throw new PermissionsError(expected(name));
  const permissions = new Map<string, readonly Permission[]>();
  for (const [client, words] of Object.entries(table)) {
    if (!Array.isArray(words) || !words.every((word) => typeof word === "string")) {
      throw new PermissionsError(expected(name));
    }
    try {
      permissions.set(client, permissionsOf(words));
    } catch (error) {
      throw new PermissionsError(`${name}: client ${JSON.stringify(client)}: ${(error as Error).message}`);
    }
  }
  return permissions;
}

function expected(name: string): string {
  return `${name} must be a JSON object of client ids with lists of permissions: {"client-id": ["customers:read", "orders:*"]}.`;
}

async function contents(name: string, path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new PermissionsError(`${name} names a file that cannot be read (${error.code}).`);
  });
}
