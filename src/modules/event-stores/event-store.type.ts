import { ID } from "type-graphql";
import { Attribute, Model } from "../../platform/graphql/model.js";
import { Node } from "../../platform/graphql/resource.type.js";
import { Json } from "../../platform/graphql/scalars.js";

@Model({
  description: "An entry of the audit trail: who changed what, and how. Never changed afterwards.",
  implements: Node,
  defaultOrder: [{ field: "createdAt", direction: "DESC" }],
})
export class EventStore extends Node<"EventStore"> {
  @Attribute(() => String, { description: "Type of the changed resource, such as `customers`." })
  resourceType!: string;

  @Attribute(() => ID, { description: "Id of the changed resource." })
  resourceId!: string;

  @Attribute(() => String, {
    description: "What happened: `create`, `update`, `destroy`, or one of the anonymization events.",
    filter: true,
  })
  event!: string;

  @Attribute(() => Json, { description: "What changed: for each attribute the value before and after." })
  payload!: Record<string, unknown>;

  @Attribute(() => Json, { description: "Who did it: the application, its owner, or a background job." })
  who!: Record<string, unknown>;
}
