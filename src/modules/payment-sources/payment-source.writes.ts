import type { EnumValue } from "../../graph/model/datamodel.js";
import type { Problem } from "../../graph/model/values.js";
import { readValue } from "../../graph/write/columns.js";
import { type InputOf, inputOf, type Rule, value } from "../../graph/write/rules.js";
import type { Path, Write } from "../../graph/write/transaction.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { type InstrumentField, instrumentForms, instrumentKeys } from "./payment-instrument.js";

/** A text field of an instrument, not a column: mutations and the import accept the same values. */
function instrumentText(field: InstrumentField, description: string): Rule<string> {
  return value<string>(
    () => String,
    { description },
    (given: string) => readValue(field, "String", given, true, instrumentForms[field]) as string | null | Problem,
  );
}

const instrumentRules = {
  issuer: instrumentText("issuer", "Who issued it, such as a bank."),
  issuerType: instrumentText("issuerType", "The kind of issuer, such as `credit card`."),
  cardType: instrumentText("cardType", "The brand of the card, such as `visa`."),
  cardLastDigits: instrumentText("cardLastDigits", "The last digits of the card's number: at most 4."),
  cardExpiryMonth: instrumentText(
    "cardExpiryMonth",
    "The month when the card expires, `1` to `12`; comes with the year.",
  ),
  cardExpiryYear: instrumentText("cardExpiryYear", "The year when the card expires: 4 digits; comes with the month."),
  cardHolderName: instrumentText("cardHolderName", "The name on the card."),
} satisfies Record<InstrumentField, Rule<string>>;

export type Instrument = InputOf<typeof instrumentRules>;

export const PaymentInstrumentInput = inputOf(
  "PaymentInstrumentInput",
  "What may be shown of the card or account behind a payment source. Never the number of a card.",
  instrumentRules,
  "create",
);

/** Creates a payment source from the gateway's data and returns its id; `path` is the input path of the instrument. */
export async function createPaymentSource(
  write: Write,
  kind: EnumValue<"PaymentSourceType">,
  instrument: Instrument | null | undefined,
  path: Path,
): Promise<string> {
  const values = await write.values(instrumentRules, instrument ?? {}, "create", path);
  const { cardExpiryMonth, cardExpiryYear } = instrument ?? {};
  if (Boolean(cardExpiryMonth) !== Boolean(cardExpiryYear)) {
    const argumentPath = [...path, cardExpiryMonth ? "cardExpiryYear" : "cardExpiryMonth"];
    write.addError(UserErrorCode.INVALID, argumentPath, "A card expires in a month of a year: give both, or neither.");
  }
  write.check();
  const stored = Object.entries(values).map(([field, value]) => [instrumentKeys[field as keyof Instrument], value]);
  const paymentInstrument = stored.length ? Object.fromEntries(stored) : undefined;
  return write.create("PaymentSource", { kind, paymentInstrument }, path);
}
