import { once } from "node:events";
import { connect } from "node:net";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import { checkEncodedParameters, RequestError } from "../src/http/request.js";
import { createTestApp, type TestApp } from "./support/app.js";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app?.stop());

/** What a request said by hand gets: status, headers and body, of a server that then closes. */
async function send(head: string[], body: Buffer | string = "", path = "/graphql", method = "POST") {
  const { hostname, port } = new URL(app.url);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.write(
    Buffer.from([`${method} ${path} HTTP/1.1`, "host: x", "connection: close", ...head, "", ""].join("\r\n"), "latin1"),
  );
  socket.write(body);
  await once(socket, "close");
  const [top = "", ...rest] = Buffer.concat(chunks).toString("utf8").split("\r\n\r\n");
  // It may have come in one chunk.
  const text = rest.join("\r\n\r\n").replace(/^[^{]*|[^}]*$/g, "");
  return {
    status: Number(/^HTTP\/1.1 (\d+)/.exec(top)?.[1]),
    top,
    message: text && (JSON.parse(text).errors?.[0].message as string),
    text,
  };
}

const bearer = async () => `authorization: Bearer ${await app.token({ kind: "integration" })}`;
const lengthOf = (body: Buffer | string) => `content-length: ${Buffer.byteLength(body)}`;
const json = "content-type: application/json";
const create = "mutation ($name: String!) { tagCreate(input: { name: $name }) { tag { name } userErrors { code } } }";

/** A body with these bytes as the name of a tag. */
const bodyWith = (bytes: number[]) => {
  const [before, after] = JSON.stringify({ query: create, variables: { name: "@" } }).split("@") as [string, string];
  return { body: Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]), start: before.length };
};

const malformed: [what: string, bytes: number[], offset: number][] = [
  ["Latin-1", [0x63, 0xe9, 0x64], 1],
  ["a lone continuation byte", [0x80], 0],
  ["an overlong slash", [0x61, 0xc0, 0xaf], 1],
  ["an overlong NUL", [0xe0, 0x80, 0x80], 0],
  ["half a surrogate pair", [0xed, 0xa0, 0x80], 0],
  ["a pair of surrogates (CESU-8)", [0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80], 0],
  ["beyond U+10FFFF", [0xf4, 0x90, 0x80, 0x80], 0],
  ["five bytes", [0xf8, 0x88, 0x80, 0x80, 0x80], 0],
  ["a character cut off", [0x61, 0xe2, 0x82], 1],
  ["the replacement character cut off", [0xc3, 0xa9, 0xef, 0xbf], 2],
  ["0xFF", [0xff], 0],
];

describe("requests that are not UTF-8 are 400 with the offset, and write nothing", () => {
  test.each(malformed)("%s in a body", async (_what, bytes, offset) => {
    const { body, start } = bodyWith(bytes);
    for (const path of ["/graphql", "/graphql/stream"]) {
      const answer = await send([json, await bearer(), lengthOf(body)], body, path);
      expect(answer.status).toBe(400);
      const byte = bytes[offset]!.toString(16).toUpperCase();
      expect(answer.message).toBe(`The request is not UTF-8: see byte 0x${byte} at offset ${start + offset}.`);
    }
    expect(await app.database.query("SELECT name FROM tags WHERE name LIKE '%\ufffd%'", [])).toEqual([]);
  });

  test.each(malformed)("%s in a query string", async (_what, bytes, offset) => {
    const encoded = bytes.map((byte) => `%${byte.toString(16)}`).join("");
    for (const [name, start] of [
      ["query", 14],
      ["variables", 6],
      ["operationName", 0],
      ["extensions", 0],
    ] as const) {
      const before = { query: "%7B__type(name:%22", variables: "%7B%22a%22:%22" }[name as string] ?? "";
      const parameters = `${name === "query" ? "" : "query=%7B__typename%7D&"}${name}=${before}${encoded}%22%7D`;
      const answer = await send([await bearer(), json], "", `/graphql?${parameters}`, "GET");
      expect([answer.status, answer.message]).toEqual([
        400,
        expect.stringMatching(
          new RegExp(`^The parameter \`${name}\` is not UTF-8: see byte 0x[0-9A-F]{2} at offset ${start + offset}\\.$`),
        ),
      ]);
    }
  });

  test("raw bytes in the URL are refused by the HTTP parser", async () => {
    for (const path of ["/graphql?query={a(b:\u00c3\u00a9)}", "/exports/customers/\u00e9"]) {
      expect((await send([json], "", path, "GET")).status).toBe(400);
    }
  });

  test("checkEncodedParameters names the parameter of a form that is not UTF-8", () => {
    expect(() => checkEncodedParameters("a=1&%ff=2")).toThrow("The name of a parameter is not UTF-8");
    expect(() => checkEncodedParameters("a=1&b=x&b=%c3%28")).toThrow(
      "The parameter `b` is not UTF-8: see byte 0xC3 at offset 0.",
    );
    expect(() => checkEncodedParameters("b=é%A9")).toThrow(RequestError);
    for (const fine of ["", "a=%", "a=%zz", "a=%C3%A9&b=é", "%E2%82%AC=%f0%9f%98%80", "a=b=c?d"])
      checkEncodedParameters(fine);
  });
});

