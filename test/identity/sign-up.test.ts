import type { Answer } from "../support/app.js";
import { onlyField, type UserError } from "../support/operation-data.js";
import { type AuthApp, ada, createAuthApp, guest, integration } from "./support.js";

let app: AuthApp;
const tokens: Record<"guest" | "ada" | "integration", string> = { guest: "", ada: "", integration: "" };
beforeAll(async () => {
  app = await createAuthApp({ trustedProxies: 1 });
  const grants = { guest, ada, integration: { ...integration, grant_type: "client_credentials" } };
  for (const [who, grant] of Object.entries(grants)) {
    tokens[who as keyof typeof tokens] = (await app.token(grant)).body.access_token;
  }
});
afterAll(() => app.stop());

interface Payload {
  id: string;
  resetPasswordToken: string;
  userErrors: UserError[];
}

interface Body {
  data: Record<string, Payload | null>;
  errors: NonNullable<Answer<unknown>["errors"]>;
  extensions: Partial<Answer<unknown>["extensions"]>;
}

// Each test has addresses of its own.
async function ask(address: string, query: string, as: keyof typeof tokens = "guest") {
  const response = await fetch(`${app.url}/graphql`, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      authorization: `Bearer ${tokens[as]}`,
      "x-forwarded-for": `6.6.6.6, ${address}`,
    },
    body: JSON.stringify({ query }),
  });
  return {
    status: response.status,
    headers: response.headers,
    body: (await response.json()) as Body,
  };
}

/** What came of it: the code of the first error of either kind, or `done`. */
function codeOf({ body }: { body: Body }): string {
  if (body.errors) return String(body.errors[0]!.extensions.code);
  return onlyField(body.data)!.userErrors[0]?.code ?? "done";
}

let people = 0;
const somebody = () => `person${++people}@example.com`;
const taken = "Bruno.Rossi@example.com";
const field = (email: string, more = "", directive = "") =>
  `customerCreate(input: { email: "${email}" ${more} }) ${directive} { customer { id } userErrors { code } }`;
const signUp = async (address: string, email: string, more = "", directive = "") =>
  codeOf(await ask(address, `mutation { ${field(email, more, directive)} }`));
const times = async (n: number, work: (i: number) => Promise<string>) => {
  const answers = [];
  for (let i = 0; i < n; i++) answers.push(await work(i));
  return answers;
};
const twenty = (code: string) => Array(20).fill(code);

test("customerCreate tells a network address of twenty taken e-mail addresses, then of one a minute (RATE_LIMITED)", async () => {
  const here = "10.1.0.1";
  await app.standingStill(async () => {
    expect(await times(20, () => signUp(here, taken))).toEqual(twenty("TAKEN"));
    const held = await ask(here, `mutation { ${field(taken)} }`);
    expect([held.status, held.headers.get("retry-after")]).toEqual([429, "60"]);
    expect(held.body.errors).toEqual([
      expect.objectContaining({
        message: "Too many attempts; try again in 60 seconds.",
        path: ["customerCreate"],
        extensions: { code: "RATE_LIMITED", retryAfterMs: 60_000 },
      }),
    ]);
    // Nor does it hear that an address is free.
    expect(await signUp(here, somebody())).toBe("RATE_LIMITED");
    expect(await signUp("10.1.0.2", taken)).toBe("TAKEN");
  });
  app.advance(60_000);
  expect(await times(2, () => signUp(here, taken))).toEqual(["TAKEN", "RATE_LIMITED"]);
});

test("aliases in one request count one by one, as do concurrent requests", async () => {
  const all = Array.from({ length: 10 }, (_, i) => `a${i}: ${field(taken)}`);
  const together = () => ask("10.2.0.1", `mutation { ${all.join(" ")} }`);
  await app.standingStill(async () => {
    expect(await times(5, () => signUp("10.2.0.1", taken))).toEqual(Array(5).fill("TAKEN"));
    expect((await together()).status).toBe(200);
    const { status, body } = await together();
    expect(status).toBe(429);
    // Those before are answered all the same.
    expect(Object.values(body.data).map((payload) => payload?.userErrors ?? null)).toEqual([
      ...Array(5).fill([{ code: "TAKEN" }]),
      ...Array(5).fill(null),
    ]);
    expect(body.errors.map(({ path }) => path)).toEqual(all.slice(5).map((_, i) => [`a${i + 5}`]));
    const answers = await Promise.all(Array.from({ length: 60 }, () => signUp("10.2.0.2", taken)));
    expect(answers.filter((code) => code === "TAKEN")).toHaveLength(20);
    expect(answers.filter((code) => code === "RATE_LIMITED")).toHaveLength(40);
  });
});

