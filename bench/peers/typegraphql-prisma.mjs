// TypeGraphQL, Apollo Server and Prisma the usual way: a resolver class a type, `findMany` in a DataLoader a relation, and
// the limits applied to what comes back. Decorators are applied by hand, so that nothing has to be compiled.
import "reflect-metadata";
import { ApolloServer } from "@apollo/server";
import { ApolloServerPluginLandingPageDisabled } from "@apollo/server/plugin/disabled";
import { startStandaloneServer } from "@apollo/server/standalone";
import DataLoader from "dataloader";
import {
  Arg,
  buildSchema,
  Ctx,
  Field,
  FieldResolver,
  GraphQLISODateTime,
  ID,
  InputType,
  Int,
  Mutation,
  ObjectType,
  Query,
  Resolver,
  Root,
  registerEnumType,
} from "type-graphql";
import { addTags, afterPlace, prisma } from "./prisma.mjs";

/** `decorated(ObjectType())(class { … }, { member: [Field(() => ID)] })`: what a compiler makes of decorators. */
const decorated =
  (...classDecorators) =>
  (type, members) => {
    for (const [name, decorators] of Object.entries(members)) {
      const descriptor = Object.getOwnPropertyDescriptor(type.prototype, name);
      for (const decorator of decorators.toReversed()) decorator(type.prototype, name, descriptor);
    }
    for (const decorator of classDecorators.toReversed()) decorator(type);
    return type;
  };
/** A decorator of a method's parameter. */
const parameter = (index, decorator) => (prototype, name) => decorator(prototype, name, index);
const field = (type, options = {}) => [Field(() => type, options)];
const optional = { nullable: true };

/** Values go out in capitals and are stored in small letters. */
function databaseEnum(name, ...values) {
  const type = Object.fromEntries(values.map((value) => [value.toUpperCase(), value]));
  registerEnumType(type, { name });
  return type;
}
const CustomerStatus = databaseEnum("CustomerStatus", "prospect", "acquired", "repeat");
const OrderStatus = databaseEnum(
  "OrderStatus",
  ...["draft", "pending", "placing", "placed", "editing", "approved", "cancelled"],
);
const OrderPaymentStatus = databaseEnum(
  "OrderPaymentStatus",
  ...["unpaid", "authorized", "partially_authorized", "paid", "partially_paid", "voided", "partially_voided"],
  ...["refunded", "partially_refunded", "free"],
);
const OrderFulfillmentStatus = databaseEnum(
  "OrderFulfillmentStatus",
  ...["unfulfilled", "in_progress", "fulfilled", "not_required"],
);
const ReturnStatus = databaseEnum(
  "ReturnStatus",
  ...["draft", "requested", "approved", "cancelled", "shipped", "rejected", "received", "refunded"],
);

const CustomerGroup = decorated(ObjectType("CustomerGroup"))(class CustomerGroup {}, {
  id: field(ID),
  name: field(String),
  code: field(String, optional),
});
const Address = decorated(ObjectType("Address"))(class Address {}, {
  id: field(ID),
  line1: field(String),
  city: field(String),
  zipCode: field(String, optional),
  countryCode: field(String),
  phone: field(String, optional),
});
const CustomerAddress = decorated(ObjectType("CustomerAddress"))(class CustomerAddress {}, { id: field(ID) });
const PaymentMethod = decorated(ObjectType("PaymentMethod"))(class PaymentMethod {}, {
  id: field(ID),
  name: field(String),
});
const CustomerPaymentSource = decorated(ObjectType("CustomerPaymentSource"))(class CustomerPaymentSource {}, {
  id: field(ID),
});
const Tag = decorated(ObjectType("Tag"))(class Tag {}, { id: field(ID), name: field(String) });
const Return = decorated(ObjectType("Return"))(class Return {}, {
  id: field(ID),
  number: field(String),
  status: field(ReturnStatus),
  createdAt: field(GraphQLISODateTime),
});
const LineItem = decorated(ObjectType("LineItem"))(class LineItem {}, {
  id: field(ID),
  skuCode: field(String, optional),
  name: field(String, optional),
  quantity: field(Int),
  unitAmountCents: field(Int, optional),
  totalAmountCents: field(Int),
});
const Order = decorated(ObjectType("Order"))(class Order {}, {
  id: field(ID),
  number: field(String),
  status: field(OrderStatus),
  paymentStatus: field(OrderPaymentStatus),
  fulfillmentStatus: field(OrderFulfillmentStatus),
  currencyCode: field(String, optional),
  totalAmountWithTaxesCents: field(Int),
  placedAt: field(GraphQLISODateTime, optional),
});
const Customer = decorated(ObjectType("Customer"))(class Customer {}, {
  id: field(ID),
  email: field(String),
  status: field(CustomerStatus),
  hasPassword: field(Boolean),
  totalOrdersCount: field(Int),
  shopperReference: field(String),
  profileId: field(String),
  taxExemptionCode: field(String, optional),
  reference: field(String, optional),
  referenceOrigin: field(String, optional),
  createdAt: field(GraphQLISODateTime),
  updatedAt: field(GraphQLISODateTime),
});
const CustomerPage = decorated(ObjectType("CustomerPage"))(class CustomerPage {}, {
  totalCount: field(Int),
  nodes: field([Customer]),
});
const Place = decorated(InputType("Place"))(class Place {}, { createdAt: field(GraphQLISODateTime), id: field(ID) });

