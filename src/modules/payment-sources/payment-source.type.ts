import { Field, Int, InterfaceType, ObjectType } from "type-graphql";
import { through } from "../../graph/access/row-rules.js";
import type { EnumValue } from "../../graph/model/datamodel.js";
import { DateTime } from "../../graph/model/scalars.js";
import { readTime } from "../../graph/model/times.js";
import { Model } from "../../graph/schema/model.js";
import { nameResourceType, Resource } from "../../graph/schema/resource.type.js";
import { PaymentSourceType } from "../payment-methods/payment-method.type.js";
import { type InstrumentField, instrumentKeys } from "./payment-instrument.js";

@ObjectType({ description: "Public details of the card or account of a payment source." })
export class PaymentInstrument {
  @Field(() => String, { nullable: true, description: "Who issued it, such as a bank." })
  issuer!: string | null;

  @Field(() => String, { nullable: true, description: "The kind of issuer, such as `credit card`." })
  issuerType!: string | null;

  @Field(() => String, { nullable: true, description: "The brand of the card, such as `visa`." })
  cardType!: string | null;

  @Field(() => String, { nullable: true, description: "The last digits of the card's number." })
  cardLastDigits!: string | null;

  @Field(() => String, { nullable: true, description: "The month when the card expires, `1` to `12`." })
  cardExpiryMonth!: string | null;

  @Field(() => String, { nullable: true, description: "The year when the card expires." })
  cardExpiryYear!: string | null;

  @Field(() => String, { nullable: true, description: "The name on the card." })
  cardHolderName!: string | null;
}

/**
 * A row of the single table of payment sources. Each of the ten kinds is a class; fields of one kind alone are stored
 * in the `attributes` JSON under their API names.
 */
@Model({
  description: "A payment source: what a customer pays with. One of ten types, by gateway.",
  visibleTo: { customer: through("customerPaymentSources", "orders") },
  defaultOrder: [{ field: "createdAt", direction: "DESC" }],
  abstract: { by: "kind", types: () => paymentSourceTypes },
})
@InterfaceType("PaymentSource", {
  implements: Resource,
  description: "A payment source: what a customer pays with. One of ten types, by gateway.",
})
export abstract class PaymentSource extends Resource<"PaymentSource"> {
  kind!: EnumValue<"PaymentSourceType">;
  attributes!: Record<string, unknown>;
  orderId!: string | null;
  declare instrument: Record<string, unknown> | null;

  @Field(() => PaymentSourceType, { description: "Type of payment source, as in `PaymentMethod`." })
  get paymentSourceType(): EnumValue<"PaymentSourceType"> {
    return this.kind;
  }

  @Field(() => PaymentInstrument, {
    nullable: true,
    description: "Public details of the card or account, as far as known.",
  })
  get paymentInstrument(): PaymentInstrument | null {
    if (!this.instrument) return null;
    const text = (value: unknown) => (value === undefined || value === null ? null : String(value));
    return Object.fromEntries(
      Object.entries(instrumentKeys).map(([field, key]) => [field, text(this.instrument![key])]),
    ) as Record<InstrumentField, string | null>;
  }

  /** Receives the JSON column of the same name when the row is read. */
  set paymentInstrument(instrument: Record<string, unknown> | null) {
    this.instrument = instrument;
  }
}

/** Declares a field stored in `attributes`, under its name in snake case unless a key is given. */
function Own(type: () => object, description: string, key?: string): PropertyDecorator {
  return (prototype, name) => {
    const stored = key ?? (name as string).replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    Object.defineProperty(prototype, name, {
      get(this: PaymentSource) {
        const value = this.attributes[stored] ?? null;
        return type() === DateTime && typeof value === "string" ? (readTime(value) ?? null) : value;
      },
    });
    Field(type, { nullable: true, description })(prototype, name as string);
  };
}

const Mismatched = Own(() => Boolean, "Whether its amount differs from the order's.", "mismatched_amounts");

@ObjectType({ implements: PaymentSource, description: "A payment at Adyen." })
export class AdyenPayment extends PaymentSource {
  @Mismatched
  mismatchedAmounts!: boolean | null;

