import { type Caller, createTestApp, type TestApp } from "../support/app.js";
import { onlyField } from "../support/operation-data.js";
import { insert } from "../support/rows.js";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.stop());

const ERRORS = "userErrors { code message path ... on VersionConflictError { current { id } changed } }";
const ENTRY = "id reference referenceOrigin metadata version name customerEmail address { id reference }";
const ADDRESS = `id version business firstName lastName company fullName line1 line2 city zipCode stateCode countryCode phone
  email notes lat lng isLocalized isGeocoded providerName mapUrl billingInfo reference metadata fullAddress`;
const BOOK = "customer { id customerAddresses(first: 100) { totalCount nodes { id } } }";
const operations = {
  create: `mutation ($input: CustomerAddressCreateInput!) { customerAddressCreate(input: $input) {
    customerAddress { ${ENTRY} } address { ${ADDRESS} } ${BOOK} ${ERRORS} } }`,
  update: `mutation ($id: ID!, $ifVersion: Int, $input: CustomerAddressUpdateInput!) {
    customerAddressUpdate(id: $id, ifVersion: $ifVersion, input: $input) { customerAddress { ${ENTRY} } ${ERRORS} } }`,
  delete: `mutation ($id: ID!, $ifVersion: Int) { customerAddressDelete(id: $id, ifVersion: $ifVersion) {
    deletedId addressId deletedAddressId ${BOOK} ${ERRORS} } }`,
  addressCreate: `mutation ($input: AddressCreateInput!) { addressCreate(input: $input) { address { ${ADDRESS} } ${ERRORS} } }`,
  addressDelete: `mutation ($id: ID!) { addressDelete(id: $id) { deletedId ${ERRORS} } }`,
  address: `mutation ($id: ID!, $ifVersion: Int, $input: AddressUpdateInput!) {
    addressUpdate(id: $id, ifVersion: $ifVersion, input: $input) { address { ${ADDRESS} } ${ERRORS} } }`,
} as const;

async function run<Name extends keyof typeof operations>(operation: Name, variables: object, as?: Caller) {
  const { data, errors } = await app.query(operations[operation], variables as never, as === undefined ? {} : { as });
  if (errors) throw new Error(JSON.stringify(errors));
  return onlyField(data);
}

/** The error of the request itself. */
async function refused(operation: keyof typeof operations, variables: object, as?: Caller) {
  const { errors } = await app.query(operations[operation], variables as never, as === undefined ? {} : { as });
  return errors?.[0]?.extensions;
}

const rome = {
  firstName: "Mia",
  lastName: "Verdi",
  line1: "Via Roma 1",
  city: "Torino",
  zipCode: "10121",
  countryCode: "it",
  phone: "+39 011 5550 100",
};
const count = async (table: string) =>
  (await app.database.pool.query(`SELECT count(*)::int n FROM ${table}`)).rows[0].n;
const said = (code: string, ...path: string[]) => expect.objectContaining({ code, path });

let customers = 0;
async function createCustomer() {
  const id = `cus_book${++customers}`;
  const email = `book${customers}@example.com`;
  await insert(app.database.query, "Customer", { id, email });
  return { id, email, itself: { kind: "customer", id } as Caller };
}

/** A customer with one address in its book. */
async function createBook() {
  const customer = await createCustomer();
  const { customerAddress, address } = await run("create", { input: { customerId: customer.id, address: rome } });
  return { ...customer, entry: customerAddress.id as string, address: address.id as string };
}

