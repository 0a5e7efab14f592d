import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { repeatedKeys } from "../../graph/model/json.js";
import { OAuthError } from "../../identity/oauth-error.js";
import { checkEncodedParameters, RequestError, readBody } from "../request.js";

const form = "application/x-www-form-urlencoded";
const rules = {
  types: [form, "application/json"],
  expected: `Send the parameters as a form (${form}) or as application/json.`,
  maximumBytes: 10_240,
};

/**
 * The parameters of a request to the token endpoint, from a form or from JSON, with the client's credentials from the
 * body or from a Basic header. Empty ones count as absent (RFC 6749, section 3.2).
 */
export async function readParameters(request: IncomingMessage): Promise<Record<string, string>> {
  if (request.method !== "POST") throw malformed("Send a POST request.", 405, { allow: "POST" });
  const parameters = await readBody(request, rules)
    .then(({ type, text }) => (type === form ? fromForm(text) : fromJson(text)))
    .catch((error: unknown) => {
      throw error instanceof RequestError ? malformed(error.message, error.status, error.headers) : error;
    });
  for (const [name, value] of Object.entries(parameters)) {
    if (value.includes("\0") || !value.isWellFormed())
      throw malformed(`\`${name}\` has characters that are not allowed.`);
    if (value === "") delete parameters[name];
  }
  return { ...parameters, ...fromBasic(request, parameters) };
}

function fromForm(text: string): Record<string, string> {
  checkEncodedParameters(text);
  const parameters = Object.create(null) as Record<string, string>;
  for (const [name, value] of new URLSearchParams(text)) {
    if (name in parameters) throw malformed("A parameter is there twice.");
    parameters[name] = value;
  }
  return parameters;
}

function fromJson(text: string): Record<string, string> {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw malformed("The request is not valid JSON.");
  }
  if (!body || typeof body !== "object" || Array.isArray(body)) throw malformed("The request must be one JSON object.");
  if (repeatedKeys(text, body).length > 0) throw malformed("A parameter is there twice.");
  const parameters = Object.create(null) as Record<string, string>;
  for (const [name, value] of Object.entries(body)) {
    if (value === null) continue;
    if (typeof value !== "string") throw malformed("Every parameter must be a text.");
    parameters[name] = value;
  }
  return parameters;
}

/** RFC 6749, section 2.3.1: id and secret are form-encoded, and given by one method only. */
function fromBasic(request: IncomingMessage, parameters: Record<string, string>): Record<string, string> {
  const headers = request.headersDistinct.authorization;
  if (!headers) return {};
  const encoded = headers.length === 1 ? /^basic +([\w+/=-]+)$/i.exec(headers[0]!.trim())?.[1] : undefined;
  const bytes = encoded && Buffer.from(encoded, "base64");
  const decoded = bytes && isUtf8(bytes) ? bytes.toString("utf8") : "";
  const [, id, secret] = (decoded && /^([^:]*):(.*)$/s.exec(decoded)) || [];
  if (!id) throw malformed("The Authorization header must hold one pair of client id and secret: `Basic …`.");
  if (parameters.client_secret || (parameters.client_id && parameters.client_id !== unescaped(id))) {
    throw malformed("The client's credentials must stand in the header or in the body, not in both.");
  }
  return { client_id: unescaped(id), ...(secret && { client_secret: unescaped(secret) }) };
}

function unescaped(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}

function malformed(message: string, status?: number, headers?: Readonly<Record<string, string>>): OAuthError {
  return new OAuthError("invalid_request", message, status, headers);
}
