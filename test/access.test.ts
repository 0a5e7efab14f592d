import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  type GraphQLField,
  GraphQLID,
  type GraphQLNamedType,
  type GraphQLObjectType,
  getNamedType,
  isInputObjectType,
  isLeafType,
  isNonNullType,
} from "graphql";
import { type Permission, permissions, toRead } from "../src/graph/access/permission.js";
import { type Model, modelOfType, models } from "../src/graph/model/datamodel.js";
import { accessOf, fieldsWithoutRule, needsOf } from "../src/graph/schema/access-directive.js";
import { allModelTypes } from "../src/graph/schema/model.js";
import { createSchema } from "../src/schema.js";
import { type Caller, createTestApp, type TestApp } from "./support/app.js";
import { examplesOf } from "./support/examples.js";
import { stream, until } from "./support/live.js";
import { insert } from "./support/rows.js";

/**
 * Who may see what, as one table: every root field, relation, guarded field, mutation and subscription, for every kind of caller,
 * against rows that hang on the customer Ada. The table is committed, so a change of a rule shows in review as a diff.
 * `UPDATE_MATRIX=1 npm test -- test/access.test.ts` writes it anew.
 */
const matrixFile = join(import.meta.dirname, "access.matrix.txt");

const callers: Record<string, Caller> = {
  anonymous: null,
  guest: { kind: "guest", markets: ["mkt_europe"] },
  ada: { kind: "customer", id: "cus_ada", markets: ["mkt_europe"] },
  bruno: { kind: "customer", id: "cus_bruno", markets: ["mkt_europe"] },
  integration: { kind: "integration" },
  limited: { kind: "integration", permissions: ["customers:read"] },
  staff: { kind: "user" },
  live: { kind: "integration", mode: "live" },
};

/** A row of each model: those that callers see differently, and of other models the one with the most values. */
const subjects: Record<string, string> = {
  Address: "adr_ada_home",
  Attachment: "att_ada_contract",
  Customer: "cus_ada",
  CustomerAddress: "cad_ada_home",
  CustomerGroup: "cgr_vip",
  CustomerPasswordReset: "cpr_ada",
  CustomerPaymentSource: "cps_ada_visa",
  CustomerSubscription: "csu_ada_newsletter",
  Event: "evt_1",
  EventCallback: "ecb_1",
  EventStore: "est_1",
  LineItem: "lin_1001_1",
  Market: "mkt_europe",
  Order: "ord_1001",
  OrderSubscription: "osu_ada_coffee",
  OrderSubscriptionItem: "osi_ada_coffee_1",
  PaymentMethod: "pmt_stripe",
  PaymentSource: "pso_ada_visa",
  Return: "ret_1004_1",
  ReturnLineItem: "rli_1004_1_1",
  Sku: "sku_mug",
  SkuList: "skl_ada_wishes",
  SkuListItem: "sli_ada_wishes_1",
  StockLocation: "slo_milan",
  Tag: "tag_vip",
};

const schema = createSchema();
let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
  await insert(app.database.query, "CustomerPasswordReset", { id: "cpr_ada", customerId: "cus_ada" });
  for (const { name, table } of models.values()) {
    if (subjects[name]) continue;
    const { rows } = await app.database.pool.query(
      `SELECT id FROM "${table}" t WHERE mode = 'test'
       ORDER BY customer_of($1, id) IS DISTINCT FROM 'cus_ada', length(jsonb_strip_nulls(to_jsonb(t))::text) DESC, id`,
      [table],
    );
    subjects[name] = rows[0].id;
  }
});
afterAll(() => app.stop());

function selection(field: GraphQLField<unknown, unknown>): string {
  const type = getNamedType(field.type);
  if (isLeafType(type)) return "";
  return type.name.endsWith("Connection") ? "{ totalCount nodes { __typename } }" : "{ __typename }";
}

