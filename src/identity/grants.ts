import { createHmac, randomBytes } from "node:crypto";
import OAuth2Server from "@node-oauth/oauth2-server";
import type { RefreshToken } from "../generated/prisma/client.js";
import type { EnumValue } from "../graph/model/datamodel.js";
import { emailKey } from "../graph/model/values.js";
import type { Logger } from "../telemetry/logger.js";
import { accessClaims, type UserFacts } from "./access-claims.js";
import { type Client, digestOf, findClient } from "./clients.js";
import { OAuthError } from "./oauth-error.js";
import { verifyPassword } from "./password.js";
import type { Limits, LogIn } from "./rate-limits.js";
import { type GrantedScope, grantScope, ScopeError, stillOpen } from "./scopes.js";
import { endFamily, lockFamily, type SessionResources } from "./sessions.js";
import type { Tokens } from "./tokens.js";

export interface GrantResources extends SessionResources {
  tokens: Tokens;
  log: Logger;
  limits: Limits;
  /** Grace period in which a used refresh token returns its successor again. Default: 30 s. */
  refreshGraceMs?: number;
  /** Lower in tests. */
  passwordCost?: number;
}

/** The parameters of a request to the token endpoint, and where it comes from. */
export interface GrantRequest {
  parameters: Readonly<Record<string, string>>;
  address: string;
}

/** Response of the token endpoint. */
export interface TokenAnswer {
  access_token: string;
  token_type: "bearer";
  expires_in: number;
  scope: string;
  created_at: number;
  refresh_token?: string;
  owner_id?: string;
  owner_type?: "customer" | "user";
}

const grantsByKind: Record<EnumValue<"ApplicationKind">, string[]> = {
  sales_channel: ["client_credentials", "password", "refresh_token"],
  integration: ["client_credentials"],
  // A member of the staff begins with the token that `npm run staff -- sign-in` gives out.
  webapp: ["refresh_token"],
};
const supportedGrants = new Set(Object.values(grantsByKind).flat());

const refreshTokenMs = 14 * 86_400_000;

/** Log-ins wait for a connection during a burst, instead of failing. */
const patience = { maxWait: 10_000 };

/** On whose behalf a token is made, as it goes through the library. */
type Subject = {
  granted?: GrantedScope;
  customer?: { id: string; groupId: string | null; passwordDigest: string };
  user?: UserFacts;
  familyId?: string;
  /** The refresh token in use. */
  renewed?: RefreshToken;
};

/**
 * Gives out tokens. The flow of each grant is the library's: who the client is, whether it may use the grant, what is
 * missing or malformed. What is asked of the shop is answered by the model below.
 */
export async function grantTokens(resources: GrantResources, request: GrantRequest): Promise<TokenAnswer> {
  const { parameters } = request;
  const { grant_type: grantType } = parameters;
  if (!grantType) throw new OAuthError("invalid_request", "`grant_type` is missing.");
  if (!supportedGrants.has(grantType)) {
    throw new OAuthError("unsupported_grant_type", `\`grant_type\` must be one of ${[...supportedGrants].join(", ")}.`);
  }
  const now = resources.now();
  const model = new GrantModel(resources, request, now);
  const server = new OAuth2Server({
    model,
    accessTokenLifetime: 1,
    refreshTokenLifetime: refreshTokenMs / 1_000,
    // The model asks for the secret of every client that has to show one.
    requireClientAuthentication: { client_credentials: false, password: false, refresh_token: false },
  });
  // Scopes stay here: the library splits them at spaces alone and takes ASCII alone. Its check of names and passwords
  // refuses letters and emoji in one text, though each of them alone is fine, so it gets to see other characters.
  const { scope: _, ...body }: Record<string, string> = parameters;
  for (const name of ["username", "password"]) if (body[name]) body[name] = encodeURIComponent(body[name]);
  const headers = { "content-type": "application/x-www-form-urlencoded", "content-length": "1" };
  const token = await server
    .token(new OAuth2Server.Request({ method: "POST", query: {}, headers, body }), new OAuth2Server.Response())
    .catch((error: unknown) => {
      throw translated(error);
    });
  const { customer, user, granted } = token.user as Subject;
  const { id, accessTokenSeconds } = token.client as LibraryClient;
  resources.log.debug("An access token was issued.", { application: id, grant: grantType });
  return {
    access_token: token.accessToken,
    token_type: "bearer",
    expires_in: accessTokenSeconds,
    scope: granted!.scope,
    created_at: Math.floor(now.getTime() / 1_000),
    ...(token.refreshToken && { refresh_token: token.refreshToken }),
    ...(customer && { owner_id: customer.id, owner_type: "customer" }),
    ...(user && { owner_id: user.id, owner_type: "user" }),
  };
}

