import { CompactSign, compactVerify, createLocalJWKSet, type JSONWebKeySet } from "jose";
import type { Mode } from "../../graph/access/viewer.js";
import type { SigningKeys } from "../../identity/keys.js";

/** What a receipt says: nothing of the person but the customer's id. */
export interface Receipt {
  issuer: string;
  customerId: string;
  mode: Mode;
  requestedAt: string;
  startedAt: string;
  completedAt: string;
  /** How many rows of each table were erased. */
  rows: Record<string, number>;
  /** The SHA-256 of the rules by which it was done. */
  manifestDigest: string;
}

/** Keeps a receipt from passing for a token, and a token for a receipt. */
const type = "erasure-receipt+jws";

/** Signs a receipt with the key that signs access tokens, whose public half is published. */
export function signReceipt(receipt: Receipt, { current: { id, algorithm, key } }: SigningKeys): Promise<string> {
  return new CompactSign(new TextEncoder().encode(JSON.stringify(receipt)))
    .setProtectedHeader({ alg: algorithm, kid: id, typ: type })
    .sign(key);
}

/** What a receipt says, if one of the published keys signed it; throws otherwise. */
export async function verifyReceipt(signed: string, published: JSONWebKeySet): Promise<Receipt> {
  const { payload, protectedHeader } = await compactVerify(signed.trim(), createLocalJWKSet(published));
  if (protectedHeader.typ !== type) throw new Error("This is signed, but it is no receipt of an erasure.");
  return JSON.parse(new TextDecoder().decode(payload)) as Receipt;
}
