import type { ModelName } from "../database/datamodel.js";

const customer = "$1::text";
const own = `t."customer_id" = ${customer}`;
const of = (table: string, key: string) =>
  `t."${key}" IN (SELECT "id" FROM "${table}" WHERE "customer_id" = ${customer})`;

/** The ids of what a customer's own rows lead to, through a column. */
const through = (table: string, column: string) =>
  `SELECT "${column}" FROM "${table}" WHERE "customer_id" = ${customer} AND "${column}" IS NOT NULL`;

/** Resources that others hang on by their type and id. */
const about = (typeKey: string, key: string, tables: readonly string[]) =>
  [
    `(t."${typeKey}" = 'customers' AND t."${key}" = ${customer})`,
    ...tables.map(
      (table) =>
        `(t."${typeKey}" = '${table}' AND t."${key}" IN (SELECT "id" FROM "${table}" WHERE "customer_id" = ${customer}))`,
    ),
  ].join(" OR ");

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

const paymentSources = `(t."id" IN (${[
  through("customer_payment_sources", "payment_source_id"),
  through("orders", "payment_source_id"),
].join(
  " UNION ",
)}) OR ${of("orders", "order_id")}) AND ${nobodyElses("customer_payment_sources", "payment_source_id")}`;

const owned = [
  "customer_addresses",
  "customer_payment_sources",
  "customer_subscriptions",
  "orders",
  "order_subscriptions",
];
const withChildren = [...owned, "returns", "sku_lists", "customer_password_resets"];

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
  Attachment: about("attachable_type", "attachable_id", ["orders", "returns", "sku_lists"]),
  CustomerPasswordReset: own,
  Event: about("resource_type", "resource_id", withChildren),
  EventCallback: `t."event_id" IN (SELECT e."id" FROM "events" e WHERE ${about("resource_type", "resource_id", withChildren).replaceAll("t.", "e.")})`,
  EventStore: `t."customer_id" = ${customer} OR ${about("resource_type", "resource_id", withChildren)}
    OR (t."resource_type" = 'addresses' AND t."resource_id" IN (SELECT t."id" FROM "addresses" t WHERE ${addresses}))
    OR (t."resource_type" = 'line_items' AND t."resource_id" IN (SELECT t."id" FROM "line_items" t WHERE ${of("orders", "order_id")}))
    OR (t."resource_type" = 'payment_sources' AND t."resource_id" IN (SELECT t."id" FROM "payment_sources" t WHERE ${paymentSources}))`,
};
