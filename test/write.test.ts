import { createHash } from "node:crypto";
import net from "node:net";
import { type GraphQLInputObjectType, getNamedType, isInputObjectType } from "graphql";
import { customerRows } from "../src/erasure/customer-rows.js";
import { permissionsByKind } from "../src/graph/access/permission.js";
import type { Viewer } from "../src/graph/access/viewer.js";
import { Loaders } from "../src/graph/answer/loaders.js";
import type { Context } from "../src/graph/context.js";
import { isPersonal, type ModelName, modelOfType, models } from "../src/graph/model/datamodel.js";
import { Mutates, payloadOf } from "../src/graph/write/mutation.js";
import { link } from "../src/graph/write/rules.js";
import { constraintError, Write } from "../src/graph/write/transaction.js";
import { Refusal, UserErrorCode } from "../src/graph/write/user-error.type.js";
import { type Caller, createTestApp, type TestApp } from "./support/app.js";
import { inputFields, schema } from "./support/graph.js";
import { until } from "./support/live.js";
import { insert } from "./support/rows.js";

// Every mutation is a write of src/graph/write: what is tried here with a few of them holds for all.

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app.stop());

let made = 0;
/** A key, and at the same time a name, that nothing else has. */
const unused = () => `unused-${++made}`;
const rows = async (text: string, values: unknown[] = []) => (await app.database.pool.query(text, values)).rows;

const CREATE = `mutation ($email: String!, $key: String!) {
  customerCreate(input: { email: $email }) @idempotent(key: $key) { customer { id email reference } userErrors { code path } }
}`;
const create = (email: string, key: string, as?: Caller) =>
  app.query(CREATE, { email, key }, as === undefined ? {} : { as });
const replayed = ({ extensions }: { extensions: object }) => "replayed" in extensions;
const countOf = async (email: string) => (await rows("SELECT 1 FROM customers WHERE email = $1", [email])).length;

