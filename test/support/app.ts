import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import { seedDemo } from "../../prisma/seed.js";
import { createDatabase, type Database } from "../../src/database/client.js";
import type { Timeouts } from "../../src/database/limits.js";
import type { Permission } from "../../src/graph/access/permission.js";
import { type Mode, type StaffUser } from "../../src/graph/access/viewer.js";
import { setPublicUrl } from "../../src/graph/schema/resource.type.js";
import type { CorsOrigins } from "../../src/http/cors.js";
import { createPlayground } from "../../src/http/playground/playground.js";
import { createHttpServer, type HttpOptions } from "../../src/http/server.js";
import { loadSigningKeys, newKeySet } from "../../src/identity/keys.js";
import { Limits } from "../../src/identity/rate-limits.js";
import { Revocations } from "../../src/identity/revocations.js";
import { type NewClaims, Tokens } from "../../src/identity/tokens.js";
import { ChangeFeed } from "../../src/live/change-feed.js";
import { createSchema } from "../../src/schema.js";
import { createLogger } from "../../src/telemetry/logger.js";
import { createTestDatabase } from "./database.js";
import type { DataOf } from "./operation-data.js";

/** A GraphQL response over HTTP. */
export interface Answer<Data> {
  status: number;
  data: Data;
  errors?: { message: string; path?: (string | number)[]; extensions: Record<string, unknown> }[];
  extensions: {
    requestId: string;
    cost?: number;
    statements: number;
    redactions?: { path: string[]; missing: string[] }[];
  };
}

/** The caller; null for a request without a token. */
export type Caller =
  | null
  | { kind: "guest"; markets?: string[]; mode?: Mode }
  | {
      kind: "customer";
      id: string;
      markets?: string[];
      stockLocations?: string[];
      mode?: Mode;
      customClaim?: Record<string, unknown>;
    }
  | { kind: "integration"; permissions?: Permission[]; mode?: Mode; owner?: StaffUser | null }
  | { kind: "user"; permissions?: Permission[]; mode?: Mode };

export interface TestApp {
  url: string;
  database: Database;
  connectionString: string;
  tokens: Tokens;
  revocations: Revocations;
  live: ChangeFeed;
  /** A real token of such a caller. */
  token(caller: NonNullable<Caller>): Promise<string>;
  /** Sends an operation over HTTP, with the token of a caller; by default an integration with all permissions. */
  query<const Document extends string>(
    document: Document,
    variables?: Record<string, unknown>,
    options?: { as?: Caller },
  ): Promise<Answer<DataOf<Document>>>;
  query<Data, Variables>(
    document: TypedDocumentNode<Data, Variables>,
    variables?: Variables,
    options?: { as?: Caller },
  ): Promise<Answer<Data>>;
  /** The statements sent since the last call, with their values. */
  statements(): { text: string; values: readonly unknown[] }[];
  /** The lines logged so far. */
  logged: string[];
  stop(): Promise<void>;
}

const vera: StaffUser = { id: "usr_vera", firstName: "Vera", lastName: "Support", email: "vera@example.com" };

/** Access token claims of a caller. */
export function claimsOf(caller: NonNullable<Caller>, mode: Mode): NewClaims {
  const common = {
    exp: Math.floor(Date.now() / 1000) + 3600,
    test: (caller.mode ?? mode) === "test",
    ...("markets" in caller &&
      caller.markets && {
        market: {
          id: caller.markets,
          ...("stockLocations" in caller && { stock_location_ids: caller.stockLocations }),
        },
      }),
  };
  const staff = (user: StaffUser) => ({
    id: user.id,
    type: "User" as const,
    ...(user.firstName && { first_name: user.firstName }),
    ...(user.lastName && { last_name: user.lastName }),
    ...(user.email && { email: user.email }),
  });
  switch (caller.kind) {
    case "guest":
      return { ...common, application: { id: "app_test", kind: "sales_channel", public: true } };
    case "customer":
      return {
        ...common,
        application: { id: "app_test", kind: "sales_channel", public: true },
        owner: { id: caller.id, type: "Customer" },
        ...(caller.customClaim && { custom_claim: caller.customClaim }),
      };
    case "integration":
      return {
        ...common,
        application: { id: "app_test", kind: "integration", public: false },
        ...(caller.owner && { owner: staff(caller.owner) }),
        ...(caller.permissions && { permissions: caller.permissions }),
      };
    case "user":
      return {
        ...common,
        application: { id: "app_test", kind: "webapp", public: false },
        owner: staff(vera),
        ...(caller.permissions && { permissions: caller.permissions }),
      };
  }
}

