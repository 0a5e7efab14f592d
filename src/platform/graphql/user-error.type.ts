import { Field, InterfaceType, ObjectType, registerEnumType } from "type-graphql";

export enum UserErrorCode {
  NOT_FOUND = "NOT_FOUND",
  TAKEN = "TAKEN",
  INVALID = "INVALID",
  UNKNOWN_TAG = "UNKNOWN_TAG",
  TOO_MANY_TAGS = "TOO_MANY_TAGS",
  WRONG_STATE = "WRONG_STATE",
}
registerEnumType(UserErrorCode, {
  name: "UserErrorCode",
  description: "Why a mutation changed nothing, for programs.",
  valuesConfig: {
    NOT_FOUND: { description: "There is no such resource, or the caller may not see it." },
    TAKEN: { description: "Another resource has this value already, and it must be unique." },
    INVALID: { description: "A value is not allowed; the message says what would be right." },
    UNKNOWN_TAG: { description: "There is no tag of this name." },
    TOO_MANY_TAGS: { description: "The resource would have more tags than it may." },
    WRONG_STATE: { description: "The resource is in a state that does not allow this." },
  },
});

@InterfaceType({
  description: "Why a mutation changed nothing: an outcome that a form shows to its user.",
  resolveType: (error: UserError) => error.constructor.name,
})
export abstract class UserError {
  @Field(() => UserErrorCode, { description: "The reason, for programs." })
  code!: UserErrorCode;

  @Field(() => String, { description: "The reason, for people: a whole sentence." })
  message!: string;

  @Field(() => [String], {
    description: "The way to the argument at fault, such as `[names, 0]`; empty when no single one is.",
  })
  path!: string[];
}

@ObjectType({ implements: UserError, description: "An argument is at fault." })
export class InputError extends UserError {
  constructor(code: UserErrorCode, path: string[], message: string) {
    super();
    Object.assign(this, { code, path, message });
  }
}
