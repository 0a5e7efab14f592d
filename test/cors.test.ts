import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { ExecutionResult } from "graphql";
import type { Browser, Page } from "playwright-core";
import type { CorsOrigins } from "../src/http/cors.js";
import { projectRoot } from "../src/paths.js";
import { type AuthApp, createAuthApp, dashboard, guest, integration } from "./identity/support.js";
import { launchBrowser } from "./support/browser.js";
import { updateCustomer } from "./support/live.js";

/** What the pages have loaded. */
declare const graphqlSse: typeof import("graphql-sse");

interface Changed {
  customerChanged: { resourceId: string; changed?: string[] };
}

const apps: AuthApp[] = [];
async function start(corsOrigins?: CorsOrigins): Promise<AuthApp> {
  const app = await createAuthApp({ corsOrigins });
  apps.push(app);
  return app;
}
afterAll(async () => {
  for (const app of apps) await app.stop();
});

const shop = "https://shop.example";
const api = [
  "/graphql",
  "/graphql/stream",
  "/oauth/token",
  "/oauth/revoke",
  "/.well-known/jwks.json",
  "/health/live",
  "/health/ready",
  "/exports/customers/cus_ada",
  "/nothing",
];
const preflight = (url: string, origin: string) =>
  fetch(url, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type,traceparent",
    },
  });
const allowedOrigin = ({ headers }: Response) => headers.get("access-control-allow-origin");

describe("over HTTP", () => {
  let app: AuthApp;
  beforeAll(async () => {
    app = await start([shop, "http://localhost:3000"]);
  });

  test.each(api)("%s allows the configured origins only", async (path) => {
    for (const origin of [shop, "http://localhost:3000"]) {
      const asked = await preflight(`${app.url}${path}`, origin);
      expect([asked.status, await asked.text()]).toEqual([204, ""]);
      expect(Object.fromEntries(asked.headers)).toMatchObject({
        "access-control-allow-origin": origin,
        "access-control-allow-methods": path === "/graphql/stream" ? "GET, POST, PUT, DELETE" : "GET, HEAD, POST",
        "access-control-allow-headers": "authorization, *",
        "access-control-max-age": "7200",
        vary: "origin",
      });
      const answer = await fetch(`${app.url}${path}`, { headers: { origin } });
      expect([allowedOrigin(answer), answer.headers.get("vary")]).toEqual([origin, "origin"]);
      expect(answer.headers.get("access-control-expose-headers")).toBe("retry-after, content-disposition");
      // Nothing is sent along by itself, so nothing needs to be.
      expect(answer.headers.has("access-control-allow-credentials")).toBe(false);
      await answer.body?.cancel();
    }
    for (const origin of [
      "https://shop.example.evil.example",
      "http://shop.example",
      "http://localhost:3001",
      "null",
    ]) {
      for (const answer of [
        await preflight(`${app.url}${path}`, origin),
        await fetch(`${app.url}${path}`, { headers: { origin } }),
      ]) {
        expect([allowedOrigin(answer), answer.headers.get("vary")]).toEqual([null, "origin"]);
        await answer.body?.cancel();
      }
    }
    const plain = await fetch(`${app.url}${path}`);
    expect([allowedOrigin(plain), plain.headers.get("vary")]).toEqual([null, "origin"]);
    await plain.body?.cancel();
  });

  test("the playground is readable by no other origin", async () => {
    for (const path of ["/", "/?query=x", "/playground/0/graphiql.js"]) {
      const asked = await preflight(`${app.url}${path}`, shop);
      expect([asked.status, allowedOrigin(asked)]).toEqual([405, null]);
      expect(allowedOrigin(await fetch(`${app.url}${path}`, { headers: { origin: shop } }))).toBeNull();
    }
  });

  test("preflights do not count against rate limits", async () => {
    const statuses = [];
    for (let i = 0; i < 400; i++) statuses.push((await preflight(`${app.url}/oauth/token`, shop)).status);
    expect(new Set(statuses)).toEqual(new Set([204]));
    expect((await app.token(guest)).status).toBe(200);
  });

  test("OPTIONS without a preflight's headers is answered with the allowed methods", async () => {
    for (const [path, methods] of [
      ["/graphql", "GET, HEAD, POST"],
      ["/graphql/stream", "POST, PUT"],
      ["/oauth/token", "POST"],
    ]) {
      const answer = await fetch(`${app.url}${path}`, { method: "OPTIONS" });
      expect([answer.status, answer.headers.get("allow")]).toEqual([204, methods]);
    }
  });

  test("CSRF prevention holds for allowed origins, too", async () => {
    const answer = await fetch(`${app.url}/graphql?query=%7B__typename%7D`, {
      headers: { origin: shop, "content-type": "text/plain" },
    });
    expect(answer.status).toBe(400);
    expect(await answer.text()).toContain("Cross-Site Request Forgery");
  });
});

