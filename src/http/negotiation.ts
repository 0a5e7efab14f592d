/** Preference of an `Accept` or `Accept-Encoding` header for an offer; undefined if it is not acceptable. */
interface Preference {
  quality: number;
  /** Specificity: 3 for an exact match, 2 for `type/*`, 1 for a full wildcard. */
  specificity: number;
  position: number;
}

function preferenceFor(header: string, offer: string): Preference | undefined {
  let preference: Preference | undefined;
  header.split(",").forEach((element, position) => {
    const [range = "", ...parameters] = element.split(";").map((text) => text.trim().toLowerCase());
    const specificity = specificityOf(range, offer);
    if (specificity <= (preference?.specificity ?? 0)) return;
    const weight = parameters.map((parameter) => /^q\s*=(.*)$/.exec(parameter)?.[1]).find((text) => text !== undefined);
    const quality = weight === undefined ? 1 : Number(weight);
    // An invalid q value is ignored.
    if (quality >= 0 && quality <= 1) preference = { quality, specificity, position };
  });
  return preference?.quality ? preference : undefined;
}

function specificityOf(range: string, offer: string): number {
  if (range === offer) return 3;
  if (range === "*/*" || range === "*") return 1;
  return range.endsWith("/*") && offer.startsWith(range.slice(0, -1)) ? 2 : 0;
}

function acceptable<Offer extends string>(header: string, offers: readonly Offer[]) {
  return offers.flatMap((offer) => {
    const preference = preferenceFor(header, offer);
    return preference ? { offer, ...preference } : [];
  });
}

/**
 * Content negotiation: the offered media type that an `Accept` header prefers, the first offer without a header, undefined
 * if none is acceptable. Ties: the more specific range, then the one named first.
 */
export function preferredType<Offer extends string>(
  header: string | undefined,
  offers: readonly [Offer, ...Offer[]],
): Offer | undefined {
  if (!header?.trim()) return offers[0];
  const best = acceptable(header, offers).sort(
    (a, b) => b.quality - a.quality || b.specificity - a.specificity || a.position - b.position,
  );
  return best[0]?.offer;
}

export type Coding = "br" | "gzip";

/** The content-encoding that an `Accept-Encoding` header prefers; undefined for none. */
export function preferredCoding(header: string | undefined, offers: readonly Coding[]): Coding | undefined {
  if (!header) return undefined;
  // Stable sort: ties keep the order of our preference.
  const [best] = acceptable(header, [...offers, "identity"]).sort((a, b) => b.quality - a.quality);
  return best && best.offer !== "identity" ? best.offer : undefined;
}
