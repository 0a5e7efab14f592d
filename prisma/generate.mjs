// Runs `prisma generate`, which is all WebAssembly. Prisma's command line would first download a native engine that
// generating never calls; naming any executable as that engine keeps the installation working behind a closed network.
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
