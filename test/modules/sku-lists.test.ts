import { type Caller, createTestApp, type TestApp } from "../support/app.js";
import { onlyField, type UserError } from "../support/operation-data.js";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.stop());

const ada = { kind: "customer", id: "cus_ada" } as const;
const bruno = { kind: "customer", id: "cus_bruno" } as const;
const LIST = `skuList { id name slug description imageUrl manual skuCodeRegex version customer { id }
  skuListItems { nodes { skuCode quantity position sku { code } } } } userErrors { code message path }`;
const ITEM = "skuListItem { id skuCode quantity position version skuList { id } } userErrors { code message path }";
const CREATE = `mutation ($input: SkuListCreateInput!) { skuListCreate(input: $input) { ${LIST} } }` as const;
const UPDATE = `mutation ($id: ID!, $ifVersion: Int, $input: SkuListUpdateInput!) {
  skuListUpdate(id: $id, ifVersion: $ifVersion, input: $input) { ${LIST} } }` as const;
const DELETE = "mutation ($id: ID!) { skuListDelete(id: $id) { deletedId userErrors { code path } } }";
const ADD = `mutation ($input: SkuListItemCreateInput!) { skuListItemCreate(input: $input) { ${ITEM} } }` as const;
const CHANGE =
  `mutation ($id: ID!, $input: SkuListItemUpdateInput!) { skuListItemUpdate(id: $id, input: $input) { ${ITEM} } }` as const;
const DROP = "mutation ($id: ID!) { skuListItemDelete(id: $id) { deletedId userErrors { code path } } }";

async function send<const Document extends string>(
  document: Document,
  variables: Record<string, unknown>,
  as?: Caller,
) {
  const { data, errors } = await app.query(document, variables, as === undefined ? {} : { as });
  expect(errors).toBeUndefined();
  return onlyField(data);
}
const create = (input: object, as?: Caller) => send(CREATE, { input }, as);
const update = (id: string, input: object, as?: Caller) => send(UPDATE, { id, input }, as);
const codes = ({ userErrors }: { userErrors: UserError[] }) => userErrors.map(({ code, path }) => [code, ...path]);

test("skuListCreate creates a list with its items", async () => {
  const { skuList, userErrors } = await create(
    {
      name: "Für Mamá's Geburtstag!",
      description: "In May",
      imageUrl: "https://example.com/cake.png",
      items: [
        { skuCode: "CAP-RED", quantity: 2, position: 2 },
        { skuCode: "MUG-BLUE", position: 1 },
        { skuCode: "POSTER-A2" },
      ],
    },
    ada,
  );
  expect(userErrors).toEqual([]);
  expect(skuList).toMatchObject({
    slug: "fur-mama-s-geburtstag",
    description: "In May",
    imageUrl: "https://example.com/cake.png",
    manual: true,
    skuCodeRegex: null,
    customer: { id: "cus_ada" },
    skuListItems: {
      nodes: [
        { skuCode: "MUG-BLUE", quantity: 1, position: 1, sku: { code: "MUG-BLUE" } },
        { skuCode: "CAP-RED", quantity: 2, position: 2, sku: { code: "CAP-RED" } },
        { skuCode: "POSTER-A2", quantity: 1, position: null, sku: { code: "POSTER-A2" } },
      ],
    },
  });
  const renamed = await update(skuList.id, { name: "May", description: null }, ada);
  expect(renamed.skuList).toMatchObject({ name: "May", slug: skuList.slug, description: null, version: 2 });
  expect(renamed.skuList.imageUrl).toBe("https://example.com/cake.png");
  expect(await send(DELETE, { id: skuList.id }, ada)).toEqual({ deletedId: skuList.id, userErrors: [] });
  const { rows } = await app.database.pool.query("SELECT 1 FROM sku_list_items WHERE sku_list_id = $1", [skuList.id]);
  expect(rows).toEqual([]);
});

test("skuListCreate reports all errors of list and items at once, and creates nothing", async () => {
  const answer = await create({
    name: "",
    imageUrl: "cake.png",
    customerId: "cus_nobody",
    items: [{ skuCode: "CAP-RED", quantity: 0 }, { skuCode: "NO-SUCH" }, { skuCode: "MUG-BLUE" }],
  });
  expect(answer.skuList).toBeNull();
  expect(codes(answer)).toEqual([
    ["INVALID", "input", "name"],
    ["INVALID", "input", "imageUrl"],
    ["NOT_FOUND", "input", "customerId"],
    ["INVALID", "input", "items", "0", "quantity"],
    ["NOT_FOUND", "input", "items", "1", "skuCode"],
  ]);
  const many = Array(101).fill({ skuCode: "CAP-RED" });
  expect(codes(await create({ name: "Much", items: many }))).toEqual([["INVALID", "input", "items"]]);
});

