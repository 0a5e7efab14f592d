import { type ClassType, ID, Resolver } from "type-graphql";
import type { Need } from "../access/guard.js";
import { type Permission, toRead } from "../access/permission.js";
import type { Context } from "../context.js";
import {
  isPersonal,
  type Model,
  type ModelName,
  modelNamed,
  ownerField,
  type RowOf,
  type ValuesOf,
} from "../model/datamodel.js";
import { type ModelType, modelTypeOf } from "../schema/model.js";
import type { Node } from "../schema/resource.type.js";
import type { Outcome } from "./idempotency.js";
import { type Args, Mutates, type PayloadField, type PayloadFields, payloadOf, type Settle } from "./mutation.js";
import {
  commonRules,
  type InputOf,
  inputOf,
  type MetadataInput,
  metadataChange,
  type Rule,
  type Rules,
  rulesFor,
  rulesOf,
} from "./rules.js";
import { type ExtraLocks, type Path, singular, type Write } from "./transaction.js";
import type { UserErrorCode } from "./user-error.type.js";

interface Verb {
  /** What it does; absent: derived from the resource's name. */
  description?: string;
  /** Absent: the action on the resource, such as `customers:create`. */
  access?: readonly Permission[];
  /** Additional permissions. Permission to read the resource is always needed, except on create. */
  needs?: readonly Need[];
  /**
   * Codes of user errors beyond those that follow from the model and the rules: `NOT_FOUND` from links, `TAKEN` from unique
   * indexes, `WRONG_STATE` from the owner.
   */
  errors?: readonly UserErrorCode[];
  /**
   * The arguments of the example, as GraphQL: `input: { name: "VIP" }`. It must work on the demo shop. Absent: no
   * mutation is generated; others call the verb.
   */
  example?: string;
  /** Additional payload fields; `after` returns their values. */
  payload?: PayloadFields;
}

/** Input fields of every resource. */
interface CommonInput {
  reference?: string | null;
  referenceOrigin?: string | null;
  metadata?: unknown;
}

/** Validated values of an input: columns, and virtual fields as their rules return them. */
export type Given<M extends ModelName, R extends Rules> = ValuesOf<M> & Omit<InputOf<R>, keyof ValuesOf<M>>;

interface CreateVerb<M extends ModelName, G, I, P, X> extends Verb {
  /** Counts the call against a rate limit. */
  count?: (context: Context, input: I) => Settle | undefined;
  /** Runs before the transaction begins: slow work, such as hashing. */
  prepare?: (context: Context, input: I) => Promise<P>;
  /** Runs before the insert: checks the values, and returns those to insert. */
  before?: (write: Write, values: G, input: I, path: Path, prepared: P) => Promise<ValuesOf<M> & X>;
  /** Runs after the insert, in the same transaction, with the values that `before` returned. */
  after?: (write: Write, id: string, input: I, path: Path, values: ValuesOf<M> & X) => Promise<unknown>;
  /** `TAKEN` is reported even without permission to read the other resource. */
  revealsTaken?: true;
  /** How the payload reads the row if the caller may not. */
  read?: PayloadField["read"];
}

interface UpdateVerb<M extends ModelName, G, I, P, X> extends Verb {
  count?: (context: Context, input: I) => Settle | undefined;
  prepare?: (context: Context, input: I) => Promise<P>;
  /** New owners of the row: locked together with the current one. */
  extraLocks?: (write: Write, values: G, path: Path) => Promise<ExtraLocks | undefined>;
  /** Runs before the update: checks the values, and returns those to change. */
  before?: (write: Write, row: RowOf<M>, values: G, input: I, path: Path, prepared: P) => Promise<ValuesOf<M> & X>;
  /** Runs after the update, in the same transaction; the row is as it was before. */
  after?: (write: Write, row: RowOf<M>, input: I, path: Path, values: ValuesOf<M> & X) => Promise<unknown>;
}

