import { randomBytes } from "node:crypto";
import { isInterfaceType, isObjectType } from "graphql";
import { type Permission, permissions } from "../src/graph/access/permission.js";
import { type Model, models } from "../src/graph/model/datamodel.js";
import { accessOf } from "../src/graph/schema/access-directive.js";
import { sourceOf } from "../src/graph/schema/source.js";
import { type Caller, createTestApp, type TestApp } from "./support/app.js";
import { modelOf, resourceTypes, schema, whole } from "./support/graph.js";

/**
 * No free text, JSON, message or payload tells what a permission guards. A mark of its own is put into every text of every
 * resource, by changes that the audit trail quotes. Then, for each permission to read, somebody with all others asks for
 * everything, and finds no mark of what that permission guards.
 */
let app: TestApp;
const marks = new Map<Permission, string[]>();
beforeAll(async () => {
  app = await createTestApp();
  for (const model of models.values()) await plant(model);
  await app.database.pool.query(
    "UPDATE line_items SET unit_amount_cents = NULL, total_amount_cents = 0 WHERE order_id = 'ord_1027'",
  );
  // The audit trail has the names of tags.
  await app.database.pool.query("DELETE FROM customer_tags WHERE customer_id = 'cus_ada'");
  await plantStaff();
}, 120_000);
afterAll(() => app.stop());

const all = [...permissions.keys()];
const toRead = all.filter((permission) => permission.endsWith(":read"));
const newMark = () => `m${randomBytes(6).toString("hex")}`;

function note(permission: Permission, mark: string) {
  marks.set(permission, [...(marks.get(permission) ?? []), mark]);
}

/** The permissions that guard a column beside that of its table: all fields that are made from it need one. */
function guardsOf(model: Model, field: string): readonly Permission[] {
  const type = schema.getType(model.name);
  if (!isObjectType(type) && !isInterfaceType(type)) return [];
  const found = Object.values(type.getFields()).filter((one) => {
    const source = sourceOf(one);
    return source?.kind === "column"
      ? source.field === field
      : source?.kind === "derived" && source.needs?.includes(field);
  });
  return found.every((one) => accessOf(one)) ? found.flatMap((one) => accessOf(one)!) : [];
}

/** Puts marks into the columns of a table, one statement a column, which the audit trail quotes. */
async function plant(model: Model) {
  const { table, columns, relations } = model;
  const keys = Object.values(relations).flatMap(({ key, many }) => (many ? [] : [key]));
  const read = `${table}:read` as Permission;
  for (const [field, { column, type, enum: isEnum, derived, id, secret }] of Object.entries(columns)) {
    if (isEnum || derived || id || secret || keys.includes(field) || /(Type|Id)$/.test(field)) continue;
    const guards = guardsOf(model, field);
    if (type !== "String" && type !== "Json" && !(type === "Int" && guards.length)) continue;
    // Numbers and codes get into messages, those of whichever row.
    const limit = ["number", "skuCode"].includes(field) ? 1_000 : 4;
    const { rows } = await app.database.pool.query(
      `SELECT id FROM ${table} WHERE mode = 'test' ORDER BY id LIMIT ${limit}`,
    );
    for (const row of rows) {
      const mark = newMark();
      const text = /email/i.test(field)
        ? `${mark}@example.com`
        : /url/i.test(field)
          ? `https://example.com/${mark}`
          : mark;
      const number = 1_000_000_000 + Number.parseInt(mark.slice(1, 8), 16);
      const value = type === "Int" ? number : type === "Json" ? JSON.stringify({ [mark]: { deep: mark } }) : text;
      try {
        await app.database.pool.query(`UPDATE ${table} SET "${column}" = $2 WHERE id = $1`, [row.id, value]);
      } catch (error) {
        // What has to have a form of its own, such as a country.
        if ((error as { code?: string }).code?.startsWith("23")) continue;
        throw error;
      }
      for (const permission of [read, ...guards]) note(permission, type === "Int" ? String(number) : mark);
    }
  }
}

/** What names the staff, or is its own words. */
async function plantStaff() {
  const client = await app.database.pool.connect();
  try {
    const [name, reason, hold] = [newMark(), newMark(), newMark()];
    const owner = { id: name, type: "User", first_name: name, email: `${name}@example.com` };
    await client.query("SELECT set_config('customer_graph.who', $1, false)", [
      JSON.stringify({ application: { id: "app_staff", kind: "integration" }, owner }),
    ]);
    await client.query(
      `UPDATE customers SET anonymization_status = 'requested', anonymization_requested_at = now(), anonymization_reason = $1,
         anonymization_cancellation_reason = $1, anonymization_requester = $2, legal_hold_at = now(), legal_hold_reason = $3,
         legal_hold_requester = $2, metadata = '{"by": "staff"}' WHERE id IN ('cus_ada', 'cus_bruno')`,
      [reason, JSON.stringify(owner), hold],
    );
    for (const mark of [name, reason, hold]) note("staff:read", mark);
    await client.query("SELECT set_config('customer_graph.who', '', false)");
  } finally {
    client.release();
  }
}

