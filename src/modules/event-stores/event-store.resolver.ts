import { Resolver } from "type-graphql";
import type { Context } from "../../platform/context.js";
import type { PageArgs } from "../../platform/graphql/connection.js";
import { HasMany } from "../../platform/graphql/relation.js";
import { ResourceResolver } from "../../platform/graphql/resource.resolver.js";
import type { Resource } from "../../platform/graphql/resource.type.js";
import { Address } from "../addresses/address.type.js";
import { CustomerAddress } from "../customer-addresses/customer-address.type.js";
import { Customer } from "../customers/customer.type.js";
import { OrderSubscription } from "../order-subscriptions/order-subscription.type.js";
import { Order } from "../orders/order.type.js";
import { Return } from "../returns/return.type.js";
import { Tag } from "../tags/tag.type.js";
import { EventStore } from "./event-store.type.js";

@Resolver(() => EventStore)
export class EventStoreResolver extends ResourceResolver(EventStore, { one: "eventStore" }) {}

function eventStoresOf(owner: abstract new (...args: never[]) => Resource<"Customer">) {
  @Resolver(() => owner)
  class EventStoresResolver {
    @HasMany(EventStore, { description: "The audit trail: who changed it, and how; the latest first.", nullable: true })
    eventStores(resource: Resource<"Customer">, page: PageArgs, { loaders }: Context) {
      return loaders.page(resource, "eventStores", page);
    }
  }
  return EventStoresResolver;
}

/** What the audit trail adds to the resources it is kept for. */
export const eventStoreResolvers = [Customer, Address, CustomerAddress, Order, OrderSubscription, Return, Tag].map(
  (owner) => eventStoresOf(owner as never),
);
