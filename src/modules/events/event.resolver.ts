import { Resolver } from "type-graphql";
import type { Context } from "../../graph/context.js";
import type { PageArgs } from "../../graph/schema/connection.js";
import { BelongsTo, HasMany, hasManyEach } from "../../graph/schema/relation.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import { Address } from "../addresses/address.type.js";
import { CustomerAddress } from "../customer-addresses/customer-address.type.js";
import { CustomerSubscription } from "../customer-subscriptions/customer-subscription.type.js";
import { Customer } from "../customers/customer.type.js";
import { OrderSubscription } from "../order-subscriptions/order-subscription.type.js";
import { LineItem } from "../orders/line-item.type.js";
import { Order } from "../orders/order.type.js";
import { Return } from "../returns/return.type.js";
import { Event } from "./event.type.js";
import { EventCallback } from "./event-callback.type.js";

@Resolver(() => Event)
export class EventResolver extends ResourceResolver(Event, { one: "event" }) {
  @HasMany(EventCallback, { description: "Webhook deliveries of the event, latest first." })
  lastEventCallbacks(event: Event, page: PageArgs, { loaders }: Context) {
    return loaders.page(event, "lastEventCallbacks", page);
  }
}

@Resolver(() => EventCallback)
export class EventCallbackResolver extends ResourceResolver(EventCallback, { one: "eventCallback" }) {
  @BelongsTo(Event, { description: "The event that was delivered." })
  event(callback: EventCallback, { loaders }: Context) {
    return loaders.parent(callback, "event");
  }
}

/** Fields that events add to every resource that raises them. */
export const eventResolvers = hasManyEach(
  [Customer, Address, CustomerAddress, CustomerSubscription, Order, LineItem, OrderSubscription, Return],
  "events",
  Event,
  { description: "Business events of the resource, latest first.", nullable: true },
);

export const resolvers = [EventResolver, EventCallbackResolver, ...eventResolvers];
