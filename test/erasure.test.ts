import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { abouts, customerRows } from "../src/erasure/customer-rows.js";
import { aboutOf, columnOf, type ModelName, modelNamed, relationOf } from "../src/graph/model/datamodel.js";
import { manifest, manifestAsMarkdown, manifestDigest, personalColumns } from "../src/graph/model/manifest.js";
import { loadSigningKeys, newKeySet } from "../src/identity/keys.js";
import { Revocations } from "../src/identity/revocations.js";
import { importFiles } from "../src/import/import.js";
import { moves, movesAsDiagram } from "../src/modules/anonymization/anonymization.service.js";
import { verifyReceipt } from "../src/modules/anonymization/receipt.js";
import { AnonymizationWorker, type WorkerOptions } from "../src/modules/anonymization/worker.js";
import { projectRoot } from "../src/paths.js";
import { createLogger } from "../src/telemetry/logger.js";
import { everyAnswer, type RecordedAnswer } from "./support/answers.js";
import { type Answer, type Caller, createTestApp, type TestApp } from "./support/app.js";
import { createTestDatabase, withDatabase } from "./support/database.js";
import { contentsOf, findMarks, type Mark, newMark, plantMarks, statisticsOf } from "./support/marks.js";
import { onlyField } from "./support/operation-data.js";
import { pgDump } from "./support/pg-dump.js";
import { insert } from "./support/rows.js";

const owner = { id: "usr_vera", firstName: "Vera", lastName: "Support", email: "vera@example.com" };
const keys = await loadSigningKeys({
  signingKeys: JSON.stringify(await newKeySet()),
  dataDir: "",
  environment: "test",
});
const id = "cus_ada";

function workerOf(app: TestApp, logged: string[] = [], options: Partial<WorkerOptions> = {}) {
  const log = createLogger({ level: "debug", json: true, write: (line) => logged.push(line) });
  const { database } = app;
  const revocations = new Revocations({ database, log });
  return new AnonymizationWorker({
    database,
    keys,
    issuer: "urn:test",
    revocations,
    log,
    now: () => new Date(),
    graceMs: 0,
    ...options,
  });
}

interface Resource {
  type: string;
  id: string;
  attributes?: object;
  relationships?: Record<string, { data: { type: string; id: string } }>;
}
const ref = (type: string, id: string) => ({ data: { type, id } });

/** Imports resources, and gives what was told about them. `before` runs before each statement of the import. */
async function imported(
  connectionString: string,
  data: readonly Resource[],
  { before, strict = false }: { before?: (text: string) => Promise<void>; strict?: boolean } = {},
): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "erasure-"));
  const file = join(folder, "document.json");
  const client = new pg.Client(connectionString);
  const issues: string[] = [];
  try {
    writeFileSync(file, JSON.stringify({ data }));
    await client.connect();
    if (before) {
      const send = client.query.bind(client);
      client.query = (async (text: string, values?: unknown[]) => {
        await before(text);
        return send(text, values);
      }) as typeof client.query;
    }
    await importFiles({
      client,
      files: [file],
      strict,
      mode: "test",
      onIssue: ({ kind, type, id, reason }) => issues.push(`${kind} ${type} ${id}: ${reason}`),
      onProgress: () => {},
    });
    return issues;
  } finally {
    await client.end();
    rmSync(folder, { recursive: true });
  }
}

describe("docs/erasure.md", () => {
  const file = join(projectRoot, "docs", "erasure.md");
  const part = (name: string) => new RegExp(`(<!-- ${name} -->\\n)[^]*?(<!-- /${name} -->)`);
  test.each([
    ["manifest", manifestAsMarkdown],
    ["moves", movesAsDiagram],
  ])("the %s is up to date (else: UPDATE_DOCS=1)", (name, made) => {
    const text = readFileSync(file, "utf8");
    const right = text.replace(part(name), (_, before: string, after: string) => `${before}${made()}\n${after}`);
    if (process.env.UPDATE_DOCS) writeFileSync(file, right);
    else expect(text).toBe(right);
    expect(right).toContain(made());
  });
});

describe("search for planted marks", () => {
  const one = newMark("Search.one");
  const hidden = (["base64", "base64url", "hex"] as const).flatMap((encoding) => [
    ...["", "/", "??", ">>>"].map((before) => [
      `in ${encoding} after ${before.length}`,
      Buffer.from(`${before}${one.text}~`).toString(encoding),
    ]),
    ...["md5", "sha1", "sha256"].map((name) => [
      `as ${name} in ${encoding}`,
      createHash(name).update(one.text).digest(encoding),
    ]),
  ]);
  test.each([["in capitals", one.text.toUpperCase()], ...hidden])("finds a mark %s", (_, text) => {
    expect(findMarks([newMark("Search.other"), one], `INSERT INTO t VALUES ('${text}');`)).toEqual([one]);
  });

  test("covers everything pg_dump writes, and columns that PostgreSQL computes", async () => {
    const database = await createTestDatabase();
    const client = new pg.Client(database.connectionString);
    try {
      await client.connect();
      const [row, object, computed] = ["a row", "an object", "computed"].map(newMark) as [Mark, Mark, Mark];
      await client.query(`CREATE SCHEMA aside`);
      await client.query(`CREATE TABLE aside.rows AS SELECT '${row.text}' AS text`);
      await client.query(`SELECT lo_from_bytea(0, '${object.text}')`);
      await client.query(
        `CREATE TABLE made (reversed text, text text GENERATED ALWAYS AS (reverse(reversed)) STORED);
         INSERT INTO made VALUES ('${[...computed.text].reverse().join("")}')`,
      );
      const dumped = await pgDump(database.connectionString);
      expect(dumped).toMatch(/^-- Dumped by pg_dump version \d+/m);
      expect(dumped).toContain("\n-- PostgreSQL database dump complete\n");
      expect(findMarks([row, object, computed], dumped)).toEqual([row, object]);
      expect(findMarks([row, object, computed], await contentsOf(database.connectionString))).toEqual([
        row,
        object,
        computed,
      ]);
      await expect(pgDump(withDatabase(database.connectionString, "nowhere"))).rejects.toThrow("does not exist");
    } finally {
      await client.end();
      await database.drop();
    }
  });
});

describe("erasure manifest", () => {
  test("every model with personal columns to erase is reachable from a customer", () => {
    const models = [...manifest].filter(([, table]) =>
      personalColumns(table).some(([, c]) => c.personal.action !== "keep"),
    );
    expect(models.map(([name]) => name).filter((name) => !(name in customerRows))).toEqual([]);
  });
});

/** The ids of all rows of a customer, by their models. */
async function idsOf({ database }: TestApp, customerId: string): Promise<Map<ModelName, string[]>> {
  const ids = new Map<ModelName, string[]>();
  for (const [name, where] of Object.entries(customerRows) as [ModelName, string][]) {
    const { rows } = await database.pool.query(
      `SELECT t.id FROM "${manifest.get(name)!.table}" t WHERE ${where} ORDER BY t.id`,
      [customerId],
    );
    ids.set(
      name,
      rows.map((row) => row.id as string),
    );
  }
  return ids;
}

/**
 * Changes with a mark at each `<place>`, so that the audit trail, the events and the records of idempotency know of
 * them. `LAST` is the id of what the one before came to.
 */
