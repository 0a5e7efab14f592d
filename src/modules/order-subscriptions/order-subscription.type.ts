import { Field, Int, ObjectType } from "type-graphql";
import { own } from "../../graph/access/row-rules.js";
import type { EnumValue } from "../../graph/model/datamodel.js";
import { DateTime } from "../../graph/model/scalars.js";
import { Attribute, Model, registerEnum } from "../../graph/schema/model.js";
import { StateError, UserError } from "../../graph/write/user-error.type.js";
import { addTagFilters, Taggable } from "../tags/taggable.type.js";

export const OrderSubscriptionStatus = registerEnum("OrderSubscriptionStatus", "Status of a recurring order.", {
  draft: "Not yet complete.",
  inactive: "Deactivated; does not run.",
  active: "Runs on schedule.",
  running: "Running at this moment.",
  cancelled: "Cancelled for good.",
  pending: "Needs a working payment source in the wallet.",
});

@Model({
  description: "A recurring order.",
  implements: Taggable,
  visibleTo: { customer: own },
  defaultOrder: [{ field: "nextRunAt" }],
})
export class OrderSubscription extends Taggable<"OrderSubscription"> {
  @Attribute(() => String, { description: "Human-readable number, unique in the shop.", filter: "text", sort: true })
  number!: string;

  @Attribute(() => OrderSubscriptionStatus, { description: "Status of the recurring order.", filter: true, sort: true })
  status!: EnumValue<"OrderSubscriptionStatus">;

  @Attribute(() => String, {
    description:
      "How often it runs: `hourly`, `daily`, `weekly`, `monthly`, `two-month`, `three-month`, `four-month`, `six-month`, `yearly`, or a crontab expression.",
    filter: true,
    sort: true,
  })
  frequency!: string;

  @Attribute(() => Boolean, { description: "Whether the source order counts as the first run." })
  activateBySourceOrder!: boolean;

  @Attribute(() => Boolean, { description: "Whether the orders it makes are placed at once." })
  placeTargetOrder!: boolean;

  @Attribute(() => Int, { description: "Hours before the next run when the customer is notified, 1 to 720." })
  renewalAlertPeriod!: number;

  @Attribute(() => String, {
    nullable: true,
    description: "The customer's e-mail address, from the source order.",
    filter: "text",
    email: true,
  })
  customerEmail!: string | null;

  @Attribute(() => DateTime, { nullable: true, description: "When it starts.", filter: true, sort: true })
  startsAt!: Date | null;

  @Attribute(() => DateTime, { nullable: true, description: "When it ends; null for never.", filter: true })
  expiresAt!: Date | null;

  @Attribute(() => DateTime, { nullable: true, description: "When it last ran.", filter: true, sort: true })
  lastRunAt!: Date | null;

  @Attribute(() => DateTime, { nullable: true, description: "When it runs next.", filter: true, sort: true })
  nextRunAt!: Date | null;

  @Attribute(() => Int, { description: "Number of runs." })
  occurrencies!: number;

  @Attribute(() => Int, { description: "Number of failed runs." })
  errorsCount!: number;

  @Attribute(() => Boolean, { nullable: true, description: "Whether the last run succeeded; null before the first." })
  succeededOnLastRun!: boolean | null;

  marketId!: string | null;
  sourceOrderId!: string;
  customerId!: string | null;
  customerPaymentSourceId!: string | null;
}

addTagFilters(OrderSubscription);

@ObjectType({ implements: UserError, description: "The state of the recurring order does not allow this." })
export class OrderSubscriptionStateError extends StateError<EnumValue<"OrderSubscriptionStatus">> {
  @Field(() => OrderSubscriptionStatus, { description: "Status of the recurring order." })
  override status!: EnumValue<"OrderSubscriptionStatus">;
}
