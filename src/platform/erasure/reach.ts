import type { ModelName } from "../database/datamodel.js";

const customer = "$1::text";
const own = `t."customer_id" = ${customer}`;
const of = (table: string, key: string) =>
  `t."${key}" IN (SELECT "id" FROM "${table}" WHERE "customer_id" = ${customer})`;

/** The ids of what a customer's own rows lead to, through a column. */
const through = (table: string, column: string) =>
  `SELECT "${column}" FROM "${table}" WHERE "customer_id" = ${customer} AND "${column}" IS NOT NULL`;

/** An address or payment source that is in another customer's book or wallet too is that customer's. */
const nobodyElses = (links: string, key: string) =>
  `NOT EXISTS (SELECT FROM "${links}" o WHERE o."${key}" = t."id" AND o."customer_id" <> ${customer})`;

const addresses = `t."id" IN (${[
  through("customer_addresses", "address_id"),
  through("orders", "shipping_address_id"),
  through("orders", "billing_address_id"),
  through("returns", "origin_address_id"),
].join(" UNION ")})
  AND ${nobodyElses("customer_addresses", "address_id")}
  AND NOT EXISTS (SELECT FROM "stock_locations" s WHERE s."address_id" = t."id")`;

const paymentSources = `t."id" IN (${[
  through("customer_payment_sources", "payment_source_id"),
  through("orders", "payment_source_id"),
  `SELECT t."id" FROM "payment_sources" t WHERE ${of("orders", "order_id")}`,
].join(" UNION ")}) AND ${nobodyElses("customer_payment_sources", "payment_source_id")}`;

/** The types and ids of what is a customer's own. */
const ownResources = [
  `SELECT 'customers', ${customer}`,
  ...[
    "customer_addresses",
    "customer_payment_sources",
    "customer_subscriptions",
    "customer_password_resets",
    "orders",
    "order_subscriptions",
    "returns",
    "sku_lists",
  ].map((table) => `SELECT '${table}', "id" FROM "${table}" WHERE "customer_id" = ${customer}`),
].join(" UNION ALL ");

/** Resources whose audit trail is the customer's too, for as long as they are there. */
const sharedResources = [
  `SELECT 'addresses', t."id" FROM "addresses" t WHERE ${addresses}`,
  `SELECT 'payment_sources', t."id" FROM "payment_sources" t WHERE ${paymentSources}`,
  `SELECT 'line_items', t."id" FROM "line_items" t WHERE ${of("orders", "order_id")}`,
].join(" UNION ALL ");

/** Those that may be gone by now: the audit trail tells whose they were. */
const goneResources = `SELECT "resource_type", "resource_id" FROM "event_stores"
  WHERE "customer_id" = ${customer} AND "resource_type" IN ('addresses', 'payment_sources')`;

/** What hangs on one of some resources by its type and id. Each resource is one step in an index. */
const about = (kind: string, resources: string) => `(t."${kind}_type", t."${kind}_id") IN (${resources})`;

/** The ids of a table's rows of which one of several things is true, each found by its own index. */
const any = (table: string, ...conditions: string[]) =>
  `t."id" IN (${conditions.map((condition) => `SELECT t."id" FROM "${table}" t WHERE ${condition}`).join(" UNION ")})`;

/**
 * Which rows `t` of a model hold data of the customer `$1`: the one place that says so. Erasure, its preview and the
 * export of a customer's data follow it. Models that are not named hold none.
 */
export const reach: Partial<Record<ModelName, string>> = {
  Customer: `t."id" = ${customer}`,
  CustomerAddress: own,
  Address: addresses,
  CustomerPaymentSource: own,
  PaymentSource: paymentSources,
  CustomerSubscription: own,
  Order: own,
  LineItem: of("orders", "order_id"),
  OrderSubscription: own,
  OrderSubscriptionItem: of("order_subscriptions", "order_subscription_id"),
  Return: own,
  ReturnLineItem: of("returns", "return_id"),
  SkuList: own,
  SkuListItem: of("sku_lists", "sku_list_id"),
  Attachment: about("attachable", ownResources),
  CustomerPasswordReset: own,
  Event: about("resource", ownResources),
  EventCallback: `t."event_id" IN (SELECT t."id" FROM "events" t WHERE ${about("resource", ownResources)})`,
  EventStore: any(
    "event_stores",
    own,
    about("resource", `${ownResources} UNION ALL ${sharedResources}`),
    `t."customer_id" IS NULL AND ${about("resource", goneResources)}`,
    // What was another customer's afterwards: that entry is the other's, and has the e-mail address of both.
    `t."payload" -> 'customer_id' ->> 'from' = ${customer}`,
  ),
};
