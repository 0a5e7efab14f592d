import { CompactSign, compactVerify, createLocalJWKSet, type JSONWebKeySet } from "jose";
import type { Mode } from "../../graph/access/viewer.js";
import type { SigningKeys } from "../../identity/keys.js";

/** Content of an erasure receipt; the customer's id is its only reference to the person. */
export interface Receipt {
  issuer: string;
  customerId: string;
  mode: Mode;
  requestedAt: string;
  startedAt: string;
  completedAt: string;
  /** Number of erased rows by table. */
  rows: Record<string, number>;
  /** SHA-256 of the erasure manifest that was applied. */
  manifestDigest: string;
}

/** JWT type that distinguishes receipts from access tokens. */
const type = "erasure-receipt+jws";

/** Signs a receipt with the private key of access tokens, whose public key is published. */
export function signReceipt(receipt: Receipt, { current: { id, algorithm, key } }: SigningKeys): Promise<string> {
  return new CompactSign(new TextEncoder().encode(JSON.stringify(receipt)))
    .setProtectedHeader({ alg: algorithm, kid: id, typ: type })
    .sign(key);
}

/** Verifies a receipt against the published keys and returns its content; throws if none matches. */
export async function verifyReceipt(signed: string, published: JSONWebKeySet): Promise<Receipt> {
  const { payload, protectedHeader } = await compactVerify(signed.trim(), createLocalJWKSet(published));
  if (protectedHeader.typ !== type) throw new Error("This is signed, but it is no receipt of an erasure.");
  return JSON.parse(new TextDecoder().decode(payload)) as Receipt;
}
