import { createHash, timingSafeEqual } from "node:crypto";
import type { Connections } from "../database/client.js";
import type { Application } from "../generated/prisma/client.js";

/** An application that has shown who it is. */
export type Client = Application & {
  /** Whether it showed its secret; a public application need not. */
  confidential: boolean;
};

/** Digest of a secret or refresh token: random enough for a plain, unsalted hash. */
export function digestOf(secret: string): string {
  return createHash("sha256").update(secret).digest("hex");
}

/** The application with this client id and secret, or null. A secret that was sent must be right. */
export async function findClient(
  { prisma }: Connections,
  clientId: string,
  secret: string | undefined,
): Promise<Client | null> {
  const application = await prisma.application.findUnique({ where: { clientId } });
  const confidential = sameText(digestOf(secret ?? ""), application?.secretDigest ?? digestOf("no such application"));
  if (!application) return null;
  const isPublic = application.kind === "sales_channel";
  return confidential || (isPublic && secret === undefined) ? { ...application, confidential } : null;
}

function sameText(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
