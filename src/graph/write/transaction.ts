import type { GraphQLSchema } from "graphql";
import type { Query } from "../../database/client.js";
import { ApiError } from "../../errors.js";
import { demand, type Need, permits } from "../access/guard.js";
import type { Permission } from "../access/permission.js";
import { permissionName } from "../access/permission.js";
import { hydrate } from "../answer/loaders.js";
import type { Context } from "../context.js";
import {
  aboutOf,
  auditTrail,
  columnOf,
  dataSubject,
  type FieldOf,
  isShared,
  type Model,
  type ModelName,
  modelNamed,
  models,
  ownerField,
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
  hadVersion,
  InputError,
  Refusal,
  type UserError,
  UserErrorCode,
  VersionConflictError,
} from "./user-error.type.js";

/** Argument path: `["input", "address", "line1"]`; list positions are strings. */
export type Path = readonly string[];

/** A row of any model, as an instance of its model's class. */
export type AnyRow = Record<string, unknown> & { id: string; version: number };

/** Values of any model's columns. */
type AnyValues = Record<string, unknown>;

/** Owners to lock together with those of the written row, and the argument that names them. */
export interface ExtraLocks {
  owners: readonly string[];
  path: Path;
}

/**
 * A write: a transaction with its locked rows and user errors. Rows that the caller may not see do not exist for it.
 * Errors are collected, so that a form can show all of them at once; `check` then aborts. The owners of a row are the
 * data subjects it belongs to: they are locked before the row.
 */
export class Write {
  readonly errors: UserError[] = [];
  /** Argument paths by table and column, for violated constraints. */
  readonly argumentPaths = new Map<string, Path>();
  /** Callbacks that run after COMMIT. */
  readonly afterCommit: (() => void)[] = [];
  /** Locked owners, with their erasure status. */
  private readonly owners = new Map<string, string | null>();
  /** Owners of the rows that the input refers to: locked before anything is written. */
  private readonly links: ExtraLocks[] = [];

  constructor(
    readonly context: Context,
    readonly query: Query,
    private readonly schema: GraphQLSchema,
    /** Additional permissions that the mutation declares. */
    private readonly needs: readonly Need[] = [],
    /** Additional owners to lock: those of rows that changed owner during an earlier attempt. */
    private readonly newOwners: Set<string> = new Set(),
  ) {}

  get viewer() {
    return this.context.viewer;
  }

  /** The time of the request. */
  now(): Date {
    return this.context.now();
  }

  /** Adds an error about an argument. */
  addError(code: UserErrorCode, path: Path, message: string) {
    this.errors.push(new InputError(code, [...path], message));
  }

  /** Aborts if the caller lacks a permission that the write needs in this case. */
  need(permission: Permission) {
    if (!this.needs.some((need) => need.permission === permission)) {
      this.context.log.error("A mutation needs a permission that it does not declare.", { permission });
    }
    demand(this.context, [permission]);
  }

  /** Aborts if an error was added: everything is rolled back. */
  check() {
    if (this.errors.length) throw new Refusal([...this.errors]);
  }

  /** Aborts with this error and those added before. */
  abortWith(error: UserError): never {
    throw new Refusal([...this.errors, error]);
  }

  /** Aborts because of one argument. */
  abort(code: UserErrorCode, path: Path, message: string): never {
    return this.abortWith(new InputError(code, [...path], message));
  }

  /**
   * Validates an input by its rules. Omitted fields are omitted from the result; null clears. Ids of other resources
   * must exist.
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
      const argumentPath = [...path, field];
      if (given === undefined) {
        if (required && kind === "create") this.addError(UserErrorCode.INVALID, argumentPath, "This is needed.");
        continue;
      }
      if (access && !permits(this.viewer, access)) throw forbidden(argumentPath, access.map(permissionName));
      // `TAKEN` would reveal the other resource.
      if (unique && kind === "create" && given !== null) this.need(unique);
      const value = given !== null && check ? check(given) : given;
      if (value instanceof Problem) this.addError(UserErrorCode.INVALID, argumentPath, value.message);
      else if (value === null) {
        // A blank text counts as null.
        if (given !== null && (required || generated)) {
          this.addError(UserErrorCode.INVALID, argumentPath, "This must not be blank.");
        } else if (kind === "update") {
          if (required || generated) {
            this.addError(UserErrorCode.INVALID, argumentPath, "This cannot be null; leave it out to keep it.");
          } else values[field] = null;
        } else if (required) this.addError(UserErrorCode.INVALID, argumentPath, "This is needed.");
      } else if (!link || (await this.linked(link, value as string, argumentPath))) values[field] = value;
    }
    return values as CheckedInput<R, Kind>;
  }

  /** The one field that is given; adds an error unless exactly one is. */
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
   * Whether the input may refer to this resource; adds an error if it does not exist. Its owners are locked with those
   * of the written row, and the write aborts if their erasure has begun.
   */
  async linked(model: ModelName, id: string, path: Path): Promise<boolean> {
    if (await this.find(model, id)) {
      const owners = await this.ownersOf(model, id);
      if (owners.length) this.links.push({ owners, path });
      return true;
    }
    this.addError(UserErrorCode.NOT_FOUND, path, `There is no ${singular(model)} with this id.`);
    return false;
  }

