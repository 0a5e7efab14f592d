import { accessOf } from "../../src/graph/schema/access-directive.js";
import { type ResourceType, resourceTypesOf } from "../../src/http/jsonapi/resources.js";
import { createSchema } from "../../src/schema.js";
import { type Caller, claimsOf } from "../support/app.js";
import { createJsonApiTest, type JsonApiTest, mediaType, type Reply } from "./support.js";

/** A row that a caller may not see is answered as one that is not there: at its address, in lists, counts and filters. */
let app: JsonApiTest;
/** Ids of rows of other customers, by type. */
const others = new Map<string, string[]>();
const ada: Caller = { kind: "customer", id: "cus_ada", markets: ["mkt_europe"] };
const types = resourceTypesOf(createSchema());
const withLists = [...types.values()].filter(({ name }) => name !== "event_stores");

beforeAll(async () => {
  app = await createJsonApiTest();
  for (const { name, model } of types.values()) {
    const { table, columns, relations } = model.datamodel;
    const key = relations.customer?.key;
    const column = name === "customers" ? "id" : key && columns[key]!.column;
    if (!column) continue;
    const { rows } = await app.database.pool.query<{ id: string }>(
      `SELECT id FROM "${table}" WHERE "${column}" <> 'cus_ada' ORDER BY id`,
    );
    others.set(
      name,
      rows.map(({ id }) => id),
    );
  }
});
afterAll(() => app.stop());

/** A reply with an id in it as one with another, to compare both. */
const asIf = ({ status, body }: Reply, id: string) => [status, JSON.stringify(body).replaceAll(id, "none")];

const relationshipsOf = ({ relationships }: ResourceType) => [...relationships.keys()];

test("there are rows of others in many types", () => {
  expect([...others].filter(([, ids]) => ids.length).map(([name]) => name)).toEqual(
    expect.arrayContaining(["customers", "orders", "customer_addresses", "customer_payment_sources", "returns"]),
  );
});