/** What a caller got for one field, in a word. */
function outcome(value: unknown, path: string[], answer: Awaited<ReturnType<TestApp["query"]>>): string {
  const failed = answer.errors?.find(
    (error) => !error.path || error.path.join() === path.slice(0, error.path.length).join(),
  );
  if (failed) return failed.extensions.code as string;
  const redactions = (answer.extensions as { redactions?: { path: string[] }[] }).redactions ?? [];
  if (redactions.some((redaction) => redaction.path.join() === path.join())) return "redacted";
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return value.length ? "yes" : "empty";
  if (typeof value === "object" && "totalCount" in value) return value.totalCount ? `yes` : "empty";
  return "yes";
}

const table = new Map<string, Record<string, string>>();
function note(field: string, caller: string, word: string) {
  table.set(field, { ...table.get(field), [caller]: word });
}

async function rootFields(name: string, caller: Caller) {
  for (const field of Object.values(schema.getQueryType()!.getFields())) {
    const target = getNamedType(field.type).name.replace(/Connection$/, "");
    const id = subjects[target] ?? "cus_ada";
    const argument = field.args.some((arg) => arg.name === "by")
      ? `(by: { id: "${id}" })`
      : field.args.some((arg) => arg.name === "id")
        ? `(id: "${id}")`
        : field.args.some((arg) => arg.name === "ids")
          ? `(ids: ["${id}"])`
          : field.args.some((arg) => arg.name === "customerId")
            ? '(customerId: "cus_ada")'
            : "";
    const answer = await app.query(`{ f: ${field.name}${argument} ${selection(field)} }`, {}, { as: caller });
    const value = answer.data?.f;
    note(`Query.${field.name}`, name, outcome(Array.isArray(value) ? value.filter(Boolean) : value, ["f"], answer));
  }
}

/** The fields of a row type that the matrix lists: those with a rule, and those that lead to rows. */
function listed(type: string): GraphQLField<unknown, unknown>[] {
  const object = schema.getType(type);
  if (!object || !("getFields" in object)) throw new Error(type);
  const fields = Object.values(object.getFields()) as unknown as GraphQLField<unknown, unknown>[];
  return fields.filter((field) => accessOf(field) || field.name.startsWith("jwt"));
}

async function rowFields(name: string, caller: Caller) {
  for (const { name: type } of allModelTypes()) {
    const fields = listed(type);
    const selections = fields.map((field, i) => `f${i}: ${field.name} ${selection(field)}`).join(" ");
    const answer = await app.query(
      `{ node(id: "${subjects[type]}") { ... on ${type} { id ${selections} } } }`,
      {},
      { as: caller },
    );
    const row = answer.data?.node;
    note(`node(${type})`, name, outcome(row, ["node"], answer));
    fields.forEach((field, i) => {
      note(`${type}.${field.name}`, name, row ? outcome(row[`f${i}`], ["node", `f${i}`], answer) : "–");
    });
  }
}

/** The examples of all mutations, only tried. */
async function mutationFields(name: string, caller: Caller) {
  for (const { field, dryRun } of examplesOf(schema)) {
    const answer = await app.query(dryRun, {}, { as: caller });
    const code = answer.errors?.[0]?.extensions.code ?? answer.data[field].userErrors[0]?.code ?? "yes";
    note(`Mutation.${field}`, name, String(code));
  }
}

const subscriptions: Record<string, string> = {
  customerChanged: 'customerChanged(after: "nothing") { id }',
};

/** Whoever may subscribe is told that there is nothing to go on after. */
async function subscriptionFields(name: string, caller: Caller) {
  for (const field of Object.keys(schema.getSubscriptionType()!.getFields())) {
    const opened = await stream(app, { query: `subscription { ${subscriptions[field]} }`, as: caller });
    await until(() => opened.ended);
    const { errors } = opened.body ?? opened.events[0]!.data;
    const { code } = errors[0].extensions;
    note(`Subscription.${field}`, name, code === "BAD_USER_INPUT" ? "yes" : code);
  }
}

