import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import type { Config } from "jest";

/** Passed to global-teardown.ts. */
export interface Keeper {
  databaseKeeper?: ChildProcess;
}

/**
 * Starts the process that keeps the databases of this run, and tells the workers where they are. A process of its own,
 * because it notices any end of this one, a SIGKILL too, and then leaves nothing behind.
 */
export default async function globalSetup(_global: Config, { rootDir }: { rootDir: string }): Promise<void> {
  const keeper = fork(`${rootDir}/test/support/database-keeper.ts`, {
    execArgv: ["--import", `${rootDir}/test/support/typescript.mjs`],
    detached: true, // a Ctrl-C is not for the keeper, who ends after all others
  });
  (globalThis as Keeper).databaseKeeper = keeper;
  const [message] = await Promise.race([once(keeper, "message"), once(keeper, "exit")]);
  if (typeof message !== "string") throw new Error("The databases for the tests did not start; see above.");
  process.env.TEST_TEMPLATE_URL = message;
}
