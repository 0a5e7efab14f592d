// Fastify and Mercurius with its JIT, and a loader a relation over pg: one statement a batch, limited per parent in SQL
// and prepared by name.
import Fastify from "fastify";
import { GraphQLScalarType } from "graphql";
import mercurius from "mercurius";
import pg from "pg";
import { addTags } from "./add-tags.mjs";

const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: Number(process.env.POOL_SIZE ?? 8),
});

const schema = `
  scalar DateTime

  enum CustomerStatus { PROSPECT ACQUIRED REPEAT }
  enum OrderStatus { DRAFT PENDING PLACING PLACED EDITING APPROVED CANCELLED }
  enum OrderPaymentStatus {
    UNPAID AUTHORIZED PARTIALLY_AUTHORIZED PAID PARTIALLY_PAID VOIDED PARTIALLY_VOIDED REFUNDED PARTIALLY_REFUNDED FREE
  }
  enum OrderFulfillmentStatus { UNFULFILLED IN_PROGRESS FULFILLED NOT_REQUIRED }
  enum ReturnStatus { DRAFT REQUESTED APPROVED CANCELLED SHIPPED REJECTED RECEIVED REFUNDED }

  type Customer {
    id: ID!
    email: String!
    status: CustomerStatus!
    hasPassword: Boolean!
    totalOrdersCount: Int!
    shopperReference: String!
    profileId: String!
    taxExemptionCode: String
    reference: String
    referenceOrigin: String
    createdAt: DateTime!
    updatedAt: DateTime!
    customerGroup: CustomerGroup
    customerAddresses(first: Int! = 20): [CustomerAddress!]!
    customerPaymentSources(first: Int! = 20): [CustomerPaymentSource!]!
    orders(first: Int! = 20): [Order!]!
    returns(first: Int! = 20): [Return!]!
    tags: [Tag!]!
  }
  type CustomerGroup { id: ID! name: String! code: String }
  type CustomerAddress { id: ID! address: Address! }
  type Address { id: ID! line1: String! city: String! zipCode: String countryCode: String! phone: String }
  type CustomerPaymentSource { id: ID! paymentMethod: PaymentMethod }
  type PaymentMethod { id: ID! name: String! }
  type Order {
    id: ID!
    number: String!
    status: OrderStatus!
    paymentStatus: OrderPaymentStatus!
    fulfillmentStatus: OrderFulfillmentStatus!
    currencyCode: String
    totalAmountWithTaxesCents: Int!
    placedAt: DateTime
    lineItems(first: Int! = 20): [LineItem!]!
    customer: Customer
  }
  type LineItem {
    id: ID!
    skuCode: String
    name: String
    quantity: Int!
    unitAmountCents: Int
    totalAmountCents: Int!
    order: Order!
  }
  type Return { id: ID! number: String! status: ReturnStatus! createdAt: DateTime! }
  type Tag { id: ID! name: String! }

  type CustomerConnection { totalCount: Int! nodes: [Customer!]! }
  input Place { createdAt: DateTime! id: ID! }

  type Query {
    customer(id: ID!): Customer
    "The newest first, after a place in that order."
    customers(first: Int! = 20, after: Place): [Customer!]!
    "Those who ordered most first."
    customersByStatus(status: CustomerStatus!, first: Int! = 20): CustomerConnection!
  }
  type Mutation {
    addTags(id: ID!, names: [String!]!): Customer
  }
`;

const DateTime = new GraphQLScalarType({
  name: "DateTime",
  serialize: (date) => date.toISOString(),
  parseValue: (text) => new Date(text),
});

// The schema's enum values are the database's in capitals.
const COLUMNS = {
  customers: `c.id, c.email, upper(c.status::text) AS status, c.has_password AS "hasPassword", c.total_orders_count AS "totalOrdersCount",
    c.shopper_reference AS "shopperReference", c.profile_id AS "profileId", c.tax_exemption_code AS "taxExemptionCode",
    c.reference, c.reference_origin AS "referenceOrigin", c.created_at AS "createdAt", c.updated_at AS "updatedAt",
    c.customer_group_id AS "customerGroupId"`,
  orders: `o.id, o.number, upper(o.status::text) AS status, upper(o.payment_status::text) AS "paymentStatus",
    upper(o.fulfillment_status::text) AS "fulfillmentStatus", o.currency_code AS "currencyCode", o.total_amount_with_taxes_cents AS "totalAmountWithTaxesCents",
    o.placed_at AS "placedAt", o.customer_id AS "customerId"`,
};

