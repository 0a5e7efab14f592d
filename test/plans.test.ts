import type { GraphQLInputObjectType } from "graphql";
import pg from "pg";
import { seedBulk } from "../prisma/bulk.js";
import type { Query } from "../src/database/client.js";
import { erase } from "../src/erasure/erase.js";
import { previewErasure } from "../src/erasure/preview.js";
import { subjectExport } from "../src/erasure/subject-export.js";
import { enumValues, models } from "../src/graph/model/datamodel.js";
import { modelTypeNamed } from "../src/graph/schema/model.js";
import { type Caller, createTestApp, type TestApp } from "./support/app.js";
import {
  inputFields,
  type List,
  linksOf,
  lookUps,
  modelOf,
  nestedLists,
  resourceTypes,
  rootLists,
} from "./support/graph.js";
import { addRows } from "./support/rows.js";

let app: TestApp;
/** Where plans are made: a connection with the settings of the server's own. */
let client: pg.Client;
/** All indexes, with the names of their columns. */
let indexes: { table: string; name: string; method: string; columns: string[]; primary: boolean }[];

beforeAll(async () => {
  app = await createTestApp({ demo: false });
  await seedBulk(app.database.pool, { customers: 3_000 });
  const { rows } = await app.database.pool.query<{ name: string; rows: number }>(
    "SELECT relname AS name, reltuples::int AS rows FROM pg_class WHERE relnamespace = 'public'::regnamespace",
  );
  const present = new Map(rows.map(({ name, rows }) => [name, rows]));
  await addRows(app.database.pool, (model) => (present.get(models.get(model)!.table)! < 1_000 ? 1_500 : 600));
  // So that there are some of each kind.
  await app.database.pool.query(
    `INSERT INTO event_stores (id, mode, resource_type, resource_id, event)
     SELECT new_id('est'), mode, 'payment_sources', id, 'create' FROM payment_sources`,
  );
  client = new pg.Client({ connectionString: app.connectionString, options: "-c TimeZone=UTC -c jit=off" });
  await client.connect();
  const found = await client.query(
    `SELECT t.relname AS table, i.relname AS name, m.amname AS method, x.indisprimary AS primary,
            array(SELECT pg_get_indexdef(i.oid, k, true) FROM generate_series(1, x.indnkeyatts) k) AS columns
     FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class t ON t.oid = x.indrelid JOIN pg_am m ON m.oid = i.relam
     WHERE t.relnamespace = 'public'::regnamespace AND x.indisvalid`,
  );
  indexes = found.rows;
}, 60_000);
afterAll(async () => {
  await client.end();
  await app.stop();
});

interface Sent {
  text: string;
  values: readonly unknown[];
}

/** A step of a plan that reads rows. */
interface Scan {
  kind: string;
  table: string;
  condition: string;
  /** The rows that it touched. */
  rows: number;
}

interface PlanNode extends Record<string, unknown> {
  Plans?: PlanNode[];
}

/** Runs a statement after some others, which do not last, and tells what its plan read. */
async function scansOf({ text, values }: Sent, ...setup: string[]): Promise<Scan[]> {
  await client.query(["BEGIN", ...setup].join("; "));
  try {
    return await explain(text, values as unknown[]);
  } finally {
    await client.query("ROLLBACK");
  }
}

async function explain(text: string, values: unknown[]): Promise<Scan[]> {
  const { rows } = await client.query({
    text: `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${text}`,
    values,
    rowMode: "array",
  });
  const scans: Scan[] = [];
  const visit = (node: PlanNode, inherited?: string) => {
    const kind = node["Node Type"] as string;
    const table = (node["Relation Name"] as string | undefined) ?? inherited;
    if (kind.endsWith("Scan") && table) {
      const loops = Number(node["Actual Loops"]);
      const touched = ["Actual Rows", "Rows Removed by Filter", "Rows Removed by Index Recheck"];
      const rows = touched.reduce((sum, key) => sum + Number(node[key] ?? 0), 0) * loops;
      scans.push({ kind, table, condition: String(node["Index Cond"] ?? ""), rows });
    }
    // The index of a bitmap scan stands below its table.
    for (const inner of node.Plans ?? []) visit(inner, kind.startsWith("Bitmap") ? table : undefined);
  };
  visit((rows as [[[{ Plan: PlanNode }]]])[0][0][0].Plan);
  return scans;
}

const touched = (scans: readonly Scan[]) => scans.reduce((sum, { rows }) => sum + rows, 0);

/** Whether it read all that there is. */
const isWhole = ({ kind, condition }: Scan) => kind === "Seq Scan" || (/^Index/.test(kind) && !condition);

