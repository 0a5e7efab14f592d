import { randomUUID } from "node:crypto";
import type { Revocations } from "../platform/access/revocations.js";
import type { Viewer } from "../platform/access/viewer.js";
import type { Context } from "../platform/context.js";
import type { Database } from "../platform/database/client.js";
import { Loaders } from "../platform/database/loaders.js";
import type { ChangeFeed } from "../platform/live/change-feed.js";
import type { Logger } from "../platform/telemetry/logger.js";

export interface AppResources {
  readonly database: Database;
  readonly revocations: Revocations;
  readonly live: ChangeFeed;
  readonly log: Logger;
  readonly now: () => Date;
  /** Who asks, from the request's `Authorization` header. Refuses a token that is not valid. */
  readonly authenticate: (authorization: string | undefined) => Promise<Viewer>;
}

/** One request's context, with loaders of its own: nothing that one caller read is kept for another. */
export async function createContext(resources: AppResources, authorization: string | undefined): Promise<Context> {
  const { database, revocations, live, log, now, authenticate } = resources;
  const viewer = await authenticate(authorization);
  const loaders = new Loaders(database, viewer);
  const writes = { dryRun: [], replayed: [] };
  return { database, revocations, live, log, now, viewer, loaders, redactions: [], writes, requestId: randomUUID() };
}