const changes = [
  ...[1, 2].map(
    () => `customerUpdate(id: "cus_ada", input: { email: "<e-mail>@example.com", reference: "<reference>",
      shopperReference: "<shopper>", taxExemptionCode: "<tax>", metadata: { merge: { note: "<note>" } } }) {
      customer { id email reference shopperReference taxExemptionCode metadata } `,
  ),
  `customersBulkUpdate(input: { policy: REJECT_ROW, rows: [{ id: "cus_ada", input: { profileId: "<profile>" } }] }) {
    customers { id profileId metadata } `,
  `addressUpdate(id: "adr_ada_home", input: { line2: "<line>", notes: "<notes>", email: "<e-mail>@example.com" }) {
    address { id line2 notes email fullAddress } `,
  `customerAddressCreate(input: { customerId: "cus_ada", reference: "<entry>",
    address: { firstName: "<first>", lastName: "<last>", line1: "<line>", city: "Bath", zipCode: "BA1 1AA", countryCode: "GB", phone: "<phone>" } }) {
    customerAddress { id reference name address { fullName line1 phone } } `,
  `customerAddressDelete(id: "LAST") { deletedId `,
  `customerPaymentSourceCreate(input: { customerId: "cus_ada", paymentMethodId: "pmt_stripe",
    paymentSourceToken: "<token>", customerToken: "<token>", paymentInstrument: { issuerType: "credit card", cardLastDigits: "4242", cardType: "<card>" } }) {
    customerPaymentSource { id customerToken paymentSourceToken paymentSource { paymentInstrument { cardType } } } `,
  `customerPaymentSourceDelete(id: "LAST") { deletedId `,
  `customerSubscriptionCreate(input: { customerId: "cus_ada", reference: "<topic>" }) {
    customerSubscription { id reference } `,
  `attachmentCreate(input: { attachableId: "ord_1001", name: "<file>", description: "<file>" }) {
    attachment { id name description } `,
  `attachmentDelete(id: "LAST") { deletedId `,
  `skuListCreate(input: { name: "<list>", customerId: "cus_ada", description: "<list>" }) { skuList { id name slug description } `,
  `skuListDelete(id: "LAST") { deletedId `,
  `orderCreate(input: { marketId: "mkt_europe", customerId: "cus_ada", cartUrl: "https://example.com/<cart>",
    metadata: { gift: "<gift>" }, lineItems: [{ skuCode: "MUG-BLUE", quantity: 1 }] }) { order { id cartUrl metadata } `,
  `orderUpdate(id: "LAST", input: { returnUrl: "https://example.com/<cart>" }) { order { id returnUrl } `,
  `orderDelete(id: "LAST") { deletedId `,
  `returnUpdate(id: "ret_1015_1", input: { metadata: { merge: { why: "<why>" } } }) { return { id metadata } `,
  `legalHoldSet(input: { customerId: "cus_ada", reason: "<hold>" }) { customer { id legalHold { reason } } `,
  `legalHoldLift(input: { customerId: "cus_ada" }) { customer { id legalHold { reason } } `,
  `anonymizationRequest(input: { customerId: "cus_ada", previewDigest: "DIGEST", reason: "<request>" }) {
    customer { id anonymizationInfo { reason } } `,
  `anonymizationCancel(input: { customerId: "cus_ada", reason: "<cancellation>" }) {
    customer { id anonymizationInfo { cancellationReason } } `,
];
const ownChange = `customerUpdate(id: "cus_ada", input: { metadata: { merge: { own: "<own>" } } }) { customer { id metadata } `;
const request = `anonymizationRequest(input: { customerId: "cus_ada", previewDigest: "DIGEST", reason: "<request>" }) {
  customer { id anonymizationInfo { reason } } `;

/** Who asks after the erasure. */
const askers: Record<string, Caller> = {
  "an integration": { kind: "integration", owner },
  "the staff": { kind: "user" },
  "the customer, with a new token": { kind: "customer", id, markets: ["mkt_europe"] },
  "another customer": { kind: "customer", id: "cus_bruno", markets: ["mkt_europe"] },
  "a sales channel": { kind: "guest", markets: ["mkt_europe"] },
  "a stranger": null,
};

/** All kinds of values that erasure takes away. */
const kinds = [...manifest].flatMap(([name, table]) =>
  personalColumns(table)
    .filter(([, { personal, derived }]) => personal.action !== "keep" && !derived)
    .map(([field]) => `${name}.${field}`),
);
/** What no row has, even before: keys and claims are not kept, and the others were deleted or written over. */
const unkept = ["idempotency key", "refused", "claim", "token", "card", "hold", "request", "cancellation"];
/** What neither the API nor an export tells anybody. */
const untold = [
  ...unkept,
  "Customer.passwordDigest",
  "Customer.legalHoldReason", // of a hold that is set, it would
  "CustomerPasswordReset.tokenDigest",
  "RefreshToken.id",
];
const kindsOf = (marks: readonly Mark[]) => [...new Set(marks.map(({ kind }) => kind))].sort();
const without = (some: readonly Mark[], marks: readonly Mark[]) => marks.filter((mark) => !some.includes(mark));
const textOf = (heard: readonly RecordedAnswer[]) => heard.map(({ text }) => text).join("\n");

