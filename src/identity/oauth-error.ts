/** Error codes of RFC 6749, section 5.2, and additional ones. */
export type OAuthErrorName =
  | "invalid_client"
  | "invalid_grant"
  | "invalid_request"
  | "invalid_scope"
  | "server_error"
  | "temporarily_unavailable"
  | "too_many_requests"
  | "unauthorized_client"
  | "unsupported_grant_type";

const statuses: Record<OAuthErrorName, number> = {
  invalid_client: 401,
  invalid_grant: 400,
  invalid_request: 400,
  invalid_scope: 400,
  server_error: 500,
  temporarily_unavailable: 503,
  too_many_requests: 429,
  unauthorized_client: 400,
  unsupported_grant_type: 400,
};

/** Commerce Layer's codes. */
const codes: Record<number, string> = {
  400: "BAD_REQUEST",
  401: "UNAUTHORIZED",
  403: "FORBIDDEN",
  429: "TOO_MANY_REQUESTS",
  500: "INTERNAL_SERVER_ERROR",
  503: "UNAVAILABLE",
};

/** An error response of the token endpoint. */
export class OAuthError extends Error {
  override name = "OAuthError";
  constructor(
    readonly error: OAuthErrorName,
    message: string,
    readonly status = statuses[error],
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }

  /** The body that the RFC asks for and Commerce Layer's list of errors, in one. */
  body() {
    const { error, message: detail, status } = this;
    return {
      error,
      error_description: detail,
      errors: [{ code: codes[status] ?? "BAD_REQUEST", title: error, detail, status, meta: {} }],
    };
  }
}
