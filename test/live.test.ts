import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { type DocumentNode, type FragmentDefinitionNode, type OperationDefinitionNode, parse } from "graphql";
import { createClient } from "graphql-sse";
import pg from "pg";
import type { Query } from "../src/database/client.js";
import { checkSubscription, StreamSlots } from "../src/http/stream/stream.js";
import type { Change } from "../src/live/changes.js";
import { type Answer, type Caller, createTestApp, type TestApp } from "./support/app.js";
import { onServer } from "./support/database.js";
import {
  ALL,
  attach,
  createCustomer,
  destroyCustomer,
  type Stream,
  type StreamOptions,
  settled,
  stream,
  tagCustomer,
  until,
  updateCustomer,
  updateOrder,
} from "./support/live.js";

const ada: Caller = { kind: "customer", id: "cus_ada", markets: ["mkt_europe"] };
const bruno: Caller = { kind: "customer", id: "cus_bruno", markets: ["mkt_europe"] };

/** Two servers on one database, which look by themselves so rarely that only announcements can tell them. */
let one: TestApp;
let other: TestApp;
let query: Query;
beforeAll(async () => {
  one = await createTestApp({ pollMs: 600_000 });
  other = await createTestApp({ sharing: one, pollMs: 600_000 });
  query = one.database.query;
});
afterAll(async () => {
  await other.stop();
  await one.stop();
});

const streams: Stream[] = [];
/** Subscribes when all that was written before can be read: it is no news then. */
async function open(app: TestApp, options: StreamOptions = {}): Promise<Stream> {
  if (!options.variables?.after) await settled(query);
  const opened = await stream(app, options);
  streams.push(opened);
  return opened;
}
afterEach(async () => {
  for (const opened of streams.splice(0)) opened.close();
  for (const app of [one, other]) await until(async () => (await listeners(app)) === 0);
  await settled(query);
});

/** How many connections listen, of all servers on the database. */
async function listeners(app: TestApp): Promise<number> {
  const found = await app.database.query(
    "SELECT pid FROM pg_stat_activity WHERE application_name = 'customer-graph live' AND datname = current_database()",
    [],
  );
  return found.length;
}

let marks = 0;
/** A change that everybody sees who sees all customers, or Ada: whatever should have come before it has. */
async function mark(...watching: Stream[]) {
  const reference = `mark-${++marks}`;
  await updateCustomer(query, "cus_ada", { reference });
  one.live.announce();
  const [[id]] = (await query(
    "SELECT 'chg_' || id FROM event_stores WHERE transaction_id IS NOT NULL ORDER BY transaction_id DESC, id DESC LIMIT 1",
    [],
  )) as [[string]];
  for (const opened of watching) await until(() => opened.changes().some((change) => change.id === id));
  return id;
}
const brief = (changes: ReturnType<Stream["changes"]>) =>
  changes.map(({ event, resourceId, changed }) => [event, resourceId, ...changed]);
/** The attributes that a new customer has, and a new attachment. */
const made = ["email", "hasPassword", "metadata", "profileId", "shopperReference", "status", "totalOrdersCount"];
const attached = ["attachableId", "attachableType", "metadata", "name"];
/** Without the marks. */
const told = (opened: Stream) => brief(opened.changes()).filter(([, id]) => id !== "cus_ada");

