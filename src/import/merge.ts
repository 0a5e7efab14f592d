import type pg from "pg";
import {
  aboutOf,
  type Column,
  columnOf,
  type Model,
  modelNamed,
  modelOfType,
  typeColumnOf,
} from "../graph/model/datamodel.js";
import { brokenConstraint } from "../graph/write/constraints.js";
import { completions, isFilledIn } from "./completions.js";
import { mergedColumns } from "./documents.js";
import { collectErased, collectTrails } from "./erased.js";
import { dropReference, outdatedSql, pointerOf, refuse, whyMissing } from "./issues.js";
import { type MergeStep, mergeOrder, type Reference } from "./order.js";
import { identifier, literal } from "./sql.js";

const batchSize = 5000;

/** Offset added to `seq` to defer a resource until all others of its model are merged. */
const later = 1_000_000_000_000_000n;

export interface MergeOptions {
  /** One transaction for everything, begun and ended by the caller; otherwise one for each batch. */
  strict: boolean;
  /** Columns that triggers keep are stored as stated. */
  mirror: boolean;
  /** Called after each batch, with its number of resources. */
  onBatch(count: number): Promise<void>;
}

/** Merges the staged resources into the tables of the datamodel, referenced models first. */
export async function mergeAll(client: pg.Client, options: MergeOptions): Promise<void> {
  const merge = new Merge(
    client,
    options,
    await readCatalogue(client),
    await collectErased(client, options.mirror),
    await collectTrails(client),
  );
  const { rows } = await client.query("SELECT DISTINCT model FROM import_resources");
  const steps = mergeOrder().filter(({ model }) => rows.some((row) => row.model === model.name));
  for (const step of steps) await merge.resources(step);
  for (const step of steps) for (const reference of step.deferred) await merge.deferred(step.model, reference);
}

/** SQL condition: the staged resource `s` comes with its audit trail. */
export function hasTrail(model: Model): string {
  return `EXISTS (SELECT FROM import_trails r WHERE r.id = s.id AND r.model = ${literal(model.name)})`;
}

/** SQL condition: the staged resource `s` was created by this import. */
export const isCreated = "EXISTS (SELECT FROM import_changed c WHERE c.seq = s.seq AND c.created)";

/**
 * Runs `work` with the audit and event triggers off and stated versions kept, for resources that come with their audit trail.
 * Needs a transaction.
 */
export async function unaudited(client: pg.Client, work: () => Promise<unknown>): Promise<void> {
  const configure = (audit: string, versions: string) =>
    client.query(
      "SELECT set_config('customer_graph.audit', $1, true), set_config('customer_graph.versions', $2, true)",
      [audit, versions],
    );
  await configure("off", "stated");
  await work();
  await configure("on", "");
}

/** Database metadata that the datamodel lacks. */
interface Catalogue {
  /** The default of a column, as SQL, by `table.column`. */
  readonly defaults: ReadonlyMap<string, string>;
  /** Tables whose triggers fill in columns of a new row. */
  readonly fillingTables: ReadonlySet<string>;
}

async function readCatalogue(client: pg.Client): Promise<Catalogue> {
  const defaults = await client.query(`
    SELECT a.attrelid::regclass || '.' || a.attname AS name, pg_get_expr(d.adbin, d.adrelid) AS expression
    FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
    WHERE a.attgenerated = '' AND a.attrelid::regclass::text !~ '^import_|\\.'`);
  // The bits of tgtype: for each row, before, insert.
  const filling = await client.query(
    "SELECT DISTINCT tgrelid::regclass::text AS name FROM pg_trigger WHERE NOT tgisinternal AND tgtype & 7 = 7",
  );
  return {
    defaults: new Map(defaults.rows.map(({ name, expression }) => [name, expression])),
    fillingTables: new Set(filling.rows.map(({ name }) => name)),
  };
}

/** A range of `seq`: after `from`, up to `to`. */
interface Range {
  readonly from: bigint;
  readonly to: bigint;
}

class Merge {
  constructor(
    private readonly client: pg.Client,
    private readonly options: MergeOptions,
    private readonly catalogue: Catalogue,
    /** Whether customers are erased in the database but not in the files. */
    private readonly hasErased: boolean,
    /** Models with resources that come with their audit trail. */
    private readonly modelsWithTrail: ReadonlySet<string>,
  ) {}

