/** Range of DateTime: years have four digits. */
const first = "0001-01-01T00:00:00.000Z";
const last = "9999-12-31T23:59:59.999Z";

const form =
  /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?(?:[Zz]|(?<sign>[+-])(?<hours>\d\d):(?<minutes>\d\d))$/;

/**
 * Parses an RFC 3339 time; seconds may be missing. Digits after the milliseconds are truncated. Undefined for other
 * texts, for times that do not exist (30 February, 24:00, a 60th second), and outside the years 1 to 9999 in UTC.
 */
export function readTime(text: string): Date | undefined {
  const match = form.exec(text);
  if (!match) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map((digits) => Number(digits ?? 0)) as Six;
  const { sign, hours = "0", minutes = "0" } = match.groups!;
  if (hour > 23 || minute > 59 || second > 59 || Number(hours) > 23 || Number(minutes) > 59) return undefined;
  if (!isDate(year, month, day)) return undefined;
  const time = new Date(0);
  time.setUTCFullYear(year, month - 1, day);
  const offset = (Number(hours) * 60 + Number(minutes)) * (sign === "-" ? -1 : 1);
  time.setUTCHours(hour, minute - offset, second, Number((match[7] ?? "").padEnd(3, "0").slice(0, 3)));
  const utcYear = time.getUTCFullYear();
  return utcYear >= 1 && utcYear <= 9999 ? time : undefined;
}

type Six = [number, number, number, number, number, number];

/** Whether a date exists: the Gregorian calendar repeats every 400 years. */
function isDate(year: number, month: number, day: number): boolean {
  if (month < 1 || month > 12 || day < 1) return false;
  return day <= new Date(Date.UTC(2000 + (((year % 400) + 400) % 400), month, 0)).getUTCDate();
}

/** Formats a time for the API. */
export function writeTime(time: Date): string {
  const text = time.toISOString();
  // toISOString() writes other years with a sign and six digits.
  return text.length === last.length ? text : text.startsWith("-") ? first : last;
}

/**
 * A stored time out of the API's range, or infinite: shown as the nearest time in range. Cursors keep PostgreSQL's own
 * text, so that pagination continues after it.
 */
class DistantTime extends Date {
  constructor(private readonly text: string) {
    super(text.startsWith("-") || text.endsWith("BC") ? first : last);
  }

  override toJSON(): string {
    return this.text;
  }
}

/** Parses a text of `exactTimeSql`. */
export function parseExactTime(text: string): Date {
  return isIso(text) ? new Date(text) : new DistantTime(text);
}

/** Formats a text of `exactTimeSql` for the API. */
export function formatExactTime(text: string): string {
  return isIso(text) ? text : new DistantTime(text).toISOString();
}

const isIso = (text: string) => text[10] === "T";

/** Parses an out-of-range time in PostgreSQL's format; undefined if the driver's parser can. */
export function distantTime(text: string): Date | undefined {
  return text[4] === "-" && !text.endsWith("BC") ? undefined : new DistantTime(text);
}

/** Whether a text is a valid time of a cursor, which PostgreSQL can parse. */
export function isCursorTime(text: string): boolean {
  if (isIso(text)) return readTime(text)?.toISOString() === text;
  if (text === "infinity" || text === "-infinity") return true;
  const match = /^(\d{4,6})-(\d\d)-(\d\d) ([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,3})?\+00( BC)?$/.exec(text);
  if (!match) return false;
  const [year, month, day] = match.slice(1, 4).map(Number) as [number, number, number];
  // Range of a PostgreSQL timestamp.
  const inRange = match[6] ? year >= 1 && year <= 4713 : year >= 10_000 && year <= 294_275;
  return inRange && isDate(match[6] ? 1 - year : year, month, day);
}

const isoSql = (column: string) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** SQL that formats a time for the API. */
export function timeSql(column: string): string {
  return `CASE WHEN ${column} < '${first}' THEN '${first}' WHEN ${column} > '${last}' THEN '${last}' ELSE ${isoSql(column)} END`;
}

/** SQL that formats a time for the API, or in PostgreSQL's own format if it is out of the API's range. */
export function exactTimeSql(column: string): string {
  return `CASE WHEN ${column} BETWEEN '${first}' AND '${last}' THEN ${isoSql(column)} ELSE ${column}::text END`;
}