/** Of what is sent, all reading has to find its rows by an index. */
async function expectIndexes(sent: readonly Sent[], what: unknown): Promise<Scan[]> {
  const scans: Scan[] = [];
  for (const statement of sent) scans.push(...(await scansOf(statement)));
  const whole = scans.filter(isWhole);
  expect({ what, whole }).toEqual({ what, whole: [] });
  return scans;
}

async function sentFor(query: string, variables: Record<string, unknown> = {}, as?: Caller) {
  app.statements();
  const { data, errors } = await app.query(query, variables, { as });
  expect(errors).toBeUndefined();
  return { data, sent: app.statements() };
}

/** All orders by no key or one, with the places of nulls where there may be some. */
function simpleOrders({ model, sortable }: List) {
  const orders: ([] | [{ field: string; direction: string; nulls?: string }])[] = [[]];
  for (const { name, field } of sortable) {
    orders.push([{ field: name, direction: "ASC" }], [{ field: name, direction: "DESC" }]);
    if (!models.get(model)!.columns[field]!.nullable) continue;
    orders.push(
      [{ field: name, direction: "ASC", nulls: "FIRST" }],
      [{ field: name, direction: "DESC", nulls: "LAST" }],
    );
  }
  return orders;
}

/** Small tables are read as a whole and sorted, however good their indexes are, unless that is forbidden. */
const noSorting = ["SET LOCAL enable_seqscan = off", "SET LOCAL enable_bitmapscan = off"];

describe.each(rootLists.map((list) => [list.field, list] as const))("%s", (_, list) => {
  test("any page, in the default order or by one key, reads few rows beside its own", async () => {
    const isLarge = ["customers", "orders"].includes(list.field);
    for (const orderBy of simpleOrders(list)) {
      const query = (args: string) =>
        `query ($orderBy: [${list.model}Order!]) { list: ${list.field}(orderBy: $orderBy, ${args}) { edges { cursor } } }`;
      const order = orderBy.length ? orderBy : undefined;
      const far = await sentFor(query("first: 1, offset: 700"), { orderBy: order });
      const [{ cursor }] = far.data.list.edges;
      // Backwards is forwards in the opposite order.
      for (const args of ["first: 20", `first: 20, after: "${cursor}"`]) {
        const { sent } = await sentFor(query(args), { orderBy: order });
        expect(sent).toHaveLength(1);
        const scans = await scansOf(sent[0]!, ...(isLarge ? [] : noSorting));
        // Twice a page and one more where nulls have to be put first or last; and some of the other mode.
        expect({ orderBy, args, few: touched(scans) < 100 }).toEqual({ orderBy, args, few: true });
      }
    }
  });

  test("every filter field has an index that finds its rows", async () => {
    for (const { name, type } of inputFields(list.filter)) {
      if (["and", "or", "not"].includes(name)) continue;
      for (const { table, column, test } of await testsOf(list, name, type as GraphQLInputObjectType)) {
        const { sent } = await sentFor(
          `query ($filter: ${list.filter.name}) { list: ${list.field}(first: 0, filter: $filter) { totalCount } }`,
          { filter: { [name]: test } },
        );
        expect(sent).toHaveLength(1);
        const own = indexes.filter((index) => index.table === table && serves(index, column, test));
        expect({ table, column, test, index: own.length > 0 }).toEqual({ table, column, test, index: true });
        const others = indexes.filter(
          (index) => index.table === table && !index.primary && !own.some(({ name }) => name === index.name),
        );
        const scans = await scansOf(
          sent[0]!,
          "SET LOCAL enable_seqscan = off",
          ...others.map(({ name }) => `DROP INDEX "${name}"`),
        );
        const found = scans.some((scan) => scan.table === table && new RegExp(`\\b${column}\\b`).test(scan.condition));
        expect({ name, test, found }).toEqual({ name, test, found: true });
      }
    }
  });
});

