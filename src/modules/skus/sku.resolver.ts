import { Resolver } from "type-graphql";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import { Sku } from "./sku.type.js";

@Resolver(() => Sku)
export class SkuResolver extends ResourceResolver(Sku, { one: "sku", keys: { code: { description: "Its code." } } }) {}

export const resolvers = [SkuResolver];