/** Everything that the API says to a caller. */
async function everything(as: Caller): Promise<string> {
  let heard = "";
  const ask = async (document: string, variables: Record<string, unknown> = {}) => {
    const answer = await app.query(document, variables, { as });
    for (const { extensions } of answer.errors ?? []) expect(extensions.code).not.toBe("INTERNAL_SERVER_ERROR");
    heard += `${document}\n${JSON.stringify(answer)}\n`;
  };
  for (const type of resourceTypes) {
    const { rows } = await app.database.pool.query(
      `SELECT id FROM ${models.get(modelOf(type))!.table} WHERE mode = 'test' ORDER BY created_at DESC, id LIMIT 1500`,
    );
    for (let i = 0; i < rows.length; i += 100) {
      const ids = rows.slice(i, i + 100).map(({ id }) => id);
      await ask(`query ($ids: [ID!]!) { nodes(ids: $ids) { __typename ... on ${type} ${whole(type)} } }`, { ids });
    }
  }
  const errors = "userErrors { code message path ... on UnknownTagError { suggestion } }";
  const blockers = "... on AnonymizationBlockedError { blockers { kind message count numbers } }";
  const { rows: tags } = await app.database.pool.query("SELECT name FROM tags WHERE mode = 'test'");
  const { rows: skus } = await app.database.pool.query("SELECT code FROM skus WHERE mode = 'test' ORDER BY id LIMIT 3");
  const { rows: buyers } = await app.database.pool.query(
    "SELECT DISTINCT customer_id AS id FROM orders WHERE mode = 'test' AND customer_id IS NOT NULL ORDER BY 1",
  );
  const preview = whole("AnonymizationPreview");
  await ask(
    `{ ${buyers.map(({ id }, i) => `p${i}: anonymizationPreview(customerId: "${id}") ${preview}`).join(" ")} }`,
  );
  await ask(
    `mutation ($near: [String!]!) { tagsAdd(id: "cus_mia", names: $near) @dryRun { added { name } unchanged { name } ${errors} } }`,
    { near: tags.map(({ name }) => `${name.slice(0, -1)}z`).slice(0, 50) },
  );
  await ask(
    `mutation { orderPlace(id: "ord_1027") @dryRun { ${errors} } customerDelete(id: "cus_ada") @dryRun { ${errors} }
       anonymizationRequest(input: { customerId: "cus_kenji" }) @dryRun { userErrors { message ${blockers} } }
       anonymizationCancel(input: { customerId: "cus_ada" }) @dryRun { customer { id } ${errors} }
       customerAddressDelete(id: "cad_ada_home") @dryRun { addressId deletedAddressId customer { email } }
       customerPaymentSourceDelete(id: "cps_ada_visa") @dryRun { paymentSourceId deletedPaymentSourceId } }`,
  );
  // The codes are known to who asks; what else is copied from an SKU is not.
  const order = await app.query(
    `mutation ($lines: [OrderLineItemInput!]) { orderCreate(input: { marketId: "mkt_europe", lineItems: $lines }) @dryRun {
       order { lineItems { nodes { name imageUrl } } } userErrors { code message path } } }`,
    { lines: skus.map(({ code }) => ({ skuCode: code, quantity: 1 })) },
    { as },
  );
  return heard + JSON.stringify(order);
}

test("planted marks are found by a caller with all permissions", async () => {
  const heard = await everything({ kind: "integration" });
  const silent = toRead.filter((permission) => !marks.get(permission)?.some((mark) => heard.includes(mark)));
  expect(silent).toEqual([]);
}, 60_000);

test.each(toRead)(
  "without %s no answer has anything that it guards",
  async (permission) => {
    const heard = await everything({ kind: "integration", permissions: all.filter((one) => one !== permission) });
    const told = (marks.get(permission) ?? []).filter((mark) => heard.includes(mark));
    const lines = heard.split("\n").filter((line) => told.some((mark) => line.includes(mark)));
    const around = lines.map((line) =>
      line.slice(Math.max(0, line.indexOf(told[0]!) - 200), line.indexOf(told[0]!) + 60),
    );
    expect({ told, around: around.slice(0, 3) }).toEqual({ told: [], around: [] });
  },
  60_000,
);
