import { models } from "../src/graph/model/datamodel.js";
import { modelTypeNamed } from "../src/graph/schema/model.js";
import { createTestApp, type TestApp } from "./support/app.js";
import { inMode, type List, modelOf, nestedLists, related, rootLists } from "./support/graph.js";
import fc from "./support/property.js";
import { createWorld, insert, type Row, type World } from "./support/rows.js";

let app: TestApp;
let world: World;
/** The place of each row by each sortable column, as PostgreSQL alone sorts it; equal values share a place. */
const places = new Map<string, Map<string, number | null>>();

beforeAll(async () => {
  app = await createTestApp({ demo: false });
  world = await createWorld(app.database.pool, () => 64);
  for (const { model, sortable } of [...rootLists, ...nestedLists]) {
    const { table, columns } = models.get(model)!;
    for (const { field } of sortable) {
      if (places.has(`${model}.${field}`)) continue;
      const column = columns[field]!.column;
      const { rows } = await app.database.pool.query<{ id: string; place: number | null }>(
        `SELECT id, CASE WHEN "${column}" IS NOT NULL THEN dense_rank() OVER (ORDER BY "${column}") END::int AS place FROM "${table}"`,
      );
      places.set(`${model}.${field}`, new Map(rows.map(({ id, place }) => [id, place])));
    }
  }
  app.statements();
}, 60_000);
afterAll(() => app.stop());

interface Key {
  field: string;
  direction?: "ASC" | "DESC";
  nulls?: "FIRST" | "LAST";
}

interface Page {
  totalCount: number;
  edges: { cursor: string; node: { id: string } }[];
  nodes: { id: string }[];
  pageInfo: Record<"hasNextPage" | "hasPreviousPage", boolean> & Record<"startCursor" | "endCursor", string | null>;
}

interface Arguments {
  first?: number;
  last?: number;
  after?: string | null;
  before?: string | null;
  offset?: number;
  orderBy?: Key[];
  filter?: object;
}

/** Sends one page's query, of a root list or of a list of `parent`. */
function ask(list: List, parent: Row | undefined, variables: Arguments, selection = everything) {
  const offset = list.numbered ? ["$offset: Int", ", offset: $offset"] : ["", ""];
  const field = `list: ${list.field}(first: $first, last: $last, after: $after, before: $before, orderBy: $orderBy, filter: $filter${offset[1]}) { ${selection} }`;
  const place = parent ? `node(id: $id) { ... on ${list.owner} { ${field} } }` : field;
  const query = `query ($first: Int, $last: Int, $after: String, $before: String, $orderBy: [${list.model}Order!],
    $filter: ${list.model}Filter, ${offset[0]} ${parent ? "$id: ID!" : ""}) { ${place} }`;
  return app.query(query, { ...variables, id: parent?.id });
}

const everything =
  "totalCount edges { cursor node { id } } nodes { id } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }";

async function read(list: List, parent: Row | undefined, variables: Arguments): Promise<Page> {
  const { data, errors } = await ask(list, parent, variables);
  expect(errors).toBeUndefined();
  const page: Page = parent ? data.node.list : data.list;
  expect(page.nodes).toEqual(page.edges.map(({ node }) => node));
  expect(page.pageInfo.startCursor).toBe(page.edges[0]?.cursor ?? null);
  expect(page.pageInfo.endCursor).toBe(page.edges.at(-1)?.cursor ?? null);
  return page;
}

/** Reads a list from one end to the other, page by page, and checks what each page says of itself. */
async function walk(
  list: List,
  parent: Row | undefined,
  args: Arguments,
  size: number,
  backward: boolean,
  total: number,
): Promise<string[]> {
  const found: string[] = [];
  let cursor: string | null = null;
  for (;;) {
    const place: Arguments = backward ? { last: size, before: cursor } : { first: size, after: cursor };
    const page = await read(list, parent, { ...args, ...place });
    const ids = page.nodes.map(({ id }) => id);
    if (backward) found.unshift(...ids);
    else found.push(...ids);
    const { hasNextPage, hasPreviousPage } = page.pageInfo;
    expect(page.totalCount).toBe(total);
    expect([hasNextPage, hasPreviousPage]).toEqual(
      backward ? [cursor !== null, found.length < total] : [found.length < total, cursor !== null],
    );
    if (!(backward ? hasPreviousPage : hasNextPage)) return found;
    expect(ids).toHaveLength(size);
    cursor = backward ? page.pageInfo.startCursor : page.pageInfo.endCursor;
  }
}

