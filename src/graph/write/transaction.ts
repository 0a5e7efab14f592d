import type { GraphQLSchema } from "graphql";
import type { Query } from "../../database/client.js";
import { ApiError } from "../../errors.js";
import { endSessionsOf } from "../../identity/sessions.js";
import { demand, type Need, permits } from "../access/guard.js";
import type { Permission } from "../access/permission.js";
import { permissionName } from "../access/permission.js";
import { hydrate } from "../answer/loaders.js";
import type { Context } from "../context.js";
import {
  aboutOf,
  columnOf,
  type FieldOf,
  type Model,
  type ModelName,
  modelNamed,
  type RowOf,
  sqlType,
  type ValuesOf,
} from "../model/datamodel.js";
import { newId } from "../model/ids.js";
import { changedFields } from "../schema/changed-fields.js";
import { modelTypeNamed, plural } from "../schema/model.js";
import { rowsByField } from "../sql/statement.js";
import { brokenConstraint } from "./constraints.js";
import {
  type CheckedInput,
  changedMetadata,
  type InputOf,
  type MetadataInput,
  Problem,
  type Rules,
  rulesFor,
} from "./rules.js";
import {
  existed,
  InputError,
  Refusal,
  type UserError,
  UserErrorCode,
  VersionConflictError,
} from "./user-error.type.js";

/** Where an argument stands: `["input", "address", "line1"]`; positions in lists as texts. */
export type Path = readonly string[];

/** A row of any model, as an instance of its model's class. */
export type AnyRow = Record<string, unknown> & { id: string; version: number };

/** Values of any model's columns. */
type AnyValues = Record<string, unknown>;

/** Customers to lock together with a row's own, and the argument that names them. */
export interface ExtraLocks {
  customers: readonly string[];
  path: Path;
}

/**
 * One write: a transaction with the rows it has locked, and the errors it has found. Rows that the caller may not see do
 * not exist for it. Errors are gathered, so that a form learns all of them at once; `check` then ends the write.
 */
export class Write {
  readonly errors: UserError[] = [];
  /** Where the values of a table's columns come from, for errors that the database finds. */
  readonly argumentPaths = new Map<string, Path>();
  /** What is done once the transaction has ended well. */
  readonly afterCommit: (() => void)[] = [];
  /** The customers locked so far, and where the anonymization of each stands. */
  private readonly customers = new Map<string, string | null>();
  /** What the input refers to: whose it is, and the argument. They are locked before anything is written. */
  private readonly links: ExtraLocks[] = [];

  constructor(
    readonly context: Context,
    readonly query: Query,
    private readonly schema: GraphQLSchema,
    /** What the mutation says that it needs beside its own permission. */
    private readonly needs: readonly Need[] = [],
    /** Customers to lock with those of any row: to whom a row had moved when the write was tried before. */
    private readonly newOwners: Set<string> = new Set(),
  ) {}

  get viewer() {
    return this.context.viewer;
  }

  /** The time of the request. */
  now(): Date {
    return this.context.now();
  }

  /** Notes that an argument is at fault. */
  addError(code: UserErrorCode, path: Path, message: string) {
    this.errors.push(new InputError(code, [...path], message));
  }

  /** Ends the write without a permission that it needs in this case. */
  need(permission: Permission) {
    if (!this.needs.some((need) => need.permission === permission)) {
      this.context.log.error("A mutation needs a permission that it does not declare.", { permission });
    }
    demand(this.context, [permission]);
  }

  /** Ends the write if an error was found: nothing of it stays. */
  check() {
    if (this.errors.length) throw new Refusal([...this.errors]);
  }

  /** Ends the write with this error and those found before. */
  abortWith(error: UserError): never {
    throw new Refusal([...this.errors, error]);
  }

  /** Ends the write because of one argument. */
  abort(code: UserErrorCode, path: Path, message: string): never {
    return this.abortWith(new InputError(code, [...path], message));
  }

