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

test("it takes as long whatever stands in the way", async () => {
  const full = 8;
  const cases = {
    wrong: ["correct-horse-8", await bcrypt.hash("correct-horse-9", full)],
    right: ["correct-horse-9", await bcrypt.hash("correct-horse-9", full)],
    cheaper: ["correct-horse-8", await bcrypt.hash("correct-horse-9", full - 3)],
    none: ["correct-horse-8", null],
    damaged: ["correct-horse-8", "$2b$08$damaged"],
    tooLong: ["x".repeat(100), await bcrypt.hash("correct-horse-9", full)],
  } as const;
  const times = Object.fromEntries(Object.keys(cases).map((name) => [name, [] as number[]]));
  for (let round = 0; round < 15; round++) {
    for (const [name, [plain, digest]] of Object.entries(cases)) {
      const start = performance.now();
      await verifyPassword(plain, digest, { cost: full });
      times[name]!.push(performance.now() - start);
    }
  }
  // The least of each: whatever else the machine does only adds to them. A way around the work would be a factor of 8 or
  // more; the margin is for a busy machine.
  const least = Object.values(times).map((own) => Math.min(...own));
  expect(Math.max(...least) / Math.min(...least)).toBeLessThan(2.5);
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

  test("an unknown e-mail takes as long as a wrong password", async () => {
    const time = async (username: string) => {
      const start = performance.now();
      expect((await app.token({ ...ada, username, password: "wrong-horse-9" })).status).toBe(401);
      return performance.now() - start;
    };
    const [unknown, wrong]: [number[], number[]] = [[], []];
    for (let i = 0; i < 5; i++) {
      unknown.push(await time("nobody@example.com"));
      wrong.push(await time(ada.username));
    }
    const ratio = median(unknown) / median(wrong);
    expect(ratio).toBeGreaterThan(0.35);
    expect(ratio).toBeLessThan(3);
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
