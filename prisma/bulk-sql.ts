// SQL statements of bulk.ts. `i` numbers customers, `k` the orders of one, `l` the lines of an order, and `n` the rows of a
// customer in another table. Values derive from hashes of these numbers, so every run generates the same rows.
import { columnOf, type ModelName, modelNamed, sqlType } from "../src/graph/model/datamodel.js";
import type { Row } from "./seed.js";

/** End of the generated time range (exclusive). */
const TODAY = "timestamptz '2026-10-31 00:00:00Z'";
const OPENING = "timestamptz '2023-01-01 00:00:00Z'";
/** Digest of `correct-horse-9`, the password of the demo shop. */
const PASSWORD_DIGEST = "$2b$10$0Pz/Tprk8Mxyr8dvNrQ5xujb13aYdjzYI3ki8VeKNsZRDscGrG0xi";

export const functions = [
  // Deterministic number from 0 to 1 for a key; another salt gives an independent one.
  `CREATE OR REPLACE FUNCTION pg_temp.roll(key bigint, salt int) RETURNS float8 LANGUAGE sql IMMUTABLE
     RETURN (hashint8extended(key, salt) & 2147483647) / 2147483648.0::float8`,
  // The tax in a price that includes it, or on one that does not.
  `CREATE OR REPLACE FUNCTION pg_temp.tax(cents int, rate float8, included bool) RETURNS int LANGUAGE sql IMMUTABLE
     RETURN round(CASE WHEN included THEN cents - cents / (1 + rate) ELSE cents * rate END)::int`,
];

const roll = (key: string, salt: number) => `pg_temp.roll(${key}, ${salt})`;
/** Picks one of some values; repeat a value to weight it. */
const oneOf = (values: string, count: number, key: string, salt: number) =>
  `(${values})[1 + floor(${roll(key, salt)} * ${count})]`;
const numbered = (prefix: string, digits: number, n: string) => `'${prefix}' || lpad((${n})::text, ${digits}, '0')`;
const when = (condition: string, value: string) => `CASE WHEN ${condition} THEN ${value} END`;

/** Inserts rows of a model in mode `test`, an expression for each field. */
function into<M extends ModelName>(name: M, fields: { [F in keyof Row<M>]?: string }, from: string): string {
  const model = modelNamed(name);
  const entries = Object.entries({ mode: "'test'", ...fields }) as [string, string][];
  const columns = entries.map(([field]) => columnOf(model, field).column);
  const values = entries.map(([field, value]) => {
    const column = columnOf(model, field);
    return column.enum ? `(${value})::${sqlType(column)}` : value;
  });
  return `INSERT INTO "${model.table}" ("${columns.join('", "')}") SELECT ${values.join(", ")} ${from}`;
}

const opened = { createdAt: OPENING, updatedAt: OPENING };
const sku = { id: numbered("sku_b", 3, "sku"), code: numbered("BULK-", 3, "sku"), name: "'Product ' || sku" };
const warehouse = {
  business: "true",
  company: "'Warehouse'",
  line1: "'Harbour 1'",
  city: "'Rotterdam'",
  zipCode: "'3011 AA'",
  countryCode: "'NL'",
};
const orderNumber = "(10000000 + i)::text || lpad(k::text, 2, '0')";

/** Rows that all generated customers share, independent of the demo shop. */
export const catalogue = [
  into(
    "CustomerGroup",
    { id: numbered("cgr_b", 2, "n"), name: "'Segment ' || n", code: "'bulk-' || n", ...opened },
    "FROM generate_series(1, 20) n",
  ),
  into("Tag", { id: numbered("tag_b", 2, "n"), name: "'bulk-' || n", ...opened }, "FROM generate_series(1, 30) n"),
  into("Sku", { ...sku, ...opened }, "FROM generate_series(1, 500) sku"),
  into(
    "PaymentMethod",
    {
      id: numbered("pmt_b", 2, "n"),
      name: "initcap(replace(kind::text, '_', ' '))",
      paymentSourceType: "kind",
      ...opened,
    },
    "FROM unnest(enum_range(NULL::payment_source_type)) WITH ORDINALITY AS kinds (kind, n)",
  ),
  into(
    "Market",
    {
      id: "'mkt_b_' || lower(currency)",
      name: "'Market ' || currency",
      code: "'bulk-' || lower(currency)",
      currencyCode: "currency",
      ...opened,
    },
    "FROM unnest('{EUR,USD,GBP,JPY}'::text[]) AS currencies (currency)",
  ),
  into("Address", { id: "'adr_b_stock'", ...warehouse, ...opened }, ""),
  into(
    "StockLocation",
    { id: "'slo_b01'", name: "'Warehouse'", code: "'bulk-1'", addressId: "'adr_b_stock'", ...opened },
    "",
  ),
].map((insert) => `${insert} ON CONFLICT DO NOTHING`);