test("after an erasure no mark planted in a personal column is left in a dump, the log or any answer", async () => {
  const logged: string[] = [];
  const app = await createTestApp({ owner });
  try {
    const marks: Mark[] = [];
    const mark = (kind: string, text = newMark(kind).text) => {
      marks.push({ kind, text });
      return text;
    };
    const sent: { document: string; as: Caller }[] = [];
    let last = "";
    const change = async (text: string, as: Caller) => {
      const { data: seen } = await app.query(`{ anonymizationPreview(customerId: "${id}") { digest } }`);
      const filled = text
        .replaceAll(/<([\w-]+)>(@example\.com)?/g, (_, kind: string, domain?: string) => {
          const value = mark(kind);
          return domain ? mark(kind, value + domain) : value;
        })
        .replace("LAST", last)
        .replace("DIGEST", seen.anonymizationPreview.digest)
        .replace(/\)\s+\{/, `) @idempotent(key: "${mark("idempotency key")}") {`);
      const document = `mutation { ${filled} userErrors { code path message } } }`;
      const { data, errors } = await app.query(document, {}, { as });
      const payload = onlyField(data);
      expect([document, errors, payload?.userErrors]).toEqual([document, undefined, []]);
      last = onlyField(payload).id;
      sent.push({ document, as });
    };
    const integration = askers["an integration"]!;
    for (const text of changes) await change(text, integration);
    const herself: Caller = { kind: "customer", id, customClaim: { note: mark("claim") } };
    await change(ownChange, herself);
    for (const text of [
      `mutation { customerUpdate(id: "${id}", input: { email: "${mark("refused")}" }) { userErrors { message } } }`,
      `{ customers(after: "${mark("refused")}") { totalCount } }`,
      `{ customers { ${mark("refused")} } }`,
      `{ customers "${mark("refused")}" }`,
    ]) {
      await app.query(text);
    }
    await change(request, integration);
    const planted = await plantMarks(app.database.pool, id);
    expect(kindsOf(planted)).toEqual([...kinds, "RefreshToken.id"].sort());
    expect(kinds.length).toBeGreaterThan(60);
    marks.push(...planted);

    // All of it is found before: the search sees what there is, and the API tells of all that it has.
    const ids = await idsOf(app, id);
    const kept = marks.filter(({ kind }) => !unkept.includes(kind));
    expect(without(findMarks(marks, await contentsOf(app.connectionString)), kept)).toEqual([]);
    const before = await everyAnswer(app, integration, id, ids);
    expect(before.filter(({ hasErrors }) => hasErrors)).toEqual([]);
    const toTell = marks.filter(({ kind }) => !untold.includes(kind));
    expect(kindsOf(without(findMarks(marks, textOf(before)), toTell))).toEqual([]);
    const answered = findMarks(marks, textOf(before.filter(({ request }) => request !== "export")));
    expect(kindsOf(toTell).filter((kind) => !kindsOf(answered).includes(kind))).toEqual([]);

    // The planner knows some of them, too.
    await app.database.pool.query("ANALYZE");
    expect(findMarks(marks, await statisticsOf(app.connectionString)).length).toBeGreaterThan(10);

    expect(await workerOf(app, logged, { revocations: app.revocations }).drain()).toBe(1);

    expect(findMarks(marks, await contentsOf(app.connectionString))).toEqual([]);
    expect(findMarks(marks, await statisticsOf(app.connectionString))).toEqual([]);
    for (const [name, as] of Object.entries(askers)) {
      const heard = await everyAnswer(app, as, id, ids);
      expect([name, findMarks(marks, textOf(heard))]).toEqual([name, []]);
      expect([name, heard.some(({ hasErrors }) => !hasErrors)]).toEqual([name, true]);
      if (as === integration) expect(heard.filter(({ hasErrors }) => hasErrors)).toEqual([]);
    }
    // Her token from before opens nothing any more.
    const refused = await everyAnswer(app, herself, id, ids);
    expect(refused.filter(({ hasErrors }) => !hasErrors)).toEqual([]);
    expect(findMarks(marks, textOf(refused))).toEqual([]);
    for (const { document, as } of sent.filter(({ as }) => as !== herself)) {
      const { data, errors, extensions } = await app.query(document, {}, { as });
      expect([document, errors, extensions]).toMatchObject([document, undefined, { replayed: expect.anything() }]);
      expect([document, findMarks(marks, JSON.stringify(data))]).toEqual([document, []]);
    }
    expect(findMarks(marks, logged.join("") + app.logged.join(""))).toEqual([]);

    const { data } = await app.query(
      `{ node(id: "${id}") { ... on Customer {
           email hasPassword metadata reference totalOrdersCount status anonymizationInfo { status completedAt receipt }
           orders(first: 50) { nodes { customerEmail } } orderSubscriptions { nodes { status } } events { nodes { name } }
         } } }`,
    );
    const customer = data.node;
    expect(customer).toMatchObject({ hasPassword: false, metadata: {}, reference: null, status: "REPEAT" });
    expect(customer.email).toMatch(/^anonymized-[0-9a-f]{24}@anonymized\.invalid$/);
    expect(customer.orders.nodes.length).toBeGreaterThan(3);
    for (const order of customer.orders.nodes) expect(order.customerEmail).toBe(customer.email);
    for (const { status } of customer.orderSubscriptions.nodes) expect(status).toBe("CANCELLED");
    expect(customer.events.nodes[0]!.name).toBe("customers.anonymization_completed");
    const receipt = await verifyReceipt(customer.anonymizationInfo.receipt, keys.published);
    expect(receipt).toMatchObject({ customerId: id, mode: "test", issuer: "urn:test", manifestDigest });
    expect(receipt.rows.orders).toBe(customer.orders.nodes.length);
  } finally {
    await app.stop();
  }
}, 300_000);

