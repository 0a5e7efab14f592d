import bcrypt from "bcrypt";
import { ApiError, UserInputError } from "../errors.js";

/** bcrypt reads no further, and says nothing. */
const maximumBytes = 72;
const minimumCharacters = 8;
const defaultCost = 12;

/**
 * Hashing shares four threads with the checking of access tokens and other work of Node: with more at a time, a burst of
 * log-ins would hold up every other request.
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
  /** Called when the turn has come: throws if the password shall not be tried after all. */
  beforehand?: () => void;
}

/** The rule that a new password breaks, or undefined if it may be set. */
export function passwordProblem(plain: string): string | undefined {
  if ([...plain].length < minimumCharacters) return `must have at least ${minimumCharacters} characters`;
  if (Buffer.byteLength(plain) > maximumBytes) {
    return `must have at most ${maximumBytes} bytes: ${maximumBytes} Latin letters, fewer of others`;
  }
  return isPlainText(plain) ? undefined : "must not have NUL or half characters";
}

/** The digest to keep of a new password. Refuses one that breaks a rule, naming it as the argument at `path`. */
export async function hashPassword(
  plain: string,
  { cost = defaultCost, path = ["password"] }: HashOptions & { path?: readonly (string | number)[] } = {},
): Promise<string> {
  const problem = passwordProblem(plain);
  if (problem) throw new UserInputError(path, `${problem}.`);
  return inTurn(() => bcrypt.hash(plain, cost));
}

/**
 * Whether a password fits a digest. Takes the same time whatever the digest: none, a damaged one, or one that is
 * cheaper to check, as imported ones may be. A password that could not have been set is wrong, and takes as long.
 */
export async function verifyPassword(
  plain: string,
  digest: string | null,
  { cost = defaultCost, beforehand }: VerifyOptions = {},
): Promise<boolean> {
  const fits = Buffer.byteLength(plain) <= maximumBytes && isPlainText(plain);
  const usable = digest !== null && /^\$2[aby]\$(0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/.test(digest);
  return inTurn(async () => {
    beforehand?.();
    if (!usable || !fits) {
      await spend(cost);
      return false;
    }
    // PHP's name for the same algorithm.
    const right = await bcrypt.compare(plain, digest.replace(/^\$2y/, "$2b"));
    // 2^c + 2^c + 2^(c+1) + … + 2^(cost-1) = 2^cost: as much work in all as the full cost.
    for (let step = Number(digest.slice(4, 6)); step < cost; step++) await spend(step);
    return right;
  });
}

/** As much work as checking a digest of this cost. */
async function spend(cost: number): Promise<void> {
  await bcrypt.hash("no password", bcrypt.genSaltSync(cost));
}

function isPlainText(text: string): boolean {
  return text.isWellFormed() && !text.includes("\0");
}

/** Waits until fewer than `maximumRunning` are at it. Refuses when too many wait already. */
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
    // The place is handed on, so that nobody slips in between.
    if (next) next();
    else running--;
  }
}
