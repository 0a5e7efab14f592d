import { type Caller, createTestApp, type TestApp } from "./support/app.js";
import { onlyField } from "./support/operation-data.js";

/** What the screens of real frontends write: one mutation each, whose answer redraws the screen. */
const owner = { id: "usr_vera", firstName: "Vera", lastName: "Support", email: "vera@example.com" };
const ada: Caller = { kind: "customer", id: "cus_ada", markets: ["mkt_europe"] };
const guest: Caller = { kind: "guest", markets: ["mkt_europe"] };
const WHY = "userErrors { __typename code message path }";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp({ owner });
});
afterAll(() => app.stop());

async function write<const Document extends string>(
  document: Document,
  variables: Record<string, unknown> = {},
  as?: Caller,
) {
  const { data, errors } = await app.query(document, variables, as === undefined ? undefined : { as });
  expect(errors).toBeUndefined();
  return onlyField(data);
}

const HEADING = `id email status createdAt totalOrdersCount hasPassword version customerGroup { id name }
  customerSubscriptions(first: 1) { totalCount nodes { createdAt } }`;
const ADDRESS = `id business firstName lastName company fullName line1 line2 city stateCode zipCode countryCode billingInfo email phone notes version`;

test("back office, address book: an address is updated, and errors have the paths of form fields", async () => {
  const EDIT = `mutation ($id: ID!, $version: Int, $input: AddressUpdateInput!) {
    addressUpdate(id: $id, ifVersion: $version, input: $input) { address { ${ADDRESS} } ${WHY} } }` as const;
  const { address, userErrors } = await write(EDIT, {
    id: "adr_ada_home",
    input: { line1: "1 New Street", line2: null, city: "Bath", billingInfo: "GB 1" },
  });
  expect(userErrors).toEqual([]);
  expect(address).toMatchObject({ line1: "1 New Street", line2: null, city: "Bath", firstName: "Ada" });
  const refused = await write(EDIT, {
    id: "adr_ada_home",
    input: { firstName: null, line1: " ", city: null, countryCode: "Germany", phone: null },
  });
  expect(refused.userErrors.map(({ path }) => path.join("."))).toEqual(
    expect.arrayContaining(["input.firstName", "input.line1", "input.city", "input.countryCode", "input.phone"]),
  );
  expect(refused.address).toMatchObject({ line1: "1 New Street", city: "Bath" });
  const stale = await write(EDIT, { id: "adr_ada_home", version: 1, input: { city: "York" } });
  expect(stale.userErrors).toEqual([expect.objectContaining({ code: "VERSION_CONFLICT", path: ["ifVersion"] })]);
});

test("back office, address book: an entry is deleted by its id", async () => {
  const link = await app.query(
    `{ customer(by: { id: "cus_hana" }) { customerAddresses { nodes { id address { id } } } } }`,
  );
  const [entry] = link.data.customer.customerAddresses.nodes;
  const { deletedId, customer, userErrors } = await write(
    `mutation ($id: ID!) { customerAddressDelete(id: $id) { deletedId customer { customerAddresses { totalCount nodes { id address { ${ADDRESS} } } } } ${WHY} } }`,
    { id: entry!.id },
  );
  expect(userErrors).toEqual([]);
  expect(deletedId).toBe(entry!.id);
  expect(customer.customerAddresses.nodes.map(({ id }) => id)).not.toContain(entry!.id);
});

test("back office, wallet: an entry is deleted", async () => {
  const { data } = await app.query(`{ customer(by: { id: "cus_ada" }) { customerPaymentSources { nodes { id } } } }`);
  const { id } = data.customer.customerPaymentSources.nodes[0]!;
  const { deletedId, customer, userErrors } = await write(
    `mutation ($id: ID!) { customerPaymentSourceDelete(id: $id) { deletedId customer {
       customerPaymentSources { nodes { id name paymentMethod { name } paymentSource { type paymentInstrument { issuerType cardType cardLastDigits } } } } } ${WHY} } }`,
    { id },
  );
  expect([deletedId, userErrors]).toEqual([id, []]);
  expect(customer.customerPaymentSources.nodes).toHaveLength(data.customer.customerPaymentSources.nodes.length - 1);
});

