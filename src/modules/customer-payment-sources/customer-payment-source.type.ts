import { own } from "../../graph/access/row-rules.js";
import { Attribute, Model } from "../../graph/schema/model.js";
import { Resource } from "../../graph/schema/resource.type.js";

@Model({
  description: "An entry of a customer's wallet: a payment source saved for later.",
  implements: Resource,
  visibleTo: { customer: own },
  defaultOrder: [{ field: "createdAt", direction: "DESC" }],
})
export class CustomerPaymentSource extends Resource<"CustomerPaymentSource"> {
  @Attribute(() => String, {
    nullable: true,
    access: ["gateway_tokens:read"],
    description: "The customer's token at the payment gateway. Sensitive.",
  })
  customerToken!: string | null;

  @Attribute(() => String, {
    nullable: true,
    access: ["gateway_tokens:read"],
    description: "The reusable token of the payment source at the gateway. Sensitive.",
  })
  paymentSourceToken!: string | null;

  customerId!: string;
  paymentMethodId!: string | null;
  paymentSourceId!: string | null;
}
