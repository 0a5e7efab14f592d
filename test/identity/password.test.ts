import { jest } from "@jest/globals";
import bcrypt from "bcrypt";
import { hashPassword, passwordProblem, verifyPassword } from "../../src/identity/password.js";
import { type AuthApp, ada, createAuthApp, guest } from "./support.js";

const cost = 4;

test("verifyPassword accepts the password of the digest only", async () => {
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
  ["eight\t888", "control characters"],
  ["eight\u0085888", "control characters"],
  ["eight\u2028888", "control characters"],
  // Seven letters, as eight code points.
  ["abcdefo\u0301", "at least 8 characters"],
  ["        ", "blanks"],
  ["\u3000".repeat(8), "blanks"],
  ["\u00a0 \u2003 \u202f \u205f ", "blanks"],
  ["\u200b".repeat(8), "invisible"],
  ["\u2800\u3164 \ufeff\u00ad\u115f\ufe0f\u2060", "invisible"],
])("password %j is refused", async (plain, rule) => {
  expect(passwordProblem(plain)).toContain(rule);
  await expect(hashPassword(plain, { cost, path: ["input", "password"] })).rejects.toMatchObject({
    message: expect.stringContaining(rule),
    extensions: { code: "BAD_USER_INPUT", argument: ["input", "password"] },
  });
});

test("all 72 bytes count, and a 73rd is refused rather than cut off", async () => {
  const longest = "🔑".repeat(18);
  const digest = await hashPassword(longest, { cost });
  expect(await verifyPassword(longest, digest, { cost })).toBe(true);
  expect(await verifyPassword(`${longest}x`, digest, { cost })).toBe(false);
  expect(await verifyPassword(`${"🔑".repeat(17)}🗝x`, digest, { cost })).toBe(false);
});

test("NUL and lone surrogates do not end the password, as they do in bcrypt", async () => {
  const digest = await bcrypt.hash("correct-horse", cost);
  expect(await verifyPassword("correct-horse\0-9", digest, { cost })).toBe(false);
  expect(await verifyPassword("correct-horse\ud800", digest, { cost })).toBe(false);
});

describe("RFC 8265: equivalent passwords", () => {
  test.each([
    ["composed", "contrase\u00f1a-\u00f3", "contrasen\u0303a-o\u0301"],
    ["Hangul", "\ud55c\uad6d\uc5b4-1234567", "\u1112\u1161\u11ab\u1100\u116e\u11a8\u110b\u1165-1234567"],
    ["no-break spaces", "correct horse 9", "correct\u00a0horse\u00a09"],
    ["ideographic spaces", "correct horse 9", "correct\u3000horse\u30009"],
  ])("%s: equal", async (_, one, other) => {
    for (const [set, tried] of [
      [one, other],
      [other, one],
    ] as const) {
      expect(await verifyPassword(tried, await hashPassword(set, { cost }), { cost })).toBe(true);
    }
  });

  test.each([
    ["case", "Correct-horse-9", "correct-horse-9"],
    ["full width", "correct-horse-9", "correct-horse-\uff19"],
    ["Kelvin sign and k with a dot", "\u1e33orrect-horse", "korrect-horse"],
    ["sharp s", "stra\u00dfe-horse", "strasse-horse"],
    ["an invisible character", "correct-horse-9", "correct\u200b-horse-9"],
  ])("%s: different", async (_, one, other) => {
    expect(await verifyPassword(other, await hashPassword(one, { cost }), { cost })).toBe(false);
  });

  test("the limit of 72 bytes applies after NFC normalization", async () => {
    const longest = "o\u0301".repeat(36);
    expect(passwordProblem(longest)).toBeUndefined();
    expect(await verifyPassword(longest.normalize("NFC"), await hashPassword(longest, { cost }), { cost })).toBe(true);
  });

  test("a digest made before normalization still matches its exact text", async () => {
    for (const old of ["contrasen\u0303a-o\u0301", "correct\u00a0horse\u00a09", "        ", "tab\tbed-horse"]) {
      const digest = await bcrypt.hash(old, cost);
      expect(await verifyPassword(old, digest, { cost })).toBe(true);
      expect(await verifyPassword(`${old}x`, digest, { cost })).toBe(false);
    }
  });
});

test("digests $2a$ and $2y$ match; damaged ones match nothing", async () => {
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

test("wrong, missing and damaged digests cost the same bcrypt work", async () => {
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
    // Typed in another form than the stored one it is tried twice, for every account.
    const decomposed = `${plain}o\u0301`;
    expect([name, await workOf(() => verifyPassword(decomposed, digest, { cost: full }))]).toEqual([
      name,
      2 ** (full + 1),
    ]);
  }
  for (const set of ["correct-horse-\u00f3", "correct-horse-o\u0301"]) {
    const digest = await bcrypt.hash(set, full);
    const work = await workOf(async () =>
      expect(await verifyPassword("correct-horse-o\u0301", digest, { cost: full })).toBe(true),
    );
    expect(work).toBe(2 ** (full + 1));
  }
});

test("two bcrypt jobs at a time, 64 wait, further ones are RATE_LIMITED", async () => {
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

  test("log-in with an unknown e-mail address costs the same work as with a wrong password", async () => {
    const tried = (username: string) =>
      workOf(async () => expect((await app.token({ ...ada, username, password: "wrong-horse-9" })).status).toBe(400));
    const wrong = await tried(ada.username);
    expect(wrong).toBe(2 ** 10);
    expect(await tried("nobody@example.com")).toBe(wrong);
    // A customer without a password.
    expect(await tried("grace.miller@example.com")).toBe(wrong);
  });

  test("a password set in composed letters is accepted in decomposed ones, and as oldPassword", async () => {
    const [composed, decomposed] = ["contrase\u00f1a-9", "contrasen\u0303a-9"];
    const email = "composed@example.com";
    const visitor = `Bearer ${(await app.token(guest)).body.access_token}`;
    const create = async (address: string, password: string) => {
      const input = `{ email: "${address}", password: ${JSON.stringify(password)} }`;
      const { body } = await app.query(
        visitor,
        `mutation { customerCreate(input: ${input}) { customer { id } userErrors { message path } } }`,
      );
      return body.data.customerCreate;
    };
    const made = await create(email, decomposed);
    expect(made.userErrors).toEqual([]);
    expect(await create("blank@example.com", "        ")).toEqual({
      customer: null,
      userErrors: [
        {
          path: ["input", "password"],
          message: "A password must not be made of blanks and invisible characters alone.",
        },
      ],
    });
    for (const password of [composed, decomposed]) {
      const { status, body } = await app.token({ ...ada, username: email, password });
      expect(status).toBe(200);
      const passwords = `oldPassword: ${JSON.stringify(password)}, newPassword: ${JSON.stringify(decomposed)}`;
      const change = await app.query(
        `Bearer ${body.access_token}`,
        `mutation { customerPasswordChange(input: { customerId: "${made.customer.id}", ${passwords} }) { userErrors { message } } }`,
      );
      expect(change.body.data.customerPasswordChange.userErrors).toEqual([]);
    }
  });

  test("40 concurrent log-ins succeed, and other requests are answered meanwhile", async () => {
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