/** Cities of customers: their percentage, with country, currency, tax rate and so on. */
const PLACES = `
  (SELECT sum(share) OVER (ORDER BY nr) - share AS low, sum(share) OVER (ORDER BY nr) AS high, places.* FROM (VALUES
    (1, 22, 'US', 'New York', '10013', 'NY', 'USD', 0.08875, false, 'en', '+1 212 555 01'),
    (2, 12, 'US', 'Portland', '97205', 'OR', 'USD', 0, false, 'en', '+1 503 555 01'),
    (3, 14, 'IT', 'Firenze', '50123', 'FI', 'EUR', 0.22, true, 'it', '+39 055 5550 1'),
    (4, 8, 'IT', 'Milano', '20154', 'MI', 'EUR', 0.22, true, 'it', '+39 02 5550 1'),
    (5, 14, 'DE', 'Köln', '50667', 'NW', 'EUR', 0.19, true, 'de', '+49 221 5550 1'),
    (6, 8, 'FR', 'Besançon', '25000', NULL, 'EUR', 0.2, true, 'fr', '+33 3 5550 01'),
    (7, 12, 'GB', 'London', 'SW1Y 4LB', NULL, 'GBP', 0.2, true, 'en', '+44 20 7946 01'),
    (8, 6, 'JP', '渋谷区', '150-0001', '13', 'JPY', 0.1, true, 'ja', '+81 3 5550 01'),
    (9, 4, 'BR', 'São Paulo', '01304-001', 'SP', 'USD', 0, false, 'pt', '+55 11 5550 01')
  ) AS places (nr, share, country, city, zip, state, currency, tax_rate, tax_included, language, phone))`;

const FIRST_NAMES = `'{
  Ada,Bruno,Carla,David,Elena,Felix,Giulia,Hana,Ivan,Julia,Kenji,Laura,Marco,Nina,Oscar,Paula,Quentin,Rosa,Sofia,Tom,
  Uma,Vera,Walter,Xenia,Yuki,Zoe,Anna,Ben,Clara,Emma,Frank,Grace,Henry,Ines,Jack,Lea,Mia,Noah,Olga,Peter}'::text[]`;
const LAST_NAMES = `'{
  Rossi,Bianchi,Ferrari,Müller,Groß,Schäfer,Weber,Smith,Jones,O’Neill,Brown,Taylor,Miller,Davis,García,Núñez,Silva,
  Conceição,Dubois,Lefèvre,Moreau,Yamada,Satō,Tanaka,佐藤,田中,Kowalski,Łukasz,Novák,Šimek,Nielsen,Åberg,Ødegård,
  Haddad,حداد,Petrova,Иванов,Yılmaz,Çelik,Nguyễn}'::text[]`;
const FREQUENCIES = "ARRAY['weekly', 'monthly', 'two-month', 'yearly']";

