import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { demand } from "../platform/access/guard.js";
import { subjectExport } from "../platform/erasure/subject-export.js";
import { ApiError, httpOf } from "../platform/errors.js";
import { errorBody, json } from "./answer.js";
import { type AppResources, createContext } from "./context.js";

/** Streams everything about one customer, as it is at one moment: `GET /exports/customers/<id>`. */
export async function serveSubjectExport(
  resources: AppResources,
  authorization: string | undefined,
  customerId: string,
  request: IncomingMessage,
  response: ServerResponse,
) {
  if (request.method !== "GET") {
    return json(response, 405, errorBody("BAD_REQUEST", "Ask for an export by GET."), { allow: "GET" });
  }
  const { database, log } = resources;
  try {
    const context = await createContext(resources, authorization);
    demand(context, ["subjects:export"]);
    const known = await context.loaders.byId("Customer", customerId);
    if (!known) return json(response, 404, errorBody("BAD_REQUEST", "There is no customer with this id."));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { code, http: _, ...extensions } = error.extensions as { code: never; http?: object };
    const { status = 403, headers } = httpOf(error);
    return json(response, status, errorBody(code, error.message, extensions), headers);
  }
  response.writeHead(200, {
    "content-type": "application/vnd.api+json",
    "content-disposition": 'attachment; filename="customer.json"',
    "cache-control": "no-store",
  });
  try {
    await database.snapshot((query) => pipeline(subjectExport(query, customerId), response), { kind: "export" });
  } catch (error) {
    // Half a document is no document: the client sees that it was cut, unless it went away by itself.
    log.error("An export was broken off.", { reason: (error as { code?: string }).code ?? (error as Error).name });
    response.destroy();
  }
}
