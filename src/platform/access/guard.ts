import type { GraphQLResolveInfo } from "graphql";
import { Extensions, type MiddlewareFn, UseMiddleware } from "type-graphql";
import type { Context } from "../context.js";
import { ApiError, AuthenticationError } from "../errors.js";
import { type Permission, permissionName } from "./permission.js";
import type { Viewer } from "./viewer.js";

/** A field that was left out of an answer, and what the caller would need to see it. */
export interface Redaction {
  path: (string | number)[];
  missing: readonly Permission[];
}

/** Notes beside a field which permissions open it: the source of `@access` in the published schema. */
export function declareAccess(anyOf: readonly Permission[]): MethodDecorator & PropertyDecorator {
  return Extensions({ access: anyOf }) as MethodDecorator & PropertyDecorator;
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
export function demand(context: Context, anyOf: readonly Permission[]) {
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
export function isRedacted(context: Context, anyOf: readonly Permission[], info: GraphQLResolveInfo): boolean {
  if (permits(context.viewer, anyOf)) return false;
  const path: (string | number)[] = [];
  for (let step: typeof info.path | undefined = info.path; step; step = step.prev) path.unshift(step.key);
  context.redactions.push({ path, missing: anyOf });
  return true;
}

/** A nullable field of an object that is null, and noted as redacted, without one of these permissions. */
export function Guarded(...anyOf: Permission[]): PropertyDecorator & MethodDecorator {
  const guard: MiddlewareFn<Context> = ({ context, info }, next) =>
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
    const check: MiddlewareFn<Context> = ({ context }, next) => {
      demand(context, anyOf);
      return next();
    };
    UseMiddleware(check)(prototype, name, descriptor as never);
    declareAccess(anyOf)(prototype, name, descriptor);
  };
}
