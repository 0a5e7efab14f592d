import { Resolver } from "type-graphql";
import type { Context } from "../../graph/context.js";
import type { PageArgs } from "../../graph/schema/connection.js";
import { HasMany } from "../../graph/schema/relation.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import { Resource } from "../../graph/schema/resource.type.js";
import { EventStore } from "./event-store.type.js";

@Resolver(() => EventStore)
export class EventStoreResolver extends ResourceResolver(EventStore, { one: "eventStore" }) {}

/** Fields that the audit trail adds to every resource. */
@Resolver(() => Resource)
export class ResourceEventStoresResolver {
  @HasMany(EventStore, { description: "The audit trail: who changed what, latest first.", nullable: true })
  eventStores(resource: Resource, page: PageArgs, { loaders }: Context) {
    return loaders.page(resource, "eventStores", page);
  }
}

export const resolvers = [EventStoreResolver, ResourceEventStoresResolver];
