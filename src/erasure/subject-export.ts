import type { Query } from "../database/client.js";
import { aboutOf, type Column, type Model, type ModelName, modelNamed } from "../graph/model/datamodel.js";
import { manifest } from "../graph/model/manifest.js";
import { timeSql } from "../graph/model/times.js";
import { customerRows } from "./customer-rows.js";

/** URL path of the export of a customer's data. */
export const exportPath = "/exports/customers/";

/** Batch size: even rows with the largest possible JSON stay within the result size limit. */
const batch = 50;

/** Internal notes about the erasure, not exported. */
const withheld = new Set(["anonymization_receipt", "legal_hold_at", "legal_hold_reason", "legal_hold_requester"]);

interface Shape {
  model: Model;
  /** The expressions of a row's columns. */
  select: string;
  /** Makes the JSON:API resource of a row, for the export of a customer. */
  resource: (row: Record<string, unknown>, customerId: string) => Resource;
}

interface Resource {
  type: string;
  id: string;
  attributes: Record<string, unknown>;
  relationships: Record<string, { data: Identifier | Identifier[] }>;
  meta: { mode: unknown; customer_id?: string };
}

interface Identifier {
  type: string;
  id: string;
}

const shapes = new Map<ModelName, Shape>();

/**
 * Everything that there is of a customer, as one JSON:API document in pieces: what the manifest calls personal and all
 * else of the same rows, and the rows of the shop that they refer to, so that the import can read it back. Credentials
 * are left out. To be read in a transaction that sees one moment.
 */
export async function* subjectExport(query: Query, customerId: string): AsyncGenerator<string> {
  /** Rows of the shop that the customer's refer to, and those that are in the document. */
  const wanted = new Map<string, ModelName>();
  const there = new Set<string>();
  let first = true;

  async function* rowsOf(model: ModelName, where: string, value: unknown): AsyncGenerator<string> {
    const { select, resource } = shapeOf(model);
    for (let last = ""; ; ) {
      const rows = await query(
        `SELECT to_jsonb(x) FROM (SELECT ${select} FROM "${modelNamed(model).table}" t
         WHERE (${where}) AND t."id" > $2 ORDER BY t."id" LIMIT ${batch}) x`,
        [value, last],
      );
      for (const [row] of rows as [Record<string, unknown>][]) {
        const made = resource(row, customerId);
        there.add(`${model} ${made.id}`);
        for (const [to, id] of referencesOf(model, row)) wanted.set(`${to} ${id}`, to);
        yield JSON.stringify(made);
      }
      if (rows.length < batch) return;
      last = (rows.at(-1)![0] as { id: string }).id;
    }
  }

  for await (const customer of rowsOf("Customer", customerRows.Customer!, customerId)) {
    yield `{"data":${customer},"included":[`;
  }
  for (const name of Object.keys(customerRows) as ModelName[]) {
    if (name === "Customer" || name === "CustomerPasswordReset") continue;
    const where =
      name === "EventStore" ? `(${customerRows.EventStore}) AND ${exportedToCustomer}` : customerRows[name]!;
    for await (const row of rowsOf(name, where, customerId)) {
      yield first ? row : `,${row}`;
      first = false;
    }
  }
  for (;;) {
    const missing = [...wanted].filter(([key]) => !there.has(key));
    if (!missing.length) break;
    const [[, model]] = missing as [[string, ModelName]];
    const ids = missing.flatMap(([key, other]) => (other === model ? key.slice(model.length + 1) : []));
    for await (const row of rowsOf(model, `t."id" = ANY ($1::text[])`, ids)) {
      yield first ? row : `,${row}`;
      first = false;
    }
    for (const id of ids) there.add(`${model} ${id}`);
  }
  yield "]}";
}

/** The rows of the shop that a row refers to. Other people's rows are not among them. */
function referencesOf(model: ModelName, row: Record<string, unknown>): [ModelName, string][] {
  const found: [ModelName, string][] = [];
  for (const { to, key, many } of Object.values(modelNamed(model).relations)) {
    if (many || (to in customerRows && !isOfTheShop(model, to, key!))) continue;
    const id = row[key!];
    if (typeof id === "string") found.push([to, id]);
  }
  for (const id of (row.tagIds as string[] | null) ?? []) found.push(["Tag", id]);
  return found;
}

/**
 * Whether a key leads to rows of the shop's own, though customers have such rows too: where rows are shared, the relations
 * of `@owner` lead to customers' rows and the others, such as that to the address of a stock location, to the shop's.
 */
