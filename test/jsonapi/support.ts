import { CommerceLayer } from "@commercelayer/sdk/bundle";
import { type Caller, createTestApp, type TestApp } from "../support/app.js";
import type { Untyped } from "../support/operation-data.js";

export const mediaType = "application/vnd.api+json";

/** A response of the JSON:API. */
export interface Reply {
  status: number;
  headers: Headers;
  body: Untyped;
}

interface RequestOptions {
  as?: Caller;
  method?: string;
  body?: unknown;
  headers?: Readonly<Record<string, string>>;
}

export interface JsonApiTest extends TestApp {
  /** Sends a request, as an integration with all rights unless told otherwise. */
  request(path: string, options?: RequestOptions): Promise<Reply>;
  /** The official SDK, sent to the server. */
  sdk(as: NonNullable<Caller>): Promise<ReturnType<typeof CommerceLayer>>;
}

export async function createJsonApiTest(options?: Parameters<typeof createTestApp>[0]): Promise<JsonApiTest> {
  const app = await createTestApp(options);
  return Object.assign(app, {
    async request(
      path: string,
      { as = { kind: "integration" }, method = "GET", body, headers }: RequestOptions = {},
    ): Promise<Reply> {
      const response = await fetch(app.url + path, {
        method,
        headers: {
          accept: mediaType,
          "content-type": mediaType,
          ...(as && { authorization: `Bearer ${await app.token(as)}` }),
          ...headers,
        },
        body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body),
      });
      const text = await response.text();
      return { status: response.status, headers: response.headers, body: text ? JSON.parse(text) : undefined };
    },
    async sdk(as: NonNullable<Caller>) {
      return CommerceLayer({
        organization: "shop",
        domain: "commerce.example",
        accessToken: await app.token(as),
        // Its addresses are always https, with the organization as a subdomain.
        fetch: (url: URL, init?: RequestInit) => fetch(app.url + url.pathname + url.search, init),
      } as Parameters<typeof CommerceLayer>[0]);
    },
  });
}