interface DeleteVerb<M extends ModelName> extends Verb {
  /** Runs before the deletion: checks that the row may be deleted, and deletes rows that refer to it. */
  before?: (write: Write, row: RowOf<M>) => Promise<unknown>;
  /** Runs after the deletion, in the same transaction, with the result of `before`. */
  after?: (write: Write, row: RowOf<M>, result: unknown) => Promise<unknown>;
}

export interface ResourceWritesOptions<M extends ModelName, R extends Rules, P, X> {
  /** Rules of its input fields, besides `reference`, `referenceOrigin` and `metadata`. */
  rules: R;
  create?: CreateVerb<M, Given<M, R>, InputOf<R> & CommonInput, P, X>;
  update?: UpdateVerb<M, Given<M, R>, InputOf<R> & CommonInput, P, X>;
  delete?: DeleteVerb<M>;
}

/** Argument paths of an update, its expected version, and the result of `prepare`. */
interface UpdateOptions<P> {
  version?: number | null;
  path?: Path;
  idPath?: Path;
  versionPath?: Path;
  prepared?: P;
}

/**
 * Creates, updates and deletes rows of the model `M` by the rules `R`, within a write. `P` is the result of `prepare`,
 * `X` what `before` passes to `after` besides columns.
 */
export class ResourceWrites<M extends ModelName, R extends Rules, P = void, X = object> {
  readonly model: ModelType;
  private readonly name: M;
  /** Rules of create and of update. */
  readonly createRules: Rules;
  readonly updateRules: Rules;

  constructor(
    type: abstract new (...args: never[]) => Node<M>,
    readonly options: ResourceWritesOptions<M, R, P, X>,
  ) {
    this.model = modelTypeOf(type);
    this.name = this.model.name as M;
    // A resource may override the rules of the common fields.
    const rules = rulesOf(this.model.name, { ...options.rules, ...commonRules, ...options.rules });
    this.createRules = options.create && !options.create.revealsTaken ? markUnique(this.model, rules) : rules;
    this.updateRules = { ...this.createRules, metadata: metadataChange };
  }

  /** Creates a row and returns its id. */
  async create(write: Write, input: InputOf<R> & CommonInput, path: Path = ["input"], prepared?: P): Promise<string> {
    return (await this.make(write, input, path, prepared)).id;
  }

  /** Creates a row; returns its id and the other fields of the payload. */
  async make(
    write: Write,
    input: InputOf<R> & CommonInput,
    path: Path = ["input"],
    prepared?: P,
  ): Promise<{ id: string; more: Outcome }> {
    const { before, after, payload } = this.options.create ?? {};
    const given = await this.given(write, this.createRules, input, "create", path);
    const values = before ? await before(write, given, input, path, prepared as P) : (given as ValuesOf<M> & X);
    write.check();
    const id = await write.create(this.name, this.columns(values), path);
    return { id, more: shown(payload, await after?.(write, id, input, path, values)) };
  }

  /** Updates a row; returns the other fields of the payload. */
  async update(
    write: Write,
    id: string,
    input: InputOf<R> & CommonInput,
    { version, path = ["input"], idPath = ["id"], versionPath, prepared }: UpdateOptions<P> = {},
  ): Promise<Outcome> {
    const { extraLocks, before, after, payload } = this.options.update ?? {};
    const given = await this.given(write, this.updateRules, input, "update", path);
    const row = await write.row(this.name, id, {
      path: idPath,
      version,
      versionPath,
      extraLocks: await extraLocks?.(write, given, path),
    });
    const changed: Given<M, R> = { ...given, metadata: write.metadata(row, given.metadata, path) };
    const values = before
      ? await before(write, row, changed, input, path, prepared as P)
      : (changed as ValuesOf<M> & X);
    write.check();
    await write.update(this.name, row, this.columns(values), path);
    return shown(payload, await after?.(write, row, input, path, values));
  }

