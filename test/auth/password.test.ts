import { jest } from "@jest/globals";
import bcrypt from "bcrypt";
import { hashPassword, passwordProblem, verifyPassword } from "../../src/platform/access/password.js";
import { type AuthApp, ada, createAuthApp } from "./support.js";

const cost = 4;

test("a password fits its own digest alone", async () => {
  const digest = await hashPassword("correct-horse-9", { cost });
  expect(digest).toMatch(/^\$2b\$04\$/);
  expect(await verifyPassword("correct-horse-9", digest, { cost })).toBe(true);
  expect(await verifyPassword("correct-horse-8", digest, { cost })).toBe(false);
  expect(await verifyPassword("correct-horse-9", null, { cost })).toBe(false);
});

test.each([
  ["seven77", "at least 8 characters"],
  ["🔑🔑🔑🔑", "at least 8 characters"],
  ["x".repeat(73), "at most 72 bytes"],
  ["🔑".repeat(19), "at most 72 bytes"],
  ["eight\u0000888", "NUL"],
  ["eight888\ud83d", "half characters"],
])("%j cannot be set", async (plain, rule) => {
  expect(passwordProblem(plain)).toContain(rule);
  await expect(hashPassword(plain, { cost, path: ["input", "password"] })).rejects.toMatchObject({
    message: expect.stringContaining(rule),
    extensions: { code: "BAD_USER_INPUT", argument: ["input", "password"] },
  });
});

test("72 bytes are all read, and one more is wrong rather than cut", async () => {
  const longest = "🔑".repeat(18);
  const digest = await hashPassword(longest, { cost });
  expect(await verifyPassword(longest, digest, { cost })).toBe(true);
  expect(await verifyPassword(`${longest}x`, digest, { cost })).toBe(false);
  expect(await verifyPassword(`${"🔑".repeat(17)}🗝x`, digest, { cost })).toBe(false);
});

test("what bcrypt takes for the end of a text is part of it here", async () => {
  const digest = await bcrypt.hash("correct-horse", cost);
  expect(await verifyPassword("correct-horse\0-9", digest, { cost })).toBe(false);
  expect(await verifyPassword("correct-horse\ud800", digest, { cost })).toBe(false);
});

test("digests from elsewhere are read; damaged ones fit nothing", async () => {
  const digest = await bcrypt.hash("correct-horse-9", cost);
  for (const name of ["$2a$", "$2y$"]) {
    expect(await verifyPassword("correct-horse-9", digest.replace("$2b$", name), { cost })).toBe(true);
  }
  for (const damaged of ["", "correct-horse-9", digest.slice(0, -1), `${digest}x`, digest.replace("$04$", "$99$")]) {
    expect(await verifyPassword("correct-horse-9", damaged, { cost })).toBe(false);
  }
});

/** How many rounds bcrypt runs while `act` does; the real one does them. Rounds are what takes the time. */
async function workOf(act: () => Promise<unknown>): Promise<number> {
  const hash = jest.spyOn(bcrypt, "hash");
  const compare = jest.spyOn(bcrypt, "compare");
  try {
    await act();
    const texts = [...hash.mock.calls, ...compare.mock.calls].map(([, saltOrDigest]) => String(saltOrDigest));
    return texts.reduce((sum, text) => sum + 2 ** Number(text.slice(4, 6)), 0);
  } finally {
    hash.mockRestore();
    compare.mockRestore();
  }
}

test("it does the same work whatever stands in the way", async () => {
  const full = 8;
  const cases = {
    wrong: ["correct-horse-8", await bcrypt.hash("correct-horse-9", full)],
    right: ["correct-horse-9", await bcrypt.hash("correct-horse-9", full)],
    cheaper: ["correct-horse-8", await bcrypt.hash("correct-horse-9", full - 3)],
    none: ["correct-horse-8", null],
    damaged: ["correct-horse-8", "$2b$08$damaged"],
    tooLong: ["x".repeat(100), await bcrypt.hash("correct-horse-9", full)],
  } as const;
  for (const [name, [plain, digest]] of Object.entries(cases)) {
    expect([name, await workOf(() => verifyPassword(plain, digest, { cost: full }))]).toEqual([name, 2 ** full]);
  }
});

test("two at a time, 64 more wait, and the rest are told to come back", async () => {
  const digest = await bcrypt.hash("correct-horse-9", 6);
  const results = await Promise.allSettled(
    Array.from({ length: 80 }, () => verifyPassword("correct-horse-9", digest, { cost: 6 })),
  );
  const refusals = results.filter(({ status }) => status === "rejected") as PromiseRejectedResult[];
  expect(refusals).toHaveLength(14);
  expect(refusals[0]!.reason.extensions).toMatchObject({ code: "RATE_LIMITED", retryAfterMs: 5_000 });
  expect(await verifyPassword("correct-horse-9", digest, { cost })).toBe(true);
});

describe("over HTTP", () => {
  let app: AuthApp;
  beforeAll(async () => {
    app = await createAuthApp({ passwordCost: 10 });
  });
  afterAll(() => app.stop());

  test("an unknown e-mail costs the same work as a wrong password", async () => {
    const tried = (username: string) =>
      workOf(async () => expect((await app.token({ ...ada, username, password: "wrong-horse-9" })).status).toBe(401));
    const wrong = await tried(ada.username);
    expect(wrong).toBe(2 ** 10);
    expect(await tried("nobody@example.com")).toBe(wrong);
    // A customer without a password.
    expect(await tried("grace.miller@example.com")).toBe(wrong);
  });

  test("40 log-ins at once all succeed, and other requests are answered meanwhile", async () => {
    const { access_token } = (await app.token(ada)).body;
    let done = false;
    const logIns = Promise.all(Array.from({ length: 40 }, () => app.token(ada))).finally(() => {
      done = true;
    });
    const latencies: number[] = [];
    while (!done) {
      const start = performance.now();
      const { status } = await app.query(`Bearer ${access_token}`, '{ customer(by: { id: "cus_ada" }) { email } }');
      expect(status).toBe(200);
      latencies.push(performance.now() - start);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect((await logIns).map(({ status }) => status)).toEqual(Array(40).fill(200));
    expect(latencies.length).toBeGreaterThan(20);
    expect(median(latencies)).toBeLessThan(300);
  });
});

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
