import { Resolver } from "type-graphql";
import { hasManyEach } from "../../graph/schema/relation.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
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

/** Fields that the audit trail adds to the resources it covers. */
export const eventStoreResolvers = hasManyEach(
  [Customer, Address, CustomerAddress, Order, OrderSubscription, Return, Tag],
  "eventStores",
  EventStore,
  { description: "The audit trail: who changed what, latest first.", nullable: true },
);

export const resolvers = [EventStoreResolver, ...eventStoreResolvers];