  /** The row with this id, or null if the caller may not see it. */
  async find<M extends ModelName>(model: M, id: string, lock = false): Promise<RowOf<M> | null> {
    return (await this.read(model, "id", [id], lock))[0] ?? null;
  }

  /** The visible rows with these values in a field; `lock` locks them in the order of their ids. */
  async findAll<M extends ModelName, F extends FieldOf<M>>(
    model: M,
    field: F,
    values: readonly RowOf<M>[F][],
    lock = false,
  ): Promise<RowOf<M>[]> {
    return this.read(model, field, values, lock);
  }

  private async read<M extends ModelName>(
    model: M,
    field: string,
    fieldValues: readonly unknown[],
    lock: boolean,
  ): Promise<(RowOf<M> & AnyRow)[]> {
    const type = modelTypeNamed(model);
    const { text, values } = rowsByField(type.datamodel, field, fieldValues, this.context.loaders.rule, lock);
    return (await this.query(text, values)).map((row) => hydrate(type, row, 0) as RowOf<M> & AnyRow);
  }

  /**
   * Locks the row with this id until the write ends, together with its owners and those of `extraLocks`, the new owners
   * of a row that changes owner. Aborts if the row does not exist, or is not at `version`.
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
    const isOwner = model === dataSubject.name;
    const abortNotFound = () =>
      this.abort(UserErrorCode.NOT_FOUND, path, `There is no ${singular(model)} with this id.`);
    // A hidden row is not locked, and takes no more time than one that does not exist.
    if (!isOwner && !(await this.find(model, id))) return abortNotFound();
    // Lock order against deadlocks: owners before their rows.
    const owners = isOwner ? [] : await this.ownersOf(model, id);
    const linked = this.links.flatMap((link) => link.owners);
    await this.lock([...owners, ...(extraLocks?.owners ?? []), ...linked, ...this.newOwners]);
    const [row] = await this.read(model, "id", [id], true);
    if (!row) return abortNotFound();
    const ownerKey = ownerField(modelNamed(model));
    const owner = isOwner ? id : ownerKey && (row[ownerKey] as string | null);
    if (isOwner) this.owners.set(id, row[erasure.field] as string | null);
    else if (owner && !this.owners.has(owner)) {
      for (const ownerId of [...owners, owner]) this.newOwners.add(ownerId);
      throw new RetryTransaction();
    }
    this.abortIfErased(owner ? [owner] : owners, path);
    if (extraLocks) this.abortIfErased(extraLocks.owners, extraLocks.path);
    this.abortIfLinksErased();
    if (typeof version === "number" && row.version !== version) {
      this.abortWith(new VersionConflictError(row, version, await this.changedSince(model, row, version), versionPath));
    }
    return row;
  }

  /** Locks data subjects. Aborts if the erasure of one has begun. */
  async lockOwners(ids: readonly string[], path: Path): Promise<void> {
    await this.lock(ids);
    this.abortIfErased(ids, path);
  }

  /** Inserts a row and returns its id. */
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

  /** Updates the fields of a row whose values differ, and returns their names. */
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
      (field) => after[field] !== undefined && !isEqual(before[field], after[field]),
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

  /** Deletes a row, and the rows about it. */
  async delete(model: ModelName, { id }: { id: string }): Promise<void> {
    await deleteAbout(this.query, model, [id]);
    await this.query(`DELETE FROM "${modelNamed(model).table}" WHERE "id" = $1`, [id]);
  }

  /** The changed metadata of a row, as a value for `update`; undefined if unchanged. */
  metadata(row: object, change: MetadataInput | null | undefined, path: Path = ["input"]) {
    if (change === undefined) return undefined;
    const argumentPath = [...path, "metadata"];
    const after = change === null ? {} : changedMetadata((row as AnyRow).metadata as Record<string, unknown>, change);
    if (!(after instanceof Problem)) return after;
    this.addError(UserErrorCode.INVALID, argumentPath, after.message);
    return undefined;
  }

