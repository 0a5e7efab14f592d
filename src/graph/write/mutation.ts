import { type GraphQLObjectType, type GraphQLResolveInfo, type GraphQLSchema, getNamedType } from "graphql";
import { collectSubfields } from "graphql/execution/collectFields.js";
import { Arg, type ClassType, Ctx, Field, ID, Info, Int, Mutation, ObjectType } from "type-graphql";
import type { Query } from "../../database/client.js";
import { AuthenticationError } from "../../errors.js";
import { declareAccess, declareNeeds, demand, type Need, permits } from "../access/guard.js";
import { type Permission, toRead } from "../access/permission.js";
import type { Viewer } from "../access/viewer.js";
import type { Context } from "../context.js";
import { modelOfId } from "../model/datamodel.js";
import { decorate } from "../model/decorate.js";
import { DateTime } from "../model/scalars.js";
import { accessOf } from "../schema/access-directive.js";
import { type ModelType, modelTypeOf } from "../schema/model.js";
import { directivesOn } from "./directives.js";
import { IdempotencyKey, type Outcome } from "./idempotency.js";
import { type AnyRow, Write } from "./transaction.js";
import { Refusal, UserError, type UserErrorCode } from "./user-error.type.js";

type ModelClass = abstract new (...args: never[]) => object;

/** A field of a payload. */
export interface PayloadField {
  description: string;
  /** The outcome has the id of a row of this model, or a list of them; `node`: of any model. */
  row?: () => ModelClass;
  node?: () => object;
  /** Any other value of the outcome. */
  type?: () => object;
  list?: true;
  /** Default of a plain value when nothing was changed; undefined: null. */
  otherwise?: unknown;
  /** Permissions of the field. A row needs the permission to read its model, unless `read` is given. */
  access?: readonly Permission[];
  /** Reads the row without the caller's permissions. On a retry, `first` is the row of the first response. */
  read?: (context: Context, id: string, first?: AnyRow) => Promise<unknown>;
}

export type PayloadFields = Readonly<Record<string, PayloadField>>;

interface Payload {
  type: ClassType;
  fields: PayloadFields;
}

/** The type of a mutation's payload: its own fields, and `userErrors`. */
export function payloadOf(
  name: string,
  description: string,
  fields: PayloadFields,
  userErrors = "Why the mutation was rejected; empty on success.",
): Payload {
  const type = class {};
  Object.defineProperty(type, "name", { value: `${name}Payload` });
  ObjectType(`${name}Payload`, { description })(type);
  for (const [field, payloadField] of Object.entries(fields)) {
    const { row, node, type: plain, list, otherwise, description: meaning, access, read } = payloadField;
    if (access) declareAccess(access)(type.prototype, field);
    else if (row && !read) declareAccess(() => [toRead(modelTypeOf(row()).name)])(type.prototype, field);
    const inner = row ? () => modelTypeOf(row()).type : (node ?? plain)!;
    const nullable = !list && otherwise === undefined;
    Field(() => (list ? [inner()] : inner()), { nullable, description: meaning })(type.prototype, field);
  }
  Field(() => [UserError], { description: userErrors })(type.prototype, "userErrors");
  return { type, fields };
}

/** Arguments of a mutation. */
export interface Args<Input = unknown> {
  id: string;
  ifVersion?: number | null;
  input: Input;
}

export interface MutationOptions<A, P> {
  access: readonly Permission[];
  /** Additional permissions: needed always, or where `write.need` demands them. */
  needs?: readonly Need[];
  /** What it does, for the schema. */
  description: string;
  /** Codes of its user errors. */
  errors: readonly UserErrorCode[];
  /** A complete operation that works on the demo shop. */
  example: string;
  payload: Payload;
  /** Description of the argument `id`, if it takes one. */
  id?: string;
  /** It takes `ifVersion`. */
  version?: true;
  /** Type and description of its input. */
  input?: readonly [type: ClassType, description: string];
  /** Other arguments. */
  args?: Readonly<Record<string, { type: () => object; description: string; nullable?: true }>>;
  /** The payload field that returns the resource even if nothing was changed. */
  subject?: string;
  /** The id of that resource; absent: the argument `id`. */
  subjectId?: (args: A) => string;
  /** Counts the call against a rate limit, or rejects it. The returned callback receives the outcome. */
  count?: (context: Context, args: A) => Settle | undefined;
  /** Runs before the transaction begins: slow work, such as hashing. Its result is the third argument. */
  prepare?: (context: Context, args: A) => Promise<P>;
}

