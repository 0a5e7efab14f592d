import { type GraphQLObjectType, type GraphQLResolveInfo, getNamedType } from "graphql";
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
  /** What a plain value is when nothing was changed; absent: null. */
  otherwise?: unknown;
  /** What the caller needs to be shown it. A row needs the permission to read its model, unless it is read another way. */
  access?: readonly Permission[];
  /** Reads the row another way than as the caller. For a retry it is given the row as it was shown the first time. */
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

/** The arguments of a mutation, as far as it takes them. */
export interface Args<Input = unknown> {
  id: string;
  ifVersion?: number | null;
  input: Input;
}

export interface MutationOptions<A, P> {
  access: readonly Permission[];
  /** What callers need beside that: always, or in a case that `write.need` tells. */
  needs?: readonly Need[];
  /** What it does, for whoever reads it in the playground. */
  description: string;
  /** The codes that its user errors may have. */
  errors: readonly UserErrorCode[];
  /** A whole operation that works on the demo shop. */
  example: string;
  payload: Payload;
  /** It takes the id of what is changed: what the id is. */
  id?: string;
  /** It takes `ifVersion`. */
  version?: true;
  /** Its input, and what it is. */
  input?: readonly [type: ClassType, description: string];
  /** Other arguments. */
  args?: Readonly<Record<string, { type: () => object; description: string; nullable?: true }>>;
  /** The field of the payload that shows the resource even when nothing was changed. */
  subject?: string;
  /** The id of that resource; absent: the argument `id`. */
  subjectId?: (args: A) => string;
  /** Counts the call against a rate limit, or refuses it. The returned callback is told the outcome. */
  count?: (context: Context, args: A) => Settle | undefined;
  /** Runs before the transaction begins: slow work, such as hashing. Its result is the third argument. */
  prepare?: (context: Context, args: A) => Promise<P>;
}

/** Called when a mutation is over, with its user errors and whether it was a dry run. */
export type Settle = (userErrors: readonly UserError[], dryRun: boolean) => void;

type Handler<A, P> = (write: Write, args: A, prepared: P) => Promise<Outcome>;

/** Attempts at a transaction that PostgreSQL rolls back to end a deadlock, or whose row changed its owner. */
const maximumAttempts = 4;
const retryable = new Set(["40001", "40P01"]);

/**
 * A mutation: `(write, args, prepared) => outcome`. It runs in one transaction with all that belongs to it: who did it,
 * for the audit trail, and the record of its idempotency key. It either comes to an outcome or leaves nothing behind.
 */
export function Mutates<A = Args, P = void>(options: MutationOptions<A, P>) {
  return (prototype: object, name: string, descriptor: TypedPropertyDescriptor<Handler<A, P>>) => {
    const handler = descriptor.value!;
    const { access, description, payload, errors, example, id, version, input, args: more = {}, needs = [] } = options;
    const names = [...(id ? ["id"] : []), ...(version ? ["ifVersion"] : []), ...(input ? ["input"] : [])];
    names.push(...Object.keys(more));
    const resolve = async (...given: unknown[]) => {
      const [context, info] = given.slice(names.length) as [Context, GraphQLResolveInfo];
      const args = Object.fromEntries(names.map((argument, i) => [argument, given[i]])) as A;
      demand(context, access);
      for (const { permission, when } of needs) if (!when) demand(context, [permission]);
      const settle = options.count?.(context, args);
      let userErrors: readonly UserError[] = [];
      try {
        const payload = await run(context, info, args, handler, options);
        userErrors = payload.userErrors as readonly UserError[];
        return payload;
      } finally {
        settle?.(userErrors, directivesOn(info).dryRun);
      }
    };
    const property = { value: resolve, writable: true, configurable: true, enumerable: false };
    Object.defineProperty(prototype, name, property);
    const codes = errors.length ? ` Errors: ${errors.map((code) => `\`${code}\``).join(", ")}.` : "";
    decorate(
      prototype,
      name,
      property,
      // Null when it is refused or fails: what other mutations of the request did must not vanish from the answer.
      Mutation(() => payload.type, {
        nullable: true,
        description: `${description}${codes} Example: \`${example}\`.`,
      }),
      declareAccess(access),
      declareNeeds(needs),
    );
    let at = 0;
    if (id) Arg("id", () => ID, { description: id })(prototype, name, at++);
    if (version) Arg("ifVersion", () => Int, versionArgument)(prototype, name, at++);
    if (input) Arg("input", () => input[0], { description: input[1] })(prototype, name, at++);
    for (const [argument, { type, ...rest }] of Object.entries(more)) {
      Arg(argument, type, rest)(prototype, name, at++);
    }
    Ctx()(prototype, name, at++);
    Info()(prototype, name, at++);
    return property;
  };
}

const versionArgument = {
  nullable: true,
  description:
    "Expected `version` of the resource (optimistic locking). At any other version nothing is changed, and a `VersionConflictError` says what was. Without it, the last write wins.",
};

/**
 * Says who writes, and whether the customer of a token is there. One who is not, or is of the other mode, sees nothing
 * and writes nothing, whoever issued the token.
 */
const beginSql = `SELECT set_config('customer_graph.who', $1, true),
  $2::text IS NULL OR EXISTS (SELECT FROM "customers" WHERE "id" = $2 AND "mode" = $3::"mode")`;

