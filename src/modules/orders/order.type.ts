import { Field, Float, Int, ObjectType } from "type-graphql";
import { own } from "../../graph/access/row-rules.js";
import type { EnumValue } from "../../graph/model/datamodel.js";
import { DateTime, Json } from "../../graph/model/scalars.js";
import { Attribute, Model, Money, registerEnum } from "../../graph/schema/model.js";
import { StateError, UserError } from "../../graph/write/user-error.type.js";
import { addTagFilters, Taggable } from "../tags/taggable.type.js";

export const OrderStatus = registerEnum("OrderStatus", "Status of an order.", {
  draft: "A cart.",
  pending: "A cart with a customer and items.",
  placing: "Being placed in the background.",
  placed: "Placed by the customer.",
  editing: "Placed, and being edited by the staff.",
  approved: "Approved by the shop.",
  cancelled: "Cancelled by the customer or the shop.",
});

export const OrderPaymentStatus = registerEnum("OrderPaymentStatus", "Payment status of an order.", {
  unpaid: "Nothing has been paid or authorized.",
  authorized: "The whole amount is authorized.",
  partially_authorized: "A part of the amount is authorized.",
  paid: "The whole amount is paid.",
  partially_paid: "A part of the amount is paid.",
  voided: "The authorization was voided.",
  partially_voided: "A part of the authorization was voided.",
  refunded: "The whole amount was refunded.",
  partially_refunded: "A part of the amount was refunded.",
  free: "There is nothing to pay.",
});

export const OrderFulfillmentStatus = registerEnum("OrderFulfillmentStatus", "Fulfillment status of an order.", {
  unfulfilled: "Nothing has been shipped.",
  in_progress: "Being picked, packed or shipped.",
  fulfilled: "Everything has been shipped.",
  not_required: "Nothing in it needs shipping.",
});

export const OrderCustomerType = registerEnum("OrderCustomerType", "Whether the customer had ordered before.", {
  new: "The customer had not ordered before.",
  returning: "The customer had ordered before.",
});

@Model({
  description: "A purchase, from cart to fulfilment.",
  implements: Taggable,
  visibleTo: { customer: own },
  defaultOrder: [
    { field: "placedAt", direction: "DESC" },
    { field: "createdAt", direction: "DESC" },
  ],
  filters: { metadata: true },
})
export class Order extends Taggable<"Order"> {
  @Attribute(() => String, { description: "Human-readable number, unique in the shop.", filter: "text", sort: true })
  number!: string;

  @Attribute(() => String, { nullable: true, description: "Code of the affiliate who earns a commission." })
  affiliateCode!: string | null;

  @Attribute(() => Boolean, { description: "Whether the order is placed in the background." })
  placeAsync!: boolean;

  @Attribute(() => OrderStatus, { description: "Status of the order.", filter: true, sort: true })
  status!: EnumValue<"OrderStatus">;

  @Attribute(() => OrderPaymentStatus, { description: "Payment status.", filter: true })
  paymentStatus!: EnumValue<"OrderPaymentStatus">;

  @Attribute(() => OrderFulfillmentStatus, { description: "Fulfillment status.", filter: true })
  fulfillmentStatus!: EnumValue<"OrderFulfillmentStatus">;

  @Attribute(() => Boolean, { description: "Whether it was placed as a guest." })
  guest!: boolean;

  @Attribute(() => Boolean, {
    description: "Derived: whether the order can still be changed (draft, pending or editing).",
  })
  editable!: boolean;

  @Attribute(() => String, {
    nullable: true,
    description: "The customer's e-mail address at the time of the order.",
    filter: "text",
    email: true,
  })
  customerEmail!: string | null;

  @Attribute(() => OrderCustomerType, { nullable: true, description: "Whether the customer had ordered before." })
  customerType!: EnumValue<"OrderCustomerType"> | null;

  @Attribute(() => String, { description: "Language of the order, ISO 639-1." })
  languageCode!: string;

  @Attribute(() => String, { nullable: true, description: "Currency of all amounts, ISO 4217." })
  currencyCode!: string | null;

  @Attribute(() => Boolean, { nullable: true, description: "Whether prices include taxes." })
  taxIncluded!: boolean | null;

  @Attribute(() => Float, { nullable: true, description: "Tax rate as a fraction, 0.22 for 22 %." })
  taxRate!: number | null;

  @Attribute(() => String, {
    nullable: true,
    description: "Country of the shipping address, else of the billing address, as two letters.",
    filter: true,
  })
  countryCode!: string | null;

  @Attribute(() => Boolean, { description: "Whether the billing address must carry billing information." })
  requiresBillingInfo!: boolean;

  @Attribute(() => String, { nullable: true, description: "The coupon applied.", filter: true })
  couponCode!: string | null;

  @Attribute(() => String, {
    nullable: true,
    access: ["order_secrets:read"],
    description: "The gift card applied. A secret of the customer.",
  })
  giftCardCode!: string | null;

  @Money("Sum of the SKU line items")
  subtotalAmountCents!: number;

  @Money("Cost of shipping")
  shippingAmountCents!: number;

  @Money("Cost of the payment method")
  paymentMethodAmountCents!: number;

  @Money("Discounts, zero or negative")
  discountAmountCents!: number;

  @Money("Manual adjustments, may be negative")
  adjustmentAmountCents!: number;

  @Money("Amount paid by gift card, zero or negative")
  giftCardAmountCents!: number;

  @Money("All taxes")
  totalTaxAmountCents!: number;

  @Money("Taxes on the SKU line items")
  subtotalTaxAmountCents!: number;

  @Money("Total, with taxes only when prices include them", { filter: true, sort: true })
  totalAmountCents!: number;

  @Money("Taxable amount, without discounts")
  totalTaxableAmountCents!: number;

