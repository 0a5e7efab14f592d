import { permissions, toRead } from "../../src/graph/access/permission.js";
import { type EnumValue, modelOfType } from "../../src/graph/model/datamodel.js";
import { moves } from "../../src/modules/anonymization/anonymization.service.js";
import { createTestApp, type TestApp } from "../support/app.js";
import { insert } from "../support/rows.js";

const owner = { id: "usr_vera", firstName: "Vera", lastName: "Support", email: "vera@example.com" };
const noon = new Date("2026-11-01T12:00:00.000Z");
let app: TestApp;
let unowned: TestApp;
beforeAll(async () => {
  app = await createTestApp({ owner, now: () => noon });
  unowned = await createTestApp();
});
afterAll(() => Promise.all([app.stop(), unowned.stop()]));

const INFO = `anonymizationStatus version anonymizationInfo {
  status requestedAt startedAt completedAt failedAt cancelledAt reason cancellationReason
  requester { id firstName lastName email } cancellationRequester { id firstName lastName email }
}`;
const ERRORS = "userErrors { __typename code message path ... on AnonymizationStateError { status } }";
const REQUEST =
  `mutation ($input: AnonymizationRequestInput!) { anonymizationRequest(input: $input) { customer { ${INFO} } ${ERRORS} } }` as const;
const CANCEL =
  `mutation ($input: AnonymizationCancelInput!) { anonymizationCancel(input: $input) { customer { ${INFO} } ${ERRORS} } }` as const;

async function request(customerId: string, reason?: string, on = app) {
  const { data, errors } = await on.query(REQUEST, { input: { customerId, reason } });
  expect(errors).toBeUndefined();
  return data.anonymizationRequest;
}

async function cancel(customerId: string, reason?: string) {
  const { data, errors } = await app.query(CANCEL, { input: { customerId, reason } });
  expect(errors).toBeUndefined();
  return data.anonymizationCancel;
}

let customers = 0;
async function createCustomer(status: EnumValue<"AnonymizationStatus"> | null = null, on = app): Promise<string> {
  const { id } = await insert(on.database.query, "Customer", {
    id: `cus_anon${++customers}`,
    anonymizationStatus: status,
    anonymizationFailedAt: status === "failed" ? new Date() : null,
  });
  return id;
}

test("anonymizationRequest records time, requester and reason", async () => {
  const { customer, userErrors } = await request(await createCustomer(), "asked by mail");
  expect(userErrors).toEqual([]);
  expect(customer).toEqual({
    anonymizationStatus: "REQUESTED",
    version: 2,
    anonymizationInfo: {
      status: "REQUESTED",
      requestedAt: noon.toISOString(),
      startedAt: null,
      completedAt: null,
      failedAt: null,
      cancelledAt: null,
      reason: "asked by mail",
      cancellationReason: null,
      requester: owner,
      cancellationRequester: null,
    },
  });
});

test("anonymizationRequest without a staff user records the application's id as requester", async () => {
  const { customer } = await request(await createCustomer(null, unowned), undefined, unowned);
  expect(customer.anonymizationInfo.requester).toEqual({
    id: "app_test",
    firstName: null,
    lastName: null,
    email: null,
  });
});

test("anonymizationRequest after anonymizationCancel keeps nothing of the first request", async () => {
  const id = await createCustomer();
  await request(id, "first");
  const { customer } = await cancel(id, "changed their mind");
  expect(customer.anonymizationInfo).toMatchObject({
    status: "CANCELLED",
    cancelledAt: noon.toISOString(),
    cancellationReason: "changed their mind",
    cancellationRequester: owner,
    requestedAt: noon.toISOString(),
  });
  const again = await request(id);
  expect(again.customer.anonymizationInfo).toMatchObject({
    status: "REQUESTED",
    cancelledAt: null,
    cancellationRequester: null,
    cancellationReason: null,
    reason: null,
  });
});

