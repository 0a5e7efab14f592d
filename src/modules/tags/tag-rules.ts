import { codeKey, Problem } from "../../graph/model/values.js";

/** Maximum number of tags per resource. */
export const maximumTags = 10;

/** Reads a tag's name into its stored form, or returns a problem. domain rule: names are stored in lower case. */
export function readTagName(given: string): string | Problem {
  const name = codeKey(given);
  return name.length <= 25 && /^[a-z0-9]+([-_:][a-z0-9]+)*$/.test(name)
    ? name
    : new Problem(
        'A tag is called by at most 25 letters and digits, joined by single "-", "_" or ":".',
        "at most 25 letters and digits in groups joined by single -, _ or :, such as early-bird",
      );
}