test("customerAddressCreate creates the address and its entry, and returns the address book", async () => {
  const { id, email } = await createCustomer();
  const address = { ...rome, notes: "Ring twice.", lat: 45.07, lng: 7.68, reference: "A-1", metadata: { floor: 3 } };
  const answer = await run("create", {
    input: {
      customerEmail: ` ${email.toUpperCase()}`,
      address,
      reference: "E-1",
      referenceOrigin: "erp",
      metadata: { label: "home" },
    },
  });
  expect(answer.userErrors).toEqual([]);
  expect(answer.customerAddress).toEqual({
    id: expect.stringMatching(/^cad_/),
    reference: "E-1",
    referenceOrigin: "erp",
    metadata: { label: "home" },
    version: 1,
    name: "Mia Verdi, Via Roma 1, 10121 Torino (IT) +39 011 5550 100",
    customerEmail: email,
    address: { id: answer.address.id, reference: "A-1" },
  });
  expect(answer.address).toMatchObject({
    ...address,
    countryCode: "IT",
    business: false,
    fullName: "Mia Verdi",
    isLocalized: true,
    isGeocoded: false,
    company: null,
  });
  expect(answer.customer).toEqual({
    id,
    customerAddresses: { totalCount: 1, nodes: [{ id: answer.customerAddress.id }] },
  });
});

test("customerAddressCreate by a customer works for its own address book only", async () => {
  const { id, email, itself } = await createCustomer();
  const other = await createCustomer();
  for (const owner of [{}, { customerId: id }, { customerEmail: email }, { customerId: id, customerEmail: email }]) {
    const { customer, customerAddress, userErrors } = await run(
      "create",
      { input: { ...owner, address: rome } },
      itself,
    );
    expect(userErrors).toEqual([]);
    expect(customer.id).toBe(id);
    expect(customerAddress.id).toMatch(/^cad_/);
  }
  const before = [await count("addresses"), await count("customer_addresses")];
  for (const owner of [{ customerId: other.id }, { customerId: "cus_nobody" }, { customerId: "cus_live_ada" }]) {
    const { userErrors } = await run("create", { input: { ...owner, address: rome } }, itself);
    expect(userErrors).toEqual([
      { code: "NOT_FOUND", path: ["input", "customerId"], message: "There is no customer with this id." },
    ]);
  }
  const unknown = await run("create", { input: { customerEmail: "nobody@example.com", address: rome } }, itself);
  const known = await run("create", { input: { customerEmail: other.email, address: rome } }, itself);
  expect(known).toEqual(unknown);
  expect(known.userErrors).toEqual([said("INVALID", "input", "customerEmail")]);
  expect([await count("addresses"), await count("customer_addresses")]).toEqual(before);
});

test("customerAddressCreate: an address already in the address book is TAKEN", async () => {
  const { entry, address, id, itself } = await createBook();
  const again = { customerId: id, addressId: address };
  expect((await run("create", { input: again })).userErrors).toEqual([
    { code: "TAKEN", path: ["input", "addressId"], message: "This address is in the address book already." },
  ]);
  const family = await createCustomer();
  const shared = await run("create", { input: { customerId: family.id, addressId: address } });
  expect(shared.customerAddress.address.id).toBe(address);
  expect(shared.customerAddress.id).not.toBe(entry);
  // Another's address, the shop's own, none at all.
  const stranger = await createCustomer();
  for (const addressId of [address, "adr_nothing"]) {
    const { userErrors } = await run("create", { input: { addressId } }, stranger.itself);
    expect(userErrors).toEqual([
      { code: "NOT_FOUND", path: ["input", "addressId"], message: "There is no address with this id." },
    ]);
  }
  const stock = await run("create", { input: { customerId: id, addressId: "adr_stock_milan" } });
  expect(stock.userErrors).toEqual([said("INVALID", "input", "addressId")]);
  // What two share, neither changes alone.
  const update = { id: address, input: { line2: "2" } };
  expect((await run("address", update, itself)).userErrors).toEqual([said("WRONG_STATE", "id")]);
  expect((await run("address", update)).address.line2).toBe("2");
});

