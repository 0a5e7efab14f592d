// Customers whose erasure is completed, requested, cancelled and started.
import { markets } from "../catalogue.js";
import { cost, shipping, sku } from "../orders.js";
import { passwordDigest, staff } from "../people.js";
import { card, type Story } from "../story.js";

const { europe, usa } = markets;

/** An anonymized customer: only data for statistics and taxes is left. */
export const anonymized: Story = {
  customer: {
    id: "cus_anonymized",
    email: "anonymized-5f0c2b9d1e7a4c36@anonymized.invalid",
    anonymizationStatus: "completed",
    anonymizationRequestedAt: "2026-08-03T10:00:00.000Z",
    anonymizationStartedAt: "2026-08-04T10:00:00.000Z",
    anonymizationCompletedAt: "2026-08-04T10:00:02.000Z",
    anonymizationRequester: staff.tom,
    createdAt: "2026-04-22T11:00:00.000Z",
    updatedAt: "2026-08-04T10:00:02.000Z",
  },
  addressBook: {
    anonymized_home: {
      firstName: "anonymized",
      lastName: "anonymized",
      line1: "anonymized",
      city: "Bristol",
      countryCode: "GB",
      createdAt: "2026-04-22T11:05:00.000Z",
      updatedAt: "2026-08-04T10:00:02.000Z",
    },
  },
  paymentSources: { anonymized_card: { method: "stripe", createdAt: "2026-04-22T11:08:00.000Z" } },
  orders: {
    1008: {
      market: europe,
      status: "approved",
      paymentStatus: "paid",
      fulfillmentStatus: "fulfilled",
      taxRate: 0.2,
      guest: false,
      shipTo: "anonymized_home",
      method: "stripe",
      paymentSourceId: "pso_anonymized_card",
      token: null,
      lines: [sku("tee", 1, europe), shipping(700)],
      createdAt: "2026-04-22T10:58:00.000Z",
      placedAt: "2026-04-22T11:09:00.000Z",
      approvedAt: "2026-04-22T12:00:00.000Z",
      paymentUpdatedAt: "2026-04-22T12:00:00.000Z",
      fulfillmentUpdatedAt: "2026-04-25T09:00:00.000Z",
      updatedAt: "2026-08-04T10:00:02.000Z",
    },
  },
};

/** João: requested erasure. */
export const joao: Story = {
  customer: {
    id: "cus_joao",
    email: "joao.conceicao@example.com",
    passwordDigest,
    metadata: { first_name: "João", last_name: "Conceição", language: "pt" },
    anonymizationStatus: "requested",
    anonymizationRequestedAt: "2026-10-15T14:00:00.000Z",
    anonymizationRequester: staff.vera,
    anonymizationReason: "Asked for it by e-mail.",
    legalHoldAt: "2026-10-16T09:00:00.000Z",
    legalHoldReason: "A chargeback of order 1009 is not settled.",
    legalHoldRequester: staff.vera,
    createdAt: "2026-05-09T01:10:00.000Z",
    updatedAt: "2026-10-15T14:00:00.000Z",
  },
  addressBook: {
    joao_home: {
      firstName: "João",
      lastName: "Conceição",
      line1: "Rua Augusta 1500",
      line2: "Apto 42",
      city: "São Paulo",
      zipCode: "01304-001",
      stateCode: "SP",
      countryCode: "BR",
      phone: "+55 11 5550-0142",
      billingInfo: "CPF 000.000.001-91",
      createdAt: "2026-05-09T01:12:00.000Z",
    },
  },
  wallet: {
    joao_paypal: {
      method: "paypal",
      createdAt: "2026-05-09T01:20:00.000Z",
      attributes: {
        name: "joao.conceicao@example.com",
        paypal_id: "PAYID-DEMO1009",
        status: "approved",
        mismatched_amounts: false,
      },
    },
  },
  orders: {
    1009: {
      market: usa,
      status: "approved",
      paymentStatus: "paid",
      fulfillmentStatus: "fulfilled",
      languageCode: "pt",
      taxRate: 0,
      shipTo: "joao_home",
      method: "paypal",
      paymentSourceId: "pso_joao_paypal",
      lines: [sku("shirt", 2, usa), shipping(2490), cost("payment_methods", "PayPal Payment", 250)],
      createdAt: "2026-05-09T01:05:00.000Z",
      placedAt: "2026-05-09T01:21:00.000Z",
      approvedAt: "2026-05-09T12:00:00.000Z",
      paymentUpdatedAt: "2026-05-09T12:00:00.000Z",
      fulfillmentUpdatedAt: "2026-05-20T12:00:00.000Z",
    },
    1014: {
      market: usa,
      status: "cancelled",
      paymentStatus: "refunded",
      fulfillmentStatus: "fulfilled",
      languageCode: "pt",
      taxRate: 0,
      shipTo: "joao_home",
      method: "paypal",
      paymentSourceId: "pso_joao_paypal",
      lines: [sku("poster", 1, usa), shipping(1990), cost("payment_methods", "PayPal Payment", 250)],
      createdAt: "2026-07-10T23:00:00.000Z",
      placedAt: "2026-07-10T23:06:00.000Z",
      approvedAt: "2026-07-11T12:00:00.000Z",
      cancelledAt: "2026-08-02T12:00:00.000Z",
      paymentUpdatedAt: "2026-08-02T12:00:00.000Z",
      fulfillmentUpdatedAt: "2026-07-24T12:00:00.000Z",
    },
  },
};

