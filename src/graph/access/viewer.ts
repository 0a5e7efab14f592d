import type { enums } from "../../generated/datamodel.js";
import { type Permission, permissionsByKind } from "./permission.js";

export type Mode = (typeof enums.Mode.values)[number];

/** The staff user on whose behalf a request is made. */
export interface StaffUser {
  id: string;
  firstName: string | null;
  lastName: string | null;
  email: string | null;
}

export interface TokenFacts {
  applicationId: string;
  /** Environment: rows of the other mode do not exist for the viewer. */
  mode: Mode;
  permissions: ReadonlySet<Permission>;
  /** The markets that the token is limited to; null for all. */
  marketIds: readonly string[] | null;
  stockLocationIds: readonly string[];
  customClaim: Record<string, unknown> | null;
  /** The organization that the token names, if any. */
  organization?: { id: string; slug?: string };
  expiresAt: Date | null;
}

/**
 * The caller, from the access token alone. A union by `kind`, so that the compiler finds the access decisions that a new
 * kind needs. `guest`: a sales channel without a customer. `customer`: a sales channel with its signed-in customer.
 * `integration`: a back office or service; `owner`: the staff user it acts for, if any. `user`: a staff user of a web
 * application.
 */
export type Viewer =
  | (TokenFacts & { kind: "anonymous"; owner: null })
  | (TokenFacts & { kind: "guest"; owner: null })
  | (TokenFacts & { kind: "customer"; customerId: string; owner: null })
  | (TokenFacts & { kind: "integration"; owner: StaffUser | null })
  | (TokenFacts & { kind: "user"; owner: StaffUser });

/** The viewer without a token. It sees nothing; its mode is irrelevant. */
export const anonymous: Viewer = {
  kind: "anonymous",
  applicationId: "",
  mode: "test",
  permissions: permissionsByKind.anonymous,
  marketIds: [],
  stockLocationIds: [],
  customClaim: null,
  expiresAt: null,
  owner: null,
};
