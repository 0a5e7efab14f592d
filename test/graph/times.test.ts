import { readFileSync } from "node:fs";
import { join } from "node:path";
import { buildSchema } from "graphql";
import { models } from "../../src/graph/model/datamodel.js";
import { allModelTypes, constantCase } from "../../src/graph/schema/model.js";
import { checkResource } from "../../src/import/resource.js";
import { projectRoot } from "../../src/paths.js";
import { createTestApp, type TestApp } from "../support/app.js";

/** The same texts for every way in: what each means, or that it is refused. */
const times: Record<string, string | null> = {
  "2026-01-31T12:00:00.000Z": "2026-01-31T12:00:00.000Z",
  "2026-01-31T12:00:00Z": "2026-01-31T12:00:00.000Z",
  "2026-01-31T12:00Z": "2026-01-31T12:00:00.000Z",
  "2026-01-31t12:00:00z": "2026-01-31T12:00:00.000Z",
  "2026-01-31 12:00:00+02:00": "2026-01-31T10:00:00.000Z",
  "2026-01-01T00:30:00-23:59": "2026-01-02T00:29:00.000Z",
  "2026-01-31T12:00:00-00:00": "2026-01-31T12:00:00.000Z",
  "2026-01-31T12:00:00.1Z": "2026-01-31T12:00:00.100Z",
  "2026-01-31T12:00:00.123999Z": "2026-01-31T12:00:00.123Z",
  "2024-02-29T00:00:00Z": "2024-02-29T00:00:00.000Z",
  "2000-02-29T00:00:00Z": "2000-02-29T00:00:00.000Z",
  "0001-01-01T00:00:00Z": "0001-01-01T00:00:00.000Z",
  "0099-12-31T00:00:00Z": "0099-12-31T00:00:00.000Z",
  "9999-12-31T23:59:59.999Z": "9999-12-31T23:59:59.999Z",
  "2027-02-31T12:00:00Z": null,
  "2027-02-29T12:00:00Z": null,
  "1900-02-29T12:00:00Z": null,
  "2026-04-31T12:00:00Z": null,
  "2026-00-10T12:00:00Z": null,
  "2026-13-10T12:00:00Z": null,
  "2026-01-00T12:00:00Z": null,
  "2026-01-31T24:00:00Z": null,
  "2026-01-31T25:00:00Z": null,
  "2026-01-31T12:60:00Z": null,
  "2026-06-30T23:59:60Z": null,
  "2026-01-31T12:00:00": null,
  "2026-01-31T12:00:00+24:00": null,
  "2026-01-31T12:00:00+01:60": null,
  "9999-12-31T23:59:59-23:59": null,
  "9999-12-31T23:59:59.999-00:01": null,
  "0001-01-01T00:00:00+00:01": null,
  "0000-01-01T00:00:00Z": null,
  "10000-01-01T00:00:00Z": null,
  "+010000-01-01T00:00:00.000Z": null,
  "-000001-01-01T00:00:00.000Z": null,
  "2026-01-31T12:00:00 Z": null,
  "2026-W05-6T12:00:00Z": null,
  infinity: null,
  "": null,
};

