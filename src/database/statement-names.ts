import { LRUCache } from "lru-cache";

/** Maximum number and total length of prepared statements. */
const maximumNames = 500;
const maximumCharacters = 1_500_000;

/**
 * LRU cache of prepared statement names: PostgreSQL keeps a named statement parsed and planned on each connection. A text
 * gets a name at its second use, so that one-off statements cost nothing.
 */
export class StatementNames {
  private readonly names = new LRUCache<string, string>({
    max: maximumNames,
    maxSize: maximumCharacters,
    sizeCalculation: (_, text) => text.length,
  });
  private readonly seenOnce = new LRUCache<string, true>({
    max: maximumNames,
    maxSize: maximumCharacters,
    sizeCalculation: (_, text) => text.length,
  });
  private given = 0;

  /** Maximum prepared statements of a connection; above it the connection is replaced. */
  readonly maximumPerConnection = maximumNames + 100;

  nameOf(text: string): string | undefined {
    const known = this.names.get(text);
    if (known) return known;
    if (!this.seenOnce.delete(text)) {
      this.seenOnce.set(text, true);
      return undefined;
    }
    const name = `s${this.given++}`;
    this.names.set(text, name);
    return name;
  }
}
