import type { EnumValue } from "../../src/graph/model/datamodel.js";
import { orderSubscriptionStateMachine } from "../../src/modules/order-subscriptions/order-subscription.moves.js";
import { orderStateMachine } from "../../src/modules/orders/order.moves.js";
import { returnStateMachine } from "../../src/modules/returns/return.moves.js";
import { type Caller, createTestApp, type TestApp } from "../support/app.js";
import { insert } from "../support/rows.js";

const noon = new Date("2026-11-01T12:00:00.000Z");
let app: TestApp;
beforeAll(async () => {
  app = await createTestApp({ now: () => noon });
});
afterAll(async () => {
  // Every code that was told is one that its mutation names.
  expect(app.logged.filter((line) => line.includes("does not declare"))).toEqual([]);
  await app.stop();
});

/** What the shop may do, and from where; `*`: from where a customer may, too. */
const machines = {
  order: {
    machine: orderStateMachine,
    states: ["draft", "pending", "placing", "placed", "editing", "approved", "cancelled"],
    table: {
      place: { draft: "*placed", pending: "*placed" },
      approve: { placed: "approved" },
      cancel: { draft: "*cancelled", pending: "*cancelled", placed: "cancelled", approved: "cancelled" },
      archive: { placed: "placed", approved: "approved", cancelled: "cancelled" },
      unarchive: { placed: "placed", approved: "approved", cancelled: "cancelled" },
    },
  },
  return: {
    machine: returnStateMachine,
    states: ["draft", "requested", "approved", "cancelled", "shipped", "rejected", "received", "refunded"],
    table: {
      request: { draft: "*requested" },
      approve: { requested: "approved" },
      reject: { requested: "rejected" },
      cancel: { draft: "*cancelled", requested: "*cancelled", approved: "cancelled" },
      ship: { approved: "shipped" },
      receive: { shipped: "received" },
      refund: { received: "refunded" },
      archive: { cancelled: "cancelled", rejected: "rejected", received: "received", refunded: "refunded" },
      unarchive: { cancelled: "cancelled", rejected: "rejected", received: "received", refunded: "refunded" },
    },
  },
  orderSubscription: {
    machine: orderSubscriptionStateMachine,
    states: ["draft", "inactive", "active", "running", "cancelled", "pending"],
    table: {
      activate: { draft: "*active", pending: "*active", inactive: "*active" },
      deactivate: { active: "*inactive" },
      cancel: {
        draft: "*cancelled",
        pending: "*cancelled",
        inactive: "*cancelled",
        active: "*cancelled",
        running: "*cancelled",
      },
    },
  },
} as const;
type Kind = keyof typeof machines;
const tableOf = (kind: Kind) => machines[kind].table as Record<string, Record<string, string>>;

/** When a move is noted, and which state stands for having made it. */
const times: Record<string, string> = {
  place: "placedAt",
  approve: "approvedAt",
  reject: "rejectedAt",
  cancel: "cancelledAt",
  ship: "shippedAt",
  receive: "receivedAt",
  refund: "refundedAt",
  archive: "archivedAt",
};

let rows = 0;
/** A resource of Ada's in such a state; one to be taken out of the archive is in it. */
async function make(kind: Kind, status: string, archived: boolean): Promise<string> {
  const id = `${{ order: "ord", return: "ret", orderSubscription: "osu" }[kind]}_moves${++rows}`;
  const { query } = app.database;
  const archivedAt = archived ? new Date("2026-10-01") : null;
  if (kind === "order") {
    await insert(query, "Order", {
      id,
      status: status as EnumValue<"OrderStatus">,
      customerId: "cus_ada",
      marketId: "mkt_europe",
      archivedAt,
    });
    await insert(query, "LineItem", { orderId: id, itemType: "skus", skuCode: "MUG-BLUE", unitAmountCents: 0 });
  } else if (kind === "return") {
    await insert(query, "Return", { id, status: status as EnumValue<"ReturnStatus">, orderId: "ord_1001", archivedAt });
    await insert(query, "ReturnLineItem", { returnId: id, lineItemId: "lin_1001_1" });
  } else {
    await insert(query, "OrderSubscription", {
      id,
      status: status as EnumValue<"OrderSubscriptionStatus">,
      frequency: "monthly",
      sourceOrderId: "ord_1007",
    });
  }
  return id;
}

const fieldsOf = (kind: Kind) =>
  ({
    order: "placedAt approvedAt cancelledAt archivedAt",
    return: "approvedAt rejectedAt cancelledAt shippedAt receivedAt refundedAt archivedAt",
    orderSubscription: "",
  })[kind];

async function move(kind: Kind, name: string, id: string, as?: Caller, version?: number) {
  const field = `${kind}${name[0]!.toUpperCase()}${name.slice(1)}`;
  const type = `${kind[0]!.toUpperCase()}${kind.slice(1)}StateError`;
  const answer = await app.query(
    `mutation ($id: ID!, $version: Int) { ${field}(id: $id, ifVersion: $version) {
       ${kind} { status version ${fieldsOf(kind)} }
       userErrors { __typename code message path ... on ${type} { status } } } }`,
    { id, version },
    as === undefined ? {} : { as },
  );
  return { ...answer.data?.[field], row: answer.data?.[field]?.[kind], errors: answer.errors };
}

const cases = (Object.keys(machines) as Kind[]).flatMap((kind) =>
  Object.keys(tableOf(kind)).flatMap((name) => machines[kind].states.map((from) => [kind, name, from] as const)),
);

test("the state machines have exactly the transitions of the tables", () => {
  for (const { machine, table } of Object.values(machines)) {
    expect(Object.keys(machine.options.moves).sort()).toEqual(Object.keys(table).sort());
  }
});

