import { models } from "../../src/graph/model/datamodel.js";
import { type Caller, createTestApp, type TestApp } from "../support/app.js";
import { until } from "../support/live.js";
import { onlyField } from "../support/operation-data.js";
import { insert } from "../support/rows.js";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
  await app.database.pool.query(
    `INSERT INTO tags (id, mode, name) SELECT 'tag_n' || i, 'test', 'n' || i FROM generate_series(1, 40) i`,
  );
});
afterAll(() => app.stop());

const ADD = `mutation ($id: ID!, $names: [String!]!) {
  tagsAdd(id: $id, names: $names) {
    resource { __typename id tags { name } ... on Customer { version updatedAt } }
    added { name } unchanged { name }
    userErrors { __typename code message path ... on UnknownTagError { suggestion } ... on TooManyTagsError { limit } }
  }
}`;
const REMOVE = `mutation ($id: ID!, $names: [String!]!) {
  tagsRemove(id: $id, names: $names) {
    resource { id tags { name } ... on Customer { version } }
    removed { name } unchanged { name }
    userErrors { __typename code message path }
  }
}`;

let customers = 0;
/** A customer without tags. */
async function createCustomer(): Promise<string> {
  const { id } = await insert(app.database.query, "Customer", { id: `cus_tags${++customers}` });
  return id;
}

async function add(id: string, ...names: string[]) {
  const { data, errors } = await app.query(ADD, { id, names });
  expect(errors).toBeUndefined();
  return data.tagsAdd;
}

async function remove(id: string, ...names: string[]) {
  const { data, errors } = await app.query(REMOVE, { id, names });
  expect(errors).toBeUndefined();
  return data.tagsRemove;
}

const names = (tags: { name: string }[]) => tags.map(({ name }) => name).sort();
const numbered = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `n${from + i}`);

test("tagsAdd adds each tag once, and returns which are new", async () => {
  const id = await createCustomer();
  const first = await add(id, "n1", "N2", " n1 ");
  expect(names(first.added)).toEqual(["n1", "n2"]);
  expect(names(first.resource.tags)).toEqual(["n1", "n2"]);
  const second = await add(id, "n2", "n3");
  expect(names(second.added)).toEqual(["n3"]);
  expect(names(second.unchanged)).toEqual(["n2"]);
  expect(second.resource.version).toBe(first.resource.version + 1);
});

test("tagsAdd of tags already there changes neither version nor updatedAt", async () => {
  const id = await createCustomer();
  const first = await add(id, "n1");
  const again = await add(id, "n1");
  expect(again.resource.version).toBe(first.resource.version);
  expect(again.resource.updatedAt).toBe(first.resource.updatedAt);
});

test("tagsRemove returns which tags were removed, and which were not there", async () => {
  const id = await createCustomer();
  await add(id, "n1", "n2");
  const { removed, unchanged, resource } = await remove(id, "n2", "n3");
  expect(names(removed)).toEqual(["n2"]);
  expect(names(unchanged)).toEqual(["n3"]);
  expect(names(resource.tags)).toEqual(["n1"]);
});

test("tagsAdd with an UNKNOWN_TAG adds nothing, and suggests the nearest name", async () => {
  const id = await createCustomer();
  await insert(app.database.query, "Tag", { name: "wholesale-eu" });
  const { added, resource, userErrors } = await add(id, "n1", "wholsale-eu");
  expect(added).toEqual([]);
  expect(resource.tags).toEqual([]);
  expect(userErrors).toEqual([
    {
      __typename: "UnknownTagError",
      code: "UNKNOWN_TAG",
      message: 'There is no tag "wholsale-eu"; did you mean "wholesale-eu"?',
      path: ["names", "1"],
      suggestion: "wholesale-eu",
    },
  ]);
});

test("tagsAdd beyond ten tags is TOO_MANY_TAGS, and adds nothing of its call", async () => {
  const id = await createCustomer();
  expect(names((await add(id, ...numbered(1, 9))).added)).toHaveLength(9);
  const { userErrors, resource } = await add(id, "n10", "n11");
  expect(userErrors).toEqual([expect.objectContaining({ code: "TOO_MANY_TAGS", path: ["names"], limit: 10 })]);
  expect(resource.tags).toHaveLength(9);
  expect(names((await add(id, "n10")).added)).toEqual(["n10"]);
});

test.each([
  [["has space"], ["names", "0"]],
  [
    ["n1", "-n"],
    ["names", "1"],
  ],
  [["x".repeat(26)], ["names", "0"]],
  [[], ["names"]],
  [Array(101).fill("n1"), ["names"]],
])("tagsAdd refuses the names %p", async (given, path) => {
  const { userErrors } = await add(await createCustomer(), ...(given as string[]));
  expect(userErrors).toEqual([expect.objectContaining({ code: "INVALID", path })]);
});