test("customerAddressCreate reports all errors with their paths, and creates nothing", async () => {
  const before = [await count("addresses"), await count("customer_addresses")];
  const { userErrors, address } = await run("create", {
    input: {
      customerId: "cus_nobody",
      reference: "x".repeat(256),
      address: {
        firstName: " ",
        line1: "",
        city: "x".repeat(256),
        countryCode: "UK",
        phone: " ",
        email: "mia",
        notes: "x".repeat(5_001),
        billingInfo: "x".repeat(5_000),
        lat: 91,
        lng: 181,
      },
    },
  });
  expect(address).toBeNull();
  expect(userErrors.map(({ code, path }) => `${code} ${path.join(".")}`).sort()).toEqual([
    "INVALID input.address.city",
    "INVALID input.address.countryCode",
    "INVALID input.address.email",
    "INVALID input.address.firstName",
    "INVALID input.address.lastName",
    "INVALID input.address.lat",
    "INVALID input.address.line1",
    "INVALID input.address.lng",
    "INVALID input.address.notes",
    "INVALID input.address.phone",
    "INVALID input.reference",
    "NOT_FOUND input.customerId",
  ]);
  for (const { message } of userErrors) expect(message).toMatch(/^[A-Z].*\.$/);
  expect([await count("addresses"), await count("customer_addresses")]).toEqual(before);
});

test.each([
  [{ business: true }, ["company"]],
  [{ business: true, company: "Verdi S.r.l.", firstName: null, lastName: null }, []],
  [{ firstName: null, lastName: "" }, ["firstName", "lastName"]],
  [{ zipCode: null }, ["zipCode"]],
  [{ zipCode: " " }, ["zipCode"]],
  [{ zipCode: null, countryCode: "HK" }, []],
  [{ zipCode: null, countryCode: " ae" }, []],
  [{ zipCode: null, countryCode: "ZZ" }, ["countryCode"]],
  [{ countryCode: "EU" }, ["countryCode"]],
  [{ countryCode: "ITA" }, ["countryCode"]],
  [{ countryCode: "XK" }, []],
  [{ lat: 45 }, ["lng"]],
  [{ lng: 45 }, ["lat"]],
  [{ lat: 0, lng: 0 }, []],
  [{ stateCode: "x".repeat(255), email: "Mia@Example.com" }, []],
])("customerAddressCreate: an address with %j is INVALID at %j", async (change, fields) => {
  const { id } = await createCustomer();
  const { userErrors } = await run("create", { input: { customerId: id, address: { ...rome, ...change } } });
  expect(userErrors).toEqual(fields.map((field) => said("INVALID", "input", "address", field)));
});

test.each([
  [{}, [["customerId"], ["address"]]],
  [{ customerId: "cus_ada", customerEmail: "bruno@example.com", address: rome }, [["customerEmail"]]],
  [{ customerId: "cus_ada", address: rome, addressId: "adr_ada_home" }, [["addressId"]]],
  [{ customerEmail: "nobody", addressId: "adr_ada_home" }, [["customerEmail"]]],
])("customerAddressCreate: input %j lacks or repeats the customer or the address", async (input, paths) => {
  const { userErrors } = await run("create", { input });
  expect(userErrors).toEqual(paths.map((path) => said("INVALID", "input", ...path)));
});

test("customerAddressCreate: an unknown customerEmail is NOT_FOUND, and creates no customer", async () => {
  const { userErrors } = await run("create", { input: { customerEmail: "nobody@example.com", address: rome } });
  expect(userErrors).toEqual([said("NOT_FOUND", "input", "customerEmail")]);
});

/** Whether a caller finds an address. */
const sees = async (id: string, as?: Caller) =>
  (await app.query(`{ address(id: "${id}") { id } }`, {}, as === undefined ? {} : { as })).data.address !== null;

