import { Resolver } from "type-graphql";
import type { Context } from "../../graph/context.js";
import type { PageArgs } from "../../graph/schema/connection.js";
import { BelongsTo, HasMany } from "../../graph/schema/relation.js";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import { ResourceMutations } from "../../graph/write/resource-writes.js";
import { StateMachineMutations } from "../../graph/write/state-machine.js";
import { Address } from "../addresses/address.type.js";
import { Customer } from "../customers/customer.type.js";
import { Order } from "../orders/order.type.js";
import { StockLocation } from "../stock-locations/stock-location.type.js";
import { returnStateMachine } from "./return.moves.js";
import { Return } from "./return.type.js";
import { returnWrites } from "./return.writes.js";
import {
  LineItemReturnsResolver,
  ReturnLineItemMutations,
  ReturnLineItemResolver,
  ReturnLinesResolver,
} from "./return-line-item.resolver.js";

@Resolver(() => Return)
export class ReturnResolver extends ResourceResolver(Return, {
  one: "return",
  many: "returns",
  keys: { number: { description: "Its number." } },
}) {
  @BelongsTo(Customer, { description: "The customer of the return.", filters: Return })
  customer(ret: Return, { loaders }: Context) {
    return loaders.parent(ret, "customer");
  }

  @BelongsTo(Order, { description: "The returned order.", filters: Return })
  order(ret: Return, { loaders }: Context) {
    return loaders.parent(ret, "order");
  }

  @BelongsTo(StockLocation, { description: "The stock location that receives the goods.", filters: Return })
  stockLocation(ret: Return, { loaders }: Context) {
    return loaders.parent(ret, "stockLocation");
  }

  @BelongsTo(Address, { description: "Origin address: the return's own copy.", filters: Return })
  originAddress(ret: Return, { loaders }: Context) {
    return loaders.parent(ret, "originAddress");
  }

  @BelongsTo(Address, { description: "Destination address: the return's own copy.", filters: Return })
  destinationAddress(ret: Return, { loaders }: Context) {
    return loaders.parent(ret, "destinationAddress");
  }
}

export const ReturnMutations = ResourceMutations(returnWrites);
export const ReturnMoveMutations = StateMachineMutations(returnStateMachine);

/** Fields that returns add to a customer. */
@Resolver(() => Customer)
export class CustomerReturnsResolver {
  @HasMany(Return, { description: "Returns of the customer.", filters: Customer })
  returns(customer: Customer, page: PageArgs, { loaders }: Context) {
    return loaders.page(customer, "returns", page);
  }
}

/** Fields that returns add to an order. */
@Resolver(() => Order)
export class OrderReturnsResolver {
  @HasMany(Return, { description: "Returns of the order.", filters: Order })
  returns(order: Order, page: PageArgs, { loaders }: Context) {
    return loaders.page(order, "returns", page);
  }
}

export const resolvers = [
  ReturnLineItemResolver,
  ReturnLineItemMutations,
  ReturnLinesResolver,
  LineItemReturnsResolver,
  ReturnResolver,
  ReturnMutations,
  ReturnMoveMutations,
  CustomerReturnsResolver,
  OrderReturnsResolver,
];
