import { columnOf, enumValues, type FieldOf, type Model, type ModelName } from "../graph/model/datamodel.js";
import { jsonFault, LossyNumber, whyUnstorable } from "../graph/model/json.js";
import { readTime } from "../graph/model/times.js";
import { Problem } from "../graph/model/values.js";
import { readColumn, readValue, type TextReader } from "../graph/write/columns.js";
import { readFrequency } from "../modules/orders/frequency.js";
import { readToken } from "../modules/payment-sources/card-number.js";
import { readTagName } from "../modules/tags/tag-rules.js";

/** A value to store, or why it is invalid: `wrong` completes the sentence "The value …". */
export type Checked = { readonly value: unknown } | { readonly wrong: string; readonly at?: string };

/** Columns with a reader of their module, shared with mutations. */
const forms: { readonly [M in ModelName]?: { readonly [F in FieldOf<M>]?: TextReader } } = {
  CustomerPaymentSource: { customerToken: readToken, paymentSourceToken: readToken },
  LineItem: { frequency: readFrequency },
  OrderSubscription: { frequency: readFrequency },
  Tag: { name: readTagName },
};

export function formOf({ name }: Model, field: string): TextReader | undefined {
  const own: Readonly<Record<string, TextReader>> = forms[name] ?? {};
  return own[field];
}

/** Checks a value that is not null against its column. */
export function checkColumn(model: Model, field: string, value: unknown): Checked {
  const { type, enum: isEnum } = columnOf(model, field);
  return isEnum
    ? checkWord(enumValues(type), value)
    : checkScalar(type, value, (given) => readColumn(model, field, given, formOf(model, field)));
}

/** Checks a scalar without a column, such as a gateway's attribute. It may be blank. */
export function checkOwn(type: string, field: string, value: unknown, form?: TextReader): Checked {
  return checkScalar(type, value, (given) => readValue(field, type, given, true, form));
}

/** Checks a value that is not null against one of the datamodel's scalar types, then by `read`. */
function checkScalar(type: string, value: unknown, read: (given: unknown) => unknown): Checked {
  if (value instanceof LossyNumber) return { wrong: value.wrong };
  switch (type) {
    case "Boolean":
      return typeof value === "boolean" ? { value } : wrong("must be true or false", value);
    case "DateTime":
      return checkTime(value);
    case "Int":
    case "Float": {
      if (type === "Float" && typeof value !== "number") return wrong("must be a number", value);
      const found = read(typeof value === "number" ? value : Number.NaN);
      return found instanceof Problem ? wrong(`must be ${found.expected}`, value) : { value: found };
    }
    case "Json": {
      if (!isObject(value)) return wrong("must be a JSON object", value);
      return jsonFault(value) ?? stored(read(value));
    }
    default: {
      const checked = checkText(value);
      return "wrong" in checked ? checked : stored(read(value));
    }
  }
}

function stored(read: unknown): Checked {
  return read instanceof Problem ? { wrong: wordsOf(read) } : { value: read };
}

/** Formats a problem to complete the sentence "The value …". */
export function wordsOf({ expected, message }: Problem): string {
  return expected ? `must be ${expected}` : `is not taken: ${message}`;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function checkWord(words: readonly string[], value: unknown): Checked {
  return words.includes(value as string) ? { value } : wrong(`must be one of ${words.join(", ")}`, value, true);
}

/** Checks that a value is a text that PostgreSQL can store. */
export function checkText(value: unknown): Checked {
  if (typeof value !== "string") return wrong("must be a text", value);
  const unstorable = whyUnstorable(value);
  return unstorable ? { wrong: unstorable } : { value };
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

/** The values themselves may be personal: only numbers, and words that are no known ones, are repeated. */
function wrong(expected: string, value: unknown, repeat = false): { wrong: string } {
  const kind = Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : `a ${typeof value}`;
  const is =
    typeof value === "number" || typeof value === "boolean" || (repeat && typeof value === "string")
      ? JSON.stringify(value).slice(0, 60)
      : kind.replace("string", "text");
  return { wrong: `${expected}, not ${is}` };
}
