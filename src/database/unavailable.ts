/** The database is unavailable: it cannot be reached, or all connections are in use. */
export class DatabaseUnavailableError extends Error {
  override name = "DatabaseUnavailableError";
  constructor(cause: unknown) {
    super("The database cannot be reached.", { cause });
  }
}

/** The connection was lost during COMMIT, and it is unknown whether the transaction was committed. */
export class OutcomeUnknownError extends Error {
  override name = "OutcomeUnknownError";
  constructor(cause: unknown) {
    super("The connection was lost during COMMIT.", { cause });
  }
}

const connectionFaults = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT",
  "57P01",
  "57P02",
  "57P03",
  "08000",
  "08003",
  "08006",
  // Read-only: a standby, or a server during a failover.
  "25006",
  // Idle-in-transaction timeout.
  "25P03",
  // Log-ins, by Prisma: a statement reached its time limit. Elsewhere that is an error of its own.
  "57014",
  "53300",
  "P1001",
  "P1002",
  "P1008",
  "P1017",
  "P2024",
  "P2028",
]);

/** Connection errors of Prisma's adapter. */
const connectionKinds = new Set(["ConnectionClosed", "DatabaseNotReachable", "SocketTimeout", "TooManyConnections"]);

/** Whether an error means that the database is unavailable: nothing was changed, and a retry may help. */
export function isUnavailable(error: unknown): boolean {
  if (!error || typeof error !== "object" || error instanceof OutcomeUnknownError) return false;
  if (error instanceof DatabaseUnavailableError) return true;
  const { code, severity, kind, message, cause, errors, meta } = error as Record<string, unknown> & {
    errors?: unknown;
    meta?: { driverAdapterError?: unknown };
  };
  return (
    // FATAL: PostgreSQL closes or rejects the connection.
    severity === "FATAL" ||
    connectionFaults.has(code as string) ||
    connectionKinds.has(kind as string) ||
    /Connection terminated|not queryable|timeout exceeded when trying to connect|ConnectionClosed|DatabaseNotReachable/.test(
      String(message ?? ""),
    ) ||
    (Array.isArray(errors) && errors.some(isUnavailable)) ||
    isUnavailable(meta?.driverAdapterError) ||
    isUnavailable(cause)
  );
}
