import { Resolver } from "type-graphql";
import type { Context } from "../../graph/context.js";
import type { PageArgs } from "../../graph/schema/connection.js";
import { BelongsTo, Derived, HasMany } from "../../graph/schema/relation.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import { ResourceMutations } from "../../graph/write/resource-writes.js";
import { Customer } from "../customers/customer.type.js";
import { PaymentMethod } from "../payment-methods/payment-method.type.js";
import { PaymentSource } from "../payment-sources/payment-source.type.js";
import { CustomerPaymentSource } from "./customer-payment-source.type.js";
import { customerPaymentSourceWrites } from "./customer-payment-source.writes.js";

@Resolver(() => CustomerPaymentSource)
export class CustomerPaymentSourceResolver extends ResourceResolver(CustomerPaymentSource, {
  one: "customerPaymentSource",
}) {
  @BelongsTo(Customer, { description: "The customer whose wallet it is in.", filters: CustomerPaymentSource })
  customer(customerPaymentSource: CustomerPaymentSource, { loaders }: Context) {
    return loaders.parent(customerPaymentSource, "customer");
  }

  @BelongsTo(PaymentMethod, { description: "Payment method of the payment source." })
  paymentMethod(customerPaymentSource: CustomerPaymentSource, { loaders }: Context) {
    return loaders.parent(customerPaymentSource, "paymentMethod");
  }

  @BelongsTo(PaymentSource, { description: "The payment source itself; null when the gateway no longer has it." })
  paymentSource(customerPaymentSource: CustomerPaymentSource, { loaders }: Context) {
    return loaders.parent(customerPaymentSource, "paymentSource");
  }

  @Derived({
    type: () => String,
    description: "Derived: the masked card number, such as `XXXX-XXXX-XXXX-1111`, else the kind and id of the source.",
    from: { relation: "paymentSource", needs: ["id", "kind", "paymentInstrument"] },
  })
  name(_: CustomerPaymentSource, source: PaymentSource | null) {
    if (!source) return "payment_source";
    const digits = source.paymentInstrument?.cardLastDigits;
    return digits ? `XXXX-XXXX-XXXX-${digits}` : `${source.kind.replace(/s$/, "")} #${source.id}`;
  }
}

export const CustomerPaymentSourceMutations = ResourceMutations(customerPaymentSourceWrites);

/** Fields that customer payment sources add to a customer. */
@Resolver(() => Customer)
export class CustomerWalletResolver {
  @HasMany(CustomerPaymentSource, {
    description: "The customer's wallet: payment sources saved for later.",
    filters: Customer,
  })
  customerPaymentSources(customer: Customer, page: PageArgs, { loaders }: Context) {
    return loaders.page(customer, "customerPaymentSources", page);
  }
}

export const resolvers = [CustomerPaymentSourceResolver, CustomerWalletResolver, CustomerPaymentSourceMutations];
