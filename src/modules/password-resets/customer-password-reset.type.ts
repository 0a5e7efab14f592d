import { DateTime } from "../../graph/model/scalars.js";
import { Attribute, Model } from "../../graph/schema/model.js";
import { Resource } from "../../graph/schema/resource.type.js";
import { nothing } from "../../graph/sql/condition.js";

@Model({
  description:
    "A password reset of a customer. Its token is sent to the customer by e-mail, works once and expires after six hours.",
  implements: Resource,
  visibleTo: { customer: nothing },
  defaultOrder: [{ field: "createdAt", direction: "DESC" }],
})
export class CustomerPasswordReset extends Resource<"CustomerPasswordReset"> {
  @Attribute(() => DateTime, { description: "When the token expires." })
  expiresAt!: Date;

  @Attribute(() => DateTime, { nullable: true, description: "When the new password was set; null before." })
  resetPasswordAt!: Date | null;

  customerId!: string;
}