test("a customer's filters by foreign keys use indexes, with the row rule of the referenced row", async () => {
  const { rows } = await client.query(
    `SELECT customer_id AS id FROM orders WHERE mode = 'test' GROUP BY 1 HAVING customer_id IS NOT NULL ORDER BY count(*) DESC, 1 LIMIT 1`,
  );
  const customer: Caller = { kind: "customer", id: rows[0].id };
  let filters = 0;
  for (const { field, filter, model } of rootLists) {
    const { table, columns, relations } = models.get(model)!;
    if (!columns.customerId) continue;
    for (const { key, many } of Object.values(relations)) {
      if (many || !inputFields(filter).some(({ name }) => name === key)) continue;
      const found = await client.query(
        `SELECT "${columns[key!]!.column}" AS id FROM "${table}" WHERE customer_id = $1 ORDER BY 1 LIMIT 1`,
        [rows[0].id],
      );
      const id: string = found.rows[0]?.id ?? "none";
      for (const test of [{ eq: id }, { in: [id, "none"] }, { isNull: true }, { isNull: false }]) {
        const query = `query ($filter: ${filter.name}) { list: ${field}(filter: $filter) { totalCount nodes { id } } }`;
        const { sent } = await sentFor(query, { filter: { [key!]: test } }, customer);
        expect(sent).toHaveLength(1);
        const scans = await scansOf(sent[0]!, "SET LOCAL enable_seqscan = off");
        expect({ field, key, test, whole: scans.filter(isWhole) }).toEqual({ field, key, test, whole: [] });
        filters++;
      }
    }
  }
  expect(filters).toBeGreaterThan(40);
});

/** Whether an index can find rows by a column: it is the first, or stands behind the mode, which is always given. */
function serves({ columns, method }: { columns: string[]; method: string }, column: string, test: object): boolean {
  if (["startsWith", "contains"].some((operator) => operator in test)) return method === "gin" && columns[0] === column;
  return columns[0] === column || (method === "btree" && columns[0] === "mode" && columns[1] === column);
}

/**
 * Filters whose best plan depends on how many rows match, and where these stand in the order, with the same in SQL. The
 * rows that a page may touch: those of unknown and rare values are found by their indexes, those of common ones on the
 * way, however large the table.
 */
const filterCases: [
  list: string,
  filter: string,
  orderBy: string,
  matches: string,
  order: string,
  touches: { unknown: number } | { rare: number } | { common: number } | { ahead: number },
][] = [
  ["customers", '{ tags: { any: ["no-such-tag"] } }', "", "false", "id", { unknown: 0 }],
  ["customers", '{ tags: { all: ["plan-common", "no-such-tag"] } }', "", "false", "id", { unknown: 1_001 + 2_002 }],
  [
    "customers",
    '{ tags: { any: ["plan-rare", "no-such-tag"] } }',
    "",
    "EXISTS (SELECT FROM customer_tags l WHERE l.customer_id = t.id AND l.tag_id = 'tag_plan_rare')",
    "created_at DESC, id DESC",
    { rare: 3 },
  ],
  [
    "customers",
    '{ tags: { all: ["plan-common"], none: ["plan-rare"] } }',
    "{ field: EMAIL }",
    "EXISTS (SELECT FROM customer_tags l WHERE l.customer_id = t.id AND l.tag_id = 'tag_plan_common')" +
      " AND NOT EXISTS (SELECT FROM customer_tags l WHERE l.customer_id = t.id AND l.tag_id = 'tag_plan_rare')",
    "email, id",
    { common: 1_001 + 4_000 },
  ],
  ["customers", '{ customerGroup: { code: { eq: "no-such-code" } } }', "", "false", "id", { unknown: 0 }],
  ["customers", '{ customerGroupId: { eq: "cgr_nothing" } }', "{ field: EMAIL }", "false", "id", { unknown: 0 }],
  ["customers", '{ metadata: { key: "no-such-key" } }', "", "false", "id", { common: 1_000 }],
  ["customers", '{ reference: { eq: "no-such-reference" } }', "{ field: EMAIL }", "false", "id", { unknown: 0 }],
  [
    "customers",
    "{ hasPassword: { eq: true } }",
    "{ field: EMAIL, direction: DESC }",
    "has_password",
    "email DESC, id DESC",
    { common: 1_001 },
  ],
  [
    "customers",
    "{ orders: { none: {} } }",
    "",
    "NOT EXISTS (SELECT FROM orders o WHERE o.customer_id = t.id AND o.mode = 'test')",
    "created_at DESC, id DESC",
    { common: 0 },
  ],
  ["customers", '{ orders: { some: { number: { eq: "no-such" } } } }', "", "false", "id", { unknown: 0 }],
  [
    "orders",
    '{ status: { eq: PENDING }, countryCode: { eq: "FR" } }',
    "{ field: PLACED_AT }",
    "status = 'pending' AND country_code = 'FR'",
    "placed_at, id",
    { rare: 1_001 + 300 },
  ],
  [
    "orders",
    '{ status: { eq: APPROVED }, countryCode: { eq: "XX" } }',
    "{ field: PLACED_AT }",
    "false",
    "id",
    { unknown: 1_001 },
  ],
  [
    "orders",
    "{ status: { eq: APPROVED } }",
    "{ field: PLACED_AT, nulls: FIRST }",
    "status = 'approved'",
    "placed_at NULLS FIRST, id",
    // Of what is not placed and stands ahead none matches; behind it all do.
    { ahead: 1_001 },
  ],
  [
    "orders",
    "{ status: { eq: APPROVED } }",
    "",
    "status = 'approved'",
    "placed_at DESC, created_at DESC, id DESC",
    { unknown: 0 },
  ],
  [
    "orders",
    "{ paymentStatus: { eq: PAID } }",
    "",
    "payment_status = 'paid'",
    "placed_at DESC, created_at DESC, id DESC",
    { ahead: 1_001 },
  ],
  [
    "orders",
    '{ paymentStatus: { eq: PAID }, countryCode: { in: ["US", "IT", "DE", "FR", "GB"] } }',
    "{ field: CREATED_AT, direction: DESC }",
    "payment_status = 'paid' AND country_code IN ('US', 'IT', 'DE', 'FR', 'GB')",
    "created_at DESC, id DESC",
    { common: 2 * 1_001 + 4_000 },
  ],
];

