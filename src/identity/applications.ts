import { randomBytes } from "node:crypto";
import type { Application } from "../generated/prisma/client.js";
import { type Permission, permissionsOf } from "../graph/access/permission.js";
import type { EnumValue } from "../graph/model/datamodel.js";
import { digestOf } from "./clients.js";
import { endTokensOf, type SessionResources } from "./sessions.js";

export interface NewApplication {
  name: string;
  kind: EnumValue<"ApplicationKind">;
  mode: EnumValue<"Mode">;
  /** What an integration may do. The other kinds have none of their own: what they may do depends on who signs in. */
  permissions: readonly string[];
  /** Whether a sales channel gets a secret too; the other kinds always do. */
  withSecret: boolean;
  accessTokenSeconds: number;
}

/** An application, as it is shown to who operates the server. The secret only once, when it is made. */
export type ShownApplication = Pick<
  Application,
  "id" | "name" | "kind" | "mode" | "clientId" | "permissions" | "accessTokenSeconds" | "createdAt"
> & { hasSecret: boolean; clientSecret?: string };

/** Makes an application with a new client id and, unless it is a public one, a secret, of which a hash is kept. */
export async function createApplication(
  { database }: Pick<SessionResources, "database">,
  { withSecret, permissions, ...facts }: NewApplication,
): Promise<ShownApplication> {
  const clientSecret = withSecret || facts.kind !== "sales_channel" ? newSecret() : undefined;
  const application = await database.prisma.application.create({
    data: {
      ...facts,
      id: `app_${randomBytes(12).toString("hex")}`,
      clientId: randomBytes(16).toString("hex"),
      secretDigest: clientSecret && digestOf(clientSecret),
      permissions: storedPermissions(permissions),
    },
  });
  return { ...shown(application), clientSecret };
}

export async function listApplications({ database }: Pick<SessionResources, "database">): Promise<ShownApplication[]> {
  return (await database.prisma.application.findMany({ orderBy: [{ createdAt: "asc" }, { id: "asc" }] })).map(shown);
}

/**
 * Gives an application another secret; the old one is refused at once. With `endTokens` so are the access tokens that it
 * was given. Null if there is no such application.
 */
export async function rotateSecret(
  resources: SessionResources,
  clientId: string,
  { endTokens }: { endTokens: boolean },
): Promise<ShownApplication | null> {
  const { prisma } = resources.database;
  const clientSecret = newSecret();
  const [application] = await prisma.application.updateManyAndReturn({
    where: { clientId },
    data: { secretDigest: digestOf(clientSecret) },
  });
  if (!application) return null;
  if (endTokens) await endTokensOf(resources, `application:${application.id}`);
  return { ...shown(application), clientSecret };
}

/** Removes an application: it gets no more tokens, and those it was given are refused. False if there is none. */
export async function revokeApplication(resources: SessionResources, clientId: string): Promise<boolean> {
  const { prisma } = resources.database;
  const application = await prisma.application.findUnique({ where: { clientId } });
  if (!application) return false;
  // First, so that a failure in between leaves something to revoke again.
  await endTokensOf(resources, `application:${application.id}`, { gone: true });
  await prisma.application.deleteMany({ where: { clientId } });
  return true;
}

/** No permissions stand for all of an integration. */
function storedPermissions(words: readonly string[]): Permission[] {
  return words.includes("*") ? [] : permissionsOf(words);
}

function shown({ secretDigest, permissions, ...application }: Application): ShownApplication {
  const { id, name, kind, mode, clientId, accessTokenSeconds, createdAt } = application;
  const all = kind === "integration" && permissions.length === 0;
  return {
    id,
    name,
    kind,
    mode,
    clientId,
    hasSecret: secretDigest !== null,
    permissions: all ? ["*"] : permissions,
    accessTokenSeconds,
    createdAt,
  };
}

function newSecret(): string {
  return randomBytes(32).toString("base64url");
}