test("tagsAdd: an unknown resource is NOT_FOUND, one that cannot be tagged is INVALID", async () => {
  expect((await add("cus_nobody", "n1")).userErrors).toEqual([
    expect.objectContaining({ code: "NOT_FOUND", path: ["id"] }),
  ]);
  expect((await add("mkt_us", "n1")).userErrors[0]!.code).toMatch(/INVALID|NOT_FOUND/);
  const { rows } = await app.database.pool.query("SELECT id FROM markets WHERE mode = 'test' LIMIT 1");
  expect((await add(rows[0].id, "n1")).userErrors).toEqual([
    expect.objectContaining({ code: "INVALID", message: "Resources of type markets cannot carry tags." }),
  ]);
});

test("resources of the other mode are NOT_FOUND, its tags UNKNOWN_TAG", async () => {
  await insert(app.database.query, "Tag", { mode: "live", name: "only-live" });
  expect((await add("cus_live_ada", "n1")).userErrors[0]!.code).toBe("NOT_FOUND");
  expect((await add(await createCustomer(), "only-live")).userErrors).toEqual([
    expect.objectContaining({ code: "UNKNOWN_TAG", suggestion: null }),
  ]);
});

test("tagsAdd accepts every taggable type", async () => {
  const owners = await Promise.all(
    [...models.values()].map(async ({ name, table, relations }) => {
      if (name === "Tag" || !relations.tags?.through) return [];
      const { rows } = await app.database.pool.query(`SELECT id FROM ${table} WHERE mode = 'test' LIMIT 1`);
      return [rows[0].id as string];
    }),
  );
  expect(owners.flat().length).toBeGreaterThan(6);
  for (const id of owners.flat()) {
    const { added, resource } = await add(id, "n40");
    expect(names(added)).toEqual(["n40"]);
    expect(names(resource.tags)).toContain("n40");
  }
});

test("concurrent tagsAdd: no tag is lost", async () => {
  const id = await createCustomer();
  await Promise.all(numbered(1, 10).map((name) => add(id, name)));
  const { resource } = await remove(id, "n40");
  expect(names(resource.tags)).toEqual(numbered(1, 10).sort());
});

test("concurrent tagsAdd: never more than ten, and every acknowledged tag is kept", async () => {
  for (let round = 0; round < 5; round++) {
    const id = await createCustomer();
    const answers = await Promise.all(numbered(1, 30).map((name) => add(id, name)));
    const accepted = answers.flatMap(({ added }) => names(added)).sort();
    const { resource } = await remove(id, "n40");
    expect(accepted).toHaveLength(10);
    expect(names(resource.tags)).toEqual(accepted);
    expect(resource.version).toBe(11);
  }
});

test("concurrent tagsAdd and tagsRemove: all are applied", async () => {
  const id = await createCustomer();
  await add(id, ...numbered(1, 5));
  await Promise.all([
    ...numbered(6, 10).map((name) => add(id, name)),
    ...numbered(1, 5).map((name) => remove(id, name)),
  ]);
  const { resource } = await remove(id, "n40");
  expect(names(resource.tags)).toEqual(numbered(6, 10).sort());
});

const TAG = "tag { id name metadata version } userErrors { code message path }";
const administer = async <const Operation extends string>(operation: Operation) => {
  const { data, errors } = await app.query(`mutation { ${operation} }`);
  expect(errors).toBeUndefined();
  return onlyField(data);
};

test("tagCreate, tagUpdate and tagDelete; tagged resources follow", async () => {
  const made = await administer(`tagCreate(input: { name: " Spring-Sale ", metadata: { a: 1 } }) { ${TAG} }`);
  expect(made).toMatchObject({ tag: { name: "spring-sale", metadata: { a: 1 }, version: 1 }, userErrors: [] });
  const { id } = made.tag;
  const customer = await createCustomer();
  await add(customer, "spring-sale", "n1");
  const renamed = await administer(
    `tagUpdate(id: "${id}", ifVersion: 1, input: { name: "summer-sale", metadata: { removeKeys: ["a"] } }) { ${TAG} }`,
  );
  expect(renamed).toMatchObject({ tag: { name: "summer-sale", metadata: {}, version: 2 }, userErrors: [] });
  expect(names((await add(customer, "n1")).resource.tags)).toEqual(["n1", "summer-sale"]);
  expect(await administer(`tagDelete(id: "${id}") { deletedId userErrors { code } }`)).toEqual({
    deletedId: id,
    userErrors: [],
  });
  expect(names((await add(customer, "n1")).resource.tags)).toEqual(["n1"]);
  expect((await add(customer, "summer-sale")).userErrors[0]!.code).toBe("UNKNOWN_TAG");
});