describe("@idempotent", () => {
  test("20 concurrent calls with one key: one creates the customer, all return it", async () => {
    const name = unused();
    const email = `${name}@example.com`;
    const answers = await Promise.all(Array.from({ length: 20 }, () => create(email, name)));
    expect(new Set(answers.map(({ data }) => data.customerCreate.customer.id)).size).toBe(1);
    expect(answers.filter(replayed)).toHaveLength(19);
    expect(answers.find(replayed)!.extensions).toMatchObject({ replayed: ["customerCreate"] });
    expect(await countOf(email)).toBe(1);
  });

  test("refuses a key reused with other arguments or another mutation", async () => {
    const key = unused();
    await create(`${key}@example.com`, key);
    const others = [
      `mutation { customerCreate(input: { email: "other@example.com" }) @idempotent(key: "${key}") { userErrors { code } } }`,
      `mutation { tagCreate(input: { name: "other" }) @idempotent(key: "${key}") { userErrors { code } } }`,
    ];
    for (const other of others) {
      const { errors } = await app.query(other);
      expect(errors?.[0]?.extensions).toMatchObject({ code: "BAD_USER_INPUT", argument: ["idempotent", "key"] });
    }
    expect(await countOf("other@example.com")).toBe(0);
  });

  test("keys are separate per caller", async () => {
    const key = unused();
    const callers: Caller[] = [
      { kind: "integration" },
      { kind: "integration", owner: { id: "usr_1", firstName: null, lastName: null, email: null } },
      { kind: "integration", mode: "live" },
      { kind: "user", permissions: ["customers:create", "customers:read"] },
      { kind: "guest" },
    ];
    const answers = [];
    for (const [i, as] of callers.entries()) answers.push(await create(`${key}-${i}@example.com`, key, as));
    expect(answers.map(({ data }) => data.customerCreate.customer.email)).toEqual(
      callers.map((_, i) => `${key}-${i}@example.com`),
    );
    const update =
      `mutation ($id: ID!) { customerUpdate(id: $id, input: { reference: "r" }) @idempotent(key: "${key}") { customer { id } } }` as const;
    for (const id of ["cus_ada", "cus_mia"]) {
      const answer = await app.query(update, { id }, { as: { kind: "customer", id } });
      expect(answer.data.customerUpdate.customer.id).toBe(id);
      expect(replayed(answer)).toBe(false);
    }
  });

  test("a call with user errors does not use up its key", async () => {
    const key = unused();
    const refused = await Promise.all(Array.from({ length: 5 }, () => create("ada@example.com", key)));
    for (const answer of refused) {
      expect(answer.data.customerCreate.userErrors[0]!.code).toBe("TAKEN");
      expect(replayed(answer)).toBe(false);
    }
    expect((await create(`${key}@example.com`, key)).data.customerCreate.userErrors).toEqual([]);
  });

  test("an expired key can be reused, once", async () => {
    const key = unused();
    await create(`${key}@example.com`, key);
    await rows("UPDATE idempotency_records SET expires_at = now() - interval '1 second'");
    const email = `${key}-later@example.com`;
    const answers = await Promise.all(Array.from({ length: 10 }, () => create(email, key)));
    expect(answers.filter((answer) => !replayed(answer))).toHaveLength(1);
    expect(await countOf(email)).toBe(1);
  });

  test("a replay returns the row's current state, and null if it was deleted", async () => {
    const key = unused();
    const email = `${key}@example.com`;
    const { id } = (await create(email, key)).data.customerCreate.customer;
    await rows("UPDATE customers SET reference = 'changed' WHERE id = $1", [id]);
    expect((await create(email, key)).data.customerCreate.customer).toEqual({ id, email, reference: "changed" });
    await rows("DELETE FROM customers WHERE id = $1", [id]);
    const gone = await create(email, key);
    expect(gone.data.customerCreate).toEqual({ customer: null, userErrors: [] });
    expect(replayed(gone)).toBe(true);
  });

  test("a guest's replay of customerCreate returns the customer as created, and nothing newer", async () => {
    const key = unused();
    const email = `${key}@example.com`;
    const fields =
      "id email status hasPassword reference metadata version createdAt updatedAt totalOrdersCount shopperReference";
    const signUp =
      `mutation { customerCreate(input: { email: "${email}", metadata: { locale: "en" } }) @idempotent(key: "${key}") {
      customer { ${fields} } userErrors { code } } }` as const;
    const send = () => app.query(signUp, {}, { as: { kind: "guest" } });
    const first = await send();
    const { id } = first.data.customerCreate.customer;
    await rows(
      `UPDATE customers SET email = 'moved-' || email, reference = 'vip-7', metadata = '{"note": "rich"}', password_digest = 'x',
         shopper_reference = 'another', total_orders_count = 3 WHERE id = $1`,
      [id],
    );
    const again = await send();
    expect(replayed(again)).toBe(true);
    expect(again.data).toEqual(first.data);
    // Who may see the customer sees it as it is.
    const now = await app.query(`{ customer(by: { id: "${id}" }) { reference } }`);
    expect(now.data.customer.reference).toBe("vip-7");
    await rows("UPDATE customers SET anonymization_status = 'completed' WHERE id = $1", [id]);
    expect((await send()).data.customerCreate).toEqual({ customer: null, userErrors: [] });
    const { records } = (await rows("SELECT string_agg(outcome::text, ' ') AS records FROM idempotency_records"))[0];
    expect(records).not.toContain(Buffer.from(email).toString("hex"));
  });

  test("a replay validates nothing anew: customerPasswordResetConsume with its used token succeeds", async () => {
    const token = unused();
    await insert(app.database.query, "CustomerPasswordReset", {
      id: "cpr_replay",
      tokenDigest: createHash("sha256").update(token).digest("hex"),
      expiresAt: new Date(Date.now() + 3_600_000),
      customerId: "cus_bruno",
    });
    const consume = (key: string) =>
      app.query(
        `mutation ($token: String!, $key: String!) { customerPasswordResetConsume(
           input: { id: "cpr_replay", resetPasswordToken: $token, customerPassword: "a new long one" }
         ) @idempotent(key: $key) { customer { id } userErrors { code } } }`,
        { token, key },
      );
    const key = unused();
    const first = await consume(key);
    expect(first.data.customerPasswordResetConsume).toEqual({ customer: { id: "cus_bruno" }, userErrors: [] });
    const again = await consume(key);
    expect(again.data).toEqual(first.data);
    expect(replayed(again)).toBe(true);
    expect((await consume(unused())).data.customerPasswordResetConsume.userErrors[0]!.code).toBe("INVALID");
  });

  test("keys have 8 to 255 characters", async () => {
    for (const key of ["", "seven77", "x".repeat(256)]) {
      const { errors } = await create("short@example.com", key);
      expect(errors?.[0]?.message).toBe("`idempotent.key` has 8 to 255 characters.");
    }
    expect(await countOf("short@example.com")).toBe(0);
  });

  test("idempotency_records contain neither the key nor personal data", async () => {
    const words = { key: unused(), email: "very.particular@example.com", name: "Particular & Sons" };
    await app.query(
      `mutation ($email: String!, $name: String!, $key: String!) {
        customerCreate(input: { email: $email, reference: $name }) @idempotent(key: $key) { customer { email } }
        customerPasswordResetCreate(input: { customerEmail: $email }) @idempotent(key: "a-second-key") { id }
        customerGroupCreate(input: { name: $name }) @idempotent(key: "a-third-key") { customerGroup { id name } }
      }`,
      words,
    );
    const [{ customer }] = await rows("SELECT id AS customer FROM customers WHERE email = $1", [words.email]);
    const kept = await rows("SELECT r::text AS row, encode(outcome, 'base64') AS more FROM idempotency_records r");
    expect(kept.length).toBeGreaterThan(2);
    const text = kept.map(({ row, more }) => `${row}\n${more.replaceAll("\n", "")}`).join("\n");
    for (const word of [...Object.values(words), "a-second-key", customer]) {
      const hash = (algorithm: string) => createHash(algorithm).update(word).digest();
      for (const bytes of [Buffer.from(word), hash("sha256"), hash("md5"), hash("sha1")]) {
        expect(text).not.toContain(bytes.toString("hex"));
        // In base64 a word looks one of three ways, by where it begins.
        for (const shift of [0, 1, 2]) {
          const shifted = Buffer.concat([Buffer.alloc(shift), bytes]).toString("base64");
          expect(text).not.toContain(shifted.slice(4, -4));
        }
      }
      expect(text).not.toContain(word);
    }
  });
});

