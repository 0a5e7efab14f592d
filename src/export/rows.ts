import type pg from "pg";
import { abouts, owned, rowsOfCustomers } from "../erasure/customer-rows.js";
import { type Resource, shapeOf, shopKeysOf } from "../erasure/resource.js";
import {
  aboutOf,
  auditTrail,
  columnOf,
  isShared,
  type Model,
  type ModelName,
  models,
  relationOf,
} from "../graph/model/datamodel.js";
import type { Parameters } from "../graph/sql/parameters.js";
import { knownTypes, type Mode } from "../import/resource.js";

/** SQL conditions on customers `t`, joined by AND, with their parameters. */
export interface CustomerFilter {
  readonly conditions: readonly string[];
  readonly parameters: Parameters;
}

/** Consecutive rows of one model, ordered by id. */
export interface Batch {
  readonly rows: readonly Record<string, unknown>[];
  readonly resources: readonly Resource[];
  readonly last: string;
}

const batchRows = 500;

/** Models that the import can read, in datamodel order: customers first. */
export const exportedModels: readonly Model[] = [...models.values()].filter((model) =>
  [...knownTypes.values()].some((known) => known.model === model),
);

/** SQL subquery: the ids of the selected customers. */
const customers = "(SELECT c.id FROM export_rows c WHERE c.model = 'Customer')";
const tables = exportedModels.map(({ name, table }) => `('${name}', '${table}')`).join();
/** SQL: types and ids of selected rows, and of deleted rows of the selected customers. */
const present = `SELECT m.type, r.id FROM (VALUES ${tables}) m (model, type) JOIN export_rows r ON r.model = m.model`;
const gone = `SELECT d."resource_type" AS type, d."resource_id" AS id FROM "${auditTrail.table}" d
  WHERE d."customer_id" IN ${customers} AND d."event" = 'destroy'`;

/**
 * The rows of one mode, or those of some customers, what is about them and what they refer to. Read in one transaction,
 * which sees one moment.
 */
export class ExportedRows {
  private isFiltered = false;

  constructor(
    private readonly client: pg.Client,
    private readonly mode: Mode,
  ) {}

  /** Begins the transaction. The temporary table comes first, because the transaction is read-only. */
  async begin(): Promise<void> {
    await this.client.query(`
      CREATE TEMP TABLE export_rows (
        model text NOT NULL, id text COLLATE "C" NOT NULL, PRIMARY KEY (model, id)
      );
      SET jit = off; SET work_mem = '64MB'`);
    await this.client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  }

  /** Limits the export to some customers, their rows, the shop's rows that these refer to, and rows about any of them. */
  async select({ conditions, parameters }: CustomerFilter): Promise<void> {
    this.isFiltered = true;
    await this.client.query(
      `INSERT INTO export_rows SELECT 'Customer', t."id" FROM "customers" t
       WHERE ${conditions.map((condition) => `(${condition})`).join(" AND ")}`,
      parameters.values,
    );
    await this.client.query("ANALYZE export_rows");
    for (const { name, table } of owned) {
      if (name !== "Customer")
        await this.add(name, `SELECT t."id" FROM "${table}" t WHERE ${rowsOfCustomers(name, customers)}`);
    }
    while ((await this.addReferredTo()) > 0) {}
    await this.client.query("ANALYZE export_rows");
    while ((await this.addAbout()) > 0) {}
    await this.addTrail();
    await this.client.query("ANALYZE export_rows");
  }

  private async add(name: ModelName, found: string): Promise<number> {
    const { rowCount } = await this.client.query(
      `INSERT INTO export_rows SELECT '${name}', x.id FROM (${found}) x (id) ON CONFLICT DO NOTHING`,
    );
    return rowCount ?? 0;
  }

  /** Adds rows of the shop referenced by foreign keys and tags. Returns the number of new rows. */
  private async addReferredTo(): Promise<number> {
    let added = 0;
    for (const model of exportedModels) {
      const { name, table, relations } = model;
      const own = `JOIN export_rows r ON r.model = '${name}' AND r.id =`;
      for (const { column, to } of shopKeysOf(model)) {
        const found = `SELECT DISTINCT t."${column}" FROM "${table}" t ${own} t."id" WHERE t."${column}" IS NOT NULL`;
        added += await this.add(to, found);
      }
      const tags = relations.tags?.through;
      if (!tags) continue;
      added += await this.add("Tag", `SELECT DISTINCT l."${tags.to}" FROM "${tags.table}" l ${own} l."${tags.from}"`);
    }
    return added;
  }

