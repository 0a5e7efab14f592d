import type { EnumValue } from "../../platform/database/datamodel.js";
import { UserErrorCode } from "../../platform/graphql/user-error.type.js";
import { type InputOf, inputOf, Problem, type Rule, type TextOptions, text } from "../../platform/write/rules.js";
import type { Path, Write } from "../../platform/write/write.js";
import { withoutCardNumber } from "./card-number.js";
import { instrumentKeys } from "./payment-source.type.js";

/** A text in which no card's number may stand. */
export function cardless(options: TextOptions): Rule<string> {
  const rule = text(options);
  const check = rule.check as (given: string) => string | Problem;
  return {
    ...rule,
    check: (given: string) => {
      const clean = withoutCardNumber(given);
      return clean instanceof Problem ? clean : check(clean);
    },
  };
}

const instrumentRules = {
  issuer: cardless({ description: "Who issued it, such as a bank." }),
  issuerType: cardless({ description: "The kind of issuer, such as `credit card`." }),
  cardType: cardless({ description: "The brand of the card, such as `visa`." }),
  cardLastDigits: cardless({
    description: "The last digits of the card's number: at most 4.",
    form: { pattern: /^\d{1,4}$/, problem: "These are at most 4 digits." },
  }),
  cardExpiryMonth: cardless({
    description: "The month when the card expires, `1` to `12`; comes with the year.",
    form: { pattern: /^([1-9]|1[0-2])$/, problem: "A month is a number from 1 to 12, without a zero in front." },
  }),
  cardExpiryYear: cardless({
    description: "The year when the card expires: 4 digits; comes with the month.",
    form: { pattern: /^20\d\d$/, problem: "A year has 4 digits, such as 2030." },
  }),
  cardHolderName: cardless({ description: "The name on the card." }),
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
