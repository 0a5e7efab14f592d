import { Ctx, FieldResolver, Resolver, Root } from "type-graphql";
import { Access } from "../../platform/access/guard.js";
import type { Context } from "../../platform/context.js";
import { modelOfType } from "../../platform/database/datamodel.js";
import { hasManyEach } from "../../platform/graphql/relation.js";
import { ResourceResolver } from "../../platform/graphql/resource.resolver.js";
import { Resource } from "../../platform/graphql/resource.type.js";
import { ResourceMutations } from "../../platform/write/resource-writes.js";
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

/** What attachments add to every resource that can have some. */
export const attachmentResolvers = hasManyEach(attachableTypes, "attachments", Attachment, {
  description: "Documents and notes attached to it.",
  filters: true,
});
