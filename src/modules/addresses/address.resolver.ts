import { Resolver } from "type-graphql";
import { ResourceResolver } from "../../graph/schema/resource.resolver.js";
import { ResourceMutations } from "../../graph/write/resource-writes.js";
import { Address } from "./address.type.js";
import { addressWrites } from "./address.writes.js";

@Resolver(() => Address)
export class AddressResolver extends ResourceResolver(Address, { one: "address" }) {}

export const AddressMutations = ResourceMutations(addressWrites);

export const resolvers = [AddressResolver, AddressMutations];
