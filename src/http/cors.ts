import type { IncomingMessage, ServerResponse } from "node:http";

/** Allowed CORS origins: all, those of localhost, or a list. */
export type CorsOrigins = "*" | "local" | readonly string[];

/** Localhost origins: only pages of this machine have them, so they need not be listed. */
const local = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/** `Access-Control-Max-Age` of preflights: two hours, the cap of some browsers. */
const maxAgeSeconds = "7200";

/**
 * Cross-origin resource sharing (CORS). The returned function sets the headers of a response and answers preflights; true
 * if it did. There are no cookies, so credentials are not allowed: a page may do what its access token may do.
 */
export function createCors(origins: CorsOrigins) {
  const named = new Set(typeof origins === "string" ? [] : origins);
  const allowed = (origin: string) => (origins === "local" ? local.test(origin) : named.has(origin));

  return (request: IncomingMessage, response: ServerResponse, methods = "GET, HEAD, POST"): boolean => {
    const { origin } = request.headers;
    if (origins === "*") response.setHeader("access-control-allow-origin", "*");
    else {
      // Caches must not serve the response to another origin.
      response.setHeader("vary", "origin");
      if (origin && allowed(origin)) response.setHeader("access-control-allow-origin", origin);
    }
    if (request.method !== "OPTIONS" || !request.headers["access-control-request-method"]) {
      if (origin) response.setHeader("access-control-expose-headers", "retry-after, content-disposition");
      return false;
    }
    response.writeHead(204, {
      "access-control-allow-methods": methods,
      // Any header, for tracing; `*` does not cover Authorization.
      "access-control-allow-headers": "authorization, *",
      "access-control-max-age": maxAgeSeconds,
    });
    response.end();
    return true;
  };
}
