import { LRUCache } from "lru-cache";

/** How many texts have a name at a time, and how long they may be together. */
const maximumNames = 500;
const maximumCharacters = 1_500_000;

/**
 * Names for statements that are used again and again: PostgreSQL keeps a named one parsed and planned on each connection
 * for good. A text gets a name at its second use, so that those used once cost nothing; the one not used for longest
 * loses it to a new one.
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

  /** How many named statements a connection may come to hold; behind that it is better given up. */
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
