import { DateTime } from "../../graph/model/scalars.js";
import { Attribute, Model } from "../../graph/schema/model.js";
import { Resource } from "../../graph/schema/resource.type.js";
import { nothing } from "../../graph/sql/condition.js";

@Model({
  description: "A customer's way to a new password: a token that is sent to them, good once and for six hours.",
  implements: Resource,
  visibleTo: { customer: nothing },
  defaultOrder: [{ field: "createdAt", direction: "DESC" }],
})
export class CustomerPasswordReset extends Resource<"CustomerPasswordReset"> {
  @Attribute(() => DateTime, { description: "When the token stops working." })
  expiresAt!: Date;

  @Attribute(() => DateTime, { nullable: true, description: "When the new password was set; null before." })
  resetPasswordAt!: Date | null;

  customerId!: string;
}
