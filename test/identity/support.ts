import { generateKeyPairSync, type KeyObject, sign as signature } from "node:crypto";
import { seedDemo } from "../../prisma/seed.js";
import { createDatabase, type Database } from "../../src/database/client.js";
import type { CorsOrigins } from "../../src/http/cors.js";
import { authRoutes } from "../../src/http/oauth/token-route.js";
import { createPlayground } from "../../src/http/playground/playground.js";
import { createHttpServer } from "../../src/http/server.js";
import type { Claims } from "../../src/identity/claims.js";
import { loadSigningKeys, newKeySet } from "../../src/identity/keys.js";
import { hashPassword } from "../../src/identity/password.js";
import { Limits } from "../../src/identity/rate-limits.js";
import { Revocations } from "../../src/identity/revocations.js";
import { type OutsideIssuer, Tokens } from "../../src/identity/tokens.js";
import { ChangeFeed } from "../../src/live/change-feed.js";
import { createSchema } from "../../src/schema.js";
import { createLogger } from "../../src/telemetry/logger.js";
import type { Answer } from "../support/app.js";
import { createTestDatabase } from "../support/database.js";
import type { Untyped } from "../support/operation-data.js";

export const password = "correct-horse-9";
export const storefront = { client_id: "demo-storefront" };
export const integration = {
  client_id: "demo-integration",
  client_secret: "demo-integration-secret-not-for-production",
};
export const dashboard = { client_id: "demo-dashboard", client_secret: "demo-dashboard-secret-not-for-production" };
export const guest = { ...storefront, grant_type: "client_credentials", scope: "market:code:europe" };
export const ada = {
  ...storefront,
  grant_type: "password",
  username: "ada@example.com",
  password,
  scope: "market:code:europe",
};

/** What a body says: of tokens, of one token, or of an operation. */
interface HttpBody {
  access_token: string;
  refresh_token: string;
  expires_in: number;
  created_at: number;
  scope: string;
  owner_id: string;
  error: string;
  error_description: string;
  data: Untyped;
  errors: { message: string; code?: string; extensions: Record<string, unknown> }[];
  extensions: Answer<unknown>["extensions"];
}

export interface HttpAnswer {
  status: number;
  headers: Headers;
  body: HttpBody;
}

export interface AuthApp {
  url: string;
  database: Database;
  tokens: Tokens;
  revocations: Revocations;
  issuer: string;
  logged: string[];
  now: () => Date;
  /** Moves the server's clock. */
  advance(milliseconds: number): void;
  /** Holds the server's clock while this runs, so that a slow machine is no patient one. */
  standingStill<T>(work: () => Promise<T>): Promise<T>;
  /** Sends a form; parameters that are undefined are left out. */
  post(
    path: string,
    parameters: Record<string, string | undefined>,
    headers?: Record<string, string>,
  ): Promise<HttpAnswer>;
  /** A form to `/oauth/token`. */
  token(parameters: Record<string, string | undefined>, headers?: Record<string, string>): Promise<HttpAnswer>;
  /** A GraphQL request with this `Authorization` header. */
  query(authorization: string | undefined, text?: string): Promise<HttpAnswer>;
  stop(): Promise<void>;
}

const schema = createSchema();

export interface AuthAppOptions {
  signingKeys?: string;
  /** Who signs the tokens, and the organization that they name. */
  issuer?: string;
  organization?: string;
  outside?: OutsideIssuer;
  trustedProxies?: number;
  refreshGraceMs?: number;
  corsOrigins?: CorsOrigins;
  /** Another server, whose database and clock it uses. */
  sharing?: AuthApp;
  /** Cheap, so that tests with many log-ins are quick. */
  passwordCost?: number;
}

