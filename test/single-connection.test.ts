import { createClient } from "graphql-sse";
import { limits } from "../src/http/limits.js";
import { type Admitted, StreamConnection } from "../src/http/stream/stream-connection.js";
import { type Caller, createTestApp, type TestApp } from "./support/app.js";
import { ALL, until, updateCustomer } from "./support/live.js";

/** GraphQL over SSE in the mode of a single connection, by graphql-sse's own client and by hand. */
let app: TestApp;
beforeEach(async () => {
  app = await createTestApp();
});
afterEach(() => app?.stop());

const integration: Caller = { kind: "integration" };
const bearer = async (as: Caller) => ({ authorization: `Bearer ${await app.token(as!)}` });
const change = (reference: string, id = "cus_ada") => updateCustomer(app.database.query, id, { reference });

interface SentOptions {
  as?: Caller;
  stream?: string;
  headers?: Record<string, string>;
  search?: string;
  body?: object;
}

const controls: AbortController[] = [];
afterEach(() => {
  for (const control of controls.splice(0)) control.abort();
});

async function send(method: string, { as = integration, stream, headers, search = "", body }: SentOptions = {}) {
  const control = new AbortController();
  controls.push(control);
  const response = await fetch(`${app.url}/graphql/stream${search}`, {
    method,
    signal: control.signal,
    headers: {
      ...(as && (await bearer(as))),
      ...(stream && { "x-graphql-event-stream-token": stream }),
      ...(body && { "content-type": "application/json" }),
      ...headers,
    },
    body: body && JSON.stringify(body),
  });
  const { status } = response;
  if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
    const stream = { status, text: "", ended: false, close: () => control.abort() };
    void (async () => {
      for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) stream.text += chunk;
      stream.ended = true;
    })().catch(() => {
      stream.ended = true;
    });
    return { ...stream, headers: response.headers, stream, code: undefined, message: undefined };
  }
  const text = await response.text();
  const [error] = text.startsWith("{") ? JSON.parse(text).errors : [];
  return {
    status,
    headers: response.headers,
    text,
    stream: undefined,
    code: error?.extensions.code,
    message: error?.message,
  };
}
const reserve = async (as: Caller = integration) => (await send("PUT", { as })).text;
const subscribe = (stream: string, operationId: unknown, options: SentOptions = {}) =>
  send("POST", { stream, body: { query: ALL, extensions: { operationId } }, ...options });
const eventsOf = (text: string) =>
  text.split("\n\n").flatMap((block) => {
    const [, event, data] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
    return event ? [{ event, ...JSON.parse(data!) }] : [];
  });

