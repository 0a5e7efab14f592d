import { readFileSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { projectRoot } from "../../src/paths.js";
import { startCommand } from "../support/command.js";

const { scripts } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};
/** Every script of package.json that runs a program of the project, and the program's source. */
const programs = Object.entries(scripts).flatMap(([name, script]) => {
  const compiled = /src\/cli\/run\.mjs (\S+)\.js$/.exec(script);
  return compiled ? [[name, `${compiled[1]}.ts`] as const] : [];
});

let dataDir: string;
beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "customer-graph-command-"));
});
afterAll(() => rm(dataDir, { recursive: true }));

/** Runs a program with a data folder of its own, where a database would be made if it did anything. */
function run(program: string, ...args: string[]) {
  const env = { PATH: process.env.PATH, DATA_DIR: dataDir, PORT: "0", LOG_LEVEL: "error" };
  return startCommand(program, args, { env }).ended;
}

test("the programs listed in package.json are found", () => {
  expect(programs.map(([name]) => name)).toEqual(
    expect.arrayContaining([
      "start",
      "worker",
      "erasures",
      "import",
      "export",
      "seed",
      "token",
      "verify-receipt",
      "profile",
    ]),
  );
});

test.each(programs)("%s: --help prints the usage and does nothing", async (name, program) => {
  const usage = new RegExp(`^Usage: npm (run (-s )?)?${name}\\b`);
  expect(await run(program, "--help")).toEqual({ code: 0, out: expect.stringMatching(usage), err: "" });
  expect(await readdir(dataDir)).toEqual([]);
});

test.each(programs)("%s: an unknown option or argument is refused before anything happens", async (name, program) => {
  const usage = `Usage: npm (run (-s )?)?${name}\\b`;
  for (const [args, message] of [
    [["--hepl"], "Unknown option --hepl. Did you mean --help?"],
    [["--zzzzzzzzzzzz"], "Unknown option --zzzzzzzzzzzz."],
  ] as const) {
    const { code, out, err } = await run(program, ...args);
    expect([code, out, err.split("\n\n")[0]]).toEqual([2, "", message]);
    expect(err).toMatch(new RegExp(`\n\n${usage}`));
  }
  expect(await readdir(dataDir)).toEqual([]);
});

test("a misspelt option is an error that suggests the right one: worker --onec erases nothing", async () => {
  const { code, err } = await run("src/cli/worker.ts", "--onec");
  expect([code, err]).toEqual([2, expect.stringMatching(/^Unknown option --onec\. Did you mean --once\?\n\nUsage: /)]);
});

test("main, worker and seed refuse a positional argument", async () => {
  for (const program of ["src/main.ts", "src/cli/worker.ts", "prisma/seed.main.ts"]) {
    expect(await run(program, "now")).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^Unknown argument "now"\./),
    });
  }
});

test("an option without its value is an error that names the option", async () => {
  expect(await run("src/import/main.ts", "shop.json", "--mode")).toMatchObject({
    code: 2,
    err: expect.stringMatching(/^Option '--mode <value>' argument missing\.\n/),
  });
});