  async resources(step: MergeStep): Promise<void> {
    const { model } = step;
    const { fills = [] } = completions[model.name] ?? {};
    if (fills.length > 0) {
      const lacks = `NOT s."row" ?& ${textArray(fills)}`;
      await this.client.query(
        `UPDATE import_resources s SET seq = s.seq + ${later} WHERE ${ofModel(model)} AND ${lacks}`,
      );
    }
    await this.inBatches(model, (range) => this.mergeRange(step, range));
  }

  /** Sets a deferred foreign key. */
  async deferred(model: Model, reference: Reference): Promise<void> {
    await this.inBatches(model, (range) =>
      this.attempt(async () => {
        await this.dropMissing(model, reference, range);
        const column = identifier(reference.column.column);
        const updateRows = (condition: string) =>
          this.client.query(`
          WITH done AS (
            UPDATE ${identifier(model.table)} t SET ${column} = s."row"->>${literal(reference.column.column)}
            FROM import_resources s
            WHERE ${within(model, range)} AND t.id = s.id AND s."row" ? ${literal(reference.column.column)} AND ${condition}
              AND t.${column} IS DISTINCT FROM s."row"->>${literal(reference.column.column)}
            RETURNING s.seq
          ), recorded AS (INSERT INTO import_changed SELECT seq, false FROM done ON CONFLICT DO NOTHING)
          SELECT FROM done`);
        if (this.modelsWithTrail.has(model.name)) {
          await unaudited(this.client, () => updateRows(`${hasTrail(model)} AND ${isCreated}`));
        }
        await updateRows("true");
        await this.keepStatedTime(model, range);
      }),
    );
  }

  private async inBatches(model: Model, merge: (range: Range) => Promise<unknown>): Promise<void> {
    const rounds = [
      { after: 0n, until: later },
      { after: later, until: 2n * later },
    ];
    for (const { after, until } of rounds) {
      for (let from = after; ; ) {
        const { rows } = await this.client.query(
          `SELECT max(seq) AS last, count(*)::int AS count FROM (
             SELECT s.seq FROM import_resources s WHERE ${within(model, { from, to: until })} ORDER BY s.seq LIMIT ${batchSize}
           ) batch`,
        );
        const { last, count } = rows[0];
        if (last === null) break;
        const range = { from, to: BigInt(last) };
        await merge(range);
        await this.options.onBatch(count);
        from = range.to;
      }
    }
  }

  /** Merges a batch. On an unexpected constraint error it bisects the batch until the faulty row is isolated. */
  private async mergeRange(step: MergeStep, range: Range): Promise<void> {
    const { model } = step;
    try {
      await this.attempt(() => this.mergeRows(step, range));
    } catch (error) {
      if (!isFaultOfRow(error)) throw error;
      const { rows } = await this.client.query(
        `SELECT count(*)::int AS count, percentile_disc(0.5) WITHIN GROUP (ORDER BY s.seq) AS middle
         FROM import_resources s WHERE ${within(model, range)}`,
      );
      const { count, middle } = rows[0];
      if (count > 1) {
        await this.mergeRange(step, { from: range.from, to: BigInt(middle) });
        await this.mergeRange(step, { from: BigInt(middle), to: range.to });
      } else {
        const { at, reason } = explain(error, model);
        const faults = `SELECT s.seq, ${literal(at)} AS at, ${literal(reason)} AS reason FROM import_resources s WHERE ${within(model, range)}`;
        await this.client.query(refuse(within(model, range), faults));
      }
    }
  }

  /** Runs `work` in its own transaction, or in a savepoint of the single one; retries on deadlock. */
  private async attempt<T>(work: () => Promise<T>): Promise<T> {
    const [begin, commit, rollback] = this.options.strict
      ? ["SAVEPOINT batch", "RELEASE SAVEPOINT batch", "ROLLBACK TO SAVEPOINT batch; RELEASE SAVEPOINT batch"]
      : ["BEGIN", "COMMIT", "ROLLBACK"];
    for (let attempt = 1; ; attempt++) {
      await this.client.query(begin!);
      try {
        const result = await work();
        await this.client.query(commit!);
        return result;
      } catch (error) {
        await this.client.query(rollback!).catch(() => {}); // fails only if the connection is lost
        const { code } = error as { code?: string };
        if (attempt === 5 || (code !== "40P01" && code !== "40001")) throw error;
      }
    }
  }

