import { isUtf8 } from "node:buffer";
import type { IncomingMessage } from "node:http";

/** An invalid HTTP request: its status, and a message that says what would be right. */
export class RequestError extends Error {
  override name = "RequestError";
  constructor(
    readonly status: 400 | 404 | 409 | 413 | 415 | 501,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
    readonly code: "BAD_REQUEST" | "BAD_USER_INPUT" = "BAD_REQUEST",
  ) {
    super(message);
  }
}

/** All values of a header, joined. Node keeps only the first of some headers; duplicates must not be ignored. */
export function headerOf({ rawHeaders }: IncomingMessage, name: string): string | undefined {
  let value: string | undefined;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const given = rawHeaders[i]!;
    if (given.length !== name.length || given.toLowerCase() !== name) continue;
    value = value === undefined ? rawHeaders[i + 1]! : `${value}, ${rawHeaders[i + 1]}`;
  }
  return value;
}

export interface BodyRules {
  /** Accepted content-types, in lower case. */
  types: readonly string[];
  /** Error message for other content-types. */
  expected: string;
  maximumBytes: number;
}

/** The request was not read to its end, so its connection must be closed. */
const close = { connection: "close" };

/** Reads the body of a request as UTF-8, or throws a `RequestError`. Strips a byte order mark. */
export async function readBody(request: IncomingMessage, rules: BodyRules): Promise<{ type: string; text: string }> {
  const type = checkHead(request, rules);
  return { type, text: textOf(await readBytes(request, rules.maximumBytes), "The request") };
}

/** Rejects a body that is not uncompressed UTF-8 of one of the content-types; returns its type. */
function checkHead(request: IncomingMessage, { types, expected, maximumBytes }: BodyRules): string {
  const header = headerOf(request, "content-type");
  const parsed = header === undefined ? undefined : parseMediaType(header);
  if (!parsed || !types.includes(parsed.type)) {
    const given =
      header === undefined ? "It has no content-type." : `Its content-type is ${JSON.stringify(cut(header))}.`;
    throw new RequestError(415, `${expected} ${given}`, close);
  }
  const charset = parsed.charsets.find((name) => !/^utf-?8$/i.test(name));
  if (charset !== undefined) {
    throw new RequestError(
      415,
      `Send the request in UTF-8; the content-type says charset ${JSON.stringify(cut(charset))}.`,
      close,
    );
  }
  const codings = headerOf(request, "content-encoding")?.trim();
  if (codings && !codings.split(",").every((coding) => coding.trim().toLowerCase() === "identity")) {
    const message = `Send the request uncompressed; its content-encoding is ${JSON.stringify(cut(codings))}.`;
    throw new RequestError(415, message, { ...close, "accept-encoding": "identity" });
  }
  const transfer = headerOf(request, "transfer-encoding")?.trim();
  if (transfer && transfer.toLowerCase() !== "chunked") {
    throw new RequestError(501, "Of transfer-encodings only `chunked` is understood.", close);
  }
  if (Number(headerOf(request, "content-length")) > maximumBytes) throw tooLong(maximumBytes);
  return parsed.type;
}

function readBytes(request: IncomingMessage, maximumBytes: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on("data", (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size <= maximumBytes) return;
      request.removeAllListeners("data").pause();
      reject(tooLong(maximumBytes));
    });
    request.on("end", () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    request.on("error", reject);
  });
}

function tooLong(maximumBytes: number): RequestError {
  return new RequestError(413, `The request is longer than ${maximumBytes} bytes.`, close);
}

/** Decodes UTF-8 strictly: invalid bytes are rejected, not replaced. `what` names the source in the error. */
export function textOf(bytes: Buffer, what: string): string {
  if (!isUtf8(bytes)) {
    const offset = wellFormedLength(bytes);
    const byte = bytes[offset]!.toString(16).toUpperCase().padStart(2, "0");
    throw new RequestError(400, `${what} is not UTF-8: see byte 0x${byte} at offset ${offset}.`);
  }
  const text = bytes.toString("utf8");
  return text.startsWith("\ufeff") ? text.slice(1) : text;
}

/** Length of the valid UTF-8 prefix. */
function wellFormedLength(bytes: Buffer): number {
  const repaired = Buffer.from(bytes.toString("utf8"));
  let length = bytes.findIndex((byte, i) => byte !== repaired[i]);
  // The first difference may be inside a character.
  while (!isUtf8(bytes.subarray(0, length))) length--;
  return length;
}

/**
 * Rejects a query string or form whose percent-encoded bytes are not UTF-8, which `URLSearchParams` replaces silently;
 * names the parameter.
 */
export function checkEncodedParameters(encoded: string) {
  if (!/%[89a-f]/i.test(encoded)) return;
  for (const pair of encoded.split("&")) {
    const [name = ""] = pair.split("=", 1);
    textOf(percentDecoded(name), "The name of a parameter");
    textOf(
      percentDecoded(pair.slice(name.length + 1)),
      `The parameter \`${cut(new URLSearchParams(name).keys().next().value ?? "")}\``,
    );
  }
}

function percentDecoded(text: string): Buffer {
  const bytes = Buffer.from(text, "utf8").toString("latin1");
  return Buffer.from(
    bytes.replace(/%([\da-f]{2})/gi, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16))),
    "latin1",
  );
}

const token = "[!#$%&'*+.^_`|~\\w-]+";
const mediaType = new RegExp(`^\\s*(${token}/${token})`);
const parameter = new RegExp(`\\s*;\\s*(?:(${token})=(?:(${token})|"((?:[^"\\\\]|\\\\.)*)"|(?=\\s*(?:;|$))))?`, "y");

/** Parses a media type and its charsets; undefined if invalid. */
function parseMediaType(text: string): { type: string; charsets: string[] } | undefined {
  const type = mediaType.exec(text);
  if (!type) return undefined;
  const charsets: string[] = [];
  let end = type[0].length;
  while (end < text.length) {
    parameter.lastIndex = end;
    const match = parameter.exec(text);
    if (!match) return text.slice(end).trim() ? undefined : { type: type[1]!.toLowerCase(), charsets };
    const [whole, name, plain, quoted] = match;
    if (name?.toLowerCase() === "charset") charsets.push(plain ?? quoted?.replaceAll(/\\(.)/g, "$1") ?? "");
    end += whole.length;
  }
  return { type: type[1]!.toLowerCase(), charsets };
}

/** Truncates a text of the client, for an error message. */
function cut(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
