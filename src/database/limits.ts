/** Statement timeouts in milliseconds, enforced by PostgreSQL; 0: none. */
export interface Timeouts {
  readonly read: number;
  readonly write: number;
  /** Lock timeout of writes. */
  readonly lock: number;
  readonly export: number;
  /** Idle-in-transaction timeout. */
  readonly idle: number;
}

/** Kinds of transactions, by statement timeout. */
export type StatementKind = "read" | "write" | "export";

export const defaultTimeouts: Timeouts = {
  read: 10_000,
  write: 15_000,
  lock: 10_000,
  export: 300_000,
  idle: 60_000,
};

/** The same timeout for all kinds: for background work. */
export function sameTimeouts(milliseconds: number): Partial<Timeouts> {
  return { read: milliseconds, write: milliseconds, export: milliseconds };
}

/** Maximum bytes of one statement, of all statements of a query, and of its response. */
export const defaultResultBytes = 32 * 1024 * 1024;

/** The stricter of two limits; 0 is none. */
export function stricter(one: number, other: number): number {
  return one && other ? Math.min(one, other) : one || other;
}