  /** Adds attachments and events of selected rows and of deleted ones. Returns the number of new rows. */
  private async addAbout(): Promise<number> {
    let added = 0;
    for (const model of abouts.filter((one) => exportedModels.includes(one))) {
      const about = aboutOf(model);
      if (about) {
        const isAbout = `t."${about.idColumn.column}" = x.id AND t."${about.typeColumn.column}" = x.type`;
        added += await this.add(
          model.name,
          `SELECT t."id" FROM (${present} UNION ${gone}) x JOIN "${model.table}" t ON ${isAbout}`,
        );
        continue;
      }
      for (const owner of model.owners!) {
        const { to, key } = relationOf(model, owner);
        const column = columnOf(model, key!).column;
        const found = `SELECT t."id" FROM export_rows r JOIN "${model.table}" t ON t."${column}" = r.id WHERE r.model = '${to}'`;
        added += await this.add(model.name, found);
      }
    }
    return added;
  }

  /** Adds the audit entries of selected rows, without those of other customers. */
  private async addTrail(): Promise<void> {
    const { name, table } = auditTrail;
    const isAbout = 't."resource_id" = x.id AND t."resource_type" = x.type';
    const from = `t."payload" -> 'customer_id' ->> 'from' IN ${customers}`;
    const shared = owned.filter(isShared).map((model) => `'${model.table}'`);
    await this.add(name, `SELECT t."id" FROM "${table}" t WHERE t."customer_id" IN ${customers} OR ${from}`);
    await this.add(
      name,
      `SELECT t."id" FROM (${present}) x JOIN "${table}" t ON ${isAbout}
       WHERE t."customer_id" IS NULL OR t."customer_id" IN ${customers} OR ${from}`,
    );
    await this.add(
      name,
      `SELECT t."id" FROM (${gone} UNION SELECT e."resource_type", e."resource_id" FROM "${table}" e
         WHERE e."customer_id" IN ${customers} AND e."resource_type" IN (${shared.join()})) x
       JOIN "${table}" t ON ${isAbout} WHERE t."customer_id" IS NULL`,
    );
  }

  async count({ name, table }: Model): Promise<number> {
    const { rows } = this.isFiltered
      ? await this.client.query<{ count: number }>("SELECT count(*)::int AS count FROM export_rows WHERE model = $1", [
          name,
        ])
      : await this.client.query<{ count: number }>(
          `SELECT count(*)::int AS count FROM "${table}" WHERE "mode" = $1::mode`,
          [this.mode],
        );
    return rows[0]!.count;
  }

  /** Rows of a model with ids after `last`, ordered by id. Prefetches the next batch. */
  async *batches(model: Model, last: string): AsyncGenerator<Batch> {
    const { resource } = shapeOf(model.name, "copy");
    for (let pending: Promise<Record<string, unknown>[]> | undefined = this.read(model, last); pending; ) {
      const rows: Record<string, unknown>[] = await pending;
      if (rows.length === 0) return;
      const end = rows.at(-1)!.id as string;
      pending = rows.length === batchRows ? this.read(model, end) : undefined;
      pending?.catch(() => {}); // reported by the next await
      const resources = rows.map((row) => {
        const selected = row.selectedCustomers as string[] | undefined;
        return resource(row, (id) => !selected || selected.includes(id));
      });
      yield { rows, resources, last: end };
    }
  }

  private async read({ name, table }: Model, last: string): Promise<Record<string, unknown>[]> {
    const { select } = shapeOf(name, "copy");
    // An audit entry can mention two customers, one of whom is not selected.
    const kept =
      this.isFiltered && name === "EventStore"
        ? `, ARRAY(SELECT c.id FROM export_rows c WHERE c.model = 'Customer' AND c.id IN (
             t."customer_id", t."payload" -> 'customer_id' ->> 'from', t."payload" -> 'customer_id' ->> 'to')) AS "selectedCustomers"`
        : "";
    const own = this.isFiltered ? `JOIN export_rows r ON r.model = '${name}' AND r.id = t."id"` : "";
    const after = this.isFiltered ? "r.id" : `t."id"`;
    const { rows } = await this.client.query({
      text: `SELECT to_jsonb(x) FROM (SELECT ${select}${kept} FROM "${table}" t ${own}
             WHERE t."mode" = $1::mode AND ${after} > $2 ORDER BY ${after} LIMIT ${batchRows}) x`,
      values: [this.mode, last],
      rowMode: "array",
    });
    return (rows as [Record<string, unknown>][]).map(([row]) => row);
  }
}
