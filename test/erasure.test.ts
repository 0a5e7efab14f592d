import { createHash, randomBytes } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { importFiles } from "../src/import/import.js";
import { moves, movesAsDiagram } from "../src/modules/anonymization/anonymization.service.js";
import { verifyReceipt } from "../src/modules/anonymization/receipt.js";
import { AnonymizationWorker, type WorkerOptions } from "../src/modules/anonymization/worker.js";
import { loadSigningKeys, newKeySet } from "../src/platform/access/keys.js";
import { Revocations } from "../src/platform/access/revocations.js";
import type { ModelName } from "../src/platform/database/datamodel.js";
import { manifest, manifestAsMarkdown, manifestDigest, personalColumns } from "../src/platform/erasure/manifest.js";
import { reach } from "../src/platform/erasure/reach.js";
import { projectRoot } from "../src/platform/paths.js";
import { createLogger } from "../src/platform/telemetry/logger.js";
import { type Caller, createTestApp, type TestApp } from "./support/app.js";
import { createTestDatabase } from "./support/database.js";

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

/** Plants a text of its own into every personal column of every row of the customer, so that it must go. */
async function plant(app: TestApp, customerId: string): Promise<string[]> {
  const { pool } = app.database;
  await pool.query(
    `INSERT INTO customer_password_resets (id, mode, token_digest, expires_at, customer_id)
     SELECT 'cpr_' || id, mode, 'x', now(), id FROM customers WHERE id = $1`,
    [customerId],
  );
  const marks: string[] = [];
  const mark = (name: string) => {
    const text = `mark${name.toLowerCase()}${randomBytes(6).toString("hex")}`;
    marks.push(text);
    return text;
  };
  for (const [name, where] of Object.entries(reach)) {
    const table = manifest.get(name as ModelName)!;
    const { rows } = await pool.query(`SELECT t.id FROM "${table.table}" t WHERE ${where}`, [customerId]);
    expect([name, rows.length]).not.toEqual([name, 0]);
    for (const [field, { column, type, derived, personal }] of personalColumns(table)) {
      if (derived || personal.action === "keep" || type === "Float" || name === "EventStore") continue;
      for (const row of rows) {
        const text = mark(`${name}${field}`);
        const value =
          type === "Json"
            ? JSON.stringify({ note: text, [mark("key")]: { deep: [mark("deep")] } })
            : name === "Customer" && field === "email"
              ? `${text}@example.com`
              : text;
        await pool.query(`UPDATE "${table.table}" SET "${column}" = $2 WHERE id = $1`, [row.id, value]);
      }
    }
  }
  return marks;
}

/** Everything that every table holds, as text. */
async function dump({ database }: TestApp): Promise<string> {
  const { rows: tables } = await database.pool.query(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
  );
  const texts = await Promise.all(
    tables.map(async ({ name }) => {
      const { rows } = await database.pool.query(
        `SELECT coalesce(string_agg(t::text, E'\n'), '') AS text FROM ${name} t`,
      );
      return rows[0].text as string;
    }),
  );
  return texts.join("\n");
}

/** The forms in which a text may have been left. */
function forms(text: string): string[] {
  const bytes = Buffer.from(text);
  // In base 64 a text looks different by what stands before it: three ways, without the letters that others share.
  const base64 = [0, 1, 2].map((before) =>
    Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .slice(before ? 4 : 0)
      .replace(/=+$/, "")
      .slice(0, -1),
  );
  const hashes = ["md5", "sha1", "sha256"].flatMap((name) =>
    (["hex", "base64"] as const).map((encoding) => createHash(name).update(bytes).digest(encoding).replace(/=+$/, "")),
  );
  return [text, ...base64, bytes.toString("hex"), ...hashes];
}

function found(marks: readonly string[], text: string): string[] {
  const lower = text.toLowerCase();
  return marks.filter((mark) => forms(mark).some((form) => text.includes(form) || lower.includes(form.toLowerCase())));
}

describe("README.md", () => {
  const file = join(projectRoot, "README.md");
  const part = (name: string) => new RegExp(`(<!-- ${name} -->\\n)[^]*?(<!-- /${name} -->)`);
  test.each([
    ["manifest", manifestAsMarkdown],
    ["moves", movesAsDiagram],
  ])("has the %s as the code has it: UPDATE_README=1 writes it", (name, made) => {
    const text = readFileSync(file, "utf8");
    const right = text.replace(part(name), (_, before: string, after: string) => `${before}${made()}\n${after}`);
    if (process.env.UPDATE_README) writeFileSync(file, right);
    else expect(text).toBe(right);
    expect(right).toContain(made());
  });
});

describe("the manifest", () => {
  test("covers more than forty kinds of value, and every model that it marks is within reach", () => {
    const kinds = [...manifest].flatMap(([name, table]) =>
      personalColumns(table)
        .filter(([, { personal }]) => personal.action !== "keep")
        .map(([field]) => `${name}.${field}`),
    );
    expect(kinds.length).toBeGreaterThan(60);
    const models = [...manifest].filter(([, table]) =>
      personalColumns(table).some(([, c]) => c.personal.action !== "keep"),
    );
    expect(models.map(([name]) => name).filter((name) => !(name in reach))).toEqual([]);
  });
});