/** The same for the customers of groups: one has half of all, the other few. */
const memberCases: [
  filter: string,
  orderBy: string,
  matches: string,
  order: string,
  touches: { unknown: number } | { rare: number } | { common: number },
][] = [
  ['{ tags: { any: ["no-such-tag"] } }', "{ field: CREATED_AT }", "false", "id", { unknown: 1_001 }],
  [
    '{ tags: { any: ["plan-rare"] } }',
    "{ field: CREATED_AT }",
    "EXISTS (SELECT FROM customer_tags l WHERE l.customer_id = t.id AND l.tag_id = 'tag_plan_rare')",
    "created_at, id",
    { rare: 1_001 },
  ],
  ["{ hasPassword: { eq: true } }", "{ field: EMAIL }", "has_password", "email, id", { common: 3_003 + 100 }],
  ["{}", "{ field: EMAIL, direction: DESC }", "true", "email DESC, id DESC", { common: 1_001 + 100 }],
];

describe("filter and order without a common index", () => {
  beforeAll(async () => {
    await app.database.pool.query(`
      INSERT INTO tags (id, mode, name) VALUES ('tag_plan_rare', 'test', 'plan-rare'), ('tag_plan_common', 'test', 'plan-common');
      INSERT INTO customer_tags (customer_id, tag_id)
        SELECT id, 'tag_plan_rare' FROM (SELECT id FROM customers WHERE mode = 'test' ORDER BY md5(id) LIMIT 3) c;
      INSERT INTO customer_tags (customer_id, tag_id)
        SELECT id, 'tag_plan_common' FROM (SELECT id FROM customers WHERE mode = 'test' ORDER BY md5(id) LIMIT 2000) c;
      UPDATE customers SET customer_group_id = 'cgr_b01'
        WHERE id IN (SELECT id FROM customers WHERE mode = 'test' ORDER BY md5(id) LIMIT 1600);
      ANALYZE tags`);
    // Indexes alone are read where the table was cleaned up.
    for (const table of ["customers", "customer_tags", "orders"])
      await app.database.pool.query(`VACUUM (ANALYZE) ${table}`);
  });

  test.each(filterCases)("%s(filter: %s, orderBy: [%s])", async (list, filter, orderBy, matches, order, touches) => {
    const found = await client.query(
      `SELECT t.id FROM ${list} t WHERE t.mode = 'test' AND (${matches}) ORDER BY ${order.replaceAll(/\b(id|\w+_at|email)\b/g, "t.$1")}`,
    );
    const wanted: string[] = found.rows.map(({ id }) => id);
    const args = (page: string) => `(filter: ${filter}${orderBy && `, orderBy: [${orderBy}]`}, ${page})`;
    const page = (of: string) =>
      sentFor(`{ list: ${list}${args(of)} { nodes { id } pageInfo { startCursor endCursor } } }`);
    const idsOf = ({ data }: Awaited<ReturnType<typeof page>>) => data.list.nodes.map(({ id }: { id: string }) => id);

    const first = await page("first: 20");
    expect(idsOf(first)).toEqual(wanted.slice(0, 20));
    expect(first.sent).toHaveLength(1);
    const [[kind, counted]] = Object.entries(touches) as [[string, number]];
    const unplaced = await client.query("SELECT FROM orders WHERE placed_at IS NULL");
    // Matches are counted by their index alone.
    const ahead = 500 + 3 * unplaced.rowCount! + wanted.length;
    const pages = { unknown: 30, rare: 60 + 20 * wanted.length, common: 500, ahead }[kind]!;
    // Joining and sorting the whole of small tables is right, and would show nothing of large ones.
    const ways = ["hashjoin", "mergejoin", "seqscan", "sort", ...(filter.includes("metadata") ? [] : ["bitmapscan"])];
    const whole = ways.map((way) => `SET LOCAL enable_${way} = off`);
    const few = touched(await scansOf(first.sent[0]!, ...whole));
    expect({ few, within: few <= counted + pages }).toEqual({ few, within: true });

    // Pages from either end, and numbered ones.
    const { endCursor } = first.data.list.pageInfo;
    if (endCursor) expect(idsOf(await page(`first: 100, after: "${endCursor}"`))).toEqual(wanted.slice(20, 120));
    const last = await page("last: 30");
    expect(idsOf(last)).toEqual(wanted.slice(-30));
    const { startCursor } = last.data.list.pageInfo;
    if (startCursor) {
      const before = wanted.slice(0, -30);
      expect(idsOf(await page(`last: 50, before: "${startCursor}"`))).toEqual(before.slice(-50));
    }
    const middle = Math.floor(wanted.length / 2);
    expect(idsOf(await page(`first: 7, offset: ${middle}`))).toEqual(wanted.slice(middle, middle + 7));

    const { data } = await sentFor(
      `{ list: ${list}(filter: ${filter}) { few: totalCount(atMost: 5) all: totalCount } }`,
    );
    expect(data.list).toEqual({ few: Math.min(5, wanted.length), all: wanted.length });

    if (kind !== "unknown" || wanted.length) return;
    const { sent } = await sentFor(`{ list: ${list}(filter: ${filter}) { totalCount(atMost: 1) } }`);
    const none = touched(await scansOf(sent[0]!, ...whole));
    expect({ none, within: none <= counted + pages }).toEqual({ none, within: true });
  });

  test.each(memberCases)(
    "customerGroup.customers(filter: %s, orderBy: [%s])",
    async (filter, orderBy, matches, order, touches) => {
      const groups = ["cgr_b01", "cgr_b02"];
      const args = (page: string) => `(filter: ${filter}, orderBy: [${orderBy}], ${page})`;
      const page = (ids: string[], of: string, few = "") =>
        sentFor(
          `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on CustomerGroup { customers${args(of)} { nodes { id } ${few} } } } }`,
          { ids },
        );
      const wanted = await Promise.all(
        groups.map(async (group) => {
          const { rows } = await app.database.pool.query(
            `SELECT t.id FROM customers t WHERE t.mode = 'test' AND t.customer_group_id = $1 AND ${matches}
           ORDER BY ${order.replaceAll(/\b(id|\w+_at|email)\b/g, "t.$1")}`,
            [group],
          );
          return rows.map(({ id }): string => id);
        }),
      );
      const { data } = await page(groups, "first: 20", "few: totalCount(atMost: 5) all: totalCount");
      for (const [i, ids] of wanted.entries()) {
        expect(data.nodes[i].customers).toEqual({
          nodes: ids.slice(0, 20).map((id) => ({ id })),
          few: Math.min(5, ids.length),
          all: ids.length,
        });
      }

      const ways = ["hashjoin", "mergejoin", "seqscan", "sort", "bitmapscan"].map(
        (way) => `SET LOCAL enable_${way} = off`,
      );
      const { sent } = await sentFor(
        `{ customerGroup(by: { id: "cgr_b01" }) { customers${args("first: 20")} { nodes { id } } } }`,
      );
      expect(sent).toHaveLength(1);
      const [[kind, counted]] = Object.entries(touches) as [[string, number]];
      const few = touched(await scansOf(sent[0]!, ...ways));
      const pages = { unknown: 30, rare: 60 + 20 * wanted[0]!.length, common: 100 }[kind]!;
      expect({ few, within: few <= counted + pages }).toEqual({ few, within: true });
    },
  );
});

