import type { EnumValue } from "../../graph/model/datamodel.js";
import { DateTime } from "../../graph/model/scalars.js";
import { Attribute, Model, Money, registerEnum } from "../../graph/schema/model.js";
import { Resource } from "../../graph/schema/resource.type.js";
import type { Condition } from "../../graph/sql/condition.js";

export const PaymentSourceType = registerEnum("PaymentSourceType", "Type of payment source, by gateway.", {
  adyen_payments: "A payment at Adyen.",
  axerve_payments: "A payment at Axerve.",
  braintree_payments: "A payment at Braintree.",
  checkout_com_payments: "A payment at Checkout.com.",
  external_payments: "A payment at a gateway of the shop's own.",
  klarna_payments: "A payment at Klarna.",
  paypal_payments: "A payment at PayPal.",
  satispay_payments: "A payment at Satispay.",
  stripe_payments: "A payment at Stripe.",
  wire_transfers: "A transfer to the shop's bank account.",
});

const isEnabled: Condition = { op: "isNull", field: "disabledAt", value: true };

@Model({
  description: "A payment method that the shop offers.",
  implements: Resource,
  visibleTo: { guest: isEnabled, customer: isEnabled },
  defaultOrder: [{ field: "createdAt" }],
})
export class PaymentMethod extends Resource<"PaymentMethod"> {
  @Attribute(() => String, { description: "The name shown to shoppers, such as `Stripe Payment`." })
  name!: string;

  @Attribute(() => PaymentSourceType, { description: "Type of payment source that this method creates." })
  paymentSourceType!: EnumValue<"PaymentSourceType">;

  @Attribute(() => String, {
    nullable: true,
    description: "Currency of the price, ISO 4217. Null when the market decides.",
  })
  currencyCode!: string | null;

  @Attribute(() => Boolean, { description: "Whether an authorized payment must be captured manually." })
  requireCapture!: boolean;

  @Money("Price of using this method")
  priceAmountCents!: number;

  @Attribute(() => DateTime, { nullable: true, description: "When the method was disabled; null while it is enabled." })
  disabledAt!: Date | null;
}