  @Money("Derived: total with all taxes", { filter: true, sort: true })
  totalAmountWithTaxesCents!: number;

  @Attribute(() => Int, { description: "Derived: how many SKUs are in the line items." })
  skusCount!: number;

  @Attribute(() => Int, { description: "Number of line item options." })
  lineItemOptionsCount!: number;

  @Attribute(() => Int, { description: "Number of shipments." })
  shipmentsCount!: number;

  @Attribute(() => Int, { description: "Number of errors of the order." })
  errorsCount!: number;

  @Attribute(() => Json, {
    nullable: true,
    access: ["payment_sources:read"],
    description: "Public details of the payment source.",
  })
  paymentSourceDetails!: Record<string, unknown> | null;

  @Attribute(() => String, {
    nullable: true,
    access: ["order_secrets:read"],
    description: "Identifies the order in links shared with the customer. A secret.",
  })
  token!: string | null;

  @Attribute(() => String, { nullable: true, description: "URL of the shop's cart." })
  cartUrl!: string | null;

  @Attribute(() => String, { nullable: true, description: "URL that the checkout returns to." })
  returnUrl!: string | null;

  @Attribute(() => String, { nullable: true, description: "The shop's terms and conditions." })
  termsUrl!: string | null;

  @Attribute(() => String, { nullable: true, description: "The shop's privacy policy." })
  privacyUrl!: string | null;

  @Attribute(() => String, { nullable: true, description: "URL of the hosted checkout of this order." })
  checkoutUrl!: string | null;

  @Attribute(() => DateTime, {
    nullable: true,
    description: "When the order was placed; null for carts.",
    filter: true,
    sort: true,
  })
  placedAt!: Date | null;

  @Attribute(() => DateTime, { nullable: true, description: "When it was approved." })
  approvedAt!: Date | null;

  @Attribute(() => DateTime, { nullable: true, description: "When it was cancelled." })
  cancelledAt!: Date | null;

  @Attribute(() => DateTime, { nullable: true, description: "When its payment status last changed." })
  paymentUpdatedAt!: Date | null;

  @Attribute(() => DateTime, { nullable: true, description: "When its fulfilment status last changed." })
  fulfillmentUpdatedAt!: Date | null;

  @Attribute(() => DateTime, { nullable: true, description: "When its amounts were last recalculated." })
  refreshedAt!: Date | null;

  @Attribute(() => DateTime, {
    nullable: true,
    description: "When it was archived; null while it is not.",
    filter: true,
  })
  archivedAt!: Date | null;

  @Attribute(() => DateTime, { nullable: true, description: "When its recurring orders were made." })
  subscriptionCreatedAt!: Date | null;

  @Attribute(() => DateTime, { nullable: true, description: "When the cart expires." })
  expiresAt!: Date | null;

  @Attribute(() => Boolean, { description: "Whether amounts are recalculated on every change." })
  autorefresh!: boolean;

  @Attribute(() => Boolean, { nullable: true, description: "Whether shipping is taxed." })
  freightTaxable!: boolean | null;

  @Attribute(() => Boolean, { nullable: true, description: "Whether the payment method's cost is taxed." })
  paymentMethodTaxable!: boolean | null;

  @Attribute(() => Boolean, { nullable: true, description: "Whether adjustments are taxed." })
  adjustmentTaxable!: boolean | null;

  @Attribute(() => Boolean, { nullable: true, description: "Whether gift cards are taxed." })
  giftCardTaxable!: boolean | null;

  @Attribute(() => String, { nullable: true, description: "The only country it may be shipped to, as two letters." })
  shippingCountryCodeLock!: string | null;

  @Money("Taxes on shipping")
  shippingTaxAmountCents!: number;

  @Money("Taxes on the payment method")
  paymentMethodTaxAmountCents!: number;

  @Money("Taxes on adjustments")
  adjustmentTaxAmountCents!: number;

  @Money("Taxable part of the subtotal")
  subtotalTaxableAmountCents!: number;

  @Money("Taxable part of shipping")
  shippingTaxableAmountCents!: number;

  @Money("Taxable part of the payment method's cost")
  paymentMethodTaxableAmountCents!: number;

  @Money("Taxable part of the adjustments")
  adjustmentTaxableAmountCents!: number;

  @Money("Fees of the platform", { access: ["fees:read"] })
  feesAmountCents!: number;

  @Money("Customs duties")
  dutyAmountCents!: number;

  @Money("Total at the time of placement, kept while the order is edited")
  placeTotalAmountCents!: number;

  @Attribute(() => Int, { description: "How often taxes were computed by an external service." })
  taxCalculationsCount!: number;

  @Attribute(() => Int, { description: "How often the order was validated by an external service." })
  validationsCount!: number;

  @Attribute(() => Json, { nullable: true, description: "Free data about the expiry, such as a message to show." })
  expirationInfo!: Record<string, unknown> | null;

  @Attribute(() => String, {
    nullable: true,
    description: "Circuit breaker of calls to external services, `closed` or `open`.",
  })
  circuitState!: string | null;

  @Attribute(() => Int, { nullable: true, description: "Consecutive failed calls to external services." })
  circuitFailureCount!: number | null;

  marketId!: string | null;
  customerId!: string | null;
  shippingAddressId!: string | null;
  billingAddressId!: string | null;
  paymentMethodId!: string | null;
  paymentSourceId!: string | null;
  orderSubscriptionId!: string | null;
}

addTagFilters(Order);

@ObjectType({ implements: UserError, description: "The state of the order does not allow this." })
export class OrderStateError extends StateError<EnumValue<"OrderStatus">> {
  @Field(() => OrderStatus, { description: "Status of the order." })
  override status!: EnumValue<"OrderStatus">;
}