test("addressCreate by a customer: only the customer sees, changes, links and deletes the address", async () => {
  const { id: customerId, itself } = await createCustomer();
  const stranger = await createCustomer();
  const { address, userErrors } = await run("addressCreate", { input: { ...rome, metadata: { a: 1 } } }, itself);
  expect([userErrors, address]).toEqual([[], expect.objectContaining({ ...rome, countryCode: "IT", version: 1 })]);
  const { id } = address;
  expect([await sees(id, itself), await sees(id), await sees(id, stranger.itself)]).toEqual([true, true, false]);
  const { rows } = await app.database.pool.query(
    "SELECT event, customer_id FROM event_stores WHERE resource_id = $1 UNION ALL SELECT name, NULL FROM events WHERE resource_id = $1",
    [id],
  );
  expect(rows).toEqual([
    { event: "create", customer_id: customerId },
    { event: "addresses.create", customer_id: null },
  ]);

  const none = [{ code: "NOT_FOUND", path: ["id"], message: "There is no address with this id." }];
  const input = { line2: "Scala B" };
  expect((await run("address", { id, input }, stranger.itself)).userErrors).toEqual(none);
  expect((await run("addressDelete", { id }, stranger.itself)).userErrors).toEqual(none);
  expect((await run("create", { input: { addressId: id } }, stranger.itself)).userErrors).toEqual([
    said("NOT_FOUND", "input", "addressId"),
  ]);
  // Nor does the shop give it to somebody else.
  expect((await run("create", { input: { customerId: stranger.id, addressId: id } })).userErrors).toEqual([
    said("INVALID", "input", "addressId"),
  ]);
  expect((await run("address", { id, input }, itself)).address.line2).toBe("Scala B");

  const linked = await run("create", { input: { addressId: id } }, itself);
  expect([linked.userErrors, linked.customerAddress.address.id]).toEqual([[], id]);
  expect((await run("addressDelete", { id }, itself)).userErrors).toEqual([said("IN_USE", "id")]);
  expect(await run("delete", { id: linked.customerAddress.id }, itself)).toMatchObject({ deletedAddressId: id });
  const other = await run("addressCreate", { input: rome }, itself);
  expect((await run("addressDelete", { id: other.address.id }, itself)).deletedId).toBe(other.address.id);
  expect(await sees(other.address.id)).toBe(false);
});

test("addressCreate by the shop: no shopper sees the address until an address book has it", async () => {
  const { id: customerId, itself } = await createCustomer();
  const { address } = await run("addressCreate", { input: rome });
  expect(await sees(address.id, itself)).toBe(false);
  expect((await run("create", { input: { addressId: address.id } }, itself)).userErrors).toEqual([
    said("NOT_FOUND", "input", "addressId"),
  ]);
  expect((await run("create", { input: { customerId, addressId: address.id } })).userErrors).toEqual([]);
  expect(await sees(address.id, itself)).toBe(true);
});

test("addressCreate: guests may not, erased customers do not, and errors have their paths", async () => {
  expect(await refused("addressCreate", { input: rome }, { kind: "guest" })).toMatchObject({
    code: "FORBIDDEN",
    missing: ["ADDRESSES_CREATE"],
  });
  const { id, itself } = await createCustomer();
  const wrong = await run("addressCreate", { input: { ...rome, firstName: " ", zipCode: null } }, itself);
  expect(wrong.userErrors).toEqual([said("INVALID", "input", "firstName"), said("INVALID", "input", "zipCode")]);
  await app.database.pool.query("UPDATE customers SET anonymization_status = 'started' WHERE id = $1", [id]);
  const before = await count("addresses");
  expect((await run("addressCreate", { input: rome }, itself)).userErrors).toEqual([said("WRONG_STATE", "input")]);
  expect(await count("addresses")).toBe(before);
});

test("customerDelete deletes the addresses that the customer created, too", async () => {
  const { id, itself } = await createCustomer();
  const { address } = await run("addressCreate", { input: rome }, itself);
  const { data } = await app.query(`mutation { customerDelete(id: "${id}") { deletedId userErrors { message } } }`);
  expect(data.customerDelete).toEqual({ deletedId: id, userErrors: [] });
  expect(await sees(address.id)).toBe(false);
});