describe("rows linked to a customer by e-mail address alone", () => {
  const market = { type: "markets", id: "mkt", attributes: { name: "Europe", currency_code: "EUR" } };
  const method = {
    type: "payment_methods",
    id: "pmt",
    attributes: { name: "S", payment_source_type: "stripe_payments" },
  };

  let app: TestApp;
  let marks: Mark[];
  const mark = (kind: string, around = (text: string) => text) => {
    const one = newMark(kind);
    marks.push(one);
    return around(one.text);
  };
  beforeEach(async () => {
    app = await createTestApp({ demo: false, owner });
    marks = [];
    expect(await imported(app.connectionString, [market, method])).toEqual([]);
  });
  afterEach(() => app.stop());

  const address = (addressId: string, email?: string): Resource => ({
    type: "addresses",
    id: addressId,
    attributes: {
      ...{ first_name: mark("first"), last_name: mark("last"), line_1: mark("street"), phone: mark("phone") },
      ...{
        notes: mark("notes"),
        metadata: { a: mark("address") },
        city: "Bath",
        country_code: "GB",
        zip_code: "BA1 1AA",
      },
      ...(email && { email }),
    },
  });
  const order = (
    orderId: string,
    customer_email: string | undefined,
    more: Resource["relationships"] = {},
    status = "draft",
  ) => ({
    type: "orders",
    id: orderId,
    attributes: {
      number: `N-${orderId}`,
      status,
      metadata: { a: mark("order") },
      ...(customer_email && { customer_email }),
    },
    relationships: more,
  });
  /** An order, a return and a recurring order without a customer, and all that hangs on them. */
  const guest = (email: string): Resource[] => [
    ...["ship", "bill", "origin"].map((name) => address(`adr_${name}`)),
    address("adr_loose", email),
    order(
      "ord",
      email,
      { shipping_address: ref("addresses", "adr_ship"), billing_address: ref("addresses", "adr_bill") },
      "placed",
    ),
    {
      type: "stripe_payments",
      id: "pso",
      attributes: {
        payment_instrument: { a: mark("instrument") },
        receipt_email: email,
        metadata: { a: mark("source") },
      },
      relationships: { order: ref("orders", "ord") },
    },
    {
      type: "line_items",
      id: "lin",
      attributes: { item_type: "skus", quantity: 1, metadata: { a: mark("line") } },
      relationships: { order: ref("orders", "ord") },
    },
    {
      type: "returns",
      id: "ret",
      attributes: { number: "R", status: "requested", customer_email: email, metadata: { a: mark("return") } },
      relationships: { order: ref("orders", "ord"), origin_address: ref("addresses", "adr_origin") },
    },
    {
      type: "return_line_items",
      id: "rli",
      attributes: { quantity: 1, return_reason: { a: mark("why") } },
      relationships: { return: ref("returns", "ret"), line_item: ref("line_items", "lin") },
    },
    {
      type: "order_subscriptions",
      id: "osu",
      attributes: {
        number: "S",
        status: "active",
        frequency: "weekly",
        customer_email: email,
        metadata: { a: mark("subscription") },
      },
      relationships: { source_order: ref("orders", "ord") },
    },
    {
      type: "order_subscription_items",
      id: "osi",
      attributes: { metadata: { a: mark("item") } },
      relationships: { order_subscription: ref("order_subscriptions", "osu") },
    },
    order("ord_run", undefined, { order_subscription: ref("order_subscriptions", "osu") }),
  ];
  /** A note on a row, an event about it, and a delivery of that. */
  const about = (type: string, on: string): Resource[] => [
    {
      type: "attachments",
      id: `att_${on}`,
      attributes: { name: "Note", description: mark(`note on ${type}`) },
      relationships: { attachable: ref(type, on) },
    },
    {
      type: "events",
      id: `evt_${on}`,
      attributes: { name: "x.y", metadata: { a: mark(`event of ${type}`) } },
      relationships: { resource: ref(type, on) },
    },
    {
      type: "event_callbacks",
      id: `ecb_${on}`,
      attributes: { callback_url: "https://example.com", payload: { a: mark(`delivery of ${type}`) } },
      relationships: { event: ref("events", `evt_${on}`) },
    },
  ];
  const change = async (mutation: string) => {
    const { data, errors } = await app.query(`mutation { ${mutation} userErrors { code message path } } }`);
    const payload = onlyField(data);
    expect([mutation, errors, payload?.userErrors]).toEqual([mutation, undefined, []]);
    return onlyField(payload).id as string;
  };
  const previewOf = async (customerId: string) => {
    const { data } = await app.query(
      `query ($id: ID!) { anonymizationPreview(customerId: $id) { digest blockers { kind numbers } resources { resourceType count } } }`,
      { id: customerId },
    );
    return data.anonymizationPreview;
  };
  const exportOf = async (customerId: string) => {
    const headers = { authorization: `Bearer ${await app.token({ kind: "integration" })}` };
    return (await fetch(`${app.url}/exports/customers/${customerId}`, { headers })).text();
  };
  const erased = async (customerId: string) => {
    const { digest } = await previewOf(customerId);
    await change(
      `anonymizationRequest(input: { customerId: "${customerId}", previewDigest: "${digest}" }) { customer { id }`,
    );
    await app.database.pool.query("ANALYZE");
    expect(await workerOf(app).drain()).toBe(1);
  };
  const left = async () => {
    const texts = [await contentsOf(app.connectionString), await statisticsOf(app.connectionString), app.logged.join()];
    return findMarks(marks, texts.join("\n"));
  };

  test("are in the preview, the blockers, the export and the erasure, however they were written", async () => {
    const email = mark("e-mail", (text) => `${text}@example.com`);
    const before = guest(email);
    expect(await imported(app.connectionString, before)).toEqual([]);
    const customerId = await change(
      `customerCreate(input: { email: "${email}", reference: "${mark("reference")}" }) { customer { id }`,
    );
    // Who signs up with an address sees nothing of it: the address may be somebody else's.
    const own = await app.query(
      "{ viewer { customer { orders { totalCount } returns { totalCount } orderSubscriptions { totalCount } } } }",
      {},
      { as: { kind: "customer", id: customerId } },
    );
    const none = { totalCount: 0 };
    expect(own.data.viewer.customer).toEqual({ orders: none, returns: none, orderSubscriptions: none });
    const entry = await change(
      `customerAddressCreate(input: { customerId: "${customerId}", reference: "${mark("entry")}", address: { firstName: "${mark("first")}",
         lastName: "x", line1: "${mark("street")}", city: "Bath", zipCode: "BA1 1AA", countryCode: "GB", phone: "1" } }) { customerAddress { id }`,
    );
    await change(
      `customerPaymentSourceCreate(input: { customerId: "${customerId}", paymentMethodId: "pmt", paymentSourceToken: "${mark("token")}" }) { customerPaymentSource { id }`,
    );
    await change(
      `customerSubscriptionCreate(input: { customerId: "${customerId}", reference: "${mark("topic")}" }) { customerSubscription { id }`,
    );
    expect(
      await imported(app.connectionString, [{ type: "skus", id: "sku", attributes: { code: "MUG", name: "Mug" } }]),
    ).toEqual([]);
    await change(
      `skuListCreate(input: { customerId: "${customerId}", name: "${mark("list")}", items: [{ skuCode: "MUG", metadata: { a: "${mark("item")}" } }] }) { skuList { id }`,
    );
    // What is about a row of each kind, and about that.
    const kinds = (Object.keys(customerRows) as ModelName[]).filter(
      (name) => name !== "EventStore" && name !== "CustomerPasswordReset",
    );
    const rowOf = async (name: ModelName) =>
      (await app.database.pool.query(`SELECT id FROM "${modelNamed(name).table}" ORDER BY id LIMIT 1`)).rows[0]
        ?.id as string;
    const polymorphic = abouts.map(({ name }) => name);
    // What nothing above has made.
    for (const name of kinds.filter((one) => !polymorphic.includes(one))) {
      if (await rowOf(name)) continue;
      const { key, to } = relationOf(modelNamed(name), modelNamed(name).owners![0]!);
      await insert(app.database.query, name, { [key!]: to === "Customer" ? customerId : await rowOf(to) });
    }
    for (const some of [
      kinds.filter((name) => !polymorphic.includes(name)),
      kinds.filter((name) => polymorphic.includes(name)),
    ]) {
      const notes: Resource[] = [];
      for (const name of some) {
        const row = await rowOf(name);
        expect([name, typeof row]).toEqual([name, "string"]);
        notes.push(...about(modelNamed(name).table, row));
      }
      expect(await imported(app.connectionString, notes)).toEqual([]);
    }
    // What is gone, and in the audit trail alone.
    expect(
      await imported(
        app.connectionString,
        [...about("customer_addresses", entry), order("ord_gone", email)].map((one) => ({
          ...one,
          id: `${one.id}_gone`,
          relationships:
            one.type === "event_callbacks" ? { event: ref("events", `evt_${entry}_gone`) } : one.relationships,
        })),
      ),
    ).toEqual([]);
    await app.database.pool.query("UPDATE orders SET customer_id = NULL WHERE id = 'ord_gone_gone'");
    for (const gone of [`attachmentDelete(id: "att_${entry}_gone")`, `orderDelete(id: "ord_gone_gone")`])
      await change(`${gone} { deletedId`);
    // The address it had before, too, as long as it is nobody else's.
    const later = mark("e-mail", (text) => `${text}@example.com`);
    await change(`customerUpdate(id: "${customerId}", input: { email: "${later}" }) { customer { id }`);
    expect(await imported(app.connectionString, [order("ord_former", email)])).toEqual([]);

    const preview = await previewOf(customerId);
    const counts = Object.fromEntries(preview.resources.map(({ resourceType, count }) => [resourceType, count]));
    expect(counts).toMatchObject({ orders: 3, returns: 1, order_subscriptions: 1, addresses: 5, payment_sources: 2 });
    expect(preview.blockers).toEqual([
      { kind: "UNFINISHED_ORDERS", numbers: ["N-ord"] },
      { kind: "OPEN_RETURNS", numbers: ["R"] },
      { kind: "ACTIVE_SUBSCRIPTIONS", numbers: ["S"] },
    ]);
    const exported = await exportOf(customerId);
    const unseen = marks.filter(({ text }) => !exported.includes(text)).map(({ kind }) => kind);
    expect(unseen).toEqual([]);

    await erased(customerId);
    expect(await left()).toEqual([]);
    const { rows } = await app.database.pool.query("SELECT customer_id, status FROM order_subscriptions");
    expect(rows).toEqual([{ customer_id: customerId, status: "cancelled" }]);
    // Nor does it come back with the old file.
    const issues = await imported(app.connectionString, before);
    expect(issues.filter((issue) => issue.startsWith("refused")).length).toBe(issues.length);
    expect(await left()).toEqual([]);
  });

  test("include rows two or more steps away, and deleted ones", async () => {
    const email = mark("e-mail", (text) => `${text}@example.com`);
    const line = (lineId: string, orderId: string): Resource => ({
      ...{ type: "line_items", id: lineId, attributes: { quantity: 1, metadata: { a: mark(`line ${lineId}`) } } },
      relationships: { order: ref("orders", orderId) },
    });
    const returned = (returnId: string, orderId: string): Resource => ({
      ...{
        type: "returns",
        id: returnId,
        attributes: { number: returnId, metadata: { a: mark(`return ${returnId}`) } },
      },
      relationships: { order: ref("orders", orderId) },
    });
    const recurring = (subscriptionId: string, orderId: string): Resource => ({
      type: "order_subscriptions",
      id: subscriptionId,
      attributes: { number: subscriptionId, frequency: "weekly", metadata: { a: mark(`recurring ${subscriptionId}`) } },
      relationships: { source_order: ref("orders", orderId) },
    });
    const run = (orderId: string, subscriptionId: string) =>
      order(orderId, undefined, { order_subscription: ref("order_subscriptions", subscriptionId) });
    const all: Resource[] = [
      order("ord", email),
      // Only the first has the address: each of these leads to the next.
      ...[recurring("osu_1", "ord"), run("ord_1", "osu_1"), recurring("osu_2", "ord_1"), run("ord_2", "osu_2")],
      ...[line("lin_there", "ord_2"), returned("ret_there", "ord_2"), ...about("returns", "ret_there")],
      // Of an order that stays these go, and of one that goes all.
      ...[line("lin_gone", "ord"), returned("ret_gone", "ord"), ...about("returns", "ret_gone")],
      ...[order("ord_gone", email), line("lin_gone_2", "ord_gone"), ...about("line_items", "lin_gone_2")],
      ...about("orders", "ord_gone"),
    ];
    expect(await imported(app.connectionString, all)).toEqual([]);
    // A stranger's, of which the same goes.
    const kept = newMark("stranger");
    const strange: Resource[] = [
      { type: "orders", id: "ord_other", attributes: { number: "O", customer_email: "stranger@example.com" } },
      {
        ...{ type: "line_items", id: "lin_other", attributes: { quantity: 1, metadata: { a: kept.text } } },
        relationships: { order: ref("orders", "ord_other") },
      },
    ];
    expect(await imported(app.connectionString, strange)).toEqual([]);
    await app.database.pool.query(
      `DELETE FROM attachments WHERE id IN ('att_ret_gone', 'att_lin_gone_2', 'att_ord_gone');
       DELETE FROM line_items WHERE id IN ('lin_gone', 'lin_gone_2', 'lin_other');
       DELETE FROM returns WHERE id = 'ret_gone';
       DELETE FROM orders WHERE id IN ('ord_gone', 'ord_other')`,
    );
    const { rows } = await app.database.pool.query("SELECT DISTINCT customer_id AS customer FROM event_stores");
    expect(rows).toEqual([{ customer: null }]);

    const customerId = await change(`customerCreate(input: { email: "${email}" }) { customer { id }`);
    const exported = await exportOf(customerId);
    expect(marks.filter(({ text }) => !exported.includes(text)).map(({ kind }) => kind)).toEqual([]);
    expect(exported).not.toContain(kept.text);
    const counts = Object.fromEntries(
      (await previewOf(customerId)).resources.map(({ resourceType, count }) => [resourceType, count]),
    );
    expect(counts).toMatchObject({ orders: 3, order_subscriptions: 2, returns: 1, line_items: 1, attachments: 1 });
    expect(counts).toMatchObject({ event_callbacks: 4 });

    await erased(customerId);
    expect(await left()).toEqual([]);
    expect(await contentsOf(app.connectionString)).toContain(kept.text);
  });

  test("are found by an index, whatever key links them", async () => {
    // Of events the audit trail says nothing.
    const audited = (Object.keys(customerRows) as ModelName[]).filter((name) => !/^Event/.test(name)).map(modelNamed);
    const keys = audited.flatMap((model) => {
      const toOne = (model.owners ?? [])
        .map((owner) => relationOf(model, owner))
        .filter(({ many, to }) => !many && to !== "Customer");
      return [...toOne.map(({ key }) => columnOf(model, key!)), ...[aboutOf(model)?.idColumn ?? []].flat()];
    });
    expect(keys.length).toBeGreaterThan(5);
    for (const { column } of keys) {
      const payload = JSON.stringify({ [column]: { from: null, to: "x" } });
      const { rows } = await app.database.pool.query("SELECT audit_owner($1) AS owner", [payload]);
      expect([column, rows[0].owner]).toEqual([column, "x"]);
    }
  });

  test("belong to the customer who has the address now", async () => {
    const [former, later] = ["former", "later"].map((name) => mark(name, (text) => `${text}@example.com`));
    const first = await change(`customerCreate(input: { email: "${former}" }) { customer { id }`);
    await change(`customerUpdate(id: "${first}", input: { email: "${later}" }) { customer { id }`);
    const second = await change(`customerCreate(input: { email: "${former}" }) { customer { id }`);
    expect(await imported(app.connectionString, [{ ...order("ord", former), relationships: {} }])).toEqual([]);
    await app.database.pool.query("UPDATE orders SET customer_id = NULL");
    const ordersOf = async (customerId: string) =>
      (await previewOf(customerId)).resources.filter(({ resourceType }) => resourceType === "orders").length;
    expect([await ordersOf(first), await ordersOf(second)]).toEqual([0, 1]);
  });
});

