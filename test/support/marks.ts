import { createHash, randomBytes, randomInt } from "node:crypto";
import pg from "pg";
import { customerRows } from "../../src/erasure/customer-rows.js";
import type { ModelName } from "../../src/graph/model/datamodel.js";
import { manifest, personalColumns } from "../../src/graph/model/manifest.js";
import { pgDump } from "./pg-dump.js";

/** A unique text put into a column, to search for copies of it. */
export interface Mark {
  /** The place, such as `Customer.email`. */
  kind: string;
  text: string;
}

export function newMark(kind: string): Mark {
  return { kind, text: `m${randomBytes(8).toString("hex")}${kind.toLowerCase().replaceAll(/[^a-z]/g, "")}` };
}

/**
 * Puts a mark of its own into every personal column of every row of the customer, so that all of them must go. What is
 * kept as a hash is the hash of its mark.
 */
export async function plant(pool: pg.Pool, customerId: string): Promise<Mark[]> {
  const marks: Mark[] = [];
  const mark = (kind: string, text = newMark(kind).text) => {
    marks.push({ kind, text });
    return text;
  };
  await pool.query(
    `INSERT INTO customer_password_resets (id, mode, token_digest, expires_at, customer_id)
     SELECT 'cpr_' || id, mode, 'x', now(), id FROM customers WHERE id = $1`,
    [customerId],
  );
  await pool.query(
    `INSERT INTO refresh_tokens (id, family_id, application_id, customer_id, mode, scope, expires_at)
     SELECT $2, 'fam_' || c.id, a.id, c.id, c.mode, '', now() + interval '1 day'
     FROM customers c, applications a WHERE c.id = $1 LIMIT 1`,
    [customerId, sha256(mark("RefreshToken.id"))],
  );
  /** Replaces a value by a mark. */
  const planted = (name: string, field: string, type: string, value: unknown): unknown => {
    const kind = `${name}.${field}`;
    if (type === "Json") {
      // All texts that are there, and some deep down, as values and as names.
      const texts = Object.entries(value ?? {}).filter(([, text]) => typeof text === "string");
      const deep = { [mark(kind)]: [{ note: mark(kind) }, { [mark(kind)]: { deep: [mark(kind)] } }] };
      // In the audit trail an attribute has what it was and what it became. Nobody knows this one.
      if (name === "EventStore") return { unheard_of: { from: deep, to: mark(kind) } };
      return { ...Object.fromEntries(texts.map(([key]) => [key, mark(kind)])), ...deep };
    }
    if (type === "Float") {
      // A number that round-trips unchanged.
      const digits = `${randomInt(10, 90)}.${randomInt(1e11, 1e12)}${randomInt(1, 10)}`;
      return Number(mark(kind, digits));
    }
    if (/email/i.test(field)) return mark(kind, `${mark(kind)}@example.com`);
    return field === "tokenDigest" ? sha256(mark(kind)) : mark(kind);
  };
  for (const [name, where] of Object.entries(customerRows)) {
    const table = manifest.get(name as ModelName)!;
    // What the audit trail says of an erasure is the proof of it, and stays.
    const { rows } = await pool.query(
      `SELECT t.* FROM "${table.table}" t WHERE (${where}) ${name === "EventStore" ? "AND t.event NOT LIKE 'anonymization%'" : ""}`,
      [customerId],
    );
    if (!rows.length) throw new Error(`The customer ${customerId} has no ${name} to put marks into.`);
    for (const [field, { column, type, derived, personal }] of personalColumns(table)) {
      if (derived || personal.action === "keep") continue;
      const sql = `UPDATE "${table.table}" t SET "${column}" = ${name === "EventStore" ? `t."${column}" || $2` : "$2"} WHERE id = $1`;
      for (const row of rows) await pool.query(sql, [row.id, planted(name, field, type, row[column])]);
    }
  }
  return marks;
}

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/**
 * Everything that a database holds, as text: as the real pg_dump writes it, and as the tables show it, for pg_dump leaves
 * out what the database computes.
 */
export async function contentsOf(connectionString: string): Promise<string> {
  const client = new pg.Client(connectionString);
  await client.connect();
  try {
    const texts = [await pgDump(connectionString)];
    const { rows: tables } = await client.query(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`,
    );
    for (const { name } of tables) {
      const { rows } = await client.query(`SELECT coalesce(string_agg(t::text, E'\n'), '') AS text FROM ${name} t`);
      texts.push(rows[0].text);
    }
    return texts.join("\n");
  } finally {
    await client.end();
  }
}

/** Values in the planner's statistics of all tables. */
export async function statisticsOf(connectionString: string): Promise<string> {
  const client = new pg.Client(connectionString);
  await client.connect();
  try {
    const { rows } = await client.query(`SELECT coalesce(string_agg(s::text, E'\n'), '') AS text FROM pg_stats s`);
    return rows[0].text;
  } finally {
    await client.end();
  }
}

/** Encodings of a mark to search for. */
function forms(text: string): string[] {
  const bytes = Buffer.from(text);
  const encodings = ["base64", "base64url"] as const;
  // In base 64 a text looks different by what stands before it: three ways, without the letters that others share.
  const encoded = encodings.flatMap((encoding) =>
    [0, 1, 2].map((before) =>
      Buffer.concat([Buffer.alloc(before), bytes])
        .toString(encoding)
        .slice(before ? 4 : 0)
        .replace(/=+$/, "")
        .slice(0, -1),
    ),
  );
  const hashed = ["md5", "sha1", "sha256"].flatMap((name) =>
    (["hex", ...encodings] as const).map((encoding) =>
      createHash(name).update(bytes).digest(encoding).replace(/=+$/, ""),
    ),
  );
  return [text, ...encoded, bytes.toString("hex"), ...hashed];
}

/** Length of the prefix by which encodings are indexed. */
const start = 10;

/** The marks that are somewhere in a text: as they are, encoded or hashed, in small or capital letters. */
export function found(marks: readonly Mark[], text: string): Mark[] {
  // A single pass for any number of marks: at each position only encodings with the same prefix are compared.
  const byStart = new Map<string, { form: string; mark: Mark }[]>();
  for (const mark of marks) {
    for (const form of new Set(forms(mark.text).map((form) => form.toLowerCase()))) {
      if (form.length < start) throw new Error(`The mark ${mark.text} is too short to be told from other text.`);
      const key = form.slice(0, start);
      const alike = byStart.get(key) ?? [];
      if (!alike.length) byStart.set(key, alike);
      alike.push({ form, mark });
    }
  }
  const lower = text.toLowerCase();
  const left = new Set<Mark>();
  for (let at = 0; at <= lower.length - start; at++) {
    for (const { form, mark } of byStart.get(lower.slice(at, at + start)) ?? []) {
      if (lower.startsWith(form, at)) left.add(mark);
    }
  }
  return marks.filter((mark) => left.has(mark));
}