test.each(cases)("%s: %s from status %s follows the transition table, else WRONG_STATE", async (kind, name, from) => {
  const id = await make(kind, from, name === "unarchive");
  const leads = tableOf(kind)[name]![from]?.replace("*", "");
  const there = Object.values(tableOf(kind)[name]!).some((to) => to.replace("*", "") === from) && !/archive/.test(name);
  const { row, userErrors, errors } = await move(kind, name, id);
  expect(errors).toBeUndefined();
  if (leads) {
    expect(userErrors).toEqual([]);
    const at = times[name] && fieldsOf(kind) && { [times[name]!]: noon.toISOString() };
    expect(row).toMatchObject({
      status: leads.toUpperCase(),
      ...at,
      ...(name === "unarchive" && { archivedAt: null }),
    });
    expect(row.version).toBe(2);
    // Once more: nothing changes.
    const again = await move(kind, name, id);
    expect(again.userErrors).toEqual([]);
    expect(again.row).toEqual(row);
    return;
  }
  if (there) expect({ userErrors, row }).toMatchObject({ userErrors: [], row: { version: 1 } });
  else {
    expect(userErrors).toEqual([
      {
        __typename: `${kind[0]!.toUpperCase()}${kind.slice(1)}StateError`,
        code: "WRONG_STATE",
        path: ["id"],
        message: expect.stringMatching(new RegExp(`^Only .*; this one is ${from}\\.$`)),
        status: from.toUpperCase(),
      },
    ]);
    expect(row).toMatchObject({ status: from.toUpperCase(), version: 1 });
  }
});

const ada: Caller = { kind: "customer", id: "cus_ada", markets: ["mkt_europe"] };
const bruno: Caller = { kind: "customer", id: "cus_bruno", markets: ["mkt_europe"] };

test.each(cases.filter(([kind, name, from]) => tableOf(kind)[name]![from]))(
  "%s: %s from status %s by the customer, another customer and a guest",
  async (kind, name, from) => {
    const id = await make(kind, from, name === "unarchive");
    const { options } = machines[kind].machine;
    const shopAlone = (options.moves as Record<string, { byShop?: unknown }>)[name]!.byShop === true;
    const other = await move(kind, name, id, bruno);
    const own = await move(kind, name, id, ada);
    const guest = await move(kind, name, id, { kind: "guest" });
    expect(guest.errors?.[0]?.extensions.code).toBe("FORBIDDEN");
    if (shopAlone) {
      expect(tableOf(kind)[name]![from]).not.toContain("*");
      for (const { errors } of [own, other]) {
        expect(errors?.[0]?.extensions).toMatchObject({
          code: "FORBIDDEN",
          missing: [expect.stringMatching("MANAGE")],
        });
      }
      return;
    }
    expect(other).toMatchObject({ row: null, userErrors: [{ code: "NOT_FOUND", path: ["id"] }] });
    if (tableOf(kind)[name]![from]!.startsWith("*")) expect(own.userErrors).toEqual([]);
    else {
      expect(own.userErrors).toMatchObject([{ code: "WRONG_STATE", status: from.toUpperCase() }]);
      expect(own.userErrors[0].message).toMatch(/^Once it is .* by the shop alone\.$/);
    }
  },
);

test.each(Object.keys(machines) as Kind[])("%s: VERSION_CONFLICT by ifVersion, and NOT_FOUND", async (kind) => {
  const id = await make(kind, "draft", false);
  const first = Object.keys(tableOf(kind)).find((name) => tableOf(kind)[name]!.draft)!;
  const { userErrors, errors } = await move(kind, first, id, undefined, 99);
  expect(errors).toBeUndefined();
  expect(userErrors).toMatchObject([{ code: "VERSION_CONFLICT", path: ["ifVersion"] }]);
  for (const nothing of ["ord_nothing", "cus_ada", "ord_live_1001"]) {
    expect(await move(kind, first, nothing)).toMatchObject({ row: null, userErrors: [{ code: "NOT_FOUND" }] });
  }
});

test("concurrent transitions of one return: the accepted ones are a valid history", async () => {
  for (let round = 0; round < 5; round++) {
    const id = await make("return", "requested", false);
    const names = ["approve", "reject", "cancel", "ship"];
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => move("return", names[i % 4]!, id)));
    expect(answers.filter(({ errors }) => errors)).toEqual([]);
    const { rows } = await app.database.pool.query(
      "SELECT status, version, approved_at, rejected_at, shipped_at, cancelled_at FROM returns WHERE id = $1",
      [id],
    );
    const [row] = rows;
    const steps = [row.approved_at, row.rejected_at, row.shipped_at, row.cancelled_at].filter(Boolean).length;
    expect(row.version).toBe(1 + steps);
    expect([row.rejected_at, row.approved_at].filter(Boolean).length).toBeLessThan(2);
    if (row.shipped_at) expect([row.cancelled_at, row.status]).toEqual([null, "shipped"]);
  }
});

test("orderSubscriptionActivate after expiresAt is WRONG_STATE", async () => {
  const id = await make("orderSubscription", "inactive", false);
  await app.database.pool.query("UPDATE order_subscriptions SET expires_at = '2026-10-31' WHERE id = $1", [id]);
  const { row, userErrors } = await move("orderSubscription", "activate", id);
  expect(userErrors).toMatchObject([{ code: "WRONG_STATE", status: "INACTIVE", path: ["id"] }]);
  expect(userErrors[0].message).toContain("2026-10-31T00:00:00.000Z");
  expect(row.status).toBe("INACTIVE");
});