/** Tests of all kinds that one filter field offers, each with the column that an index has to find. */
async function testsOf(list: List, name: string, type: GraphQLInputObjectType) {
  const { table, columns, relations } = models.get(list.model)!;
  const way = relations[name === "tagIds" ? "tags" : name];
  if (way) {
    const target = models.get(way.to)!;
    if (way.through) {
      const { rows } = await client.query(`SELECT name, id FROM tags WHERE mode = 'test' ORDER BY id LIMIT 2`);
      const values = rows.map((row) => row[name === "tags" ? "name" : "id"]);
      return [{ any: values }, { all: values }].map((test) => ({ table: way.through!.table, column: "tag_id", test }));
    }
    const { rows } = await client.query(`SELECT id FROM "${target.table}" WHERE mode = 'test' ORDER BY id LIMIT 1`);
    const such = { id: { eq: rows[0].id } };
    if (way.many) return [{ table: target.table, column: "id", test: { some: such } }];
    return [{ table, column: columns[way.key!]!.column, test: such }];
  }
  const column = columns[name]!.column;
  if (name === "metadata") return [{ key: "abc" }, { key: "abc", eq: "abc" }].map((test) => ({ table, column, test }));
  const { rows } = await client.query(
    `SELECT "${column}" AS value FROM "${table}" WHERE mode = 'test' AND "${column}" IS NOT NULL GROUP BY 1 ORDER BY count(*), 1`,
  );
  const values = rows.map(({ value }) => (columns[name]!.enum ? value.toUpperCase() : value));
  const ordered = [...values].sort((a, b) => (a < b ? -1 : 1));
  const operands: Record<string, unknown> = {
    in: [values[0]],
    isNull: true,
    gt: ordered.at(-1),
    gte: ordered.at(-1),
    lt: ordered[0],
    lte: ordered[0],
  };
  return inputFields(type).flatMap(({ name: operator }) => {
    if (operator === "isNull" && !columns[name]!.nullable) return [];
    // Three letters make a trigram.
    const text = values.find((value) => /\w{3}/.test(value));
    const operand = operator === "contains" || operator === "startsWith" ? text : (operands[operator] ?? values[0]);
    return [{ table, column, test: { [operator]: operand } }];
  });
}