type LibraryClient = Client & { grants: string[] };

/** What the library asks while it grants one request. */
class GrantModel
  implements OAuth2Server.ClientCredentialsModel, OAuth2Server.PasswordModel, OAuth2Server.RefreshTokenModel
{
  private client: LibraryClient | undefined;

  constructor(
    private readonly resources: GrantResources,
    private readonly request: GrantRequest,
    private readonly now: Date,
  ) {}

  async getClient(clientId: string, secret: string | undefined): Promise<LibraryClient> {
    const { database, limits } = this.resources;
    limits.requestFor(clientId);
    const client = await findClient(database, clientId, secret);
    if (!client) {
      limits.failedFrom(this.request.address);
      throw new OAuthError("invalid_client", "The client is unknown, or its secret is missing or wrong.");
    }
    this.client = { ...client, grants: grantsByKind[client.kind] };
    return this.client;
  }

  // ---- client_credentials

  async getUserFromClient(): Promise<Subject> {
    return {};
  }

  // ---- password

  async getUser(encodedName: string, encodedPassword: string, client: OAuth2Server.Client): Promise<Subject | null> {
    const { database, limits, passwordCost } = this.resources;
    const { clientId, mode } = client as LibraryClient;
    const email = emailKey(decodeURIComponent(encodedName));
    const logIn: LogIn = limits.logIn(clientId, `${mode} ${email}`, this.request.address);
    logIn.check();
    const customer = await database.prisma.customer.findUnique({
      where: { mode_email: { mode, email } },
      select: { id: true, passwordDigest: true, customerGroupId: true, anonymizationStatus: true },
    });
    // Unknown, without a password, erased: all take the way, and the time, of a wrong password.
    const usable = customer && maySignIn(customer);
    const right = await verifyPassword(decodeURIComponent(encodedPassword), usable ? customer.passwordDigest : null, {
      cost: passwordCost,
      // Of many attempts at once, those still waiting learn what became of the others.
      beforehand: logIn.check,
    });
    if (!usable || !right) {
      logIn.failed();
      throw wrongLogIn();
    }
    logIn.succeeded();
    return {
      customer: { id: customer.id, groupId: customer.customerGroupId, passwordDigest: customer.passwordDigest! },
      familyId: randomBytes(16).toString("base64url"),
    };
  }

  async validateScope(subject: Subject, client: OAuth2Server.Client): Promise<string[]> {
    const { mode, kind } = client as LibraryClient;
    subject.granted = await grantScope(this.resources.database.prisma, {
      scope: this.request.parameters.scope,
      mode,
      kind,
      customerGroupId: subject.customer?.groupId ?? null,
    });
    return subject.granted.scope.split(" ");
  }

  // ---- refresh_token

  async getRefreshToken(text: string): Promise<OAuth2Server.RefreshToken> {
    const { database, limits } = this.resources;
    const { prisma } = database;
    const { id: applicationId, mode, kind } = this.client!;
    const row = await prisma.refreshToken.findUnique({
      where: { id: digestOf(text) },
      include: {
        customer: { select: { id: true, passwordDigest: true, customerGroupId: true, anonymizationStatus: true } },
        user: true,
      },
    });
    if (!row || row.applicationId !== applicationId || row.expiresAt <= this.now) {
      limits.failedFrom(this.request.address);
      throw notRefreshable();
    }
    const { customer, user, ...renewed } = row;
    if (!this.isRenewable(renewed)) throw await this.endOfReused(renewed);
    if (customer && !maySignIn(customer)) throw notRefreshable();
    const { scope } = this.request.parameters;
    if (scope !== undefined && !sameWords(scope, row.scope)) {
      throw new OAuthError("invalid_scope", "A refreshed token keeps the scope of the first; leave `scope` out.");
    }
    const groupId = customer?.customerGroupId ?? null;
    const marketIds = await stillOpen(prisma, row.marketIds, { mode, kind, customerGroupId: groupId });
    // The staff may have all markets, of which there is no list.
    const allMarkets = user !== null && row.marketIds.length === 0;
    if (marketIds.length === 0 && !allMarkets) throw notRefreshable();
    const subject: Subject = {
      ...(customer && { customer: { id: customer.id, groupId, passwordDigest: customer.passwordDigest! } }),
      ...(user && { user }),
      familyId: row.familyId,
      granted: { scope: row.scope, marketIds: allMarkets ? null : marketIds, stockLocationIds: row.stockLocationIds },
      renewed,
    };
    return {
      refreshToken: text,
      refreshTokenExpiresAt: undefined,
      scope: row.scope.split(" "),
      client: this.client!,
      user: subject,
    };
  }

  /** `saveToken` does it, together with the making of the next one. */
  async revokeToken(): Promise<boolean> {
    return true;
  }

  // ---- all

  async generateAccessToken(client: OAuth2Server.Client, subject: Subject): Promise<string> {
    const application = client as LibraryClient;
    return this.resources.tokens.sign(
      accessClaims({
        application,
        confidential: application.confidential,
        granted: subject.granted!,
        customerId: subject.customer?.id,
        user: subject.user,
        family: subject.familyId,
        now: this.now,
      }),
      this.now,
    );
  }

  async generateRefreshToken(): Promise<string> {
    return randomBytes(32).toString("base64url");
  }

  async saveToken(
    token: OAuth2Server.Token,
    client: OAuth2Server.Client,
    subject: Subject,
  ): Promise<OAuth2Server.Token> {
    const refreshToken =
      subject.familyId && (await this.saveRefreshToken(token.refreshToken!, client as LibraryClient, subject));
    return { ...token, refreshToken, client, user: subject };
  }

  private get refreshGraceMs(): number {
    return this.resources.refreshGraceMs ?? 30_000;
  }

  /** Unused, or used so short a time ago that the client may ask again because it did not receive the answer. */
  private isRenewable({ usedAt, successorSalt }: RefreshToken): boolean {
    if (!usedAt) return true;
    const grace = this.refreshGraceMs;
    return grace > 0 && successorSalt !== null && this.now.getTime() - usedAt.getTime() < grace;
  }

  /** Refresh token reuse (theft): revokes the token family. */
  private async endOfReused({ familyId, applicationId }: RefreshToken): Promise<OAuthError> {
    this.resources.log.warn("A used refresh token came again; the log-in was ended.", { application: applicationId });
    await endFamily(this.resources, familyId);
    return notRefreshable();
  }

  /** Saves a new refresh token, or the successor of a renewed one, and gives its text. */
  private async saveRefreshToken(text: string, application: LibraryClient, subject: Subject): Promise<string> {
    const { customer, user, familyId, granted, renewed } = subject;
    const data = {
      familyId: familyId!,
      applicationId: application.id,
      customerId: customer?.id,
      userId: user?.id,
      mode: application.mode,
      scope: granted!.scope,
      marketIds: granted!.marketIds ?? [],
      stockLocationIds: granted!.stockLocationIds,
      expiresAt: new Date(this.now.getTime() + refreshTokenMs),
      createdAt: this.now,
    };
    const outcome = await this.resources.database.prisma.$transaction(async (transaction) => {
      if (renewed) await lockFamily(transaction, renewed.familyId);
      // Whoever ends log-ins locks or deletes the row of their owner: what was under way then does not outlive it.
      const unchanged = customer
        ? await transaction.$executeRaw`
            SELECT FROM customers WHERE id = ${customer.id} AND password_digest = ${customer.passwordDigest} FOR SHARE`
        : await transaction.$executeRaw`SELECT FROM users WHERE id = ${user!.id} FOR SHARE`;
      const known = await transaction.$executeRaw`SELECT FROM applications WHERE id = ${application.id} FOR KEY SHARE`;
      if (!unchanged || !known) return "refused";
      if (!renewed) {
        await transaction.refreshToken.create({ data: { ...data, id: digestOf(text) } });
        return { text };
      }
      // Others may have used it, or ended the log-in, while this one waited for the family.
      const { refresh_token: presented } = this.request.parameters;
      const row = await transaction.refreshToken.findUnique({ where: { id: renewed.id } });
      if (!row) return "refused";
      if (!this.isRenewable(row)) return "reused";
      const successorSalt = row.successorSalt ?? randomBytes(32).toString("base64url");
      const successor = successorOf(presented!, successorSalt);
      if (row.usedAt) return { text: successor };
      // It must not expire while it may still be asked for again.
      const expiresAt = new Date(Math.max(row.expiresAt.getTime(), this.now.getTime() + this.refreshGraceMs));
      await transaction.refreshToken.update({
        where: { id: row.id },
        data: { usedAt: this.now, successorSalt, expiresAt },
      });
      await transaction.refreshToken.create({ data: { ...data, id: digestOf(successor) } });
      return { text: successor };
    }, patience);
    if (typeof outcome === "object") return outcome.text;
    if (!renewed) throw wrongLogIn();
    throw outcome === "reused" ? await this.endOfReused(renewed) : notRefreshable();
  }

  /** Part of the library's interfaces for protected resources, which it does not serve here. */
  async getAccessToken(): Promise<null> {
    return null;
  }
}