test("addressUpdate: omitted fields stay, null clears, and the resulting address is validated", async () => {
  const { address: id, itself } = await createBook();
  const first = await run(
    "address",
    { id, input: { line2: "Scala B", stateCode: "TO", email: "m@example.com" } },
    itself,
  );
  expect(first.address).toMatchObject({ ...rome, countryCode: "IT", line2: "Scala B", stateCode: "TO", version: 2 });
  const second = await run("address", {
    id,
    ifVersion: 2,
    input: { line2: null, business: true, company: "Verdi S.r.l.", firstName: null },
  });
  expect(second.address).toMatchObject({
    line2: null,
    stateCode: "TO",
    firstName: null,
    fullName: "Verdi S.r.l.",
    version: 3,
  });

  const nameless = await run("address", { id, input: { business: false, company: null } });
  expect(nameless.userErrors).toEqual([said("INVALID", "input", "firstName")]);
  expect(nameless.address).toMatchObject({ business: true, company: "Verdi S.r.l.", version: 3 });
  const person = await run("address", { id, input: { business: false, company: null, firstName: "Mia" } });
  expect(person.address).toMatchObject({ business: false, company: null, fullName: "Mia Verdi" });

  const wrong = await run("address", { id, input: { phone: null, city: null, zipCode: null, lat: 1 } });
  expect(wrong.userErrors.map(({ path }) => path[1]).sort()).toEqual(["city", "lng", "phone", "zipCode"]);
  const moved = await run("address", { id, input: { zipCode: null, countryCode: "HK" } });
  expect(moved.address).toMatchObject({ zipCode: null, countryCode: "HK" });
  expect((await run("address", { id, input: { countryCode: "DE" } })).userErrors).toEqual([
    said("INVALID", "input", "zipCode"),
  ]);
});

test("blank text is stored as null, and leaves no gap in fullAddress", async () => {
  const blank = { line2: "", stateCode: " ", company: "\u3000", notes: "" };
  const { address, userErrors } = await run("create", {
    input: {
      customerId: "cus_mia",
      address: {
        ...blank,
        firstName: "Mia",
        lastName: "Verdi",
        line1: "1 Road",
        zipCode: "1",
        city: "Town",
        countryCode: "DE",
        phone: "1",
      },
    },
  });
  expect(userErrors).toEqual([]);
  expect(address).toMatchObject({
    line2: null,
    stateCode: null,
    company: null,
    notes: null,
    fullAddress: "1 Road, 1 Town (DE) 1",
  });
  const cleared = await run("address", { id: address.id, input: { ...blank, line1: " " } });
  expect(cleared.userErrors).toEqual([said("INVALID", "input", "line1")]);
});

const ws = "\u00a0\t";
test.each([
  [{ line_1: "1 Road", line_2: "", zip_code: "1", city: "Town", state_code: "", phone: "1" }, "1 Road, 1 Town (DE) 1"],
  [
    { line_1: "1 Road ", line_2: ws, zip_code: null, city: " Town", state_code: "BE", phone: null },
    "1 Road, Town BE (DE)",
  ],
  [
    { line_1: "1 Road", line_2: "Flat 2", zip_code: "1", city: "Town", state_code: "BE", phone: "1" },
    "1 Road Flat 2, 1 Town BE (DE) 1",
  ],
  [{ line_1: "", line_2: "Flat 2", zip_code: "1", city: "", state_code: null, phone: "" }, "Flat 2, 1 (DE)"],
  [{ line_1: " ", line_2: null, zip_code: "", city: "", state_code: "", phone: ws }, "(DE)"],
])("fullAddress of stored blanks has no gap: %j", async (row, fullAddress) => {
  const names = [
    [{ first_name: "Mia", last_name: "", business: false, company: "X" }, "Mia"],
    [{ first_name: ws, last_name: "Verdi", business: true, company: " " }, "Verdi"],
    [{ first_name: "Mia", last_name: "Verdi", business: true, company: "Verdi S.r.l." }, "Verdi S.r.l."],
    [{ first_name: "", last_name: null, business: false, company: "" }, ""],
  ] as const;
  for (const [person, fullName] of names) {
    const { rows } = await app.database.pool.query(
      `INSERT INTO addresses (id, mode, first_name, last_name, company, business, line_1, line_2, zip_code, city, state_code, country_code, phone)
       SELECT 'adr_' || gen_random_uuid(), 'test', r.first_name, r.last_name, r.company, r.business, r.line_1, r.line_2, r.zip_code, r.city, r.state_code, 'DE', r.phone
       FROM jsonb_populate_record(NULL::addresses, $1) r RETURNING full_name, full_address, name`,
      [{ ...person, ...row }],
    );
    expect(rows[0]).toEqual({
      full_name: fullName,
      full_address: fullAddress,
      name: fullName ? `${fullName}, ${fullAddress}` : fullAddress,
    });
  }
});

