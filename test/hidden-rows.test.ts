import { getNamedType, isInputObjectType } from "graphql";
import type { Permission } from "../src/graph/access/permission.js";
import { permissions, toRead } from "../src/graph/access/permission.js";
import { aboutOf, type ModelName, models } from "../src/graph/model/datamodel.js";
import { type Caller, createTestApp, type TestApp } from "./support/app.js";
import { inputFields, type List, nestedLists, resourceTypes, rootLists, schema } from "./support/graph.js";
import { createWorld, type World } from "./support/rows.js";

/**
 * A row that a caller may not see is an absent one: no filter by its id, and no field, tells it from an id of nothing. The
 * lists, their filters and the fields are taken from the schema, so that a new one is looked at too.
 */
let app: TestApp;
let world: World;
beforeAll(async () => {
  app = await createTestApp({ demo: false });
  world = await createWorld(app.database.pool, () => 48, 5);
}, 60_000);
afterAll(() => app.stop());

/** A filter by the foreign key of a relation, beside the filter by the relation itself. */
interface KeyFilter {
  list: List;
  key: string;
  relation: string;
  to: ModelName;
}

const lists = [...rootLists, ...nestedLists.filter(({ owner }) => owner === "Customer")];
const keyFilters = lists.flatMap((list) => {
  const fields = inputFields(list.filter).map(({ name }) => name);
  return Object.entries(models.get(list.model)!.relations).flatMap(([relation, { key, to, many }]): KeyFilter[] =>
    !many && fields.includes(key!) ? [{ list, key: key!, relation, to }] : [],
  );
});

async function ask(as: Caller, { owner, field, filter }: List, value: object): Promise<string> {
  const list = `list: ${field}(filter: $filter, first: 100) { totalCount nodes { id } }`;
  const query = owner ? `customers(first: 100) { nodes { id ${list} } }` : list;
  const { data, errors } = await app.query(`query ($filter: ${filter.name}) { ${query} }`, { filter: value }, { as });
  expect(errors).toBeUndefined();
  return JSON.stringify(data);
}

/** Tests by a key, each with one that must find the same rows for whoever sees nothing that is hidden. */
function pairsOf({ key, relation, to }: KeyFilter): [byKey: object, byRelation: object][] {
  const ids = world.rows.get(to)!.map(({ id }) => id);
  const test = (byId: object): [object, object] => [{ [key]: byId }, { [relation]: { id: byId } }];
  const pairs = [
    ...ids.slice(0, 8).map((id) => test({ eq: id })),
    test({ in: ids }),
    test({ in: [] }),
    [{ [key]: { isNull: false } }, { [relation]: {} }],
    [{ [key]: { isNull: true } }, { not: { [relation]: {} } }],
  ] as [object, object][];
  return [
    ...pairs,
    ...pairs.map(([one, other]): [object, object] => [{ not: one }, { not: other }]),
    ...pairs.map(([one, other]): [object, object] => [{ or: [one, { id: { eq: "none" } }] }, { or: [other] }]),
  ];
}

async function expectSame(as: Caller, keyFilter: KeyFilter) {
  const { list, key } = keyFilter;
  for (const [byKey, byRelation] of pairsOf(keyFilter)) {
    const [one, other] = [await ask(as, list, byKey), await ask(as, list, byRelation)];
    expect([list.field, key, byKey, one]).toEqual([list.field, key, byKey, other]);
  }
}

const named = keyFilters.map((one) => [`${one.list.owner ?? "Query"}.${one.list.field} by ${one.key}`, one] as const);

test("filters by foreign keys are found", () => {
  expect(named.length).toBeGreaterThan(15);
});

test.each(named)("%s finds nothing without permission to read its target", async (_, keyFilter) => {
  const { list, to, key } = keyFilter;
  const all = [...permissions.keys()];
  // A list of a customer is reached through the customer.
  const owner: Permission[] = list.owner ? ["customers:read"] : [];
  const callers: Caller[] = [{ kind: "integration", permissions: all.filter((name) => name !== toRead(to)) }];
  if (!owner.includes(toRead(to))) {
    callers.push({ kind: "integration", permissions: [...owner, toRead(list.model)] });
  }
  const given = (filter: object) => ask(callers[0]!, list, filter);
  // Who reaches a list through a customer sees whose it is.
  if (list.owner && to === "Customer") return;
  const everything = await given({});
  const nothing = await given({ [key]: { eq: "none" } });
  expect(everything).not.toBe(nothing);
  const ids = world.rows.get(to)!.map(({ id }) => id);
  expect(await given({ [key]: { in: ids } })).toBe(nothing);
  expect(await given({ [key]: { isNull: false } })).toBe(nothing);
  expect(await given({ [key]: { isNull: true } })).toBe(everything);
  for (const caller of callers) await expectSame(caller, keyFilter);
});

