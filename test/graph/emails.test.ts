import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { buildSchema, isInputObjectType } from "graphql";
import { emailKey, Problem, readCode, readCountryCode, readEmail } from "../../src/graph/model/values.js";
import { readTagName } from "../../src/modules/tags/tag-rules.js";
import { projectRoot } from "../../src/paths.js";
import { type AuthApp, ada, createAuthApp } from "../identity/support.js";
import { createImportTest, customer } from "../import/support.js";
import { createTestApp, type TestApp } from "../support/app.js";
import { insert } from "../support/rows.js";

/** Other ways to write an address that are the same one. */
const same: Record<string, [written: string, stored: string]> = {
  "upper case": ["KARLA@X.Test", "karla@x.test"],
  "space around it": [" \u00a0karla@x.test\u3000\n", "karla@x.test"],
  decomposed: ["Andre\u0301@cafe\u0301.test", "andr\u00e9@caf\u00e9.test"],
  "decomposed capital": ["E\u0301va@x.test", "\u00e9va@x.test"],
  Hangul: ["\u1112\u1161\u11ab@x.test", "\ud55c@x.test"],
  "Greek capitals": ["\u0394\u0391\u0399@x.test", "\u03b4\u03b1\u03b9@x.test"],
  "sharp s, also as a capital": ["Gro\u1e9ee@x.test", "gro\u00dfe@x.test"],
};

/** What is another person's, or nobody's, however much it looks like karla@x.test. */
const hostile: Record<string, string> = {
  "Kelvin sign": "\u212aarla@x.test",
  "Kelvin sign in the domain": "karla@\u212aa.test",
  "Angstrom sign": "\u212bsa@x.test",
  "Ohm sign": "\u2126@x.test",
  "long s": "ka\u017fla@x.test",
  "full width": "\uff4b\uff41\uff52\uff4c\uff41@x.test",
  "full-width at": "karla\uff20x.test",
  "full-width full stop": "karla@x\uff0etest",
  "full stop of CJK": "karla@x\u3002y.test",
  ligature: "\ufb01@x.test",
  superscript: "karl\u00aa@x.test",
  "mathematical letter": "\u{1d424}arla@x.test",
  "compatibility ideograph": "\uf900@x.test",
  "zero-width space": "karla\u200b@x.test",
  "zero-width joiner": "kar\u200dla@x.test",
  "right-to-left override": "\u202ekarla@x.test",
  "isolate marks": "\u2066karla\u2069@x.test",
  "soft hyphen": "kar\u00adla@x.test",
  "byte order mark": "\ufeffkarla@x.test",
  "tag characters": "karla\u{e0061}@x.test",
  "variation selector": "karla\ufe0f@x.test",
  "variation selector 17": "karla\u{e0100}@x.test",
  "combining grapheme joiner": "kar\u034fla@x.test",
  "Hangul filler": "karla\u3164@x.test",
  "Braille blank": "karla\u2800@x.test",
  "no-break space inside": "kar\u00a0la@x.test",
  "ideographic space inside": "kar\u3000la@x.test",
  "line separator": "kar\u2028la@x.test",
  control: "karla\u0007@x.test",
  "C1 control": "karla\u0085x@x.test",
  "private use": "karla\ue000@x.test",
  noncharacter: "karla\ufffe@x.test",
  "mark on the at": "karla@\u0301x.test",
  "mark at the beginning": "\u0301karla@x.test",
  "too long": `${"k".repeat(250)}@x.test`,
};

test.each(Object.entries(same))("%s: the same address", (_, [written, stored]) => {
  expect(readEmail(written)).toBe(stored);
  expect(emailKey(written)).toBe(stored);
  expect(readEmail(stored)).toBe(stored);
});

test.each(Object.entries(hostile))("%s: refused, and matches no other address", (_, address) => {
  expect(readEmail(address)).toBeInstanceOf(Problem);
  expect(/^[\x21-\x7e]*$/.test(emailKey(address)) && !address.startsWith("kkk")).toBe(false);
});

test.each([
  ["Turkish capital I with a dot", "\u0130", "i"],
  ["Turkish dotless i", "\u0131", "i"],
  ["sharp s", "\u00df", "ss"],
  ["Cyrillic a", "\u0430", "a"],
])("%s is not folded to a similar letter", (_, letter, other) => {
  expect(readEmail(`${letter}da@x.test`)).not.toBe(readEmail(`${other}da@x.test`));
  expect(readEmail(`${letter}da@x.test`)).not.toBeInstanceOf(Problem);
});

