import type { RowOf, ValuesOf } from "../../graph/model/datamodel.js";
import { ResourceWrites } from "../../graph/write/resource-writes.js";
import { flag, integer, link, moment, text } from "../../graph/write/rules.js";
import type { Path, Write } from "../../graph/write/transaction.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { readFrequency } from "../orders/frequency.js";
import { OrderSubscription, OrderSubscriptionStateError } from "./order-subscription.type.js";

const rules = {
  frequency: text({
    description:
      'How often it runs: `hourly`, `daily`, `weekly`, `monthly`, `two-month`, `three-month`, `four-month`, `six-month`, `yearly`, or a crontab expression that runs once an hour at most, such as `"0 8 1 * *"`.',
    required: true,
    form: readFrequency,
  }),
  nextRunAt: moment({ description: "When it runs next, which is in the future." }),
  customerPaymentSourceId: link("CustomerPaymentSource", {
    description:
      "The id of the wallet entry that pays, which is the same customer's. Without one an `ACTIVE` or `RUNNING` recurring order becomes `PENDING`, until `orderSubscriptionActivate`.",
  }),
  expiresAt: moment({ description: "When it ends, which is after it starts.", access: ["orders:manage"] }),
  activateBySourceOrder: flag({
    description: "Whether the source order counts as the first run.",
    generated: "`true`",
    access: ["orders:manage"],
  }),
  placeTargetOrder: flag({
    description: "Whether the orders it makes are placed at once.",
    generated: "`true`",
    access: ["orders:manage"],
  }),
  renewalAlertPeriod: integer({
    description: "Hours before the next run when the customer is told, 1 to 720.",
    generated: "1",
    access: ["orders:manage"],
  }),
};

/** Writes of existing recurring orders. */
export const orderSubscriptionWrites = new ResourceWrites(OrderSubscription, {
  rules,
  update: {
    description:
      "Changes a recurring order. Absent fields stay, null clears. A cancelled one takes `reference`, `referenceOrigin` and `metadata` alone.",
    example: 'id: "osu_ada_coffee", input: { frequency: "monthly", customerPaymentSourceId: "cps_ada_amex" }',
    before: beforeUpdate,
  },
});

const fields = Object.keys(rules) as (keyof typeof rules)[];

async function beforeUpdate(
  write: Write,
  row: RowOf<"OrderSubscription">,
  values: ValuesOf<"OrderSubscription">,
  _input: object,
  path: Path,
): Promise<ValuesOf<"OrderSubscription">> {
  const addError = (field: string, message: string) => write.addError(UserErrorCode.INVALID, [...path, field], message);
  const { status } = row;
  for (const field of status === "cancelled" ? fields : []) {
    if (values[field] === undefined) continue;
    const message = "A cancelled recurring order takes this no more; it has ended for good.";
    write.errors.push(new OrderSubscriptionStateError(status, message, [...path, field]));
  }
  const { nextRunAt, expiresAt, customerPaymentSourceId } = values;
  if (nextRunAt && nextRunAt <= write.now()) addError("nextRunAt", "A time in the future is needed.");
  const { startsAt } = row;
  if (expiresAt && startsAt && expiresAt <= startsAt) {
    addError("expiresAt", `It starts at ${startsAt.toISOString()}; a later time is needed.`);
  }
  if (typeof customerPaymentSourceId === "string") {
    const [entry] = await write.query("SELECT customer_id FROM customer_payment_sources WHERE id = $1", [
      customerPaymentSourceId,
    ]);
    if (entry?.[0] !== row.customerId) {
      addError("customerPaymentSourceId", "The wallet entry is another customer's; name one of this customer's.");
    }
  }
  // domain rule: pending while no wallet entry pays for it.
  const suspends =
    customerPaymentSourceId === null && row.customerPaymentSourceId && (status === "active" || status === "running");
  return suspends ? { ...values, status: "pending" } : values;
}
