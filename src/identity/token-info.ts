import { hash } from "node:crypto";
import { ApiError, AuthenticationError } from "../errors.js";
import type { Permission } from "../graph/access/permission.js";
import type { Logger } from "../telemetry/logger.js";
import { anyText, boolean, type Claims, defined, object, optional, text, texts } from "./claims.js";
import { readBody } from "./outside-keys.js";
import { permissionsOfRole } from "./upstream-roles.js";

/** Permissions and owner of an access token, which are not among its claims. */
export interface TokenInfo {
  readonly permissions: readonly Permission[];
  /** The names of the token's owner. */
  readonly owner?: { readonly first_name?: string; readonly last_name?: string; readonly email?: string };
}

type Answer = { readonly info: TokenInfo } | { readonly failed: "unavailable" | "rejected" };

interface Remembered {
  readonly answer: Promise<Answer>;
  /** Milliseconds since 1970. */
  until: number;
}

export interface TokenInfoOptions {
  url: string;
  log: Logger;
  now: () => Date;
  /** Size of the cache. */
  maximum?: number;
}

const timeoutMs = 3_000;
/** How long a failed look-up is not repeated. */
const retryMs = 1_000;
/** domain rule: whoever exceeds Commerce Layer's rate is blocked until the rate falls. */
const rateLimitedMs = 10_000;
const rejectedMs = 60_000;

/**
 * Client of Commerce Layer's token info endpoint. Answers are cached until their token expires; concurrent look-ups of a
 * token share one request.
 */
export class TokenInfoEndpoint {
  private readonly url: string;
  private readonly log: Logger;
  private readonly now: () => Date;
  private readonly maximum: number;
  /** By the SHA-256 of the token, least recently used first. */
  private readonly remembered = new Map<string, Remembered>();
  private failing = false;

  constructor({ url, log, now, maximum = 10_000 }: TokenInfoOptions) {
    this.url = url;
    this.log = log;
    this.now = now;
    this.maximum = maximum;
  }

  /** Looks up a verified token. Throws `UNAVAILABLE` if that fails, `UNAUTHENTICATED` if Commerce Layer rejects the token. */
  async lookUp(token: string, claims: Claims): Promise<TokenInfo> {
    const key = hash("sha256", token, "base64");
    const known = this.remembered.get(key);
    const entry = known && known.until > this.now().getTime() ? known : this.ask(token, claims);
    this.remembered.delete(key);
    this.remembered.set(key, entry);
    if (this.remembered.size > this.maximum) this.remembered.delete(this.remembered.keys().next().value!);
    const answer = await entry.answer;
    if ("info" in answer) return answer.info;
    if (answer.failed === "rejected") {
      throw new AuthenticationError(
        "UNAUTHENTICATED",
        "Commerce Layer does not accept the access token; it may be revoked. Get a new one.",
        { tokenSent: true },
      );
    }
    const retryAfterMs = Math.max(retryMs, entry.until - this.now().getTime());
    throw new ApiError(
      "UNAVAILABLE",
      "Commerce Layer cannot be asked at the moment what the access token may do; try again.",
      {
        retryAfterMs,
        http: { status: 503, headers: new Map([["retry-after", String(Math.ceil(retryAfterMs / 1_000))]]) },
      },
    );
  }

  private ask(token: string, claims: Claims): Remembered {
    const entry: Remembered = {
      until: claims.exp * 1_000,
      answer: this.request(token, claims).then(
        (answer) => {
          if ("failed" in answer) entry.until = this.now().getTime() + rejectedMs;
          return answer;
        },
        (error: Error) => {
          const waitMs = error instanceof StatusError && error.status === 429 ? rateLimitedMs : retryMs;
          entry.until = this.now().getTime() + waitMs;
          this.reportFailure(error);
          return { failed: "unavailable" };
        },
      ),
    };
    return entry;
  }

  private async request(token: string, claims: Claims): Promise<Answer> {
    const response = await fetch(this.url, {
      headers: { accept: "application/json", authorization: `Bearer ${token}` },
      // Never sends the token to another server.
      redirect: "error",
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body = await readBody(response);
    const { status } = response;
    if (status === 401) return { failed: "rejected" };
    if (status === 403 || status === 404) {
      const { id, client_id: clientId = id } = claims.application;
      this.log.warn(
        "Commerce Layer does not tell what an application may do, so it may do nothing; UPSTREAM_CLIENTS can name it.",
        { clientId, status },
      );
      return { info: { permissions: [] } };
    }
    if (status !== 200) throw new StatusError(status);
    const info = parseTokenInfo(JSON.parse(body), claims);
    if (this.failing) this.log.info("Commerce Layer tells again what access tokens may do.");
    this.failing = false;
    return { info };
  }

  private reportFailure({ name, message, cause }: Error): void {
    if (!this.failing) {
      this.log.warn("Commerce Layer cannot be asked what access tokens may do; those asked for before still count.", {
        reason: (cause as { code?: string } | undefined)?.code ?? (name === "Error" ? message : name),
      });
    }
    this.failing = true;
  }
}

class StatusError extends Error {
  constructor(readonly status: number) {
    super(`It answered ${status}.`);
  }
}

/** Parses an answer; throws if it is malformed or about another token. */
function parseTokenInfo(answer: unknown, claims: Claims): TokenInfo {
  const top = object(answer);
  const role = optional(top.role, object);
  const token = optional(top.token, object);
  const application = optional(top.application, object);
  const owner = optional(top.owner, object);
  const isAnothers =
    (optional(token?.test, boolean) ?? claims.test) !== claims.test ||
    (optional(application?.id, text) ?? claims.application.id) !== claims.application.id ||
    (optional(application?.kind, text) ?? claims.application.kind) !== claims.application.kind ||
    (optional(owner?.id, text) ?? claims.owner?.id) !== claims.owner?.id;
  if (isAnothers) throw new Error("It is about another token.");
  const permissions = Object.entries(object(top.permissions)).map(([type, value]) => {
    const { actions, restrictions } = object(value);
    // Restrictions to some rows cannot be enforced here.
    const isRestricted = Object.keys(optional(restrictions, object) ?? {}).length > 0;
    return [type, isRestricted ? [] : (optional(actions, texts) ?? [])] as const;
  });
  return {
    permissions: permissionsOfRole({ kind: optional(role?.kind, text), actions: new Map(permissions) }),
    owner:
      owner &&
      defined({
        first_name: optional(owner.first_name, anyText),
        last_name: optional(owner.last_name, anyText),
        email: optional(owner.email, anyText),
      }),
  };
}