/** Below zero when `a` comes first, 0 when the keys do not tell. */
function compare(list: List, keys: readonly Key[], a: string, b: string): number {
  for (const { field, direction = "ASC", nulls = direction === "ASC" ? "LAST" : "FIRST" } of keys) {
    const column = list.sortable.find(({ name }) => name === field)!.field;
    const [x, y] = [a, b].map((id) => places.get(`${list.model}.${column}`)!.get(id)!) as [
      number | null,
      number | null,
    ];
    if (x === y) continue;
    if (x === null || y === null) return (x === null) === (nulls === "FIRST") ? -1 : 1;
    return (x - y) * (direction === "ASC" ? 1 : -1);
  }
  return 0;
}

function keysOf(list: List): fc.Arbitrary<Key[]> {
  const key = fc.record(
    {
      field: fc.constantFrom(...list.sortable.map(({ name }) => name)),
      direction: fc.constantFrom("ASC" as const, "DESC" as const),
      nulls: fc.constantFrom("FIRST" as const, "LAST" as const),
    },
    { requiredKeys: ["field"] },
  );
  return fc.array(key, { minLength: 1, maxLength: 3 });
}

/** The rows that have the list, those with the longest first. */
function parentsOf(list: List): Row[] {
  const model = modelOf(list.owner!);
  const { kindField, rowType } = modelTypeNamed(model);
  const ofType = inMode(world.rows.get(model)!, "test").filter((row) => !kindField || rowType(row).name === list.owner);
  const rows = ofType.map((row) => ({ row, length: visible(list, row).length }));
  return rows.sort((a, b) => b.length - a.length).map(({ row }) => row);
}

/** The nth of them, or one before it if there are fewer; -1 is the last. Undefined for root lists. */
function parentOf(list: List, nth: number): Row | undefined {
  if (!list.owner) return undefined;
  const parents = parentsOf(list);
  return parents.at(Math.min(nth, parents.length - 1));
}

/** Any list, with one of the rows that have it, an order and page sizes. */
const walks = (lists: readonly List[]) =>
  fc.constantFrom(...lists).chain((list) =>
    fc.record({
      list: fc.constant(list),
      parent: fc.nat({ max: 3 }),
      keys: fc.option(keysOf(list), { nil: undefined }),
      sizes: fc.tuple(...[1, 2, 3].map(() => fc.constantFrom(3, 4, 5, 7, 11, 20, 47, 48, 49, 100))),
      filtered: fc.boolean(),
    }),
  );

async function everyRowOnce({ list, parent: nth, keys, sizes, filtered }: Walk) {
  const parent = parentOf(list, nth);
  // Two of three rows, said by alternatives, which must not break up the rest of the condition.
  const kept = visible(list, parent).flatMap(({ id }, i) => (filtered && i % 3 === 0 ? [] : [id]));
  const half = kept.length / 2;
  const filter = { or: [{ id: { in: kept.slice(0, half) } }, { id: { in: kept.slice(half) } }] };
  const args: Arguments = { orderBy: keys, filter: filtered ? filter : undefined };

  const forward = await walk(list, parent, args, sizes[0]!, false, kept.length);
  expect([...forward].sort()).toEqual([...kept].sort());
  for (let i = 1; i < forward.length; i++) {
    expect(compare(list, keys ?? [], forward[i - 1]!, forward[i]!)).toBeLessThanOrEqual(0);
  }
  expect(await walk(list, parent, args, sizes[1]!, true, kept.length)).toEqual(forward);

  if (!list.numbered) return;
  for (let offset = 0; offset < kept.length + sizes[2]!; offset += sizes[2]!) {
    const page = await read(list, parent, { ...args, first: sizes[2], offset });
    expect(page.nodes.map(({ id }) => id)).toEqual(forward.slice(offset, offset + sizes[2]!));
    expect(page.pageInfo.hasNextPage).toBe(offset + sizes[2]! < kept.length);
    expect(page.pageInfo.hasPreviousPage).toBe(offset > 0 && kept.length > 0);
  }
}
type Walk = typeof walks extends (lists: readonly List[]) => fc.Arbitrary<infer W> ? W : never;