test("legalHoldSet and legalHoldLift raise the customer's version each time", async () => {
  const customerId = await createCustomer();
  const change = async (name: string, input: object) => {
    const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`;
    const { data } = await app.query(
      `mutation ($input: ${type}!) { ${name}(input: $input) { customer { version updatedAt } userErrors { code } } }`,
      { input: { customerId, ...input } },
    );
    expect(data[name].userErrors).toEqual([]);
    return data[name].customer.version;
  };
  expect(await change("legalHoldSet", { reason: "court case 7" })).toBe(2);
  expect(await change("legalHoldSet", { reason: "court case 8" })).toBe(3);
  expect(await change("legalHoldLift", {})).toBe(4);
});

/** What the table allows, for every state and both moves that a caller can make. */
const states = [null, "requested", "started", "completed", "failed", "cancelled"] as const;
const cases = states.flatMap((from) => (["request", "cancel"] as const).map((move) => [from, move] as const));

test.each(cases)("status %p: %s is allowed or WRONG_STATE", async (from, move) => {
  const id = await createCustomer(from);
  const allowed = (moves[move].from as readonly (string | null)[]).includes(from);
  // domain rule: nothing else than this may be allowed
  expect(allowed).toBe(move === "request" ? [null, "failed", "cancelled"].includes(from) : from === "requested");
  const { customer, userErrors } = await (move === "request" ? request(id) : cancel(id));
  if (allowed) {
    expect(userErrors).toEqual([]);
    expect(customer.anonymizationStatus).toBe(moves[move].to.toUpperCase());
    expect(customer.anonymizationInfo.failedAt).toBeNull();
  } else {
    expect(userErrors).toEqual([
      expect.objectContaining({
        __typename: "AnonymizationStateError",
        code: "WRONG_STATE",
        path: ["input", "customerId"],
        status: from?.toUpperCase() ?? null,
        message: expect.stringMatching(/\.$/),
      }),
    ]);
    expect(customer.anonymizationStatus).toBe(from?.toUpperCase() ?? null);
    expect(customer.version).toBe(1);
  }
});

test("anonymizationRequest: an unknown customer and one of the other mode are NOT_FOUND", async () => {
  for (const id of ["cus_nobody", "ord_1001", "cus_live_ada"]) {
    const { customer, userErrors } = await request(id);
    expect(customer).toBeNull();
    expect(userErrors).toEqual([expect.objectContaining({ code: "NOT_FOUND", path: ["input", "customerId"] })]);
  }
});

test("anonymizationRequest: a reason over 500 characters is INVALID", async () => {
  const { userErrors } = await request(await createCustomer(), "x".repeat(501));
  expect(userErrors).toEqual([expect.objectContaining({ code: "INVALID", path: ["input", "reason"] })]);
});

test("concurrent anonymizationRequest: exactly one of twelve wins", async () => {
  for (let round = 0; round < 10; round++) {
    const id = await createCustomer();
    const answers = await Promise.all(Array.from({ length: 12 }, () => request(id)));
    expect(answers.filter(({ userErrors }) => userErrors.length === 0)).toHaveLength(1);
    const { rows } = await app.database.pool.query("SELECT version FROM customers WHERE id = $1", [id]);
    expect(rows[0].version).toBe(2);
  }
});

test("concurrent anonymizationRequest and anonymizationCancel: the accepted ones alternate", async () => {
  for (let round = 0; round < 10; round++) {
    const id = await createCustomer();
    const answers = await Promise.all(
      Array.from({ length: 12 }, (_, i) =>
        (i % 2 ? cancel(id) : request(id)).then((answer) => ({ move: i % 2, answer })),
      ),
    );
    const won = answers.filter(({ answer }) => answer.userErrors.length === 0);
    const requests = won.filter(({ move }) => move === 0).length;
    const cancellations = won.filter(({ move }) => move === 1).length;
    const { rows } = await app.database.pool.query(
      "SELECT anonymization_status AS status, version FROM customers WHERE id = $1",
      [id],
    );
    expect(requests - cancellations).toBe(rows[0].status === "requested" ? 1 : 0);
    expect(rows[0].version).toBe(1 + won.length);
  }
});

test("anonymizationPreview and AnonymizationBlockedError hide resources that the caller may not read", async () => {
  await app.database.pool.query(
    `UPDATE orders SET status = 'placed' WHERE id = 'ord_1002';
     UPDATE returns SET status = 'requested' WHERE customer_id = 'cus_bruno';
     UPDATE order_subscriptions SET status = 'active' WHERE customer_id = 'cus_bruno'`,
  );
  const blockers = "blockers { kind message count numbers }";
  const look = async (customerId: string, without?: string) => {
    const given = [...permissions.keys()].filter((permission) => permission !== without);
    const { data, errors, extensions } = await app.query(
      `query ($id: ID!) { anonymizationPreview(customerId: $id) { resources { resourceType count } ${blockers} } }`,
      { id: customerId },
      { as: { kind: "integration", permissions: given } },
    );
    expect(errors).toBeUndefined();
    return { ...data.anonymizationPreview, redactions: extensions.redactions ?? [] };
  };
  const refuse = async (customerId: string, without?: string) => {
    const given = [...permissions.keys()].filter((permission) => permission !== without);
    const { data } = await app.query(
      `mutation ($id: ID!) { anonymizationRequest(input: { customerId: $id }) @dryRun {
         userErrors { message ... on AnonymizationBlockedError { ${blockers} } } } }`,
      { id: customerId },
      { as: { kind: "integration", permissions: given } },
    );
    return data.anonymizationRequest.userErrors[0]!;
  };
  const all = await look("cus_bruno");
  expect(all.blockers.map(({ kind }) => kind)).toEqual(["UNFINISHED_ORDERS", "OPEN_RETURNS", "ACTIVE_SUBSCRIPTIONS"]);
  expect(all.redactions).toEqual([]);
  const kinds: Record<string, string> = {
    orders: "UNFINISHED_ORDERS",
    returns: "OPEN_RETURNS",
    order_subscriptions: "ACTIVE_SUBSCRIPTIONS",
  };
  const nobody = await createCustomer();
  const others = all.resources.filter(({ resourceType }) => resourceType !== "customers");
  expect(others.length).toBeGreaterThan(8);
  for (const { resourceType } of others) {
    const permission = toRead(modelOfType(resourceType)!.name);
    const seen = await look("cus_bruno", permission);
    expect(seen.resources).toEqual(all.resources.filter((one) => one.resourceType !== resourceType));
    const missing = [permission.replace(":", "_").toUpperCase()];
    expect(seen.redactions).toContainEqual({ path: ["anonymizationPreview", "resources"], missing });
    // Whether there are any is not told by the redaction.
    expect((await look(nobody, permission)).redactions).toContainEqual({
      path: ["anonymizationPreview", "resources"],
      missing,
    });
    for (const shown of [seen.blockers, (await refuse("cus_bruno", permission)).blockers]) {
      const hidden = shown.find(({ kind }) => kind === kinds[resourceType]);
      expect(shown.filter((one) => one !== hidden)).toEqual(
        all.blockers.filter(({ kind }) => kind !== kinds[resourceType]),
      );
      if (hidden) expect(hidden).toMatchObject({ count: null, numbers: [], message: expect.not.stringMatching(/\d/) });
    }
    const { message } = await refuse("cus_bruno", permission);
    if (kinds[resourceType]) expect(message.match(/: \d+\./g)).toHaveLength(2);
  }
});
