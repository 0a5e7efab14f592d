import { type Column, enumValues } from "../platform/database/datamodel.js";
import { jsonFault, LossyNumber, maximumJson, whyUnstorable } from "../platform/json.js";
import { readTime } from "../platform/times.js";
import {
  lengths,
  lowerAscii,
  Problem,
  readCode,
  readCountryCode,
  readCurrencyCode,
  readEmail,
  readJson,
  readTagName,
  readText,
  readUrl,
} from "../platform/write/values.js";

/** A value as it is stored, or what is wrong with it: `wrong` completes the sentence "The value …". */
export type Checked = { readonly value: unknown } | { readonly wrong: string; readonly at?: string };

/** Checks a value that is not null against its column. `name` is the API's name of the attribute, `orders.number`. */
export function checkValue(name: string, column: Column, value: unknown): Checked {
  if (column.enum) return checkWord(enumValues(column.type), value);
  return checkAs(column.type, name, value);
}

/** Checks a value that is not null against one of the datamodel's scalar types. */
export function checkAs(type: string, name: string, value: unknown): Checked {
  if (value instanceof LossyNumber) return { wrong: value.wrong };
  switch (type) {
    case "Int":
      return checkInteger(value, ...(ranges[unqualified(name)] ?? [-2147483648, 2147483647]));
    case "Float":
      return typeof value === "number" && Number.isFinite(value) ? { value } : wrong("must be a number", value);
    case "Boolean":
      return typeof value === "boolean" ? { value } : wrong("must be true or false", value);
    case "DateTime":
      return checkTime(value);
    case "Json":
      return isObject(value) ? checkJson(value) : wrong("must be a JSON object", value);
    default:
      return checkText(name, value);
  }
}

const unqualified = (name: string) => name.slice(name.indexOf(".") + 1);

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const ranges: Record<string, [number, number]> = {
  quantity: [1, 2147483647],
  renewal_alert_period: [1, 720],
};

function checkInteger(value: unknown, least: number, most: number): Checked {
  const fits = Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
  return fits ? { value } : wrong(`must be a whole number from ${least} to ${most}`, value);
}

function checkWord(words: readonly string[], value: unknown): Checked {
  return words.includes(value as string) ? { value } : wrong(`must be one of ${words.join(", ")}`, value, true);
}

interface TextRule {
  /** The form in which the text is stored, if it may be. What mutations take, too, is told by their own rules. */
  read(text: string): string | Problem;
  /** Completes the sentence "The value must be …". */
  expected: string;
}

/** A rule of the import alone. */
function form(pattern: RegExp, expected: string, stored = (text: string) => text): TextRule {
  const read = (text: string) => (pattern.test(stored(text)) ? stored(text) : new Problem(expected));
  return { read, expected };
}

const email: TextRule = {
  read: readEmail,
  expected:
    "an e-mail address of at most 255 characters, without spaces, invisible characters or special forms of letters",
};
const country: TextRule = {
  read: readCountryCode,
  expected: "a country of two letters (ISO 3166-1 alpha-2), such as IT",
};

/** By the name of the attribute, or by `type.name` where only one type has the rule. */
const textRules: Record<string, TextRule> = {
  email,
  customer_email: email,
  receipt_email: email,
  country_code: country,
  shipping_country_code_lock: country,
  currency_code: { read: readCurrencyCode, expected: "a currency of three letters (ISO 4217), such as EUR" },
  language_code: form(/^[a-z]{2}$/, "a language of two letters (ISO 639-1), such as en", lowerAscii),
  shopper_reference: inLength(lengths.shopperReference),
  profile_id: inLength(lengths.profileId),
  "attachments.url": { read: readUrl, expected: "an absolute http or https URL" },
  "customer_groups.code": { read: readCode, expected: "a code of 1 to 25 letters, digits, _ and -" },
  // Tokens name markets by their codes as they are.
  "markets.code": form(/^[A-Za-z0-9_-]{1,25}$/, "a code of 1 to 25 letters, digits, _ and -"),
  "tags.name": {
    read: readTagName,
    expected: "at most 25 letters and digits in groups joined by single -, _ or :, such as early-bird",
  },
};

function inLength(range: Record<"minimum" | "maximum", number>): TextRule {
  return {
    read: (text) => readText(text, range),
    expected: `a text of ${range.minimum} to ${range.maximum} characters`,
  };
}

/** `name` may be qualified: `tags.name`. */
export function checkText(name: string, value: unknown): Checked {
  if (typeof value !== "string") return wrong("must be a text", value);
  const unstorable = whyUnstorable(value);
  if (unstorable) return { wrong: unstorable };
  const rule = textRules[name] ?? textRules[unqualified(name)];
  if (!rule) return { value };
  const stored = rule.read(value);
  return stored instanceof Problem ? { wrong: `must be ${rule.expected}` } : { value: stored };
}

/**
 * A moment, to the millisecond. Documents may write it in three more ways: a date alone, which is its midnight in UTC,
 * `2025-03-15 11:39:21 UTC`, and an offset without a colon.
 */
function checkTime(value: unknown): Checked {
  const expected = 'must be an ISO 8601 time with an offset, such as "2026-01-31T12:00:00.000Z"';
  if (typeof value !== "string") return wrong(expected, value);
  const text = value
    .replace(/^\d{4}-\d\d-\d\d$/, "$&T00:00Z")
    .replace(/ ?UTC$/, "Z")
    .replace(
      /(:\d\d(?:\.\d+)?) ?([+-]\d\d):?(\d\d)?$/,
      (_, clock, hours, minutes = "00") => `${clock}${hours}:${minutes}`,
    );
  const time = readTime(text);
  return time ? { value: time.toISOString() } : { wrong: expected };
}

/** Free JSON: every text in it must be storable, every number must be the one that was written. */
function checkJson(value: Record<string, unknown>): Checked {
  const fault = jsonFault(value);
  if (fault) return fault;
  const read = readJson(value);
  return read instanceof Problem ? { wrong: `must have at most ${maximumJson} characters as JSON` } : { value };
}

/** The values themselves may be personal: only numbers, and words that are no known ones, are repeated. */
function wrong(expected: string, value: unknown, repeat = false): { wrong: string } {
  const kind = Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : `a ${typeof value}`;
  const is =
    typeof value === "number" || typeof value === "boolean" || (repeat && typeof value === "string")
      ? JSON.stringify(value).slice(0, 60)
      : kind.replace("string", "text");
  return { wrong: `${expected}, not ${is}` };
}
