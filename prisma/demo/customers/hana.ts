import { markets } from "../catalogue.js";
import { shipping, sku } from "../orders.js";
import { passwordDigest } from "../people.js";
import { card, type Story } from "../story.js";

const { japan } = markets;

/** Hana: exactly one order, in yen. */
export const hana: Story = {
  customer: {
    id: "cus_hana",
    email: "hana.yamada@example.com",
    passwordDigest,
    metadata: { first_name: "花", last_name: "山田", language: "ja" },
    createdAt: "2026-06-14T03:00:00.000Z",
  },
  addressBook: {
    hana_home: {
      firstName: "花",
      lastName: "山田",
      line1: "神宮前1丁目5番10号",
      city: "渋谷区",
      zipCode: "150-0001",
      stateCode: "13",
      countryCode: "JP",
      phone: "+81 3-5550-0110",
      createdAt: "2026-06-14T03:01:00.000Z",
    },
  },
  wallet: {
    hana_card: {
      method: "stripe",
      createdAt: "2026-06-14T03:06:00.000Z",
      paymentInstrument: card("デモ銀行", "jcb", "0505", "1", "2031", "HANA YAMADA"),
      attributes: {
        stripe_id: "pi_demo_1012",
        charge_id: "ch_demo_1012",
        mismatched_amounts: false,
      },
    },
  },
  orders: {
    1012: {
      market: japan,
      status: "approved",
      paymentStatus: "paid",
      fulfillmentStatus: "fulfilled",
      languageCode: "ja",
      taxRate: 0.1,
      shipTo: "hana_home",
      method: "stripe",
      paymentSourceId: "pso_hana_card",
      lines: [sku("tee", 1, japan), sku("mug", 2, japan), shipping(1200)],
      createdAt: "2026-06-14T02:55:00.000Z",
      placedAt: "2026-06-14T03:07:00.000Z",
      approvedAt: "2026-06-14T05:00:00.000Z",
      paymentUpdatedAt: "2026-06-14T05:00:00.000Z",
      fulfillmentUpdatedAt: "2026-06-18T05:00:00.000Z",
    },
  },
};
