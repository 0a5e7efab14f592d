import { aboutOf, type Column, isShared, type Model, type ModelName, modelNamed } from "../graph/model/datamodel.js";
import { manifest } from "../graph/model/manifest.js";
import { timeSql } from "../graph/model/times.js";
import { customerRows } from "./customer-rows.js";

/**
 * `customer`: the data subject's own document, without internal notes about the erasure. `copy`: every column except
 * credentials, with nulls, versions, legal holds and receipts.
 */
export type Purpose = "customer" | "copy";

/** Serializer from rows of a model to JSON:API resources. */
export interface Shape {
  readonly model: Model;
  /** The SELECT list, for the table `t`. */
  readonly select: string;
  /** All names that its resources can have, in order. */
  readonly attributes: readonly string[];
  readonly relationships: readonly string[];
  readonly meta: readonly string[];
  /** Generated columns: in the row, not in the resource. */
  readonly computed: readonly { readonly field: string; readonly column: string }[];
  /**
   * Serializes a row. Data of customers for whom `isOwn` is false is withheld; `customerId` overrides the owner of audit
   * entries.
   */
  resource(row: Record<string, unknown>, isOwn: (customerId: string) => boolean, customerId?: string): Resource;
}

export interface Resource {
  readonly type: string;
  readonly id: string;
  readonly attributes: Record<string, unknown>;
  readonly relationships: Record<string, { data: Identifier | Identifier[] | null }>;
  readonly meta: Record<string, unknown>;
}

export interface Identifier {
  readonly type: string;
  readonly id: string;
}

const shapes = new Map<string, Shape>();

export function shapeOf(name: ModelName, purpose: Purpose): Shape {
  const key = `${purpose} ${name}`;
  let shape = shapes.get(key);
  if (!shape) {
    shape = makeShape(name, purpose);
    shapes.set(key, shape);
  }
  return shape;
}

