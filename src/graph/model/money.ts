/** ISO 4217 currencies with a minor unit, by number of decimals. */
const digits = {
  0: "BIF BYR CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
  2:
    "AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE CHF CHW CNY " +
    "COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD HKD HNL HTG HUF IDR ILS " +
    "INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR " +
    "MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP " +
    "STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG " +
    // Withdrawn since 2009, like BYR above; old amounts may have them.
    "ANG BGN CUC EEK HRK LTL LVL MRO SLL STD VEF ZMK ZWL",
  3: "BHD IQD JOD KWD LYD OMR TND",
  4: "CLF UYW",
};

/** Currency symbols; other currencies are written with their code. */
const symbols = {
  $:
    "ARS AUD BBD BMD BND BSD BZD CAD CLP COP CUC CUP DOP FJD GYD HKD JMD KYD LRD MXN NAD NZD SBD SGD SRD TTD TWD USD " +
    "UYU XCD",
  "؋": "AFN",
  "֏": "AMD",
  Kz: "AOA",
  "₼": "AZN",
  KM: "BAM",
  "৳": "BDT",
  Bs: "BOB",
  R$: "BRL",
  P: "BWP",
  "¥": "CNY JPY",
  "₡": "CRC",
  Kč: "CZK",
  kr: "DKK EEK ISK NOK SEK",
  "E£": "EGP",
  "€": "EUR",
  "£": "FKP GBP GIP SHP SSP SYP",
  "₾": "GEL",
  "GH₵": "GHS",
  FG: "GNF",
  Q: "GTQ",
  L: "HNL",
  kn: "HRK",
  Ft: "HUF",
  Rp: "IDR",
  "₪": "ILS",
  "₹": "INR",
  "⃀": "KGS",
  "៛": "KHR",
  CF: "KMF",
  "₩": "KPW KRW",
  "₸": "KZT",
  "₭": "LAK",
  "L£": "LBP",
  Rs: "LKR MUR NPR PKR",
  Lt: "LTL",
  Ls: "LVL",
  Ar: "MGA",
  K: "MMK",
  "₮": "MNT",
  RM: "MYR",
  "₦": "NGN",
  C$: "NIO",
  "₱": "PHP",
  zł: "PLN",
  "₲": "PYG",
  lei: "RON",
  "₽": "RUB",
  RF: "RWF",
  Db: "STN",
  "฿": "THB",
  T$: "TOP",
  "₺": "TRY",
  "₴": "UAH",
  "₫": "VND",
  FCFA: "XAF",
  "Cg.": "XCG",
  "F CFA": "XOF",
  CFPF: "XPF",
  R: "ZAR",
  ZK: "ZMW",
};

function byCode(table: Readonly<Record<string, string>>): ReadonlyMap<string, string> {
  return new Map(Object.entries(table).flatMap(([value, codes]) => codes.split(" ").map((code) => [code, value])));
}

const digitsByCode = byCode(digits);
const symbolByCode = byCode(symbols);

/** Whether a currency is supported: an ISO 4217 code with a minor unit. */
export function isCurrency(code: string): boolean {
  return digitsByCode.has(code);
}

/** Number of decimals of a currency; 2 for unknown codes, which older rows may have. */
function exponentOf(currency: string | null | undefined): number {
  return Number((currency && digitsByCode.get(currency)) ?? 2);
}

/** Converts minor units to a decimal number. */
export function amountOf(cents: number, currency: string | null | undefined): number {
  return cents / 10 ** exponentOf(currency);
}

/** The decimal numbers that an amount of minor units may stand for, if its currency is unknown. */
export function possibleAmounts(cents: number): number[] {
  return Object.keys(digits).map((exponent) => cents / 10 ** Number(exponent));
}

/**
 * `€1.234,50`, `$1,234.50`, `-€5,00`, `¥1,200`, `CHF12.00`: the symbol or code first; euros are written with a decimal
 * comma. Independent of the runtime's locale data, which differs between releases.
 */
export function formatMoney(cents: number, currency: string | null | undefined): string {
  const exponent = exponentOf(currency);
  const [thousands, point] = currency === "EUR" ? [".", ","] : [",", "."];
  const text = String(Math.abs(cents)).padStart(exponent + 1, "0");
  const whole = text.slice(0, text.length - exponent).replace(/\B(?=(?:\d{3})+$)/g, thousands);
  const fraction = exponent ? point + text.slice(-exponent) : "";
  return `${cents < 0 ? "-" : ""}${currency ? (symbolByCode.get(currency) ?? currency) : ""}${whole}${fraction}`;
}
