import { markets } from "../catalogue.js";
import { shipping, sku } from "../orders.js";
import { passwordDigest } from "../people.js";
import { card, type Story } from "../story.js";

const { europe } = markets;

/** Zoë: one order stuck in `placing`, and a cancelled one. */
export const zoe: Story = {
  customer: {
    id: "cus_zoe",
    email: "zoe@example.org",
    passwordDigest,
    metadata: { first_name: "Zoë", last_name: "Brontë-O’Connor" },
    createdAt: "2026-09-11T19:00:00.000Z",
  },
  addressBook: {
    zoe_home: {
      firstName: "Zoë",
      lastName: "Brontë-O’Connor",
      line1: "Flat 3, 18 Candlemaker Row",
      city: "Edinburgh",
      zipCode: "EH1 2QE",
      countryCode: "GB",
      phone: "+44 131 496 0118",
      createdAt: "2026-09-11T19:02:00.000Z",
    },
  },
  paymentSources: {
    zoe_card: {
      method: "braintree",
      createdAt: "2026-09-11T19:08:00.000Z",
      paymentInstrument: card("Demo Bank", "visa", "1881", "5", "2029"),
      attributes: {
        payment_id: "bt-demo-1019",
        local: false,
      },
      orderId: "ord_1019",
    },
    zoe_card_2: {
      method: "braintree",
      createdAt: "2026-09-14T12:00:00.000Z",
      paymentInstrument: card("Demo Bank", "visa", "1881", "5", "2029"),
      attributes: {
        payment_id: "bt-demo-1020",
        local: false,
      },
      orderId: "ord_1020",
    },
  },
  orders: {
    1019: {
      market: europe,
      status: "placing",
      placeAsync: true,
      taxRate: 0.2,
      errorsCount: 1,
      circuitState: "open",
      circuitFailureCount: 5,
      shipTo: "zoe_home",
      method: "braintree",
      paymentSourceId: "pso_zoe_card",
      lines: [sku("poster", 2, europe), shipping(700)],
      createdAt: "2026-09-11T18:55:00.000Z",
      updatedAt: "2026-09-11T19:09:00.000Z",
    },
    1020: {
      market: europe,
      status: "cancelled",
      paymentStatus: "partially_voided",
      taxRate: 0.2,
      shipTo: "zoe_home",
      method: "braintree",
      paymentSourceId: "pso_zoe_card_2",
      lines: [sku("poster", 2, europe), shipping(700)],
      createdAt: "2026-09-14T11:50:00.000Z",
      placedAt: "2026-09-14T12:01:00.000Z",
      cancelledAt: "2026-09-15T09:00:00.000Z",
      paymentUpdatedAt: "2026-09-15T09:00:00.000Z",
    },
  },
};
