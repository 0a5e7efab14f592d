import { Resolver } from "type-graphql";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import { PaymentMethod } from "./payment-method.type.js";

@Resolver(() => PaymentMethod)
export class PaymentMethodResolver extends ResourceResolver(PaymentMethod, { one: "paymentMethod" }) {}

export const resolvers = [PaymentMethodResolver];
