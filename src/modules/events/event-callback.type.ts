import { unreadable } from "../../graph/access/permission.js";
import { Json } from "../../graph/model/scalars.js";
import { Attribute, Model } from "../../graph/schema/model.js";
import { Resource } from "../../graph/schema/resource.type.js";
import { nothing } from "../../graph/sql/condition.js";

@Model({
  description: "The delivery of an event to a webhook.",
  implements: Resource,
  visibleTo: { customer: nothing },
  defaultOrder: [{ field: "createdAt", direction: "DESC" }],
})
export class EventCallback extends Resource<"EventCallback"> {
  @Attribute(() => String, { description: "The URL that was called." })
  callbackUrl!: string;

  @Attribute(() => Json, {
    nullable: true,
    description:
      "Body of the request. It may contain any personal data, so it is null unless the caller may read everything.",
    // May quote any resource of the shop.
    quotes: (_row, { permissions }) => ({ shown: null, missing: unreadable(permissions) }),
  })
  payload!: Record<string, unknown> | null;

  @Attribute(() => String, { nullable: true, description: "HTTP status of the response.", filter: true })
  responseCode!: string | null;

  @Attribute(() => String, { nullable: true, description: "Body of the response." })
  responseMessage!: string | null;

  eventId!: string;
}
