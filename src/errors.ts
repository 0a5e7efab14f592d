import { GraphQLError } from "graphql";

/** The codes of top-level errors: faults of the request or of the server, never outcomes of the shop's business. */
export const errorCodes = {
  UNAUTHENTICATED: "The access token is missing, malformed or revoked.",
  TOKEN_EXPIRED: "The access token has expired; get a new one and try again.",
  FORBIDDEN: "The access token lacks a permission; the error names it.",
  BAD_USER_INPUT: "An argument has a wrong value; the message says which, and what would be right.",
  BAD_REQUEST: "The request is not a GraphQL request; the message says what is wrong with it.",
  GRAPHQL_PARSE_FAILED: "The document is not GraphQL.",
  GRAPHQL_VALIDATION_FAILED: "The document does not fit the schema.",
  DEPTH_LIMIT: "The document is nested too deeply.",
  COST_LIMIT:
    "The operation asks for too much: objects, values, counts, root fields, aliases or bytes; the message says of what.",
  TOKEN_LIMIT: "The document is too long.",
  PAGE_TOO_LARGE: "`first`, `last` or `offset` is above its maximum.",
  CURSOR_MISMATCH: "The cursor was made for another list or another order.",
  RATE_LIMITED: "Too many requests; `extensions.retryAfterMs` says when to try again.",
  TIMEOUT: "The operation took too long and was stopped.",
  UNAVAILABLE: "The database cannot be reached at the moment; trying again is useful.",
  OUTCOME_UNKNOWN:
    "The database was lost while a change was being committed, so it may have been made. Send it again with the same `@idempotent` key; without a key read the object first.",
  RESULT_UNAVAILABLE:
    "The change was made, but the database was lost before its result was read. Read the object; do not send the change again without its `@idempotent` key.",
  INTERNAL_SERVER_ERROR: "A fault of the server; `extensions.requestId` finds it in the log.",
} as const;

export type ErrorCode = keyof typeof errorCodes;

/** An error that may be shown to the caller as it is: `message` is for people, `code` and `extensions` for programs. */
export class ApiError extends GraphQLError {
  constructor(code: ErrorCode, message: string, extensions: Record<string, unknown> = {}) {
    super(message, { extensions: { ...extensions, code } });
    this.name = "ApiError";
  }
}

/**
 * A good access token is missing: 401 with the challenge of RFC 6750. The challenge names an error only if a token was
 * sent.
 */
export class AuthenticationError extends ApiError {
  constructor(code: "UNAUTHENTICATED" | "TOKEN_EXPIRED", message: string, { tokenSent }: { tokenSent: boolean }) {
    const error = tokenSent ? `, error="invalid_token", error_description="${asciiOf(message)}"` : "";
    const headers = new Map([["www-authenticate", `Bearer realm="${authenticationRealm}"${error}`]]);
    super(code, message, { http: { status: 401, headers } });
    this.name = "AuthenticationError";
  }
}

/** What access tokens and clients' secrets are for, as challenges name it. */
export const authenticationRealm = "customer-graph";

/** As a quoted parameter of a challenge may have it. */
function asciiOf(text: string): string {
  return text.replaceAll("…", "...").replace(/[^ !#-[\]-~]/g, "'");
}

/** The status and headers of an HTTP answer to which an error leads, as far as it says. */
export function httpOf({ extensions }: GraphQLError): { status?: number; headers: Record<string, string> } {
  const { status, headers } = (extensions.http ?? {}) as { status?: number; headers?: Map<string, string> };
  return { status, headers: Object.fromEntries(headers ?? []) };
}

/** An argument has a wrong value. `path` leads to it: `["filter", "email", "eq"]`. */
export class UserInputError extends ApiError {
  constructor(path: readonly (string | number)[], expected: string) {
    super("BAD_USER_INPUT", `\`${path.join(".")}\` ${expected}`, { argument: path });
    this.name = "UserInputError";
  }
}

export class PageTooLargeError extends ApiError {
  constructor(argument: string, value: number, maximum: number, hint: string) {
    super("PAGE_TOO_LARGE", `\`${argument}\` is ${value}; the maximum is ${maximum}. ${hint}`, {
      argument: [argument],
      maximum,
    });
    this.name = "PageTooLargeError";
  }
}

export class CursorMismatchError extends ApiError {
  constructor(argument: string) {
    super(
      "CURSOR_MISMATCH",
      `\`${argument}\` is not a cursor of this list in this order. Cursors fit only the list and the \`orderBy\` they came from; start again without a cursor.`,
      { argument: [argument] },
    );
    this.name = "CursorMismatchError";
  }
}
