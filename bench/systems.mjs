import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { askOnce, load, requestText } from "./load.mjs";
import { cpuOf, memoryOf, resetPeak } from "./processes.mjs";
import { parametersOf } from "./queries.mjs";

const peers = fileURLToPath(new URL("peers/", import.meta.url));

/**
 * All that can be measured, in the order of the tables. Each is `peers/<name>.client.mjs` and, unless that names another
 * script, `peers/<name>.mjs`.
 */
export const systems = [
  { name: "handwritten", title: "hand-written SQL" },
  {
    name: "handwritten-shared",
    title: "hand-written, statements shared",
    files: "handwritten",
    environment: { SHARE_STATEMENTS: "1" },
  },
  { name: "project", title: "customer-graph" },
  { name: "project-customer", title: "customer-graph, as customers" },
  { name: "project-rest", title: "customer-graph, JSON:API" },
  {
    name: "project-unruled",
    title: "customer-graph without row rules",
    files: "project",
    // Of lists, the indexes begin with what the rules ask for.
    only: ["one", "nested", "walk"],
    nodeOptions: ["--import", new URL("peers/without-row-rules.mjs", import.meta.url).href],
  },
  { name: "postgraphile", title: "PostGraphile" },
  { name: "mercurius", title: "Mercurius JIT" },
  { name: "typegraphql-prisma", title: "TypeGraphQL + Prisma, the usual way" },
  { name: "pothos-yoga", title: "Pothos + Prisma + Yoga" },
];

const startTimeoutMs = 120_000;
const stopTimeoutMs = 15_000;

/** One running system: its process and its client. */
export class System {
  /** Undefined if its files are not there. */
  static async find({ name, title, files = name, environment, nodeOptions = [], only }) {
    const clientFile = join(peers, `${files}.client.mjs`);
    if (!existsSync(clientFile)) return undefined;
    const client = await import(pathToFileURL(clientFile).href);
    if (!client.script && !existsSync(join(peers, `${files}.mjs`))) return undefined;
    return new System({ name, title, files, environment, nodeOptions, only, client });
  }

  constructor({ name, title, files, environment, nodeOptions, only, client }) {
    Object.assign(this, { name, title, files, environment, nodeOptions, only, client });
  }

  has(query) {
    return query in this.client.queries && (this.only?.includes(query) ?? true);
  }

