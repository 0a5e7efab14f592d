import { Field, InterfaceType, ObjectType, registerEnumType } from "type-graphql";
import { type ModelErrorCode, models } from "../model/datamodel.js";
import { Resource } from "../schema/resource.type.js";

const codes = {
  NOT_FOUND: "There is no such resource, or the caller may not see it.",
  TAKEN: "The value must be unique and is already used by another resource.",
  INVALID: "A value is not allowed; the message says what would be right.",
  WRONG_STATE: "The resource is in a state that does not allow this.",
  VERSION_CONFLICT: "The resource is not at version `ifVersion`.",
  IN_USE: "Other resources depend on it, so it cannot be deleted.",
  BLOCKED: "Something blocks it; the error lists the blockers.",
  STALE_PREVIEW: "The preview has changed since it was confirmed.",
};
/** The codes of every mutation, and those that models add by `@error`. */
export type UserErrorCode = keyof typeof codes | ModelErrorCode;

const meanings = Object.entries(Object.assign({}, codes, ...[...models.values()].map(({ errors }) => errors)));
export const UserErrorCode = Object.fromEntries(meanings.map(([code]) => [code, code])) as {
  readonly [C in UserErrorCode]: C;
};
registerEnumType(UserErrorCode, {
  name: "UserErrorCode",
  description: "Code of a user error.",
  valuesConfig: Object.fromEntries(meanings.map(([code, description]) => [code, { description }])),
});

@InterfaceType({
  description: "An expected error of a mutation, to be shown to the user. The mutation changed nothing.",
  resolveType: (error: UserError & { type?: string }) => error.type ?? error.constructor.name,
})
export abstract class UserError {
  @Field(() => UserErrorCode, { description: "Error code, for programs." })
  code!: UserErrorCode;

  @Field(() => String, { description: "Error message, for the user: a whole sentence." })
  message!: string;

  @Field(() => [String], {
    description: "Path of the invalid argument, such as `[names, 0]`; empty when there is no single one.",
  })
  path!: string[];

  /** The form stored with an idempotency key. */
  toJSON(): object {
    return { ...this, type: this.constructor.name };
  }
}

@ObjectType({ implements: UserError, description: "An argument is invalid." })
export class InputError extends UserError {
  constructor(code: UserErrorCode, path: string[], message: string) {
    super();
    Object.assign(this, { code, path, message });
  }
}

/** The state of a resource does not allow a change. Each resource type has a subclass with the type of its state. */
export abstract class StateError<State> extends UserError {
  status!: State;

  constructor(status: State, message: string, path: readonly string[] = ["id"]) {
    super();
    Object.assign(this, { code: UserErrorCode.WRONG_STATE, path: [...path], message, status });
  }
}

/** Whether a resource has had a version; versions start at 1. */
export function hadVersion(resource: { version: number }, version: number): boolean {
  return version >= 1 && version <= resource.version;
}

@ObjectType({
  implements: UserError,
  description:
    "The resource is not at version `ifVersion`: it was changed since, or never had that version. Nothing was overwritten.",
})
export class VersionConflictError extends UserError {
  @Field(() => Resource, { nullable: true, description: "The current resource." })
  current!: unknown;

  @Field(() => [String], {
    nullable: true,
    description:
      "The fields that changed since then; null when the audit trail does not reach that far back, or there never was such a version.",
  })
  changed!: string[] | null;

  constructor(
    resource: { id: string; version: number },
    given: number,
    changed: string[] | null,
    path: readonly string[] = ["ifVersion"],
  ) {
    super();
    const message = hadVersion(resource, given)
      ? `The resource was changed in the meantime: it is at version ${resource.version}, not ${given}. Look at what changed, then send the change again with the new version.`
      : `The resource never had the version ${given}: it is at version ${resource.version}. Give the \`version\` that was read with the resource.`;
    Object.assign(this, {
      code: UserErrorCode.VERSION_CONFLICT,
      path: [...path],
      message,
      current: resource,
      changed,
    });
  }

  override toJSON() {
    return { ...super.toJSON(), current: { id: (this.current as { id: string }).id } };
  }
}

/** User errors, thrown to abort a write and roll it back. */
export class Refusal extends Error {
  override name = "Refusal";
  constructor(readonly errors: readonly UserError[]) {
    super("The write was refused.");
  }
}
