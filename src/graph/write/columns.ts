import type { Model } from "../model/datamodel.js";
import { columnOf } from "../model/datamodel.js";
import {
  codeKey,
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
import { withoutCardNumber } from "./card-number.js";
import { readFrequency } from "./frequency.js";

// Which values each column takes, whoever writes them: mutations and the import alike. A rule stands under the name of
// the field, or under that of the model and the field where only one model has it.

type TextReader = (given: string) => string | Problem;
type Range = readonly [minimum: number, maximum: number];

const long = 5_000;
const veryLong = 65_536;
const upTo =
  (maximum: number, minimum = 0): TextReader =>
  (given) =>
    readText(given, { minimum, maximum });

/** The stored form of a tag's name, or what is wrong with it. domain rule: names are kept in lower case. */
export function readTagName(given: string): string | Problem {
  const name = codeKey(given);
  return name.length <= 25 && /^[a-z0-9]+([-_:][a-z0-9]+)*$/.test(name)
    ? name
    : new Problem(
        'A tag is called by at most 25 letters and digits, joined by single "-", "_" or ":".',
        "at most 25 letters and digits in groups joined by single -, _ or :, such as early-bird",
      );
}

/** A text of a payment source, in which no card's number may stand. */
const cardless =
  (read: TextReader): TextReader =>
  (given) => {
    const clean = withoutCardNumber(given);
    return clean instanceof Problem ? clean : read(clean);
  };
const readToken = cardless(upTo(maximumText));

/** The texts of a payment instrument, by the names of their rules, and their keys as gateways write them. */
export const instrumentKeys = {
  issuer: "issuer",
  issuerType: "issuer_type",
  cardType: "card_type",
  cardLastDigits: "card_last_digits",
  cardExpiryMonth: "card_expiry_month",
  cardExpiryYear: "card_expiry_year",
  cardHolderName: "card_holder_name",
} as const;

const texts: Readonly<Record<string, TextReader>> = {
  email: readEmail,
  customerEmail: readEmail,
  receiptEmail: readEmail,
  countryCode: readCountryCode,
  shippingCountryCodeLock: readCountryCode,
  currencyCode: readCurrencyCode,
  languageCode: readLanguageCode,
  frequency: readFrequency,
  shopperReference: upTo(128, 3),
  customerToken: readToken,
  paymentSourceToken: readToken,
  notes: upTo(long),
  billingInfo: upTo(long),
  description: upTo(long),
  noteToPayer: upTo(long),
  anonymizationReason: upTo(500),
  anonymizationCancellationReason: upTo(500),
  skuCodeRegex: readRegex(long),
  url: readUrl,
  "CustomerGroup.code": readCode,
  // Tokens name markets by their codes as they are.
  "Market.code": readForm(/^[A-Za-z0-9_-]{1,25}$/, "a code of 1 to 25 letters, digits, _ and -"),
  "SkuList.slug": readForm(/^[a-z0-9_-]{1,255}$/, "a slug of 1 to 255 small letters, digits, _ and -"),
  "Tag.name": readTagName,
  "Sku.description": upTo(veryLong),
  "EventCallback.responseMessage": upTo(veryLong),
  "PaymentInstrument.issuer": readToken,
  "PaymentInstrument.issuerType": readToken,
  "PaymentInstrument.cardType": readToken,
  "PaymentInstrument.cardLastDigits": cardless(readForm(/^\d{1,4}$/, "at most 4 digits")),
  "PaymentInstrument.cardExpiryMonth": cardless(
    readForm(/^([1-9]|1[0-2])$/, "a month from 1 to 12, without a zero in front"),
  ),
  "PaymentInstrument.cardExpiryYear": cardless(readForm(/^20\d\d$/, "a year of 4 digits, such as 2030")),
  "PaymentInstrument.cardHolderName": readToken,
};

/** Addresses of the web: `imageUrl`, `redirectUri`. */
const isUrl = (field: string) => /Ur[il]$/.test(field);

const most = 2_147_483_647;
const numbers: Readonly<Record<string, Range>> = {
  lat: [-90, 90],
  lng: [-180, 180],
  // A part of one: 0.22 is 22 %.
  taxRate: [0, 1],
  quantity: [1, most],
  position: [0, most],
  number: [0, most],
  renewalAlertPeriod: [1, 720],
  occurrencies: [0, most],
  circuitFailureCount: [0, most],
};

/** Counts are not negative; amounts may be. */
function rangeOf(field: string, type: string): Range {
  const range = numbers[field];
  if (range) return range;
  if (type === "Float") return [-Number.MAX_VALUE, Number.MAX_VALUE];
  return [field.endsWith("Count") ? 0 : -most - 1, most];
}

/** Payloads are what was sent, whole. Nothing changes them later. */
const maximumPayload = 1_048_576;

/**
 * The stored form of a value of a column's type, or what is wrong with it. A blank text is none: null, or refused where
 * there has to be one.
 */
export function readColumn(model: Model, field: string, given: unknown): unknown {
  const { type, enum: isEnum, nullable } = columnOf(model, field);
  return isEnum ? given : readValue(`${model.name}.${field}`, type, given, Boolean(nullable));
}

/**
 * The same by the type and name of a value. A name without a model is that of what a payment gateway told, which is kept
 * within a JSON column: its texts have other forms than ours.
 */
export function readValue(name: string, type: string, given: unknown, nullable: boolean): unknown {
  const field = name.slice(name.indexOf(".") + 1);
  switch (type) {
    case "String": {
      const text = given as string;
      if (!text.trim()) return nullable ? null : new Problem("This must not be blank.", "a text that is not blank");
      return (
        texts[name] ??
        texts[field] ??
        (name === field ? upTo(long) : isUrl(field) ? readUrl : upTo(maximumText))
      )(text);
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