describe("an address", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await createTestApp({ demo: false, owner });
  });
  afterAll(() => app.stop());

  const change = async (mutation: string, as: Caller = { kind: "integration", owner }): Promise<string> => {
    const { data, errors } = await app.query(`mutation { ${mutation} } }`, {}, { as });
    expect(errors).toBeUndefined();
    const [payload] = Object.values(data as Record<string, Record<string, { id: string }>>);
    return Object.values(payload!)[0]!.id;
  };
  const address = (text: string) =>
    `firstName: "${text}", lastName: "x", line1: "${text}", city: "Bath", zipCode: "BA1 1AA", countryCode: "GB", phone: "1"`;
  const sign = (email: string) => change(`customerCreate(input: { email: "${email}" }) { customer { id }`);
  const eraseCustomer = async (customerId: string) => {
    const { data } = await app.query(
      `{ anonymizationPreview(customerId: "${customerId}") { digest } }`,
      {},
      { as: { kind: "integration", owner } },
    );
    await change(
      `anonymizationRequest(input: { customerId: "${customerId}", previewDigest: "${data.anonymizationPreview.digest}" }) { customer { id }`,
    );
    expect(await workerOf(app).drain()).toBe(1);
  };
  const present = async (text: string) =>
    (
      await app.database.pool.query(
        `SELECT 'row' AS place FROM addresses a WHERE a::text LIKE $1
         UNION SELECT 'trail' FROM event_stores e WHERE e.payload::text LIKE $1 ORDER BY 1`,
        [`%${text}%`],
      )
    ).rows.map(({ place }) => place);

  test("that a customer created and nothing has is erased with the customer", async () => {
    const customerId = await sign("maker@example.com");
    const itself: Caller = { kind: "customer", id: customerId };
    const id = await change(`addressCreate(input: { ${address("Unlinked street")} }) { address { id }`, itself);
    await change(`addressUpdate(id: "${id}", input: { notes: "Unlinked street" }) { address { id }`, itself);
    expect(await present("Unlinked street")).toEqual(["row", "trail"]);
    await eraseCustomer(customerId);
    expect(await present("Unlinked street")).toEqual([]);
  });

  test("that the shop created is erased with the customer whose book has it, and what the trail had said before", async () => {
    const customerId = await sign("linked@example.com");
    const id = await change(`addressCreate(input: { ${address("Street of the shop")} }) { address { id }`);
    await change(
      `customerAddressCreate(input: { customerId: "${customerId}", addressId: "${id}" }) { customerAddress { id }`,
    );
    await eraseCustomer(customerId);
    expect(await present("Street of the shop")).toEqual([]);
  });

  test("in the books of two customers is erased with the second of them", async () => {
    const [first, second] = [await sign("first@example.com"), await sign("second@example.com")];
    const id = await change(`addressCreate(input: { ${address("Shared street")} }) { address { id }`);
    for (const customerId of [first, second]) {
      await change(
        `customerAddressCreate(input: { customerId: "${customerId}", addressId: "${id}" }) { customerAddress { id }`,
      );
    }
    await eraseCustomer(first);
    expect(await present("Shared street")).toContain("row");
    await eraseCustomer(second);
    expect(await present("Shared street")).toEqual([]);
  });

  test("that the shop created with the e-mail address of a customer is erased with the customer", async () => {
    const customerId = await sign("by-email@example.com");
    await change(
      `addressCreate(input: { ${address("Loose street")}, email: "by-email@example.com" }) { address { id }`,
    );
    await eraseCustomer(customerId);
    expect(await present("Loose street")).toEqual([]);
  });
});