test("case folding never merges two letters other than upper and lower case, and agrees with PostgreSQL's lower()", async () => {
  const app = await createTestApp({ demo: false });
  try {
    const stored = new Map<string, string[]>();
    for (let point = 0x21; point <= 0x10ffff; point++) {
      if (point >= 0xd800 && point <= 0xdfff) continue;
      const character = String.fromCodePoint(point);
      const read = readEmail(`a${character}@x.test`);
      if (typeof read !== "string") continue;
      stored.set(read, [...(stored.get(read) ?? []), character]);
    }
    expect(stored.size).toBeGreaterThan(100_000);
    const merged = [...stored.values()].filter((characters) => characters.length > 1);
    expect(merged.length).toBeGreaterThan(1_000);
    const kind = (character: string) => (/^[\p{Lu}\p{Lt}]$/u.test(character) ? "capital" : "other");
    for (const characters of merged) expect(characters.map(kind).sort()).toEqual(["capital", "other"]);
    const { rows } = await app.database.pool.query(
      "SELECT a FROM unnest($1::text[]) a WHERE a <> lower(a) OR a IS NOT NFC NORMALIZED",
      [[...stored.keys()]],
    );
    expect(rows).toEqual([]);
  } finally {
    await app.stop();
  }
});

test.each([
  ["codes of customer groups", readCode, "\u212a-1"],
  ["names of tags", readTagName, "\u212a"],
  ["countries", readCountryCode, "\u0131t"],
  ["countries", readCountryCode, "\ufb01"],
])("%s are folded in ASCII only", (_, read, given) => {
  expect(read(given)).toBeInstanceOf(Problem);
});