test("every field that returns rows has a permission rule", () => {
  expect(fieldsWithoutRule(schema)).toEqual([]);
  expect(Object.keys(schema.getSubscriptionType()!.getFields()).sort()).toEqual(Object.keys(subscriptions).sort());
  expect(
    allModelTypes()
      .map(({ name }) => name)
      .sort(),
  ).toEqual(Object.keys(subjects).sort());
});

test("access matrix equals access.matrix.txt", async () => {
  for (const [name, caller] of Object.entries(callers)) {
    await rootFields(name, caller);
    await rowFields(name, caller);
    await mutationFields(name, caller);
    await subscriptionFields(name, caller);
  }
  const names = Object.keys(callers);
  const width = Math.max(...[...table.keys()].map(({ length }) => length));
  const line = (first: string, words: string[]) =>
    [first.padEnd(width), ...words.map((word) => word.padEnd(15))].join(" ").trimEnd();
  const lines = [...table]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([field, words]) =>
      line(
        field,
        names.map((n) => words[n] ?? "?"),
      ),
    );
  const matrix = `${[line("", names), ...lines].join("\n")}\n`;
  expect(matrix).not.toContain("?");
  if (process.env.UPDATE_MATRIX || !existsSync(matrixFile)) writeFileSync(matrixFile, matrix);
  expect(matrix).toBe(readFileSync(matrixFile, "utf8"));
}, 120_000);

const every = [...permissions.keys()];
const but = (...without: Permission[]): Caller => ({
  kind: "integration",
  permissions: every.filter((permission) => !without.includes(permission)),
});
const mutations = schema.getMutationType()!.getFields();

/** The permissions that a description names. */
function named(description: string | null | undefined): Permission[] {
  return [...(description ?? "").matchAll(/`(\w+:\w+)`/g)].flatMap(([, word]) =>
    permissions.has(word as Permission) ? [word as Permission] : [],
  );
}

/** Those that the fields of an input name, and of the inputs in it. */
function ofFields(input: GraphQLNamedType): Permission[] {
  if (!isInputObjectType(input)) return [];
  return Object.values(input.getFields()).flatMap((field) => [
    ...named(field.description),
    ...ofFields(getNamedType(field.type)),
  ]);
}

test("mutations need exactly the permissions of their descriptions", async () => {
  for (const { field, dryRun } of examplesOf(schema)) {
    const code = async (as: Caller) => {
      const { errors } = await app.query(dryRun, {}, { as });
      return { field, as, code: errors?.[0]?.extensions.code };
    };
    const { description, args } = mutations[field]!;
    const ofInput = args.flatMap(({ type }) => ofFields(getNamedType(type)));
    const reading = every.filter((permission) => permission.endsWith(":read"));
    const said: Caller = { kind: "integration", permissions: [...named(description), ...ofInput, ...reading] };
    expect(await code(said)).not.toMatchObject({ code: "FORBIDDEN" });
    const always = needsOf(mutations[field]!).flatMap(({ permission, when }) => (when ? [] : [permission]));
    for (const permission of [...accessOf(mutations[field]!)!, ...always]) {
      expect(named(description)).toContain(permission);
      expect(await code(but(permission))).toMatchObject({ code: "FORBIDDEN" });
    }
  }
}, 60_000);

/** The values of a new resource that are unique, alone or among those of a customer. */
const uniqueValues = [...models.values()].flatMap((model) => {
  const input = schema.getType(`${model.name}CreateInput`);
  const fields = isInputObjectType(input) ? Object.keys(input.getFields()) : [];
  const unique = model.unique.flat().filter((field) => field !== "customerId" && fields.includes(field));
  return unique.map((field) => [`${model.name}.${field}`, model, field] as const);
});