/** Called after a mutation, with its user errors and whether it was a dry run. */
export type Settle = (userErrors: readonly UserError[], dryRun: boolean) => void;

type Handler<A, P> = (write: Write, args: A, prepared: P) => Promise<Outcome>;

/** Maximum number of attempts at a transaction that ends in a deadlock, or whose row changed its owner. */
const maximumAttempts = 4;
const retryable = new Set(["40001", "40P01"]);

/**
 * A mutation: `(write, args, prepared) => outcome`. It runs in one transaction, with the actor for the audit trail and
 * the record of its idempotency key; if it fails, all of it is rolled back.
 */
export function Mutates<A extends object = Args, P = void>(options: MutationOptions<A, P>) {
  return (prototype: object, name: string, descriptor: TypedPropertyDescriptor<Handler<A, P>>) => {
    const handler = descriptor.value!;
    const { access, description, payload, errors, example, id, version, input, args: more = {}, needs = [] } = options;
    const names = [...(id ? ["id"] : []), ...(version ? ["ifVersion"] : []), ...(input ? ["input"] : [])];
    names.push(...Object.keys(more));
    const resolve = async (...given: unknown[]) => {
      const [context, info] = given.slice(names.length) as [Context, GraphQLResolveInfo];
      const args = Object.fromEntries(names.map((argument, i) => [argument, given[i]])) as A;
      return run(context, info, args, handler, options);
    };
    mutations.set(name, { ...options, handler });
    const property = { value: resolve, writable: true, configurable: true, enumerable: false };
    Object.defineProperty(prototype, name, property);
    const codes = errors.length ? ` Errors: ${errors.map((code) => `\`${code}\``).join(", ")}.` : "";
    decorate(
      prototype,
      name,
      property,
      // Nullable: a failed mutation must not remove the results of others from the response.
      Mutation(() => payload.type, {
        nullable: true,
        description: `${description}${codes} Example: \`${example}\`.`,
      }),
      declareAccess(access),
      declareNeeds(needs),
    );
    let index = 0;
    if (id) Arg("id", () => ID, { description: id })(prototype, name, index++);
    if (version) Arg("ifVersion", () => Int, versionArgument)(prototype, name, index++);
    if (input) Arg("input", () => input[0], { description: input[1] })(prototype, name, index++);
    for (const [argument, { type, ...rest }] of Object.entries(more)) {
      Arg(argument, type, rest)(prototype, name, index++);
    }
    Ctx()(prototype, name, index++);
    Info()(prototype, name, index++);
    return property;
  };
}

/** A mutation to be called by name: methods, so that mutations with any argument type are assignable. */
interface RegisteredMutation extends Pick<MutationOptions<never, never>, "access" | "needs" | "errors"> {
  count?(context: Context, args: object): Settle | undefined;
  prepare?(context: Context, args: object): Promise<unknown>;
  handler(write: Write, args: object, prepared: unknown): Promise<Outcome>;
}

const mutations = new Map<string, RegisteredMutation>();

/** A call of a mutation by its field name, with valid arguments, or a function of the outcomes of the calls before. */
export interface MutationCall {
  readonly name: string;
  readonly args: object | ((outcomes: readonly Outcome[]) => object);
}

const versionArgument = {
  nullable: true,
  description:
    "Expected `version` of the resource (optimistic locking). At any other version nothing is changed, and a `VersionConflictError` says what was. Without it, the last write wins.",
};

/**
 * Sets the actor for the audit trail, and checks that the token's customer exists in this mode: one who does not can
 * neither read nor write.
 */
const beginSql = `SELECT set_config('customer_graph.who', $1, true),
  $2::text IS NULL OR EXISTS (SELECT FROM "customers" WHERE "id" = $2 AND "mode" = $3::"mode")`;

