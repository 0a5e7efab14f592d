import { get, type IncomingHttpHeaders, request } from "node:http";
import { gunzipSync } from "node:zlib";
import { getOperationAST, parse, validate } from "graphql";
import { examples } from "../src/http/playground/playground-examples.js";
import { createSchema } from "../src/schema.js";
import { createTestApp, type TestApp } from "./support/app.js";

let app: TestApp;
beforeAll(async () => {
  app = await createTestApp();
});
afterAll(() => app?.stop());

describe("playground examples", () => {
  const schema = createSchema();
  const named = examples.map(({ query, variables }) => ({
    name: getOperationAST(parse(query))?.name?.value ?? "none",
    query,
    variables: JSON.parse(variables ?? "{}") as Record<string, unknown>,
  }));

  test("have unique operation names, which become tab titles", () => {
    const names = named.map(({ name }) => name);
    expect(names).not.toContain("none");
    expect(new Set(names).size).toBe(examples.length);
    // More would not fit beside each other.
    expect(names.join("  ").length).toBeLessThan(110);
  });

  test.each(named)("$name begins with a comment and is valid", ({ query }) => {
    expect(query).toMatch(/^# \S.*\.\n|^# \S.*\n# .*\.\n/);
    expect(validate(schema, parse(query)).map(({ message }) => message)).toEqual([]);
    // The editor shows about so much beside its buttons.
    const wide = query.split("\n").filter((line) => line.trimStart().startsWith("#") && line.length > 60);
    expect(wide).toEqual([]);
  });

  test.each(named)("$name runs on the demo shop, repeatedly", async ({ query, variables }) => {
    for (let run = 1; run <= 2; run++) {
      const { status, data, errors } = await app.query(query, variables);
      expect({ status, errors }).toEqual({ status: 200, errors: undefined });
      const { lists, missing } = inspect(data);
      expect(missing).toEqual([]);
      for (const [path, longest] of lists) {
        if (path.endsWith(".userErrors")) expect([path, longest]).toEqual([path, 0]);
        else if (!path.endsWith(".unchanged") && path !== "tagsRemove.resource.tags") {
          expect([path, longest]).not.toEqual([path, 0]);
        }
      }
    }
  });

  /** The root fields that came back empty, and each list of an answer with the length of its longest one. */
  function inspect(data: Record<string, unknown>) {
    const lists = new Map<string, number>();
    const walk = (value: unknown, path: string) => {
      if (Array.isArray(value)) {
        lists.set(path, Math.max(value.length, lists.get(path) ?? 0));
        for (const item of value) walk(item, path);
      } else if (value && typeof value === "object") {
        for (const [key, inner] of Object.entries(value)) walk(inner, path ? `${path}.${key}` : key);
      }
    };
    walk(data, "");
    return { lists, missing: Object.keys(data).filter((key) => data[key] === null) };
  }
});

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** Plain HTTP: fetch asks for compression and undoes it on its own. */
function send(path: string, { method = "GET", headers = {} as Record<string, string> } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(`${app.url}${path}`, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    });
    sent.on("error", reject).end();
  });
}

const gzip = { "accept-encoding": "gzip, deflate, br" };

