// node [flags] src/cli/run.mjs src/main.js [arguments]: runs a compiled program of the project in this very process, so
// that signals and a killed parent reach it. Compiles first, but only when sources have changed since the last time, and
// only where the development packages are installed: a production image runs what was compiled elsewhere.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..", "..");
/** Holds the digest of the sources that `dist` was compiled from. */
const stampFile = join(root, "dist", "sources.sha256");

const program = process.argv[2];
if (program === "--build") build(digestOfSources());
else {
  if (canBuild()) buildIfChanged();
  const compiled = join(root, "dist", program);
  if (!existsSync(compiled)) {
    process.stderr.write(
      "Nothing is compiled yet, and the packages for it are not installed. Run `npm ci && npm run build` first; after that `npm ci --omit=dev` is enough.\n",
    );
    process.exit(1);
  }
  // npm passes SIGTERM and SIGINT on, but a killed one cannot: then the program is left alone, and ends as well.
  if (process.env.npm_lifecycle_event) {
    const npm = process.ppid;
    setInterval(() => process.ppid !== npm && process.kill(process.pid, "SIGTERM"), 500).unref();
  }
  // The program finds itself and its arguments where Node puts those of a script.
  process.argv.splice(1, 2, compiled);
  await import(pathToFileURL(compiled).href);
}

function canBuild() {
  const { resolve } = createRequire(import.meta.url);
  try {
    for (const name of ["prisma-cli/package.json", "typescript/package.json", "@prisma/generator-helper"])
      resolve(name);
    return true;
  } catch {
    return false;
  }
}

function buildIfChanged() {
  const digest = digestOfSources();
  if (existsSync(stampFile) && readFileSync(stampFile, "utf8") === digest) return;
  process.stderr.write("Compiling, since sources have changed …\n");
  build(digest);
}

function build(digest) {
  const { resolve } = createRequire(import.meta.url);
  const compiler = join(dirname(resolve("typescript/package.json")), "bin", "tsc");
  for (const script of [[join(root, "prisma", "generate.mjs")], [compiler, "-p", join(root, "tsconfig.build.json")]]) {
    const { status } = spawnSync(process.execPath, script, { cwd: root, stdio: ["ignore", 2, 2] });
    if (status !== 0) process.exit(status ?? 1);
  }
  // Last, so that a compilation which was broken off is made again.
  writeFileSync(stampFile, digest);
}

/** Of the contents, since copies and checkouts do not keep the times of files. */
function digestOfSources() {
  const digest = createHash("sha256");
  const files = ["src", "prisma"].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|mjs|prisma)$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name)),
  );
  const sources = files.filter((file) => !file.startsWith(join(root, "src", "generated"))).sort();
  for (const name of ["package-lock.json", "tsconfig.json", "tsconfig.build.json"]) sources.push(join(root, name));
  for (const file of sources)
    digest
      .update(`${file.slice(root.length)}\0`)
      .update(readFileSync(file))
      .update("\0");
  return digest.digest("hex");
}
