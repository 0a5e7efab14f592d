import { Field, Int, ObjectType } from "type-graphql";
import { own } from "../../graph/access/row-rules.js";
import type { EnumValue } from "../../graph/model/datamodel.js";
import { DateTime } from "../../graph/model/scalars.js";
import { Attribute, Model, Money, registerEnum } from "../../graph/schema/model.js";
import { StateError, UserError } from "../../graph/write/user-error.type.js";
import { addTagFilters, Taggable } from "../tags/taggable.type.js";

export const ReturnStatus = registerEnum("ReturnStatus", "Status of a return.", {
  draft: "Draft: still being edited.",
  requested: "Requested by the customer.",
  approved: "Approved by the shop; may be sent.",
  cancelled: "Cancelled before shipping.",
  shipped: "On its way to the shop.",
  rejected: "Rejected by the shop.",
  received: "Received by the shop.",
  refunded: "Refunded by the shop.",
});

@Model({
  description: "Goods that a customer sends back.",
  implements: Taggable,
  visibleTo: { customer: own },
  defaultOrder: [{ field: "createdAt", direction: "DESC" }],
  filters: { reference: "text" },
})
export class Return extends Taggable<"Return"> {
  @Attribute(() => String, {
    description: "Human-readable number, unique in the shop: the order's number, `/R/` and a counter.",
    filter: "text",
    sort: true,
  })
  number!: string;

  @Attribute(() => ReturnStatus, { description: "Status of the return.", filter: true, sort: true })
  status!: EnumValue<"ReturnStatus">;

  @Attribute(() => String, {
    nullable: true,
    description: "The customer's e-mail address, from the order.",
    filter: "text",
    email: true,
  })
  customerEmail!: string | null;

  @Attribute(() => Int, { description: "Derived: how many SKUs are in the return line items.", filter: true })
  skusCount!: number;

  @Attribute(() => String, { nullable: true, description: "Currency of the amounts, inherited from the order." })
  currencyCode!: string | null;

  @Attribute(() => DateTime, { nullable: true, description: "When it was approved." })
  approvedAt!: Date | null;

  @Attribute(() => DateTime, { nullable: true, description: "When it was cancelled." })
  cancelledAt!: Date | null;

  @Attribute(() => DateTime, { nullable: true, description: "When it was shipped." })
  shippedAt!: Date | null;

  @Attribute(() => DateTime, { nullable: true, description: "When it was rejected." })
  rejectedAt!: Date | null;

  @Attribute(() => DateTime, { nullable: true, description: "When it was received." })
  receivedAt!: Date | null;

  @Attribute(() => DateTime, { nullable: true, description: "When it was refunded." })
  refundedAt!: Date | null;

  @Attribute(() => DateTime, {
    nullable: true,
    description: "When it was archived; null while it is not.",
    filter: true,
  })
  archivedAt!: Date | null;

  @Money("Derived: sum of the return line items")
  estimatedRefundAmountCents!: number;

  orderId!: string;
  customerId!: string | null;
  stockLocationId!: string | null;
  originAddressId!: string | null;
  destinationAddressId!: string | null;
}

addTagFilters(Return);

@ObjectType({ implements: UserError, description: "The state of the return does not allow this." })
export class ReturnStateError extends StateError<EnumValue<"ReturnStatus">> {
  @Field(() => ReturnStatus, { description: "Status of the return." })
  override status!: EnumValue<"ReturnStatus">;
}