describe("retries of a client that got no response", () => {
  /** Sends a mutation and hangs up when the time has come, without having read an answer. */
  async function hangUp(variables: object, time: () => Promise<unknown>) {
    const body = JSON.stringify({ query: CREATE, variables });
    const { hostname, port } = new URL(app.url);
    const socket = net.connect(Number(port), hostname);
    const token = await app.token({ kind: "integration" });
    socket.on("error", () => {});
    socket.write(
      `POST /graphql HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
    );
    await time();
    socket.destroy();
  }

  test("a client that disconnects at any moment succeeds by its retry, exactly once", async () => {
    for (let ms = 0; ms < 24; ms += 2) {
      const key = unused();
      const email = `${key}@example.com`;
      await hangUp({ email, key }, () => new Promise((done) => setTimeout(done, ms)));
      expect((await create(email, key)).data.customerCreate.userErrors).toEqual([]);
      expect(await countOf(email)).toBe(1);
    }
    const key = unused();
    const email = `${key}@example.com`;
    await hangUp({ email, key }, async () => {
      while (!(await countOf(email)));
    });
    expect(replayed(await create(email, key))).toBe(true);
    expect(await countOf(email)).toBe(1);
  });

  test("a connection lost after COMMIT: the outcome is looked up and answered", async () => {
    const { hostname, port } = new URL(app.connectionString);
    let cut = false;
    const proxy = net.createServer((client) => {
      const server = net.connect(Number(port), hostname);
      const end = () => [client, server].map((socket) => socket.destroy());
      for (const socket of [client, server]) socket.on("error", end).on("close", end);
      client.pipe(server);
      server.on("data", (chunk) => {
        // What PostgreSQL says when a transaction is done: it is, and nobody hears.
        if (cut && chunk.includes("COMMIT\0")) end();
        else client.write(chunk);
      });
    });
    await new Promise<void>((done) => proxy.listen(0, "127.0.0.1", done));
    const url = new URL(app.connectionString);
    url.host = `127.0.0.1:${(proxy.address() as net.AddressInfo).port}`;
    const other = await createTestApp({ sharing: { ...app, connectionString: url.href } });
    try {
      const key = unused();
      const email = `${key}@example.com`;
      cut = true;
      const first = await other.query(CREATE, { email, key });
      expect(first.errors).toBeUndefined();
      expect(first.data.customerCreate.customer.email).toBe(email);
      expect(await countOf(email)).toBe(1);
      cut = false;
      const again = await other.query(CREATE, { email, key });
      expect(again.data.customerCreate.customer.email).toBe(email);
      expect(replayed(again)).toBe(true);
      expect(await countOf(email)).toBe(1);
    } finally {
      await other.stop();
      proxy.close();
    }
  });
});

describe("@dryRun", () => {
  const UPDATE = "customer { reference version } userErrors { code }";
  const set = (alias: string, reference: string, directive = "") =>
    `${alias}: customerUpdate(id: "cus_kenji", input: { reference: "${reference}" }) ${directive} { ${UPDATE} }`;
  const stored = async () => (await rows("SELECT reference, version FROM customers WHERE id = 'cus_kenji'"))[0];

  test("returns the changed state, which later mutations do not see", async () => {
    const { version, reference } = await stored();
    const { data, extensions } = await app.query(`mutation {
      ${set("tried", "tried", "@dryRun")}
      ${set("done", "done")}
      ${set("triedAgain", "tried again", "@dryRun")}
      ${set("same", "done")}
      ${set("refused", "x".repeat(300), "@dryRun")}
    }`);
    expect(data).toMatchObject({
      tried: { customer: { reference: "tried", version: version + 1 } },
      done: { customer: { reference: "done", version: version + 1 } },
      triedAgain: { customer: { reference: "tried again", version: version + 2 } },
      same: { customer: { reference: "done", version: version + 1 } },
      refused: { customer: { reference: "done" }, userErrors: [{ code: "INVALID" }] },
    });
    expect(extensions).toMatchObject({ dryRun: ["tried", "triedAgain"] });
    expect(await stored()).toEqual({ reference: "done", version: version + 1 });
    expect(reference).not.toBe("done");
  });

  test("leaves no row, no key and no open connection", async () => {
    const small = await createTestApp({ poolSize: 2, sharing: app });
    try {
      const key = unused();
      const email = `${key}@example.com`;
      const text = CREATE.replace("@idempotent(key: $key)", "@idempotent(key: $key) @dryRun");
      const answers = await Promise.all(Array.from({ length: 50 }, () => small.query(text, { email, key })));
      for (const { data, extensions } of answers) {
        expect(data.customerCreate).toMatchObject({ customer: { email }, userErrors: [] });
        expect(extensions).toMatchObject({ dryRun: ["customerCreate"] });
        expect(extensions).not.toHaveProperty("replayed");
      }
      expect(await countOf(email)).toBe(0);
      const real = await small.query(CREATE, { email, key });
      expect(replayed(real)).toBe(false);
      expect(await countOf(email)).toBe(1);
      // As many reads as there are connections, at once.
      await Promise.all(Array.from({ length: 4 }, () => small.query("{ customers(first: 1) { totalCount } }")));
      expect(small.database.pool.totalCount - small.database.pool.idleCount).toBe(0);
    } finally {
      await small.stop();
    }
  });

  test.each([
    '{ customer(by: { id: "cus_ada" }) @dryRun { id } }',
    "{ customers(first: 1) { nodes { email @dryRun } } }",
    'mutation { tagsAdd(id: "cus_ada", names: []) { userErrors @dryRun { code } } }',
    "query ($k: String!) { viewer @idempotent(key: $k) { kind } }",
  ])("@dryRun and @idempotent are refused outside mutations: %s", async (text) => {
    const { errors } = await app.query(text, { k: "a-good-key" });
    expect(errors).toEqual([
      expect.objectContaining({
        message: expect.stringMatching(/^The directive "@(dryRun|idempotent)" belongs on a mutation, such as /),
        extensions: expect.objectContaining({ code: "GRAPHQL_VALIDATION_FAILED" }),
      }),
    ]);
  });
});

describe("ifVersion", () => {
  const UPDATE = `mutation ($version: Int, $reference: String) {
    customerUpdate(id: "cus_mia", ifVersion: $version, input: { reference: $reference }) {
      customer { reference version }
      userErrors { __typename code path message ... on VersionConflictError { changed current { id ... on Customer { reference version } } } }
    }
  }`;
  const update = async (reference: string, version?: number | null) =>
    (await app.query(UPDATE, { reference, version })).data.customerUpdate;

  test("another version is VERSION_CONFLICT, with the current state", async () => {
    const { version } = (await update("mine")).customer;
    const theirs = await update("theirs", version);
    expect(theirs).toMatchObject({ customer: { reference: "theirs", version: version + 1 }, userErrors: [] });
    const late = await update("late", version);
    expect(late).toEqual({
      customer: { reference: "theirs", version: version + 1 },
      userErrors: [
        {
          __typename: "VersionConflictError",
          code: "VERSION_CONFLICT",
          path: ["ifVersion"],
          message: expect.stringContaining(`at version ${version + 1}, not ${version}`),
          current: { id: "cus_mia", reference: "theirs", version: version + 1 },
          changed: ["reference"],
        },
      ],
    });
    expect((await update("free", null)).userErrors).toEqual([]);
  });

  test.each([999, 0, -1, 2147483647])(
    "version %d, which never existed, is refused without calling it outdated",
    async (never) => {
      const { version } = (await update("now")).customer;
      const { customer, userErrors } = await update("never", never);
      expect(customer).toMatchObject({ reference: "now", version });
      expect(userErrors).toEqual([
        {
          __typename: "VersionConflictError",
          code: "VERSION_CONFLICT",
          path: ["ifVersion"],
          message: `The resource never had the version ${never}: it is at version ${version}. Give the \`version\` that was read with the resource.`,
          current: { id: "cus_mia", reference: "now", version },
          changed: null,
        },
      ]);
    },
  );

  test("changed lists only fields that the caller may read", async () => {
    const { version } = (await update("seen")).customer;
    await app.query('mutation { tagsReplace(id: "cus_mia", names: ["gift"]) { userErrors { code } } }');
    const tried = async (as: Caller) =>
      (await app.query(UPDATE, { reference: "late", version }, { as })).data.customerUpdate.userErrors[0]!;
    expect((await tried({ kind: "integration" })).changed).toEqual(["tags"]);
    expect(await tried({ kind: "customer", id: "cus_mia" })).toMatchObject({ code: "VERSION_CONFLICT", changed: [] });
  });

  test("20 concurrent updates with one version: one wins", async () => {
    const { version } = (await update("before")).customer;
    const answers = await Promise.all(Array.from({ length: 20 }, (_, i) => update(`racer ${i}`, version)));
    expect(answers.filter(({ userErrors }) => !userErrors.length)).toHaveLength(1);
    expect((await update("after")).customer.version).toBe(version + 2);
  });
});