  @Own(() => Int, "Remaining balance of a gift card, in minor units.")
  balance!: number | null;

  @Own(() => DateTime, "When it expires.")
  expiresAt!: Date | null;

  @Own(() => DateTime, "When it was closed.")
  closedAt!: Date | null;
}

@ObjectType({ implements: PaymentSource, description: "A payment at Axerve." })
export class AxervePayment extends PaymentSource {
  @Own(() => String, "URL that the gateway returns to.")
  returnUrl!: string | null;

  @Mismatched
  mismatchedAmounts!: boolean | null;

  @Own(() => Boolean, "Whether it may be saved in the wallet.")
  requestToken!: boolean | null;
}

@ObjectType({ implements: PaymentSource, description: "A payment at Braintree." })
export class BraintreePayment extends PaymentSource {
  @Own(() => String, "The payment's id at the gateway.")
  paymentId!: string | null;

  @Own(() => Boolean, "Whether it uses a local payment method.")
  local!: boolean | null;
}

@ObjectType({ implements: PaymentSource, description: "A payment at Checkout.com." })
export class CheckoutComPayment extends PaymentSource {
  @Mismatched
  mismatchedAmounts!: boolean | null;

  @Own(() => String, "URL where the shopper confirms it.")
  redirectUri!: string | null;
}

@ObjectType({ implements: PaymentSource, description: "A payment at a gateway of the shop's own." })
export class ExternalPayment extends PaymentSource {}

@ObjectType({ implements: PaymentSource, description: "A payment at Klarna." })
export class KlarnaPayment extends PaymentSource {
  @Mismatched
  mismatchedAmounts!: boolean | null;
}

@ObjectType({ implements: PaymentSource, description: "A payment at PayPal." })
export class PaypalPayment extends PaymentSource {
  @Own(() => String, "The payer's id.")
  name!: string | null;

  @Own(() => String, "The payment's id at the gateway.")
  paypalId!: string | null;

  @Own(() => String, "Status at the gateway, `created` or `approved`.")
  status!: string | null;

  @Own(() => String, "URL where the shopper approves it.")
  approvalUrl!: string | null;

  @Own(() => String, "A note to the payer.")
  noteToPayer!: string | null;

  @Mismatched
  mismatchedAmounts!: boolean | null;
}

@ObjectType({ implements: PaymentSource, description: "A payment at Satispay." })
export class SatispayPayment extends PaymentSource {
  @Own(() => String, "The payment's id at the gateway.")
  paymentId!: string | null;

  @Own(() => String, "How the shopper is matched, such as `MATCH_CODE`.")
  flow!: string | null;

  @Own(() => String, "Status at the gateway, such as `PENDING`.")
  status!: string | null;

  @Own(() => String, "URL where the shopper pays.")
  paymentUrl!: string | null;
}

@ObjectType({ implements: PaymentSource, description: "A payment at Stripe." })
export class StripePayment extends PaymentSource {
  @Own(() => String, "The payment's id at the gateway.")
  stripeId!: string | null;

  @Own(() => String, "The charge's id at the gateway.")
  chargeId!: string | null;

  @Mismatched
  mismatchedAmounts!: boolean | null;

  @Own(() => String, "E-mail address for the receipt.")
  receiptEmail!: string | null;
}

@ObjectType({ implements: PaymentSource, description: "A transfer to the shop's bank account." })
export class WireTransfer extends PaymentSource {}

export const paymentSourceTypes = {
  adyen_payments: AdyenPayment,
  axerve_payments: AxervePayment,
  braintree_payments: BraintreePayment,
  checkout_com_payments: CheckoutComPayment,
  external_payments: ExternalPayment,
  klarna_payments: KlarnaPayment,
  paypal_payments: PaypalPayment,
  satispay_payments: SatispayPayment,
  stripe_payments: StripePayment,
  wire_transfers: WireTransfer,
} as const satisfies Record<EnumValue<"PaymentSourceType">, unknown>;
for (const [name, type] of Object.entries(paymentSourceTypes)) nameResourceType(type, name);
