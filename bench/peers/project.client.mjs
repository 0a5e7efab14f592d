// The project itself, started as in production. Every request carries an integration's access token, signed with a key
// that is made for the run; for what it does with it, see src/identity.

export const script = "dist/src/main.js";
/** As in the script `start`: less memory for garbage. */
export const nodeOptions = ["--max-semi-space-size=8", "--heap-growing-percent=100", "--enable-source-maps"];
export const path = "/graphql";

/** What the process is started with beside DATABASE_URL, PORT and POOL_SIZE. */
export const environment = ({ keySet }) => ({ NODE_ENV: "production", SIGNING_KEYS: JSON.stringify(keySet) });

const scalars = `id email status hasPassword totalOrdersCount shopperReference profileId taxExemptionCode reference
  referenceOrigin createdAt updatedAt`;
const group = "customerGroup { id name code }";
const relations = `${group}
  customerAddresses(first: 10) { nodes { id address { id line1 city zipCode countryCode phone } } }
  customerPaymentSources(first: 10) { nodes { id paymentMethod { id name } } }
  orders(first: 5) { nodes {
    id number status paymentStatus fulfillmentStatus currencyCode totalAmountWithTaxesCents placedAt
    lineItems(first: 20) { nodes { id skuCode name quantity unitAmountCents totalAmountCents } }
  } }
  returns(first: 5) { nodes { id number status createdAt } }`;
const tags = "tags { id name }";

export const documents = {
  one: `query One($id: ID!) { customer(by: { id: $id }) { ${scalars} } }`,
  nested: `query Nested($id: ID!) { customer(by: { id: $id }) { ${scalars} ${relations} ${tags} } }`,
  list: `query List($first: Int!, $after: String!) {
    customers(first: $first, after: $after) { nodes { ${scalars} ${relations} ${tags} } }
  }`,
  wide: `query Wide($after: String!) { customers(first: 100, after: $after) { nodes { ${scalars} ${group} } } }`,
  walk: `query Walk($id: ID!) { customer(by: { id: $id }) {
    id email orders(first: 5) { nodes { id number lineItems(first: 5) { nodes {
      id order { id number customer { id email } }
    } } } }
  } }`,
  page: `query Page($status: CustomerStatus!) {
    customers(first: 20, filter: { status: { eq: $status } }, orderBy: [{ field: TOTAL_ORDERS_COUNT, direction: DESC }]) {
      totalCount
      nodes { id email status totalOrdersCount createdAt }
    }
  }`,
  mutation: `mutation Tag($id: ID!, $names: [String!]!) {
    tagsAdd(id: $id, names: $names) { resource { id ... on Customer { tags { id name } } } userErrors { code } }
  }`,
};

/** A request's body around a constant document, which is put into JSON once. */
export function query(document, variables, answer) {
  const start = `{"query":${JSON.stringify(document)},"variables":`;
  return { body: (parameters) => `${start}${JSON.stringify(variables(parameters))}}`, answer };
}

const id = ({ id }) => ({ id });
const flat = ({ nodes }) => nodes;
export const walked = ({ data: { customer } }) => ({
  ...customer,
  orders: flat(customer.orders).map((order) => ({ ...order, lineItems: flat(order.lineItems) })),
});
export const nested = (customer) => ({
  ...customer,
  customerAddresses: flat(customer.customerAddresses),
  customerPaymentSources: flat(customer.customerPaymentSources),
  orders: flat(customer.orders).map((order) => ({ ...order, lineItems: flat(order.lineItems) })),
  returns: flat(customer.returns),
});

let authorization = "";
export const headers = () => authorization;

/** The cursor of each place, by the id of its customer. Cursors are the server's own matter, so it is asked for them. */
const cursors = new Map();
const after = ({ place }) => cursors.get(place.id);

/** Signs the token and reads the cursors, before anything is measured. */
export async function prepare({ request, sign, samples }) {
  authorization = `authorization: Bearer ${await sign()}\r\n`;
  const ids = samples.places.map(({ place }) => place.id);
  const document = `query Cursors($ids: [ID!]!) {
    customers(first: ${ids.length}, filter: { id: { in: $ids } }) { edges { cursor node { id } } }
  }`;
  const { data, errors } = await request({ body: JSON.stringify({ query: document, variables: { ids } }) });
  if (errors) throw new Error(errors[0].message);
  for (const { cursor, node } of data.customers.edges) cursors.set(node.id, cursor);
}

export const queries = {
  one: query(documents.one, id, ({ data }) => data.customer),
  nested: query(documents.nested, id, ({ data }) => nested(data.customer)),
  list: query(
    documents.list,
    (parameters) => ({ first: parameters.first ?? 20, after: after(parameters) }),
    ({ data }) => flat(data.customers).map(nested),
  ),
  wide: query(
    documents.wide,
    (parameters) => ({ after: after(parameters) }),
    ({ data }) => flat(data.customers),
  ),
  walk: query(documents.walk, id, walked),
  page: query(
    documents.page,
    ({ status }) => ({ status }),
    ({ data }) => data.customers,
  ),
  mutation: query(
    documents.mutation,
    ({ id, names }) => ({ id, names }),
    ({ data }) => {
      const [error] = data.tagsAdd.userErrors;
      if (error) throw new Error(`The tags were refused: ${error.code}.`);
      return data.tagsAdd.resource;
    },
  ),
};
