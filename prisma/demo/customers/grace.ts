import { markets } from "../catalogue.js";
import { shipping, sku } from "../orders.js";
import { card, type Story } from "../story.js";

const { usa } = markets;

/** Grace: a guest, she never set a password. */
export const grace: Story = {
  customer: {
    id: "cus_grace",
    email: "grace.miller@example.com",
    metadata: { first_name: "Grace", last_name: "Miller" },
    createdAt: "2026-02-03T22:31:00.000Z",
    updatedAt: "2026-09-26T18:00:00.000Z",
  },
  addressBook: {
    grace_home: {
      firstName: "Grace",
      lastName: "Miller",
      line1: "2883 Geraldine Lane",
      line2: "Apt. 23",
      city: "New York",
      zipCode: "10013",
      stateCode: "NY",
      countryCode: "US",
      phone: "(212) 555-0128",
      email: "grace.miller@example.com",
      createdAt: "2026-02-03T22:31:00.000Z",
    },
  },
  paymentSources: {
    grace_counter: { method: "external", createdAt: "2026-02-03T22:35:00.000Z", orderId: "ord_1003" },
    grace_card: {
      method: "stripe",
      createdAt: "2026-09-26T17:55:00.000Z",
      paymentInstrument: card("Demo Bank", "discover", "9424", "8", "2028"),
      attributes: {
        stripe_id: "pi_demo_1022",
        mismatched_amounts: true,
      },
      orderId: "ord_1022",
    },
  },
  orders: {
    1003: {
      market: usa,
      status: "approved",
      paymentStatus: "paid",
      fulfillmentStatus: "fulfilled",
      taxRate: 0.08875,
      shipTo: "grace_home",
      method: "external",
      paymentSourceId: "pso_grace_counter",
      lines: [sku("cap", 1, usa), sku("poster", 3, usa), shipping(895)],
      createdAt: "2026-02-03T22:20:00.000Z",
      placedAt: "2026-02-03T22:36:00.000Z",
      approvedAt: "2026-02-04T14:00:00.000Z",
      paymentUpdatedAt: "2026-02-04T14:00:00.000Z",
      fulfillmentUpdatedAt: "2026-02-07T16:00:00.000Z",
    },
    1022: {
      market: usa,
      status: "placed",
      paymentStatus: "partially_authorized",
      taxRate: 0.08875,
      shipTo: "grace_home",
      method: "stripe",
      paymentSourceId: "pso_grace_card",
      lines: [sku("hoodie", 1, usa), shipping(895)],
      createdAt: "2026-09-26T17:45:00.000Z",
      placedAt: "2026-09-26T18:00:00.000Z",
    },
  },
};
