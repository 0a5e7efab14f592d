import { audits } from "../graph/model/audit.js";
import { models } from "../graph/model/datamodel.js";

// What the datamodel does not say about documents: names that the API has and the database has not, and the reverse.

/** Columns that triggers keep. Like generated columns they follow from other rows, whatever a document says. */
export const keptByTriggers: Readonly<Record<string, readonly string[]>> = Object.fromEntries(
  [...models.values()].map(({ name, table }) => [table, audits[name].counted]),
);

/** Derived attributes without a column: they are computed when they are read. */
export const computed: Readonly<Record<string, readonly string[]>> = {
  customer_addresses: ["name"],
  customer_payment_sources: ["name"],
};

/**
 * How the resource that a new one belongs to is found if no relationship tells: customers by e-mail, SKUs by code. `by`
 * is an attribute of the new one, and `unique` of the other.
 */
export const foundBy: Readonly<Record<string, { key: string; by: string; table: string; unique: string }>> = {
  customer_addresses: { key: "customer_id", by: "customer_email", table: "customers", unique: "email" },
  customer_subscriptions: { key: "customer_id", by: "customer_email", table: "customers", unique: "email" },
  orders: { key: "customer_id", by: "customer_email", table: "customers", unique: "email" },
  line_items: { key: "sku_id", by: "sku_code", table: "skus", unique: "code" },
  sku_list_items: { key: "sku_id", by: "sku_code", table: "skus", unique: "code" },
};

/** Columns that hold what documents state in another form: as the type, and as attributes of their own. */
export const internalColumns: Readonly<Record<string, readonly string[]>> = {
  customers: ["anonymization_receipt", "legal_hold_at", "legal_hold_reason", "legal_hold_requester"],
  payment_sources: ["kind", "attributes"],
};

/** JSON columns to which a document adds keys, instead of replacing the whole. */
export const mergedColumns: Readonly<Record<string, readonly string[]>> = { payment_sources: ["attributes"] };

const mismatched = { mismatched_amounts: "Boolean" };

/** The attributes that only one kind of payment source has; they are kept in the JSON column `attributes`. */
export const paymentSourceAttributes: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  adyen_payments: { ...mismatched, balance: "Int", expires_at: "DateTime", closed_at: "DateTime" },
  axerve_payments: { ...mismatched, return_url: "String", request_token: "Boolean" },
  braintree_payments: { payment_id: "String", local: "Boolean" },
  checkout_com_payments: { ...mismatched, redirect_uri: "String" },
  external_payments: {},
  klarna_payments: mismatched,
  paypal_payments: {
    ...mismatched,
    name: "String",
    paypal_id: "String",
    status: "String",
    approval_url: "String",
    note_to_payer: "String",
  },
  satispay_payments: { payment_id: "String", flow: "String", status: "String", payment_url: "String" },
  stripe_payments: { ...mismatched, stripe_id: "String", charge_id: "String", receipt_email: "String" },
  wire_transfers: {},
};

/**
 * Attributes and relationships that the API has and this gateway deliberately has not: checkout mechanics, secrets,
 * stock. They are accepted, counted and not stored. `*` is for all types.
 */
const leftOut: Readonly<Record<string, string>> = {
  "*": "versions payment_gateway jwt_custom_claim jwt_customer jwt_markets jwt_stock_locations",
  addresses: "geocoder",
  payment_methods:
    "moto auto_place auto_capture auto_capture_max_amount_cents auto_capture_max_amount_float " +
    "formatted_auto_capture_max_amount market store",
  adyen_payments: "public_key payment_methods payment_request_data payment_request_details payment_response",
  axerve_payments: "login payment_request_data client_ip buyer_details",
  braintree_payments: "client_token payment_method_nonce options",
  checkout_com_payments:
    "public_key token payment_session success_url failure_url source_id customer_token payment_response",
  external_payments: "payment_source_token options wallet",
  klarna_payments: "session_id client_token payment_methods auth_token",
  paypal_payments: "return_url cancel_url paypal_payer_id",
  satispay_payments: "redirect_url payment_response",
  stripe_payments:
    "client_secret publishable_key connected_account on_behalf_of transfer_group options payment_method return_url",
  orders:
    "gift_card_or_coupon_code store shipments transactions authorizations captures voids refunds payment_options " +
    "line_item_options stock_reservations stock_line_items stock_transfers discount_engine order_factories order_copies " +
    "recurring_order_copies notifications links resource_errors default_shipping_method default_payment_method " +
    "available_payment_methods available_customer_payment_sources available_free_skus available_free_bundles",
  line_items:
    "_external_price discount_breakdown tax_breakdown rule_outcomes circuit_state circuit_failure_count item bundle " +
    "adjustment gift_card shipment payment_method line_item_options shipment_line_items stock_reservations " +
    "stock_line_items stock_transfers notifications",
  order_subscriptions: "options subscription_model order_factories order_copies recurring_order_copies",
  order_subscription_items: "item sku bundle adjustment",
  returns: "reference_capture reference_refund resource_errors",
  sku_lists: "skus bundles links",
  skus:
    "pieces_per_pack weight unit_of_weight hs_tariff_number inventory shipping_category prices stock_items " +
    "stock_reservations stock_line_items delivery_lead_times sku_options links",
  events: "webhooks",
  event_callbacks: "signature webhook",
  event_stores: "reference reference_origin metadata ip_address user_agent uuid",
  markets:
    "facebook_pixel_id external_prices_url external_order_validation_url shipping_cost_cutoff " +
    "shipping_cost_cutoff_cents shipping_cost_cutoff_float formatted_shipping_cost_cutoff shared_secret " +
    "external_includes order_validation_rules merchant price_list price_lists base_price_list price_list_schedulers " +
    "inventory_model subscription_model discount_engine tax_calculator geocoder default_shipping_method " +
    "default_payment_method stores",
  stock_locations: "inventory_stock_locations inventory_return_locations stock_items stock_transfers stores",
};

export function leftOutNames(type: string): ReadonlySet<string> {
  return new Set([leftOut["*"], leftOut[type]].flatMap((names) => names?.split(" ") ?? []));
}

/** Types that only relationships which are left out lead to. */
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

/** Columns that the import fills in when a new resource comes without them. */
export const filledIn: Readonly<Record<string, readonly string[]>> = { sku_lists: ["slug"] };

/** Types that are about another resource and go with it. Events and the audit trail outlive theirs. */
export const attachedTypes: ReadonlySet<string> = new Set(["attachments"]);
