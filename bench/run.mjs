// Measures the project against other servers: see README.md, or --help.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { cpus } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const bench = join(root, "bench");
const print = (text) => console.log(text);

// What follows needs the installed packages, so these come first.
if (!existsSync(join(root, "node_modules"))) {
  console.error("The project's packages are missing: run `npm ci` in its folder first.");
  process.exit(1);
}
const { readOptions, UsageError } = await import("./options.mjs");
const options = optionsOrExit();
if (!existsSync(join(bench, "node_modules"))) {
  print("Installing what the other servers need …");
  npm(["ci", "--no-audit", "--no-fund"], bench);
}
const { canObserve } = await import("./processes.mjs");
const measurements = await import("./measure.mjs");
const { report } = await import("./report.mjs");
const { makeTokens, System, systems: allSystems } = await import("./systems.mjs");
const { Database, startOwnServer } = await import("./database.mjs");
const { readSamples } = await import("./queries.mjs");

/** What has to be undone at the end, the last thing first. */
const undo = [];
let interrupted = false;
let cleaning;

try {
  process.exitCode = (await run(options)) ? 0 : 1;
} catch (error) {
  if (!interrupted) console.error(error);
  process.exitCode = 1;
} finally {
  await cleanUp();
  process.exit();
}

/** The checked options of the command line. Help, or wrong options, end it here, before anything is installed. */
function optionsOrExit() {
  try {
    return readOptions(process.argv.slice(2)) ?? process.exit(0);
  } catch (error) {
    console.error(error instanceof UsageError ? error.message : error);
    process.exit(error instanceof UsageError ? 2 : 1);
  }
}

/** Once, whoever asks first. */
function cleanUp() {
  cleaning ??= (async () => {
    for (const step of undo.splice(0).reverse()) {
      await step().catch((error) => {
        console.error(error);
        process.exitCode = 1;
      });
    }
  })();
  return cleaning;
}

/** Gives whether all went well. */
async function run(options) {
  if (!canObserve) throw new Error("CPU time and memory are read from /proc: the bench runs on Linux.");
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, async () => {
      interrupted = true;
      await cleanUp();
      process.exit(1);
    });
  }
  if (options.build) {
    npm(["run", "-s", "build"], root);
    // What some of the other servers need, made from the project's datamodel.
    if (existsSync(join(bench, "generate.mjs"))) execFileSync(process.execPath, ["generate.mjs"], { cwd: bench });
  }
  if (!existsSync(join(root, "dist/src/main.js"))) throw new Error("There is no dist/: leave out --no-build.");

  const server = options.database
    ? undefined
    : await startOwnServer({ root, dataDir: options.dataDir, print: () => {} });
  if (server) undo.push(() => server.stop());
  const tokens = await makeTokens(root);
  const results = { ...(await circumstances(options)), differences: [] };

  if (options.growth) {
    results.growth = [];
    for (const customers of options.growth) {
      const database = await openDatabase(await server.databaseWith(customers), server, customers, results);
      const wanted = options.systems.filter((name) => ["project", "handwritten"].includes(name));
      const systems = await startSystems({ ...options, systems: wanted }, database, tokens, results);
      await measurements.warm(systems, ["one", "nested", "list"], { ...options, seconds: options.warm });
      results.growth.push(...(await measurements.measureSize({ systems, database, options, print, customers })));
      for (const step of undo.splice(1).reverse()) await step();
    }
  } else {
    const url = options.database ?? (await server.databaseWith(options.customers));
    const database = await openDatabase(url, server, options.customers, results);
    const systems = await startSystems(options, database, tokens, results);
    const equal = await withEqualAnswers(systems, database, options, results);
    print("Warming the systems …");
    await measurements.warm(equal, options.queries, { ...options, seconds: options.warm });
    const given = { systems: equal, database, options, print };
    const { sections } = options;
    if (sections.includes("queries")) Object.assign(results, await measurements.measureQueries(given));
    if (sections.includes("concurrency")) results.concurrency = await measurements.measureConcurrency(given);
    if (sections.includes("pages")) results.pages = await measurements.measurePages(given);
    if (sections.includes("documents")) results.documents = await measurements.measureDocuments(given);
  }

  print(`\n${await report(results, options.out)}`);
  return results.differences.length === 0 && countErrors(results) === 0;
}

