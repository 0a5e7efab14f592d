import { Field, InterfaceType } from "type-graphql";
import type { ModelName } from "../database/datamodel.js";
import { modelTypeNamed } from "./model.js";
import { objectTypeOf, Resource } from "./resource.type.js";

export { maximumTags } from "../write/values.js";

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
