import type { Database } from "../database/client.js";
import type { Requester } from "../database/requester.js";
import type { Limits } from "../identity/rate-limits.js";
import type { Revocations } from "../identity/revocations.js";
import type { ChangeFeed } from "../live/change-feed.js";
import type { Logger } from "../telemetry/logger.js";
import type { Redaction } from "./access/guard.js";
import type { Viewer } from "./access/viewer.js";
import type { Loaders } from "./answer/loaders.js";
import type { RowPreloader } from "./answer/planned-execution.js";

export interface WriteNotes {
  /** The keys in the answer of mutations that were only tried, and of those that had been done before. */
  readonly dryRun: string[];
  readonly replayed: string[];
  /** Those that are committed: what fails after that does not undo them. */
  readonly committed: string[];
  /** Ends the transaction of the last mutation that was only tried: its payload is read in it. */
  end?: () => Promise<void>;
}

/** The whole of what a resolver can reach. Made for each request. */
export interface Context {
  /** The database as this request may use it. */
  readonly database: Database;
  /** On whose behalf the request's statements run. */
  readonly requester: Requester;
  readonly loaders: Loaders;
  /** There for mutations whose payloads are read by plans. */
  preload?: RowPreloader;
  readonly viewer: Viewer;
  /** Fields left out of the answer for lack of a permission. */
  readonly redactions: Redaction[];
  /** What became of the request's mutations, beside their payloads. */
  readonly writes: WriteNotes;
  /** Access tokens that are refused before they expire. */
  readonly revocations: Revocations;
  /** How often a caller may try what others could be guessed by. */
  readonly limits: Limits;
  /** The network address that the request came from, for limits. */
  readonly address: () => string;
  /** Changes of customers, by all processes. Call `live.announce()` after a commit. */
  readonly live: ChangeFeed;
  readonly log: Logger;
  readonly requestId: string;
  /** The time of the request; tests set it. */
  readonly now: () => Date;
  /** The last event of a stream that the caller has received, as the request's header says. */
  readonly lastEventId?: string;
}
