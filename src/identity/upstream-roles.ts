import { actions, isPermission, type Permission, type SpecialPermission } from "../graph/access/permission.js";
import { models, typesOf } from "../graph/model/datamodel.js";

/** A role of a Commerce Layer organization. */
export interface UpstreamRole {
  /** `admin`, `read_only` or `custom`; undefined if unknown. */
  readonly kind: string | undefined;
  /** Allowed actions by type of resource: `create`, `read`, `update`, `destroy`. */
  readonly actions: ReadonlyMap<string, readonly string[]>;
}

/** Permissions that imply a special one, which Commerce Layer does not have. Undefined: only administrators have it. */
const specialPermissions = {
  "anonymizations:create": ["customers:update"],
  "customer_groups:assign": ["customer_groups:read", "customers:update"],
  "fees:read": ["orders:update"],
  "gateway_tokens:read": ["customer_payment_sources:update"],
  "order_secrets:read": ["orders:update"],
  "orders:manage": ["orders:update", "order_subscriptions:update"],
  "returns:manage": ["returns:update"],
  "staff:read": ["customers:read"],
  "subjects:export": undefined,
  "tags:assign": ["tags:read", "customers:update"],
  "tax_exemptions:assign": ["customers:update"],
} as const satisfies Record<SpecialPermission, readonly Permission[] | undefined>;

/** Maps a role to permissions: the same actions on the same resources, and the special ones that they imply. */
export function permissionsOfRole({ kind, actions: stated }: UpstreamRole): Permission[] {
  const granted = new Set<Permission>();
  for (const model of models.values()) {
    for (const action of actions) {
      // A permission covers all types of its model.
      const isStated = typesOf(model).every((type) => stated.get(type)?.includes(action));
      if (isStated && (kind !== "read_only" || action === "read"))
        granted.add(`${model.table}:${action}` as Permission);
    }
  }
  if (granted.size === 0) return [];
  for (const [special, needed] of Object.entries(specialPermissions)) {
    if (!isPermission(special)) continue;
    if (kind === "admin" || needed?.every((permission) => granted.has(permission))) granted.add(special);
  }
  return [...granted];
}
