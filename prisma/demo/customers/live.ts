// The live shop has just opened.
import { markets } from "../catalogue.js";
import { sku } from "../orders.js";
import { passwordDigest } from "../people.js";
import type { Story } from "../story.js";

const { live } = markets;

/** Same email address and order number as in test mode, but another customer and order. */
export const liveAda: Story = {
  customer: {
    id: "cus_live_ada",
    mode: "live",
    email: "ada@example.com",
    passwordDigest,
    metadata: { first_name: "Ada", last_name: "Lovelace" },
    createdAt: "2026-10-16T08:00:00.000Z",
  },
  orders: {
    1001: {
      market: live,
      status: "placed",
      paymentStatus: "authorized",
      taxRate: 0.2,
      lines: [sku("mug", 1, live, { imageUrl: undefined })],
      createdAt: "2026-10-16T08:05:00.000Z",
      placedAt: "2026-10-16T08:10:00.000Z",
    },
  },
};

/** Another customer of the live shop. */
export const liveSam: Story = {
  customer: { id: "cus_live_sam", mode: "live", email: "sam@example.com", createdAt: "2026-10-16T09:00:00.000Z" },
};
