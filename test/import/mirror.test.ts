import pg from "pg";
import { loadSigningKeys, newKeySet } from "../../src/identity/keys.js";
import { applyDocuments } from "../../src/import/import.js";
import { type Removal, removeMirrored } from "../../src/import/removal.js";
import { verifyReceipt } from "../../src/modules/anonymization/receipt.js";
import { AnonymizationWorker } from "../../src/modules/anonymization/worker.js";
import { createTestApp, type TestApp } from "../support/app.js";
import { contentsOf } from "../support/marks.js";
import { customer, lineItem, order, type Resource, ref } from "./support.js";

const keys = await loadSigningKeys({
  signingKeys: JSON.stringify(await newKeySet()),
  dataDir: "",
  environment: "test",
});
const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();
const mirror = { worker: { id: "mirror", type: "Mirror" } };

let app: TestApp;
let client: pg.Client;
beforeAll(async () => {
  app = await createTestApp();
  client = new pg.Client(app.connectionString);
  await client.connect();
});
afterAll(async () => {
  await client.end();
  await app.stop();
});

const rows = async (sql: string, values: unknown[] = []) => (await client.query(sql, values)).rows;

async function apply(...data: Resource[]): Promise<string[]> {
  const issues: string[] = [];
  const { revocations } = app;
  await applyDocuments(client, [{ data }], {
    ...{ mode: "test", mirror: true, erasure: { keys, issuer: "urn:test", revocations, now: () => new Date() } },
    onIssue: ({ kind, id, reason }) => void issues.push(`${kind} ${id}: ${reason}`),
  });
  return issues;
}

const address = (id: string, attributes: object): Resource => ({
  type: "addresses",
  id,
  attributes: { line_1: "1 Road", city: "Town", country_code: "IT", ...attributes },
});

describe("an erasure upstream", () => {
  const asked = (status: string, second: number, more: object = {}) =>
    customer("anon", {
      email: "planted@example.com",
      anonymization_status: status,
      anonymization_info: { status, requested_at: at(second), ...more },
      updated_at: at(second),
    });

  test("that is requested or started shows, may be cancelled, and is never carried out here", async () => {
    const worker = new AnonymizationWorker({
      ...{ database: app.database, keys, issuer: "urn:test", revocations: app.revocations, graceMs: 0 },
      ...{ log: { debug() {}, info() {}, warn() {}, error() {} }, now: () => new Date(Date.now() + 1e10) },
    });
    const row = async () =>
      (
        await rows(
          "SELECT anonymization_status AS status, anonymization_received_at AS received, email FROM customers WHERE id = 'anon'",
        )
      )[0];
    for (const [index, status] of [
      "requested",
      "started",
      "cancelled",
      "requested",
      "started",
      "failed",
      "requested",
    ].entries()) {
      expect(await apply(asked(status, index + 1))).toEqual([]);
      const received = null;
      expect(await row()).toEqual({ status, received, email: "planted@example.com" });
      // Another change of the row hands nothing to the worker either.
      await client.query("UPDATE customers SET tax_exemption_code = $1 WHERE id = 'anon'", [status]);
      await client.query("UPDATE customers SET updated_at = $1 WHERE id = 'anon'", [at(index + 1)]);
      expect(await worker.drain()).toBe(0);
      expect(await row()).toEqual({ status, received, email: "planted@example.com" });
    }
  });

  test("that is completed erases what is here, and leaves what upstream says, with a receipt", async () => {
    const home = ref("addresses", "anon-home");
    const owner = ref("customers", "anon");
    await apply(
      address("anon-home", { first_name: "Planted", updated_at: at(10) }),
      customer("anon", { email: "planted@example.com", metadata: { nick: "planted" }, updated_at: at(10) }),
      { type: "customer_addresses", id: "anon-book", relationships: { customer: owner, address: home } },
      { ...order("anon-order", { customer_email: "planted@example.com", updated_at: at(10) }, "anon") },
    );
    await apply(customer("anon", { email: "planted-2@example.com", updated_at: at(11) }));
    const planted = async () => (await contentsOf(app.connectionString)).match(/planted/gi)?.length ?? 0;
    expect(await planted()).toBeGreaterThan(4);

    const completed = customer("anon", {
      email: "gone-1@upstream.example",
      anonymization_status: "completed",
      anonymization_info: { status: "completed", requested_at: at(8), started_at: at(9), completed_at: at(12) },
      updated_at: at(12),
    });
    expect(await apply(completed)).toEqual([]);
    expect(await planted()).toBe(0);
    for (const { name } of await rows(
      "SELECT format('pg_temp.%I', tablename) AS name FROM pg_tables WHERE schemaname ~ '^pg_temp'",
    ))
      expect([name, await rows(`SELECT FROM ${name}`)]).toEqual([name, []]);
    const [row] = await rows(
      "SELECT email, anonymization_status, anonymization_receipt, updated_at FROM customers WHERE id = 'anon'",
    );
    expect(row).toMatchObject({
      email: "gone-1@upstream.example",
      anonymization_status: "completed",
      updated_at: new Date(at(12)),
    });
    const receipt = await verifyReceipt(row.anonymization_receipt, keys.published);
    expect(receipt).toMatchObject({ customerId: "anon", mode: "test", requestedAt: at(8), startedAt: at(9) });
    expect(receipt.rows).toMatchObject({ customers: 1, addresses: 1, orders: 1 });

    // What upstream says of the rows around it is newer than what was erased, an old document is not.
    expect(await apply(address("anon-home", { first_name: "XXXX", updated_at: at(12) }))).toEqual([]);
    expect(await rows("SELECT first_name FROM addresses WHERE id = 'anon-home'")).toEqual([{ first_name: "XXXX" }]);
    expect(await apply(address("anon-home", { first_name: "Planted", updated_at: at(10) }))).toEqual([
      expect.stringMatching(/^outdated anon-home/),
    ]);
    expect(await apply(customer("anon", { email: "planted@example.com", updated_at: at(13) }))).toEqual([
      expect.stringMatching(/^refused anon: was anonymized here/),
    ]);
    expect(await planted()).toBe(0);
    expect(await apply(completed)).toEqual([]);
  });
});

