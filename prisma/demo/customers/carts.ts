// Carts and wish lists, without placed orders.
import { markets } from "../catalogue.js";
import { sku } from "../orders.js";
import { passwordDigest } from "../people.js";
import type { Story } from "../story.js";

const { europe, japan } = markets;

/** Kenji has a full cart. */
export const kenji: Story = {
  customer: {
    id: "cus_kenji",
    email: "kenji.sato@example.com",
    passwordDigest,
    metadata: { first_name: "健二", last_name: "佐藤", language: "ja" },
    createdAt: "2026-10-08T04:00:00.000Z",
  },
  orders: {
    1026: {
      market: japan,
      status: "pending",
      languageCode: "ja",
      taxRate: 0.1,
      lines: [sku("coffee", 1, japan), sku("mug", 1, japan)],
      createdAt: "2026-10-08T04:05:00.000Z",
      expiresAt: "2026-12-08T04:05:00.000Z",
      expirationInfo: { message: "Your cart is reserved." },
    },
  },
};

/** Mia has only a wish list. */
export const mia: Story = {
  customer: {
    id: "cus_mia",
    email: "mia.jones@example.com",
    passwordDigest,
    metadata: { first_name: "Mia", last_name: "Jones" },
    createdAt: "2026-10-09T15:00:00.000Z",
  },
  tags: ["newsletter"],
  addressBook: {
    mia_home: {
      firstName: "Mia",
      lastName: "Jones",
      line1: "742 Evergreen Avenue",
      city: "Portland",
      zipCode: "97205",
      stateCode: "OR",
      countryCode: "US",
      phone: "(503) 555-0142",
      createdAt: "2026-10-09T15:04:00.000Z",
    },
  },
  subscriptions: {
    mia_newsletter: {
      reference: "newsletter",
      createdAt: "2026-10-09T15:05:00.000Z",
    },
  },
};

/** An anonymous cart. */
export const nobody: Story = {
  orders: {
    1028: {
      market: europe,
      status: "draft",
      taxRate: 0.22,
      lines: [sku("cap", 1, europe)],
      createdAt: "2026-10-12T10:00:00.000Z",
    },
  },
};