test("back office: a customer is deleted, or IN_USE and can be anonymized instead", async () => {
  const DELETE = `mutation ($id: ID!) { customerDelete(id: $id) { deletedId ${WHY} } }` as const;
  const refused = await write(DELETE, { id: "cus_bruno" });
  expect(refused).toMatchObject({ deletedId: null, userErrors: [{ code: "IN_USE", path: ["id"] }] });
  expect(refused.userErrors[0]!.message).toMatch(/^The customer has \d+ orders, so it cannot be deleted; ask for its/);
  const gone = await write(DELETE, { id: "cus_mia" });
  expect(gone).toEqual({ deletedId: "cus_mia", userErrors: [] });
  const anonymized = await write(
    `mutation ($input: AnonymizationRequestInput!) { anonymizationRequest(input: $input) { customer {
       ${HEADING} anonymizationInfo { status requestedAt completedAt requester { firstName lastName } } } ${WHY} } }`,
    { input: { customerId: "cus_kenji" } },
  );
  expect(anonymized.userErrors).toEqual([]);
  expect(anonymized.customer.anonymizationInfo).toMatchObject({
    status: "REQUESTED",
    requester: { firstName: "Vera" },
  });
});

test("back office, tags: tagsReplace sets all, and an empty list clears them", async () => {
  const TAGS = `mutation ($names: [String!]!) { tagsReplace(id: "cus_bruno", names: $names) {
    resource { id tags { id name } } added { name } removed { name } ${WHY} } }` as const;
  const { resource } = await write(TAGS, { names: ["gift", "vip"] });
  expect(resource.tags.map(({ name }) => name)).toEqual(["gift", "vip"]);
  const changed = await write(TAGS, { names: ["vip", "newsletter"] });
  expect([changed.added, changed.removed]).toEqual([[{ name: "newsletter" }], [{ name: "gift" }]]);
  expect((await write(TAGS, { names: [] })).resource.tags).toEqual([]);
});

test("back office, record details: a reference is set, null clears it, omitted it stays", async () => {
  const DETAILS = `mutation ($input: CustomerUpdateInput!) { customerUpdate(id: "cus_bruno", input: $input) {
    customer { id reference referenceOrigin createdAt updatedAt } ${WHY} } }` as const;
  const set = await write(DETAILS, { input: { reference: "ERP-9", referenceOrigin: "erp" } });
  expect(set.customer).toMatchObject({ reference: "ERP-9", referenceOrigin: "erp" });
  const cleared = await write(DETAILS, { input: { reference: null } });
  expect(cleared.customer).toMatchObject({ reference: null, referenceOrigin: "erp" });
  const long = await write(DETAILS, { input: { reference: "x".repeat(256), referenceOrigin: "y".repeat(300) } });
  expect(long.userErrors.map(({ path }) => path)).toEqual([
    ["input", "reference"],
    ["input", "referenceOrigin"],
  ]);
});

