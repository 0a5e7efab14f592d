import DataLoader from "dataloader";
import type { ClassType } from "type-graphql";
import type { Database, Query, SqlValue } from "../../database/client.js";
import { UserInputError } from "../../errors.js";
import { visibleRows } from "../access/row-rules.js";
import type { Viewer } from "../access/viewer.js";
import { type Lists, type ModelName, modelOfId, models, type Parents, relationOf } from "../model/datamodel.js";
import { Connection, connectionOf, maximumPageSizeOf, type PageArgs, type PageResult } from "../schema/connection.js";
import { type ListArgs, listArgs } from "../schema/list-arguments.js";
import { type ModelType, modelTypeNamed, modelTypeOfRow } from "../schema/model.js";
import type { Reader } from "../schema/reader.js";
import type { Node } from "../schema/resource.type.js";
import type { Condition, RowRule } from "../sql/condition.js";
import { totalOrder } from "../sql/order.js";
import type { Page } from "../sql/page.js";
import {
  modelsOfIds,
  relatedCounts,
  relatedPages,
  rootCount,
  rootPage,
  rowsByField,
  type Statement,
  selectedFields,
} from "../sql/statement.js";

type Row = Record<string, unknown>;

/**
 * The data loaders of a request: look-ups of one tick through the same relation and arguments are batched into one
 * statement (no N+1 queries). Created per request, so that nothing is cached across callers. Rows that the viewer may not
 * see are null, or missing from lists and counts.
 */
export class Loaders implements Reader {
  private readonly loaders = new Map<string, DataLoader<never, unknown>>();
  /** Row rules of the viewer. */
  readonly rule: RowRule;
  private failure: Error | undefined;
  /** The current transaction, if any. */
  transaction: Query | undefined;

  constructor(
    private readonly database: Database,
    private readonly viewer: Viewer,
  ) {
    this.rule = (model) => visibleRows(model, viewer);
  }

  /** The row with this id, or null. */
  byId<M extends ModelName>(model: M, id: string): Promise<Row | null> {
    return this.byField(model, "id", id);
  }

  /** The row that has this value in a field which is unique in the viewer's mode, or null. */
  byField(model: ModelName, field: string, value: unknown): Promise<Row | null> {
    return this.rowLoader(modelTypeNamed(model), field).load(value);
  }

  /** The rows of a model that match a condition, `limit` at most. For look-ups by keys that may not be unique. */
  find(model: ModelName, filter: Condition, limit: number): Promise<readonly Row[]> {
    const type = modelTypeNamed(model);
    return this.rootLoader(type, pageOfFirst(type, filter, limit)).load("");
  }

  /** The row at the other end of a to-one relation, or null. */
  parent<M extends ModelName>(row: Node<M>, relation: Parents<M>): Promise<Row | null> | null {
    const { to, key } = relationOf(modelTypeOfRow(row).datamodel, relation);
    const id = (row as Node<M> & Row)[key!] as string | null;
    return id === null || id === undefined ? null : this.byId(to, id);
  }

  /** One page of a to-many relation. */
  async page<M extends ModelName>(row: Node<M>, relation: Lists<M>, args: PageArgs): Promise<Connection> {
    const owner = modelTypeOfRow(row);
    const target = modelTypeNamed(relationOf(owner.datamodel, relation).to);
    const { page, ...rest } = listArgs(target, args, maximumPageSizeOf(this.viewer));
    const count = (atMost: number | undefined) => this.countLoader(owner, relation, page.filter, atMost).load(row.id);
    const read = () => this.pageLoader(owner, relation, page).load(row.id);
    return connectionFor(target, { ...rest, page, count, read });
  }

  /** All rows of a small to-many relation, in the model's default order. */
  async all<M extends ModelName>(row: Node<M>, relation: Lists<M>, limit: number): Promise<readonly Row[]> {
    const connection = await this.page(row, relation, { first: limit });
    return connection.nodes;
  }

