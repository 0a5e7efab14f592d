import { Revocations } from "../../src/identity/revocations.js";
import { endSessionsOf, longestRefreshGraceMs } from "../../src/identity/sessions.js";
import { createLogger } from "../../src/telemetry/logger.js";
import { type AuthApp, ada, createAuthApp, guest, integration, read, storefront } from "./support.js";

let app: AuthApp;
beforeAll(async () => {
  app = await createAuthApp();
});
afterAll(() => app.stop());

const signIn = async (request: Record<string, string> = ada) => (await app.token(request)).body;
const refresh = (refresh_token: string, more: Record<string, string> = {}) =>
  app.token({ ...storefront, grant_type: "refresh_token", refresh_token, ...more });
const codeFor = async (token: string) => {
  const { status, body } = await app.query(`Bearer ${token}`);
  return [status, body.errors?.[0]?.extensions.code ?? body.data.viewer.kind];
};
const graceMs = 30_000;
const good = [200, "CUSTOMER"];
const refused = [401, "UNAUTHENTICATED"];

describe("grant_type=refresh_token", () => {
  test("gives a new pair of tokens with the rights of the first", async () => {
    const first = await signIn();
    const { status, body } = await refresh(first.refresh_token);
    expect(status).toBe(200);
    expect(body).toMatchObject({ scope: first.scope, owner_id: "cus_ada", owner_type: "customer" });
    expect(body.refresh_token).not.toBe(first.refresh_token);
    const [one, two] = [first, body].map(({ access_token }) => read(access_token).payload);
    expect(two).toMatchObject({ owner: one!.owner, market: one!.market, family: one!.family });
    expect(two!.jti).not.toBe(one!.jti);
    expect(await codeFor(first.access_token)).toEqual(good);
    expect(await codeFor(body.access_token)).toEqual(good);
    expect((await refresh(body.refresh_token)).status).toBe(200);
  });

  test("reuse of a refresh token ends that session, newest tokens included; other sessions go on", async () => {
    const [first, other] = [await signIn(), await signIn()];
    const second = (await refresh(first.refresh_token)).body;
    app.advance(graceMs);
    const again = await refresh(first.refresh_token);
    expect([again.status, again.body.error]).toEqual([400, "invalid_grant"]);
    expect((await refresh(second.refresh_token)).body.error).toBe("invalid_grant");
    expect(await codeFor(first.access_token)).toEqual(refused);
    expect(await codeFor(second.access_token)).toEqual(refused);
    expect(await codeFor(other.access_token)).toEqual(good);
    expect((await refresh(other.refresh_token)).status).toBe(200);
  });

  test("20 concurrent refreshes on two servers get the same successor", async () => {
    const first = await signIn();
    const elsewhere = await createAuthApp({ sharing: app });
    try {
      const request = { ...storefront, grant_type: "refresh_token", refresh_token: first.refresh_token };
      const answers = await app.standingStill(() =>
        Promise.all(Array.from({ length: 20 }, (_, i) => (i % 2 ? app : elsewhere).token(request))),
      );
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
      expect(new Set(answers.map(({ body }) => body.refresh_token)).size).toBe(1);
      const { family } = read(first.access_token).payload;
      for (const { body } of answers) expect(read(body.access_token).payload).toMatchObject({ family });
      for (const { body } of answers.filter((_, i) => i % 2)) expect(await codeFor(body.access_token)).toEqual(good);
      const stored = await app.database.prisma.refreshToken.findMany({ where: { familyId: family } });
      expect(stored.map(({ usedAt }) => usedAt !== null).sort()).toEqual([false, true]);
      expect((await refresh(answers[0]!.body.refresh_token)).status).toBe(200);
    } finally {
      await elsewhere.stop();
    }
  });

  test("within the grace period reuse returns the same successor, even a used one; after it the session ends", async () => {
    await app.standingStill(async () => {
      const first = await signIn();
      const second = (await refresh(first.refresh_token)).body;
      app.advance(graceMs - 1);
      const again = (await refresh(first.refresh_token)).body;
      expect(again).toMatchObject({ refresh_token: second.refresh_token, scope: second.scope, owner_id: "cus_ada" });
      expect(await codeFor(again.access_token)).toEqual(good);
      const third = (await refresh(again.refresh_token)).body;
      expect((await refresh(first.refresh_token)).body.refresh_token).toBe(second.refresh_token);
      app.advance(1);
      // The grace counts from the first use: being asked again does not prolong it.
      const late = await refresh(first.refresh_token);
      expect([late.status, late.body.error]).toEqual([400, "invalid_grant"]);
      for (const { access_token } of [first, second, again, third])
        expect(await codeFor(access_token)).toEqual(refused);
      expect((await refresh(third.refresh_token)).body.error).toBe("invalid_grant");
    });
  });

  test("a token used right before it expired still returns its successor in the grace period", async () => {
    await app.standingStill(async () => {
      const first = await signIn();
      app.advance(14 * 86_400_000 - 1);
      const second = (await refresh(first.refresh_token)).body;
      app.advance(1_000);
      await app.revocations.sweep();
      expect((await refresh(first.refresh_token)).body.refresh_token).toBe(second.refresh_token);
    });
  });

  test("the grace period does not bypass client, scope or the end of a session", async () => {
    const { prisma } = app.database;
    await prisma.application.create({
      data: { id: "app_3", mode: "test", name: "3", kind: "sales_channel", clientId: "three", accessTokenSeconds: 60 },
    });
    const used = async (request = ada) => {
      const first = await signIn(request);
      return { first: first.refresh_token, second: (await refresh(first.refresh_token)).body };
    };
    const expectNone = async (refresh_token: string) => {
      const { status, body } = await refresh(refresh_token);
      expect([status, body.error, body.refresh_token]).toEqual([400, "invalid_grant", undefined]);
    };
    const session = await used();
    expect((await refresh(session.first, { client_id: "three" })).body.error).toBe("invalid_grant");
    expect((await refresh(session.first, { scope: "market:code:usa" })).body.error).toBe("invalid_scope");
    expect((await refresh(session.first)).body.refresh_token).toBe(session.second.refresh_token);

    await app.post("/oauth/revoke", { ...storefront, token: session.second.refresh_token });
    await expectNone(session.first);

    const hana = { ...ada, username: "hana.yamada@example.com" };
    const before = await used(hana);
    const change = `mutation { customerPasswordChange(input: { customerId: "cus_hana", oldPassword: "${ada.password}", newPassword: "another-horse-9" }) { userErrors { code } } }`;
    const changed = await app.query(`Bearer ${before.second.access_token}`, change);
    expect(changed.body.data.customerPasswordChange.userErrors).toEqual([]);
    await expectNone(before.first);
    await expectNone(before.second.refresh_token);

    const erased = await used({ ...hana, password: "another-horse-9" });
    await prisma.customer.update({ where: { id: "cus_hana" }, data: { anonymizationStatus: "started" } });
    await expectNone(erased.first);
    await prisma.customer.update({ where: { id: "cus_hana" }, data: { anonymizationStatus: null } });
    expect((await refresh(erased.first)).body.refresh_token).toBe(erased.second.refresh_token);
  });

  test("the database has neither refresh tokens nor the secret that derives successors", async () => {
    const first = await signIn();
    const second = (await refresh(first.refresh_token)).body;
    const { family } = read(first.access_token).payload;
    const stored = () => app.database.prisma.refreshToken.findMany({ where: { familyId: family } });
    for (const text of [first.refresh_token, second.refresh_token]) {
      expect(JSON.stringify(await stored())).not.toContain(text);
    }
    expect((await stored()).filter(({ successorSalt }) => successorSalt)).toHaveLength(1);
    app.advance(longestRefreshGraceMs);
    await app.revocations.sweep();
    expect((await stored()).map(({ successorSalt }) => successorSalt)).toEqual([null, null]);
  });

  test("refreshGraceMs=0: of concurrent refreshes one wins, and the session ends", async () => {
    const strict = await createAuthApp({ refreshGraceMs: 0 });
    try {
      const { refresh_token } = (await strict.token(ada)).body;
      const request = { ...storefront, grant_type: "refresh_token", refresh_token };
      const answers = await Promise.all(Array.from({ length: 6 }, () => strict.token(request)));
      const won = answers.filter(({ status }) => status === 200);
      expect(won).toHaveLength(1);
      expect((await strict.token({ ...request, refresh_token: won[0]!.body.refresh_token })).status).toBe(400);
      expect((await strict.query(`Bearer ${won[0]!.body.access_token}`)).status).toBe(401);
    } finally {
      await strict.stop();
    }
  });

  test("reuse detected during a renewal leaves no token of the session valid", async () => {
    for (let round = 0; round < 5; round++) {
      const first = await signIn();
      const second = (await refresh(first.refresh_token)).body;
      app.advance(graceMs);
      const [renewed] = await Promise.all([refresh(second.refresh_token), refresh(first.refresh_token)]);
      if (renewed.status === 200) {
        expect((await refresh(renewed.body.refresh_token)).body.error).toBe("invalid_grant");
      }
      const { family } = read(first.access_token).payload;
      expect(await app.database.prisma.refreshToken.count({ where: { familyId: family } })).toBe(0);
    }
  });

  test("keeps its scope", async () => {
    const { refresh_token } = await signIn({ ...ada, scope: "market:code:europe market:code:usa" });
    const other = await refresh(refresh_token, { scope: "market:code:europe market:code:usa market:code:japan" });
    expect([other.status, other.body.error]).toEqual([400, "invalid_scope"]);
    // The refusal did not cost the customer her log-in.
    const { body } = await refresh(refresh_token, { scope: "market:code:usa,market:code:europe" });
    expect(read(body.access_token).payload.market).toEqual({ id: ["mkt_europe", "mkt_usa"] });
  });

  test("a disabled or private market is dropped from the token; losing the last one ends the session", async () => {
    const { prisma } = app.database;
    const first = await signIn({ ...ada, scope: "market:code:vip-club market:code:japan" });
    await prisma.customer.update({ where: { id: "cus_ada" }, data: { customerGroupId: null } });
    const second = (await refresh(first.refresh_token)).body;
    expect(read(second.access_token).payload.market).toEqual({ id: ["mkt_japan"] });
    await prisma.customer.update({ where: { id: "cus_ada" }, data: { customerGroupId: "cgr_vip" } });
    await prisma.market.update({ where: { id: "mkt_japan" }, data: { disabledAt: new Date() } });
    expect((await refresh(second.refresh_token)).body.error).toBe("invalid_grant");
    await prisma.market.update({ where: { id: "mkt_japan" }, data: { disabledAt: null } });
  });

  test("refuses another client, an invented token, one after two weeks, and one of an erased customer", async () => {
    const { prisma } = app.database;
    await prisma.application.create({
      data: { id: "app_2", mode: "test", name: "2", kind: "sales_channel", clientId: "two", accessTokenSeconds: 60 },
    });
    const { refresh_token } = await signIn();
    expect((await refresh(refresh_token, { client_id: "two" })).body.error).toBe("invalid_grant");
    expect((await refresh("a".repeat(43))).body.error).toBe("invalid_grant");
    await prisma.customer.update({ where: { id: "cus_ada" }, data: { anonymizationStatus: "started" } });
    expect((await refresh(refresh_token)).body.error).toBe("invalid_grant");
    await prisma.customer.update({ where: { id: "cus_ada" }, data: { anonymizationStatus: null } });
    const next = (await refresh(refresh_token)).body;
    app.advance(14 * 86_400_000);
    expect((await refresh(next.refresh_token)).body.error).toBe("invalid_grant");
  });
});