test("back office, new customer and edit customer: group is optional, and a taken address is an error at email", async () => {
  const NEW =
    `mutation ($input: CustomerCreateInput!) { customerCreate(input: $input) { customer { ${HEADING} } ${WHY} } }` as const;
  const { customer, userErrors } = await write(NEW, { input: { email: " New@Example.com ", customerGroupId: null } });
  expect(userErrors).toEqual([]);
  expect(customer).toMatchObject({
    email: "new@example.com",
    customerGroup: null,
    status: "PROSPECT",
    hasPassword: false,
  });
  const taken = await write(NEW, { input: { email: "ADA@example.com" } });
  expect(taken).toMatchObject({ customer: null, userErrors: [{ code: "TAKEN", path: ["input", "email"] }] });

  const EDIT =
    `mutation ($id: ID!, $input: CustomerUpdateInput!) { customerUpdate(id: $id, input: $input) { customer { ${HEADING} } ${WHY} } }` as const;
  const groups = await app.query("{ customerGroups(first: 1) { nodes { id name } } }");
  const [group] = groups.data.customerGroups.nodes;
  const edited = await write(EDIT, {
    id: customer.id,
    input: { email: "newer@example.com", customerGroupId: group!.id },
  });
  expect(edited.customer).toMatchObject({ email: "newer@example.com", customerGroup: group });
  expect((await write(EDIT, { id: customer.id, input: { customerGroupId: null } })).customer.customerGroup).toBeNull();
  const both = await write(EDIT, { id: customer.id, input: { email: null, customerGroupId: "cgr_nothing" } });
  expect(both.userErrors.map(({ code, path }) => [code, path.join(".")])).toEqual([
    ["INVALID", "input.email"],
    ["NOT_FOUND", "input.customerGroupId"],
  ]);
  const clash = await write(EDIT, { id: customer.id, input: { email: "ada@example.com" } });
  expect(clash.userErrors).toEqual([expect.objectContaining({ code: "TAKEN", path: ["input", "email"] })]);
  expect(clash.customer.email).toBe("newer@example.com");
});

test("my account, new address: one mutation creates the address and its entry, or neither", async () => {
  const NEW = `mutation ($input: CustomerAddressCreateInput!) { customerAddressCreate(input: $input) {
    customerAddress { id name } address { ${ADDRESS} } customer { customerAddresses(first: 50) { totalCount nodes { id address { id fullName } } } } ${WHY} } }` as const;
  const before = await app.database.pool.query("SELECT count(*)::int FROM addresses");
  const form = {
    firstName: "Ada",
    lastName: "Lovelace",
    line1: "12 St James's Square",
    city: "London",
    countryCode: "GB",
    zipCode: "SW1Y 4JH",
    phone: "+44 20 5550 0100",
  };
  const { customerAddress, address, customer, userErrors } = await write(NEW, { input: { address: form } }, ada);
  expect(userErrors).toEqual([]);
  expect(address).toMatchObject({ ...form, fullName: "Ada Lovelace" });
  expect(customer.customerAddresses.nodes).toContainEqual({
    id: customerAddress.id,
    address: { id: address.id, fullName: "Ada Lovelace" },
  });
  const refused = await write(NEW, { input: { address: { ...form, line1: "", countryCode: "XX" } } }, ada);
  expect(refused.userErrors.map(({ path }) => path.join("."))).toEqual([
    "input.address.line1",
    "input.address.countryCode",
  ]);
  const after = await app.database.pool.query("SELECT count(*)::int FROM addresses");
  expect(after.rows[0].count).toBe(before.rows[0].count + 1);
});

test("identity, sign-up: a guest creates a customer and learns nothing of others", async () => {
  const SIGN_UP =
    `mutation ($input: CustomerCreateInput!) { customerCreate(input: $input) { customer { id email hasPassword customerGroup { name } tags { name } } ${WHY} } }` as const;
  const signedUp = await write(
    SIGN_UP,
    { input: { email: "signed@example.com", password: "a long enough one" } },
    guest,
  );
  expect(signedUp.userErrors).toEqual([]);
  expect(signedUp.customer).toMatchObject({ email: "signed@example.com", hasPassword: true, tags: null });
  const wrong = await write(SIGN_UP, { input: { email: "no address", password: "short" } }, guest);
  expect(wrong.userErrors.map(({ path }) => path.join("."))).toEqual(["input.email", "input.password"]);
  const staffWork = await app.query(
    SIGN_UP,
    { input: { email: "x@example.com", taxExemptionCode: "none" } },
    { as: guest },
  );
  expect(staffWork.errors?.[0]).toMatchObject({
    extensions: { code: "FORBIDDEN", argument: ["input", "taxExemptionCode"] },
  });
  const { rows } = await app.database.pool.query("SELECT FROM customers WHERE email = 'x@example.com'");
  expect(rows).toEqual([]);
});
