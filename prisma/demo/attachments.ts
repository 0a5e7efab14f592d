import { type Draft, opening, type Shop } from "./shop.js";

/** Files and staff notes. */
const attachments: Draft<"Attachment">[] = [
  {
    id: "att_ada_contract",
    name: "VIP agreement",
    description: "Signed on paper, scanned.",
    url: "https://files.example.com/contracts/ada.pdf",
    attachableType: "customers",
    attachableId: "cus_ada",
    createdAt: "2026-02-02T09:00:00.000Z",
  },
  {
    id: "att_ada_note",
    name: "Note",
    description: "Prefers to be called in the morning.",
    referenceOrigin: "app-orders--note",
    attachableType: "customers",
    attachableId: "cus_ada",
    createdAt: "2026-09-21T08:05:00.000Z",
  },
  {
    id: "att_1021_note",
    name: "Note",
    description: "Ada added two mugs by phone; the order is open for editing.",
    referenceOrigin: "app-orders--note",
    attachableType: "orders",
    attachableId: "ord_1021",
    createdAt: "2026-09-21T08:00:00.000Z",
  },
  {
    id: "att_1004_refund_note",
    name: "Note",
    description: "One hoodie refunded.",
    referenceOrigin: "app-returns--refund-note",
    attachableType: "returns",
    attachableId: "ret_1004_1",
    createdAt: "2026-03-12T09:00:00.000Z",
  },
  {
    id: "att_wholesale_terms",
    name: "Wholesale terms",
    url: "https://files.example.com/terms/wholesale.pdf",
    attachableType: "customer_groups",
    attachableId: "cgr_wholesale",
    createdAt: opening,
  },
  {
    id: "att_jurgen_registration",
    name: "Certificate of registration",
    url: "https://files.example.com/companies/gross-soehne.pdf",
    attachableType: "customers",
    attachableId: "cus_jurgen",
    createdAt: "2026-03-05T09:00:00.000Z",
  },
];

export function addAttachments(shop: Shop): void {
  shop.add("Attachment", ...attachments);
}
