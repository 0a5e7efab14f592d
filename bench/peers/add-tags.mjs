/** The locked change of a customer's tags, for the peers that speak SQL themselves. To be run in a transaction. */

const LOCK = `SELECT FROM customers WHERE id = $1 FOR NO KEY UPDATE`;

// With an unknown name, or more than ten tags in the end, nothing is inserted; the answer tells which it was.
const ADD = `
  WITH named AS (
    SELECT id FROM tags WHERE mode = 'test' AND name = ANY ($2::text[])
  ), missing AS (
    SELECT id FROM named WHERE NOT EXISTS (SELECT FROM customer_tags WHERE customer_id = $1 AND tag_id = named.id)
  ), outcome AS (
    SELECT (SELECT count(*)::int FROM named) AS known,
           (SELECT count(*)::int FROM missing) + (SELECT count(*)::int FROM customer_tags WHERE customer_id = $1) AS total
  ), added AS (
    INSERT INTO customer_tags (customer_id, tag_id)
    SELECT $1, missing.id FROM missing, outcome WHERE known = cardinality($2::text[]) AND total <= 10
    RETURNING tag_id
  ), changed AS (
    UPDATE customers SET version = version + 1, updated_at = now() WHERE id = $1 AND EXISTS (SELECT FROM added)
  )
  SELECT known, total FROM outcome`;

/** `query(name, text, values)` runs one statement, prepared under the name where the driver can, and resolves to its rows. */
export async function addTags(query, id, names) {
  const wanted = [...new Set(names)];
  await query("lock_customer", LOCK, [id]);
  const [{ known, total }] = await query("add_tags", ADD, [id, wanted]);
  if (known < wanted.length) throw new Error("There is no tag of one of these names.");
  if (total > 10) throw new Error("A customer may have 10 tags.");
}