test("addressUpdate accepts other changes of an incomplete imported address", async () => {
  await insert(app.database.query, "Address", { id: "adr_poor", countryCode: "DE" });
  const sent = { notes: "Ring.", zipCode: null, firstName: null, countryCode: "de", lat: null };
  const { address, userErrors } = await run("address", { id: "adr_poor", input: sent });
  expect(userErrors).toEqual([]);
  expect(address).toMatchObject({ notes: "Ring.", phone: null, zipCode: null });
  const touched = await run("address", { id: "adr_poor", input: { firstName: "Max", countryCode: "AT" } });
  expect(touched.userErrors.map(({ path }) => path[1])).toEqual(["lastName", "zipCode"]);
});

test("addressUpdate of the place clears isGeocoded coordinates, or takes new lat and lng", async () => {
  const home = { lat: 51.5072, lng: -0.1353, isGeocoded: true, providerName: "google" };
  const noted = await run("address", { id: "adr_ada_home", input: { notes: "Ring once." } });
  expect(noted.address).toMatchObject(home);
  const moved = await run("address", { id: "adr_ada_home", input: { line1: "13 St James's Square" } });
  expect(moved.address).toMatchObject({ lat: null, lng: null, isGeocoded: false, providerName: null, mapUrl: null });
  const byHand = await run("address", { id: "adr_ada_home", input: { lat: 51.5, lng: -0.13 } });
  expect(byHand.address).toMatchObject({ lat: 51.5, isLocalized: true, isGeocoded: false });
  const again = await run("address", { id: "adr_ada_home", input: { line2: "Flat 4" } });
  expect(again.address).toMatchObject({ lat: 51.5, lng: -0.13 });
  await app.database.pool.query("UPDATE addresses SET provider_name = 'google' WHERE id = 'adr_ada_home'");
  const stated = await run("address", { id: "adr_ada_home", input: { city: "Westminster", lat: 51.6, lng: -0.13 } });
  expect(stated.address).toMatchObject({ lat: 51.6, isGeocoded: false });
});

test("addressUpdate and customerAddressUpdate: VERSION_CONFLICT and NOT_FOUND", async () => {
  const { address, entry, itself } = await createBook();
  await run("address", { id: address, input: { notes: "first" } });
  const late = await run("address", { id: address, ifVersion: 1, input: { notes: "second" } }, itself);
  expect(late.userErrors).toEqual([
    expect.objectContaining({
      code: "VERSION_CONFLICT",
      path: ["ifVersion"],
      current: { id: address },
      changed: ["notes"],
    }),
  ]);
  expect(late.address).toMatchObject({ notes: "first", version: 2 });
  expect((await run("delete", { id: entry, ifVersion: 7 })).userErrors).toEqual([
    said("VERSION_CONFLICT", "ifVersion"),
  ]);
  const stranger = await createCustomer();
  for (const as of [stranger.itself, { kind: "integration", mode: "live" } as Caller]) {
    expect((await run("address", { id: address, input: {} }, as)).userErrors).toEqual([said("NOT_FOUND", "id")]);
    expect((await run("update", { id: entry, input: {} }, as)).userErrors).toEqual([said("NOT_FOUND", "id")]);
    expect((await run("delete", { id: entry }, as)).userErrors).toEqual([said("NOT_FOUND", "id")]);
  }
});

