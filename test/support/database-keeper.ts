// The process that owns the databases of one test run: an embedded cluster, or a template on the server that
// TEST_DATABASE_URL names. It sends the URL of the migrated template, and ends when the test run does.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startEmbeddedPostgres } from "../../src/database/embedded.js";
import { migrate } from "../../src/database/migrate.js";
import { createLogger } from "../../src/telemetry/logger.js";
import { onServer, withDatabase } from "./database.js";

const runEnded = process.connected ? once(process, "disconnect") : undefined;
/** Cleanup steps, in reverse order. */
const undo: (() => Promise<unknown>)[] = [];

try {
  const template = await start();
  if (process.connected) process.send!(template, () => {}); // an error here means that the run has ended
  await runEnded;
} catch (error) {
  console.error(error);
} finally {
  for (const step of undo) await step().catch(console.error);
  process.exit();
}

async function start(): Promise<string> {
  const server = process.env.TEST_DATABASE_URL || (await startCluster());
  const template = `template_migrated_${randomBytes(6).toString("hex")}`;
  await onServer(server, `CREATE DATABASE ${template}`);
  undo.unshift(() => onServer(server, `ALTER DATABASE ${template} IS_TEMPLATE false`, `DROP DATABASE ${template}`));
  await migrate(withDatabase(server, template));
  // A template in use cannot be copied: reject all connections, autovacuum included.
  await onServer(server, `ALTER DATABASE ${template} ALLOW_CONNECTIONS false IS_TEMPLATE true`);
  return withDatabase(server, template);
}

async function startCluster(): Promise<string> {
  const dataDir = await mkdtemp(join(tmpdir(), "customer-graph-test-"));
  undo.unshift(() => rm(dataDir, { recursive: true, force: true }));
  const log = createLogger({ level: "warn", json: false });
  // The data is temporary: no fsync.
  const settings = { fsync: "off", synchronous_commit: "off", full_page_writes: "off" };
  const { connectionString, stop } = await startEmbeddedPostgres({ dataDir, log, settings });
  undo.unshift(stop);
  return connectionString;
}
