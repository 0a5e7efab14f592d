import { Field, Int, ObjectType } from "type-graphql";
import { Taggable } from "../../platform/graphql/taggable.type.js";
import { UserError, UserErrorCode } from "../../platform/graphql/user-error.type.js";
import { Tag } from "./tag.type.js";

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

  constructor(limit: number, wanted: number) {
    super();
    const message = `A resource may have ${limit} tags, and this one would have ${wanted}; remove some first.`;
    Object.assign(this, { code: UserErrorCode.TOO_MANY_TAGS, path: ["names"], message, limit });
  }
}

@ObjectType({ description: "What putting tags on a resource came to." })
export class TagsAddPayload {
  @Field(() => Taggable, { nullable: true, description: "The resource after the change; null when it does not exist." })
  resource!: unknown;

  @Field(() => [Tag], { description: "The tags that are new on it." })
  added!: unknown[];

  @Field(() => [Tag], { description: "The tags that it had already." })
  unchanged!: unknown[];

  @Field(() => [UserError], { description: "Why nothing was changed; empty when all went well." })
  userErrors!: UserError[];
}

@ObjectType({ description: "What taking tags off a resource came to." })
export class TagsRemovePayload {
  @Field(() => Taggable, { nullable: true, description: "The resource after the change; null when it does not exist." })
  resource!: unknown;

  @Field(() => [Tag], { description: "The tags that are no longer on it." })
  removed!: unknown[];

  @Field(() => [Tag], { description: "The tags that were not on it." })
  unchanged!: unknown[];

  @Field(() => [UserError], { description: "Why nothing was changed; empty when all went well." })
  userErrors!: UserError[];
}
