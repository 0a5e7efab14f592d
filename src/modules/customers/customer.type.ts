import { Int } from "type-graphql";
import type { EnumValue } from "../../graph/model/datamodel.js";
import { Attribute, Model, registerEnum } from "../../graph/schema/model.js";
import { addTagFilters, Taggable } from "../tags/taggable.type.js";

export const CustomerStatus = registerEnum("CustomerStatus", "Customer status, by the number of placed orders.", {
  prospect: "No placed orders.",
  acquired: "Exactly one placed order.",
  repeat: "Two or more placed orders.",
});

export const AnonymizationStatus = registerEnum("AnonymizationStatus", "Status of a request to anonymize a customer.", {
  requested: "Requested, not started; can still be cancelled.",
  started: "In progress; can no longer be cancelled.",
  completed: "Done; final.",
  failed: "Failed; may be requested again.",
  cancelled: "Cancelled before it started; may be requested again.",
});

@Model({
  description: "A person or company who buys from the shop.",
  implements: Taggable,
  visibleTo: { customer: ({ customerId }) => ({ op: "eq", field: "id", value: customerId }) },
  defaultOrder: [{ field: "createdAt", direction: "DESC" }],
  filters: { reference: "text", metadata: true },
})
export class Customer extends Taggable<"Customer"> {
  @Attribute(() => String, {
    description: "The e-mail address that identifies the customer, in lower case. Unique in the shop.",
    filter: "text",
    sort: true,
    email: true,
  })
  email!: string;

  @Attribute(() => CustomerStatus, {
    description: "Derived from the number of placed orders: none, one, or more.",
    filter: true,
    sort: true,
  })
  status!: EnumValue<"CustomerStatus">;

  @Attribute(() => Boolean, {
    description: "Whether the customer has a password: `true` for registered customers, `false` for guests.",
    filter: true,
  })
  hasPassword!: boolean;

  @Attribute(() => Int, {
    description: "How many orders the customer has placed. Carts are not counted; cancelled orders are.",
    filter: true,
    sort: true,
  })
  totalOrdersCount!: number;

  @Attribute(() => String, {
    description:
      "Identifies the customer in payment sessions at the gateways. 3 to 128 characters, generated when not given.",
  })
  shopperReference!: string;

  @Attribute(() => String, {
    description: "Identifies the customer at connected external services. Generated when not given.",
  })
  profileId!: string;

  @Attribute(() => String, { nullable: true, description: "The reason why the customer pays no taxes. Confidential." })
  taxExemptionCode!: string | null;

  @Attribute(() => AnonymizationStatus, {
    nullable: true,
    description: "Status of the latest request to anonymize the customer; null when there was none.",
    filter: true,
    sort: true,
  })
  anonymizationStatus!: EnumValue<"AnonymizationStatus"> | null;

  customerGroupId!: string | null;
  anonymizationRequestedAt!: Date | null;
  anonymizationStartedAt!: Date | null;
  anonymizationCompletedAt!: Date | null;
  anonymizationFailedAt!: Date | null;
  anonymizationCancelledAt!: Date | null;
  anonymizationReceipt!: string | null;
  legalHoldAt!: Date | null;
  legalHoldReason!: string | null;
  legalHoldRequester!: Record<string, string | null> | null;
  anonymizationReason!: string | null;
  anonymizationCancellationReason!: string | null;
  anonymizationRequester!: Record<string, string | null> | null;
  anonymizationCancellationRequester!: Record<string, string | null> | null;
}

addTagFilters(Customer);
