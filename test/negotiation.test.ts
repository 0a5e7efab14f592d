import { preferredType } from "../src/http/negotiation.js";
import { createTestApp, type TestApp } from "./support/app.js";

const json = "application/json";
const graphql = "application/graphql-response+json";

describe("content negotiation by the Accept header", () => {
  const chosen: [accept: string | undefined, type: string | undefined][] = [
    [undefined, json],
    ["", json],
    [" ", json],
    ["*/*", json],
    ["application/*", json],
    [json, json],
    [graphql, graphql],
    ["Application/JSON; Charset=UTF-8", json],
    [`${graphql}; charset=utf-8, ${json}; charset=utf-8`, graphql],
    [`${json}, ${graphql}`, json],
    // urql's, and those of Apollo Client and of a browser.
    [`${graphql}, application/graphql+json, ${json}, text/event-stream, multipart/mixed`, graphql],
    [`multipart/mixed;deferSpec=20220824,${graphql},${json};q=0.9`, graphql],
    [`${graphql},${json};q=0.9`, graphql],
    ["text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8", json],
    // Java's.
    ["text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2", json],
    [`${json};q=0.5, ${graphql};q=0.8`, graphql],
    [`${json};q=0.5, */*;q=0.9`, graphql],
    [`*/*, ${json};q=0`, graphql],
    [`*/*, ${graphql}`, graphql],
    [`application/*;q=0.3, */*;q=0`, json],
    [`${json};q=0.1;x=y`, json],
    [`${json} ; x=y ; Q = 0.1`, json],
    [`,, ,${json},`, json],
    [`${json};q=0`, undefined],
    [`${json};q=0, ${graphql};q=0.0`, undefined],
    ["*/*;q=0", undefined],
    [`*/*, application/*;q=0`, undefined],
    [`${json};q=much`, undefined],
    [`${json};q=2`, undefined],
    ["text/html", undefined],
    ["text/*", undefined],
    ["application/js*", undefined],
    ["multipart/mixed", undefined],
    ["json", undefined],
    [", ;", undefined],
  ];
  test.each(chosen)("Accept: %s", (accept, type) => expect(preferredType(accept, [json, graphql])).toBe(type));
});

/** The same over plans and over resolvers. */
describe.each([true, false])("over HTTP, planned: %s", (planned) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await createTestApp({ planned });
  });
  afterAll(() => app?.stop());

  async function send(body: object | undefined, accept: string, { path = "/graphql", as = true } = {}) {
    const response = await fetch(`${app.url}${path}`, {
      method: body ? "POST" : "GET",
      headers: {
        accept,
        "content-type": "application/json",
        ...(as && { authorization: `Bearer ${await app.token({ kind: "integration" })}` }),
      },
      body: body && JSON.stringify(body),
    });
    const type = response.headers.get("content-type");
    return { status: response.status, type, body: JSON.parse(await response.text()) };
  }

  const query = '{ customer(by: { id: "cus_ada" }) { id } }';
  const refused = {
    status: 406,
    type: "application/json; charset=utf-8",
    body: {
      errors: [
        {
          message:
            "Answers come as `application/json` or `application/graphql-response+json`; name it in the accept header.",
          extensions: { code: "BAD_REQUEST" },
        },
      ],
    },
  };

  test("a query whose Accept allows no supported type is not run", async () => {
    app.statements();
    for (const accept of ["text/html", "multipart/mixed", "application/json;q=0", "image/*;q=0.1"]) {
      expect(await send({ query }, accept)).toEqual(refused);
      expect(await send(undefined, accept, { path: `/graphql?query=${encodeURIComponent(query)}` })).toEqual(refused);
    }
    expect(app.statements()).toEqual([]);
  });

  test("a mutation whose Accept allows no supported type is not run", async () => {
    const mutation = 'mutation { tagCreate(input: { name: "negotiated" }) { tag { name } userErrors { code } } }';
    app.statements();
    expect(await send({ query: mutation }, "text/html")).toEqual(refused);
    expect(app.statements()).toEqual([]);
    expect(await app.database.query("SELECT 1 FROM tags WHERE name = 'negotiated'", [])).toEqual([]);
    const answer = await send({ query: mutation }, "text/html, */*;q=0.1");
    expect(answer.body.data).toEqual({ tagCreate: { tag: { name: "negotiated" }, userErrors: [] } });
  });

  test("a subscription whose Accept excludes text/event-stream does not start", async () => {
    const subscription = { query: "subscription { customerChanged { id } }" };
    for (const accept of [
      "application/json",
      "text/html",
      "text/event-stream;q=0, application/json",
      "xtext/event-stream",
    ]) {
      const { status, body } = await send(subscription, accept, { path: "/graphql/stream" });
      expect([status, body.errors[0].message]).toEqual([
        406,
        "Answers come as `text/event-stream`; name it in the accept header.",
      ]);
    }
    for (const accept of ["text/event-stream", "text/*;q=0.1", "*/*", "application/json, text/event-stream;q=0.5"]) {
      const { status } = await send({ query: "{ __typename }" }, accept, { path: "/graphql/stream" });
      expect(status).toBe(400);
    }
  });

  const faulty = [
    { query: "{ customers {" },
    { query: "{ nothing }" },
    { query: "query ($id: ID!) { customer(by: { id: $id }) { id } }" },
    { query: "query A { __typename }", operationName: "B" },
    { variables: {} },
  ];
  test.each([json, graphql])("%s: content type of all answers; 4xx without data", async (accept) => {
    const type = `${accept}; charset=utf-8`;
    expect(await send({ query }, accept)).toMatchObject({
      status: 200,
      type,
      body: { data: { customer: { id: "cus_ada" } } },
    });
    for (const body of faulty) {
      const answer = await send(body, accept);
      expect(answer).toMatchObject({ status: 400, type });
      expect(answer.body).not.toHaveProperty("data");
    }
    // Without a token a field is refused: the request is in order, and the answer says what is missing.
    const partial = await send({ query: '{ viewer { kind } node(id: "cus_ada") { id } }' }, accept, { as: false });
    expect(partial).toMatchObject({ type, body: { errors: [{ path: ["node"] }] } });
  });
});
