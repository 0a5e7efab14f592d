import { ID } from "type-graphql";
import { ApiError } from "../../errors.js";
import type { EnumValue, RowOf, ValuesOf } from "../../graph/model/datamodel.js";
import { modelTypeNamed } from "../../graph/schema/model.js";
import { ResourceWrites } from "../../graph/write/resource-writes.js";
import { choice, link, text, value } from "../../graph/write/rules.js";
import type { Path, Write } from "../../graph/write/transaction.js";
import { deleteUnused } from "../../graph/write/unused.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { Customer } from "../customers/customer.type.js";
import { PaymentSourceType } from "../payment-methods/payment-method.type.js";
import { readToken } from "../payment-sources/card-number.js";
import {
  createPaymentSource,
  type Instrument,
  PaymentInstrumentInput,
} from "../payment-sources/payment-source.writes.js";
import { CustomerPaymentSource } from "./customer-payment-source.type.js";

type Kind = EnumValue<"PaymentSourceType">;

const noCard = "Never the number of a card. Sales channels cannot set it.";

const rules = {
  customerId: link("Customer", {
    description: "The id of the customer whose wallet it is.",
    required: true,
    on: "create",
  }),
  paymentMethodId: link("PaymentMethod", {
    description: "The id of the payment method; it decides the kind of payment source.",
    on: "create",
  }),
  paymentSourceId: link("PaymentSource", {
    description: "The id of a payment source that there is already; a new one is made without it.",
    on: "create",
  }),
  paymentSourceType: choice<Kind>(PaymentSourceType, {
    description: "The kind of the new payment source; not needed with a payment method.",
    on: "create",
    virtual: true,
  }),
  paymentInstrument: value<Instrument>(() => PaymentInstrumentInput, {
    description: "What may be shown of the new payment source.",
    on: "create",
    virtual: true,
  }),
  customerToken: text({ description: `The customer's token at the payment gateway. ${noCard}`, form: readToken }),
  paymentSourceToken: text({
    description: `The reusable token of the payment source at the gateway. ${noCard}`,
    form: readToken,
  }),
};

const tokens = ["customerToken", "paymentSourceToken"] as const satisfies readonly (keyof typeof rules)[];

interface Input {
  paymentMethodId?: string | null;
  paymentSourceId?: string | null;
  paymentSourceType?: Kind | null;
  paymentInstrument?: Instrument | null;
}

/**
 * Writes of customer payment sources, the entries of wallets. domain rule: shoppers add entries by paying, so they can
 * neither create entries here nor set tokens.
 */
export const customerPaymentSourceWrites = new ResourceWrites(CustomerPaymentSource, {
  rules,
  create: {
    description:
      "Puts a payment source into a customer's wallet, by its tokens at the gateway: makes the payment source and the entry in one, or neither. Sales channels cannot. The number of a card is refused wherever it stands.",
    errors: ["TAKEN", "WRONG_STATE"],
    needs: [
      { permission: "payment_sources:create", when: "for a new payment source" },
      { permission: "customer_payment_sources:read", when: "where `paymentSourceId` is given" },
    ],
    example:
      'input: { customerId: "cus_ada", paymentMethodId: "pmt_stripe", paymentSourceToken: "pm_1NXWPnCo6bFb1KQto6C8OWvE", paymentInstrument: { issuerType: "credit card", cardType: "visa", cardLastDigits: "4242", cardExpiryMonth: "10", cardExpiryYear: "2031" } }',
    before: addSource,
    after: async (_write, _id, _input, _path, { customerId }) => ({ customer: customerId }),
    payload: {
      customer: { description: "The customer whose wallet it is; null when there is none.", row: () => Customer },
    },
  },
  update: {
    description:
      "Changes the tokens of an entry of a wallet, what another system calls it, and its metadata. For another payment source make another entry.",
    example: 'id: "cps_ada_visa", input: { customerToken: "cus_9s6XKzkNRiz8i3", reference: "erp-7" }',
    before: async ({ viewer }, _row, values, _input, path) => {
      // A shopper could pay with another customer's card by setting its token.
      const token = tokens.find((field) => viewer.kind === "customer" && values[field] !== undefined);
      if (!token) return values;
      const argument = [...path, token];
      throw new ApiError("FORBIDDEN", `Sales channels cannot set \`${argument.join(".")}\`; nothing was changed.`, {
        argument,
      });
    },
  },
  delete: {
    description:
      "Takes a payment source out of a wallet. The payment source itself goes too, unless an order or another wallet has it. Recurring orders that are `ACTIVE` or `RUNNING` and pay by it become `PENDING`: give them another entry (`orderSubscriptionUpdate`), then `orderSubscriptionActivate`.",
    example: 'id: "cps_ada_paypal"',
    before: suspendSubscriptions,
    after: async (write, { paymentSourceId, customerId }, pendingOrderSubscriptions) => {
      const [deletedPaymentSourceId] = await deleteUnused(write, "PaymentSource", [paymentSourceId]);
      return { paymentSourceId, deletedPaymentSourceId, customer: customerId, pendingOrderSubscriptions };
    },
    payload: {
      paymentSourceId: {
        description: "The id of the payment source that was in it; null when none was.",
        type: () => ID,
        access: ["payment_sources:read"],
      },
      deletedPaymentSourceId: {
        description: "The same id if the payment source itself is gone as well; null when it is still in use.",
        type: () => ID,
        access: ["payment_sources:read"],
      },
      customer: { description: "The customer whose wallet it was; null when there is none.", row: () => Customer },
      pendingOrderSubscriptions: {
        description: "The recurring orders that became `PENDING`, because this entry was to pay for them.",
        // Referenced by name to avoid a circular import with the module of recurring orders.
        row: () => modelTypeNamed("OrderSubscription").type,
        list: true,
      },
    },
  },
});