describe("/oauth/revoke", () => {
  const revoke = (parameters: Record<string, string>) => app.post("/oauth/revoke", parameters);

  test("revokes an access token, and no other", async () => {
    const [one, other] = [await signIn(), await signIn()];
    expect(await codeFor(one.access_token)).toEqual(good);
    expect(await revoke({ ...storefront, token: one.access_token })).toMatchObject({ status: 200, body: {} });
    expect(await codeFor(one.access_token)).toEqual(refused);
    expect(await codeFor(other.access_token)).toEqual(good);
    expect((await revoke({ ...storefront, token: one.access_token })).status).toBe(200);
  });

  test("revoking a refresh token ends its whole session", async () => {
    const first = await signIn();
    const second = (await refresh(first.refresh_token)).body;
    expect((await revoke({ ...storefront, token: second.refresh_token })).status).toBe(200);
    expect((await refresh(second.refresh_token)).body.error).toBe("invalid_grant");
    expect(await codeFor(first.access_token)).toEqual(refused);
    expect(await codeFor(second.access_token)).toEqual(refused);
  });

  test("an integration needs its secret to revoke", async () => {
    const { access_token } = (await app.token({ ...integration, grant_type: "client_credentials" })).body;
    const without = await revoke({ client_id: integration.client_id, token: access_token });
    expect([without.status, without.body.error]).toEqual([401, "invalid_client"]);
    expect((await revoke({ ...integration, token: access_token })).status).toBe(200);
    expect(await codeFor(access_token)).toEqual(refused);
  });

  test("a guest's token, shared by all visitors, cannot be revoked by a visitor", async () => {
    const { access_token } = (await app.token(guest)).body;
    const answer = await revoke({ ...storefront, token: access_token });
    expect([answer.status, answer.body.error]).toEqual([401, "invalid_client"]);
    expect(await codeFor(access_token)).toEqual([200, "GUEST"]);
  });

  test("another client's token is unauthorized_client; text that is no token is 200", async () => {
    const { access_token, refresh_token } = await signIn();
    for (const token of [access_token, refresh_token]) {
      const { status, body } = await revoke({ ...integration, token });
      expect([status, body.error, body.errors[0]!.code]).toEqual([403, "unauthorized_client", "FORBIDDEN"]);
    }
    expect(await codeFor(access_token)).toEqual(good);
    for (const token of ["nonsense", "a.b.c", "x".repeat(9_000)]) {
      expect((await revoke({ ...storefront, token })).status).toBe(200);
    }
    expect((await revoke(storefront)).body.error).toBe("invalid_request");
    expect((await revoke({ token: access_token })).body.error).toBe("invalid_client");
  });

  test("endSessionsOf() ends all sessions of a customer; a new log-in in the same second is accepted", async () => {
    const old = await signIn();
    expect(await codeFor(old.access_token)).toEqual(good);
    const { database, revocations } = app;
    const resources = { database, revocations, now: () => new Date() };
    const applied = await database.transaction((query) => endSessionsOf(resources, query, "cus_ada"));
    applied();
    expect(await codeFor(old.access_token)).toEqual(refused);
    expect((await refresh(old.refresh_token)).body.error).toBe("invalid_grant");
    expect(await codeFor((await signIn()).access_token)).toEqual(good);
  });

  test("a log-in or refresh in progress does not survive a password change", async () => {
    const { database, revocations } = app;
    const bruno = { ...ada, username: "bruno.rossi@example.com" };
    const { refresh_token } = await signIn(bruno);
    const [logIn, renewal, applied] = await database.transaction(async (query) => {
      await query("UPDATE customers SET password_digest = 'changed' WHERE id = 'cus_bruno'", []);
      const underWay = [app.token(bruno), refresh(refresh_token)] as const;
      // Both have read the old password by then, and wait for the row.
      await new Promise((resolve) => setTimeout(resolve, 500));
      return [...underWay, await endSessionsOf({ revocations, now: () => new Date() }, query, "cus_bruno")] as const;
    });
    applied();
    expect((await logIn).body.error).toBe("invalid_grant");
    expect((await renewal).body.error).toBe("invalid_grant");
    expect(await database.prisma.refreshToken.count({ where: { customerId: "cus_bruno" } })).toBe(0);
  });

  test("other servers learn of a revocation within two seconds, and keep running when they cannot poll", async () => {
    const logged: string[] = [];
    const log = createLogger({ level: "info", json: false, write: (line) => logged.push(line) });
    let broken = false;
    const query: AuthApp["database"]["query"] = (...statement) =>
      broken ? Promise.reject(new Error("gone")) : app.database.query(...statement);
    const elsewhere = new Revocations({ database: { ...app.database, query }, log, intervalMs: 20 });
    await elsewhere.start();
    const { access_token } = await signIn();
    const claims = (await app.tokens.verify(`Bearer ${access_token}`))!;
    const failures = () => logged.filter((line) => line.includes("cannot be read"));
    broken = true;
    // What was being read before has been read then.
    while (!failures().length) await new Promise((resolve) => setTimeout(resolve, 10));
    await revoke({ ...storefront, token: access_token });
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(elsewhere.isRevoked(claims)).toBe(false);
    expect(failures()).toHaveLength(1);
    broken = false;
    const start = Date.now();
    while (!elsewhere.isRevoked(claims) && Date.now() - start < 20_000) await new Promise((r) => setTimeout(r, 10));
    expect(elsewhere.isRevoked(claims)).toBe(true);
    await elsewhere.stop();
  });

  test("expired revocations and refresh tokens are deleted by sweep()", async () => {
    const { prisma } = app.database;
    await signIn();
    expect(await prisma.revocation.count()).toBeGreaterThan(0);
    app.advance(15 * 86_400_000);
    await app.revocations.sweep();
    expect(await prisma.revocation.count()).toBe(0);
    expect(await prisma.refreshToken.count()).toBe(0);
  });
});