describe("database constraints", () => {
  interface Constraint {
    table: string;
    name: string;
    type: "u" | "c" | "f";
    definition: string;
    restricts: boolean;
  }
  const constraints = async (type: Constraint["type"]): Promise<Constraint[]> => {
    const all: Constraint[] =
      type === "u"
        ? await rows(
            `SELECT i.indrelid::regclass::text AS table, i.indexrelid::regclass::text AS name, 'u' AS type,
               pg_get_indexdef(i.indexrelid) AS definition, false AS restricts
             FROM pg_index i WHERE i.indisunique AND NOT i.indisprimary AND i.indrelid::regclass::text !~ '\\.'`,
          )
        : await rows(
            `SELECT conrelid::regclass::text AS table, conname AS name, contype AS type, pg_get_constraintdef(oid) AS definition,
               confdeltype = 'r' AS restricts
             FROM pg_constraint WHERE contype = $1 AND conrelid::regclass::text !~ '\\.'`,
            [type],
          );
    return all.filter(({ table }) => modelOfType(table));
  };
  const broken = (code: string, { table, name }: Constraint, path?: string[]) =>
    constraintError({ code, table, constraint: name }, () => path);
  /** Where the path leads, if that is a field of the resource. */
  const fieldOf = (table: string, path: readonly string[] | undefined) => {
    const field = path?.length === 2 && path[0] === "input" ? path[1]! : "";
    return modelOfType(table)!.columns[field] && field;
  };

  test("every unique index is TAKEN with a field's path", async () => {
    const found = await constraints("u");
    expect(found.length).toBeGreaterThan(10);
    for (const index of found) {
      const error = broken("23505", index, ["input"]);
      expect([index.name, error?.code]).toEqual([index.name, "TAKEN"]);
      const field = fieldOf(index.table, error?.path);
      expect([index.name, Boolean(field)]).toEqual([index.name, true]);
      expect(index.definition).toContain(modelOfType(index.table)!.columns[field!]!.column);
    }
  });

  test("every check is INVALID with the path of its field", async () => {
    const found = await constraints("c");
    expect(found.length).toBeGreaterThan(25);
    for (const check of found) {
      const error = broken("23514", check, ["input"]);
      expect([check.name, error?.code]).toEqual([check.name, "INVALID"]);
      const field = fieldOf(check.table, error?.path);
      expect([check.name, Boolean(field)]).toEqual([check.name, true]);
      expect(check.definition).toContain(modelOfType(check.table)!.columns[field!]!.column);
      expect(error?.message).toMatch(/^[A-Z].*\.$/);
    }
  });

  test("every foreign key is NOT_FOUND when written and IN_USE when deleted", async () => {
    const found = await constraints("f");
    expect(found.length).toBeGreaterThan(30);
    for (const key of found) {
      const error = broken("23503", key, ["input"]);
      expect([key.name, error?.code]).toEqual([key.name, "NOT_FOUND"]);
      expect(key.definition).toContain(
        `FOREIGN KEY (${modelOfType(key.table)!.columns[fieldOf(key.table, error?.path)!]!.column})`,
      );
      if (!key.restricts) continue;
      // PostgreSQL 18 has a code of its own for RESTRICT.
      for (const code of ["23503", "23001"]) {
        expect(broken(code, key)).toMatchObject({
          code: "IN_USE",
          path: ["id"],
          message: expect.stringMatching(/\.$/),
        });
      }
    }
  });

  test("every constraint named in prisma/schema.prisma exists on its model's table", async () => {
    const found = (await Promise.all((["u", "c", "f"] as const).map(constraints))).flat();
    const worded = [...models.values()].flatMap(({ table, constraints: words }) =>
      Object.keys(words).map((name) => ({ table, name })),
    );
    expect(worded.length).toBeGreaterThan(5);
    expect(worded.filter((one) => !found.some(({ table, name }) => table === one.table && name === one.name))).toEqual(
      [],
    );
  });

  test("errors of PostgreSQL become TAKEN, INVALID, NOT_FOUND and IN_USE", async () => {
    const errorOf = async (text: string) => {
      try {
        await rows(text);
      } catch (error) {
        return constraintError(error, (table) => (table === "markets" ? undefined : ["input"]));
      }
      return undefined;
    };
    expect(await errorOf("INSERT INTO tags (id, mode, name) VALUES ('tag_x', 'test', 'vip')")).toMatchObject({
      code: "TAKEN",
      path: ["input", "name"],
    });
    expect(await errorOf("UPDATE customers SET shopper_reference = 'x' WHERE id = 'cus_ada'")).toMatchObject({
      code: "INVALID",
      path: ["input", "shopperReference"],
      message: "This has 3 to 128 characters.",
    });
    expect(await errorOf("UPDATE customers SET customer_group_id = 'cgr_none' WHERE id = 'cus_ada'")).toMatchObject({
      code: "NOT_FOUND",
      path: ["input", "customerGroupId"],
    });
    expect(await errorOf("DELETE FROM customer_groups WHERE id = 'cgr_vip'")).toMatchObject({
      code: "IN_USE",
      path: ["id"],
    });
    expect(constraintError(new Error("no constraint"), () => undefined)).toBeUndefined();
  });
});

