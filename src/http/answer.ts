import type { ServerResponse } from "node:http";
import type { Redaction } from "../platform/access/guard.js";
import { permissionName } from "../platform/access/permission.js";
import type { ErrorCode } from "../platform/errors.js";

export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
) {
  response.writeHead(status, { "content-type": "application/json; charset=utf-8", ...headers });
  response.end(JSON.stringify(body));
}

export function errorBody(code: ErrorCode, message: string, extensions: Record<string, unknown> = {}) {
  return { errors: [{ message, extensions: { ...extensions, code } }] };
}

/** A field left out of the answer, as clients are told. */
export function redactionOf({ path, missing }: Redaction) {
  return { path, missing: missing.map(permissionName) };
}