  /**
   * The values of an input under its rules: absent fields are absent, null clears. Whatever is wrong is noted; ids of
   * other resources are looked up.
   */
  async values<R extends Rules, Kind extends "create" | "update">(
    rules: R,
    input: InputOf<R>,
    kind: Kind,
    path: Path = ["input"],
  ): Promise<CheckedInput<R, Kind>> {
    const values: AnyValues = {};
    for (const [field, { required, generated, check, link, access, unique }] of rulesFor(rules, kind)) {
      const given = (input as AnyValues)[field];
      const place = [...path, field];
      if (given === undefined) {
        if (required && kind === "create") this.addError(UserErrorCode.INVALID, place, "This is needed.");
        continue;
      }
      if (access && !permits(this.viewer, access)) throw forbidden(place, access.map(permissionName));
      // A value that another has would tell of it.
      if (unique && kind === "create" && given !== null) this.need(unique);
      const value = given !== null && check ? check(given as never) : given;
      if (value instanceof Problem) this.addError(UserErrorCode.INVALID, place, value.message);
      else if (value === null) {
        // A blank text is none.
        if (given !== null && (required || generated)) {
          this.addError(UserErrorCode.INVALID, place, "This must not be blank.");
        } else if (kind === "update") {
          if (required || generated) {
            this.addError(UserErrorCode.INVALID, place, "This cannot be null; leave it out to keep it.");
          } else values[field] = null;
        } else if (required) this.addError(UserErrorCode.INVALID, place, "This is needed.");
      } else if (!link || (await this.linked(link, value as string, place))) values[field] = value;
    }
    return values as CheckedInput<R, Kind>;
  }

  /** Which one of several fields an input gives; notes an error if it gives more, or none. */
  oneOf<F extends string>(input: { [K in F]?: unknown }, fields: readonly F[], path: Path = ["input"]): F | undefined {
    const given = fields.filter((field) => input[field] !== undefined && input[field] !== null);
    if (given.length === 1) return given[0];
    const names = fields.map((field) => `\`${field}\``).join(" or ");
    this.addError(
      UserErrorCode.INVALID,
      [...path, given.at(-1) ?? fields[0]!],
      given.length ? `Give either ${names}, not several of them.` : `Give ${names}.`,
    );
    return undefined;
  }

  /**
   * Whether there is such a resource to refer to; notes an error if not. The customers whose it is are locked with those
   * of the row that is written, and if they are being erased, or were, the write ends: nobody refers to them any more.
   */
  async linked(model: ModelName, id: string, path: Path): Promise<boolean> {
    if (await this.find(model, id)) {
      const customers = await this.ownersOf(model, id);
      if (customers.length) this.links.push({ customers, path });
      return true;
    }
    this.addError(UserErrorCode.NOT_FOUND, path, `There is no ${singular(model)} with this id.`);
    return false;
  }

  /** The row with this id as far as the caller may see it, or null. */
  async find<M extends ModelName>(model: M, id: string, lock = false): Promise<RowOf<M> | null> {
    return (await this.read(model, "id", [id], lock))[0] ?? null;
  }

  /** The rows with these values in a field, as far as the caller may see them; locked in the order of their ids. */
  async findAll<M extends ModelName, F extends FieldOf<M>>(
    model: M,
    field: F,
    wanted: readonly RowOf<M>[F][],
    lock = false,
  ): Promise<RowOf<M>[]> {
    return this.read(model, field, wanted, lock);
  }

  private async read<M extends ModelName>(
    model: M,
    field: string,
    wanted: readonly unknown[],
    lock: boolean,
  ): Promise<(RowOf<M> & AnyRow)[]> {
    const type = modelTypeNamed(model);
    const { text, values } = rowsByField(type.datamodel, field, wanted, this.context.loaders.rule, lock);
    return (await this.query(text, values)).map((row) => hydrate(type, row, 0) as RowOf<M> & AnyRow);
  }