const newestFirst = [{ createdAt: "desc" }, { id: "desc" }];
const oldestFirst = [{ createdAt: "asc" }, { id: "asc" }];

/** Loads the rows of a model by their ids. */
const byId = (model) =>
  new DataLoader(async (ids) => {
    const rows = await model.findMany({ where: { id: { in: [...ids] } } });
    const found = new Map(rows.map((row) => [row.id, row]));
    return ids.map((id) => found.get(id) ?? null);
  });

/** Loads the rows of a model by a foreign key, each key's in order. */
const byKey = (model, key, options) =>
  new DataLoader(async (keys) => {
    const rows = await model.findMany({ where: { [key]: { in: [...keys] } }, ...options });
    const found = new Map(keys.map((value) => [value, []]));
    for (const row of rows) found.get(row[key]).push(row);
    return keys.map((value) => found.get(value));
  });

/** Fresh ones for each request. */
const createLoaders = () => ({
  customer: byId(prisma.customer),
  customerGroup: byId(prisma.customerGroup),
  address: byId(prisma.address),
  paymentMethod: byId(prisma.paymentMethod),
  order: byId(prisma.order),
  addressesOfCustomer: byKey(prisma.customerAddress, "customerId", { orderBy: newestFirst }),
  paymentSourcesOfCustomer: byKey(prisma.customerPaymentSource, "customerId", { orderBy: newestFirst }),
  ordersOfCustomer: byKey(prisma.order, "customerId", {
    orderBy: [{ placedAt: { sort: "desc", nulls: "first" } }, ...newestFirst],
  }),
  returnsOfCustomer: byKey(prisma.return, "customerId", { orderBy: newestFirst }),
  tagsOfCustomer: byKey(prisma.customerTag, "customerId", {
    include: { tag: true },
    orderBy: { tag: { name: "asc" } },
  }),
  lineItemsOfOrder: byKey(prisma.lineItem, "orderId", { orderBy: oldestFirst }),
});

/** The decorators of a relation's method with the parameters (parent, context), or (parent, first, context). */
const toOne = (type, options) => [FieldResolver(() => type, options), parameter(0, Root()), parameter(1, Ctx())];
const toMany = (type) => [
  FieldResolver(() => [type]),
  parameter(0, Root()),
  parameter(
    1,
    Arg("first", () => Int, { defaultValue: 20 }),
  ),
  parameter(2, Ctx()),
];

