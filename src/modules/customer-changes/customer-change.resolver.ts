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
      "Live changes of customers and their resources, from now on or after the last one received: each exactly once, in the same order for every subscriber. Served as server-sent events at `/graphql/stream`.",
    subscribe: ({ args, context, info }) => customerChanges(context, args, info.schema),
  })
  customerChanged(
    @Root() change: CustomerChange,
    @Arg("customerId", () => ID, {
      nullable: true,
      description:
        "Only changes of this customer; without it, of all customers that the viewer may see. A customer that does not exist yields no events.",
    })
    _customerId: string | null | undefined,
    @Arg("after", () => ID, {
      nullable: true,
      description:
        "Resumes after this change: the `id` of the last one received. The request header `Last-Event-ID` takes precedence.",
    })
    _after: string | null | undefined,
  ): CustomerChange {
    return change;
  }

  @FieldResolver(() => Customer, {
    nullable: true,
    description: "The customer's current state; null when it was deleted or the viewer may not see it.",
  })
  customer(@Root() { customerId }: CustomerChange, @Ctx() { loaders }: Context) {
    return loaders.byId("Customer", customerId);
  }
}

export const resolvers = [CustomerChangeResolver];