test("every UTF-8 character arrives as sent, U+FFFD included", async () => {
  const name = "é€😀\u{10ffff}\u0301\ufffd";
  const body = JSON.stringify({
    query: "query ($name: String!) { tag(by: { name: $name }) { id } }",
    variables: { name },
  });
  const types = [
    "application/json; charset=utf-8",
    'application/json;charset="UTF-8"',
    "Application/JSON ; Charset=utf8",
  ];
  for (const type of [
    ...types,
    'application/json; profile="a;charset=latin1\\""; charset=UTF-8;',
    "application/graphql+json",
  ]) {
    const answer = await send([`content-type: ${type}`, await bearer(), lengthOf(body)], body);
    expect([answer.status, answer.text]).toEqual([200, expect.stringContaining('{"data":{"tag":null}')]);
  }
});

test("a byte order mark at the start of a body is ignored", async () => {
  const body = `\ufeff${JSON.stringify({ query: "{ __typename }" })}`;
  expect((await send([json, lengthOf(body)], body)).text).toContain('{"data":{"__typename":"Query"}');
});

describe("content headers", () => {
  const body = JSON.stringify({ query: "{ __typename }" });
  const types: [type: string | undefined, says: RegExp][] = [
    ["application/json; charset=iso-8859-1", /in UTF-8; the content-type says charset "iso-8859-1"/],
    ["application/json; charset=UTF-16", /charset "UTF-16"/],
    ['application/json;charset="utf-16le"', /charset "utf-16le"/],
    ['application/json; charset="l\\atin1"', /charset "latin1"/],
    ["application/json; charset=utf-8; charset=latin1", /charset "latin1"/],
    ["application/json; charset=us-ascii", /charset "us-ascii"/],
    ['application/json; charset=""', /charset ""/],
    ["application/json; charset=", /charset ""/],
    ["application/json; a=b c", /as JSON.*Its content-type is/],
    ["application/json garbage", /as JSON/],
    ["application/json, application/json", /as JSON/],
    ["application/jsonx", /as JSON/],
    ["text/json", /as JSON/],
    ["application/graphql", /as JSON.*"application\/graphql"/],
    ["application/graphql-response+json", /as JSON/],
    ["application/x-www-form-urlencoded", /as JSON/],
    ["multipart/form-data; boundary=x", /as JSON/],
    ["json", /as JSON/],
    ["", /as JSON.*Its content-type is ""/],
    [undefined, /as JSON.*It has no content-type/],
  ];
  test.each(types)("content-type %s is 415", async (type, says) => {
    for (const path of ["/graphql", "/graphql/stream"]) {
      const head = type === undefined ? [] : [`content-type: ${type}`];
      const answer = await send([...head, await bearer(), lengthOf(body)], body, path);
      expect([answer.status, answer.message]).toEqual([415, expect.stringMatching(says)]);
    }
  });

  test("two content-types are 415", async () => {
    const answer = await send([json, "content-type: text/plain", lengthOf(body)], body);
    expect([answer.status, answer.message]).toEqual([415, expect.stringMatching(/"application\/json, text\/plain"/)]);
  });

  const packed: [coding: string, body: Buffer][] = [
    ["gzip", gzipSync(body)],
    ["x-gzip", gzipSync(body)],
    ["br", brotliCompressSync(body)],
    ["deflate", deflateSync(body)],
    ["zstd", Buffer.from(body)],
    ["identity, gzip", gzipSync(body)],
    ["GZIP", gzipSync("0".repeat(50_000_000))],
  ];
  test.each(packed)(
    "content-encoding %s is 415, and accept-encoding names what is supported",
    async (coding, bytes) => {
      for (const path of ["/graphql", "/graphql/stream"]) {
        const answer = await send([json, `content-encoding: ${coding}`, lengthOf(bytes)], bytes, path);
        expect([answer.status, answer.message]).toEqual([
          415,
          expect.stringMatching(/uncompressed; its content-encoding is/),
        ]);
        expect(answer.top).toMatch(/\r\naccept-encoding: identity\r\n/);
      }
    },
  );

  test("content-encoding identity is accepted", async () => {
    for (const coding of ["identity", "Identity", ""]) {
      expect((await send([json, `content-encoding: ${coding}`, lengthOf(body)], body)).status).toBe(200);
    }
  });

  test("a compressing transfer-encoding is refused", async () => {
    const chunk = gzipSync(body);
    const framed = Buffer.concat([
      Buffer.from(`${chunk.length.toString(16)}\r\n`),
      chunk,
      Buffer.from("\r\n0\r\n\r\n"),
    ]);
    expect((await send([json, "transfer-encoding: gzip, chunked"], framed)).status).toBe(501);
    const plain = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
    expect((await send([json, "transfer-encoding: chunked"], plain)).status).toBe(200);
  });

  test("a content-length above the limit is 413 before the body is sent", async () => {
    const answer = await send([json, "content-length: 5000000", await bearer()]);
    expect([answer.status, answer.message]).toEqual([413, expect.stringMatching(/longer than 100000 bytes/)]);
  });
});

test("errors of the body say what is wrong", async () => {
  const said: [body: string, says: RegExp][] = [
    ["", /has no body; send one object/],
    ["{", /is not valid JSON/],
    ['{"query": undefined}', /is not valid JSON/],
    ["query { a }", /is not valid JSON/],
    ["null", /must be one JSON object/],
    ['"text"', /must be one JSON object/],
    ["{}", /must be one JSON object/],
    ['[{"query":"{ __typename }"}]', /Lists of operations \(batches\) are not served/],
    ['{"variables":{}}', /non-empty `query`/],
  ];
  for (const [body, says] of said) {
    const answer = await send([json, lengthOf(body)], body);
    expect([body, answer.status, answer.message]).toEqual([body, 400, expect.stringMatching(says)]);
  }
});
