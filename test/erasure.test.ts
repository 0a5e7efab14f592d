import { createHash, randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { movesAsDiagram } from "../src/modules/anonymization/anonymization.service.js";
import { verifyReceipt } from "../src/modules/anonymization/receipt.js";
import { AnonymizationWorker } from "../src/modules/anonymization/worker.js";
import { loadSigningKeys, newKeySet } from "../src/platform/access/keys.js";
import { Revocations } from "../src/platform/access/revocations.js";
import type { ModelName } from "../src/platform/database/datamodel.js";
import { manifest, manifestAsMarkdown, manifestDigest, personalColumns } from "../src/platform/erasure/manifest.js";
import { reach } from "../src/platform/erasure/reach.js";
import { projectRoot } from "../src/platform/paths.js";
import { createLogger } from "../src/platform/telemetry/logger.js";
import { createTestApp, type TestApp } from "./support/app.js";

const owner = { id: "usr_vera", firstName: "Vera", lastName: "Support", email: "vera@example.com" };
const keys = await loadSigningKeys({
  signingKeys: JSON.stringify(await newKeySet()),
  dataDir: "",
  environment: "test",
});
const id = "cus_ada";

function workerOf(app: TestApp, logged: string[] = []) {
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
