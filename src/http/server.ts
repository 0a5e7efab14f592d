import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { GraphQLSchema } from "graphql";
import { isUnavailable } from "../database/unavailable.js";
import { ApiError, type ErrorCode, errorCodes, httpOf } from "../errors.js";
import { PlannedExecution } from "../graph/answer/planned-execution.js";
import { directivesOnMutations } from "../graph/write/directives.js";
import type { Organization } from "../identity/organization.js";
import { factsOf } from "../telemetry/logger.js";
import { errorBody, json } from "./answer.js";
import { Apollo } from "./apollo.js";
import type { AppResources } from "./context.js";
import type { CorsOrigins } from "./cors.js";
import { faultStatuses } from "./graphql.js";
import { createJsonApi } from "./jsonapi/route.js";
import type { Playground } from "./playground/playground.js";
import { RequestError } from "./request.js";
import { createRouter, type FirstRoutes } from "./routes.js";
import { noIntrospection } from "./schema-file.js";
import { createStreams } from "./stream/stream.js";
import { createSubjectExports, type ExportLimits, exportLimits } from "./subject-export.js";
import { UnsentAnswers, type UnsentLimits, unsentLimits } from "./unsent.js";

export interface HttpServer {
  /** Starts listening; returns the base URL, such as `http://127.0.0.1:4000`. */
  listen(port: number, host: string): Promise<string>;
  /** Graceful shutdown: not ready from now on, drains running requests for up to `graceMs`. */
  stop(graceMs: number): Promise<void>;
}

export interface HttpOptions {
  schema: GraphQLSchema;
  resources: AppResources;
  playground: Playground;
  routes?: FirstRoutes;
  /** Whether responses report the number of their SQL statements. */
  countStatements: boolean;
  /** Allowed CORS origins besides the server's own. Default: none. */
  corsOrigins?: CorsOrigins;
  /** Whether queries are planned and read by one statement. Otherwise resolvers answer everything. */
  planned?: boolean;
  /** Whether introspection is enabled. Default: true. */
  introspection?: boolean;
  /** Limits of unsent responses to slow clients. */
  unsent?: Partial<UnsentLimits>;
  exports?: Partial<ExportLimits>;
  /** Maximum page size of the JSON:API for integrations. Default: 25, as for everybody. */
  integrationPageSize?: number;
  /** What the JSON:API tells of the organization, besides what tokens say. */
  organization?: Organization;
}

/** Large enough that an oversized token is rejected by authentication, with a clear message. */
const maxHeaderSize = 128 * 1024;

/** Creates the HTTP server: wires its parts, tracks running requests, handles errors outside of GraphQL. */
export async function createHttpServer(options: HttpOptions): Promise<HttpServer> {
  const { schema, resources, playground, countStatements, corsOrigins = [], introspection = true } = options;
  const apollo = new Apollo({
    schema,
    log: resources.log,
    validationRules: introspection ? [directivesOnMutations] : [directivesOnMutations, noIntrospection],
    suggestions: introspection,
  });
  await apollo.start();
  const planner = new PlannedExecution(schema, resources.database);
  const unsent = new UnsentAnswers({ ...unsentLimits, ...options.unsent }, resources.log);
  const streams = createStreams(schema, resources, unsent);

  let stopping = false;
  let running = 0;
  let idle = () => {};

  const route = createRouter({
    schema,
    graphql: { schema, resources, apollo, planner: options.planned === false ? undefined : planner, countStatements },
    streams,
    subjectExports: createSubjectExports(resources, unsent, { ...exportLimits, ...options.exports }),
    jsonApi: createJsonApi({
      schema,
      resources,
      planner,
      integrationPageSize: options.integrationPageSize ?? 25,
      organization: options.organization ?? {},
    }),
    playground,
    first: options.routes,
    corsOrigins,
    introspection,
    isStopping: () => stopping,
  });

  const server: Server = createServer({ maxHeaderSize }, (request, response) => {
    running++;
    response.once("close", () => {
      if (--running === 0) idle();
    });
    if (stopping) response.setHeader("connection", "close");
    response.setHeader("x-content-type-options", "nosniff");
    const answered = route(request, response).then(() => unsent.watch(response));
    answered.catch((error: unknown) => {
      const refusal = refusalOf(error);
      // The client disconnected during its request: nobody gets a response.
      if (!refusal && request.destroyed && !request.complete) return;
      if (!refusal || response.headersSent) resources.log.error("A request failed outside GraphQL.", factsOf(error));
      // The response was partly sent: cut the connection, so that the client notices.
      if (response.headersSent) response.destroy();
      else if (refusal) json(response, refusal.status, refusal.body, refusal.headers);
      else json(response, 500, errorBody("INTERNAL_SERVER_ERROR", "Something went wrong on our side."));
    });
  });
  server.requestTimeout = 30_000;
  server.headersTimeout = 15_000;
  // Longer than the idle timeout of proxies, usually a minute: they must not reuse a connection that is closing.
  server.keepAliveTimeout = 75_000;

  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen(port, host, () => {
          server.off("error", reject);
          const address = server.address() as AddressInfo;
          const name = address.family === "IPv6" ? `[${address.address}]` : address.address;
          resolve(`http://${name}:${address.port}`);
        });
      }),
    async stop(graceMs) {
      stopping = true;
      server.close();
      server.closeIdleConnections();
      streams.stop();
      if (running > 0) {
        let timer: NodeJS.Timeout | undefined;
        await Promise.race([
          new Promise<void>((resolve) => {
            idle = resolve;
          }),
          new Promise<void>((resolve) => {
            timer = setTimeout(resolve, graceMs);
          }),
        ]);
        clearTimeout(timer);
      }
      server.closeAllConnections();
      await apollo.stop();
    },
  };
}

/** Error response outside of GraphQL, for errors that define one. */
function refusalOf(
  error: unknown,
): { status: number; body: object; headers: Readonly<Record<string, string>> } | undefined {
  if (error instanceof RequestError) {
    return { status: error.status, body: errorBody(error.code, error.message), headers: error.headers };
  }
  if (error instanceof ApiError) {
    const { code, http: _, ...extensions } = error.extensions as { code: ErrorCode; http?: object };
    const { status = faultStatuses.get(code) ?? 403, headers } = httpOf(error);
    return { status, body: errorBody(code, error.message, extensions), headers };
  }
  if (isUnavailable(error)) {
    const headers = { "retry-after": "1" };
    return { status: 503, body: errorBody("UNAVAILABLE", errorCodes.UNAVAILABLE), headers };
  }
  return undefined;
}
