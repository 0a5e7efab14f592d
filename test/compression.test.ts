import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { getIntrospectionQuery, isInterfaceType, isObjectType, parse } from "graphql";
import { accessOf } from "../src/graph/schema/access-directive.js";
import { asksForSecrets, shortestCompressed } from "../src/http/compression.js";
import { preferredCoding } from "../src/http/negotiation.js";
import { createSchema } from "../src/schema.js";
import { createAuthApp, guest } from "./identity/support.js";
import { createTestApp, type TestApp } from "./support/app.js";

const schema = createSchema();

test.each([
  [undefined, undefined],
  ["", undefined],
  ["identity", undefined],
  ["gzip", "gzip"],
  ["GZIP", "gzip"],
  ["br", "br"],
  // Of fetch in Node, a browser over HTTP, a browser over HTTPS.
  ["gzip, deflate", "gzip"],
  ["gzip, deflate, br", "br"],
  ["gzip, deflate, br, zstd", "br"],
  ["deflate, zstd", undefined],
  ["*", "br"],
  ["gzip;q=1.0, br;q=0.8", "gzip"],
  ["gzip;q=0.2, br;q=0.3", "br"],
  ["gzip;q=0", undefined],
  ["gzip;q=0, br;q=0", undefined],
  ["gzip;q=0, *", "br"],
  ["br;q=0, *;q=0.1", "gzip"],
  ["*;q=0", undefined],
  ["identity;q=0.5, *;q=0", undefined],
  ["identity;q=1, gzip;q=0.5", undefined],
  ["identity;q=0.5, gzip;q=1", "gzip"],
  ["identity;q=0, gzip", "gzip"],
  ["gzip;q=x", undefined],
  ["agzip, gzipped", undefined],
])("accept-encoding %j takes %s", (header, coding) => {
  expect(preferredCoding(header, ["br", "gzip"])).toBe(coding);
});