test("successful sign-ups from one address are not limited by each other", async () => {
  const here = "10.3.0.1";
  await app.standingStill(async () => {
    expect(new Set(await times(90, () => signUp(here, somebody())))).toEqual(new Set(["done"]));
    // A form that is wrong tells nothing of the address in it.
    expect(await signUp(here, taken, 'password: "short"')).toBe("INVALID");
    expect(await times(18, () => signUp(here, taken))).toEqual([
      ...Array(16).fill("TAKEN"),
      ...Array(2).fill("RATE_LIMITED"),
    ]);
  });
});

test("@dryRun counts against the limit like the real call", async () => {
  await app.standingStill(async () => {
    expect(await times(20, () => signUp("10.4.0.1", somebody(), "", "@dryRun"))).toEqual(twenty("done"));
    expect(await signUp("10.4.0.1", somebody(), "", "@dryRun")).toBe("RATE_LIMITED");
  });
});

test.each([
  ["customerUpdate", (input: string) => `customerUpdate(id: "cus_ada", input: { ${input} }) { userErrors { code } }`],
  [
    "customersBulkUpdate",
    (input: string) =>
      `customersBulkUpdate(input: { rows: [{ id: "cus_ada", input: { ${input} } }] }) { userErrors { code } }`,
  ],
])("%s counts customers' changes of their e-mail address, and no other change", async (name, mutation) => {
  const here = `10.5.0.${name.length}`;
  const change = async (input: string) => codeOf(await ask(here, `mutation { ${mutation(input)} }`, "ada"));
  await app.standingStill(async () => {
    for (let i = 0; i < 40; i++) expect(await change('email: "ada@example.com"')).toBe("done");
    expect(await times(18, () => change(`email: "${taken}"`))).toEqual(Array(18).fill("TAKEN"));
    expect(await change(`email: "${taken}"`)).toBe("RATE_LIMITED");
    expect(await change('metadata: { merge: { locale: "it" } }')).toBe("done");
  });
});

test("customerPasswordChange: guesses of oldPassword are RATE_LIMITED", async () => {
  const guess = (i: number) =>
    `a${i}: customerPasswordChange(input: { customerId: "cus_ada", oldPassword: "guess ${i}", newPassword: "a new long one" }) { userErrors { code } }`;
  await app.standingStill(async () => {
    const { status, headers, body } = await ask(
      "10.8.0.1",
      `mutation { ${[0, 1, 2, 3, 4, 5, 6].map(guess).join(" ")} }`,
      "ada",
    );
    expect([status, headers.get("retry-after")]).toEqual([429, "1"]);
    expect(Object.keys(body.data).filter((key) => body.data[key])).toEqual(["a0", "a1", "a2", "a3", "a4", "a5"]);
    expect(body.errors).toEqual([expect.objectContaining({ path: ["a6"] })]);
    expect(body.errors[0]!.extensions).toEqual({ code: "RATE_LIMITED", retryAfterMs: 1_000 });
  });
  app.advance(1_000);
  expect(codeOf(await ask("10.8.0.1", `mutation { ${guess(0)} }`, "ada"))).toBe("INVALID");
});

test("integrations may call customerCreate without limit", async () => {
  const create = async () => codeOf(await ask("10.6.0.1", `mutation { ${field(taken)} }`, "integration"));
  expect(await times(30, create)).toEqual(Array(30).fill("TAKEN"));
});

test("customerSubscriptionCreate, which reveals nothing, is limited only by its number of calls", async () => {
  const subscribe = (i: number) =>
    `a${i}: customerSubscriptionCreate(input: { customerEmail: "${taken}", reference: "r${i % 5}" }) { userErrors { code } }`;
  const forms = (from: number) => `mutation { ${Array.from({ length: 10 }, (_, i) => subscribe(from + i)).join(" ")} }`;
  await app.standingStill(async () => {
    for (let i = 0; i < 60; i++) expect((await ask("10.7.0.1", forms(10 * i))).status).toBe(200);
    const held = await ask("10.7.0.1", `mutation { ${subscribe(600)} }`);
    expect([held.status, held.headers.get("retry-after"), codeOf(held)]).toEqual([429, "2", "RATE_LIMITED"]);
    expect((await ask("10.7.0.2", `mutation { ${subscribe(600)} }`)).status).toBe(200);
  });
});