test("addressUpdate: the address of a placed order is WRONG_STATE for its customer", async () => {
  const ada: Caller = { kind: "customer", id: "cus_ada" };
  const input = { line2: "elsewhere" };
  expect((await run("address", { id: "adr_1001_shipping", input }, ada)).userErrors).toEqual([
    said("WRONG_STATE", "id"),
  ]);
  expect((await run("address", { id: "adr_1001_shipping", input })).address.line2).toBe("elsewhere");
  const { address, itself, id } = await createBook();
  await insert(app.database.query, "Order", {
    id: "ord_book",
    status: "placed",
    customerId: id,
    shippingAddressId: address,
  });
  expect((await run("address", { id: address, input }, itself)).userErrors).toEqual([]);
  await app.database.pool.query("UPDATE orders SET placed_at = now() WHERE id = 'ord_book'");
  expect((await run("address", { id: address, input }, itself)).userErrors).toEqual([said("WRONG_STATE", "id")]);
});

test("customerAddressUpdate changes reference and metadata of the entry, not the address", async () => {
  const { entry, itself } = await createBook();
  const first = await run(
    "update",
    { id: entry, input: { reference: "E-2", metadata: { replace: { a: 1 } } } },
    itself,
  );
  expect(first.customerAddress).toMatchObject({
    reference: "E-2",
    metadata: { a: 1 },
    version: 2,
    address: { reference: null },
  });
  const second = await run("update", {
    id: entry,
    ifVersion: 2,
    input: { reference: null, metadata: { merge: { b: 2 } } },
  });
  expect(second.customerAddress).toMatchObject({ reference: null, metadata: { a: 1, b: 2 } });
});

test("customerAddressDelete deletes the address with its last entry, unless an order or return has it", async () => {
  const { entry, address, itself, id } = await createBook();
  const family = await createCustomer();
  const shared = await run("create", { input: { customerId: family.id, addressId: address } });
  const first = await run("delete", { id: entry }, itself);
  expect(first).toEqual({
    deletedId: entry,
    addressId: address,
    deletedAddressId: null,
    customer: { id, customerAddresses: { totalCount: 0, nodes: [] } },
    userErrors: [],
  });
  const second = await run("delete", { id: shared.customerAddress.id });
  expect(second).toMatchObject({ deletedAddressId: address, userErrors: [] });
  expect((await app.query(`{ node(id: "${address}") { id } }`)).data.node).toBeNull();

  const kept = await createBook();
  await app.database.pool.query("UPDATE orders SET billing_address_id = $1 WHERE id = 'ord_1002'", [kept.address]);
  expect(await run("delete", { id: kept.entry })).toMatchObject({ addressId: kept.address, deletedAddressId: null });
  expect(
    (await app.query('{ order(by: { id: "ord_1002" }) { billingAddress { id } } }')).data.order.billingAddress,
  ).toEqual({
    id: kept.address,
  });
});

test("FORBIDDEN lists the missing permissions of address books", async () => {
  expect(await refused("create", { input: { addressId: "adr_ada_home" } }, { kind: "guest" })).toMatchObject({
    code: "FORBIDDEN",
    missing: ["CUSTOMER_ADDRESSES_CREATE"],
  });
  const half: Caller = { kind: "integration", permissions: ["customers:read", "customer_addresses:create"] };
  expect(await refused("create", { input: { customerId: "cus_ada", address: rome } }, half)).toMatchObject({
    code: "FORBIDDEN",
    missing: ["ADDRESSES_CREATE"],
  });
  expect(
    await refused("create", { input: { customerId: "cus_ada", address: { ...rome, phone: undefined } } }),
  ).toMatchObject({ code: "BAD_USER_INPUT" });
});

