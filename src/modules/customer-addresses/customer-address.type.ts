import { Model } from "../../graph/schema/model.js";
import { Resource } from "../../graph/schema/resource.type.js";

@Model({
  description: "An entry of a customer's address book: the link between a customer and an address.",
  implements: Resource,
  defaultOrder: [{ field: "createdAt", direction: "DESC" }],
})
export class CustomerAddress extends Resource<"CustomerAddress"> {
  customerId!: string;
  addressId!: string;
}