test("an imported anonymization request waits for the grace period, and can be cancelled", async () => {
  const app = await createTestApp({ demo: false, owner });
  try {
    const statuses = ["requested", "started"];
    const anonymized = (status: string) => ({
      type: "customers",
      id: `cus_${status}`,
      attributes: {
        email: `${status}@example.com`,
        anonymization_info: { status, requested_at: "2025-03-15 11:39:21 UTC" },
      },
    });
    expect(await imported(app.connectionString, statuses.map(anonymized))).toEqual([]);
    const hour = 3_600_000;
    const statusesNow = async () =>
      (await app.database.pool.query("SELECT anonymization_status AS status FROM customers ORDER BY id")).rows.map(
        ({ status }) => status,
      );
    expect(await workerOf(app, [], { graceMs: hour }).drain()).toBe(0);
    expect(await statusesNow()).toEqual(statuses);
    // The same file again does not begin the wait anew, nor end it.
    expect(await imported(app.connectionString, statuses.map(anonymized))).toEqual([]);
    const { data } = await app.query(
      `mutation { anonymizationCancel(input: { customerId: "cus_requested" }) { customer { anonymizationStatus } userErrors { code } } }`,
    );
    expect(data.anonymizationCancel).toEqual({ customer: { anonymizationStatus: "CANCELLED" }, userErrors: [] });
    const later = () => new Date(Date.now() + 2 * hour);
    expect(await workerOf(app, [], { graceMs: hour, now: later }).drain()).toBe(1);
    expect(await statusesNow()).toEqual(["cancelled", "completed"]);
  } finally {
    await app.stop();
  }
});

test("concurrent requests, cancellations and workers: one wins each time, and every history is valid", async () => {
  const app = await createTestApp({ owner, poolSize: 12 });
  try {
    const rounds = 100;
    const ids = Array.from({ length: rounds }, (_, i) => `cus_race${i}`);
    await app.database.pool.query(
      `INSERT INTO customers (id, mode, email) SELECT id, 'test', id || '@example.com' FROM unnest($1::text[]) id`,
      [ids],
    );
    const ask = async (name: "anonymizationRequest" | "anonymizationCancel", customerId: string) => {
      const { data, errors } = await app.query(
        `mutation ($customerId: ID!) { ${name}(input: { customerId: $customerId }) { userErrors { code } } }`,
        { customerId },
      );
      expect(errors).toBeUndefined();
      const codes = onlyField(data).userErrors.map(({ code }) => code);
      expect([[], ["WRONG_STATE"]]).toContainEqual(codes);
      return codes.length === 0 ? name : undefined;
    };
    for (const customerId of ids) {
      const done = await Promise.all([
        ...Array.from({ length: 5 }, () => ask("anonymizationRequest", customerId)),
        ...Array.from({ length: 4 }, () => ask("anonymizationCancel", customerId)),
        ...Array.from({ length: 3 }, () => workerOf(app).drain()),
      ]);
      const { rows } = await app.database.pool.query(
        `SELECT event FROM event_stores WHERE resource_id = $1 AND event LIKE 'anonymization%' ORDER BY id`,
        [customerId],
      );
      const history = rows.map(({ event }) => event as string);
      let status: string | null = null;
      for (const event of history) {
        const move = moves[moveOf[event]!];
        expect({ customerId, history, from: move.from as readonly unknown[] }).toMatchObject({
          from: expect.arrayContaining([status]),
        });
        status = move.to;
      }
      const times = (event: string) => history.filter((one) => one === event).length;
      expect(done.filter((one) => one === "anonymizationRequest")).toHaveLength(times("anonymization_request"));
      expect(done.filter((one) => one === "anonymizationCancel")).toHaveLength(times("anonymization_cancel"));
      expect(times("anonymization_completed")).toBeLessThanOrEqual(1);
      const now = await app.database.pool.query("SELECT anonymization_status AS status FROM customers WHERE id = $1", [
        customerId,
      ]);
      expect(now.rows[0].status).toBe(status);
    }
  } finally {
    await app.stop();
  }
});

const moveOf: Record<string, keyof typeof moves> = {
  anonymization_request: "request",
  anonymization_cancel: "cancel",
  anonymization_started: "start",
  anonymization_completed: "complete",
  anonymization_failed: "fail",
};

