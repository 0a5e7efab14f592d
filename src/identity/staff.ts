import { randomBytes } from "node:crypto";
import type { User } from "../generated/prisma/client.js";
import { permissionsOf } from "../graph/access/permission.js";
import { digestOf } from "./clients.js";
import { grantScope } from "./scopes.js";
import { endTokensOf, type SessionResources } from "./sessions.js";

export interface StaffFacts {
  firstName?: string;
  lastName?: string;
  /** What they may do in web applications; nothing named: read. */
  permissions?: readonly string[];
}

/** What cannot be done with a member of the staff. The message is for who operates the server. */
export class StaffError extends Error {
  override name = "StaffError";
}

/** A member of the staff, as it is kept. */
export type StaffMember = User;

/** For how long a sign-in token waits to be used. */
export const signInSeconds = 600;

export async function createStaff(
  { database }: Pick<SessionResources, "database">,
  email: string,
  { permissions = [], ...names }: StaffFacts,
): Promise<StaffMember> {
  const id = `usr_${randomBytes(12).toString("hex")}`;
  const data = { id, email, ...names, permissions: permissionsOf(permissions) };
  return database.prisma.user.create({ data }).catch((error: { code?: string }) => {
    throw error.code === "P2002"
      ? new StaffError(`There is a member of the staff with the address ${email} already.`)
      : error;
  });
}

export async function listStaff({ database }: Pick<SessionResources, "database">): Promise<StaffMember[]> {
  return database.prisma.user.findMany({ orderBy: { email: "asc" } });
}

/**
 * Updates the given fields of a staff member. Access tokens with the old permissions are revoked at once; sessions stay
 * and get tokens with the new ones. Null if the e-mail address is unknown.
 */
export async function updateStaff(
  resources: SessionResources,
  email: string,
  { permissions, ...names }: StaffFacts,
): Promise<StaffMember | null> {
  const [user] = await resources.database.prisma.user.updateManyAndReturn({
    where: { email },
    data: { ...names, ...(permissions && { permissions: permissionsOf(permissions) }) },
  });
  if (!user) return null;
  await endTokensOf(resources, `user:${user.id}`);
  return user;
}

/** Removes a staff member and revokes their sessions at once. False if the e-mail address is unknown. */
export async function removeStaff(resources: SessionResources, email: string): Promise<boolean> {
  const { prisma } = resources.database;
  const user = await prisma.user.findUnique({ where: { email } });
  if (!user) return false;
  // First, so that a failure in between leaves somebody to remove again.
  await endTokensOf(resources, `user:${user.id}`, { gone: true });
  await prisma.user.deleteMany({ where: { email } });
  return true;
}

/**
 * A token with which a web application signs in a member of the staff, once, by the grant `refresh_token` and with its
 * own secret. Only a hash of it is kept.
 */
export async function createSignInToken(
  { database: { prisma }, now }: Pick<SessionResources, "database" | "now">,
  { email, clientId, scope }: { email: string; clientId: string; scope: string | undefined },
): Promise<string> {
  const user = await prisma.user.findUnique({ where: { email } });
  if (!user) throw new StaffError(`There is no member of the staff with the address ${email}.`);
  const application = await prisma.application.findUnique({ where: { clientId } });
  if (application?.kind !== "webapp") {
    throw new StaffError(
      application
        ? `The application ${clientId} is of the kind ${application.kind}; the staff sign in to a webapp.`
        : `There is no application with the client id ${clientId}.`,
    );
  }
  const { id: applicationId, mode, kind } = application;
  const granted = await grantScope(prisma, { scope, mode, kind, customerGroupId: null });
  const token = randomBytes(32).toString("base64url");
  await prisma.refreshToken.create({
    data: {
      id: digestOf(token),
      familyId: randomBytes(16).toString("base64url"),
      applicationId,
      userId: user.id,
      mode,
      scope: granted.scope,
      marketIds: granted.marketIds ?? [],
      stockLocationIds: granted.stockLocationIds,
      expiresAt: new Date(now().getTime() + signInSeconds * 1_000),
      createdAt: now(),
    },
  });
  return token;
}
