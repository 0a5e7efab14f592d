import type { Connections, Query } from "../database/client.js";
import type { Logger } from "../telemetry/logger.js";
import type { Claims } from "./claims.js";
import { longestRefreshGraceMs } from "./sessions.js";

/** What a revocation is about: one token, or all of one log-in, customer, member of the staff or application. */
export type RevocationId =
  | `token:${string}`
  | `family:${string}`
  | `customer:${string}`
  | `user:${string}`
  | `application:${string}`;

interface Entry {
  before: number;
  expiresAt: number;
}

export interface RevocationsOptions {
  database: Connections;
  log: Logger;
  now?: () => Date;
  intervalMs?: number;
}

/** Interval of full reloads, for rows missed because of clock skew or slow transactions. */
const pollsPerFullRead = 60;

/**
 * The access tokens that are refused before they expire, in memory: asking costs nothing and needs no database. What
 * this process revokes counts at once, what others revoke within a second.
 */
export class Revocations {
  private readonly entries = new Map<string, Entry>();
  private readonly database: Connections;
  private readonly log: Logger;
  private readonly now: () => Date;
  private readonly intervalMs: number;
  private timer: NodeJS.Timeout | undefined;
  private polls = 0;
  private polling: Promise<void> | undefined;
  private failing = false;
  private stopped = false;
  /** Database time of the last read. */
  private readAt: Date | undefined;

  constructor({ database, log, now = () => new Date(), intervalMs = 1_000 }: RevocationsOptions) {
    this.database = database;
    this.log = log;
    this.now = now;
    this.intervalMs = intervalMs;
  }

  /** Loads all revocations, then polls in the background. */
  async start(): Promise<void> {
    await this.poll();
    const next = () => {
      if (this.stopped) return;
      this.timer = setTimeout(() => void this.poll().then(next), this.intervalMs).unref();
    };
    next();
  }

  /** Stops polling; resolves when no statement is running. */
  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.timer);
    await this.polling;
  }

  isRevoked({ jti, family, owner, application, iat }: Claims): boolean {
    const issuedAt = issuedAtMs(jti, iat);
    return (
      (jti !== undefined && this.has(`token:${jti}`, issuedAt)) ||
      (family !== undefined && this.has(`family:${family}`, issuedAt)) ||
      (owner !== undefined &&
        this.has(owner.type === "Customer" ? `customer:${owner.id}` : `user:${owner.id}`, issuedAt)) ||
      this.has(`application:${application.id}`, issuedAt)
    );
  }

  /**
   * Refuses what was issued until now, or until another time. `tokensExpireAt` is when the last token concerned would
   * expire by itself.
   */
  async revoke(id: RevocationId, tokensExpireAt: Date, before = this.now()): Promise<void> {
    this.add(id, before.getTime(), tokensExpireAt.getTime());
    await this.store(this.database.query, id, before, tokensExpireAt);
  }

  /** The same in a transaction. The result is to be called when it has ended well; other processes learn of it by then. */
  async revokeIn(query: Query, id: RevocationId, tokensExpireAt: Date): Promise<() => void> {
    const before = this.now();
    await this.store(query, id, before, tokensExpireAt);
    return () => this.add(id, before.getTime(), tokensExpireAt.getTime());
  }

  private async store(query: Query, id: RevocationId, before: Date, tokensExpireAt: Date): Promise<void> {
    await query(
      `INSERT INTO revocations (id, before, expires_at, created_at) VALUES ($1, $2, $3, clock_timestamp())
       ON CONFLICT (id) DO UPDATE SET
         before = greatest(revocations.before, excluded.before),
         expires_at = greatest(revocations.expires_at, excluded.expires_at),
         created_at = excluded.created_at`,
      [id, before, tokensExpireAt],
    );
  }

  /**
   * Forgets what has expired, here and in the database, with the refresh tokens that have, and how to derive successors
   * that are no longer given again.
   */
  async sweep(): Promise<void> {
    const now = this.now();
    for (const [id, { expiresAt }] of this.entries) if (expiresAt <= now.getTime()) this.entries.delete(id);
    await this.database.query("DELETE FROM revocations WHERE expires_at <= $1", [now]);
    await this.database.query("DELETE FROM refresh_tokens WHERE expires_at <= $1", [now]);
    await this.database.query(
      "UPDATE refresh_tokens SET successor_salt = NULL WHERE used_at <= $1 AND successor_salt IS NOT NULL",
      [new Date(now.getTime() - longestRefreshGraceMs)],
    );
  }

  private has(id: RevocationId, issuedAt: number): boolean {
    const entry = this.entries.get(id);
    return entry !== undefined && issuedAt <= entry.before;
  }

  private add(id: string, before: number, expiresAt: number): void {
    const known = this.entries.get(id);
    this.entries.set(id, {
      before: Math.max(before, known?.before ?? 0),
      expiresAt: Math.max(expiresAt, known?.expiresAt ?? 0),
    });
  }

  private poll(): Promise<void> {
    this.polling = this.read().then(
      () => {
        if (this.failing) this.log.info("Revocations can be read again.");
        this.failing = false;
      },
      (error: unknown) => {
        if (!this.failing && !this.stopped) {
          this.log.warn("Revocations cannot be read; those known so far still count.", {
            reason: (error as { code?: string }).code ?? (error as Error).name,
          });
        }
        this.failing = true;
      },
    );
    return this.polling;
  }

  private async read(): Promise<void> {
    const whole = this.polls++ % pollsPerFullRead === 0 || !this.readAt;
    // Rows become visible at commit, which may be well after their timestamp.
    const since = whole ? new Date(0) : new Date(this.readAt!.getTime() - 30_000);
    if (whole) await this.sweep();
    const rows = await this.database.query(
      `SELECT clock_timestamp(), id, before, expires_at FROM (SELECT) AS one
       LEFT JOIN revocations ON created_at > $1`,
      [since],
    );
    this.readAt = rows[0]![0] as Date;
    for (const [, id, before, expiresAt] of rows) {
      if (id !== null) this.add(id as string, (before as Date).getTime(), (expiresAt as Date).getTime());
    }
  }
}

/**
 * A new `jti`. It begins with the time in milliseconds: `iat` counts whole seconds, and a token that was issued right
 * after a revocation must not fall under it.
 */
export function newTokenId(nowMs: number, random: string): string {
  return `${nowMs.toString(36).padStart(9, "0")}.${random}`;
}

function issuedAtMs(jti: string | undefined, iat: number): number {
  const own = /^([0-9a-z]{9})\./.exec(jti ?? "")?.[1];
  const precise = own ? Number.parseInt(own, 36) : Number.NaN;
  return Math.floor(precise / 1_000) === Math.floor(iat) ? precise : iat * 1_000;
}
