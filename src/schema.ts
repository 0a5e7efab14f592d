import "reflect-metadata";
import type { GraphQLSchema } from "graphql";
import { GraphQLInputObjectType, specifiedDirectives } from "graphql";
import { buildSchemaSync } from "type-graphql";
import { demandRowRules } from "./graph/access/row-rules.js";
import { DateTime } from "./graph/model/scalars.js";
import { describeAccess, fieldsWithoutRule } from "./graph/schema/access-directive.js";
import { oneOfInputs } from "./graph/schema/resource.resolver.js";
import { writeDirectives } from "./graph/write/directives.js";
import { resolvers as addresses } from "./modules/addresses/address.resolver.js";
import { resolvers as anonymization } from "./modules/anonymization/anonymization.resolver.js";
import { resolvers as attachments } from "./modules/attachments/attachment.resolver.js";
import { resolvers as customerAddresses } from "./modules/customer-addresses/customer-address.resolver.js";
import { resolvers as customerChanges } from "./modules/customer-changes/customer-change.resolver.js";
import { resolvers as customerGroups } from "./modules/customer-groups/customer-group.resolver.js";
import { resolvers as customerPaymentSources } from "./modules/customer-payment-sources/customer-payment-source.resolver.js";
import { resolvers as customerSubscriptions } from "./modules/customer-subscriptions/customer-subscription.resolver.js";
import { resolvers as customers } from "./modules/customers/customer.resolver.js";
import { resolvers as eventStores } from "./modules/event-stores/event-store.resolver.js";
import { resolvers as events } from "./modules/events/event.resolver.js";
import { resolvers as markets } from "./modules/markets/market.resolver.js";
import { resolvers as nodes } from "./modules/nodes/node.resolver.js";
import { resolvers as orderSubscriptions } from "./modules/order-subscriptions/order-subscription.resolver.js";
import { resolvers as orders } from "./modules/orders/order.resolver.js";
import { resolvers as passwordResets } from "./modules/password-resets/customer-password-reset.resolver.js";
import { resolvers as paymentMethods } from "./modules/payment-methods/payment-method.resolver.js";
import { resolvers as paymentSources } from "./modules/payment-sources/payment-source.resolver.js";
import { resolvers as returns } from "./modules/returns/return.resolver.js";
import { resolvers as skuLists } from "./modules/sku-lists/sku-list.resolver.js";
import { resolvers as skus } from "./modules/skus/sku.resolver.js";
import { resolvers as stockLocations } from "./modules/stock-locations/stock-location.resolver.js";
import { resolvers as tags } from "./modules/tags/tag.resolver.js";
import { resolvers as viewer } from "./modules/viewer/viewer.resolver.js";

/** What each module adds to the schema: the only list of modules. */
const modules = [
  addresses,
  anonymization,
  attachments,
  customerAddresses,
  customerChanges,
  customerGroups,
  customerPaymentSources,
  customerSubscriptions,
  customers,
  eventStores,
  events,
  markets,
  nodes,
  orderSubscriptions,
  orders,
  passwordResets,
  paymentMethods,
  paymentSources,
  returns,
  skuLists,
  skus,
  stockLocations,
  tags,
  viewer,
];

/** Builds the schema from the resolver classes of all modules. */
export function createSchema(): GraphQLSchema {
  const [first, ...others] = modules.flat();
  const schema = buildSchemaSync({
    resolvers: [first!, ...others],
    // Plain properties need no wrapper: a list of 10,000 objects costs a tenth.
    globalMiddlewares: [],
    directives: [...specifiedDirectives, ...writeDirectives],
    scalarsMap: [{ type: Date, scalar: DateTime }],
    // Inputs are checked where they are used, with errors that name the argument.
    validate: false,
    skipCheck: false,
    // It has to be there for any subscription, though none uses it: they bring their own source.
    pubSub: {
      publish() {},
      subscribe() {
        throw new Error("There are no topics");
      },
    },
  });
  schema.description =
    "The customers of a shop, and what belongs to them, as a graph. Start at `customer` or `customers` and follow the relations; `node` finds any resource by its id. Lists are paginated; amounts are given in cents, as a number and formatted.";
  schema.getQueryType()!.description =
    "Read one resource, a list, or any resource by its id. A root field that is forbidden or fails is null, with the error on its path; the other fields are still answered.";
  schema.getMutationType()!.description =
    "All changes. A mutation that is rejected changes nothing and says why in `userErrors`. A root field that is forbidden or fails is null, with the error on its path; the other mutations of the same request stay in effect.";
  schema.getSubscriptionType()!.description = "Live updates, served as server-sent events at `/graphql/stream`.";
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
