import { datamodel } from "../../generated/datamodel.js";
import { type ModelName, modelNamed, models } from "../model/datamodel.js";

type Table = (typeof datamodel)[ModelName]["table"];
const actions = ["read", "create", "update", "destroy"] as const;
export type Action = (typeof actions)[number];

/** What goes beyond reading and writing a kind of resource. */
const special = {
  "anonymizations:create": "Ask for the erasure of a customer's data, and call it off.",
  "customer_groups:assign": "Put customers into groups, and take them out.",
  "fees:read": "See the platform's fees on orders.",
  "gateway_tokens:read": "See the tokens of payment sources at the gateways.",
  "order_secrets:read": "See the gift card and the shareable token of orders.",
  "orders:manage":
    "Do with orders and recurring orders what only the shop may: approve, archive, cancel when placed, set numbers, prices and terms.",
  "returns:manage": "Do with returns what only the shop may: approve, reject, ship, receive, refund, archive.",
  "staff:read": "See which member of the staff did something.",
  "subjects:export": "Get everything that there is of a customer as one document.",
  "tags:assign": "Put tags on resources and take them off.",
  "tax_exemptions:assign": "Say why a customer pays no taxes.",
} as const;

/** What a caller may do: an action on a kind of resource, such as `orders:read`, or one of a few special rights. */
export type Permission = `${Table}:${Action}` | keyof typeof special;

const tables = [...models.values()].map(({ table }) => table);

/** Every permission there is, with what it allows. */
export const permissions: ReadonlyMap<Permission, string> = new Map<Permission, string>([
  ...tables.flatMap((table) =>
    actions.map(
      (action) =>
        [
          `${table}:${action}` as Permission,
          `${action[0]!.toUpperCase()}${action.slice(1)} ${table.replaceAll("_", " ")}.`,
        ] as const,
    ),
  ),
  ...(Object.entries(special) as [Permission, string][]),
]);

/** How clients write it: `orders:read` is `ORDERS_READ`. */
export function permissionName(permission: Permission): string {
  return permission.replace(":", "_").toUpperCase();
}

const toReadAnything = [...permissions.keys()].filter((permission) => permission.endsWith(":read"));

/** What of all that can be read permissions leave out. */
export function unreadable(given: ReadonlySet<Permission>): Permission[] {
  return toReadAnything.filter((permission) => !given.has(permission));
}

/** Several permissions of which one is enough, for descriptions. */
export function permissionsText(anyOf: readonly Permission[]): string {
  return anyOf.map((permission) => `\`${permission}\``).join(" or ");
}

export function isPermission(word: string): word is Permission {
  return permissions.has(word as Permission);
}

export class PermissionsError extends Error {
  override name = "PermissionsError";
}

/** Stands for every permission, in a list of words. */
export const everyPermission = "*";

/**
 * The permissions that a list of words stands for: `orders:read` one, `orders:*` all of a kind of resource, `*:read` one
 * action on all kinds, `*` every one. Throws for a word that stands for none.
 */
export function permissionsOf(words: readonly string[]): Permission[] {
  const found = new Set<Permission>();
  for (const word of words) {
    const [subject, action] = word.split(":");
    const matching = [...permissions.keys()].filter((permission) => {
      if (word === everyPermission || permission === word) return true;
      const [permissionSubject, permissionAction] = permission.split(":");
      return action === everyPermission
        ? permissionSubject === subject
        : subject === everyPermission && permissionAction === action;
    });
    if (matching.length === 0) {
      throw new PermissionsError(
        `“${word.slice(0, 100)}” is no permission; write orders:read, orders:*, *:read, or * for every one. The schema names those of each field (@access).`,
      );
    }
    for (const permission of matching) found.add(permission);
  }
  return [...found];
}

/** The permission to read rows of a model. */
export function toRead(model: ModelName): Permission {
  return `${modelNamed(model).table}:read` as Permission;
}

const all: ReadonlySet<Permission> = new Set(permissions.keys());
/** domain rule: shown to integrations, not to the people of a back office. */
const integrationsOnly: readonly Permission[] = [
  "event_callbacks:read",
  "event_stores:read",
  "fees:read",
  "gateway_tokens:read",
  "order_secrets:read",
];
const readForStaff: ReadonlySet<Permission> = new Set(
  [...all].filter((permission) => permission.endsWith(":read") && !integrationsOnly.includes(permission)),
);

/**
 * What kinds of callers may do when their token does not say. A shopper's permissions reach as far as the row rules:
 * "customers:read" is the own customer. domain rule: what Commerce Layer lets sales channels do; its refusals ("cannot be
 * passed by sales channels") are permissions that are missing here: tags, events, audit trail, anonymization, staff,
 * gateway tokens, fees.
 */
export const permissionsByKind = {
  anonymous: new Set<Permission>(),
  guest: new Set<Permission>([
    "customer_password_resets:update",
    "customer_subscriptions:create",
    "customers:create",
    "markets:read",
    "payment_methods:read",
    "skus:read",
    "stock_locations:read",
  ]),
  customer: new Set<Permission>([
    "addresses:create",
    "addresses:destroy",
    "addresses:read",
    "addresses:update",
    "attachments:read",
    "customer_addresses:create",
    "customer_addresses:destroy",
    "customer_addresses:read",
    "customer_addresses:update",
    "customer_groups:read",
    "customer_password_resets:update",
    "customer_payment_sources:destroy",
    "customer_payment_sources:read",
    "customer_payment_sources:update",
    "customer_subscriptions:create",
    "customer_subscriptions:destroy",
    "customer_subscriptions:read",
    "customer_subscriptions:update",
    "customers:destroy",
    "customers:read",
    "customers:update",
    "line_items:read",
    "markets:read",
    "order_secrets:read",
    "order_subscription_items:read",
    "order_subscriptions:read",
    "order_subscriptions:update",
    "orders:create",
    "orders:read",
    "orders:update",
    "payment_methods:read",
    "payment_sources:read",
    "return_line_items:read",
    "returns:create",
    "returns:read",
    "returns:update",
    "sku_list_items:create",
    "sku_list_items:destroy",
    "sku_list_items:read",
    "sku_list_items:update",
    "sku_lists:create",
    "sku_lists:destroy",
    "sku_lists:read",
    "sku_lists:update",
    "skus:read",
    "stock_locations:read",
  ]),
  integration: all,
  user: readForStaff,
} as const satisfies Record<string, ReadonlySet<Permission>>;
