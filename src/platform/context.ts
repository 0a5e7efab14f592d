import type { Viewer } from "./access/viewer.js";
import type { Database } from "./database/client.js";
import type { Loaders } from "./database/loaders.js";
import type { Logger } from "./telemetry/logger.js";

/** The whole of what a resolver can reach. Made for each request. */
export interface Context {
  readonly database: Database;
  readonly loaders: Loaders;
  readonly viewer: Viewer;
  readonly log: Logger;
  readonly requestId: string;
  /** The time of the request; tests set it. */
  readonly now: () => Date;
}
