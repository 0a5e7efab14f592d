import { isUtf8 } from "node:buffer";
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { escapePointer, parseExactly } from "../graph/model/json.js";

/** A document of a file; what it says of all its resources may come after them. */
export interface FoundDocument {
  meta: unknown;
}

/** A resource of a file, not yet validated. */
export interface FoundResource {
  readonly resource: unknown;
  /** JSON pointers of duplicate keys, relative to the resource. */
  readonly repeated: readonly string[];
  /** JSON pointer of the resource in its document: `/included/17`. Empty for a bare resource. */
  readonly pointer: string;
  /** Line number of its start, from 1. */
  readonly line: number;
  readonly document: FoundDocument;
}

/** The file cannot be parsed; the message says where and why. */
export class UnreadableFileError extends Error {
  override name = "UnreadableFileError";
}

/**
 * Opens a file, or standard input for `-`, and gunzips it if needed; `onBytes` is called with the size of each chunk.
 */
export function openFile(path: string, onBytes: (count: number) => void = () => {}): AsyncIterable<Buffer> {
  const raw = path === "-" ? process.stdin : createReadStream(path, { highWaterMark: 256 * 1024 });
  return unpack(raw, onBytes);
}

async function* unpack(raw: Readable, onBytes: (count: number) => void): AsyncGenerator<Buffer> {
  async function* counted() {
    for await (const chunk of raw) {
      onBytes(chunk.length);
      yield chunk as Buffer;
    }
  }
  const chunks = counted();
  let start = Buffer.alloc(0);
  while (start.length < 2) {
    const { done, value } = await chunks.next();
    if (done) break;
    start = Buffer.concat([start, value]);
  }
  async function* whole() {
    yield start;
    yield* chunks;
  }
  if (start[0] !== 0x1f || start[1] !== 0x8b) return yield* whole();

  const packed = Readable.from(whole());
  const unpacked = packed.pipe(createGunzip({ chunkSize: 256 * 1024 }));
  packed.on("error", (error) => unpacked.destroy(error));
  try {
    yield* unpacked;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "Z_BUF_ERROR") throw new UnreadableFileError("the gzipped file ends too early: it is truncated");
    if (code?.startsWith("Z_")) throw new UnreadableFileError(`the gzipped file is damaged (${message})`);
    throw error;
  } finally {
    packed.destroy();
  }
}

/**
 * Reads the resources of JSON:API documents one by one, in constant memory. The input is a sequence of JSON objects:
 * a single document, or JSON Lines, each line a document (`data`, `included`) or a bare resource.
 */
export async function* readResources(bytes: AsyncIterable<Buffer>): AsyncGenerator<FoundResource> {
  const text = new JsonText(bytes);
  await text.skipByteOrderMark();
  let hasDocument = false;
  for (let next = await text.peek(); next !== undefined; next = await text.peek()) {
    if (next !== "{") throw text.unexpected("a JSON:API document, {");
    hasDocument = true;
    yield* readDocument(text);
  }
  if (!hasDocument) throw new UnreadableFileError("the file is empty: expected a JSON:API document");
}

/** The resources of a parsed document; `name` of the document begins the message of an error. */
export function resourcesOf(document: unknown, name: string): FoundResource[] {
  const { data, included = [], errors, meta } = Object(document) as Partial<Record<string, unknown>>;
  if (data === undefined) {
    const reason =
      errors === undefined ? 'this is no JSON:API document: "data" is missing' : "this is an error response";
    throw new UnreadableFileError(`${name}: ${reason}`);
  }
  if (typeof data !== "object")
    throw new UnreadableFileError(`${name}, /data: expected a resource or a list of resources`);
  if (!Array.isArray(included)) throw new UnreadableFileError(`${name}, /included: expected a list of resources`);
  const found = (resource: unknown, pointer: string): FoundResource => {
    return { resource, repeated: [], pointer, line: 1, document: { meta } };
  };
  const primary = Array.isArray(data)
    ? data.map((resource, index) => found(resource, `/data/${index}`))
    : data === null
      ? []
      : [found(data, "/data")];
  return [...primary, ...included.map((resource, index) => found(resource, `/included/${index}`))];
}

