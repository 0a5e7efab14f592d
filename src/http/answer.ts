import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { ErrorCode } from "../errors.js";
import type { Redaction } from "../graph/access/guard.js";
import { permissionName } from "../graph/access/permission.js";
import { codings, compress, shortestCompressed } from "./compression.js";
import { preferredCoding } from "./negotiation.js";

export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
) {
  const text = JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json; charset=utf-8",
    "content-length": Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}

export function wrongMethod(response: ServerResponse, message: string, allow: string) {
  json(response, 405, errorBody("BAD_REQUEST", message), { allow });
}

export function notAcceptable(response: ServerResponse, offers: readonly string[]) {
  const types = offers.map((offer) => `\`${offer}\``).join(" or ");
  json(response, 406, errorBody("BAD_REQUEST", `Answers come as ${types}; name it in the accept header.`));
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  /** Chunks of the body: concatenating long texts would copy them. */
  pieces: readonly string[];
  /** Whether the body may be compressed: its compressed length leaks secrets (BREACH). Default: false. */
  compressible?: () => boolean;
}

/** Sends a response, compressed if that is allowed, worthwhile and accepted by the client. */
export async function send(request: IncomingMessage, response: ServerResponse, answer: Answer): Promise<void> {
  const { status, headers, pieces } = answer;
  const bytes = pieces.reduce((sum, piece) => sum + Buffer.byteLength(piece), 0);
  let coding: ReturnType<typeof preferredCoding>;
  if (bytes >= shortestCompressed && answer.compressible?.()) {
    response.appendHeader("vary", "accept-encoding");
    coding = preferredCoding(request.headers["accept-encoding"], codings);
  }
  if (!coding) {
    response.writeHead(status, { ...headers, "content-length": bytes });
    if (pieces.every(({ length }) => length <= 8_000)) {
      response.end(pieces.join(""));
      return;
    }
    response.cork();
    for (const piece of pieces) response.write(piece);
    response.end();
    return;
  }
  const body = await compress(pieces.join(""), bytes, coding);
  response.writeHead(status, { ...headers, "content-encoding": coding, "content-length": body.length });
  response.end(body);
}

/** Sends a file that is stored gzipped; decompresses it for clients that do not accept gzip. */
export async function sendKept(
  request: IncomingMessage,
  response: ServerResponse,
  packed: Uint8Array,
  headers: OutgoingHttpHeaders & { etag: string },
): Promise<void> {
  response.appendHeader("vary", "accept-encoding");
  if (request.headers["if-none-match"]?.includes(headers.etag)) {
    const { "content-type": _, ...rest } = headers;
    response.writeHead(304, rest).end();
    return;
  }
  const coding = preferredCoding(request.headers["accept-encoding"], ["gzip"]);
  const body = coding ? packed : await promisify(gunzip)(packed);
  response.writeHead(200, { ...headers, "content-length": body.length, ...(coding && { "content-encoding": coding }) });
  response.end(request.method === "HEAD" ? undefined : body);
}

export function errorBody(code: ErrorCode, message: string, extensions: Record<string, unknown> = {}) {
  return { errors: [{ message, extensions: { ...extensions, code } }] };
}

/** Whether the JSON of a value is longer than a maximum, without serialising it. */
export function isLonger(value: unknown, maximum: number): boolean {
  let remaining = maximum;
  const visit = (inner: unknown) => {
    if (remaining < 0) return;
    if (typeof inner === "string") remaining -= inner.length + 2;
    else if (Array.isArray(inner)) for (const item of inner) visit(item);
    else if (inner && typeof inner === "object") {
      for (const key in inner) {
        remaining -= key.length + 4;
        visit((inner as Record<string, unknown>)[key]);
      }
    } else remaining -= 5;
  };
  visit(value);
  return remaining < 0;
}

/** An entry of `extensions.redactions`. */
export function redactionOf({ path, missing }: Redaction) {
  return { path, missing: missing.map(permissionName) };
}
