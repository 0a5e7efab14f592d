// Runs `prisma generate`. Naming any executable as the schema engine keeps Prisma from downloading one, which generating never
// calls, so that it works without network access.
import { spawnSync } from "node:child_process";
import { createRequire } from "node:module";

const cli = createRequire(import.meta.url).resolve("prisma-cli/build/index.js");
const { status, stdout, stderr } = spawnSync(
  process.execPath,
  [cli, "generate", "--config", "prisma/prisma.config.ts", "--no-hints"],
  { env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: "1" }, encoding: "utf8" },
);
if (status !== 0) {
  process.stderr.write(stdout + stderr);
  process.exit(status ?? 1);
}
