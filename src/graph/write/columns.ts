import { columnOf, type Model, models } from "../model/datamodel.js";
import {
  maximumText,
  Problem,
  readCode,
  readCountryCode,
  readCurrencyCode,
  readEmail,
  readForm,
  readJson,
  readLanguageCode,
  readNumber,
  readRegex,
  readText,
  readUrl,
} from "../model/values.js";

// Formats of column values, shared by mutations and the import. Those of columns of several models are here, by field
// name; those of a single column are in `@form` of prisma/schema.prisma or, if they are code, in the resource's module.

/** Validates and normalises a text. */
export type TextReader = (given: string) => string | Problem;
type Range = readonly [minimum: number, maximum: number];

const long = 5_000;
export const upTo =
  (maximum: number, minimum = 0): TextReader =>
  (given) =>
    readText(given, { minimum, maximum });

const texts: Readonly<Record<string, TextReader>> = {
  email: readEmail,
  customerEmail: readEmail,
  receiptEmail: readEmail,
  countryCode: readCountryCode,
  shippingCountryCodeLock: readCountryCode,
  currencyCode: readCurrencyCode,
  languageCode: readLanguageCode,
  shopperReference: upTo(128, 3),
  notes: upTo(long),
  billingInfo: upTo(long),
  description: upTo(long),
  noteToPayer: upTo(long),
  url: readUrl,
};

/** Whether a field contains a URL, by its name: `imageUrl`, `redirectUri`. */
const isUrl = (field: string) => /Ur[il]$/.test(field);

const maximumInt = 2_147_483_647;
const numbers: Readonly<Record<string, Range>> = {
  lat: [-90, 90],
  lng: [-180, 180],
  // A fraction: 0.22 is 22 %.
  taxRate: [0, 1],
  quantity: [1, maximumInt],
  position: [0, maximumInt],
  number: [0, maximumInt],
  renewalAlertPeriod: [1, 720],
  occurrencies: [0, maximumInt],
  circuitFailureCount: [0, maximumInt],
};

/** Range of a number: counts are not negative, amounts may be. */
function rangeOf(field: string, type: string): Range {
  const range = numbers[field];
  if (range) return range;
  if (type === "Float") return [-Number.MAX_VALUE, Number.MAX_VALUE];
  return [field.endsWith("Count") ? 0 : -maximumInt - 1, maximumInt];
}

/** Maximum length of payloads, which are stored as sent and never changed. */
const maximumPayload = 1_048_576;

/** The readers that `@form` may name. */
const namedForms: Readonly<Record<string, TextReader>> = { code: readCode, regex: readRegex(long) };

/** The reader of a `@form`: a name, `at most 500`, or a pattern with its error message. */
function readerOf(form: string): TextReader {
  const named = namedForms[form];
  if (named) return named;
  const maximum = /^at most (\d+)$/.exec(form)?.[1];
  if (maximum) return upTo(Number(maximum));
  const [, pattern, expected] = /^(\^.+\$), (.+)$/.exec(form) ?? [];
  if (pattern) return readForm(new RegExp(pattern), expected!);
  throw new Error(
    `The form "${form}" is not known; there are ${Object.keys(namedForms).join(", ")}, "at most 500" and patterns.`,
  );
}

const marked = new Map(
  [...models.values()].flatMap(({ columns }) =>
    Object.values(columns).flatMap((column) => (column.form ? [[column, readerOf(column.form)] as const] : [])),
  ),
);

/**
 * Validates a column value and returns its stored form, or a `Problem`. A blank text is null, or rejected if the column
 * is not nullable. `form` is the module's own reader of the column, if any.
 */
export function readColumn(model: Model, field: string, given: unknown, form?: TextReader): unknown {
  const column = columnOf(model, field);
  if (column.enum) return given;
  const reader = form ?? marked.get(column) ?? texts[field] ?? (isUrl(field) ? readUrl : upTo(maximumText));
  return readValue(field, column.type, given, Boolean(column.nullable), reader);
}

/** Like `readColumn`, for a value inside a JSON column, by its name and type. */
export function readValue(
  field: string,
  type: string,
  given: unknown,
  nullable: boolean,
  reader: TextReader = texts[field] ?? upTo(long),
): unknown {
  switch (type) {
    case "String": {
      const text = given as string;
      if (!text.trim()) return nullable ? null : new Problem("This must not be blank.", "a text that is not blank");
      return reader(text);
    }
    case "Int":
    case "Float":
      return readNumber(given as number, rangeOf(field, type), type === "Int");
    case "Json":
      return readJson(given as Record<string, unknown>, field === "payload" ? maximumPayload : undefined);
    default:
      return given;
  }
}
