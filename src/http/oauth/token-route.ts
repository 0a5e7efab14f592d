import type { IncomingMessage, ServerResponse } from "node:http";
import type { Database } from "../../database/client.js";
import { StatementLimitError } from "../../database/limit-errors.js";
import { isUnavailable, OutcomeUnknownError } from "../../database/unavailable.js";
import { ApiError, authenticationRealm } from "../../errors.js";
import { digestOf, findClient } from "../../identity/clients.js";
import { type GrantRequest, type GrantResources, grantTokens } from "../../identity/grants.js";
import { OAuthError } from "../../identity/oauth-error.js";
import { callerAddress } from "../../identity/rate-limits.js";
import { endFamily } from "../../identity/sessions.js";
import { readParameters } from "./parameters.js";

export interface AuthResources extends GrantResources {
  database: Database;
  trustedProxies: number;
}

/** Handles a request to one of these routes; false for other paths. */
export type AuthRoutes = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<boolean>;

/** `POST /oauth/token`, `POST /oauth/revoke` and `GET /.well-known/jwks.json`. */
export function authRoutes({ database, ...others }: AuthResources): AuthRoutes {
  // Log-ins use reserved connections.
  const resources = { ...others, database: database.reserved };
  const actions: Record<string, (request: GrantRequest) => Promise<object>> = {
    "/oauth/token": (request) => grantTokens(resources, request),
    "/oauth/revoke": (request) => revoke(resources, request),
  };
  return async (request, response, { pathname }) => {
    if (pathname === "/.well-known/jwks.json") {
      publishKeys(resources, request, response);
      return true;
    }
    const action = Object.hasOwn(actions, pathname) ? actions[pathname] : undefined;
    if (!action) return false;
    if (request.method === "OPTIONS") {
      response.writeHead(204, { allow: "POST" }).end();
      return true;
    }
    try {
      const forwarded = request.headersDistinct["x-forwarded-for"]?.join(",");
      const address = callerAddress(request.socket.remoteAddress, forwarded, resources.trustedProxies);
      resources.limits.requestFrom(address);
      resources.limits.checkAddress(address);
      const parameters = await readParameters(request);
      answer(response, 200, await action({ parameters, address }));
    } catch (error) {
      // The client disconnected during its request.
      if (request.destroyed && !request.complete) throw error;
      const refusal = refusalOf(error, resources);
      const challenge = refusal.status === 401 && { "www-authenticate": basicChallenge };
      answer(response, refusal.status, refusal.body(), { ...refusal.headers, ...challenge });
    }
    return true;
  };
}

/**
 * Token revocation (RFC 7009): an access token alone, a refresh token with all tokens of the same log-in. An invalid
 * token is not an error.
 */
async function revoke(resources: GrantResources, { parameters, address }: GrantRequest): Promise<object> {
  const { database, limits, tokens, revocations } = resources;
  const { client_id: clientId, client_secret: secret, token } = parameters;
  if (!clientId) throw new OAuthError("invalid_client", "`client_id` is missing.");
  limits.requestFor(clientId);
  const client = await findClient(database, clientId, secret);
  if (!client) {
    limits.failedFrom(address);
    throw unknownClient();
  }
  if (!token) throw new OAuthError("invalid_request", "`token` is missing.");
  const notYours = new OAuthError("unauthorized_client", "The token was given to another application.", 403);

  if (token.includes(".")) {
    const claims = await tokens.verifyToken(token).catch((error: unknown) => {
      if (error instanceof ApiError) return null;
      throw error;
    });
    if (!claims) return {};
    if (claims.application.id !== client.id || !claims.jti || !tokens.isOwn(claims)) throw notYours;
    // domain rule: all visitors of a storefront may share one guest token; none of them may end it for the others.
    if (!claims.owner && !client.confidential) throw unknownClient();
    await revocations.revoke(`token:${claims.jti}`, new Date(claims.exp * 1_000));
    return {};
  }
  const row = await database.prisma.refreshToken.findUnique({ where: { id: digestOf(token) } });
  if (!row) return {};
  if (row.applicationId !== client.id) throw notYours;
  await endFamily(resources, row.familyId);
  return {};
}

/** How clients may authenticate: 401 names a scheme (RFC 9110, section 15.5.2), and this is the only one that is registered. */
const basicChallenge = `Basic realm="${authenticationRealm}", charset="UTF-8"`;

function unknownClient(): OAuthError {
  return new OAuthError("invalid_client", "The client is unknown, or its secret is missing or wrong.");
}

function publishKeys({ tokens }: GrantResources, request: IncomingMessage, response: ServerResponse): void {
  if (request.method !== "GET" && request.method !== "HEAD") {
    const refusal = new OAuthError("invalid_request", "Ask for the keys by GET.", 405, { allow: "GET, HEAD" });
    answer(response, refusal.status, refusal.body(), refusal.headers);
    return;
  }
  response.writeHead(200, { "content-type": "application/jwk-set+json", "cache-control": "public, max-age=300" });
  response.end(request.method === "HEAD" ? undefined : JSON.stringify(tokens.keys.published));
}

function refusalOf(error: unknown, { log }: GrantResources): OAuthError {
  if (error instanceof OAuthError) return error;
  const retryAfterMs = error instanceof ApiError && (error.extensions.retryAfterMs as number | undefined);
  if (retryAfterMs) {
    return new OAuthError("too_many_requests", "Too many attempts; try again later.", 429, {
      "retry-after": String(Math.ceil(retryAfterMs / 1_000)),
    });
  }
  if (error instanceof OutcomeUnknownError) {
    log.warn("The database was lost during the commit of a token request.");
    return new OAuthError(
      "temporarily_unavailable",
      "The database was lost, so the request may have been carried out; sending it again is safe.",
    );
  }
  if (error instanceof StatementLimitError || isUnavailable(error)) {
    log.warn("The database could not be reached for a token.");
    return new OAuthError("temporarily_unavailable", "The database cannot be reached at the moment; try again.", 503, {
      "retry-after": "1",
    });
  }
  const { name, code, stack } = error as Error & { code?: string };
  // Never the message: of a database's error it may hold values.
  log.error("A token request failed.", { name, code, stack: stack?.split("\n").slice(1, 8).join("\n") });
  return new OAuthError("server_error", "Something went wrong on our side.");
}

function answer(response: ServerResponse, status: number, body: object, headers: Record<string, string> = {}): void {
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "cache-control": "no-store",
    pragma: "no-cache",
    ...headers,
  });
  response.end(JSON.stringify(body));
}
