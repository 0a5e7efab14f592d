import "reflect-metadata";
import { demoApplications, demoUsers } from "../prisma/demo-access.js";
import { seedDemo } from "../prisma/seed.js";
import { type App, startApp } from "./app.js";
import { runCommand } from "./cli/command.js";
import { type Config, ConfigError, loadConfig } from "./config.js";
import { accessClaims } from "./identity/access-claims.js";
import type { NewClaims } from "./identity/tokens.js";
import { createLogger } from "./telemetry/logger.js";

const usage = `Usage: npm start

Starts the server, and stops it at Ctrl-C or SIGTERM. Its settings are environment variables, which may stand in a file
.env: .env.example lists them all.`;

async function main() {
  const config = loadConfig();
  const log = createLogger({ level: config.logLevel, json: config.environment === "production" });

  let app: App | undefined;
  let stopping = false;
  const stop = async (signal: string) => {
    // A second signal does not wait: whoever sends it has lost patience.
    if (stopping) process.exit(1);
    stopping = true;
    log.info(`${signal}: ending running requests, then PostgreSQL.`);
    try {
      await starting.catch(() => {});
      await app?.stop();
      process.exit(0);
    } catch (error) {
      log.error("Stopping failed.", { error });
      process.exit(1);
    }
  };
  // SIGHUP comes when the terminal is closed.
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => void stop(signal));
  // A log pipe that was closed at its other end must not end the server.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

  const starting = startApp({ config, log, playgroundCaller: demoCaller(config), seed: seedDemo }).then((started) => {
    app = started;
  });
  await starting.catch((error: unknown) => {
    throw error instanceof ConfigError ? error : new Error(startFailure(error), { cause: error });
  });
  if (stopping) return;
  process.stdout.write(
    `Customer graph is ready.\n  GraphQL     ${app!.url}/graphql\n  Playground  ${app!.url}/\n  Health      ${app!.url}/health/live and ${app!.url}/health/ready\nPress Ctrl-C to stop.\n`,
  );
}

void runCommand({
  usage,
  async main() {
    await main();
  },
});

/**
 * In development, and if nobody but this machine reaches the server, the playground's examples ask as the demo shop's
 * integration, so that they run at once.
 */
function demoCaller({ environment, seedDemo, host }: Config): NewClaims | undefined {
  if (environment !== "development" || !seedDemo || !["127.0.0.1", "localhost", "::1"].includes(host)) return undefined;
  const days = 30;
  const application = { ...demoApplications.integration, accessTokenSeconds: days * 86_400 };
  const granted = { scope: "market:all", marketIds: null, stockLocationIds: [] };
  return accessClaims({ application, confidential: true, granted, user: demoUsers.vera, now: new Date() });
}

/** What went wrong at the start, and what to do, as far as it is known. */
function startFailure(error: unknown): string {
  const { code, port } = error as { code?: string; port?: number };
  if (code === "EADDRINUSE") return `Port ${port} is taken. Stop what listens there, or choose another with PORT=….`;
  if (code === "EACCES") return `Port ${port} is not allowed for this user. Choose one above 1023 with PORT=….`;
  return error instanceof Error ? error.message : String(error);
}
