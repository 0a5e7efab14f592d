import { parse, visit } from "graphql";
import { aboutOf, models } from "../src/graph/model/datamodel.js";
import { createSchema } from "../src/schema.js";
import { type Caller, createTestApp, type TestApp } from "./support/app.js";
import { examplesOf } from "./support/examples.js";
import type { UserError } from "./support/operation-data.js";
import { insert } from "./support/rows.js";

const examples = examplesOf(createSchema());
const live = { mode: "live" } as const;
/** Tokens that an issuer may give out for a customer who is not there, or is of the other mode. */
const nobodies: Caller[] = [
  { kind: "customer", id: "cus_ada", ...live },
  { kind: "customer", id: "cus_gone" },
];

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
  // The live shop has as much as its writes need.
  await insert(app.database.query, "Market", { id: "mkt_live", mode: "live", currencyCode: "EUR" });
  await app.database.pool.query(
    `INSERT INTO skus (id, mode, code, name) SELECT 'live_' || id, 'live', code, name FROM skus ON CONFLICT DO NOTHING;
     INSERT INTO tags (id, mode, name) SELECT 'live_' || id, 'live', name FROM tags ON CONFLICT DO NOTHING`,
  );
});
afterAll(() => app.stop());

/** The references that lead from one mode to the other, by table and key. */
async function crossing(): Promise<string[]> {
  const found: string[] = [];
  const count = async (name: string, sql: string) => {
    const { rowCount } = await app.database.pool.query(`SELECT ${sql} LIMIT 1`);
    if (rowCount) found.push(name);
  };
  for (const model of models.values()) {
    for (const { to, key, many, through } of Object.values(model.relations)) {
      const target = models.get(to)!.table;
      if (through) {
        await count(
          through.table,
          `FROM "${through.table}" l JOIN "${model.table}" a ON a.id = l."${through.from}"
             JOIN "${target}" b ON b.id = l."${through.to}" WHERE a.mode <> b.mode`,
        );
      } else if (!many) {
        const { column } = model.columns[key!]!;
        await count(
          `${model.table}.${column}`,
          `FROM "${model.table}" a JOIN "${target}" b ON b.id = a."${column}" WHERE a.mode <> b.mode`,
        );
      }
    }
    const about = aboutOf(model);
    for (const { table } of about ? models.values() : []) {
      await count(
        `${model.table} about ${table}`,
        `FROM "${model.table}" a JOIN "${table}" b ON b.id = a."${about!.idColumn.column}"
         WHERE a."${about!.typeColumn.column}" = '${table}' AND a.mode <> b.mode`,
      );
    }
  }
  return found;
}

/** The ids in an operation. */
function idsIn(text: string): string[] {
  const ids: string[] = [];
  visit(parse(text), { StringValue: ({ value }) => void (/^[a-z]{3}_/.test(value) && ids.push(value)) });
  return ids;
}

test.each(examples)("$field refuses ids of the other mode", async ({ field, text }) => {
  const { data, errors } = await app.query(text, {}, { as: { kind: "integration", ...live } });
  const refused = Boolean(errors?.length || data?.[field]?.userErrors.length);
  if (idsIn(text).length > 0) expect({ field, refused }).toEqual({ field, refused: true });
  expect(await crossing()).toEqual([]);
});