describe("customerChanged", () => {
  test("reaches subscribers of all servers, with the change and the current customer", async () => {
    const watching = [await open(one), await open(other)];
    for (const { status, headers } of watching) {
      expect(status).toBe(200);
      expect(Object.fromEntries(headers)).toMatchObject({
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store, no-transform",
        "x-content-type-options": "nosniff",
      });
    }
    await createCustomer(query, "cus_new");
    one.live.announce();
    for (const opened of watching) await until(() => opened.events.length === 1);
    await updateCustomer(query, "cus_new", { email: "newer@example.com", reference: "N" });
    one.live.announce();
    for (const opened of watching) {
      await until(() => opened.events.length === 2);
      const [created, updated] = opened.changes();
      expect(created).toMatchObject({
        event: "create",
        resourceType: "customers",
        resourceId: "cus_new",
        customerId: "cus_new",
        changed: expect.arrayContaining(["email"]),
        customer: { id: "cus_new", email: "cus_new@example.com" },
      });
      expect(Math.abs(Date.parse(created!.changedAt) - Date.now())).toBeLessThan(600_000);
      expect(updated).toMatchObject({
        event: "update",
        changed: ["email", "reference"],
        customer: { email: "newer@example.com" },
      });
      expect(opened.events.map(({ event, id }) => [event, id])).toEqual([
        ["next", created!.id],
        ["next", updated!.id],
      ]);
      expect(JSON.stringify(opened.events)).not.toContain("secret");
      expect(opened.events[0]!.data.extensions.requestId).not.toBe(opened.events[1]!.data.extensions.requestId);
    }
    expect(watching[0]!.changes()).toEqual(watching[1]!.changes());
  });

  test("finds changes by polling if NOTIFY was missed", async () => {
    const third = await createTestApp({ sharing: one, pollMs: 100 });
    const opened = await open(third);
    await updateCustomer(query, "cus_bruno", { reference: "unannounced" });
    await until(() => opened.events.length === 1);
    expect(told(opened)).toEqual([["update", "cus_bruno", "reference"]]);
    await third.stop();
  });

  test("with customerId: changes of that customer only, even before it exists", async () => {
    const opened = await open(one, { variables: { customerId: "cus_later" } });
    const all = await open(one);
    await createCustomer(query, "cus_later");
    await updateCustomer(query, "cus_bruno", { reference: "b" });
    await updateCustomer(query, "cus_later", { reference: "l" });
    await mark(all);
    await until(() => opened.events.length === 2);
    expect(brief(opened.changes())).toEqual([
      ["create", "cus_later", ...made],
      ["update", "cus_later", "reference"],
    ]);
  });

  test("of a deleted customer has customer: null", async () => {
    await createCustomer(query, "cus_gone");
    await settled(query);
    const opened = await open(one);
    await destroyCustomer(query, "cus_gone");
    one.live.announce();
    await until(() => opened.events.length === 1);
    expect(opened.changes()).toMatchObject([{ event: "destroy", resourceId: "cus_gone", changed: [], customer: null }]);
  });

  test("reports a change of anonymizationStatus", async () => {
    const opened = await open(one);
    await query("UPDATE customers SET anonymization_status = 'requested' WHERE id = 'cus_mia'", []);
    await mark(opened);
    expect(told(opened)).toEqual([["anonymization_request", "cus_mia", "anonymizationStatus"]]);
  });

  test("uses one listening connection per server, only while there are subscribers", async () => {
    expect(await listeners(one)).toBe(0);
    const opened = [await open(one), await open(one), await open(other)];
    await until(async () => (await listeners(one)) === 2);
    for (const each of opened) each.close();
    await until(async () => (await listeners(one)) === 0);
  });
});