/** Statements that create temporary tables of random draws for a range of customers: `b_customers` and so on. */
export const draws = (from: number, to: number): Record<string, string> => ({
  // One customer in ten has no order. Of the others, one in k has k or more, but none more than 88: 4.6 on average.
  customers: `
    CREATE TEMP TABLE b_customers AS
    SELECT c.*, country, city, zip, state, currency, tax_rate, tax_included, language, phone,
           'cus_' || key AS id, lower(first_name) || '.' || i || '@example.com' AS email,
           CASE WHEN ${roll("i", 1)} < 0.1 THEN 0 ELSE least(88, floor(1 / (1 - ${roll("i", 2)})))::int END AS orders
    FROM (
      SELECT i, ${numbered("b", 7, "i")} AS key,
             ${oneOf(FIRST_NAMES, 40, "i", 3)} AS first_name, ${oneOf(LAST_NAMES, 40, "i", 4)} AS last_name,
             date_trunc('second', ${OPENING} + sqrt(${roll("i", 5)}) * interval '1365 days') AS created_at,
             ${roll("i", 6)} < 0.7 AS registered,
             -- The number of the payment method: half use Stripe.
             CASE WHEN ${roll("i", 7)} < 0.5 THEN 9 ELSE 1 + floor(${roll("i", 8)} * 10)::int END AS method
      FROM generate_series(${from}, ${to}) i
    ) c
    JOIN ${PLACES} p ON ${roll("i", 9)} * 100 >= p.low AND ${roll("i", 9)} * 100 < p.high`,

  // Orders spread over the time since the customer joined. Their status depends on their age; the last may still be a cart.
  orders: `
    CREATE TEMP TABLE b_orders AS
    SELECT o.*, o.key || '_' || lpad(k::text, 2, '0') AS order_key, placed, status, fulfilled,
           ${when("placed", "at + interval '9 minutes'")} AS placed_at,
           ${when("status = 'approved'", "at + interval '5 hours'")} AS approved_at,
           ${when("status = 'cancelled'", "at + interval '20 hours'")} AS cancelled_at,
           ${when("fulfilled", "at + interval '4 days'")} AS fulfilled_at,
           ${when(`fulfilled AND age > interval '1 year' AND ${roll("r", 15)} < 0.3`, "at + interval '300 days'")}
             AS archived_at,
           CASE WHEN status = 'draft' THEN 0
                ELSE ${oneOf("ARRAY[1, 1, 1, 1, 1, 2, 2, 2, 3, 4]", 10, "r", 16)} END AS lines,
           status <> 'draft' AND ${roll("r", 17)} < 0.05 AS promoted,
           recurring AND k > 1 AND placed AS generated
    FROM (
      SELECT c.*, k, r, registered AND orders >= 3 AND ${roll("i", 12)} < 0.08 AS recurring,
             date_trunc('second', created_at + (${TODAY} - created_at) * (k - 1 + 0.99 * ${roll("r", 11)}) / orders)
               AS at
      FROM b_customers c, generate_series(1, c.orders) k, LATERAL (SELECT i::bigint * 100 + k AS r) r
    ) o,
    LATERAL (SELECT ${TODAY} - at AS age, k = orders AND ${roll("r", 13)} < 0.12 AS cart, ${roll("r", 14)} AS fate) d,
    LATERAL (SELECT CASE WHEN cart AND fate < 0.3 THEN 'draft'
                         WHEN cart THEN 'pending'
                         WHEN fate < 0.05 AND age > interval '1 day' THEN 'cancelled'
                         WHEN age < interval '2 days' THEN 'placed'
                         WHEN fate > 0.998 THEN 'editing'
                         ELSE 'approved' END AS status) s,
    LATERAL (SELECT NOT cart AS placed, status = 'approved' AND age > interval '6 days' AS fulfilled) f`,

  // A few products make most of the sales. A product costs the same number of units in every currency.
  goods: `
    CREATE TEMP TABLE b_goods AS
    SELECT order_key, l, sku, quantity, unit, total, pg_temp.tax(total, tax_rate, tax_included) AS tax
    FROM (
      SELECT o.order_key, l, tax_rate, tax_included, 1 + floor(500 * ${roll("r * 10 + l", 21)} ^ 2)::int AS sku,
             ${oneOf("ARRAY[1, 1, 1, 1, 1, 1, 1, 2, 2, 3]", 10, "r * 10 + l", 22)} AS quantity
      FROM b_orders o, generate_series(1, o.lines) l
    ) g,
    LATERAL (SELECT 500 + 10 * floor(${roll("sku", 23)} ^ 2 * 950)::int AS unit) u,
    LATERAL (SELECT quantity * unit AS total) t`,

  amounts: `
    CREATE TEMP TABLE b_amounts AS
    SELECT o.*, skus, subtotal, shipping, discount, discount_tax, goods_tax + discount_tax AS tax,
           subtotal + shipping + discount AS total, subtotal - CASE WHEN tax_included THEN goods_tax ELSE 0 END AS net
    FROM b_orders o
    LEFT JOIN (SELECT order_key, sum(quantity) AS quantities, sum(total) AS totals, sum(tax) AS taxes
               FROM b_goods GROUP BY 1) g USING (order_key),
    LATERAL (SELECT coalesce(quantities, 0)::int AS skus, coalesce(totals, 0)::int AS subtotal,
                    coalesce(taxes, 0)::int AS goods_tax) s,
    LATERAL (SELECT CASE WHEN placed AND subtotal < 4000 THEN 590 ELSE 0 END AS shipping,
                    CASE WHEN promoted THEN -round(subtotal * 0.1)::int ELSE 0 END AS discount) a,
    LATERAL (SELECT pg_temp.tax(discount, tax_rate, tax_included) AS discount_tax) t`,

  // The first line of one fulfilled order in twenty-five is returned. The status of the return depends on its age.
  returns: `
    CREATE TEMP TABLE b_returns AS
    SELECT o.key, order_key, i, k, o.id, email, currency, sku, quantity, total, back, reached,
           CASE WHEN reached = 3 AND ${roll("r", 112)} < 0.1 THEN 'rejected'
                ELSE (ARRAY['requested', 'approved', 'shipped', 'refunded'])[1 + reached] END AS status
    FROM b_orders o JOIN b_goods USING (order_key),
    LATERAL (SELECT fulfilled_at + (1 + 4 * ${roll("r", 113)}) * interval '1 day' AS back) b,
    LATERAL (SELECT ${TODAY} - back AS age) a,
    LATERAL (SELECT (age > interval '1 day')::int + (age > interval '3 days')::int + (age > interval '10 days')::int
               AS reached) p
    WHERE fulfilled AND l = 1 AND back < ${TODAY} AND ${roll("r", 111)} < 0.04`,
});