describe("removeMirrored", () => {
  const shop = () =>
    apply(
      customer("c", { updated_at: at(1) }),
      {
        ...order("o", { updated_at: at(1), skus_count: 5 }, "c"),
        relationships: { customer: ref("customers", "c"), billing_address: ref("addresses", "a") },
      },
      address("a", { updated_at: at(1) }),
      lineItem("l1", "o", { updated_at: at(1) }),
      lineItem("l2", "o", { updated_at: at(1) }),
      {
        type: "attachments",
        id: "att",
        attributes: { name: "Invoice" },
        relationships: { attachable: ref("orders", "o") },
      },
      { type: "returns", id: "r", attributes: { number: "R" }, relationships: { order: ref("orders", "o") } },
      {
        type: "customer_subscriptions",
        id: "s",
        attributes: { reference: "news" },
        relationships: { customer: ref("customers", "c") },
      },
      { type: "customer_groups", id: "g", attributes: { name: "VIP" } },
      {
        type: "markets",
        id: "m",
        attributes: { name: "Private" },
        relationships: { customer_group: ref("customer_groups", "g") },
      },
    );
  const ids = async (table: string) =>
    (await rows(`SELECT id FROM ${table} WHERE length(id) < 4 ORDER BY id`)).map(({ id }) => id);

  test("deletes a row and what cannot be without it, with entries of the mirror", async () => {
    expect(await shop()).toEqual([]);
    expect(await removeMirrored(client, "line_items", "l1")).toBe<Removal>("removed");
    expect(await ids("line_items")).toEqual(["l2"]);
    expect(await rows("SELECT skus_count, updated_at FROM orders WHERE id = 'o'")).toEqual([
      { skus_count: 5, updated_at: new Date(at(1)) },
    ]);
    expect(await removeMirrored(client, "addresses", "a")).toBe<Removal>("removed");
    expect(await rows("SELECT billing_address_id, updated_at FROM orders WHERE id = 'o'")).toEqual([
      { billing_address_id: null, updated_at: new Date(at(1)) },
    ]);
    expect(await removeMirrored(client, "customers", "c")).toBe<Removal>("removed");
    expect(await rows("SELECT customer_id FROM orders WHERE id = 'o'")).toEqual([{ customer_id: null }]);
    expect(await ids("customer_subscriptions")).toEqual([]);
    expect(await removeMirrored(client, "orders", "o")).toBe<Removal>("removed");
    for (const table of ["orders", "line_items", "attachments", "returns"])
      expect([table, await ids(table)]).toEqual([table, []]);
    const entries = await rows(
      "SELECT resource_type, resource_id, who FROM event_stores WHERE event = 'destroy' AND length(resource_id) < 4 ORDER BY 1, 2",
    );
    expect(entries.map(({ resource_type, resource_id }) => `${resource_type} ${resource_id}`)).toEqual([
      ...[
        "addresses a",
        "attachments att",
        "customer_subscriptions s",
        "customers c",
        "line_items l1",
        "line_items l2",
      ],
      ...["orders o", "returns r"],
    ]);
    for (const { who } of entries) expect(who).toEqual(mirror);
  });

  test("keeps a group whose private markets would be open to everybody, and knows what is absent", async () => {
    await shop();
    expect(await removeMirrored(client, "customer_groups", "g")).toBe<Removal>("held");
    expect(await rows("SELECT private FROM markets WHERE id = 'm'")).toEqual([{ private: true }]);
    expect(await removeMirrored(client, "markets", "m")).toBe<Removal>("removed");
    expect(await removeMirrored(client, "customer_groups", "g")).toBe<Removal>("removed");
    expect(await removeMirrored(client, "customer_groups", "g")).toBe<Removal>("absent");
    expect(await removeMirrored(client, "shipments", "x")).toBe<Removal>("absent");
    expect(await rows("SELECT locktype FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")).toEqual(
      [],
    );
    expect(await rows("SELECT current_setting('customer_graph.mirror', true) AS mirror")).toEqual([{ mirror: "" }]);
  });
});
