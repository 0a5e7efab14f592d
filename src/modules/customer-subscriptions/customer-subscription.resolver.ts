import { Resolver } from "type-graphql";
import type { Context } from "../../graph/context.js";
import type { PageArgs } from "../../graph/schema/connection.js";
import { BelongsTo, Derived, HasMany } from "../../graph/schema/relation.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import type { Outcome } from "../../graph/write/idempotency.js";
import { type Args, Mutates, payloadOf } from "../../graph/write/mutation.js";
import { ResourceMutations } from "../../graph/write/resource-writes.js";
import type { Write } from "../../graph/write/transaction.js";
import { countForm } from "../customers/customer.service.js";
import { Customer } from "../customers/customer.type.js";
import { CustomerSubscription } from "./customer-subscription.type.js";
import {
  CustomerSubscriptionCreateInput,
  customerSubscriptionWrites,
  type Subscribing,
  subscribe,
} from "./customer-subscription.writes.js";

@Resolver(() => CustomerSubscription)
export class CustomerSubscriptionResolver extends ResourceResolver(CustomerSubscription, {
  one: "customerSubscription",
}) {
  @BelongsTo(Customer, { description: "Who subscribed.", filters: CustomerSubscription })
  customer(customerSubscription: CustomerSubscription, { loaders }: Context) {
    return loaders.parent(customerSubscription, "customer");
  }

  @Derived({
    type: () => String,
    description: "Derived: the e-mail address of the customer.",
    from: { relation: "customer", needs: ["email"] },
  })
  customerEmail(_: CustomerSubscription, customer: Customer | null) {
    return customer?.email ?? "";
  }

  @Mutates<Args<Subscribing>>({
    access: ["customer_subscriptions:create"],
    description:
      "Subscribes a customer to something like a newsletter. An e-mail address finds the customer, or makes one as a guest. Idempotent: an existing subscription is returned unchanged, with `created` false. A signed-in customer subscribes itself. Visitors who have not signed in subscribe by an e-mail address and get the same answer, without any row, whether the shop knows the address or not; it went well when `userErrors` is empty.",
    errors: ["INVALID", "NOT_FOUND", "WRONG_STATE"],
    example:
      'mutation { customerSubscriptionCreate(input: { customerEmail: "new@example.com", reference: "newsletter" }) { customerSubscription { id reference } created customer { id } userErrors { code message path } } }',
    payload: payloadOf("CustomerSubscriptionCreate", "Result of `customerSubscriptionCreate`.", {
      customerSubscription: {
        description: "The subscription; null when there is none, and always for guests who have not signed in.",
        row: () => CustomerSubscription,
      },
      created: {
        description: "Whether it was created; null when there is none, and for guests who have not signed in.",
        type: () => Boolean,
        access: ["customer_subscriptions:read"],
      },
      customer: {
        description: "The customer who is subscribed, where the caller may see it.",
        row: () => Customer,
      },
    }),
    input: [CustomerSubscriptionCreateInput, "The customer, and what to subscribe to."],
    count: (context) => (context.viewer.kind === "guest" ? countForm(context, { mayTell: false }) : undefined),
  })
  customerSubscriptionCreate(write: Write, { input }: Args<Subscribing>): Promise<Outcome> {
    return subscribe(write, input);
  }
}

export const CustomerSubscriptionMutations = ResourceMutations(customerSubscriptionWrites);

/** Fields that customer subscriptions add to a customer. */
@Resolver(() => Customer)
export class CustomerOptInsResolver {
  @HasMany(CustomerSubscription, {
    description: "What the customer subscribed to, such as a newsletter.",
    filters: Customer,
  })
  customerSubscriptions(customer: Customer, page: PageArgs, { loaders }: Context) {
    return loaders.page(customer, "customerSubscriptions", page);
  }
}

export const resolvers = [CustomerSubscriptionResolver, CustomerOptInsResolver, CustomerSubscriptionMutations];