/** Statements by the name that they are prepared under. Those of loaders take the parents' ids, and a limit where there is one. */
const STATEMENTS = {
  customer: `SELECT ${COLUMNS.customers} FROM customers c WHERE id = $1 AND mode = 'test'`,
  customers: `SELECT ${COLUMNS.customers} FROM customers c WHERE mode = 'test'
    ORDER BY created_at DESC, id DESC LIMIT $1`,
  customers_after: `SELECT ${COLUMNS.customers} FROM customers c WHERE mode = 'test' AND (created_at, id) < ($2, $3)
    ORDER BY created_at DESC, id DESC LIMIT $1`,
  customers_by_status: `SELECT ${COLUMNS.customers} FROM customers c WHERE mode = 'test' AND status = $2
    ORDER BY total_orders_count DESC, id DESC LIMIT $1`,
  count_by_status: `SELECT count(*)::int AS count FROM customers WHERE mode = 'test' AND status = $1`,

  group_by_id: `SELECT id, name, code FROM customer_groups WHERE id = ANY ($1)`,
  address_by_id: `SELECT id, line_1 AS line1, city, zip_code AS "zipCode", country_code AS "countryCode", phone
    FROM addresses WHERE id = ANY ($1)`,
  payment_method_by_id: `SELECT id, name FROM payment_methods WHERE id = ANY ($1)`,
  customer_by_id: `SELECT ${COLUMNS.customers} FROM customers c WHERE id = ANY ($1)`,
  order_by_id: `SELECT ${COLUMNS.orders} FROM orders o WHERE id = ANY ($1)`,

  addresses_of_customer: `SELECT a.* FROM unnest($1::text[]) AS parent (id), LATERAL (
    SELECT id, customer_id AS parent, address_id AS "addressId" FROM customer_addresses WHERE customer_id = parent.id
    ORDER BY created_at DESC, id DESC LIMIT $2) a`,
  payment_sources_of_customer: `SELECT s.* FROM unnest($1::text[]) AS parent (id), LATERAL (
    SELECT id, customer_id AS parent, payment_method_id AS "paymentMethodId" FROM customer_payment_sources
    WHERE customer_id = parent.id ORDER BY created_at DESC, id DESC LIMIT $2) s`,
  orders_of_customer: `SELECT o.* FROM unnest($1::text[]) AS parent (id), LATERAL (
    SELECT ${COLUMNS.orders}, customer_id AS parent FROM orders o WHERE customer_id = parent.id
    ORDER BY placed_at DESC, created_at DESC, id DESC LIMIT $2) o`,
  returns_of_customer: `SELECT r.* FROM unnest($1::text[]) AS parent (id), LATERAL (
    SELECT id, customer_id AS parent, number, upper(status::text) AS status, created_at AS "createdAt"
    FROM returns
    WHERE customer_id = parent.id ORDER BY created_at DESC, id DESC LIMIT $2) r`,
  line_items_of_order: `SELECT l.* FROM unnest($1::text[]) AS parent (id), LATERAL (
    SELECT id, order_id AS parent, sku_code AS "skuCode", name, quantity, unit_amount_cents AS "unitAmountCents",
      total_amount_cents AS "totalAmountCents", order_id AS "orderId" FROM line_items
    WHERE order_id = parent.id ORDER BY created_at, id LIMIT $2) l`,
  tags_of_customer: `SELECT link.customer_id AS parent, tag.id, tag.name
    FROM customer_tags link JOIN tags tag ON tag.id = link.tag_id WHERE link.customer_id = ANY ($1)
    ORDER BY tag.name`,
};

async function query(name, values) {
  const { rows } = await pool.query({ name, text: STATEMENTS[name], values });
  return rows;
}

/** The loader of a to-one relation: the rows of the distinct ids in column `key` of the parents. */
const one = (statement, key) => async (queries) => {
  const ids = new Set();
  for (const { obj } of queries) if (obj[key] !== null) ids.add(obj[key]);
  if (ids.size === 0) return queries.map(() => null);
  const byId = new Map((await query(statement, [[...ids]])).map((row) => [row.id, row]));
  return queries.map(({ obj }) => byId.get(obj[key]) ?? null);
};

/** The loader of a to-many relation: one statement for each limit that is asked for, which is one as a rule. */
const many = (statement) => async (queries) => {
  const limits = new Set(queries.map(({ params }) => params.first));
  const found = await Promise.all(
    [...limits].map(async (limit) => {
      const ids = new Set();
      for (const { obj, params } of queries) if (params.first === limit) ids.add(obj.id);
      const values = limit === undefined ? [[...ids]] : [[...ids], limit];
      return [limit, groupByParent(await query(statement, values))];
    }),
  );
  const byLimit = new Map(found);
  return queries.map(({ obj, params }) => byLimit.get(params.first).get(obj.id) ?? []);
};

function groupByParent(rows) {
  const groups = new Map();
  for (const row of rows) {
    const group = groups.get(row.parent);
    if (group) group.push(row);
    else groups.set(row.parent, [row]);
  }
  return groups;
}

const resolvers = {
  DateTime,
  Query: {
    customer: async (_, { id }) => (await query("customer", [id]))[0] ?? null,
    customers: (_, { first, after }) =>
      after ? query("customers_after", [first, after.createdAt, after.id]) : query("customers", [first]),
    customersByStatus: (_, { status, first }) => ({ status: status.toLowerCase(), first }),
  },
  CustomerConnection: {
    totalCount: async ({ status }) => (await query("count_by_status", [status]))[0].count,
    nodes: ({ status, first }) => query("customers_by_status", [first, status]),
  },
  Mutation: {
    async addTags(_, { id, names }) {
      const client = await pool.connect();
      try {
        await client.query("BEGIN");
        await addTags(async (name, text, values) => (await client.query({ name, text, values })).rows, id, names);
        await client.query("COMMIT");
      } catch (error) {
        await client.query("ROLLBACK");
        throw error;
      } finally {
        client.release();
      }
      return (await query("customer", [id]))[0] ?? null;
    },
  },
};

const loaders = {
  Customer: {
    customerGroup: one("group_by_id", "customerGroupId"),
    customerAddresses: many("addresses_of_customer"),
    customerPaymentSources: many("payment_sources_of_customer"),
    orders: many("orders_of_customer"),
    returns: many("returns_of_customer"),
    tags: many("tags_of_customer"),
  },
  CustomerAddress: { address: one("address_by_id", "addressId") },
  CustomerPaymentSource: { paymentMethod: one("payment_method_by_id", "paymentMethodId") },
  Order: { lineItems: many("line_items_of_order"), customer: one("customer_by_id", "customerId") },
  LineItem: { order: one("order_by_id", "orderId") },
};

const app = Fastify({ logger: false });
app.register(mercurius, { schema, resolvers, loaders, jit: 1, graphiql: false });
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
console.log("ready");

process.once("SIGTERM", () => process.exit());
