/** Where mail goes without postal codes, or where they are hardly known: ISO 3166-1, by the Universal Postal Union. */
const without = new Set(
  `AE AG AO AW BF BI BJ BO BQ BS BV BW BZ CD CF CG CI CK CM CW DJ DM EH ER FJ GA GD GH GM GQ GY HK HM JM KI KM KN KP ML MO MR
   MW NR NU PA QA RW SB SC SL SR SS ST SX SY TD TF TG TK TL TO TV UG VU YE ZW`.split(/\s+/),
);

/** Whether an address in this country needs a postal code. */
export function hasPostalCodes(country: string | undefined | null): boolean {
  return typeof country === "string" && !without.has(country);
}
