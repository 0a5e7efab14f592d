import { authenticate } from "@commercelayer/js-auth";
import { CommerceLayer } from "@commercelayer/sdk/bundle";
import { type AuthApp, createAuthApp, integration, password, storefront } from "../identity/support.js";

const domain = "commerce.example";
let app: AuthApp;
const realFetch = globalThis.fetch;
/** The hosts that were asked. */
const hosts: string[] = [];

beforeAll(async () => {
  app = await createAuthApp({ issuer: `https://auth.${domain}`, organization: "my-shop" });
  // Stands for the DNS and the proxy that lead these names to the server; neither client is told anything.
  globalThis.fetch = (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    if (!url.hostname.endsWith(domain)) return realFetch(input, init);
    hosts.push(url.hostname);
    return realFetch(app.url + url.pathname + url.search, init);
  };
});
afterAll(async () => {
  globalThis.fetch = realFetch;
  await app.stop();
});
beforeEach(() => hosts.splice(0));

test("js-auth gets a token, and the SDK finds the API by its claims", async () => {
  const { accessToken } = await authenticate("client_credentials", {
    domain,
    clientId: integration.client_id,
    clientSecret: integration.client_secret,
  });
  const sdk = CommerceLayer({ accessToken });
  expect(await sdk.customers.retrieve("cus_ada")).toMatchObject({ email: "ada@example.com" });
  expect(hosts).toEqual([`auth.${domain}`, `my-shop.${domain}`]);
});

test("js-auth logs a customer in, whom the SDK shows their own data alone", async () => {
  const { accessToken } = await authenticate("password", {
    domain,
    clientId: storefront.client_id,
    username: "ada@example.com",
    password,
    scope: "market:code:europe",
  });
  const sdk = CommerceLayer({ accessToken });
  const customers = await sdk.customers.list();
  expect([...customers].map(({ id }) => id)).toEqual(["cus_ada"]);
  await expect(sdk.customers.retrieve("cus_bruno")).rejects.toMatchObject({ status: 404 });
});

test("the SDK refreshes an expired token by itself", async () => {
  const { accessToken: fresh } = await authenticate("client_credentials", {
    domain,
    clientId: integration.client_id,
    clientSecret: integration.client_secret,
  });
  const claims = await app.tokens.verifyToken(fresh);
  const expired = await app.tokens.sign({ ...claims, exp: Math.floor(Date.now() / 1_000) - 60 });
  const refreshed: string[] = [];
  const sdk = CommerceLayer({
    accessToken: expired,
    refreshToken: async (old: string) => {
      refreshed.push(old);
      return fresh;
    },
  });
  expect(await sdk.customers.retrieve("cus_ada")).toMatchObject({ id: "cus_ada" });
  expect(refreshed).toEqual([expired]);
});

test("a token that is no token is refused by the code for which clients sign in again", async () => {
  const sdk = CommerceLayer({ organization: "my-shop", domain, accessToken: "a.b.c" });
  await expect(sdk.customers.list()).rejects.toMatchObject({ status: 401, errors: [{ code: "INVALID_TOKEN" }] });
});
