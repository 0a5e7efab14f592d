import { query } from "./project.client.mjs";

export const path = "/graphql";

const scalars = `id email status hasPassword totalOrdersCount shopperReference profileId taxExemptionCode
  reference referenceOrigin createdAt updatedAt`;

const nested = `${scalars}
  customerGroup { id name code }
  customerAddresses(first: 10) { id address { id line1 city zipCode countryCode phone } }
  customerPaymentSources(first: 10) { id paymentMethod { id name } }
  orders(first: 5) {
    id number status paymentStatus fulfillmentStatus currencyCode totalAmountWithTaxesCents placedAt
    lineItems(first: 20) { id skuCode name quantity unitAmountCents totalAmountCents }
  }
  returns(first: 5) { id number status createdAt }
  tags { id name }`;

const id = ({ id }) => ({ id });
const customer = ({ data }) => data.customer;
const customers = ({ data }) => data.customers;

// The answers are in the canonical shape as they come.
export const queries = {
  one: query(`query ($id: ID!) { customer(id: $id) { ${scalars} } }`, id, customer),
  nested: query(`query ($id: ID!) { customer(id: $id) { ${nested} } }`, id, customer),
  list: query(
    `query ($first: Int!, $after: Place!) { customers(first: $first, after: $after) { ${nested} } }`,
    ({ place, first = 20 }) => ({ first, after: place }),
    customers,
  ),
  wide: query(
    `query ($after: Place!) { customers(first: 100, after: $after) { ${scalars} customerGroup { id name code } } }`,
    ({ place }) => ({ after: place }),
    customers,
  ),
  walk: query(
    `query ($id: ID!) { customer(id: $id) {
      id email orders(first: 5) { id number lineItems(first: 5) { id order { id number customer { id email } } } }
    } }`,
    id,
    customer,
  ),
  page: query(
    `query ($status: CustomerStatus!) { customersByStatus(status: $status, first: 20) {
      totalCount nodes { id email status totalOrdersCount createdAt }
    } }`,
    ({ status }) => ({ status }),
    ({ data }) => data.customersByStatus,
  ),
  mutation: query(
    `mutation ($id: ID!, $names: [String!]!) { addTags(id: $id, names: $names) { id tags { id name } } }`,
    ({ id, names }) => ({ id, names }),
    ({ data }) => data.addTags,
  ),
};