  private async mergeRows(step: MergeStep, range: Range): Promise<void> {
    const { model, references } = step;
    await this.refuseOtherMode(model, range);
    if (this.hasErased) await this.refuseErased(step, range);
    for (const column of Object.values(model.columns)) {
      if (column.form === "regex") await this.refuseUnknownRegexes(model, column, range);
    }
    if (model.columns.updatedAt) await this.client.query(outdatedSql(model, within(model, range)));
    await this.findByAttributes(step, range);
    for (const reference of references) await this.dropMissing(model, reference, range);
    if (model.documents.attached) await this.refuseUnattached(model, range);
    await this.refuseIncomplete(model, range);
    const completion = completions[model.name];
    if (completion) await this.client.query(completion.sql(within(model, range), isNew(model)));
    for (const fields of model.unique) await this.refuseTaken(model, fields, range);
    await this.update(step, range);
    if (this.modelsWithTrail.has(model.name)) {
      await unaudited(this.client, () => this.insert(step, range, hasTrail(model)));
    }
    await this.insert(step, range);
  }

  /** Rejects resources whose id exists in another mode or type. */
  private async refuseOtherMode(model: Model, range: Range): Promise<void> {
    const where = within(model, range);
    const mismatches = (at: string, column: string, condition: string) => `
      SELECT s.seq, ${literal(at)} AS at, concat('must be ', t.${column}, ', as of the existing row with this id') AS reason
      FROM import_resources s JOIN ${identifier(model.table)} t ON t.id = s.id WHERE ${where} AND ${condition}`;
    const otherMode = mismatches("/meta/mode", "mode", "t.mode <> s.mode");
    const type = typeColumnOf(model)?.column;
    const otherType = type && mismatches("/type", type, `t.${identifier(type)}::text <> s.type`);
    await this.client.query(refuse(where, otherType ? `${otherMode} UNION ALL ${otherType}` : otherMode));
  }

  /** Rejects resources of erased customers, so that old files do not restore them; unchanged ones may stay. */
  private async refuseErased(step: MergeStep, range: Range): Promise<void> {
    const { model } = step;
    const where = within(model, range);
    const reason =
      model.name === "Customer"
        ? "was anonymized here: only a document in which it is anonymized too may change it"
        : "belongs to a customer who was anonymized here: only files in which the customer is anonymized too may create or change it";
    const faults = `
      SELECT s.seq, '' AS at, ${literal(reason)} AS reason
      FROM import_resources s JOIN import_erased e ON e.model = s.model AND e.id = s.id
      LEFT JOIN ${identifier(model.table)} o ON o.id = s.id
      CROSS JOIN LATERAL jsonb_populate_record(o, ${statedRow(step, "o")}) n
      WHERE ${where} AND (o.id IS NULL OR o IS DISTINCT FROM n)`;
    await this.client.query(refuse(where, faults));
  }

  /** Rejects regular expressions that PostgreSQL cannot compile. */
  private async refuseUnknownRegexes(model: Model, { column }: Column, range: Range): Promise<void> {
    const where = within(model, range);
    await this.client.query(
      refuse(
        where,
        `SELECT s.seq, ${literal(`/attributes/${column}`)} AS at, 'must be a valid PostgreSQL regular expression' AS reason
         FROM import_resources s WHERE ${where} AND NOT pg_temp.import_is_regex(s."row"->>${literal(column)})`,
      ),
    );
  }

  /** Resolves references by a unique attribute, for new resources without the relationship. */
  private async findByAttributes({ model, references }: MergeStep, range: Range): Promise<void> {
    for (const { key: field, to, foundBy } of Object.values(model.relations)) {
      if (!foundBy) continue;
      const { column: key, nullable } = columnOf(model, field!);
      const { table, columns } = modelNamed(to);
      const [attribute, unique] = [foundBy.attribute, columns[foundBy.unique]!.column];
      const where = `${within(model, range)} AND s."row" ? ${literal(attribute)} AND NOT s."row" ? ${literal(key)} AND ${isNew(model)}`;
      await this.client.query(
        `UPDATE import_resources s SET "row" = s."row" || jsonb_build_object(${literal(key)}, t.id)
         FROM ${identifier(table)} t WHERE ${where} AND t.mode = s.mode AND t.${identifier(unique)} = s."row"->>${literal(attribute)}`,
      );
      if (nullable && references.some(({ column }) => column.column === key)) continue;
      const faults = `
        SELECT s.seq, ${literal(`/attributes/${attribute}`)} AS at, ${literal(`must be the ${unique} of one of the ${table}`)} AS reason
        FROM import_resources s WHERE ${where}`;
      await this.client.query(refuse(where, faults));
    }
  }

