/** Maximum length of a JSON value as text, in characters. */
export const maximumJson = 65_536;
/** Maximum nesting depth of a JSON value: lower than that of a request's variables. */
export const deepestJson = 25;

/** Placeholder for a number of a JSON text that a double cannot represent exactly. */
export class LossyNumber {
  readonly wrong: string;

  constructor(literal: string) {
    this.wrong = Number.isFinite(Number(literal))
      ? "is a number with more digits than can be kept: write fewer, or write it as a text"
      : "must be a number that fits 64 bits";
  }
}

/** Why a JSON value is rejected: completes the sentence "The value …"; `at` is a JSON pointer into it. */
export interface JsonFault {
  readonly at: string;
  readonly wrong: string;
}

/** Why a value cannot be stored as JSON: depth, inexact numbers, or text that PostgreSQL rejects. */
export function jsonFault(value: unknown, at = "", depth = 0): JsonFault | undefined {
  if (typeof value === "string") return faultOf(whyUnstorable(value), at);
  if (typeof value === "number") return faultOf(whyInexact(value), at);
  if (typeof value !== "object" || value === null) return undefined;
  if (value instanceof LossyNumber) return { at, wrong: value.wrong };
  if (depth >= deepestJson) return { at, wrong: `must not be nested deeper than ${deepestJson} levels` };
  for (const [key, inner] of Object.entries(value)) {
    const pointer = `${at}/${escapePointer(key)}`;
    const fault = faultOf(whyUnstorable(key), pointer) ?? jsonFault(inner, pointer, depth + 1);
    if (fault) return fault;
  }
  return undefined;
}

function faultOf(wrong: string | undefined, at: string): JsonFault | undefined {
  return wrong === undefined ? undefined : { at, wrong };
}

/** Why PostgreSQL cannot store a text; undefined if it can. */
export function whyUnstorable(text: string): string | undefined {
  if (text.includes("\0")) return "must not contain the character NUL";
  return text.isWellFormed() ? undefined : "must not contain half a surrogate pair";
}

function whyInexact(value: number): string | undefined {
  if (!Number.isFinite(value)) return "must be a number that fits 64 bits";
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return undefined;
  return `is a number beyond ${Number.MAX_SAFE_INTEGER}, which would lose digits: write it as a text`;
}

/** Escapes one segment of a JSON pointer. */
export function escapePointer(segment: string): string {
  return segment.replaceAll("~", "~0").replaceAll("/", "~1");
}

/**
 * Whether a number literal does not survive a round trip through a double. Integers must match exactly; decimals in their
 * significant digits, by `toPrecision` or by `String`, which may round a tie the other way.
 */
export function losesDigits(literal: string): boolean {
  const value = Number(literal);
  const digits = significantDigits(literal);
  if (digits === "") return false;
  if (/^-?\d+$/.test(literal)) return String(value) !== literal;
  if (!Number.isFinite(value) || value === 0 || digits.length > 100) return true;
  return significantDigits(value.toPrecision(digits.length)) !== digits && significantDigits(String(value)) !== digits;
}

/** The significant digits of a number literal. */
function significantDigits(literal: string): string {
  return literal
    .replace(/[eE].*$/, "")
    .replace(/[-.]/g, "")
    .replace(/^0+|0+$/g, "");
}

/** Fast path: a text without a match has no lossy numbers. */
const suspicious = /[\d.]{16}|\d[eE][+-]?\d{3}/;
const tokens = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|[{}[\],]/g;

type JsonPath = (string | number)[];

/** Numbers of a valid JSON text that would lose digits, with their paths. */
export function lossyNumbers(text: string): { path: JsonPath; literal: string }[] {
  return suspicious.test(text) ? scan(text).lossy : [];
}

/** Paths of duplicate keys in a JSON text; `value` is the parsed text, which has only the last of each. */
export function repeatedKeys(text: string, value: unknown): JsonPath[] {
  // Fast path: the text is tokenised only if the parsed value may lack keys.
  return countNames(text) > countKeys(value) ? scan(text).repeated : [];
}

/** Number of strings before a colon: an upper bound of the number of keys. */
function countNames(text: string): number {
  let count = 0;
  for (let colon = text.indexOf(":"); colon >= 0; colon = text.indexOf(":", colon + 1)) {
    let before = colon - 1;
    while (text.charCodeAt(before) <= 0x20) before--;
    if (text[before] === '"') count++;
  }
  return count;
}

/** Number of keys of all objects in a parsed value. */
function countKeys(value: unknown): number {
  let count = 0;
  const pending = [value];
  while (pending.length > 0) {
    const next = pending.pop();
    if (typeof next !== "object" || next === null) continue;
    const children: unknown[] = Object.values(next);
    if (!Array.isArray(next)) count += children.length;
    for (const child of children) if (typeof child === "object") pending.push(child);
  }
  return count;
}

/** Tokenises a JSON text to find lossy numbers and duplicate keys. */
function scan(text: string): { lossy: { path: JsonPath; literal: string }[]; repeated: JsonPath[] } {
  const lossy: { path: JsonPath; literal: string }[] = [];
  const repeated: JsonPath[] = [];
  /** Current key or index in each enclosing object or list; undefined before the key of a member. */
  const path: (string | number | undefined)[] = [];
  /** Keys seen so far in each enclosing object. */
  const keys: Set<string>[] = [];
  for (const [token] of text.matchAll(tokens)) {
    const last = path.length - 1;
    switch (token[0]) {
      case "{":
        path.push(undefined);
        keys[last + 1] = new Set();
        break;
      case "[":
        path.push(0);
        break;
      case "}":
      case "]":
        path.pop();
        break;
      case ",":
        path[last] = typeof path[last] === "number" ? path[last] + 1 : undefined;
        break;
      case '"': {
        if (last < 0 || path[last] !== undefined) break;
        const key = JSON.parse(token) as string;
        path[last] = key;
        if (keys[last]!.has(key)) repeated.push(path.slice() as JsonPath);
        keys[last]!.add(key);
        break;
      }
      default:
        if (losesDigits(token)) lossy.push({ path: path.slice() as JsonPath, literal: token });
    }
  }
  return { lossy, repeated };
}

/** Parses JSON, with a `LossyNumber` in place of each inexact number. `repeated`: JSON pointers of duplicate keys. */
export function parseExactly(text: string): { value: unknown; repeated: string[] } {
  const top = { value: JSON.parse(text) as unknown };
  const repeated = repeatedKeys(text, top.value).map(jsonPointer);
  // The paths of lossy numbers may not exist in a value that lost duplicate keys.
  if (repeated.length > 0) return { value: top.value, repeated };
  for (const { path, literal } of lossyNumbers(text)) {
    let parent = top as Record<string, unknown>;
    for (const [i, key] of ["value", ...path].entries()) {
      if (i === path.length) parent[key] = new LossyNumber(literal);
      else parent = parent[key] as Record<string, unknown>;
    }
  }
  return { value: top.value, repeated };
}

function jsonPointer(path: JsonPath): string {
  return path.map((segment) => `/${escapePointer(String(segment))}`).join("");
}
