import { jsonFault, losesDigits, lossyNumbers, parseExactly, repeatedKeys } from "../../src/graph/model/json.js";
import { createImportTest, customer, type ImportTest } from "../import/support.js";
import { createTestApp, type TestApp } from "../support/app.js";
import fc from "../support/property.js";

/** Numbers as they are written in JSON: the text that comes back, or that they are refused. */
const numbers: Record<string, string | null> = {
  "0": "0",
  "-0": "0",
  "1.0": "1",
  "1.50": "1.5",
  "1e2": "100",
  "1E+2": "100",
  "-12.5e-1": "-1.25",
  "0.1": "0.1",
  "45.4642": "45.4642",
  // How other languages write the same double.
  "45.464199999999998": "45.4642",
  "45.464200000000000000": "45.4642",
  "0.30000000000000004": "0.30000000000000004",
  // Halfway between two numbers of 17 digits: 1259210598295569.25.
  "1259210598295569.2": "1259210598295569.2",
  "1259210598295569.3": "1259210598295569.2",
  "9007199254740991": "9007199254740991",
  "-9007199254740991": "-9007199254740991",
  "0.00000000000000000001": "1e-20",
  "1e-300": "1e-300",
  "9007199254740992": null,
  "9007199254740993": null,
  "-9007199254740993": null,
  "1152921504606846976": null,
  "123456789012345678901234567890": null,
  "9007199254740993.0": null,
  "0.1234567890123456789": null,
  "3.14159265358979323846": null,
  "1234567890.12345678": null,
  "1e400": null,
  "-1e400": null,
  "1e21": null,
  "1e-400": null,
  "2.5e-324": null,
};

test.each(["9007199254740993", "1e400", "1e-400", "0.1234567890123456789", "2.5e-324", "1152921504606846976"])(
  "losesDigits(%s) is true",
  (literal) => expect(losesDigits(literal)).toBe(true),
);

test("no double, as JavaScript writes it, loses digits", () => {
  fc.assert(
    fc.property(fc.double({ noDefaultInfinity: true, noNaN: true }), (value) => !losesDigits(JSON.stringify(value))),
    { numRuns: 10_000, examples: [[1259210598295569.2], [-1259210598295569.2]] },
  );
});

test("lossyNumbers finds numbers that would lose digits, with their paths", () => {
  const text = String.raw`{"a":[1,{"b\"]":9007199254740993},[]],"c, {":{"d":{},"e":"9007199254740993","f":1e400},"__proto__":{"g":[0.1234567890123456789]}}`;
  expect(lossyNumbers(text)).toEqual([
    { path: ["a", 1, 'b"]'], literal: "9007199254740993" },
    { path: ["c, {", "f"], literal: "1e400" },
    { path: ["__proto__", "g", 0], literal: "0.1234567890123456789" },
  ]);
  expect(lossyNumbers("9007199254740993")).toEqual([{ path: [], literal: "9007199254740993" }]);
  expect(jsonFault(parseExactly(text).value)).toEqual({
    at: '/a/1/b"]',
    wrong: expect.stringContaining("more digits"),
  });
  const long = `{"text":${JSON.stringify('\\"'.repeat(100_000))},"n":9007199254740993}`;
  expect(lossyNumbers(long)).toEqual([{ path: ["n"], literal: "9007199254740993" }]);
});

test("repeatedKeys finds duplicate keys of objects, and nothing else", () => {
  const found = (text: string) => repeatedKeys(text, JSON.parse(text));
  expect(
    found(String.raw`[{"a":{"x":1,"x":2},"\u0061" :{"x":1}},{"__proto__":1,"__proto__":2,"a":[":",{"a":1}]}]`),
  ).toEqual([
    [0, "a", "x"],
    [0, "a"],
    [1, "__proto__"],
  ]);
  for (const none of [String.raw`{"a":"\":","b":":","c":["\\"],"d":{"a":1}}`, '[{"a":1},{"a":1}]', "1", '":"']) {
    expect(found(none)).toEqual([]);
  }
  const deep = `${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}`;
  expect(found(deep)).toEqual([]);
});

