import { Field, InputType, InterfaceType } from "type-graphql";
import type { ModelName } from "../../graph/model/datamodel.js";
import { codeKey } from "../../graph/model/values.js";
import { addFilter, modelTypeNamed, modelTypeOf } from "../../graph/schema/model.js";
import { objectTypeOf, Resource } from "../../graph/schema/resource.type.js";

/** A resource that can carry tags. */
@InterfaceType({
  implements: Resource,
  description: "A resource that can carry tags, at most 10.",
  resolveType: objectTypeOf,
})
export abstract class Taggable<M extends ModelName = ModelName> extends Resource<M> {
  @Field(() => [modelTypeNamed("Tag").type], {
    nullable: true,
    description: "Its tags, at most 10, sorted by name.",
  })
  tags!: unknown[] | null;
}

/** Filter on the tags of a resource, by name or by id. */
@InputType({ description: "Filter on the tags of a resource. All given operators must match." })
export class SetFilter {
  @Field(() => [String], { nullable: true, description: "Has at least one of these; an empty list matches nothing." })
  any?: string[];

  @Field(() => [String], { nullable: true, description: "Has every one of these." })
  all?: string[];

  @Field(() => [String], { nullable: true, description: "Has none of these." })
  none?: string[];
}

/** Adds tag filters to lists of a model: `tags` by name, `tagIds` by id. */
export function addTagFilters(type: abstract new (...args: never[]) => object) {
  const model = modelTypeOf(type);
  addFilter(
    model,
    "tags",
    { kind: "set", name: "tags", by: { field: "name", stored: codeKey } },
    () => SetFilter,
    "Filter on the names of its tags.",
  );
  addFilter(model, "tagIds", { kind: "set", name: "tags" }, () => SetFilter, "Filter on the ids of its tags.");
}
