import { calculateJwkThumbprint, type JSONWebKeySet, type JWK } from "jose";
import { newSigningKey, publicHalf, readKeySet, SigningKeysError } from "./keys.js";
import { longestAccessTokenMs } from "./sessions.js";

/** A key of a set, with members beside those of RFC 7517; servers do not read them. */
interface StoredKey extends JWK {
  /** When it was made, in seconds since 1970. */
  iat?: number;
  /** When no token that it signed is good any more. */
  exp?: number;
}

export interface DescribedKey {
  kid: string;
  algorithm: string;
  /** `signs`: new tokens, as the first of the set; `announced`: will sign after the next rotation; `checks`: old tokens. */
  role: "signs" | "announced" | "checks";
  createdAt?: Date;
  /** From when on it is of no use. */
  retireAfter?: Date;
}

/** Maximum time until servers are restarted after a rotation; until then they sign with the old key. */
const restartMs = 3_600_000;

/** A key set with one new key, which signs. */
export async function createKeySet(now: Date): Promise<JSONWebKeySet> {
  return { keys: [await newKey(now)] };
}

/** What the keys of a set are for. */
export async function describeKeySet(text: string): Promise<DescribedKey[]> {
  const keys = await parse(text);
  const { verifying } = await readKeySet(text);
  // The map has them in the order of the set.
  return [...verifying].map(([kid, { algorithm }], index) => {
    const { iat, exp } = keys[index]!;
    const otherRole = isAnnounced(keys[index]!, keys[0]!) ? "announced" : "checks";
    return {
      kid,
      algorithm,
      role: index === 0 ? "signs" : otherRole,
      ...(iat !== undefined && { createdAt: new Date(iat * 1_000) }),
      ...(exp !== undefined && { retireAfter: new Date(exp * 1_000) }),
    };
  });
}

/**
 * Has another key sign: the announced one, else a new one. The one that signed until now goes on checking, and loses its
 * private half. With `announce` a new key is only published, so that every server knows it before one signs with it.
 */
export async function rotateKeySet(text: string, now: Date, { announce = false } = {}): Promise<JSONWebKeySet> {
  const [current, ...others] = await parse(text);
  const announced = others.find((key) => isAnnounced(key, current!));
  if (announce) {
    if (announced) throw new SigningKeysError("A key is announced already; rotate without --announce to have it sign.");
    return { keys: [current!, await newKey(now, current), ...others] };
  }
  const { alg, use, iat } = current!;
  const stopped: StoredKey = {
    ...publicHalf(current!),
    alg,
    use,
    iat,
    exp: Math.ceil((now.getTime() + longestAccessTokenMs + restartMs) / 1_000),
  };
  return { keys: [announced ?? (await newKey(now)), stopped, ...others.filter((key) => key !== announced)] };
}

/**
 * Takes the keys out of a set that are of no use any more, or the one with this `kid`: tokens that it signed are refused.
 * One that may still have good tokens is taken out only by `force`.
 */
export async function retireKeys(
  text: string,
  now: Date,
  { kid, force = false }: { kid?: string; force?: boolean } = {},
): Promise<{ set: JSONWebKeySet; retired: string[] }> {
  const keys = await parse(text);
  const described = await describeKeySet(text);
  const isDue = ({ role, retireAfter }: DescribedKey) =>
    role === "checks" && retireAfter !== undefined && retireAfter <= now;
  const retired = described.filter((key) => (kid === undefined ? isDue(key) : key.kid === kid));
  const [named] = retired;
  if (kid !== undefined) {
    if (!named) throw new SigningKeysError(`There is no key ${kid} in the set.`);
    if (named.role === "signs") throw new SigningKeysError("The key signs new tokens; rotate first.");
    if (!force && named.role === "checks" && !isDue(named)) {
      const until = named.retireAfter ? ` until ${named.retireAfter.toISOString()}` : "";
      throw new SigningKeysError(`Tokens that the key signed may be good${until}; --force ends them.`);
    }
  }
  return {
    set: { keys: keys.filter((_, index) => !retired.includes(described[index]!)) },
    retired: retired.map((key) => key.kid),
  };
}

async function newKey(now: Date, after?: StoredKey): Promise<StoredKey> {
  const iat = Math.floor(now.getTime() / 1_000);
  let key = await newSigningKey();
  // On a command line, an id that begins with a hyphen would be an option.
  while ((await calculateJwkThumbprint(key)).startsWith("-")) key = await newSigningKey();
  // Being younger is what makes a key the announced one.
  return { ...key, iat: Math.max(iat, (after?.iat ?? 0) + 1) };
}

function isAnnounced(key: StoredKey, current: StoredKey): boolean {
  return key.d !== undefined && key.exp === undefined && (key.iat ?? 0) > (current.iat ?? 0);
}

async function parse(text: string): Promise<StoredKey[]> {
  await readKeySet(text);
  const { keys } = JSON.parse(text) as { keys: StoredKey[] };
  return keys;
}
