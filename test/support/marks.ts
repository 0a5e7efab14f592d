import { createHash, randomBytes, randomInt } from "node:crypto";
import pg from "pg";
import { customerRows } from "../../src/erasure/customer-rows.js";
import type { ModelName } from "../../src/graph/model/datamodel.js";
import { manifest, personalColumns } from "../../src/graph/model/manifest.js";
import { pgDump } from "./pg-dump.js";

/** A unique text put into a column, to search for copies of it. */
export interface Mark {
  /** The column, such as `Customer.email`. */
  kind: string;
  text: string;
}

export function newMark(kind: string): Mark {
  return { kind, text: `m${randomBytes(8).toString("hex")}${kind.toLowerCase().replaceAll(/[^a-z]/g, "")}` };
}

/**
 * Writes a unique mark into every personal column of every row of the customer; hashed columns get the hash of a mark.
 */
export async function plantMarks(pool: pg.Pool, customerId: string): Promise<Mark[]> {
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
      // Replaces all texts, and adds nested ones as keys and values.
      const texts = Object.entries(value ?? {}).filter(([, text]) => typeof text === "string");
      const deep = { [mark(kind)]: [{ note: mark(kind) }, { [mark(kind)]: { deep: [mark(kind)] } }] };
      // Audit entries have the old and new value of an attribute; this one is unknown.
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
    // Entries of the erasure itself are kept as its proof.
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
 * All contents of a database as text: the output of pg_dump, and all tables, because pg_dump omits generated columns.
 */
export async function contentsOf(connectionString: string): Promise<string> {
  const client = new pg.Client(connectionString);
  await client.connect();
  try {
    const texts = [await pgDump(connectionString)];
    const { rows: tables } = await client.query(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
         AND schemaname !~ '^pg_temp_'`,
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
function encodingsOf(text: string): string[] {
  const bytes = Buffer.from(text);
  const encodings = ["base64", "base64url"] as const;
  // Base64 depends on the offset modulo 3; characters that encode neighbouring bytes too are cut off.
  const encoded = encodings.flatMap((encoding) =>
    [0, 1, 2].map((offset) =>
      Buffer.concat([Buffer.alloc(offset), bytes])
        .toString(encoding)
        .slice(offset ? 4 : 0)
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
const prefixLength = 10;

/** The marks that a text contains: plain, encoded or hashed, in any letter case. */
export function findMarks(marks: readonly Mark[], text: string): Mark[] {
  // A single pass for any number of marks: at each position only encodings with the same prefix are compared.
  const byPrefix = new Map<string, { form: string; mark: Mark }[]>();
  for (const mark of marks) {
    for (const form of new Set(encodingsOf(mark.text).map((form) => form.toLowerCase()))) {
      if (form.length < prefixLength)
        throw new Error(`The mark ${mark.text} is too short to be distinguished from other text.`);
      const key = form.slice(0, prefixLength);
      const candidates = byPrefix.get(key) ?? [];
      if (!candidates.length) byPrefix.set(key, candidates);
      candidates.push({ form, mark });
    }
  }
  const lower = text.toLowerCase();
  const present = new Set<Mark>();
  for (let at = 0; at <= lower.length - prefixLength; at++) {
    for (const { form, mark } of byPrefix.get(lower.slice(at, at + prefixLength)) ?? []) {
      if (lower.startsWith(form, at)) present.add(mark);
    }
  }
  return marks.filter((mark) => present.has(mark));
}
