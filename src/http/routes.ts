import type { IncomingMessage, ServerResponse } from "node:http";
import type { GraphQLSchema } from "graphql";
import { exportPath } from "../erasure/subject-export.js";
import { errorBody, json, wrongMethod } from "./answer.js";
import type { AppResources } from "./context.js";
import { type CorsOrigins, createCors } from "./cors.js";
import { type GraphQLParts, serveGraphQL } from "./graphql.js";
import { apiMethods, apiPath, type JsonApi, openApiPath } from "./jsonapi/route.js";
import type { Playground } from "./playground/playground.js";
import { checkEncodedParameters } from "./request.js";
import { createSchemaFile, createTextFile } from "./schema-file.js";
import type { Streams } from "./stream/stream.js";
import { serveStream, streamMethods, streamPath } from "./stream/stream-route.js";
import type { SubjectExports } from "./subject-export.js";

/** Additional routes, tried first: true if they handled the request. */
export type FirstRoutes = (request: IncomingMessage, response: ServerResponse, url: URL) => Promise<boolean>;

export interface Routes {
  readonly schema: GraphQLSchema;
  readonly graphql: GraphQLParts;
  readonly streams: Streams;
  readonly subjectExports: SubjectExports;
  readonly jsonApi: JsonApi;
  readonly playground: Playground;
  readonly first: FirstRoutes | undefined;
  readonly corsOrigins: CorsOrigins;
  readonly introspection: boolean;
  readonly isStopping: () => boolean;
}

/** Routes a request by its path. */
export function createRouter(routes: Routes): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const { schema, graphql, streams, subjectExports, jsonApi, playground, first, introspection, isStopping } = routes;
  const cors = createCors(routes.corsOrigins);
  const serveSchema = introspection ? createSchemaFile(schema) : undefined;
  const serveOpenApi = introspection ? createTextFile(jsonApi.describe, "application/json") : undefined;

  return async (request, response) => {
    if (request.url === "/graphql") {
      if (cors(request, response)) return;
      return serveGraphQL(graphql, request, response, "");
    }
    // A path such as `//` is not a valid URL.
    if (!URL.canParse(request.url ?? "/", "http://server")) return notFound(response);
    const url = new URL(request.url ?? "/", "http://server");
    const { pathname } = url;
    // The page may contain a token: other origins must not read it.
    if (pathname === "/" || pathname.startsWith("/playground/")) return playground.serve(request, response);
    const methods = pathname === streamPath ? streamMethods : pathname.startsWith(apiPath) ? apiMethods : undefined;
    if (cors(request, response, methods)) return;
    // The JSON:API has errors of its own.
    if (!pathname.startsWith(apiPath)) checkEncodedParameters(url.search);
    if (await first?.(request, response, url)) return;
    const isReading = request.method === "GET" || request.method === "HEAD";
    switch (pathname) {
      case "/graphql":
        return serveGraphQL(graphql, request, response, url.search);
      case streamPath:
        return serveStream(graphql, streams, isStopping(), request, response, url);
      case "/schema.graphql":
        if (!serveSchema) {
          return json(response, 404, errorBody("BAD_REQUEST", "Introspection is switched off on this server."));
        }
        if (!isReading) return wrongMethod(response, "Ask for the schema by GET.", "GET, HEAD");
        return serveSchema(request, response);
      case openApiPath:
        if (!serveOpenApi) {
          return json(response, 404, errorBody("BAD_REQUEST", "Introspection is switched off on this server."));
        }
        if (!isReading) return wrongMethod(response, "Ask for the description by GET.", "GET, HEAD");
        return serveOpenApi(request, response);
      case "/health/live":
      case "/health/ready":
        if (!isReading) return wrongMethod(response, "Ask for the health by GET.", "GET, HEAD");
        response.setHeader("cache-control", "no-store");
        if (pathname === "/health/live") return json(response, 200, { status: "ok" });
        return isStopping() ? json(response, 503, { status: "stopping" }) : ready(response, graphql.resources);
      default:
        if (pathname.startsWith(apiPath)) return jsonApi.serve(request, response, url);
        if (!pathname.startsWith(exportPath)) return notFound(response);
        return subjectExports.serve(request, response, decoded(pathname.slice(exportPath.length)));
    }
  };
}

async function ready(response: ServerResponse, { database }: AppResources) {
  try {
    await database.reserved.query("SELECT 1", []);
    return json(response, 200, { status: "ok" });
  } catch {
    return json(response, 503, { status: "database unavailable" });
  }
}

/** Decodes a path segment; returns it unchanged if its escapes are invalid. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}

function notFound(response: ServerResponse) {
  const message =
    "There is nothing here. GraphQL is served at /graphql, subscriptions at /graphql/stream, JSON:API at /api/customers, the schema at /schema.graphql, access tokens at /oauth/token, the playground at /.";
  json(response, 404, errorBody("BAD_REQUEST", message));
}
