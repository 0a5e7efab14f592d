import type { Config } from "./config.js";
import { createPlayground } from "./http/playground.js";
import { createHttpServer } from "./http/server.js";
import { AnonymizationWorker } from "./modules/anonymization/worker.js";
import { startAccess } from "./modules/auth/access.js";
import type { NewClaims } from "./platform/access/tokens.js";
import { anonymous, viewerOf } from "./platform/access/viewer.js";
import { createDatabase, type Database } from "./platform/database/client.js";
import { startEmbeddedPostgres } from "./platform/database/embedded.js";
import { sameTimeouts } from "./platform/database/limits.js";
import { migrate } from "./platform/database/migrate.js";
import { setPublicUrl } from "./platform/graphql/resource.type.js";
import { ChangeFeed } from "./platform/live/change-feed.js";
import type { Logger } from "./platform/telemetry/logger.js";
import { createSchema } from "./schema.js";

export interface App {
  /** Where it is served, such as `http://127.0.0.1:4000`. */
  readonly url: string;
  readonly database: Database;
  /** Ends running requests, then everything that `startApp` started, in reverse. */
  stop(): Promise<void>;
}

export interface AppOptions {
  config: Config;
  log: Logger;
  now?: () => Date;
  /** As whom the playground's examples ask, for those who bring no token of their own. */
  playgroundCaller?: NewClaims;
  /** Fills an empty database. */
  seed?: (pool: Database["pool"]) => Promise<boolean>;
}

/** How long running requests may take after a stop was asked for. */
const graceMs = 8_000;

/** Wires the parts together and starts them. If one fails to start, those before it are stopped. */
export async function startApp({
  config,
  log,
  now = () => new Date(),
  playgroundCaller,
  seed,
}: AppOptions): Promise<App> {
  const undo: (() => Promise<void>)[] = [];
  const stop = async () => {
    for (const step of undo.splice(0).reverse()) await step();
  };
  try {
    let connectionString = config.databaseUrl;
    if (!connectionString) {
      const embedded = await startEmbeddedPostgres({ dataDir: config.dataDir, log });
      undo.push(() => embedded.stop());
      connectionString = embedded.connectionString;
    }
    const applied = await migrate(connectionString);
    if (applied.length) log.info("The database is up to date.", { migrations: applied.length });

    const { poolSize, readTimeoutMs, writeTimeoutMs, exportTimeoutMs, resultBytes } = config;
    const timeouts = { read: readTimeoutMs, write: writeTimeoutMs, export: exportTimeoutMs };
    const database = createDatabase({ connectionString, poolSize, log, timeouts, resultBytes });
    undo.push(() => database.close());
    if (config.seedDemo && (await seed?.(database.pool))) log.info("The demo shop was put into the empty database.");

    const access = await startAccess({ config, database, log, now });
    const { keys, tokens, revocations, limits, routes } = access;
    undo.push(access.stop);
    if (config.worker) {
      const { tokenIssuer: issuer, anonymizationGraceMs: graceMs } = config;
      const timeouts = sameTimeouts(config.workerTimeoutMs);
      const background = createDatabase({ connectionString, poolSize: 1, log, timeouts });
      undo.push(() => background.close());
      const worker = new AnonymizationWorker({ database: background, keys, issuer, revocations, log, now, graceMs });
      undo.push(() => worker.stop());
      worker.start();
    }

    const live = new ChangeFeed({ database, log });
    undo.push(() => live.stop());

    const server = await createHttpServer({
      schema: createSchema(),
      resources: {
        database,
        revocations,
        limits,
        trustedProxies: config.trustedProxies,
        live,
        log,
        now,
        authenticate: async (authorization) => {
          const claims = await tokens.verify(authorization);
          return claims ? viewerOf(claims) : anonymous;
        },
      },
      routes,
      playground: createPlayground(
        playgroundCaller && { Authorization: `Bearer ${await tokens.sign(playgroundCaller)}` },
      ),
      countStatements: config.environment !== "production",
      corsOrigins: config.corsOrigins,
      introspection: config.introspection,
      unsent: { stallMs: config.writeStallMs },
    });
    const url = await server.listen(config.port, config.host);
    undo.push(() => server.stop(graceMs));
    setPublicUrl(config.publicUrl ?? url);
    return { url, database, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
