import { connect, createServer, type Server, type Socket } from "node:net";
import { DatabaseUnavailableError, OutcomeUnknownError } from "../src/database/unavailable.js";
import { createTestApp, type TestApp } from "./support/app.js";

let app: TestApp;
/** The same database, reached through the proxy. */
let proxied: TestApp;
let proxy: Server;

/** What the proxy does with what a connection sends to PostgreSQL. */
type Handler = (bytes: Buffer, connection: { client: Socket; backend: Socket }) => void;
const forward: Handler = (bytes, { backend }) => backend.write(bytes);
let onBytes: Handler = forward;
let accepting = true;
const sockets = new Set<Socket>();

beforeAll(async () => {
  app = await createTestApp();
  const target = new URL(app.connectionString);
  proxy = createServer((client) => {
    client.on("error", () => {});
    if (!accepting) return void client.destroy();
    const backend = connect(Number(target.port), target.hostname);
    backend.on("error", () => {});
    for (const socket of [client, backend]) {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    }
    client.on("data", (bytes) => onBytes(bytes, { client, backend }));
    backend.on("data", (bytes) => client.write(bytes));
    backend.on("end", () => client.end());
    client.on("end", () => backend.end());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const url = new URL(app.connectionString);
  url.port = String((proxy.address() as { port: number }).port);
  proxied = await createTestApp({ sharing: { ...app, connectionString: url.href } });
});
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  await proxied.stop();
  proxy.close();
  await app.stop();
});
afterEach(() => {
  onBytes = forward;
  accepting = true;
});

let count = 0;
const newEmail = () => `outcome-${++count}@example.com`;

const create = (email: string, directives = "") =>
  proxied.query(
    `mutation ($email: String!) {
       made: customerCreate(input: { email: $email, tags: ["vip"] }) ${directives} { customer { id email } userErrors { code } }
     }`,
    { email },
  );

/** Whether the customer is there: asked of the database itself, once nothing is under way any more. */
async function isThere(email: string): Promise<boolean> {
  return app.database.transaction(async (query) => {
    await query("LOCK TABLE customers IN ACCESS EXCLUSIVE MODE", []);
    return (await query("SELECT FROM customers WHERE email = $1", [email])).length === 1;
  });
}

const isCommit = (bytes: Buffer) => bytes.includes("COMMIT\0");

/** Lets nobody in any more, and cuts all connections of the application. */
function refuseConnections(client: Socket) {
  accepting = false;
  client.destroy();
}

const nothingHappened = {
  status: 503,
  errors: [{ path: ["made"], extensions: { code: "UNAVAILABLE" } }],
};

/** Ways in which a connection ends. */
const ends: Record<string, Handler> = {
  "is cut": (_, { client, backend }) => {
    backend.end();
    client.destroy();
  },
  "is ended by PostgreSQL": async (bytes, { client, backend }) => {
    await app.database.pool.query(
      "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE client_port = $1",
      [backend.localPort],
    );
    forward(bytes, { client, backend });
  },
};

test.each(Object.entries(ends))(
  "a connection that %s before COMMIT: UNAVAILABLE, and nothing was changed",
  async (_, end) => {
    for (let stage = 1; ; stage++) {
      const email = newEmail();
      let statements = 0;
      onBytes = (bytes, connection) => {
        const ending = !isCommit(bytes) && ++statements === stage;
        if (ending || isCommit(bytes)) onBytes = forward;
        return (ending ? end : forward)(bytes, connection);
      };
      const answer = await create(email);
      if (!answer.errors) {
        // It came to COMMIT before.
        expect(stage).toBeGreaterThan(5);
        expect(await isThere(email)).toBe(true);
        return;
      }
      expect({ stage, ...answer }).toMatchObject({ stage, ...nothingHappened });
      expect(await isThere(email)).toBe(false);
    }
  },
);

test("a connection lost between two statements is UNAVAILABLE, whatever error the driver has", async () => {
  const { database } = app;
  const reference = newEmail();
  const work = database.transaction(async (query) => {
    const [[pid]] = (await query("SELECT pg_backend_pid()", [])) as [[number]];
    await query("UPDATE customers SET reference = $1 WHERE id = 'cus_kenji'", [reference]);
    await database.query("SELECT pg_terminate_backend($1, 5000)", [pid]);
    // Until the driver has heard of it.
    while ((await database.query("SELECT FROM pg_stat_activity WHERE pid = $1", [pid])).length);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await query("UPDATE customers SET version = version WHERE id = 'cus_kenji'", []);
  });
  await expect(work).rejects.toBeInstanceOf(DatabaseUnavailableError);
  expect(await database.query("SELECT FROM customers WHERE reference = $1", [reference])).toEqual([]);
});

