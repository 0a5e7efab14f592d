// The yardstick: what a careful developer writes by hand when nothing but speed counts. One path and one prepared
// statement a query, PostgreSQL's JSON passed on as it is; no GraphQL, no access rules.
//
// With SHARE_STATEMENTS=1, requests for the same query that arrive while two statements of it are under way wait and go
// together into the next one.
import { createServer } from "node:http";
import pg from "pg";

const share = process.env.SHARE_STATEMENTS === "1";
const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: Number(process.env.POOL_SIZE ?? 8),
  options: "-c TimeZone=UTC -c jit=off",
});

const customerColumns = `
  c.id, c.email, c.status, c.has_password AS "hasPassword", c.total_orders_count AS "totalOrdersCount",
  c.shopper_reference AS "shopperReference", c.profile_id AS "profileId", c.tax_exemption_code AS "taxExemptionCode",
  c.reference, c.reference_origin AS "referenceOrigin", c.created_at AS "createdAt", c.updated_at AS "updatedAt"`;

const object = (rows) => `(SELECT row_to_json(o) FROM (${rows}) o)`;
const list = (rows) => `(SELECT coalesce(json_agg(row_to_json(l)), '[]') FROM (${rows}) l)`;

const group = object("SELECT g.id, g.name, g.code FROM customer_groups g WHERE g.id = c.customer_group_id");
const tags = list(
  `SELECT t.id, t.name FROM customer_tags ct JOIN tags t ON t.id = ct.tag_id WHERE ct.customer_id = c.id ORDER BY t.name`,
);

const nestedColumns = `${customerColumns},
  ${group} AS "customerGroup",
  ${list(`
    SELECT ca.id, ${object(`
      SELECT a.id, a.line_1 AS line1, a.city, a.zip_code AS "zipCode", a.country_code AS "countryCode", a.phone
      FROM addresses a WHERE a.id = ca.address_id`)} AS address
    FROM customer_addresses ca WHERE ca.customer_id = c.id ORDER BY ca.created_at DESC, ca.id DESC LIMIT 10`)}
    AS "customerAddresses",
  ${list(`
    SELECT cp.id, ${object("SELECT m.id, m.name FROM payment_methods m WHERE m.id = cp.payment_method_id")}
      AS "paymentMethod"
    FROM customer_payment_sources cp WHERE cp.customer_id = c.id ORDER BY cp.created_at DESC, cp.id DESC LIMIT 10`)}
    AS "customerPaymentSources",
  ${list(`
    SELECT o.id, o.number, o.status, o.payment_status AS "paymentStatus",
      o.fulfillment_status AS "fulfillmentStatus", o.currency_code AS "currencyCode",
      o.total_amount_with_taxes_cents AS "totalAmountWithTaxesCents", o.placed_at AS "placedAt",
      ${list(`
        SELECT i.id, i.sku_code AS "skuCode", i.name, i.quantity, i.unit_amount_cents AS "unitAmountCents",
          i.total_amount_cents AS "totalAmountCents"
        FROM line_items i WHERE i.order_id = o.id ORDER BY i.created_at, i.id LIMIT 20`)} AS "lineItems"
    FROM orders o WHERE o.customer_id = c.id
    ORDER BY o.placed_at DESC, o.created_at DESC, o.id DESC LIMIT 5`)} AS orders,
  ${list(`
    SELECT r.id, r.number, r.status, r.created_at AS "createdAt"
    FROM returns r WHERE r.customer_id = c.id ORDER BY r.created_at DESC, r.id DESC LIMIT 5`)} AS returns,
  ${tags} AS tags`;

const byId = (id) => `FROM customers c WHERE c.id = ${id} AND c.mode = 'test'`;
const pageAfter = (createdAt, id, limit) => `
  FROM customers c WHERE c.mode = 'test' AND (c.created_at, c.id) < (${createdAt}, ${id})
  ORDER BY c.created_at DESC, c.id DESC LIMIT ${limit}`;

/** Each query as an expression of its parameters, with their types and how a request gives them. */
const reads = {
  one: { types: ["text"], values: ({ id }) => [id], sql: (id) => object(`SELECT ${customerColumns} ${byId(id)}`) },
  nested: { types: ["text"], values: ({ id }) => [id], sql: (id) => object(`SELECT ${nestedColumns} ${byId(id)}`) },
  list: {
    types: ["timestamptz", "text", "int"],
    values: ({ place, first = 20 }) => [place.createdAt, place.id, first],
    sql: (createdAt, id, first) => list(`SELECT ${nestedColumns} ${pageAfter(createdAt, id, first)}`),
  },
  wide: {
    types: ["timestamptz", "text"],
    values: ({ place }) => [place.createdAt, place.id],
    sql: (createdAt, id) =>
      list(`SELECT ${customerColumns}, ${group} AS "customerGroup" ${pageAfter(createdAt, id, 100)}`),
  },
  walk: {
    types: ["text"],
    values: ({ id }) => [id],
    sql: (id) =>
      object(`SELECT c.id, c.email, ${list(`
        SELECT o.id, o.number, ${list(`
          SELECT i.id, ${object(`
            SELECT up.id, up.number,
              ${object("SELECT owner.id, owner.email FROM customers owner WHERE owner.id = up.customer_id")} AS customer
            FROM orders up WHERE up.id = i.order_id`)} AS "order"
          FROM line_items i WHERE i.order_id = o.id ORDER BY i.created_at, i.id LIMIT 5`)} AS "lineItems"
        FROM orders o WHERE o.customer_id = c.id
        ORDER BY o.placed_at DESC, o.created_at DESC, o.id DESC LIMIT 5`)} AS orders
      ${byId(id)}`),
  },
  // The status follows from the count of orders, so its range makes the page a range of one index.
  page: {
    types: ["customer_status", "int", "int"],
    values: ({ status }) => [status.toLowerCase(), ...orderCounts[status]],
    sql: (status, least, most) =>
      object(`SELECT
        (SELECT count(*) FROM customers c WHERE c.mode = 'test' AND c.status = ${status}) AS "totalCount",
        ${list(`
          SELECT c.id, c.email, c.status, c.total_orders_count AS "totalOrdersCount", c.created_at AS "createdAt"
          FROM customers c
          WHERE c.mode = 'test' AND c.status = ${status} AND c.total_orders_count BETWEEN ${least} AND ${most}
          ORDER BY c.total_orders_count DESC, c.id DESC LIMIT 20`)} AS nodes`),
  },
};
const orderCounts = { PROSPECT: [0, 0], ACQUIRED: [1, 1], REPEAT: [2, 2 ** 31 - 1] };

