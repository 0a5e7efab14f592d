import type { Draft, Shop } from "./shop.js";

/** Events: name, resource and time; ids `evt_1`, `evt_2`, … */
const events: [name: string, resourceId: string, createdAt: string][] = [
  ["customers.create", "cus_ada", "2026-01-10T09:15:00.000Z"],
  ["customers.create_password", "cus_ada", "2026-01-10T09:15:00.100Z"],
  ["customers.acquired", "cus_ada", "2026-01-12T10:05:00.000Z"],
  ["customers.repeat", "cus_ada", "2026-02-20T19:12:00.000Z"],
  ["customers.tagged", "cus_ada", "2026-02-02T09:05:00.000Z"],
  ["orders.place", "ord_1001", "2026-01-12T10:05:00.000Z"],
  ["orders.place", "ord_1024", "2026-10-02T20:15:00.000Z"],
  ["returns.refund", "ret_1004_1", "2026-03-12T09:00:00.000Z"],
  ["customer_subscriptions.create", "csu_ada_newsletter", "2026-01-12T10:06:00.000Z"],
  ["customers.anonymization_started", "cus_jurgen", "2026-09-29T09:00:00.000Z"],
  ["customers.anonymization_failed", "cus_jurgen", "2026-09-29T09:00:04.000Z"],
  ["customers.anonymization_cancelled", "cus_liz", "2026-09-02T15:30:00.000Z"],
  ["customers.anonymization_completed", "cus_anonymized", "2026-08-04T10:00:02.000Z"],
];

/** The deliveries of events to webhooks. */
const callbacks: Draft<"EventCallback">[] = [
  {
    id: "ecb_1",
    eventId: "evt_3",
    callbackUrl: "https://hooks.example.com/crm",
    payload: {
      data: { id: "cus_ada", type: "customers", attributes: { email: "ada@example.com", status: "acquired" } },
    },
    responseCode: "503",
    responseMessage: "Service Unavailable",
    createdAt: "2026-01-12T10:05:01.000Z",
  },
  {
    id: "ecb_2",
    eventId: "evt_3",
    callbackUrl: "https://hooks.example.com/crm",
    payload: {
      data: { id: "cus_ada", type: "customers", attributes: { email: "ada@example.com", status: "acquired" } },
    },
    responseCode: "200",
    responseMessage: "OK",
    createdAt: "2026-01-12T10:06:01.000Z",
  },
  {
    id: "ecb_3",
    eventId: "evt_4",
    callbackUrl: "https://hooks.example.com/crm",
    payload: { data: { id: "cus_ada", type: "customers", attributes: { email: "ada@example.com", status: "repeat" } } },
    responseCode: "200",
    responseMessage: "OK",
    createdAt: "2026-02-20T19:12:01.000Z",
  },
];

/** A used password reset of Bruno. */
const passwordReset: Draft<"CustomerPasswordReset"> = {
  id: "cpr_bruno",
  customerId: "cus_bruno",
  tokenDigest: "0".repeat(64),
  createdAt: "2026-04-02T09:00:00.000Z",
  expiresAt: new Date("2026-04-02T15:00:00.000Z"),
  resetPasswordAt: new Date("2026-04-02T09:10:00.000Z"),
};

export function addEvents(shop: Shop): void {
  events.forEach(([name, resourceId, createdAt], index) => {
    shop.add("Event", { id: `evt_${index + 1}`, name, resourceType: name.split(".")[0]!, resourceId, createdAt });
  });
  shop.add("EventCallback", ...callbacks);
  shop.add("CustomerPasswordReset", passwordReset);
}
