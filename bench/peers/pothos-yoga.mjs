// GraphQL Yoga over Pothos with its Prisma plugin, in the way its documentation shows: the plugin turns the fields of a
// query into one call of Prisma.
import { createServer } from "node:http";
import SchemaBuilder from "@pothos/core";
import PrismaPlugin from "@pothos/plugin-prisma";
import { getDatamodel } from "@pothos/plugin-prisma/generated";
import { GraphQLScalarType } from "graphql";
import { createYoga } from "graphql-yoga";
import { addTags, afterPlace, prisma } from "./prisma.mjs";

const builder = new SchemaBuilder({
  plugins: [PrismaPlugin],
  prisma: { client: prisma, dmmf: getDatamodel() },
});

builder.addScalarType(
  "DateTime",
  new GraphQLScalarType({
    name: "DateTime",
    serialize: (date) => date.toISOString(),
    parseValue: (text) => new Date(text),
  }),
);

/** Values go out in capitals and are stored in small letters. */
const databaseEnum = (name, ...values) =>
  builder.enumType(name, {
    values: Object.fromEntries(values.map((value) => [value.toUpperCase(), { value }])),
  });
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

const newestFirst = [{ createdAt: "desc" }, { id: "desc" }];
const oldestFirst = [{ createdAt: "asc" }, { id: "asc" }];

/** A to-many relation with a limit and an order. */
const many = (t, name, orderBy) =>
  t.relation(name, {
    args: { first: t.arg.int({ required: true, defaultValue: 20 }) },
    query: ({ first }) => ({ take: first, orderBy }),
  });

// With a `select` of their own, types read the columns that are asked for alone.
const select = { id: true };

builder.prismaObject("CustomerGroup", {
  select,
  fields: (t) => ({
    id: t.exposeID("id"),
    name: t.exposeString("name"),
    code: t.exposeString("code", { nullable: true }),
  }),
});
builder.prismaObject("Address", {
  select,
  fields: (t) => ({
    id: t.exposeID("id"),
    line1: t.exposeString("line1"),
    city: t.exposeString("city"),
    zipCode: t.exposeString("zipCode", { nullable: true }),
    countryCode: t.exposeString("countryCode"),
    phone: t.exposeString("phone", { nullable: true }),
  }),
});
builder.prismaObject("CustomerAddress", {
  select,
  fields: (t) => ({ id: t.exposeID("id"), address: t.relation("address") }),
});
builder.prismaObject("PaymentMethod", {
  select,
  fields: (t) => ({ id: t.exposeID("id"), name: t.exposeString("name") }),
});
builder.prismaObject("CustomerPaymentSource", {
  select,
  fields: (t) => ({ id: t.exposeID("id"), paymentMethod: t.relation("paymentMethod", { nullable: true }) }),
});
builder.prismaObject("Order", {
  select,
  fields: (t) => ({
    id: t.exposeID("id"),
    number: t.exposeString("number"),
    status: t.expose("status", { type: OrderStatus }),
    paymentStatus: t.expose("paymentStatus", { type: OrderPaymentStatus }),
    fulfillmentStatus: t.expose("fulfillmentStatus", { type: OrderFulfillmentStatus }),
    currencyCode: t.exposeString("currencyCode", { nullable: true }),
    totalAmountWithTaxesCents: t.exposeInt("totalAmountWithTaxesCents"),
    placedAt: t.expose("placedAt", { type: "DateTime", nullable: true }),
    customer: t.relation("customer", { nullable: true }),
    lineItems: many(t, "lineItems", oldestFirst),
  }),
});
builder.prismaObject("LineItem", {
  select,
  fields: (t) => ({
    id: t.exposeID("id"),
    skuCode: t.exposeString("skuCode", { nullable: true }),
    name: t.exposeString("name", { nullable: true }),
    quantity: t.exposeInt("quantity"),
    unitAmountCents: t.exposeInt("unitAmountCents", { nullable: true }),
    totalAmountCents: t.exposeInt("totalAmountCents"),
    order: t.relation("order"),
  }),
});
builder.prismaObject("Return", {
  select,
  fields: (t) => ({
    id: t.exposeID("id"),
    number: t.exposeString("number"),
    status: t.expose("status", { type: ReturnStatus }),
    createdAt: t.expose("createdAt", { type: "DateTime" }),
  }),
});
const Tag = builder.prismaObject("Tag", {
  select,
  fields: (t) => ({ id: t.exposeID("id"), name: t.exposeString("name") }),
});
const Customer = builder.prismaObject("Customer", {
  select,
  fields: (t) => ({
    id: t.exposeID("id"),
    email: t.exposeString("email"),
    status: t.expose("status", { type: CustomerStatus }),
    hasPassword: t.exposeBoolean("hasPassword"),
    totalOrdersCount: t.exposeInt("totalOrdersCount"),
    shopperReference: t.exposeString("shopperReference"),
    profileId: t.exposeString("profileId"),
    taxExemptionCode: t.exposeString("taxExemptionCode", { nullable: true }),
    reference: t.exposeString("reference", { nullable: true }),
    referenceOrigin: t.exposeString("referenceOrigin", { nullable: true }),
    createdAt: t.expose("createdAt", { type: "DateTime" }),
    updatedAt: t.expose("updatedAt", { type: "DateTime" }),
    customerGroup: t.relation("customerGroup", { nullable: true }),
    customerAddresses: many(t, "customerAddresses", newestFirst),
    customerPaymentSources: many(t, "customerPaymentSources", newestFirst),
    orders: many(t, "orders", [{ placedAt: { sort: "desc", nulls: "first" } }, ...newestFirst]),
    returns: many(t, "returns", newestFirst),
    // Through the join table, as the documentation shows for indirect relations.
    tags: t.field({
      type: [Tag],
      select: (_args, _context, nestedSelection) => ({
        tagLinks: { select: { tag: nestedSelection(true) }, orderBy: { tag: { name: "asc" } } },
      }),
      resolve: ({ tagLinks }) => tagLinks.map((link) => link.tag),
    }),
  }),
});

