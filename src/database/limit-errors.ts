import pg from "pg";
import { ApiError } from "../errors.js";
import type { StatementKind } from "./limits.js";

/** A statement that was stopped, or not begun, because of a limit: running it again would end the same way. */
export abstract class StatementLimitError extends ApiError {}

/** PostgreSQL stopped the statement: it took too long, or waited too long for a lock. */
export class StatementTimeoutError extends StatementLimitError {
  override name = "StatementTimeoutError";

  constructor(kind: StatementKind, limitMs: number, waitedForLock = false) {
    const limit = limitMs ? ` of ${limitMs / 1_000} s` : "";
    super(
      "TIMEOUT",
      waitedForLock
        ? `The change waited for another change of the same rows until the time limit${limit}, and was not made; try again.`
        : kind === "write"
          ? `The change reached the time limit${limit} for one statement, and was not made; change less at once, or try again later.`
          : `Reading was stopped at the time limit${limit} for one statement; ask for less at once: smaller pages, fewer counts or a narrower filter.`,
    );
  }
}

/** What a statement, or all statements of a query, read is too large. */
export class ResultTooLargeError extends StatementLimitError {
  override name = "ResultTooLargeError";

  /** `changed`: it is the answer to mutations, which have been carried out. */
  constructor(maximumBytes: number, changed = false) {
    super(
      "COST_LIMIT",
      `${changed ? "The changes were made, but the" : "The"} answer would hold more than ${sizeOf(maximumBytes)}; ask for smaller pages, or select fewer fields, JSON such as \`metadata\` above all.`,
      { maximumBytes },
    );
  }
}

/** The client closed its connection, so its statements are cancelled. */
export class RequestCancelledError extends StatementLimitError {
  override name = "RequestCancelledError";

  constructor() {
    super("TIMEOUT", "The client closed the connection before the answer was ready; its statements were cancelled.");
  }
}

function sizeOf(bytes: number): string {
  return bytes >= 1024 * 1024 ? `${Math.round(bytes / 1024 / 1024)} MiB` : `${bytes} bytes`;
}

/** What the function `check_result_size` of the database raises. */
const resultTooLarge = "ZB001";
/** PostgreSQL's own: a text would be longer than it can hold. */
const programLimitExceeded = "54000";

/** The limit that an error of PostgreSQL reports, if any. */
export function limitErrorOf(
  error: unknown,
  kind: StatementKind,
  { limitMs, lockMs, resultBytes }: { limitMs: number; lockMs: number; resultBytes: number },
): StatementLimitError | undefined {
  if (error instanceof StatementLimitError) return error;
  if (!(error instanceof pg.DatabaseError)) return undefined;
  switch (error.code) {
    case "57014":
      return new StatementTimeoutError(kind, limitMs);
    case "55P03":
      return new StatementTimeoutError(kind, lockMs, true);
    case resultTooLarge:
    case programLimitExceeded:
      return new ResultTooLargeError(resultBytes);
    default:
      return undefined;
  }
}