const schema = createSchema();
const keySet = JSON.stringify(await newKeySet());
const keys = await loadSigningKeys({ signingKeys: keySet, dataDir: "", environment: "test" });

/**
 * Starts a server on a new database, by default with the demo shop, or on the database of `sharing`. Without `planned`, only
 * resolvers and loaders answer.
 */
export async function createTestApp({
  demo = true,
  mode = "test" as Mode,
  owner = null as StaffUser | null,
  now = () => new Date(),
  poolSize = 8,
  timeouts = undefined as Partial<Timeouts> | undefined,
  resultBytes = undefined as number | undefined,
  planned = true,
  sharing = undefined as TestApp | undefined,
  pollMs = undefined as number | undefined,
  corsOrigins = undefined as CorsOrigins | undefined,
  introspection = true,
  organization = undefined as HttpOptions["organization"],
  unsent = undefined as HttpOptions["unsent"],
  exports = undefined as HttpOptions["exports"],
} = {}): Promise<TestApp> {
  const { connectionString, drop } = sharing
    ? { connectionString: sharing.connectionString, drop: async () => {} }
    : await createTestDatabase();
  const logged: string[] = [];
  const log = createLogger({ level: "debug", json: true, write: (line) => logged.push(line) });
  let sent: { text: string; values: readonly unknown[] }[] = [];
  const database = createDatabase({
    connectionString,
    poolSize,
    log,
    timeouts,
    resultBytes,
    onStatement: (text, values) => sent.push({ text, values }),
  });
  if (demo && !sharing) await seedDemo(database.pool);
  const revocations = new Revocations({ database: database.reserved, log });
  const tokens = new Tokens({ keys, issuer: "urn:test", organization: organization?.slug, revocations, log });
  const live = new ChangeFeed({ database, log, pollMs });
  const server = await createHttpServer({
    schema,
    resources: {
      database,
      revocations,
      limits: new Limits(now),
      trustedProxies: 0,
      live,
      log,
      now,
      authenticate: (header) => tokens.viewer(header),
    },
    playground: createPlayground({
      Authorization: `Bearer ${await tokens.sign(claimsOf({ kind: "integration", owner }, mode))}`,
    }),
    countStatements: true,
    planned,
    corsOrigins,
    introspection,
    organization,
    unsent,
    exports,
  });
  const url = await server.listen(0, "127.0.0.1");
  setPublicUrl(url);
  sent = [];

  const tokensByCaller = new Map<string, Promise<string>>();
  const token = (caller: NonNullable<Caller>) => {
    const key = JSON.stringify(caller);
    if (!tokensByCaller.has(key)) tokensByCaller.set(key, tokens.sign(claimsOf(caller, mode)));
    return tokensByCaller.get(key)!;
  };
  return {
    url,
    database,
    connectionString,
    tokens,
    revocations,
    live,
    token,
    logged,
    async query(
      document: TypedDocumentNode | string,
      variables?: unknown,
      { as = { kind: "integration", owner } }: { as?: Caller } = {},
    ) {
      const response = await fetch(`${url}/graphql`, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(as && { authorization: `Bearer ${await token(as)}` }),
        },
        body: JSON.stringify({ query: typeof document === "string" ? document : print(document), variables }),
      });
      return { status: response.status, ...((await response.json()) as object) } as never;
    },
    statements() {
      const statements = sent;
      sent = [];
      return statements;
    },
    async stop() {
      await server.stop(1_000);
      await live.stop();
      await revocations.stop();
      await database.close();
      await drop();
      const undeclared = logged.filter((line) => line.includes("that it does not declare"));
      if (undeclared.length) throw new Error(undeclared.join("\n"));
    },
  };
}
