import { createTestApp } from "../support/app.js";

/** ISO 4217, list one: how many digits each currency in use has after the point. */
const minorUnits: Record<number, string> = {
  0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
  2: `AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW
    CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF
    IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK
    MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP
    SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG
    YER ZAR ZMW ZWG`,
  3: "BHD IQD JOD KWD LYD OMR TND",
  4: "CLF UYW",
};
const currencies = Object.entries(minorUnits).flatMap(([digits, codes]) =>
  codes.split(/\s+/).map((code) => ({ code, digits: Number(digits) })),
);

const examples: Record<string, [cents: number, float: number, formatted: string]> = {
  EUR: [5000, 50, "€50,00"],
  USD: [13249, 132.49, "$132.49"],
  GBP: [-1234567, -12345.67, "-£12,345.67"],
  JPY: [1200, 1200, "¥1,200"],
  HUF: [123456, 1234.56, "Ft1,234.56"],
  IDR: [123456, 1234.56, "Rp1,234.56"],
  COP: [123456, 1234.56, "$1,234.56"],
  PKR: [123456, 1234.56, "Rs1,234.56"],
  KWD: [1234567, 1234.567, "KWD1,234.567"],
  CLF: [1234567, 123.4567, "CLF123.4567"],
  CHF: [5, 0.05, "CHF0.05"],
  // No currency: such a row may be from before currencies were checked.
  ZZZ: [123456, 1234.56, "ZZZ1,234.56"],
};

test("amounts have the decimals of ISO 4217 for every currency, by plans and by resolvers", async () => {
  expect(currencies).toHaveLength(165);
  const app = await createTestApp({ demo: false });
  const byResolvers = await createTestApp({ sharing: app, planned: false });
  try {
    const rows = [
      ...currencies.map(({ code, digits }) => [code, 123456, 123456 / 10 ** digits, undefined] as const),
      ...Object.entries(examples).map(([code, example]) => [code, ...example] as const),
    ];
    await app.database.pool.query(
      `INSERT INTO payment_methods (id, mode, name, payment_source_type, currency_code, price_amount_cents)
       SELECT 'pmt_' || n, 'test', 'Card', 'stripe_payments', code, cents
       FROM unnest($1::text[], $2::int[]) WITH ORDINALITY AS t (code, cents, n)`,
      [rows.map(([code]) => code), rows.map(([, cents]) => cents)],
    );
    const document = `query ($ids: [ID!]!) { nodes(ids: $ids) { ... on PaymentMethod { currencyCode priceAmountFloat formattedPriceAmount } } }`;
    for (let from = 0; from < rows.length; from += 100) {
      const ids = rows.slice(from, from + 100).map((_, i) => `pmt_${from + i + 1}`);
      for (const one of [app, byResolvers]) {
        const { data } = await one.query(document, { ids });
        data.nodes.forEach((node: object, i: number) => {
          const [currencyCode, , priceAmountFloat, formattedPriceAmount] = rows[from + i]!;
          expect(node).toMatchObject({
            currencyCode,
            priceAmountFloat,
            ...(formattedPriceAmount && { formattedPriceAmount }),
          });
        });
      }
    }
  } finally {
    await byResolvers.stop();
    await app.stop();
  }
});
