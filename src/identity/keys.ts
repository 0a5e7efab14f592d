import { randomUUID } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type CryptoKey,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JSONWebKeySet,
  type JWK,
} from "jose";

/** A key that checks signatures. Only its own algorithm is accepted with it. */
export interface VerifyingKey {
  readonly algorithm: string;
  readonly key: CryptoKey;
}

export interface SigningKeys {
  /** The key that signs new tokens. */
  readonly current: { readonly id: string; readonly algorithm: string; readonly key: CryptoKey };
  /** All keys whose tokens are good, by their ids (`kid`): the thumbprint of RFC 7638. */
  readonly verifying: ReadonlyMap<string, VerifyingKey>;
  /** The public halves, as `/.well-known/jwks.json` shows them. */
  readonly published: JSONWebKeySet;
}

export class SigningKeysError extends Error {
  override name = "SigningKeysError";
}

export interface SigningKeysOptions {
  /** A JWK set, or the path of a file with one. Its first key signs; the others only check. */
  signingKeys: string | undefined;
  dataDir: string;
  environment: string;
}

const fileName = "signing-keys.json";

/**
 * The keys of the configuration. Without any, a key that is made once and kept in the data folder, so that the server
 * and the commands beside it share it; production has to be given its keys.
 */
export async function loadSigningKeys({ signingKeys, dataDir, environment }: SigningKeysOptions): Promise<SigningKeys> {
  if (signingKeys) return readKeySet(signingKeys.startsWith("{") ? signingKeys : await contents(signingKeys));
  if (environment === "production") {
    throw new SigningKeysError(
      "In production SIGNING_KEYS must hold a JWK set, or the path of a file with one: its first key signs the access tokens.",
    );
  }
  return readKeySet(await ownKeySet(dataDir));
}

/** A new key as a JWK set with its private half: what SIGNING_KEYS takes. */
export async function newKeySet(): Promise<JSONWebKeySet> {
  return { keys: [await newSigningKey()] };
}

/** A new key with its private half. */
export async function newSigningKey(): Promise<JWK> {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return { ...(await exportJWK(privateKey)), alg: "ES256", use: "sig" };
}

async function contents(path: string): Promise<string> {
  return readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new SigningKeysError(`SIGNING_KEYS names a file that cannot be read (${error.code}).`);
  });
}

/** Of several processes that start at once, one makes the file and all use it. */
async function ownKeySet(dataDir: string): Promise<string> {
  const file = join(dataDir, fileName);
  const known = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "ENOENT") throw error;
  });
  if (known) return known;
  await mkdir(dataDir, { recursive: true });
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, JSON.stringify(await newKeySet()), { mode: 0o600, flag: "wx" });
  try {
    // Unlike a rename, a link does not replace the file of whoever was faster.
    await link(draft, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    await rm(draft, { force: true });
  }
  return readFile(file, "utf8");
}

/** The keys in the text of a JWK set; throws a `SigningKeysError` that says which is wrong. */
export async function readKeySet(text: string): Promise<SigningKeys> {
  const keys = parseKeySet(text);
  const verifying = new Map<string, VerifyingKey>();
  const published: JWK[] = [];
  let current: SigningKeys["current"] | undefined;
  for (const [index, jwk] of keys.entries()) {
    const where = `SIGNING_KEYS: key ${index + 1}`;
    const algorithm = algorithmOf(jwk, where);
    const id = await calculateJwkThumbprint(jwk);
    if (verifying.has(id)) throw new SigningKeysError(`${where} is there twice.`);
    const open = publicHalf(jwk);
    verifying.set(id, { algorithm, key: await importKey(open, algorithm, where) });
    published.push({ ...open, kid: id, alg: algorithm, use: "sig" });
    if (index === 0) {
      if (!jwk.d) throw new SigningKeysError(`${where} must have its private half, since it signs.`);
      current = { id, algorithm, key: await importKey(jwk, algorithm, where) };
    }
  }
  return { current: current!, verifying, published: { keys: published } };
}

function parseKeySet(text: string): JWK[] {
  let set: Partial<JSONWebKeySet> | null;
  try {
    set = JSON.parse(text);
  } catch {
    throw new SigningKeysError("SIGNING_KEYS is not JSON.");
  }
  const keys = set?.keys;
  if (!Array.isArray(keys) || keys.length === 0 || !keys.every((key) => key && typeof key === "object")) {
    throw new SigningKeysError('SIGNING_KEYS must be a JWK set with at least one key: {"keys": [{"kty": "EC", …}]}.');
  }
  return keys;
}

/** Asymmetric algorithms only: with a shared secret, anyone who can verify a token could forge one. */
function algorithmOf(jwk: JWK, where: string): string {
  const choices =
    jwk.kty === "EC" && jwk.crv === "P-256"
      ? ["ES256"]
      : jwk.kty === "OKP" && jwk.crv === "Ed25519"
        ? ["EdDSA"]
        : jwk.kty === "RSA" && Buffer.from(jwk.n ?? "", "base64url").length >= 256
          ? ["RS256", "RS512"]
          : [];
  const algorithm = jwk.alg ? choices.find((choice) => choice === jwk.alg) : choices[0];
  if (algorithm) return algorithm;
  throw new SigningKeysError(
    `${where} must be an EC key on P-256 (ES256), an Ed25519 key (EdDSA) or an RSA key of 2048 bits or more (RS256, RS512).`,
  );
}

export function publicHalf({ kty, crv, x, y, n, e }: JWK): JWK {
  return Object.fromEntries(Object.entries({ kty, crv, x, y, n, e }).filter(([, value]) => value)) as JWK;
}

async function importKey(jwk: JWK, algorithm: string, where: string): Promise<CryptoKey> {
  try {
    const { key_ops: _, ext: __, use: ___, ...members } = jwk;
    return (await importJWK(members, algorithm)) as CryptoKey;
  } catch {
    throw new SigningKeysError(`${where} is damaged.`);
  }
}
