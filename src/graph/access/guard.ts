import type { GraphQLField, GraphQLResolveInfo, GraphQLSchema } from "graphql";
import { Extensions, type MiddlewareFn, UseMiddleware } from "type-graphql";
import { ApiError, AuthenticationError } from "../../errors.js";
import { type Permission, permissionName, unreadable } from "./permission.js";
import type { Viewer } from "./viewer.js";

/** The part of the request context that guards use: the viewer, and the list of redactions. */
export interface GuardContext {
  readonly viewer: Viewer;
  readonly redactions: Redaction[];
}

/** A redacted field of a response, and the permissions that it needs. */
export interface Redaction {
  path: (string | number)[];
  missing: readonly Permission[];
}

/**
 * Declares the permissions of a field: the source of `@access` in the published schema. A function is evaluated when the
 * schema is built, after all classes were loaded.
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

/** An additional permission of a mutation, needed always or in one case. */
export interface Need {
  readonly permission: Permission;
  /** The case, as the end of a sentence: `for a new address`. Undefined: always. */
  readonly when?: string;
}

/** Declares the additional permissions of a mutation: the source of its description and of `@access`. */
export function declareNeeds(needs: readonly Need[]): MethodDecorator & PropertyDecorator {
  return Extensions({ needs }) as MethodDecorator & PropertyDecorator;
}

/** Whether a viewer has one of these permissions. */
export function permits(viewer: Viewer, anyOf: readonly Permission[]): boolean {
  return anyOf.some((permission) => viewer.permissions.has(permission));
}

/** Whether a viewer may use a root field: with one of these permissions; with any token if none are given. */
export function permitsRoot(viewer: Viewer, anyOf: readonly Permission[]): boolean {
  return viewer.kind !== "anonymous" && (anyOf.length === 0 || permits(viewer, anyOf));
}

/** Throws FORBIDDEN or UNAUTHENTICATED if the permission of a root field is missing. */
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

/** Whether a field inside an object is redacted; if so, adds it to `extensions.redactions`. */
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

/** The visible part of a value that quotes other fields, and the permissions of the hidden parts. */
export type Quotes = (
  row: Record<string, unknown>,
  viewer: Viewer,
  schema: GraphQLSchema,
) => { shown: unknown; missing: readonly Permission[] };

/** A field whose value quotes others: complete for callers with every permission, partial for all others. */
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

/** Whether the field's resolver must redact its value for this viewer. */
export function isQuotedInPart(field: GraphQLField<unknown, unknown>, viewer: Viewer): boolean {
  return Boolean(field.extensions.quotes) && unreadable(viewer.permissions).length > 0;
}

/** Field guard: null, and listed in `extensions.redactions`, without one of these permissions. */
export function Guarded(...anyOf: Permission[]): PropertyDecorator & MethodDecorator {
  const guard: MiddlewareFn<GuardContext> = ({ context, info }, next) =>
    isRedacted(context, anyOf, info) ? Promise.resolve(null) : next();
  return (prototype: object, name: string | symbol) => {
    UseMiddleware(guard)(prototype, name);
    declareAccess(anyOf)(prototype, name);
  };
}

/**
 * Root field guard: rejected without one of these permissions; if none are given, any access token is enough.
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
