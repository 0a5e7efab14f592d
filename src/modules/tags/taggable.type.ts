import { Field, InterfaceType } from "type-graphql";
import type { ModelName } from "../../graph/model/datamodel.js";
import { SetFilter } from "../../graph/schema/filters.js";
import { addFilter, modelTypeNamed, modelTypeOf } from "../../graph/schema/model.js";
import { objectTypeOf, Resource } from "../../graph/schema/resource.type.js";

export { maximumTags } from "../../graph/model/values.js";

/** A resource that can carry tags. */
@InterfaceType({
  implements: Resource,
  description: "A resource that can carry tags, at most 10.",
  resolveType: objectTypeOf,
})
export abstract class Taggable<M extends ModelName = ModelName> extends Resource<M> {
  @Field(() => [modelTypeNamed("Tag").type], {
    nullable: true,
    description: "Its tags, at most 10, in the order of their names.",
  })
  tags!: unknown[] | null;
}

/** Lets lists of a model be filtered by its tags: `tags` by name, `tagIds` by id. */
export function addTagFilters(type: abstract new (...args: never[]) => object) {
  const model = modelTypeOf(type);
  addFilter(model, "tags", { kind: "tags", name: "tags" }, () => SetFilter, "By the names of its tags.");
  addFilter(model, "tagIds", { kind: "tagIds", name: "tags" }, () => SetFilter, "By the ids of its tags.");
}