test.each(named)("%s follows the row rules for customers", async (_, keyFilter) => {
  const customers = world.rows.get("Customer")!.filter(({ mode }) => mode === "test");
  const rows = (id: string) => world.rows.get("Order")!.filter(({ customerId }) => customerId === id).length;
  const { id } = customers.sort((one, other) => rows(other.id) - rows(one.id))[0]!;
  const market = world.rows.get("Market")!.find((row) => row.mode === "test" && row.customerGroupId === null)!;
  await expectSame({ kind: "customer", id }, keyFilter);
  await expectSame({ kind: "customer", id, markets: [market.id] }, keyFilter);
  if (keyFilter.list.model === "Market") await expectSame({ kind: "guest" }, keyFilter);
});

/** Lists that can be filtered by the e-mail address of a row's customer. */
const byEmail = rootLists.filter(({ filter }) => "customerEmail" in filter.getFields());

const byId = (rows: { id: string }[]) => rows.sort((one, other) => (one.id < other.id ? -1 : 1));

test.each(byEmail)("$field by customerEmail finds matching rows, never a customer", async ({ field, model }) => {
  const as: Caller = { kind: "integration", permissions: [toRead(model)] };
  const rows = world.rows.get(model)!.filter(({ mode }) => mode === "test");
  const emails = world.rows.get("Customer")!.map(({ email }) => email as string);
  const copies = rows.flatMap((row) => (row.customerEmail ? [row.customerEmail as string] : []));
  const related = Object.entries(models.get(model)!.relations).flatMap(([name, { to }]) =>
    to === "Customer" ? [name] : [],
  );
  expect(related).toEqual(["customer"]);
  for (const email of [...new Set([...emails, ...copies])]) {
    const { data, errors } = await app.query(
      `query ($email: String!) {
         own: ${field}(filter: { customerEmail: { eq: $email } }, first: 100) { nodes { id customer { id } } }
         theirs: ${field}(filter: { customer: { email: { eq: $email } } }) { totalCount } }`,
      { email },
      { as },
    );
    expect(errors).toBeUndefined();
    const own = rows.filter((row) => row.customerEmail === email).map(({ id }) => ({ id, customer: null }));
    expect(byId(data.own.nodes)).toEqual(byId(own));
    expect(data.theirs.totalCount).toBe(0);
  }
});

test("no field and no sort key reveals a foreign key", () => {
  const shown = resourceTypes.flatMap((name) => {
    const type = schema.getType(name);
    const keys = Object.values(models.get(name as ModelName)?.relations ?? {}).flatMap(({ key, many, where }) =>
      many || where ? [] : [key],
    );
    const fields = type && "getFields" in type ? Object.keys(type.getFields()) : [];
    return fields.filter((field) => keys.includes(field)).map((field) => `${name}.${field}`);
  });
  expect(shown).toEqual([]);
  const sortable = lists.flatMap(({ model, sortable }) =>
    sortable.map(({ field }) => ({ model, field, keys: Object.values(models.get(model)!.relations) })),
  );
  expect(sortable.filter(({ field, keys }) => keys.some(({ key, many }) => !many && key === field))).toEqual([]);
});

test("every filter by id is by the row's own id or a foreign key", () => {
  const idFilters = lists.flatMap(({ model, filter }) =>
    Object.values(filter.getFields()).flatMap(({ name, type }) => {
      const input = getNamedType(type);
      return isInputObjectType(input) && input.name === "IDFilter" && name !== "id" ? [`${model}.${name}`] : [];
    }),
  );
  const known = keyFilters.map(({ list, key }) => `${list.model}.${key}`);
  expect(idFilters.filter((name) => !known.includes(name))).toEqual([]);
});

/** Models whose rows say what they are about by a type and an id. */
const abouts = [...models.values()].flatMap((model) => {
  const about = aboutOf(model);
  return about ? [[model.name, about] as const] : [];
});

test.each(abouts)("a %s about an unreadable resource is not visible", async (name, { typeField }) => {
  const rows = world.rows.get(name)!.filter(({ mode }) => mode === "test");
  const types = [...new Set(rows.map((row) => row[typeField] as string))];
  expect(types.length).toBeGreaterThan(3);
  for (const type of types.filter((type) => type !== models.get(name)!.table)) {
    const given = [...permissions.keys()].filter((permission) => permission !== `${type}:read`);
    const { data, errors } = await app.query(
      "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }",
      { ids: rows.map(({ id }) => id) },
      { as: { kind: "integration", permissions: given } },
    );
    expect(errors).toBeUndefined();
    const seen = data.nodes.map((row: { id: string } | null) => row?.id ?? null);
    expect(seen).toEqual(rows.map((row) => (row[typeField] === type ? null : row.id)));
  }
});