/** The real server, with the demo shop, and with the token endpoint before it. */
export async function createAuthApp(options: AuthAppOptions = {}): Promise<AuthApp> {
  const { signingKeys = JSON.stringify(await newKeySet()), outside, trustedProxies = 0, passwordCost = 4 } = options;
  const { corsOrigins, refreshGraceMs } = options;
  const { sharing } = options;
  const { connectionString, drop } = sharing
    ? { connectionString: sharing.database.pool.options.connectionString!, drop: async () => {} }
    : await createTestDatabase();
  const logged: string[] = [];
  const log = createLogger({ level: "debug", json: true, write: (line) => logged.push(line) });
  const database = createDatabase({ connectionString, poolSize: 8, log });
  if (!sharing) {
    await seedDemo(database.pool);
    await database.query("UPDATE customers SET password_digest = $1 WHERE password_digest IS NOT NULL", [
      await hashPassword(password, { cost: passwordCost }),
    ]);
  }
  let ahead = 0;
  let stands: number | undefined;
  const now = sharing?.now ?? (() => new Date((stands ?? Date.now()) + ahead));
  const keys = await loadSigningKeys({ signingKeys, dataDir: "", environment: "test" });
  const revocations = new Revocations({ database: database.reserved, log, now });
  await revocations.start();
  const { issuer = "urn:test:own", organization } = options;
  const tokens = new Tokens({ keys, issuer, organization, outside, revocations, log, now });
  const limits = new Limits(now);
  const live = new ChangeFeed({ database, log });
  const server = await createHttpServer({
    schema,
    resources: {
      database,
      revocations,
      limits,
      trustedProxies,
      live,
      log,
      now,
      authenticate: (header) => tokens.viewer(header),
    },
    routes: authRoutes({
      database,
      log,
      now,
      tokens,
      revocations,
      limits,
      trustedProxies,
      refreshGraceMs,
      passwordCost,
    }),
    playground: createPlayground(),
    countStatements: true,
    corsOrigins,
  });
  const url = await server.listen(0, "127.0.0.1");

  async function send(path: string, init: RequestInit): Promise<HttpAnswer> {
    const response = await fetch(`${url}${path}`, init);
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : undefined };
  }
  const post: AuthApp["post"] = (path, parameters, headers = {}) => {
    const given = Object.entries(parameters).filter((entry): entry is [string, string] => entry[1] !== undefined);
    return send(path, { method: "POST", headers, body: new URLSearchParams(given) });
  };
  return {
    url,
    database,
    tokens,
    revocations,
    issuer,
    logged,
    now,
    async standingStill(work) {
      stands = Date.now();
      try {
        return await work();
      } finally {
        stands = undefined;
      }
    },
    advance(milliseconds) {
      ahead += milliseconds;
    },
    post,
    token: (parameters, headers) => post("/oauth/token", parameters, headers),
    query: (authorization, text = "{ viewer { kind mode customer { id } markets { id } stockLocations { id } } }") =>
      send("/graphql", {
        method: "POST",
        headers: { "content-type": "application/json", ...(authorization && { authorization }) },
        body: JSON.stringify({ query: text }),
      }),
    async stop() {
      await server.stop(1_000);
      await live.stop();
      await revocations.stop();
      await database.close();
      await drop();
    },
  };
}

/** What a token says, unchecked. */
export function read(token: string): { header: Record<string, unknown>; payload: Record<string, Untyped> } {
  const [header, payload] = token
    .split(".")
    .slice(0, 2)
    .map((part) => JSON.parse(Buffer.from(part, "base64url").toString()));
  return { header, payload };
}

export type Algorithm = "RS256" | "RS512" | "ES256" | "EdDSA";

/** A key of somebody who makes tokens without any of the server's code. */
export interface ForeignKey {
  algorithm: Algorithm;
  private: KeyObject;
  jwk: Record<string, unknown>;
}

export function foreignKey(algorithm: Algorithm, kid: string): ForeignKey {
  const pair = {
    RS256: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
    RS512: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
    ES256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
    EdDSA: () => generateKeyPairSync("ed25519"),
  }[algorithm]();
  return {
    algorithm,
    private: pair.privateKey,
    jwk: { ...pair.publicKey.export({ format: "jwk" }), kid, alg: algorithm, use: "sig" },
  };
}

/** Signs by hand, so that anything can be signed. */
export function handMade(
  header: Record<string, unknown>,
  payload: unknown,
  sign: (input: Buffer) => Uint8Array | "",
): string {
  const bytes = (part: unknown) => (Buffer.isBuffer(part) ? part : Buffer.from(JSON.stringify(part)));
  const input = [header, payload].map((part) => bytes(part).toString("base64url")).join(".");
  return `${input}.${Buffer.from(sign(Buffer.from(input))).toString("base64url")}`;
}

export function signWith({ algorithm, private: key }: ForeignKey) {
  return (input: Buffer) => {
    if (algorithm === "EdDSA") return signature(null, input, key);
    const hash = algorithm === "RS512" ? "sha512" : "sha256";
    return signature(hash, input, { key, dsaEncoding: "ieee-p1363" });
  };
}

export const seconds = () => Math.floor(Date.now() / 1_000);

/** The organization of tokens in Commerce Layer's layout; only its id matters. */
export const organization = { id: "xYZkjABcde", slug: "the-shop", enterprise: false, region: "eu-west-1" };

/** A token of Commerce Layer's layout for an integration. */
export function outsideClaims(issuer: string): Claims & Record<string, unknown> {
  return {
    iss: issuer,
    iat: seconds(),
    exp: seconds() + 600,
    organization,
    application: { id: "BdjkzABcde", client_id: "abc", kind: "integration", public: false, confidential: true },
    scope: "market:all",
    test: true,
    rand: 0.123,
  };
}
