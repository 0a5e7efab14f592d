import { randomUUID } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Database } from "../database/client.js";
import { Requester } from "../database/requester.js";
import type { Viewer } from "../graph/access/viewer.js";
import { Loaders } from "../graph/answer/loaders.js";
import type { Context } from "../graph/context.js";
import { callerAddress, type Limits } from "../identity/rate-limits.js";
import type { Revocations } from "../identity/revocations.js";
import type { ChangeFeed } from "../live/change-feed.js";
import type { Logger } from "../telemetry/logger.js";

export interface AppResources {
  readonly database: Database;
  readonly revocations: Revocations;
  readonly limits: Limits;
  /** Number of trusted proxies that append to X-Forwarded-For. */
  readonly trustedProxies: number;
  readonly live: ChangeFeed;
  readonly log: Logger;
  readonly now: () => Date;
  /** Authenticates the caller by the `Authorization` header; throws if the token is invalid. */
  readonly authenticate: (authorization: string | undefined) => Promise<Viewer>;
}

/** Creates the context of one request, with its own loaders: nothing is cached across callers. */
export async function createContext(
  resources: AppResources,
  authorization: string | undefined,
  request?: IncomingMessage,
  requester = new Requester(),
): Promise<Context> {
  const { revocations, limits, live, log, now, authenticate } = resources;
  const viewer = await authenticate(authorization);
  // All events of a stream share one requester, created with its request.
  requester.caller ??= callerOf(viewer, () => addressOf(request, resources));
  const database = resources.database.forRequest(requester);
  const loaders = new Loaders(database, viewer);
  const writes = { dryRun: [], replayed: [], committed: [] };
  return {
    database,
    requester,
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

/** Key of the per-caller connection limit: guests by IP address, since they share a token. */
function callerOf(viewer: Viewer, address: () => string): string {
  switch (viewer.kind) {
    case "customer":
      return `customer ${viewer.mode} ${viewer.customerId}`;
    case "integration":
    case "user":
      return `${viewer.kind} ${viewer.mode} ${viewer.applicationId} ${viewer.owner?.id ?? ""}`;
    default:
      return `${viewer.kind} ${address()}`;
  }
}
