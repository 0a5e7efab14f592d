import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Config } from "jest";

/** Passed to global-teardown.ts. */
export interface Keeper {
  databaseKeeper?: ChildProcess;
}

/**
 * Starts the process that owns the databases of this run, and passes their URL to the workers. A separate process can clean
 * up even after a SIGKILL of this one.
 */
export default async function globalSetup(_global: Config, { rootDir }: { rootDir: string }): Promise<void> {
  const keeper = fork(`${rootDir}/test/support/database-keeper.ts`, {
    execArgv: ["--import", `${rootDir}/test/support/typescript.mjs`],
    detached: true, // shields the keeper from Ctrl-C: it must exit last
  });
  (globalThis as Keeper).databaseKeeper = keeper;
  const [message] = await Promise.race([once(keeper, "message"), once(keeper, "exit")]);
  if (typeof message !== "string") throw new Error("The databases for the tests did not start; see above.");
  process.env.TEST_TEMPLATE_URL = message;
}
