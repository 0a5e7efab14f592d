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
  @Attribute(() => String, { description: "The address that was called." })
  callbackUrl!: string;

  @Attribute(() => Json, {
    nullable: true,
    description:
      "The body that was sent. Contains personal data, and may quote whatever there is: null unless the caller may read everything.",
    // Any part of the shop may be in it.
    quotes: (_row, { permissions }) => ({ shown: null, missing: unreadable(permissions) }),
  })
  payload!: Record<string, unknown> | null;

  @Attribute(() => String, { nullable: true, description: "The HTTP status of the answer.", filter: true })
  responseCode!: string | null;

  @Attribute(() => String, { nullable: true, description: "The text of the answer." })
  responseMessage!: string | null;

  eventId!: string;
}