describe("e-mail addresses in the API", () => {
  let app: TestApp;
  let byResolvers: TestApp;
  beforeAll(async () => {
    app = await createTestApp();
    byResolvers = await createTestApp({ sharing: app, planned: false });
    const { pool, query } = app.database;
    await insert(query, "Customer", { id: "cus_karla", email: "karla@x.test" });
    await insert(query, "Customer", { id: "cus_andre", email: "andr\u00e9@caf\u00e9.test" });
    await pool.query("UPDATE orders SET customer_email = 'karla@x.test' WHERE id IN ('ord_1001', 'ord_1002')");
  });
  afterAll(async () => {
    await byResolvers.stop();
    await app.stop();
  });

  const errors = "userErrors { code path }";
  /** A mutation for each input with an e-mail address: where the address stands, and the document. */
  const mutations: Record<string, [path: string[], document: (email: string) => string]> = {
    CustomerCreateInput: [["input", "email"], (e) => `customerCreate(input: { email: ${e} }) { ${errors} }`],
    CustomerUpdateInput: [
      ["input", "email"],
      (e) => `customerUpdate(id: "cus_mia", input: { email: ${e} }) { ${errors} }`,
    ],
    CustomersBulkChangeInput: [
      ["input", "rows", "0", "input", "email"],
      (e) => `customersBulkUpdate(input: { rows: [{ id: "cus_mia", input: { email: ${e} } }] }) { ${errors} }`,
    ],
    AddressCreateInput: [
      ["input", "email"],
      (e) =>
        `addressCreate(input: { firstName: "K", lastName: "L", line1: "1 Road", city: "Town", zipCode: "1", countryCode: "DE", phone: "1", email: ${e} }) { ${errors} }`,
    ],
    AddressUpdateInput: [
      ["input", "email"],
      (e) => `addressUpdate(id: "adr_ada_home", input: { email: ${e} }) { ${errors} }`,
    ],
    AddressInput: [
      ["input", "address", "email"],
      (e) =>
        `customerAddressCreate(input: { customerId: "cus_ada", address: { firstName: "K", lastName: "L", line1: "1 Road", city: "Town", zipCode: "1", countryCode: "DE", phone: "1", email: ${e} } }) { ${errors} }`,
    ],
    CustomerAddressCreateInput: [
      ["input", "customerEmail"],
      (e) => `customerAddressCreate(input: { customerEmail: ${e}, addressId: "adr_ada_home" }) { ${errors} }`,
    ],
    CustomerSubscriptionCreateInput: [
      ["input", "customerEmail"],
      (e) => `customerSubscriptionCreate(input: { customerEmail: ${e}, reference: "news" }) { ${errors} }`,
    ],
    OrderCreateInput: [
      ["input", "customerEmail"],
      (e) => `orderCreate(input: { marketId: "mkt_europe", customerEmail: ${e} }) { ${errors} }`,
    ],
    OrderUpdateInput: [
      ["input", "customerEmail"],
      (e) => `orderUpdate(id: "ord_1027", input: { customerEmail: ${e} }) { ${errors} }`,
    ],
  };
  /** Inputs that look for an address. */
  const lookUps: Record<string, (email: string) => string> = {
    CustomerIdentifier: (e) => `one: customer(by: { email: ${e} }) { id }`,
    CustomerFilter: (e) =>
      `eq: customers(filter: { email: { eq: ${e} } }) { nodes { id } } in: customers(filter: { email: { in: [${e}] } }) { nodes { id } } contains: customers(filter: { email: { contains: ${e} } }) { nodes { id } } startsWith: customers(filter: { email: { startsWith: ${e} } }) { nodes { id } }`,
    OrderFilter: (e) => `eq: orders(filter: { customerEmail: { eq: ${e} } }) { nodes { id } }`,
    OrderSubscriptionFilter: (e) => `eq: orderSubscriptions(filter: { customerEmail: { eq: ${e} } }) { nodes { id } }`,
    ReturnFilter: (e) => `eq: returns(filter: { customerEmail: { eq: ${e} } }) { nodes { id } }`,
    AddressFilter: (e) =>
      `eq: customers(filter: { customerAddresses: { some: { address: { email: { eq: ${e} } } } } }) { nodes { id } }`,
    CustomerPasswordResetCreateInput: () => "",
  };

  test("every input with an e-mail address is tested", () => {
    const schema = buildSchema(readFileSync(join(projectRoot, "src/schema.graphql"), "utf8"));
    const inputs = Object.values(schema.getTypeMap())
      .filter(isInputObjectType)
      .filter((type) => Object.keys(type.getFields()).some((field) => /email$/i.test(field)))
      .map(({ name }) => name);
    expect(inputs.sort()).toEqual([...Object.keys(mutations), ...Object.keys(lookUps)].sort());
  });

  test.each(Object.keys(mutations))("%s: a lookalike address is INVALID", async (input) => {
    const [path, document] = mutations[input]!;
    for (const address of Object.values(hostile)) {
      const { data, errors: failed } = await app.query(`mutation { result: ${document(JSON.stringify(address))} }`);
      expect(failed).toBeUndefined();
      expect(data.result.userErrors).toEqual([{ code: "INVALID", path }]);
    }
  });

  test("customerCreate: an address is TAKEN in each of its forms", async () => {
    for (const written of [" KARLA@x.test", "Andre\u0301@CAFE\u0301.test", "andr\u00c9@caf\u00e9.test"]) {
      const { data } = await app.query(
        `mutation { customerCreate(input: { email: ${JSON.stringify(written)} }) { ${errors} } }`,
      );
      expect(data.customerCreate.userErrors).toEqual([{ code: "TAKEN", path: ["input", "email"] }]);
    }
  });

  test.each(Object.keys(lookUps).slice(0, -1))("%s: a lookalike address finds nobody", async (input) => {
    for (const one of [app, byResolvers]) {
      for (const address of Object.values(hostile)) {
        const { data, errors: failed } = await one.query(`{ ${lookUps[input]!(JSON.stringify(address))} }`);
        expect(failed).toBeUndefined();
        expect(Object.values(data as object).flatMap((found) => found?.nodes ?? found ?? [])).toEqual([]);
      }
    }
  });

  test("look-ups find an address in its other forms", async () => {
    for (const one of [app, byResolvers]) {
      const customers = await one.query(
        `query ($karla: String!, $andre: String!) {
          karla: customer(by: { email: $karla }) { id } andre: customer(by: { email: $andre }) { id }
          eq: customers(filter: { email: { eq: $andre } }) { nodes { id } }
          part: customers(filter: { email: { contains: "E\u0301@" } }) { nodes { id } }
          orders(filter: { customerEmail: { in: [$karla] } }) { nodes { id } } }`,
        { karla: "\u00a0KARLA@x.test", andre: "Andre\u0301@cafe\u0301.TEST" },
      );
      expect(customers.data).toEqual({
        karla: { id: "cus_karla" },
        andre: { id: "cus_andre" },
        eq: { nodes: [{ id: "cus_andre" }] },
        part: { nodes: [{ id: "cus_andre" }] },
        orders: { nodes: expect.arrayContaining([{ id: "ord_1001" }, { id: "ord_1002" }]) },
      });
    }
  });

  test("customerPasswordResetCreate for a lookalike address gives no token for the real one", async () => {
    const ask = async (email: string) => {
      const { data } = await app.query(
        `mutation { customerPasswordResetCreate(input: { customerEmail: ${JSON.stringify(email)} }) { id } }`,
      );
      const { rows } = await app.database.pool.query("SELECT customer_id FROM customer_password_resets WHERE id = $1", [
        data.customerPasswordResetCreate.id,
      ]);
      return rows[0]?.customer_id;
    };
    for (const address of Object.values(hostile)) expect(await ask(address)).toBeUndefined();
    expect(await ask("KARLA@X.TEST ")).toBe("cus_karla");
    expect(await ask("Andre\u0301@cafe\u0301.test")).toBe("cus_andre");
  });

  test("a customer whose stored address is now invalid is found by exactly that address", async () => {
    const ghost = "karla\u200b@x.test";
    await insert(app.database.query, "Customer", { id: "cus_ghost", email: ghost });
    const { data } = await app.query(
      "query ($email: String!) { customer(by: { email: $email }) { id email } customers(filter: { email: { contains: $email } }) { nodes { id } } }",
      { email: ghost },
    );
    expect(data).toEqual({ customer: { id: "cus_ghost", email: ghost }, customers: { nodes: [{ id: "cus_ghost" }] } });
    await app.database.pool.query("DELETE FROM customers WHERE id = 'cus_ghost'");
  });
});

