import { own } from "../../graph/access/row-rules.js";
import { Model } from "../../graph/schema/model.js";
import { Resource } from "../../graph/schema/resource.type.js";

@Model({
  description: "An entry of a customer's address book: the link between a customer and an address.",
  implements: Resource,
  visibleTo: { customer: own },
  defaultOrder: [{ field: "createdAt", direction: "DESC" }],
})
export class CustomerAddress extends Resource<"CustomerAddress"> {
  customerId!: string;
  addressId!: string;
}