test("nothing personal is left of a customer: not in the database, the log or any answer, however written", async () => {
  const logged: string[] = [];
  const app = await createTestApp({ owner });
  try {
    const marks = await plant(app, id);
    // Changes through the server as well, so that the audit trail and an idempotency record know them.
    const written = ["markfirst", "marksecond"].map((name) => `${name}${randomBytes(6).toString("hex")}`);
    for (const text of written) {
      const { errors } = await app.query(
        `mutation ($email: String!, $text: String!, $key: String!) {
           customerUpdate(id: "${id}", input: { email: $email, reference: $text, metadata: { merge: { note: $text } } }) @idempotent(key: $key) {
             customer { email } userErrors { message } } }`,
        { email: `${text}@example.com`, text, key: `key-${text}` },
      );
      expect(errors).toBeUndefined();
    }
    marks.push(...written);
    const before = await dump(app);
    const there = found(marks, before);
    // Credentials are planted, but never get into rows that are read; all of them are in the tables.
    expect(marks.filter((mark) => !there.includes(mark) && !mark.startsWith("markcustomeremail"))).toEqual([]);

    await app.database.pool.query(
      `UPDATE customers SET anonymization_status = 'requested', anonymization_requested_at = now() WHERE id = $1`,
      [id],
    );
    expect(await workerOf(app, logged).drain()).toBe(1);

    expect(found(marks, await dump(app))).toEqual([]);
    const { data } = await app.query(
      `{ node(id: "${id}") { ... on Customer {
           email hasPassword metadata reference totalOrdersCount status anonymizationInfo { status completedAt receipt }
           customerAddresses { nodes { name address { fullName line1 phone city countryCode metadata } } }
           customerPaymentSources { totalCount } customerSubscriptions { totalCount } attachments { totalCount } skuLists { totalCount }
           orders(first: 50) { nodes { customerEmail token metadata formattedTotalAmountWithTaxes shippingAddress { name } billingAddress { name } paymentSource { id } } }
           returns { nodes { customerEmail originAddress { name } returnLineItems { nodes { returnReason } } } }
           orderSubscriptions { nodes { status customerEmail } }
           events(first: 100) { nodes { name } } eventStores(first: 100) { nodes { event payload who } }
         } } }`,
    );
    const customer = data.node;
    expect(found(marks, JSON.stringify(data) + logged.join("") + app.logged.join(""))).toEqual([]);
    expect(customer).toMatchObject({ hasPassword: false, metadata: {}, reference: null, status: "REPEAT" });
    expect(customer.email).toMatch(/^anonymized-[0-9a-f]{24}@anonymized\.invalid$/);
    expect(customer.orders.nodes.length).toBeGreaterThan(3);
    for (const order of customer.orders.nodes) expect(order.customerEmail).toBe(customer.email);
    for (const { status } of customer.orderSubscriptions.nodes) expect(status).toBe("CANCELLED");
    expect(customer.events.nodes[0].name).toBe("customers.anonymization_completed");
    const receipt = await verifyReceipt(customer.anonymizationInfo.receipt, keys.published);
    expect(receipt).toMatchObject({ customerId: id, mode: "test", issuer: "urn:test", manifestDigest });
    expect(receipt.rows.orders).toBe(customer.orders.nodes.length);
  } finally {
    await app.stop();
  }
});