  /** Runs a part of a write in a savepoint: rolled back if there are errors, which are returned. */
  async attempt<T>(
    work: () => Promise<T>,
  ): Promise<{ result: T; errors?: undefined } | { errors: readonly UserError[] }> {
    await this.query("SAVEPOINT part", []);
    const errorsBefore = this.errors.splice(0);
    const ownersBefore = new Map(this.owners);
    const { length: callbacksBefore } = this.afterCommit;
    const linksBefore = [...this.links];
    try {
      const result = await work();
      this.check();
      await this.query("RELEASE SAVEPOINT part", []);
      return { result };
    } catch (error) {
      const errors = this.asErrors(error);
      if (!errors) throw error;
      await this.query("ROLLBACK TO SAVEPOINT part", []);
      this.afterCommit.length = callbacksBefore;
      this.links.splice(0, this.links.length, ...linksBefore);
      this.owners.clear();
      for (const [id, status] of ownersBefore) this.owners.set(id, status);
      return { errors };
    } finally {
      this.errors.splice(0, this.errors.length, ...errorsBefore);
    }
  }

  /** The user errors behind a thrown error: an aborted write or a violated constraint; undefined for any other. */
  asErrors(error: unknown): readonly UserError[] | undefined {
    if (error instanceof Refusal) return error.errors;
    const userError = constraintError(error, (table) => this.argumentPaths.get(table));
    return userError && [userError];
  }

  /** The ids of the data subjects that a row belongs to. */
  private async ownersOf(model: ModelName, id: string): Promise<string[]> {
    if (model === dataSubject.name) return [id];
    const sql = ownersSql(modelNamed(model));
    if (!sql) return [];
    const rows = await this.query(sql, [id]);
    return (rows as [string | null][]).flatMap(([owner]) => owner ?? []);
  }

  /** Locks data subjects in the order of their ids, including those hidden from the caller. */
  private async lock(ids: readonly string[]): Promise<void> {
    const unlocked = [...new Set(ids)].filter((id) => !this.owners.has(id));
    if (!unlocked.length) return;
    const rows = (await this.query(
      `SELECT "id", "${columnOf(dataSubject, erasure.field).column}" FROM "${dataSubject.table}"
       WHERE "id" = ANY ($1::text[]) ORDER BY "id" FOR NO KEY UPDATE`,
      [unlocked],
    )) as [string, string | null][];
    for (const [id, status] of rows) this.owners.set(id, status);
  }

  /** Locks the owners of rows that the input refers to, unless `row` did so. */
  private async lockLinks(): Promise<void> {
    if (!this.links.length) return;
    await this.lock(this.links.flatMap(({ owners }) => owners));
    this.abortIfLinksErased();
  }

  /** Aborts if the input refers to a row whose owners are all erased. */
  private abortIfLinksErased() {
    for (const { owners, path } of this.links.splice(0)) {
      if (owners.every((id) => isErased(this.owners.get(id)))) this.abortIfErased(owners, path);
    }
  }

  /** domain rule: a data subject whose erasure has begun gets no personal data again. */
  private abortIfErased(ids: readonly string[], path: Path) {
    // A missing owner was deleted while the write waited for its lock.
    if (!ids.every((id) => this.owners.has(id))) throw new RetryTransaction();
    const status = ids.map((id) => this.owners.get(id)).find(isErased);
    if (!status) return;
    const state = status === erasure.erased[0] ? "is being" : "has been";
    const message = `The ${singular(dataSubject.name)} ${state} anonymized; nothing of it can be changed.`;
    this.abort(UserErrorCode.WRONG_STATE, path, message);
  }

  /** The visible fields that changed after a version; null if it never existed, or the audit trail has a gap. */
  private async changedSince(model: ModelName, row: AnyRow, version: number): Promise<string[] | null> {
    if (!hadVersion(row, version)) return null;
    const target = modelNamed(model);
    const rows = (await this.query(
      `SELECT "resource_version", ARRAY(SELECT jsonb_object_keys("payload")) FROM "${auditTrail.table}"
       WHERE "resource_type" = $1 AND "resource_id" = $2 AND "resource_version" > $3`,
      [target.table, row.id, version],
    )) as [number, string[]][];
    const recorded = new Set(rows.map(([recordedVersion]) => recordedVersion));
    for (let next = version + 1; next <= row.version; next++) if (!recorded.has(next)) return null;
    return changedFields(
      this.schema,
      target,
      rows.flatMap(([, keys]) => keys),
      this.viewer,
    );
  }
}