  /** One page of all rows of a model. */
  async rootPage(name: ModelName, args: PageArgs): Promise<Connection> {
    const type = modelTypeNamed(name);
    const { page, ...rest } = listArgs(type, args, maximumPageSizeOf(this.viewer));
    const count = (atMost: number | undefined) => this.rootCountLoader(type, page.filter, atMost).load("");
    const read = () => this.rootLoader(type, page).load("");
    return connectionFor(type, { ...rest, page, count, read });
  }

  /** The resource with this id, of any model, or null. */
  node(id: string): Promise<Row | null> {
    const known = modelOfId(id);
    if (known) return this.byId(known, id);
    const loader = this.loader<string, Row | null>("node", async (ids) => {
      const modelsById = await this.modelsOf(ids);
      return Promise.all(
        ids.map((id) => {
          const names = modelsById.get(id) ?? [];
          return names.length > 1 ? ambiguousIdError(id, names) : names[0] ? this.byId(names[0], id) : null;
        }),
      ) as Promise<(Row | null)[]>;
    });
    return loader.load(id);
  }

  /** Clears all caches, errors included, and switches to a transaction, or to none. */
  readThrough(query: Query | undefined) {
    this.loaders.clear();
    this.failure = undefined;
    this.transaction = query;
  }

  // Rows primed by a plan, under their look-up keys.

  primeRow(type: ModelType, field: string, value: unknown, row: Row | null) {
    this.rowLoader(type, field).prime(value, row);
    if (row && field !== "id") this.rowLoader(type, "id").prime(row.id, row);
  }

  primeFound(type: ModelType, filter: Condition, limit: number, rows: readonly Row[]) {
    this.rootLoader(type, pageOfFirst(type, filter, limit)).prime("", rows);
  }

  primePage(owner: ModelType, relation: string, id: string, page: Page, rows: readonly Row[]) {
    this.pageLoader(owner, relation, page).prime(id, rows);
  }

  primeCount(
    owner: ModelType,
    relation: string,
    id: string,
    filter: Condition,
    atMost: number | undefined,
    count: number,
  ) {
    this.countLoader(owner, relation, filter, atMost).prime(id, count);
  }

  primeRootPage(type: ModelType, page: Page, rows: readonly Row[]) {
    this.rootLoader(type, page).prime("", rows);
  }

  primeRootCount(type: ModelType, filter: Condition, atMost: number | undefined, count: number) {
    this.rootCountLoader(type, filter, atMost).prime("", count);
  }

  /** Makes every further look-up fail with the same error. */
  fail(error: Error) {
    this.failure = error;
  }

  private rowLoader(type: ModelType, field: string) {
    return this.loader<unknown, Row | null>(`${type.name}.${field}`, async (values) => {
      const rows = await this.rows(type, rowsByField(type.datamodel, field, values, this.rule));
      const rowsByValue = new Map(rows.map((row) => [row[field], row]));
      return values.map((value) => rowsByValue.get(value) ?? null);
    });
  }

  private pageLoader(owner: ModelType, relation: string, page: Page) {
    return this.loader<string, readonly Row[]>(key(owner, relation, page), async (ids) => {
      const target = modelTypeNamed(relationOf(owner.datamodel, relation).to);
      const groups = new Map<string, Row[]>(ids.map((id) => [id, []]));
      for (const row of await this.query(relatedPages(owner.datamodel, relation, ids, page, this.rule))) {
        groups.get(row[0] as string)!.push(hydrate(target, row, 1));
      }
      return ids.map((id) => groups.get(id)!);
    });
  }

  private countLoader(owner: ModelType, relation: string, filter: Condition, atMost: number | undefined) {
    return this.loader<string, number>(key(owner, relation, filter, "count", atMost), async (ids) => {
      const rows = await this.query(relatedCounts(owner.datamodel, relation, ids, filter, atMost, this.rule));
      const counts = new Map(rows as [string, number][]);
      return ids.map((id) => counts.get(id) ?? 0);
    });
  }

