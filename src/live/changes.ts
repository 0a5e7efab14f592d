import type { Query } from "../database/client.js";
import type { Mode } from "../graph/access/viewer.js";

/** Position in the total order of all changes: by transaction, then by id. */
export interface Position {
  readonly transaction: bigint;
  readonly id: string;
}

/** An entry of the audit trail that concerns a customer. Its values are never read. */
export interface Change extends Position {
  readonly mode: Mode;
  readonly customerId: string;
  readonly resourceType: string;
  readonly resourceId: string;
  readonly event: string;
  /** Names of the changed columns, and of others such as `tags`, as in the audit trail. */
  readonly names: readonly string[];
  readonly createdAt: Date;
}

/** Filter of a subscription. */
export interface Scope {
  readonly mode: Mode;
  /** Undefined: all customers. */
  readonly customerId?: string;
  readonly resourceTypes: ReadonlySet<string>;
}

/** Negative if `one` comes first. Ids are made of ASCII, which the database orders in the same way. */
export function compare(one: Position, other: Position): number {
  if (one.transaction !== other.transaction) return one.transaction < other.transaction ? -1 : 1;
  return one.id < other.id ? -1 : one.id > other.id ? 1 : 0;
}

export function includes({ mode, customerId, resourceTypes }: Scope, change: Change): boolean {
  return (
    change.mode === mode &&
    (customerId === undefined || change.customerId === customerId) &&
    resourceTypes.has(change.resourceType)
  );
}

/** The oldest running transaction (xmin): all below it have ended, so no more changes can appear there. */
const horizon = "pg_snapshot_xmin(pg_current_snapshot())::text::bigint";

const columns = `"transaction_id", "id", "mode", "customer_id", "resource_type", "resource_id", "event", CASE
  WHEN jsonb_typeof("payload") = 'object' THEN ARRAY(SELECT jsonb_object_keys("payload")) ELSE '{}' END AS "names", "created_at"`;

function changeOf(row: readonly unknown[]): Change {
  const [transaction, id, mode, customerId, resourceType, resourceId, event, names, createdAt] = row;
  return {
    transaction: BigInt(transaction as string),
    ...({ id, mode, customerId, resourceType, resourceId, event, names, createdAt } as Omit<Change, "transaction">),
  };
}

/** The current end of the feed: all later changes sort after it. */
export async function currentPosition(query: Query): Promise<Position> {
  const [[transaction]] = (await query(`SELECT ${horizon}`, [])) as [[string]];
  return { transaction: BigInt(transaction), id: "" };
}

export interface ChangeBatch {
  changes: Change[];
  /** Everything below this transaction has ended. */
  horizon: bigint;
  /** Whether more changes are waiting for an older transaction to end. */
  waiting: boolean;
}

/** The next changes after a position, in order, below the horizon: no open transaction can insert another between them. */
export async function changesAfter(query: Query, after: Position, limit: number): Promise<ChangeBatch> {
  const rows = await query(
    `WITH x AS MATERIALIZED (
       SELECT h AS horizon, coalesce((SELECT max("transaction_id") FROM "event_stores") >= h, false)
       FROM (SELECT ${horizon}) o (h)
     )
     SELECT x.*, c.* FROM x LEFT JOIN LATERAL (
       SELECT ${columns} FROM "event_stores"
       WHERE ("transaction_id", "id") > ($1::bigint, $2::text) AND "transaction_id" < x.horizon
         AND "customer_id" IS NOT NULL
       ORDER BY "transaction_id", "id" LIMIT $3::int
     ) c ON true`,
    [after.transaction, after.id, limit],
  );
  const [first] = rows as [[string, boolean, ...unknown[]]];
  return {
    horizon: BigInt(first[0]),
    waiting: first[1],
    changes: rows.map((row) => row.slice(2)).flatMap((row) => (row[0] === null ? [] : [changeOf(row)])),
  };
}

/** The first changes of a scope after one position and up to another, in their order. */
export async function changesBetween(
  query: Query,
  { mode, customerId, resourceTypes }: Scope,
  after: Position,
  until: Position,
  limit: number,
): Promise<Change[]> {
  const rows = await query(
    `SELECT ${columns} FROM "event_stores"
     WHERE ("transaction_id", "id") > ($1::bigint, $2::text) AND ("transaction_id", "id") <= ($3::bigint, $4::text)
       AND "mode" = $5::"mode" AND "resource_type" = ANY ($6::text[])
       AND "customer_id" ${customerId === undefined ? "IS NOT NULL" : "= $8::text"}
     ORDER BY "transaction_id", "id" LIMIT $7::int`,
    [
      ...[after.transaction, after.id, until.transaction, until.id],
      ...[mode, [...resourceTypes], limit],
      ...(customerId === undefined ? [] : [customerId]),
    ],
  );
  return rows.map(changeOf);
}

/**
 * Position of the change with this id; undefined if it is not in the scope or above the horizon, such as one of a
 * database that was restored elsewhere, where transaction ids start again.
 */
export async function positionOf(
  query: Query,
  { mode, customerId, resourceTypes }: Scope,
  id: string,
): Promise<Position | undefined> {
  const [row] = await query(
    `SELECT "transaction_id" FROM "event_stores"
     WHERE "id" = $1::text AND "transaction_id" < ${horizon} AND "mode" = $2::"mode"
       AND "resource_type" = ANY ($3::text[]) AND "customer_id" = coalesce($4::text, "customer_id")`,
    [id, mode, [...resourceTypes], customerId ?? null],
  );
  return row && { transaction: BigInt(row[0] as string), id };
}
