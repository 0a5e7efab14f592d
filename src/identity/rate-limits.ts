import { createHash } from "node:crypto";
import { isIP } from "node:net";
import { ApiError } from "../errors.js";

/** Too many attempts: try again later. */
export class TooManyAttemptsError extends ApiError {
  constructor(readonly retryAfterMs: number) {
    const seconds = Math.ceil(retryAfterMs / 1_000);
    super("RATE_LIMITED", `Too many attempts; try again in ${seconds} second${seconds === 1 ? "" : "s"}.`, {
      retryAfterMs: Math.ceil(retryAfterMs),
      http: { status: 429 },
    });
    this.name = "TooManyAttemptsError";
  }
}

interface FailureRule {
  /** Number of failures without delay. */
  free: number;
  /** First delay; doubles with each further failure (exponential backoff). */
  firstWaitMs: number;
  /** Maximum delay: an attacker cannot lock out the owner of an account. */
  longestWaitMs: number;
  /** Decay: one failure is forgotten per interval. */
  forgetMs: number;
}

/** Rate limits of failed log-ins. */
const failureRules = {
  accountAtAddress: { free: 5, firstWaitMs: 1_000, longestWaitMs: 60_000, forgetMs: 60_000 },
  accountAtClient: { free: 20, firstWaitMs: 1_000, longestWaitMs: 30_000, forgetMs: 60_000 },
  account: { free: 40, firstWaitMs: 1_000, longestWaitMs: 30_000, forgetMs: 60_000 },
  address: { free: 50, firstWaitMs: 1_000, longestWaitMs: 60_000, forgetMs: 10_000 },
} satisfies Record<string, FailureRule>;

interface RequestRule {
  /** Burst size of the token bucket. */
  burst: number;
  perSecond: number;
}

/** Rate limits of all requests, successful or not. */
const requestRules = {
  client: { burst: 3_000, perSecond: 50 },
  address: { burst: 300, perSecond: 5 },
} satisfies Record<string, RequestRule>;

/**
 * What a form counts against that anybody may send and that takes an e-mail address, such as a sign-up: 1 in itself, and
 * more if its answer tells of a customer. An address of a network so learns of 20 customers, then of one a minute, while
 * 30 people a minute may sign up there.
 */
const formRules = {
  address: { burst: 600, perSecond: 0.5 },
  client: { burst: 6_000, perSecond: 30 },
} satisfies Record<string, RequestRule>;

/** Cost of a response that reveals whether an e-mail address has a customer. */
const tellingCost = 30;

/** Maximum number of keys per limit, so that invented keys cannot exhaust memory. */
const maximumKeys = 20_000;

/**
 * The limits of log-ins and of forms that anybody may send, in this process's memory. Refused attempts count for
 * nothing, so waiting is always enough; and an address from which an account signed in before is not held up by what
 * others do to the account.
 */
export class Limits {
  private readonly requests = mapValues(requestRules, (rule) => new Buckets(rule));
  private readonly forms = mapValues(formRules, (rule) => new Buckets(rule));
  private readonly failures = mapValues(failureRules, (rule) => new Failures(rule));
  private readonly known = new RecentKeys<true>();

  constructor(private readonly now: () => Date) {}

  /** Counts a request of an address. */
  requestFrom(address: string): void {
    this.requests.address.take(keyOf(address), this.time());
  }

  /** Counts a request for a client. */
  requestFor(clientId: string): void {
    this.requests.client.take(keyOf(clientId), this.time());
  }

  /** Refuses an address that failed too often, in whatever. */
  checkAddress(address: string): void {
    this.failures.address.check(keyOf(address), this.time());
  }

  failedFrom(address: string): void {
    this.failures.address.add(keyOf(address), this.time());
  }

  /** The log-in of an account, as the caller named it, whether or not it exists. */
  logIn(clientId: string, account: string, address: string): LogIn {
    const here = keyOf(account, address);
    const keys = [[this.failures.accountAtAddress, here]] as [Failures, string][];
    keys.push([this.failures.address, keyOf(address)]);
    if (!this.known.get(here)) {
      keys.push([this.failures.accountAtClient, keyOf(clientId, account)], [this.failures.account, keyOf(account)]);
    }
    return {
      check: () => {
        for (const [failures, key] of keys) failures.check(key, this.time());
      },
      failed: () => {
        for (const [failures, key] of keys) failures.add(key, this.time());
      },
      succeeded: () => {
        this.failures.accountAtAddress.clear(here);
        this.known.set(here, true);
      },
    };
  }