  /** Deletes a row; returns the other fields of the payload. */
  async delete(write: Write, id: string, version?: number | null): Promise<Outcome> {
    const { before, after, payload } = this.options.delete ?? {};
    const row = await write.row(this.name, id, { version });
    const result = await before?.(write, row);
    write.check();
    await write.delete(this.name, row);
    return shown(payload, await after?.(write, row, result));
  }

  /** The validated values of an input; in an update, `metadata` is the change. */
  private async given(
    write: Write,
    rules: Rules,
    input: object,
    kind: "create" | "update",
    path: Path,
  ): Promise<Given<M, R> & { metadata?: MetadataInput | null }> {
    return (await write.values(rules, input, kind, path)) as Given<M, R>;
  }

  /** The values that are columns. */
  private columns(values: ValuesOf<M>): ValuesOf<M> {
    const columns = Object.entries(values).filter(([field]) => !this.options.rules[field]?.virtual);
    return Object.fromEntries(columns) as ValuesOf<M>;
  }
}

/** Whether a field is part of a unique index, the owner aside. */
function isUnique(model: Model, field: string): boolean {
  return field !== ownerField(model) && model.unique.some((index) => index.includes(field));
}

/** Adds the permission that unique values need: `TAKEN` reveals that another row has the value. */
function markUnique({ name, datamodel }: ModelType, rules: Rules): Rules {
  const marked = Object.entries(rules).map(([field, rule]): [string, Rule] => [
    field,
    isUnique(datamodel, field) ? { ...rule, unique: toRead(name) } : rule,
  ]);
  return Object.fromEntries(marked);
}

/** The permissions that unique values of a new resource need. */
function needsOfUnique(rules: Rules): Need[] {
  return rulesFor(rules, "create").flatMap(([field, { unique, required }]) =>
    unique ? [{ permission: unique, ...(!required && { when: `where \`${field}\` is given` }) }] : [],
  );
}

/** The fields of the payload that a hook returned. */
function shown(fields: PayloadFields | undefined, values: unknown): Outcome {
  return fields ? (values as Outcome) : {};
}