describe("a signed-in customer", () => {
  test.each(withLists.map((type) => [type.name, type] as const))("sees no %s of others", async (name, type) => {
    const hidden = others.get(name) ?? [];
    for (const id of hidden.slice(0, 3)) {
      const addresses = [
        "",
        ...relationshipsOf(type).flatMap((relationship) => [`/${relationship}`, `/relationships/${relationship}`]),
      ];
      for (const path of addresses) {
        const reply = await app.request(`/api/${name}/${id}${path}`, { as: ada });
        const nothing = await app.request(`/api/${name}/none${path}`, { as: ada });
        expect([path, ...asIf(reply, id)]).toEqual([path, ...asIf(nothing, "none")]);
        expect([401, 404]).toContain(reply.status);
      }
    }
    if (!hidden.length) return;
    for (const filter of [`id_in]=${hidden.join()}`, `id_eq]=${hidden[0]}`]) {
      const { status, body } = await app.request(`/api/${name}?filter[q][${filter}`, { as: ada });
      if (status === 401) continue;
      expect([status, body.data, body.meta]).toEqual([200, [], { record_count: 0, page_count: 0 }]);
    }
  });

  test.each(withLists.map((type) => [type.name, type] as const))(
    "finds no %s by what belongs to others",
    async (name, type) => {
      for (const relationship of type.relationships.values()) {
        const target = [...types.values()].find(({ model }) => model.name === relationship.to);
        const [id] = others.get(target?.name ?? "") ?? [];
        if (!id) continue;
        for (const predicate of ["id_eq", "id_not_eq", "id_in", "id_not_in_or_null", "id_null"]) {
          const value = predicate === "id_null" ? "true" : id;
          const filter = `filter[q][${relationship.name}_${predicate}]`;
          const ask = (of: string) => app.request(`/api/${name}?${filter}=${of}&page[size]=25`, { as: ada });
          const [found, nothing] = [await ask(value), await ask(value === "true" ? value : "none")];
          expect([filter, ...asIf(found, id)]).toEqual([filter, ...asIf(nothing, "none")]);
        }
      }
    },
  );

  test("finds nobody else by attributes of others, behind however many relationships", async () => {
    const ask = async (path: string) => {
      const { status, body } = await app.request(path, { as: ada });
      return [status, body.meta?.record_count ?? body.errors[0].code];
    };
    for (const email of ["bruno@example.com", "nobody@example.com"]) {
      for (const [path, count] of [
        [`/api/customers?filter[q][email_eq]=${email}`, 0],
        [`/api/customers?filter[q][email_start]=${email.slice(0, 3)}`, 0],
        [`/api/customers?filter[q][id_or_email_eq]=${email}`, 0],
        [`/api/orders?filter[q][customer_email_eq]=${email}`, 0],
        [`/api/orders?filter[q][customer_email_in]=${email},x`, 0],
        [`/api/tags?filter[q][customers_email_eq]=${email}`, undefined],
        [`/api/markets?filter[q][orders_customer_email_eq]=${email}`, undefined],
      ] as const) {
        const found = await ask(path);
        if (count !== undefined) expect([path, ...found]).toEqual([path, 200, count]);
        else expect(found).toEqual(await ask(path.replaceAll(email, "x")));
      }
    }
  });

  test("is shown no id of others in lists with all that they include", async () => {
    const ids = new Set([...others.values()].flat());
    for (const type of withLists) {
      const include = relationshipsOf(type).filter((one) => one !== "event_stores");
      const nested = include.flatMap((one) => {
        const target = [...types.values()].find(({ model }) => model.name === type.relationships.get(one)!.to);
        return target?.relationships.has("customer") ? [`${one}.customer.orders`] : [];
      });
      const paths = [...include, ...nested].slice(0, 30).join();
      const { status, body } = await app.request(`/api/${type.name}?page[size]=25&include=${paths}`, { as: ada });
      if (status !== 200) continue;
      const shown = JSON.stringify(body).match(/"id":"[^"]+"/g) ?? [];
      expect(shown.filter((one) => ids.has(one.slice(6, -1)))).toEqual([]);
    }
  });
});

describe("an integration with few permissions", () => {
  const as: Caller = { kind: "integration", permissions: ["customers:read"] };

  test("gets no data of what it includes without permission, and links alone", async () => {
    const { status, body } = await app.request(
      "/api/customers/cus_ada?include=orders.line_items,customer_group,tags,events,customer_addresses.address",
      { as },
    );
    expect(status).toBe(200);
    expect(body).not.toHaveProperty("included");
    for (const [name, value] of Object.entries(body.data.relationships as object)) {
      expect([name, Object.keys(value as object)]).toEqual([name, ["links"]]);
    }
  });

  test("is refused by 401 at addresses of what it may not read, with what is missing", async () => {
    for (const path of [
      "/api/orders",
      "/api/orders/none",
      "/api/customers/cus_ada/orders",
      "/api/customers/none/tags",
    ]) {
      const { status, body, headers } = await app.request(path, { as });
      expect(headers.get("www-authenticate")).toMatch(/^Bearer realm="[^"]+", error="insufficient_scope"$/);
      expect([status, body.errors]).toEqual([
        401,
        [
          {
            title: "Access denied",
            code: "UNAUTHORIZED",
            status: "401",
            detail: expect.stringMatching(/lacks the permission (ORDERS|TAGS)_READ/),
          },
        ],
      ]);
    }
  });

  test("finds nothing by filters on what it may not read", async () => {
    const count = async (filter: string) => {
      const { status, body } = await app.request(`/api/customers?${filter}`, { as });
      return [filter, status, body.meta?.record_count];
    };
    const { body } = await app.request("/api/customers", { as });
    const all = body.meta.record_count;
    expect(all).toBeGreaterThan(5);
    for (const [filter, expected] of [
      ["filter[q][orders_status_eq]=placed", 0],
      ["filter[q][orders_status_not_eq]=placed", 0],
      ["filter[q][tags_id_in]=tag_vip", 0],
      ["filter[q][tags_name_cont]=vip", 0],
      ["filter[q][customer_group_id_eq]=cgr_vip", 0],
      ["filter[q][customer_group_id_null]=true", all],
      ["filter[q][customer_group_null]=false", 0],
      ["filter[q][customer_group_name_eq]=VIP", 0],
      ["filter[q][email_or_customer_group_name_eq]=VIP", 0],
    ] as const) {
      expect(await count(filter)).toEqual([filter, 200, expected]);
    }
  });
});