/** The ids of 20 rows of a type that have the most related rows. */
async function ownersOf(type: string, field: string): Promise<string[]> {
  const { datamodel: model, kindField, rowType } = modelTypeNamed(modelOf(type));
  const way = model.relations[field]!;
  const target = models.get(way.to)!;
  const kind = kindField && model.columns[kindField]!;
  const kinds = kind && enumValues(kind.type).filter((value) => rowType({ [kindField]: value }).name === type);
  const owner = way.through ? `"${way.through.from}"` : `"${target.columns[way.key!]!.column}"`;
  const { rows } = await client.query(
    `SELECT o.id FROM "${way.through?.table ?? target.table}" r JOIN "${model.table}" o ON o.id = r.${owner}
     WHERE o.mode = 'test' ${kind ? `AND o."${kind.column}"::text = ANY ($1)` : ""}
     GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 20`,
    kind ? [kinds] : [],
  );
  return rows.map(({ id }) => id);
}

const nested = nestedLists.map((list) => [`${list.owner}.${list.field}`, list] as const);
test.each(nested)("%s is read by index for each parent, no further than the page", async (what, list) => {
  const ids = await ownersOf(list.owner!, list.field);
  expect(ids.length).toBeGreaterThanOrEqual(5);
  const page = (args: string) =>
    sentFor(`query ($ids: [ID!]!) { nodes(ids: $ids) { ... on ${list.owner} { ${list.field}${args} } } }`, { ids });
  const [pages] = (await page("(first: 5) { nodes { id } }")).sent.filter(({ text }) => text.includes("LATERAL"));
  await expectIndexes([pages!], what);
  const scans = await scansOf(pages!, ...noSorting);
  expect({ what, few: touched(scans) <= 20 * 12 }).toEqual({ what, few: true });
  await expectIndexes((await page("(first: 0) { totalCount }")).sent.slice(-1), what);
});

test.each(resourceTypes)("relations of %s are read by ids", async (type) => {
  for (const { field, kind, to } of linksOf(type)) {
    const model = models.get(modelOf(type))!;
    if (kind === "connection" || !model.relations[field]) continue;
    const { rows } = await client.query(
      `SELECT id FROM "${model.table}" WHERE mode = 'test' ORDER BY created_at LIMIT 20`,
    );
    const { sent } = await sentFor(`query ($ids: [ID!]!) { nodes(ids: $ids) { ... on ${type} { ${field} { id } } } }`, {
      ids: rows.map(({ id }) => id),
    });
    await expectIndexes(sent, [type, field, to]);
  }
});

test.each(lookUps.map((lookUp) => [lookUp.field, lookUp] as const))(
  "%s is found by index, by each of its keys",
  async (field, lookUp) => {
    const { table, columns } = models.get(lookUp.model)!;
    for (const key of lookUp.keys) {
      const column = columns[key]!.column;
      const { rows } = await client.query(
        `SELECT "${column}" AS value FROM "${table}" WHERE mode = 'test' AND "${column}" IS NOT NULL
       GROUP BY 1 HAVING count(*) = 1 LIMIT 1`,
      );
      const value = key === "reference" ? { reference: rows[0].value } : rows[0].value;
      const { sent } = await sentFor(
        `query ($value: ${lookUp.input}) { ${field}(${lookUp.argument}: $value) { id } }`,
        {
          value: lookUp.argument === "by" ? { [key]: value } : value,
        },
      );
      expect(sent).toHaveLength(1);
      await expectIndexes(sent, [field, key]);
    }
  },
);

