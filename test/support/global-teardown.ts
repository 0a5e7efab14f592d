import { once } from "node:events";
import type { Keeper } from "./global-setup.js";

export default async function globalTeardown(): Promise<void> {
  const { databaseKeeper } = globalThis as Keeper;
  if (!databaseKeeper?.connected) return;
  databaseKeeper.disconnect();
  await once(databaseKeeper, "exit");
}