/** What else such a resource is made of, for Ada. */
const others: Record<string, object> = {
  CustomerGroup: { name: "Another" },
  CustomerAddress: { customerId: "cus_ada" },
  CustomerSubscription: { customerId: "cus_ada" },
  Order: { marketId: "mkt_europe" },
};

/** What somebody hears who tries to make a resource with a value. */
async function tryValue({ name }: Model, field: string, value: unknown, as: Caller) {
  const mutation = mutations[`${name[0]!.toLowerCase()}${name.slice(1)}Create`]!;
  const payload = getNamedType(mutation.type) as GraphQLObjectType;
  const plain = Object.values(payload.getFields()).filter(({ type }) => isLeafType(getNamedType(type)));
  return app.query(
    `mutation ($input: ${name}CreateInput!) {
       made: ${mutation.name}(input: $input) @dryRun { ${plain.map((one) => one.name).join(" ")} userErrors { code message path } } }`,
    { input: { ...others[name], [field]: value } },
    { as },
  );
}

test("unique fields", () => {
  expect(uniqueValues.map(([name]) => name)).toEqual([
    "Customer.email",
    "CustomerGroup.code",
    "CustomerAddress.addressId",
    "CustomerSubscription.reference",
    "Order.number",
    "Tag.name",
  ]);
});

test.each(uniqueValues)(
  "a unique %s does not leak to callers who may not read the resource",
  async (_, model, field) => {
    const { column } = model.columns[field]!;
    const mine = model.columns.customerId ? " AND customer_id = 'cus_ada'" : "";
    const ask = async (sql: string) => (await app.database.pool.query(sql)).rows[0].value;
    const taken = await ask(
      `SELECT "${column}" AS value FROM ${model.table} WHERE mode = 'test'${mine} AND "${column}" IS NOT NULL ORDER BY id LIMIT 1`,
    );
    const free =
      field === "addressId"
        ? await ask(
            `SELECT id AS value FROM addresses a WHERE mode = 'test' AND NOT EXISTS (SELECT FROM customer_addresses WHERE address_id = a.id)
             AND NOT EXISTS (SELECT FROM stock_locations WHERE address_id = a.id) ORDER BY id LIMIT 1`,
          )
        : field === "email"
          ? "nobody@example.com"
          : "free-1";
    const hear = async (value: unknown, as: Caller) => {
      const { extensions, ...answer } = await tryValue(model, field, value, as);
      return JSON.stringify({ ...answer, extensions: { ...extensions, requestId: "" } });
    };
    const reader = but();
    expect(await hear(taken, reader)).not.toBe(await hear(free, reader));
    const blind = but(toRead(model.name));
    // A sign-up form has to say so; sales channels hear it a few times only.
    if (model.name === "Customer") expect(await hear(taken, blind)).toContain("TAKEN");
    else expect(await hear(taken, blind)).toBe(await hear(free, blind));
  },
);

test("IN_USE details are shown only to callers who may read the dependent resources", async () => {
  const { rows } = await app.database.pool.query(
    `SELECT confrelid::regclass::text AS kept, conrelid::regclass::text AS keeps FROM pg_constraint
     WHERE contype = 'f' AND confdeltype IN ('r', 'a') AND conrelid <> confrelid`,
  );
  const told = rows.flatMap(({ kept, keeps }) => {
    const [deleted, by] = [modelOfType(kept), modelOfType(keeps)];
    const mutation = deleted && mutations[`${deleted.name[0]!.toLowerCase()}${deleted.name.slice(1)}Delete`];
    if (!mutation || !by) return [];
    const needs = needsOf(mutation).flatMap(({ permission, when }) => (when ? [] : [permission]));
    return needs.includes(toRead(by.name)) ? [] : [`${mutation.name} by ${by.name}`];
  });
  expect(rows.length).toBeGreaterThan(10);
  expect(told).toEqual([]);
});