test("attributes that need a permission can be neither filtered nor sorted by", () => {
  const open = [...types.values()].flatMap(({ name, attributes, model, access }) =>
    [...attributes.values()]
      .filter(({ field }) => accessOf(field)?.some((permission) => !access.includes(permission)))
      .filter(({ field }) => model.filters.has(field.name) || model.sortable.includes(field.name))
      .map((attribute) => `${name}.${attribute.name}`),
  );
  expect(open).toEqual([]);
});

describe("tokens", () => {
  const send = async (authorization: string | undefined, path = "/api/customers/cus_ada") => {
    const response = await fetch(app.url + path, {
      headers: { accept: mediaType, ...(authorization !== undefined && { authorization }) },
    });
    return { status: response.status, headers: response.headers, body: (await response.json()) as Reply["body"] };
  };

  test("that are missing, malformed or expired are INVALID_TOKEN at every address", async () => {
    const claims = claimsOf({ kind: "integration" }, "test");
    const expired = await app.tokens.sign({ ...claims, exp: Math.floor(Date.now() / 1_000) - 60 });
    const good = await app.token({ kind: "integration" });
    for (const authorization of [
      undefined,
      "",
      "Bearer",
      "Bearer a.b.c",
      `Basic ${good}`,
      `Bearer ${good}x`,
      `Bearer ${expired}`,
    ]) {
      for (const path of [
        "/api/customers/cus_ada",
        "/api/customers",
        "/api/customers/cus_ada/orders?page[size]=99",
        "/api/orders/none",
      ]) {
        const { status, body, headers } = await send(authorization, path);
        expect([authorization, path, status, body.errors]).toEqual([
          authorization,
          path,
          401,
          [{ title: "Invalid token", code: "INVALID_TOKEN", status: "401", detail: expect.any(String) }],
        ]);
        expect(headers.get("www-authenticate")).toMatch(/^Bearer realm=/);
      }
    }
  });

  test("of the other mode see nothing of this one", async () => {
    const as: Caller = { kind: "integration", mode: "live" };
    const { body } = await app.request("/api/customers?page[size]=25", { as });
    expect(new Set(body.data.map(({ meta }: { meta: { mode: string } }) => meta.mode))).toEqual(new Set(["live"]));
    expect(body.data).toHaveLength(body.meta.record_count);
    for (const path of ["", "/orders", "/customer_group", "/relationships/tags"]) {
      const { status, body } = await app.request(`/api/customers/cus_ada${path}`, { as });
      expect([status, body.errors[0].code]).toEqual([404, "RECORD_NOT_FOUND"]);
    }
  });

  test("of guests read the catalogue alone", async () => {
    const as: Caller = { kind: "guest", markets: ["mkt_europe"] };
    const readable: string[] = [];
    for (const { name } of withLists) {
      const { status, body } = await app.request(`/api/${name}`, { as });
      if (status === 200) readable.push(name);
      else expect([name, status, body.errors[0].title]).toEqual([name, 401, "Access denied"]);
    }
    expect(readable.sort()).toEqual(["markets", "payment_methods", "skus", "stock_locations"]);
    const { body } = await app.request("/api/markets", { as });
    expect(body.data.map(({ id }: { id: string }) => id)).toEqual(["mkt_europe"]);
  });
});