  /** Handles dangling references: a required one rejects the resource, any other is dropped. */
  private async dropMissing(model: Model, { column, target }: Reference, range: Range): Promise<void> {
    const where = within(model, range);
    const id = `s."row"->>${literal(column.column)}`;
    const type = `s."row"->>${literal(`${column.column}:type`)}`;
    const typeColumn = typeColumnOf(target)?.column;
    const ofType = typeColumn
      ? `AND t.${identifier(typeColumn)}::text = coalesce(${type}, t.${identifier(typeColumn)}::text)`
      : "";
    const faults = `
      SELECT s.seq, ${literal(pointerOf(model, column))} AS at,
        ${whyMissing(`coalesce(${type}, ${literal(target.table)})`, id)} AS reason
      FROM import_resources s
      WHERE ${where} AND ${id} IS NOT NULL
        AND NOT EXISTS (SELECT FROM ${identifier(target.table)} t WHERE t.id = ${id} AND t.mode = s.mode ${ofType})`;
    await this.client.query(column.nullable ? dropReference(column.column, where, faults) : refuse(where, faults));
  }

  /** Rejects attachments without an attachable resource. */
  private async refuseUnattached(model: Model, range: Range): Promise<void> {
    const where = within(model, range);
    const { typeColumn, idColumn } = aboutOf(model)!;
    const [type, id] = [typeColumn, idColumn].map(({ column }) => `s."row"->>${literal(column)}`);
    const { rows } = await this.client.query(
      `SELECT DISTINCT ${type} AS type FROM import_resources s WHERE ${where} AND ${type} IS NOT NULL`,
    );
    for (const target of rows.map((row) => modelOfType(row.type)!)) {
      const faults = `
        SELECT s.seq, ${literal(pointerOf(model, idColumn))} AS at, ${whyMissing(type!, id!)} AS reason
        FROM import_resources s
        WHERE ${where} AND ${type} = ${literal(target.table)} AND ${id} IS NOT NULL
          AND NOT EXISTS (SELECT FROM ${identifier(target.table)} t WHERE t.id = ${id} AND t.mode = s.mode)`;
      await this.client.query(refuse(where, faults));
    }
  }

  /** Rejects new resources that lack a required column. */
  private async refuseIncomplete(model: Model, range: Range): Promise<void> {
    const where = within(model, range);
    const required = Object.values(model.columns).filter(
      ({ column, nullable, hasDefault, id }) =>
        !nullable && !hasDefault && !id && column !== "mode" && !isFilledIn(model.name, column),
    );
    if (required.length === 0) return;
    const values = required.map((column) => `(${literal(column.column)}, ${literal(pointerOf(model, column))})`);
    const faults = `
      SELECT DISTINCT s.seq, needed.at, concat('is missing: new ', s.type, ' need it') AS reason
      FROM import_resources s CROSS JOIN (VALUES ${values.join()}) needed ("column", at)
      WHERE ${where} AND NOT s."row" ? needed."column" AND ${isNew(model)}`;
    await this.client.query(refuse(where, faults));
  }

