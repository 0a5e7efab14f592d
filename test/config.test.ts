import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { parseEnv } from "node:util";
import { ConfigError, loadConfig } from "../src/config.js";

/** The error that `env` provokes. */
function configError(env: Record<string, string>): ConfigError {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("It was accepted.");
}

test("defaults apply without variables or with empty ones; the config is frozen", () => {
  const config = loadConfig({});
  expect(config).toEqual({
    port: 4000,
    host: "127.0.0.1",
    dataDir: resolve(".data"),
    databaseUrl: undefined,
    seedDemo: true,
    publicUrl: undefined,
    mode: "test",
    logLevel: "info",
    environment: "development",
    poolSize: 8,
    readTimeoutMs: 10_000,
    writeTimeoutMs: 15_000,
    exportTimeoutMs: 300_000,
    workerTimeoutMs: 600_000,
    importTimeoutMs: 3_600_000,
    resultBytes: 32 * 1024 * 1024,
    signingKeys: undefined,
    tokenIssuer: "urn:customer-graph",
    organization: undefined,
    organizationAttributes: {},
    authJwksUrl: undefined,
    authIssuer: undefined,
    authOrganization: undefined,
    authAudience: undefined,
    authPermissions: undefined,
    upstream: undefined,
    refreshGraceMs: 30_000,
    anonymizationGraceMs: 86_400_000,
    worker: true,
    trustedProxies: 0,
    introspection: true,
    integrationPageSize: 25,
    writeStallMs: 20_000,
    corsOrigins: "local",
  });
  expect(loadConfig({ PORT: "", DATABASE_URL: " ", MODE: "" })).toEqual(config);
  expect(Object.isFrozen(config)).toBe(true);
});

test("reads every variable", () => {
  const config = loadConfig({
    PORT: "0",
    HOST: "::1",
    DATA_DIR: "/srv/shop",
    DATABASE_URL: "postgres://user@/shop?host=/run/postgresql",
    SEED_DEMO: "false",
    PUBLIC_URL: "https://graph.example.com/eu",
    MODE: "live",
    LOG_LEVEL: "silent",
    NODE_ENV: "production",
    POOL_SIZE: "100",
    READ_TIMEOUT: "5s",
    WRITE_TIMEOUT: "1m",
    EXPORT_TIMEOUT: "0",
    WORKER_TIMEOUT: "2h",
    IMPORT_TIMEOUT: "1d",
    RESULT_MEGABYTES: "8",
    SIGNING_KEYS: "/run/secrets/keys.json",
    TOKEN_ISSUER: "shop",
    ORGANIZATION: "my-shop",
    ORGANIZATION_ATTRIBUTES: '{"name":"My shop","config":{"apps":{}}}',
    AUTH_JWKS_URL: "https://auth.example.com/keys?all=1",
    AUTH_ISSUER: "https://auth.example.com/",
    AUTH_ORGANIZATION: "xYZkjABcde",
    AUTH_AUDIENCE: "graph",
    AUTH_PERMISSIONS: "permissions.json",
    REFRESH_GRACE: "1m",
    ANONYMIZATION_GRACE: "15m",
    WORKER: "false",
    TRUSTED_PROXIES: "1",
    INTROSPECTION: "off",
    INTEGRATION_PAGE_SIZE: "250",
    WRITE_STALL: "1m",
    CORS_ORIGINS: "https://shop.example, http://localhost:3000,capacitor://localhost,http://[::1]:8080",
  });
  expect(config).toEqual({
    port: 0,
    host: "::1",
    dataDir: "/srv/shop",
    databaseUrl: "postgres://user@/shop?host=/run/postgresql",
    seedDemo: false,
    publicUrl: "https://graph.example.com/eu",
    mode: "live",
    logLevel: "silent",
    environment: "production",
    poolSize: 100,
    readTimeoutMs: 5_000,
    writeTimeoutMs: 60_000,
    exportTimeoutMs: 0,
    workerTimeoutMs: 7_200_000,
    importTimeoutMs: 86_400_000,
    resultBytes: 8 * 1024 * 1024,
    signingKeys: "/run/secrets/keys.json",
    tokenIssuer: "shop",
    organization: "my-shop",
    organizationAttributes: { name: "My shop", config: { apps: {} } },
    authJwksUrl: "https://auth.example.com/keys?all=1",
    authIssuer: "https://auth.example.com/",
    authOrganization: "xYZkjABcde",
    authAudience: "graph",
    authPermissions: "permissions.json",
    upstream: undefined,
    refreshGraceMs: 60_000,
    anonymizationGraceMs: 900_000,
    worker: false,
    trustedProxies: 1,
    introspection: false,
    integrationPageSize: 250,
    writeStallMs: 60_000,
    corsOrigins: ["https://shop.example", "http://localhost:3000", "capacitor://localhost", "http://[::1]:8080"],
  });
});

