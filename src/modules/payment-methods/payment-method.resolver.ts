import { Resolver } from "type-graphql";
import { ResourceResolver } from "../../platform/graphql/resource.resolver.js";
import { PaymentMethod } from "./payment-method.type.js";

@Resolver(() => PaymentMethod)
export class PaymentMethodResolver extends ResourceResolver(PaymentMethod, { one: "paymentMethod" }) {}
