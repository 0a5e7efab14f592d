import { hash, randomBytes } from "node:crypto";
import {
  decodeJwt,
  decodeProtectedHeader,
  errors,
  type JWTPayload,
  type JWTVerifyOptions,
  jwtVerify,
  SignJWT,
} from "jose";
import { ApiError, AuthenticationError, errorCodes } from "../errors.js";
import type { Permission } from "../graph/access/permission.js";
import { anonymous, type Mode, type Viewer } from "../graph/access/viewer.js";
import { lossyNumbers, repeatedKeys } from "../graph/model/json.js";
import type { Logger } from "../telemetry/logger.js";
import { type Claims, parseClaims } from "./claims.js";
import type { SigningKeys } from "./keys.js";
import { OutsideKeys } from "./outside-keys.js";
import { newTokenId, type Revocations } from "./revocations.js";
import type { TokenInfoEndpoint } from "./token-info.js";
import { isClientKind, tokenKindProblem, viewerOf } from "./viewer.js";

/** What the caller decides about a new token; the issuer, its id and the time are filled in. */
export type NewClaims = Omit<Claims, "iss" | "jti" | "iat" | "firstParty">;

/** An issuer elsewhere whose tokens are accepted. Without an organization or an audience, anybody's would be. */
export interface OutsideIssuer {
  issuer: string;
  jwksUrl: string;
  /** The id of the organization whose tokens are accepted (claim `organization.id`). */
  organization?: string;
  /** Who their tokens must be for (claim `aud`). */
  audience?: string;
  /** What applications may do whose tokens do not say it, by client id or application id. Others may do nothing. */
  permissions?: ReadonlyMap<string, readonly Permission[]>;
  /** The mode whose tokens are accepted; both if unset. */
  mode?: Mode;
  /** Looks up the permissions of staff and applications; the claim `permissions` is then ignored. */
  tokenInfo?: TokenInfoEndpoint;
}

export interface TokensOptions {
  keys: SigningKeys;
  /** Who signs here. */
  issuer: string;
  /** The organization that own tokens name, by its slug: Commerce Layer's clients derive the address of the API from it. */
  organization?: string;
  outside?: OutsideIssuer;
  revocations: Pick<Revocations, "isRevoked">;
  log: Logger;
  now?: () => Date;
}

/** Own tokens are for this service alone, and are no other kind of signed text: another's token does not fit. */
const ownAudience = "customer-graph";
const ownType = "at+jwt";

const maximumHeaderLength = 8_192;
const maximumRemembered = 10_000;
/** How far the clocks of issuers may be ahead. Expiry has no such margin. */
const leewaySeconds = 60;

const outsideAlgorithms = ["RS256", "RS512", "ES256", "EdDSA", "Ed25519"];
const outsideTypes = new Set([undefined, "jwt", "at+jwt", "application/at+jwt"]);

const bearer = /^bearer +([\w-]+\.[\w-]+\.[\w-]+)$/i;

interface Remembered {
  claims: Claims;
  /** The outside issuer's set of keys that it was checked with; with another it is checked again. */
  keySet?: object;
}

/** Signs the server's own access tokens, and checks those that requests bring: its own, and an outside issuer's. */
export class Tokens {
  readonly keys: SigningKeys;
  private readonly issuer: string;
  private readonly organization: string | undefined;
  private readonly outside: (OutsideIssuer & { keys: OutsideKeys }) | undefined;
  private readonly revocations: Pick<Revocations, "isRevoked">;
  private readonly log: Logger;
  private readonly now: () => Date;
  /** Accepted tokens by the SHA-256 of their text, the one used longest ago first. */
  private readonly remembered = new Map<string, Remembered>();

  constructor({ keys, issuer, organization, outside, revocations, log, now = () => new Date() }: TokensOptions) {
    if (outside?.issuer === issuer) throw new Error("An outside issuer must not have the name of this one.");
    if (outside && !outside.organization && !outside.audience) {
      throw new Error("An outside issuer needs an organization or an audience: it may sign for everybody.");
    }
    this.keys = keys;
    this.issuer = issuer;
    this.organization = organization;
    this.outside = outside && { ...outside, keys: new OutsideKeys(outside.jwksUrl, log) };
    this.revocations = revocations;
    this.log = log;
    this.now = now;
  }

  async sign(claims: NewClaims, now = this.now()): Promise<string> {
    const { current } = this.keys;
    const payload: Claims = {
      ...claims,
      ...(this.organization && { organization: { id: this.organization, slug: this.organization } }),
      iss: this.issuer,
      jti: newTokenId(now.getTime(), randomBytes(12).toString("base64url")),
      iat: Math.floor(now.getTime() / 1_000),
    };
    return new SignJWT({ ...payload, aud: ownAudience })
      .setProtectedHeader({ alg: current.algorithm, typ: ownType, kid: current.id })
      .sign(current.key);
  }

  /**
   * What the token in an `Authorization` header says; null if there is no header. Throws `UNAUTHENTICATED`, or
   * `TOKEN_EXPIRED` for a token that was good.
   */
  async verify(authorization: string | undefined): Promise<Claims | null> {
    if (authorization === undefined) return null;
    if (authorization.length > maximumHeaderLength) throw refused("The access token is too long.");
    const token = bearer.exec(authorization.trim())?.[1];
    if (!token) throw refused("The Authorization header must hold one access token: `Authorization: Bearer …`.");
    return this.verifyToken(token);
  }

  /** The viewer whom the token in an `Authorization` header speaks of; anonymous without a header. Throws as `verify`. */
  async viewer(authorization: string | undefined): Promise<Viewer> {
    const claims = await this.verify(authorization);
    return claims ? viewerOf(claims) : anonymous;
  }