  /**
   * The row with this id, kept from changes by others until the write ends, as is the customer whom it belongs to, and
   * those of `extraLocks`: whoever gives a row to another customer names both. With `version` only in this version. Ends the
   * write if there is no such row.
   */
  async row<M extends ModelName>(
    model: M,
    id: string,
    {
      path = ["id"],
      version,
      versionPath,
      extraLocks,
    }: { path?: Path; version?: number | null; versionPath?: Path; extraLocks?: ExtraLocks } = {},
  ): Promise<RowOf<M>> {
    const isCustomer = model === "Customer";
    const absent = () => this.abort(UserErrorCode.NOT_FOUND, path, `There is no ${singular(model)} with this id.`);
    // What the caller may not see is not looked into any further: it takes no lock, and no more time than nothing.
    if (!isCustomer && !(await this.find(model, id))) return absent();
    // Customers come before what is theirs, in every write: nobody waits for each other in a circle.
    const owners = isCustomer ? [] : await this.ownersOf(model, id);
    const linked = this.links.flatMap(({ customers }) => customers);
    await this.lock([...owners, ...(extraLocks?.customers ?? []), ...linked, ...this.newOwners]);
    const [row] = await this.read(model, "id", [id], true);
    if (!row) return absent();
    const owner = isCustomer ? id : (row.customerId as string | null | undefined);
    if (isCustomer) this.customers.set(id, row.anonymizationStatus as string | null);
    else if (owner && !this.customers.has(owner)) {
      // It went to another customer while it was waited for.
      for (const customer of [...owners, owner]) this.newOwners.add(customer);
      throw new RetryTransaction();
    }
    this.abortIfErased(owner ? [owner] : owners, path);
    if (extraLocks) this.abortIfErased(extraLocks.customers, extraLocks.path);
    this.abortIfLinksErased();
    if (typeof version === "number" && row.version !== version) {
      this.abortWith(new VersionConflictError(row, version, await this.changedSince(model, row, version), versionPath));
    }
    return row;
  }

  /** Keeps customers from changes by others until the write ends. Ends the write if one of them is being erased, or was. */
  async lockOwners(ids: readonly string[], path: Path): Promise<void> {
    await this.lock(ids);
    this.abortIfErased(ids, path);
  }

  /** Makes a row; gives its id. */
  async create<M extends ModelName>(model: M, values: ValuesOf<M>, path: Path = ["input"]): Promise<string> {
    const target = modelNamed(model);
    this.argumentPaths.set(target.table, path);
    await this.lockLinks();
    const given: AnyValues = values;
    const id = (given.id as string | undefined) ?? newId(model);
    const row: AnyValues = { ...given, id, mode: this.viewer.mode };
    const fields = Object.keys(row).filter((field) => row[field] !== undefined);
    const columns = fields.map((field) => `"${columnOf(target, field).column}"`).join(", ");
    const parameters = fields.map((field, i) => `$${i + 1}::${sqlType(columnOf(target, field))}`).join(", ");
    await this.query(
      `INSERT INTO "${target.table}" (${columns}) VALUES (${parameters})`,
      fields.map((field) => parameter(target, field, row[field])),
    );
    return id;
  }

  /** Changes a row where the values differ; gives the names of the fields that do. */
  async update<M extends ModelName>(
    model: M,
    row: RowOf<M>,
    values: ValuesOf<M>,
    path: Path = ["input"],
  ): Promise<string[]> {
    const [before, after]: [AnyValues, AnyValues] = [row, values];
    const target = modelNamed(model);
    this.argumentPaths.set(target.table, path);
    const fields = Object.keys(after).filter(
      (field) => after[field] !== undefined && !same(before[field], after[field]),
    );
    if (!fields.length) return [];
    await this.lockLinks();
    const sets = fields.map((field, i) => {
      const column = columnOf(target, field);
      return `"${column.column}" = $${i + 2}::${sqlType(column)}`;
    });
    await this.query(`UPDATE "${target.table}" SET ${sets.join(", ")} WHERE "id" = $1`, [
      row.id,
      ...fields.map((field) => parameter(target, field, after[field])),
    ]);
    return fields;
  }

  /** Deletes a row, and what is attached to it. */
  async delete(model: ModelName, row: { id: string }): Promise<void> {
    const { table } = modelNamed(model);
    await this.query(`DELETE FROM "attachments" WHERE "attachable_type" = $1 AND "attachable_id" = $2`, [
      table,
      row.id,
    ]);
    await this.query(`DELETE FROM "${table}" WHERE "id" = $1`, [row.id]);
  }

  /** Ends all log-ins of a customer with the write. */
  async endSessions(customerId: string): Promise<void> {
    this.afterCommit.push(await endSessionsOf(this.context, this.query, customerId));
  }