describe("row rules of live updates", () => {
  test("customers see their own changes, without tags and staff notes", async () => {
    const [own, all] = [await open(one, { as: bruno }), await open(one)];
    const foreign = await open(one, { as: bruno, variables: { customerId: "cus_ada" } });
    await tagCustomer(one, "cus_bruno", "vip");
    await attach(query, `att_note_${randomUUID()}`, "cus_bruno", null);
    await attach(query, "att_file", "cus_bruno", "https://example.com/file.pdf");
    await updateOrder(query, "ord_1001");
    const [[order]] = (await query("SELECT id FROM orders WHERE customer_id = 'cus_bruno' LIMIT 1", [])) as [[string]];
    await updateOrder(query, order);
    await updateCustomer(query, "cus_bruno", { reference: "own" });
    await mark(all);
    await until(() => own.changes().at(-1)?.changed.includes("reference") && own.changes().length >= 3);
    expect(brief(own.changes())).toEqual([
      ["create", "att_file", ...attached, "url"],
      ["update", order, "reference"],
      ["update", "cus_bruno", "reference"],
    ]);
    expect(own.changes().at(-1)!.customer.email).toBe("bruno.rossi@example.com");
    expect(told(all)).toEqual([
      ["update", "cus_bruno", "tags"],
      ["create", expect.stringMatching(/^att_note/), ...attached],
      ["create", "att_file", ...attached, "url"],
      ["update", "ord_1001", "reference"],
      ["update", order, "reference"],
      ["update", "cus_bruno", "reference"],
    ]);
    expect(foreign.events).toEqual([]);
    expect(foreign.ended).toBe(false);
  });

  test("changes of the other mode are not visible", async () => {
    const [test, live] = [await open(one), await open(one, { as: { kind: "integration", mode: "live" } })];
    await createCustomer(query, "cus_live_new", "live");
    await createCustomer(query, "cus_test_new", "test");
    await mark(test);
    await until(() => live.events.length === 1);
    expect(told(test)).toEqual([["create", "cus_test_new", ...made]]);
    expect(told(live)).toEqual([["create", "cus_live_new", ...made]]);
  });

  test("with customers:read alone changes of orders and tags are not visible", async () => {
    const opened = await open(one, { as: { kind: "integration", permissions: ["customers:read"] } });
    await updateOrder(query, "ord_1001");
    await tagCustomer(one, "cus_kenji", "vip");
    await updateCustomer(query, "cus_kenji", { reference: "k" });
    await mark(opened);
    expect(told(opened)).toEqual([["update", "cus_kenji", "reference"]]);
  });

  test("a legal hold is visible only with permission to read it", async () => {
    const all = await open(one);
    const some = await open(one, { as: { kind: "integration", permissions: ["customers:read"] } });
    const own = await open(one, { as: { kind: "customer", id: "cus_kenji" } });
    for (const [mutation, reason] of [
      ["legalHoldSet", ', reason: "a case"'],
      ["legalHoldLift", ""],
    ]) {
      const text = `mutation { ${mutation}(input: { customerId: "cus_kenji"${reason} }) { userErrors { code } } }`;
      expect((await one.query(text)).data).toEqual({ [mutation!]: { userErrors: [] } });
    }
    await updateCustomer(query, "cus_kenji", { reference: "seen by all" });
    await mark(all, some);
    await until(() => own.events.length > 0);
    const seen = ["update", "cus_kenji", "reference"];
    expect([some, own].map(told)).toEqual([[seen], [seen]]);
    expect(told(all)).toEqual([["update", "cus_kenji", "legalHold"], ["update", "cus_kenji", "legalHold"], seen]);
  });

  test("without permission or token there is no stream", async () => {
    const forbidden = await open(one, { as: { kind: "integration", permissions: ["orders:read"] } });
    await until(() => forbidden.ended);
    expect(forbidden.events).toMatchObject([
      { event: "next", data: { errors: [{ extensions: { code: "FORBIDDEN", missing: ["CUSTOMERS_READ"] } }] } },
      { event: "complete" },
    ]);
    const guest = await open(one, { as: { kind: "guest" } });
    await until(() => guest.ended);
    expect(guest.events[0]!.data.errors[0].extensions.code).toBe("FORBIDDEN");
    expect(await open(one, { as: null })).toMatchObject({
      status: 401,
      body: { errors: [{ extensions: { code: "UNAUTHENTICATED" } }] },
    });
    expect(await open(one, { token: "nonsense" })).toMatchObject({
      status: 401,
      body: { errors: [{ extensions: { code: "UNAUTHENTICATED" } }] },
    });
  });

  test("a stream ends when its token expires", async () => {
    const application = { id: "app_short", kind: "integration", public: false };
    let opened: Stream;
    let exp = 0;
    // As short a life as this machine is quick enough for.
    for (let seconds = 2; exp === 0 || opened!.status !== 200; seconds *= 2) {
      exp = Math.floor(Date.now() / 1_000) + seconds;
      opened = await open(one, { token: await one.tokens.sign({ exp, test: true, application }) });
    }
    await until(() => opened!.ended);
    expect(opened!.events).toMatchObject([
      { event: "next", data: { errors: [{ extensions: { code: "TOKEN_EXPIRED" } }] } },
      { event: "complete" },
    ]);
    expect(Date.now()).toBeGreaterThan(exp * 1_000 - 1);
  });

  test("a stream ends when its token is revoked, and sends nothing afterwards", async () => {
    const [kenji, all] = [await open(one, { as: { kind: "customer", id: "cus_kenji" } }), await open(one)];
    await one.revocations.revoke("customer:cus_kenji", new Date(Date.now() + 3_600_000));
    await updateCustomer(query, "cus_kenji", { reference: "afterwards" });
    await mark(all);
    await until(() => kenji.ended);
    expect(kenji.events).toMatchObject([
      { event: "next", data: { errors: [{ extensions: { code: "UNAUTHENTICATED" } }] } },
      { event: "complete" },
    ]);
    expect(all.ended).toBe(false);
  });
});