async function* readDocument(text: JsonText): AsyncGenerator<FoundResource> {
  const line = text.line;
  // Other members than `data` and `included`; all members of a bare resource.
  const members: [string, unknown][] = [];
  const repeated: string[] = [];
  let isDocument = false;
  const document: FoundDocument = { meta: undefined };

  await text.take("{");
  if ((await text.peek()) !== "}") {
    do {
      if ((await text.peek()) !== '"') throw text.unexpected("a name in quotes");
      const name = (await text.value("")).value as string;
      await text.take(":");
      if (name !== "data" && name !== "included") {
        const member = await text.value(`/${name}`);
        const pointer = `/${escapePointer(name)}`;
        if (members.some(([other]) => other === name)) repeated.push(pointer);
        repeated.push(...member.repeated.map((inner) => pointer + inner));
        members.push([name, member.value]);
        if (name === "meta") document.meta = member.value;
        continue;
      }
      isDocument = true;
      if ((await text.peek()) === "[") yield* readList(text, name, document);
      else yield* readOne(text, name, document);
    } while (await text.takeComma("}"));
  }
  await text.take("}");

  const names = members.map(([name]) => name);
  if (isDocument) {
    const stray = names.find((name) => !["meta", "links", "jsonapi"].includes(name));
    if (stray === undefined) return;
    throw new UnreadableFileError(`line ${line}, /${stray}: a document with data or included has no such member`);
  }
  if (names.includes("type") || names.includes("id")) {
    yield { resource: Object.fromEntries(members), repeated, pointer: "", line, document };
  } else if (names.includes("errors")) {
    throw new UnreadableFileError(`line ${line}: this is an error response, without data`);
  } else {
    throw new UnreadableFileError(
      `line ${line}: this is neither a JSON:API document, for which "data" is missing, nor a resource with "type" and "id"`,
    );
  }
}

async function* readOne(text: JsonText, name: string, document: FoundDocument): AsyncGenerator<FoundResource> {
  const pointer = `/${name}`;
  const line = text.line;
  const { value: resource, repeated } = await text.value(pointer);
  if (name === "data" && resource === null) return;
  if (name === "data" && typeof resource === "object") return yield { resource, repeated, pointer, line, document };
  const expected = name === "data" ? "a resource or a list of resources" : "a list of resources";
  throw new UnreadableFileError(`line ${line}, ${pointer}: this is not JSON:API: expected ${expected}`);
}

async function* readList(text: JsonText, name: string, document: FoundDocument): AsyncGenerator<FoundResource> {
  await text.take("[");
  if ((await text.peek()) !== "]") {
    let index = 0;
    do {
      await text.peek();
      const pointer = `/${name}/${index++}`;
      const line = text.line;
      const { value: resource, repeated } = await text.value(pointer);
      yield { resource, repeated, pointer, line, document };
    } while (await text.takeComma("]"));
  }
  await text.take("]");
}

/** Maximum length of a value in memory; no real resource is this long. */
const longestValue = 16 * 1024 * 1024;

const code = (character: string) => character.charCodeAt(0);
const newline = code("\n");
const quote = code('"');
const backslash = code("\\");
const endsOfPlainValue = new Set([",", "}", "]", " ", "\t", "\n", "\r"].map(code));

/**
 * Streaming JSON. Only the document around the resources is tokenized; each resource is delimited by counting brackets and
 * parsed by `JSON.parse`, which is much faster than a streaming parser.
 */
class JsonText {
  /** The line that `position` is in. */
  line = 1;
  private buffer: Buffer = Buffer.alloc(0);
  private position = 0;
  private readonly chunks: AsyncIterator<Buffer>;

  constructor(bytes: AsyncIterable<Buffer>) {
    this.chunks = bytes[Symbol.asyncIterator]();
  }