describe("DateTime values as variable, literal and import", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await createTestApp();
  });
  afterAll(() => app.stop());

  const selection = "{ order { expiresAt } userErrors { code message path } }";

  test.each(Object.entries(times))("%j is read as %j", async (text, meant) => {
    const byVariable = await app.query(
      `mutation ($at: DateTime) { orderUpdate(id: "ord_1027", input: { expiresAt: $at }) ${selection} }`,
      { at: text },
    );
    const byLiteral = await app.query(
      `mutation { orderUpdate(id: "ord_1027", input: { expiresAt: ${JSON.stringify(text)} }) ${selection} }`,
    );
    for (const { data, errors } of [byVariable, byLiteral]) {
      if (meant) {
        expect(errors).toBeUndefined();
        expect(data.orderUpdate).toEqual({ order: { expiresAt: meant }, userErrors: [] });
      } else {
        expect(errors![0]!.extensions.code).toMatch(/^(BAD_USER_INPUT|GRAPHQL_VALIDATION_FAILED)$/);
        expect(errors![0]!.message).toContain("DateTime must be an ISO 8601 time that exists, with a time zone");
      }
    }
    // A document may leave out the colon of an offset or the time, but it says no other times.
    const outcome = checkResource({ type: "orders", id: "x", attributes: { expires_at: text } }, { mode: "test" });
    if (meant) expect(outcome).toMatchObject({ is: "checked", resource: { row: { expires_at: meant } } });
    else if (text !== "2026-01-31T12:00:00 Z") expect(outcome.is).toBe("refused");

    const [order] = (await app.query("{ orders(first: 1, orderBy: [{ field: CREATED_AT }]) { edges { cursor } } }"))
      .data.orders.edges;
    const [signature, , id] = JSON.parse(Buffer.from(order!.cursor, "base64url").toString());
    const after = Buffer.from(JSON.stringify([signature, text, id])).toString("base64url");
    const { errors } = await app.query(
      "query ($after: String) { orders(first: 1, after: $after, orderBy: [{ field: CREATED_AT }]) { nodes { id } } }",
      { after },
    );
    // Cursors hold times in one form alone.
    const isCursorForm = text === meant || text === "infinity";
    expect(errors?.[0]?.extensions.code).toBe(isCursorForm ? undefined : "CURSOR_MISMATCH");
  });
});

/** Times that PostgreSQL holds and the API cannot name, and what is shown instead; in their order. */
const distant: [stored: string, shown: string][] = [
  ["-infinity", "0001-01-01T00:00:00.000Z"],
  ["4713-01-01 00:00:00+00 BC", "0001-01-01T00:00:00.000Z"],
  ["0044-03-15 12:00:00.5+00 BC", "0001-01-01T00:00:00.000Z"],
  ["0001-01-01 00:00:00+00", "0001-01-01T00:00:00.000Z"],
  ["2026-01-31 12:00:00+00", "2026-01-31T12:00:00.000Z"],
  ["9999-12-31 23:59:59.999+00", "9999-12-31T23:59:59.999Z"],
  ["10000-01-01 00:00:00+00", "9999-12-31T23:59:59.999Z"],
  ["10000-01-01 00:00:00.25+00", "9999-12-31T23:59:59.999Z"],
  ["275761-02-28 23:59:59+00", "9999-12-31T23:59:59.999Z"],
  ["294275-12-31 23:59:59.999+00", "9999-12-31T23:59:59.999Z"],
  ["infinity", "9999-12-31T23:59:59.999Z"],
];

const schema = readFileSync(join(projectRoot, "src/schema.graphql"), "utf8");
const rootLists = new Set(Object.keys(buildSchema(schema).getQueryType()!.getFields()));

