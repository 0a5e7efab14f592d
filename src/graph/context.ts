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
  /** Response keys of dry-run mutations, and of replayed ones. */
  readonly dryRun: string[];
  readonly replayed: string[];
  /** Committed mutations: later errors do not undo them. */
  readonly committed: string[];
  /** Rolls back the transaction of the last dry run, in which its payload is read. */
  end?: () => Promise<void>;
}

/** The context of resolvers, created per request. */
export interface Context {
  /** The database on behalf of this request. */
  readonly database: Database;
  /** The requester of the statements. */
  readonly requester: Requester;
  readonly loaders: Loaders;
  /** Set for mutations whose payloads are read by plans. */
  preload?: RowPreloader;
  readonly viewer: Viewer;
  /** Redacted fields of the response. */
  readonly redactions: Redaction[];
  /** Outcome of the mutations, besides their payloads. */
  readonly writes: WriteNotes;
  /** Access tokens revoked before they expire. */
  readonly revocations: Revocations;
  /** Rate limits of guessable actions. */
  readonly limits: Limits;
  /** IP address of the caller, for rate limits. */
  readonly address: () => string;
  /** Feed of changes of customers by all processes. Call `live.announce()` after a commit. */
  readonly live: ChangeFeed;
  readonly log: Logger;
  readonly requestId: string;
  /** Time of the request; can be set by tests. */
  readonly now: () => Date;
  /** Id of the last event that the client received. */
  readonly lastEventId?: string;
}
