import { isUnavailable, OutcomeUnknownError } from "../../database/unavailable.js";
import { ApiError, authenticationRealm, type ErrorCode, httpOf, errorCodes as meanings } from "../../errors.js";
import { RequestError } from "../request.js";

/** The media type of JSON:API. */
export const mediaType = "application/vnd.api+json";

/** An error object of JSON:API. `status` is a text there. */
export interface ErrorObject {
  readonly title: string;
  readonly detail: string;
  readonly code: string;
  readonly status: string;
  readonly source?: { readonly pointer: string } | { readonly parameter: string } | { readonly header: string };
  readonly meta?: Readonly<Record<string, unknown>>;
}

/** Codes and titles of errors: those of Commerce Layer, else of its JSON:API library. */
const faults = {
  INVALID_TOKEN: [401, "Invalid token"],
  UNAUTHORIZED: [401, "Access denied"],
  RECORD_NOT_FOUND: [404, "Record not found"],
  ROUTE_NOT_FOUND: [404, "Route not found"],
  METHOD_NOT_ALLOWED: [405, "Method not allowed"],
  NOT_ACCEPTABLE: [406, "Not acceptable"],
  UNSUPPORTED_MEDIA_TYPE: [415, "Unsupported media type"],
  BAD_REQUEST: [400, "Bad request"],
  KEY_NOT_INCLUDED_IN_URL: [400, "Key is not included in URL"],
  PARAM_MISSING: [400, "Missing parameter"],
  TYPE_MISMATCH: [400, "Type mismatch"],
  PARAM_NOT_ALLOWED: [400, "Param not allowed"],
  INVALID_INCLUDE: [400, "Invalid include"],
  INVALID_FIELD: [400, "Invalid field"],
  FILTER_NOT_ALLOWED: [400, "Filter not allowed"],
  INVALID_FILTER_VALUE: [400, "Invalid filter value"],
  INVALID_SORT_CRITERIA: [400, "Invalid sort criteria"],
  INVALID_PAGE_VALUE: [400, "Invalid page value"],
  RECORD_LOCKED: [423, "Locked"],
  RATE_LIMITED: [429, "Too many requests"],
  RESULT_TOO_LARGE: [400, "Result too large"],
  TIMEOUT: [504, "Timeout"],
  UNAVAILABLE: [503, "Service unavailable"],
  OUTCOME_UNKNOWN: [503, "Outcome unknown"],
  RESULT_UNAVAILABLE: [503, "Result unavailable"],
  INTERNAL_SERVER_ERROR: [500, "Internal server error"],
} as const satisfies Record<string, readonly [status: number, title: string]>;

type Fault = keyof typeof faults;

export const errorCodes = [...Object.keys(faults), "VALIDATION_ERROR"];

/** A refused request: one or several error objects, all of one status. */
export class JsonApiError extends Error {
  override name = "JsonApiError";
  readonly status: number;
  readonly errors: readonly ErrorObject[];

  readonly headers: Readonly<Record<string, string>>;

  constructor(errors: readonly ErrorObject[]);
  constructor(code: Fault, detail: string, source?: ErrorObject["source"], headers?: Readonly<Record<string, string>>);
  constructor(
    fault: Fault | readonly ErrorObject[],
    detail = "",
    source?: ErrorObject["source"],
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(detail);
    this.errors = typeof fault === "string" ? [errorObject(fault, detail, source)] : fault;
    this.status = Number(this.errors[0]!.status);
    this.headers = headers;
  }
}

function errorObject(code: Fault, detail: string, source: ErrorObject["source"]): ErrorObject {
  const [status, title] = faults[code];
  return { title, detail, code, status: String(status), ...(source && { source }) };
}

/** A value in a body that breaks a rule. domain rule: one object for each attribute; `meta.error` is the key of the rule. */
export function validationError(pointer: string, rule: string, title: string): ErrorObject {
  const name = pointer.replace(/\/data\/(attributes|relationships)\/?|\/data/, "") || "base";
  return {
    title,
    detail: `${name} - ${title}`,
    code: "VALIDATION_ERROR",
    status: "422",
    source: { pointer },
    meta: { error: rule },
  };
}

/** An invalid parameter of the query string. */
export function parameterError(code: Fault, parameter: string, detail: string): JsonApiError {
  return new JsonApiError(code, detail, { parameter });
}

const apiFaults: Partial<Record<ErrorCode, Fault>> = {
  UNAUTHENTICATED: "INVALID_TOKEN",
  TOKEN_EXPIRED: "INVALID_TOKEN",
  FORBIDDEN: "UNAUTHORIZED",
  RATE_LIMITED: "RATE_LIMITED",
  COST_LIMIT: "RESULT_TOO_LARGE",
  TIMEOUT: "TIMEOUT",
  UNAVAILABLE: "UNAVAILABLE",
};

/** The JSON:API error for an error; undefined for internal errors. */
export function refusalOf(error: unknown): JsonApiError | undefined {
  if (error instanceof JsonApiError) return error;
  if (error instanceof RequestError) {
    return new JsonApiError(error.status === 415 ? "UNSUPPORTED_MEDIA_TYPE" : "BAD_REQUEST", error.message);
  }
  if (error instanceof ApiError) {
    const code = error.extensions.code as ErrorCode;
    const wait = error.extensions.retryAfterMs as number | undefined;
    const headers: Record<string, string> = {
      ...httpOf(error).headers,
      ...(wait !== undefined && { "retry-after": String(Math.ceil(wait / 1_000)) }),
      // Each 401 has a challenge.
      ...(code === "FORBIDDEN" && {
        "www-authenticate": `Bearer realm="${authenticationRealm}", error="insufficient_scope"`,
      }),
    };
    return new JsonApiError(apiFaults[code] ?? "BAD_REQUEST", error.message, undefined, headers);
  }
  if (error instanceof OutcomeUnknownError) {
    return new JsonApiError(
      "OUTCOME_UNKNOWN",
      "The database was lost while the change was being committed, so it may have been made. Send it again with the same `Idempotency-Key`; without a key read the resource first.",
    );
  }
  if (isUnavailable(error)) {
    return new JsonApiError("UNAVAILABLE", meanings.UNAVAILABLE, undefined, { "retry-after": "1" });
  }
  return undefined;
}