test("nodes with ids of unknown type use indexes on every table", async () => {
  const { sent } = await sentFor('{ nodes(ids: ["nothing", "nobody"]) { id } }');
  expect(sent).toHaveLength(1);
  const scans = await expectIndexes(sent, "nodes");
  expect(new Set(scans.map(({ table }) => table)).size).toBe(models.size);
});

describe("the JSON:API", () => {
  async function sentByPath(path: string, as: NonNullable<Caller> = { kind: "integration" }): Promise<Sent[]> {
    const headers = { authorization: `Bearer ${await app.token(as)}` };
    app.statements();
    const response = await fetch(app.url + path, { headers });
    expect([path, response.status]).toEqual([path, 200]);
    await response.arrayBuffer();
    return app.statements();
  }

  const q = (filter: string, value: string) => `filter[q][${filter}]=${encodeURIComponent(value)}`;
  /** Lists with a filter, and the column by which an index has to find the rows. */
  const lists: [path: string, table: string, column: string][] = [
    [`customers?${q("id_eq", "cus_none")}`, "customers", "id"],
    [`customers?${q("id_gt", "cus_b01")}&sort=id`, "customers", "id"],
    [`customers?${q("id_in", "cus_none,cus_nobody")}`, "customers", "id"],
    [`customers?${q("email_eq", "none@example.com")}`, "customers", "email"],
    [`customers?${q("email_eq_or_null", "none@example.com")}`, "customers", "email"],
    [`customers?${q("email_start", "nobody@")}`, "customers", "email"],
    [`customers?${q("email_end", "@nowhere.example")}`, "customers", "email"],
    [`customers?${q("email_matches", "nob%@nowhere.example")}`, "customers", "email"],
    [`customers?${q("email_cont_any", "nobody-1,nobody-2")}`, "customers", "email"],
    [`customers?${q("email_or_reference_start", "nobody")}`, "customers", "email|reference"],
    [`customers?${q("reference_present", "true")}`, "customers", "reference"],
    [`customers?${q("metadata_jcont", '{"no-such-key":"x"}')}`, "customers", "metadata"],
    [`customers?${q("total_orders_count_gteq", "100000")}`, "customers", "total_orders_count"],
    [`customers?${q("updated_at_gteq", "2999-01-01")}&sort=updated_at`, "customers", "updated_at"],
    [`customers?${q("updated_at_gteq", "2999-01-01")}&sort=-updated_at,id`, "customers", "updated_at"],
    [`customers?${q("created_at_lt", "1999-01-01")}`, "customers", "created_at"],
    [`customers?${q("anonymization_status_eq", "requested")}`, "customers", "anonymization_status"],
    [`customers?${q("customer_group_id_in", "cgr_none")}`, "customers", "customer_group_id"],
    [`customers?${q("customer_group_null", "true")}`, "customers", "customer_group_id"],
    [`customers?${q("customer_group_name_eq", "no such group")}`, "customer_groups", "name"],
    [`customers?${q("tags_id_in", "tag_none")}`, "customer_tags", "tag_id"],
    [`customers?${q("tags_name_eq", "no-such-tag")}`, "tags", "name"],
    [`customers?${q("orders_number_eq", "none")}`, "orders", "number"],
    [`orders?${q("status_matches_any", "draft,editing")}`, "orders", "status"],
    [`orders?${q("customer_email_cont", "nobody@nowhere")}`, "orders", "customer_email"],
    [`orders?${q("order_subscription_id_eq", "osu_none")}`, "orders", "order_subscription_id"],
    [`orders?${q("customer_null", "true")}`, "orders", "customer_id"],
    [`orders?${q("placed_at_gteq", "2999-01-01")}&sort=placed_at`, "orders", "placed_at"],
    [
      `order_subscriptions?${q("number_or_customer_email_cont", "nobody@nowhere")}`,
      "order_subscriptions",
      "number|customer_email",
    ],
    [`order_subscriptions?${q("frequency_matches", "never")}`, "order_subscriptions", "frequency"],
    [`returns?${q("origin_address_company_cont", "no such company")}`, "addresses", "company"],
    [`addresses?${q("first_name_cont", "nobody")}`, "addresses", "first_name"],
    [`addresses?${q("last_name_start", "nobody")}`, "addresses", "last_name"],
    [`addresses?${q("company_matches", "%no such company%")}`, "addresses", "company"],
    [`addresses?${q("full_name_eq", "Nobody At All")}`, "addresses", "full_name"],
    [`markets?${q("disabled_at_null", "true")}&page[size]=1`, "markets", "disabled_at"],
    [`tags?${q("name_i_cont", "no-such")}`, "tags", "name"],
  ];

  test.each(lists)("%s finds and counts its rows by an index of %s (%s)", async (path, table, column) => {
    const sent = await sentByPath(`/api/${path}`);
    expect(sent).toHaveLength(1);
    const names = new RegExp(`\\b(${column})\\b`);
    expect((await scansOf(sent[0]!, "SET LOCAL enable_seqscan = off")).filter(isWhole)).toEqual([]);
    // Of small tables another index is often as good.
    const isPattern = /_(start|end|cont)/.test(path);
    const others = indexes.filter(
      (one) =>
        one.table === table && !one.primary && (!names.test(one.columns.join()) || (isPattern && one.method !== "gin")),
    );
    const drops = others.map(({ name }) => `DROP INDEX "${name}"`);
    const scans = await scansOf(sent[0]!, "SET LOCAL enable_seqscan = off", ...drops);
    const found = scans.filter((scan) => scan.table === table);
    expect(found.some(({ condition }) => names.test(condition))).toBe(true);
  });

  test("pages, and their counts, are read by index", async () => {
    for (const path of [
      "customers?sort=-created_at&page[size]=25",
      "customers?sort=email&page[number]=3",
      `customers?${q("status_in", "prospect")}&sort=-created_at`,
      `orders?${q("status_in", "placed")}&sort=-placed_at`,
      "orders?sort=-updated_at&include=customer,billing_address,line_items",
    ]) {
      const [statement] = await sentByPath(`/api/${path}`);
      const scans = await scansOf(statement!, "SET LOCAL enable_seqscan = off");
      expect(scans.length).toBeGreaterThan(0);
      expect({ path, whole: scans.filter(isWhole) }).toEqual({ path, whole: [] });
    }
  });

  test("what a customer is related to is found by its key", async () => {
    const { rows } = await client.query(
      "SELECT customer_id AS id FROM orders WHERE mode = 'test' AND customer_id IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1",
    );
    for (const path of [
      "orders?sort=-placed_at&page[size]=5",
      `orders?${q("status_not_in", "draft,pending")}&sort=-total_amount_cents`,
      "order_subscriptions?sort=-starts_at",
      "customer_addresses?include=address",
      "customer_payment_sources?include=payment_source",
      "tags?page[size]=25",
      "returns",
      "attachments",
      "relationships/orders",
    ]) {
      for (const as of [{ kind: "integration" }, { kind: "customer", id: rows[0].id }] as const) {
        // Shoppers read no tags.
        if (as.kind === "customer" && path.startsWith("tags")) continue;
        for (const statement of await sentByPath(`/api/customers/${rows[0].id}/${path}`, as)) {
          const scans = await scansOf(statement, "SET LOCAL enable_seqscan = off");
          expect({ path, whole: scans.filter(isWhole) }).toEqual({ path, whole: [] });
          expect({ path, few: touched(scans) < 1_000 }).toEqual({ path, few: true });
        }
      }
    }
  });
});

