import type { GraphQLInputObjectType } from "graphql";
import type { Mode } from "../src/graph/access/viewer.js";
import { type ModelName, modelOfType, models } from "../src/graph/model/datamodel.js";
import { type Condition, everything, type RowRule } from "../src/graph/sql/condition.js";
import { totalOrder } from "../src/graph/sql/order.js";
import * as statements from "../src/graph/sql/statement.js";
import { createTestApp, type TestApp } from "./support/app.js";
import { inMode, inputFields, linksOf, lookUps, modelOf, related, resourceTypes, rootLists } from "./support/graph.js";
import { createWorld, type Row, type World } from "./support/rows.js";

type Found = { id: string; [field: string]: unknown } | null;
const idsOf = (rows: readonly ({ id: string } | null)[]) => rows.map((row) => row?.id ?? null);
const sorted = (rows: readonly { id: string }[]) => rows.map(({ id }) => id).sort();

describe.each(["test", "live"] as const)("mode %s", (mode: Mode) => {
  let app: TestApp;
  let world: World;
  beforeAll(async () => {
    app = await createTestApp({ demo: false, mode });
    world = await createWorld(app.database.pool, () => 48, 3);
  }, 60_000);
  afterAll(() => app.stop());

  /** The relations with hidden rows behind them, of those looked at. */
  const crossed = new Set<string>();
  const hidden = (model: ModelName) => world.rows.get(model)!.filter((row) => row.mode !== mode);
  const visible = (model: ModelName) => inMode(world.rows.get(model)!, mode);

  async function ask(query: string, variables: Record<string, unknown> = {}) {
    const { data, errors } = await app.query(query, variables);
    expect(errors).toBeUndefined();
    return data;
  }

  test("root lists and their counts have no row of the other mode", async () => {
    for (const { field, model } of rootLists) {
      expect(hidden(model).length).toBeGreaterThan(5);
      const { list } = await ask(`{ list: ${field}(first: 100) { totalCount nodes { id meta { mode } } } }`);
      expect(sorted(list.nodes)).toEqual(sorted(visible(model)));
      expect(list.totalCount).toBe(visible(model).length);
      expect(new Set(list.nodes.map(({ meta }: { meta: { mode: string } }) => meta.mode))).toEqual(
        new Set([mode.toUpperCase()]),
      );
    }
  });

  test.each(resourceTypes)("nodes and relations of %s reach no row of the other mode", async (type) => {
    const model = modelOf(type);
    const links = linksOf(type);
    const isOfType = (row: Row) => model === type || String(row.kind).replaceAll("_", "") === `${type.toLowerCase()}s`;
    const rows = world.rows.get(model)!.filter(isOfType);
    expect(rows.length).toBeGreaterThan(0);
    const selection = links.map(({ field, kind }) =>
      kind === "connection" ? `${field}(first: 100) { totalCount nodes { id } }` : `${field} { id }`,
    );
    for (let i = 0; i < rows.length; i += 20) {
      const some = rows.slice(i, i + 20);
      const { nodes } = await ask(
        `query ($ids: [ID!]!) { nodes(ids: $ids) { id ... on ${type} { type ${selection} } } }`,
        {
          ids: idsOf(some),
        },
      );
      expect(idsOf(nodes)).toEqual(some.map((row) => (row.mode === mode ? row.id : null)));
      for (const found of nodes.filter(Boolean) as NonNullable<Found>[]) {
        for (const { field, kind } of links) {
          const all = relatedRows(model, field, world.byId.get(found.id)!);
          const seen = inMode(all, mode);
          if (seen.length < all.length) crossed.add(`${type}.${field}`);
          const what = `${found.id}.${field}`;
          if (kind === "one") expect([what, found[field]]).toEqual([what, seen[0] ? { id: seen[0].id } : null]);
          else if (kind === "list") expect([what, sorted(found[field] as [])]).toEqual([what, sorted(seen)]);
          else {
            const { totalCount, nodes } = found[field] as { totalCount: number; nodes: { id: string }[] };
            expect([what, sorted(nodes), totalCount]).toEqual([what, sorted(seen), seen.length]);
          }
        }
      }
    }
  });

  test("most relations were tested with hidden rows", () => {
    expect(crossed.size).toBeGreaterThan(50);
  });

  function relatedRows(model: ModelName, field: string, row: Row): Row[] {
    if (field in models.get(model)!.relations) return related(world, model, field, row);
    if (field !== "attachable") return []; // What access tokens say, and they say nothing.
    const owner = modelOfType(row.attachableType as string)!;
    return world.rows.get(owner.name)!.filter(({ id }) => id === row.attachableId);
  }

  test("look-ups by any key find no resource of the other mode", async () => {
    for (const { field, model, argument, input, keys } of lookUps) {
      const query = `query ($by: ${input}) { found: ${field}(${argument}: $by) { id } }`;
      for (const key of keys) {
        for (const row of [...hidden(model).slice(0, 12), ...visible(model).slice(0, 4)]) {
          const value = row[key];
          if (value === null) continue;
          const given = key === "reference" ? { reference: value } : value;
          const same = visible(model).filter((other) => other[key] === value);
          const { data, errors } = await app.query(query, { by: argument === "by" ? { [key]: given } : given });
          if (same.length > 1) expect(errors?.[0]?.extensions.code).toBe("BAD_USER_INPUT");
          else
            expect([field, key, value, data.found]).toEqual([field, key, value, same[0] ? { id: same[0].id } : null]);
        }
      }
    }
  });

  test("filters match no rows of the other mode", async () => {
    for (const { field, model, filter } of rootLists) {
      const count = async (value: object) => {
        const query = `query ($filter: ${filter.name}) { list: ${field}(filter: $filter) { totalCount } }`;
        return (await ask(query, { filter: value })).list.totalCount;
      };
      const all = visible(model).length;
      for (const { name, type } of inputFields(filter)) {
        if (name === "tags" || name === "tagIds") {
          const values = hidden("Tag").map((tag) => tag[name === "tags" ? "name" : "id"]);
          expect([field, name, await count({ [name]: { any: values } })]).toEqual([field, name, 0]);
          expect([field, name, await count({ [name]: { none: values } })]).toEqual([field, name, all]);
        }
        const way = models.get(model)!.relations[name];
        if (!way || name === "tags") continue;
        const such = { id: { in: sorted(hidden(way.to)) } };
        const many = "some" in (type as GraphQLInputObjectType).getFields();
        expect([field, name, await count({ [name]: many ? { some: such } : such })]).toEqual([field, name, 0]);
        if (many) expect([field, name, await count({ [name]: { none: such } })]).toEqual([field, name, all]);
        // And one step further, past a row that can be seen.
        for (const next of ["customerGroup", "customer", "market"]) {
          const further = models.get(way.to)!.relations[next];
          // The customer who created an address is no field of it.
          if (!further || way.to === "Address") continue;
          const inner = { [next]: { id: { in: sorted(hidden(further.to)) } } };
          expect([field, name, next, await count({ [name]: many ? { some: inner } : inner })]).toEqual([
            field,
            name,
            next,
            0,
          ]);
        }
      }
    }
  });

  test("row rules with alternatives (or) hide as much as plain ones", async () => {
    const plain: RowRule = () => ({ op: "eq", field: "mode", value: mode });
    const alternatives: RowRule = (model) => ({
      op: "or",
      of: [{ op: "eq", field: "id", value: "none" }, plain(model)],
    });
    const customer = models.get("Customer")!;
    const ids = sorted(world.rows.get("Customer")!);
    const filters: Condition[] = [
      everything,
      {
        op: "or",
        of: [
          { op: "isNull", field: "reference", value: true },
          { op: "eq", field: "status", value: "repeat" },
        ],
      },
      { op: "some", relation: "customerGroup", where: everything },
      { op: "not", of: { op: "some", relation: "tags", where: everything } },
    ];
    let seen = 0;
    for (const filter of filters) {
      const order = totalOrder(customer, [{ field: "reference", direction: "DESC", nulls: "LAST" }]);
      const start = { order, limit: 100, offset: 0, backward: false, filter };
      const pages = [start, { ...start, after: ["abc", "cus_b"] }, { ...start, after: [null, "cus_b"] }];
      for (const make of [
        (rule: RowRule) => statements.rootCount(customer, filter, undefined, rule),
        (rule: RowRule) =>
          statements.relatedCounts(
            models.get("CustomerGroup")!,
            "customers",
            sorted(world.rows.get("CustomerGroup")!),
            filter,
            3,
            rule,
          ),
        (rule: RowRule) => statements.rowsByField(customer, "id", ids, rule),
        (rule: RowRule) =>
          statements.modelsOfIds([...models.values()], [...ids, ...sorted(world.rows.get("Tag")!)], rule),
        ...pages.flatMap((page) => [
          (rule: RowRule) => statements.rootPage(customer, page, rule),
          (rule: RowRule) =>
            statements.relatedPages(models.get("Tag")!, "customers", sorted(world.rows.get("Tag")!), page, rule),
        ]),
      ]) {
        const [expected, found] = await Promise.all(
          [plain, alternatives].map(async (rule) => {
            const { text, values } = make(rule);
            const rows = await app.database.query(text, values);
            return rows.map((row) => JSON.stringify(row)).sort();
          }),
        );
        seen += expected!.length;
        expect(found).toEqual(expected);
      }
    }
    expect(seen).toBeGreaterThan(200);
  });
});