test("a list with manual: false requires a skuCodeRegex of PostgreSQL and JavaScript, and takes no items", async () => {
  expect(codes(await create({ name: "Auto", manual: false }))).toEqual([["INVALID", "input", "skuCodeRegex"]]);
  for (const skuCodeRegex of ["(", "a**", "(?<name>a)", "[[:alpha:]", "x".repeat(5_001)]) {
    expect(codes(await create({ name: "Auto", manual: false, skuCodeRegex }))).toEqual([
      ["INVALID", "input", "skuCodeRegex"],
    ]);
  }
  expect(
    codes(await create({ name: "Auto", manual: false, skuCodeRegex: "^A", items: [{ skuCode: "CAP-RED" }] })),
  ).toEqual([["INVALID", "input", "items"]]);
  const { skuList } = await create({ name: "Auto", manual: false, skuCodeRegex: "^(MUG|CAP)-" });
  expect(skuList).toMatchObject({ manual: false, skuCodeRegex: "^(MUG|CAP)-", customer: null });
  const item = { skuListId: skuList.id, skuCode: "CAP-RED" };
  expect(codes(await send(ADD, { input: item }))).toEqual([["WRONG_STATE", "input", "skuListId"]]);
  expect(codes(await update(skuList.id, { skuCodeRegex: null }))).toEqual([["INVALID", "input", "skuCodeRegex"]]);
  expect(codes(await update(skuList.id, { manual: true, skuCodeRegex: null }))).toEqual([]);
  expect(codes(await send(ADD, { input: item }))).toEqual([]);
  expect(codes(await update(skuList.id, { manual: false, skuCodeRegex: "^A" }))).toEqual([
    ["WRONG_STATE", "input", "manual"],
  ]);
  expect(codes(await update(skuList.id, { manual: null }))).toEqual([["INVALID", "input", "manual"]]);
});

test("skuListCreate with a skuCodeRegex that is costly to compile is answered quickly", async () => {
  const nested = `${"(".repeat(6)}a${"{1,200})".repeat(6)}`;
  const began = Date.now();
  await Promise.all(
    [nested, "(a|b)*".repeat(800), `(${"a?".repeat(2_000)})\\1`].map((skuCodeRegex) =>
      create({ name: "Costly", manual: false, skuCodeRegex }),
    ),
  );
  expect(Date.now() - began).toBeLessThan(5_000);
});

test("concurrent skuListCreate with one name: 20 unique slugs", async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, () => create({ name: "Très chic" })));
  const slugs = answers.map(({ skuList }) => skuList.slug).sort();
  expect(slugs).toEqual(["tres-chic", ...Array.from({ length: 19 }, (_, i) => `tres-chic-${i + 1}`)].sort());
  const { skuList } = await create({ name: "日本" });
  expect(skuList.slug).toBe("list");
});

test("the slug of a new list reveals nothing of other customers' lists", async () => {
  const name = "Coffee Corner";
  const [own, other, shops] = [await create({ name }, ada), await create({ name }, bruno), await create({ name })];
  expect([own, other].map(({ skuList }) => skuList.slug)).toEqual(["coffee-corner", "coffee-corner"]);
  // The demo's shop has one.
  expect(shops.skuList.slug).toBe("coffee-corner-1");
  expect((await create({ name }, ada)).skuList.slug).toBe("coffee-corner-1");
  const bySlug = (as?: Caller) =>
    app.query(`{ skuList(by: { slug: "coffee-corner" }) { id } }`, {}, as === undefined ? {} : { as });
  expect((await bySlug(ada)).data.skuList.id).toBe(own.skuList.id);
  expect((await bySlug(bruno)).data.skuList.id).toBe(other.skuList.id);
  // Who sees them all has to say which.
  expect((await bySlug()).errors?.[0]).toMatchObject({
    message: "`by.slug` names several SKU lists; list them with a filter instead.",
    extensions: { code: "BAD_USER_INPUT" },
  });
  const moved = await update(other.skuList.id, { customerId: "cus_ada" });
  expect(moved).toMatchObject({ skuList: { slug: "coffee-corner-2", customer: { id: "cus_ada" } }, userErrors: [] });
});

