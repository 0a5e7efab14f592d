import { readdirSync, readlinkSync, statSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { type Answer, createTestApp, type TestApp } from "./support/app.js";
import { until } from "./support/live.js";

/** Clients that ask and do not read what comes. Their answers are larger than what the system buffers. */
const apps: TestApp[] = [];
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  for (const app of apps.splice(0)) await app.stop();
});

/**
 * A server with 200 customers that carry 60,000 characters each, and one with 100 lists that do. Nobody is slow for it
 * unless told otherwise.
 */
async function start(options: Parameters<typeof createTestApp>[0]) {
  const app = await createTestApp({ demo: false, unsent: { stallMs: 600_000 }, ...options });
  apps.push(app);
  const metadata = "jsonb_build_object('long', repeat('x', 60000))";
  await app.database.query(
    `INSERT INTO customers (id, mode, email, metadata)
     SELECT 'cus_long' || n, 'test', 'long' || n || '@example.com', ${metadata} FROM generate_series(1, 200) n`,
    [],
  );
  await app.database.query(
    `INSERT INTO sku_lists (id, mode, name, slug, customer_id, metadata)
     SELECT 'skl_long' || n, 'test', 'List ' || n, 'list-' || n, 'cus_long1', ${metadata} FROM generate_series(1, 100) n`,
    [],
  );
  return app;
}

const everything = { query: "{ customers(first: 250) { nodes { id metadata } } }" };
const exported = "/exports/customers/cus_long1";

interface Reader {
  /** Goes away. */
  leave: () => void;
  /** Reads so many bytes, if they are there, and no more. */
  take: (bytes: number) => void;
  /** Reads from now on, and gives what comes until the connection ends or the text is there. */
  read: (until?: RegExp) => Promise<string>;
}

