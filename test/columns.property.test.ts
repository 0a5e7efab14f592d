import { getNamedType, isInputObjectType, isScalarType } from "graphql";
import { type ModelName, modelNamed, models, typesOf } from "../src/graph/model/datamodel.js";
import { Problem } from "../src/graph/model/values.js";
import { readColumn } from "../src/graph/write/columns.js";
import { checkResource } from "../src/import/resource.js";
import { readerOf } from "../src/import/values.js";
import { createTestApp, type TestApp } from "./support/app.js";
import { schema } from "./support/graph.js";

const repeated = (length: number) => "x".repeat(length);
const texts = [
  ...["", " ", "\u3000\t", "x", "VIP", "a-b", "-x", "x y", "early-bird", "x:y", "Größe", "佐藤"],
  ...[repeated(2), repeated(3), repeated(25), repeated(26), repeated(128), repeated(129), repeated(255), repeated(256)],
  ...[repeated(5_000), repeated(5_001), repeated(66_000), "😀".repeat(255), "😀".repeat(256)],
  ...["DE", "de", "UK", "XX", "XK", "ITA", "\u0131t", "en", "EN", "xx", "eng", "EUR", "ZZZ"],
  ...["https://shop.example/a", "HTTP://shop.example", "javascript:alert(1)", "//shop.example", "https://", "/a"],
  ...["a@b.test", " A@B.Test", "a@b", "a\u200b@b.test", "\u212a@b.test", `${repeated(250)}@b.test`],
  ...["weekly", "Two-Months", "0 8 1 * *", "* * * * *", "0 8 31 2 *", "sometimes"],
  ...["4111 1111 1111 1111", "pm_1NXWPnCo6bFb1KQto6C8OWvE", "^MUG-", "(", "1", "-1"],
];
const numbers = [
  ...[-2_147_483_648, -181, -180, -91.5, -90, -5, -1, -0.5, 0, 0.22, 0.5, 1, 1.5, 22, 90, 90.5, 91.5, 180, 180.5],
  ...[720, 721, 1_000_000, 1_000_001, 2_147_483_647],
];
const documents = [{}, { a: 1 }, { a: "x".repeat(65_528) }, { a: "x".repeat(65_529) }];

/**
 * What a mutation asks for beyond the values of one column: blank texts, one coordinate without the other, a line of an
 * order with a price that is not negative and an amount that can be added up (imported lines may also be discounts), and a line
 * of a return with no more than was bought.
 */
const needed = new Set([
  ...["Address.firstName", "Address.lastName", "Address.zipCode", "Address.phone", "Attachment.description"],
  ...["Address.lat", "Address.lng"],
  ...["LineItem.quantity", "LineItem.unitAmountCents", "ReturnLineItem.quantity"],
]);

interface Column {
  mutation: string;
  model: ModelName;
  field: string;
  id: string;
  values: readonly unknown[];
}

/** Every column of a scalar type that a mutation of its own model can change, from the schema. */
const columns: Column[] = Object.values(schema.getMutationType()!.getFields()).flatMap((mutation) => {
  const name = /^(\w+)Update$/.exec(mutation.name)?.[1];
  const model = [...models.keys()].find((one) => one.toLowerCase() === name?.toLowerCase());
  const argument = mutation.args.find((arg) => arg.name === "input");
  const input = argument && getNamedType(argument.type);
  if (!model || !isInputObjectType(input)) return [];
  const id = /Update\(id: "(\w+)"/.exec(mutation.description ?? "")![1]!;
  return Object.values(input.getFields()).flatMap((field): Column[] => {
    const type = getNamedType(field.type);
    const column = modelNamed(model).columns[field.name];
    if (!isScalarType(type) || !column) return [];
    const values = { String: texts, Int: numbers.filter(Number.isInteger), Float: numbers, JSON: documents }[type.name];
    return values ? [{ mutation: mutation.name, model, field: field.name, id, values }] : [];
  });
});

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.stop());

