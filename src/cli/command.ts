import { existsSync } from "node:fs";
import { type ParseArgsConfig, parseArgs } from "node:util";
import { ConfigError } from "../config.js";
import { nearest } from "../graph/model/nearest.js";

type Options = NonNullable<ParseArgsConfig["options"]>;

const help = { help: { type: "boolean", short: "h" } } as const satisfies Options;

/** The parsed command line: `values` by the options' names, `positionals` in their order. */
export type Arguments<O extends Options> = ReturnType<typeof parse<O>>;

/** A wrong command line, as opposed to a command that failed. */
export class UsageError extends Error {
  override name = "UsageError";
}

export interface Command<O extends Options> {
  /** Printed for `--help` and after usage errors. */
  usage: string;
  options?: O;
  /** The names of the arguments that are no options, in their order, `FILE…` for any number of them; none unless named. */
  positionals?: readonly string[];
  /** Gives the exit code, 0 unless it says otherwise. */
  main(args: Arguments<O>): Promise<number | undefined>;
}

/**
 * Runs a command of the project, all in one way: `--help` prints the usage and does nothing else, unknown arguments are
 * refused before anything happens. Exit codes: 0 done, 1 failed, 2 wrong arguments or configuration.
 */
export async function runCommand<const O extends Options>(command: Command<O>): Promise<void> {
  try {
    const args = parse(command);
    if (args.values.help) {
      process.stdout.write(`${command.usage}\n`);
      return;
    }
    if (existsSync(".env")) process.loadEnvFile(".env");
    process.exitCode = (await command.main(args)) ?? 0;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(error instanceof UsageError ? `${message}\n\n${command.usage}\n` : `${message}\n`);
    process.exitCode = error instanceof UsageError || error instanceof ConfigError ? 2 : 1;
  }
}

function parse<const O extends Options>({ options, positionals: named = [] }: Command<O>) {
  const known = { ...options, ...help } as O & typeof help;
  let parsed: ReturnType<typeof parseArgs<{ options: O & typeof help; allowPositionals: true; tokens: true }>>;
  try {
    parsed = parseArgs({ options: known, allowPositionals: true, tokens: true });
  } catch (error) {
    throw new UsageError(explain(error as Error, Object.keys(known)));
  }
  const extra = named.at(-1)?.endsWith("…") ? undefined : parsed.positionals[named.length];
  if (extra !== undefined && !("help" in parsed.values)) {
    throw new UsageError(`Unknown argument ${JSON.stringify(extra)}.`);
  }
  return parsed as typeof parsed & { values: { help?: boolean } };
}

/** What is wrong, in one sentence; with the option that was probably meant, if there is one like it. */
function explain({ message }: Error, names: readonly string[]): string {
  const unknown = /^Unknown option '(-{1,2}([^']+))'/.exec(message);
  if (!unknown) return message.replace(/(\. .*)?\.?$/s, ".");
  const meant = nearest(unknown[2]!, names);
  return `Unknown option ${unknown[1]}.${meant ? ` Did you mean --${meant}?` : ""}`;
}