/** Sends a request over a connection of its own and reads nothing of the answer. */
async function ask(app: TestApp, path: string, body?: object): Promise<Reader> {
  const { hostname, port } = new URL(app.url);
  const authorization = `Bearer ${await app.token({ kind: "integration" })}`;
  const socket = connect({ port: Number(port), host: hostname }).on("error", () => {});
  sockets.push(socket);
  const text = body ? JSON.stringify(body) : "";
  const head = `${body ? "POST" : "GET"} ${path} HTTP/1.1\r\nhost: x\r\nauthorization: ${authorization}\r\n`;
  socket.write(`${head}content-type: application/json\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
  return {
    leave: () => socket.destroy(),
    take: (bytes) => void socket.read(bytes),
    read: (end = /$^/) =>
      new Promise((resolve) => {
        const chunks: string[] = [];
        // The end alone is looked at: a long text would be copied for each look.
        let tail = "";
        socket.on("data", (chunk) => {
          chunks.push(String(chunk));
          tail = (tail + chunks.at(-1)).slice(-200);
          if (end.test(tail)) resolve(chunks.join(""));
        });
        socket.on("close", () => resolve(chunks.join("")));
      }),
  };
}

const disconnected = (app: TestApp) => app.logged.filter((line) => line.includes("was disconnected")).length;

/** The states of the server's connections. */
async function states(app: TestApp): Promise<unknown[]> {
  const { rows } = await app.database.pool.query(
    "SELECT state FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = 'customer-graph'",
  );
  return rows.map(({ state }) => state);
}

/** The modes of the files that this process has open and that have no name any more. */
function unlinkedFiles(): number[] {
  return readdirSync("/proc/self/fd").flatMap((fd) => {
    try {
      const deleted = /customer-graph-[\da-f-]{36} \(deleted\)$/.test(readlinkSync(`/proc/self/fd/${fd}`));
      return deleted ? [statSync(`/proc/self/fd/${fd}`).mode & 0o777] : [];
    } catch {
      return [];
    }
  });
}

describe("slow readers of an export", () => {
  test("hold no database connection, and get the customer as of their request", async () => {
    const app = await start({ poolSize: 16, exports: { atOnce: 8, perCaller: 8 } });
    const readers = await Promise.all(Array.from({ length: 8 }, () => ask(app, exported)));
    await until(() => unlinkedFiles().length === 8);
    await until(async () => (await states(app)).every((state) => state === "idle"));
    // No other user of the machine reads the files, and nothing is left of them when the process ends in any way.
    expect(unlinkedFiles()).toEqual(Array(8).fill(0o600));
    expect(readdirSync(tmpdir()).filter((name) => /^customer-graph-[\da-f-]{36}$/.test(name))).toEqual([]);
    const { status, data } = await app.query("{ customers(first: 1) { nodes { id } } }");
    expect([status, data.customers.nodes.length]).toEqual([200, 1]);
    await app.database.query("UPDATE customers SET reference = 'later' WHERE id = 'cus_long1'", []);
    for (const reader of readers.slice(1)) reader.leave();
    const [head, body] = (await readers[0]!.read(/\]\}$/)).split("\r\n\r\n") as [string, string];
    expect(Number(/content-length: (\d+)/i.exec(head)![1])).toBe(Buffer.byteLength(body));
    const { data: customer, included } = JSON.parse(body);
    expect([customer.id, customer.attributes.reference]).toEqual(["cus_long1", undefined]);
    expect(included.filter(({ type }: { type: string }) => type === "sku_lists")).toHaveLength(100);
    await until(() => unlinkedFiles().length === 0);
    expect(app.logged.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  });

  test("are limited per caller and in total; a slot is freed when one disconnects", async () => {
    const app = await start({ exports: { atOnce: 3, perCaller: 2 } });
    const get = async (caller: "integration" | "user") => {
      const as = { kind: caller, permissions: ["subjects:export", "customers:read"] } as const;
      const headers = { authorization: `Bearer ${await app.token(as as never)}` };
      return fetch(`${app.url}${exported}`, { headers });
    };
    const readers = await Promise.all([ask(app, exported), ask(app, exported)]);
    await until(() => unlinkedFiles().length === 2);
    const refused = await get("integration");
    expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "5"]);
    expect(await refused.json()).toMatchObject({
      errors: [
        {
          message: expect.stringMatching(/2 exports of yours/),
          extensions: { code: "RATE_LIMITED", retryAfterMs: 5_000 },
        },
      ],
    });
    const other = await get("user");
    expect(other.status).toBe(200);
    const third = await get("user");
    expect([third.status, ((await third.json()) as Answer<unknown>).errors![0]!.message]).toEqual([
      429,
      expect.stringMatching(/too many exports/),
    ]);
    await other.body!.cancel();
    readers[0]!.leave();
    await until(async () => {
      const answer = await get("integration");
      await answer.body!.cancel();
      return answer.status === 200;
    });
  });

  test("get COST_LIMIT (413) if the export exceeds the file limit", async () => {
    const app = await start({ exports: { maximumBytes: 1_000_000 } });
    const headers = { authorization: `Bearer ${await app.token({ kind: "integration" })}` };
    const response = await fetch(`${app.url}${exported}`, { headers });
    expect([response.status, await response.json()]).toEqual([
      413,
      {
        errors: [
          {
            message: "The export comes to more than 1000000 bytes.",
            extensions: { code: "COST_LIMIT", maximum: 1_000_000 },
          },
        ],
      },
    ]);
    await until(() => unlinkedFiles().length === 0);
  });

  test("that disconnect cancel the statement; one caller's exports use half of the connections", async () => {
    const app = await start({ poolSize: 4, timeouts: { export: 0 } });
    // The export waits for a table that is locked.
    const lock = await app.database.pool.connect();
    try {
      await lock.query("BEGIN");
      await lock.query("LOCK TABLE sku_lists IN ACCESS EXCLUSIVE MODE");
      const waiting = async () => {
        const text =
          "SELECT count(*)::int AS n FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
        return (await lock.query(text)).rows[0].n;
      };
      const readers = await Promise.all([ask(app, exported), ask(app, exported), ask(app, exported)]);
      await until(() => unlinkedFiles().length === 3);
      await until(async () => (await waiting()) === 2);
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(await waiting()).toBe(2);
      for (const reader of readers) reader.leave();
      await until(async () => (await waiting()) === 0);
      await until(() => unlinkedFiles().length === 0);
    } finally {
      // With its transaction, lest a failure keep the pool open.
      lock.release(true);
    }
    await until(async () => (await states(app)).every((state) => state === "idle"));
    expect(app.logged.filter((line) => line.includes('"level":"error"'))).toEqual([]);
  });
});

test("a slow export is disconnected and frees its slot; a fast one is sent completely", async () => {
  const app = await start({ unsent: { stallMs: 5_000, leastBytesPerSecond: 2_000_000 } });
  // Much more than the system buffers: the export comes to 24 MB.
  await app.database.query(
    `INSERT INTO sku_lists (id, mode, name, slug, customer_id, metadata)
     SELECT id || '_' || n, mode, name || n, slug || '-' || n, customer_id, metadata FROM sku_lists, generate_series(1, 3) n`,
    [],
  );
  const before = disconnected(app);
  const whole = await ask(app, exported);
  expect(await whole.read(/\]\}$/)).toMatch(/\]\}$/);
  whole.leave();
  expect(disconnected(app)).toBe(before);
  const trickling = await ask(app, exported);
  // So much at a time that there is always some progress, which is not enough.
  const reading = setInterval(() => trickling.take(50_000), 100);
  try {
    await until(() => disconnected(app) === before + 1);
    await until(() => unlinkedFiles().length === 0);
  } finally {
    clearInterval(reading);
  }
  expect(app.logged.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});

describe("clients that do not read", () => {
  test("are disconnected, whatever they asked for", async () => {
    const app = await start({ unsent: { stallMs: 1_500 } });
    const { contentLength } = await sizes(app);
    const before = disconnected(app);
    const readers = await Promise.all([ask(app, "/graphql", everything), ask(app, exported)]);
    await until(() => disconnected(app) === before + 2);
    await until(() => unlinkedFiles().length === 0);
    for (const reader of readers) expect((await reader.read()).length).toBeLessThan(contentLength);
    // One that reads gets everything.
    const reading = await ask(app, "/graphql", everything);
    expect((await reading.read(/\}\}$/)).length).toBeGreaterThan(contentLength);
    expect(disconnected(app)).toBe(before + 2);
  });

  test("are not disconnected if they read what they asked for", async () => {
    const app = await start({ unsent: { stallMs: 1_500 } });
    const { socketsUsed } = await sizes(app);
    expect(socketsUsed).toBe(1);
  });
});

/** Asks for a large answer twice over one connection, with a pause that is longer than a stall. */
async function sizes(app: TestApp) {
  const authorization = `Bearer ${await app.token({ kind: "integration" })}`;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const used = new Set<Socket>();
  let contentLength = 0;
  for (let i = 0; i < 2; i++) {
    await new Promise<void>((resolve, reject) => {
      const sent = request(`${app.url}/graphql`, {
        agent,
        method: "POST",
        headers: { authorization, "content-type": "application/json" },
      });
      sent.on("socket", (socket) => used.add(socket)).on("error", reject);
      sent.on("response", (response) => {
        contentLength = Number(response.headers["content-length"]);
        response.resume().on("end", () => resolve());
      });
      sent.end(JSON.stringify(everything));
    });
    await new Promise((resolve) => setTimeout(resolve, 2_500));
  }
  agent.destroy();
  return { contentLength, socketsUsed: used.size };
}

test("unsent responses are bounded in total: the largest is dropped, the newest kept, others are served", async () => {
  const app = await start({ unsent: { stallMs: 600_000, maximumBytes: 30_000_000 } });
  const readers: Reader[] = [];
  for (let i = 0; i < 5; i++) readers.push(await ask(app, "/graphql", everything));
  // Each is 12 MB: two may wait.
  await until(() => disconnected(app) === 3);
  expect((await app.query("{ customers(first: 1) { nodes { id } } }")).status).toBe(200);
  const texts = await Promise.all(readers.map((reader) => reader.read(/\}\}$/)));
  expect(texts.filter((text) => text.length > 12_000_000)).toHaveLength(2);
  expect(disconnected(app)).toBe(3);
});

describe("a stream that is not read in time", () => {
  const change = (app: TestApp, i: number) =>
    app.database.query("UPDATE customers SET reference = $1 WHERE id = 'cus_long1'", [`R${i}`]);
  const subscription = (selection: string) => ({
    query: `subscription { customerChanged(customerId: "cus_long1") { id ${selection} } }`,
  });
  const listeners = async (app: TestApp) => {
    const text =
      "SELECT count(*)::int FROM pg_stat_activity WHERE application_name = 'customer-graph live' AND datname = current_database()";
    return (await app.database.query(text, []))[0]![0];
  };

  test("ends with TIMEOUT after the last event to resume from", async () => {
    const app = await start({ unsent: { stallMs: 4_000 } });
    const fields = Array.from({ length: 10 }, (_, i) => `a${i}: metadata`).join(" ");
    const reader = await ask(app, "/graphql/stream", subscription(`customer { ${fields} }`));
    await until(async () => (await listeners(app)) === 1);
    for (let i = 0; i < 40; i++) await change(app, i);
    app.live.announce();
    await until(async () => (await listeners(app)) === 0);
    const text = (await reader.read(/event: complete/)).replace(/x{100,}/g, "");
    const events = text.split("\n\n").filter((block) => /event: /.test(block));
    expect(events.length).toBeLessThan(42);
    expect(events.at(-1)).toMatch(/event: complete/);
    expect(events.at(-2)).toMatch(
      /"message":"The events were not read; subscribe again after the last one that was\."/,
    );
    expect(events.at(-2)).toMatch(/"code":"TIMEOUT"/);
    expect(events.at(-3)).toMatch(/^id: \S+\nevent: next/m);
  });

  test("ends at an event that is too large", async () => {
    const app = await start({});
    const fields = Array.from({ length: 40 }, (_, i) => `a${i}: metadata`).join(" ");
    const reader = await ask(app, "/graphql/stream", subscription(`customer { ${fields} }`));
    await until(async () => (await listeners(app)) === 1);
    await change(app, 0);
    app.live.announce();
    const text = await reader.read(/event: complete/);
    expect(text.length).toBeLessThan(2_000);
    expect(text).toMatch(
      /event: next\ndata: .*The event is too large: more than 1048576 characters.*"code":"COST_LIMIT"/,
    );
  });
});
