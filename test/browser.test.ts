import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Browser, Page } from "playwright-core";
import { examples } from "../src/http/playground/playground-examples.js";
import { createTestApp, type TestApp } from "./support/app.js";
import { launchBrowser } from "./support/browser.js";
import { updateCustomer } from "./support/live.js";

/** The playground as its users have it: in a real browser, which cannot reach anything but this server. */
let app: TestApp;
let browser: Browser;
let page: Page;
/** What the page asked for from elsewhere, and what it complained about. Neither may happen. */
let foreign: string[] = [];
let complaints: string[] = [];

beforeAll(async () => {
  [app, browser] = await Promise.all([createTestApp(), launchBrowser()]);
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  context.setDefaultTimeout(20_000);
  context.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${app.url}/`) && !/^(data|blob):/.test(url)) foreign.push(url);
  });
  context.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
  });
  context.on("weberror", (error) => complaints.push(String(error.error())));
  await context.addInitScript(`
    addEventListener("securitypolicyviolation", (event) =>
      console.error("Against the policy: " + event.violatedDirective + " " + event.blockedURI));
  `);
  page = await context.newPage();
});
afterAll(async () => {
  await browser?.close();
  await app?.stop();
});

beforeEach(async () => {
  foreign = [];
  complaints = [];
  // As on the first visit: forget what the last test left, and let nothing be kept until the page has gone.
  if (page.url() !== "about:blank") await page.evaluate("localStorage.clear(); Storage.prototype.setItem = () => {}");
  await page.goto(app.url);
  await editor().getByText(/^#/).first().waitFor();
});
afterEach(() => expect({ foreign, complaints }).toEqual({ foreign: [], complaints: [] }));

const editor = () => page.locator(".graphiql-query-editor .view-lines");
const answer = (text: string) => page.locator(".result-window", { hasText: text }).waitFor();
const run = () => page.getByRole("button", { name: /^Execute query/ }).click();
const tab = (name: string) => page.locator(".graphiql-tab-button", { hasText: name });

/** Opens an empty tab, and types as people do. */
async function write(text: string) {
  await page.getByRole("button", { name: "New tab" }).click();
  await page.locator(".graphiql-query-editor .monaco-editor").click();
  await page.keyboard.type(text);
}

test("runs the first example, with its variables", async () => {
  await run();
  await answer("ada@example.com");
  await answer("Analytical Engines S.r.l.");
  if (process.env.SCREENSHOT) await page.screenshot({ path: process.env.SCREENSHOT });
});

test("opens another example by its tab, and runs it by Ctrl+Enter", async () => {
  expect(await page.getByRole("tab").count()).toBe(examples.length);
  await tab("LatestOrders").click();
  await editor().getByText("query LatestOrders").waitFor();
  await editor().getByText("query LatestOrders").click();
  await page.keyboard.press("Control+Enter");
  await answer("fulfillmentStatus");
});

test("reopens the last tab after a reload, and no other", async () => {
  await tab("MyOrders").click();
  await editor().getByText("query MyOrders").waitFor();
  // It is kept a moment later.
  const kept = () => page.evaluate<string>('localStorage["customer-graph:graphiql:tabState"] ?? ""');
  while (!(await kept()).includes('"activeTabIndex":3')) await page.waitForTimeout(50);
  await page.reload();
  await editor().getByText("query MyOrders").waitFor();
  expect(await page.getByRole("tab").count()).toBe(examples.length);
  await run();
  await answer("skusCount");
});

test("shows what a type and its fields are for", async () => {
  await page.getByRole("button", { name: "Show Documentation Explorer" }).click();
  const docs = page.locator(".graphiql-doc-explorer");
  await docs.getByRole("link", { name: "Customer", exact: true }).click();
  await docs.getByText("A person or company who buys from the shop.").waitFor();
  await docs.getByText("How many orders the customer has placed.").waitFor();
});

test("completes the name of a field", async () => {
  await write("{ customers { nodes { totalOr");
  await page.locator(".suggest-widget").getByText("totalOrdersCount").first().waitFor();
  await page.keyboard.press("Enter");
  await editor().getByText("totalOrdersCount").waitFor();
});

test("underlines a misspelt field, and the answer says what was meant", async () => {
  // By a link, not typed: suggestions would open, and take keys and clicks.
  await page.goto(`${app.url}/?${new URLSearchParams({ query: "{ customers { nodes { emial } } }" })}`);
  await page.locator(".graphiql-query-editor .squiggly-error").first().waitFor();
  await run();
  await answer("Did you mean");
  expect(complaints.splice(0)).toEqual([expect.stringContaining("status of 400")]);
});

test("shows events of a subscription as they happen", async () => {
  await page.goto(
    `${app.url}/?${new URLSearchParams({ query: "# live\nsubscription { customerChanged { resourceId changed } }" })}`,
  );
  await editor().getByText("# live").waitFor();
  const subscribed = page.waitForResponse((response) => response.url() === `${app.url}/graphql/stream`);
  await run();
  expect((await subscribed).status()).toBe(200);
  await updateCustomer(app.database.query, "cus_bruno", { reference: "first" });
  app.live.announce();
  await answer("cus_bruno");
  await updateCustomer(app.database.query, "cus_kenji", { reference: "second" });
  app.live.announce();
  await answer("cus_kenji");
  await page.getByRole("button", { name: /^Stop query/ }).click();
});

test("opens a link to a query", async () => {
  await page.goto(`${app.url}/?${new URLSearchParams({ query: "# mine\n{ tags { totalCount } }" })}`);
  await editor().getByText("# mine").waitFor();
  await run();
  await answer("totalCount");
});

describe("a page of another origin", () => {
  const allowed = createServer((_, response) => response.setHeader("content-type", "text/html").end("<p>shop</p>"));
  const other = createServer((_, response) => response.setHeader("content-type", "text/html").end("<p>other</p>"));
  const originOf = (server: typeof allowed) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  let api: TestApp;

  beforeAll(async () => {
    for (const server of [allowed, other]) await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    api = await createTestApp({ sharing: app, corsOrigins: [originOf(allowed)] });
  });
  afterAll(async () => {
    await api?.stop();
    for (const server of [allowed, other]) {
      server.closeAllConnections();
      server.close();
    }
  });

  /** What a script of a page gets: the status of a response that it may read, or the name of the error. */
  async function send(origin: string, method: string, path: string, body?: object): Promise<number | string> {
    const from = await browser.newPage();
    try {
      await from.goto(origin);
      const init = {
        method,
        headers: {
          "content-type": "application/vnd.api+json",
          authorization: `Bearer ${await api.token(integration)}`,
        },
        body: body && JSON.stringify(body),
      };
      return await from.evaluate<number | string>(
        `fetch(${JSON.stringify(api.url + path)}, ${JSON.stringify(init)}).then(({ status }) => status, ({ name }) => name)`,
      );
    } finally {
      await from.close();
    }
  }

  const integration = { kind: "integration" } as const;
  const patch = (reference: string) => ({ data: { type: "customers", id: "cus_liz", attributes: { reference } } });
  const stored = async () => {
    const { rows } = await app.database.pool.query(
      `SELECT (SELECT reference FROM customers WHERE id = 'cus_liz'), (SELECT count(*)::int FROM tags WHERE id = 'tag_cors')`,
    );
    return rows[0] as object;
  };

  test("changes resources of the JSON:API if CORS_ORIGINS allows it, and none otherwise", async () => {
    await app.database.pool.query("INSERT INTO tags (id, mode, name) VALUES ('tag_cors', 'test', 'cors')");
    const before = await stored();
    for (const [method, path, body] of [
      ["PATCH", "/api/customers/cus_liz", patch("other")],
      ["DELETE", "/api/tags/tag_cors", undefined],
      ["GET", "/api/customers/cus_liz", undefined],
    ] as const) {
      expect([method, await send(originOf(other), method, path, body)]).toEqual([method, "TypeError"]);
    }
    expect(await stored()).toEqual(before);
    expect(await send(originOf(allowed), "PATCH", "/api/customers/cus_liz", patch("allowed"))).toBe(200);
    expect(await send(originOf(allowed), "DELETE", "/api/tags/tag_cors")).toBe(204);
    expect(await stored()).toEqual({ reference: "allowed", count: 0 });
    // Errors can be read, too.
    expect(await send(originOf(allowed), "DELETE", "/api/tags/tag_cors")).toBe(404);
  });
});