  /**
   * A form with an e-mail address. What it costs at most is taken beforehand, so that many at once are no way around.
   */
  form(clientId: string, address: string, { mayTell }: { mayTell: boolean }): Form {
    const cost = mayTell ? tellingCost : 1;
    const { forms } = this;
    const [here, client] = [keyOf(address), keyOf(clientId)];
    forms.address.take(here, this.time(), cost);
    try {
      forms.client.take(client, this.time(), cost);
    } catch (error) {
      forms.address.give(here, this.time(), cost);
      throw error;
    }
    return {
      revealedNothing: () => {
        forms.address.give(here, this.time(), cost - 1);
        forms.client.give(client, this.time(), cost - 1);
      },
    };
  }

  private time(): number {
    return this.now().getTime();
  }
}

export interface LogIn {
  /** Throws while the account, the client or the address has to wait. */
  check(): void;
  failed(): void;
  succeeded(): void;
}

export interface Form {
  /** Refunds part of the cost if the response revealed no customer. */
  revealedNothing(): void;
}

/** LRU map. */
class RecentKeys<V> {
  private readonly entries = new Map<string, V>();

  get(key: string): V | undefined {
    const value = this.entries.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: string, value: V): void {
    this.entries.delete(key);
    this.entries.set(key, value);
    if (this.entries.size > maximumKeys) this.entries.delete(this.entries.keys().next().value!);
  }

  delete(key: string): void {
    this.entries.delete(key);
  }
}

class Buckets {
  private readonly levels = new RecentKeys<{ left: number; at: number }>();
  constructor(private readonly rule: RequestRule) {}

  take(key: string, now: number, cost = 1): void {
    const left = this.left(key, now);
    this.levels.set(key, { left: left < cost ? left : left - cost, at: now });
    if (left < cost) throw new TooManyAttemptsError(((cost - left) / this.rule.perSecond) * 1_000);
  }

  give(key: string, now: number, amount: number): void {
    this.levels.set(key, { left: this.left(key, now) + amount, at: now });
  }

  private left(key: string, now: number): number {
    const { burst, perSecond } = this.rule;
    const level = this.levels.get(key) ?? { left: burst, at: now };
    return Math.min(burst, level.left + ((now - level.at) / 1_000) * perSecond);
  }
}

class Failures {
  private readonly counts = new RecentKeys<{ count: number; at: number; blockedUntil: number }>();
  constructor(private readonly rule: FailureRule) {}

  check(key: string, now: number): void {
    const blockedUntil = this.counts.get(key)?.blockedUntil ?? 0;
    if (now < blockedUntil) throw new TooManyAttemptsError(blockedUntil - now);
  }

  add(key: string, now: number): void {
    const { free, firstWaitMs, longestWaitMs, forgetMs } = this.rule;
    const before = this.counts.get(key);
    const count = 1 + (before ? Math.max(0, before.count - (now - before.at) / forgetMs) : 0);
    const doublings = Math.ceil(count - free) - 1;
    const wait = doublings < 0 ? 0 : Math.min(longestWaitMs, firstWaitMs * 2 ** doublings);
    this.counts.set(key, { count, at: now, blockedUntil: Math.max(before?.blockedUntil ?? 0, now + wait) });
  }

  clear(key: string): void {
    this.counts.delete(key);
  }
}

/** Hashed key: fixed length, and no personal data in memory dumps. */
function keyOf(...parts: string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("base64");
}

function mapValues<K extends string, A, B>(record: Record<K, A>, change: (value: A) => B): Record<K, B> {
  return Object.fromEntries(Object.entries<A>(record).map(([key, value]) => [key, change(value)])) as Record<K, B>;
}

/**
 * Where a request comes from: the peer, or what the proxies that are trusted wrote into X-Forwarded-For. What stands
 * further left there is the caller's own word. Of an IPv6 address the network, since a household owns all of it.
 */
export function callerAddress(peer: string | undefined, forwardedFor: string | undefined, trustedProxies: number) {
  const hops = [...(forwardedFor?.split(",").map((hop) => hop.trim()) ?? []), peer ?? ""];
  const address = hops[Math.max(0, hops.length - 1 - trustedProxies)]!;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped) return mapped;
  return isIP(address) === 6 ? network(address) : address;
}

function network(address: string): string {
  const [head = "", tail] = address.split("%")[0]!.split("::");
  const left = head.split(":").filter(Boolean);
  const right = (tail ?? "").split(":").filter(Boolean);
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - left.length - right.length);
  const groups = [...left, ...Array.from({ length: zeros }, () => "0"), ...right].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::/64`;
}