test("an anonymized customer's address book cannot be changed (WRONG_STATE)", async () => {
  const { id, entry, address } = await createBook();
  await app.database.pool.query("UPDATE customers SET anonymization_status = 'completed' WHERE id = $1", [id]);
  expect((await run("create", { input: { customerId: id, address: rome } })).userErrors).toEqual([
    said("WRONG_STATE", "input", "customerId"),
  ]);
  expect((await run("delete", { id: entry })).userErrors).toEqual([said("WRONG_STATE", "id")]);
  expect((await run("address", { id: address, input: { notes: null } })).userErrors).toEqual([
    said("WRONG_STATE", "id"),
  ]);
});

const times = <Result>(n: number, work: (i: number) => Promise<Result>) =>
  Promise.all(Array.from({ length: n }, (_, i) => work(i)));

test("concurrent customerAddressDelete of one entry: exactly one wins", async () => {
  const { entry, address, itself } = await createBook();
  const answers = await times(20, (i) => run("delete", { id: entry }, i % 2 ? itself : undefined));
  expect(answers.filter(({ deletedId }) => deletedId)).toEqual([
    expect.objectContaining({ deletedAddressId: address }),
  ]);
  expect(answers.filter(({ userErrors }) => userErrors[0]?.code === "NOT_FOUND")).toHaveLength(19);
});

test("concurrent customerAddressCreate of one address: one wins, the others are TAKEN", async () => {
  const { address } = await createBook();
  const { id } = await createCustomer();
  const answers = await times(20, () => run("create", { input: { customerId: id, addressId: address } }));
  expect(answers.filter(({ customerAddress }) => customerAddress)).toHaveLength(1);
  expect(answers.filter(({ userErrors }) => userErrors[0]?.code === "TAKEN")).toHaveLength(19);
});

test("customerAddressCreate during customerAddressDelete: the address is neither lost nor orphaned", async () => {
  const outcomes = await times(20, async () => {
    const { entry, address } = await createBook();
    const { id } = await createCustomer();
    const [gone, added] = await Promise.all([
      run("delete", { id: entry }),
      run("create", { input: { customerId: id, addressId: address } }),
    ]);
    return {
      address,
      gone: gone.deletedAddressId !== null,
      added: added.userErrors.length === 0,
      errors: added.userErrors,
    };
  });
  for (const { address, gone, added, errors } of outcomes) {
    const [found] = (await app.database.pool.query("SELECT id FROM addresses WHERE id = $1", [address])).rows;
    expect(added).toBe(!gone);
    expect(Boolean(found)).toBe(added);
    if (!added) expect(errors).toEqual([said("NOT_FOUND", "input", "addressId")]);
  }
});

test("concurrent customerAddressDelete of an address's last two entries deletes the address", async () => {
  await times(10, async () => {
    const { entry, address } = await createBook();
    const { id } = await createCustomer();
    const { customerAddress } = await run("create", { input: { customerId: id, addressId: address } });
    const answers = await Promise.all([run("delete", { id: entry }), run("delete", { id: customerAddress.id })]);
    expect(answers.map(({ deletedAddressId }) => deletedAddressId).filter(Boolean)).toEqual([address]);
  });
});

test("customerAddressDelete keeps an address that a concurrent transaction gives to an order", async () => {
  const { entry, address } = await createBook();
  const client = await app.database.pool.connect();
  try {
    await client.query("BEGIN");
    await client.query("UPDATE orders SET shipping_address_id = $1 WHERE id = 'ord_1003'", [address]);
    const deleting = run("delete", { id: entry });
    await new Promise((resolve) => setTimeout(resolve, 300));
    await client.query("COMMIT");
    expect(await deleting).toMatchObject({ deletedId: entry, addressId: address, deletedAddressId: null });
  } finally {
    client.release();
  }
  const { data } = await app.query('{ order(by: { id: "ord_1003" }) { shippingAddress { id } } }');
  expect(data.order.shippingAddress).toEqual({ id: address });
});