function imported(model: ModelName, field: string, value: unknown) {
  const { column } = modelNamed(model).columns[field]!;
  const [type] = typesOf(modelNamed(model));
  const outcome = checkResource({ type, id: "x", attributes: { [column]: value } }, { mode: "test" });
  return outcome.is === "checked" ? { stored: outcome.resource.row[column] } : { stored: undefined };
}

test("mutations that write columns are found", () => {
  expect(columns.length).toBeGreaterThan(55);
  expect(new Set(columns.map(({ model }) => model)).size).toBeGreaterThan(11);
});

test.each(columns)("$model.$field: $mutation and the import take the same values", async (column) => {
  const { mutation, model, field, id, values } = column;
  const object = mutation.replace(/Update$/, "");
  for (const some of batches(values)) {
    const types = some.map((_, i) => `$i${i}: ${model}UpdateInput!`).join();
    const results = some.map(
      (_, i) =>
        `r${i}: ${mutation}(id: $id, input: $i${i}) @dryRun { ${object} { ${field} } userErrors { code path message } }`,
    );
    const inputs = Object.fromEntries(some.map((value, i) => [`i${i}`, { [field]: value }]));
    const { data, errors } = await app.query(`mutation ($id: ID!, ${types}) { ${results.join(" ")} }`, {
      id,
      ...inputs,
    });
    expect(errors).toBeUndefined();
    for (const [i, value] of some.entries()) {
      const { stored } = imported(model, field, value);
      const { userErrors, [object]: row } = data[`r${i}`];
      const own = userErrors.filter(
        (error: { code: string; path: string[] }) => error.code === "INVALID" && error.path[1] === field,
      );
      const told = JSON.stringify([value, own]).slice(0, 300);
      // What the mutation misses is not what it refuses.
      if (needed.has(`${model}.${field}`) && (stored === null || typeof stored === "number")) continue;
      expect([told, own.length > 0]).toEqual([told, stored === undefined]);
      if (userErrors.length === 0) expect(row[field]).toEqual(stored);
    }
  }
});

test("values that a column's rule accepts satisfy the CHECK constraints", async () => {
  const { rows } = await app.database.pool.query(
    `SELECT conrelid::regclass::text AS table, attname AS column, pg_get_expr(conbin, conrelid) AS condition
     FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND ARRAY[attnum] = conkey WHERE contype = 'c'`,
  );
  const tried: string[] = [];
  for (const { table, column, condition } of rows) {
    const model = [...models.values()].find((one) => one.table === table);
    const found = model && Object.entries(model.columns).find(([, one]) => one.column === column);
    const values = { String: texts, Int: numbers.filter(Number.isInteger), Json: documents }[String(found?.[1].type)];
    // Nobody writes the number of somebody's orders.
    if (!model || !found || !values || column === "total_orders_count") continue;
    const stored = values
      .map((value) => readColumn(model, found[0], value, readerOf(model, found[0])))
      .filter((one) => !(one instanceof Problem));
    expect([table, column, stored.length > 0]).toEqual([table, column, true]);
    for (const value of stored) {
      const { rows: answers } = await app.database.pool.query(
        `SELECT (${condition}) IS NOT FALSE AS taken FROM jsonb_populate_record(NULL::${table}, $1)`,
        [JSON.stringify({ [column]: value })],
      );
      const told = JSON.stringify(value)?.slice(0, 60);
      expect([table, column, told, answers[0].taken]).toEqual([table, column, told, true]);
    }
    tried.push(`${table}.${column}`);
  }
  expect(tried).toEqual(expect.arrayContaining(["customers.email", "addresses.country_code", "tags.name"]));
  expect(tried.length).toBeGreaterThan(25);
});

/** As many as one request may bring: long ones alone. */
function* batches(values: readonly unknown[]): Generator<unknown[]> {
  let some: unknown[] = [];
  for (const value of values) {
    if (JSON.stringify([...some, value]).length > 70_000 || some.length === 5) {
      yield some;
      some = [];
    }
    some.push(value);
  }
  yield some;
}