test("forbidden fields inside objects are null or empty and listed in extensions.redactions", async () => {
  const answer = await app.query(
    `{ customer(by: { id: "cus_ada" }) { email tags { name } events { totalCount } eventStores { totalCount }
       customerPaymentSources(first: 1) { nodes { name customerToken paymentSourceToken } } } }`,
    {},
    { as: callers.ada },
  );
  expect(answer.errors).toBeUndefined();
  expect(answer.data.customer).toMatchObject({ email: "ada@example.com", tags: null, events: null, eventStores: null });
  expect(answer.data.customer.customerPaymentSources.nodes[0]).toMatchObject({
    customerToken: null,
    paymentSourceToken: null,
  });
  expect(answer.extensions.redactions).toContainEqual({ path: ["customer", "tags"], missing: ["TAGS_READ"] });
  expect(answer.extensions.redactions).toContainEqual({
    path: ["customer", "customerPaymentSources", "nodes", 0, "customerToken"],
    missing: ["GATEWAY_TOKENS_READ"],
  });
});

test("the requester and reason of an anonymization are visible to staff, not to the customer", async () => {
  await app.database.pool.query(
    "UPDATE customers SET anonymization_reason = 'a fraud', anonymization_cancellation_reason = 'no' WHERE id = 'cus_joao'",
  );
  const query = `{ customer(by: { id: "cus_joao" }) {
    anonymizationInfo { status requester { id email } reason cancellationReason } } }`;
  const own = await app.query(query, {}, { as: { kind: "customer", id: "cus_joao" } });
  expect(own.data.customer.anonymizationInfo).toEqual({
    status: "REQUESTED",
    requester: null,
    reason: null,
    cancellationReason: null,
  });
  expect(own.extensions.redactions).toContainEqual({
    path: ["customer", "anonymizationInfo", "reason"],
    missing: ["STAFF_READ"],
  });
  const staff = await app.query(query, {}, { as: callers.integration });
  expect(staff.data.customer.anonymizationInfo.requester.email).toContain("@");
  expect(staff.data.customer.anonymizationInfo.reason).toBe("a fraud");
});

test("relation filters do not leak rows that the caller may not read", async () => {
  const filter = `{ customers(filter: { orders: { some: {} } }) { totalCount } tagged: customers(filter: { tags: { any: ["vip"] } }) { totalCount } }`;
  const { data } = await app.query(filter, {}, { as: callers.limited });
  expect(data).toEqual({ customers: { totalCount: 0 }, tagged: { totalCount: 0 } });
});

test("rows of other customers are indistinguishable from missing rows", async () => {
  for (const other of ["cus_bruno", "ord_1002", "cus_live_ada", "adr_1002_billing", "cus_nobody", "ord_nothing"]) {
    const answer = await app.query(
      `{ node(id: "${other}") { id } customer(by: { id: "${other}" }) { id } order(by: { id: "${other}" }) { id }
         orders(filter: { customerId: { eq: "${other}" } }) { totalCount }
         lists: customers(filter: { or: [{ id: { eq: "${other}" } }, { email: { startsWith: "bruno" } }] }) { totalCount nodes { id } } }`,
      {},
      { as: callers.ada },
    );
    expect(answer.errors).toBeUndefined();
    expect(answer.data).toEqual({
      node: null,
      customer: null,
      order: null,
      orders: { totalCount: 0 },
      lists: { totalCount: 0, nodes: [] },
    });
  }
});

test("private markets are visible through the customer group, and hidden at once after leaving it", async () => {
  const ada: Caller = { kind: "customer", id: "cus_ada", markets: ["mkt_vip"] };
  const query = "{ viewer { markets { id } customer { jwtMarkets { id } } } }";
  const open = await app.query(query, {}, { as: ada });
  expect(open.data.viewer).toEqual({ markets: [{ id: "mkt_vip" }], customer: { jwtMarkets: [{ id: "mkt_vip" }] } });
  await app.database.pool.query("UPDATE customers SET customer_group_id = NULL WHERE id = 'cus_ada'");
  const closed = await app.query(query, {}, { as: ada });
  expect(closed.data.viewer).toEqual({ markets: [], customer: { jwtMarkets: [] } });
  await app.database.pool.query("UPDATE customers SET customer_group_id = 'cgr_vip' WHERE id = 'cus_ada'");
});

