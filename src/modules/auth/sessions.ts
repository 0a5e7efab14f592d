import type { Prisma } from "../../generated/prisma/client.js";
import type { Revocations } from "../../platform/access/revocations.js";
import type { Database } from "../../platform/database/client.js";

export interface SessionResources {
  database: Database;
  revocations: Revocations;
  now: () => Date;
}

/** No access token lives longer: the database refuses applications that would have it so. */
const longestAccessTokenMs = 86_400_000;

/** Ends one log-in: its refresh tokens are gone and its access tokens refused. */
export async function endFamily(resources: SessionResources, familyId: string): Promise<void> {
  await resources.database.prisma.$transaction(async (transaction) => {
    await lockFamily(transaction, familyId);
    await transaction.refreshToken.deleteMany({ where: { familyId } });
    await resources.revocations.revoke(`family:${familyId}`, lastExpiry(resources), transaction);
  });
}

/**
 * Ends all log-ins of a customer, in the transaction of whatever makes it necessary: a new password, an erasure. One
 * that is being made at the same time comes to nothing if that transaction changes the password.
 */
export async function endSessionsOf(
  resources: SessionResources,
  customerId: string,
  transaction: Prisma.TransactionClient,
): Promise<void> {
  await transaction.$executeRaw`SELECT FROM customers WHERE id = ${customerId} FOR NO KEY UPDATE`;
  await transaction.refreshToken.deleteMany({ where: { customerId } });
  await resources.revocations.revoke(`customer:${customerId}`, lastExpiry(resources), transaction);
}

/** One at a time changes a family, so that none of its tokens is renewed while it is being ended. */
export async function lockFamily(transaction: Prisma.TransactionClient, familyId: string): Promise<void> {
  await transaction.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${familyId}, 0))`;
}

function lastExpiry({ now }: SessionResources): Date {
  return new Date(now().getTime() + longestAccessTokenMs);
}
