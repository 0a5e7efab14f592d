import { type Column, type Model, models } from "../graph/model/datamodel.js";

// JSON:API attributes of each model, from the marks of prisma/schema.prisma, and the types of the API that have no model here.

function columnsStatedAs(model: Model, name: string): Column[] {
  return Object.values(model.columns).filter(({ document }) => document?.includes(name));
}

/** Whether a name in `@document` is a plain attribute. */
export function isAttribute(name: string): boolean {
  return !["type", "nothing", "own attributes"].includes(name) && !name.includes(".");
}

/** JSON columns that are merged, not replaced: they hold the attributes without a column. */
export function mergedColumns(model: Model): readonly string[] {
  return columnsStatedAs(model, "own attributes").map(({ column }) => column);
}

/** Ignored names of every resource. */
const leftOut = [
  "versions",
  "payment_gateway",
  "jwt_custom_claim",
  "jwt_customer",
  "jwt_markets",
  "jwt_stock_locations",
];

/** Attributes and relationships of a type that are accepted and counted, but not stored. */
export function leftOutNames({ documents }: Model, type: string): ReadonlySet<string> {
  return new Set([...leftOut, ...(documents.leftOut[type] ?? [])]);
}

/** Types that are reachable only through ignored relationships. */
export const leftOutTypes: ReadonlySet<string> = new Set(
  (
    "adjustments authorizations bundles captures customer_password_resets delivery_lead_times discount_engines " +
    "geocoders bing_geocoders google_geocoders gift_cards inventory_models inventory_return_locations " +
    "inventory_stock_locations line_item_options links merchants notifications order_copies order_factories " +
    "payment_options price_lists price_list_schedulers prices recurring_order_copies refunds resource_errors " +
    "shipments shipping_categories shipping_methods sku_options stock_items stock_line_items stock_reservations " +
    "stock_transfers stores subscription_models tax_calculators transactions versions voids webhooks " +
    "adyen_gateways axerve_gateways braintree_gateways checkout_com_gateways external_gateways klarna_gateways " +
    "manual_gateways paypal_gateways satispay_gateways stripe_gateways"
  ).split(" "),
);

/** Models whose entries name their owner in `meta`: the audit trail. */
export const trails = [...models.values()].filter(({ documents }) => documents.meta.customer_id);
