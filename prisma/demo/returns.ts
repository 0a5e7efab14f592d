import type { Prisma } from "../../src/generated/prisma/client.js";
import { copyAddress, lastChange } from "./orders.js";
import type { Draft, Shop } from "./shop.js";

/** A return of an order: line numbers, quantities and reasons. */
interface ReturnDraft extends Omit<Draft<"Return">, "id" | "number" | "orderId"> {
  order: number;
  lines: { line: number; quantity: number; reason: Prisma.InputJsonObject; restockedAt?: string }[];
  tags?: readonly string[];
}

const returns: ReturnDraft[] = [
  {
    order: 1004,
    status: "refunded",
    createdAt: "2026-03-01T10:00:00.000Z",
    approvedAt: "2026-03-02T09:00:00.000Z",
    shippedAt: "2026-03-04T12:00:00.000Z",
    receivedAt: "2026-03-10T15:00:00.000Z",
    refundedAt: "2026-03-12T09:00:00.000Z",
    lines: [{ line: 1, quantity: 1, reason: { size: "was wrong" }, restockedAt: "2026-03-11T08:00:00.000Z" }],
  },
  {
    order: 1001,
    status: "cancelled",
    createdAt: "2026-01-20T18:00:00.000Z",
    cancelledAt: "2026-01-21T08:00:00.000Z",
    archivedAt: "2026-03-01T08:00:00.000Z",
    lines: [{ line: 2, quantity: 1, reason: { mind: "changed" } }],
  },
  {
    order: 1015,
    status: "requested",
    createdAt: "2026-08-05T07:00:00.000Z",
    lines: [
      { line: 1, quantity: 5, reason: { pages: "lined, not squared" } },
      { line: 2, quantity: 1, reason: { colour: "not as shown" } },
    ],
  },
  {
    order: 1016,
    status: "draft",
    createdAt: "2026-08-10T07:00:00.000Z",
    lines: [{ line: 2, quantity: 1, reason: { size: "does not fit the machine" } }],
  },
  {
    order: 1002,
    status: "rejected",
    createdAt: "2026-02-20T10:00:00.000Z",
    approvedAt: "2026-02-21T10:00:00.000Z",
    shippedAt: "2026-02-23T10:00:00.000Z",
    rejectedAt: "2026-03-02T10:00:00.000Z",
    lines: [{ line: 1, quantity: 1, reason: { quality: "washed out after two weeks" } }],
  },
  {
    order: 1013,
    status: "received",
    createdAt: "2026-07-05T10:00:00.000Z",
    approvedAt: "2026-07-06T10:00:00.000Z",
    shippedAt: "2026-07-07T10:00:00.000Z",
    receivedAt: "2026-07-13T10:00:00.000Z",
    lines: [{ line: 1, quantity: 1, reason: { size: "troppo grande" }, restockedAt: "2026-07-14T08:00:00.000Z" }],
  },
  {
    order: 1010,
    status: "approved",
    createdAt: "2026-06-10T10:00:00.000Z",
    approvedAt: "2026-06-11T10:00:00.000Z",
    lines: [{ line: 1, quantity: 1, reason: { condition: "broken on arrival" } }],
    tags: ["fragile"],
  },
  {
    order: 1012,
    status: "shipped",
    createdAt: "2026-06-25T02:00:00.000Z",
    approvedAt: "2026-06-26T02:00:00.000Z",
    shippedAt: "2026-06-28T02:00:00.000Z",
    lines: [{ line: 2, quantity: 1, reason: { 色: "写真と違う" } }],
  },
];

export function addReturns(shop: Shop): void {
  for (const draft of returns) addReturn(shop, draft);
}

function addReturn(shop: Shop, { order, lines, tags, ...draft }: ReturnDraft): void {
  const id = `ret_${order}_1`;
  shop.add("Return", {
    id,
    number: `#${order}/R/001`,
    orderId: `ord_${order}`,
    originAddressId: `adr_${order}_shipping`,
    stockLocationId: "slo_milan",
    destinationAddressId: copyAddress(shop, "stock_milan", `${order}_return_1`, draft.createdAt),
    updatedAt: lastChange(draft),
    ...draft,
  });
  shop.tag("Return", id, tags);
  lines.forEach(({ line, quantity, reason, restockedAt }, index) => {
    const lineItem = shop.get("LineItem", `lin_${order}_${line}`);
    const paid = lineItem.totalAmountCents! + (lineItem.discountCents ?? 0);
    shop.add("ReturnLineItem", {
      id: `rli_${order}_1_${index + 1}`,
      returnId: id,
      lineItemId: lineItem.id,
      quantity,
      totalAmountCents: Math.round((paid * quantity) / lineItem.quantity),
      returnReason: reason,
      restockedAt,
      createdAt: draft.createdAt,
    });
  });
}
