import { aboutOf, type ModelName, modelNamed, models } from "../model/datamodel.js";
import { type Condition, everything, type RowRule } from "../sql/condition.js";
import { Slot } from "../sql/parameters.js";
import { permissionsByKind, toRead, unreadable } from "./permission.js";
import type { Viewer } from "./viewer.js";

const nothing: Condition = { op: "or", of: [] };
const some = (relation: string): Condition => ({ op: "some", relation, where: everything });
const any = (...of: Condition[]): Condition => ({ op: "or", of });
const both = (...of: Condition[]): Condition => ({ op: "and", of });

/**
 * Which rows of a model a viewer may see: the row rules, all in this place. Every statement of src/graph/sql carries
 * the rule of each table it touches, so pages, counts, relations, filters and look-ups by id agree, and a hidden row is
 * an absent one. A rule is always a condition, never "none": forgetting one cannot mean "all rows".
 */
export function visibleRows(model: ModelName, viewer: Viewer): Condition {
  // What may not be read does not exist, as far as filters by related rows can tell.
  if (!viewer.permissions.has(toRead(model))) return nothing;
  const inMode: Condition = { op: "eq", field: "mode", value: viewer.mode };
  switch (viewer.kind) {
    case "anonymous":
      return nothing;
    case "integration":
    case "user":
      return quotedRows(model, viewer, inMode);
    case "guest":
      return both(inMode, guestRows[model]?.(viewer) ?? nothing);
    case "customer":
      return both(inMode, customerRows[model](viewer));
  }
}

/** What quotes a resource is seen by those alone who may read resources of its type. */
function quotedRows(model: ModelName, { permissions }: Viewer, inMode: Condition): Condition {
  const about = aboutOf(modelNamed(model));
  const isQuote = about || model === "EventCallback";
  if (!isQuote || !unreadable(permissions).length) return inMode;
  // The body that was sent to a webhook quotes what the event is about.
  if (!about) return both(inMode, some("event"));
  const types = [...models.values()].filter(({ name }) => permissions.has(toRead(name))).map(({ table }) => table);
  return both(inMode, { op: "in", field: about.typeField, values: types });
}

const fact = (read: (viewer: Viewer) => unknown) => new Slot(({ viewer }) => read(viewer as Viewer));
/** What differs between viewers with the same rules. */
export const viewerFacts = {
  mode: fact(({ mode }) => mode),
  customerId: fact((viewer) => (viewer as Customer).customerId),
  marketIds: fact(({ marketIds }) => marketIds),
  stockLocationIds: fact(({ stockLocationIds }) => stockLocationIds),
};

/** The row rules of every viewer that has the same `ruleKey`: with slots where one differs from another. */
export function rulesLike(viewer: Viewer): RowRule {
  const like = { ...viewer, ...viewerFacts, marketIds: viewer.marketIds && viewerFacts.marketIds } as unknown as Viewer;
  return (model) => visibleRows(model, like);
}

const ruleKeys = new WeakMap<Viewer, string>();

/** Tells viewers apart whose rules, of rows or of fields, differ by more than the values of slots. */
export function ruleKey(viewer: Viewer): string {
  let key = ruleKeys.get(viewer);
  if (key === undefined) {
    const standard = viewer.permissions === permissionsByKind[viewer.kind];
    const permissions = standard ? "" : [...viewer.permissions].sort().join();
    key = `${viewer.kind}:${viewer.marketIds ? "markets" : ""}:${standard ? "standard" : permissions}`;
    ruleKeys.set(viewer, key);
  }
  return key;
}

type Shopper = Extract<Viewer, { kind: "guest" | "customer" }>;
type Customer = Extract<Viewer, { kind: "customer" }>;

/** A sales channel sees the markets of its token's scope. */
function scoped({ marketIds }: Shopper): Condition {
  return marketIds ? { op: "in", field: "id", values: marketIds } : everything;
}

const scopedStock = ({ stockLocationIds }: Shopper): Condition => ({ op: "in", field: "id", values: stockLocationIds });
const isEnabled: Condition = { op: "isNull", field: "disabledAt", value: true };
const isPublic: Condition = { op: "isNull", field: "customerGroupId", value: true };

/** What a shopper who has not signed in sees: the catalogue, and public markets. */
const guestRows: Partial<Record<ModelName, (viewer: Shopper) => Condition>> = {
  Market: (viewer) => both(scoped(viewer), isPublic),
  StockLocation: scopedStock,
  PaymentMethod: () => isEnabled,
  Sku: () => everything,
};

/**
 * What a signed-in customer sees: itself and what hangs on it. `some` carries the other model's own rule, so a line item
 * is visible through an order that is. Rules only lead upwards, towards the customer, and so never in circles.
 */
const ownedBy = ({ customerId }: Customer): Condition => ({ op: "eq", field: "customerId", value: customerId });
const customerRows: Record<ModelName, (viewer: Customer) => Condition> = {
  Customer: ({ customerId }) => ({ op: "eq", field: "id", value: customerId }),
  CustomerGroup: () => some("customers"),
  Address: () =>
    any(
      some("customerAddresses"),
      some("shippingOrders"),
      some("billingOrders"),
      some("originReturns"),
      some("destinationReturns"),
    ),
  CustomerAddress: ownedBy,
  CustomerPaymentSource: ownedBy,
  CustomerSubscription: ownedBy,
  Order: ownedBy,
  LineItem: () => some("order"),
  OrderSubscription: ownedBy,
  OrderSubscriptionItem: () => some("orderSubscription"),
  Return: ownedBy,
  ReturnLineItem: () => some("return"),
  SkuList: ownedBy,
  SkuListItem: () => some("skuList"),
  PaymentMethod: () => isEnabled,
  PaymentSource: () => any(some("customerPaymentSources"), some("orders")),
  Sku: () => everything,
  // Files for the customer itself. Notes have no url and are for the staff alone.
  Attachment: ({ customerId }) =>
    both(
      { op: "eq", field: "attachableType", value: "customers" },
      { op: "eq", field: "attachableId", value: customerId },
      { op: "isNull", field: "url", value: false },
    ),
  CustomerPasswordReset: () => nothing,
  Tag: () => nothing,
  Event: () => nothing,
  EventCallback: () => nothing,
  EventStore: () => nothing,
  // A private market opens through the customer's group, as it is now: leaving the group closes it at once.
  Market: (viewer) => both(scoped(viewer), any(isPublic, some("customerGroup"))),
  StockLocation: scopedStock,
};