function maySignIn(customer: { passwordDigest: string | null; anonymizationStatus: string | null }): boolean {
  const { passwordDigest, anonymizationStatus } = customer;
  return passwordDigest !== null && anonymizationStatus !== "started" && anonymizationStatus !== "completed";
}

/**
 * The refresh token that follows a used one. Only who holds both the token and the database's salt can derive it: a token
 * that was found later, or a copy of the database, is not enough.
 */
function successorOf(refreshToken: string, salt: string): string {
  return createHmac("sha256", refreshToken).update(salt).digest("base64url");
}

function sameWords(one: string, other: string): boolean {
  const words = (text: string) => [...new Set(text.split(/[\s,]+/).filter(Boolean))].sort().join(" ");
  return words(one) === words(other);
}

function wrongLogIn(): OAuthError {
  return new OAuthError("invalid_grant", "The e-mail address or the password is wrong.");
}

function notRefreshable(): OAuthError {
  return new OAuthError("invalid_grant", "The refresh token is wrong, used or expired; sign in again.");
}

/** Translates errors of the library to errors of this endpoint. */
function translated(error: unknown): unknown {
  if (!(error instanceof OAuth2Server.OAuthError)) return error;
  // Whatever the model throws comes wrapped.
  const inner = (error as { inner?: unknown }).inner;
  if (inner instanceof ScopeError) return new OAuthError("invalid_scope", inner.message);
  if (inner) return inner;
  if (error instanceof OAuth2Server.UnauthorizedClientError) {
    return new OAuthError("unauthorized_client", "This kind of application may not use this grant.");
  }
  if (error instanceof OAuth2Server.InvalidClientError) {
    return new OAuthError("invalid_client", "`client_id` is missing.");
  }
  if (!(error instanceof OAuth2Server.InvalidRequestError)) return error;
  const [, kind, name] = /^(Missing|Invalid) parameter: (`\w+`)/.exec(error.message) ?? [];
  const problem = kind === "Missing" ? "is missing" : "has characters that are not allowed";
  return new OAuthError("invalid_request", name ? `${name} ${problem}.` : "The request is malformed.");
}
