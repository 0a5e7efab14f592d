import { resolve } from "node:path";
import { defaultResultBytes, defaultTimeouts } from "./database/limits.js";
import { type OrganizationAttributes, organizationTexts } from "./identity/organization.js";
import { longestRefreshGraceMs } from "./identity/sessions.js";
import type { LogLevel } from "./telemetry/logger.js";

/** The Commerce Layer organization whose data the server holds. */
export interface UpstreamConfig {
  /** Its id (`organization.id` in tokens): no other organization's tokens are accepted. */
  readonly organization: string;
  /** Where its API is, without a trailing slash. */
  readonly url: string;
  /** Who signs its access tokens; the keys are at `/.well-known/jwks.json` there. */
  readonly issuer: string;
  /** Credentials of an integration that may read the organization; both are set, or none. */
  readonly clientId: string | undefined;
  readonly clientSecret: string | undefined;
  /** What applications may do whose permissions it does not tell: JSON, or the path of a file with it. */
  readonly clients: string | undefined;
}

export interface Config {
  /** 0 takes any free port. */
  readonly port: number;
  readonly host: string;
  /** Absolute. The embedded database lives in its folder `postgres`. */
  readonly dataDir: string;
  /** A PostgreSQL server to use instead of the embedded one. */
  readonly databaseUrl: string | undefined;
  /** Never in production: the demo shop's passwords and secrets are known to everybody. */
  readonly seedDemo: boolean;
  /** Where clients reach the server, without a trailing slash; if unset, host and port tell. */
  readonly publicUrl: string | undefined;
  /** The mode of imported rows that do not say theirs, and of the upstream organization's tokens. */
  readonly mode: "test" | "live";
  readonly logLevel: LogLevel;
  readonly environment: "development" | "test" | "production";
  readonly poolSize: number;
  /** How long one statement may run in PostgreSQL, by what it is for; 0: without limit. */
  readonly readTimeoutMs: number;
  readonly writeTimeoutMs: number;
  readonly exportTimeoutMs: number;
  readonly workerTimeoutMs: number;
  readonly importTimeoutMs: number;
  /** How much one statement, all statements of one query, and its answer may come to. */
  readonly resultBytes: number;
  /** The keys that sign access tokens: a JWK set, or the path of a file with one. */
  readonly signingKeys: string | undefined;
  /** Who the server says it is in its access tokens. */
  readonly tokenIssuer: string;
  /** The slug of the organization that its access tokens name. */
  readonly organization: string | undefined;
  /** What the JSON:API tells of it, such as its name and the `config` of its applications. */
  readonly organizationAttributes: OrganizationAttributes;
  /** An issuer elsewhere whose access tokens are accepted too: where its keys are, and its name. */
  readonly authJwksUrl: string | undefined;
  readonly authIssuer: string | undefined;
  /** Which of its tokens: those of this organization (its id), those for this audience; at least one is set. */
  readonly authOrganization: string | undefined;
  readonly authAudience: string | undefined;
  /** What its applications may do whose tokens do not say it: JSON, or the path of a file with it. */
  readonly authPermissions: string | undefined;
  /** Undefined: the server's own data is all there is. */
  readonly upstream: UpstreamConfig | undefined;
  /** How long a used refresh token gives its successor again, for clients that did not receive the answer. */
  readonly refreshGraceMs: number;
  /** How long a request for anonymization waits before it is carried out. */
  readonly anonymizationGraceMs: number;
  /** Whether the server carries out anonymizations itself. */
  readonly worker: boolean;
  /** From where pages in a browser may call the API: `*` for everywhere, `local` for what this machine serves. */
  readonly corsOrigins: "*" | "local" | readonly string[];
  /** How many proxies stand before the server and add the caller's address to X-Forwarded-For. */
  readonly trustedProxies: number;
  /** Whether clients may ask for the schema: by introspection, and at `/schema.graphql`. */
  readonly introspection: boolean;
  /** How many resources integrations may have on a page of the JSON:API. */
  readonly integrationPageSize: number;
  /** How long a client may take nothing of its answer. */
  readonly writeStallMs: number;
}

const mebibyte = 1024 * 1024;

/** Every bad variable at once, so that one look is enough to put them right. */
export class ConfigError extends Error {
  override name = "ConfigError";
  constructor(readonly problems: readonly string[]) {
    super(`Some environment variables are wrong:\n${problems.map((problem) => `  ${problem}`).join("\n")}`);
  }
}