  async skipByteOrderMark(): Promise<void> {
    while (this.buffer.length < 3 && (await this.more())) {}
    if (this.buffer[0] === 0xef && this.buffer[1] === 0xbb && this.buffer[2] === 0xbf) this.position = 3;
  }

  /** Peeks at the next non-whitespace character; undefined at the end. */
  async peek(): Promise<string | undefined> {
    for (;;) {
      for (; this.position < this.buffer.length; this.position++) {
        const byte = this.buffer[this.position]!;
        if (byte === newline) this.line++;
        else if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0d) return String.fromCharCode(byte);
      }
      if (!(await this.more())) return undefined;
    }
  }

  async take(character: string): Promise<void> {
    if ((await this.peek()) !== character) throw this.unexpected(character);
    this.position++;
  }

  /** Consumes a comma if there is one; otherwise `end` must follow. */
  async takeComma(end: string): Promise<boolean> {
    const next = await this.peek();
    if (next === ",") {
      this.position++;
      return true;
    }
    if (next === end) return false;
    throw this.unexpected(`, or ${end}`);
  }

  /** Consumes the value at the current position; `pointer` is only for messages. */
  async value(pointer: string): Promise<ReturnType<typeof parseExactly>> {
    await this.peek();
    const line = this.line;
    const end = await this.endOfValue(pointer);
    const bytes = this.buffer.subarray(this.position, end);
    this.position = end;
    const location = `line ${line}${pointer && `, ${pointer}`}`;
    if (!isUtf8(bytes)) throw new UnreadableFileError(`${location}: the text is not UTF-8`);
    const text = bytes.toString();
    try {
      return parseExactly(text);
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      const offset = Number(/position (\d+)/.exec(error.message)?.[1] ?? 0);
      const at = line + text.slice(0, offset).split("\n").length - 1;
      throw new UnreadableFileError(`line ${at}${pointer && `, ${pointer}`}: this is not valid JSON`);
    }
  }

  /** The error for an unexpected character, or the end of the file. */
  unexpected(expected: string): UnreadableFileError {
    return this.position < this.buffer.length
      ? new UnreadableFileError(`line ${this.line}: this is not JSON:API: expected ${expected}`)
      : this.truncated("");
  }

  /** End position of the value at `position`. Counts lines. */
  private async endOfValue(pointer: string): Promise<number> {
    const startLine = this.line;
    let buffer = this.buffer;
    let depth = 0;
    let inText = false;
    for (let i = this.position; ; i++) {
      while (i >= buffer.length) {
        i -= this.position; // more() drops the bytes before it
        if (i > longestValue) {
          throw new UnreadableFileError(`line ${startLine}, ${pointer}: this value does not end within 16 MB`);
        }
        if (!(await this.more())) {
          if (depth === 0 && !inText && i > 0) return this.position + i;
          throw this.truncated(pointer);
        }
        buffer = this.buffer;
        i += this.position;
      }
      const byte = buffer[i]!;
      if (inText) {
        if (byte === backslash) i++;
        else if (byte === quote) {
          inText = false;
          if (depth === 0) return i + 1;
        }
        continue;
      }
      switch (byte) {
        case quote:
          inText = true;
          break;
        case 0x7b: // {
        case 0x5b: // [
          depth++;
          break;
        case 0x7d: // }
        case 0x5d: // ]
          if (depth === 0) return i;
          if (--depth === 0) return i + 1;
          break;
        default:
          if (depth === 0 && endsOfPlainValue.has(byte)) return i;
          if (byte === newline) this.line++;
      }
    }
  }

  private truncated(pointer: string): UnreadableFileError {
    return new UnreadableFileError(
      `line ${this.line}${pointer && `, ${pointer}`}: the file ends in the middle of its document: it is truncated`,
    );
  }

  /** Reads the next chunk and drops the bytes before `position`; false at the end. */
  private async more(): Promise<boolean> {
    const { done, value } = await this.chunks.next();
    if (done) return false;
    const rest = this.buffer.subarray(this.position);
    this.buffer = rest.length > 0 ? Buffer.concat([rest, value]) : value;
    this.position = 0;
    return true;
  }
}
