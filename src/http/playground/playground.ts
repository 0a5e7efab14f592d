import { createHash } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createRequire } from "node:module";
import { Worker } from "node:worker_threads";
import { gzipSync } from "node:zlib";
import { sendKept } from "../answer.js";
import { renderPage } from "./playground-page.js";

export interface Playground {
  /** Serves `/` and `/playground/*`. */
  serve(request: IncomingMessage, response: ServerResponse): Promise<void>;
}

interface Page {
  body: Buffer;
  tag: string;
  contentSecurityPolicy: string;
}

const require = createRequire(import.meta.url);
const renderer = "@graphql-yoga/render-graphiql";

/** Files of GraphiQL in the package, and their content-types. */
const files = {
  "graphiql.js": { source: "js", type: "text/javascript" },
  "graphiql.css": { source: "css", type: "text/css" },
  "editor.worker.js": { source: "editorWorkerService", type: "text/javascript" },
  "graphql.worker.js": { source: "graphqlWorker", type: "text/javascript" },
  "json.worker.js": { source: "jsonWorker", type: "text/javascript" },
} as const;
type FileName = keyof typeof files;

/** Host names of localhost. */
const loopback = /^(localhost|127\.0\.0\.1|\[::1\])(:\d+)?$/i;

/**
 * GraphiQL, served from memory as a page and five files. The page contains `headers` only for localhost host names: a
 * website whose name points here (DNS rebinding) must not read them.
 */
export function createPlayground(headers: Record<string, string> = {}): Playground {
  const { version } = require(`${renderer}/package.json`) as { version: string };
  const folder = `playground/${version}/`;
  const [ownPage, bare] = [headers, {}].map((given) => {
    const { html, contentSecurityPolicy } = renderPage(folder, given);
    const tag = `"${createHash("sha256").update(html).digest("base64url").slice(0, 20)}"`;
    return { body: gzipSync(html), tag, contentSecurityPolicy };
  }) as [Page, Page];

  let packed: Promise<Map<string, Uint8Array>> | undefined;
  async function file(name: string): Promise<Uint8Array> {
    // After a failure the next request tries again.
    packed ??= pack().catch((error: unknown) => {
      packed = undefined;
      throw error;
    });
    return (await packed).get(name)!;
  }

  return {
    async serve(request, response) {
      if (request.method !== "GET" && request.method !== "HEAD") {
        response.writeHead(405, { allow: "GET, HEAD" }).end();
        return;
      }
      const { pathname } = new URL(request.url ?? "/", "http://server");
      if (pathname === "/") {
        const page = loopback.test(request.headers.host ?? "") ? ownPage : bare;
        return sendKept(request, response, page.body, {
          etag: page.tag,
          "cache-control": "no-cache",
          "content-type": "text/html; charset=utf-8",
          "content-security-policy": page.contentSecurityPolicy,
          "cross-origin-opener-policy": "same-origin",
          "referrer-policy": "no-referrer",
        });
      }
      const name = pathname.slice(1 + folder.length) as FileName;
      if (pathname !== `/${folder}${name}` || !Object.hasOwn(files, name)) {
        response.writeHead(404).end();
        return;
      }
      await sendKept(request, response, await file(name), {
        etag: `"${version}"`,
        // The URL contains the version.
        "cache-control": "public, max-age=31536000, immutable",
        "content-type": `${files[name].type}; charset=utf-8`,
        // For web workers, which do not inherit the page's policy.
        "content-security-policy": "default-src 'none'",
      });
    },
  };
}

/**
 * Compresses the package's files, when they are first asked for, in a thread that ends afterwards: as strings in a
 * module they take 50 MB and half a second, compressed they are 2.4 MB.
 */
function pack(): Promise<Map<string, Uint8Array>> {
  const script = `
    const { parentPort, workerData } = require("node:worker_threads");
    const { promisify } = require("node:util");
    const gzip = promisify(require("node:zlib").gzip);
    const sources = require(workerData.module);
    const pack = async ([name, { source }]) => [name, await gzip(sources[source])];
    Promise.all(Object.entries(workerData.files).map(pack)).then((all) => parentPort.postMessage(new Map(all)));
  `;
  return new Promise((resolve, reject) => {
    const workerData = { files, module: require.resolve(`${renderer}/graphiql`) };
    const worker = new Worker(script, { eval: true, workerData });
    worker.unref();
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}
