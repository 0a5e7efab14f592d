import type { IncomingMessage, ServerResponse } from "node:http";

/** From which origins pages in a browser may use the API: all, those that this machine serves itself, or the named. */
export type CorsOrigins = "*" | "local" | readonly string[];

/** Nobody else's page can have such an origin, so it may be let in without being named. */
const local = /^https?:\/\/(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/;

/** How long browsers keep the answer to a preflight; none keeps it for longer than the first of them allows. */
const maxAgeSeconds = "7200";

/**
 * Cross-origin resource sharing. Gives the function that says on a response who may read it, and answers the request if
 * it is a preflight. There are no cookies here, so nothing is ever sent along by itself: what a page may do is what its
 * token may do, and credentials are not allowed.
 */
export function createCors(origins: CorsOrigins) {
  const named = new Set(typeof origins === "string" ? [] : origins);
  const allowed = (origin: string) => (origins === "local" ? local.test(origin) : named.has(origin));

  return (request: IncomingMessage, response: ServerResponse, methods = "GET, HEAD, POST"): boolean => {
    const { origin } = request.headers;
    if (origins === "*") response.setHeader("access-control-allow-origin", "*");
    else {
      // Whoever keeps the answer must not give it to a page of another origin.
      response.setHeader("vary", "origin");
      if (origin && allowed(origin)) response.setHeader("access-control-allow-origin", origin);
    }
    if (request.method !== "OPTIONS" || !request.headers["access-control-request-method"]) {
      if (origin) response.setHeader("access-control-expose-headers", "retry-after, content-disposition");
      return false;
    }
    response.writeHead(204, {
      "access-control-allow-methods": methods,
      // Any, so that tracing headers pass; the star does not mean the first.
      "access-control-allow-headers": "authorization, *",
      "access-control-max-age": maxAgeSeconds,
    });
    response.end();
    return true;
  };
}
