import type pg from "pg";
import { WITHOUT_AUDIT } from "../../prisma/seed.js";
import type { Query } from "../../src/database/client.js";
import type { Mode } from "../../src/graph/access/viewer.js";
import {
  aboutOf,
  type Column,
  dataSubject,
  enumValues,
  type Model,
  type ModelName,
  modelNamed,
  modelOfId,
  modelOfType,
  models,
  type RowOf,
  type ValuesOf,
} from "../../src/graph/model/datamodel.js";
import { newId } from "../../src/graph/model/ids.js";
import { readColumn } from "../../src/graph/write/columns.js";

/** A row as stored, under the names of prisma/schema.prisma. */
export type Row = Record<string, unknown> & { id: string; mode: Mode };

/** All rows of all models, and which tags are on which rows. */
export interface World {
  rows: Map<ModelName, Row[]>;
  byId: Map<string, Row>;
  /** The ids at the other end of a join table, by its name and the id at this end. */
  linked(table: string, from: string, id: string): string[];
}

/**
 * Inserts a row and returns it as stored. Missing required values are generated: texts from the id, parents as new rows in
 * the same mode.
 */
export function insert<M extends ModelName>(query: Query, name: M, values: ValuesOf<M> = {}): Promise<RowOf<M>> {
  return insertWith(query, name, values, new Map());
}

/** `parents` are those inserted so far, so that an item of a return is one of the returned order. */
async function insertWith<M extends ModelName>(
  query: Query,
  name: M,
  values: ValuesOf<M>,
  parents: Map<ModelName, string>,
): Promise<RowOf<M>> {
  const model = modelNamed(name);
  const row: Record<string, unknown> = { id: newId(name), mode: "test", ...values };
  const parent = async (to: ModelName) => {
    const id = parents.get(to) ?? (await insertWith(query, to, { mode: row.mode as Mode }, parents)).id;
    parents.set(to, id);
    return id;
  };
  const about = aboutOf(model);
  if (about) {
    const given = row[about.typeField] as string | undefined;
    const owner = given ? modelOfType(given)?.name : modelOfId(String(row[about.idField]));
    row[about.typeField] ??= modelNamed(owner ?? dataSubject.name).table;
    row[about.idField] ??= await parent(owner ?? dataSubject.name);
  }
  const keys = new Map(Object.values(model.relations).flatMap((r) => (r.many ? [] : [[r.key!, r.to] as const])));
  for (const [field, column] of Object.entries(model.columns)) {
    if (column.nullable || column.hasDefault || row[field] !== undefined) continue;
    const to = keys.get(field);
    row[field] = to ? await parent(to) : plainValue(model, field, column, String(row.id));
  }
  const fields = Object.keys(row).filter((field) => row[field] !== undefined);
  const readable = Object.keys(model.columns).filter((field) => !model.columns[field]!.secret);
  const names = (fields: string[]) => fields.map((field) => `"${model.columns[field]!.column}"`).join(", ");
  const [stored] = await query(
    `INSERT INTO "${model.table}" (${names(fields)}) VALUES (${fields.map((_, i) => `$${i + 1}`)})
     RETURNING ${names(readable)}`,
    fields.map((field) => row[field]),
  );
  return Object.fromEntries(readable.map((field, i) => [field, stored![i]])) as RowOf<M>;
}

/** A valid value of a column: for a text, the first candidate of the right form. */
function plainValue(model: Model, field: string, column: Column, id: string): unknown {
  if (column.enum) return enumValues(column.type)[0];
  switch (column.type) {
    case "Int":
    case "Float":
      return 1;
    case "Boolean":
      return false;
    case "DateTime":
      return new Date();
    case "Json":
      return {};
  }
  const texts = [
    id,
    `${id.toLowerCase()}@example.com`,
    `https://example.com/${id}`,
    id.toLowerCase(),
    "IT",
    "EUR",
    "en",
  ];
  const text = texts.find((candidate) => readColumn(model, field, candidate) === candidate);
  if (!text) throw new Error(`None of ${texts.join(", ")} has the form of ${model.name}.${field}: name a value.`);
  return text;
}

/** Pseudo-random numbers from 0 to 1, deterministic by seed (mulberry32). */
export function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Seeded by a name as well, so that the values of one model do not depend on other models. */
export function randomOf(name: string, seed: number): () => number {
  let hash = seed;
  for (const character of name) hash = Math.imul(hash ^ character.codePointAt(0)!, 0x01000193);
  return random(hash);
}

