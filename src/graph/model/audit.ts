import { audit as generated } from "../../generated/datamodel.js";
import type { ModelName } from "./datamodel.js";

/** What has to happen to a column for a row to raise an event. */
export interface RaisedEvent {
  readonly name: string;
  readonly column: string;
  /** The value that the column gets; else `change` says what happens to it. */
  readonly value?: string;
  readonly change?: "is set" | "is cleared" | "changes";
  /** Whether a row that is new raises it, too. */
  readonly created?: true;
}

/** What the audit trail and the events say of the changes of a model's rows. */
export interface Audit {
  readonly audited: boolean;
  /** Columns that never get into the audit trail. */
  readonly omitted: readonly string[];
  /** Columns of which it says that they changed, and not from what to what. */
  readonly masked: readonly { readonly column: string; readonly as?: string }[];
  /** Absent: rows raise no events, not even `create` and `destroy`. */
  readonly events?: readonly RaisedEvent[];
  /** The status whose changes have entries of their own, and the values that these are not named by. */
  readonly entries?: { readonly column: string; readonly renamed: Readonly<Record<string, string>> };
}

/** As marked in prisma/schema.prisma. */
export const audits: Readonly<Record<ModelName, Audit>> = generated;