describe("all rows of a customer", () => {
  const works = {
    erasure: erase,
    preview: previewErasure,
    export: async (query: Query, id: string) => {
      for await (const _ of subjectExport(query, id));
    },
  };
  test.each(Object.entries(works))("are found by indexes for the %s", async (_, work) => {
    // One with some of everything.
    const { rows } = await client.query(
      `SELECT c.id FROM customers c JOIN orders o ON o.customer_id = c.id JOIN returns r ON r.customer_id = c.id
         JOIN sku_lists s ON s.customer_id = c.id JOIN customer_addresses a ON a.customer_id = c.id
       GROUP BY 1 ORDER BY count(*), 1 LIMIT 1`,
    );
    app.statements();
    await app.database.transaction(async (query) => {
      await work(query, rows[0].id);
      await query("ROLLBACK", []);
      await query("BEGIN", []);
    });
    const sent = app.statements().filter(({ text }) => !/^(BEGIN|COMMIT|ROLLBACK)/.test(text));
    expect(sent.length).toBeGreaterThan(15);
    for (const statement of sent) {
      // Of small tables it is right to read the whole, unless that is forbidden; then only what has no index is read so.
      const scans = await scansOf(
        statement,
        "SET LOCAL enable_seqscan = off",
        "SET LOCAL customer_graph.audit = 'off'",
      );
      const what = { text: statement.text };
      expect({ ...what, whole: scans.filter(isWhole) }).toEqual({ ...what, whole: [] });
      expect({ ...what, few: touched(scans) < 1_000 }).toEqual({ ...what, few: true });
    }
  });
});
