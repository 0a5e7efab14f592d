import { Arg, Ctx, ID, Query, Resolver } from "type-graphql";
import { UserInputError } from "../../errors.js";
import { Access } from "../../graph/access/guard.js";
import type { Context } from "../../graph/context.js";
import { Node } from "../../graph/schema/resource.type.js";
import { declareSource } from "../../graph/schema/source.js";

const maximumNodes = 100;

@Resolver()
export class NodeResolver {
  @Access()
  @declareSource({ kind: "node" })
  @Query(() => Node, { nullable: true, description: "Any resource by its id, or null when there is none." })
  node(@Arg("id", () => ID, { description: "The id." }) id: string, @Ctx() { loaders }: Context) {
    return loaders.node(id);
  }

  @Access()
  @Query(() => [Node], {
    nullable: "itemsAndList",
    description: "Resources of any kind by their ids, in the order of the ids, with null for those that do not exist.",
  })
  nodes(
    @Arg("ids", () => [ID], { description: `The ids, at most ${maximumNodes}.` }) ids: string[],
    @Ctx() { loaders }: Context,
  ) {
    if (ids.length > maximumNodes) throw new UserInputError(["ids"], `has ${ids.length} ids; at most ${maximumNodes}.`);
    // Resolves ids independently, so that an invalid id does not affect the others.
    return ids.map((id) => loaders.node(id));
  }
}

export const resolvers = [NodeResolver];