describe("playground page", () => {
  test("is HTML with title and icon, compressed if the browser accepts it", async () => {
    const plain = await send("/");
    expect(plain.status).toBe(200);
    expect(plain.headers["content-type"]).toBe("text/html; charset=utf-8");
    expect(plain.headers["content-encoding"]).toBeUndefined();
    expect(plain.headers.vary).toBe("accept-encoding");
    const html = plain.body.toString();
    expect(html).toContain("<title>Customer graph</title>");
    expect(html).toContain('<link rel="icon" href="data:image/svg+xml,');

    const packed = await send("/", { headers: gzip });
    expect(packed.headers["content-encoding"]).toBe("gzip");
    expect(packed.headers["content-length"]).toBe(String(packed.body.length));
    expect(gunzipSync(packed.body).toString()).toBe(html);
    expect(packed.body.length).toBeLessThan(10_000);
  });

  test("is revalidated by ETag", async () => {
    const { headers } = await send("/", { headers: gzip });
    expect(headers["cache-control"]).toBe("no-cache");
    const again = await send("/", { headers: { ...gzip, "if-none-match": headers.etag! } });
    expect(again.status).toBe(304);
    expect(again.headers.etag).toBe(headers.etag);
    expect(again.body).toHaveLength(0);
    expect((await send("/", { headers: { ...gzip, "if-none-match": '"another"' } })).status).toBe(200);
  });

  test("answers HEAD with the headers of GET, and other methods with 405", async () => {
    const { headers: expected } = await send("/", { headers: gzip });
    const head = await send("/", { method: "HEAD", headers: gzip });
    expect(head.status).toBe(200);
    expect({ ...head.headers, date: "" }).toEqual({ ...expected, date: "" });
    expect(head.body).toHaveLength(0);
    const post = await send("/", { method: "POST" });
    expect([post.status, post.headers.allow]).toEqual([405, "GET, HEAD"]);
  });

  test("Content-Security-Policy allows only scripts and connections of this server, and no frames", async () => {
    const { headers } = await send("/");
    const policy = Object.fromEntries(
      String(headers["content-security-policy"])
        .split("; ")
        .map((rule) => [rule.slice(0, rule.indexOf(" ")), rule.slice(rule.indexOf(" ") + 1)]),
    );
    expect(policy).toMatchObject({
      "default-src": "'none'",
      "script-src": expect.stringMatching(/^'self' 'sha256-[\w+/]+='$/),
      "worker-src": "'self'",
      "connect-src": "'self'",
      "img-src": "data:",
      "font-src": "data:",
      "base-uri": "'none'",
      "form-action": "'none'",
      "frame-ancestors": "'none'",
    });
    expect(headers["x-content-type-options"]).toBe("nosniff");
    expect(headers["referrer-policy"]).toBe("no-referrer");
  });

  test("and its files load nothing from other hosts", async () => {
    const html = (await send("/")).body.toString();
    // The name of a language, which is never fetched.
    const withoutNames = html.replaceAll("http://www.w3.org/2000/svg", "");
    expect(withoutNames).not.toMatch(/https?:|["'`(=]\s*\/\//i);
    const links = [...html.matchAll(/\s(?:src|href)="([^"]*)"/g)].map(([, address]) => address!);
    expect(links).toHaveLength(3);
    const files = links.filter((address) => !address.startsWith("data:"));
    const workers = ["editor", "graphql", "json"].map((name) => files[0]!.replace(/\w+\.js$/, `${name}.worker.js`));
    for (const path of [...files, ...workers]) {
      const { status, headers, body } = await send(`/${path}`);
      const text = body.toString();
      expect([path, status]).toEqual([path, 200]);
      if (path.endsWith(".css")) {
        expect(headers["content-type"]).toBe("text/css; charset=utf-8");
        const addresses = [...text.matchAll(/url\(\s*["']?([^)]{0,40})/g)].map(([, address]) => address!);
        expect(addresses.length).toBeGreaterThan(10);
        expect(addresses.filter((address) => !address.startsWith("data:"))).toEqual([]);
        expect(text).not.toMatch(/@import/);
      } else {
        expect(headers["content-type"]).toBe("text/javascript; charset=utf-8");
        expect(text.length).toBeGreaterThan(100_000);
        // Links that a reader may follow are in there; calls and attributes that load one are not.
        const call =
          /\b(?:fetch|import|importScripts|Worker|WebSocket|EventSource|sendBeacon|Image)\(\s*["'`](?:\w+:)?\/\//;
        const attribute = /\b(?:src|srcset|poster|xlinkHref)\s*[:=]\s*["'`](?:\w+:)?\/\//;
        expect(call.exec(text)?.[0]).toBeUndefined();
        expect(attribute.exec(text)?.[0]).toBeUndefined();
      }
    }
  });
});

describe("files of the playground", () => {
  test("are cached for good, with the version in their path", async () => {
    const path = /src="([^"]+)"/.exec((await send("/")).body.toString())![1]!;
    expect(path).toMatch(/^playground\/\d+\.\d+\.\d+\/graphiql\.js$/);
    const packed = await send(`/${path}`, { headers: gzip });
    expect(packed.headers).toMatchObject({
      "cache-control": "public, max-age=31536000, immutable",
      "content-encoding": "gzip",
      "content-security-policy": "default-src 'none'",
    });
    expect(packed.body.length).toBeLessThan(2_000_000);
    const plain = await send(`/${path}`);
    expect(plain.body.equals(gunzipSync(packed.body))).toBe(true);
    const again = await send(`/${path}`, { headers: { "if-none-match": packed.headers.etag! } });
    expect(again.status).toBe(304);
  });

  test.each([
    "/playground/",
    "/playground/graphiql.js",
    "/playground/0.0.0/graphiql.js",
    "/playground/../package.json",
  ])("%s is not found", async (path) => {
    expect((await send(path)).status).toBe(404);
  });
});

test("the page has a token only for requests from this machine", async () => {
  const page = (host: string) =>
    new Promise<string>((resolve, reject) => {
      const { hostname, port } = new URL(app.url);
      get({ hostname, port, path: "/", headers: { host } }, (response) => {
        let text = "";
        response.on("data", (data) => (text += data)).on("end", () => resolve(text));
      }).on("error", reject);
    });
  expect(await page("localhost:4000")).toContain("Bearer ey");
  expect(await page("rebound.example")).toContain("renderYogaGraphiQL");
  expect(await page("rebound.example")).not.toContain("Bearer");
  expect(await page("127.0.0.1.rebound.example")).not.toContain("Bearer");
});
