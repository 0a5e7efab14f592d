import { Resolver } from "type-graphql";
import { ResourceResolver } from "../../platform/graphql/resource.resolver.js";
import { Address } from "./address.type.js";

@Resolver(() => Address)
export class AddressResolver extends ResourceResolver(Address, { one: "address" }) {}