describe("resuming after a disconnect (Last-Event-ID)", () => {
  test("no change is missed or repeated, in whatever order 200 writers commit", async () => {
    const before = await open(one);
    const first = await mark(before);
    const untouched = await open(other, { variables: { after: first } });
    // One transaction begins before all others and ends in their midst.
    const slow = await one.database.pool.connect();
    await slow.query("BEGIN");
    const inSlow: Query = async (text, values) =>
      (await slow.query({ text, values: [...values], rowMode: "array" })).rows;
    await createCustomer(inSlow, "cus_slow_0");

    const seen: string[] = [];
    let last = first;
    let writing = true;
    // A client that is cut off again and again, at either server, and tells in either way what it has.
    const reading = (async () => {
      for (let turn = 0; ; turn++) {
        const quiet = !writing;
        const resume = turn % 3 === 0 ? { headers: { "last-event-id": last } } : { variables: { after: last } };
        const opened = await open(turn % 2 ? one : other, resume);
        expect(opened.status).toBe(200);
        const wanted = 1 + (turn % 7);
        await until(() => opened.changes().length >= wanted || (quiet && seen.length + opened.changes().length >= 201));
        opened.close();
        const got = opened.changes();
        seen.push(...got.map(({ resourceId }) => resourceId));
        last = got.at(-1)?.id ?? last;
        if (seen.length >= 201) return;
      }
    })();
    const write = async (i: number) => {
      await one.database.transaction(async (inside) => {
        await createCustomer(inside, `cus_many_${i}`);
        await new Promise((resolve) => setTimeout(resolve, (i * 7) % 11));
      });
      (i % 2 ? one : other).live.announce();
    };
    const writers = Array.from({ length: 6 }, async (_, writer) => {
      for (let i = writer; i < 200; i += 6) {
        await write(i);
        if (i === 102) {
          // Whatever was committed waits for the transaction that began before it.
          expect(seen.length + before.events.length).toBe(1);
          await slow.query("COMMIT");
          slow.release();
        }
      }
    });
    await Promise.all(writers);
    writing = false;
    one.live.announce();
    await reading;
    const expected = ["cus_slow_0", ...Array.from({ length: 200 }, (_, i) => `cus_many_${i}`)];
    expect([...seen].sort()).toEqual([...expected].sort());
    expect(seen[0]).toBe("cus_slow_0");
    // The same changes in the same order, whether one was there all the time or came back, and where.
    for (const opened of [before, untouched]) {
      await until(() => told(opened).length === 201);
      expect(told(opened).map(([, id]) => id)).toEqual(seen);
    }
  });

  test("Last-Event-ID takes precedence over the argument after", async () => {
    const opened = await open(one);
    const [first, second, third] = [await mark(opened), await mark(opened), await mark(opened)];
    const again = await open(one, { variables: { after: first }, headers: { "last-event-id": second } });
    await until(() => again.events.length === 1);
    expect(again.events[0]!.id).toBe(third);
  });

  test("a change already received is not sent again by a server that learns of it later", async () => {
    const [here, there] = [await open(one), await open(other)];
    const first = await mark(here, there);
    await updateCustomer(query, "cus_bruno", { reference: "unannounced" });
    const third = await createTestApp({ sharing: one, pollMs: 600_000 });
    const known = await open(third, { variables: { after: first } });
    await until(() => known.events.length === 1);
    const after = known.events[0]!.id;
    const [resumed, late] = [await open(other, { variables: { after } }), await open(other)];
    const last = await mark(here, there, known, resumed, late);
    const ids = (opened: Stream) => opened.events.map(({ id }) => id);
    expect([here, there, known].map(ids)).toEqual([
      [first, after, last],
      [first, after, last],
      [after, last],
    ]);
    expect([resumed, late].map(ids)).toEqual([[last], [last]]);
    await third.stop();
  });

  test("an id of an earlier version, without prefix, is accepted", async () => {
    const opened = await open(one);
    const [first, second] = [await mark(opened), await mark(opened)];
    for (const after of [first, first.slice("chg_".length)]) {
      const again = await open(one, { variables: { after } });
      await until(() => again.events.length === 1);
      expect(again.events[0]!.id).toBe(second);
    }
  });

  test("an unknown id, or one the viewer may not see, is refused", async () => {
    const opened = await open(one);
    await updateCustomer(query, "cus_bruno", { reference: "x" });
    await createCustomer(query, "cus_live_after", "live");
    const [[hidden]] = (await query("SELECT id FROM event_stores WHERE resource_id = 'cus_live_after'", [])) as [
      [string],
    ];
    await mark(opened);
    const ofBruno = opened.changes().find(({ resourceId }) => resourceId === "cus_bruno")!.id;
    // The demo shop's entries come from before there were positions.
    for (const [after, as] of [
      ["est_nothing", { kind: "integration" }],
      ["", { kind: "integration" }],
      ["est_1", { kind: "integration" }],
      [hidden, { kind: "integration" }],
      [ofBruno, ada],
    ] as [string, Caller][]) {
      const refused = await open(one, { variables: { after }, as });
      await until(() => refused.ended);
      expect(refused.events).toMatchObject([
        { event: "next", data: { errors: [{ extensions: { code: "BAD_USER_INPUT", argument: ["after"] } }] } },
        { event: "complete" },
      ]);
      expect(refused.events[0]!.data.errors[0].message).toMatch(/^`after` .* Read the customer anew/);
    }
  });

  test("a reader far behind needs little memory, and misses nothing", async () => {
    const resourceTypes = new Set(["customers"]);
    const changes = await one.live.subscribe(query, { mode: "test", customerId: "cus_behind", resourceTypes });
    const reading = await open(one, { variables: { customerId: "cus_behind" } });
    await createCustomer(query, "cus_behind");
    for (let i = 0; i < 12; i++) {
      await one.database.transaction(async (inside) => {
        for (let j = 0; j < 100; j++) await updateCustomer(inside, "cus_behind", { reference: `${i} ${j}` });
      });
      one.live.announce();
    }
    await until(() => reading.events.length === 1_201);
    expect((changes as unknown as { queue: Change[] }).queue.length).toBeLessThanOrEqual(1_000);
    const got: string[] = [];
    while (got.length < 1_201) got.push((await changes.next()).value!.id);
    expect(got).toEqual(reading.events.map(({ id }) => id!.slice("chg_".length)));
    // It has caught up, and is told what comes next.
    const next = changes.next();
    await updateCustomer(query, "cus_behind", { reference: "next" });
    one.live.announce();
    expect((await next).value?.event).toBe("update");
    await changes.return();
    expect(await changes.next()).toEqual({ done: true, value: undefined });
  });

  test("a client that stops reading pauses its stream, and gets every change when it continues", async () => {
    await createCustomer(query, "cus_stalled");
    await query("UPDATE customers SET metadata = jsonb_build_object('long', repeat('x', 100000)) WHERE id = $1", [
      "cus_stalled",
    ]);
    const stalled = 'subscription { customerChanged(customerId: "cus_stalled") { id customer { metadata } } }';
    const authorization = `Bearer ${await one.token({ kind: "integration" })}`;
    const headers = { "content-type": "application/json", authorization };
    await settled(query);
    const sent = request(`${one.url}/graphql/stream`, { method: "POST", headers });
    sent.end(JSON.stringify({ query: stalled }));
    const response = await new Promise<NodeJS.ReadableStream>((resolve) => sent.once("response", resolve as never));
    response.pause();
    const reading = await open(one, {
      query: 'subscription { customerChanged(customerId: "cus_stalled") { id } }',
    });
    one.statements();
    for (let i = 0; i < 3; i++) {
      await one.database.transaction(async (inside) => {
        for (let j = 0; j < 100; j++) await updateCustomer(inside, "cus_stalled", { reference: `${i} ${j}` });
      });
      one.live.announce();
    }
    await until(() => reading.events.length === 300);
    // Each event reads the customer.
    const reads = one.statements().filter(({ text }) => /^SELECT .* FROM "customers"/s.test(text));
    expect(reads.length).toBeGreaterThan(0);
    expect(reads.length).toBeLessThan(200);
    let text = "";
    response.on("data", (chunk) => (text += String(chunk).replace(/x{100,}/g, ""))).resume();
    const got = () => [...text.matchAll(/^id: (.*)$/gm)].map(([, id]) => id);
    await until(() => got().length === 300);
    expect(got()).toEqual(reading.events.map(({ id }) => id));
    sent.destroy();
  });

  test("graphql-sse reconnects by itself with the last id", async () => {
    const way = await proxy(one.url);
    let last: string | undefined;
    const got: string[] = [];
    const errors: unknown[] = [];
    let connections = 0;
    const authorization = `Bearer ${await one.token(ada)}`;
    const client = createClient({
      url: `${way.url}/graphql/stream`,
      headers: () => ({ authorization, ...(last && { "last-event-id": last }) }) as Record<string, string>,
      retryAttempts: 1_000,
      retry: () => new Promise((resolve) => setTimeout(resolve, 20)),
      on: { connected: () => void connections++ },
    });
    const ended = new Promise<void>((resolve) => {
      client.subscribe<{ customerChanged: { id: string } }>(
        { query: "subscription { customerChanged { id } }" },
        {
          next: ({ data }) => {
            last = data!.customerChanged.id;
            got.push(last);
          },
          error: (error) => errors.push(error),
          complete: resolve,
        },
      );
    });
    await until(() => connections === 1);
    const ids = [await mark()];
    await until(() => got.length === 1);
    // The way is cut, and something happens before it is there again, to the other server.
    way.lead("http://127.0.0.1:1");
    ids.push(await mark());
    way.lead(other.url);
    await until(() => connections === 2);
    ids.push(await mark());
    await until(() => got.length === 3);
    expect(got).toEqual(ids);
    expect(errors).toEqual([]);
    client.dispose();
    await ended;
    way.close();
  });
});

