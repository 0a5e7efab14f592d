import { callerAddress, Limits, TooManyAttemptsError } from "../../src/identity/rate-limits.js";
import { type AuthApp, ada, createAuthApp, guest, integration } from "./support.js";

describe("rate limits of /oauth/token", () => {
  let app: AuthApp;
  beforeAll(async () => {
    app = await createAuthApp({ trustedProxies: 1 });
  });
  afterAll(() => app.stop());

  // Each test has an account and addresses of its own.
  const attempt = (address: string, request: Record<string, string>) =>
    app.token(request, { "x-forwarded-for": `6.6.6.6, ${address}` });
  const signIn = (address: string, username: string) => attempt(address, { ...ada, username });
  const guess = (address: string, username: string) =>
    attempt(address, { ...ada, username, password: "wrong-horse-9" });

  test("after six wrong passwords log-ins wait with Retry-After, doubling each time; then the right one is accepted", async () => {
    const [here, account] = ["10.1.0.1", "ada@example.com"];
    for (let i = 0; i < 6; i++) expect((await guess(here, account)).status).toBe(400);
    const held = await signIn(here, account);
    expect(held.status).toBe(429);
    expect(held.headers.get("retry-after")).toBe("1");
    expect(held.body).toMatchObject({
      error: "too_many_requests",
      errors: [{ code: "TOO_MANY_REQUESTS", status: 429 }],
    });
    app.advance(1_000);
    expect((await guess(here, account)).status).toBe(400);
    expect((await signIn(here, account)).headers.get("retry-after")).toBe("2");
    app.advance(2_000);
    expect((await signIn(here, account)).status).toBe(200);
    expect((await signIn(here, account)).status).toBe(200);
  });

  test("unknown accounts are limited like known ones", async () => {
    for (let i = 0; i < 6; i++) expect((await guess("10.2.0.1", "nobody@example.com")).status).toBe(400);
    expect((await guess("10.2.0.1", " NOBODY@example.com")).status).toBe(429);
    expect((await signIn("10.2.0.1", "ada@example.com")).status).toBe(200);
  });

  test("guesses from many addresses limit the account, except from addresses where its owner signed in", async () => {
    const account = "liz.oneill@example.com";
    expect((await signIn("10.3.0.1", account)).status).toBe(200);
    const guesses = await Promise.all(Array.from({ length: 60 }, (_, i) => guess(`10.3.1.${i}`, account)));
    expect(guesses.filter(({ status }) => status === 429).length).toBeGreaterThan(30);
    expect((await signIn("10.3.2.1", account)).status).toBe(429);
    expect((await signIn("10.3.0.1", account)).status).toBe(200);
    app.advance(30_000);
    expect((await signIn("10.3.2.1", account)).status).toBe(200);
  });

  test("no permanent lock-out: a log-in is accepted after one minute", async () => {
    for (let i = 0; i < 25; i++) {
      await guess("10.4.0.1", "kenji.sato@example.com");
      app.advance(61_000);
    }
    expect((await signIn("10.4.0.1", "kenji.sato@example.com")).status).toBe(200);
  });

  test("an address that tries many accounts is limited (password spraying)", async () => {
    const answers = [];
    for (let i = 0; i < 55; i++) answers.push((await guess("10.5.0.1", `person${i}@example.com`)).status);
    expect(answers.slice(0, 50)).toEqual(Array(50).fill(400));
    expect(answers.at(-1)).toBe(429);
    expect((await attempt("10.5.0.1", guest)).status).toBe(429);
    expect((await attempt("10.5.0.2", guest)).status).toBe(200);
  });

  test("an address that guesses client secrets is limited", async () => {
    const request = { ...integration, grant_type: "client_credentials" };
    const answers = [];
    for (let i = 0; i < 55; i++) {
      answers.push((await attempt("10.6.0.1", { ...request, client_secret: "guess" })).status);
    }
    expect(answers.at(-1)).toBe(429);
    expect((await attempt("10.6.0.2", request)).status).toBe(200);
  });

  test("concurrent guesses do not bypass the limit", async () => {
    const account = "noor.haddad@example.org";
    const answers = await app.standingStill(() =>
      Promise.all(Array.from({ length: 40 }, () => guess("10.7.0.1", account))),
    );
    const tried = answers.filter(({ status }) => status === 400).length;
    expect(tried).toBeGreaterThanOrEqual(6);
    expect(tried).toBeLessThanOrEqual(8);
  });
});

