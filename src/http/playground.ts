import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { renderGraphiQL } from "@graphql-yoga/render-graphiql";
import { examples } from "./playground-examples.js";

export interface Playground {
  serve(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

/** Nothing may come from elsewhere, and nothing goes elsewhere: the page works with the network unplugged. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
  "worker-src blob:",
  "style-src 'unsafe-inline'",
  "img-src 'self' data:",
  "font-src data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** GraphiQL as one page of 9 MB with everything in it; packed once, then served from memory. */
export function createPlayground(): Playground {
  let page: Promise<{ plain: Buffer; packed: Buffer; etag: string }> | undefined;

  async function render() {
    const html = renderGraphiQL({
      title: "Customer graph",
      endpoint: "/graphql",
      defaultTabs: examples,
      defaultEditorToolsVisibility: "variables",
    } as Parameters<typeof renderGraphiQL>[0]);
    const plain = Buffer.from(html);
    const packed = await promisify(gzip)(plain, { level: 6 });
    return { plain, packed, etag: `"${createHash("sha256").update(plain).digest("base64url").slice(0, 20)}"` };
  }

  return {
    async serve(request, response) {
      if (request.method !== "GET" && request.method !== "HEAD") {
        response.writeHead(405, { allow: "GET, HEAD" }).end();
        return;
      }
      page ??= render();
      const { plain, packed, etag } = await page;
      const headers = {
        etag,
        "cache-control": "no-cache",
        vary: "accept-encoding",
        "content-security-policy": contentSecurityPolicy,
      };
      if (request.headers["if-none-match"] === etag) {
        response.writeHead(304, headers).end();
        return;
      }
      const zip = /\bgzip\b/.test(request.headers["accept-encoding"] ?? "");
      const body = zip ? packed : plain;
      response.writeHead(200, {
        ...headers,
        "content-type": "text/html; charset=utf-8",
        "content-length": body.length,
        ...(zip && { "content-encoding": "gzip" }),
      });
      response.end(request.method === "HEAD" ? undefined : body);
    },
  };
}
