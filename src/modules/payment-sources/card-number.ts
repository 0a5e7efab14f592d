import { escapePointer } from "../../graph/model/json.js";
import { maximumText, Problem } from "../../graph/model/values.js";
import { type TextReader, upTo } from "../../graph/write/columns.js";

/** Digits in groups of any size, as people write the numbers of cards. */
const groups = /\d(?:[ -]?\d){12,}/g;

/**
 * Whether a text holds what looks like the number of a card: 13 to 19 digits that begin as the card networks' do and end
 * in the right check digit. Tokens of some gateways are 16 digits as well; they begin with 7, 8 or 9.
 */
export function holdsCardNumber(text: string): boolean {
  return (text.match(groups) ?? []).some((found) => {
    const digits = found.replace(/\D/g, "");
    return /^[2-6]\d{12,18}$/.test(digits) && checkDigitFits(digits);
  });
}

/** Where within a JSON value the number of a card stands, in a value or a key, as a JSON pointer; undefined: nowhere. */
export function cardNumberWithin(value: unknown, at = ""): string | undefined {
  if (typeof value === "string" || typeof value === "number") return holdsCardNumber(String(value)) ? at : undefined;
  if (typeof value !== "object" || value === null) return undefined;
  for (const [key, inner] of Object.entries(value)) {
    if (holdsCardNumber(key)) return at;
    const found = cardNumberWithin(inner, `${at}/${escapePointer(key)}`);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Luhn's formula, ISO/IEC 7812-1. */
function checkDigitFits(digits: string): boolean {
  const sum = [...digits].reverse().reduce((total, digit, i) => {
    const weighed = Number(digit) * (i % 2 ? 2 : 1);
    return total + (weighed > 9 ? weighed - 9 : weighed);
  }, 0);
  return sum % 10 === 0;
}

export const cardNumberProblem = new Problem(
  "This looks like the number of a card, which is never kept here; give what the gateway made of it.",
);

/** Makes a reader refuse texts that hold the number of a card. */
export const withoutCardNumber =
  (read: TextReader): TextReader =>
  (given) =>
    holdsCardNumber(given) ? cardNumberProblem : read(given);

/** The stored form of a token of a payment gateway. */
export const readToken = withoutCardNumber(upTo(maximumText));