describe.each(nobodies)("a token for $id, who does not exist in its mode", (as) => {
  test.each(examples)(
    "$field changes nothing: it is UNAUTHENTICATED, or FORBIDDEN to all customers",
    async ({ field, text }) => {
      const counts = async () => {
        const { rows } = await app.database.pool.query(
          `SELECT ${[...models.values()].map(({ table }) => `(SELECT count(*) FROM "${table}") AS "${table}"`).join()}`,
        );
        return rows[0];
      };
      const before = await counts();
      const { errors, data } = await app.query(text, {}, { as });
      expect(await counts()).toEqual(before);
      // What is prepared before the transaction refuses what there is not.
      const [code] =
        errors?.map(({ extensions }) => extensions.code) ?? data[field].userErrors.map(({ code }: UserError) => code);
      const prepared: Record<string, string> = {
        customerPasswordChange: "NOT_FOUND",
        customerPasswordResetConsume: "INVALID",
      };
      expect([prepared[field] ?? "UNAUTHENTICATED", "FORBIDDEN"]).toContain(code);
    },
  );

  test("cannot create resources of its own", async () => {
    const market = as!.mode === "live" ? "mkt_live" : "mkt_europe";
    const writes = {
      orderCreate: `input: { marketId: "${market}", lineItems: [{ skuCode: "MUG-BLUE", quantity: 1, unitAmountCents: 1 }] }`,
      skuListCreate: 'input: { name: "Mine" }',
      customerAddressCreate:
        'input: { address: { firstName: "A", lastName: "B", line1: "1 Road", city: "Town", zipCode: "1", countryCode: "DE", phone: "1" } }',
      customerSubscriptionCreate: 'input: { reference: "news" }',
    };
    for (const [field, args] of Object.entries(writes)) {
      const { errors, status } = await app.query(
        `mutation { ${field}(${args}) { userErrors { code message } } }`,
        {},
        { as },
      );
      expect({ field, status, code: errors?.[0]?.extensions.code, message: errors?.[0]?.message }).toEqual({
        field,
        status: 401,
        code: "UNAUTHENTICATED",
        message: "The customer of this access token does not exist; sign in again.",
      });
    }
    expect(await crossing()).toEqual([]);
  });

  test("reads no customer's data", async () => {
    const { data } = await app.query(
      `{ viewer { customer { id } } customer(by: { id: "cus_ada" }) { id } node(id: "cus_ada") { id } order(by: { id: "ord_1001" }) { id } }`,
      {},
      { as },
    );
    expect(data).toEqual({ viewer: { customer: null }, customer: null, node: null, order: null });
  });
});

test("orderCreate by a customer deleted in the same request is UNAUTHENTICATED", async () => {
  await insert(app.database.query, "Customer", { id: "cus_leaves" });
  const { data, errors } = await app.query(
    `mutation {
       a: customerDelete(id: "cus_leaves") { deletedId userErrors { code } }
       b: orderCreate(input: { marketId: "mkt_europe" }) { userErrors { code } }
     }`,
    {},
    { as: { kind: "customer", id: "cus_leaves" } },
  );
  expect(errors?.map(({ path, extensions }) => [path?.[0], extensions.code])).toEqual([["b", "UNAUTHENTICATED"]]);
  expect(data?.a ?? { deletedId: "cus_leaves" }).toMatchObject({ deletedId: "cus_leaves" });
});

test("legalHoldSet and legalHoldLift require the permissions of anonymizationRequest", async () => {
  const as: Caller = { kind: "integration", permissions: ["customers:read", "anonymizations:create"] };
  for (const [field, input] of Object.entries({
    anonymizationRequest: 'customerId: "cus_mia"',
    anonymizationCancel: 'customerId: "cus_joao"',
    legalHoldSet: 'customerId: "cus_mia", reason: "a case"',
    legalHoldLift: 'customerId: "cus_mia"',
  })) {
    const { errors } = await app.query(
      `mutation { ${field}(input: { ${input} }) { userErrors { code } } }`,
      {},
      { as },
    );
    expect({ field, errors }).toMatchObject({
      field,
      errors: [{ extensions: { code: "FORBIDDEN", missing: ["CUSTOMERS_UPDATE"] } }],
    });
  }
});

test("customers and guests see enabled payment methods only", async () => {
  await app.database.pool.query("UPDATE payment_methods SET disabled_at = now() WHERE id = 'pmt_stripe'");
  for (const as of [{ kind: "customer", id: "cus_ada" }, { kind: "guest" }] as const) {
    const { data } = await app.query('{ nodes(ids: ["pmt_stripe", "pmt_paypal"]) { id } }', {}, { as });
    expect(data.nodes).toEqual([null, { id: "pmt_paypal" }]);
  }
});
