import type { Config } from "./config.js";
import { createDatabase, type Database } from "./database/client.js";
import { startEmbeddedPostgres } from "./database/embedded.js";
import { sameTimeouts } from "./database/limits.js";
import { migrate } from "./database/migrate.js";
import { setPublicUrl } from "./graph/schema/resource.type.js";
import { authRoutes } from "./http/oauth/token-route.js";
import { createPlayground } from "./http/playground/playground.js";
import { createHttpServer } from "./http/server.js";
import { startAccess } from "./identity/start.js";
import type { NewClaims } from "./identity/tokens.js";
import { ChangeFeed } from "./live/change-feed.js";
import { AnonymizationWorker } from "./modules/anonymization/worker.js";
import { createSchema } from "./schema.js";
import type { Logger } from "./telemetry/logger.js";

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

    // Takes long: before anything waits for an answer with a time limit, such as the keys of an outside issuer.
    const schema = createSchema();
    const access = await startAccess({ config, database, log, now });
    const { keys, tokens, revocations, limits } = access;
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

    const { trustedProxies, refreshGraceMs } = config;
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
        authenticate: (authorization) => tokens.viewer(authorization),
      },
      routes: authRoutes({ database, log, now, tokens, revocations, limits, trustedProxies, refreshGraceMs }),
      playground: createPlayground(
        playgroundCaller && { Authorization: `Bearer ${await tokens.sign(playgroundCaller)}` },
      ),
      countStatements: config.environment !== "production",
      corsOrigins: config.corsOrigins,
      introspection: config.introspection,
      integrationPageSize: config.integrationPageSize,
      organization: { slug: config.organization, attributes: config.organizationAttributes },
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