/** Texts that are similar to each other, and the special characters of SQL, LIKE, JSON and Unicode. */
export const words = [
  ...["abc", "Abc", "ABCD", "a%c", "a_c", "a\\c", "%", "_", "\\", "", " abc ", "it's", '"quoted"', "a,b{c}"],
  ...["Ünal", "ÜNAL", "ünal", "Жук", "жук", "佐藤", "😀", "$1", "null", "0", "1.5", "true"],
];
const moments = [
  ...["2024-02-29T23:59:59.999Z", "2026-01-01T00:00:00.000Z", "2026-01-01T00:00:00.001Z", "2026-03-29T01:30:00.000Z"],
  ...["2026-07-01T12:00:00.000Z", "2027-12-31T00:00:00.000Z"],
];
const documents: Record<string, unknown>[] = [
  ...[{}, { abc: "abc" }, { abc: 1.5 }, { abc: "1.5" }, { abc: true }, { abc: "true" }, { abc: null }, { "a%c": "" }],
  ...[{ abc: ["abc"], "": 0 }, { abc: { abc: "abc" } }, { '"quoted"': "it's", ünal: "Ünal" }, { abc: "007", null: 0 }],
];

/**
 * Fills the database with rows that have many equal and missing values, in both modes. About one reference in six leads
 * to a row of the other mode, which no constraint forbids and no answer may show.
 */
export async function createWorld(database: pg.Pool, count: (model: ModelName) => number, seed = 1): Promise<World> {
  await addRows(database, count, seed);
  return readWorld(database);
}

/** Adds such rows to the database. */
export async function addRows(database: pg.Pool, count: (model: ModelName) => number, seed = 1): Promise<void> {
  const pickWith =
    (roll: () => number) =>
    <T>(values: readonly T[]): T =>
      values[Math.floor(roll() * values.length)]!;
  const ids = new Map<ModelName, { id: string; mode: Mode }[]>();
  const idsOf = new Map<string, string[]>();
  for (const { name, prefix } of models.values()) {
    const roll = randomOf(`ids of ${name}`, seed);
    const pick = pickWith(roll);
    const odd = ["", "ß", "Z", "%", "'", '"', "😀", "～"];
    ids.set(
      name,
      Array.from({ length: count(name) }, (_, i) => ({
        id: roll() < 0.1 ? `${pick(odd)}${prefix}${i}` : `${prefix}_${pick(["a", "A", "c"])}${i}`,
        mode: roll() < 0.75 ? "test" : "live",
      })),
    );
    for (const mode of ["test", "live"]) {
      idsOf.set(
        `${name} ${mode}`,
        ids.get(name)!.flatMap((row) => (row.mode === mode ? [row.id] : [])),
      );
    }
  }
  /** Prefers the first rows, so that lists have all lengths. */
  const reference = (roll: () => number, to: ModelName, mode: Mode): string | undefined => {
    const other = mode === "test" ? "live" : "test";
    const candidates = idsOf.get(`${to} ${roll() < 0.16 ? other : mode}`)!;
    return candidates[Math.floor(roll() ** 2.5 * candidates.length)];
  };

  const inserts: string[] = [];
  const values: string[] = [];
  for (const model of models.values()) {
    const roll = randomOf(`rows of ${model.name}`, seed);
    const pick = pickWith(roll);
    const keys = new Map(Object.values(model.relations).flatMap((r) => (r.many ? [] : [[r.key!, r.to] as const])));
    const owners = ownersOf(model.name);
    const taken = new Set<string>();
    const draw = (id: string, mode: Mode, i: number): Row => {
      const row: Row = { id, mode };
      for (const [field, column] of Object.entries(model.columns)) {
        if (column.id || column.derived || field === "mode") continue;
        const target = keys.get(field);
        if (column.nullable && roll() < 0.3) row[field] = null;
        else if (target) row[field] = reference(roll, target, mode) ?? null;
        else row[field] = value(model.name, field, column, i, pick);
      }
      if (owners) {
        const owner = drawn(
          owners.models.filter((name) => ids.get(name)!.length),
          (name) => randomOf(`${id} is about ${name}`, seed)(),
        );
        row[owners.type] = modelNamed(owner).table;
        row[owners.key] = reference(roll, owner, mode) ?? id;
      }
      return row;
    };
    const rows = ids.get(model.name)!.flatMap(({ id, mode }, i) => {
      for (let attempt = 0; attempt < 50; attempt++) {
        const row = draw(id, mode, i);
        const tuples = model.unique.map((fields) => JSON.stringify([fields, ...fields.map((field) => row[field])]));
        if (tuples.some((tuple) => taken.has(tuple))) continue;
        for (const tuple of tuples) taken.add(tuple);
        return [row];
      }
      return [];
    });
    const fields = Object.keys(model.columns).filter((field) => !model.columns[field]!.derived);
    const columns = fields.map((field) => `"${model.columns[field]!.column}"`).join(", ");
    const json = rows.map((row) =>
      Object.fromEntries(fields.map((field) => [model.columns[field]!.column, row[field] ?? null])),
    );
    values.push(JSON.stringify(json));
    inserts.push(
      `"i_${model.table}" AS (INSERT INTO "${model.table}" (${columns})
         SELECT ${columns} FROM jsonb_populate_recordset(NULL::"${model.table}", $${values.length}::jsonb))`,
    );
  }

  const joins = new Map<string, { from: string; to: string; rows: [string, string][] }>();
  for (const model of models.values()) {
    const join = model.relations.tags?.through;
    if (!join) continue;
    const roll = randomOf(`tags of ${model.name}`, seed);
    const rows = ids.get(model.name)!.flatMap(({ id, mode }) => {
      const tags = Array.from({ length: Math.floor(roll() * 4) }, () => reference(roll, "Tag", mode)!);
      return [...new Set(tags)].filter(Boolean).map((tag): [string, string] => [id, tag]);
    });
    joins.set(join.table, { ...join, rows });
  }

  const client = await database.connect();
  try {
    await client.query("BEGIN");
    await client.query(WITHOUT_AUDIT);
    // Counts are random like all other values: triggers must not compute them.
    for (const { table } of models.values()) await client.query(`ALTER TABLE "${table}" DISABLE TRIGGER USER`);
    await client.query("ALTER TABLE customers ENABLE TRIGGER customers_derive");
    await client.query(`WITH ${inserts.join(", ")} SELECT`, values);
    for (const [table, { from, to, rows }] of joins) {
      await client.query(
        `INSERT INTO "${table}" ("${from}", "${to}") SELECT * FROM unnest($1::text[], $2::text[])`,
        [0, 1].map((end) => rows.map((row) => row[end as 0 | 1])),
      );
    }
    for (const { table } of models.values()) await client.query(`ALTER TABLE "${table}" ENABLE TRIGGER USER`);
    await client.query("COMMIT");
  } catch (error) {
    await client.query("ROLLBACK");
    throw error;
  } finally {
    client.release();
  }
  await database.query("ANALYZE");
}

