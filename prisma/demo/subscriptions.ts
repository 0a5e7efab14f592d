import type { Draft, Shop } from "./shop.js";

/** A recurring order of some lines of its source order. */
interface SubscriptionDraft extends Draft<"OrderSubscription"> {
  lines: number[];
  tags?: readonly string[];
}

const subscriptions: SubscriptionDraft[] = [
  {
    id: "osu_ada_coffee",
    number: "2001",
    status: "active",
    frequency: "two-month",
    renewalAlertPeriod: 48,
    sourceOrderId: "ord_1007",
    customerPaymentSourceId: "cps_ada_visa",
    startsAt: "2026-04-01T07:00:00.000Z",
    lastRunAt: "2026-10-01T07:00:00.000Z",
    nextRunAt: "2026-12-01T07:00:00.000Z",
    occurrencies: 3,
    succeededOnLastRun: true,
    metadata: { grind: "whole beans" },
    createdAt: "2026-04-01T07:00:01.000Z",
    updatedAt: "2026-10-01T07:00:03.000Z",
    lines: [1, 2],
    tags: ["eco"],
  },
  {
    id: "osu_bruno_coffee",
    number: "2002",
    status: "pending",
    frequency: "0 8 1 * *",
    sourceOrderId: "ord_1013",
    startsAt: "2026-06-28T20:42:00.000Z",
    lastRunAt: "2026-08-01T08:00:00.000Z",
    occurrencies: 1,
    errorsCount: 1,
    succeededOnLastRun: false,
    createdAt: "2026-06-28T20:42:01.000Z",
    updatedAt: "2026-08-01T08:00:02.000Z",
    lines: [2],
  },
  {
    id: "osu_liz_coffee",
    number: "2003",
    status: "cancelled",
    frequency: "monthly",
    sourceOrderId: "ord_1010",
    customerPaymentSourceId: "cps_liz_card",
    startsAt: "2026-05-30T13:11:00.000Z",
    createdAt: "2026-05-30T13:11:01.000Z",
    updatedAt: "2026-06-12T18:00:00.000Z",
    lines: [2],
  },
];

export function addSubscriptions(shop: Shop): void {
  for (const { lines, tags, ...draft } of subscriptions) {
    shop.add("OrderSubscription", draft);
    shop.tag("OrderSubscription", draft.id, tags);
    lines.forEach((line, index) => {
      const item = shop.get("LineItem", `lin_${draft.sourceOrderId.slice("ord_".length)}_${line}`);
      shop.add("OrderSubscriptionItem", {
        id: `osi_${draft.id.slice("osu_".length)}_${index + 1}`,
        orderSubscriptionId: draft.id,
        sourceLineItemId: item.id,
        itemType: "skus",
        skuCode: item.skuCode,
        quantity: item.quantity,
        unitAmountCents: item.unitAmountCents,
        createdAt: draft.createdAt,
      });
    });
  }
}
