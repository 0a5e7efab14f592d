import { codeKey, Problem } from "../../graph/model/values.js";

const names = [
  "hourly",
  "daily",
  "weekly",
  "monthly",
  "two-month",
  "three-month",
  "four-month",
  "six-month",
  "yearly",
] as const;

const problem = new Problem(
  `A frequency is ${names.slice(0, -1).join(", ")} or ${names.at(-1)}, or a crontab expression of five fields that runs once an hour at most, such as "0 8 1 * *".`,
);

interface CronField {
  from: number;
  to: number;
  words?: readonly string[];
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const weekdays = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const fields: readonly CronField[] = [
  { from: 0, to: 59 },
  { from: 0, to: 23 },
  { from: 1, to: 31 },
  { from: 1, to: 12, words: months },
  // Cron allows 0 and 7 for Sunday.
  { from: 0, to: 7, words: weekdays },
];
const longest = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Parses a recurrence into its stored form, or returns a problem. */
export function readFrequency(given: string): string | Problem {
  const value = codeKey(given).replaceAll(/\s+/g, " ");
  const name = value.replace(/^(two|three|four|six)-months$/, "$1-month");
  if ((names as readonly string[]).includes(name)) return name;
  const parts = value.split(" ");
  if (value.length > 255 || parts.length !== fields.length) return problem;
  const sets = parts.map((part, i) => valuesOf(part, fields[i]!));
  if (sets.some((set) => !set)) return problem;
  const [minute, , days, monthsOfYear] = sets as number[][];
  // domain rule: the minimum interval is one hour.
  if (minute!.length !== 1) return problem;
  const everyWeekday = parts[4] === "*";
  const comes = monthsOfYear!.some((month) => days!.some((day) => day <= longest[month - 1]!));
  return comes || !everyWeekday ? value : new Problem("There is no such day in these months, so it would never run.");
}

/** Values matched by one field of a crontab expression; undefined if it is invalid. */
function valuesOf(text: string, { from, to, words }: CronField): number[] | undefined {
  const found = new Set<number>();
  for (const item of text.split(",")) {
    const match = /^(?:(\*)|([a-z]{3}|\d{1,2})(?:-([a-z]{3}|\d{1,2}))?)(?:\/(\d{1,2}))?$/.exec(item);
    if (!match) return undefined;
    const [, all, first, last, step] = match;
    const number = (word: string) => {
      const at = words?.indexOf(word) ?? -1;
      return at >= 0 ? at + (words === months ? 1 : 0) : /^\d/.test(word) ? Number(word) : Number.NaN;
    };
    const start = all ? from : number(first!);
    const end = all || (step && !last) ? to : number(last ?? first!);
    const by = step ? Number(step) : 1;
    if (!(start >= from && end <= to && start <= end && by >= 1)) return undefined;
    for (let value = start; value <= end; value += by) found.add(value);
  }
  return [...found];
}
