import type { IncomingMessage } from "node:http";
import { HeaderMap, type HTTPGraphQLRequest } from "@apollo/server";
import { LossyNumber, lossyNumbers, repeatedKeys } from "../graph/model/json.js";
import { limits } from "./limits.js";
import { headerOf, RequestError, readBody } from "./request.js";

/**
 * CSRF prevention: a GET without a content-type needs one of these headers, which another site cannot send without a
 * preflight. There are no cookies: a signed-in caller sends `Authorization`.
 */
export const csrfHeaders = ["authorization", "x-apollo-operation-name", "apollo-require-preflight"];

/** Reads a GraphQL request for Apollo Server, with a response of this media type. HEAD is GET without the body. */
export async function readGraphQLRequest(
  request: IncomingMessage,
  search: string,
  accept: string,
): Promise<HTTPGraphQLRequest> {
  const headers = new HeaderMap([["accept", accept]]);
  if (request.method === "POST") {
    const body = await readOperation(request);
    headers.set("content-type", "application/json");
    return { method: "POST", headers, search: "", body };
  }
  const type = headerOf(request, "content-type");
  if (type) headers.set("content-type", type);
  for (const name of csrfHeaders) {
    const value = headerOf(request, name);
    // CSRF prevention: forms of other sites can send these content-types.
    if (value && (!type || name !== "authorization")) headers.set(name, value);
  }
  checkVariables(new URLSearchParams(search).get("variables") ?? "");
  return { method: "GET", headers, search: withoutEmpty(search), body: undefined };
}

/** The JSON object in the body of a GraphQL request. */
export async function readOperation(request: IncomingMessage): Promise<object> {
  const { text } = await readBody(request, {
    types: ["application/json", "application/graphql+json"],
    expected: "Send the request as JSON, with the header `content-type: application/json`.",
    maximumBytes: limits.bodyBytes,
  });
  const example = 'object such as {"query": "{ … }"}';
  if (!text) throw new RequestError(400, `The request has no body; send one ${example}.`);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new RequestError(400, `The request is not valid JSON; send one ${example}.`);
  }
  if (Array.isArray(body)) {
    throw new RequestError(
      400,
      `Lists of operations (batches) are not served; send each by itself, as one ${example}.`,
    );
  }
  if (!body || typeof body !== "object" || Object.keys(body).length === 0) {
    throw new RequestError(400, `The request must be one JSON ${example}.`);
  }
  checkJson(text, body);
  const operation: { query?: unknown; operationName?: unknown } = body;
  // Empty counts as absent.
  if (operation.query === "") operation.query = null;
  if (operation.operationName === "") operation.operationName = null;
  return operation;
}

/** The same for variables in a query string. Invalid JSON passes. */
function checkVariables(json: string) {
  let variables: unknown;
  try {
    variables = JSON.parse(json);
  } catch {
    return;
  }
  checkJson(json, variables, ["variables"]);
}

/** Rejects what JSON.parse changes silently: duplicate keys, and numbers in the variables that lose digits. */
function checkJson(text: string, parsed: unknown, within: readonly string[] = []) {
  for (const path of repeatedKeys(text, parsed)) {
    throw badValue([...within, ...path], "comes twice in one object; an object has each key once");
  }
  for (const { path, literal } of lossyNumbers(text)) {
    const full = [...within, ...path];
    if (full[0] === "variables") throw badValue(full, new LossyNumber(literal).wrong);
  }
}

function badValue(path: readonly (string | number)[], wrong: string): RequestError {
  return new RequestError(400, `\`${path.join(".").slice(0, 200)}\` ${wrong}.`, {}, "BAD_USER_INPUT");
}

/** A query string without empty and null parameters, which count as absent. */
function withoutEmpty(search: string): string {
  const parameters = new URLSearchParams(search);
  for (const name of ["query", "operationName", "variables", "extensions"]) {
    const [value, another] = parameters.getAll(name);
    if (value === undefined || another !== undefined) continue;
    const isJson = name === "variables" || name === "extensions";
    if (!value.trim() || (isJson && value.trim() === "null")) parameters.delete(name);
  }
  return `?${parameters}`;
}
