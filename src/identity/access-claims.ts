import type { EnumValue } from "../graph/model/datamodel.js";
import type { GrantedScope } from "./scopes.js";
import type { NewClaims } from "./tokens.js";

/** An application as its tokens speak of it. */
export interface ApplicationFacts {
  id: string;
  mode: EnumValue<"Mode">;
  kind: EnumValue<"ApplicationKind">;
  clientId: string;
  permissions: readonly string[];
  accessTokenSeconds: number;
}

export interface UserFacts {
  id: string;
  firstName: string | null;
  lastName: string | null;
  email: string;
  permissions: readonly string[];
}

export interface AccessClaimsOptions {
  application: ApplicationFacts;
  /** Whether the application showed its secret. */
  confidential: boolean;
  granted: GrantedScope;
  customerId?: string;
  user?: UserFacts;
  family?: string;
  now: Date;
}

/** The claims of a new access token. Of a customer it names nothing but the id: tokens end up in logs of others. */
export function accessClaims(options: AccessClaimsOptions): NewClaims {
  const { application, confidential, granted, customerId, user, family, now } = options;
  const permissions = user && user.permissions.length > 0 ? user.permissions : application.permissions;
  return {
    exp: Math.floor(now.getTime() / 1_000) + application.accessTokenSeconds,
    application: {
      id: application.id,
      client_id: application.clientId,
      kind: application.kind,
      public: application.kind === "sales_channel",
      confidential,
    },
    ...(customerId && { owner: { id: customerId, type: "Customer" } }),
    ...(user && {
      owner: {
        id: user.id,
        type: "User",
        ...(user.firstName && { first_name: user.firstName }),
        ...(user.lastName && { last_name: user.lastName }),
        email: user.email,
      },
    }),
    ...(granted.marketIds && {
      market: {
        id: granted.marketIds,
        ...(granted.stockLocationIds.length > 0 && { stock_location_ids: granted.stockLocationIds }),
      },
    }),
    ...(permissions.length > 0 && { permissions: [...permissions] }),
    scope: granted.scope,
    test: application.mode === "test",
    ...(family && { family }),
  };
}
