import { inspect } from "node:util";
import { personalNames } from "../graph/model/manifest.js";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";
type Facts = Record<string, unknown>;
type Log = (message: string, facts?: Facts) => void;

export interface Logger {
  debug: Log;
  info: Log;
  warn: Log;
  error: Log;
}

export interface LoggerOptions {
  level: LogLevel;
  /** JSON lines instead of text lines. */
  json: boolean;
  write?: (line: string) => void;
}

const LEVELS = ["debug", "info", "warn", "error", "silent"] as const;

/** Creates a logger that writes to stderr: stdout is for the results of commands. */
export function createLogger({ level, json, write = (line) => process.stderr.write(line) }: LoggerOptions): Logger {
  const format = json ? jsonLine : textLine;
  const at = (own: keyof Logger): Log =>
    LEVELS.indexOf(own) < LEVELS.indexOf(level)
      ? () => {}
      : (message, facts = {}) => write(`${format(new Date().toISOString(), own, message, redacted(facts))}\n`);
  return Object.freeze({ debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") });
}

/** Redacts values under the names of personal columns, as a safety net. */
function redacted<T>(facts: T, around: readonly unknown[] = []): T {
  if (around.includes(facts)) return "[Circular]" as T;
  const inside = [...around, facts];
  if (Array.isArray(facts)) return facts.map((one) => redacted(one, inside)) as T;
  if (!facts || typeof facts !== "object" || ![Object.prototype, null].includes(Object.getPrototypeOf(facts)))
    return facts;
  return Object.fromEntries(
    Object.entries(facts).map(([name, value]) => [
      name,
      personalNames.has(name) && value !== undefined ? "[personal]" : redacted(value, inside),
    ]),
  ) as T;
}

function jsonLine(time: string, level: string, message: string, facts: Facts): string {
  try {
    const own = { time, level, message };
    // Spread twice: first for the order in the line, last so that facts cannot override them.
    return JSON.stringify({ ...own, ...facts, ...own }, (_name, value) => plain(value));
  } catch {
    // Such as a circular reference: logging must never throw.
    return JSON.stringify({ time, level, message, facts: inspect(facts) });
  }
}

function textLine(time: string, level: string, message: string, facts: Facts): string {
  let line = `${time.slice(11, 23)} ${level.padEnd(5)} ${message}`;
  let stacks = "";
  for (const [name, value] of Object.entries(facts)) {
    if (value instanceof Error) stacks += `\n${value.stack}`;
    else if (value !== undefined) line += ` ${name}=${typeof value === "string" ? value : inspect(value, OneLine)}`;
  }
  return line + stacks;
}

const OneLine = { breakLength: Number.POSITIVE_INFINITY };

/** JSON replacer for values without a JSON form. Of errors only safe facts: those of PostgreSQL have rows in `detail`. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return value.toString();
  if (!(value instanceof Error)) return value;
  const { name, message, stack, cause } = value;
  return { name, message, code: (value as { code?: unknown }).code, stack, cause };
}

/**
 * Loggable facts of any error: its name, code and stack frames. Not its message, since messages of PostgreSQL and of JSON
 * quote values; for the same reason only stack frames are taken from its stack.
 */
export function factsOf(error: unknown): Record<string, string | undefined> {
  if (!(error instanceof Error)) return { name: typeof error };
  const { name, code, constraint, table, column, stack } = error as Error & Record<string, string | undefined>;
  const frames = stack?.split("\n").filter((line) => /^ {4}at .+:\d+:\d+\)?$/.test(line));
  return { name, code, constraint, table, column, stack: frames?.slice(0, 8).join("\n") };
}
