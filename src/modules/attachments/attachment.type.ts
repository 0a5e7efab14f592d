import { ID } from "type-graphql";
import { Attribute, Model } from "../../graph/schema/model.js";
import { Resource } from "../../graph/schema/resource.type.js";

@Model({
  description: "A document or note attached to another resource. Staff notes have no `url`.",
  implements: Resource,
  visibleTo: {
    // Row rule of customers: their own files only; notes have no url and are for staff.
    customer: ({ customerId }) => ({
      op: "and",
      of: [
        { op: "eq", field: "attachableType", value: "customers" },
        { op: "eq", field: "attachableId", value: customerId },
        { op: "isNull", field: "url", value: false },
      ],
    }),
  },
  defaultOrder: [{ field: "createdAt", direction: "DESC" }],
})
export class Attachment extends Resource<"Attachment"> {
  @Attribute(() => String, { description: "The name of the document." })
  name!: string;

  @Attribute(() => String, { nullable: true, description: "Description of the document, or the text of a note." })
  description!: string | null;

  @Attribute(() => String, { nullable: true, description: "URL of the document; null for a note.", filter: true })
  url!: string | null;

  @Attribute(() => String, { description: "Type of the resource it is attached to, such as `customers`." })
  attachableType!: string;

  @Attribute(() => ID, { description: "Id of the resource it is attached to." })
  attachableId!: string;
}
