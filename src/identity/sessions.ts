import type { Connections, Query } from "../database/client.js";
import type { Prisma } from "../generated/prisma/client.js";
import type { Revocations } from "./revocations.js";

export interface SessionResources {
  database: Connections;
  revocations: Revocations;
  now: () => Date;
}

/** No access token lives longer: the database refuses applications that would have it so. */
export const longestAccessTokenMs = 86_400_000;

/** How long a used refresh token may give its successor again, at most. */
export const longestRefreshGraceMs = 300_000;

/** Ends one log-in: its refresh tokens are gone and its access tokens refused. */
export async function endFamily({ database, revocations, now }: SessionResources, familyId: string): Promise<void> {
  const applied = await database.transaction(async (query) => {
    await query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [familyId]);
    await query("DELETE FROM refresh_tokens WHERE family_id = $1", [familyId]);
    return revocations.revokeIn(query, `family:${familyId}`, lastExpiry(now()));
  });
  applied();
}

/**
 * Ends all log-ins of a customer, in the transaction that makes it necessary: a new password, an erasure. The result is
 * to be called when it has ended well. One that is being made at the same time comes to nothing if the transaction
 * changes the password.
 */
export async function endSessionsOf(
  { revocations, now }: Pick<SessionResources, "revocations" | "now">,
  query: Query,
  customerId: string,
): Promise<() => void> {
  await query("SELECT FROM customers WHERE id = $1 FOR NO KEY UPDATE", [customerId]);
  await query("DELETE FROM refresh_tokens WHERE customer_id = $1", [customerId]);
  return revocations.revokeIn(query, `customer:${customerId}`, lastExpiry(now()));
}

/**
 * Ends all access tokens of an application or a member of the staff, after what they were given for has changed. Those of
 * one that is `gone` for good, whatever the time by which they were issued: another server's clock may be ahead.
 */
export async function endTokensOf(
  { revocations, now }: Pick<SessionResources, "revocations" | "now">,
  id: `user:${string}` | `application:${string}`,
  { gone = false } = {},
): Promise<void> {
  const expiry = lastExpiry(now());
  await revocations.revoke(id, expiry, gone ? expiry : now());
}

/** One at a time changes a family, so that none of its tokens is renewed while it is being ended. */
export async function lockFamily(transaction: Prisma.TransactionClient, familyId: string): Promise<void> {
  await transaction.$executeRaw`SELECT pg_advisory_xact_lock(hashtextextended(${familyId}, 0))`;
}

function lastExpiry(now: Date): Date {
  return new Date(now.getTime() + longestAccessTokenMs);
}