test("of requests, cancellations and workers at once one wins each time, and the history is always a legal one", async () => {
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
      const codes = data[name].userErrors.map(({ code }: { code: string }) => code);
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

describe("the worker and what is around it", () => {
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

  test("a preview counts what goes and what is kept, and a request must have seen what speaks against it", async () => {
    const seen = await preview("cus_bruno");
    const addresses = seen.resources.find(({ resourceType }: any) => resourceType === "addresses");
    expect(addresses.fields).toContainEqual({
      ...{ field: "lastName", category: "IDENTITY", action: "REPLACE", reason: null },
      count: addresses.count,
    });
    expect(addresses.fields.find(({ field }: any) => field === "city")).toMatchObject({ action: "KEEP" });
    await app.database.pool.query("UPDATE orders SET status = 'placed' WHERE id = 'ord_1002'");
    const blocked = await preview("cus_bruno");
    expect(blocked.digest).not.toBe(seen.digest);
    expect(blocked.blockers.map(({ kind }: any) => kind)).toContain("UNFINISHED_ORDERS");

    const refused = await request({ customerId: "cus_bruno" });
    expect(refused).toMatchObject({ customer: { anonymizationStatus: null }, userErrors: [{ code: "BLOCKED" }] });
    expect(refused.userErrors[0].blockers).toEqual(blocked.blockers);
    const stale = await request({ customerId: "cus_bruno", previewDigest: seen.digest });
    expect(stale.userErrors).toMatchObject([{ code: "STALE_PREVIEW", path: ["input", "previewDigest"] }]);
    const accepted = await request({ customerId: "cus_bruno", previewDigest: blocked.digest });
    expect(accepted).toMatchObject({ customer: { anonymizationStatus: "REQUESTED" }, userErrors: [] });
    // The picture is the customer's data, not its requests.
    expect(await app.query('{ anonymizationPreview(customerId: "cus_nobody") { digest } }')).toMatchObject({
      data: { anonymizationPreview: null },
    });
  });

  test("a legal hold stops a request that is made, and one that waits", async () => {
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

  test("a request waits for its grace; then the address can sign up anew, and nothing of the old customer changes", async () => {
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

  test("a fault leaves everything as it was, is tried again later each time, and ends as failed", async () => {
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

  test("what a restored backup brings back is erased again", async () => {
    const customerId = await newCustomer("restored@example.com");
    expect(await workerOf(app).eraseAgain(customerId)).toBe(true);
    expect(await workerOf(app).eraseAgain(customerId)).toBe(false);
    expect(await workerOf(app).eraseAgain("cus_nobody")).toBe(false);
    expect(await statusOf(customerId)).toBe("COMPLETED");
  });

  test("a receipt is refused when anything of it was changed, or another key signed it", async () => {
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

describe("the export of a customer's data", () => {
  let app: TestApp;
  beforeAll(async () => {
    app = await createTestApp({ owner });
  });
  afterAll(() => app.stop());

  const get = async (path: string, as: Caller = { kind: "integration" }) =>
    fetch(path.startsWith("http") ? path : `${app.url}${path}`, {
      headers: as ? { authorization: `Bearer ${await app.token(as)}` } : {},
    });

  test("is read back by the import, into an empty database, and is the same there", async () => {
    const text = await (await get(`/exports/customers/${id}`)).text();
    const folder = mkdtempSync(join(tmpdir(), "export-"));
    const file = join(folder, "ada.json");
    writeFileSync(file, text);
    const empty = await createTestDatabase();
    const client = new pg.Client(empty.connectionString);
    try {
      await client.connect();
      const issues: unknown[] = [];
      await importFiles({
        client,
        files: [file],
        strict: true,
        mode: "test",
        onIssue: (issue) => issues.push(issue),
        onProgress: () => {},
      });
      expect(issues).toEqual([]);
      for (const [name, where] of Object.entries(reach)) {
        if (["CustomerPasswordReset", "EventStore", "Event"].includes(name)) continue;
        const { table, columns } = manifest.get(name)!;
        const kept = Object.values(columns).filter(({ column }) => !unlike.test(column));
        const sql = `SELECT ${kept.map(({ column }) => `t."${column}"`).join(", ")} FROM "${table}" t WHERE ${where} ORDER BY t.id`;
        const [before, after] = [await app.database.pool.query(sql, [id]), await client.query(sql, [id])];
        expect([name, after.rows]).toEqual([name, before.rows]);
      }
    } finally {
      await client.end();
      await empty.drop();
      rmSync(folder, { recursive: true });
    }
  });

  test("holds every personal value, no credential, and nobody else's", async () => {
    const marks = await plant(app, id);
    await app.database.pool.query("UPDATE customers SET anonymization_status = 'cancelled' WHERE id = $1", [id]);
    const { data } = await app.query(`{ subjectExport(customerId: "${id}") { url } }`);
    const response = await get(data.subjectExport.url);
    expect(response.headers.get("content-type")).toBe("application/vnd.api+json");
    const text = await response.text();
    const document = JSON.parse(text);
    expect(document.data).toMatchObject({ type: "customers", id });
    const credentials = /^mark(customerpassworddigest|customerpasswordreset|customerlegalhold)/;
    const held = marks.filter((mark) => !credentials.test(mark) && !text.includes(mark));
    // What a reset had beside its token is no more than its token.
    expect(held.filter((mark) => !/^mark(key|deep)/.test(mark))).toEqual([]);
    expect(
      found(
        marks.filter((mark) => /^markcustomerpassword(digest|resettokendigest)/.test(mark)),
        text,
      ),
    ).toEqual([]);
    for (const other of ["bruno.rossi@example.com", "grace.miller@example.com"]) expect(text).not.toContain(other);
  });

  /** What an import does not take over: credentials, versions, and what the shop notes of erasure. */
  const unlike = /^(version|password_digest|has_password|legal_hold_.*|anonymization_.*)$/;

  test("is for those who may, of customers that there are", async () => {
    expect((await get(`/exports/customers/${id}`, null)).status).toBe(401);
    for (const as of [
      { kind: "customer", id },
      { kind: "user" },
      { kind: "integration", permissions: ["customers:read"] },
    ] as Caller[]) {
      const response = await get(`/exports/customers/${id}`, as);
      expect([response.status, ((await response.json()) as any).errors[0].extensions.code]).toEqual([403, "FORBIDDEN"]);
    }
    for (const path of ["nobody", "cus_live_ada", "%E0%A4%A", ""]) {
      expect((await get(`/exports/customers/${path}`)).status).toBe(404);
    }
    expect((await fetch(`${app.url}/exports/customers/${id}`, { method: "POST" })).status).toBe(405);
  });
});
