import type { Database } from "../../platform/database/client.js";
import { digestOf } from "./clients.js";

/** The secrets of the demo shop's applications: written here for everybody to read, and worth as much. */
export const demoSecrets = {
  integration: "demo-integration-secret-not-for-production",
  dashboard: "demo-dashboard-secret-not-for-production",
} as const;

export class DemoCredentialsError extends Error {
  override name = "DemoCredentialsError";
}

/** Throws if a database that is meant for real customers has an application with a secret of the demo shop. */
export async function refuseDemoCredentials({ prisma }: Database): Promise<void> {
  const found = await prisma.application.findFirst({
    where: { secretDigest: { in: Object.values(demoSecrets).map(digestOf) } },
    select: { clientId: true },
  });
  if (!found) return;
  throw new DemoCredentialsError(
    `The application ${found.clientId} has the secret of the demo shop, which everybody knows. ` +
      "Use another database in production, or delete the application from this one.",
  );
}