  /**
   * Rejects unique values that another row holds. In the first round it defers them instead, because the holder may release its
   * value later in the files.
   */
  private async refuseTaken(model: Model, fields: readonly string[], range: Range): Promise<void> {
    const where = within(model, range);
    const columns = fields.map((field) => model.columns[field]!).filter(({ column }) => column !== "mode");
    // In a composite key null is a value; omitted attributes keep their value.
    const hasNullablePart = columns.length > 1 && columns.some(({ nullable }) => nullable);
    const values = columns.map(({ column }) => {
      const stated = `s."row"->>${literal(column)}`;
      return hasNullablePart
        ? `CASE WHEN s."row" ? ${literal(column)} THEN ${stated} ELSE o.${identifier(column)} END`
        : stated;
    });
    const needed = hasNullablePart ? [`s."row" ?| ${textArray(columns.map(({ column }) => column))}`] : [];
    needed.push(
      ...values.filter((_, i) => !hasNullablePart || !columns[i]!.nullable).map((value) => `${value} IS NOT NULL`),
    );
    const rows = `import_resources s${hasNullablePart ? ` LEFT JOIN ${identifier(model.table)} o ON o.id = s.id` : ""}`;
    const equalities = columns.map(({ column, nullable }, i) => {
      const operator = hasNullablePart && nullable ? "IS NOT DISTINCT FROM" : "=";
      return `holder.${identifier(column)} ${operator} ${values[i]}`;
    });
    const taken = `
      SELECT s.seq, coalesce(holder.id, first.id) AS by
      FROM ${rows}
      JOIN (
        SELECT s.seq, first_value(s.id) OVER (PARTITION BY s.mode, ${values.join()} ORDER BY s.seq) AS id
        FROM ${rows} WHERE ${where} AND ${needed.join(" AND ")}
      ) first ON first.seq = s.seq
      LEFT JOIN ${identifier(model.table)} holder
        ON holder.mode = s.mode AND holder.id <> s.id AND ${equalities.join(" AND ")}
      WHERE ${where} AND (holder.id IS NOT NULL OR first.id <> s.id)`;
    if (range.to < later) {
      await this.client.query(
        `UPDATE import_resources s SET seq = s.seq + ${later} FROM (${taken}) taken WHERE ${where} AND s.seq = taken.seq`,
      );
    } else {
      const faults = `
        SELECT taken.seq, ${literal(pointerOf(model, hasNullablePart ? columns.find(({ nullable }) => !nullable)! : columns.at(-1)!))} AS at,
          concat('is already taken by ', ${literal(model.table)}, ' ', taken.by) AS reason
        FROM (${taken}) taken`;
      await this.client.query(refuse(where, faults));
    }
  }

  /** Updates only rows that differ from the document. */
  private async update(step: MergeStep, range: Range, condition = "true"): Promise<void> {
    const { model } = step;
    const table = identifier(model.table);
    const stated = `
      import_resources s JOIN ${table} o ON o.id = s.id
      CROSS JOIN LATERAL jsonb_populate_record(o, ${statedRow(step, "o")}) n
      WHERE ${within(model, range)} AND o IS DISTINCT FROM n AND ${condition}`;
    // Locks the rows first, so that columns that are not stated keep concurrent updates.
    const changed = await this.client.query(`SELECT 1 FROM ${stated} ORDER BY o.id FOR NO KEY UPDATE OF o`);
    if (changed.rowCount === 0) return;
    const columns = writtenColumns(step, this.options.mirror)
      .filter(({ column }) => column !== "version")
      .map(({ column }) => identifier(column));
    await this.client.query(`
      WITH done AS (
        UPDATE ${table} t SET ${columns.map((column) => `${column} = n.${column}`).join()}
        FROM ${stated} AND t.id = o.id
        RETURNING s.seq
      )
      INSERT INTO import_changed SELECT seq, false FROM done ON CONFLICT DO NOTHING`);
    await this.keepStatedTime(model, range);
  }

  private async insert(step: MergeStep, range: Range, condition = "true"): Promise<void> {
    const { model } = step;
    const table = identifier(model.table);
    const columns = writtenColumns(step, this.options.mirror);
    const values = columns.map((column) => {
      const value = `n.${identifier(column.column)}`;
      const preset = this.catalogue.defaults.get(`${model.table}.${column.column}`);
      return preset && !column.nullable ? `coalesce(${value}, ${preset})` : value;
    });
    const { rowCount } = await this.client.query(`
      WITH done AS (
        INSERT INTO ${table} (id, mode, ${columns.map(({ column }) => identifier(column)).join()})
        SELECT s.id, s.mode, ${values.join()}
        FROM import_resources s CROSS JOIN LATERAL jsonb_populate_record(NULL::${table}, ${statedRow(step)}) n
        WHERE ${within(model, range)} AND ${condition} AND ${isNew(model)}
        ORDER BY s.seq
        RETURNING id
      )
      INSERT INTO import_changed
      SELECT s.seq, true FROM done JOIN import_resources s ON s.id = done.id WHERE ${within(model, range)}
      RETURNING 1`);
    // Values filled in by triggers stay, unless the document sets null.
    if (rowCount && this.catalogue.fillingTables.has(model.table)) {
      await this.update(step, range, `${condition} AND jsonb_path_exists(s."row", '$.* ? (@ == null)')`);
    }
  }