const Place = builder.inputType("Place", {
  fields: (t) => ({ createdAt: t.field({ type: "DateTime", required: true }), id: t.id({ required: true }) }),
});

const CustomersByStatus = builder.objectRef("CustomersByStatus").implement({
  fields: (t) => ({
    totalCount: t.int({ resolve: ({ where }) => prisma.customer.count({ where }) }),
    nodes: t.prismaField({
      type: [Customer],
      resolve: (query, { where, first }) =>
        prisma.customer.findMany({
          ...query,
          where,
          orderBy: [{ totalOrdersCount: "desc" }, { id: "desc" }],
          take: first,
        }),
    }),
  }),
});

builder.queryType({
  fields: (t) => ({
    customer: t.prismaField({
      type: Customer,
      nullable: true,
      args: { id: t.arg.id({ required: true }) },
      resolve: (query, _, { id }) => prisma.customer.findFirst({ ...query, where: { id, mode: "test" } }),
    }),
    customers: t.prismaField({
      type: [Customer],
      args: { first: t.arg.int({ required: true, defaultValue: 20 }), after: t.arg({ type: Place }) },
      resolve: (query, _, { first, after }) =>
        prisma.customer.findMany({ ...query, where: afterPlace(after), orderBy: newestFirst, take: first }),
    }),
    customersByStatus: t.field({
      type: CustomersByStatus,
      args: {
        status: t.arg({ type: CustomerStatus, required: true }),
        first: t.arg.int({ required: true, defaultValue: 20 }),
      },
      resolve: (_, { status, first }) => ({ where: { mode: "test", status }, first }),
    }),
  }),
});

builder.mutationType({
  fields: (t) => ({
    addTags: t.prismaField({
      type: Customer,
      nullable: true,
      args: { id: t.arg.id({ required: true }), names: t.arg.stringList({ required: true }) },
      resolve: async (query, _, { id, names }) => {
        await addTags(id, names);
        return prisma.customer.findUnique({ ...query, where: { id } });
      },
    }),
  }),
});

const yoga = createYoga({ schema: builder.toSchema(), graphiql: false, landingPage: false, logging: false });
createServer(yoga).listen(Number(process.env.PORT), "127.0.0.1", () => console.log("ready"));

process.once("SIGTERM", () => process.exit());