describe("Limits", () => {
  let time = 0;
  const limits = () => new Limits(() => new Date(time));
  const waitOf = (work: () => void) => {
    try {
      work();
      return 0;
    } catch (error) {
      if (error instanceof TooManyAttemptsError) return error.retryAfterMs;
      throw error;
    }
  };

  test("limits requests of each client over all addresses and accounts", () => {
    const own = limits();
    for (let i = 0; i < 3_000; i++) own.requestFor("demo-storefront");
    expect(waitOf(() => own.requestFor("demo-storefront"))).toBe(20);
    expect(waitOf(() => own.requestFor("another"))).toBe(0);
  });

  test("limits requests of each network address", () => {
    const own = limits();
    for (let i = 0; i < 300; i++) own.requestFrom("10.0.0.1");
    expect(waitOf(() => own.requestFrom("10.0.0.1"))).toBe(200);
    expect(waitOf(() => own.requestFrom("10.0.0.2"))).toBe(0);
    time += 200;
    expect(waitOf(() => own.requestFrom("10.0.0.1"))).toBe(0);
  });

  test("limits an account sooner per client than over all clients", () => {
    const own = limits();
    for (let i = 0; i < 21; i++) own.logIn("shop", "ada", `10.0.0.${i}`).failed();
    expect(waitOf(() => own.logIn("shop", "ada", "10.0.1.1").check())).toBe(1_000);
    expect(waitOf(() => own.logIn("app", "ada", "10.0.1.1").check())).toBe(0);
    for (let i = 0; i < 20; i++) own.logIn("app", "ada", `10.0.2.${i}`).failed();
    expect(waitOf(() => own.logIn("third", "ada", "10.0.1.1").check())).toBe(1_000);
  });

  test("failed log-ins expire with time", () => {
    const own = limits();
    for (let i = 0; i < 5; i++) own.logIn("shop", "ada", "10.0.0.1").failed();
    time += 300_000;
    for (let i = 0; i < 5; i++) own.logIn("shop", "ada", "10.0.0.1").failed();
    expect(waitOf(() => own.logIn("shop", "ada", "10.0.0.1").check())).toBe(0);
  });

  test("limits the addresses that a client may learn of; refused attempts do not count", () => {
    const own = limits();
    const form = (client: string, address: string) => own.form(client, address, { mayTell: true });
    for (let i = 0; i < 200; i++) form("shop", `10.0.0.${i}`);
    for (let i = 0; i < 50; i++) expect(waitOf(() => form("shop", "10.0.1.1"))).toBe(1_000);
    for (let i = 0; i < 20; i++) expect(waitOf(() => form("app", "10.0.1.1"))).toBe(0);
    expect(waitOf(() => form("app", "10.0.1.1"))).toBe(60_000);
    time += 1_000;
    expect(waitOf(() => form("shop", "10.0.1.2"))).toBe(0);
  });

  test("refunds of toldNothing() never exceed the initial allowance", () => {
    const own = limits();
    for (let i = 0; i < 3; i++) {
      const form = own.form("shop", "10.0.0.1", { mayTell: true });
      time += 3_600_000;
      form.revealedNothing();
    }
    for (let i = 0; i < 20; i++) own.form("shop", "10.0.0.1", { mayTell: true });
    expect(waitOf(() => own.form("shop", "10.0.0.1", { mayTell: false }))).toBe(2_000);
  });

  test("memory is bounded when accounts, clients and addresses are invented", () => {
    const own = limits();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 60_000; i++) {
      const address = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
      own.logIn("shop", `person${i}`, address).failed();
      own.form(`app${i}`, address, { mayTell: true });
    }
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(80_000_000);
  });

  test.each([
    ["10.0.0.1", undefined, 0, "10.0.0.1"],
    ["10.0.0.1", "6.6.6.6", 0, "10.0.0.1"],
    ["10.0.0.1", "6.6.6.6, 1.2.3.4", 1, "1.2.3.4"],
    ["10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.2", 2, "1.2.3.4"],
    ["10.0.0.1", "1.2.3.4", 3, "1.2.3.4"],
    ["10.0.0.1", undefined, 1, "10.0.0.1"],
    ["::ffff:10.0.0.1", undefined, 0, "10.0.0.1"],
    ["::1", undefined, 0, "0:0:0:0::/64"],
    ["2001:db8:1:2:3:4:5:6", undefined, 0, "2001:db8:1:2::/64"],
    ["2001:0DB8:0001::6", undefined, 0, "2001:db8:1:0::/64"],
    ["fe80::1%eth0", undefined, 0, "fe80:0:0:0::/64"],
  ])("client address: peer %s, X-Forwarded-For %s, %i trusted proxies: %s", (peer, forwarded, proxies, address) => {
    expect(callerAddress(peer, forwarded, proxies)).toBe(address);
  });
});