/** Everything in the database, read without any code of the server. */
export async function readWorld(database: pg.Pool): Promise<World> {
  const rows = new Map<ModelName, Row[]>();
  const byId = new Map<string, Row>();
  const links = new Map<string, Record<string, string>[]>();
  for (const model of models.values()) {
    const found = await database.query<Record<string, unknown>>(`SELECT * FROM "${model.table}" ORDER BY id`);
    const named = found.rows.map(
      (row) =>
        Object.fromEntries(Object.entries(model.columns).map(([field, { column }]) => [field, row[column]])) as Row,
    );
    rows.set(model.name, named);
    for (const row of named) byId.set(row.id, row);
    for (const { through } of Object.values(model.relations)) {
      if (!through || links.has(through.table)) continue;
      links.set(through.table, (await database.query(`SELECT * FROM "${through.table}"`)).rows);
    }
  }
  return {
    rows,
    byId,
    linked: (table, from, id) =>
      links.get(table)!.flatMap((link) => {
        if (link[from] !== id) return [];
        return Object.keys(link).flatMap((column) => (column === from ? [] : [link[column]!]));
      }),
  };
}

/** Rendezvous hashing: an additional value changes only the draws that it wins. */
function drawn<T>(values: readonly T[], weigh: (value: T) => number): T {
  return values
    .map((value) => ({ value, weight: weigh(value) }))
    .reduce((best, other) => (other.weight > best.weight ? other : best)).value;
}

/** The polymorphic reference of a model: its fields and the models it may refer to. */
function ownersOf(name: ModelName) {
  const references = [...models.values()].flatMap((model) =>
    // No rows refer to entries of the audit trail.
    Object.values(model.relations).flatMap((relation) =>
      relation.to === name && relation.where && model.name !== "EventStore" ? [{ model: model.name, relation }] : [],
    ),
  );
  const relation = references[0]?.relation;
  return (
    relation && {
      key: relation.key!,
      type: Object.keys(relation.where!)[0]!,
      models: references.map(({ model }) => model),
    }
  );
}

function value(
  model: ModelName,
  field: string,
  column: Column,
  i: number,
  pick: <T>(values: readonly T[]) => T,
): unknown {
  if (column.enum) return pick(enumValues(column.type));
  switch (column.type) {
    case "Int":
      return pick([1, 2, 3, 10, 250]);
    case "Float":
      return pick([0, 0.1, 0.22, -7.25]);
    case "Boolean":
      return pick([true, false]);
    case "DateTime":
      return pick(moments);
    case "Json":
      return pick(documents);
  }
  const word = pick(words);
  const unique = modelNamed(model).unique.some((fields) => fields.length === 2 && fields[1] === field);
  if (model === "Tag" && field === "name") return `${pick(["a", "b", "a-b"])}:${i}`;
  if (model === "CustomerGroup" && field === "code") return `${word}${i}`.toLowerCase();
  if (field === "email" || field === "customerEmail")
    return `${word.trim().toLowerCase()}${unique ? i : ""}@example.com`;
  if (field === "countryCode") return pick(["IT", "DE", "US"]);
  if (field === "shopperReference" || field === "profileId") return `${word}-shopper`;
  return unique ? `${word}${i}` : word;
}
