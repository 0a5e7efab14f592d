import { ID } from "type-graphql";
import { Json } from "../../graph/model/scalars.js";
import { Attribute, Model } from "../../graph/schema/model.js";
import { Node } from "../../graph/schema/resource.type.js";
import { nothing } from "../../graph/sql/condition.js";
import { quotesOfPayload, quotesOfWho } from "./event-store.quotes.js";

@Model({
  description: "An entry of the audit trail: who changed what, and how. Immutable.",
  implements: Node,
  visibleTo: { customer: nothing },
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

  @Attribute(() => Json, {
    description:
      "The changed attributes, each with its old and new value. Attributes whose fields the caller may not see are left out, and `extensions.redactions` lists what they need.",
    quotes: quotesOfPayload,
  })
  payload!: Record<string, unknown>;

  @Attribute(() => Json, {
    description:
      "Who did it: the application, its owner, or a background job. The owner is left out without `staff:read`; one that is a customer without `customers:read`.",
    quotes: quotesOfWho,
  })
  who!: Record<string, unknown>;
}