/** Retries the transaction: the row's owner changed while waiting for its lock. */
class RetryTransaction extends Error {
  override name = "RetryTransaction";
  readonly code = "40001";
}

const erasure = dataSubject.dataSubject!;
const isErased = (status: string | null | undefined) => Boolean(status && erasure.erased.includes(status));

/** Deletes the rows about resources of a model that are deleted with them. */
export async function deleteAbout(query: Query, model: ModelName, ids: readonly string[]): Promise<void> {
  for (const target of models.values()) {
    if (!target.cascade) continue;
    const { typeColumn, idColumn } = aboutOf(target)!;
    await query(
      `DELETE FROM "${target.table}" WHERE "${typeColumn.column}" = $1 AND "${idColumn.column}" = ANY ($2::text[])`,
      [modelNamed(model).table, ids],
    );
  }
}

/** Selects the ids of a row's owners, by its `owners` relations. */
function ownersSql(model: Model, id = "$1"): string | undefined {
  const { table, relations, owners = [] } = model;
  const ownerKey = ownerColumn(model);
  if (ownerKey && !isShared(model)) return `SELECT "${ownerKey}" FROM "${table}" WHERE "id" = ${id}`;
  const about = aboutOf(model);
  if (about) {
    return `SELECT customer_of("${about.typeColumn.column}", "${about.idColumn.column}") FROM "${table}" WHERE "id" = ${id}`;
  }
  const selects = owners.map((relation) => {
    const { to, many, key } = relations[relation]!;
    if (to === dataSubject.name) return `SELECT "${ownerKey}" FROM "${table}" WHERE "id" = ${id}`;
    const target = modelNamed(to);
    if (many)
      return `SELECT "${ownerColumn(target)}" FROM "${target.table}" WHERE "${columnOf(target, key!).column}" = ${id}`;
    return ownersSql(target, `(SELECT "${columnOf(model, key!).column}" FROM "${table}" WHERE "id" = ${id})`);
  });
  return selects.length ? selects.join(" UNION ") : undefined;
}

function ownerColumn(model: Model): string | undefined {
  const field = ownerField(model);
  return field && columnOf(model, field).column;
}

/** The name of a model's resource in a sentence, in lower case. */
export function singular(model: ModelName): string {
  const words = model.replace(/(?<!^)([A-Z])/g, " $1").toLowerCase();
  const { acronym } = modelNamed(model);
  return acronym ? words.replace(acronym.toLowerCase(), acronym) : words;
}

/** A column value as a query parameter of node-pg. */
function parameter(model: Model, field: string, value: unknown): unknown {
  return columnOf(model, field).type === "Json" && value !== null ? JSON.stringify(value) : value;
}

function isEqual(before: unknown, after: unknown): boolean {
  if (before === after) return true;
  if (before instanceof Date && after instanceof Date) return before.toJSON() === after.toJSON();
  return (
    before !== null && after !== null && typeof before === "object" && canonicalJson(before) === canonicalJson(after)
  );
}

/** Canonical JSON, with sorted keys: equal values have equal texts. */
export function canonicalJson(value: unknown): string {
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

/** The user error for a violated constraint; undefined for any other error. */
export function constraintError(error: unknown, pathOf: (table: string) => Path | undefined): UserError | undefined {
  const broken = brokenConstraint(error);
  if (!broken) return undefined;
  const { kind, table, model, field, message } = broken;
  const argumentPath = pathOf(table);
  // A foreign key of a table that the write did not write to: its rows prevent the deletion.
  if (kind === "reference" && !argumentPath) {
    const inUse = message ?? `There are ${plural(model.name)} that need it, so it cannot be deleted.`;
    return new InputError(UserErrorCode.IN_USE, ["id"], inUse);
  }
  const path = [...(argumentPath ?? ["input"]), ...(field ? [field] : [])];
  switch (kind) {
    case "unique":
      return new InputError(UserErrorCode.TAKEN, path, message ?? `Another ${singular(model.name)} has this already.`);
    case "reference":
      return new InputError(UserErrorCode.NOT_FOUND, path, "There is no such resource.");
    case "check":
      return new InputError(UserErrorCode.INVALID, path, message ?? "This value is not allowed.");
  }
}