test("skuListItemCreate, skuListItemUpdate and skuListItemDelete change one item of a list", async () => {
  const { skuList } = await create({ name: "Items" }, ada);
  const added = await send(ADD, { input: { skuListId: skuList.id, skuCode: "CAP-RED" } }, ada);
  expect(added.skuListItem).toMatchObject({ skuCode: "CAP-RED", quantity: 1, position: null, version: 1 });
  const { id } = added.skuListItem;
  expect((await send(CHANGE, { id, input: { quantity: 4, position: 3 } }, ada)).skuListItem).toMatchObject({
    quantity: 4,
    position: 3,
    version: 2,
  });
  expect((await send(CHANGE, { id, input: { position: null } }, ada)).skuListItem).toMatchObject({
    quantity: 4,
    position: null,
  });
  expect(codes(await send(CHANGE, { id, input: { quantity: null, position: -1 } }, ada))).toEqual([
    ["INVALID", "input", "position"],
    ["INVALID", "input", "quantity"],
  ]);
  expect(codes(await send(ADD, { input: { skuListId: skuList.id, skuCode: "cap-red" } }, ada))).toEqual([
    ["NOT_FOUND", "input", "skuCode"],
  ]);
  expect(await send(DROP, { id }, ada)).toEqual({ deletedId: id, userErrors: [] });
  expect(codes(await send(DROP, { id }, ada))).toEqual([["NOT_FOUND", "id"]]);
});

test("a customer's SKU lists: others' are NOT_FOUND, and its own cannot be given away", async () => {
  expect(codes(await create({ name: "Theirs", customerId: "cus_bruno" }, ada))).toEqual([
    ["NOT_FOUND", "input", "customerId"],
  ]);
  expect((await create({ name: "Mine", customerId: null }, ada)).skuList.customer.id).toBe("cus_ada");
  expect(codes(await update("skl_ada_wishes", { customerId: null }, ada))).toEqual([
    ["INVALID", "input", "customerId"],
  ]);
  expect(codes(await update("skl_ada_wishes", { customerId: "cus_mia" }, ada))).toEqual([
    ["NOT_FOUND", "input", "customerId"],
  ]);
  for (const id of ["skl_mia_wishes", "skl_coffee_corner", "skl_nobody"]) {
    expect((await update(id, { name: "x" }, ada)).userErrors).toEqual([
      { code: "NOT_FOUND", path: ["id"], message: "There is no SKU list with this id." },
    ]);
    expect(codes(await send(DELETE, { id }, ada))).toEqual([["NOT_FOUND", "id"]]);
    expect(codes(await send(ADD, { input: { skuListId: id, skuCode: "CAP-RED" } }, ada))).toEqual([
      ["NOT_FOUND", "input", "skuListId"],
    ]);
  }
  expect(codes(await send(DROP, { id: "sli_mia_wishes_1" }, ada))).toEqual([["NOT_FOUND", "id"]]);
  const { errors } = await app.query(CREATE, { input: { name: "x" } }, { as: { kind: "guest" } });
  expect(errors?.[0]?.extensions.code).toBe("FORBIDDEN");
});

test("skuListUpdate by staff sets customerId, except to an anonymized customer", async () => {
  const { skuList } = await create({ name: "Gift" });
  expect((await update(skuList.id, { customerId: "cus_mia" })).skuList.customer.id).toBe("cus_mia");
  expect((await update(skuList.id, { customerId: null })).skuList.customer).toBeNull();
  const { rows } = await app.database.pool.query(
    "SELECT id FROM customers WHERE mode = 'test' AND anonymization_status = 'completed'",
  );
  const erased = { customerId: rows[0].id };
  expect(codes(await update(skuList.id, erased))).toEqual([["WRONG_STATE", "input", "customerId"]]);
  expect(codes(await create({ name: "Gift", ...erased }))).toEqual([["WRONG_STATE", "input", "customerId"]]);
  expect(codes(await update(skuList.id, { customerId: "cus_live_ada" }))).toEqual([
    ["NOT_FOUND", "input", "customerId"],
  ]);
});

test("concurrent skuListUpdate with one ifVersion: one of 20 wins", async () => {
  const { skuList } = await create({ name: "Race" });
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => send(UPDATE, { id: skuList.id, ifVersion: 1, input: { name: `Race ${i}` } })),
  );
  expect(answers.filter(({ userErrors }) => userErrors.length === 0)).toHaveLength(1);
  expect(new Set(answers.flatMap(codes).map(([code]) => code))).toEqual(new Set(["VERSION_CONFLICT"]));
});