test("the import accepts and refuses the same addresses", async () => {
  const shop = await createImportTest();
  try {
    const rows = [
      ...Object.values(same).map(([email], i) => customer(`s${i}`, { email })),
      ...Object.values(hostile).map((email, i) => customer(`h${i}`, { email })),
    ];
    const { issues } = await shop.run(rows);
    const stored = await shop.rows("SELECT email FROM customers ORDER BY id");
    // Two of them are one address.
    const expected = [...new Set(Object.values(same).map(([, email]) => email))];
    expect(stored.map(({ email }) => email).sort()).toEqual(expected.sort());
    const refused = issues.filter((issue) => issue.includes("/attributes/email: must be an e-mail address"));
    expect(refused).toHaveLength(Object.keys(hostile).length);
  } finally {
    await shop.end();
  }
});

describe("log-in by e-mail address", () => {
  let app: AuthApp;
  beforeAll(async () => {
    app = await createAuthApp();
    await app.database.query("UPDATE customers SET email = $1 WHERE id = 'cus_ada'", ["karla\u00e9@x.test"]);
  });
  afterAll(() => app.stop());

  test("accepts the address in each of its forms", async () => {
    for (const username of [" KARLA\u00c9@x.test ", "karlae\u0301@x.test"]) {
      expect((await app.token({ ...ada, username })).status).toBe(200);
    }
  });

  test("refuses lookalike addresses", async () => {
    for (const username of ["\u212aarla\u00e9@x.test", "karla\u00e9\u200b@x.test", "\uff4barla\u00e9@x.test"]) {
      expect((await app.token({ ...ada, username })).status).toBe(400);
    }
  });
});

test("the migration normalizes stored addresses (NFC) unless two customers would get the same", async () => {
  const app = await createTestApp({ demo: false });
  try {
    const { pool } = app.database;
    await pool.query(
      `INSERT INTO customers (id, mode, email) VALUES ('cus_1', 'test', $1), ('cus_2', 'test', $2), ('cus_3', 'test', $3),
        ('cus_4', 'live', $3), ('cus_5', 'test', $4), ('cus_6', 'test', $5)`,
      ["eva@x.test", "e\u0301va@x.test", "\u00e9va@x.test", "o\u0302\u0323@x.test", "\u00f4\u0323@x.test"],
    );
    const folder = join(projectRoot, "prisma/migrations");
    const name = readdirSync(folder).find((one) => one.endsWith("_composed_emails"))!;
    await pool.query(readFileSync(join(folder, name, "migration.sql"), "utf8"));
    const { rows } = await pool.query("SELECT id, email FROM customers ORDER BY id");
    expect(rows.map(({ email }) => email)).toEqual([
      "eva@x.test",
      "e\u0301va@x.test",
      "\u00e9va@x.test",
      "\u00e9va@x.test",
      "\u1ed9@x.test",
      "\u00f4\u0323@x.test",
    ]);
  } finally {
    await app.stop();
  }
});