  /** The metadata of a row after a change, as a value for `update`; undefined when there is none. */
  metadata(row: object, change: MetadataInput | null | undefined, path: Path = ["input"]) {
    if (change === undefined) return undefined;
    const place = [...path, "metadata"];
    const after = change === null ? {} : changedMetadata((row as AnyRow).metadata as Record<string, unknown>, change);
    if (!(after instanceof Problem)) return after;
    this.addError(UserErrorCode.INVALID, place, after.message);
    return undefined;
  }

  /** Does part of a write so that it can fail without the rest: undone if it ends with errors, which are given. */
  async attempt<T>(
    work: () => Promise<T>,
  ): Promise<{ result: T; errors?: undefined } | { errors: readonly UserError[] }> {
    await this.query("SAVEPOINT part", []);
    const before = this.errors.splice(0);
    const locked = new Map(this.customers);
    const { length } = this.afterCommit;
    const links = [...this.links];
    try {
      const result = await work();
      this.check();
      await this.query("RELEASE SAVEPOINT part", []);
      return { result };
    } catch (error) {
      const errors = this.asErrors(error);
      if (!errors) throw error;
      await this.query("ROLLBACK TO SAVEPOINT part", []);
      this.afterCommit.length = length;
      this.links.splice(0, this.links.length, ...links);
      this.customers.clear();
      for (const [id, status] of locked) this.customers.set(id, status);
      return { errors };
    } finally {
      this.errors.splice(0, this.errors.length, ...before);
    }
  }

  /** What a thrown error says to a form, if it is of that kind: a refusal, or a constraint of the database. */
  asErrors(error: unknown): readonly UserError[] | undefined {
    if (error instanceof Refusal) return error.errors;
    const found = constraintError(error, (table) => this.argumentPaths.get(table));
    return found && [found];
  }

  /** The ids of the customers that a row belongs to. */
  private async ownersOf(model: ModelName, id: string): Promise<string[]> {
    if (model === "Customer") return [id];
    const sql = ownersSql(modelNamed(model));
    if (!sql) return [];
    const rows = await this.query(sql, [id]);
    return (rows as [string | null][]).flatMap(([owner]) => owner ?? []);
  }

  /** Locks customers in a fixed order, those that the caller may not see included. */
  private async lock(ids: readonly string[]): Promise<void> {
    const others = [...new Set(ids)].filter((id) => !this.customers.has(id));
    if (!others.length) return;
    const rows = (await this.query(
      `SELECT "id", "anonymization_status" FROM "customers" WHERE "id" = ANY ($1::text[]) ORDER BY "id" FOR NO KEY UPDATE`,
      [others],
    )) as [string, string | null][];
    for (const [id, status] of rows) this.customers.set(id, status);
  }

  /** Locks whose the things are that the input refers to, unless it was done with the row that is written. */
  private async lockLinks(): Promise<void> {
    if (!this.links.length) return;
    await this.lock(this.links.flatMap(({ customers }) => customers));
    this.abortIfLinksErased();
  }

  /** What several customers have is no longer to be referred to when all of them are erased. */
  private abortIfLinksErased() {
    for (const { customers, path } of this.links.splice(0)) {
      if (customers.every((id) => isErased(this.customers.get(id)))) this.abortIfErased(customers, path);
    }
  }

  /** domain rule: what is being erased, or was, gets no personal data again. */
  private abortIfErased(ids: readonly string[], path: Path) {
    // A customer who is not there was deleted while it was waited for.
    if (!ids.every((id) => this.customers.has(id))) throw new RetryTransaction();
    const status = ids.map((id) => this.customers.get(id)).find(isErased);
    if (!status) return;
    const state = status === "started" ? "is being" : "has been";
    this.abort(UserErrorCode.WRONG_STATE, path, `The customer ${state} anonymized; nothing of it can be changed.`);
  }

