import DataLoader from "dataloader";
import type { ClassType } from "type-graphql";
import type { Viewer } from "../access/viewer.js";
import { visibleRows } from "../access/visibility.js";
import { UserInputError } from "../errors.js";
import {
  Connection,
  connectionOf,
  maximumPageSize,
  type PageArgs,
  type PageResult,
  windowOf,
} from "../graphql/connection.js";
import { filterCondition } from "../graphql/filter-condition.js";
import { type ModelType, modelTypeNamed } from "../graphql/model.js";
import type { Node } from "../graphql/resource.type.js";
import type { Condition, RowRule } from "../plan/condition.js";
import { decodeCursor, type TotalOrder, totalOrder } from "../plan/order.js";
import {
  modelsOfIds,
  type Page,
  relatedCounts,
  relatedPages,
  rootCount,
  rootPage,
  rowsByField,
  type Statement,
  selectedFields,
} from "../plan/statement.js";
import type { Database, SqlValue } from "./client.js";
import { type Lists, type ModelName, models, type Parents, relationOf } from "./datamodel.js";

type Row = Record<string, unknown>;
type RelatedRow = Row & { id: string };

/**
 * Everything that a request reads, batched: what is asked for in one tick, through one relation with the same
 * arguments, is one statement, however many rows ask. Made anew for each request, so that no caller meets another's
 * rows. Rows the viewer may not see come back as null, or are missing from lists and counts.
 */
export class Loaders {
  private readonly loaders = new Map<string, DataLoader<never, unknown>>();
  private readonly rule: RowRule;
  /** The largest page that the viewer may ask for. */
  private readonly maximum: number;

  constructor(
    private readonly database: Database,
    viewer: Viewer,
  ) {
    this.rule = (model) => visibleRows(model, viewer);
    this.maximum = maximumPageSize[viewer.kind === "integration" ? "integration" : "others"];
  }

  /** The row with this id, or null. */
  byId<M extends ModelName>(model: M, id: string): Promise<Row | null> {
    return this.byField(model, "id", id);
  }

  /** The row that has this value in a field which is unique in the viewer's mode, or null. */
  byField(model: ModelName, field: string, value: unknown): Promise<Row | null> {
    const loader = this.loader<unknown, Row | null>(`${model}.${field}`, async (values) => {
      const type = modelTypeNamed(model);
      const rows = await this.rows(type, rowsByField(type.datamodel, field, values, this.rule));
      const found = new Map(rows.map((row) => [row[field], row]));
      return values.map((value) => found.get(value) ?? null);
    });
    return loader.load(value);
  }

  /** The rows of a model that fulfil a condition, `limit` at most. For look-ups by keys that may not be unique. */
  async find(model: ModelName, filter: Condition, limit: number): Promise<Row[]> {
    const type = modelTypeNamed(model);
    const order = totalOrder(type.datamodel, []);
    return this.rows(
      type,
      rootPage(type.datamodel, { order, limit: limit - 1, offset: 0, backward: false, filter }, this.rule),
    );
  }

  /** The row at the other end of a to-one relation, or null. */
  parent<M extends ModelName>(row: Node<M>, relation: Parents<M>): Promise<Row | null> | null {
    const { to, key } = relationOf(modelOfRow(row).datamodel, relation);
    const id = (row as unknown as Row)[key!] as string | null;
    return id === null || id === undefined ? null : this.byId(to, id);
  }

  /** One page of a to-many relation. */
  async page<M extends ModelName>(row: Node<M>, relation: Lists<M>, args: PageArgs): Promise<Connection> {
    const owner = modelOfRow(row);
    const target = modelTypeNamed(relationOf(owner.datamodel, relation).to);
    const { page, ...rest } = pageOf(target, args, this.maximum);
    const read = this.loader<string, RelatedRow[]>(key(owner, relation, page), async (ids) => {
      const { text, values } = relatedPages(owner.datamodel, relation, ids, page, this.rule);
      const groups = new Map<string, RelatedRow[]>(ids.map((id) => [id, []]));
      for (const values_ of await this.database.query(text, values)) {
        groups.get(values_[0] as string)!.push(hydrate(target, values_, 1) as RelatedRow);
      }
      return ids.map((id) => groups.get(id)!);
    });
    const count = (atMost: number | undefined) => {
      const loader = this.loader<string, number>(key(owner, relation, page.filter, "count", atMost), async (ids) => {
        const { text, values } = relatedCounts(owner.datamodel, relation, ids, page.filter, atMost, this.rule);
        const counts = new Map((await this.database.query(text, values)) as [string, number][]);
        return ids.map((id) => counts.get(id) ?? 0);
      });
      return loader.load(row.id);
    };
    return connect(target, { ...rest, page, count, read: () => read.load(row.id) });
  }

  /** All rows of a small to-many relation, in the model's default order. */
  async all<M extends ModelName>(row: Node<M>, relation: Lists<M>, limit: number): Promise<readonly Row[]> {
    const connection = await this.page(row, relation, { first: limit });
    return connection.nodes;
  }

  /** One page of all rows of a model. */
  async rootPage(name: ModelName, args: PageArgs): Promise<Connection> {
    const type = modelTypeNamed(name);
    const { page, ...rest } = pageOf(type, args, this.maximum);
    const count = async (atMost: number | undefined) => {
      const { text, values } = rootCount(type.datamodel, page.filter, atMost, this.rule);
      const [[total]] = (await this.database.query(text, values)) as [[number]];
      return total;
    };
    const read = () => this.rows(type, rootPage(type.datamodel, page, this.rule));
    return connect(type, { ...rest, page, count, read });
  }

