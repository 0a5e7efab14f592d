import type { GraphQLField, GraphQLResolveInfo, GraphQLSchema } from "graphql";
import { Extensions, type MiddlewareFn, UseMiddleware } from "type-graphql";
import { ApiError, AuthenticationError } from "../../errors.js";
import { type Permission, permissionName, unreadable } from "./permission.js";
import type { Viewer } from "./viewer.js";

/** What guards need of a request: who asks, and where they note what they left out. */
export interface GuardContext {
  readonly viewer: Viewer;
  readonly redactions: Redaction[];
}

/** A field that was left out of an answer, and what the caller would need to see it. */
export interface Redaction {
  path: (string | number)[];
  missing: readonly Permission[];
}

/**
 * Notes beside a field which permissions open it: the source of `@access` in the published schema. A function is asked
 * when the schema is built, once all classes are known.
 */
export function declareAccess(
  anyOf: readonly Permission[] | (() => readonly Permission[]),
): MethodDecorator & PropertyDecorator {
  return Extensions({
    get access() {
      return typeof anyOf === "function" ? anyOf() : anyOf;
    },
  }) as MethodDecorator & PropertyDecorator;
}

/** A permission that a mutation needs beside its own, always or in one case. */
export interface Need {
  readonly permission: Permission;
  /** In which case, as the end of a sentence: `for a new address`. Absent: always. */
  readonly when?: string;
}

/** Notes beside a mutation what it needs beside its own permission: the source of the description, and of `@access`. */
export function declareNeeds(needs: readonly Need[]): MethodDecorator & PropertyDecorator {
  return Extensions({ needs }) as MethodDecorator & PropertyDecorator;
}

/** Whether a viewer has one of these permissions. */
export function permits(viewer: Viewer, anyOf: readonly Permission[]): boolean {
  return anyOf.some((permission) => viewer.permissions.has(permission));
}

/** Whether a viewer may use a root field: with one of these permissions or, if none is named, any token. */
export function permitsRoot(viewer: Viewer, anyOf: readonly Permission[]): boolean {
  return viewer.kind !== "anonymous" && (anyOf.length === 0 || permits(viewer, anyOf));
}

/** Refuses a root field or mutation whose permission is missing. */
export function demand(context: GuardContext, anyOf: readonly Permission[]) {
  if (permitsRoot(context.viewer, anyOf)) return;
  if (context.viewer.kind === "anonymous") {
    const message = "This needs an access token. Send it as `Authorization: Bearer …`.";
    throw new AuthenticationError("UNAUTHENTICATED", message, { tokenSent: false });
  }
  throw new ApiError("FORBIDDEN", `The access token lacks the permission ${anyOf.map(permissionName).join(" or ")}.`, {
    missing: anyOf.map(permissionName),
  });
}

/** Whether a field inside an object is left out; if so, the answer tells under `extensions.redactions`. */
export function isRedacted(context: GuardContext, anyOf: readonly Permission[], info: GraphQLResolveInfo): boolean {
  if (permits(context.viewer, anyOf)) return false;
  redact(context, anyOf, info);
  return true;
}

function redact(context: GuardContext, missing: readonly Permission[], info: GraphQLResolveInfo) {
  const path: (string | number)[] = [];
  for (let step: typeof info.path | undefined = info.path; step; step = step.prev) path.unshift(step.key);
  context.redactions.push({ path, missing });
}

/** What of a value that quotes other fields a viewer sees, and which permissions the rest of such values needs. */
export type Quotes = (
  row: Record<string, unknown>,
  viewer: Viewer,
  schema: GraphQLSchema,
) => { shown: unknown; missing: readonly Permission[] };

/** A field whose value quotes others: whole for who may read everything, in part for everybody else. */
export function Quoting(quotes: Quotes): PropertyDecorator {
  const filter: MiddlewareFn<GuardContext> = async ({ root, context, info }, next) => {
    if (!unreadable(context.viewer.permissions).length) return next();
    const { shown, missing } = quotes(root as Record<string, unknown>, context.viewer, info.schema);
    if (missing.length) redact(context, missing, info);
    return shown;
  };
  return (prototype, name) => {
    UseMiddleware(filter)(prototype, name);
    Extensions({ quotes: true })(prototype, name as string);
  };
}

/** Whether the field's resolver has to decide what of its value the viewer sees. */
export function isQuotedInPart(field: GraphQLField<unknown, unknown>, viewer: Viewer): boolean {
  return Boolean(field.extensions.quotes) && unreadable(viewer.permissions).length > 0;
}

/** A nullable field of an object that is null, and noted as redacted, without one of these permissions. */
export function Guarded(...anyOf: Permission[]): PropertyDecorator & MethodDecorator {
  const guard: MiddlewareFn<GuardContext> = ({ context, info }, next) =>
    isRedacted(context, anyOf, info) ? Promise.resolve(null) : next();
  return (prototype: object, name: string | symbol) => {
    UseMiddleware(guard)(prototype, name);
    declareAccess(anyOf)(prototype, name);
  };
}

/**
 * The field rule of a root field or mutation: refused without one of these permissions; with none named, to callers
 * without a token.
 */
export function Access(...anyOf: Permission[]): MethodDecorator {
  return (prototype, name, descriptor) => {
    const check: MiddlewareFn<GuardContext> = ({ context }, next) => {
      demand(context, anyOf);
      return next();
    };
    UseMiddleware(check)(prototype, name, descriptor);
    declareAccess(anyOf)(prototype, name, descriptor);
  };
}
