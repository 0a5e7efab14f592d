// The project's JSON:API: the same reads by addresses, with what is included instead of documents. Related resources are
// not paginated there, so of `nested` the first of each are compared; `list` and `wide` need pages that it does not have.
import * as project from "./project.client.mjs";

export const { script, nodeOptions, environment, headers } = project;
/** For what is asked before the measurement. */
export const { path } = project;
export const prepare = project.prepare;

const type = "application/vnd.api+json";
const scalars =
  "email,status,has_password,total_orders_count,shopper_reference,profile_id,tax_exemption_code,reference,reference_origin,created_at,updated_at";
const order = "number,status,payment_status,fulfillment_status,currency_code,total_amount_with_taxes_cents,placed_at";
const line = "sku_code,name,quantity,unit_amount_cents,total_amount_cents";
const fields = (lists) =>
  Object.entries(lists)
    .map(([name, list]) => `fields[${name}]=${list}`)
    .join("&");

const camelCase = (name) => name.replace(/_([a-z0-9])/g, (_, letter) => letter.toUpperCase());

/** Resources as nested objects, with the names of the graph. */
function nest({ data, included = [] }) {
  const byKey = new Map(included.map((resource) => [`${resource.type} ${resource.id}`, resource]));
  const build = (resource) => {
    const object = { id: resource.id };
    for (const [name, value] of Object.entries(resource.attributes)) object[camelCase(name)] = value;
    for (const [name, { data }] of Object.entries(resource.relationships)) {
      if (data === undefined) continue;
      const find = ({ type, id }) => build(byKey.get(`${type} ${id}`));
      object[camelCase(name)] = Array.isArray(data) ? data.map(find) : data && find(data);
    }
    return object;
  };
  return Array.isArray(data) ? data.map(build) : build(data);
}

/** Enum values as the graph has them. */
const upper = (object, ...names) => {
  for (const name of names) if (object[name]) object[name] = object[name].toUpperCase();
  return object;
};

const read = (path, answer) => ({ type, path, answer });

export const queries = {
  one: read(
    ({ id }) => `/api/customers/${id}?${fields({ customers: scalars })}`,
    (document) => upper(nest(document), "status"),
  ),
  nested: read(
    ({ id }) =>
      `/api/customers/${id}?include=customer_group,customer_addresses.address,customer_payment_sources.payment_method,orders.line_items,returns,tags&${fields(
        {
          customers: scalars,
          customer_groups: "name,code",
          customer_addresses: "address",
          addresses: "line_1,city,zip_code,country_code,phone",
          customer_payment_sources: "payment_method",
          payment_methods: "name",
          orders: order,
          line_items: line,
          returns: "number,status,created_at",
          tags: "name",
        },
      )}`,
    (document) => {
      const customer = upper(nest(document), "status");
      const orders = customer.orders.slice(0, 5).map((one) => ({
        ...upper(one, "status", "paymentStatus", "fulfillmentStatus"),
        lineItems: one.lineItems.slice(0, 20),
      }));
      return {
        ...customer,
        customerAddresses: customer.customerAddresses.slice(0, 10),
        customerPaymentSources: customer.customerPaymentSources.slice(0, 10),
        orders,
        returns: customer.returns.slice(0, 5).map((one) => upper(one, "status")),
      };
    },
  ),
  page: read(
    ({ status }) =>
      `/api/customers?filter[q][status_eq]=${status.toLowerCase()}&sort=-total_orders_count&page[size]=20&${fields({
        customers: "email,status,total_orders_count,created_at",
      })}`,
    (document) => ({
      totalCount: document.meta.record_count,
      nodes: nest(document).map((customer) => upper(customer, "status")),
    }),
  ),
  mutation: {
    type,
    method: "PATCH",
    path: ({ id }) => `/api/customers/${id}?include=tags&${fields({ customers: "tags", tags: "name" })}`,
    body: ({ id, names }) =>
      JSON.stringify({ data: { type: "customers", id, attributes: { _add_tags: names.join(",") } } }),
    answer: nest,
  },
};
