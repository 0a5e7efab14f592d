import { Ctx, FieldResolver, Resolver, Root } from "type-graphql";
import { Access } from "../../graph/access/guard.js";
import type { Context } from "../../graph/context.js";
import { modelOfType } from "../../graph/model/datamodel.js";
import { hasManyEach } from "../../graph/schema/relation.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import { Resource } from "../../graph/schema/resource.type.js";
import { ResourceMutations } from "../../graph/write/resource-writes.js";
import { Attachment } from "./attachment.type.js";
import { attachableTypes, attachmentWrites } from "./attachment.writes.js";

@Resolver(() => Attachment)
export class AttachmentResolver extends ResourceResolver(Attachment, { one: "attachment" }) {
  @Access()
  @FieldResolver(() => Resource, { nullable: true, description: "The resource it is attached to." })
  async attachable(@Root() attachment: Attachment, @Ctx() { loaders }: Context) {
    const model = modelOfType(attachment.attachableType);
    const row = model ? await loaders.byId(model.name, attachment.attachableId) : null;
    return row instanceof Resource ? row : null;
  }
}

export const AttachmentMutations = ResourceMutations(attachmentWrites);

/** Fields that attachments add to every resource that can have them. */
export const attachmentResolvers = hasManyEach(attachableTypes, "attachments", Attachment, {
  description: "Documents and notes attached to it.",
  filters: true,
});

export const resolvers = [AttachmentResolver, AttachmentMutations, ...attachmentResolvers];
