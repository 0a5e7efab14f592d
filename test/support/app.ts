import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { print } from "graphql";
import { seedDemo } from "../../prisma/seed.js";
import { createPlayground } from "../../src/http/playground.js";
import { createHttpServer } from "../../src/http/server.js";
import type { Mode, Viewer } from "../../src/platform/access/viewer.js";
import { createDatabase, type Database } from "../../src/platform/database/client.js";
import { setPublicUrl } from "../../src/platform/graphql/resource.type.js";
import { createLogger } from "../../src/platform/telemetry/logger.js";
import { createSchema } from "../../src/schema.js";
import { createTestDatabase } from "./database.js";

/** What came back over HTTP. */
export interface Answer<Data> {
  status: number;
  data: Data;
  errors?: { message: string; path?: (string | number)[]; extensions: Record<string, unknown> }[];
  extensions: { requestId: string; cost?: number; statements: number };
}

export interface TestApp {
  url: string;
  database: Database;
  connectionString: string;
  /** Sends an operation over HTTP. */
  query<Data = any, Variables = Record<string, unknown>>(
    document: TypedDocumentNode<Data, Variables> | string,
    variables?: Variables,
  ): Promise<Answer<Data>>;
  /** The statements sent since the last call, with their values. */
  statements(): { text: string; values: readonly unknown[] }[];
  /** The lines logged so far. */
  logged: string[];
  stop(): Promise<void>;
}

const schema = createSchema();

/** A server on a database of its own, with the demo shop in it unless told otherwise. */
export async function createTestApp({
  demo = true,
  mode = "test" as Mode,
  owner = null as Viewer["owner"],
  now = () => new Date(),
  poolSize = 8,
} = {}): Promise<TestApp> {
  const { connectionString, drop } = await createTestDatabase();
  const logged: string[] = [];
  const log = createLogger({ level: "debug", json: true, write: (line) => logged.push(line) });
  let sent: { text: string; values: readonly unknown[] }[] = [];
  const database = createDatabase({
    connectionString,
    poolSize,
    log,
    onStatement: (text, values) => sent.push({ text, values }),
  });
  if (demo) await seedDemo(database.pool);
  const server = await createHttpServer({
    schema,
    resources: { database, log, now, viewer: { kind: "integration", applicationId: "app_test", owner, mode } },
    playground: createPlayground(),
    countStatements: true,
  });
  const url = await server.listen(0, "127.0.0.1");
  setPublicUrl(url);
  sent = [];
  return {
    url,
    database,
    connectionString,
    logged,
    async query(document, variables) {
      const response = await fetch(`${url}/graphql`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ query: typeof document === "string" ? document : print(document), variables }),
      });
      return { status: response.status, ...((await response.json()) as object) } as never;
    },
    statements() {
      const taken = sent;
      sent = [];
      return taken;
    },
    async stop() {
      await server.stop(1_000);
      await database.close();
      await drop();
    },
  };
}