  /** Loads a page of a root list. */
  private rootLoader(type: ModelType, page: Page) {
    return this.loader<"", readonly Row[]>(key(type, "", page), async () => [
      await this.rows(type, rootPage(type.datamodel, page, this.rule)),
    ]);
  }

  private rootCountLoader(type: ModelType, filter: Condition, atMost: number | undefined) {
    return this.loader<"", number>(key(type, "", filter, "count", atMost), async () => {
      const [[total]] = (await this.query(rootCount(type.datamodel, filter, atMost, this.rule))) as [[number]];
      return [total];
    });
  }

  private async modelsOf(ids: readonly string[]): Promise<Map<string, ModelName[]>> {
    const namesById = new Map<string, ModelName[]>();
    const rows = await this.query(modelsOfIds([...models.values()], ids, this.rule));
    for (const [id, name] of rows as [string, ModelName][]) {
      namesById.set(id, [...(namesById.get(id) ?? []), name]);
    }
    return namesById;
  }

  private async rows(type: ModelType, statement: Statement): Promise<Row[]> {
    const rows = await this.query(statement);
    return rows.map((row) => hydrate(type, row, 0));
  }

  private async query({ text, values }: Statement): Promise<SqlValue[][]> {
    if (this.failure) throw this.failure;
    return (this.transaction ?? this.database.query)(text, values);
  }

  private loader<K, V>(name: string, batch: (keys: readonly K[]) => Promise<readonly (V | Error)[]>): DataLoader<K, V> {
    let loader = this.loaders.get(name) as DataLoader<K, V> | undefined;
    if (!loader) {
      loader = new DataLoader<K, V>(batch as (keys: readonly K[]) => Promise<V[]>);
      this.loaders.set(name, loader);
    }
    return loader;
  }
}

/** The first rows that match a condition. */
function pageOfFirst(type: ModelType, filter: Condition, limit: number): Page {
  // A page reads one row beyond its limit.
  return { order: totalOrder(type.datamodel, []), limit: limit - 1, offset: 0, backward: false, filter };
}

const fieldsOf = new Map<ModelType, string[]>();

/** Instantiates a row of its model's class from the values of a statement, starting at `start`. */
export function hydrate(type: ModelType, values: readonly SqlValue[], start: number): Row {
  let fields = fieldsOf.get(type);
  if (!fields) {
    fields = selectedFields(type.datamodel);
    fieldsOf.set(type, fields);
  }
  const columns: Row = {};
  for (let i = 0; i < fields.length; i++) columns[fields[i]!] = values[start + i];
  const rowType = type.rowType(columns) as ClassType<object>;
  return Object.assign(Object.create(rowType.prototype as object) as Row, columns);
}

/** Cache key of arguments: equal only for equal arguments; `undefined` counts as absent. */
function key(owner: ModelType, relation: string, ...args: unknown[]): string {
  return `${owner.name}.${relation}:${JSON.stringify(args)}`;
}

interface PageSource extends ListArgs {
  count: PageResult["count"];
  /** Reads the rows of the page, and one more to compute hasNextPage. */
  read: () => Promise<readonly Row[]>;
}

/** The connection of a page. A page of no rows, selected for its `totalCount`, is read only to compute hasNextPage. */
async function connectionFor(model: ModelType, { page, read, ...rest }: PageSource): Promise<Connection> {
  const readRows = page.limit === 0 ? undefined : await read();
  const rows = readRows?.slice(0, page.limit) ?? [];
  if (page.backward) rows.reverse();
  const more = () => (readRows ? readRows.length > page.limit : read().then(({ length }) => length > 0));
  const connection = connectionOf(model.type) as new (result: PageResult) => Connection;
  return new connection({ ...rest, model, rows, more });
}

function ambiguousIdError(id: string, names: readonly ModelName[]): Error {
  const fields = names.map((name) => `\`${name[0]!.toLowerCase()}${name.slice(1)}\``).join(" or ");
  return new UserInputError(["id"], `stands for several resources; ask ${fields} for ${JSON.stringify(id)}.`);
}
