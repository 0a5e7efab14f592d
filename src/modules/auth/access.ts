import { loadSigningKeys, type SigningKeys } from "../../platform/access/keys.js";
import { Limits } from "../../platform/access/limits.js";
import { loadOutsidePermissions } from "../../platform/access/outside-permissions.js";
import { Revocations } from "../../platform/access/revocations.js";
import { type OutsideIssuer, Tokens } from "../../platform/access/tokens.js";
import type { Database } from "../../platform/database/client.js";
import type { Logger } from "../../platform/telemetry/logger.js";
import { refuseDemoCredentials } from "./demo-credentials.js";
import { type AuthRoutes, authRoutes } from "./token.route.js";

export interface Access {
  keys: SigningKeys;
  tokens: Tokens;
  revocations: Revocations;
  limits: Limits;
  routes: AuthRoutes;
  stop(): Promise<void>;
}

/** What of the configuration concerns access. */
export interface AccessConfig {
  readonly environment: string;
  readonly dataDir: string;
  readonly signingKeys: string | undefined;
  readonly tokenIssuer: string;
  readonly authJwksUrl: string | undefined;
  readonly authIssuer: string | undefined;
  readonly authOrganization: string | undefined;
  readonly authAudience: string | undefined;
  readonly authPermissions: string | undefined;
  readonly refreshGraceMs: number;
  readonly trustedProxies: number;
}

export interface AccessOptions {
  config: AccessConfig;
  database: Database;
  log: Logger;
  now: () => Date;
}

/** Everything about access tokens, wired: giving out, checking and revoking them. */
export async function startAccess({ config, database, log, now }: AccessOptions): Promise<Access> {
  if (config.environment === "production") await refuseDemoCredentials(database);
  const keys = await loadSigningKeys(config);
  const outside = await outsideIssuer(config);
  const revocations = new Revocations({ database: database.reserved, log, now });
  await revocations.start();
  const tokens = new Tokens({ keys, issuer: config.tokenIssuer, outside, revocations, log, now });
  const { trustedProxies, refreshGraceMs } = config;
  const limits = new Limits(now);
  const routes = authRoutes({ database, log, now, tokens, revocations, limits, trustedProxies, refreshGraceMs });
  return { keys, tokens, revocations, limits, routes, stop: () => revocations.stop() };
}

async function outsideIssuer(config: AccessConfig): Promise<OutsideIssuer | undefined> {
  const { authIssuer, authJwksUrl, authOrganization, authAudience, authPermissions } = config;
  if (!authIssuer || !authJwksUrl) return undefined;
  const permissions = await loadOutsidePermissions(authPermissions);
  return {
    issuer: authIssuer,
    jwksUrl: authJwksUrl,
    organization: authOrganization,
    audience: authAudience,
    permissions,
  };
}
