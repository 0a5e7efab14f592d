/** How long one statement may run, in milliseconds; 0: without limit. PostgreSQL itself stops what takes longer. */
export interface Timeouts {
  readonly read: number;
  readonly write: number;
  /** How long a write may wait for rows that another transaction has locked. */
  readonly lock: number;
  readonly export: number;
  /** How long a transaction may wait for its next statement. */
  readonly idle: number;
}

/** The kinds of transactions, by the time that their statements may take. */
export type StatementKind = "read" | "write" | "export";

export const defaultTimeouts: Timeouts = {
  read: 10_000,
  write: 15_000,
  lock: 10_000,
  export: 300_000,
  idle: 60_000,
};

/** One limit for statements of all kinds: for what works in the background. */
export function sameTimeouts(milliseconds: number): Partial<Timeouts> {
  return { read: milliseconds, write: milliseconds, export: milliseconds };
}

/** How many bytes one statement, all statements of one query, and its answer may come to. */
export const defaultResultBytes = 32 * 1024 * 1024;

/** Of two limits the one that stops earlier; 0 is none. */
export function stricter(one: number, other: number): number {
  return one && other ? Math.min(one, other) : one || other;
}