/** A way to a server that can be cut and lead elsewhere. */
async function proxy(target: string) {
  let { port } = new URL(target);
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(Number(port), "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on("error", () => {}).on("close", () => to.destroy());
    }
  }).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const lead = (url: string) => {
    ({ port } = new URL(url));
    for (const socket of sockets) socket.destroy();
  };
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lead,
    close() {
      lead(target);
      server.close();
    },
  };
}

describe("/graphql/stream", () => {
  test("survives the loss of the listening connection", async () => {
    const opened = await open(other);
    await until(async () => (await listeners(one)) === 1);
    await query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'customer-graph live' AND datname = current_database()",
      [],
    );
    // What is announced while nobody listens is found when somebody does again.
    await updateCustomer(query, "cus_bruno", { reference: "unheard" });
    one.live.announce();
    await until(() => opened.events.length === 1);
    await until(async () => (await listeners(one)) === 1);
    await updateCustomer(query, "cus_bruno", { reference: "heard" });
    one.live.announce();
    await until(() => opened.events.length === 2);
    expect(opened.ended).toBe(false);
  });

  test("survives the loss of the database, and sends the changes of the meantime", async () => {
    const app = await createTestApp({ pollMs: 200 });
    const opened = await stream(app);
    const name = new URL(app.connectionString).pathname.slice(1);
    const direct = new pg.Client(app.connectionString);
    direct.on("error", () => {});
    await direct.connect();
    const inside: Query = async (text, values) =>
      (await direct.query({ text, values: [...values], rowMode: "array" })).rows;
    await onServer(app.connectionString, `ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await inside(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND pid <> pg_backend_pid()",
      [name],
    );
    await updateCustomer(inside, "cus_bruno", { reference: "meanwhile" });
    await direct.end();
    const refused = await stream(app);
    expect(refused).toMatchObject({ status: 503, body: { errors: [{ extensions: { code: "UNAVAILABLE" } }] } });
    expect([opened.events, opened.ended]).toEqual([[], false]);
    await onServer(app.connectionString, `ALTER DATABASE ${name} ALLOW_CONNECTIONS true`);
    await until(() => opened.events.length === 1);
    expect(brief(opened.changes())).toEqual([["update", "cus_bruno", "reference"]]);
    expect(opened.changes()[0]!.customer.email).toBe("bruno.rossi@example.com");
    opened.close();
    await app.stop();
    expect(app.logged.join("\n")).not.toContain("bruno");
  });

  test("ends at once with a reason when the server stops", async () => {
    const app = await createTestApp({ sharing: one });
    const opened = [await stream(app), await stream(app, { as: ada })];
    // A stream that was still there after the time for running requests would be cut, without a word.
    await app.stop();
    for (const each of opened) {
      await until(() => each.ended);
      expect(each.events).toMatchObject([
        { event: "next", data: { errors: [{ extensions: { code: "UNAVAILABLE" } }] } },
        { event: "complete" },
      ]);
    }
  });

  test("allows 20 streams per caller, and further ones after one has ended", async () => {
    const opened = await Promise.all(Array.from({ length: 20 }, () => open(one, { as: bruno })));
    expect(opened.map(({ status }) => status)).toEqual(Array(20).fill(200));
    const refused = await open(one, { as: bruno });
    expect(refused.headers.get("retry-after")).toBe("5");
    expect(refused).toMatchObject({
      status: 429,
      body: { errors: [{ extensions: { code: "RATE_LIMITED", retryAfterMs: 5_000 } }] },
    });
    expect((await open(one, { as: ada })).status).toBe(200);
    opened[0]!.close();
    await until(async () => (await open(one, { as: bruno })).status === 200);
  });

  test("acquires a slot of the process and releases it; the last slots are reserved for staff and integrations", () => {
    const slots = new StreamSlots(4, 3, 2);
    expect([slots.acquire("a", true), slots.acquire("a", true)]).toEqual([undefined, undefined]);
    expect(slots.acquire("a", true)).toMatch(/2 streams of yours/);
    expect(slots.acquire("b", true)).toBeUndefined();
    expect(slots.acquire("c", true)).toMatch(/try again later/);
    expect(slots.acquire("staff", false)).toBeUndefined();
    expect(slots.acquire("integration", false)).toMatch(/try again later/);
    slots.release("a", true);
    expect(slots.acquire("c", true)).toBeUndefined();
    slots.release("staff", false);
    expect(slots.acquire("d", true)).toMatch(/try again later/);
    expect(slots.acquire("integration", false)).toBeUndefined();
  });
});

describe("requests that are refused", () => {
  test("queries and mutations at /graphql/stream, subscriptions at /graphql", async () => {
    for (const text of [
      "{ customers { totalCount } }",
      'mutation { tagsAdd(id: "x", names: []) { unchanged { id } } }',
    ]) {
      const { status, body } = await open(one, { query: text });
      expect(status).toBe(400);
      expect(body!.errors).toMatchObject([
        { extensions: { code: "BAD_REQUEST" }, message: expect.stringContaining("/graphql") },
      ]);
    }
    const { status, errors } = await one.query(ALL);
    expect(status).toBe(400);
    expect(errors).toMatchObject([
      { extensions: { code: "BAD_REQUEST" }, message: expect.stringContaining("/graphql/stream") },
    ]);
  });

  test.each([
    ["GRAPHQL_PARSE_FAILED", "subscription {"],
    ["GRAPHQL_VALIDATION_FAILED", "subscription { customerChanged { nothing } }"],
    ["GRAPHQL_VALIDATION_FAILED", "subscription { a: customerChanged { id } b: customerChanged { id } }"],
    ["GRAPHQL_VALIDATION_FAILED", "subscription { __typename }"],
    ["BAD_REQUEST", "subscription { customerChanged @skip(if: true) { id } }"],
    ["BAD_REQUEST", "subscription { ...F } fragment F on Subscription { customerChanged @include(if: false) { id } }"],
    ["BAD_REQUEST", "subscription A { customerChanged { id } } subscription B { customerChanged { id } }"],
    ["BAD_USER_INPUT", 'subscription { customerChanged(customerId: "\\u0000") { id } }'],
    ["BAD_USER_INPUT", "subscription ($id: ID!) { customerChanged(customerId: $id) { id } }"],
    [
      "COST_LIMIT",
      "subscription { customerChanged { customer { orders(first: 250) { nodes { lineItems(first: 250) { nodes { id } } } } } } }",
    ],
    [
      "DEPTH_LIMIT",
      `subscription { customerChanged { ${"customer { jwtCustomer { ".repeat(9)} id ${"} }".repeat(9)} } }`.replaceAll(
        "jwtCustomer { customer",
        "jwtCustomer { jwtCustomer",
      ),
    ],
    ["TOKEN_LIMIT", `subscription { customerChanged { ${"id ".repeat(5_001)} } }`],
  ])("%s for an invalid subscription", async (code, text) => {
    const { status, body, headers } = await open(one, { query: text });
    expect(body!.errors![0]!.extensions.code).toBe(code);
    expect(status).toBe(400);
    expect(headers.get("cache-control")).toBe("no-store");
    expect(JSON.stringify(body)).not.toMatch(/stacktrace|node_modules/);
  });

  test("validation visits each fragment once, however often it is spread", () => {
    const last = 18;
    const fragments = Array.from(
      { length: last },
      (_, i) => `fragment F${i} on Subscription { ...F${i + 1} ...F${i + 1} }`,
    );
    const of = (field: string) =>
      parse(`subscription { ...F0 } ${fragments.join(" ")} fragment F${last} on Subscription { ${field} { id } }`);
    const check = (document: DocumentNode) =>
      checkSubscription(document, document.definitions[0] as OperationDefinitionNode);
    const document = of("customerChanged");
    let looks = 0;
    for (const { selectionSet } of document.definitions as FragmentDefinitionNode[]) {
      const { selections } = selectionSet;
      Object.defineProperty(selectionSet, "selections", { get: () => [looks++, selections][1] });
    }
    check(document);
    expect(looks).toBe(last + 2);
    expect(() => check(of("customerChanged @skip(if: true)"))).toThrow(/takes no directive/);
  });

  test("malformed requests to /graphql/stream", async () => {
    const send = async (init: RequestInit) => {
      const response = await fetch(`${one.url}/graphql/stream`, init);
      return [response.status, ((await response.json()) as Answer<unknown>).errors![0]!.extensions.code];
    };
    const json = { "content-type": "application/json" };
    expect(await send({})).toEqual([405, "BAD_REQUEST"]);
    expect(await send({ method: "PATCH" })).toEqual([405, "BAD_REQUEST"]);
    expect(await send({ method: "POST", body: "query" })).toEqual([415, "BAD_REQUEST"]);
    expect(await send({ method: "POST", headers: json, body: "{" })).toEqual([400, "BAD_REQUEST"]);
    expect(await send({ method: "POST", headers: json, body: " ".repeat(100_001) })).toEqual([413, "BAD_REQUEST"]);
    expect(await send({ method: "POST", headers: { ...json, accept: "text/html" }, body: "{}" })).toEqual([
      406,
      "BAD_REQUEST",
    ]);
  });
});
