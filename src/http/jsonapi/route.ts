import type { IncomingMessage, ServerResponse } from "node:http";
import type { GraphQLSchema } from "graphql";
import { Requester } from "../../database/requester.js";
import type { PlannedExecution } from "../../graph/answer/planned-execution.js";
import { nearest } from "../../graph/model/nearest.js";
import { absoluteUrl } from "../../graph/schema/resource.type.js";
import { factsOf } from "../../telemetry/logger.js";
import { send } from "../answer.js";
import { type AppResources, createContext } from "../context.js";
import { preferredType } from "../negotiation.js";
import { headerOf } from "../request.js";
import { JsonApiError, refusalOf } from "./errors.js";
import { type ReadDocument, Reader } from "./read.js";
import { type ResourceType, type ResourceTypes, resourceTypesOf } from "./resources.js";

/** Where the JSON:API is served. */
export const apiPath = "/api/";

export const mediaType = "application/vnd.api+json";
/** Media types of responses: the first is what they are, whatever was asked for. */
const answerTypes = [mediaType, "application/json"] as const;

export interface JsonApiParts {
  readonly schema: GraphQLSchema;
  readonly resources: AppResources;
  readonly planner: PlannedExecution;
  /** The most resources of one page that integrations may ask for; all others: 25, as Commerce Layer. */
  readonly integrationPageSize: number;
}

/** domain rule: page sizes of Commerce Layer. */
const pageSizes = { default: 10, maximum: 25 };

/** Serves the resources of the graph as JSON:API documents. */
export interface JsonApi {
  serve(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void>;
}

export function createJsonApi(parts: JsonApiParts): JsonApi {
  const types = resourceTypesOf(parts.schema);

  async function answer(request: IncomingMessage, url: URL, requester: Requester): Promise<ReadDocument> {
    if (!preferredType(request.headers.accept, answerTypes)) {
      throw new JsonApiError("NOT_ACCEPTABLE", `Answers come as ${mediaType}; name it in the accept header.`, {
        header: "accept",
      });
    }
    const address = addressOf(url.pathname, types);
    if (request.method !== "GET" && request.method !== "HEAD") {
      throw new JsonApiError("METHOD_NOT_ALLOWED", "Read by GET.", undefined, { allow: "GET, HEAD" });
    }
    const context = await createContext(parts.resources, headerOf(request, "authorization"), request, requester);
    const isIntegration = context.viewer.kind === "integration";
    const reader = new Reader({ ...parts, types }, context, {
      search: url.searchParams,
      address: absoluteUrl(url.pathname),
      pageSizes: { ...pageSizes, ...(isIntegration && { maximum: parts.integrationPageSize }) },
    });
    const { type, id, relationship, linkage } = address;
    if (id === undefined) return reader.list(type);
    if (!relationship) return reader.one(type, id);
    return linkage ? reader.linkage(type, id, relationship) : reader.related(type, id, relationship);
  }

  return {
    async serve(request, response, url) {
      const requester = new Requester();
      response.once("close", () => requester.cancel());
      let status = 200;
      let headers: Readonly<Record<string, string>> = {};
      let body: unknown;
      let secret = false;
      try {
        ({ document: body, secret } = await answer(request, url, requester));
      } catch (error) {
        const refusal = refusalOf(error) ?? serverFault(error);
        ({ status, headers } = refusal);
        body = { errors: refusal.errors };
      }
      await send(request, response, {
        status,
        headers: { ...headers, "content-type": mediaType, "cache-control": "no-store" },
        pieces: [JSON.stringify(body)],
        compressible: () => !secret,
      });
    },
  };

  function serverFault(error: unknown): JsonApiError {
    parts.resources.log.error("A request of the JSON:API failed.", factsOf(error));
    return new JsonApiError("INTERNAL_SERVER_ERROR", "Something went wrong on our side.");
  }
}

interface Address {
  readonly type: ResourceType;
  readonly id?: string;
  readonly relationship?: NonNullable<ReturnType<ResourceType["relationships"]["get"]>>;
  /** `/relationships/`: the ids alone. */
  readonly linkage: boolean;
}

/** What a path names, or the error that says what it does not. */
function addressOf(pathname: string, types: ResourceTypes): Address {
  const segments = pathname.slice(apiPath.length).replace(/\/$/, "").split("/");
  const [typeName = "", encodedId, ...rest] = segments;
  const type = types.get(typeName);
  const unknown = (what: string, known: Iterable<string>, name: string) => {
    const hint = nearest(name, known);
    return new JsonApiError("ROUTE_NOT_FOUND", `${what}${hint ? ` Did you mean ${hint}?` : ""}`);
  };
  if (!type) throw unknown(`There is no type of resource ${typeName.slice(0, 60)}.`, types.keys(), typeName);
  if (encodedId === undefined) return { type, linkage: false };
  const id = decoded(encodedId);
  const linkage = rest[0] === "relationships" && rest.length > 1;
  const [name, ...more] = linkage ? rest.slice(1) : rest;
  if (name === undefined) return { type, id, linkage: false };
  const relationship = more.length ? undefined : type.relationships.get(name);
  if (!relationship) {
    throw unknown(`${type.name} have no relationship ${name.slice(0, 60)}.`, type.relationships.keys(), name);
  }
  return { type, id, relationship, linkage };
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