  /** The resource with this id, of whatever model, or null. */
  node(id: string): Promise<Row | null> {
    const known = modelOfPrefix(id);
    if (known) return this.byId(known, id);
    const loader = this.loader<string, Row | null>("node", async (ids) => {
      const found = await this.modelsOf(ids);
      return Promise.all(
        ids.map((id) => {
          const names = found.get(id) ?? [];
          return names.length > 1 ? ambiguous(id, names) : names[0] ? this.byId(names[0], id) : null;
        }),
      ) as Promise<(Row | null)[]>;
    });
    return loader.load(id);
  }

  /** Replaces what this request knows of a row that it has just changed, and forgets its relations. */
  refresh(model: ModelName, id: string) {
    for (const [name, loader] of this.loaders) {
      if (name === `${model}.id`) loader.clear(id as never);
      else if (!name.endsWith(".id")) this.loaders.delete(name);
    }
  }

  private async modelsOf(ids: readonly string[]): Promise<Map<string, ModelName[]>> {
    const { text, values } = modelsOfIds([...models.values()], ids, this.rule);
    const found = new Map<string, ModelName[]>();
    for (const [id, name] of (await this.database.query(text, values)) as [string, ModelName][]) {
      found.set(id, [...(found.get(id) ?? []), name]);
    }
    return found;
  }

  private async rows(type: ModelType, { text, values }: Statement): Promise<Row[]> {
    const rows = await this.database.query(text, values);
    return rows.map((row) => hydrate(type, row, 0));
  }

  private loader<K, V>(name: string, batch: (keys: readonly K[]) => Promise<readonly (V | Error)[]>): DataLoader<K, V> {
    let loader = this.loaders.get(name) as DataLoader<K, V> | undefined;
    if (!loader) {
      loader = new DataLoader<K, V>(batch as (keys: readonly K[]) => Promise<V[]>);
      this.loaders.set(name, loader as never);
    }
    return loader;
  }
}

const typesByRow = new WeakMap<object, ModelType>();

/** The model whose row this is. Rows of an abstract model have several classes. */
function modelOfRow(row: object): ModelType {
  const type = typesByRow.get(row.constructor);
  if (!type) throw new Error(`${row.constructor.name} is no row of a model`);
  return type;
}

const fieldsOf = new Map<ModelType, string[]>();

/** Makes a row of a statement's values from `start` on: an instance of the model's class, or of the class of its kind. */
function hydrate(type: ModelType, values: readonly SqlValue[], start: number): Row {
  let fields = fieldsOf.get(type);
  if (!fields) {
    fields = selectedFields(type.datamodel);
    fieldsOf.set(type, fields);
  }
  const columns: Row = {};
  for (let i = 0; i < fields.length; i++) columns[fields[i]!] = values[start + i];
  const rowType = type.rowType(columns) as ClassType<object>;
  if (!typesByRow.has(rowType)) typesByRow.set(rowType, type);
  return Object.assign(Object.create(rowType.prototype as object) as Row, columns);
}

/** An exact key of arguments; `undefined` is left out, everything else is told apart. */
function key(owner: ModelType, relation: string, ...parts: unknown[]): string {
  return `${owner.name}.${relation}:${JSON.stringify(parts)}`;
}

function pageOf(type: ModelType, args: PageArgs, maximum: number) {
  const window = windowOf(args, maximum);
  if (args.orderBy?.length === 0) throw new UserInputError(["orderBy"], "must not be empty; leave it out.");
  const order = totalOrder(type.datamodel, args.orderBy ?? type.defaultOrder);
  const page: Page = {
    order,
    limit: window.limit,
    offset: window.offset,
    backward: window.backward,
    after: window.cursor && decodeCursor(window.cursor.value, window.cursor.argument, order, type.datamodel),
    filter: filterCondition(type, args.filter),
  };
  return { window, order, page };
}

interface Reading {
  page: Page;
  window: PageResult["window"];
  order: TotalOrder;
  count: PageResult["count"];
  /** Reads the page's rows and, if there is one, the row beyond. */
  read: () => Promise<readonly Row[]>;
}

/** The connection of a page. A page of no rows, there for its `totalCount`, is read only to learn what it lies before. */
async function connect(model: ModelType, { page, read, ...rest }: Reading): Promise<Connection> {
  const found = page.limit === 0 ? undefined : await read();
  const rows = found?.slice(0, page.limit) ?? [];
  if (page.backward) rows.reverse();
  const more = () => (found ? found.length > page.limit : read().then((beyond) => beyond.length > 0));
  const connection = connectionOf(model.type) as unknown as new (result: PageResult) => Connection;
  return new connection({ ...rest, model, rows, more });
}

function modelOfPrefix(id: string): ModelName | undefined {
  const prefix = /^([a-z]{3})_/.exec(id)?.[1];
  return prefix ? [...models.values()].find((model) => model.prefix === prefix)?.name : undefined;
}

function ambiguous(id: string, names: readonly ModelName[]): Error {
  const fields = names.map((name) => `\`${name[0]!.toLowerCase()}${name.slice(1)}\``).join(" or ");
  return new UserInputError(["id"], `stands for several resources; ask ${fields} for ${JSON.stringify(id)}.`);
}
