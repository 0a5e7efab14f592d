import type { Prisma } from "../../src/generated/prisma/client.js";
import type { Row } from "../seed.js";
import { byCustomer, byStaff, byWorker, staff, storefront } from "./people.js";
import type { Draft, Shop } from "./shop.js";

type Entry = Omit<Draft<"EventStore">, "id">;

const entries: Entry[] = [
  {
    resourceType: "customers",
    resourceId: "cus_ada",
    createdAt: "2026-01-10T09:15:00.000Z",
    event: "create",
    payload: { email: { from: null, to: "ada.byron@example.com" }, reference: { from: null, to: "CRM-1001" } },
    who: { application: storefront },
  },
  {
    resourceType: "customers",
    resourceId: "cus_ada",
    createdAt: "2026-01-12T10:05:00.000Z",
    event: "update",
    payload: { status: { from: "prospect", to: "acquired" }, total_orders_count: { from: 0, to: 1 } },
    who: byWorker("OrderWorker"),
  },
  {
    resourceType: "customers",
    resourceId: "cus_ada",
    createdAt: "2026-02-02T09:05:00.000Z",
    event: "update",
    payload: {
      customer_group_id: { from: null, to: "cgr_vip" },
      tags: { from: ["newsletter"], to: ["newsletter", "priority", "vip"] },
    },
    who: byStaff(staff.vera),
  },
  {
    resourceType: "customers",
    resourceId: "cus_ada",
    createdAt: "2026-02-20T19:12:00.000Z",
    event: "update",
    payload: { status: { from: "acquired", to: "repeat" }, total_orders_count: { from: 1, to: 2 } },
    who: byWorker("OrderWorker"),
  },
  {
    resourceType: "customers",
    resourceId: "cus_ada",
    createdAt: "2026-10-03T10:20:00.000Z",
    event: "update",
    payload: { email: { from: "ada.byron@example.com", to: "ada@example.com" } },
    who: byCustomer("cus_ada", "ada@example.com"),
  },
  {
    resourceType: "addresses",
    resourceId: "adr_ada_home",
    createdAt: "2026-01-12T10:00:00.000Z",
    event: "create",
    payload: { line_1: { from: null, to: "12 St James's Square" }, city: { from: null, to: "London" } },
    who: byCustomer("cus_ada", "ada@example.com"),
  },
  {
    resourceType: "orders",
    resourceId: "ord_1024",
    createdAt: "2026-10-02T20:15:00.000Z",
    event: "update",
    payload: { status: { from: "pending", to: "placed" }, payment_status: { from: "unpaid", to: "authorized" } },
    who: byCustomer("cus_ada", "ada@example.com"),
  },
  {
    resourceType: "orders",
    resourceId: "ord_1006",
    createdAt: "2026-03-18T09:00:00.000Z",
    event: "update",
    payload: { status: { from: "placed", to: "cancelled" }, payment_status: { from: "authorized", to: "voided" } },
    who: byStaff(staff.vera),
  },
];

export function addAuditTrail(shop: Shop): void {
  const erasures = shop.all("Customer").filter(({ anonymizationStatus }) => anonymizationStatus);
  [...entries, ...erasures.flatMap(erasureEntries)].forEach((entry, index) => {
    shop.add("EventStore", { id: `est_${index + 1}`, ...entry });
  });
}

/** The steps of a customer's erasure. */
function erasureEntries({ id, ...info }: Row<"Customer">): Entry[] {
  const payload = {
    status: info.anonymizationStatus,
    requested_at: info.anonymizationRequestedAt,
    requester: info.anonymizationRequester,
  } as Prisma.InputJsonObject;
  const requester = byStaff(info.anonymizationRequester as typeof staff.vera);
  const worker = byWorker("AnonymizationWorker");
  const steps: [event: string, at: string | Date | null | undefined, who: Prisma.InputJsonObject][] = [
    ["anonymization_request", info.anonymizationRequestedAt, requester],
    ["anonymization_cancel", info.anonymizationCancelledAt, byStaff(staff.tom)],
    ["anonymization_started", info.anonymizationStartedAt, worker],
    ["anonymization_failed", info.anonymizationFailedAt, worker],
    ["anonymization_completed", info.anonymizationCompletedAt, worker],
  ];
  return steps.flatMap(([event, at, who]) =>
    at ? [{ resourceType: "customers", resourceId: id, createdAt: String(at), event, payload, who }] : [],
  );
}
