import type { EnumValue } from "../../graph/model/datamodel.js";
import { maximumText, readText } from "../../graph/model/values.js";
import { withoutCardNumber } from "../../graph/write/card-number.js";
import { type InputOf, inputOf, Problem, type Rule, value } from "../../graph/write/rules.js";
import type { Path, Write } from "../../graph/write/transaction.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { instrumentKeys } from "./payment-source.type.js";

/** A text of an instrument, which is no column: no card's number may stand in it. */
function cardless(description: string, form?: (given: string) => string | Problem): Rule<string> {
  return value<string>(
    () => String,
    { description },
    (given: string) => {
      const clean = withoutCardNumber(given);
      if (clean instanceof Problem || !clean.trim()) return clean instanceof Problem ? clean : null;
      return form ? form(clean) : readText(clean, { minimum: 0, maximum: maximumText });
    },
  );
}

const instrumentRules = {
  issuer: cardless("Who issued it, such as a bank."),
  issuerType: cardless("The kind of issuer, such as `credit card`."),
  cardType: cardless("The brand of the card, such as `visa`."),
  cardLastDigits: cardless("The last digits of the card's number: at most 4.", (given) =>
    /^\d{1,4}$/.test(given) ? given : new Problem("These are at most 4 digits."),
  ),
  cardExpiryMonth: cardless("The month when the card expires, `1` to `12`; comes with the year.", (given) =>
    /^([1-9]|1[0-2])$/.test(given) ? given : new Problem("A month is a number from 1 to 12, without a zero in front."),
  ),
  cardExpiryYear: cardless("The year when the card expires: 4 digits; comes with the month.", (given) =>
    /^20\d\d$/.test(given) ? given : new Problem("A year has 4 digits, such as 2030."),
  ),
  cardHolderName: cardless("The name on the card."),
} satisfies Record<keyof typeof instrumentKeys, Rule<string>>;

export type Instrument = InputOf<typeof instrumentRules>;

export const PaymentInstrumentInput = inputOf(
  "PaymentInstrumentInput",
  "What may be shown of the card or account behind a payment source. Never the number of a card.",
  instrumentRules,
  "create",
);

/** Makes a payment source by what the gateway told of it; gives its id. `path` leads to the instrument. */
export async function createPaymentSource(
  write: Write,
  kind: EnumValue<"PaymentSourceType">,
  instrument: Instrument | null | undefined,
  path: Path,
): Promise<string> {
  const values = await write.values(instrumentRules, instrument ?? {}, "create", path);
  const { cardExpiryMonth, cardExpiryYear } = instrument ?? {};
  if (Boolean(cardExpiryMonth) !== Boolean(cardExpiryYear)) {
    const place = [...path, cardExpiryMonth ? "cardExpiryYear" : "cardExpiryMonth"];
    write.refuse(UserErrorCode.INVALID, place, "A card expires in a month of a year: give both, or neither.");
  }
  write.check();
  const stored = Object.entries(values).map(([field, value]) => [instrumentKeys[field as keyof Instrument], value]);
  const paymentInstrument = stored.length ? Object.fromEntries(stored) : undefined;
  return write.create("PaymentSource", { kind, paymentInstrument }, path);
}
