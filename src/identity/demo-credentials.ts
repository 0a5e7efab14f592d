import type { Connections } from "../database/client.js";
import { digestOf } from "./clients.js";

/** The secrets of the demo shop's applications: written here for everybody to read, and worth as much. */
export const demoSecrets = {
  integration: "demo-integration-secret-not-for-production",
  dashboard: "demo-dashboard-secret-not-for-production",
} as const;

export class DemoCredentialsError extends Error {
  override name = "DemoCredentialsError";
}

/**
 * Throws if a database that is meant for real customers has an application with a secret of the demo shop. Without
 * Prisma, which takes 35 MB of memory from its first use on, and a server that only reads need not use.
 */
export async function refuseDemoCredentials(database: Connections): Promise<void> {
  const [found] = await database.query(
    "SELECT client_id FROM applications WHERE secret_digest = ANY ($1::text[]) LIMIT 1",
    [Object.values(demoSecrets).map(digestOf)],
  );
  if (!found) return;
  throw new DemoCredentialsError(
    `The application ${found[0]} has the secret of the demo shop, which everybody knows. ` +
      "Use another database in production, or delete the application from this one.",
  );
}
