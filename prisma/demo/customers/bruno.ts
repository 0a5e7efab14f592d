import { markets } from "../catalogue.js";
import { cost, shipping, sku } from "../orders.js";
import { passwordDigest } from "../people.js";
import { card, type Story } from "../story.js";

const { europe } = markets;

/** Bruno: a registered repeat customer in Italy, with a recurring order that lacks a payment source. */
export const bruno: Story = {
  customer: {
    id: "cus_bruno",
    email: "bruno.rossi@example.com",
    passwordDigest,
    reference: "CRM-1002",
    referenceOrigin: "crm",
    metadata: { first_name: "Bruno", last_name: "Rossi", language: "it" },
    createdAt: "2026-01-25T17:00:00.000Z",
    updatedAt: "2026-10-05T12:00:00.000Z",
  },
  tags: ["newsletter"],
  addressBook: {
    bruno_home: {
      firstName: "Bruno",
      lastName: "Rossi",
      line1: "Via de' Tornabuoni 7",
      city: "Firenze",
      zipCode: "50123",
      stateCode: "FI",
      countryCode: "IT",
      phone: "+39 055 5550 107",
      billingInfo: "RSSBRN80A01D612X",
      createdAt: "2026-01-25T17:10:00.000Z",
    },
  },
  wallet: {
    bruno_satispay: {
      method: "satispay",
      createdAt: "2026-01-25T17:14:00.000Z",
      attributes: {
        payment_id: "sat-demo-1002",
        flow: "MATCH_CODE",
        status: "ACCEPTED",
      },
    },
    bruno_axerve: {
      method: "axerve",
      createdAt: "2026-06-28T20:41:00.000Z",
      paymentInstrument: card("Banca Demo", "mastercard", "4444", "7", "2027"),
      attributes: {
        request_token: true,
        return_url: "https://shop.example.com/checkout/return",
        mismatched_amounts: false,
      },
    },
  },
  subscriptions: {
    bruno_newsletter: {
      reference: "newsletter",
      createdAt: "2026-01-25T17:16:00.000Z",
    },
  },
  orders: {
    1002: {
      market: europe,
      status: "approved",
      paymentStatus: "paid",
      fulfillmentStatus: "fulfilled",
      languageCode: "it",
      taxRate: 0.22,
      requiresBillingInfo: true,
      shipTo: "bruno_home",
      method: "satispay",
      paymentSourceId: "pso_bruno_satispay",
      lines: [sku("hoodie", 1, europe), sku("notebook", 2, europe), shipping(500)],
      createdAt: "2026-01-25T17:05:00.000Z",
      placedAt: "2026-01-25T17:15:00.000Z",
      approvedAt: "2026-01-26T08:00:00.000Z",
      paymentUpdatedAt: "2026-01-26T08:00:00.000Z",
      fulfillmentUpdatedAt: "2026-01-28T15:00:00.000Z",
    },
    1013: {
      market: europe,
      status: "approved",
      paymentStatus: "paid",
      fulfillmentStatus: "fulfilled",
      languageCode: "it",
      taxRate: 0.22,
      requiresBillingInfo: true,
      shipTo: "bruno_home",
      method: "axerve",
      paymentSourceId: "pso_bruno_axerve",
      lines: [sku("shirt", 2, europe), sku("coffee", 1, europe, { frequency: "0 8 1 * *" }), shipping(500)],
      createdAt: "2026-06-28T20:30:00.000Z",
      placedAt: "2026-06-28T20:42:00.000Z",
      approvedAt: "2026-06-29T08:00:00.000Z",
      paymentUpdatedAt: "2026-06-29T08:00:00.000Z",
      fulfillmentUpdatedAt: "2026-07-01T14:00:00.000Z",
      subscriptionCreatedAt: "2026-06-28T20:42:01.000Z",
    },
    1025: {
      market: europe,
      status: "approved",
      paymentStatus: "free",
      fulfillmentStatus: "not_required",
      languageCode: "it",
      taxRate: 0.22,
      couponCode: "FREEBOOK",
      billTo: "bruno_home",
      lines: [
        sku("ebook", 1, europe, { discountCents: -1490 }),
        cost("percentage_discount_promotions", "A book for you", -1490, { couponCode: "FREEBOOK" }),
      ],
      createdAt: "2026-10-05T11:50:00.000Z",
      placedAt: "2026-10-05T11:58:00.000Z",
      approvedAt: "2026-10-05T11:58:01.000Z",
    },
  },
};
