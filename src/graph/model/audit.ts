import { audit as generated } from "../../generated/datamodel.js";
import type { ModelName } from "./datamodel.js";

/** Condition on a column under which a row raises an event. */
export interface RaisedEvent {
  readonly name: string;
  readonly column: string;
  /** The new value of the column; undefined: see `change`. */
  readonly value?: string;
  readonly change?: "is set" | "is cleared" | "changes";
  /** Whether an insert raises it too. */
  readonly created?: true;
}

/** What changes of a model's rows write to the audit trail and to the events. */
export interface Audit {
  readonly audited: boolean;
  /** Columns that are never written to the audit trail. */
  readonly omitted: readonly string[];
  /** Masked columns: recorded as changed, without their values. */
  readonly masked: readonly { readonly column: string; readonly as?: string }[];
  /** Undefined: rows raise no events, not even `create` and `destroy`. */
  readonly events?: readonly RaisedEvent[];
  /** The status column whose changes get their own audit entries, and the entries' names where they differ from the values. */
  readonly entries?: { readonly column: string; readonly renamed: Readonly<Record<string, string>> };
}

/** As marked in prisma/schema.prisma. */
export const audits: Readonly<Record<ModelName, Audit>> = generated;
