import type { enums } from "../../generated/datamodel.js";

export type Mode = (typeof enums.Mode.values)[number];

/** A member of the shop's staff on whose behalf a request is made. */
export interface StaffUser {
  id: string;
  firstName: string | null;
  lastName: string | null;
  email: string | null;
}

/**
 * Who asks. A union by `kind`, so that a new kind of caller has to be thought of wherever rights are decided.
 * `integration`: a back office or service with full rights in one mode; `owner` is set when a staff user stands behind it.
 */
export type Viewer = { kind: "integration"; applicationId: string; owner: StaffUser | null; mode: Mode };