/** Answers requests of a query one by one: a statement each. */
function singly(name, { types, values, sql }) {
  const text = `SELECT ${sql(...types.map((type, i) => `$${i + 1}::${type}`))}::text`;
  return async (request) => {
    const { rows } = await pool.query({ name, text, values: values(request), rowMode: "array" });
    return rows[0][0];
  };
}

/** Answers requests of a query together: as soon as fewer than two statements are under way, all that wait share one. */
function together(name, { types, values, sql }) {
  const columns = types.map((_, i) => `p${i + 1}`);
  const arrays = types.map((type, i) => `$${i + 1}::${type}[]`);
  const text = `SELECT ${sql(...columns.map((column) => `k.${column}`))}::text
    FROM ROWS FROM (${arrays.map((array) => `unnest(${array})`).join(", ")}) WITH ORDINALITY k (${columns}, n) ORDER BY n`;
  let waiting = [];
  let running = 0;
  const next = async () => {
    if (running === 2 || waiting.length === 0) return;
    const batch = waiting;
    waiting = [];
    running++;
    try {
      const given = batch.map(({ request }) => values(request));
      const { rows } = await pool.query({
        name: `${name}-shared`,
        text,
        values: types.map((_, i) => given.map((value) => value[i])),
        rowMode: "array",
      });
      for (const [i, { resolve }] of batch.entries()) resolve(rows[i][0]);
    } catch (error) {
      for (const { reject } of batch) reject(error);
    } finally {
      running--;
      next();
    }
  };
  return (request) =>
    new Promise((resolve, reject) => {
      waiting.push({ request, resolve, reject });
      // Requests that came in the same turn of the event loop go together.
      if (waiting.length === 1) setImmediate(next);
    });
}

const lock = { name: "lock", text: "SELECT FROM customers WHERE id = $1 AND mode = 'test' FOR UPDATE" };
/** All or none, at most 10 tags; what is returned of an INSERT is not yet in its table, hence the union. */
const addTags = {
  name: "add-tags",
  text: `
    WITH named AS (SELECT id, name FROM tags WHERE mode = 'test' AND name = ANY ($2::text[])),
    present AS (SELECT t.id, t.name FROM customer_tags ct JOIN tags t ON t.id = ct.tag_id WHERE ct.customer_id = $1),
    fresh AS (SELECT id, name FROM named WHERE id NOT IN (SELECT id FROM present)),
    good AS (SELECT WHERE (SELECT count(*) FROM named) = cardinality($2::text[])
                      AND (SELECT count(*) FROM present) + (SELECT count(*) FROM fresh) <= 10),
    added AS (INSERT INTO customer_tags (customer_id, tag_id) SELECT $1, id FROM fresh, good RETURNING tag_id),
    changed AS (UPDATE customers SET version = version + 1, updated_at = now()
                WHERE id = $1 AND EXISTS (SELECT FROM added))
    SELECT json_build_object('id', $1::text, 'tags', (
      SELECT coalesce(json_agg(row_to_json(t) ORDER BY t.name), '[]')
      FROM (SELECT id, name FROM present UNION ALL SELECT id, name FROM fresh) t))::text
    FROM good`,
};

/** The row is locked by a statement of its own: the next one then sees what whoever held the lock has left. */
async function mutation({ id, names }) {
  const client = await pool.connect();
  try {
    await client.query("BEGIN");
    const { rowCount } = await client.query({ ...lock, values: [id] });
    const values = [id, [...new Set(names)]];
    const { rows } = rowCount ? await client.query({ ...addTags, values, rowMode: "array" }) : { rows: [] };
    await client.query("COMMIT");
    return rows[0]?.[0] ?? null;
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
}

const answers = Object.fromEntries(
  Object.entries(reads).map(([name, read]) => [`/${name}`, share ? together(name, read) : singly(name, read)]),
);
answers["/mutation"] = mutation;

const server = createServer((request, response) => {
  const send = (status, text) => {
    response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(text) });
    response.end(text);
  };
  const answer = answers[request.url];
  let body = "";
  request.setEncoding("utf8");
  request.on("data", (chunk) => {
    body += chunk;
  });
  request.on("end", async () => {
    if (!answer) return send(404, '{"errors":["not found"]}');
    try {
      send(200, (await answer(JSON.parse(body))) ?? "null");
    } catch (error) {
      send(500, JSON.stringify({ errors: [error.message] }));
    }
  });
});
server.listen(Number(process.env.PORT), "127.0.0.1", () => console.log("ready"));
process.on("SIGTERM", () => {
  server.close();
  server.closeAllConnections();
  pool.end();
});
