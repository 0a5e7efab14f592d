import "reflect-metadata";
import type { GraphQLSchema } from "graphql";
import { GraphQLInputObjectType, specifiedDirectives } from "graphql";
import { buildSchemaSync, type NonEmptyArray } from "type-graphql";
import { demandRowRules } from "./graph/access/row-rules.js";
import { DateTime } from "./graph/model/scalars.js";
import { describeAccess, fieldsWithoutRule } from "./graph/schema/access-directive.js";
import { oneOfInputs } from "./graph/schema/resource.resolver.js";
import { writeDirectives } from "./graph/write/directives.js";
import { AddressMutations, AddressResolver } from "./modules/addresses/address.resolver.js";
import { AnonymizationBlockerResolver, AnonymizationResolver } from "./modules/anonymization/anonymization.resolver.js";
import {
  AttachmentMutations,
  AttachmentResolver,
  attachmentResolvers,
} from "./modules/attachments/attachment.resolver.js";
import {
  CustomerAddressBookResolver,
  CustomerAddressMutations,
  CustomerAddressResolver,
} from "./modules/customer-addresses/customer-address.resolver.js";
import { CustomerChangeResolver } from "./modules/customer-changes/customer-change.resolver.js";
import {
  CustomerGroupMutations,
  CustomerGroupResolver,
  CustomerMembershipResolver,
} from "./modules/customer-groups/customer-group.resolver.js";
import {
  CustomerPaymentSourceMutations,
  CustomerPaymentSourceResolver,
  CustomerWalletResolver,
} from "./modules/customer-payment-sources/customer-payment-source.resolver.js";
import {
  CustomerOptInsResolver,
  CustomerSubscriptionMutations,
  CustomerSubscriptionResolver,
} from "./modules/customer-subscriptions/customer-subscription.resolver.js";
import { CustomerMutations, CustomerResolver } from "./modules/customers/customer.resolver.js";
import { EventStoreResolver, eventStoreResolvers } from "./modules/event-stores/event-store.resolver.js";
import { EventCallbackResolver, EventResolver, eventResolvers } from "./modules/events/event.resolver.js";
import { CustomerGroupMarketsResolver, MarketResolver } from "./modules/markets/market.resolver.js";
import { NodeResolver } from "./modules/nodes/node.resolver.js";
import {
  CustomerOrderSubscriptionsResolver,
  OrderOrderSubscriptionsResolver,
  OrderSubscriptionMoveMutations,
  OrderSubscriptionMutations,
  OrderSubscriptionResolver,
} from "./modules/order-subscriptions/order-subscription.resolver.js";
import {
  OrderSubscriptionItemResolver,
  OrderSubscriptionItemsResolver,
} from "./modules/order-subscriptions/order-subscription-item.resolver.js";
import { LineItemResolver, OrderLineItemsResolver } from "./modules/orders/line-item.resolver.js";
import {
  CustomerOrdersResolver,
  OrderMoveMutations,
  OrderMutations,
  OrderResolver,
} from "./modules/orders/order.resolver.js";
import { CustomerPasswordResetResolver } from "./modules/password-resets/customer-password-reset.resolver.js";
import { PaymentMethodResolver } from "./modules/payment-methods/payment-method.resolver.js";
import {
  OrderPaymentSourcesResolver,
  PaymentSourceResolver,
} from "./modules/payment-sources/payment-source.resolver.js";
import {
  CustomerReturnsResolver,
  OrderReturnsResolver,
  ReturnMoveMutations,
  ReturnMutations,
  ReturnResolver,
} from "./modules/returns/return.resolver.js";
import {
  LineItemReturnsResolver,
  ReturnLineItemResolver,
  ReturnLinesResolver,
} from "./modules/returns/return-line-item.resolver.js";
import { CustomerSkuListsResolver, SkuListMutations, SkuListResolver } from "./modules/sku-lists/sku-list.resolver.js";
import {
  SkuListItemMutations,
  SkuListItemResolver,
  SkuListItemsResolver,
} from "./modules/sku-lists/sku-list-item.resolver.js";
import { SkuResolver } from "./modules/skus/sku.resolver.js";
import { StockLocationResolver } from "./modules/stock-locations/stock-location.resolver.js";
import { TaggableResolver, TagMutations, TagResolver } from "./modules/tags/tag.resolver.js";
import { CustomerTokenResolver, ViewerResolver } from "./modules/viewer/viewer.resolver.js";