test("viewer is derived from the access token", async () => {
  const query =
    "{ viewer { kind mode permissions owner { id } customClaim expiresAt customer { id } markets { id } stockLocations { id } } }";
  const who = async (as: Caller) => (await app.query(query, {}, { as })).data.viewer;
  expect(await who(null)).toMatchObject({ kind: "ANONYMOUS", permissions: [], customer: null, expiresAt: null });
  expect(await who(callers.guest!)).toMatchObject({ kind: "GUEST", customer: null, markets: [{ id: "mkt_europe" }] });
  expect(await who({ kind: "customer", id: "cus_ada", customClaim: { cart: 5 } })).toMatchObject({
    kind: "CUSTOMER",
    customer: { id: "cus_ada" },
    customClaim: { cart: 5 },
  });
  expect(await who(callers.limited!)).toMatchObject({ kind: "INTEGRATION", permissions: ["CUSTOMERS_READ"] });
  expect(await who(callers.staff!)).toMatchObject({ kind: "USER", owner: { id: "usr_vera" } });
  expect(await who(callers.live!)).toMatchObject({ mode: "LIVE" });
});

describe("a forbidden root field does not affect the other fields", () => {
  test("an accepted mutation keeps its answer when another one is FORBIDDEN", async () => {
    const { data, errors } = await app.query(
      `mutation { a: skuListCreate(input: { name: "Keeps its answer" }) { skuList { id } userErrors { code } }
         b: tagCreate(input: { name: "not-by-a-shopper" }) { tag { id } }
         c: skuListCreate(input: { name: "Comes after" }) { skuList { name } } }`,
      {},
      { as: callers.ada! },
    );
    expect(data.a).toEqual({ skuList: { id: expect.stringMatching(/^skl_/) }, userErrors: [] });
    expect([data.b, data.c]).toEqual([null, { skuList: { name: "Comes after" } }]);
    expect(errors).toHaveLength(1);
    expect(errors![0]).toMatchObject({ path: ["b"], extensions: { code: "FORBIDDEN", missing: ["TAGS_CREATE"] } });
    const found = await app.query(`{ node(id: "${data.a.skuList.id}") { id } }`, {}, { as: callers.ada! });
    expect(found.data.node).toEqual(data.a.skuList);
  });

  test("a wrong argument of one mutation does not affect the answers of others", async () => {
    const { data, errors } = await app.query(
      `mutation { a: tagCreate(input: { name: "keeps-its-answer" }) { tag { name } }
         b: skuListCreate(input: { name: "x", customerId: "cus_ada" }) @idempotent(key: "") { skuList { id } } }`,
    );
    expect(data).toEqual({ a: { tag: { name: "keeps-its-answer" } }, b: null });
    expect(errors![0]).toMatchObject({ path: ["b"], extensions: { code: "BAD_USER_INPUT" } });
  });

  test.each(Object.values(schema.getQueryType()!.getFields()).map((field) => [field.name, field] as const))(
    "other root fields are answered beside a forbidden %s, in one statement",
    async (name, field) => {
      const access = accessOf(field);
      if (!access?.length) return;
      const target = getNamedType(field.type).name.replace(/Connection$/, "");
      const { args } = field;
      const [argument] = args.filter(({ type }) => String(type).endsWith("!"));
      const given = argument ? `(${argument.name}: ${argument.name === "by" ? '{ id: "x" }' : '"x"'})` : "";
      const other = `${target === "Market" ? "methods: paymentMethod" : "market: market"}`;
      const id = target === "Market" ? '(id: "pmt_stripe")' : '(by: { id: "mkt_europe" })';
      const permissions: Permission[] = [target === "Market" ? "payment_methods:read" : "markets:read"];
      const answer = await app.query(
        `{ refused: ${name}${given} ${selection(field)} ${other}${id} { id } }`,
        {},
        { as: { kind: "integration", permissions } },
      );
      expect(answer.data).toEqual({
        refused: null,
        [target === "Market" ? "methods" : "market"]: { id: target === "Market" ? "pmt_stripe" : "mkt_europe" },
      });
      expect(answer.errors).toHaveLength(1);
      expect(answer.errors![0]).toMatchObject({ path: ["refused"], extensions: { code: "FORBIDDEN" } });
      expect(answer.extensions.statements).toBe(1);
    },
  );

  test("root fields and payloads are nullable, except viewer", () => {
    const roots = [schema.getQueryType()!, schema.getMutationType()!];
    const fields = roots.flatMap((type) => Object.values(type.getFields()));
    expect(fields.filter(({ type }) => isNonNullType(type)).map(({ name }) => name)).toEqual(["viewer"]);
  });

  test("a guest gets markets and viewer, and null for forbidden customers", async () => {
    const query = "{ markets { nodes { id } } customers { totalCount } viewer { kind } }";
    const { data, errors } = await app.query(query, {}, { as: callers.guest! });
    expect(data).toEqual({ markets: { nodes: [{ id: "mkt_europe" }] }, customers: null, viewer: { kind: "GUEST" } });
    expect(errors).toHaveLength(1);
  });
});

