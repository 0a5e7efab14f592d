import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { projectRoot } from "../../src/paths.js";

export interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/** Spawns a script of the project. `env` is its whole environment, `flags` are Node's, `root` is the folder of a copy. */
export function startCommand(
  script: string,
  args: readonly string[],
  { env, flags = [], root = projectRoot }: { env: NodeJS.ProcessEnv; flags?: readonly string[]; root?: string },
): { child: ChildProcess; ended: Promise<Ended> } {
  const command = ["--import", join(root, "test/support/typescript.mjs"), ...flags, join(root, script)];
  const child = spawn(process.execPath, [...command, ...args], { cwd: root, env, stdio: "pipe" });
  const output = { out: "", err: "" };
  child.stdout.on("data", (data) => {
    output.out += data;
  });
  child.stderr.on("data", (data) => {
    output.err += data;
  });
  return { child, ended: once(child, "close").then(([code]) => ({ code, ...output })) };
}