  /** The touch trigger sets `updated_at` to now; the document's time is set afterwards. */
  private async keepStatedTime(model: Model, range: Range): Promise<void> {
    await this.client.query(`
      UPDATE ${identifier(model.table)} t SET updated_at = (s."row"->>'updated_at')::timestamptz
      FROM import_resources s
      WHERE ${within(model, range)} AND t.id = s.id AND s."row" ? 'updated_at'
        AND t.updated_at <> (s."row"->>'updated_at')::timestamptz`);
  }
}

/** SQL condition on `s`: the staged resources of a model. */
function ofModel(model: Model): string {
  return `s.model = ${literal(model.name)}`;
}

function within(model: Model, { from, to }: Range): string {
  return `${ofModel(model)} AND s.seq > ${from} AND s.seq <= ${to}`;
}

function isNew(model: Model): string {
  return `NOT EXISTS (SELECT FROM ${identifier(model.table)} e WHERE e.id = s.id)`;
}

function textArray(texts: readonly string[]): string {
  return `ARRAY[${texts.map(literal).join()}]::text[]`;
}

/** The columns written in the first pass, besides id and mode. */
function writtenColumns({ model, deferred }: MergeStep, mirror: boolean): Column[] {
  const deferredColumns = new Set(deferred.map(({ column }) => column));
  const columns: Column[] = Object.values(model.columns).filter(
    ({ column, counted }) => column !== "mode" && (mirror || !counted),
  );
  // Internal columns, such as the customer of an audit entry, which may be stored nowhere else.
  for (const { column, type } of Object.values(model.documents.meta)) {
    if (!columns.some((other) => other.column === column)) columns.push({ column, type, nullable: true });
  }
  return columns.filter(
    (column) => !column.id && (!column.derived || (mirror && column.counted)) && !deferredColumns.has(column),
  );
}

/** jsonb of the stated values of a row, without deferred ones. `old` is the existing row, if any. */
function statedRow({ model, deferred }: MergeStep, old?: string): string {
  let row = `s."row"`;
  if (deferred.length > 0) row = `(${row} - ${textArray(deferred.map(({ column }) => column.column))})`;
  if (!old) return row;
  // An existing row keeps counting its own version.
  row = `(${row} - 'version')`;
  for (const column of mergedColumns(model)) {
    const merged = `jsonb_build_object(${literal(column)}, ${old}.${identifier(column)} || (s."row"->${literal(column)}))`;
    row = `(${row} || CASE WHEN s."row" ? ${literal(column)} THEN ${merged} ELSE '{}' END)`;
  }
  return row;
}

/** SQLSTATEs caused by a row's values: data exceptions and constraint violations. */
function isFaultOfRow(error: unknown): boolean {
  const { code = "" } = error as { code?: string };
  return code.startsWith("22") || code.startsWith("23");
}

/** The reason why PostgreSQL rejected a row, without its message, which may quote personal data. */
function explain(error: unknown, model: Model): { at: string; reason: string } {
  const { code, constraint = "", column: name } = error as pg.DatabaseError;
  const broken = brokenConstraint(error);
  const field = broken?.model === model ? broken.field : undefined;
  const column = field
    ? model.columns[field]
    : Object.values(model.columns).find((candidate) => candidate.column === name);
  const at = column ? pointerOf(model, column) : "";
  switch (code) {
    case "23502":
      return { at, reason: "is missing" };
    case "23503":
      return { at, reason: "refers to a row that does not exist" };
    case "23505":
      return { at, reason: `is already taken by another row of ${model.table} (${constraint})` };
    case "23514":
      return { at, reason: broken?.message ?? `breaks the rule ${constraint}` };
    case "22003":
      return { at, reason: "has numbers whose sum or product is beyond 2147483647" };
    default:
      return { at, reason: `was rejected by PostgreSQL (error ${code})` };
  }
}