/** Number of addresses in a customer's address book. */
const BOOK = `CASE WHEN ${roll("i", 57)} < 0.05 THEN 0 WHEN ${roll("i", 57)} < 0.65 THEN 1
                   WHEN ${roll("i", 57)} < 0.95 THEN 2 ELSE 3 END`;
/** Number of payment sources of a customer with orders; registered customers have them in their wallets. */
const SOURCES = `CASE WHEN orders = 0 THEN 0 WHEN ${roll("i", 35)} < 0.75 THEN 1 ELSE 2 END`;
const CARD = `
  CASE WHEN method IN (1, 2, 3, 4, 9) THEN jsonb_build_object(
    'issuer_type', 'credit card',
    'card_type', CASE WHEN ${roll("c", 31)} < 0.6 THEN 'visa' ELSE 'mastercard' END,
    'card_last_digits', lpad(floor(${roll("c", 32)} * 10000)::text, 4, '0'),
    'card_expiry_month', (1 + floor(${roll("c", 33)} * 12))::text,
    'card_expiry_year', (2027 + floor(${roll("c", 34)} * 5))::text,
    'card_holder_name', first_name || ' ' || last_name) END`;
const STAFF = `'{"id": "usr_b01", "first_name": "Vera", "last_name": "Support", "email": "vera@example.com"}'::jsonb`;
const SHOP = `'{"application": {"id": "app_storefront", "kind": "sales_channel", "public": true}}'`;

const joined = { createdAt: "created_at", updatedAt: "created_at" };
const ordered = { createdAt: "at", updatedAt: "at" };
const erasure = `${roll("i", 44)} < 0.002`;
const erasureEnd = `${TODAY} - interval '19 days'`;
const lineOfOrder = { currencyCode: "currency", orderId: "'ord_' || order_key", ...ordered };

