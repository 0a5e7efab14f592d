import { readForm } from "../../graph/model/values.js";
import type { TextReader } from "../../graph/write/columns.js";
import { readToken, withoutCardNumber } from "./card-number.js";

/** The texts of a payment instrument, and their keys as gateways write them. */
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

/** How each is read, for mutations and the import alike. */
export const instrumentForms: Readonly<Record<InstrumentField, TextReader>> = {
  issuer: readToken,
  issuerType: readToken,
  cardType: readToken,
  cardLastDigits: withoutCardNumber(readForm(/^\d{1,4}$/, "at most 4 digits")),
  cardExpiryMonth: withoutCardNumber(readForm(/^([1-9]|1[0-2])$/, "a month from 1 to 12, without a zero in front")),
  cardExpiryYear: withoutCardNumber(readForm(/^20\d\d$/, "a year of 4 digits, such as 2030")),
  cardHolderName: readToken,
};