/** Options of `transact`. */
interface TransactOptions {
  readonly schema: GraphQLSchema;
  /** Name of the transaction in `extensions`. */
  readonly key: string;
  readonly needs: readonly Need[] | undefined;
  readonly dryRun: boolean;
  readonly record: IdempotencyKey | undefined;
  /** Runs before the transaction begins, except on a replay, since it might be rejected now. */
  readonly prepare: (() => Promise<unknown>) | undefined;
  readonly handle: (write: Write) => Promise<Outcome>;
  /** The outcome to store with an idempotency key. */
  readonly storedOutcome: (outcome: Outcome) => Promise<Outcome>;
}

/** Runs a write in a transaction, with retries, dry run and idempotency. An aborted write returns only its errors. */
async function transact(
  context: Context,
  { schema, key, needs, dryRun, record, ...options }: TransactOptions,
): Promise<Outcome> {
  const { database, loaders, viewer, writes } = context;
  await writes.end?.();
  const actor = JSON.stringify(actorOf(viewer));
  const newOwners = new Set<string>();
  let write: Write | undefined;

  const work = async (query: Query) => {
    loaders.readThrough(query);
    write = new Write(context, query, schema, needs, newOwners);
    const customerId = viewer.kind === "customer" ? viewer.customerId : null;
    const [[, exists]] = (await query(beginSql, [actor, customerId, viewer.mode])) as [[string, boolean]];
    const stored = await record?.claim(query);
    if (stored) {
      writes.replayed.push(key);
      return stored;
    }
    if (!exists) {
      const message = "The customer of this access token does not exist; sign in again.";
      throw new AuthenticationError("UNAUTHENTICATED", message, { tokenSent: true });
    }
    const outcome = await options.handle(write);
    write.check();
    if (record) await record.store(query, await options.storedOutcome(outcome));
    return outcome;
  };

  try {
    if (options.prepare && !(await record?.find(database.query))) await options.prepare();
    for (let attempt = 1; ; attempt++) {
      try {
        if (dryRun) {
          const outcome = await deferRollback(context, work);
          writes.dryRun.push(key);
          return outcome;
        }
        const outcome = await database.transaction(work);
        writes.committed.push(key);
        for (const callback of write!.afterCommit) callback();
        context.live.announce();
        loaders.readThrough(undefined);
        return outcome;
      } catch (error) {
        if (attempt === maximumAttempts || !retryable.has((error as { code?: string }).code ?? "")) throw error;
      }
    }
  } catch (error) {
    loaders.readThrough(undefined);
    const userErrors = error instanceof Refusal ? error.errors : write?.asErrors(error);
    if (!userErrors) throw error;
    return { userErrors, refused: true };
  }
}

/** Demands the permissions that a mutation always needs. */
function demandAll(context: Context, { access, needs = [] }: Pick<RegisteredMutation, "access" | "needs">) {
  demand(context, access);
  for (const { permission, when } of needs) if (!when) demand(context, [permission]);
}

async function run<A extends object, P>(
  context: Context,
  info: GraphQLResolveInfo,
  args: A,
  handler: Handler<A, P>,
  options: MutationOptions<A, P>,
) {
  demandAll(context, options);
  const settle = options.count?.(context, args);
  const { dryRun, key } = directivesOn(info);
  let prepared!: P;
  let userErrors: readonly UserError[] = [];
  try {
    const { refused, ...outcome } = await transact(context, {
      schema: info.schema,
      key: String(info.path.key),
      needs: options.needs,
      dryRun,
      record: key && !dryRun ? new IdempotencyKey(context.viewer, key, info.fieldName, args) : undefined,
      prepare:
        options.prepare &&
        (async () => {
          prepared = await options.prepare!(context, args);
        }),
      handle: (write) => handler(write, args, prepared),
      storedOutcome: (outcome) => withFirst(options.payload, outcome, context),
    });
    logUndeclaredCodes(context, info.fieldName, options.errors, outcome.userErrors);
    const { subject, subjectId = ({ id }: A & { id?: string }) => id, payload } = options;
    const shown = refused && subject ? { ...outcome, [subject]: subjectId(args as A & { id: string }) } : outcome;
    userErrors = outcome.userErrors ?? [];
    return await payloadFrom(payload, shown, context, info);
  } finally {
    settle?.(userErrors, dryRun);
  }
}