test("tagCreate: invalid names are INVALID, existing ones TAKEN", async () => {
  for (const name of ["two words", "-x", "a--b", "", "x".repeat(26)]) {
    const { tag, userErrors } = await administer(`tagCreate(input: { name: "${name}" }) { ${TAG} }`);
    expect(tag).toBeNull();
    expect(userErrors).toEqual([expect.objectContaining({ code: "INVALID", path: ["input", "name"] })]);
  }
  const { userErrors } = await administer(`tagUpdate(id: "tag_n1", input: { name: "N2" }) { ${TAG} }`);
  expect(userErrors).toEqual([{ code: "TAKEN", path: ["input", "name"], message: "Another tag has this already." }]);
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => administer(`tagCreate(input: { name: "once" }) { ${TAG} }`)),
  );
  expect(answers.filter(({ tag }) => tag)).toHaveLength(1);
});

test("concurrent tagsAdd and tagDelete: no internal error, and the tag is on no resource", async () => {
  for (let round = 0; round < 8; round++) {
    const { tag } = await administer(`tagCreate(input: { name: "gone${round}" }) { ${TAG} }`);
    const owners = await Promise.all(Array.from({ length: 6 }, createCustomer));
    const answers = await Promise.all([
      ...owners.slice(0, 3).map((id) => add(id, `gone${round}`, "n1")),
      administer(`tagDelete(id: "${tag.id}") { deletedId userErrors { code } }`),
      ...owners.slice(3).map((id) => add(id, `gone${round}`, "n1")),
    ]);
    for (const { userErrors } of answers) {
      expect(userErrors.map(({ code }) => code)).toEqual(userErrors.length ? ["UNKNOWN_TAG"] : []);
    }
    const { rows } = await app.database.pool.query("SELECT 1 FROM customer_tags WHERE tag_id = $1", [tag.id]);
    expect(rows).toEqual([]);
  }
});

test("without tags:read no mutation reveals which tags exist", async () => {
  const id = await createCustomer();
  await add(id, "n1");
  const as: Caller = { kind: "integration", permissions: ["customers:read", "customers:update", "tags:assign"] };
  const told = async (field: string, name: string) => {
    const { data, errors } = await app.query(
      `mutation { ${field} { userErrors { code message path ... on UnknownTagError { suggestion } } } }`,
      {},
      { as },
    );
    expect(errors).toBeUndefined();
    return JSON.stringify(data).replaceAll(name, "…");
  };
  for (const write of [
    (name: string) => `tagsAdd(id: "${id}", names: ["${name}"])`,
    (name: string) => `tagsRemove(id: "${id}", names: ["${name}"])`,
    (name: string) => `tagsReplace(id: "${id}", names: ["${name}"])`,
    (name: string) => `customerUpdate(id: "${id}", input: { tags: ["${name}"] })`,
    (name: string) => `customersBulkUpdate(input: { rows: [{ id: "${id}", input: { tags: ["${name}"] } }] })`,
  ]) {
    const unknown = await told(write("qqqqq"), "qqqqq");
    expect(unknown).toContain("UNKNOWN_TAG");
    // On it, in the shop, and nearly so.
    for (const name of ["n1", "n2", "vips"]) expect(await told(write(name), name)).toBe(unknown);
  }
  const { rows } = await app.database.pool.query("SELECT tag_id FROM customer_tags WHERE customer_id = $1", [id]);
  expect(rows).toEqual([{ tag_id: "tag_n1" }]);
});

test("tagsAdd waiting for a tagDelete: UNKNOWN_TAG", async () => {
  const { pool } = app.database;
  await insert(app.database.query, "Tag", { id: "tag_going", name: "going" });
  const id = await createCustomer();
  const other = await pool.connect();
  try {
    await other.query("BEGIN");
    await other.query("DELETE FROM tags WHERE id = 'tag_going'");
    const adding = add(id, "going");
    await until(async () => {
      const { rows } = await other.query("SELECT count(*)::int AS n FROM pg_locks WHERE NOT granted");
      return rows[0].n > 0;
    });
    await other.query("COMMIT");
    const { userErrors } = await adding;
    expect(userErrors).toEqual([expect.objectContaining({ code: "UNKNOWN_TAG", path: ["names"] })]);
  } finally {
    other.release();
  }
});