test("all root lists are paginated and sortable", () => {
  expect(rootLists.length).toBeGreaterThanOrEqual(9);
  expect(nestedLists.length).toBeGreaterThanOrEqual(40);
  for (const { sortable } of [...rootLists, ...nestedLists]) expect(sortable.length).toBeGreaterThan(2);
});

test.each(rootLists.map((list) => [list.field, list] as const))(
  "pages of %s in any order and size return every row exactly once",
  async (_, list) => {
    await fc.assert(fc.asyncProperty(walks([list]), everyRowOnce), { numRuns: 6 });
  },
);

test("nested pagination returns every row exactly once, for any sort order and page size", async () => {
  await fc.assert(fc.asyncProperty(walks(nestedLists), everyRowOnce), { numRuns: 80 });
});

/** The rows of a list that can be seen. */
function visible(list: List, parent: Row | undefined): Row[] {
  const rows = parent ? related(world, modelOf(list.owner!), list.field, parent) : world.rows.get(list.model)!;
  return inMode(rows, "test");
}

/** Any list of a root field, or of the row with the longest, second longest or shortest one. */
const anyList = fc
  .constantFrom(...rootLists, ...nestedLists)
  .chain((list) => fc.record({ list: fc.constant(list), nth: fc.constantFrom(0, 1, -1), keys: keysOf(list) }));

test("pageInfo of an empty page tells whether there are rows before and after it", async () => {
  const property = fc.asyncProperty(anyList, async ({ list, nth, keys }) => {
    const parent = parentOf(list, nth);
    const total = visible(list, parent).length;
    const info = async (args: Arguments) => {
      const { nodes, pageInfo, totalCount } = await read(list, parent, { orderBy: keys, ...args });
      expect([nodes, totalCount]).toEqual([[], total]);
      return [pageInfo.hasPreviousPage, pageInfo.hasNextPage];
    };
    expect(await info({ first: 0 })).toEqual([false, total > 0]);
    expect(await info({ last: 0 })).toEqual([total > 0, false]);
    if (list.numbered) {
      expect(await info({ first: 0, offset: 1 })).toEqual([total > 0, total > 1]);
      expect(await info({ first: 5, offset: total + 1 })).toEqual([total > 0, false]);
    }
    if (!total) return;
    const { edges } = await read(list, parent, { orderBy: keys, first: 2 });
    expect(await info({ first: 0, after: edges[0]!.cursor })).toEqual([true, total > 1]);
    expect(await info({ last: 0, before: edges[0]!.cursor })).toEqual([false, true]);
    expect(await info({ last: 0, before: edges.at(-1)!.cursor })).toEqual([total > 1, true]);
  });
  await fc.assert(property, { numRuns: 40 });
});

test("cursors are valid only for their own list and sort order", async () => {
  const twoLists = anyList.chain((from) =>
    fc.tuple(
      fc.constant(from),
      fc.oneof(
        anyList,
        keysOf(from.list).map((keys) => ({ ...from, keys })),
        // Said in other words: what an order says by default, and the id, which it always ends with.
        fc.constant<typeof from>({
          ...from,
          keys: [...from.keys, from.keys[0]!, { ...from.keys.at(-1)!, field: "ID" }],
        }),
      ),
    ),
  );
  const property = fc.asyncProperty(twoLists, async ([from, to]) => {
    const parent = parentOf(from.list, 0);
    if (!visible(from.list, parent).length) return;
    const { edges } = await read(from.list, parent, { orderBy: from.keys, first: 1 });
    const variables = { orderBy: to.keys, first: 1, after: edges[0]!.cursor };
    const { errors } = await ask(to.list, parentOf(to.list, 0), variables);
    if (sameOrder(from, to)) return expect(errors).toBeUndefined();
    expect(errors?.[0]?.extensions).toEqual({ code: "CURSOR_MISMATCH", argument: ["after"] });
  });
  await fc.assert(property, { numRuns: 60 });
});

