import { permits } from "../../graph/access/guard.js";
import { newId } from "../../graph/model/ids.js";
import type { Outcome } from "../../graph/write/idempotency.js";
import { ResourceWrites } from "../../graph/write/resource-writes.js";
import { type commonRules, inputOf, text } from "../../graph/write/rules.js";
import type { Write } from "../../graph/write/transaction.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { findOrCreateCustomer, ownerOf, ownerRules } from "../customers/customer.service.js";
import { Customer } from "../customers/customer.type.js";
import { CustomerSubscription } from "./customer-subscription.type.js";

const rules = {
  ...ownerRules,
  reference: text({ description: "The key of what is subscribed to, such as `newsletter`.", required: true }),
};

/** Writes of customer subscriptions. */
export const customerSubscriptionWrites = new ResourceWrites(CustomerSubscription, {
  rules,
  update: {
    description: "Changes a subscription. Each customer has a `reference` once.",
    example: 'id: "csu_ada_restock", input: { reference: "restock", metadata: { merge: { sku: "MUG-BLUE" } } }',
  },
  delete: {
    description: "Ends a subscription.",
    example: 'id: "csu_ada_newsletter"',
    after: async (_write, { customerId }) => ({ customer: customerId }),
    payload: {
      customer: { description: "The customer who was subscribed; null when there is none.", row: () => Customer },
    },
  },
});

export const CustomerSubscriptionCreateInput = inputOf(
  "CustomerSubscriptionCreateInput",
  "Who subscribes, and to what.",
  customerSubscriptionWrites.createRules,
  "create",
);

export interface Subscribing {
  customerId?: string | null;
  customerEmail?: string | null;
  reference: string;
}

/**
 * Subscribes a customer, found or created by e-mail address; an existing subscription is kept. domain rule: a
 * newsletter form reveals neither which addresses are known nor who is subscribed, so no answer to a guest depends on
 * either.
 */
export async function subscribe(write: Write, input: Subscribing): Promise<Outcome> {
  const path = ["input"];
  const { query, viewer } = write;
  const values = await write.values(
    customerSubscriptionWrites.createRules as typeof rules & typeof commonRules,
    input,
    "create",
    path,
  );
  const customerId = await subscriber(write, values, input);
  write.check();
  if (!customerId) return {};
  const id = newId("CustomerSubscription");
  const { referenceOrigin = null, metadata = {} } = values;
  const inserted = await query(
    `INSERT INTO customer_subscriptions (id, mode, customer_id, reference, reference_origin, metadata)
     VALUES ($1, $2::"mode", $3, $4, $5, $6::jsonb) ON CONFLICT (customer_id, reference) DO NOTHING RETURNING id`,
    [id, viewer.mode, customerId, values.reference, referenceOrigin, JSON.stringify(metadata)],
  );
  if (viewer.kind === "guest") return {};
  // Callers who may not read subscriptions get no hint of an existing one.
  if (!permits(viewer, ["customer_subscriptions:read"])) return { customer: customerId };
  const created = inserted.length > 0;
  const [[subscriptionId]] = created
    ? [[id]]
    : ((await query("SELECT id FROM customer_subscriptions WHERE customer_id = $1 AND reference = $2", [
        customerId,
        values.reference,
      ])) as [[string]]);
  return { customerSubscription: subscriptionId, created, customer: customerId };
}

/** The id of the subscribing customer; undefined if there is none whose existence the caller may learn. */
async function subscriber(
  write: Write,
  values: Pick<Subscribing, "customerId" | "customerEmail">,
  input: Subscribing,
): Promise<string | undefined> {
  const { viewer } = write;
  if (viewer.kind === "customer" || !input.customerEmail || input.customerId) {
    return ownerOf(write, values, input, ["input"]);
  }
  const email = values.customerEmail;
  // Creates no customer for an input that is rejected anyway.
  write.check();
  const attempt = await write.attempt(() => findOrCreateCustomer(write, email!, ["input", "customerEmail"]));
  if (!attempt.errors) return attempt.result;
  // A pending erasure is as confidential as the customer.
  const secret =
    !permits(viewer, ["customers:read"]) && attempt.errors.every(({ code }) => code === UserErrorCode.WRONG_STATE);
  if (!secret) write.errors.push(...attempt.errors);
  return undefined;
}