async function run<A, P>(
  context: Context,
  info: GraphQLResolveInfo,
  args: A,
  handler: Handler<A, P>,
  options: MutationOptions<A, P>,
) {
  const { database, loaders, viewer, writes } = context;
  await writes.end?.();
  const { dryRun, key } = directivesOn(info);
  const record = key && !dryRun ? new IdempotencyKey(viewer, key, info.fieldName, args) : undefined;
  const who = JSON.stringify(whoOf(viewer));
  const newOwners = new Set<string>();
  let write: Write | undefined;
  let prepared!: P;

  const work = async (query: Query) => {
    loaders.readThrough(query);
    write = new Write(context, query, info.schema, options.needs, newOwners);
    const customerId = viewer.kind === "customer" ? viewer.customerId : null;
    const [[, exists]] = (await query(beginSql, [who, customerId, viewer.mode])) as [[string, boolean]];
    const before = await record?.claim(query);
    if (before) {
      writes.replayed.push(String(info.path.key));
      return before;
    }
    if (!exists) {
      const message = "The customer of this access token does not exist; sign in again.";
      throw new AuthenticationError("UNAUTHENTICATED", message, { tokenSent: true });
    }
    const outcome = await handler(write, args, prepared);
    write.check();
    logUndeclaredCodes(context, info, options.errors, outcome.userErrors);
    if (record) await record.keep(query, await withFirst(options.payload, outcome, context));
    return outcome;
  };

  try {
    if (options.prepare) {
      // A replay is not prepared again: it might be refused now.
      const before = await record?.find(database.query);
      if (!before) prepared = await options.prepare(context, args);
    }
    for (let attempt = 1; ; attempt++) {
      try {
        if (dryRun) {
          const outcome = await deferRollback(context, work);
          writes.dryRun.push(String(info.path.key));
          return payloadFrom(options.payload, outcome, context, info);
        }
        const outcome = await database.transaction(work);
        writes.committed.push(String(info.path.key));
        for (const then of write!.afterCommit) then();
        context.live.announce();
        loaders.readThrough(undefined);
        return payloadFrom(options.payload, outcome, context, info);
      } catch (error) {
        if (attempt === maximumAttempts || !retryable.has((error as { code?: string }).code ?? "")) throw error;
      }
    }
  } catch (error) {
    loaders.readThrough(undefined);
    const errors = error instanceof Refusal ? error.errors : write?.asErrors(error);
    if (!errors) throw error;
    logUndeclaredCodes(context, info, options.errors, errors);
    const { subject, subjectId = ({ id }: A & { id?: string }) => id, payload } = options;
    return payloadFrom(
      payload,
      { ...(subject && { [subject]: subjectId(args as A & { id: string }) }), userErrors: errors },
      context,
      info,
    );
  }
}

/** Logs codes that the mutation's description does not name: clients branch on these. */
function logUndeclaredCodes(
  { log }: Context,
  { fieldName }: GraphQLResolveInfo,
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
    let undo = () => {};
    const transaction = database
      .transaction(async (query) => {
        const outcome = await work(query);
        const end = new Promise<void>((done) => {
          undo = done;
        });
        resolve(outcome);
        await end;
        throw new Rollback();
      })
      .catch((error: unknown) => {
        if (!(error instanceof Rollback)) reject(error);
      });
    writes.end = async () => {
      writes.end = undefined;
      loaders.readThrough(undefined);
      undo();
      await transaction;
    };
  });
}

/** Adds the rows that a payload shows to callers who may not read them: a replay shows these, and nothing newer. */
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
function revived(type: ModelType, kept: AnyRow): AnyRow {
  const columns = Object.fromEntries(
    Object.entries(kept).map(([field, value]) => {
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
    // `__typename` is no field of the type's own.
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
      if (read) return read(context, id, first && revived(modelTypeOf(row!()), first));
      const model = row ? modelTypeOf(row()).name : modelOfId(id);
      if (model && !list) await context.preload?.(model, id, `${info.path.key}.${key}`, nodes);
      if (!node) return context.loaders.byId(model!, id);
      const found = await context.loaders.node(id);
      return found instanceof (node() as new () => object) ? found : null;
    };
    const isRow = row || node;
    if (list) {
      const values = (value as string[] | undefined) ?? [];
      payload[field] = isRow ? (await Promise.all(values.map(find))).filter(Boolean) : values;
    } else if (value === undefined || value === null) payload[field] = otherwise ?? null;
    else if (isRow) payload[field] = await find(value as string);
    // What was kept with an idempotency key went through JSON.
    else payload[field] = type?.() === DateTime ? new Date(value as string) : value;
  }
  payload.userErrors = await Promise.all(
    (outcome.userErrors ?? []).map(async (error: UserError & { type?: string; current?: { id: string } }) =>
      // One that was kept with an idempotency key shows the resource as it is now.
      error.type && error.current ? { ...error, current: await context.loaders.node(error.current.id) } : error,
    ),
  );
  return payload;
}

/** Who writes, for the audit trail. domain rule: the application and, if there is one, the owner of the token. */
export function whoOf(viewer: Viewer): Record<string, unknown> {
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