  /** As `verify`, for the token alone. */
  async verifyToken(token: string): Promise<Claims> {
    const key = hash("sha256", token, "base64");
    let found = this.remembered.get(key);
    if (found?.keySet && found.keySet !== this.outside?.keys.current) found = undefined;
    const entry = found ?? (await this.check(token));
    const { claims } = entry;
    if (claims.exp * 1_000 <= this.now().getTime()) {
      this.remembered.delete(key);
      throw expired();
    }
    if (this.revocations.isRevoked(claims)) throw refused("The access token was revoked.");
    this.remember(key, entry);
    return claims;
  }

  /** Whether claims come from a token of this server. */
  isOwn({ iss }: Claims): boolean {
    return iss === this.issuer;
  }

  private async check(token: string): Promise<Remembered> {
    try {
      const outside = this.outside && decodeJwt(token).iss === this.outside.issuer;
      return outside ? await this.checkOutside(token) : await this.checkOwn(token);
    } catch (error) {
      if (error instanceof ApiError) throw error;
      // Only a token whose signature was good gets this far.
      if (error instanceof errors.JWTExpired) throw expired();
      if (error instanceof errors.JWTClaimValidationFailed && error.claim === "aud") {
        throw refused("The access token is for another audience.");
      }
      if (!(error instanceof errors.JOSEError || error instanceof TypeError)) {
        this.log.error("An access token could not be checked.", { name: (error as Error).name });
      }
      throw refused();
    }
  }

  private async checkOwn(token: string): Promise<Remembered> {
    const { kid } = decodeProtectedHeader(token);
    const key = kid === undefined ? undefined : this.keys.verifying.get(kid);
    if (!key) throw refused();
    const { payload } = await jwtVerify(token, key.key, {
      ...this.times(),
      algorithms: [key.algorithm],
      issuer: this.issuer,
      audience: ownAudience,
      typ: ownType,
    });
    return { claims: this.claimsOf(payload, token, false) };
  }

  private async checkOutside(token: string): Promise<Remembered> {
    const { keys, issuer, audience, organization, mode, tokenInfo } = this.outside!;
    const keySet = keys.current ?? {};
    const { typ } = decodeProtectedHeader(token);
    if (!outsideTypes.has(typ?.toLowerCase())) throw refused();
    const { payload } = await jwtVerify(token, keys.find, {
      ...this.times(),
      algorithms: outsideAlgorithms,
      issuer,
      audience,
    });
    // A log-in of an outside issuer is none of ours.
    const { family: _, ...claims } = this.claimsOf(payload, token, tokenInfo !== undefined);
    if (organization && claims.organization?.id !== organization) {
      throw refused(
        claims.organization
          ? "The access token belongs to another organization."
          : "The access token names no organization; it needs the claim `organization` with its `id`.",
      );
    }
    if (mode && claims.test !== (mode === "test")) {
      throw refused(
        `The access token belongs to the mode ${claims.test ? "test" : "live"}; this server has data of the mode ${mode}.`,
      );
    }
    // jose tolerates a skew of the clocks; an expired token needs no look-up.
    if (claims.exp * 1_000 <= this.now().getTime()) throw expired();
    if (tokenInfo) claims.permissions = undefined;
    claims.permissions ??= this.permissionsOf(claims);
    // All shoppers have the same permissions.
    if (tokenInfo && !claims.permissions && claims.application.kind !== "sales_channel") {
      const info = await tokenInfo.lookUp(token, claims);
      claims.permissions = [...info.permissions];
      if (claims.owner) Object.assign(claims.owner, info.owner);
    }
    // Own tokens without permissions have those of their kind; what an outside issuer leaves unsaid is not granted.
    claims.permissions ??= [];
    return { claims, keySet };
  }

  /** The permissions configured for an application of the outside issuer, if any. */
  private permissionsOf({ application: { client_id: clientId, id } }: Claims): string[] | undefined {
    const { permissions } = this.outside!;
    const found = permissions?.get(clientId ?? "") ?? permissions?.get(id);
    return found && [...found];
  }

  private times(): JWTVerifyOptions {
    return { currentDate: this.now(), clockTolerance: leewaySeconds, requiredClaims: ["exp", "iat"] };
  }

  private claimsOf(payload: JWTPayload, token: string, isUpstream: boolean): Claims {
    const text = Buffer.from(token.split(".")[1]!, "base64url").toString();
    const changed = [...lossyNumbers(text).map(({ path }) => path), ...repeatedKeys(text, payload)];
    // It is shown as it is.
    if (changed.some(([claim]) => claim === "custom_claim")) {
      throw refused(
        "The claim `custom_claim` of the access token has a number that would lose digits, or a key twice; long numbers can be texts.",
      );
    }
    const claims = parseClaims(payload);
    if (!claims || claims.iat > this.now().getTime() / 1_000 + leewaySeconds) throw refused();
    if (isUpstream && !isClientKind(claims.application.kind)) claims.firstParty = true;
    const problem = tokenKindProblem(claims);
    if (problem) throw refused(problem);
    return claims;
  }

  private remember(key: string, entry: Remembered): void {
    this.remembered.delete(key);
    this.remembered.set(key, entry);
    if (this.remembered.size > maximumRemembered) this.remembered.delete(this.remembered.keys().next().value!);
  }
}

function refused(message = "The access token is not valid."): ApiError {
  return new AuthenticationError("UNAUTHENTICATED", message, { tokenSent: true });
}

function expired(): ApiError {
  return new AuthenticationError("TOKEN_EXPIRED", errorCodes.TOKEN_EXPIRED, { tokenSent: true });
}
