import { readFile } from "node:fs/promises";
import { type Permission, PermissionsError, permissionsOf } from "../graph/access/permission.js";

/** What applications of an outside issuer may do, by client id or application id. */
export type OutsidePermissions = ReadonlyMap<string, readonly Permission[]>;

/** Reads AUTH_PERMISSIONS: a JSON object of client ids with lists of permissions, or the path of a file with one. */
export async function loadOutsidePermissions(setting: string | undefined): Promise<OutsidePermissions> {
  if (!setting) return new Map();
  let table: unknown;
  try {
    table = JSON.parse(setting.startsWith("{") ? setting : await contents(setting));
  } catch (error) {
    if (error instanceof PermissionsError) throw error;
    throw new PermissionsError("AUTH_PERMISSIONS is not JSON.");
  }
  if (!table || typeof table !== "object" || Array.isArray(table)) throw new PermissionsError(expected);
  const permissions = new Map<string, readonly Permission[]>();
  for (const [client, words] of Object.entries(table)) {
    if (!Array.isArray(words) || !words.every((word) => typeof word === "string")) throw new PermissionsError(expected);
    try {
      permissions.set(client, permissionsOf(words));
    } catch (error) {
      throw new PermissionsError(`AUTH_PERMISSIONS: client ${JSON.stringify(client)}: ${(error as Error).message}`);
    }
  }
  return permissions;
}

const expected =
  'AUTH_PERMISSIONS must be a JSON object of client ids with lists of permissions: {"client-id": ["customers:read", "orders:*"]}.';

async function contents(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new PermissionsError(`AUTH_PERMISSIONS names a file that cannot be read (${error.code}).`);
  });
}
