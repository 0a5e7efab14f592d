import { ID } from "type-graphql";
import type { ValuesOf } from "../../graph/model/datamodel.js";
import { modelTypeOfRow } from "../../graph/schema/model.js";
import { ResourceWrites } from "../../graph/write/resource-writes.js";
import { type InputOf, text, value } from "../../graph/write/rules.js";
import type { Path, Write } from "../../graph/write/transaction.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { CustomerGroup } from "../customer-groups/customer-group.type.js";
import { Customer } from "../customers/customer.type.js";
import { Market } from "../markets/market.type.js";
import { Order } from "../orders/order.type.js";
import { PaymentMethod } from "../payment-methods/payment-method.type.js";
import { Return } from "../returns/return.type.js";
import { SkuList } from "../sku-lists/sku-list.type.js";
import { Sku } from "../skus/sku.type.js";
import { StockLocation } from "../stock-locations/stock-location.type.js";
import { Attachment } from "./attachment.type.js";

/** Models that can have attachments. */
export const attachableTypes = [
  Customer,
  CustomerGroup,
  Order,
  Return,
  SkuList,
  Sku,
  Market,
  StockLocation,
  PaymentMethod,
];

const rules = {
  name: text({ description: "The name of the document, or `Note`.", required: true }),
  description: text({ description: "What it is, or the text of a note: at most 5,000 characters." }),
  url: text({ description: "The address of the document. A note of the staff has none, but a `description`." }),
  attachableId: value<string>(() => ID, {
    description:
      "The id of the resource that it is attached to: a customer, customer group, order, return, list, SKU, market, stock location or payment method.",
    required: true,
  }),
};

/** Writes of attachments: documents, and notes of the staff. */
export const attachmentWrites = new ResourceWrites(Attachment, {
  rules,
  create: {
    description: "Attaches a document to a resource, or a note: one without `url`, with a `description`.",
    errors: ["NOT_FOUND", "WRONG_STATE"],
    example:
      'input: { attachableId: "ord_1001", name: "Note", description: "Call before delivery.", referenceOrigin: "app-orders--note" }',
    before: async (write, values, input, path) => {
      refuseEmpty(write, input, path);
      return withType(write, values, path);
    },
  },
  update: {
    example: 'id: "att_ada_note", input: { description: "Prefers to be called in the evening." }',
    before: async (write, row, values, _input, path) => {
      if ("url" in values || "description" in values) refuseEmpty(write, { ...row, ...values }, path);
      return withType(write, values, path);
    },
  },
  delete: { example: 'id: "att_ada_note"' },
});

function refuseEmpty(
  write: Write,
  { url, description }: Pick<InputOf<typeof rules>, "url" | "description">,
  path: Path,
) {
  if (typeof url === "string" || (typeof description === "string" && description.trim())) return;
  const message = "Without a `url` it is a note, and needs its text here.";
  write.addError(UserErrorCode.INVALID, [...path, "description"], message);
}

/** Adds the type of the attachable resource to the values, and locks that resource until the write ends. */
async function withType(write: Write, values: ValuesOf<"Attachment">, path: Path): Promise<ValuesOf<"Attachment">> {
  const id = values.attachableId;
  if (typeof id !== "string") return values;
  const argumentPath = [...path, "attachableId"];
  const resource = await write.context.loaders.node(id);
  if (!resource) {
    write.addError(UserErrorCode.NOT_FOUND, argumentPath, "There is no resource with this id.");
    return values;
  }
  const { name, datamodel } = modelTypeOfRow(resource);
  if (!attachableTypes.some((type) => resource instanceof type)) {
    write.addError(
      UserErrorCode.INVALID,
      argumentPath,
      `Resources of type ${String(resource.type)} cannot have attachments.`,
    );
    return values;
  }
  await write.row(name, id, { path: argumentPath });
  return { ...values, attachableType: datamodel.table };
}