describe("a connection that is lost while COMMIT is under way", () => {
  test("COMMIT arrived: the answer is the ordinary one", async () => {
    const email = newEmail();
    onBytes = (bytes, connection) => {
      if (!isCommit(bytes)) return forward(bytes, connection);
      onBytes = forward;
      connection.client.destroy();
      connection.backend.end(bytes);
    };
    const answer = await create(email);
    expect(answer).toMatchObject({ status: 200, data: { made: { customer: { email }, userErrors: [] } } });
    expect(answer.errors).toBeUndefined();
    expect(await isThere(email)).toBe(true);
  });

  test("COMMIT did not arrive: UNAVAILABLE, and nothing was changed", async () => {
    const email = newEmail();
    onBytes = (bytes, connection) => {
      if (!isCommit(bytes)) return forward(bytes, connection);
      onBytes = forward;
      connection.client.destroy();
      connection.backend.end();
    };
    expect(await create(email)).toMatchObject(nothingHappened);
    expect(await isThere(email)).toBe(false);
  });

  test("COMMIT still waited for by PostgreSQL: it is terminated, and nothing was changed", async () => {
    const email = newEmail();
    onBytes = (bytes, connection) => {
      if (!isCommit(bytes)) return forward(bytes, connection);
      onBytes = forward;
      connection.client.removeAllListeners("end").destroy();
    };
    expect(await create(email)).toMatchObject(nothingHappened);
    expect(await isThere(email)).toBe(false);
  });

  test.each([true, false])(
    "outcome not determined (COMMIT arrived: %s): OUTCOME_UNKNOWN, and a retry with the key tells",
    async (arrived) => {
      const email = newEmail();
      onBytes = (bytes, connection) => {
        if (!isCommit(bytes)) return forward(bytes, connection);
        onBytes = forward;
        if (arrived) connection.backend.write(bytes);
        connection.backend.end();
        refuseConnections(connection.client);
      };
      const key = `outcome-${email}`;
      expect(await create(email, `@idempotent(key: "${key}")`)).toMatchObject({
        status: 503,
        errors: [
          {
            message: expect.stringMatching(/may have been made.*same `@idempotent` key/),
            path: ["made"],
            extensions: { code: "OUTCOME_UNKNOWN", outcome: "UNKNOWN", requestId: expect.any(String) },
          },
        ],
      });
      expect(await isThere(email)).toBe(arrived);

      accepting = true;
      const again = await create(email, `@idempotent(key: "${key}")`);
      expect(again).toMatchObject({ status: 200, data: { made: { customer: { email }, userErrors: [] } } });
      expect(again.extensions).toMatchObject(arrived ? { replayed: ["made"] } : {});
      expect(await isThere(email)).toBe(true);
    },
  );
});

test("connection lost after COMMIT: the response says that the change was committed", async () => {
  const email = newEmail();
  onBytes = (bytes, connection) => {
    forward(bytes, connection);
    if (!isCommit(bytes)) return;
    // The answer of COMMIT passes; what is asked after it does not.
    onBytes = (_, { client }) => refuseConnections(client);
  };
  expect(await create(email)).toMatchObject({
    status: 503,
    errors: [
      {
        message: expect.stringMatching(/^The change was made/),
        path: ["made"],
        extensions: { code: "RESULT_UNAVAILABLE", outcome: "COMMITTED" },
      },
    ],
  });
  expect(await isThere(email)).toBe(true);
});

test("COMMIT after a failed statement is reported as rolled back", async () => {
  const { database } = app;
  const work = database.transaction(async (query) => {
    await query("SELECT 1 / 0", []).catch(() => {});
    return "done";
  });
  await expect(work).rejects.toThrow("rolled back");
});

test("transaction ids are not trusted across a crash", async () => {
  // A reset of these statistics is what another connection sees of a crash.
  onBytes = (bytes, connection) => {
    if (!isCommit(bytes)) return forward(bytes, connection);
    onBytes = forward;
    void app.database.pool.query("SELECT pg_stat_reset_shared('bgwriter')").then(() => {
      connection.client.destroy();
      connection.backend.end(bytes);
    });
  };
  const work = proxied.database.transaction((query) => query("SELECT 1", []));
  const error = await work.catch((error: unknown) => error);
  expect(error).toBeInstanceOf(OutcomeUnknownError);
  expect(error).not.toBeInstanceOf(DatabaseUnavailableError);
});
