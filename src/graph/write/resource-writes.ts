import { type ClassType, ID, Resolver } from "type-graphql";
import type { Need } from "../access/guard.js";
import { type Permission, toRead } from "../access/permission.js";
import type { Context } from "../context.js";
import { isPersonal, modelNamed } from "../model/datamodel.js";
import { type ModelType, modelTypeOf } from "../schema/model.js";
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
import { type ExtraLocks, type Path, type Row, singular, type Values, type Write } from "./transaction.js";
import type { UserErrorCode } from "./user-error.type.js";

type ModelClass = abstract new (...args: never[]) => object;

interface Verb {
  /** What it does; absent: said from the resource's name. */
  description?: string;
  /** Absent: the action on the resource, such as `tags:create`. */
  access?: readonly Permission[];
  /** What else callers need. To read the resource is needed in any case, where there is one. */
  needs?: readonly Need[];
  /** Codes of user errors beyond those that every such mutation may have, and those of what its rules refer to. */
  errors?: readonly (keyof typeof UserErrorCode)[];
  /**
   * The arguments in the example, as GraphQL: `input: { name: "VIP" }`. It must work on the demo shop. Absent: there is no
   * mutation of its own, it is part of others.
   */
  example?: string;
  /** What else its payload shows. `after` gives the values. */
  payload?: PayloadFields;
}

/** Inputs beside the resource's own rules. */
interface CommonInput {
  reference?: string | null;
  referenceOrigin?: string | null;
  metadata?: unknown;
}

interface CreateVerb<I, P> extends Verb {
  /** Counts the call against a limit. */
  count?: (context: Context, input: I) => Settle | undefined;
  /** What takes long and needs no transaction. */
  prepare?: (context: Context, input: I) => Promise<P>;
  /** Completes or checks the values, before the row is made. */
  before?: (write: Write, values: Values, input: I, path: Path, prepared: P) => Promise<Values>;
  /** Does what else belongs to it. The values are those that `before` gave. */
  after?: (write: Write, id: string, input: I, path: Path, values: Values) => Promise<unknown>;
  /** Whoever makes one may be told that a value is `TAKEN`, without reading the resource that has it. */
  tellsTaken?: true;
  /** How the payload reads the row, where the caller may not. */
  read?: PayloadField["read"];
}

interface UpdateVerb<I, P> extends Verb {
  count?: (context: Context, input: I) => Settle | undefined;
  prepare?: (context: Context, input: I) => Promise<P>;
  /** The customers whom the row may go to: they are locked together with the one who has it. */
  extraLocks?: (write: Write, values: Values, path: Path) => Promise<ExtraLocks | undefined>;
  /** Completes or checks the values, before the row changes. */
  before?: (write: Write, row: Row, values: Values, input: I, path: Path, prepared: P) => Promise<Values>;
  after?: (write: Write, row: Row, input: I, path: Path, values: Values) => Promise<unknown>;
}

interface DeleteVerb extends Verb {
  /** Checks that it may go, and does what has to go first; `after` is given its result. */
  before?: (write: Write, row: Row) => Promise<unknown>;
  after?: (write: Write, row: Row, result: unknown) => Promise<unknown>;
}

export interface ResourceWritesOptions<R extends Rules, P> {
  /** What clients may write, beside `reference`, `referenceOrigin` and `metadata`. */
  rules: R;
  create?: CreateVerb<InputOf<R> & CommonInput, P>;
  update?: UpdateVerb<InputOf<R> & CommonInput, P>;
  delete?: DeleteVerb;
}

/** Where the arguments of an update stand, which version it is for, and what was prepared. */
interface UpdateOptions<P> {
  version?: number | null;
  path?: Path;
  idPath?: Path;
  versionPath?: Path;
  prepared?: P;
}

/** Making, changing and deleting the rows of one model by its rules, within a write. */
export class ResourceWrites<R extends Rules, P = void> {
  readonly model: ModelType;
  /** What may be given when one is made, and when one is changed. */
  readonly createRules: Rules;
  readonly updateRules: Rules;

  constructor(
    type: ModelClass,
    readonly options: ResourceWritesOptions<R, P>,
  ) {
    this.model = modelTypeOf(type);
    // A resource may have rules of its own for the common fields.
    const rules = rulesOf(this.model.name, { ...options.rules, ...commonRules, ...options.rules });
    this.createRules = options.create && !options.create.tellsTaken ? markUnique(this.model, rules) : rules;
    this.updateRules = { ...this.createRules, metadata: metadataChange };
  }

  /** Makes one; gives its id. */
  async create(write: Write, input: InputOf<R> & CommonInput, path: Path = ["input"], prepared?: P): Promise<string> {
    return (await this.make(write, input, path, prepared)).id;
  }

  /** Makes one; gives its id, and what else the payload shows. */
  async make(
    write: Write,
    input: InputOf<R> & CommonInput,
    path: Path = ["input"],
    prepared?: P,
  ): Promise<{ id: string; more: Outcome }> {
    const { before, after, payload } = this.options.create ?? {};
    const given = (await write.values(this.createRules, input as never, "create", path)) as Values;
    const values = before ? await before(write, given, input, path, prepared as P) : given;
    write.check();
    const id = await write.create(this.model.name, this.columns(values), path);
    return { id, more: shown(payload, await after?.(write, id, input, path, values)) };
  }