const CustomerResolver = decorated(Resolver(() => Customer))(
  class CustomerResolver {
    customer(id) {
      return prisma.customer.findFirst({ where: { id, mode: "test" } });
    }
    customers(first, after) {
      return prisma.customer.findMany({ where: afterPlace(after), orderBy: newestFirst, take: first });
    }
    async customersByStatus(status, first) {
      const where = { mode: "test", status };
      const [totalCount, nodes] = await Promise.all([
        prisma.customer.count({ where }),
        prisma.customer.findMany({ where, orderBy: [{ totalOrdersCount: "desc" }, { id: "desc" }], take: first }),
      ]);
      return { totalCount, nodes };
    }
    async addTags(id, names) {
      await addTags(id, names);
      return prisma.customer.findUnique({ where: { id } });
    }
    customerGroup(customer, { loaders }) {
      return customer.customerGroupId && loaders.customerGroup.load(customer.customerGroupId);
    }
    async customerAddresses(customer, first, { loaders }) {
      return (await loaders.addressesOfCustomer.load(customer.id)).slice(0, first);
    }
    async customerPaymentSources(customer, first, { loaders }) {
      return (await loaders.paymentSourcesOfCustomer.load(customer.id)).slice(0, first);
    }
    async orders(customer, first, { loaders }) {
      return (await loaders.ordersOfCustomer.load(customer.id)).slice(0, first);
    }
    async returns(customer, first, { loaders }) {
      return (await loaders.returnsOfCustomer.load(customer.id)).slice(0, first);
    }
    async tags(customer, { loaders }) {
      return (await loaders.tagsOfCustomer.load(customer.id)).map((link) => link.tag);
    }
  },
  {
    customer: [
      Query(() => Customer, optional),
      parameter(
        0,
        Arg("id", () => ID),
      ),
    ],
    customers: [
      Query(() => [Customer]),
      parameter(
        0,
        Arg("first", () => Int, { defaultValue: 20 }),
      ),
      parameter(
        1,
        Arg("after", () => Place, optional),
      ),
    ],
    customersByStatus: [
      Query(() => CustomerPage),
      parameter(
        0,
        Arg("status", () => CustomerStatus),
      ),
      parameter(
        1,
        Arg("first", () => Int, { defaultValue: 20 }),
      ),
    ],
    addTags: [
      Mutation(() => Customer, optional),
      parameter(
        0,
        Arg("id", () => ID),
      ),
      parameter(
        1,
        Arg("names", () => [String]),
      ),
    ],
    customerGroup: toOne(CustomerGroup, optional),
    customerAddresses: toMany(CustomerAddress),
    customerPaymentSources: toMany(CustomerPaymentSource),
    orders: toMany(Order),
    returns: toMany(Return),
    tags: toOne([Tag]),
  },
);

const CustomerAddressResolver = decorated(Resolver(() => CustomerAddress))(
  class CustomerAddressResolver {
    address(customerAddress, { loaders }) {
      return loaders.address.load(customerAddress.addressId);
    }
  },
  { address: toOne(Address) },
);

const CustomerPaymentSourceResolver = decorated(Resolver(() => CustomerPaymentSource))(
  class CustomerPaymentSourceResolver {
    paymentMethod(source, { loaders }) {
      return source.paymentMethodId && loaders.paymentMethod.load(source.paymentMethodId);
    }
  },
  { paymentMethod: toOne(PaymentMethod, optional) },
);

const OrderResolver = decorated(Resolver(() => Order))(
  class OrderResolver {
    customer(order, { loaders }) {
      return order.customerId && loaders.customer.load(order.customerId);
    }
    async lineItems(order, first, { loaders }) {
      return (await loaders.lineItemsOfOrder.load(order.id)).slice(0, first);
    }
  },
  { customer: toOne(Customer, optional), lineItems: toMany(LineItem) },
);

const LineItemResolver = decorated(Resolver(() => LineItem))(
  class LineItemResolver {
    order(lineItem, { loaders }) {
      return loaders.order.load(lineItem.orderId);
    }
  },
  { order: toOne(Order) },
);

const schema = await buildSchema({
  resolvers: [
    CustomerResolver,
    CustomerAddressResolver,
    CustomerPaymentSourceResolver,
    OrderResolver,
    LineItemResolver,
  ],
});
const server = new ApolloServer({
  schema,
  introspection: false,
  plugins: [ApolloServerPluginLandingPageDisabled()],
});
await startStandaloneServer(server, {
  listen: { host: "127.0.0.1", port: Number(process.env.PORT) },
  context: async () => ({ loaders: createLoaders() }),
});
console.log("ready");

process.once("SIGTERM", () => process.exit());