describe("stored times that DateTime cannot express", () => {
  let app: TestApp;
  let byResolvers: TestApp;
  beforeAll(async () => {
    app = await createTestApp();
    byResolvers = await createTestApp({ sharing: app, planned: false });
    // One row for each, of every list that can be sorted by times.
    for (const { name, sortable } of allModelTypes()) {
      const { table, columns } = models.get(name)!;
      const fields = sortable.filter((field) => columns[field]!.type === "DateTime");
      if (!fields.length) continue;
      const sets = fields.map((field) => `"${columns[field]!.column}" = w.at::timestamptz`).join();
      await app.database.pool.query(
        `ALTER TABLE "${table}" DISABLE TRIGGER USER;
         UPDATE "${table}" t SET ${sets}
         FROM (SELECT id, row_number() OVER (ORDER BY id) AS n FROM "${table}" WHERE mode = 'test') r
         JOIN unnest(ARRAY[${distant.map(([text]) => `'${text}'`).join()}]) WITH ORDINALITY AS w (at, n) ON w.n = r.n
         WHERE r.id = t.id;
         ALTER TABLE "${table}" ENABLE TRIGGER USER`,
      );
    }
  });
  afterAll(async () => {
    await byResolvers.stop();
    await app.stop();
  });

  const lists = allModelTypes().flatMap(({ name, sortable }) => {
    const { table, columns } = models.get(name)!;
    const field = table.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
    const times = rootLists.has(field) ? sortable.filter((one) => columns[one]!.type === "DateTime") : [];
    return times.map((time) => ({ table, field, time, column: columns[time]!.column }));
  });

  test.each(lists)("$field ordered by $time: paged both ways, by plans and by resolvers", async (list) => {
    const { table, field, time, column } = list;
    const { rows } = await app.database.pool.query(
      `SELECT id FROM "${table}" WHERE mode = 'test' ORDER BY "${column}", id`,
    );
    const ids = rows.map(({ id }) => id as string);
    const document = `query ($after: String, $before: String, $first: Int, $last: Int) {
      ${field}(first: $first, after: $after, last: $last, before: $before, orderBy: [{ field: ${constantCase(time)} }]) {
        edges { cursor node { id ${time} } } } }`;
    for (const server of [app, byResolvers]) {
      const page = async (variables: object) => {
        const { data, errors } = await server.query(document, variables as Record<string, unknown>);
        expect(errors).toBeUndefined();
        return data[field].edges as { cursor: string; node: Record<string, string> }[];
      };
      const found: string[] = [];
      for (let edges = await page({ first: 3 }); edges.length; ) {
        found.push(...edges.map(({ node }) => node.id!));
        if (found.length > ids.length) break;
        edges = await page({ first: 3, after: edges.at(-1)!.cursor });
      }
      expect(found).toEqual(ids);
      const back: string[] = [];
      for (let edges = await page({ last: 3 }); edges.length; ) {
        back.unshift(...edges.map(({ node }) => node.id!));
        if (back.length > ids.length) break;
        edges = await page({ last: 3, before: edges[0]!.cursor });
      }
      expect(back).toEqual(ids);
    }
    // With and without edges: PostgreSQL writes the second answer itself.
    for (const selected of ["edges { node { id T } }", "nodes { id T }"]) {
      const shown = `{ ${field}(first: 100) { ${selected.replace("T", time)} } }`;
      const [one, other] = [await app.query(shown), await byResolvers.query(shown)];
      expect(one.errors).toBeUndefined();
      expect(one.data).toEqual(other.data);
      const nodes = one.data[field].nodes ?? one.data[field].edges.map(({ node }: { node: object }) => node);
      const known = new Map(distant);
      const stored = await app.database.pool.query(
        `SELECT id, "${column}"::timestamptz::text AS at FROM "${table}" WHERE mode = 'test' AND ("${column}" < '0001-01-01' OR "${column}" > '9999-12-31')`,
      );
      for (const { id, at } of stored.rows) {
        expect(nodes).toContainEqual(expect.objectContaining({ id, [time]: known.get(at) }));
      }
    }
  });

  test.each([
    "10000-02-30 00:00:00+00",
    "294277-01-01 00:00:00+00",
    "4714-01-01 00:00:00+00 BC",
    "2026-01-31 12:00:00+00",
    "10000-01-01 24:00:00+00",
    "10000-01-01 00:00:00+15",
  ])("a cursor with the time %j is refused", async (text) => {
    const { cursor } = (await app.query("{ orders(first: 1, orderBy: [{ field: CREATED_AT }]) { edges { cursor } } }"))
      .data.orders.edges[0]!;
    const [signature, , id] = JSON.parse(Buffer.from(cursor, "base64url").toString());
    const after = Buffer.from(JSON.stringify([signature, text, id])).toString("base64url");
    const { errors } = await app.query(
      "query ($after: String) { orders(first: 1, after: $after, orderBy: [{ field: CREATED_AT }]) { nodes { id } } }",
      { after },
    );
    expect(errors![0]!.extensions.code).toBe("CURSOR_MISMATCH");
  });

  test("an update to the latest time that DateTime expresses replaces a later one", async () => {
    const [{ id }] = (
      await app.database.pool.query("SELECT id FROM orders WHERE status = 'pending' AND mode = 'test' LIMIT 1")
    ).rows;
    await app.database.pool.query("UPDATE orders SET expires_at = 'infinity' WHERE id = $1", [id]);
    const { data } = await app.query(
      `mutation ($id: ID!) { orderUpdate(id: $id, input: { expiresAt: "9999-12-31T23:59:59.999Z" }) { userErrors { message } } }`,
      { id },
    );
    expect(data.orderUpdate.userErrors).toEqual([]);
    const { rows } = await app.database.pool.query("SELECT expires_at::text AS at FROM orders WHERE id = $1", [id]);
    expect(rows[0].at).toBe("9999-12-31 23:59:59.999+00");
  });
});