test("forbidden payload fields are null or empty and listed in extensions.redactions", async () => {
  const limited = (...given: Permission[]): Caller => ({
    kind: "integration",
    permissions: ["customers:read", ...given],
  });
  const gone = await app.query(
    `mutation { customerAddressDelete(id: "cad_ada_home") @dryRun { deletedId addressId deletedAddressId customer { id } }
       customerPaymentSourceDelete(id: "cps_ada_visa") @dryRun { deletedId paymentSourceId deletedPaymentSourceId } }`,
    {},
    {
      as: limited(
        ...(["customer_addresses:read", "customer_addresses:destroy", "customer_payment_sources:read"] as const),
        "customer_payment_sources:destroy",
      ),
    },
  );
  expect(gone.data).toEqual({
    customerAddressDelete: {
      deletedId: "cad_ada_home",
      addressId: null,
      deletedAddressId: null,
      customer: { id: "cus_ada" },
    },
    customerPaymentSourceDelete: { deletedId: "cps_ada_visa", paymentSourceId: null, deletedPaymentSourceId: null },
  });
  expect(gone.extensions.redactions).toContainEqual({
    path: ["customerAddressDelete", "addressId"],
    missing: ["ADDRESSES_READ"],
  });
  const tagged = await app.query(
    `mutation { tagsReplace(id: "cus_ada", names: []) @dryRun { resource { id } removed { id } userErrors { code } } }`,
    {},
    { as: limited("customers:update", "tags:assign") },
  );
  expect(tagged.data.tagsReplace).toEqual({ resource: { id: "cus_ada" }, removed: [], userErrors: [] });
  expect(tagged.extensions.redactions).toEqual([{ path: ["tagsReplace", "removed"], missing: ["TAGS_READ"] }]);
});

test("payload fields with ids of other rows declare their permissions", () => {
  const types = Object.values(schema.getTypeMap()).filter((type) => type.name.endsWith("Payload"));
  const open = types.flatMap((type) =>
    Object.values((type as GraphQLObjectType).getFields())
      .filter((field) => getNamedType(field.type) === GraphQLID && !accessOf(field))
      .map(({ name }) => `${type.name}.${name}`),
  );
  // The ids that the caller gave, and that of the reset which it asked for.
  expect(open.filter((name) => !name.endsWith(".deletedId"))).toEqual(["CustomerPasswordResetCreatePayload.id"]);
});