function makeShape(name: ModelName, purpose: Purpose): Shape {
  const model = modelNamed(name);
  const { columns, relations, table, documents } = model;
  const isCopy = purpose === "copy";
  const parents = Object.entries(relations).filter(([, { many }]) => !many);
  const keys = new Set(parents.map(([, { key }]) => key!));
  const about = aboutOf(model);
  const tags = relations.tags?.through;
  const notes = isCopy ? Object.entries(documents.meta) : [];
  const inMeta = new Set(Object.values(documents.meta).map(({ column }) => column));
  const attributes = Object.entries(columns).filter(
    ([field, column]) =>
      !["id", "mode", "version"].includes(field) &&
      !keys.has(field) &&
      !column.secret &&
      !manifest.get(name)!.columns[field]!.derived &&
      !inMeta.has(column.column) &&
      field !== about?.typeField &&
      field !== about?.idField,
  );
  const select = Object.entries(columns)
    .filter(([, { secret }]) => !secret)
    .map(([field, column]) => `${valueSql(column)} AS "${field}"`);
  for (const [note, column] of notes) select.push(`${valueSql(column)} AS "meta.${note}"`);
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
  const isInfo = (column: string) => name === "Customer" && column.startsWith("anonymization_");
  const isOwnAttributes = (field: string) => name === "PaymentSource" && (field === "attributes" || field === "kind");
  const own = Object.values(documents.attributes).flatMap((ofType) => Object.keys(ofType));
  return {
    model,
    select: select.join(", "),
    attributes: [
      ...attributes.flatMap(([field, { column }]) => (isInfo(column) || isOwnAttributes(field) ? [] : [column])),
      ...new Set(own),
      ...(attributes.some(([, { column }]) => isInfo(column)) ? ["anonymization_info"] : []),
    ],
    relationships: [
      ...parents.map(([relation]) => snakeCase(relation)),
      ...(about ? [about.relationship] : []),
      ...(tags ? ["tags"] : []),
    ],
    computed: Object.entries(columns).flatMap(([field, { column, secret }]) =>
      manifest.get(name)!.columns[field]!.derived && !secret ? [{ field, column }] : [],
    ),
    meta: ["mode", ...(isCopy && columns.version ? ["version"] : []), ...notes.map(([note]) => note)],
    resource: (row, isOwn, customerId) => {
      const relationships: Resource["relationships"] = {};
      for (const [relation, { to, key }] of parents) {
        const id = row[key!] as string | null;
        if (id !== null) {
          const type = to === "PaymentSource" ? (row[`${relation}Kind`] as string) : modelNamed(to).table;
          relationships[snakeCase(relation)] = { data: { type, id } };
        } else if (isCopy) relationships[snakeCase(relation)] = { data: null };
      }
      if (about) {
        const [type, id] = [row[about.typeField], row[about.idField]] as [string, string];
        relationships[about.relationship] = { data: { type, id } };
      }
      const tagIds = row.tagIds as string[] | undefined;
      if (tagIds) relationships.tags = { data: tagIds.map((id) => ({ type: "tags", id })) };
      const stated: Record<string, unknown> = {};
      const info: Record<string, unknown> = {};
      for (const [field, { column }] of attributes) {
        const value = row[field] ?? null;
        if (isInfo(column)) {
          if (value !== null) info[column.slice("anonymization_".length)] = value;
        } else if (name === "PaymentSource" && field === "attributes") Object.assign(stated, value);
        else if (isOwnAttributes(field) || (value === null && !isCopy)) continue;
        else if (name === "EventStore" && field === "payload") stated[column] = ownSide(value as Changes, isOwn);
        else stated[column] = value;
      }
      if (info.status) stated.anonymization_info = info;
      const type = name === "PaymentSource" ? (row.kind as string) : table;
      const meta: Record<string, unknown> = { mode: row.mode };
      if (isCopy && columns.version) meta.version = row.version;
      for (const [note] of notes) {
        const value = row[`meta.${note}`] ?? null;
        if (value !== null && (note !== "customer_id" || isOwn(value as string))) meta[note] = value;
      }
      // Of what is gone, nothing else could tell whose it was.
      if (name === "EventStore" && customerId !== undefined) meta.customer_id = customerId;
      return { type, id: row.id as string, attributes: stated, relationships, meta };
    },
  };
}

/** A foreign key to rows of the shop, as opposed to rows of customers. */
export interface ShopKey {
  readonly field: string;
  readonly column: string;
  readonly to: ModelName;
}

/** Foreign keys of a model to rows of the shop. Keys to other customers' rows are excluded. */
export function shopKeysOf({ name, columns, relations }: Model): ShopKey[] {
  return Object.values(relations).flatMap(({ to, key, many }) =>
    many || (to in customerRows && !isOfTheShop(name, to, key!))
      ? []
      : [{ field: key!, column: columns[key!]!.column, to }],
  );
}

/**
 * Whether a key leads to rows of the shop's own, though customers have such rows too: where rows are shared, the relations
 * of `@owner` lead to customers' rows and the others, such as that to the address of a stock location, to the shop's.
 */
function isOfTheShop(model: ModelName, to: ModelName, key: string): boolean {
  const target = modelNamed(to);
  if (!isShared(target)) return false;
  const { owners = [], relations } = target;
  return !owners.some((owner) => relations[owner]!.to === model && relations[owner]!.key === key);
}

type Changes = Record<string, { from?: unknown; to?: unknown }>;

/** Withholds the side of a transfer between two customers that is not the exported one. */
function ownSide(payload: Changes, isOwn: (customerId: string) => boolean): Changes {
  const { from, to } = payload.customer_id ?? {};
  if (typeof from !== "string" || typeof to !== "string" || (isOwn(from) && isOwn(to))) return payload;
  const withheld = isOwn(from) ? "to" : "from";
  return Object.fromEntries(
    Object.entries(payload).map(([key, change]) => [key, { ...change, [withheld]: "withheld" }]),
  );
}

function valueSql({ column, type }: Pick<Column, "column" | "type">): string {
  return type === "DateTime" ? timeSql(`t."${column}"`) : `t."${column}"`;
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