test("reports all invalid variables at once, with name, value and what is expected", () => {
  const { problems, message } = configError({ PORT: "65536", SEED_DEMO: "yes", MODE: "Live", POOL_SIZE: "0" });
  expect(problems).toEqual([
    'PORT is "65536" but must be a whole number from 0 to 65535',
    'SEED_DEMO is "yes" but must be true or false',
    'MODE is "Live" but must be one of test, live',
    'POOL_SIZE is "0" but must be a whole number from 1 to 100',
  ]);
  for (const problem of problems) expect(message).toContain(problem);
});

test("production requires SIGNING_KEYS and rejects the demo shop", () => {
  expect(configError({ NODE_ENV: "production", SEED_DEMO: "true" }).problems).toEqual([
    "SIGNING_KEYS must be set in production: a JWK set, or the path of a file with one",
    "SEED_DEMO must not be true in production: everybody knows the demo shop's passwords and secrets",
  ]);
  expect(loadConfig({ NODE_ENV: "production", SIGNING_KEYS: "keys.json" }).seedDemo).toBe(false);
});

test("production allows no cross-origin requests by default", () => {
  const production = { NODE_ENV: "production", SIGNING_KEYS: "keys.json" };
  expect(loadConfig(production).corsOrigins).toEqual([]);
  expect(loadConfig({ ...production, CORS_ORIGINS: "*" }).corsOrigins).toBe("*");
  expect(loadConfig({ CORS_ORIGINS: "none" }).corsOrigins).toEqual([]);
});

test("an outside issuer needs a name of its own and its keys", () => {
  const url = "https://auth.example.com/keys";
  expect(configError({ AUTH_JWKS_URL: url }).problems).toEqual(["AUTH_JWKS_URL and AUTH_ISSUER must be set together"]);
  expect(configError({ AUTH_ISSUER: "a", AUTH_AUDIENCE: "b" }).problems).toHaveLength(1);
  for (const name of ["AUTH_ORGANIZATION", "AUTH_AUDIENCE", "AUTH_PERMISSIONS"]) {
    expect(configError({ [name]: "{}" }).problems).toEqual([`${name} must not be set without AUTH_ISSUER`]);
  }
  const own = { AUTH_JWKS_URL: url, AUTH_ISSUER: "shop", TOKEN_ISSUER: "shop", AUTH_AUDIENCE: "b" };
  expect(configError(own).problems).toHaveLength(1);
});

test("an outside issuer needs an organization or an audience", () => {
  const issuer = { AUTH_JWKS_URL: "https://auth.example.com/keys", AUTH_ISSUER: "https://auth.example.com" };
  expect(configError(issuer).problems).toEqual([
    "AUTH_ORGANIZATION must be set with AUTH_ISSUER to the id of your organization (the claim organization.id), or AUTH_AUDIENCE to the audience of your tokens (aud): the issuer signs tokens for others too",
  ]);
  expect(configError({ ...issuer, AUTH_ORGANIZATION: " " }).problems).toHaveLength(1);
  expect(loadConfig({ ...issuer, AUTH_ORGANIZATION: "xYZkjABcde" }).authOrganization).toBe("xYZkjABcde");
  expect(loadConfig({ ...issuer, AUTH_AUDIENCE: "graph" }).authAudience).toBe("graph");
});