  /** The fields that changed after a version, as far as the caller may see them; null where the audit trail has a gap, or nothing to tell. */
  private async changedSince(model: ModelName, row: AnyRow, version: number): Promise<string[] | null> {
    if (!existed(row, version)) return null;
    const target = modelNamed(model);
    const rows = (await this.query(
      `SELECT "resource_version", ARRAY(SELECT jsonb_object_keys("payload")) FROM "event_stores"
       WHERE "resource_type" = $1 AND "resource_id" = $2 AND "resource_version" > $3`,
      [target.table, row.id, version],
    )) as [number, string[]][];
    const versions = new Set(rows.map(([found]) => found));
    for (let step = version + 1; step <= row.version; step++) if (!versions.has(step)) return null;
    return changedFields(
      this.schema,
      target,
      rows.flatMap(([, keys]) => keys),
      this.viewer,
    );
  }
}

/** Has the whole write tried again, like one that PostgreSQL breaks off: rows changed hands under it. */
class RetryTransaction extends Error {
  override name = "RetryTransaction";
  readonly code = "40001";
}

const isErased = (status: string | null | undefined) => status === "started" || status === "completed";

/** Selects the ids of the customers of the row with an id, by the relations that lead to them. */
function ownersSql(model: Model, id = "$1"): string | undefined {
  const { table, columns, relations, owners = [] } = model;
  if (columns.customerId) return `SELECT "customer_id" FROM "${table}" WHERE "id" = ${id}`;
  const about = aboutOf(model);
  if (about) {
    return `SELECT customer_of("${about.typeColumn.column}", "${about.idColumn.column}") FROM "${table}" WHERE "id" = ${id}`;
  }
  const found = owners.map((relation) => {
    const { to, many, key } = relations[relation]!;
    const target = modelNamed(to);
    if (many) return `SELECT "customer_id" FROM "${target.table}" WHERE "${columnOf(target, key!).column}" = ${id}`;
    return ownersSql(target, `(SELECT "${columnOf(model, key!).column}" FROM "${table}" WHERE "id" = ${id})`);
  });
  return found.length ? found.join(" UNION ") : undefined;
}

/** What a resource of a model is called in a sentence: `customer group`. */
export function singular(model: ModelName): string {
  const words = model.replace(/(?<!^)([A-Z])/g, " $1").toLowerCase();
  const { acronym } = modelNamed(model);
  return acronym ? words.replace(acronym.toLowerCase(), acronym) : words;
}

/** A value as node-pg takes it. */
function parameter(model: Model, field: string, value: unknown): unknown {
  return columnOf(model, field).type === "Json" && value !== null ? JSON.stringify(value) : value;
}

function same(before: unknown, after: unknown): boolean {
  if (before === after) return true;
  if (before instanceof Date && after instanceof Date) return before.toJSON() === after.toJSON();
  return before !== null && after !== null && typeof before === "object" && sorted(before) === sorted(after);
}

/** JSON with its keys in order, so that equal values have equal texts. */
export function sorted(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}

function forbidden(path: Path, missing: string[]) {
  return new ApiError(
    "FORBIDDEN",
    `\`${path.join(".")}\` needs the permission ${missing.join(" or ")}; nothing was changed.`,
    { argument: path, missing },
  );
}

/** The user error behind a constraint that the database found broken; undefined for any other error. */
export function constraintError(error: unknown, placeOf: (table: string) => Path | undefined): UserError | undefined {
  const broken = brokenConstraint(error);
  if (!broken) return undefined;
  const { kind, table, model, field, words } = broken;
  const place = placeOf(table);
  if (!model) {
    if (kind !== "reference") return undefined;
    const message = "One of these tags was deleted just now; nothing was changed.";
    return new InputError(UserErrorCode.UNKNOWN_TAG, [...(place ?? [])], message);
  }
  // Named after the table that refers. If that is not where this write puts values, it is what keeps a row from going.
  if (kind === "reference" && !place) {
    const message = words ?? `There are ${plural(model.name)} that need it, so it cannot be deleted.`;
    return new InputError(UserErrorCode.IN_USE, ["id"], message);
  }
  const at = [...(place ?? ["input"]), ...(field ? [field] : [])];
  switch (kind) {
    case "unique":
      return new InputError(UserErrorCode.TAKEN, at, words ?? `Another ${singular(model.name)} has this already.`);
    case "reference":
      return new InputError(UserErrorCode.NOT_FOUND, at, "There is no such resource.");
    case "check":
      return new InputError(UserErrorCode.INVALID, at, words ?? "This value is not allowed.");
  }
}
