import { Model } from "../../platform/graphql/model.js";
import { Resource } from "../../platform/graphql/resource.type.js";

@Model({
  description: "An entry of a customer's address book: the link between a customer and an address.",
  implements: Resource,
  defaultOrder: [{ field: "createdAt", direction: "DESC" }],
})
export class CustomerAddress extends Resource<"CustomerAddress"> {
  customerId!: string;
  addressId!: string;
}
