import type { IncomingMessage } from "node:http";
import { parseExactly } from "../../graph/model/json.js";
import { limits } from "../limits.js";
import { readBody } from "../request.js";
import { JsonApiError, mediaType } from "./errors.js";
import type { ResourceType } from "./resources.js";
import type { GivenResource } from "./write.js";

/** Reads the resource object in the body of a request that creates or updates one of a type. */
export async function readResource(
  request: IncomingMessage,
  type: ResourceType,
  id: string | undefined,
): Promise<GivenResource> {
  const { text } = await readBody(request, {
    types: [mediaType],
    expected: `Send a JSON:API document, with the header \`content-type: ${mediaType}\`.`,
    maximumBytes: limits.bodyBytes,
  });
  const { data } = objectOf(parsed(text), "");
  if (data === undefined) throw invalid("PARAM_MISSING", "A document has `data`, with the resource.", "/data");
  const resource = objectOf(data, "/data");
  if (resource.type !== type.name) {
    throw invalid("TYPE_MISMATCH", `The type of the resource has to be ${type.name} at this address.`, "/data/type");
  }
  if (id === undefined && resource.id !== undefined && resource.id !== null) {
    throw invalid("PARAM_NOT_ALLOWED", "id is not allowed: a new resource gets its own.", "/data/id");
  }
  if (id !== undefined && resource.id !== undefined && resource.id !== id) {
    throw invalid("KEY_NOT_INCLUDED_IN_URL", "The id of the resource is not that of the URL.", "/data/id");
  }
  const extra = Object.keys(resource).find((key) => !members.includes(key));
  if (extra !== undefined) {
    throw invalid(
      "PARAM_NOT_ALLOWED",
      `${extra.slice(0, 60)} is not allowed; a resource has ${members.join(", ")}.`,
      "/data",
    );
  }
  return {
    attributes: objectOf(resource.attributes ?? {}, "/data/attributes"),
    relationships: objectOf(resource.relationships ?? {}, "/data/relationships"),
  };
}

const members = ["type", "id", "attributes", "relationships", "links", "meta"];

function invalid(code: ConstructorParameters<typeof JsonApiError>[0] & string, detail: string, pointer: string) {
  return new JsonApiError(code, detail, { pointer });
}

function parsed(text: string): unknown {
  let read: ReturnType<typeof parseExactly>;
  try {
    read = parseExactly(text);
  } catch {
    throw invalid("BAD_REQUEST", "The request is not JSON.", "");
  }
  const [repeated] = read.repeated;
  if (repeated !== undefined) throw invalid("BAD_REQUEST", "An object has this key twice.", repeated);
  return read.value;
}

function objectOf(value: unknown, pointer: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw invalid("BAD_REQUEST", "This has to be a JSON object.", pointer);
}
