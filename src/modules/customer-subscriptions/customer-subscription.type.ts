import { own } from "../../graph/access/row-rules.js";
import { Attribute, Model } from "../../graph/schema/model.js";
import { Resource } from "../../graph/schema/resource.type.js";

@Model({
  description: "A customer's opt-in to something like a newsletter. It exists while the customer is subscribed.",
  implements: Resource,
  visibleTo: { customer: own },
  defaultOrder: [{ field: "createdAt", direction: "DESC" }],
})
export class CustomerSubscription extends Resource<"CustomerSubscription"> {
  @Attribute(() => String, {
    description: "The key of what the customer subscribed to, such as `newsletter`. Unique per customer.",
    filter: true,
    sort: true,
  })
  override reference!: string;

  customerId!: string;
}