describe("anonymization worker", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await createTestApp({ owner });
  });
  afterAll(() => app.stop());

  const REQUEST = `mutation ($input: AnonymizationRequestInput!) { anonymizationRequest(input: $input) {
    customer { anonymizationStatus } userErrors { code path message ... on AnonymizationBlockedError { blockers { kind count numbers } } } } }`;
  const request = async (input: object) => (await app.query(REQUEST, { input })).data.anonymizationRequest;
  const preview = async (customerId: string) =>
    (
      await app.query(
        `query ($customerId: ID!) { anonymizationPreview(customerId: $customerId) { digest blockers { kind count numbers }
           resources { resourceType count deleted fields { field category action reason count } } } }`,
        { customerId },
      )
    ).data.anonymizationPreview;
  const statusOf = async (customerId: string) => {
    const { data } = await app.query(`query ($id: ID!) { customer(by: { id: $id }) { anonymizationStatus } }`, {
      id: customerId,
    });
    return data.customer.anonymizationStatus;
  };
  const newCustomer = async (email: string) => {
    const { data } = await app.query(
      `mutation ($email: String!) { customerCreate(input: { email: $email, password: "a long enough one" }) { customer { id } userErrors { code } } }`,
      { email },
    );
    expect(data.customerCreate.userErrors).toEqual([]);
    return data.customerCreate.customer.id as string;
  };

  test("anonymizationPreview counts what is erased and kept; anonymizationRequest without its digest is BLOCKED", async () => {
    const seen = await preview("cus_bruno");
    const addresses = seen.resources.find(({ resourceType }) => resourceType === "addresses")!;
    expect(addresses.fields).toContainEqual({
      ...{ field: "lastName", category: "IDENTITY", action: "REPLACE", reason: null },
      count: addresses.count,
    });
    expect(addresses.fields.find(({ field }) => field === "city")).toMatchObject({ action: "KEEP" });
    await app.database.pool.query("UPDATE orders SET status = 'placed' WHERE id = 'ord_1002'");
    const blocked = await preview("cus_bruno");
    expect(blocked.digest).not.toBe(seen.digest);
    expect(blocked.blockers.map(({ kind }) => kind)).toContain("UNFINISHED_ORDERS");

    const refused = await request({ customerId: "cus_bruno" });
    expect(refused).toMatchObject({ customer: { anonymizationStatus: null }, userErrors: [{ code: "BLOCKED" }] });
    expect(refused.userErrors[0]!.blockers).toEqual(blocked.blockers);
    const stale = await request({ customerId: "cus_bruno", previewDigest: seen.digest });
    expect(stale.userErrors).toMatchObject([{ code: "STALE_PREVIEW", path: ["input", "previewDigest"] }]);
    const accepted = await request({ customerId: "cus_bruno", previewDigest: blocked.digest });
    expect(accepted).toMatchObject({ customer: { anonymizationStatus: "REQUESTED" }, userErrors: [] });
    // The picture is the customer's data, not its requests.
    expect(await app.query('{ anonymizationPreview(customerId: "cus_nobody") { digest } }')).toMatchObject({
      data: { anonymizationPreview: null },
    });
  });

  test("a legal hold blocks a new request and a waiting one", async () => {
    const customerId = await newCustomer("held@example.com");
    const hold = (name: string, input: object) =>
      app.query(
        `mutation ($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { customer { legalHold { reason requester { firstName } } } userErrors { code } } }`,
        { input },
      );
    const set = await hold("legalHoldSet", { customerId, reason: "court case 7" });
    expect(set.data.legalHoldSet).toEqual({
      customer: { legalHold: { reason: "court case 7", requester: { firstName: "Vera" } } },
      userErrors: [],
    });
    const { digest } = await preview(customerId);
    expect((await request({ customerId, previewDigest: digest })).userErrors).toMatchObject([{ code: "BLOCKED" }]);
    await hold("legalHoldLift", { customerId });
    expect((await request({ customerId })).userErrors).toEqual([]);
    await hold("legalHoldSet", { customerId, reason: "again" });
    await workerOf(app).drain();
    expect(await statusOf(customerId)).toBe("REQUESTED");
    await hold("legalHoldLift", { customerId });
    await workerOf(app).drain();
    expect(await statusOf(customerId)).toBe("COMPLETED");
    expect((await hold("legalHoldLift", { customerId })).data.legalHoldLift.userErrors).toMatchObject([
      { code: "WRONG_STATE" },
    ]);
  });

  test("a request waits for the grace period; then the e-mail address can sign up again", async () => {
    const customerId = await newCustomer("again@example.com");
    expect((await request({ customerId })).userErrors).toEqual([]);
    const hour = 3_600_000;
    await workerOf(app, [], { graceMs: hour }).drain();
    expect(await statusOf(customerId)).toBe("REQUESTED");
    await workerOf(app, [], { graceMs: hour, now: () => new Date(Date.now() + 2 * hour) }).drain();
    expect(await statusOf(customerId)).toBe("COMPLETED");
    expect(await newCustomer("again@example.com")).not.toBe(customerId);
    const { data } = await app.query(
      `mutation ($id: ID!) { customerUpdate(id: $id, input: { reference: "back" }) { userErrors { code path message } } }`,
      { id: customerId },
    );
    expect(data.customerUpdate.userErrors).toEqual([
      { code: "WRONG_STATE", path: ["id"], message: "The customer has been anonymized; nothing of it can be changed." },
    ]);
  });

  test("a failed erasure changes nothing, is retried later each time, and ends as FAILED", async () => {
    const customerId = await newCustomer("faulty@example.com");
    await request({ customerId });
    let time = Date.now();
    let tries = 0;
    const logged: string[] = [];
    const worker = workerOf(app, logged, {
      now: () => new Date(time),
      step: (name, id) => {
        if (name !== "erased" || id !== customerId) return;
        tries++;
        throw new Error("faulty@example.com cannot be erased");
      },
    });
    const waits: number[] = [];
    for (let passed = 0; (await statusOf(customerId)) !== "FAILED" && passed < 3_600; passed += 10) {
      const before = tries;
      await worker.drain();
      if (tries > before) waits.push(passed);
      time += 10_000;
      const { rows } = await app.database.pool.query("SELECT email FROM customers WHERE id = $1", [customerId]);
      expect(rows[0].email).toBe("faulty@example.com");
    }
    expect(waits).toEqual([0, 30, 90, 210, 450]);
    expect(logged.join()).not.toContain("faulty@");
    const events = await app.query(
      `query ($id: ID!) { customer(by: { id: $id }) { anonymizationInfo { failedAt } events(first: 1) { nodes { name } } } }`,
      { id: customerId },
    );
    expect(events.data.customer.events.nodes).toEqual([{ name: "customers.anonymization_failed" }]);
    expect((await request({ customerId })).userErrors).toEqual([]);
    await workerOf(app).drain();
    expect(await statusOf(customerId)).toBe("COMPLETED");
  });

  test("a row that moved to another customer shows neither customer in the other's export, and keeps no trace of the first", async () => {
    const [first, second] = [newMark("first"), newMark("second")];
    const ids: string[] = [];
    for (const { text } of [first, second]) ids.push(await newCustomer(`${text}@example.com`));
    const { data } = await app.query(
      `mutation ($id: ID!) { orderCreate(input: { marketId: "mkt_europe", customerId: $id }) { order { id } userErrors { code } } }`,
      { id: ids[0] },
    );
    const { data: given } = await app.query(
      `mutation ($id: ID!, $to: ID!) { orderUpdate(id: $id, input: { customerId: $to }) { order { customerEmail } userErrors { code } } }`,
      { id: data.orderCreate.order.id, to: ids[1] },
    );
    expect(given.orderUpdate).toEqual({ order: { customerEmail: `${second.text}@example.com` }, userErrors: [] });
    for (const [i, { text }] of [first, second].entries()) {
      const headers = { authorization: `Bearer ${await app.token({ kind: "integration" })}` };
      const exported = await (await fetch(`${app.url}/exports/customers/${ids[i]}`, { headers })).text();
      expect(findMarks([first, second], exported).map((mark) => mark.text)).toEqual([text]);
    }
    await request({ customerId: ids[0] });
    await workerOf(app).drain();
    expect(await statusOf(ids[0]!)).toBe("COMPLETED");
    expect(findMarks([first, second], await contentsOf(app.connectionString))).toEqual([second]);
  });

  test.each([false, true])(
    "an import that runs while the grace period ends restores nothing, strict: %p",
    async (strict) => {
      const customerId = await newCustomer(`import-${strict}@example.com`);
      const text = newMark("line").text;
      const order = (orderId: string): Resource => ({
        ...{
          type: "orders",
          id: `${orderId}_${strict}`,
          attributes: { number: `${orderId}-${strict}`, status: "placed" },
        },
        relationships: { customer: ref("customers", customerId) },
      });
      const line: Resource = {
        type: "line_items",
        id: `lin_${strict}`,
        attributes: { item_type: "skus", quantity: 1, metadata: { text } },
        relationships: { order: ref("orders", `run_${strict}`) },
      };
      const due = async () => {
        await app.database.pool.query(
          `UPDATE customers SET anonymization_status = 'requested', anonymization_requested_at = now(),
           anonymization_received_at = to_timestamp(0) WHERE id = $1`,
          [customerId],
        );
      };
      const meanwhile: number[] = [];
      const before = async (statement: string) => {
        if (meanwhile.length > 0 || !/INSERT INTO "line_items"/.test(statement)) return;
        await due();
        meanwhile.push(await workerOf(app).drain());
      };
      expect(await imported(app.connectionString, [order("run"), line], { before, strict })).toEqual([]);
      expect(meanwhile).toEqual([0]);
      expect(await contentsOf(app.connectionString)).toContain(text);
      expect(await workerOf(app).drain()).toBe(1);
      expect(await contentsOf(app.connectionString)).not.toContain(text);
    },
  );

  test("eraseAgain erases a customer that a restored backup brought back", async () => {
    const customerId = await newCustomer("restored@example.com");
    expect(await workerOf(app).eraseAgain(customerId)).toBe("erased");
    expect(await workerOf(app).eraseAgain(customerId)).toBe("untouched");
    expect(await workerOf(app).eraseAgain("cus_nobody")).toBe("untouched");
    expect(await statusOf(customerId)).toBe("COMPLETED");
  });

  test("verifyReceipt refuses a changed receipt, and one signed by another key", async () => {
    const { rows } = await app.database.pool.query(
      "SELECT anonymization_receipt AS receipt FROM customers WHERE anonymization_receipt IS NOT NULL LIMIT 1",
    );
    const receipt = rows[0].receipt as string;
    expect((await verifyReceipt(receipt, keys.published)).rows.customers).toBe(1);
    const [header, payload, signature] = receipt.split(".");
    const forged = Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(payload!, "base64url").toString()), rows: {} }),
    );
    await expect(
      verifyReceipt(`${header}.${forged.toString("base64url")}.${signature}`, keys.published),
    ).rejects.toThrow();
    const others = await loadSigningKeys({
      signingKeys: JSON.stringify(await newKeySet()),
      dataDir: "",
      environment: "test",
    });
    await expect(verifyReceipt(receipt, others.published)).rejects.toThrow();
    // An access token is no receipt.
    await expect(verifyReceipt(await app.token({ kind: "integration" }), keys.published)).rejects.toThrow();
  });
});