  /** Starts the process on a free port and prepares the client. */
  async start({ root, databaseUrl, poolSize, samples, tokens }) {
    this.samples = samples;
    this.port = await freePort();
    this.folder = await mkdtemp(join(tmpdir(), "bench-"));
    const { PATH, HOME } = process.env;
    const script = this.client.script ? join(root, this.client.script) : join(peers, `${this.files}.mjs`);
    this.process = spawn(process.execPath, [...(this.client.nodeOptions ?? []), ...this.nodeOptions, script], {
      // Not in the user's folder, where there may be a file `.env` of theirs.
      cwd: this.folder,
      env: {
        PATH,
        HOME,
        NODE_ENV: "production",
        DATABASE_URL: databaseUrl,
        PORT: String(this.port),
        POOL_SIZE: String(poolSize),
        ...this.environment,
        ...this.client.environment?.(tokens),
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    await this.ready();
    await this.client.prepare?.({
      samples,
      sign: tokens.sign,
      request: ({ body, parameters }) => askOnce(this.port, this.text(this.client.path, body, parameters)),
    });
  }

  /** Waits for the word `ready` on its output; if it never comes, the error has the last lines that did. */
  ready() {
    const lines = [];
    return new Promise((resolve, reject) => {
      const fail = (why) => reject(new Error(`${this.name} ${why}:\n${lines.join("").slice(-2_000)}`));
      const timer = setTimeout(() => fail("was not ready in time"), startTimeoutMs);
      const hear = (chunk) => {
        lines.push(String(chunk));
        if (lines.length > 100) lines.shift();
      };
      this.process.stderr.on("data", hear);
      this.process.stdout.on("data", (chunk) => {
        hear(chunk);
        if (!/\bready\b/.test(String(chunk))) return;
        clearTimeout(timer);
        resolve();
      });
      this.process.on("error", (error) => fail(`could not be started (${error.message})`));
      this.process.on("exit", (code, signal) => {
        clearTimeout(timer);
        this.ended = true;
        fail(`ended with ${code ?? signal}`);
      });
    });
  }

  async stop() {
    if (this.process && !this.ended) {
      const ended = new Promise((resolve) => this.process.once("exit", resolve));
      const timer = setTimeout(() => this.process.kill("SIGKILL"), stopTimeoutMs);
      this.process.kill("SIGTERM");
      await ended;
      clearTimeout(timer);
    }
    if (this.folder) await rm(this.folder, { recursive: true, force: true });
  }

  text(path, body, parameters) {
    return requestText({ path, headers: this.client.headers?.(parameters), body });
  }

  requestOf(query, parameters, change = (body) => body) {
    const { method, type, path = this.client.path, body } = this.client.queries[query];
    const headers = this.client.headers?.(parameters);
    // Addresses may have the parameters in them.
    const address = typeof path === "function" ? path(parameters) : path;
    return requestText({ method, type, path: address, headers, body: body && change(body(parameters)) });
  }

  /** The canonical answer of one request. */
  async answer(query, parameters) {
    const answer = await askOnce(this.port, this.requestOf(query, parameters));
    if (answer?.errors) throw new Error(JSON.stringify(answer.errors).slice(0, 500));
    return this.client.queries[query].answer(answer);
  }

  /** What another system's canonical answer comes to for this one's caller. */
  expected(query, answer) {
    return this.client.queries[query].expected?.(answer) ?? answer;
  }

  /** Load of one query. `vary` changes the parameters, `change` each body. */
  load({ query, seed, vary = (parameters) => parameters, change, ...options }) {
    const draw = parametersOf(query, this.samples, seed);
    const { answer } = this.client.queries[query];
    return load({
      ...options,
      port: this.port,
      next: () => {
        const parameters = vary(draw());
        return {
          text: this.requestOf(query, parameters, change),
          inspect: (json) => checkAnswer(parameters, answer(json)),
        };
      },
    });
  }

  cpuSeconds() {
    if (this.ended) throw new Error(`${this.name} ended while it was measured.`);
    return cpuOf(this.process.pid);
  }

  /** In MB. */
  memory() {
    return memoryOf(this.process.pid);
  }

  resetPeak() {
    resetPeak(this.process.pid);
  }
}

/** Whether an answer under load is about what was asked for; that it is right in full was checked before. */
function checkAnswer({ id }, answer) {
  const isEmpty = !answer || (Array.isArray(answer) && answer.length === 0);
  if (isEmpty || (id && answer.id !== id)) throw new Error(`Not an answer: ${JSON.stringify(answer)?.slice(0, 200)}`);
}

async function freePort() {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve, reject) => server.once("listening", resolve).once("error", reject));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A signing key for the run, and what signs tokens with it, by the project's own code. */
export async function makeTokens(root) {
  const dist = (file) => import(join(root, "dist/src", file));
  const { loadSigningKeys, newKeySet } = await dist("identity/keys.js");
  const { Tokens } = await dist("identity/tokens.js");
  const { accessClaims } = await dist("identity/access-claims.js");
  const keySet = await newKeySet();
  const tokens = new Tokens({
    keys: await loadSigningKeys({ signingKeys: JSON.stringify(keySet), dataDir: root, environment: "production" }),
    issuer: "urn:customer-graph",
    revocations: { isRevoked: () => false },
    log: console,
  });
  const application = (kind) => ({
    id: `app_bench_${kind}`,
    mode: "test",
    kind,
    clientId: `bench-${kind}`,
    permissions: [],
    accessTokenSeconds: 7 * 86_400,
  });
  const granted = { scope: "market:all", marketIds: null, stockLocationIds: [] };
  return {
    keySet,
    /** The token of a customer, or of an integration. */
    sign: (customerId) =>
      tokens.sign(
        accessClaims({
          application: application(customerId ? "sales_channel" : "integration"),
          confidential: !customerId,
          granted,
          customerId,
          now: new Date(),
        }),
      ),
  };
}