/** Result of `mutateTogether`. */
export interface TogetherOutcome {
  /** The outcome of each call; empty if they were rejected. */
  readonly outcomes: readonly Outcome[];
  /** The errors if they were rejected, and the index of the failed call. */
  readonly refusal?: { readonly errors: readonly UserError[]; readonly call: number };
}

/**
 * Calls mutations in one transaction, for other protocols than GraphQL: all of them succeed, or none. A retry with the
 * same key returns the first outcome; the key is bound to `request`.
 */
export async function mutateTogether(
  context: Context,
  schema: GraphQLSchema,
  calls: readonly MutationCall[],
  idempotency?: { readonly key: string; readonly request: unknown },
): Promise<TogetherOutcome> {
  const called = calls.map(({ name, args }) => ({ name, args, mutation: mutations.get(name)! }));
  for (const { mutation } of called) demandAll(context, mutation);
  const settles = called.map(({ mutation, args }) =>
    typeof args === "function" ? undefined : mutation.count?.(context, args),
  );
  const prepared: unknown[] = [];
  let call = 0;
  let userErrors: readonly UserError[] = [];
  try {
    const { refused, ...outcome } = await transact(context, {
      schema,
      key: called.map(({ name }) => name).join(" "),
      needs: called.flatMap(({ mutation }) => mutation.needs ?? []),
      dryRun: false,
      record: idempotency && new IdempotencyKey(context.viewer, idempotency.key, "", idempotency.request),
      prepare: async () => {
        for (const { mutation, args } of called) {
          prepared.push(typeof args === "function" ? undefined : await mutation.prepare?.(context, args));
        }
      },
      handle: async (write) => {
        const outcomes: Outcome[] = [];
        for (const [i, { mutation, args }] of called.entries()) {
          call = i;
          outcomes.push(await mutation.handler(write, typeof args === "function" ? args(outcomes) : args, prepared[i]));
          write.check();
        }
        return { outcomes };
      },
      storedOutcome: async (outcome) => outcome,
    });
    userErrors = outcome.userErrors ?? [];
    if (!refused) return { outcomes: outcome.outcomes as Outcome[] };
    const { name, mutation } = called[call]!;
    logUndeclaredCodes(context, name, mutation.errors, userErrors);
    return { outcomes: [], refusal: { errors: userErrors, call } };
  } finally {
    for (const settle of settles) settle?.(userErrors, false);
  }
}

/** Whether a mutation with this name exists. */
export function isMutation(name: string): boolean {
  return mutations.has(name);
}

/** Logs codes that the mutation's description does not name: clients branch on these. */
function logUndeclaredCodes(
  { log }: Context,
  fieldName: string,
  declared: readonly string[],
  errors: readonly UserError[] = [],
) {
  const undeclared = errors.filter(({ code }) => !declared.includes(code));
  for (const { code } of undeclared) {
    log.error("A mutation answered with a code that it does not declare.", { mutation: fieldName, code });
  }
}

class Rollback extends Error {}

/**
 * Runs a dry run: its transaction stays open while the payload is read in it, and is rolled back when the next mutation
 * begins or the request ends.
 */
function deferRollback(context: Context, work: (query: Query) => Promise<Outcome>): Promise<Outcome> {
  const { database, loaders, writes } = context;
  return new Promise((resolve, reject) => {
    let rollBack = () => {};
    const transaction = database
      .transaction(async (query) => {
        const outcome = await work(query);
        const ended = new Promise<void>((end) => {
          rollBack = end;
        });
        resolve(outcome);
        await ended;
        throw new Rollback();
      })
      .catch((error: unknown) => {
        if (!(error instanceof Rollback)) reject(error);
      });
    writes.end = async () => {
      writes.end = undefined;
      loaders.readThrough(undefined);
      rollBack();
      await transaction;
    };
  });
}

