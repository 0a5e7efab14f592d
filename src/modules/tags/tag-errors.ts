import { Field, Int, ObjectType } from "type-graphql";
import { UserError, UserErrorCode } from "../../graph/write/user-error.type.js";

@ObjectType({ implements: UserError, description: "There is no tag of this name." })
export class UnknownTagError extends UserError {
  @Field(() => String, { nullable: true, description: "The name of a tag that looks alike, if there is one." })
  suggestion!: string | null;

  constructor(path: string[], name: string, suggestion: string | null) {
    super();
    const hint = suggestion ? `did you mean "${suggestion}"?` : "make it first, or choose another.";
    const message = `There is no tag "${name}"; ${hint}`;
    Object.assign(this, { code: UserErrorCode.UNKNOWN_TAG, path, message, suggestion });
  }
}

@ObjectType({ implements: UserError, description: "The resource would have more tags than it may." })
export class TooManyTagsError extends UserError {
  @Field(() => Int, { description: "How many tags a resource may have." })
  limit!: number;

  constructor(limit: number, wanted: number, path: readonly string[]) {
    super();
    const message = `A resource may have ${limit} tags, and this one would have ${wanted}; remove some first.`;
    Object.assign(this, { code: UserErrorCode.TOO_MANY_TAGS, path: [...path], message, limit });
  }
}
