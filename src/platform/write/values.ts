import { isCurrency } from "../graphql/money.js";

// What values of some kinds look like: the same for clients, who write them by mutations, and for files that are imported.

/** What is wrong with a value, and what would be right: a whole sentence without the field's name. */
export class Problem {
  constructor(readonly message: string) {}
}

export const maximumText = 255;

/** How many tags a resource may have. */
export const maximumTags = 10;

/** How many characters some texts have. The database checks these, too. */
export const lengths = {
  shopperReference: { minimum: 3, maximum: 128 },
  profileId: { minimum: 1, maximum: maximumText },
} as const;

/** A text of so many characters, counted as PostgreSQL does, or what is wrong with it. */
export function readText(given: string, { minimum, maximum }: Record<"minimum" | "maximum", number>): string | Problem {
  const { length } = [...given];
  if (length > maximum) return new Problem(`At most ${maximum} characters fit here; these are ${length}.`);
  if (length < minimum) return new Problem(`At least ${minimum} characters are needed; these are ${length}.`);
  return given;
}

const word = String.raw`[^\s@.<>()[\],;:"\\]+`;
const emailForm = new RegExp(String.raw`^[^\s@<>()[\],;:"\\]+@${word}(\.${word})+$`);

/** The stored form of an e-mail address, or what is wrong with it. */
export function readEmail(given: string): string | Problem {
  const value = given.trim().toLowerCase();
  return emailForm.test(value) && value.length <= maximumText
    ? value
    : new Problem(`An e-mail address looks like name@example.com, with at most ${maximumText} characters.`);
}

/** An absolute address of the web, or what is wrong with it. */
export function readUrl(given: string): string | Problem {
  return given.length <= 2_000 && /^https?:\/\//i.test(given) && URL.canParse(given)
    ? given
    : new Problem("An address starts with https:// or http://, and has at most 2,000 characters.");
}

/** The stored form of a short code, or what is wrong with it. domain rule: the case does not matter. */
export function readCode(given: string): string | Problem {
  const value = given.trim().toLowerCase();
  return /^[a-z0-9_-]{1,25}$/.test(value)
    ? value
    : new Problem("A code is made of 1 to 25 letters, digits, _ and -; the case does not matter.");
}

/** The stored form of a tag's name, or what is wrong with it. domain rule: names are kept in lower case. */
export function readTagName(given: string): string | Problem {
  const name = given.trim().toLowerCase();
  return name.length <= 25 && /^[a-z0-9]+([-_:][a-z0-9]+)*$/.test(name)
    ? name
    : new Problem('A tag is called by at most 25 letters and digits, joined by single "-", "_" or ":".');
}

/** A country in two capital letters, or what is wrong with it. */
export function readCountryCode(given: string): string | Problem {
  const value = given.trim().toUpperCase();
  return /^[A-Z]{2}$/.test(value) ? value : new Problem("A country is two letters, such as DE (ISO 3166-1 alpha-2).");
}

/** A currency of ISO 4217 in three capital letters, or what is wrong with it. */
export function readCurrencyCode(given: string): string | Problem {
  const value = given.trim().toUpperCase();
  return isCurrency(value) ? value : new Problem("A currency is three letters, such as EUR (ISO 4217).");
}
