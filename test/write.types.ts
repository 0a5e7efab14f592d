import type { RowOf } from "../src/graph/model/datamodel.js";
import { ResourceWrites } from "../src/graph/write/resource-writes.js";
import { text } from "../src/graph/write/rules.js";
import { StateMachine } from "../src/graph/write/state-machine.js";
import type { Write } from "../src/graph/write/transaction.js";
import { Order, OrderStateError } from "../src/modules/orders/order.type.js";
import { Tag } from "../src/modules/tags/tag.type.js";

// Rows and values of writes have the types of their model: `npm run typecheck` fails if a misspelt column compiles. Nothing
// here is run.

const rules = { name: text({ description: "Its name.", required: true }) };

export const misspelt = {
  created: (write: Write) =>
    // @ts-expect-error
    write.create("Customer", { emial: "a@example.com" }),
  ofAnotherType: (write: Write) =>
    // @ts-expect-error
    write.create("Customer", { email: 1 }),
  computedByTheDatabase: (write: Write) =>
    // @ts-expect-error
    write.create("Customer", { hasPassword: true }),
  noValueOfTheEnum: (write: Write) =>
    // @ts-expect-error
    write.create("Order", { status: "palced" }),
  updated: (write: Write, row: RowOf<"Customer">) =>
    // @ts-expect-error
    write.update("Customer", row, { emial: "a@example.com" }),
  ofAnotherModel: (write: Write, row: RowOf<"Order">) =>
    // @ts-expect-error
    write.update("Customer", row, { email: "a@example.com" }),
  read: async (write: Write) =>
    // @ts-expect-error
    (await write.find("Customer", "cus_ada"))?.emial,
  locked: async (write: Write) =>
    // @ts-expect-error
    (await write.row("Customer", "cus_ada")).emial,
  secret: async (write: Write) =>
    // @ts-expect-error
    (await write.row("Customer", "cus_ada")).passwordDigest,
  searched: (write: Write) =>
    // @ts-expect-error
    write.findAll("Customer", "emial", ["a@example.com"]),
  hooks: () =>
    new ResourceWrites(Tag, {
      rules,
      create: {
        before: async (write, values) => {
          // @ts-expect-error
          write.now() && values.nmae;
          return values;
        },
        // @ts-expect-error
        after: async (_write, _id, input) => input.nmae,
      },
      update: {
        // @ts-expect-error
        before: async (_write, _row, { name }) => ({ name, reference: 1 }),
        // @ts-expect-error
        after: async (_write, row) => row.nmae,
      },
      // @ts-expect-error
      delete: { before: async (_write, row) => row.nmae },
    }),
  transitions: () =>
    new StateMachine(Order, {
      shop: "orders:manage",
      access: "orders:update",
      error: OrderStateError,
      moves: {
        place: {
          description: "Places it.",
          from: ["draft"],
          to: "placed",
          done: "placed",
          // @ts-expect-error
          notes: "palcedAt",
          example: "ord_1027",
        },
      },
    }),
} satisfies Record<string, (write: Write, row: never) => unknown>;
