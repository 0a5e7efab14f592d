/**
 * ISO 3166-1 countries without postal codes, or with codes that are rarely known. When in doubt a country is listed,
 * because a required code would block the address.
 */
const without = new Set(
  `AE AG AO AW BF BI BJ BO BQ BS BV BW BZ CD CF CG CI CK CM CW DJ DM EH ER FJ GA GD GH GM GQ GY HK HM JM KI KM KN KP ML MO MR
   MW NR NU PA QA RW SB SC SL SR SS ST SX SY TD TF TG TK TL TO TV UG VU YE ZW`.split(/\s+/),
);

/** Whether addresses in this country require a postal code. */
export function hasPostalCodes(country: string | undefined | null): boolean {
  return typeof country === "string" && !without.has(country);
}