/** Columns of lines, which are written with what they belong to. */
const lines: [model: ModelName, field: string, document: (line: string) => string, path: string[]][] = [
  [
    "LineItem",
    "quantity",
    (line) => `orderCreate(input: { marketId: "mkt_europe", lineItems: [{ skuCode: "MUG-BLUE", ${line} }] })`,
    ["input", "lineItems", "0", "quantity"],
  ],
  [
    "LineItem",
    "imageUrl",
    (line) =>
      `orderCreate(input: { marketId: "mkt_europe", lineItems: [{ skuCode: "MUG-BLUE", quantity: 1, ${line} }] })`,
    ["input", "lineItems", "0", "imageUrl"],
  ],
  [
    "LineItem",
    "frequency",
    (line) =>
      `orderCreate(input: { marketId: "mkt_europe", lineItems: [{ skuCode: "MUG-BLUE", quantity: 1, ${line} }] })`,
    ["input", "lineItems", "0", "frequency"],
  ],
  [
    "SkuListItem",
    "position",
    (line) => `skuListCreate(input: { name: "x", items: [{ skuCode: "MUG-BLUE", ${line} }] })`,
    ["input", "items", "0", "position"],
  ],
];

test.each(lines)("%s.%s within another mutation: same rule", async (model, field, document, path) => {
  const { type } = modelNamed(model).columns[field]!;
  for (const value of type === "Int" ? numbers.filter(Number.isInteger) : texts) {
    const { stored } = imported(model, field, value);
    const { data, errors } = await app.query(
      `mutation ($value: ${type}${type === "Int" && model === "LineItem" ? "!" : ""}) { result: ${document(`${field}: $value`)} @dryRun { userErrors { path } } }`,
      { value },
    );
    expect(errors).toBeUndefined();
    const refused = data.result.userErrors.some((error: { path: string[] }) => error.path.join() === path.join());
    expect([value, refused]).toEqual([value, stored === undefined]);
  }
});

test("orderCreate: quantities that together exceed the integer range are INVALID", async () => {
  const { data } = await app.query(
    `mutation { orderCreate(input: { marketId: "mkt_europe", lineItems: [
      { skuCode: "MUG-BLUE", quantity: 2147483647 }, { skuCode: "CAP-RED", quantity: 2147483647 }] }) { userErrors { code path } } }`,
  );
  expect(data.orderCreate.userErrors).toEqual([{ code: "INVALID", path: ["input", "lineItems"] }]);
});

test.each([
  ["addresses", "lat", 91.5],
  ["addresses", "country_code", "UK"],
  ["addresses", "country_code", "XX"],
  ["addresses", "line_1", "x".repeat(100_000)],
  ["addresses", "city", " "],
  ["customer_groups", "name", ""],
  ["skus", "name", "\u3000"],
  ["skus", "image_url", "javascript:alert(1)"],
  ["markets", "currency_code", "ZZZ"],
  ["orders", "tax_rate", -5],
  ["orders", "tax_rate", 22],
  ["orders", "language_code", "xx"],
  ["orders", "errors_count", -1],
  ["order_subscriptions", "frequency", "sometimes"],
  ["line_items", "frequency", "sometimes"],
  ["tags", "name", "no_-name"],
  ["sku_lists", "slug", "a b"],
  ["sku_lists", "sku_code_regex", "("],
  ["sku_list_items", "position", -1],
  ["customer_payment_sources", "payment_source_token", "4111111111111111"],
  ["event_callbacks", "callback_url", "x"],
  ["customers", "anonymization_info", { status: "requested", reason: "x".repeat(501) }],
])("the import refuses %s.%s %j", (type, name, value) => {
  expect(checkResource({ type, id: "x", attributes: { [name]: value } }, { mode: "test" }).is).toBe("refused");
});

test("the demo shop satisfies the rules of every column", async () => {
  for (const model of models.values()) {
    const { rows } = await app.database.pool.query(`SELECT * FROM "${model.table}"`);
    for (const [field, { column, secret }] of Object.entries(model.columns)) {
      if (secret) continue;
      for (const row of rows) {
        const value = row[column];
        if (value === null) continue;
        const read = readColumn(model, field, value, readerOf(model, field));
        expect([model.name, field, read instanceof Problem ? read.message : read]).toEqual([model.name, field, value]);
      }
    }
  }
});
