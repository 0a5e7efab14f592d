import type { IncomingMessage, ServerResponse } from "node:http";
import type { GraphQLSchema } from "graphql";
import { Requester } from "../../database/requester.js";
import { permits } from "../../graph/access/guard.js";
import { permissionsByKind, toRead } from "../../graph/access/permission.js";
import type { PlannedExecution } from "../../graph/answer/planned-execution.js";
import type { Context } from "../../graph/context.js";
import { dataSubject } from "../../graph/model/datamodel.js";
import { whyUnstorable } from "../../graph/model/json.js";
import { nearest } from "../../graph/model/nearest.js";
import { absoluteUrl } from "../../graph/schema/resource.type.js";
import type { Organization } from "../../identity/organization.js";
import { factsOf } from "../../telemetry/logger.js";
import { send } from "../answer.js";
import { type AppResources, createContext } from "../context.js";
import { preferredType } from "../negotiation.js";
import { checkEncodedParameters, headerOf } from "../request.js";
import { readResource } from "./body.js";
import { type ResourceObject, addressOf as resourceAddress } from "./document.js";
import { JsonApiError, mediaType, refusalOf } from "./errors.js";
import { openApiOf } from "./openapi.js";
import { notFound, type ReadDocument, Reader, type ReadRequest } from "./read.js";
import { type ResourceType, type ResourceTypes, resourceTypesOf } from "./resources.js";
import { limitsOf, readSingleton, singletons } from "./singletons.js";
import { type GivenResource, methodsOf, Writer } from "./write.js";

/** Where the JSON:API is served. */
export const apiPath = "/api/";
/** For preflights of browsers. */
export const apiMethods = "GET, HEAD, POST, PATCH, DELETE";

/** Where its OpenAPI description is. */
export const openApiPath = "/api/schema";

/** Media types of responses: the first is what they are, whatever was asked for. */
const answerTypes = [mediaType, "application/json"] as const;

export interface JsonApiParts {
  readonly schema: GraphQLSchema;
  readonly resources: AppResources;
  readonly planner: PlannedExecution;
  /** The most resources of one page that integrations may ask for; all others: 25, as Commerce Layer. */
  readonly integrationPageSize: number;
  readonly organization: Organization;
}

/** domain rule: page sizes of Commerce Layer. */
const pageSizes = { default: 10, maximum: 25 };

