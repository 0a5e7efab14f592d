import { randomUUID } from "node:crypto";
import type { Viewer } from "../platform/access/viewer.js";
import type { Context } from "../platform/context.js";
import type { Database } from "../platform/database/client.js";
import { Loaders } from "../platform/database/loaders.js";
import type { Logger } from "../platform/telemetry/logger.js";

export interface AppResources {
  readonly database: Database;
  readonly log: Logger;
  readonly now: () => Date;
  /** Who asks, as long as there are no access tokens: everybody who reaches the server. */
  readonly viewer: Viewer;
}

/** One request's context, with loaders of its own: nothing that one caller read is kept for another. */
export function createContext({ database, log, now, viewer }: AppResources): Context {
  return { database, log, now, viewer, loaders: new Loaders(database, viewer), requestId: randomUUID() };
}
