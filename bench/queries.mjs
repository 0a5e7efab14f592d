/**
 * The queries that every system serves, and the parameters that they are asked with.
 *
 * The canonical answer of each, in which all systems are compared, is described in README.md.
 */
export const queries = {
  one: { title: "One customer, 12 scalars", parameters: "ids", customers: 1 },
  nested: { title: "One customer with all that hangs on it", parameters: "ids", customers: 1 },
  list: { title: "20 customers, each with all that hangs on it", parameters: "places", customers: 20 },
  wide: { title: "100 customers, 12 scalars and the group", parameters: "places", customers: 100 },
  walk: { title: "From a customer to its lines and back up, 6 levels", parameters: "ids", customers: 1 },
  page: { title: "Filtered and sorted page with a total count", parameters: "statuses", customers: 20 },
  mutation: { title: "Put two tags on a customer", parameters: "taggings", customers: 1 },
};

/** How many requests are under way at once, unless an option says otherwise. */
export const defaultConnections = 32;

/** The two tags that the mutation puts on customers. The bench makes them and takes them away again. */
export const benchTags = [
  { id: "tag_bench_1", name: "bench-1" },
  { id: "tag_bench_2", name: "bench-2" },
];

const sizes = { ids: 2_000, places: 200, taggings: 50_000 };
/** Pages of this many rows follow every place that is drawn, so that no page is cut short. */
const longestPage = 100;

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
export function randomNumbers(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Reads once what parameters are drawn from. The same database gives the same samples. */
export async function readSamples(client) {
  const drawn = async (count, salt, condition = "TRUE") => {
    const { rows } = await client.query(
      `SELECT id, created_at AS "createdAt" FROM customers WHERE mode = 'test' AND ${condition}
       ORDER BY md5(id || $1), id LIMIT $2`,
      [salt, count],
    );
    return rows;
  };
  const hasWholePage = `(created_at, id) > (
    SELECT created_at, id FROM customers WHERE mode = 'test' ORDER BY created_at, id OFFSET ${longestPage} LIMIT 1)`;
  const names = benchTags.map((tag) => tag.name);
  const samples = {
    ids: (await drawn(sizes.ids, "ids")).map(({ id }) => ({ id })),
    places: (await drawn(sizes.places, "places", hasWholePage)).map(({ id, createdAt }) => ({
      place: { createdAt: createdAt.toISOString(), id },
    })),
    statuses: ["PROSPECT", "ACQUIRED", "REPEAT"].map((status) => ({ status })),
    taggings: (await drawn(sizes.taggings, "taggings")).map(({ id }) => ({ id, names })),
  };
  if (samples.places.length === 0) throw new Error(`There must be more than ${longestPage + 1} customers.`);
  return samples;
}

/**
 * An endless row of parameters for a query, the same one for the same seed. The mutation goes through its customers one
 * after the other, so that every request changes something; the others draw with replacement.
 */
export function parametersOf(name, samples, seed) {
  const choices = samples[queries[name].parameters];
  const random = randomNumbers(seed);
  let next = 0;
  if (queries[name].parameters === "taggings") return () => choices[next++ % choices.length];
  return () => choices[Math.floor(random() * choices.length)];
}
