import { countries, languages } from "./iso-codes.js";
import { maximumJson } from "./json.js";
import { isCurrency } from "./money.js";

// Formats of values, shared by mutations and the import.

/** Why a value is invalid: a whole sentence without the field's name. `expected` completes "The value must be …". */
export class Problem {
  constructor(
    readonly message: string,
    readonly expected?: string,
  ) {}
}

export const maximumText = 255;

/** Checks the length of a text in characters (code points), as PostgreSQL counts them. */
export function readText(given: string, { minimum, maximum }: Record<"minimum" | "maximum", number>): string | Problem {
  // Fast path: a code point has one or two code units.
  if (given.length <= maximum && given.length >= 2 * minimum) return given;
  const { length } = [...given];
  const expected = `a text of ${minimum ? `${minimum} to` : "at most"} ${maximum} characters`;
  if (length > maximum) return new Problem(`At most ${maximum} characters fit here; these are ${length}.`, expected);
  if (length < minimum) return new Problem(`At least ${minimum} characters are needed; these are ${length}.`, expected);
  return given;
}

/** Checks that a number is within a range. */
export function readNumber(given: number, [minimum, maximum]: readonly [number, number], whole: boolean) {
  if (given >= minimum && given <= maximum && (!whole || Number.isInteger(given))) return given;
  const expected = `a ${whole ? "whole " : ""}number from ${minimum} to ${maximum}`;
  return new Problem(`This must be ${expected}; it is ${given}.`, expected);
}

/** Creates a reader of texts that match a format. */
export function readForm(form: RegExp, expected: string): (given: string) => string | Problem {
  return (given) => (form.test(given) ? given : new Problem(`This must be ${expected}.`, expected));
}

/** Creates a reader of regular expressions; whether PostgreSQL can compile them is checked by its callers. */
export function readRegex(maximum: number): (given: string) => string | Problem {
  return (given) => {
    try {
      new RegExp(given);
    } catch {
      const expected = "a regular expression, such as ^(MUG|CAP)-";
      return new Problem(`This must be ${expected}.`, expected);
    }
    return readText(given, { minimum: 0, maximum });
  };
}

/** ASCII-only case conversion of codes: Unicode would map the Kelvin sign to `k`, and a dotless `ı` to `I`. */
export const lowerAscii = (text: string) => text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
export const upperAscii = (text: string) => text.replace(/[a-z]+/g, (letters) => letters.toUpperCase());

/** Normalises a code as it is stored and looked up. */
export const codeKey = (given: string) => lowerAscii(given.trim());

/** Control, format, private and unassigned characters, white space, invisible characters, and the CJK full stop. */
const forbidden = /[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800\u3002]/u;

/**
 * Normalises an e-mail address, or a part of one, to its stored form: NFC, lower case. Undefined for characters that are
 * not allowed, and for compatibility forms (full-width letters, ligatures, the Kelvin sign): folding these would make
 * different addresses equal.
 */
export function foldEmail(text: string): string | undefined {
  if (/^[\x21-\x7e]*$/.test(text)) return text.toLowerCase();
  if (forbidden.test(text) || ![...text].every(isCanonical)) return undefined;
  return text.normalize("NFC").toLowerCase().normalize("NFC");
}

/** Whether a character has no other composed or compatibility form in Unicode. */
function isCanonical(character: string): boolean {
  const composed = character.normalize("NFC");
  return composed === character.normalize("NFKC") && (composed === character || [...composed].length > 1);
}

/** Checks the length of a JSON object. */
export function readJson(given: Record<string, unknown>, maximum = maximumJson): Record<string, unknown> | Problem {
  const { length } = JSON.stringify(given);
  return length <= maximum
    ? given
    : new Problem(
        `At most ${maximum} characters fit as JSON; these would be ${length}.`,
        `a JSON object of at most ${maximum} characters`,
      );
}

const trimmed = (text: string) => text.replace(/^\p{White_Space}+|\p{White_Space}+$/gu, "");

const word = String.raw`[^\s@.<>()[\],;:"\\]+`;
const emailForm = new RegExp(String.raw`^[^\s@<>()[\],;:"\\]+@${word}(\.${word})+$`);

/** Validates and normalises an e-mail address. */
export function readEmail(given: string): string | Problem {
  const value = foldEmail(trimmed(given));
  const isValid = value !== undefined && emailForm.test(value) && !/(^|[@.])\p{M}/u.test(value);
  return isValid && value.length <= maximumText
    ? value
    : new Problem(
        `An e-mail address looks like name@example.com: at most ${maximumText} characters, without spaces, invisible characters or special forms of letters.`,
        `an e-mail address of at most ${maximumText} characters, without spaces, invisible characters or special forms of letters`,
      );
}

/** Lookup key of an e-mail address. Addresses of older rows that cannot be normalised are found in ASCII lower case. */
export function emailKey(given: string): string {
  return foldEmail(trimmed(given)) ?? lowerAscii(given);
}

/** Validates an absolute http(s) URL. */
export function readUrl(given: string): string | Problem {
  return given.length <= 2_000 && /^https?:\/\//i.test(given) && URL.canParse(given)
    ? given
    : new Problem(
        "An address starts with https:// or http://, and has at most 2,000 characters.",
        "an absolute http or https URL",
      );
}

/** Validates and normalises a short code. domain rule: codes are case-insensitive. */
export function readCode(given: string): string | Problem {
  const value = codeKey(given);
  return /^[a-z0-9_-]{1,25}$/.test(value)
    ? value
    : new Problem(
        "A code is made of 1 to 25 letters, digits, _ and -; the case does not matter.",
        "a code of 1 to 25 letters, digits, _ and -",
      );
}

/** Validates and normalises a country code (ISO 3166-1 alpha-2). */
export function readCountryCode(given: string): string | Problem {
  const value = upperAscii(given.trim());
  return countries.has(value)
    ? value
    : new Problem(
        "A country is one of the two-letter codes of ISO 3166-1, such as DE.",
        "a country of two letters (ISO 3166-1 alpha-2), such as IT",
      );
}

/** Validates and normalises a currency code (ISO 4217). */
export function readCurrencyCode(given: string): string | Problem {
  const value = upperAscii(given.trim());
  return isCurrency(value)
    ? value
    : new Problem(
        "A currency is three letters, such as EUR (ISO 4217).",
        "a currency of three letters (ISO 4217), such as EUR",
      );
}

/** Validates and normalises a language code (ISO 639-1). */
export function readLanguageCode(given: string): string | Problem {
  const value = codeKey(given);
  return languages.has(value)
    ? value
    : new Problem(
        "A language is two letters, such as de (ISO 639-1).",
        "a language of two letters (ISO 639-1), such as en",
      );
}