describe("user error codes", () => {
  test("not declared by the mutation are logged", async () => {
    class Probe {
      @Mutates<{ id: string }>({
        access: [],
        description: "",
        example: "",
        errors: ["NOT_FOUND"],
        payload: payloadOf("Probe", "", {}),
        id: "The code.",
      })
      async probe(write: Write, { id }: { id: string }): Promise<Record<string, unknown>> {
        return write.abort(id as UserErrorCode, ["id"], "No.");
      }
    }
    const told: unknown[] = [];
    const context = {
      database: app.database,
      loaders: { readThrough() {} },
      viewer: {
        kind: "integration",
        applicationId: "a",
        mode: "test",
        owner: null,
        permissions: permissionsByKind.integration,
      },
      writes: { dryRun: [], replayed: [], committed: [] },
      log: { error: (_: string, facts: unknown) => told.push(facts) },
    };
    const info = { fieldName: "probe", fieldNodes: [], variableValues: {}, path: { key: "probe" } };
    const probe = new Probe().probe as unknown as (...args: unknown[]) => Promise<{ userErrors: object[] }>;
    for (const code of [UserErrorCode.NOT_FOUND, UserErrorCode.TAKEN]) {
      expect((await probe(code, context, info)).userErrors).toMatchObject([{ code }]);
    }
    expect(told).toEqual([{ mutation: "probe", code: "TAKEN" }]);
  });
});