/** The only reader of the environment. Unset and empty variables take their defaults (.env.example lists them). */
export function loadConfig(env: NodeJS.ProcessEnv = process.env): Config {
  const problems: string[] = [];

  function read<T>(name: string, fallback: T, { expected, secret, parse }: Rule<T>): T {
    const text = env[name]?.trim();
    if (!text) return fallback;
    const value = parse(text);
    if (value !== undefined) return value;
    problems.push(`${name} ${secret ? "" : `is ${JSON.stringify(text)} but `}must be ${expected}`);
    return fallback;
  }

  const environment = read("NODE_ENV", "development", oneOf("development", "test", "production"));
  const config = {
    port: read("PORT", 4000, wholeNumber(0, 65535)),
    host: read("HOST", "127.0.0.1", hostName),
    dataDir: resolve(read("DATA_DIR", ".data", anyText)),
    databaseUrl: read("DATABASE_URL", undefined, postgresUrl),
    seedDemo: read("SEED_DEMO", environment !== "production", trueOrFalse),
    publicUrl: read("PUBLIC_URL", undefined, webUrl),
    mode: read("MODE", "test", oneOf("test", "live")),
    logLevel: read("LOG_LEVEL", "info", oneOf("debug", "info", "warn", "error", "silent")),
    environment,
    poolSize: read("POOL_SIZE", 8, wholeNumber(1, 100)),
    readTimeoutMs: read("READ_TIMEOUT", defaultTimeouts.read, duration),
    writeTimeoutMs: read("WRITE_TIMEOUT", defaultTimeouts.write, duration),
    exportTimeoutMs: read("EXPORT_TIMEOUT", defaultTimeouts.export, duration),
    workerTimeoutMs: read("WORKER_TIMEOUT", 10 * 60_000, duration),
    importTimeoutMs: read("IMPORT_TIMEOUT", 60 * 60_000, duration),
    resultBytes: mebibyte * read("RESULT_MEGABYTES", defaultResultBytes / mebibyte, wholeNumber(1, 256)),
    signingKeys: read("SIGNING_KEYS", undefined, anyText),
    tokenIssuer: read("TOKEN_ISSUER", undefined, anyText),
    organization: read("ORGANIZATION", undefined, slug),
    organizationAttributes: read("ORGANIZATION_ATTRIBUTES", {}, organizationAttributes),
    authJwksUrl: read("AUTH_JWKS_URL", undefined, anyWebUrl),
    authIssuer: read("AUTH_ISSUER", undefined, anyText),
    authOrganization: read("AUTH_ORGANIZATION", undefined, anyText),
    authAudience: read("AUTH_AUDIENCE", undefined, anyText),
    authPermissions: read("AUTH_PERMISSIONS", undefined, anyText),
    refreshGraceMs: read("REFRESH_GRACE", 30_000, refreshGrace),
    anonymizationGraceMs: read("ANONYMIZATION_GRACE", 24 * 3_600_000, duration),
    worker: read("WORKER", true, trueOrFalse),
    trustedProxies: read("TRUSTED_PROXIES", 0, wholeNumber(0, 10)),
    introspection: read("INTROSPECTION", true, onOrOff),
    integrationPageSize: read("INTEGRATION_PAGE_SIZE", 25, wholeNumber(25, 1_000)),
    writeStallMs: read("WRITE_STALL", 20_000, duration),
    corsOrigins: read("CORS_ORIGINS", environment === "production" ? [] : "local", origins),
  };
  const upstream = {
    organization: read("UPSTREAM_ORGANIZATION", undefined, organizationId),
    url: read("UPSTREAM_DOMAIN", undefined, upstreamUrl),
    clientId: read("UPSTREAM_CLIENT_ID", undefined, anyText),
    clientSecret: read("UPSTREAM_CLIENT_SECRET", undefined, anyText),
    clients: read("UPSTREAM_CLIENTS", undefined, anyText),
  };
  const tokenIssuer = config.tokenIssuer ?? config.publicUrl ?? "urn:customer-graph";
  if (environment === "production" && !config.signingKeys) {
    problems.push("SIGNING_KEYS must be set in production: a JWK set, or the path of a file with one");
  }
  if (environment === "production" && config.seedDemo) {
    problems.push("SEED_DEMO must not be true in production: everybody knows the demo shop's passwords and secrets");
  }
  if (!config.authJwksUrl !== !config.authIssuer) {
    problems.push("AUTH_JWKS_URL and AUTH_ISSUER must be set together");
  }
  const outside = {
    AUTH_ORGANIZATION: config.authOrganization,
    AUTH_AUDIENCE: config.authAudience,
    AUTH_PERMISSIONS: config.authPermissions,
  };
  for (const [name, value] of Object.entries(outside)) {
    if (value && !config.authIssuer) problems.push(`${name} must not be set without AUTH_ISSUER`);
  }
  if (config.authIssuer && !config.authOrganization && !config.authAudience) {
    problems.push(
      "AUTH_ORGANIZATION must be set with AUTH_ISSUER to the id of your organization (the claim organization.id), or AUTH_AUDIENCE to the audience of your tokens (aud): the issuer signs tokens for others too",
    );
  }
  if (config.authIssuer && config.authIssuer === tokenIssuer) {
    problems.push("AUTH_ISSUER must not be the server's own name (TOKEN_ISSUER)");
  }
  const { organization, url } = upstream;
  const issuer = url && issuerOf(url);
  if (!env.UPSTREAM_ORGANIZATION?.trim() !== !env.UPSTREAM_DOMAIN?.trim()) {
    problems.push(
      "UPSTREAM_ORGANIZATION and UPSTREAM_DOMAIN must be set together: the id of your Commerce Layer organization, and where its API is, such as my-shop.commercelayer.io",
    );
  }
  for (const name of ["UPSTREAM_CLIENT_ID", "UPSTREAM_CLIENT_SECRET", "UPSTREAM_CLIENTS"]) {
    if (env[name]?.trim() && !env.UPSTREAM_ORGANIZATION?.trim()) {
      problems.push(`${name} must not be set without UPSTREAM_ORGANIZATION`);
    }
  }
  if (!upstream.clientId !== !upstream.clientSecret) {
    problems.push("UPSTREAM_CLIENT_ID and UPSTREAM_CLIENT_SECRET must be set together");
  }
  if (organization && config.authIssuer) {
    problems.push("AUTH_ISSUER must not be set with UPSTREAM_ORGANIZATION: tokens are then Commerce Layer's");
  }
  if (issuer === tokenIssuer) {
    problems.push(`UPSTREAM_DOMAIN must not be the server itself: it signs as ${issuer} too (TOKEN_ISSUER)`);
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze({
    ...config,
    tokenIssuer,
    upstream: organization && url && issuer ? Object.freeze({ ...upstream, organization, url, issuer }) : undefined,
  });
}

/**
 * domain rule: the tokens of `https://my-shop.commercelayer.io` are signed by `https://auth.commercelayer.io`. A server
 * without such a name signs its own.
 */
function issuerOf(url: string): string {
  const { protocol, hostname, port } = new URL(url);
  const [, ...domain] = hostname.split(".");
  if (domain.length < 2 || /^[\d.]+$|^\[/.test(hostname)) return url;
  return `${protocol}//auth.${domain.join(".")}${port && `:${port}`}`;
}

interface Rule<T> {
  /** Completes the sentence "must be …". */
  expected: string;
  /** Never repeated in an error: it may hold a password. */
  secret?: boolean;
  /** Undefined if the text is not right. */
  parse(text: string): T | undefined;
}

const anyText: Rule<string> = { expected: "a text", parse: (text) => text };

const slug: Rule<string> = {
  expected: "a slug: lower-case letters, digits and -, at most 63, such as my-shop",
  parse: (text) => (/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(text) ? text : undefined),
};

const organizationAttributes: Rule<OrganizationAttributes> = {
  expected: `a JSON object of ${organizationTexts.join(", ")}, which are texts, and config, an object`,
  parse: (text) => {
    try {
      const given: unknown = JSON.parse(text);
      if (!isObject(given)) return undefined;
      const isText = (name: string) => organizationTexts.some((one) => one === name);
      const isRight = Object.entries(given).every(([name, value]) =>
        name === "config" ? isObject(value) : isText(name) && typeof value === "string",
      );
      return isRight ? (given as OrganizationAttributes) : undefined;
    } catch {
      return undefined;
    }
  },
};

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const organizationId: Rule<string | undefined> = {
  expected: "the id of an organization, such as xYZkjABcde",
  parse: (text) => (/^[\w-]{1,64}$/.test(text) ? text : undefined),
};

const upstreamUrl: Rule<string | undefined> = {
  expected: "where the organization's API is, such as my-shop.commercelayer.io, or a URL of it without a path",
  parse: (text) => {
    const url = text.includes("://") ? text : `https://${text}`;
    if (!/^https?:\/\/[^/?#@]+$/.test(url) || !URL.canParse(url)) return undefined;
    // A host alone is the organization's own.
    return url === text || /^[^.]+\.[^.]+\.[^.]/.test(text) ? new URL(url).origin : undefined;
  },
};

const hostName: Rule<string> = {
  expected: "a host name or an IP address, such as 127.0.0.1 or 0.0.0.0",
  parse: (text) => (/^[\w.:%-]+$/.test(text) ? text : undefined),
};

const postgresUrl: Rule<string | undefined> = {
  expected: "a URL such as postgresql://user:password@host:5432/database",
  secret: true,
  // A URL without a host (`user@/database?host=/socket`) is right for PostgreSQL, though not for the URL class.
  parse: (text) =>
    /^postgres(ql)?:\/\//.test(text) && URL.canParse(text.replace("@/", "@localhost/")) ? text : undefined,
};

const webUrl: Rule<string | undefined> = {
  expected:
    "an absolute http or https URL without a trailing slash, query or fragment, such as https://graph.example.com",
  parse: (text) => (/^https?:\/\/[^?#]*[^?#/]$/.test(text) && URL.canParse(text) ? text : undefined),
};

const anyWebUrl: Rule<string | undefined> = {
  expected: "an http or https URL, such as https://auth.example.com/.well-known/jwks.json",
  parse: (text) => (/^https?:\/\//.test(text) && URL.canParse(text) ? text : undefined),
};

/** As browsers write an origin. They compare letter by letter, so what they never write is never meant. */
const origins: Rule<Config["corsOrigins"]> = {
  expected:
    "*, local, none, or origins separated by commas, such as https://shop.example,http://localhost:3000: in small letters, without a path, a slash at the end or the default port",
  parse: (text) => {
    if (text === "none") return [];
    if (text === "*" || text === "local") return text;
    const list = text.split(",").map((origin) => origin.trim());
    // Apps for phones have schemes of their own, such as capacitor://localhost.
    const isOrigin = (origin: string) =>
      /^[a-z][a-z\d+.-]*:\/\/([a-z\d.-]+|\[[\da-f:]+\])(:\d+)?$/.test(origin) &&
      URL.canParse(origin) &&
      (!/^https?:/.test(origin) || new URL(origin).origin === origin);
    return list.every(isOrigin) ? Object.freeze(list) : undefined;
  },
};

const trueOrFalse: Rule<boolean> = {
  expected: "true or false",
  parse: (text) => (text === "true" ? true : text === "false" ? false : undefined),
};

const onOrOff: Rule<boolean> = {
  expected: "on or off",
  parse: (text) => (text === "on" ? true : text === "off" ? false : undefined),
};

const units = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const duration: Rule<number> = {
  expected: "a time such as 30s, 15m, 24h, 7d, or 0",
  parse: (text) => {
    const [, number, unit] = /^(\d{1,4})([smhd])?$/.exec(text) ?? [];
    if (number === undefined || (!unit && Number(number))) return undefined;
    return Number(number) * (unit ? units[unit as keyof typeof units] : 0);
  },
};

const refreshGrace: Rule<number> = {
  expected: "a time from 0 to 5m, such as 30s",
  parse: (text) => {
    const milliseconds = duration.parse(text);
    return milliseconds !== undefined && milliseconds <= longestRefreshGraceMs ? milliseconds : undefined;
  },
};

function wholeNumber(min: number, max: number): Rule<number> {
  return {
    expected: `a whole number from ${min} to ${max}`,
    parse: (text) => (/^\d+$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined),
  };
}

function oneOf<T extends string>(...choices: T[]): Rule<T> {
  return {
    expected: `one of ${choices.join(", ")}`,
    parse: (text) => choices.find((choice) => choice === text),
  };
}