describe("subjectExport", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await createTestApp({ owner });
  });
  afterAll(() => app.stop());

  const get = async (path: string, as: Caller = { kind: "integration" }) =>
    fetch(path.startsWith("http") ? path : `${app.url}${path}`, {
      headers: as ? { authorization: `Bearer ${await app.token(as)}` } : {},
    });

  test("is imported into an empty database with equal rows, audit trail and events included", async () => {
    const write = async (mutation: string) => {
      const { data } = await app.query(`mutation { ${mutation} } }`);
      return onlyField(onlyField(data))?.id as string;
    };
    await write(`customerUpdate(id: "${id}", input: { reference: "exported", tags: ["vip"] }) { customer { id }`);
    const entry = await write(
      `customerAddressCreate(input: { customerId: "${id}", address: { firstName: "A", lastName: "B", line1: "Street of old", city: "Bath", zipCode: "BA1 1AA", countryCode: "GB", phone: "1" } }) { customerAddress { id }`,
    );
    await write(`customerAddressDelete(id: "${entry}") { deletedId`);
    const text = await (await get(`/exports/customers/${id}`)).text();
    const folder = mkdtempSync(join(tmpdir(), "export-"));
    const file = join(folder, "ada.json");
    writeFileSync(file, text);
    const empty = await createTestDatabase();
    const client = new pg.Client(empty.connectionString);
    try {
      await client.connect();
      // A second time changes nothing.
      for (const _ of [1, 2]) {
        const issues: unknown[] = [];
        const own = new pg.Client(empty.connectionString);
        await own.connect();
        const onIssue = (issue: unknown) => issues.push(issue);
        await importFiles({ client: own, files: [file], strict: true, mode: "test", onIssue, onProgress: () => {} });
        await own.end();
        expect(issues).toEqual([]);
        for (const [name, where] of Object.entries(customerRows)) {
          if (name === "CustomerPasswordReset") continue;
          const { table, columns } = manifest.get(name)!;
          const kept = Object.values(columns).filter(
            ({ column }) => !unlike.test(column) && !(name === "EventStore" && notOfTheTrail.test(column)),
          );
          const sql = `SELECT ${kept.map(({ column }) => `t."${column}"`).join(", ")} FROM "${table}" t WHERE ${where} ORDER BY t.id`;
          const [before, after] = [await app.database.pool.query(sql, [id]), await client.query(sql, [id])];
          expect([name, after.rows]).toEqual([name, before.rows]);
        }
      }
    } finally {
      await client.end();
      await empty.drop();
      rmSync(folder, { recursive: true });
    }
  });
  /** What the gateway notes of an entry for itself. */
  const notOfTheTrail = /^(customer_id|resource_version|transaction_id)$/;

  test("has every personal value, no credential, and nothing of other customers", async () => {
    const marks = await plantMarks(app.database.pool, id);
    await app.database.pool.query("UPDATE customers SET anonymization_status = 'cancelled' WHERE id = $1", [id]);
    const { data } = await app.query(`{ subjectExport(customerId: "${id}") { url } }`);
    const response = await get(data.subjectExport.url);
    expect(response.headers.get("content-type")).toBe("application/vnd.api+json");
    const text = await response.text();
    const document = JSON.parse(text);
    expect(document.data).toMatchObject({ type: "customers", id });
    const credentials = marks.filter(({ kind }) => /Digest$|^RefreshToken/.test(kind));
    expect(findMarks(credentials, text)).toEqual([]);
    const others = without(credentials, marks).filter(({ kind }) => kind !== "Customer.legalHoldReason");
    expect(others.filter((mark) => !text.includes(mark.text))).toEqual([]);
    for (const other of ["bruno.rossi@example.com", "grace.miller@example.com"]) expect(text).not.toContain(other);
  });

  /** What an import does not take over: credentials, versions, and what the shop notes of erasure. */
  const unlike = /^(version|password_digest|has_password|legal_hold_.*|anonymization_.*)$/;

  test("requires the permission and an existing customer", async () => {
    expect((await get(`/exports/customers/${id}`, null)).status).toBe(401);
    for (const as of [
      { kind: "customer", id },
      { kind: "user" },
      { kind: "integration", permissions: ["customers:read"] },
    ] as Caller[]) {
      const response = await get(`/exports/customers/${id}`, as);
      expect([response.status, ((await response.json()) as Answer<unknown>).errors![0]!.extensions.code]).toEqual([
        403,
        "FORBIDDEN",
      ]);
    }
    for (const path of ["nobody", "cus_live_ada", "%E0%A4%A", ""]) {
      expect((await get(`/exports/customers/${path}`)).status).toBe(404);
    }
    const posted = await fetch(`${app.url}/exports/customers/${id}`, { method: "POST" });
    expect([posted.status, posted.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  });

  test("answers HEAD with the headers of GET, and does not make the export", async () => {
    const ask = async (path: string, method: string, as: Caller = { kind: "integration" }) => {
      const headers = as ? { authorization: `Bearer ${await app.token(as)}` } : undefined;
      const response = await fetch(`${app.url}/exports/customers/${path}`, { method, headers });
      const names = ["content-type", "content-disposition", "cache-control", "www-authenticate"];
      return [response.status, ...names.map((name) => response.headers.get(name)), await response.text()];
    };
    const cases: [string, Caller?][] = [[id], [id, null], [id, { kind: "customer", id }], ["nobody"]];
    for (const [path, as] of cases) {
      app.statements();
      const head = await ask(path, "HEAD", as);
      expect(app.statements().filter(({ text }) => text.includes("to_jsonb"))).toEqual([]);
      const got = await ask(path, "GET", as);
      expect(head).toEqual([...got.slice(0, -1), ""]);
    }
  });
});
