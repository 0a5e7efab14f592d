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

/** Columns that a module parses itself, in mutations too. */
const readers: { readonly [M in ModelName]?: { readonly [F in FieldOf<M>]?: TextReader } } = {
  CustomerPaymentSource: { customerToken: readToken, paymentSourceToken: readToken },
  LineItem: { frequency: readFrequency },
  OrderSubscription: { frequency: readFrequency },
  Tag: { name: readTagName },
};

export function readerOf({ name }: Model, field: string): TextReader | undefined {
  const ofModel: Readonly<Record<string, TextReader>> = readers[name] ?? {};
  return ofModel[field];
}

/** Checks a value that is not null against its column. */
export function checkColumn(model: Model, field: string, value: unknown): Checked {
  const { type, enum: isEnum } = columnOf(model, field);
  return isEnum
    ? checkEnumValue(enumValues(type), value)
    : checkScalar(type, value, (given) => readColumn(model, field, given, readerOf(model, field)));
}

/** Checks a scalar without a column, such as a gateway's attribute. It may be blank. */
export function checkValue(type: string, field: string, value: unknown, reader?: TextReader): Checked {
  return checkScalar(type, value, (given) => readValue(field, type, given, true, reader));
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
      const number = read(typeof value === "number" ? value : Number.NaN);
      return number instanceof Problem ? wrong(`must be ${number.expected}`, value) : { value: number };
    }
    case "Json": {
      if (!isObject(value)) return wrong("must be a JSON object", value);
      return jsonFault(value) ?? checkedRead(read(value));
    }
    default: {
      const checked = checkText(value);
      return "wrong" in checked ? checked : checkedRead(read(value));
    }
  }
}

function checkedRead(read: unknown): Checked {
  return read instanceof Problem ? { wrong: formatProblem(read) } : { value: read };
}

/** Formats a problem to complete the sentence "The value …". */
export function formatProblem({ expected, message }: Problem): string {
  return expected ? `must be ${expected}` : `is not accepted: ${message}`;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function checkEnumValue(allowed: readonly string[], value: unknown): Checked {
  return allowed.includes(value as string) ? { value } : wrong(`must be one of ${allowed.join(", ")}`, value, true);
}

/** Checks that a value is a text that PostgreSQL can store. */
export function checkText(value: unknown): Checked {
  if (typeof value !== "string") return wrong("must be a text", value);
  const unstorable = whyUnstorable(value);
  return unstorable ? { wrong: unstorable } : { value };
}

/**
 * Checks a time, to the millisecond. Documents may also have a date alone (midnight in UTC), `2025-03-15 11:39:21 UTC`, or an
 * offset without a colon.
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

/** Texts may be personal data: only numbers, booleans and unknown enum values are quoted. */
function wrong(expected: string, value: unknown, quoteText = false): { wrong: string } {
  const type = Array.isArray(value) ? "a list" : typeof value === "object" ? "an object" : `a ${typeof value}`;
  const given =
    typeof value === "number" || typeof value === "boolean" || (quoteText && typeof value === "string")
      ? JSON.stringify(value).slice(0, 60)
      : type.replace("string", "text");
  return { wrong: `${expected}, not ${given}` };
}
