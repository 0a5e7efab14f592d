import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { projectRoot } from "../../src/paths.js";

const { scripts } = JSON.parse(readFileSync(join(projectRoot, "package.json"), "utf8")) as {
  scripts: Record<string, string>;
};

/** A small project that `run.mjs` takes for its own: one program, and the real packages unless there are to be none. */
let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "customer-graph-run-"));
  const copied = ["package.json", "package-lock.json", "tsconfig.json", "tsconfig.build.json", "src/cli/run.mjs"];
  for (const name of readdirSync(join(projectRoot, "prisma")).filter((name) =>
    /\.(prisma|mjs|config\.ts)$/.test(name),
  )) {
    copied.push(`prisma/${name}`);
  }
  for (const name of copied) cpSync(join(projectRoot, name), join(root, name));
  writeProgram("one");
});
afterAll(() => rmSync(root, { recursive: true }));

function writeProgram(text: string) {
  writeFileSync(
    join(root, "src", "main.ts"),
    `process.stdout.write(JSON.stringify([${JSON.stringify(text)}, process.argv.length, process.argv.slice(2)]) + "\\n");
if (process.argv[2] === "stay") setInterval(() => {}, 1_000);\n`,
  );
}

const withPackages = () => symlinkSync(join(projectRoot, "node_modules"), join(root, "node_modules"));
const withoutPackages = () => rmSync(join(root, "node_modules"), { force: true });

async function run(...args: string[]) {
  const child = spawn(process.execPath, [join(root, "src/cli/run.mjs"), "src/main.js", ...args], { cwd: tmpdir() });
  const said = { out: "", err: "" };
  child.stdout.on("data", (data) => {
    said.out += data;
  });
  child.stderr.on("data", (data) => {
    said.err += data;
  });
  const code = await new Promise((resolve) => child.once("close", resolve));
  return { code, ...said };
}

test("run.mjs compiles once, and again only when a source has changed", async () => {
  withPackages();
  const compiling = "Compiling, since sources have changed …\n";
  expect(await run("a", "--b")).toEqual({ code: 0, out: '["one",4,["a","--b"]]\n', err: compiling });
  const { mtimeMs } = statSync(join(root, "dist/src/main.js"));
  expect(await run()).toEqual({ code: 0, out: '["one",2,[]]\n', err: "" });
  // Written again, with the same contents.
  writeProgram("one");
  expect(await run()).toEqual({ code: 0, out: '["one",2,[]]\n', err: "" });
  expect(statSync(join(root, "dist/src/main.js")).mtimeMs).toBe(mtimeMs);
  writeProgram("two");
  expect(await run()).toEqual({ code: 0, out: '["two",2,[]]\n', err: compiling });
});

test("run.mjs without dev dependencies runs the existing build, or fails and suggests npm ci", async () => {
  withoutPackages();
  writeProgram("three");
  expect(await run()).toEqual({ code: 0, out: '["two",2,[]]\n', err: "" });
  rmSync(join(root, "dist"), { recursive: true });
  expect(await run()).toEqual({ code: 1, out: "", err: expect.stringMatching(/^Nothing is compiled yet, .*npm ci/) });
});

test("run.mjs compiles again after a failed or interrupted compilation", async () => {
  withPackages();
  writeFileSync(join(root, "src", "main.ts"), "const wrong: string = 1;\n");
  expect(await run()).toMatchObject({ code: 2, out: "", err: expect.stringContaining("TS2322") });
  expect(existsSync(join(root, "dist", "sources.sha256"))).toBe(false);
  writeProgram("four");
  expect(await run()).toMatchObject({ code: 0, out: '["four",2,[]]\n' });
});

test("every npm script that starts a program uses exec, so that signals reach it", () => {
  const starting = Object.entries(scripts).filter(
    ([, script]) => script.includes("run.mjs src") || script.includes("run.mjs prisma"),
  );
  expect(starting.length).toBeGreaterThan(8);
  expect(starting.filter(([, script]) => !script.startsWith("exec node "))).toEqual([]);
  expect(Object.keys(scripts).filter((name) => /^pre(?!test$)/.test(name))).toEqual([]);
});

test.each(["SIGTERM", "SIGINT", "SIGKILL"] as const)("the program ends when npm is ended by %s", async (signal) => {
  writeProgram("five");
  const npm = spawn("npm", ["run", "-s", "start", "--", "stay"], { cwd: root, stdio: ["ignore", "pipe", "ignore"] });
  await new Promise((resolve) => npm.stdout.once("data", resolve));
  const program = childrenOf(npm.pid!);
  expect(program).toHaveLength(1);
  npm.kill(signal);
  while (program.some(isRunning)) await sleep(50);
});

/** By the list of processes that Linux keeps. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim().split(/\s+/).filter(Boolean).map(Number);
}

function isRunning(pid: number): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