describe("the Commerce Layer organization", () => {
  const upstream = { UPSTREAM_ORGANIZATION: "xYZkjABcde", UPSTREAM_DOMAIN: "my-shop.commercelayer.io" };

  test("needs its id and its domain, from which the issuer of its tokens follows", () => {
    const secrets = { UPSTREAM_CLIENT_ID: "a", UPSTREAM_CLIENT_SECRET: "b", UPSTREAM_CLIENTS: "clients.json" };
    expect(loadConfig({ ...upstream, ...secrets }).upstream).toEqual({
      organization: "xYZkjABcde",
      url: "https://my-shop.commercelayer.io",
      issuer: "https://auth.commercelayer.io",
      clientId: "a",
      clientSecret: "b",
      clients: "clients.json",
    });
    expect(Object.isFrozen(loadConfig(upstream).upstream)).toBe(true);
    for (const name of ["UPSTREAM_ORGANIZATION", "UPSTREAM_DOMAIN"] as const) {
      expect(configError({ [name]: upstream[name] }).problems).toEqual([
        expect.stringContaining("UPSTREAM_ORGANIZATION and UPSTREAM_DOMAIN must be set together"),
      ]);
    }
    for (const name of Object.keys(secrets)) {
      expect(configError({ [name]: "a" }).problems).toContain(`${name} must not be set without UPSTREAM_ORGANIZATION`);
    }
    expect(configError({ ...upstream, UPSTREAM_CLIENT_ID: "a" }).problems).toEqual([
      "UPSTREAM_CLIENT_ID and UPSTREAM_CLIENT_SECRET must be set together",
    ]);
  });

  test.each([
    ["my-shop.commercelayer.io", "https://my-shop.commercelayer.io", "https://auth.commercelayer.io"],
    ["https://my-shop.commercelayer.io", "https://my-shop.commercelayer.io", "https://auth.commercelayer.io"],
    [
      "my-shop.commercelayer.co.uk:8443",
      "https://my-shop.commercelayer.co.uk:8443",
      "https://auth.commercelayer.co.uk:8443",
    ],
    ["http://127.0.0.1:4001", "http://127.0.0.1:4001", "http://127.0.0.1:4001"],
    ["http://[::1]:4001", "http://[::1]:4001", "http://[::1]:4001"],
    ["http://localhost:4001", "http://localhost:4001", "http://localhost:4001"],
  ])("at %s is asked at %s, and its tokens are signed by %s", (UPSTREAM_DOMAIN, url, issuer) => {
    expect(loadConfig({ ...upstream, UPSTREAM_DOMAIN }).upstream).toMatchObject({ url, issuer });
  });

  test("is no second outside issuer, and not the server itself", () => {
    const outside = { AUTH_ISSUER: "a", AUTH_JWKS_URL: "https://a.example/keys", AUTH_AUDIENCE: "b" };
    expect(configError({ ...upstream, ...outside }).problems).toEqual([
      "AUTH_ISSUER must not be set with UPSTREAM_ORGANIZATION: tokens are then Commerce Layer's",
    ]);
    expect(configError({ ...upstream, TOKEN_ISSUER: "https://auth.commercelayer.io" }).problems).toHaveLength(1);
  });

  test.each([
    ["UPSTREAM_ORGANIZATION", ["my shop", "xYZ/kj", "https://my-shop.commercelayer.io"]],
    [
      "UPSTREAM_DOMAIN",
      ["my-shop", "commercelayer.io", "https://my-shop.commercelayer.io/api", "https://a:b@my-shop.commercelayer.io"],
    ],
  ])("%s refuses %j", (name, values) => {
    for (const value of values) expect(configError({ ...upstream, [name]: value }).problems).toHaveLength(1);
  });
});

test("the token issuer defaults to PUBLIC_URL", () => {
  expect(loadConfig({ PUBLIC_URL: "https://graph.example.com" }).tokenIssuer).toBe("https://graph.example.com");
});

test.each([
  ["PORT", ["-1", "4000.5", "1e3", "0x10", "http"]],
  ["HOST", ["two words", "http://localhost"]],
  [
    "PUBLIC_URL",
    ["graph.example.com", "ftp://example.com", "https://example.com/", "https://", "https://a.b?c", "https://a.b#c"],
  ],
  ["AUTH_JWKS_URL", ["auth.example.com/keys", "file:///keys.json"]],
  ["INTROSPECTION", ["true", "none", "ON"]],
  ["ORGANIZATION_ATTRIBUTES", ["my shop", "[]", '{"nmae":"x"}', '{"name":1}', '{"config":"x"}']],
  ["TRUSTED_PROXIES", ["-1", "11", "true"]],
  ["REFRESH_GRACE", ["30", "6m", "301s", "1d", "-1s"]],
  ["ANONYMIZATION_GRACE", ["5", "1w", "-1h", "soon"]],
  ["WORKER", ["1", "yes"]],
  [
    "CORS_ORIGINS",
    [
      "https://shop.example/",
      "https://shop.example/path",
      "https://Shop.example",
      "https://shop.example:443",
      "https://*.shop.example",
      "https://me@shop.example",
      "https://shop.example,",
      "https://shop.example,*",
      "https://shop.example https://account.shop.example",
      "shop.example",
      "http://localhost:66000",
      "null",
      "None",
    ],
  ],
  ["LOG_LEVEL", ["trace", "INFO"]],
  ["NODE_ENV", ["prod"]],
])("%s refuses %j", (name, values) => {
  for (const value of values) expect(configError({ [name]: value }).problems).toHaveLength(1);
});

test("an invalid DATABASE_URL is reported without its password", () => {
  for (const url of ["mysql://root:hunter2@db/shop", "root:hunter2@db/shop", "postgres://root:hunter2@db:port/shop"]) {
    const error = configError({ DATABASE_URL: url });
    expect(error.message).toContain("DATABASE_URL must be a URL such as postgresql://");
    expect(`${error.message} ${error.stack}`).not.toContain("hunter2");
  }
});

test(".env.example names every variable, with its default", () => {
  const names = new Set<string>();
  loadConfig(new Proxy({}, { get: (_env, name) => void names.add(String(name)) }));

  const example = readFileSync(".env.example", "utf8").replace(/^# (?=[A-Z_]+=)/gm, "");
  const variables = parseEnv(example) as Record<string, string>;
  expect(Object.keys(variables).sort()).toEqual([...names].sort());
  expect(loadConfig(variables)).toEqual(loadConfig({}));
});