test("allows every origin with *", async () => {
  const { url } = await start("*");
  for (const answer of [await preflight(`${url}/graphql`, shop), await fetch(`${url}/health/live`)]) {
    expect([allowedOrigin(answer), answer.headers.get("vary")]).toEqual(["*", null]);
  }
  expect(allowedOrigin(await fetch(url, { headers: { origin: shop } }))).toBeNull();
});

test("allows localhost origins with local", async () => {
  const { url } = await start("local");
  for (const origin of ["http://localhost:5173", "http://127.0.0.1:3000", "https://localhost", "http://[::1]:8080"]) {
    expect(allowedOrigin(await preflight(`${url}/graphql`, origin))).toBe(origin);
  }
  for (const origin of [
    shop,
    "http://localhost.evil.example",
    "http://evil.example:3000",
    "http://127.0.0.1.evil.example",
  ]) {
    expect(allowedOrigin(await preflight(`${url}/graphql`, origin))).toBeNull();
  }
});

test("rejects cross-origin requests by default", async () => {
  const { url } = await start();
  expect(allowedOrigin(await preflight(`${url}/graphql`, "http://localhost:3000"))).toBeNull();
});

/** A shop's frontend on an origin of its own, with the common client for subscriptions. */
describe("in a browser", () => {
  const client = readFileSync(join(projectRoot, "node_modules/graphql-sse/umd/graphql-sse.js"), "utf8");
  const frontends: Server[] = [];
  let browser: Browser;
  let app: AuthApp;
  let named: Page;
  let unnamed: Page;

  async function frontend(): Promise<string> {
    const server = createServer((request, response) => {
      const isScript = request.url === "/client.js";
      response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
      response.end(isScript ? client : '<!doctype html><title>Shop</title><script src="/client.js"></script>');
    }).listen(0, "127.0.0.1");
    frontends.push(server);
    await once(server, "listening");
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  beforeAll(async () => {
    const [one, other] = [await frontend(), await frontend()];
    [app, browser] = await Promise.all([start([one]), launchBrowser()]);
    [named, unnamed] = await Promise.all([browser.newPage(), browser.newPage()]);
    await Promise.all([named.goto(one), unnamed.goto(other)]);
  });
  afterAll(async () => {
    await browser?.close();
    for (const server of frontends) server.close();
  });

  /** What a page gets to read of an answer; throws what its script would be thrown. */
  const read = (page: Page, path: string, init: Record<string, unknown> = {}) =>
    page.evaluate(
      async ([url, options]) => {
        const response = await fetch(url, options);
        const { status, headers } = response;
        return { status, text: await response.text(), headers: Object.fromEntries(headers as never) };
      },
      [`${app.url}${path}`, init] as [string, Record<string, unknown>],
    );
  const postJson = (body: object, token?: string) => ({
    method: "POST",
    headers: { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) },
    body: JSON.stringify(body),
  });
  const signIn = { ...integration, grant_type: "client_credentials" };
  const tokenFor = async () => (await app.token(signIn)).body.access_token as string;

  test("a page of an allowed origin gets a token, queries and reads errors", async () => {
    const { text } = await read(named, "/oauth/token", postJson(signIn));
    const { access_token: token } = JSON.parse(text);
    const answer = await read(
      named,
      "/graphql",
      postJson({ query: '{ customer(by: { id: "cus_ada" }) { email } }' }, token),
    );
    expect(JSON.parse(answer.text).data).toEqual({ customer: { email: "ada@example.com" } });
    const refused = await read(named, "/graphql", postJson({ query: "{ customers { totalCount } }" }, "wrong"));
    expect([refused.status, JSON.parse(refused.text).errors[0].extensions.code]).toEqual([401, "UNAUTHENTICATED"]);
    const keys = await read(named, "/.well-known/jwks.json");
    expect(JSON.parse(keys.text).keys).toHaveLength(1);
    const document = await read(named, "/exports/customers/cus_ada", { headers: { authorization: `Bearer ${token}` } });
    expect(document.headers["content-disposition"]).toContain("customer.json");
  });

  test("a page of an allowed origin receives events of a subscription", async () => {
    const heard = named.evaluate(
      ([url, token]) =>
        new Promise<ExecutionResult<Changed, unknown>>((resolve, reject) => {
          const { createClient } = graphqlSse;
          const headers = () => ({ authorization: `Bearer ${token}`, traceparent: "00-1-1-01" });
          createClient({ url, headers, retryAttempts: 0 }).subscribe<Changed>(
            { query: "subscription { customerChanged { resourceId changed } }" },
            { next: resolve, error: reject, complete() {} },
          );
        }),
      [`${app.url}/graphql/stream`, await tokenFor()] as [string, string],
    );
    let over = false;
    const end = heard.finally(() => {
      over = true;
    });
    // It may not have subscribed yet when the first is made.
    for (let i = 0; !over; i++) {
      await updateCustomer(app.database.query, "cus_bruno", { reference: `change ${i}` });
      await Promise.race([end, new Promise((resolve) => setTimeout(resolve, 300))]);
    }
    expect((await heard).data!.customerChanged).toEqual({ resourceId: "cus_bruno", changed: ["reference"] });
  });

  test("eight subscriptions share one connection and leave room for queries", async () => {
    const heard = named.evaluate(
      ([url, token]) => {
        const { createClient } = graphqlSse;
        const headers = () => ({ authorization: `Bearer ${token}` });
        const client = createClient({ url, headers, retryAttempts: 0, singleConnection: true });
        const subscribe = () =>
          new Promise<ExecutionResult<Changed, unknown>>((resolve, reject) => {
            const stop = client.subscribe<Changed>(
              { query: "subscription { customerChanged { resourceId } }" },
              {
                next: (result) => {
                  stop();
                  resolve(result);
                },
                error: reject,
                complete() {},
              },
            );
          });
        return Promise.all(Array.from({ length: 8 }, subscribe));
      },
      [`${app.url}/graphql/stream`, await tokenFor()] as [string, string],
    );
    const query = postJson({ query: "{ viewer { kind } }" }, await tokenFor());
    expect((await read(named, "/graphql", query)).status).toBe(200);
    let over = false;
    const end = heard.finally(() => {
      over = true;
    });
    for (let i = 0; !over; i++) {
      await updateCustomer(app.database.query, "cus_bruno", { reference: `again ${i}` });
      await Promise.race([end, new Promise((resolve) => setTimeout(resolve, 300))]);
    }
    for (const { data } of await heard) expect(data!.customerChanged).toEqual({ resourceId: "cus_bruno" });
  });

  test("a page of another origin reads nothing", async () => {
    const token = await tokenFor();
    const query = postJson({ query: "{ viewer { kind } }" }, token);
    const subscription = postJson({ query: "subscription { customerChanged { id } }" }, token);
    for (const [path, init] of [
      ["/graphql", query],
      ["/graphql/stream", subscription],
      ["/oauth/token", postJson(signIn)],
      ["/oauth/token", { method: "POST", body: new URLSearchParams({ ...dashboard, ...signIn }).toString() }],
      ["/.well-known/jwks.json", {}],
    ] as const) {
      await expect(read(unnamed, path, init)).rejects.toThrow("Failed to fetch");
    }
    expect((await read(named, "/graphql", query)).status).toBe(200);
    await expect(read(named, "/")).rejects.toThrow("Failed to fetch");
  });
});
