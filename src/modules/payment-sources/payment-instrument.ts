import { type Problem, readForm } from "../../graph/model/values.js";
import type { TextReader } from "../../graph/write/columns.js";
import { cardNumberProblem, cardNumberWithin, readToken, withoutCardNumber } from "./card-number.js";

/** Text fields of a payment instrument, and their keys in gateways' JSON. */
export const instrumentKeys = {
  issuer: "issuer",
  issuerType: "issuer_type",
  cardType: "card_type",
  cardLastDigits: "card_last_digits",
  cardExpiryMonth: "card_expiry_month",
  cardExpiryYear: "card_expiry_year",
  cardHolderName: "card_holder_name",
} as const;

export type InstrumentField = keyof typeof instrumentKeys;
export const instrumentFields = Object.keys(instrumentKeys) as InstrumentField[];

/** Reader of each field, shared by mutations and the import. */
export const instrumentForms: Readonly<Record<InstrumentField, TextReader>> = {
  issuer: readToken,
  issuerType: readToken,
  cardType: readToken,
  cardLastDigits: withoutCardNumber(readForm(/^\d{1,4}$/, "at most 4 digits")),
  cardExpiryMonth: withoutCardNumber(readForm(/^([1-9]|1[0-2])$/, "a month from 1 to 12, without a zero in front")),
  cardExpiryYear: withoutCardNumber(readForm(/^20\d\d$/, "a year of 4 digits, such as 2030")),
  cardHolderName: readToken,
};

/** Reads a text into its stored form, or returns a problem. */
type Checked = { readonly value: unknown } | { readonly wrong: string };

/**
 * Reads a payment instrument from a document, by the rules of mutations. Unknown keys of gateways are kept unless they
 * contain a card number. `check` reads one text; `refuse` receives problems with their location.
 */
export function readInstrument(
  value: Readonly<Record<string, unknown>>,
  check: (name: string, text: unknown, form: TextReader) => Checked,
  refuse: (pointer: string, reason: string | Problem) => void,
): Record<string, unknown> {
  const instrument = new Map(Object.entries(value));
  const others = { ...value };
  for (const name of instrumentFields) {
    const key = instrumentKeys[name];
    const text = value[key] ?? null;
    delete others[key];
    if (text === null) continue;
    const checked = check(name, text, instrumentForms[name]);
    if ("wrong" in checked) refuse(`/${key}`, checked.wrong);
    else instrument.set(key, checked.value);
  }
  const { cardExpiryMonth: month, cardExpiryYear: year } = instrumentKeys;
  if (Boolean(instrument.get(month)) !== Boolean(instrument.get(year))) {
    const missing = instrument.get(month) ? year : month;
    refuse(`/${missing}`, "is missing: a card expires in a month of a year");
  }
  const at = cardNumberWithin(others);
  if (at !== undefined) refuse(at, cardNumberProblem);
  return Object.fromEntries(instrument);
}