/** Over plans and over resolvers: both answers are long. */
describe.each([true, false])("planned: %s", (planned) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await createTestApp({ planned });
  });
  afterAll(() => app?.stop());

  async function send(query: string, acceptEncoding?: string, method = "POST", path = "/graphql") {
    const body = method === "POST" ? JSON.stringify({ query }) : undefined;
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      void app.token({ kind: "integration" }).then((token) => {
        const sent = httpRequest(
          `${app.url}${path}${body ? "" : `?query=${encodeURIComponent(query)}`}`,
          {
            method,
            headers: {
              authorization: `Bearer ${token}`,
              ...(body && { "content-type": "application/json" }),
              ...(acceptEncoding && { "accept-encoding": acceptEncoding }),
            },
          },
          resolve,
        );
        sent.on("error", reject).end(body);
      });
    });
    const chunks: Buffer[] = [];
    for await (const chunk of response) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    const coding = response.headers["content-encoding"];
    const text = (
      bytes.length === 0
        ? bytes
        : coding === "br"
          ? brotliDecompressSync(bytes)
          : coding === "gzip"
            ? gunzipSync(bytes)
            : bytes
    ).toString();
    const { "content-length": length, vary } = response.headers;
    return { status: response.statusCode, coding, length, vary, bytes, text, data: text && JSON.parse(text).data };
  }

  const fields = "id email status createdAt updatedAt totalOrdersCount shopperReference reference metadata";
  const list = `customers { nodes { ${fields} addressBook: customerAddresses { nodes { id reference } } } }`;
  /** Short; compressed at once; and by another thread. */
  const short = "{ customers(first: 2) { nodes { id } } }";
  const medium = `{ ${list} }`;
  const long = `{ ${Array.from({ length: 18 }, (_, i) => `a${i}: ${list}`).join(" ")} }`;

  test("the compressed answer is equal, smaller and has content-length", async () => {
    for (const query of [medium, long, getIntrospectionQuery()]) {
      const plain = await send(query);
      expect(plain).toMatchObject({ status: 200, coding: undefined, vary: "origin, accept-encoding" });
      expect(plain.length).toBe(String(plain.bytes.length));
      for (const [accepted, coding] of [
        ["gzip", "gzip"],
        ["gzip, deflate, br", "br"],
      ] as const) {
        const packed = await send(query, accepted);
        expect(packed).toMatchObject({ status: 200, coding, vary: "origin, accept-encoding", data: plain.data });
        expect(packed.bytes.length).toBeLessThan(plain.bytes.length / 3);
        expect(packed.length).toBe(String(packed.bytes.length));
        if (query !== medium) continue;
        // GET and HEAD alike.
        const [get, head] = [await send(query, accepted, "GET"), await send(query, accepted, "HEAD")];
        expect(get).toMatchObject({ coding, data: plain.data });
        expect(head).toMatchObject({ status: 200, coding, text: "", vary: get.vary });
      }
      expect((await send(query, "gzip;q=0, br;q=0")).coding).toBeUndefined();
    }
    const { length } = (await send(medium)).bytes;
    expect(length).toBeGreaterThan(shortestCompressed);
    expect(length).toBeLessThan(30_000);
    expect((await send(long)).bytes.length).toBeGreaterThan(65_536);
  });

  test("short answers are not compressed", async () => {
    expect(await send(short, "gzip, br")).toMatchObject({ coding: undefined, vary: "origin" });
  });

  test("answers of mutations are not compressed", async () => {
    const answer = await send(`mutation { tagsAdd(id: "cus_ada", names: ["vip"]) { userErrors { code } } }`, "gzip");
    expect(answer).toMatchObject({ status: 200, coding: undefined });
    const payload = `resource { ... on Customer { ${Array.from({ length: 40 }, (_, i) => `a${i}: email`).join(" ")} orders { nodes { id number placedAt } } } }`;
    const mutation = `mutation { tagsAdd(id: "cus_ada", names: ["vip"]) { ${payload} userErrors { code } } }`;
    const long = await send(mutation, "gzip, br");
    expect(long).toMatchObject({ status: 200, coding: undefined, vary: "origin" });
    expect(long.bytes.length).toBeGreaterThan(shortestCompressed);
  });

  test("answers with a secret are not compressed, in whatever way it is selected (BREACH)", async () => {
    const orders = (selection: string) =>
      `orders(first: 20) { nodes { id number placedAt updatedAt metadata ${selection} } }`;
    for (const query of [
      `{ ${orders("token")} }`,
      `{ ${orders("id2: giftCardCode")} }`,
      `{ ${orders("...F")} } fragment F on Order { ... { token } }`,
      `{ node(id: "ord_1001") { ... on Order { token } } ${list} }`,
      `query ($no: Boolean = false) { ${orders("token @include(if: $no)")} }`,
      `query A { ${orders("id")} ${orders("customer { wallet: customerPaymentSources { nodes { customerToken } } }")} }`,
    ]) {
      const answer = await send(query, "gzip, br");
      expect([query, answer.status, answer.coding, answer.vary]).toEqual([query, 200, undefined, "origin"]);
      expect(answer.bytes.length).toBeGreaterThan(shortestCompressed);
    }
    expect((await send(`{ ${orders("paymentStatus")} }`, "gzip")).coding).toBe("gzip");
  });

  test("a client that disconnects while receiving does not affect others", async () => {
    const { hostname, port } = new URL(app.url);
    const token = await app.token({ kind: "integration" });
    const body = JSON.stringify({ query: long });
    for (let i = 0; i < 5; i++) {
      const socket = connect(Number(port), hostname);
      socket.write(
        `POST /graphql HTTP/1.1\r\nhost: x\r\naccept-encoding: gzip\r\ncontent-type: application/json\r\nauthorization: Bearer ${token}\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      await new Promise((resolve) => socket.once("data", resolve));
      socket.destroy();
    }
    expect((await send(medium, "gzip")).status).toBe(200);
    expect(app.logged.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  });
});

test("secret fields are those whose permissions guard secrets", () => {
  const found: string[] = [];
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) && !isInterfaceType(type)) continue;
    for (const field of Object.values(type.getFields())) {
      if (type.name.startsWith("__") || !accessOf(field) || field.args.some(({ type }) => String(type).endsWith("!")))
        continue;
      const selection = /^(String|ID|Int|Boolean|Float|\[)/.test(String(field.type))
        ? field.name
        : `${field.name} { __typename }`;
      if (asksForSecrets(schema, parse(`{ node(id: "x") { ... on ${type.name} { ${selection} } } }`))) {
        found.push(`${type.name}.${field.name}`);
      }
    }
  }
  expect(found.sort()).toEqual([
    "CustomerPaymentSource.customerToken",
    "CustomerPaymentSource.paymentSourceToken",
    "Order.giftCardCode",
    "Order.token",
  ]);
});

test("token responses are never compressed", async () => {
  const app = await createAuthApp();
  try {
    const answer = await app.token(guest, { "accept-encoding": "gzip, br" });
    expect([answer.status, answer.headers.get("content-encoding")]).toEqual([200, null]);
  } finally {
    await app.stop();
  }
});