/** The resolver class of a resource's `…Create`, `…Update` and `…Delete`, for the verbs that its writes have. */
export function ResourceMutations<M extends ModelName, R extends Rules, P, X>(
  writes: ResourceWrites<M, R, P, X>,
): ClassType {
  const { model, options, createRules, updateRules } = writes;
  const { create, update, delete: remove } = options;
  const { name, type, datamodel } = model;
  const field = name[0]!.toLowerCase() + name.slice(1);
  const noun = singular(name);
  const withArticle = `${/^([aeio]|[AEFHILMNORSX][A-Z])/.test(noun) ? "an" : "a"} ${noun}`;
  const permission = (action: string, verb: Verb): readonly Permission[] =>
    verb.access ?? [`${datamodel.table}:${action}` as Permission];
  // A resource that the caller may not read does not exist for them.
  const needsRead: Need = { permission: toRead(name) };
  const selection = `{ ${field} { id } userErrors { code message path } }`;
  const row = { description: `The ${noun} after the change; null when there is none.`, row: () => type };
  type Codes = readonly UserErrorCode[];
  /** The verb's common codes, those derived from the rules, and those declared. */
  const codes = (common: Codes, declared: Codes = [], rules: readonly [string, Rule][] = [], owned = false): Codes => {
    const links = rules.flatMap(([, { link }]) => (link ? [modelNamed(link)] : []));
    const derived: Codes = [
      ...(links.length ? (["NOT_FOUND"] as const) : []),
      ...(rules.some(([field]) => isUnique(datamodel, field)) ? (["TAKEN"] as const) : []),
      ...(owned || links.some(isPersonal) ? (["WRONG_STATE"] as const) : []),
    ];
    return [...new Set([...common, ...derived.filter((code) => !declared.includes(code)), ...declared])];
  };
  const owned = isPersonal(datamodel);

  @Resolver()
  class Mutations {}

  function define(verb: string, decorator: unknown, value: unknown) {
    const key = `${field}${verb}`;
    const descriptor = { value, writable: true, configurable: true };
    Object.defineProperty(Mutations.prototype, key, descriptor);
    (decorator as MethodDecorator)(Mutations.prototype, key, descriptor);
  }

  type Input = InputOf<R> & CommonInput;
  if (create?.example) {
    const input = inputOf(`${name}CreateInput`, `Input of \`${field}Create\`.`, createRules, "create");
    define(
      "Create",
      Mutates<Args<Input>, P>({
        access: permission("create", create),
        needs: [...needsOfUnique(createRules), ...(create.needs ?? [])],
        description: create.description ?? `Creates ${withArticle}.`,
        errors: codes(["INVALID"], create.errors, rulesFor(createRules, "create")),
        example: `mutation { ${field}Create(${create.example}) ${selection} }`,
        payload: payloadOf(`${name}Create`, `Result of \`${field}Create\`.`, {
          [field]: { ...row, description: `The new ${noun}; null when there is none.`, read: create.read },
          ...create.payload,
        }),
        input: [input, `The new ${noun}.`],
        count: create.count && ((context, args) => create.count!(context, args.input)),
        prepare: create.prepare && ((context, args) => create.prepare!(context, args.input)),
      }),
      async (write: Write, { input }: Args<Input>, prepared: P) => {
        const { id, more } = await writes.make(write, input, ["input"], prepared);
        return { [field]: id, ...more };
      },
    );
  }
  if (update?.example) {
    const input = inputOf(
      `${name}UpdateInput`,
      `Input of \`${field}Update\`. Omitted fields keep their value.`,
      updateRules,
      "update",
    );
    define(
      "Update",
      Mutates<Args<Input>, P>({
        access: permission("update", update),
        needs: [needsRead, ...(update.needs ?? [])],
        description: update.description ?? `Updates ${withArticle}. Omitted fields keep their value; null clears it.`,
        errors: codes(
          ["NOT_FOUND", "INVALID", "VERSION_CONFLICT"],
          update.errors,
          rulesFor(updateRules, "update"),
          owned,
        ),
        example: `mutation { ${field}Update(${update.example}) ${selection} }`,
        payload: payloadOf(`${name}Update`, `Result of \`${field}Update\`.`, { [field]: row, ...update.payload }),
        id: `The ${noun} to update.`,
        version: true,
        subject: field,
        input: [input, "The fields to update."],
        count: update.count && ((context, args) => update.count!(context, args.input)),
        prepare: update.prepare && ((context, args) => update.prepare!(context, args.input)),
      }),
      async (write: Write, { id, ifVersion, input }: Args<Input>, prepared: P) => {
        const more = await writes.update(write, id, input, { version: ifVersion, prepared });
        return { [field]: id, ...more };
      },
    );
  }
  if (remove?.example) {
    define(
      "Delete",
      Mutates<Args>({
        access: permission("destroy", remove),
        needs: [needsRead, ...(remove.needs ?? [])],
        description: remove.description ?? `Deletes ${withArticle}.`,
        errors: codes(["NOT_FOUND", "VERSION_CONFLICT"], remove.errors, [], owned),
        example: `mutation { ${field}Delete(${remove.example}) { deletedId userErrors { code message path } } }`,
        payload: payloadOf(`${name}Delete`, `Result of \`${field}Delete\`.`, {
          deletedId: { description: `Id of the deleted ${noun}; null when nothing was deleted.`, type: () => ID },
          ...remove.payload,
        }),
        id: `The ${noun} to delete.`,
        version: true,
      }),
      async (write: Write, { id, ifVersion }: Args) => {
        const more = await writes.delete(write, id, ifVersion);
        return { deletedId: id, ...more };
      },
    );
  }
  return Mutations;
}
