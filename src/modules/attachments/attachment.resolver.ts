import { Ctx, FieldResolver, Resolver, Root } from "type-graphql";
import { Access } from "../../platform/access/guard.js";
import type { Context } from "../../platform/context.js";
import { modelOfType } from "../../platform/database/datamodel.js";
import { hasManyEach } from "../../platform/graphql/relation.js";
import { ResourceResolver } from "../../platform/graphql/resource.resolver.js";
import { Resource } from "../../platform/graphql/resource.type.js";
import { ResourceMutations } from "../../platform/write/resource-writes.js";
import { CustomerGroup } from "../customer-groups/customer-group.type.js";
import { Customer } from "../customers/customer.type.js";
import { Market } from "../markets/market.type.js";
import { Order } from "../orders/order.type.js";
import { PaymentMethod } from "../payment-methods/payment-method.type.js";
import { Return } from "../returns/return.type.js";
import { SkuList } from "../sku-lists/sku-list.type.js";
import { Sku } from "../skus/sku.type.js";
import { StockLocation } from "../stock-locations/stock-location.type.js";
import { Attachment } from "./attachment.type.js";
import { attachmentWrites } from "./attachment.writes.js";

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
export const attachmentResolvers = hasManyEach(
  [Customer, CustomerGroup, Order, Return, SkuList, Sku, Market, StockLocation, PaymentMethod],
  "attachments",
  Attachment,
  { description: "Documents and notes attached to it.", filters: true },
);
