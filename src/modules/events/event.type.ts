import { ID } from "type-graphql";
import { Attribute, Model } from "../../graph/schema/model.js";
import { Resource } from "../../graph/schema/resource.type.js";
import { nothing } from "../../graph/sql/condition.js";

@Model({
  description: "Something that happened to a resource, such as `customers.acquired`.",
  implements: Resource,
  visibleTo: { customer: nothing },
  defaultOrder: [{ field: "createdAt", direction: "DESC" }],
})
export class Event extends Resource<"Event"> {
  @Attribute(() => String, { description: "The topic: resource type, dot, event.", filter: true })
  name!: string;

  @Attribute(() => String, { description: "Type of the resource it happened to, such as `customers`." })
  resourceType!: string;

  @Attribute(() => ID, { description: "Id of the resource it happened to." })
  resourceId!: string;
}
