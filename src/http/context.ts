import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { callerAddress, type Limits } from "../platform/access/limits.js";
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
  readonly limits: Limits;
  /** How many proxies stand before the server and add the caller's address to X-Forwarded-For. */
  readonly trustedProxies: number;
  readonly live: ChangeFeed;
  readonly log: Logger;
  readonly now: () => Date;
  /** Who asks, from the request's `Authorization` header. Refuses a token that is not valid. */
  readonly authenticate: (authorization: string | undefined) => Promise<Viewer>;
}

/** One request's context, with loaders of its own: nothing that one caller read is kept for another. */
export async function createContext(
  resources: AppResources,
  authorization: string | undefined,
  request?: IncomingMessage,
): Promise<Context> {
  const { database, revocations, limits, live, log, now, authenticate } = resources;
  const viewer = await authenticate(authorization);
  const loaders = new Loaders(database, viewer);
  const writes = { dryRun: [], replayed: [], committed: [] };
  return {
    database,
    revocations,
    limits,
    address: () => addressOf(request, resources),
    live,
    log,
    now,
    viewer,
    loaders,
    redactions: [],
    writes,
    requestId: randomUUID(),
  };
}

function addressOf(request: IncomingMessage | undefined, { trustedProxies }: AppResources): string {
  const forwarded = request?.headersDistinct["x-forwarded-for"]?.join(",");
  return callerAddress(request?.socket.remoteAddress, forwarded, trustedProxies);
}