async function openDatabase(url, server, customers, results) {
  const database = new Database(url, server?.countStatements);
  print(`Filling a database with ${customers.toLocaleString("en")} customers, if it is not there yet …`);
  undo.push(() => database.close());
  await database.fill({ root, customers, print });
  results.postgres = await database.version();
  return database;
}

/** Starts what is wanted and there. What is not there is said and left out. */
async function startSystems(options, database, tokens, results) {
  const samples = await readSamples(database.client);
  const started = [];
  for (const known of allSystems.filter(({ name }) => options.systems.includes(name))) {
    const system = await System.find(known);
    if (!system) {
      print(`${known.name} is left out: its files are not in bench/peers.`);
      continue;
    }
    undo.push(() => system.stop());
    try {
      await system.start({ root, databaseUrl: database.url, poolSize: options.pool, samples, tokens });
      started.push(system);
    } catch (error) {
      print(`${known.name} is left out: ${error.message}`);
      results.differences.push({ system: known.name, difference: `did not start: ${error.message}` });
    }
  }
  results.systems = started.map(({ name, title }) => ({ name, title }));
  return started;
}

/** The systems that answer as the first one does; the others are reported and stopped. */
async function withEqualAnswers(systems, database, options, results) {
  const differences = await measurements.compareAnswers(systems, options.queries, systems[0]?.samples);
  await database.takeTagsOff();
  results.differences.push(...differences);
  for (const { system, reference, query, parameters, difference } of differences) {
    print(`${system} answers ${query} of ${JSON.stringify(parameters)} otherwise than ${reference}: ${difference}`);
  }
  const different = new Set(differences.map(({ system }) => system));
  for (const system of systems) if (different.has(system.name)) await system.stop();
  const equal = systems.filter((system) => !different.has(system.name));
  results.systems = results.systems.filter(({ name }) => !different.has(name));
  if (equal.length === 0) throw new Error("There is no system to measure.");
  return equal;
}

function countErrors({ queries = {}, ...rest }) {
  const all = [...Object.values(queries).flatMap(Object.values), ...Object.values(rest).filter(Array.isArray).flat()];
  return all.reduce((sum, { errors = 0 }) => sum + errors, 0);
}

/** When, where and how it was measured. */
async function circumstances(options) {
  const { database, dataDir: _, out: __, build: ___, ...shown } = options;
  const told = Object.entries(shown).map(([name, value]) => [name, Array.isArray(value) ? value.join(", ") : value]);
  const git = (...args) => execFileSync("git", args, { cwd: root, encoding: "utf8", stdio: "pipe" }).trim();
  let commit;
  try {
    commit =
      git("rev-parse", "--short", "HEAD") + (git("status", "--porcelain", "--", ".", ":!bench/results") ? "+" : "");
  } catch {
    commit = undefined; // not a clone
  }
  const manifest = JSON.parse(await readFile(join(bench, "package.json"), "utf8"));
  const versions = {};
  for (const name of Object.keys(manifest.dependencies ?? {})) {
    const file = join(bench, "node_modules", name, "package.json");
    if (existsSync(file)) versions[name] = JSON.parse(await readFile(file, "utf8")).version;
  }
  return {
    date: new Date().toISOString(),
    commit,
    node: process.version,
    cpu: cpus()[0].model.trim(),
    cores: cpus().length,
    options: { ...Object.fromEntries(told), ownDatabase: !database },
    versions,
  };
}

function npm(args, cwd) {
  try {
    execFileSync("npm", args, { cwd, stdio: ["ignore", "ignore", "inherit"] });
  } catch {
    throw new Error(`\`npm ${args.join(" ")}\` failed in ${cwd}.`);
  }
}
