import { nearest } from "../graph/model/nearest.js";
import { UsageError } from "./command.js";

/** What a command such as `npm run keys -- rotate FILE` takes beside its first word. */
export interface Verb {
  /** Arguments that are no options, in their order; the name of an optional one ends with `?`. */
  arguments: readonly string[];
  options?: readonly string[];
}

/** The first word of a command line and the arguments after it. Refuses what does not belong to that word. */
export function verbOf<V extends string>(
  { values, positionals }: { values: object; positionals: readonly string[] },
  verbs: Readonly<Record<V, Verb>>,
): { verb: V; args: readonly string[] } {
  const [word, ...args] = positionals;
  const names = Object.keys(verbs);
  if (word === undefined || !Object.hasOwn(verbs, word)) {
    const meant = word && nearest(word, names);
    const hint = meant ? `Did you mean ${meant}?` : `Say what to do: ${names.join(", ")}.`;
    throw new UsageError(word === undefined ? hint : `Unknown command ${JSON.stringify(word)}. ${hint}`);
  }
  const verb = verbs[word as V];
  const missing = verb.arguments.find((name, index) => !name.endsWith("?") && !args[index]);
  if (missing) throw new UsageError(`${word} needs ${missing}.`);
  if (args.length > verb.arguments.length) {
    throw new UsageError(`Unknown argument ${JSON.stringify(args[verb.arguments.length])}.`);
  }
  const foreign = Object.keys(values).find((name) => !verb.options?.includes(name));
  if (foreign) throw new UsageError(`${word} takes no option --${foreign}.`);
  return { verb: word as V, args };
}

/** The words of an option that is a list, such as `customers:read,orders:*`. */
export function listOf(text: string | undefined): string[] | undefined {
  return text === undefined ? undefined : text.split(/[\s,]+/).filter(Boolean);
}