  /** Changes one; gives what else the payload shows. */
  async update(
    write: Write,
    id: string,
    input: InputOf<R> & CommonInput,
    { version, path = ["input"], idPath = ["id"], versionPath, prepared }: UpdateOptions<P> = {},
  ): Promise<Outcome> {
    const { extraLocks, before, after, payload } = this.options.update ?? {};
    const { metadata, ...given } = (await write.values(this.updateRules, input as never, "update", path)) as Values;
    const row = await write.row(this.model.name, id, {
      path: idPath,
      version,
      versionPath,
      extraLocks: await extraLocks?.(write, given, path),
    });
    const changed: Values = { ...given, metadata: write.metadata(row, metadata as MetadataInput | null, path) };
    const values = before ? await before(write, row, changed, input, path, prepared as P) : changed;
    write.check();
    await write.update(this.model.name, row, this.columns(values), path);
    return shown(payload, await after?.(write, row, input, path, values));
  }

  /** Deletes one; gives what else the payload shows. */
  async delete(write: Write, id: string, version?: number | null): Promise<Outcome> {
    const { before, after, payload } = this.options.delete ?? {};
    const row = await write.row(this.model.name, id, { version });
    const result = await before?.(write, row);
    write.check();
    await write.delete(this.model.name, row);
    return shown(payload, await after?.(write, row, result));
  }

  /** The values that are columns. */
  private columns(values: Values): Values {
    return Object.fromEntries(Object.entries(values).filter(([field]) => !this.options.rules[field]?.virtual));
  }
}

/** Rules that say which values are unique, alone or beside whose the row is: each is told by a refusal that another has it. */
function markUnique({ name, datamodel }: ModelType, rules: Rules): Rules {
  const unique = new Set(datamodel.unique.flat());
  const marked = Object.entries(rules).map(([field, rule]): [string, Rule] => [
    field,
    unique.has(field) && field !== "customerId" ? { ...rule, unique: toRead(name) } : rule,
  ]);
  return Object.fromEntries(marked);
}

/** What the unique values of a new resource need. */
function needsOfUnique(rules: Rules): Need[] {
  return rulesFor(rules, "create").flatMap(([field, { unique, required }]) =>
    unique ? [{ permission: unique, ...(!required && { when: `where \`${field}\` is given` }) }] : [],
  );
}

/** Of what a hook gave, the values of the payload's fields. */
function shown(fields: PayloadFields | undefined, values: unknown): Outcome {
  return fields ? (values as Outcome) : {};
}

/** The resolver class of a resource's `…Create`, `…Update` and `…Delete`, as far as its writes have these verbs. */
export function ResourceMutations<R extends Rules, P>(writes: ResourceWrites<R, P>): ClassType {
  const { model, options, createRules, updateRules } = writes;
  const { create, update, delete: remove } = options;
  const { name, type, datamodel } = model;
  const field = name[0]!.toLowerCase() + name.slice(1);
  const noun = singular(name);
  const one = `${/^[aeio]/i.test(noun) || noun.startsWith("SKU") ? "an" : "a"} ${noun}`;
  const permission = (action: string, verb: Verb): readonly Permission[] =>
    verb.access ?? [`${datamodel.table}:${action}` as Permission];
  // What the caller may not read is not there to be changed.
  const toReadIt: Need = { permission: toRead(name) };
  const selection = `{ ${field} { id } userErrors { code message path } }`;
  const row = { description: `The ${noun} after the change; null when there is none.`, row: () => type };
  type Codes = readonly (keyof typeof UserErrorCode)[];
  /** The codes given, and those that follow from what the rules refer to. */
  const codes = (given: Codes, kind: "create" | "update", rules: Rules): Codes => {
    const links = rulesFor(rules, kind).flatMap(([, { link }]) => (link ? [modelNamed(link)] : []));
    const all = [...given, ...(links.length ? (["NOT_FOUND"] as const) : [])];
    return [...new Set([...all, ...(links.some(isPersonal) ? (["WRONG_STATE"] as const) : [])])];
  };
  /** Those that follow from whose the row is. */
  const ownCodes: Codes = isPersonal(datamodel) ? ["WRONG_STATE"] : [];

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
    const input = inputOf(`${name}CreateInput`, `What a new ${noun} is made of.`, createRules, "create");
    define(
      "Create",
      Mutates<Args<Input>, P>({
        access: permission("create", create),
        needs: [...needsOfUnique(createRules), ...(create.needs ?? [])],
        description: create.description ?? `Makes ${one}.`,
        errors: codes(["INVALID", ...(create.errors ?? [])], "create", createRules),
        example: `mutation { ${field}Create(${create.example}) ${selection} }`,
        payload: payloadOf(`${name}Create`, `What making ${one} came to.`, {
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
    const input = inputOf(`${name}UpdateInput`, `What changes of ${one}. Absent fields stay.`, updateRules, "update");
    define(
      "Update",
      Mutates<Args<Input>, P>({
        access: permission("update", update),
        needs: [toReadIt, ...(update.needs ?? [])],
        description: update.description ?? `Changes ${one}. Absent fields stay, null clears.`,
        errors: codes(
          ["NOT_FOUND", "INVALID", "VERSION_CONFLICT", ...(update.errors ?? []), ...ownCodes],
          "update",
          updateRules,
        ),
        example: `mutation { ${field}Update(${update.example}) ${selection} }`,
        payload: payloadOf(`${name}Update`, `What changing ${one} came to.`, { [field]: row, ...update.payload }),
        id: `The ${noun} to change.`,
        version: true,
        subject: field,
        input: [input, "What changes."],
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
        needs: [toReadIt, ...(remove.needs ?? [])],
        description: remove.description ?? `Deletes ${one}.`,
        errors: [...new Set<Codes[number]>(["NOT_FOUND", "VERSION_CONFLICT", ...(remove.errors ?? []), ...ownCodes])],
        example: `mutation { ${field}Delete(${remove.example}) { deletedId userErrors { code message path } } }`,
        payload: payloadOf(`${name}Delete`, `What deleting ${one} came to.`, {
          deletedId: { description: `The id of the ${noun} that is gone; null when none is.`, type: () => ID },
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