test("a guest made by a newsletter gets an account only by the reset link sent by e-mail", async () => {
  const email = "reader@example.com";
  const send = async (mutation: string, as?: keyof typeof tokens) => {
    const { body } = await ask("10.10.0.1", `mutation { ${mutation} }`, as);
    return onlyField(body.data)!;
  };
  const logIn = (word: string) => app.token({ ...ada, username: email, password: word });
  await send(
    `customerSubscriptionCreate(input: { customerEmail: "${email}", reference: "tea" }) { userErrors { code } }`,
  );
  const refused = await send(
    `customerCreate(input: { email: "${email}", password: "a long enough one" }) { customer { id } userErrors { code message } }`,
  );
  expect(refused).toEqual({
    customer: null,
    userErrors: [{ code: "TAKEN", message: expect.stringMatching(/Sign in, or ask for a link .* sets a password\./) }],
  });
  expect((await logIn("a long enough one")).status).toBe(400);

  const { id, resetPasswordToken: token } = await send(
    `customerPasswordResetCreate(input: { customerEmail: "${email}" }) { id resetPasswordToken }`,
    "integration",
  );
  const consume = (word: string) =>
    send(
      `customerPasswordResetConsume(input: { id: "${id}", resetPasswordToken: "${word}", customerPassword: "a first long one" }) { userErrors { code } }`,
    );
  expect((await consume("guessed")).userErrors).toEqual([{ code: "INVALID" }]);
  expect((await consume(token)).userErrors).toEqual([]);
  expect((await consume(token)).userErrors).toEqual([{ code: "INVALID" }]);
  const { status, body } = await logIn("a first long one");
  expect(status).toBe(200);
  const own = "{ viewer { customer { hasPassword customerSubscriptions { nodes { reference } } } } }";
  expect((await app.query(`Bearer ${body.access_token}`, own)).body.data.viewer.customer).toEqual({
    hasPassword: true,
    customerSubscriptions: { nodes: [{ reference: "tea" }] },
  });
});

/** What else takes an e-mail address of anybody, for which `EMAIL` stands here, and what comes of it. */
const why = "userErrors { code path }";
const subscribe = `mutation { customerSubscriptionCreate(input: { customerEmail: "EMAIL", reference: "newsletter" }) {
  created customer { id } customerSubscription { id } ${why} } }`;
const forms: [code: string, who: "guest" | "ada", query: string][] = [
  ["done", "guest", subscribe],
  ["INVALID", "ada", subscribe],
  [
    "INVALID",
    "ada",
    `mutation { orderCreate(input: { marketId: "mkt_europe", customerEmail: "EMAIL" }) { order { id } ${why} } }`,
  ],
  [
    "INVALID",
    "ada",
    `mutation { orderUpdate(id: "ord_1027", input: { customerEmail: "EMAIL" }) { order { customerEmail } ${why} } }`,
  ],
  [
    "INVALID",
    "ada",
    `mutation { customerAddressCreate(input: { customerEmail: "EMAIL", addressId: "adr_ada_home" }) { customerAddress { id } ${why} } }`,
  ],
  ["FORBIDDEN", "ada", 'mutation { customerPasswordResetCreate(input: { customerEmail: "EMAIL" }) { id } }'],
  ["FORBIDDEN", "guest", 'mutation { customerPasswordResetCreate(input: { customerEmail: "EMAIL" }) { id } }'],
  ["nothing", "ada", '{ customer(by: { email: "EMAIL" }) { id } }'],
  ["nothing", "ada", '{ customers(filter: { email: { eq: "EMAIL" } }) { nodes { id } } }'],
  ["FORBIDDEN", "guest", '{ customer(by: { email: "EMAIL" }) { id } }'],
  ["FORBIDDEN", "guest", '{ customers(filter: { email: { startsWith: "EMAIL" } }) { totalCount } }'],
];

test.each(forms)("%s: %s cannot find out whether an e-mail address is known, by %s", async (code, who, query) => {
  const known = await ask("10.9.0.1", query.replace("EMAIL", "bruno.rossi@example.com"), who);
  const unknown = await ask("10.9.0.1", query.replace("EMAIL", somebody()), who);
  for (const { body } of [known, unknown]) delete body.extensions.requestId;
  expect(known.body).toEqual(unknown.body);
  expect(known.status).toBe(unknown.status);
  expect(known.body.extensions.statements).toBe(unknown.body.extensions.statements);
  if (code !== "nothing") expect(codeOf(known)).toBe(code);
  else expect(JSON.stringify(known.body.data)).toMatch(/^{"customer(":null|s":{"nodes":\[\]})}$/);
});