/** INSERT statements from these tables, in order. */
export const inserts: Record<string, string> = {
  accounts: into(
    "Customer",
    {
      id: "c.id",
      email: "email",
      passwordDigest: when("registered", `'${PASSWORD_DIGEST}'`),
      totalOrdersCount: "coalesce(placed, 0)",
      shopperReference: "'shopper-' || key",
      profileId: "'profile-' || key",
      customerGroupId: when(`${roll("i", 41)} < 0.2`, numbered("cgr_b", 2, `1 + floor(${roll("i", 42)} * 20)`)),
      anonymizationStatus: when(erasure, "'cancelled'"),
      anonymizationRequestedAt: when(erasure, `${TODAY} - interval '20 days'`),
      anonymizationCancelledAt: when(erasure, erasureEnd),
      anonymizationRequester: when(erasure, STAFF),
      anonymizationCancellationRequester: when(erasure, STAFF),
      reference: when(`${roll("i", 43)} < 0.5`, "'CRM-' || i"),
      referenceOrigin: when(`${roll("i", 43)} < 0.5`, "'crm'"),
      metadata: "jsonb_build_object('first_name', first_name, 'last_name', last_name, 'language', language)",
      createdAt: "created_at",
      updatedAt: `greatest(created_at, last_placed_at, ${when(erasure, erasureEnd)})`,
    },
    `FROM b_customers c
     LEFT JOIN (SELECT id, count(*)::int AS placed, max(placed_at) AS last_placed_at
                FROM b_orders WHERE placed GROUP BY 1) o USING (id)`,
  ),

  // Address books, and the copies of orders: one for the first order, another for all later ones.
  addresses: into(
    "Address",
    {
      id: "'adr_' || key || '_' || part",
      business: "business",
      firstName: "first_name",
      lastName: "last_name",
      company: when("business", "last_name || ' & Co.'"),
      line1: `(1 + floor(${roll("a", 52)} * 200)) || ' Station Road'`,
      city: "city",
      zipCode: "zip",
      stateCode: "state",
      countryCode: "country",
      phone: `phone || lpad(floor(${roll("a", 53)} * 100)::text, 2, '0')`,
      billingInfo: when("business", "'VAT' || lpad(i::text, 9, '0')"),
      reference: when("in_book", "'cad_' || key || '_' || part"),
      lat: when("localized", `40 + 10 * ${roll("a", 54)}`),
      lng: when("localized", `-5 + 20 * ${roll("a", 55)}`),
      ...joined,
    },
    `FROM (
       SELECT c.*, n::text AS part, true AS in_book, i::bigint * 10 + n AS a
       FROM b_customers c, generate_series(1, (${BOOK})) n
       UNION ALL
       SELECT c.*, 'o' || n, false, i::bigint * 10 + n FROM b_customers c, generate_series(1, least(orders, 2)) n
     ) x,
     LATERAL (SELECT ${roll("a", 51)} < 0.08 AS business, ${roll("a", 56)} < 0.2 AS localized) b`,
  ),
  "address books": into(
    "CustomerAddress",
    {
      id: "'cad_' || key || '_' || n",
      customerId: "id",
      addressId: "'adr_' || key || '_' || n",
      createdAt: "created_at + n * interval '1 minute'",
      updatedAt: "created_at + n * interval '1 minute'",
    },
    `FROM b_customers, generate_series(1, (${BOOK})) n`,
  ),

  "payment sources": into(
    "PaymentSource",
    {
      id: "'pso_' || key || '_' || n",
      kind: "(enum_range(NULL::payment_source_type))[method]",
      paymentInstrument: CARD,
      ...joined,
    },
    `FROM b_customers, generate_series(1, (${SOURCES})) n, LATERAL (SELECT i::bigint * 10 + n AS c) c`,
  ),
  wallets: into(
    "CustomerPaymentSource",
    {
      id: "'cps_' || key || '_' || n",
      customerId: "id",
      paymentMethodId: numbered("pmt_b", 2, "method"),
      paymentSourceId: "'pso_' || key || '_' || n",
      customerToken: "'customer-' || key",
      paymentSourceToken: "'source-' || key || '-' || n",
      createdAt: "created_at + n * interval '1 hour'",
      updatedAt: "created_at + n * interval '1 hour'",
    },
    `FROM b_customers, generate_series(1, (${SOURCES})) n WHERE registered`,
  ),
  newsletters: into(
    "CustomerSubscription",
    { id: "'csu_' || key", reference: "'newsletter'", customerId: "id", ...joined },
    `FROM b_customers WHERE ${roll("i", 61)} < 0.35`,
  ),

  // Orders and recurring orders refer to each other, so one statement inserts into both tables.
  orders: `WITH recurring AS (${into(
    "OrderSubscription",
    {
      id: "'osu_' || min(key)",
      number: "(10000000 + i)::text",
      status: "CASE WHEN active THEN 'active' ELSE 'cancelled' END",
      frequency: `(${FREQUENCIES})[1 + i % 4]`,
      customerEmail: "min(email)",
      startsAt: "min(placed_at)",
      lastRunAt: "max(placed_at) FILTER (WHERE generated)",
      nextRunAt: when("active", `${TODAY} + (1 + i % 28) * interval '1 day'`),
      occurrencies: "count(*) FILTER (WHERE generated)",
      succeededOnLastRun: when("bool_or(generated)", `${roll("i", 72)} < 0.97`),
      marketId: "'mkt_b_' || lower(min(currency))",
      sourceOrderId: "'ord_' || min(order_key)",
      customerId: "min(id)",
      customerPaymentSourceId: "'cps_' || min(key) || '_1'",
      createdAt: "min(placed_at)",
      updatedAt: "max(placed_at)",
    },
    `FROM b_orders, LATERAL (SELECT ${roll("i", 71)} < 0.7 AS active) a
     WHERE recurring AND placed GROUP BY i, active`,
  )}) ${into(
    "Order",
    {
      id: "'ord_' || order_key",
      number: orderNumber,
      status: "status",
      paymentStatus: `CASE WHEN NOT placed THEN 'unpaid'
        WHEN status IN ('placed', 'editing') THEN 'authorized'
        WHEN status = 'cancelled' THEN 'voided'
        WHEN order_key IN (SELECT order_key FROM b_returns WHERE status = 'refunded') THEN 'partially_refunded'
        ELSE 'paid' END`,
      fulfillmentStatus: `CASE WHEN fulfilled THEN 'fulfilled'
        WHEN status = 'approved' THEN 'in_progress' ELSE 'unfulfilled' END`,
      guest: "placed AND NOT registered",
      customerEmail: "email",
      customerType: when("placed", "CASE WHEN k = 1 THEN 'new' ELSE 'returning' END"),
      languageCode: "language",
      currencyCode: "currency",
      taxIncluded: "tax_included",
      taxRate: "tax_rate",
      countryCode: "country",
      couponCode: when("promoted", "'SAVE10'"),
      subtotalAmountCents: "subtotal",
      shippingAmountCents: "shipping",
      discountAmountCents: "discount",
      totalTaxAmountCents: "tax",
      subtotalTaxAmountCents: "tax",
      totalAmountCents: "total",
      totalTaxableAmountCents: "net",
      subtotalTaxableAmountCents: "net",
      placeTotalAmountCents: "CASE WHEN NOT placed THEN 0 WHEN tax_included THEN total ELSE total + tax END",
      skusCount: "skus",
      shipmentsCount: "(placed AND shipping > 0)::int",
      token: "md5(order_key)",
      placedAt: "placed_at",
      approvedAt: "approved_at",
      cancelledAt: "cancelled_at",
      paymentUpdatedAt: "coalesce(cancelled_at, approved_at)",
      fulfillmentUpdatedAt: "fulfilled_at",
      archivedAt: "archived_at",
      subscriptionCreatedAt: when("recurring AND k = 1", "placed_at"),
      marketId: "'mkt_b_' || lower(currency)",
      customerId: "id",
      shippingAddressId: "'adr_' || key || '_o' || least(k, 2)",
      billingAddressId: "'adr_' || key || '_o1'",
      paymentMethodId: when("placed", numbered("pmt_b", 2, "method")),
      paymentSourceId: when("placed", "'pso_' || key || '_1'"),
      orderSubscriptionId: when("generated", "'osu_' || key"),
      reference: when(`${roll("r", 82)} < 0.1`, "'PO-' || r"),
      referenceOrigin: when(`${roll("r", 82)} < 0.1`, "'erp'"),
      metadata: `CASE WHEN ${roll("r", 83)} < 0.1
        THEN jsonb_build_object('channel', (ARRAY['app', 'shop', 'phone'])[1 + k % 3]) ELSE '{}' END`,
      createdAt: "at",
      updatedAt: "greatest(at, placed_at, approved_at, cancelled_at, fulfilled_at, archived_at)",
    },
    "FROM b_amounts",
  )}`,

  goods: into(
    "LineItem",
    {
      id: "'lin_' || order_key || '_' || l",
      itemType: "'skus'",
      skuId: sku.id,
      skuCode: sku.code,
      name: sku.name,
      quantity: "quantity",
      unitAmountCents: "unit",
      totalAmountCents: "total",
      taxAmountCents: "tax",
      taxRate: "tax_rate",
      frequency: when("recurring AND k = 1", `(${FREQUENCIES})[1 + i % 4]`),
      ...lineOfOrder,
    },
    "FROM b_goods JOIN b_orders USING (order_key)",
  ),
  "shipping lines": into(
    "LineItem",
    {
      id: "'lin_' || order_key || '_s'",
      itemType: "'shipments'",
      name: "'Standard shipping'",
      quantity: "1",
      unitAmountCents: "shipping",
      totalAmountCents: "shipping",
      ...lineOfOrder,
    },
    "FROM b_amounts WHERE shipping > 0",
  ),
  "discount lines": into(
    "LineItem",
    {
      id: "'lin_' || order_key || '_d'",
      itemType: "'percentage_discount_promotions'",
      name: "'10% off'",
      couponCode: "'SAVE10'",
      quantity: "1",
      unitAmountCents: "discount",
      totalAmountCents: "discount",
      taxAmountCents: "discount_tax",
      taxRate: "tax_rate",
      ...lineOfOrder,
    },
    "FROM b_amounts WHERE discount < 0",
  ),
  "items of recurring orders": into(
    "OrderSubscriptionItem",
    {
      id: "'osi_' || key || '_' || l",
      itemType: "'skus'",
      skuCode: sku.code,
      quantity: "quantity",
      currencyCode: "currency",
      unitAmountCents: "unit",
      orderSubscriptionId: "'osu_' || key",
      sourceLineItemId: "'lin_' || order_key || '_' || l",
      ...ordered,
    },
    "FROM b_goods JOIN b_orders USING (order_key) WHERE recurring AND k = 1",
  ),

  "addresses of returns": into(
    "Address",
    { id: "'adr_' || order_key || '_r'", ...warehouse, createdAt: "back", updatedAt: "back" },
    "FROM b_returns",
  ),
  returns: into(
    "Return",
    {
      id: "'ret_' || order_key",
      number: `'#' || ${orderNumber} || '/R/001'`,
      status: "status",
      customerEmail: "email",
      skusCount: "quantity",
      currencyCode: "currency",
      approvedAt: when("reached >= 1", "back + interval '1 day'"),
      shippedAt: when("reached >= 2", "back + interval '3 days'"),
      receivedAt: when("status = 'refunded'", "back + interval '8 days'"),
      rejectedAt: when("status = 'rejected'", "back + interval '10 days'"),
      refundedAt: when("status = 'refunded'", "back + interval '10 days'"),
      estimatedRefundAmountCents: "total",
      orderId: "'ord_' || order_key",
      customerId: "id",
      stockLocationId: "'slo_b01'",
      originAddressId: "'adr_' || key || '_o' || least(k, 2)",
      destinationAddressId: "'adr_' || order_key || '_r'",
      createdAt: "back",
      updatedAt: "back + (ARRAY[0, 1, 3, 10])[1 + reached] * interval '1 day'",
    },
    "FROM b_returns",
  ),
  "return line items": into(
    "ReturnLineItem",
    {
      id: "'rli_' || order_key || '_1'",
      skuCode: sku.code,
      name: sku.name,
      quantity: "quantity",
      currencyCode: "currency",
      totalAmountCents: "total",
      returnReason: `'{"size": "was wrong"}'`,
      restockedAt: when("status = 'refunded'", "back + interval '9 days'"),
      returnId: "'ret_' || order_key",
      lineItemId: "'lin_' || order_key || '_1'",
      createdAt: "back",
      updatedAt: "back",
    },
    "FROM b_returns",
  ),

  "sku lists": into(
    "SkuList",
    { id: "'skl_' || key", name: "'Wish list'", slug: "'wish-list-' || key", customerId: "id", ...joined },
    `FROM b_customers WHERE ${roll("i", 91)} < 0.05`,
  ),
  "sku list items": into(
    "SkuListItem",
    {
      id: "'sli_' || key || '_' || n",
      position: "n",
      skuCode: sku.code,
      skuId: sku.id,
      skuListId: "'skl_' || key",
      ...joined,
    },
    `FROM b_customers, generate_series(1, 3) n, LATERAL (SELECT 1 + (i * 7 + n * 131) % 500 AS sku) s
     WHERE ${roll("i", 91)} < 0.05`,
  ),

  "customer tags": `
    INSERT INTO customer_tags (customer_id, tag_id)
    SELECT id, ${numbered("tag_b", 2, `1 + (floor(30 * ${roll("i", 101)} ^ 2)::int + n * 7) % 30`)}
    FROM b_customers, generate_series(1, ${oneOf("ARRAY[0, 0, 0, 0, 0, 1, 1, 1, 2, 4]", 10, "i", 102)}) n`,
  "order tags": `
    INSERT INTO order_tags (order_id, tag_id)
    SELECT 'ord_' || order_key, ${numbered("tag_b", 2, "1 + r % 30")} FROM b_orders WHERE ${roll("r", 103)} < 0.05`,

  files: into(
    "Attachment",
    {
      id: "'att_' || key",
      name: "'Contract'",
      url: "'https://files.example.com/' || key || '.pdf'",
      attachableType: "'customers'",
      attachableId: "id",
      ...joined,
    },
    `FROM b_customers WHERE ${roll("i", 104)} < 0.015`,
  ),
  notes: into(
    "Attachment",
    {
      id: "'att_' || key || '_note'",
      name: "'Note'",
      description: "'Prefers to be called.'",
      referenceOrigin: "'app-orders--note'",
      attachableType: "'customers'",
      attachableId: "id",
      ...joined,
    },
    `FROM b_customers WHERE ${roll("i", 105)} < 0.015`,
  ),
  events: into(
    "Event",
    { id: "'evt_' || key", name: "'customers.create'", resourceType: "'customers'", resourceId: "id", ...joined },
    "FROM b_customers",
  ),
  "audit trail": into(
    "EventStore",
    {
      id: "'est_' || key",
      resourceType: "'customers'",
      resourceId: "id",
      event: "'create'",
      payload: "jsonb_build_object('email', jsonb_build_object('from', NULL, 'to', email))",
      who: SHOP,
      ...joined,
    },
    "FROM b_customers",
  ),
};

