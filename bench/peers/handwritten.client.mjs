// Its answers are PostgreSQL's own JSON: times and enum values are put into the canonical form here.

const time = (text) => text && new Date(text).toISOString();
const upper = (text) => text.toUpperCase();

const customer = (row) => ({
  ...row,
  status: upper(row.status),
  createdAt: time(row.createdAt),
  ...(row.updatedAt && { updatedAt: time(row.updatedAt) }),
});
const order = (row) => ({
  ...row,
  status: upper(row.status),
  paymentStatus: upper(row.paymentStatus),
  fulfillmentStatus: upper(row.fulfillmentStatus),
  placedAt: time(row.placedAt),
});
const nested = (row) => ({
  ...customer(row),
  orders: row.orders.map(order),
  returns: row.returns.map((item) => ({ ...item, status: upper(item.status), createdAt: time(item.createdAt) })),
});
const same = (answer) => answer;

const query = (name, answer) => ({ path: `/${name}`, body: JSON.stringify, answer });

export const queries = {
  one: query("one", customer),
  nested: query("nested", nested),
  list: query("list", (rows) => rows.map(nested)),
  wide: query("wide", (rows) => rows.map(customer)),
  walk: query("walk", same),
  page: query("page", ({ totalCount, nodes }) => ({ totalCount, nodes: nodes.map(customer) })),
  mutation: query("mutation", same),
};
