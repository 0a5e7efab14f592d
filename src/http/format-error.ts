import { unwrapResolverError } from "@apollo/server/errors";
import { GraphQLError, type GraphQLFormattedError, Kind } from "graphql";
import { isUnavailable, OutcomeUnknownError } from "../database/unavailable.js";
import { ApiError, type ErrorCode, errorCodes } from "../errors.js";
import type { WriteNotes } from "../graph/context.js";
import { factsOf, type Logger } from "../telemetry/logger.js";

/** Error codes of Apollo Server for invalid requests, and the published codes. */
const requestFaults: Record<string, ErrorCode> = {
  GRAPHQL_PARSE_FAILED: "GRAPHQL_PARSE_FAILED",
  GRAPHQL_VALIDATION_FAILED: "GRAPHQL_VALIDATION_FAILED",
  BAD_USER_INPUT: "BAD_USER_INPUT",
  BAD_REQUEST: "BAD_REQUEST",
  OPERATION_RESOLUTION_FAILURE: "BAD_REQUEST",
  PERSISTED_QUERY_NOT_FOUND: "BAD_REQUEST",
  PERSISTED_QUERY_NOT_SUPPORTED: "BAD_REQUEST",
};

/** The request that an error belongs to. */
export interface FailedRequest {
  requestId: string;
  writes?: WriteNotes;
}

/** Messages of graphql-js when it aborts, and the published messages. */
const givenUp: Record<string, { code: ErrorCode; message: string }> = {
  "Too many errors processing variables, error limit reached. Execution aborted.": {
    code: "BAD_USER_INPUT",
    message: "There are more errors in the variables than these; correct these first.",
  },
  "Too many validation errors, error limit reached. Validation aborted.": {
    code: "GRAPHQL_VALIDATION_FAILED",
    message: "There are more errors in the document than these; correct these first.",
  },
  "Validation aborted.": {
    code: "GRAPHQL_VALIDATION_FAILED",
    message: "The document selects the same fields too many times to be checked; select each field once.",
  },
};

/**
 * Decides what a caller sees of an error. What was made for callers passes; faults of the request pass without stack;
 * a lost database is `UNAVAILABLE`; everything else is an internal error that shows only the id under which it is logged.
 * `extensions.outcome` says of a mutation that it was committed all the same, or may have been.
 */
export function formatError(
  formatted: GraphQLFormattedError,
  error: unknown,
  log: Logger,
  request: FailedRequest,
): GraphQLFormattedError {
  const committed = request.writes?.committed.includes(String(formatted.path?.[0]));
  const shown = shownOf(formatted, error, log, request.requestId, committed);
  return committed && serverFaults.has(shown.extensions?.code as ErrorCode)
    ? { ...shown, extensions: { ...shown.extensions, outcome: "COMMITTED" } }
    : shown;
}

/** Codes after which the outcome of the request is unknown. */
const serverFaults = new Set<ErrorCode>(["RESULT_UNAVAILABLE", "TIMEOUT", "COST_LIMIT", "INTERNAL_SERVER_ERROR"]);

function shownOf(
  formatted: GraphQLFormattedError,
  error: unknown,
  log: Logger,
  requestId: string,
  committed: boolean | undefined,
): GraphQLFormattedError {
  const { locations, path, extensions = {} } = formatted;
  const message = withoutValue(formatted.message);
  const origin = unwrapResolverError(error);
  const { stacktrace: _, http: __, ...kept } = extensions;
  if (origin instanceof ApiError) return { message, locations, path, extensions: kept };
  if (/^Syntax Error: Document contains more tha[nt] \d+ tokens/.test(message)) {
    return { message, locations, path, extensions: { code: "TOKEN_LIMIT" satisfies ErrorCode } };
  }
  if (origin instanceof GraphQLError && Object.hasOwn(givenUp, origin.message)) {
    const { code, message } = givenUp[origin.message]!;
    return { message, extensions: { code } };
  }
  const code = requestFaults[extensions.code as string];
  if (code) {
    return { message, locations, path, extensions: persistedQuery(extensions.code as string) ?? { code } };
  }
  // Apollo Server gives some invalid requests only a status.
  const { status } = (origin instanceof GraphQLError && (origin.extensions.http as { status?: number })) || {};
  if (origin instanceof GraphQLError && !origin.originalError && status && status >= 400 && status < 500) {
    return { message, locations, path, extensions: { code: "BAD_REQUEST" satisfies ErrorCode } };
  }
  // Argument coercion, or null for a required variable: a bad request, though it is detected late.
  if (
    origin instanceof GraphQLError &&
    !origin.originalError &&
    origin.nodes?.some(({ kind }) => kind.endsWith("Value") || kind === Kind.VARIABLE)
  ) {
    return { message, locations, path, extensions: { code: "BAD_USER_INPUT" satisfies ErrorCode } };
  }
  if (origin instanceof OutcomeUnknownError) {
    log.warn("The database was lost during a commit.", { requestId, reason: reasonOf(origin) });
    const code: ErrorCode = "OUTCOME_UNKNOWN";
    return { message: errorCodes[code], path, extensions: { code, requestId, outcome: "UNKNOWN" } };
  }
  if (isUnavailable(origin)) {
    log.warn("The database could not be reached.", { requestId, reason: reasonOf(origin) });
    const code: ErrorCode = committed ? "RESULT_UNAVAILABLE" : "UNAVAILABLE";
    return {
      message: errorCodes[code],
      path,
      extensions: { code, requestId, ...(!committed && { retryAfterMs: 1_000 }) },
    };
  }
  log.error("A request failed.", { requestId, path: path?.join("."), ...facts(origin) });
  return {
    message: "Something went wrong on our side.",
    path,
    extensions: { code: "INTERNAL_SERVER_ERROR" satisfies ErrorCode, requestId },
  };
}

/**
 * Redacts variable values in messages of graphql-js, which quote an invalid variable as a whole, passwords included.
 * Short values stay, since they help; objects, lists and secrets do not.
 */
function withoutValue(message: string): string {
  const match = /^Variable "(\$[^"]+)" got invalid value (.+?)(?: at "([^"]+)")?; ([^;]*)$/s.exec(message);
  if (!match) return message;
  const [, variable, value, at, reason] = match;
  const isSensitive = /^[[{]/.test(value!) || value!.length > 100 || /password|token|secret/i.test(at ?? "");
  return isSensitive ? `Variable "${variable}" does not fit${at ? ` at "${at}"` : ""}: ${reason}` : message;
}

/** Clients with persisted queries branch on the messages of Apollo. */
function persistedQuery(code: string) {
  return code.startsWith("PERSISTED_QUERY") ? { code } : undefined;
}

function reasonOf(error: unknown): string | undefined {
  const { code, cause } = error as { code?: string; cause?: { code?: string } };
  return code ?? cause?.code;
}

/** Loggable facts of an error. Database messages may quote values and are left out; all others are our own. */
function facts(error: unknown): Record<string, unknown> {
  const known = factsOf(error);
  if (!(error instanceof Error)) return known;
  const isDatabase = /^([0-9A-Z]{5}|P\d{4})$/.test(known.code ?? "") || error.name.startsWith("Prisma");
  return { ...known, message: isDatabase ? undefined : error.message };
}
