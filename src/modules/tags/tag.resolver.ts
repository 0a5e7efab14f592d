import { Arg, Ctx, FieldResolver, ID, Mutation, Resolver, Root } from "type-graphql";
import { Access, Guarded } from "../../platform/access/guard.js";
import type { Context } from "../../platform/context.js";
import { addTagFilters } from "../../platform/graphql/relation.js";
import { ResourceResolver } from "../../platform/graphql/resource.resolver.js";
import type { Resource } from "../../platform/graphql/resource.type.js";
import { maximumTags, Taggable } from "../../platform/graphql/taggable.type.js";
import { madeFrom } from "../../platform/plan/source.js";
import { Customer } from "../customers/customer.type.js";
import { OrderSubscription } from "../order-subscriptions/order-subscription.type.js";
import { Order } from "../orders/order.type.js";
import { Return } from "../returns/return.type.js";
import { TagsAddPayload, TagsRemovePayload } from "./tag.payloads.js";
import { addTags, removeTags } from "./tag.service.js";
import { Tag } from "./tag.type.js";

for (const type of [Customer, Order, OrderSubscription, Return]) addTagFilters(type);

@Resolver(() => Tag)
export class TagResolver extends ResourceResolver(Tag, {
  one: "tag",
  many: "tags",
  keys: { name: { description: "Its name; the case does not matter.", lowerCase: true } },
}) {
  @Access("tags:assign")
  @Mutation(() => TagsAddPayload, {
    description:
      "Puts existing tags on a resource. All or none: with an unknown name, or more than 10 tags in the end, nothing changes.",
  })
  tagsAdd(
    @Arg("id", () => ID, { description: "The resource: anything `Taggable`." }) id: string,
    @Arg("names", () => [String], { description: "The names of the tags; the case does not matter." }) names: string[],
    @Ctx() context: Context,
  ): Promise<TagsAddPayload> {
    return addTags(context, id, names);
  }

  @Access("tags:assign")
  @Mutation(() => TagsRemovePayload, {
    description:
      "Takes tags off a resource. Tags that are not on it change nothing; with an unknown name nothing changes.",
  })
  tagsRemove(
    @Arg("id", () => ID, { description: "The resource: anything `Taggable`." }) id: string,
    @Arg("names", () => [String], { description: "The names of the tags; the case does not matter." }) names: string[],
    @Ctx() context: Context,
  ): Promise<TagsRemovePayload> {
    return removeTags(context, id, names);
  }
}

/** What tags add to everything that can carry some. */
@Resolver(() => Taggable)
export class TaggableResolver {
  @Guarded("tags:read")
  @madeFrom({ kind: "all", relation: "tags", limit: maximumTags })
  @FieldResolver()
  tags(@Root() resource: Resource<"Customer">, @Ctx() { loaders }: Context) {
    return loaders.all(resource, "tags", maximumTags);
  }
}