/** Adds the rows that the payload shows although the caller may not read them: a replay shows these, not newer ones. */
async function withFirst({ fields }: Payload, outcome: Outcome, context: Context): Promise<Outcome> {
  const { permissions } = context.viewer;
  const shown = Object.entries(fields).filter(
    ([field, { read, row }]) => read && outcome[field] && !permissions.has(toRead(modelTypeOf(row!()).name)),
  );
  if (!shown.length) return outcome;
  const rows = shown.map(async ([field, { read }]) => [field, await read!(context, outcome[field] as string)]);
  return { ...outcome, first: Object.fromEntries(await Promise.all(rows)) as Outcome["first"] };
}

/** A row parsed from JSON, with its times as dates. */
function parseStoredRow(type: ModelType, stored: AnyRow): AnyRow {
  const columns = Object.fromEntries(
    Object.entries(stored).map(([field, value]) => {
      const isMoment = value !== null && type.datamodel.columns[field]?.type === "DateTime";
      return [field, isMoment ? new Date(value as string) : value];
    }),
  );
  return Object.assign(Object.create(type.rowType(columns).prototype as object) as AnyRow, columns);
}

/** Builds the selected fields of the payload from an outcome. Rows are read as they are now. */
async function payloadFrom(
  { type: payloadType, fields }: Payload,
  outcome: Outcome,
  context: Context,
  info: GraphQLResolveInfo,
) {
  const payload = Object.create(payloadType.prototype as object) as Record<string, unknown>;
  const { schema, fragments, variableValues, fieldNodes } = info;
  const object = getNamedType(info.returnType) as GraphQLObjectType;
  for (const [key, nodes] of collectSubfields(schema, fragments, variableValues, object, fieldNodes)) {
    const field = nodes[0]!.name.value;
    // `__typename` is not a field of the type.
    const definition = object.getFields()[field];
    if (!definition) continue;
    const { row, node, list, otherwise, read, type } = fields[field] ?? {};
    const value = outcome[field];
    const access = accessOf(definition);
    if (access && !permits(context.viewer, access)) {
      context.redactions.push({ path: [info.path.key, key], missing: access });
      payload[field] = list ? [] : null;
      continue;
    }
    const find = async (id: string) => {
      const first = outcome.first?.[field];
      if (read) return read(context, id, first && parseStoredRow(modelTypeOf(row!()), first));
      const model = row ? modelTypeOf(row()).name : modelOfId(id);
      if (model && !list) await context.preload?.(model, id, `${info.path.key}.${key}`, nodes);
      if (!node) return context.loaders.byId(model!, id);
      const resource = await context.loaders.node(id);
      return resource instanceof (node() as new () => object) ? resource : null;
    };
    const isRow = row || node;
    if (list) {
      const values = (value as string[] | undefined) ?? [];
      payload[field] = isRow ? (await Promise.all(values.map(find))).filter(Boolean) : values;
    } else if (value === undefined || value === null) payload[field] = otherwise ?? null;
    else if (isRow) payload[field] = await find(value as string);
    // Outcomes stored with an idempotency key were serialised as JSON.
    else payload[field] = type?.() === DateTime ? new Date(value as string) : value;
  }
  payload.userErrors = await Promise.all(
    (outcome.userErrors ?? []).map(async (error: UserError & { type?: string; current?: { id: string } }) =>
      // A stored version conflict shows the resource as it is now.
      error.type && error.current ? { ...error, current: await context.loaders.node(error.current.id) } : error,
    ),
  );
  return payload;
}

/** The actor of a write, for the audit trail. domain rule: the application and, if any, the owner of the token. */
export function actorOf(viewer: Viewer): Record<string, unknown> {
  const { kind, applicationId, owner } = viewer;
  const application = {
    id: applicationId,
    kind: kind === "integration" ? "integration" : kind === "user" ? "webapp" : "sales_channel",
  };
  if (kind === "customer") return { application, owner: { id: viewer.customerId, type: "Customer" } };
  if (!owner) return { application };
  const { id, firstName, lastName, email } = owner;
  return { application, owner: { id, type: "User", first_name: firstName, last_name: lastName, email } };
}

/** Aborts a write with these errors. */
export function abort(...errors: UserError[]): never {
  throw new Refusal(errors);
}
