/** No connection to the database is to be had: it cannot be reached, or all are in use. */
export class DatabaseUnavailableError extends Error {
  override name = "DatabaseUnavailableError";
  constructor(cause: unknown) {
    super("The database cannot be reached.", { cause });
  }
}

/** The connection was lost while a transaction was being committed, and nobody can tell whether it was. */
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
  // A standby takes no writes, and neither does a server in the middle of a failover.
  "25006",
  // The connection waited too long in a transaction, and was closed.
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

/** How Prisma's adapter names faults of the connection. */
const connectionKinds = new Set(["ConnectionClosed", "DatabaseNotReachable", "SocketTimeout", "TooManyConnections"]);

/** Whether an error says that the database cannot be reached, so that nothing was changed and trying again is useful. */
export function isUnavailable(error: unknown): boolean {
  if (!error || typeof error !== "object" || error instanceof OutcomeUnknownError) return false;
  if (error instanceof DatabaseUnavailableError) return true;
  const { code, severity, kind, message, cause, errors, meta } = error as Record<string, unknown> & {
    errors?: unknown;
    meta?: { driverAdapterError?: unknown };
  };
  return (
    // With "FATAL" PostgreSQL ends the connection, or does not let it begin.
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
