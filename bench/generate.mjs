// Makes the Prisma client that two peers use, from the project's own datamodel, into `generated/` (not committed). Like
// the project's prisma/generate.mjs it downloads nothing: generating is WebAssembly, and naming any executable as
// Prisma's native engine keeps its command line from fetching that.
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("generated/", import.meta.url));
const datamodel = readFileSync(new URL("../prisma/schema.prisma", import.meta.url), "utf8");

// The peers are JavaScript without a build, so the client is generated as JavaScript. Pothos' generator writes what its
// plugin reads at run time into its own package, as it does by default.
const generators = `generator client {
  provider = "prisma-client-js"
  output   = "./prisma"
}

generator pothos {
  provider          = "node ../node_modules/@pothos/plugin-prisma/bin/generator.js"
  generateDatamodel = "true"
}

`;

mkdirSync(folder, { recursive: true });
writeFileSync(`${folder}schema.prisma`, generators + datamodel.replace(/^generator \w+ \{[^}]*\}\n/gm, ""));

const cli = createRequire(import.meta.url).resolve("prisma/build/index.js");
const { status, stdout, stderr } = spawnSync(
  process.execPath,
  [cli, "generate", "--schema", "schema.prisma", "--no-hints"],
  {
    cwd: folder,
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath, CHECKPOINT_DISABLE: "1" },
    encoding: "utf8",
  },
);
if (status !== 0) {
  process.stderr.write(stdout + stderr);
  process.exit(status ?? 1);
}