/** Liz: her erasure was requested by mistake and cancelled. */
export const liz: Story = {
  customer: {
    id: "cus_liz",
    email: "liz.oneill@example.com",
    passwordDigest,
    metadata: { first_name: "Elizabeth", last_name: "O’Neill" },
    anonymizationStatus: "cancelled",
    anonymizationRequestedAt: "2026-09-02T09:00:00.000Z",
    anonymizationCancelledAt: "2026-09-02T15:30:00.000Z",
    anonymizationRequester: staff.vera,
    anonymizationCancellationRequester: staff.tom,
    anonymizationReason: "Asked for it on the phone.",
    anonymizationCancellationReason: "It was about another Liz.",
    createdAt: "2026-05-30T13:00:00.000Z",
    updatedAt: "2026-09-02T15:30:00.000Z",
  },
  addressBook: {
    liz_home: {
      firstName: "Elizabeth",
      lastName: "O’Neill",
      line1: "5 Royal Crescent",
      city: "Bath",
      zipCode: "BA1 2LR",
      countryCode: "GB",
      phone: "+44 1632 960 105",
      createdAt: "2026-05-30T13:02:00.000Z",
    },
  },
  wallet: {
    liz_card: {
      method: "checkout",
      createdAt: "2026-05-30T13:10:00.000Z",
      paymentInstrument: card("Demo Building Society", "visa", "1117", "12", "2029"),
      attributes: {
        redirect_uri: "https://pay.example.com/3ds/1010",
        mismatched_amounts: false,
      },
    },
  },
  orders: {
    1010: {
      market: europe,
      status: "approved",
      paymentStatus: "paid",
      fulfillmentStatus: "fulfilled",
      taxRate: 0.2,
      shipTo: "liz_home",
      method: "checkout",
      paymentSourceId: "pso_liz_card",
      lines: [
        sku("mug", 1, europe),
        sku("coffee", 3, europe, { frequency: "monthly" }),
        shipping(700),
        cost("free_shipping_promotions", "Free shipping over €50", -700, { taxed: false }),
      ],
      createdAt: "2026-05-30T12:50:00.000Z",
      placedAt: "2026-05-30T13:11:00.000Z",
      approvedAt: "2026-05-30T15:00:00.000Z",
      paymentUpdatedAt: "2026-05-30T15:00:00.000Z",
      fulfillmentUpdatedAt: "2026-06-03T09:00:00.000Z",
      subscriptionCreatedAt: "2026-05-30T13:11:01.000Z",
    },
  },
};

/** Noor: her erasure has started. */
export const noor: Story = {
  customer: {
    id: "cus_noor",
    email: "noor.haddad@example.org",
    passwordDigest,
    metadata: { first_name: "نور", last_name: "حداد", language: "ar" },
    anonymizationStatus: "started",
    anonymizationRequestedAt: "2026-10-14T08:00:00.000Z",
    anonymizationStartedAt: "2026-10-15T08:00:00.000Z",
    anonymizationRequester: staff.tom,
    anonymizationReason: "Asked for it by letter.",
    legalHoldAt: "2026-10-15T08:30:00.000Z",
    legalHoldReason: "A complaint about her last order came in the same morning.",
    legalHoldRequester: staff.vera,
    createdAt: "2026-08-19T16:00:00.000Z",
    updatedAt: "2026-10-15T08:00:00.000Z",
  },
  addressBook: {
    noor_home: {
      firstName: "نور",
      lastName: "حداد",
      line1: "Sonnenallee 54",
      city: "Berlin",
      zipCode: "12045",
      stateCode: "BE",
      countryCode: "DE",
      phone: "+49 30 5550 154",
      createdAt: "2026-08-19T16:02:00.000Z",
    },
  },
  paymentSources: {
    noor_klarna: {
      method: "klarna",
      createdAt: "2026-08-19T16:10:00.000Z",
      paymentInstrument: { issuer_type: "klarna" },
      attributes: { mismatched_amounts: false },
      orderId: "ord_1017",
    },
  },
  orders: {
    1017: {
      market: europe,
      status: "approved",
      paymentStatus: "paid",
      fulfillmentStatus: "fulfilled",
      languageCode: "de",
      taxRate: 0.19,
      shipTo: "noor_home",
      method: "klarna",
      paymentSourceId: "pso_noor_klarna",
      lines: [sku("hoodie", 1, europe), shipping(500)],
      createdAt: "2026-08-19T15:55:00.000Z",
      placedAt: "2026-08-19T16:11:00.000Z",
      approvedAt: "2026-08-20T08:00:00.000Z",
      paymentUpdatedAt: "2026-08-20T08:00:00.000Z",
      fulfillmentUpdatedAt: "2026-08-22T10:00:00.000Z",
    },
  },
};