/**
 * domain rule: a recurring order without a wallet entry to pay for it becomes pending; returns the ids of those that
 * do.
 */
async function suspendSubscriptions({ query }: Write, { id }: RowOf<"CustomerPaymentSource">): Promise<string[]> {
  const rows = await query(
    `UPDATE order_subscriptions SET status = 'pending', customer_payment_source_id = NULL
     WHERE customer_payment_source_id = $1 AND status IN ('active', 'running') RETURNING id`,
    [id],
  );
  return (rows as [string][]).flat().sort();
}

/** Links or creates the payment source of a new entry. */
async function addSource(
  write: Write,
  values: ValuesOf<"CustomerPaymentSource">,
  input: Input,
  path: Path,
): Promise<ValuesOf<"CustomerPaymentSource">> {
  const at = (field: string) => [...path, field];
  const { customerId, paymentMethodId, paymentSourceId } = values;
  if (customerId) await write.row("Customer", customerId, { path: at("customerId") });
  const method = paymentMethodId ? await write.find("PaymentMethod", paymentMethodId) : null;
  const methodKind = method?.paymentSourceType;
  const mismatch = (field: string, kind: Kind) => {
    if (!methodKind || methodKind === kind) return;
    const message = `The payment method makes ${words(methodKind)}, not ${words(kind)}.`;
    write.addError(UserErrorCode.INVALID, at(field), message);
  };

  if (input.paymentSourceId) {
    // Only callers who may read wallets learn whether it is already in one.
    write.need("customer_payment_sources:read");
    for (const field of ["paymentSourceType", "paymentInstrument"] as const) {
      if (!input[field]) continue;
      write.addError(
        UserErrorCode.INVALID,
        at(field),
        "This is for a new payment source; leave it out for an old one.",
      );
    }
    if (!paymentSourceId) return values;
    const source = await write.row("PaymentSource", paymentSourceId, { path: at("paymentSourceId") });
    mismatch("paymentSourceId", source.kind);
    if (customerId) await refuseForeign(write, paymentSourceId, customerId, at("paymentSourceId"));
    return values;
  }
  if (input.paymentSourceType) mismatch("paymentSourceType", input.paymentSourceType);
  const kind = input.paymentSourceType ?? methodKind;
  if (!kind && !input.paymentMethodId) {
    const message = "Give a payment method, a kind of payment source, or a payment source that there is.";
    write.addError(UserErrorCode.INVALID, at("paymentSourceType"), message);
  }
  write.need("payment_sources:create");
  return {
    ...values,
    paymentSourceId: await createPaymentSource(write, kind!, input.paymentInstrument, at("paymentInstrument")),
  };
}

const words = (kind: Kind) => kind.replaceAll("_", " ");

/** Adds an error for a payment source that belongs to another customer, or is already in this wallet. */
async function refuseForeign(write: Write, id: string, customerId: string, path: Path) {
  const [[present, foreign]] = (await write.query(
    `SELECT EXISTS (SELECT FROM customer_payment_sources WHERE payment_source_id = $1 AND customer_id = $2),
       EXISTS (SELECT FROM customer_payment_sources WHERE payment_source_id = $1 AND customer_id <> $2)
       OR EXISTS (SELECT FROM orders o WHERE o.customer_id <> $2 AND (o.payment_source_id = $1
                  OR o.id = (SELECT order_id FROM payment_sources WHERE id = $1)))`,
    [id, customerId],
  )) as [[boolean, boolean]];
  if (present) write.addError(UserErrorCode.TAKEN, path, "This payment source is in the wallet already.");
  else if (foreign) write.addError(UserErrorCode.INVALID, path, "This payment source belongs to another customer.");
}
