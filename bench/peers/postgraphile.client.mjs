import { query } from "./project.client.mjs";

export const path = "/graphql";
export const environment = () => ({ GRAPHILE_ENV: "production" });

const scalars = `id: rowId email status hasPassword totalOrdersCount shopperReference profileId taxExemptionCode
  reference referenceOrigin createdAt updatedAt`;
const group = "customerGroup: customerGroupByCustomerGroupId { id: rowId name code }";
const tags = "tags: customerTagsByCustomerId(orderBy: TAG_NAME_ASC) { nodes { tag: tagByTagId { id: rowId name } } }";
const orders = "orders: ordersByCustomerId(first: 5, orderBy: [PLACED_AT_DESC, CREATED_AT_DESC, PRIMARY_KEY_DESC])";
const lineItems = "lineItems: lineItemsByOrderId";

const relations = `${group}
  customerAddresses: customerAddressesByCustomerId(first: 10, orderBy: [CREATED_AT_DESC, PRIMARY_KEY_DESC]) { nodes {
    id: rowId address: addressByAddressId { id: rowId line1 city zipCode countryCode phone }
  } }
  customerPaymentSources: customerPaymentSourcesByCustomerId(first: 10, orderBy: [CREATED_AT_DESC, PRIMARY_KEY_DESC]) {
    nodes { id: rowId paymentMethod: paymentMethodByPaymentMethodId { id: rowId name } }
  }
  ${orders} { nodes {
    id: rowId number status paymentStatus fulfillmentStatus currencyCode totalAmountWithTaxesCents placedAt
    ${lineItems}(first: 20, orderBy: [CREATED_AT_ASC, PRIMARY_KEY_ASC]) { nodes {
      id: rowId skuCode name quantity unitAmountCents totalAmountCents
    } }
  } }
  returns: returnsByCustomerId(first: 5, orderBy: [CREATED_AT_DESC, PRIMARY_KEY_DESC]) { nodes {
    id: rowId number status createdAt
  } }
  ${tags}`;

/** PostGraphile's own cursors, which hold the place itself behind a digest of the order. It is asked for the digest once. */
let digest;
const cursor = ({ createdAt, id }) => Buffer.from(JSON.stringify([digest, createdAt, id])).toString("base64");

const list = (first, fields) => `query ($first: Int = ${first}, $after: Cursor) {
  allCustomers(first: $first, after: $after, condition: { mode: test }, orderBy: [CREATED_AT_DESC, PRIMARY_KEY_DESC]) {
    ${fields}
  }
}`;

export async function prepare({ request }) {
  const { data } = await request({ body: JSON.stringify({ query: list(1, "edges { cursor }") }) });
  const text = Buffer.from(data.allCustomers.edges[0].cursor, "base64").toString();
  [digest] = JSON.parse(text);
}

const upper = (text) => text.toUpperCase();
const time = (text) => text && new Date(text).toISOString();
const customer = (row) => ({
  ...row,
  status: upper(row.status),
  createdAt: time(row.createdAt),
  ...(row.updatedAt && { updatedAt: time(row.updatedAt) }),
});
const tagged = (row) => ({ ...row, tags: row.tags.nodes.map(({ tag }) => tag) });
const nested = (row) => ({
  ...tagged(customer(row)),
  customerAddresses: row.customerAddresses.nodes,
  customerPaymentSources: row.customerPaymentSources.nodes,
  orders: row.orders.nodes.map((order) => ({
    ...order,
    status: upper(order.status),
    paymentStatus: upper(order.paymentStatus),
    fulfillmentStatus: upper(order.fulfillmentStatus),
    placedAt: time(order.placedAt),
    lineItems: order.lineItems.nodes,
  })),
  returns: row.returns.nodes.map((item) => ({ ...item, status: upper(item.status), createdAt: time(item.createdAt) })),
});
const walked = (row) => ({
  ...row,
  orders: row.orders.nodes.map((order) => ({ ...order, lineItems: order.lineItems.nodes })),
});
const id = ({ id }) => ({ id });

export const queries = {
  one: query(`query ($id: String!) { customer: customerByRowId(rowId: $id) { ${scalars} } }`, id, ({ data }) =>
    customer(data.customer),
  ),
  nested: query(
    `query ($id: String!) { customer: customerByRowId(rowId: $id) { ${scalars} ${relations} } }`,
    id,
    ({ data }) => nested(data.customer),
  ),
  list: query(
    list(20, `nodes { ${scalars} ${relations} }`),
    ({ place, first }) => ({ first, after: cursor(place) }),
    ({ data }) => data.allCustomers.nodes.map(nested),
  ),
  wide: query(
    list(100, `nodes { ${scalars} ${group} }`),
    ({ place }) => ({ after: cursor(place) }),
    ({ data }) => data.allCustomers.nodes.map(customer),
  ),
  walk: query(
    `query ($id: String!) { customer: customerByRowId(rowId: $id) {
      id: rowId email ${orders} { nodes {
        id: rowId number ${lineItems}(first: 5, orderBy: [CREATED_AT_ASC, PRIMARY_KEY_ASC]) { nodes {
          id: rowId order: orderByOrderId { id: rowId number customer: customerByCustomerId { id: rowId email } }
        } }
      } }
    } }`,
    id,
    ({ data }) => walked(data.customer),
  ),
  page: query(
    `query ($status: CustomerStatus!) {
      allCustomers(
        first: 20, condition: { mode: test, status: $status }, orderBy: [TOTAL_ORDERS_COUNT_DESC, PRIMARY_KEY_DESC]
      ) {
        totalCount nodes { id: rowId email status totalOrdersCount createdAt }
      }
    }`,
    ({ status }) => ({ status: status.toLowerCase() }),
    ({ data: { allCustomers } }) => ({ ...allCustomers, nodes: allCustomers.nodes.map(customer) }),
  ),
  mutation: query(
    `mutation ($id: String!, $names: [String!]!) {
      addTags(id: $id, names: $names) { customer { id: rowId ${tags} } }
    }`,
    ({ id, names }) => ({ id, names }),
    ({ data }) => tagged(data.addTags.customer),
  ),
};
