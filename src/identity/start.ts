import type { Database } from "../database/client.js";
import type { Mode } from "../graph/access/viewer.js";
import type { Logger } from "../telemetry/logger.js";
import { refuseDemoCredentials } from "./demo-credentials.js";
import { loadSigningKeys, type SigningKeys } from "./keys.js";
import { loadOutsidePermissions } from "./outside-permissions.js";
import { Limits } from "./rate-limits.js";
import { Revocations } from "./revocations.js";
import { TokenInfoEndpoint } from "./token-info.js";
import { type OutsideIssuer, Tokens } from "./tokens.js";

export interface Access {
  keys: SigningKeys;
  tokens: Tokens;
  revocations: Revocations;
  limits: Limits;
  stop(): Promise<void>;
}

/** What of the configuration concerns access. */
export interface AccessConfig {
  readonly environment: string;
  readonly dataDir: string;
  readonly signingKeys: string | undefined;
  readonly tokenIssuer: string;
  readonly organization: string | undefined;
  readonly authJwksUrl: string | undefined;
  readonly authIssuer: string | undefined;
  readonly authOrganization: string | undefined;
  readonly authAudience: string | undefined;
  readonly authPermissions: string | undefined;
  readonly mode: Mode;
  readonly upstream:
    | {
        readonly organization: string;
        readonly url: string;
        readonly issuer: string;
        readonly clients: string | undefined;
      }
    | undefined;
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
  const outside = (await upstreamIssuer(config, log, now)) ?? (await outsideIssuer(config));
  const revocations = new Revocations({ database: database.reserved, log, now });
  await revocations.start();
  const tokens = new Tokens({
    keys,
    issuer: config.tokenIssuer,
    organization: config.organization,
    outside,
    revocations,
    log,
    now,
  });
  return { keys, tokens, revocations, limits: new Limits(now), stop: () => revocations.stop() };
}

async function outsideIssuer(config: AccessConfig): Promise<OutsideIssuer | undefined> {
  const { authIssuer, authJwksUrl, authOrganization, authAudience, authPermissions } = config;
  if (!authIssuer || !authJwksUrl) return undefined;
  const permissions = await loadOutsidePermissions("AUTH_PERMISSIONS", authPermissions);
  return {
    issuer: authIssuer,
    jwksUrl: authJwksUrl,
    organization: authOrganization,
    audience: authAudience,
    permissions,
  };
}

/** Commerce Layer as an issuer: pinned to one organization and mode, with permissions by its token info endpoint. */
async function upstreamIssuer(
  { upstream, mode }: AccessConfig,
  log: Logger,
  now: () => Date,
): Promise<OutsideIssuer | undefined> {
  if (!upstream) return undefined;
  const { organization, url, issuer, clients } = upstream;
  return {
    issuer,
    jwksUrl: `${issuer}/.well-known/jwks.json`,
    organization,
    mode,
    permissions: await loadOutsidePermissions("UPSTREAM_CLIENTS", clients),
    tokenInfo: new TokenInfoEndpoint({ url: `${url}/oauth/tokeninfo`, log, now }),
  };
}