/** Serves the resources of the graph as JSON:API documents. */
export interface JsonApi {
  serve(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void>;
  /** Its OpenAPI description, as JSON. */
  describe(): string;
}

export function createJsonApi(parts: JsonApiParts): JsonApi {
  const types = resourceTypesOf(parts.schema);
  const organization = { ...parts.organization, ...limitsOf(types) };

  async function answer(request: IncomingMessage, url: URL, requester: Requester): Promise<Answer> {
    if (!preferredType(request.headers.accept, answerTypes)) {
      throw new JsonApiError("NOT_ACCEPTABLE", `Answers come as ${mediaType}; name it in the accept header.`, {
        header: "accept",
      });
    }
    checkEncodedParameters(url.search);
    const segments = segmentsOf(url.pathname);
    const isReading = request.method === "GET" || request.method === "HEAD";
    const singleton = segments.length === 1 ? singletons.get(segments[0]!) : undefined;
    if (singleton) {
      if (!isReading) throw methodNotAllowed(`${apiPath}${segments[0]}`, ["GET", "HEAD"]);
      const context = await createContext(parts.resources, headerOf(request, "authorization"), request, requester);
      const document = await readSingleton(singleton, url.searchParams, context, organization);
      return { status: 200, document, secret: false };
    }
    const address = addressOf(segments, types);
    const { type, id, relationship, linkage } = address;
    const methods = relationship ? ["GET", "HEAD"] : methodsOf(type, id !== undefined);
    if (!methods.includes(request.method!)) {
      throw methodNotAllowed(`${apiPath}${type.name}${id === undefined ? "" : "/:id"}`, methods);
    }
    const resource =
      request.method === "POST" || request.method === "PATCH" ? await readResource(request, type, id) : none;
    const context = await createContext(parts.resources, headerOf(request, "authorization"), request, requester);
    const isIntegration = context.viewer.kind === "integration";
    const read: ReadRequest = {
      search: url.searchParams,
      address: absoluteUrl(address.path),
      pageSizes: { ...pageSizes, ...(isIntegration && { maximum: parts.integrationPageSize }) },
    };
    const reading = { ...parts, types };
    const reader = new Reader(reading, context, read);
    if (isReading) {
      if (id === undefined) return { status: 200, ...(await reader.list(type)) };
      if (!relationship) return { status: 200, ...(await reader.get(type, id)) };
      const answer = linkage ? reader.linkage(type, id, relationship) : reader.related(type, id, relationship);
      return { status: 200, ...(await answer) };
    }
    const writer = new Writer(reading, context, headerOf(request, "idempotency-key"));
    if (request.method === "DELETE") {
      await writer.delete(type, id!);
      return { status: 204, secret: false };
    }
    // Invalid parameters are rejected before anything changes.
    reader.check(type);
    if (id !== undefined) {
      await writer.update(type, id, resource);
      return { status: 200, ...(await written(() => reader.get(type, id))) };
    }
    const { id: newId, once } = await writer.create(type, resource);
    const secret = Object.keys(once).length > 0;
    // The caller may not read the resource, or not even learn whether it exists.
    if (newId === undefined) return { status: 202, document: { data: null }, secret };
    const creator = asCreated(context, type, newId);
    const isReadable = permits(creator.viewer, type.access);
    const shown = isReadable
      ? await written(() => new Reader(reading, creator, read).get(type, newId)).catch((error) => {
          // Not for this caller, or not there: both are answered alike.
          if (error instanceof JsonApiError && error.status === 404) return undefined;
          throw error;
        })
      : undefined;
    if (!shown) {
      const links = { self: resourceAddress(type.name, newId) };
      const data = { id: newId, type: type.name, links, attributes: once, relationships: {} };
      return { status: 201, document: { data }, secret, location: links.self };
    }
    const { attributes, links } = shown.document.data as ResourceObject;
    Object.assign(attributes, once);
    return { status: 201, document: shown.document, secret: secret || shown.secret, location: links.self };
  }

  return {
    describe: () => JSON.stringify(openApiOf(parts.schema, types)),
    async serve(request, response, url) {
      const requester = new Requester();
      response.once("close", () => requester.cancel());
      let status = 200;
      let headers: Readonly<Record<string, string>> = {};
      let body: unknown;
      let secret = false;
      try {
        const { document, location, ...head } = await answer(request, url, requester);
        ({ status, secret } = head);
        body = document;
        if (location) headers = { location };
      } catch (error) {
        const refusal = refusalOf(error) ?? serverFault(error);
        ({ status, headers } = refusal);
        body = { errors: refusal.errors };
      }
      await send(request, response, {
        status,
        headers: { ...headers, ...(body !== undefined && { "content-type": mediaType }), "cache-control": "no-store" },
        pieces: body === undefined ? [] : [JSON.stringify(body)],
        compressible: () => !secret,
      });
    },
  };

  function serverFault(error: unknown): JsonApiError {
    parts.resources.log.error("A request of the JSON:API failed.", factsOf(error));
    return new JsonApiError("INTERNAL_SERVER_ERROR", "Something went wrong on our side.");
  }
}

interface Answer {
  readonly status: number;
  readonly document?: Record<string, unknown>;
  readonly secret: boolean;
  readonly location?: string;
}

const none: GivenResource = { attributes: {}, relationships: {} };

/** Reads what was written; that it could not be read does not mean that it was not written. */
async function written(read: () => Promise<ReadDocument>): Promise<ReadDocument> {
  try {
    return await read();
  } catch (error) {
    if (refusalOf(error)?.status !== 503) throw error;
    throw new JsonApiError(
      "RESULT_UNAVAILABLE",
      "The change was made, but the database was lost before its result was read. Read the resource; do not send the change again.",
    );
  }
}

/** The context for reading a new resource: a new customer is read once as that customer. */
function asCreated(context: Context, { model }: ResourceType, id: string): Context {
  const { viewer } = context;
  if (model.datamodel !== dataSubject || permits(viewer, [toRead(model.name)])) return context;
  const permissions = permissionsByKind.customer;
  return { ...context, viewer: { ...viewer, kind: "customer", customerId: id, owner: null, permissions } };
}

interface Address {
  readonly type: ResourceType;
  readonly id?: string;
  readonly relationship?: NonNullable<ReturnType<ResourceType["relationships"]["get"]>>;
  /** `/relationships/`: the ids alone. */
  readonly linkage: boolean;
  /** The path as links have it: without escapes that it does not need, and no slash at the end. */
  readonly path: string;
}

function methodNotAllowed(at: string, methods: readonly string[]): JsonApiError {
  const allow = methods.join(", ");
  return new JsonApiError("METHOD_NOT_ALLOWED", `${at} takes ${allow}.`, undefined, { allow });
}

/** The decoded segments of a path; a slash at its end is ignored. */
function segmentsOf(pathname: string): string[] {
  return pathname.slice(apiPath.length).replace(/\/$/, "").split("/").map(decoded);
}

/** Parses the segments of a path; throws if they name nothing. */
function addressOf(segments: readonly string[], types: ResourceTypes): Address {
  const path = apiPath + segments.map(encodeURIComponent).join("/");
  const [typeName = "", id, ...rest] = segments;
  const type = types.get(typeName);
  const unknown = (what: string, known: Iterable<string>, name: string) => {
    const hint = nearest(name, known);
    return new JsonApiError("ROUTE_NOT_FOUND", `${what}${hint ? ` Did you mean ${hint}?` : ""}`);
  };
  if (!typeName) throw new JsonApiError("ROUTE_NOT_FOUND", `Name a type of resource, such as ${apiPath}customers.`);
  if (segments.includes("")) {
    throw new JsonApiError("ROUTE_NOT_FOUND", "The path has an empty segment: two slashes in a row.");
  }
  if (!type)
    throw unknown(
      `There is no type of resource ${typeName.slice(0, 60)}.`,
      [...types.keys(), ...singletons.keys()],
      typeName,
    );
  if (id === undefined) return { type, path, linkage: false };
  if (whyUnstorable(id)) throw notFound(type, id);
  const linkage = rest[0] === "relationships" && rest.length > 1;
  const [name, ...more] = linkage ? rest.slice(1) : rest;
  if (name === undefined) return { type, id, path, linkage: false };
  const relationship = type.relationships.get(name);
  if (!relationship) {
    throw unknown(`${type.name} have no relationship ${name.slice(0, 60)}.`, type.relationships.keys(), name);
  }
  if (more.length) {
    throw new JsonApiError("ROUTE_NOT_FOUND", `There is nothing below ${name}; name its resources by their own type.`);
  }
  return { type, id, relationship, path, linkage };
}

/** A path segment, decoded; unchanged if its escapes are invalid. */
function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
