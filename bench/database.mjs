import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { cpuOfPostmaster, parentOf } from "./processes.mjs";
import { benchTags } from "./queries.mjs";

const execute = promisify(execFile);

/** The same for all systems, and steady: nothing of PostgreSQL's own works in the background while one is measured. */
const settings = {
  shared_buffers: "1GB",
  effective_cache_size: "3GB",
  work_mem: "16MB",
  maintenance_work_mem: "256MB",
  random_page_cost: "1.1",
  jit: "off",
  max_parallel_workers_per_gather: "0",
  autovacuum: "off",
  checkpoint_timeout: "1h",
  max_wal_size: "8GB",
  shared_preload_libraries: "pg_stat_statements",
};

/** A PostgreSQL server of the bench's own, with a database for each number of customers. */
export async function startOwnServer({ root, dataDir, print }) {
  const { startEmbeddedPostgres } = await import(join(root, "dist/src/database/embedded.js"));
  await mkdir(dataDir, { recursive: true });
  const log = { debug() {}, info: print, warn: print, error: print };
  const server = await startEmbeddedPostgres({ dataDir, log, settings });
  const administrator = new pg.Client({ connectionString: server.connectionString });
  administrator.on("error", () => {});
  await administrator.connect();
  await administrator.query("CREATE EXTENSION IF NOT EXISTS pg_stat_statements");

  return {
    /** The URL of the database with so many generated customers. */
    async databaseWith(customers) {
      const name = `bench_${await sourcesDigest(root)}_${customers}`;
      const { rowCount } = await administrator.query("SELECT FROM pg_database WHERE datname = $1", [name]);
      if (!rowCount) await administrator.query(`CREATE DATABASE "${name}"`);
      const url = new URL(server.connectionString);
      url.pathname = `/${name}`;
      return url.href;
    },

    /** Runs some work a few times and gives how many statements PostgreSQL ran for each, transaction control included. */
    async countStatements(work, times) {
      await administrator.query("ALTER SYSTEM SET pg_stat_statements.track = 'top'");
      await reload();
      try {
        const counts = [];
        for (let i = 0; i < times; i++) {
          await administrator.query("SELECT pg_stat_statements_reset()");
          await work();
          const { rows } = await administrator.query(
            `SELECT coalesce(sum(calls), 0)::int AS calls FROM pg_stat_statements
             WHERE dbid <> (SELECT oid FROM pg_database WHERE datname = current_database())`,
          );
          counts.push(rows[0].calls);
        }
        return counts;
      } finally {
        await administrator.query("ALTER SYSTEM SET pg_stat_statements.track = 'none'");
        await reload();
      }
    },

    async stop() {
      await administrator.end();
      await server.stop();
    },
  };

  /** Every connection reads the settings anew before its next statement. */
  async function reload() {
    await administrator.query("SELECT pg_reload_conf()");
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

/** Databases are kept from run to run, and made anew when what would be in them changes. */
async function sourcesDigest(root) {
  const folder = join(root, "prisma/migrations");
  const migrations = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const files = [
    "prisma/bulk.ts",
    "prisma/bulk-sql.ts",
    ...migrations.map(({ name }) => `prisma/migrations/${name}/migration.sql`).sort(),
  ];
  const digest = createHash("sha256");
  for (const file of files) digest.update(await readFile(join(root, file)));
  return digest.digest("hex").slice(0, 8);
}

/** One database that is measured: filled by the project's own commands, and what of it is observed. */
export class Database {
  constructor(url, countStatements) {
    this.url = url;
    /** Undefined where PostgreSQL cannot tell. */
    this.countStatements = countStatements;
    this.client = new pg.Client({ connectionString: url, options: "-c TimeZone=UTC" });
    this.client.on("error", () => {});
  }

  async fill({ root, customers, print }) {
    // The command reads `.env` from the folder that it runs in, which must be none of the user's.
    const folder = await mkdtemp(join(tmpdir(), "bench-"));
    try {
      const seed = join(root, "dist/prisma/seed.main.js");
      const { PATH, HOME } = process.env;
      const env = { PATH, HOME, DATABASE_URL: this.url };
      const command = execute(process.execPath, [seed, "--customers", String(customers)], { cwd: folder, env });
      const { stdout } = await command.catch(({ stderr, message }) => {
        throw new Error(`The database could not be filled: ${stderr?.trim() || message}`);
      });
      print(stdout.trim().split("\n").at(-1));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    await this.client.connect();
    await this.takeTagsOff();
    await this.client.query("VACUUM ANALYZE");
    await this.client.query("CHECKPOINT").catch(() => {}); // not everybody may
    await this.findPostmaster();
  }

  /** Undoes what the mutation did, so that every round of it begins alike. */
  async takeTagsOff() {
    const ids = benchTags.map((tag) => tag.id);
    await this.client.query("DELETE FROM tags WHERE id = ANY ($1)", [ids]);
    await this.client.query(
      `INSERT INTO tags (id, mode, name) SELECT id, 'test', name FROM unnest($1::text[], $2::text[]) t (id, name)`,
      [ids, benchTags.map((tag) => tag.name)],
    );
    await this.client.query("VACUUM ANALYZE customer_tags, customers, tags");
  }

  async version() {
    const { rows } = await this.client.query("SHOW server_version");
    return rows[0].server_version;
  }

  /** The server's main process, if it runs on this machine. */
  async findPostmaster() {
    const { rows } = await this.client.query("SELECT pg_backend_pid() AS pid");
    this.postmaster = await parentOf(rows[0].pid, "postgres").catch(() => undefined);
  }

  /** Seconds of CPU that the server has used, or undefined where it cannot be seen. */
  cpuSeconds() {
    return this.postmaster && cpuOfPostmaster(this.postmaster);
  }

  /** Leaves no trace of the bench but the generated customers. */
  async close() {
    try {
      const ids = benchTags.map((tag) => tag.id);
      await this.client.query("DELETE FROM tags WHERE id = ANY ($1)", [ids]);
    } finally {
      await this.client.end();
    }
  }
}
