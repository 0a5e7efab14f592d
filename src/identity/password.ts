import bcrypt from "bcrypt";
import { ApiError, UserInputError } from "../errors.js";

/** Maximum length in bytes: bcrypt silently ignores the rest. */
const maximumBytes = 72;
const minimumCharacters = 8;
const defaultCost = 12;

/**
 * Concurrency limit of password hashing: it shares four threads with token verification and other work of Node, so a burst
 * of log-ins would block every other request.
 */
const maximumRunning = 2;
const maximumWaiting = 64;

let running = 0;
const waiting: (() => void)[] = [];

export interface HashOptions {
  /** Two to the power of this many rounds. Lower ones are for tests. */
  cost?: number;
}

export interface VerifyOptions extends HashOptions {
  /** Called before hashing, after waiting in the queue: throws if the attempt must be rejected. */
  beforehand?: () => void;
}

/** What a password may be, for descriptions of fields. */
export const passwordRule =
  "8 characters to 72 bytes, not all blank, without control characters. Composed and decomposed letters are the same, and so are all kinds of spaces";

/**
 * Normalises a password before hashing (RFC 8265, OpaqueString): keyboards and systems differ in Unicode composition and
 * in the kind of space they send.
 */
export function normalizedPassword(plain: string): string {
  return plain.replace(/\p{Zs}/gu, " ").normalize("NFC");
}

/** The rule that a new password breaks, or undefined if it may be set. */
export function passwordProblem(plain: string): string | undefined {
  const text = normalizedPassword(plain);
  if ([...text].length < minimumCharacters) return `must have at least ${minimumCharacters} characters`;
  if (Buffer.byteLength(text) > maximumBytes) {
    return `must have at most ${maximumBytes} bytes: ${maximumBytes} Latin letters, fewer of others`;
  }
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(text) || !text.isWellFormed()) {
    return "must not have control characters, such as NUL or tabs, or half characters";
  }
  return blank.test(text) ? "must not be made of blanks and invisible characters alone" : undefined;
}

/** The fillers of Hangul and the blank of Braille are letters and signs that show nothing. */
const blank = /^[\p{White_Space}\p{Default_Ignorable_Code_Point}\p{Cf}\u2800]*$/u;

/** The digest to keep of a new password. Refuses one that breaks a rule, naming it as the argument at `path`. */
export async function hashPassword(
  plain: string,
  { cost = defaultCost, path = ["password"] }: HashOptions & { path?: readonly (string | number)[] } = {},
): Promise<string> {
  const problem = passwordProblem(plain);
  if (problem) throw new UserInputError(path, `${problem}.`);
  return inTurn(() => bcrypt.hash(normalizedPassword(plain), cost));
}

/**
 * Whether a password fits a digest. Takes the same time whatever the digest: none, a damaged one, or one that is
 * cheaper to check, as imported ones may be. A password that could not have been set is wrong, and takes as long.
 * Digests from before passwords were normalized are of the text as it came: where that differs it is always tried too,
 * so the time tells how the text was typed and nothing of the account.
 */
export async function verifyPassword(
  plain: string,
  digest: string | null,
  { cost = defaultCost, beforehand }: VerifyOptions = {},
): Promise<boolean> {
  return inTurn(async () => {
    beforehand?.();
    let right = false;
    for (const text of new Set([normalizedPassword(plain), plain]))
      right = (await fitsDigest(text, digest, cost)) || right;
    return right;
  });
}

async function fitsDigest(text: string, digest: string | null, cost: number): Promise<boolean> {
  const fits = Buffer.byteLength(text) <= maximumBytes && text.isWellFormed() && !text.includes("\0");
  const usable = digest !== null && /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/.test(digest);
  if (!usable || !fits) {
    await spend(cost);
    return false;
  }
  // PHP's name for the same algorithm.
  const right = await bcrypt.compare(text, digest.replace(/^\$2y/, "$2b"));
  // 2^c + 2^c + 2^(c+1) + … + 2^(cost-1) = 2^cost: as much work in all as the full cost.
  for (let step = Number(digest.slice(4, 6)); step < cost; step++) await spend(step);
  return right;
}

/** Spends as much time as verifying a digest of this cost (constant-time response). */
async function spend(cost: number): Promise<void> {
  await bcrypt.hash("no password", bcrypt.genSaltSync(cost));
}

/** Semaphore: waits until fewer than `maximumRunning` are running. Rejects when the queue is full. */
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running < maximumRunning) running++;
  else {
    if (waiting.length >= maximumWaiting) {
      throw new ApiError("RATE_LIMITED", "Too many log-ins at once; try again in a few seconds.", {
        retryAfterMs: 5_000,
        http: { status: 429 },
      });
    }
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    // The slot is handed to the next in the queue.
    if (next) next();
    else running--;
  }
}
