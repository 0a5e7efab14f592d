import { Arg, Ctx, FieldResolver, ID, Resolver, Root, Subscription } from "type-graphql";
import { Access } from "../../graph/access/guard.js";
import type { Context } from "../../graph/context.js";
import { Customer } from "../customers/customer.type.js";
import { customerChanges } from "./customer-change.service.js";
import { CustomerChange } from "./customer-change.type.js";

@Resolver(() => CustomerChange)
export class CustomerChangeResolver {
  @Access("customers:read")
  @Subscription(() => CustomerChange, {
    description:
      "The changes of customers and of what belongs to them, from now on or after the last one received: each once, in an order that is the same for all. Served as server-sent events at `/graphql/stream`.",
    subscribe: ({ args, context, info }) => customerChanges(context, args, info.schema),
  })
  customerChanged(
    @Root() change: CustomerChange,
    @Arg("customerId", () => ID, {
      nullable: true,
      description:
        "Of this customer alone; without it, of all whom the viewer may see. Nothing comes for a customer that does not exist.",
    })
    _customerId: string | null | undefined,
    @Arg("after", () => ID, {
      nullable: true,
      description:
        "The `id` of the last change received: those that came after it are given first. The request header `Last-Event-ID` comes before it.",
    })
    _after: string | null | undefined,
  ): CustomerChange {
    return change;
  }

  @FieldResolver(() => Customer, {
    nullable: true,
    description: "The customer as it is now; null when it has gone or the viewer may not see it.",
  })
  customer(@Root() { customerId }: CustomerChange, @Ctx() { loaders }: Context) {
    return loaders.byId("Customer", customerId);
  }
}

export const resolvers = [CustomerChangeResolver];