/** Whether two lists have the same rows in the same order, said in whatever way. */
function sameOrder(...lists: { list: List; keys: Key[] }[]): boolean {
  const [one, other] = lists.map(({ list, keys }) => {
    const order = keys.map(({ field, direction = "ASC", nulls }) => {
      const column = list.sortable.find(({ name }) => name === field)!.field;
      const nullable = models.get(list.model)!.columns[column]!.nullable;
      const first = nullable && (nulls ?? (direction === "ASC" ? "LAST" : "FIRST")) === "FIRST";
      return { field, text: `${field} ${direction}${first ? " nulls first" : ""}` };
    });
    order.push({ field: "ID", text: `ID ${keys.at(-1)!.direction ?? "ASC"}` });
    const once = order.filter(({ field }, i) => order.findIndex((key) => key.field === field) === i);
    const decisive = once.slice(0, once.findIndex(({ field }) => field === "ID") + 1);
    return `${list.model}: ${decisive.map(({ text }) => text)}`;
  });
  return one === other;
}

test("a forged cursor is refused, or pages as if it were a row", async () => {
  const list = rootLists.find(({ field }) => field === "orderSubscriptions")!;
  const keys = ["STATUS", "NEXT_RUN_AT", "NUMBER"].map((field): Key => ({ field }));
  const { edges } = await read(list, undefined, { orderBy: keys, first: 1 });
  const [signature, ...keyset] = JSON.parse(Buffer.from(edges[0]!.cursor, "base64url").toString()) as unknown[];
  const odd = fc.oneof(
    fc.constantFrom("2026-02-30T00:00:00.000Z", "0000-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z (noon)", "now"),
    fc.constantFrom("\0", "\ud800", "active", "ACTIVE", "", Number.MAX_VALUE, -0, 2 ** 31, "infinity", "2026-01-01"),
    fc.json({ maxDepth: 2 }).map((json) => JSON.parse(json) as unknown),
    fc.string({ unit: "binary" }),
  );
  const forged = fc.oneof(
    fc.string(),
    fc.base64String(),
    odd.map((value) => JSON.stringify(value)).map(encode),
    fc.tuple(fc.nat({ max: 4 }), odd).map(([at, value]) => {
      const parts = [signature, ...keyset];
      parts[at] = value;
      return encode(JSON.stringify(parts));
    }),
    fc.array(odd, { maxLength: 6 }).map((values) => encode(JSON.stringify([signature, ...values]))),
  );
  const property = fc.asyncProperty(forged, fc.boolean(), async (cursor, backward) => {
    const place = backward ? { last: 3, before: cursor } : { first: 3, after: cursor };
    const { errors } = await ask(list, undefined, { ...place, orderBy: keys });
    // A text that PostgreSQL cannot hold is refused before anything looks at cursors.
    if (errors && !cursor.includes("\0") && cursor.isWellFormed()) {
      expect(errors[0]!.extensions).toEqual({ code: "CURSOR_MISMATCH", argument: [backward ? "before" : "after"] });
    }
    expect(errors?.[0]?.extensions.code).not.toBe("INTERNAL_SERVER_ERROR");
  });
  await fc.assert(property, { numRuns: 150, examples: [["", false]] });
});

function encode(text: string): string {
  return Buffer.from(text).toString("base64url");
}

test("pagination continues after the row of the cursor was deleted, and includes new rows", async () => {
  const list = rootLists.find(({ field }) => field === "tags")!;
  const names = async (args: Arguments) => {
    const { data } = await ask(
      list,
      undefined,
      { orderBy: [{ field: "NAME" }], ...args },
      "nodes { name } pageInfo { endCursor }",
    );
    return data.list as { nodes: { name: string }[]; pageInfo: { endCursor: string } };
  };
  const put = (name: string) => insert(app.database.query, "Tag", { id: `tag_walk_${name}`, name });
  for (const name of ["0a", "0b", "0d"]) await put(name);
  const { nodes, pageInfo } = await names({ first: 2 });
  expect(nodes.map(({ name }) => name)).toEqual(["0a", "0b"]);
  await app.database.pool.query("DELETE FROM tags WHERE name = '0b'");
  await put("0c");
  const next = await names({ first: 2, after: pageInfo.endCursor });
  expect(next.nodes.map(({ name }) => name)).toEqual(["0c", "0d"]);
  await app.database.pool.query("DELETE FROM tags WHERE id LIKE 'tag\\_walk\\_%'");
});
