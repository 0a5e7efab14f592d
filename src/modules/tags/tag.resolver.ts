import { Ctx, FieldResolver, Resolver, Root } from "type-graphql";
import { Guarded } from "../../graph/access/guard.js";
import type { Context } from "../../graph/context.js";
import { codeKey } from "../../graph/model/values.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import type { Resource } from "../../graph/schema/resource.type.js";
import { declareSource } from "../../graph/schema/source.js";
import type { Outcome } from "../../graph/write/idempotency.js";
import { type Args, Mutates, payloadOf } from "../../graph/write/mutation.js";
import { ResourceMutations } from "../../graph/write/resource-writes.js";
import type { Write } from "../../graph/write/transaction.js";
import { Tag } from "./tag.type.js";
import { tagWrites } from "./tag.writes.js";
import { maximumTags } from "./tag-rules.js";
import { Taggable } from "./taggable.type.js";
import { addTags, needsOfTagging, removeTags, replaceTags } from "./tagging.js";

interface TagArgs extends Args {
  names: string[];
}

/** Payload fields shared by all tag mutations. */
const change = {
  access: ["tags:assign"],
  needs: needsOfTagging,
  errors: ["NOT_FOUND", "INVALID", "UNKNOWN_TAG", "WRONG_STATE"],
  id: "The resource: anything `Taggable`.",
  args: { names: { type: () => [String], description: "Names of the tags, case-insensitive." } },
  subject: "resource",
} as const;

const resourceField = {
  description: "The resource after the change; null when it does not exist.",
  node: () => Taggable,
};
const tagList = (description: string) => ({ description, row: () => Tag, list: true }) as const;

@Resolver(() => Tag)
export class TagResolver extends ResourceResolver(Tag, {
  one: "tag",
  many: "tags",
  keys: { name: { description: "Its name, case-insensitive.", stored: codeKey } },
}) {
  @Mutates<TagArgs>({
    ...change,
    description:
      "Adds existing tags to a resource. All or nothing: an unknown name, or more than 10 tags in total, rejects the call.",
    errors: [...change.errors, "TOO_MANY_TAGS"],
    example:
      'mutation { tagsAdd(id: "cus_bruno", names: ["vip"]) { resource { id } added { name } userErrors { code message path } } }',
    payload: payloadOf("TagsAdd", "Result of `tagsAdd`.", {
      resource: resourceField,
      added: tagList("Tags that were added."),
      unchanged: tagList("Tags that it already had."),
    }),
  })
  async tagsAdd(write: Write, { id, names }: TagArgs): Promise<Outcome> {
    return { resource: id, ...(await addTags(write, id, names)) };
  }

  @Mutates<TagArgs>({
    ...change,
    description:
      "Removes tags from a resource. Tags that it does not have are ignored; an unknown name rejects the call.",
    example:
      'mutation { tagsRemove(id: "cus_ada", names: ["vip"]) { resource { id } removed { name } userErrors { code message path } } }',
    payload: payloadOf("TagsRemove", "Result of `tagsRemove`.", {
      resource: resourceField,
      removed: tagList("Tags that were removed."),
      unchanged: tagList("Tags that it did not have."),
    }),
  })
  async tagsRemove(write: Write, { id, names }: TagArgs): Promise<Outcome> {
    return { resource: id, ...(await removeTags(write, id, names)) };
  }

  @Mutates<TagArgs>({
    ...change,
    description: "Replaces the tags of a resource by exactly these; `[]` removes all.",
    errors: [...change.errors, "TOO_MANY_TAGS"],
    example:
      'mutation { tagsReplace(id: "cus_ada", names: ["vip"]) { resource { id } added { name } removed { name } userErrors { code message path } } }',
    payload: payloadOf("TagsReplace", "Result of `tagsReplace`.", {
      resource: resourceField,
      added: tagList("Tags that were added."),
      removed: tagList("Tags that were removed."),
      unchanged: tagList("Tags that it already had."),
    }),
  })
  async tagsReplace(write: Write, { id, names }: TagArgs): Promise<Outcome> {
    return { resource: id, ...(await replaceTags(write, id, names)) };
  }
}

export const TagMutations = ResourceMutations(tagWrites);

/** Fields that tags add to every taggable resource. */
@Resolver(() => Taggable)
export class TaggableResolver {
  @Guarded("tags:read")
  @declareSource({ kind: "all", relation: "tags", limit: maximumTags })
  @FieldResolver()
  tags(@Root() resource: Resource<"Customer">, @Ctx() { loaders }: Context) {
    return loaders.all(resource, "tags", maximumTags);
  }
}

export const resolvers = [TagResolver, TagMutations, TaggableResolver];
