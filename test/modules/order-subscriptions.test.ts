import { type Caller, createTestApp, type TestApp } from "../support/app.js";

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

const ada: Caller = { kind: "customer", id: "cus_ada", markets: ["mkt_europe"] };
const bruno: Caller = { kind: "customer", id: "cus_bruno", markets: ["mkt_europe"] };

async function update(id: string, input: object, as?: Caller, ifVersion?: number) {
  const { data, errors } = await app.query(
    `mutation ($id: ID!, $ifVersion: Int, $input: OrderSubscriptionUpdateInput!) {
       orderSubscriptionUpdate(id: $id, ifVersion: $ifVersion, input: $input) {
         orderSubscription { id status frequency nextRunAt expiresAt activateBySourceOrder placeTargetOrder
           renewalAlertPeriod reference metadata version customerPaymentSource { id } }
         userErrors { __typename code message path ... on OrderSubscriptionStateError { status } } } }`,
    { id, ifVersion, input },
    as === undefined ? {} : { as },
  );
  return { ...data?.orderSubscriptionUpdate, errors };
}
const wrong = ({ userErrors }: { userErrors: { code: string; path: string[] }[] }) =>
  userErrors.map(({ code, path }) => `${code} ${path.join(".")}`);

test("orderSubscriptionUpdate by staff: omitted fields stay, null clears", async () => {
  const nextRunAt = "2026-12-24T09:00:00.000Z";
  const { orderSubscription, userErrors } = await update("osu_ada_coffee", {
    frequency: "0 9 24 * *",
    nextRunAt,
    expiresAt: "2028-01-01T00:00:00.000Z",
    customerPaymentSourceId: "cps_ada_amex",
    activateBySourceOrder: false,
    placeTargetOrder: false,
    renewalAlertPeriod: 720,
    reference: "ERP-1",
    metadata: { merge: { milk: "none" } },
  });
  expect(userErrors).toEqual([]);
  expect(orderSubscription).toMatchObject({
    status: "ACTIVE",
    frequency: "0 9 24 * *",
    nextRunAt,
    expiresAt: "2028-01-01T00:00:00.000Z",
    activateBySourceOrder: false,
    placeTargetOrder: false,
    renewalAlertPeriod: 720,
    reference: "ERP-1",
    metadata: { grind: "whole beans", milk: "none" },
    customerPaymentSource: { id: "cps_ada_amex" },
  });
  const next = await update("osu_ada_coffee", { expiresAt: null, customerPaymentSourceId: null });
  expect(next.orderSubscription).toMatchObject({
    expiresAt: null,
    customerPaymentSource: null,
    frequency: "0 9 24 * *",
    version: orderSubscription.version + 1,
  });
  const old = await update("osu_ada_coffee", { frequency: "daily" }, undefined, orderSubscription.version);
  expect(wrong(old)).toEqual(["VERSION_CONFLICT ifVersion"]);
});

test("orderSubscriptionUpdate by its customer: frequency, nextRunAt and customerPaymentSourceId only", async () => {
  const { orderSubscription, errors } = await update(
    "osu_ada_coffee",
    { frequency: "monthly", nextRunAt: "2026-12-01T07:00:00.000Z", customerPaymentSourceId: "cps_ada_visa" },
    ada,
  );
  expect(errors).toBeUndefined();
  expect(orderSubscription).toMatchObject({ frequency: "monthly", customerPaymentSource: { id: "cps_ada_visa" } });
  for (const input of [
    { renewalAlertPeriod: 2 },
    { expiresAt: null },
    { placeTargetOrder: true },
    { activateBySourceOrder: true },
  ] as object[]) {
    const refused = await update("osu_ada_coffee", input, ada);
    expect(refused.errors![0]!.extensions).toMatchObject({
      code: "FORBIDDEN",
      argument: ["input", Object.keys(input)[0]],
      missing: ["ORDERS_MANAGE"],
    });
  }
  expect(wrong(await update("osu_ada_coffee", { frequency: "daily" }, bruno))).toEqual(["NOT_FOUND id"]);
  expect(wrong(await update("osu_ada_coffee", { customerPaymentSourceId: "cps_bruno_satispay" }, ada))).toEqual([
    "NOT_FOUND input.customerPaymentSourceId",
  ]);
  const { orderSubscription: after } = await update("osu_ada_coffee", {});
  expect(after.version).toBe(orderSubscription.version);
});

test("orderSubscriptionUpdate reports all errors at once with their paths", async () => {
  const answer = await update("osu_ada_coffee", {
    frequency: "* * * * *",
    nextRunAt: noon.toISOString(),
    expiresAt: "2026-04-01T07:00:00.000Z",
    customerPaymentSourceId: "cps_bruno_satispay",
    renewalAlertPeriod: 721,
    placeTargetOrder: null,
  });
  expect(wrong(answer).sort()).toEqual([
    "INVALID input.customerPaymentSourceId",
    "INVALID input.expiresAt",
    "INVALID input.frequency",
    "INVALID input.nextRunAt",
    "INVALID input.placeTargetOrder",
    "INVALID input.renewalAlertPeriod",
  ]);
  expect(wrong(await update("osu_ada_coffee", { frequency: null, renewalAlertPeriod: 0 })).sort()).toEqual([
    "INVALID input.frequency",
    "INVALID input.renewalAlertPeriod",
  ]);
});

test("orderSubscriptionUpdate of a cancelled one takes reference and metadata only", async () => {
  const answer = await update("osu_liz_coffee", { frequency: "daily", nextRunAt: null, reference: "R" });
  expect(wrong(answer)).toEqual(["WRONG_STATE input.frequency", "WRONG_STATE input.nextRunAt"]);
  expect(answer.userErrors[0]).toMatchObject({ __typename: "OrderSubscriptionStateError", status: "CANCELLED" });
  expect((await update("osu_liz_coffee", { reference: "R" })).orderSubscription).toMatchObject({ reference: "R" });
});