describe("metadata", () => {
  let app: TestApp;
  let shop: ImportTest;
  beforeAll(async () => {
    app = await createTestApp();
    shop = await createImportTest();
  });
  afterAll(async () => {
    await shop.end();
    await app.stop();
  });

  const selection = "{ customer { metadata } userErrors { code message path } }";
  const update = `mutation ($metadata: MetadataInput) { customerUpdate(id: "cus_ada", input: { metadata: $metadata }) ${selection} }`;
  /** Sends a request whose text is given, since JavaScript could not write such numbers. */
  async function send(body: string) {
    const response = await fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${await app.token({ kind: "integration" })}`,
      },
      body,
    });
    return JSON.parse(await response.text());
  }
  const byVariable = (metadata: string) =>
    send(`{"query":${JSON.stringify(update)},"variables":{"metadata":{"replace":${metadata}}}}`);
  const byLiteral = (metadata: string) =>
    send(
      JSON.stringify({
        query: `mutation { customerUpdate(id: "cus_ada", input: { metadata: { replace: ${metadata} } }) ${selection} }`,
      }),
    );
  async function byImport(metadata: string) {
    const resource = JSON.stringify(customer("c", { metadata: "METADATA" })).replace('"METADATA"', metadata);
    const { issues } = await shop.run([await shop.file("metadata.json", `{"data":[${resource}]}`)]);
    const [row] = await shop.rows("SELECT metadata::text AS text FROM customers WHERE id = 'c'");
    return { issues, text: row?.text as string | undefined };
  }

  const nested = (levels: number) => `${'{"a":'.repeat(levels - 1)}{}${"}".repeat(levels - 1)}`;

  test.each(Object.entries(numbers))("%s is exact or refused: variable, literal, import", async (written, kept) => {
    for (const answer of [
      await byVariable(`{"deep":[{"n":${written}}]}`),
      await byLiteral(`{deep:[{n:${written}}]}`),
    ]) {
      if (kept) {
        expect(answer.errors).toBeUndefined();
        expect(answer.data.customerUpdate.userErrors).toEqual([]);
        expect(JSON.stringify(answer.data.customerUpdate.customer.metadata)).toBe(`{"deep":[{"n":${kept}}]}`);
      } else {
        expect(answer.errors[0].extensions.code).toMatch(/^(BAD_USER_INPUT|GRAPHQL_VALIDATION_FAILED)$/);
        expect(answer.errors[0].message).toMatch(/deep[./]0[./]n` (is a number|must be a number)/);
      }
    }
    const { issues, text } = await byImport(`{"deep":[{"n":${written}}]}`);
    if (kept) expect(JSON.stringify(JSON.parse(text!))).toBe(`{"deep":[{"n":${kept}}]}`);
    else
      expect(issues).toEqual([
        expect.stringMatching(
          /^refused customers c \/data\/0\/attributes\/metadata\/deep\/0\/n: (is|must be) a number/,
        ),
      ]);
  });

  test("variables inside a literal are kept exactly or refused, too", async () => {
    const query = `mutation ($n: Float, $o: JSON) { customerUpdate(id: "cus_ada", input: { metadata: { replace: { n: [$n], o: { in: $o } } } }) ${selection} }`;
    const answer = (n: string, o: string) => send(`{"query":${JSON.stringify(query)},"variables":{"n":${n},"o":${o}}}`);
    expect((await answer("1.5", '{"a":1}')).data.customerUpdate.customer.metadata).toEqual({
      n: [1.5],
      o: { in: { a: 1 } },
    });
    const refused = async (n: string, o: string) => {
      const { data, errors } = await answer(n, o);
      expect([data, errors.length, errors[0].extensions.code]).toEqual([undefined, 1, "BAD_USER_INPUT"]);
      return errors[0].message;
    };
    expect(await refused("9007199254740992", "null")).toBe(
      "`input.metadata.replace`: JSON: `/n/0` is a number beyond 9007199254740991, which would lose digits: write it as a text.",
    );
    expect(await refused("1", nested(24))).toBe(
      `\`input.metadata.replace\`: JSON: \`/o/in${"/a".repeat(23)}\` must not be nested deeper than 25 levels.`,
    );
    expect((await answer("1", nested(23))).errors).toBeUndefined();
  });

  test.each([
    [
      "an id",
      '{"query":"query ($id: ID!) { customer(by: { id: $id }) { id } }","variables":{"id":12345678901234567891}}',
      "id",
    ],
    [
      "an Int",
      '{"query":"query ($n: Int) { customers(first: $n) { totalCount } }","variables":{"n":3.00000000000000000001}}',
      "n",
    ],
    [
      "a Float",
      '{"query":"query ($f: Float) { orders(filter: { taxRate: { eq: $f } }) { totalCount } }","variables":{"f":1e999}}',
      "f",
    ],
  ])("%s variable that would lose digits is refused", async (_, body, name) => {
    const { errors, data } = await send(body);
    expect(data).toBeUndefined();
    expect(errors).toEqual([
      { message: expect.stringMatching(`^\`variables\\.${name}\` `), extensions: { code: "BAD_USER_INPUT" } },
    ]);
  });

  test("variables of a GET that would lose digits are refused", async () => {
    const authorization = `Bearer ${await app.token({ kind: "integration" })}`;
    const get = async (variables: string) => {
      const query = "query ($id: ID!) { customer(by: { id: $id }) { id } }";
      const search = new URLSearchParams({ query, variables });
      const headers = { authorization, "apollo-require-preflight": "1" };
      const response = await fetch(`${app.url}/graphql?${search}`, { headers });
      return (await response.json()) as { errors?: { message: string }[] };
    };
    expect((await get('{"id":12345678901234567891}')).errors![0]!.message).toContain("`variables.id`");
    expect((await get('{"id":"12345678901234567891"}')).errors).toBeUndefined();
    expect((await get('{"id":"\\x",1e400')).errors![0]!.message).not.toContain("went wrong");
  });

  test("keys are kept as written, __proto__ included", async () => {
    const written = '{"a": 2, "": 1, "__proto__": {"x": 1}, "constructor": null}';
    const inOrder = (text: string) => JSON.stringify(Object.entries(JSON.parse(text)).sort());
    const { data } = await byVariable(written);
    const literal = await byLiteral("{a: 2, __proto__: {x: 1}, constructor: null}");
    expect(inOrder(JSON.stringify(data.customerUpdate.customer.metadata))).toBe(inOrder(written));
    expect(inOrder(JSON.stringify(literal.data.customerUpdate.customer.metadata))).toBe(
      inOrder(written.replace('"": 1, ', "")),
    );
    expect(inOrder((await byImport(written)).text!)).toBe(inOrder(written));
  });

  test("a duplicate key is refused with its path, as variable, literal and import", async () => {
    const written = String.raw`{"list":[{"a":1},{"b":9007199254740993,"\u0062" : 2}]}`;
    const { errors, data } = await byVariable(written);
    expect(data).toBeUndefined();
    expect(errors).toEqual([
      {
        message: "`variables.metadata.replace.list.1.b` comes twice in one object; an object has each key once.",
        extensions: { code: "BAD_USER_INPUT" },
      },
    ]);
    const literal = await byLiteral("{list: [{a: 1}, {b: 1, b: 2}]}");
    expect(literal.errors[0].message).toBe('There can be only one input field named "b".');
    const twice = await send('{"query":"{ viewer { kind } }","query":"{ __typename }"}');
    expect(twice.errors[0].message).toBe("`query` comes twice in one object; an object has each key once.");
    const search = new URLSearchParams({ query: "{ __typename }", variables: '{"a":1,"a":2}' });
    const get = await fetch(`${app.url}/graphql?${search}`, { headers: { "apollo-require-preflight": "1" } });
    expect(await get.text()).toContain("`variables.a` comes twice");
    const { issues } = await byImport(written);
    expect(issues).toEqual([
      "refused customers c /data/0/attributes/metadata/list/1/b: must not be stated twice in one object",
    ]);
  });

  test.each([
    ["NUL in a key", String.raw`{"a\u0000b":1}`],
    ["NUL in a value", String.raw`{"a":["\u0000"]}`],
    ["half a character in a key", String.raw`{"\ud800":1}`],
    ["half a character in a value", String.raw`{"a":"\udc00"}`],
  ])("refuses %s", async (_, metadata) => {
    expect((await byVariable(metadata)).errors[0].extensions.code).toBe("BAD_USER_INPUT");
    expect((await byImport(metadata)).issues).toEqual([expect.stringContaining("must not contain")]);
  });

  test("25 levels are accepted and 26 refused, as variable, literal and import", async () => {
    const literal = (levels: number) => byLiteral(nested(levels).replaceAll('"', ""));
    for (const send of [byVariable, (text: string) => byLiteral(text.replaceAll('"', ""))]) {
      expect((await send(nested(25))).data.customerUpdate.userErrors).toEqual([]);
      expect((await send(nested(26))).errors[0].message).toContain("nested deeper than 25 levels");
    }
    expect((await literal(1_000)).errors).toBeDefined();
    expect((await byImport(nested(25))).issues).toEqual([]);
    expect((await byImport(nested(26))).issues).toEqual([expect.stringContaining("nested deeper than 25 levels")]);
    expect((await byImport(nested(50_000))).issues).toEqual([expect.stringContaining("nested deeper than 25 levels")]);
  });

  test("65,536 characters are accepted and one more refused; longer stored metadata may not grow", async () => {
    const ofLength = (length: number) => JSON.stringify({ a: "x".repeat(length - 8) });
    expect((await byVariable(ofLength(65_536))).data.customerUpdate.userErrors).toEqual([]);
    expect((await byVariable(ofLength(65_537))).data.customerUpdate.userErrors).toMatchObject([
      { code: "INVALID", path: ["input", "metadata"] },
    ]);
    expect((await byImport(ofLength(65_536))).issues).toEqual([]);
    expect((await byImport(ofLength(65_537))).issues).toEqual([
      "refused customers c /data/0/attributes/metadata: must be a JSON object of at most 65536 characters",
    ]);
    await app.database.pool.query("UPDATE customers SET metadata = $1 WHERE id = 'cus_ada'", [
      JSON.stringify({ a: "x".repeat(70_000), b: 1 }),
    ]);
    const change = async (metadata: object) => (await app.query(update, { metadata })).data.customerUpdate.userErrors;
    expect(await change({ merge: { b: 2 } })).toEqual([]);
    expect(await change({ merge: { c: 3 } })).toMatchObject([{ code: "INVALID" }]);
    expect(await change({ removeKeys: ["a"] })).toEqual([]);
  });

  test("a filter by a number that loses digits matches no other number", async () => {
    await byVariable('{"n":9007199254740991,"d":0.12345678901234568}');
    const count = async (key: string, eq: string) =>
      (await app.query(`{ customers(filter: { metadata: { key: "${key}", eq: "${eq}" } }) { totalCount } }`)).data
        .customers.totalCount;
    expect(await count("n", "9007199254740991")).toBe(1);
    expect(await count("d", "0.1234567890123456789")).toBe(0);
    expect(await count("d", "0.12345678901234568")).toBe(1);
  });
});

test("the import refuses numbers that lose digits in other columns, too", async () => {
  const shop = await createImportTest();
  try {
    const attributes = '"email":"a@example.com","lat":0.1234567890123456789,"lng":1e400';
    const document = `{"data":[{"type":"addresses","id":"a","attributes":{${attributes}}}]}`;
    expect((await shop.run([await shop.file("numbers.json", document)])).issues).toEqual([
      "refused addresses a /data/0/attributes/lat: is a number with more digits than can be kept: write fewer, or write it as a text",
      "refused addresses a /data/0/attributes/lng: must be a number that fits 64 bits",
    ]);
  } finally {
    await shop.end();
  }
});
