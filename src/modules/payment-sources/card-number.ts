import { escapePointer } from "../../graph/model/json.js";
import { maximumText, Problem } from "../../graph/model/values.js";
import { type TextReader, upTo } from "../../graph/write/columns.js";

/** Groups of digits, as card numbers are written. */
const groups = /\d(?:[ -]?\d){12,}/g;

/**
 * Whether a text contains what looks like a card number (PAN): 13 to 19 digits with a card network's prefix and a valid
 * check digit. Some gateways' tokens have 16 digits too, but begin with 7, 8 or 9.
 */
export function holdsCardNumber(text: string): boolean {
  return (text.match(groups) ?? []).some((found) => {
    const digits = found.replace(/\D/g, "");
    return /^[2-6]\d{12,18}$/.test(digits) && checkDigitFits(digits);
  });
}

/** JSON pointer to a card number within a JSON value or key; undefined if there is none. */
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

/** Luhn checksum, ISO/IEC 7812-1. */
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

/** Wraps a reader so that it rejects texts with a card number. */
export const withoutCardNumber =
  (read: TextReader): TextReader =>
  (given) =>
    holdsCardNumber(given) ? cardNumberProblem : read(given);

/** Reads the token of a payment gateway into its stored form. */
export const readToken = withoutCardNumber(upTo(maximumText));
