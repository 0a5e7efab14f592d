import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { applyDocuments, importFiles } from "../../src/import/import.js";
import type { Issue } from "../../src/import/issues.js";
import type { Mode } from "../../src/import/resource.js";
import type { Summary } from "../../src/import/summary.js";
import { createTestDatabase } from "../support/database.js";
import type { Untyped } from "../support/operation-data.js";

export interface Resource {
  type: string;
  id: string;
  attributes?: Record<string, unknown>;
  relationships?: Record<string, { data: unknown }>;
  meta?: { mode: Mode };
}

export interface Imported {
  summary: Summary;
  /** `refused orders o1 /included/2/attributes/number: is missing` */
  issues: string[];
  /** Of each type that was in the files: created, updated, unchanged, refused. */
  counts: Record<string, [number, number, number, number]>;
}

export interface ImportTest {
  connectionString: string;
  /** Imports resources, as the `data` of one document, or files by their paths. */
  run(what: Resource[] | string[], options?: { strict?: boolean; mode?: Mode }): Promise<Imported>;
  /** Applies documents, all calls on one connection. */
  apply(...documents: unknown[]): Promise<Imported>;
  rows(sql: string, values?: unknown[]): Promise<Untyped[]>;
  /** Writes a file that is gone after the tests. */
  file(name: string, content: string | Uint8Array): Promise<string>;
  /** Empties every table. */
  clear(): Promise<void>;
  end(): Promise<void>;
}

/** A migrated database of its own, and a folder for files. */
export async function createImportTest(): Promise<ImportTest> {
  const { connectionString, drop } = await createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), "import-test-"));
  const client = new pg.Client({ connectionString, options: "-c TimeZone=UTC" });
  await client.connect();
  const applying = new pg.Client({ connectionString, application_name: "applying" });
  await applying.connect();

  const file: ImportTest["file"] = async (name, content) => {
    const path = join(folder, name);
    await writeFile(path, content);
    return path;
  };
  return {
    connectionString,
    file,
    async clear() {
      await client.query(`DO $$ DECLARE name text; BEGIN
        SET LOCAL session_replication_role = replica;
        FOR name IN SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_name !~ '^_' LOOP
          EXECUTE format('DELETE FROM %I', name);
        END LOOP;
      END $$`);
    },
    async apply(...documents) {
      const issues: Issue[] = [];
      const onIssue = (issue: Issue) => void issues.push(issue);
      const summary = await applyDocuments(applying, documents, { mode: "test", mirror: true, onIssue });
      return { summary, issues: issues.map(formatIssue), counts: countsOf(summary) };
    },
    rows: async (sql, values) => (await client.query(sql, values)).rows,
    async run(what, { strict = false, mode = "test" } = {}) {
      const files =
        typeof what[0] === "string"
          ? (what as string[])
          : [await file("document.json", JSON.stringify({ data: what }))];
      const own = new pg.Client(connectionString);
      await own.connect();
      const issues: Issue[] = [];
      try {
        const onIssue = (issue: Issue) => void issues.push(issue);
        const summary = await importFiles({ client: own, files, strict, mode, onIssue, onProgress: () => {} });
        return { summary, issues: issues.map(formatIssue), counts: countsOf(summary) };
      } finally {
        await own.end();
      }
    },
    async end() {
      await client.end();
      await applying.end();
      await drop();
      await rm(folder, { recursive: true });
    },
  };
}

function formatIssue({ kind, type, id, pointer, reason }: Issue): string {
  return `${kind} ${type} ${id} ${pointer}: ${reason}`;
}

function countsOf({ types }: Summary): Imported["counts"] {
  return Object.fromEntries(
    types.map(({ type, created, updated, unchanged, refused }) => [type, [created, updated, unchanged, refused]]),
  );
}

export const ref = (type: string, id: string) => ({ data: { type, id } });
export const refs = (type: string, ...ids: string[]) => ({ data: ids.map((id) => ({ type, id })) });

export function customer(id: string, attributes: Record<string, unknown> = {}, more: Partial<Resource> = {}): Resource {
  return { type: "customers", id, attributes: { email: `${id}@example.com`, ...attributes }, ...more };
}

export function order(id: string, attributes: Record<string, unknown> = {}, customerId?: string): Resource {
  const resource: Resource = { type: "orders", id, attributes: { number: `N-${id}`, ...attributes } };
  if (customerId !== undefined) resource.relationships = { customer: ref("customers", customerId) };
  return resource;
}

export function lineItem(id: string, orderId: string, attributes: Record<string, unknown> = {}): Resource {
  const relationships = { order: ref("orders", orderId) };
  return { type: "line_items", id, attributes: { item_type: "skus", quantity: 1, ...attributes }, relationships };
}

/** A document of invented customers, each with seven orders of five lines, everything included after the data. */
export function* bigDocument(customers: number): Generator<string> {
  const day = (n: number) => new Date(1.6e12 + (n % 1500) * 864e5).toISOString();
  const resource = (type: string, id: string, n: number, attributes: object, relationships: object = {}) =>
    JSON.stringify({
      id,
      type,
      links: { self: `https://shop.example/api/${type}/${id}` },
      attributes: {
        ...attributes,
        created_at: day(n),
        updated_at: day(n),
        reference: id,
        reference_origin: "generated",
      },
      relationships,
      meta: { mode: "test" },
    });
  const ordersOf = (c: number) => Array.from({ length: 7 }, (_, i) => `o${c}x${i}`);
  const linesOf = (o: string) => Array.from({ length: 5 }, (_, i) => `l${o}x${i}`);
  const address = (id: string, c: number) =>
    resource("addresses", id, c, {
      ...{ first_name: "Anna", last_name: `Nr ${c}`, company: null, line_1: `Street ${c}`, city: "Town" },
      ...{ zip_code: String(10000 + c), country_code: "IT", phone: `+39 ${c}`, email: `customer${c}@example.com` },
    });

  yield '{"data":[\n';
  for (let c = 0; c < customers; c++) {
    const attributes = { email: `customer${c}@example.com`, status: "repeat", total_orders_count: 7 };
    const relationships = { customer_group: ref("customer_groups", "g"), orders: refs("orders", ...ordersOf(c)) };
    yield `${c ? ",\n" : ""}${resource("customers", `c${c}`, c, attributes, relationships)}`;
  }
  yield '],\n"included":[\n';
  yield resource("customer_groups", "g", 0, { name: "Group", code: "g" });
  for (let c = 0; c < customers; c++) {
    const owner = ref("customers", `c${c}`);
    yield `,\n${resource("customer_addresses", `ca${c}`, c, {}, { customer: owner, address: ref("addresses", `a${c}`) })}`;
    yield `,\n${address(`a${c}`, c)}`;
    for (const o of ordersOf(c)) {
      yield `,\n${address(`b${o}`, c)}`;
      const attributes = {
        ...{ number: `N${o}`, status: "placed", payment_status: "paid", currency_code: "EUR", placed_at: day(c) },
        ...{ skus_count: 10, total_amount_cents: 5000, total_amount_float: 50, formatted_total_amount: "€50,00" },
      };
      const relationships = { customer: owner, billing_address: ref("addresses", `b${o}`) };
      yield `,\n${resource("orders", o, c, attributes, relationships)}`;
      for (const l of linesOf(o)) {
        const line = { item_type: "skus", sku_code: `SKU-${c % 99}`, quantity: 2, total_amount_cents: 1000 };
        yield `,\n${resource("line_items", l, c, line, { order: ref("orders", o) })}`;
      }
    }
  }
  yield "]}\n";
}