/** Every resolver class: the only list of modules. */
const resolvers = [
  AddressResolver,
  AddressMutations,
  AnonymizationResolver,
  AnonymizationBlockerResolver,
  AttachmentResolver,
  AttachmentMutations,
  ...attachmentResolvers,
  CustomerAddressResolver,
  CustomerAddressBookResolver,
  CustomerAddressMutations,
  CustomerGroupResolver,
  CustomerGroupMutations,
  CustomerMembershipResolver,
  CustomerPaymentSourceResolver,
  CustomerWalletResolver,
  CustomerPaymentSourceMutations,
  CustomerSubscriptionResolver,
  CustomerOptInsResolver,
  CustomerSubscriptionMutations,
  CustomerResolver,
  CustomerMutations,
  CustomerChangeResolver,
  CustomerPasswordResetResolver,
  EventStoreResolver,
  ...eventStoreResolvers,
  EventResolver,
  EventCallbackResolver,
  ...eventResolvers,
  MarketResolver,
  CustomerGroupMarketsResolver,
  NodeResolver,
  OrderSubscriptionItemResolver,
  OrderSubscriptionItemsResolver,
  OrderSubscriptionResolver,
  OrderSubscriptionMutations,
  OrderSubscriptionMoveMutations,
  CustomerOrderSubscriptionsResolver,
  OrderOrderSubscriptionsResolver,
  LineItemResolver,
  OrderLineItemsResolver,
  OrderResolver,
  OrderMutations,
  OrderMoveMutations,
  CustomerOrdersResolver,
  PaymentMethodResolver,
  PaymentSourceResolver,
  OrderPaymentSourcesResolver,
  ReturnLineItemResolver,
  ReturnLinesResolver,
  LineItemReturnsResolver,
  ReturnResolver,
  ReturnMutations,
  ReturnMoveMutations,
  CustomerReturnsResolver,
  OrderReturnsResolver,
  SkuListItemResolver,
  SkuListItemMutations,
  SkuListItemsResolver,
  SkuListResolver,
  SkuListMutations,
  CustomerSkuListsResolver,
  SkuResolver,
  StockLocationResolver,
  TagResolver,
  TagMutations,
  TaggableResolver,
  CustomerTokenResolver,
  ViewerResolver,
];

/** Builds the schema from the resolver classes. */
export function createSchema(): GraphQLSchema {
  const schema = buildSchemaSync({
    resolvers: resolvers as unknown as NonEmptyArray<() => unknown>,
    // Plain properties need no wrapper: a list of 10,000 objects costs a tenth.
    globalMiddlewares: [],
    directives: [...specifiedDirectives, ...writeDirectives],
    scalarsMap: [{ type: Date, scalar: DateTime }],
    // Inputs are checked where they are used, with errors that name the argument.
    validate: false,
    skipCheck: false,
    // It has to be there for any subscription, though none uses it: they bring their own source.
    pubSub: { publish() {}, subscribe: () => Promise.reject(new Error("There are no topics")) as never },
  });
  schema.description =
    "The customers of a shop, and what belongs to them, as a graph. Start at `customer` or `customers` and follow the relations; `node` finds any resource by its id. Lists come in pages, amounts in cents, in units and as a text.";
  schema.getQueryType()!.description =
    "Where reading starts: at one resource, at a list, or at any resource by its id. A field that is refused, or fails, is null with the error on its path; the others are answered.";
  schema.getMutationType()!.description =
    "What can be changed. A request that cannot be met changes nothing, and `userErrors` says why. A field is null if it was refused or failed, with the error on its path; the others of the same request stand.";
  schema.getSubscriptionType()!.description =
    "What can be followed as it happens, at `/graphql/stream` as server-sent events.";
  for (const name of oneOfInputs) {
    const type = schema.getType(name);
    if (type instanceof GraphQLInputObjectType) type.isOneOf = true;
  }
  describeAccess(schema);
  demandRowRules();
  const missing = fieldsWithoutRule(schema);
  if (missing.length) throw new Error(`Fields without an access rule: ${missing.join(", ")}`);
  return schema;
}