describe("references to a customer and its resources during an erasure", () => {
  let app: TestApp;
  const rows = async (text: string, values: unknown[] = []) => (await app.database.pool.query(text, values)).rows;
  const setStatus = (status: string | null) =>
    rows("UPDATE customers SET anonymization_status = $1::anonymization_status WHERE id = 'cus_ada'", [status]);
  beforeAll(async () => {
    app = await createTestApp();
  });
  beforeEach(() => setStatus(null));
  afterAll(() => app.stop());

  /** All arguments of mutations that take the id of something that may be a customer's, beside what is changed itself. */
  const places = Object.values(schema.getMutationType()!.getFields()).flatMap(({ name, args }) => {
    const find = (type: GraphQLInputObjectType, path: string): string[] =>
      inputFields(type).flatMap((field) => {
        const inner = getNamedType(field.type);
        const place = `${path}.${field.name}`;
        if (isInputObjectType(inner)) return find(inner, place);
        if (inner.name !== "ID" || field.name === "id") return [];
        const model = [...models.values()].findLast((one) => new RegExp(`${one.name}Id$`, "i").test(field.name));
        return !model || isPersonal(model) ? [place] : [];
      });
    return args.flatMap(({ type }) =>
      isInputObjectType(getNamedType(type)) ? find(getNamedType(type) as GraphQLInputObjectType, name) : [],
    );
  });
  /** These name the customer that is changed, or a line of the order or return that is named. */
  const others = /^(anonymization|legalHold|customerPasswordChange)|(lineItems|returnLineItemCreate).lineItemId$/;

  const address = `{ firstName: "A", lastName: "B", line1: "C 1", city: "Bath", zipCode: "BA1 1AA", countryCode: "GB", phone: "1" }`;
  const cases: Record<string, string> = {
    "attachmentCreate.attachableId": `input: { name: "Note", description: "x", attachableId: "ord_1001" }`,
    "attachmentUpdate.attachableId": `id: "att_other", input: { attachableId: "ord_1001" }`,
    "customerAddressCreate.addressId": `input: { customerId: "cus_bruno", addressId: "adr_ada_home" }`,
    "customerAddressCreate.customerId": `input: { customerId: "cus_ada", address: ${address} }`,
    "customerPaymentSourceCreate.customerId": `input: { customerId: "cus_ada", paymentMethodId: "pmt_stripe" }`,
    "customerPaymentSourceCreate.paymentSourceId": `input: { customerId: "cus_bruno", paymentSourceId: "SOURCE" }`,
    "customerSubscriptionCreate.customerId": `input: { customerId: "cus_ada", reference: "links" }`,
    "lineItemCreate.orderId": `input: { orderId: "ord_1029", skuCode: "MUG-BLUE", quantity: 1 }`,
    "orderCreate.billingAddressId": `input: { marketId: "mkt_europe", billingAddressId: "adr_ada_home" }`,
    "orderCreate.customerId": `input: { marketId: "mkt_europe", customerId: "cus_ada" }`,
    "orderCreate.shippingAddressId": `input: { marketId: "mkt_europe", shippingAddressId: "adr_ada_home" }`,
    "orderSubscriptionUpdate.customerPaymentSourceId": `id: "osu_bruno_coffee", input: { customerPaymentSourceId: "cps_ada_visa" }`,
    "orderUpdate.billingAddressId": `id: "ord_other", input: { billingAddressId: "adr_ada_home" }`,
    "orderUpdate.customerId": `id: "ord_other", input: { customerId: "cus_ada" }`,
    "orderUpdate.shippingAddressId": `id: "ord_other", input: { shippingAddressId: "adr_ada_home" }`,
    "returnCreate.orderId": `input: { orderId: "ord_1001", lineItems: [{ lineItemId: "lin_done", quantity: 1 }] }`,
    "returnLineItemCreate.returnId": `input: { returnId: "ret_1004_1", lineItemId: "lin_done", quantity: 1 }`,
    "skuListCreate.customerId": `input: { name: "Links", customerId: "cus_ada" }`,
    "skuListItemCreate.skuListId": `input: { skuListId: "skl_ada_wishes", skuCode: "MUG-BLUE" }`,
    "skuListUpdate.customerId": `id: "skl_other", input: { customerId: "cus_ada" }`,
  };

  test("are tested for all mutations", () => {
    expect(places.filter((place) => !others.test(place)).sort()).toEqual(Object.keys(cases).sort());
  });

  test.each(Object.entries(cases))("%s waits for the erasure, and is refused", async (place, args) => {
    await rows(
      `INSERT INTO orders (id, mode, number, status, placed_at) VALUES ('ord_other', 'test', 'links-1', 'draft', NULL), ('ord_done', 'test', 'links-2', 'placed', now()) ON CONFLICT DO NOTHING`,
    );
    await rows(
      "INSERT INTO line_items (id, mode, order_id, item_type, quantity) VALUES ('lin_done', 'test', 'ord_done', 'skus', 1) ON CONFLICT DO NOTHING",
    );
    await rows(
      "INSERT INTO sku_lists (id, mode, name, slug) VALUES ('skl_other', 'test', 'Links', 'links') ON CONFLICT DO NOTHING",
    );
    await rows(
      "INSERT INTO attachments (id, mode, name, description, attachable_type, attachable_id) VALUES ('att_other', 'test', 'N', 'x', 'orders', 'ord_other') ON CONFLICT DO NOTHING",
    );
    const [{ source }] = await rows(
      "SELECT payment_source_id AS source FROM customer_payment_sources WHERE id = 'cps_ada_visa'",
    );
    const [name] = place.split(".");
    const erasing = await app.database.pool.connect();
    try {
      await erasing.query("BEGIN");
      const [{ pid }] = (await erasing.query("SELECT pg_backend_pid() AS pid")).rows;
      await erasing.query("UPDATE customers SET anonymization_status = 'started' WHERE id = 'cus_ada'");
      const answer = app.query(
        `mutation { ${name}(${args.replace("SOURCE", source)}) { userErrors { code path message } } }`,
      );
      await until(
        async () =>
          (await rows("SELECT 1 FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))", [pid])).length > 0,
      );
      await erasing.query("COMMIT");
      const { data, errors } = await answer;
      expect(errors).toBeUndefined();
      expect(data[name!].userErrors).toEqual([
        {
          code: "WRONG_STATE",
          path: ["input", place.split(".")[1]],
          message: "The customer is being anonymized; nothing of it can be changed.",
        },
      ]);
    } finally {
      erasing.release();
    }
  });

  test("are refused by the link rule for every model and every write", async () => {
    const viewer: Viewer = {
      kind: "integration",
      applicationId: "app_test",
      mode: "test",
      permissions: permissionsByKind.integration,
      marketIds: null,
      stockLocationIds: [],
      customClaim: null,
      expiresAt: new Date(Date.now() + 3_600_000),
      owner: null,
    };
    const context = { viewer, loaders: new Loaders(app.database, viewer), now: () => new Date() } as unknown as Context;
    const outcome = (model: ModelName, id: string) =>
      app.database
        .transaction(async (query) => {
          const write = new Write(context, query, schema);
          await write.values({ noteOf: link(model, { description: "Whose note it is." }) }, { noteOf: id }, "create");
          write.check();
          await write.create("Tag", { name: `note-${++made}` });
        })
        .then(
          () => "written",
          (error: unknown) => {
            if (!(error instanceof Refusal)) throw error;
            return error.errors.map(({ code, path }) => `${code} ${path.join(".")}`).join();
          },
        );
    const tried: string[] = [];
    for (const status of [null, "requested", "started", "completed"]) {
      await setStatus(status);
      const expected = status === "started" || status === "completed" ? "WRONG_STATE input.noteOf" : "written";
      for (const [model, where] of Object.entries(customerRows) as [ModelName, string][]) {
        if (model === "EventStore") continue;
        const [row] = await rows(`SELECT id FROM "${models.get(model)!.table}" t WHERE ${where} ORDER BY id LIMIT 1`, [
          "cus_ada",
        ]);
        if (!row) continue;
        tried.push(model);
        expect({ status, model, outcome: await outcome(model, row.id) }).toEqual({ status, model, outcome: expected });
      }
    }
    expect(new Set(tried).size).toBeGreaterThan(14);
  });
});
