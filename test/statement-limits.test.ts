import { mkdtemp, rm } from "node:fs/promises";
import { type AddressInfo, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { seedDemo } from "../prisma/seed.js";
import { startApp } from "../src/app.js";
import { loadConfig } from "../src/config.js";
import { createDatabase } from "../src/database/client.js";
import { ConnectionQueue } from "../src/database/connection-queue.js";
import { GuardedClient } from "../src/database/guarded-client.js";
import { RequestCancelledError, ResultTooLargeError, StatementTimeoutError } from "../src/database/limit-errors.js";
import { Requester } from "../src/database/requester.js";
import { DatabaseUnavailableError, isUnavailable } from "../src/database/unavailable.js";
import { anonymous } from "../src/graph/access/viewer.js";
import { SharedStatement } from "../src/graph/answer/shared-statement.js";
import { Slot } from "../src/graph/sql/parameters.js";
import { createLogger } from "../src/telemetry/logger.js";
import { ada, createAuthApp } from "./identity/support.js";
import { type Caller, createTestApp, type TestApp } from "./support/app.js";
import { createTestDatabase, onServer } from "./support/database.js";
import { attach, settled, stream, updateCustomer } from "./support/live.js";

const log = createLogger({ level: "silent", json: true });
const apps: TestApp[] = [];
async function start(options: Parameters<typeof createTestApp>[0] = {}) {
  const app = await createTestApp(options);
  apps.push(app);
  return app;
}
afterEach(async () => {
  for (const app of apps.splice(0).reverse()) await app.stop();
});

/** Looks again and again until it is so. */
async function until(condition: () => Promise<boolean> | boolean) {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Runs something while another connection has a table locked, so that every statement on it waits. */
async function whileLocked<T>(
  { connectionString }: { connectionString: string },
  table: string,
  work: () => Promise<T>,
) {
  const client = new pg.Client(connectionString);
  await client.connect();
  try {
    await client.query(`BEGIN; LOCK TABLE ${table} IN ACCESS EXCLUSIVE MODE`);
    return await work();
  } finally {
    await client.end();
  }
}

/** The statements of an application that wait for a lock, as PostgreSQL sees them. */
async function waitingFor({ connectionString }: { connectionString: string }): Promise<number> {
  const client = new pg.Client(connectionString);
  await client.connect();
  const { rows } = await client.query(
    `SELECT count(*)::int AS n FROM pg_stat_activity
     WHERE datname = current_database() AND application_name = 'customer-graph' AND wait_event_type = 'Lock'`,
  );
  await client.end();
  return rows[0].n;
}

/** Changes a customer twice; gives the first change, after which a subscription begins with the second. */
async function changeTwice({ database: { query } }: TestApp): Promise<string> {
  const entries = () =>
    query("SELECT 'chg_' || id FROM event_stores ORDER BY transaction_id DESC NULLS LAST LIMIT 1", []);
  await updateCustomer(query, "cus_ada", { reference: "first" });
  const [[first]] = (await entries()) as [[string]];
  await updateCustomer(query, "cus_ada", { reference: "second" });
  await settled(query);
  return first;
}

const codes = ({ errors }: { errors?: { extensions: Record<string, unknown> }[] }) =>
  errors?.map(({ extensions }) => extensions.code);

describe("statement timeout", () => {
  const reads = [
    ["written by PostgreSQL", "{ tags(first: 3) { nodes { name } } }"],
    ["written from rows", "{ tags(first: 3) { edges { cursor node { name } } } }"],
    ["a count", "{ tags { totalCount } }"],
    ["of a filter given by variables", "query ($f: TagFilter) { tags(filter: $f) { nodes { name } } }"],
    ["whose answer resolvers give", "{ viewer { kind } tags(first: 3) { nodes { name } } }"],
    ["of any kind of resource", 'query ($id: ID = "tag_vip") { node(id: $id) { id } }'],
    ["nested", "{ customers(first: 2) { nodes { id tags { name } } } }"],
  ] as const;

  test.each(reads)("%s: the statement runs once, and the answer is TIMEOUT", async (_, document) => {
    const app = await start({ timeouts: { read: 300 } });
    await whileLocked(app, "tags", async () => {
      app.statements();
      const answer = await app.query(document, document.includes("$f") ? { f: { name: { eq: "vip" } } } : {});
      expect(codes(answer)![0]).toBe("TIMEOUT");
      expect(new Set(codes(answer))).toEqual(new Set(["TIMEOUT"]));
      expect(answer.errors![0]!.message).toMatch(/time limit of 0\.3 s.*smaller pages/);
      expect(app.statements().filter(({ text }) => text.includes('"tags"'))).toHaveLength(1);
      expect(answer.extensions.statements).toBe(1);
      if (!document.includes("viewer")) expect(answer.status).toBe(504);
    });
    expect(app.logged.filter((line) => line.includes('"error"'))).toEqual([]);
    expect((await app.query("{ tags(first: 1) { nodes { name } } }")).errors).toBeUndefined();
  });

  test("reads by resolvers are TIMEOUT, too", async () => {
    const app = await start({ timeouts: { read: 300 }, planned: false });
    await whileLocked(app, "tags", async () => {
      for (const [, document] of reads.slice(0, 3)) {
        const answer = await app.query(document);
        expect([answer.status, codes(answer)]).toEqual([504, ["TIMEOUT"]]);
      }
    });
  });

  test("a write that is too slow or waits for a lock too long is rolled back", async () => {
    const rename = 'mutation { customerUpdate(id: "cus_ada", input: { reference: "new" }) { customer { reference } } }';
    for (const [timeouts, reason] of [
      [{ write: 300 }, /time limit of 0\.3 s for one statement, and was not made/],
      [{ lock: 200 }, /waited for another change .* 0\.2 s, and was not made/],
    ] as const) {
      const app = await start({ timeouts });
      await whileLocked(app, "customers", async () => {
        const answer = await app.query(rename);
        expect([answer.status, codes(answer)]).toEqual([504, ["TIMEOUT"]]);
        expect(answer.errors![0]!.message).toMatch(reason);
      });
      const { data } = await app.query('{ customer(by: { id: "cus_ada" }) { reference } }');
      expect(data.customer.reference).not.toBe("new");
    }
  });

  test("writes and exports have their own limits, set without extra statements", async () => {
    const app = await start({ timeouts: { read: 5_000, write: 7_000, lock: 3_000, export: 9_000, idle: 11_000 } });
    const settings = "SELECT current_setting('statement_timeout'), current_setting('lock_timeout')";
    const { query, transaction, snapshot } = app.database;
    app.statements();
    expect([
      await query(settings, []),
      await snapshot((inside) => inside(settings, [])),
      await transaction((inside) => inside(settings, [])),
      await snapshot((inside) => inside(settings, []), { kind: "export" }),
      await snapshot((inside) => inside(settings, []), { timeoutMs: 20 }),
      await query("SHOW idle_in_transaction_session_timeout", []),
      // What a transaction set ends with it.
      await query(settings, []),
    ]).toEqual([
      [["5s", "0"]],
      [["5s", "0"]],
      [["7s", "3s"]],
      [["9s", "0"]],
      [["20ms", "0"]],
      [["11s"]],
      [["5s", "0"]],
    ]);
    expect(app.statements()).toHaveLength(3 + 4 * 3);
  });

  test("a stricter limit of the database applies, for each kind of statement", async () => {
    const before = await start();
    const name = new URL(before.connectionString).pathname.slice(1);
    await onServer(
      before.connectionString,
      `ALTER DATABASE ${name} SET statement_timeout = '400ms'`,
      `ALTER DATABASE ${name} SET lock_timeout = '1min'`,
      `ALTER DATABASE ${name} SET idle_in_transaction_session_timeout = '1d'`,
    );
    const app = await start({ sharing: before, timeouts: { write: 0, lock: 0, export: 300 } });
    const settings = "SELECT current_setting('statement_timeout'), current_setting('lock_timeout')";
    const { query, transaction, snapshot } = app.database;
    expect([
      await query(settings, []),
      await transaction((inside) => inside(settings, [])),
      await snapshot((inside) => inside(settings, []), { kind: "export" }),
      await query("SHOW idle_in_transaction_session_timeout", []),
    ]).toEqual([[["400ms", "1min"]], [["400ms", "1min"]], [["300ms", "1min"]], [["1min"]]]);
    const answer = await whileLocked(app, "tags", () => app.query("{ tags { totalCount } }"));
    expect([answer.status, answer.errors![0]!.message]).toEqual([504, expect.stringContaining("of 0.4 s")]);
  });

  test("a transaction idle for too long is aborted, and the process keeps running", async () => {
    const app = await start({ timeouts: { idle: 100 }, poolSize: 1 });
    const late = app.database.transaction(async (query) => {
      await query("SELECT 1", []);
      await until(
        async () =>
          (
            await app.database.reserved.query(
              "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'",
              [],
            )
          ).length === 0,
      );
      await query("SELECT 2", []);
    });
    const error = await late.catch((thrown: unknown) => thrown);
    expect(isUnavailable(error)).toBe(true);
    expect(await app.database.query("SELECT 3", [])).toEqual([[3]]);
  });

  test("a shared statement that times out is repeated for each member alone; fast ones are answered", async () => {
    const { database } = await start({ timeouts: { read: 400 }, poolSize: 3 });
    const run = sleeping(database);
    const first = [run("0.3"), run("0.3")];
    const together = [run("0"), run("30"), run("0"), run("0")];
    await Promise.all(first);
    const results = await Promise.allSettled(together);
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled", "fulfilled"]);
    expect((results[1] as PromiseRejectedResult).reason).toBeInstanceOf(StatementTimeoutError);
  });
});

/** A shared statement whose members sleep for as many seconds as they say. */
function sleeping(database: TestApp["database"]) {
  const seconds = new Slot(({ args }) => args[0]);
  const statement = new SharedStatement(database, {
    text: `SELECT (SELECT 'slept' FROM pg_sleep(r.s0::float8)), r.n::int
           FROM unnest((SELECT $1::text[])) WITH ORDINALITY r (s0, n)`,
    values: [],
    columns: [{ slot: seconds, type: "text" }],
  });
  return (value: string, requester?: Requester) => statement.run({ viewer: anonymous, args: [value] }, requester);
}

describe("cancels statements when the client disconnects", () => {
  async function send(app: TestApp, query: string, signal: AbortSignal) {
    return fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${await app.token({ kind: "integration" })}`,
      },
      body: JSON.stringify({ query }),
      signal,
    }).then(
      () => "answered",
      () => "gone",
    );
  }

  test.each([
    ["by a plan", true],
    ["by resolvers", false],
  ])("a read %s is cancelled in PostgreSQL, and later statements are not sent", async (_, planned) => {
    const app = await start({ poolSize: 2, planned, timeouts: { read: 0 } });
    // Alone, so that the connection stays: what comes next on it is not hit.
    const pid = async () => (await app.database.query("SELECT pg_backend_pid()", []))[0]![0];
    const before = await pid();
    await whileLocked(app, "tags", async () => {
      const [running, waiting] = [new AbortController(), new AbortController()];
      app.statements();
      const document = "{ a: tags(first: 1) { nodes { name createdAt } } customers { totalCount } }";
      const one = send(app, "{ tags(first: 2) { nodes { name } } }", running.signal);
      await until(async () => (await waitingFor(app)) === 1);
      // One caller has half of the two connections: this one waits.
      const other = send(app, document, waiting.signal);
      await new Promise((resolve) => setTimeout(resolve, 100));
      waiting.abort();
      expect(await other).toBe("gone");
      running.abort();
      expect(await one).toBe("gone");
      await until(async () => (await waitingFor(app)) === 0);
    });
    const sent = app.statements().filter(({ text }) => text.includes('"tags"') || text.includes('"customers"'));
    expect(sent).toHaveLength(1);
    for (let i = 0; i < 20; i++) expect(await pid()).toBe(before);
    expect(app.logged.filter((line) => /"(error|warn)"/.test(line))).toEqual([]);
  });

  test("the running mutation completes; later ones are not started", async () => {
    const app = await start({ timeouts: { write: 0, lock: 0 } });
    const rename = (key: string, id: string) =>
      `${key}: customerUpdate(id: "${id}", input: { reference: "left" }) { customer { tags { name } } userErrors { code } }`;
    const leaving = new AbortController();
    await whileLocked(app, "customers", async () => {
      const sent = send(app, `mutation { ${rename("a", "cus_ada")} ${rename("b", "cus_bruno")} }`, leaving.signal);
      await until(async () => (await waitingFor(app)) === 1);
      leaving.abort();
      expect(await sent).toBe("gone");
    });
    const reference = async (id: string) =>
      (await app.database.query("SELECT reference FROM customers WHERE id = $1", [id]))[0]![0];
    await until(async () => (await reference("cus_ada")) === "left");
    await until(() => app.database.pool.idleCount === app.database.pool.totalCount);
    expect(await reference("cus_bruno")).not.toBe("left");
    expect(app.statements().filter(({ text }) => text.includes('"customer_tags"'))).toEqual([]);
  });

  const withTags = "subscription ($after: ID) { customerChanged(after: $after) { customer { tags { name } } } }";

  /** A stream over an answer of its own, and one of many in a connection; gives what ends them from the client's side. */
  const streams: [string, (app: TestApp, after: string) => Promise<() => void>][] = [
    ["a stream", async (app, after) => (await stream(app, { query: withTags, variables: { after } })).close],
    [
      "an operation in a connection of many, which goes",
      async (app, after) => {
        const { connection } = await connect(app, after);
        return () => connection.abort();
      },
    ],
    [
      "an operation in a connection of many, which goes on",
      async (app, after) => {
        const { address, headers } = await connect(app, after);
        return () => void fetch(`${address}?operationId=one`, { method: "DELETE", headers });
      },
    ],
  ];
  async function connect(app: TestApp, after: string) {
    const connection = new AbortController();
    const authorization = `Bearer ${await app.token({ kind: "integration" })}`;
    const address = `${app.url}/graphql/stream`;
    const token = await (await fetch(address, { method: "PUT", headers: { authorization } })).text();
    const headers = { authorization, "x-graphql-event-stream-token": token, "content-type": "application/json" };
    const events = await fetch(address, { headers, signal: connection.signal });
    events.text().catch(() => {});
    const body = JSON.stringify({ query: withTags, variables: { after }, extensions: { operationId: "one" } });
    expect((await fetch(address, { method: "POST", headers, body })).status).toBe(202);
    return { connection, address, headers };
  }

  test.each(streams)("the read for an event is cancelled: %s", async (_, open) => {
    const app = await start({ timeouts: { read: 0 } });
    const after = await changeTwice(app);
    await whileLocked(app, "tags", async () => {
      const leave = await open(app, after);
      await until(async () => (await waitingFor(app)) === 1);
      leave();
      await until(async () => (await waitingFor(app)) === 0);
    });
    expect(app.logged.filter((line) => /"(error|warn)"/.test(line))).toEqual([]);
  });

  test("the read for an event is cancelled when the server ends the stream", async () => {
    const app = await start({ timeouts: { read: 0 } });
    const variables = { after: await changeTwice(app) };
    await whileLocked(app, "orders", async () => {
      const query =
        "subscription ($after: ID) { customerChanged(after: $after) { customer { orders { nodes { id } } } } }";
      const opened = await stream(app, { query, variables, as: { kind: "customer", id: "cus_ada" } });
      await until(async () => (await waitingFor(app)) === 1);
      await app.revocations.revoke("customer:cus_ada", new Date(Date.now() + 60_000));
      await until(async () => (await waitingFor(app)) === 0);
      await until(() => opened.ended);
      expect(opened.events.map(({ event, data }) => [event, data?.errors?.[0].extensions.code])).toEqual([
        ["next", "UNAUTHENTICATED"],
        ["complete", undefined],
      ]);
    });
  });

  test("a shared statement continues until all its members have disconnected", async () => {
    const { database } = await start({ timeouts: { read: 0 }, poolSize: 3 });
    const run = sleeping(database);
    const running = async () =>
      (
        await database.reserved.query(
          "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'",
          [],
        )
      ).length;
    const blocking = [new Requester(), new Requester()];
    const blocked = Promise.allSettled(blocking.map((requester) => run("60", requester)));
    await until(async () => (await running()) === 2);
    const members = Array.from({ length: 3 }, () => new Requester());
    const left = new Requester();
    const results = Promise.allSettled([...members, left].map((requester) => run("60", requester)));
    left.cancel();
    for (const requester of blocking) requester.cancel();
    expect((await blocked).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await until(async () => (await running()) === 1);
    members[0]!.cancel();
    members[1]!.cancel();
    expect(await running()).toBe(1);
    members[2]!.cancel();
    for (const result of await results)
      expect((result as PromiseRejectedResult).reason).toBeInstanceOf(RequestCancelledError);
    expect(await running()).toBe(0);
    expect(await run("0")).toEqual(["slept", 1]);
  });
});

describe("connection pool", () => {
  const small = '{ customer(by: { id: "cus_ada" }) { id } }';

  test("a caller gets half of the connections at most, so others are served at once", async () => {
    const app = await start({ poolSize: 4, timeouts: { read: 0 } });
    const callers: Caller[] = [{ kind: "integration" }, { kind: "customer", id: "cus_ada" }];
    for (const as of callers) {
      const sent = await whileLocked(app, "markets", async () => {
        const slowOnes = Array.from({ length: 8 }, (_, i) =>
          app.query(`{ a${i}: markets(first: ${i + 1}) { nodes { id } } }`, {}, { as }),
        );
        await until(async () => (await waitingFor(app)) === 2);
        for (const other of callers) {
          if (other !== as)
            expect((await app.query(small, {}, { as: other })).data.customer).toEqual({ id: "cus_ada" });
        }
        expect(await waitingFor(app)).toBe(2);
        return slowOnes;
      });
      await Promise.all(sent);
    }
  });

  test("a caller's streams count with its queries", async () => {
    const app = await start({ poolSize: 4, timeouts: { read: 0 } });
    const query = "subscription ($after: ID) { customerChanged(after: $after) { customer { tags { name } } } }";
    const variables = { after: await changeTwice(app) };
    const { opening, own } = await whileLocked(app, "tags", async () => {
      const opening = Array.from({ length: 4 }, () => stream(app, { query, variables }));
      await until(async () => (await waitingFor(app)) === 2);
      const own = app.query(small);
      expect((await app.query(small, {}, { as: { kind: "customer", id: "cus_ada" } })).data.customer).toBeTruthy();
      expect(await Promise.race([own, new Promise((resolve) => setTimeout(resolve, 300, "waits"))])).toBe("waits");
      expect(await waitingFor(app)).toBe(2);
      return { opening, own };
    });
    expect((await own).data.customer).toEqual({ id: "cus_ada" });
    for (const { close } of await Promise.all(opening)) close();
  });

  test("readiness, log-in and revocation have connections of their own", async () => {
    const app = await createAuthApp();
    const { pool } = app.database;
    const taken = await Promise.all(Array.from({ length: 8 }, () => pool.connect()));
    try {
      expect((await fetch(`${app.url}/health/ready`)).status).toBe(200);
      const { status, body } = await app.token(ada);
      expect(status).toBe(200);
      expect((await app.post("/oauth/revoke", { client_id: ada.client_id, token: body.access_token })).status).toBe(
        200,
      );
      expect((await app.query(`Bearer ${body.access_token}`)).status).toBe(401);
    } finally {
      for (const client of taken) client.release();
      await app.stop();
    }
  });

  test("the worker has a connection of its own", async () => {
    const { connectionString, drop } = await createTestDatabase();
    const dataDir = await mkdtemp(join(tmpdir(), "customer-graph-limits-"));
    const config = loadConfig({
      DATABASE_URL: connectionString,
      DATA_DIR: dataDir,
      PORT: "0",
      POOL_SIZE: "1",
      ANONYMIZATION_GRACE: "0",
    });
    const app = await startApp({ config, log, seed: seedDemo });
    const taken = await app.database.pool.connect();
    try {
      await taken.query(
        "UPDATE customers SET anonymization_status = 'requested', anonymization_requested_at = now() WHERE id = 'cus_ada'",
      );
      const status = async () =>
        (await taken.query("SELECT anonymization_status AS status FROM customers WHERE id = 'cus_ada'")).rows[0].status;
      await until(async () => (await status()) === "completed");
    } finally {
      taken.release();
      await app.stop();
      await drop();
      await rm(dataDir, { recursive: true });
    }
  });

  test("a request that waits too long for a connection is UNAVAILABLE with Retry-After", async () => {
    const app = await start({ poolSize: 1, timeouts: { read: 0 } });
    const left = new Requester();
    const holding = app.database
      .forRequest(left)
      .query("SELECT pg_sleep(60)", [])
      .catch(() => {});
    const response = await fetch(`${app.url}/graphql`, {
      method: "POST",
      headers: {
        "content-type": "application/json",
        authorization: `Bearer ${await app.token({ kind: "integration" })}`,
      },
      body: JSON.stringify({ query: small }),
    });
    expect([response.status, response.headers.get("retry-after")]).toEqual([503, "1"]);
    expect(codes((await response.json()) as never)).toEqual(["UNAVAILABLE"]);
    left.cancel();
    await holding;
    expect((await app.query(small)).data.customer).toEqual({ id: "cus_ada" });
  });

  test("the connection queue is bounded, in total and per caller, and does not starve others", async () => {
    const queue = new ConnectionQueue(2);
    const [greedy, other] = [new Requester("greedy"), new Requester("other")];
    expect(queue.acquire(greedy)).toBeUndefined();
    const waiting = Array.from({ length: 500 }, () => queue.acquire(greedy)!);
    expect(() => queue.acquire(greedy)).toThrow(DatabaseUnavailableError);
    expect(queue.acquire(other)).toBeUndefined();
    const others = Array.from({ length: 500 }, () => queue.acquire(other)!);
    expect(() => queue.acquire(new Requester("third"))).toThrow(DatabaseUnavailableError);
    for (const all of [waiting, others]) for (const one of all) one.catch(() => {});
    queue.release(other);
    await others[0];
    queue.release(greedy);
    await waiting[0];
    greedy.cancel();
    await expect(waiting[1]).rejects.toThrow(RequestCancelledError);
    other.cancel();
  });
});

describe("result size limit of a statement", () => {
  const large = "SELECT repeat('x', 3000) FROM generate_series(1, 100)";

  test.each([
    ["in one value", "SELECT repeat('x', 300000)"],
    ["in many rows", large],
  ])("%s: only the statement that is too large fails", async (_, text) => {
    const { database } = await start({ resultBytes: 200_000, poolSize: 1 });
    await expect(database.query(text, [])).rejects.toThrow(ResultTooLargeError);
    await expect(database.transaction((query) => query(text, []))).rejects.toThrow(ResultTooLargeError);
    await expect(database.pool.query(text)).rejects.toThrow(ResultTooLargeError);
    await expect(database.prisma.$queryRawUnsafe(text)).rejects.toThrow("would hold more than 200000 bytes");
    await expect(database.reserved.query(text, [])).rejects.toThrow(ResultTooLargeError);
    const client = database.client("listening");
    await client.connect();
    expect((await client.query("SELECT 1 AS one")).rows).toEqual([{ one: 1 }]);
    await client.end();
    // Each statement anew: those that fit go on fitting.
    for (let i = 0; i < 5; i++) expect(await database.query("SELECT repeat('x', 100000)", [])).toHaveLength(1);
    expect(await database.prisma.$queryRawUnsafe("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("applies to all statements of a request together", async () => {
    const { database } = await start({ resultBytes: 200_000 });
    const requester = new Requester();
    const { query } = database.forRequest(requester);
    for (let i = 0; i < 2; i++) await query("SELECT repeat('x', 90000)", []);
    await expect(query("SELECT repeat('x', 90000)", [])).rejects.toThrow(ResultTooLargeError);
    // There is nothing left: it is not even sent.
    await expect(query("SELECT 1", [])).rejects.toThrow(ResultTooLargeError);
  });

  test("applies to each event of a stream, which continues", async () => {
    const app = await start({ resultBytes: 200_000 });
    const { query } = app.database;
    await attach(query, "att_long", "cus_ada", "https://example.com/long.pdf");
    await query("UPDATE attachments SET metadata = jsonb_build_object('long', repeat('x', 60000))", []);
    await settled(query);
    const opened = await stream(app, { as: { kind: "customer", id: "cus_ada" } });
    for (let i = 1; i <= 8; i++) await query("UPDATE attachments SET reference = $1 WHERE id = 'att_long'", [`R${i}`]);
    app.live.announce();
    await until(() => opened.events.length >= 8 || opened.ended);
    expect(opened.events.map(({ data }) => data?.data?.customerChanged.resourceId ?? data)).toEqual(
      Array(8).fill("att_long"),
    );
    opened.close();
  });
});

describe("driver errors", () => {
  test("a server that does not speak PostgreSQL's protocol fails the statement, not the process", async () => {
    const greetings: ((socket: { write(bytes: Buffer): void }) => void)[] = [
      // A way to authenticate that nobody knows: the driver throws while it reads.
      (socket) => socket.write(Buffer.from([82, 0, 0, 0, 8, 0, 0, 0, 99])),
      // No message at all.
      (socket) => socket.write(Buffer.from("HTTP/1.1 400 Bad Request\r\n\r\n")),
    ];
    for (const greet of greetings) {
      const server = createServer((socket) => {
        socket.on("error", () => {});
        socket.once("data", () => greet(socket));
        setTimeout(() => socket.destroy(), 500).unref();
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      const database = createDatabase({ connectionString: `postgresql://a:b@127.0.0.1:${port}/c`, poolSize: 1, log });
      await expect(database.query("SELECT 1", [])).rejects.toThrow(DatabaseUnavailableError);
      await database.close();
      server.close();
    }
  });

  test("an error while reading an answer fails that statement and closes its connection; the next one works", async () => {
    const { database } = await start({ poolSize: 1 });
    const pid = async () => (await database.query("SELECT pg_backend_pid()", []))[0]![0];
    const before = await pid();
    const client = (await database.pool.connect()) as unknown as GuardedClient & pg.PoolClient;
    expect(client).toBeInstanceOf(GuardedClient);
    client.connection.once("dataRow", () => {
      throw new RangeError("Cannot create a string longer than 0x1fffffe8 characters");
    });
    await expect(client.query("SELECT 1")).rejects.toThrow(RangeError);
    client.release();
    expect(await pid()).not.toBe(before);
  });

  test("errors of idle and listening connections affect no request", async () => {
    const { database } = await start();
    const client = database.client("listening");
    await client.connect();
    const ended = new Promise((resolve) => client.once("end", resolve));
    await database.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'listening'",
      [],
    );
    await ended;
    await database.query("SELECT 1", []);
    await database.reserved.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'customer-graph' AND datname = current_database() AND pid <> pg_backend_pid()",
      [],
    );
    await until(async () => (await database.query("SELECT 1", []).catch(() => [])).length === 1);
  });

  test.each([
    ["a standby that takes no writes", { code: "25006" }],
    ["a closed connection", new Error("Client has encountered a connection error and is not queryable")],
    ["a pool without a free connection", new Error("timeout exceeded when trying to connect")],
    ["Prisma's, of a standby", { meta: { driverAdapterError: { cause: { kind: "postgres", code: "25006" } } } }],
  ])("%s counts as UNAVAILABLE", (_, error) => {
    expect(isUnavailable(error)).toBe(true);
  });
});