/** Queries for rows of generated customers whose stored counts differ from the actual ones. */
export function wrongCounts(from: number, to: number): string[] {
  const key = (i: number) => `b${String(i).padStart(7, "0")}`;
  const inRange = (column: string, prefix: string) =>
    `${column} BETWEEN '${prefix}_${key(from)}' AND '${prefix}_${key(to)}_99'`;
  return [
    `SELECT FROM customers
     LEFT JOIN (SELECT customer_id AS id, count(placed_at) AS placed
                FROM orders WHERE ${inRange("customer_id", "cus")} GROUP BY 1) o USING (id)
     WHERE ${inRange("id", "cus")} AND total_orders_count <> coalesce(placed, 0)`,
    `SELECT FROM orders
     LEFT JOIN (SELECT order_id AS id, sum(quantity) FILTER (WHERE item_type = 'skus') AS skus,
                       sum(total_amount_cents) AS total, sum(tax_amount_cents) AS tax
                FROM line_items WHERE ${inRange("order_id", "ord")} GROUP BY 1) l USING (id)
     WHERE ${inRange("id", "ord")} AND (skus_count <> coalesce(skus, 0) OR total_amount_cents <> coalesce(total, 0)
                                    OR total_tax_amount_cents <> coalesce(tax, 0))`,
    `SELECT FROM returns
     LEFT JOIN (SELECT return_id AS id, sum(quantity) AS skus, sum(total_amount_cents) AS refund
                FROM return_line_items WHERE ${inRange("return_id", "ret")} GROUP BY 1) l USING (id)
     WHERE ${inRange("id", "ret")} AND (skus_count <> coalesce(skus, 0)
                                    OR estimated_refund_amount_cents <> coalesce(refund, 0))`,
  ];
}