test("graphql-sse's client carries many subscriptions in one connection", async () => {
  const sent: string[] = [];
  const client = createClient({
    url: `${app.url}/graphql/stream`,
    singleConnection: true,
    retryAttempts: 0,
    headers: () => bearer(integration),
    fetchFn: (url: string, init: RequestInit) => {
      sent.push(init.method!);
      return fetch(url, init);
    },
  });
  const heard: string[][] = [];
  const follow = (customerId: string) => {
    const references: string[] = [];
    heard.push(references);
    return client.subscribe<{ customerChanged: { customer: { reference: string } } }>(
      {
        query: "subscription ($id: ID) { customerChanged(customerId: $id) { customer { reference } } }",
        variables: { id: customerId },
      },
      {
        next: ({ data, errors }) => references.push(data?.customerChanged.customer.reference ?? JSON.stringify(errors)),
        error: (error) => references.push(String(error)),
        complete: () => references.push("complete"),
      },
    );
  };
  const stops = [...Array(7).fill("cus_ada"), "cus_kenji"].map(follow);
  await until(() => sent.filter((method) => method === "POST").length === 8);
  // A subscription that came in is seen by its first change.
  for (let i = 0; heard.some((references) => references.length === 0); i++) {
    await change(`R${i}`);
    await change(`K${i}`, "cus_kenji");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await change("last");
  await until(() => heard.slice(0, 7).every((references) => references.at(-1) === "last"));
  expect(heard[7]!.every((reference) => reference.startsWith("K"))).toBe(true);

  stops[0]!();
  await until(() => sent.includes("DELETE"));
  await change("after");
  await until(() => heard.slice(1, 7).every((references) => references.at(-1) === "after"));
  expect(heard[0]).not.toContain("after");
  expect(sent.sort()).toEqual(["DELETE", "GET", ...Array(8).fill("POST"), "PUT"]);
  client.dispose();
});

test("EventSource, which cannot send headers, passes the token in the URL", async () => {
  const token = await reserve();
  expect(token).toMatch(/^[\w-]{32}$/);
  const connected = await send("GET", {
    as: null,
    search: `?token=${token}`,
    headers: { accept: "text/event-stream" },
  });
  expect(Object.fromEntries(connected.headers)).toMatchObject({
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-store, no-transform",
  });
  expect((await subscribe(token, "one", { search: `?token=${token}`, stream: undefined })).status).toBe(202);
  await change("R");
  const { stream } = connected;
  await until(() => eventsOf(stream!.text).length === 1);
  expect(eventsOf(stream!.text)[0]).toMatchObject({
    event: "next",
    id: "one",
    payload: { data: { customerChanged: { resourceId: "cus_ada", changed: ["reference"] } } },
  });
  expect((await send("DELETE", { search: `?token=${token}&operationId=one` })).status).toBe(200);
  expect((await subscribe(token, "two")).status).toBe(202);
  await change("S");
  await until(() => eventsOf(stream!.text).length === 2);
  expect(eventsOf(stream!.text).map(({ id }) => id)).toEqual(["one", "two"]);
});

test("an operation may be started before the connection is opened", async () => {
  const token = await reserve();
  expect((await subscribe(token, "early")).status).toBe(202);
  await change("R");
  const { stream } = await send("GET", { stream: token });
  await until(() => eventsOf(stream!.text).length === 1);
});

test("refuses missing access tokens, unknown connections and connections of other callers", async () => {
  const token = await reserve();
  const answers = async (answer: ReturnType<typeof send>) => {
    const { status, code } = await answer;
    return [status, code];
  };
  // Without a valid access token nothing is reserved.
  const anonymous = await send("PUT", { as: null });
  expect([anonymous.status, anonymous.code]).toEqual([401, "UNAUTHENTICATED"]);
  expect(anonymous.headers.get("www-authenticate")).toMatch(/^Bearer /);
  expect(await answers(send("PUT", { headers: { authorization: "Bearer x" } }))).toEqual([401, "UNAUTHENTICATED"]);
  // An unknown connection, and that of another caller, are the same.
  for (const [stream, as] of [
    ["unknown", integration],
    [token, { kind: "customer", id: "cus_ada" }],
    [token, { kind: "integration", owner: { id: "usr_x", firstName: null, lastName: null, email: null } }],
  ] as [string, Caller][]) {
    expect(await answers(subscribe(stream, "x", { as }))).toEqual([404, "BAD_REQUEST"]);
    expect(await answers(send("GET", { stream, as }))).toEqual([404, "BAD_REQUEST"]);
    expect(await answers(send("DELETE", { stream, as, search: "?operationId=x" }))).toEqual([404, "BAD_REQUEST"]);
  }
  // An operation runs for who sends it: the token of the connection is no access token.
  expect(await answers(subscribe(token, "x", { as: null }))).toEqual([401, "UNAUTHENTICATED"]);
  for (const operationId of [undefined, null, "", 5]) {
    expect((await subscribe(token, operationId)).message).toMatch(/`extensions.operationId` must be/);
  }
  expect((await send("DELETE", { stream: token })).message).toMatch(/`operationId` must say/);
  // What fails leaves its id free.
  const faulty: object[] = [{ query: "{ __typename }" }, { query: "subscription { nothing }" }, { query: "{" }];
  for (const body of faulty) {
    const answer = await send("POST", { stream: token, body: { ...body, extensions: { operationId: "x" } } });
    expect(answer.status).toBe(400);
  }
  expect((await subscribe(token, "x")).status).toBe(202);
  expect((await subscribe(token, "x")).status).toBe(409);
  await send("GET", { stream: token });
  expect((await send("GET", { stream: token })).status).toBe(409);
  expect((await send("GET", { stream: token, headers: { accept: "text/html" } })).status).toBe(406);
  // Methods: those of a connection need its token.
  for (const [method, stream, allow] of [
    ["GET", undefined, "POST, PUT"],
    ["DELETE", undefined, "POST, PUT"],
    ["PATCH", undefined, "POST, PUT"],
    ["PUT", token, "GET, POST, DELETE"],
  ] as const) {
    const { status, headers } = await send(method, { stream });
    expect([method, status, headers.get("allow")]).toEqual([method, 405, allow]);
  }
});

test("slots: operations of a connection and connections of a caller are limited and released", async () => {
  const token = await reserve();
  const { stream } = await send("GET", { stream: token });
  for (let i = 0; i < limits.streamsPerCaller; i++) expect((await subscribe(token, `${i}`)).status).toBe(202);
  const full = await subscribe(token, "more");
  expect([full.status, full.headers.get("retry-after"), full.code]).toEqual([429, "5", "RATE_LIMITED"]);
  await send("DELETE", { stream: token, search: "?operationId=3" });
  expect((await subscribe(token, "more")).status).toBe(202);
  stream!.close();
  await until(async () => (await subscribe(token, "gone")).status === 404);

  const others = [];
  for (let i = 0; i < limits.streamsPerCaller; i++) others.push(await reserve());
  expect((await send("PUT")).status).toBe(429);
  for (let i = 0; i < limits.streamsPerCaller; i++) expect((await subscribe(others[0]!, `${i}`)).status).toBe(202);
});

test("a reserved connection expires if it is not opened, with its operations", async () => {
  const left: string[] = [];
  await new Promise<void>((resolve) => {
    const connection = new StreamConnection("caller", undefined, async () => {}, resolve, 50);
    connection.reserve("a");
    const events = { next: () => new Promise(() => {}), acknowledge() {}, [Symbol.asyncIterator]: () => events };
    connection.carry("a", { events, release: () => left.push("a") } as unknown as Admitted);
  });
  expect(left).toEqual(["a"]);
});

test("a revoked token ends every operation with an error, and the connection", async () => {
  const as: Caller = { kind: "customer", id: "cus_ada" };
  const token = await reserve(as);
  const { stream } = await send("GET", { as, stream: token });
  for (const id of ["a", "b"]) expect((await subscribe(token, id, { as })).status).toBe(202);
  await app.revocations.revoke("customer:cus_ada", new Date(Date.now() + 60_000));
  await until(() => stream!.ended);
  const events = eventsOf(stream!.text);
  for (const id of ["a", "b"]) {
    expect(events.filter((event) => event.id === id)).toMatchObject([
      { event: "next", payload: { errors: [{ extensions: { code: "UNAUTHENTICATED" } }] } },
      { event: "complete" },
    ]);
  }
});

test("server shutdown ends every operation with an error, and the connection", async () => {
  const token = await reserve();
  const { stream } = await send("GET", { stream: token });
  const idle = (await send("GET", { stream: await reserve() })).stream;
  await subscribe(token, "a");
  const stopped = app.stop();
  await until(() => stream!.ended && idle!.ended);
  expect(eventsOf(stream!.text)).toMatchObject([
    { event: "next", id: "a", payload: { errors: [{ extensions: { code: "UNAVAILABLE" } }] } },
    { event: "complete", id: "a" },
  ]);
  await stopped;
  app = await createTestApp();
});

test("an event above the size limit ends only its own operation", async () => {
  const token = await reserve();
  const { stream } = await send("GET", { stream: token, headers: { accept: "text/event-stream" } });
  const fields = Array.from({ length: 40 }, (_, i) => `a${i}: metadata`).join(" ");
  const query = `subscription { customerChanged(customerId: "cus_ada") { customer { ${fields} } } }`;
  const large = await subscribe(token, "large", { body: { query, extensions: { operationId: "large" } } });
  const small = await subscribe(token, "small");
  expect([large.status, small.status]).toEqual([202, 202]);
  const metadata = JSON.stringify({ long: "x".repeat(60_000) });
  await app.database.query("UPDATE customers SET metadata = $1::jsonb WHERE id = 'cus_ada'", [metadata]);
  await until(() => eventsOf(stream!.text).length === 3);
  await change("two");
  await until(() => eventsOf(stream!.text).length === 4);
  const events = eventsOf(stream!.text);
  expect(events.filter(({ id }) => id === "large")).toEqual([
    {
      event: "next",
      id: "large",
      payload: expect.objectContaining({
        errors: [expect.objectContaining({ extensions: { code: "COST_LIMIT", maximum: limits.eventLength } })],
      }),
    },
    { event: "complete", id: "large" },
  ]);
  expect(events.filter(({ id }) => id === "small")).toHaveLength(2);
});