function isOfTheShop(model: ModelName, to: ModelName, key: string): boolean {
  const { owners = [], relations } = modelNamed(to);
  if (!owners.some((owner) => relations[owner]!.many)) return false;
  return !owners.some((owner) => relations[owner]!.to === model && relations[owner]!.key === key);
}

function shapeOf(name: ModelName): Shape {
  let shape = shapes.get(name);
  if (!shape) {
    shape = makeShape(name);
    shapes.set(name, shape);
  }
  return shape;
}

function makeShape(name: ModelName): Shape {
  const model = modelNamed(name);
  const { columns, relations, table } = model;
  const parents = Object.entries(relations).filter(([, { many }]) => !many);
  const keys = new Set(parents.map(([, { key }]) => key!));
  const about = aboutOf(model);
  const tags = relations.tags?.through;
  const attributes = Object.entries(columns).filter(
    ([field, column]) =>
      !["id", "mode", "version"].includes(field) &&
      !keys.has(field) &&
      !column.secret &&
      !manifest.get(name)!.columns[field]!.derived &&
      !withheld.has(column.column) &&
      field !== about?.typeField &&
      field !== about?.idField,
  );
  const select = Object.entries(columns)
    .filter(([, { secret }]) => !secret)
    .map(([field, column]) => `${valueSql(column)} AS "${field}"`);
  for (const [relation, { to, key }] of parents) {
    if (to !== "PaymentSource") continue;
    select.push(
      `(SELECT p."kind"::text FROM "payment_sources" p WHERE p."id" = t."${columns[key!]!.column}") AS "${relation}Kind"`,
    );
  }
  if (tags) {
    select.push(
      `ARRAY(SELECT l."${tags.to}" FROM "${tags.table}" l WHERE l."${tags.from}" = t."id" ORDER BY 1) AS "tagIds"`,
    );
  }
  return {
    model,
    select: select.join(", "),
    resource: (row, customerId) => {
      const relationships: Resource["relationships"] = {};
      for (const [relation, { to, key }] of parents) {
        const id = row[key!] as string | null;
        if (id === null) continue;
        const type = to === "PaymentSource" ? (row[`${relation}Kind`] as string) : modelNamed(to).table;
        relationships[snakeCase(relation)] = { data: { type, id } };
      }
      if (about) {
        const [type, id] = [row[about.typeField], row[about.idField]] as [string, string];
        relationships[about.relationship] = { data: { type, id } };
      }
      const tagIds = row.tagIds as string[] | undefined;
      if (tagIds) relationships.tags = { data: tagIds.map((id) => ({ type: "tags", id })) };
      const own: Record<string, unknown> = {};
      const info: Record<string, unknown> = {};
      for (const [field, { column }] of attributes) {
        const value = row[field];
        if (value === null || value === undefined) continue;
        if (name === "Customer" && column.startsWith("anonymization_"))
          info[column.slice("anonymization_".length)] = value;
        else if (name === "PaymentSource" && field === "attributes") Object.assign(own, value);
        else if (name === "EventStore" && field === "payload") own[column] = ownSide(value as Changes, customerId);
        else if (name !== "PaymentSource" || field !== "kind") own[column] = value;
      }
      if (info.status) own.anonymization_info = info;
      const type = name === "PaymentSource" ? (row.kind as string) : table;
      // Of what is gone, nothing else could tell whose it was.
      const meta = { mode: row.mode, ...(name === "EventStore" && { customer_id: customerId }) };
      return { type, id: row.id as string, attributes: own, relationships, meta };
    },
  };
}

/** Entries from before the row moved to this customer belong to its previous owner; only the transfer itself is exported. */
const exportedToCustomer = `(t."customer_id" IS NULL OR t."customer_id" = $1
  OR t."payload" -> 'customer_id' ->> 'from' = $1)`;

type Changes = Record<string, { from?: unknown; to?: unknown }>;

/** This customer's side of a transfer between two customers; the other side is withheld. */
function ownSide(payload: Changes, customerId: string): Changes {
  const { from, to } = payload.customer_id ?? {};
  if (typeof from !== "string" || typeof to !== "string") return payload;
  const withheld = from === customerId ? "to" : "from";
  return Object.fromEntries(
    Object.entries(payload).map(([key, change]) => [key, { ...change, [withheld]: "withheld" }]),
  );
}

function valueSql({ column, type }: Column): string {
  return type === "DateTime" ? timeSql(`t."${column}"`) : `t."${column}"`;
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
